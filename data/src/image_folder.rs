//! Image folders: `DIR/train/CLASS/*.jpg` and `DIR/test/CLASS/*.jpg`, or `DIR/val/CLASS/*.jpg` where there is no
//! `test`.
//!
//! Classes are the folders of `train`, sorted by name, images the files ending in .jpg, .jpeg or .png in whatever case,
//! sorted by name. Names that begin with a dot, and files with other endings, are passed over. The checksum of a split
//! is that of the classes, names and sizes of its files, not of the pixels.

use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DataKind, DataSet, Images, Split, sha256};
use crate::DataError;
use car_spectral_formats::check_class_name;

const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];

pub(super) fn load(folder: &Path) -> Result<DataSet, DataError> {
    let missing = |wanted: &str| DataError::MissingFile {
        folder: folder.to_owned(),
        wanted: wanted.to_owned(),
        hint: "an image folder has train/CLASS/*.jpg and test/CLASS/*.jpg (or val in place of test)".to_owned(),
    };
    let train = Some(folder.join("train")).filter(|path| path.is_dir()).ok_or_else(|| missing("folder train"))?;
    let test = ["test", "val"].map(|part| folder.join(part)).into_iter().find(|path| path.is_dir());
    let test = test.ok_or_else(|| missing("folder test or val"))?;
    let place = |folder: &Path| folder.canonicalize().map_err(DataError::io(folder));
    if place(&train)? == place(&test)? {
        let problem = format!("it is the folder of the training images, {}", train.display());
        return Err(DataError::malformed(&test, problem));
    }
    let class_names = classes(&train)?;
    if class_names.len() < 2 {
        let problem = format!("it has {} class folders; at least 2 classes are needed", class_names.len());
        return Err(DataError::malformed(&train, problem));
    }
    if let Some(name) = classes(&test)?.iter().find(|name| class_names.binary_search(name).is_err()) {
        let problem = format!("{} has no class of this name", train.display());
        return Err(DataError::malformed(&test.join(name), problem));
    }
    Ok(DataSet {
        kind: DataKind::ImageFolder,
        train: Arc::new(split(&train, &class_names, true)?),
        test: Arc::new(split(&test, &class_names, false)?),
        class_names,
    })
}

/// The names of the folders in a folder, sorted.
fn classes(folder: &Path) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for (name, path, facts) in entries(folder)? {
        if facts.is_dir() {
            let name = name.into_string().map_err(|_| DataError::malformed(&path, "the class name is not UTF-8"))?;
            check_class_name(&name).map_err(|error| DataError::malformed(&path, error.to_string()))?;
            names.push(name);
        }
    }
    Ok(names)
}

