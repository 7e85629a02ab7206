//! The classes of images that lie in one folder: lines of an image and the name of its class.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use car_spectral_formats::check_class_name;

use super::{Images, MOST_OF_A_LIST, Split, read as read_file, sha256};
use crate::DataError;

/// A list as it was read.
pub(super) struct Annotations {
    file: PathBuf,
    sha256: String,
    total: u64,
    /// Line, image and class.
    entries: Vec<(usize, PathBuf, String)>,
}

/// Reads a list: fields between tabs, of which the first two count, or an image and a class with a
/// comma or a blank in between. An image is looked for in the folders in turn.
pub(super) fn read(file: &Path, folders: &[&Path]) -> Result<Annotations, DataError> {
    let bytes = read_file(file, MOST_OF_A_LIST)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| DataError::malformed(file, "it is not UTF-8"))?;
    let (mut entries, mut lines, mut total) = (Vec::new(), HashMap::new(), 0);
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let wrong = |problem: String| DataError::malformed(file, format!("line {}: {problem}", at + 1));
        if line.trim().is_empty() {
            continue;
        }
        let mut tabs = line.split('\t');
        let pair = match (tabs.next(), tabs.next()) {
            (Some(image), Some(class)) => Some((image, class)),
            _ => line.trim().rsplit_once([',', ' ']),
        };
        let (image, class) = pair.ok_or_else(|| wrong("expected \"image class\"".to_owned()))?;
        let (image, class) = (image.trim().trim_start_matches('/'), class.trim());
        check_class_name(class).map_err(|error| wrong(error.to_string()))?;
        let places = folders.iter().map(|folder| folder.join(image));
        let mut found = places.filter_map(|path| Some((std::fs::metadata(&path).ok()?, path)));
        let found = found.find(|(facts, _)| facts.is_file());
        let (facts, path) = found.ok_or_else(|| wrong(format!("no such image: {}", image.escape_debug())))?;
        if let Some(earlier) = lines.insert(path.clone(), at + 1) {
            return Err(wrong(format!("the image of line {earlier} again")));
        }
        total += facts.len();
        entries.push((at + 1, path, class.to_owned()));
    }
    if entries.is_empty() {
        return Err(DataError::malformed(file, "it has no line \"image class\""));
    }
    Ok(Annotations { file: file.to_owned(), sha256: sha256(&[&bytes]), total, entries })
}

impl Annotations {
    /// The names of its classes, sorted.
    pub(super) fn class_names(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.entries.iter().map(|(_, _, class)| class).collect();
        names.into_iter().cloned().collect()
    }

    /// The images with their labels.
    pub(super) fn split(&self, class_names: &[String]) -> Result<Split, DataError> {
        let numbers: HashMap<&String, usize> = class_names.iter().zip(0..).collect();
        let label = |(line, _, class): &(usize, PathBuf, String)| {
            numbers.get(class).copied().ok_or_else(|| {
                let problem = format!(
                    "line {line}: no class {} among the folders of the training images; name classes as those",
                    class.escape_debug()
                );
                DataError::malformed(&self.file, problem)
            })
        };
        let labels = self.entries.iter().map(label).collect::<Result<_, _>>()?;
        let paths = self.entries.iter().map(|(_, path, _)| path.clone()).collect();
        Ok(Split { images: Images::Files { paths, bytes: self.total }, labels, sha256: self.sha256.clone() })
    }
}
