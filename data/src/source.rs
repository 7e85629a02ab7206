//! A data set, and where it lies: `KIND:DIR`.

use std::path::PathBuf;
use std::str::FromStr;

use super::{ClassOrder, DataKind, DataSet, Layout, cifar, idx, image_folder, list};
use crate::DataError;

/// A data set and the folder that holds it, written `KIND:DIR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// Kind of the data set.
    pub kind: DataKind,
    /// Folder of its files.
    pub folder: PathBuf,
    /// Words on it beside its folder.
    pub layout: Layout,
}

impl FromStr for DataSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, folder) =
            text.split_once(':').ok_or("expected KIND:DIR, for example cifar100:data/cifar-100-binary")?;
        let kind = DataKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            format!("unknown data set `{name}`; one of {}", DataKind::ALL.map(DataKind::name).join(", "))
        })?;
        if folder.is_empty() {
            return Err("the folder after the colon is empty".to_owned());
        }
        Ok(Self::new(kind, folder))
    }
}

impl DataSource {
    /// The data set in a folder, nothing else said of it.
    pub fn new(kind: DataKind, folder: impl Into<PathBuf>) -> Self {
        Self { kind, folder: folder.into(), layout: Layout::default() }
    }

    /// The same with the classes in this order, if one is given.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a data set that is no image folder.
    pub fn with_class_order(self, class_order: Option<ClassOrder>) -> Result<Self, DataError> {
        if let Some(order) = class_order.filter(|_| self.kind != DataKind::ImageFolder) {
            let requirement = format!("is of data image-folder:DIR only; {} numbers its classes", self.kind.name());
            return Err(DataError::setting("class-order", order, requirement));
        }
        Ok(Self { layout: Layout { class_order, ..self.layout }, ..self })
    }

    /// The same with these list files, each looked for in the folder if it is `None`.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a data set that has no lists.
    pub fn with_lists(self, train: Option<PathBuf>, test: Option<PathBuf>) -> Result<Self, DataError> {
        for (flag, list) in [("train-list", &train), ("test-list", &test)] {
            let has = self.kind == DataKind::List || flag == "test-list" && self.kind == DataKind::ImageFolder;
            if let Some(list) = list.as_ref().filter(|_| !has) {
                let requirement = format!("is of data list:DIR only; {} has no lists", self.kind.name());
                return Err(DataError::setting(flag, list.display(), requirement));
            }
        }
        Ok(Self { layout: Layout { train_list: train, test_list: test, ..self.layout }, ..self })
    }

    /// The same, whose training images may be absent.
    pub fn with_test_alone(self, test_alone: bool) -> Self {
        Self { layout: Layout { test_alone, ..self.layout }, ..self }
    }

    /// Reads both splits; of files their names only. Where `test_alone` allows it, training images
    /// that are not there are none.
    ///
    /// # Errors
    /// [`DataError::MissingFile`] with a hint where the data set is had, [`DataError::File`] for a
    /// file that is cut short, has a wrong header or a label out of range, [`DataError::File`].
    pub fn load(&self) -> Result<DataSet, DataError> {
        let data = match self.kind {
            DataKind::FashionMnist => idx::load_fashion_mnist(&self.folder, self.layout.test_alone),
            DataKind::Cifar100 => cifar::load(&self.folder, cifar::Version::Cifar100, self.layout.test_alone),
            DataKind::Cifar10 => cifar::load(&self.folder, cifar::Version::Cifar10, self.layout.test_alone),
            DataKind::ImageFolder => image_folder::load(&self.folder, &self.layout),
            DataKind::List => list::load(&self.folder, &self.layout),
        }?;
        if !self.kind.is_files() && data.train.sha256 == data.test.sha256 {
            return Err(DataError::malformed(&self.folder, "its test images are the training images, byte for byte"));
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_and_written_alike() {
        for kind in DataKind::ALL {
            let source: DataSource = format!("{}:some/where:else", kind.name()).parse().unwrap();
            assert_eq!((source.kind, source.folder), (kind, "some/where:else".into()));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for (text, says) in [("cifar100", "KIND:DIR"), ("imagenet:x", "unknown data set"), ("list:", "empty")] {
            let error = text.parse::<DataSource>().unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
