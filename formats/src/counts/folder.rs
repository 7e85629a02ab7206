//! Counts of the images in a folder of classes.

use std::fs;
use std::path::Path;

use super::{Found, instead};
use crate::image_files::is_image;
use crate::predictions::splits::of_word;
use crate::{InputError, Result, natural_order};

/// The classes of a folder in the order of their bytes, as torchvision's `ImageFolder` sorts them,
/// and the images that lie in each or in its folder `images`. What begins with a dot is passed
/// over.
///
/// # Errors
/// [`InputError::Io`]; [`InputError::NotCounts`] for a folder without classes, of splits, and for a
/// name that is not UTF-8.
pub fn read_class_folder(folder: &Path) -> Result<Vec<(String, u64)>> {
    let io = |source| InputError::Io { file: folder.to_path_buf(), action: "list the folder", source };
    let mut classes = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let Some(name) = path.file_name().filter(|name| !name.as_encoded_bytes().starts_with(b".") && path.is_dir())
        else {
            continue;
        };
        let name = name
            .to_str()
            .ok_or_else(|| {
                let found = "a class whose name is not UTF-8".to_owned();
                instead(folder, "the folder", found, "call it otherwise")
            })?
            .to_owned();
        let inner = path.join("images");
        let count = images(&path)?.saturating_add(if inner.is_dir() { images(&inner)? } else { 0 });
        classes.push((name, count));
    }
    if classes.is_empty() {
        let found = "no folder of a class in it".to_owned();
        return Err(instead(folder, "the folder", found, "give the folder that holds one for each class"));
    }
    classes.sort();
    // CIFAR-100 has a class `train`.
    if classes.len() > 1 && classes.iter().all(|(class, _)| of_word(class).is_some()) {
        let splits: Vec<&str> = classes.iter().map(|(split, _)| split.as_str()).collect();
        let problem = format!("the folders of splits ({}) and none of classes", splits.join(", "));
        return Err(instead(folder, "the folder", problem, "give that of the training images"));
    }
    Ok(classes)
}

fn images(folder: &Path) -> Result<u64> {
    let io = |source| InputError::Io { file: folder.to_path_buf(), action: "list the folder", source };
    let mut count = 0_u64;
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        count = count.saturating_add(u64::from(!hidden && is_image(&path) && path.is_file()));
    }
    Ok(count)
}

/// The counts by name where the classes have these names, else in the order of the folders.
pub(super) fn found(folder: &Path, classes: &[(String, u64)], names: Option<&[String]>) -> Result<Found> {
    let names = names.unwrap_or_default();
    if classes.iter().any(|(class, _)| names.contains(class)) {
        let entry = |(class, count): &(String, u64)| {
            let place = folder.join(class).display().to_string();
            (class.clone(), *count, place)
        };
        return Ok(Found::ByClass(classes.iter().map(entry).collect()));
    }
    // Numbers are sorted as text by `ImageFolder` and by their value elsewhere.
    let mut pairs = classes.iter().zip(classes.iter().skip(1));
    if let Some(((first, _), (second, _))) =
        pairs.find(|((first, _), (second, _))| natural_order(first, second).is_gt())
    {
        return Err(InputError::ClassFolderOrder {
            file: folder.to_path_buf(),
            first: first.clone(),
            second: second.clone(),
        });
    }
    Ok(Found::InOrder(classes.iter().map(|(_, count)| *count).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::read_named_counts;
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn images_are_counted_by_class() {
        let tree = tree(&[
            "owl/a.JPEG",
            "owl/b.png",
            "owl/notes.txt",
            "owl/.c.png",
            "ant/images/x.webp",
            "ant/y.jpg",
            "bee/z.gif",
            "list.txt",
            ".cache/z.png",
        ]);
        let read = |names: Option<&[&str]>| {
            let names: Option<Vec<String>> = names.map(|names| names.iter().map(|&name| name.to_owned()).collect());
            read_named_counts(&tree.path().into(), 3, names.as_deref())
        };
        assert_eq!(read(None).unwrap(), [2, 0, 2]);
        assert_eq!(read(Some(&["owl", "bee", "ant"])).unwrap(), [2, 0, 2]);
        assert_eq!(read(Some(&["bee", "owl", "ant"])).unwrap(), [0, 2, 2]);
        assert!(read(Some(&["bee", "owl", "fox"])).unwrap_err().to_string().contains("ant"));
        let error = read_named_counts(&tree.path().into(), 4, None).unwrap_err().to_string();
        assert!(error.contains("3 training counts") || error.contains('3'), "{error}");
        let empty = tempfile::tempdir().unwrap();
        let error = read_named_counts(&empty.path().into(), 3, None).unwrap_err().to_string();
        assert!(error.contains("no folder of a class"), "{error}");
    }

    #[test]
    fn folders_of_splits_are_no_classes() {
        let splits = tree(&["train/owl/a.png", "val/owl/b.png"]);
        let error = read_class_folder(splits.path()).unwrap_err().to_string();
        assert!(error.contains("splits (train, val)") && error.contains("training images"), "{error}");
        assert_eq!(read_class_folder(tree(&["train/a.png", "tractor/b.png"]).path()).unwrap().len(), 2);
    }

    #[test]
    fn numbered_folders_are_asked_about() {
        let tree = tree(&["2/a.png", "10/a.png", "10/b.png"]);
        let error = read_named_counts(&tree.path().into(), 2, None).unwrap_err().to_string();
        assert!(error.contains("10 before 2") && error.contains("`class-names`"), "{error}");
        let names = ["2", "10"].map(str::to_owned);
        assert_eq!(read_named_counts(&tree.path().into(), 2, Some(&names)).unwrap(), [1, 2]);
    }
}