/// What lies in a folder under names without a dot in front, sorted by name, links followed.
fn entries(folder: &Path) -> Result<Vec<(OsString, PathBuf, Metadata)>, DataError> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::io(folder))? {
        let entry = entry.map_err(DataError::io(folder))?;
        let (name, path) = (entry.file_name(), entry.path());
        if name.as_encoded_bytes().first() != Some(&b'.') {
            let facts = std::fs::metadata(&path).map_err(DataError::io(&path))?;
            entries.push((name, path, facts));
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

/// The images of all classes; of `every` class one at least.
fn split(folder: &Path, class_names: &[String], every: bool) -> Result<Split, DataError> {
    let (mut paths, mut labels, mut total, mut summary) = (Vec::new(), Vec::new(), 0, Vec::new());
    for (label, class) in class_names.iter().enumerate() {
        let class_folder = folder.join(class);
        let before = paths.len();
        let inside = if class_folder.is_dir() { entries(&class_folder)? } else { Vec::new() };
        for (name, path, facts) in inside {
            if facts.is_dir() {
                let problem = "a folder in a class's folder; images lie in it directly";
                return Err(DataError::malformed(&path, problem));
            }
            let is_image =
                path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)));
            if is_image && !facts.is_file() {
                return Err(DataError::malformed(&path, "it is no file"));
            }
            if is_image {
                total += facts.len();
                for part in [class.as_bytes(), b"/", name.as_encoded_bytes(), b" ", facts.len().to_string().as_bytes()]
                {
                    summary.extend_from_slice(part);
                }
                summary.push(b'\n');
                paths.push(path);
                labels.push(label);
            }
        }
        if every && paths.len() == before {
            return Err(DataError::malformed(&class_folder, "no image in it (.jpg, .jpeg, .png)"));
        }
    }
    if paths.is_empty() {
        return Err(DataError::malformed(folder, "no image in any class's folder (.jpg, .jpeg, .png)"));
    }
    Ok(Split { images: Images::Files { paths, bytes: total }, labels, sha256: sha256(&[&summary]) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::symlink;

    use super::super::decode::tests::encoded;
    use super::*;

    fn put(folder: &Path, name: &str, value: u8) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, encoded(image::ImageFormat::Png, 1, 1, vec![value; 3])).unwrap();
    }

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (value, name) in (0..).zip(["train/owl/b.png", "train/owl/a.PNG", "train/ant/x.png", "test/owl/y.png"]) {
            put(folder.path(), name, value);
        }
        folder
    }

    fn error(folder: &tempfile::TempDir) -> String {
        load(folder.path()).unwrap_err().to_string()
    }

    #[test]
    fn classes_and_images_are_sorted_by_name() {
        let folder = tree();
        std::fs::write(folder.path().join("train/owl/notes.txt"), "").unwrap();
        put(folder.path(), "train/owl/.hidden.png", 9);
        put(folder.path(), "train/.cache/z.png", 9);
        std::fs::write(folder.path().join("train/README"), "").unwrap();
        put(folder.path(), "val/other/z.png", 9);
        let data = load(folder.path()).unwrap();
        assert_eq!(data.class_names, ["ant", "owl"]);
        assert_eq!((&data.train.labels, &data.test.labels), (&vec![0, 1, 1], &vec![1]));
        let red = |split: &Split, index| split.images.pixels(index).unwrap().bytes[0];
        assert_eq!([0, 1, 2].map(|index| red(&data.train, index)), [2, 1, 0]);
        assert_eq!(red(&data.test, 0), 3);

        let again = load(tree().path()).unwrap();
        assert_eq!((&again.train.sha256, &again.test.sha256), (&data.train.sha256, &data.test.sha256));
        std::fs::rename(folder.path().join("train/owl/b.png"), folder.path().join("train/owl/c.png")).unwrap();
        assert_ne!(load(folder.path()).unwrap().train.sha256, data.train.sha256);
    }

    #[test]
    fn val_stands_in_for_test() {
        let folder = tree();
        std::fs::rename(folder.path().join("test"), folder.path().join("val")).unwrap();
        assert_eq!(load(folder.path()).unwrap().test.labels, [1]);
        std::fs::remove_dir_all(folder.path().join("val")).unwrap();
        assert!(error(&folder).contains("no folder test or val"));
        symlink("train", folder.path().join("val")).unwrap();
        assert!(error(&folder).contains("val: it is the folder of the training images"));
        std::fs::remove_file(folder.path().join("val")).unwrap();
        std::fs::remove_dir_all(folder.path().join("train")).unwrap();
        assert!(error(&folder).contains("no folder train"));
    }

    #[test]
    fn what_is_no_tree_of_classes_is_named() {
        let folder = tree();
        put(folder.path(), "test/fox/z.png", 0);
        let found = error(&folder);
        assert!(found.contains("test/fox") && found.contains("no class of this name"), "{found}");

        let folder = tree();
        put(folder.path(), "train/owl/more/z.png", 0);
        assert!(error(&folder).contains("train/owl/more: a folder in a class's folder"));

        // To read a pipe would wait for ever.
        let folder = tree();
        symlink("/dev/null", folder.path().join("train/owl/pipe.png")).unwrap();
        assert!(error(&folder).contains("pipe.png: it is no file"));

        let folder = tree();
        std::fs::create_dir(folder.path().join("train/empty")).unwrap();
        assert!(error(&folder).contains("train/empty: no image"));

        let folder = tree();
        std::fs::remove_dir_all(folder.path().join("train/ant")).unwrap();
        assert!(error(&folder).contains("1 class folders; at least 2"));

        let folder = tree();
        std::fs::remove_file(folder.path().join("test/owl/y.png")).unwrap();
        assert!(error(&folder).contains("no image in any class"));

        let folder = tree();
        put(folder.path(), "train/\u{1b}[2J/z.png", 0);
        assert!(error(&folder).contains("U+001B"));
    }

    #[test]
    fn links_are_followed_and_loops_end() {
        let folder = tree();
        symlink("x.png", folder.path().join("train/ant/linked.png")).unwrap();
        assert_eq!(load(folder.path()).unwrap().train.labels, [0, 0, 1, 1]);
        // A class that is the folder above it: folders in a class's folder.
        symlink("../train", folder.path().join("train/loop")).unwrap();
        assert!(error(&folder).contains("a folder in a class's folder"));
        std::fs::remove_file(folder.path().join("train/loop")).unwrap();
        symlink("itself.png", folder.path().join("train/ant/itself.png")).unwrap();
        assert!(error(&folder).contains("itself.png"));
    }

    #[test]
    fn names_that_are_not_utf8_are_images_but_no_classes() {
        let folder = tree();
        let name = OsString::from_vec(b"caf\xe9.png".to_vec());
        let ant = folder.path().join("train/ant");
        std::fs::copy(ant.join("x.png"), ant.join(&name)).unwrap();
        assert_eq!(load(folder.path()).unwrap().train.labels, [0, 0, 1, 1]);
        std::fs::create_dir(folder.path().join("train").join(&name)).unwrap();
        assert!(error(&folder).contains("the class name is not UTF-8"));
    }
}
