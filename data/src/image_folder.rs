//! Image folders: `DIR/train/CLASS/*.jpg` and `DIR/test/CLASS/*.jpg`, or `DIR/val/CLASS/*.jpg`
//! where there is no `test`. Images may lie in `CLASS/images`, and those of the test part together,
//! with a list of their classes (Tiny-ImageNet's `val/val_annotations.txt`, or one that is given).
//!
//! Classes are the folders of `train`, images the files whose endings tell so, sorted by name.
//! Names that begin with a dot, and files with other endings, are passed over; images among them
//! are counted. The checksum of a split is that of the classes, names and sizes of its files, not
//! of the pixels.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ClassOrder, DataKind, DataSet, Images, Layout, Split, annotations, sha256};
use crate::DataError;
use car_spectral_formats::check_class_name;
use car_spectral_formats::image_files::{is_image, other_image};

/// What Tiny-ImageNet calls the list of its test images.
const ANNOTATIONS: &str = "val_annotations.txt";

pub(super) fn load(folder: &Path, layout: &Layout) -> Result<DataSet, DataError> {
    let missing = |wanted: &str| DataError::MissingFile {
        folder: folder.to_owned(),
        wanted: wanted.to_owned(),
        hint: "an image folder has train/CLASS/*.jpg and test/CLASS/*.jpg (or val in place of test)".to_owned(),
    };
    let train = Some(folder.join("train")).filter(|path| path.is_dir());
    if train.is_none() && !layout.test_alone {
        return Err(missing("folder train"));
    }
    let list =
        layout.test_list.clone().or_else(|| Some(folder.join("val").join(ANNOTATIONS)).filter(|at| at.is_file()));
    // The folder `test` of Tiny-ImageNet has no labels.
    let parts = if list.is_some() { ["val", "test"] } else { ["test", "val"] };
    let test = parts.map(|part| folder.join(part)).into_iter().find(|path| path.is_dir());
    let test = test.ok_or_else(|| missing("folder test or val"))?;
    let place = |folder: &Path| folder.canonicalize().map_err(DataError::io(folder));
    if let Some(train) = &train
        && place(train)? == place(&test)?
    {
        let problem = format!("it is the folder of the training images, {}", train.display());
        return Err(DataError::malformed(&test, problem));
    }
    let listed = list.map(|file| annotations::read(&file, &[&test, &test.join("images"), folder])).transpose()?;
    let named_by = train.as_deref().unwrap_or(&test);
    let mut class_names = match &listed {
        Some(listed) if train.is_none() => listed.class_names(),
        _ => classes(named_by)?,
    };
    if class_names.len() < 2 {
        let problem = format!("it has {} class folders; at least 2 classes are needed", class_names.len());
        return Err(DataError::malformed(named_by, problem));
    }
    let mut notes = order_note(&class_names, layout.class_order).into_iter().collect();
    layout.class_order.unwrap_or(ClassOrder::Text).sort(&mut class_names);
    let test = match &listed {
        Some(listed) => listed.split(&class_names)?,
        None => {
            let known: HashSet<&String> = class_names.iter().collect();
            if let Some(name) = classes(&test)?.iter().find(|name| !known.contains(name)) {
                let problem = format!("{} has no class of this name", named_by.display());
                return Err(DataError::malformed(&test.join(name), problem));
            }
            split(&test, &class_names, false, &mut notes)?
        }
    };
    let train = match &train {
        Some(train) => split(train, &class_names, true, &mut notes)?,
        None => Split::absent(&test),
    };
    let (train, test) = (Arc::new(train), Arc::new(test));
    Ok(DataSet { kind: DataKind::ImageFolder, train, test, class_names, notes })
}

/// Says which order was chosen, or that it matters and was not, of names sorted as text.
fn order_note(names: &[String], chosen: Option<ClassOrder>) -> Option<String> {
    if let Some(order) = chosen {
        return Some(format!("classes numbered in the {order} order of their names"));
    }
    let mut natural = names.to_vec();
    ClassOrder::Natural.sort(&mut natural);
    let (text, natural) = names.iter().zip(&natural).find(|(text, natural)| text != natural)?;
    Some(format!(
        "classes numbered in the text order of their names, {text} before {natural}, as torchvision's ImageFolder sorts \
         them; if the model's classes are in the order of numbers, `class-order` natural says so"
    ))
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
fn split(folder: &Path, class_names: &[String], every: bool, notes: &mut Vec<String>) -> Result<Split, DataError> {
    let (mut paths, mut labels, mut total, mut summary) = (Vec::new(), Vec::new(), 0, Vec::new());
    let mut passed_over: BTreeMap<&str, usize> = BTreeMap::new();
    for (label, class) in class_names.iter().enumerate() {
        let class_folder = folder.join(class);
        let before = paths.len();
        for (name, path, facts) in of_class(&class_folder)? {
            if !is_image(&path) {
                other_image(&path).into_iter().for_each(|ending| *passed_over.entry(ending).or_default() += 1);
                continue;
            }
            if !facts.is_file() {
                return Err(DataError::malformed(&path, "it is no file"));
            }
            total += facts.len();
            for part in [class.as_bytes(), b"/", name.as_encoded_bytes(), b" ", facts.len().to_string().as_bytes()] {
                summary.extend_from_slice(part);
            }
            summary.push(b'\n');
            paths.push(path);
            labels.push(label);
        }
        if every && paths.len() == before {
            return Err(DataError::malformed(&class_folder, format!("no image in it{}", others(&passed_over))));
        }
    }
    if paths.is_empty() {
        let problem = format!("no image in any class's folder{}", others(&passed_over));
        return Err(DataError::malformed(folder, problem));
    }
    if !passed_over.is_empty() {
        notes.push(format!("{}{}", folder.display(), others(&passed_over)));
    }
    Ok(Split { images: Images::Files { paths, bytes: total }, labels, sha256: sha256(&[&summary]) })
}

/// The images passed over by the endings of their names.
fn others(passed_over: &BTreeMap<&str, usize>) -> String {
    let counts: Vec<String> = passed_over.iter().map(|(ending, count)| format!("{count} .{ending}")).collect();
    if counts.is_empty() {
        return " (.jpg, .jpeg, .png, .bmp, .webp, .ppm)".to_owned();
    }
    format!(": images of formats that are not read were passed over ({})", counts.join(", "))
}

/// What lies in a class's folder, and in its folder `images`.
fn of_class(folder: &Path) -> Result<Vec<(OsString, PathBuf, Metadata)>, DataError> {
    let (folders, mut files): (Vec<_>, Vec<_>) = match folder.is_dir() {
        true => entries(folder)?.into_iter().partition(|(_, _, facts)| facts.is_dir()),
        false => return Ok(Vec::new()),
    };
    for (name, path, _) in folders {
        let inside = if name == "images" { entries(&path)? } else { Vec::new() };
        if name != "images" || inside.iter().any(|(_, _, facts)| facts.is_dir()) {
            let problem = "a folder in a class's folder; images lie in it directly, or in `images`";
            return Err(DataError::malformed(&path, problem));
        }
        files.extend(inside);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::symlink;

    use super::super::decode::tests::encoded;
    use super::*;
    use crate::DataSource;

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

    fn source(folder: &tempfile::TempDir) -> DataSource {
        DataSource::new(DataKind::ImageFolder, folder.path())
    }

    fn load_from(folder: &tempfile::TempDir) -> DataSet {
        source(folder).load().unwrap()
    }

    fn error(folder: &tempfile::TempDir) -> String {
        source(folder).load().unwrap_err().to_string()
    }

    #[test]
    fn classes_and_images_are_sorted_by_name() {
        let folder = tree();
        std::fs::write(folder.path().join("train/owl/notes.txt"), "").unwrap();
        put(folder.path(), "train/owl/.hidden.png", 9);
        put(folder.path(), "train/.cache/z.png", 9);
        std::fs::write(folder.path().join("train/README"), "").unwrap();
        put(folder.path(), "val/other/z.png", 9);
        let data = load_from(&folder);
        assert_eq!(data.class_names, ["ant", "owl"]);
        assert_eq!((&data.train.labels, &data.test.labels), (&vec![0, 1, 1], &vec![1]));
        let red = |split: &Split, index| split.images.pixels(index).unwrap().bytes[0];
        assert_eq!([0, 1, 2].map(|index| red(&data.train, index)), [2, 1, 0]);
        assert_eq!(red(&data.test, 0), 3);

        let again = load_from(&tree());
        assert_eq!((&again.train.sha256, &again.test.sha256), (&data.train.sha256, &data.test.sha256));
        std::fs::rename(folder.path().join("train/owl/b.png"), folder.path().join("train/owl/c.png")).unwrap();
        assert_ne!(load_from(&folder).train.sha256, data.train.sha256);
    }

    #[test]
    fn val_stands_in_for_test() {
        let folder = tree();
        std::fs::rename(folder.path().join("test"), folder.path().join("val")).unwrap();
        assert_eq!(load_from(&folder).test.labels, [1]);
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
        assert_eq!(load_from(&folder).train.labels, [0, 0, 1, 1]);
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
        assert_eq!(load_from(&folder).train.labels, [0, 0, 1, 1]);
        std::fs::create_dir(folder.path().join("train").join(&name)).unwrap();
        assert!(error(&folder).contains("the class name is not UTF-8"));
    }

    #[test]
    fn numbered_folders_are_told_about_and_the_order_can_be_chosen() {
        let folder = tempfile::tempdir().unwrap();
        for (value, class) in [(2, "2"), (10, "10"), (9, "9")] {
            put(folder.path(), &format!("train/{class}/x.png"), value);
            put(folder.path(), &format!("test/{class}/y.png"), value);
        }
        let with = |order| source(&folder).with_class_order(order).unwrap().load().unwrap();
        let red = |data: &DataSet, index| data.test.images.pixels(index).unwrap().bytes[0];
        let text = with(None);
        assert_eq!((&text.class_names[..], red(&text, 0)), (&["10", "2", "9"].map(str::to_owned)[..], 10));
        assert!(text.notes[0].contains("10 before 2") && text.notes[0].contains("`class-order` natural"));
        let natural = with(Some(ClassOrder::Natural));
        assert_eq!((&natural.class_names[..], red(&natural, 2)), (&["2", "9", "10"].map(str::to_owned)[..], 10));
        assert_eq!(natural.notes, ["classes numbered in the natural order of their names"]);
        assert_ne!(natural.train.sha256, text.train.sha256);
        assert_eq!(with(Some(ClassOrder::Text)).notes, ["classes numbered in the text order of their names"]);
        assert!(load_from(&tree()).notes.is_empty());
        let cifar = DataSource::new(DataKind::Cifar10, "x").with_class_order(Some(ClassOrder::Text));
        assert!(cifar.unwrap_err().to_string().contains("class-order"));
    }

    #[test]
    fn the_test_part_alone_is_enough_where_it_is_allowed() {
        let folder = tree();
        put(folder.path(), "test/ant/z.png", 7);
        std::fs::remove_dir_all(folder.path().join("train")).unwrap();
        let data = source(&folder).with_test_alone(true).load().unwrap();
        assert_eq!((data.class_names, &data.test.labels), (vec!["ant".to_owned(), "owl".to_owned()], &vec![0, 1]));
        assert!(data.train.images.is_empty() && data.train.labels.is_empty());
    }

    #[test]
    fn tiny_imagenet_is_read_as_published() {
        let folder = tempfile::tempdir().unwrap();
        for (value, name) in (0..).zip([
            "train/n2/images/n2_0.png",
            "train/n1/images/n1_0.png",
            "val/images/val_0.png",
            "val/images/val_1.png",
            "test/images/test_0.png",
        ]) {
            put(folder.path(), name, value);
        }
        std::fs::write(folder.path().join("train/n1/n1_boxes.txt"), "n1_0.png\t0\t0\t1\t1\n").unwrap();
        let list = folder.path().join("val/val_annotations.txt");
        std::fs::write(&list, "val_0.png\tn2\t0\t32\t44\t62\nval_1.png\tn1\t5\t3\t2\t1\n").unwrap();
        let data = load_from(&folder);
        assert_eq!((&data.train.labels, &data.test.labels), (&vec![0, 1], &vec![1, 0]));
        let red = |split: &Split, index| split.images.pixels(index).unwrap().bytes[0];
        assert_eq!((red(&data.train, 0), red(&data.test, 0), red(&data.test, 1)), (1, 2, 3));
        // A flat folder with a list of one's own.
        std::fs::rename(&list, folder.path().join("mine.txt")).unwrap();
        std::fs::write(folder.path().join("mine.txt"), "val_1.png n2\nval/images/val_0.png n2\n").unwrap();
        let mine = source(&folder).with_lists(None, Some(folder.path().join("mine.txt"))).unwrap();
        let data = mine.load().unwrap();
        assert_eq!((&data.test.labels, red(&data.test, 0)), (&vec![1, 1], 3));
        let refused = |text: &str, says: &str| {
            std::fs::write(folder.path().join("mine.txt"), text).unwrap();
            let error = mine.load().unwrap_err().to_string();
            assert!(error.contains("mine.txt: line 2") && error.contains(says), "{error}");
        };
        refused("val_0.png n2\nval_1.png n3", "no class n3");
        refused("val_0.png n2\nval_2.png n1", "no such image");
        refused("val_0.png n2\nval_0.png n1", "the image of line 1 again");
        refused("val_0.png n2\nval_1.png", "expected \"image class\"");
    }

    #[test]
    fn images_that_are_not_read_are_counted() {
        let folder = tree();
        for name in ["train/ant/a.gif", "train/owl/b.GIF", "train/owl/c.tif"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let notes = load_from(&folder).notes;
        assert!(notes.len() == 1 && notes[0].contains("train: images of formats"), "{notes:?}");
        assert!(notes[0].contains("passed over (2 .gif, 1 .tif)"), "{notes:?}");
        std::fs::remove_file(folder.path().join("train/ant/x.png")).unwrap();
        assert!(error(&folder).contains("ant: no image in it: images of formats that are not read"));
    }
}
