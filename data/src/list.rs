//! List files: the images of a split as lines `path label`, the layout of ImageNet-LT and Places-LT
//! (Liu et al., CVPR
//! 2019) and of the lists for iNaturalist 2018 that the same code uses.
//!
//! Paths are relative to the data set's folder, with or without a slash in front; a path may hold
//! spaces, the label is what follows the last one. Labels are dense from 0. Blank lines are passed
//! over. The checksum of a split is that of its list file, not of the images.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{DataKind, DataSet, Images, Layout, MOST_OF_A_LIST, Split, read, sha256};
use crate::DataError;

/// Characters of a line that a message repeats.
const SHOWN: usize = 80;

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry<'a> {
    line: usize,
    path: &'a str,
    label: usize,
}

pub(super) fn load(folder: &Path, layout: &Layout) -> Result<DataSet, DataError> {
    let found = |given: &Option<PathBuf>, endings: &[&str]| match given {
        Some(file) => Ok(file.clone()),
        None => find(folder, endings),
    };
    let train_file = match found(&layout.train_list, &["_train.txt"]) {
        Err(DataError::MissingFile { .. }) if layout.test_alone && folder.is_dir() => None,
        found => Some(found?),
    };
    let test_file = found(&layout.test_list, &["_test.txt", "_val.txt"])?;
    let train_bytes = train_file.as_deref().map(|file| read(file, MOST_OF_A_LIST)).transpose()?;
    let test_bytes = read(&test_file, MOST_OF_A_LIST)?;
    let (train, test, num_classes) = match (&train_file, &train_bytes) {
        (Some(file), Some(bytes)) => {
            let (train, test) = (parse(file, bytes)?, parse(&test_file, &test_bytes)?);
            let num_classes = check_dense(file, &train)?;
            check_test(&test_file, &test, file, &train, num_classes)?;
            (Some(split(folder, file, &train, bytes)?), test, num_classes)
        }
        _ => {
            let test = parse(&test_file, &test_bytes)?;
            let num_classes = check_dense(&test_file, &test)?;
            (None, test, num_classes)
        }
    };
    let test = split(folder, &test_file, &test, &test_bytes)?;
    Ok(DataSet {
        kind: DataKind::List,
        train: Arc::new(train.unwrap_or_else(|| Split::absent(&test))),
        test: Arc::new(test),
        class_names: (0..num_classes).map(|class| class.to_string()).collect(),
        notes: Vec::new(),
    })
}

/// Refuses test images of a class that is not trained on, and those that are.
fn check_test(
    file: &Path,
    test: &[Entry<'_>],
    train_file: &Path,
    train: &[Entry<'_>],
    num_classes: usize,
) -> Result<(), DataError> {
    if let Some(entry) = test.iter().find(|entry| entry.label >= num_classes) {
        let problem = format!(
            "line {}: label {} is not below {num_classes}, the number of classes of {}",
            entry.line,
            entry.label,
            train_file.display()
        );
        return Err(DataError::malformed(file, problem));
    }
    let trained: HashMap<PathBuf, usize> = train.iter().map(|entry| (plain(entry.path), entry.line)).collect();
    if let Some((entry, line)) = test.iter().find_map(|entry| Some((entry, trained.get(&plain(entry.path))?))) {
        let problem = format!("line {}: the image is also in line {line} of {}", entry.line, train_file.display());
        return Err(DataError::malformed(file, problem));
    }
    Ok(())
}

/// The one file of the folder with the first of the endings that any has.
fn find(folder: &Path, endings: &[&str]) -> Result<PathBuf, DataError> {
    let missing = |wanted: String, hint: &str| DataError::MissingFile {
        folder: folder.to_owned(),
        wanted,
        hint: hint.to_owned(),
    };
    let hint = "name the lists as train-list and test-list";
    let wanted = endings.iter().map(|ending| format!("NAME{ending}")).collect::<Vec<_>>().join(" or ");
    if !folder.is_dir() {
        return Err(missing(wanted, hint));
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::io(folder))? {
        names.extend(entry.map_err(DataError::io(folder))?.file_name().into_string());
    }
    names.sort();
    for ending in endings {
        let with: Vec<&String> = names.iter().filter(|name| name.ends_with(ending)).collect();
        match with[..] {
            [] => {}
            [name] => return Ok(folder.join(name)),
            [first, second, ..] => {
                let problem = format!("{first} and {second} both end in {ending}; {hint}");
                return Err(DataError::malformed(folder, problem));
            }
        }
    }
    Err(missing(wanted, hint))
}

/// A path without what changes nothing in it: `a//b`, `./a/b` and, below the data set's folder,
/// `/a/b` are `a/b`.
fn plain(path: &str) -> PathBuf {
    Path::new(path).components().filter(|part| !matches!(part, Component::CurDir | Component::RootDir)).collect()
}

/// Where the image of a line lies. A path that begins with a slash is below the folder in published
/// lists, and in one's own from the root.
fn place(root: &Path, path: &str) -> PathBuf {
    let below = root.join(path.trim_start_matches('/'));
    if path.starts_with('/') && !below.exists() { PathBuf::from(path) } else { below }
}

/// The lines of a list, each path once.
fn parse<'a>(file: &Path, bytes: &'a [u8]) -> Result<Vec<Entry<'a>>, DataError> {
    let wrong = |line: usize, problem: String| Err(DataError::malformed(file, format!("line {line}: {problem}")));
    let (mut entries, mut lines) = (Vec::new(), HashMap::new());
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if bytes.contains(&b'\r') && !bytes.contains(&b'\n') {
        return wrong(1, "its lines end with a carriage return alone; save it with line feeds".to_owned());
    }
    for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let number = at + 1;
        let text = match std::str::from_utf8(line) {
            Ok(text) => text.trim_ascii(),
            Err(_) => return wrong(number, "it is not UTF-8".to_owned()),
        };
        if text.is_empty() {
            continue;
        }
        let shown = || format!("{:?}", text.chars().take(SHOWN).collect::<String>());
        let Some((path, label)) = text.rsplit_once(|c: char| c.is_ascii_whitespace()) else {
            return wrong(number, format!("expected \"path label\", found {}", shown()));
        };
        let Ok(label) = label.parse() else {
            return wrong(number, format!("the label is no number from 0: {}", shown()));
        };
        let path = path.trim_ascii_end();
        if let Some(earlier) = lines.insert(plain(path), number) {
            return wrong(number, format!("the image of line {earlier} again: {}", shown()));
        }
        entries.push(Entry { line: number, path, label });
    }
    if entries.is_empty() {
        return Err(DataError::malformed(file, "it has no line \"path label\""));
    }
    Ok(entries)
}

/// The number of classes of a training list, whose labels are 0 ... K-1, each at least once.
fn check_dense(file: &Path, entries: &[Entry<'_>]) -> Result<usize, DataError> {
    let largest = entries.iter().max_by_key(|entry| entry.label).expect("a list has lines");
    // Of n lines at least one of the labels 0 ... n is missing.
    let mut present = vec![false; entries.len() + 1];
    for entry in entries {
        if let Some(present) = present.get_mut(entry.label) {
            *present = true;
        }
    }
    let gap = present.iter().position(|present| !present).expect("fewer lines than places");
    if gap < largest.label {
        let problem = format!(
            "line {}: its label is {}, but no line has label {gap}; labels are 0 ... K-1 without a gap",
            largest.line, largest.label
        );
        return Err(DataError::malformed(file, problem));
    }
    if gap < 2 {
        return Err(DataError::malformed(file, "all its labels are 0; at least 2 classes are needed"));
    }
    Ok(gap)
}

fn split(root: &Path, file: &Path, entries: &[Entry<'_>], bytes: &[u8]) -> Result<Split, DataError> {
    let mut total = 0;
    let mut paths = Vec::with_capacity(entries.len());
    for entry in entries {
        let path = place(root, entry.path);
        let problem = match std::fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() > 0 => {
                total += found.len();
                paths.push(path);
                continue;
            }
            Ok(found) if found.is_file() => "is empty".to_owned(),
            Ok(_) => "is no file".to_owned(),
            Err(error) => format!("cannot be opened: {error}"),
        };
        return Err(DataError::malformed(file, format!("line {}: {} {problem}", entry.line, path.display())));
    }
    Ok(Split {
        images: Images::Files { paths, bytes: total },
        labels: entries.iter().map(|entry| entry.label).collect(),
        sha256: sha256(&[bytes]),
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use car_spectral::longtail::Group;

    use super::super::Subset;
    use super::super::decode::tests::encoded;
    use super::*;
    use crate::DataSource;

    /// Four images a.png, "b c.png", d/e.png, f.png and the lists `train` and `test`.
    fn folder(train: &str, test: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("d")).unwrap();
        for (value, name) in (0..).zip(["a.png", "b c.png", "d/e.png", "f.png"]) {
            let image = encoded(image::ImageFormat::Png, 1, 1, vec![value; 3]);
            std::fs::write(folder.path().join(name), image).unwrap();
        }
        std::fs::write(folder.path().join("Tiny_LT_train.txt"), train).unwrap();
        std::fs::write(folder.path().join("Tiny_LT_test.txt"), test).unwrap();
        folder
    }

    fn source(folder: &Path) -> DataSource {
        format!("list:{}", folder.display()).parse().unwrap()
    }

    const TRAIN: &str = "a.png 1\nb c.png 0\r\n\nd/e.png\t1\n";

    #[test]
    fn lines_are_read_in_their_order() {
        let folder = folder(TRAIN, "f.png 1");
        let data = source(folder.path()).load().unwrap();
        assert_eq!((&data.train.labels, &data.test.labels), (&vec![1, 0, 1], &vec![1]));
        let red = |split: &Split, index| split.images.pixels(index).unwrap().bytes[0];
        assert_eq!([0, 1, 2].map(|index| red(&data.train, index)), [0, 1, 2]);
        assert_eq!(red(&data.test, 0), 3);
        assert_eq!(data.class_names, ["0", "1"]);
        let marked = self::folder(&format!("\u{feff}{TRAIN}"), "f.png 1");
        assert_eq!(source(marked.path()).load().unwrap().train.labels, data.train.labels);
        assert_eq!(data.train.sha256, sha256(&[TRAIN.as_bytes()]));
        // Other names, given.
        let other = folder.path().join("mine");
        std::fs::write(&other, "f.png 0\na.png 1").unwrap();
        let named = source(folder.path()).with_lists(Some(other), None);
        assert!(named.unwrap().load().unwrap_err().to_string().contains("also in line 1 of"));
    }

    #[test]
    fn paths_with_a_slash_in_front_lie_below_the_folder_or_at_the_root() {
        let folder = folder("/a.png 1\n/d/e.png 0\n", "f.png 1");
        let data = source(folder.path()).load().unwrap();
        let red = |split: &Split, index| split.images.pixels(index).unwrap().bytes[0];
        assert_eq!([0, 1].map(|index| red(&data.train, index)), [0, 2]);
        let test = folder.path().join("Tiny_LT_test.txt");
        std::fs::write(&test, "a.png 1").unwrap();
        assert!(source(folder.path()).load().unwrap_err().to_string().contains("also in line 1 of"));
        std::fs::write(&test, format!("{} 1", folder.path().join("f.png").display())).unwrap();
        assert_eq!(red(&source(folder.path()).load().unwrap().test, 0), 3);
    }

    #[test]
    fn a_test_list_alone_is_enough_where_it_is_allowed() {
        let folder = folder("", "f.png 1\na.png 0");
        std::fs::remove_file(folder.path().join("Tiny_LT_train.txt")).unwrap();
        assert!(source(folder.path()).load().unwrap_err().to_string().contains("NAME_train.txt"));
        let alone = source(folder.path()).with_test_alone(true);
        let data = alone.load().unwrap();
        assert_eq!((data.train.images.len(), &data.test.labels, data.num_classes()), (0, &vec![1, 0], 2));
        assert_eq!(data.image_shape(Some(8)).unwrap(), [3, 8, 8]);
        std::fs::write(folder.path().join("Tiny_LT_test.txt"), "f.png 2\na.png 0").unwrap();
        assert!(alone.load().unwrap_err().to_string().contains("no line has label 1"));
    }

    #[test]
    fn the_lists_are_found_by_their_endings() {
        let folder = folder(TRAIN, "f.png 1");
        std::fs::write(folder.path().join("Tiny_LT_val.txt"), "f.png 0").unwrap();
        assert_eq!(source(folder.path()).load().unwrap().test.labels, [1]);
        std::fs::remove_file(folder.path().join("Tiny_LT_test.txt")).unwrap();
        assert_eq!(source(folder.path()).load().unwrap().test.labels, [0]);
        std::fs::remove_file(folder.path().join("Tiny_LT_val.txt")).unwrap();
        let error = source(folder.path()).load().unwrap_err().to_string();
        assert!(error.contains("NAME_test.txt or NAME_val.txt") && error.contains("test-list"), "{error}");
        std::fs::write(folder.path().join("Other_train.txt"), TRAIN).unwrap();
        let error = source(folder.path()).load().unwrap_err().to_string();
        assert!(error.contains("Other_train.txt and Tiny_LT_train.txt both end in _train.txt"), "{error}");
        let error = source(Path::new("/no/such/folder")).load().unwrap_err().to_string();
        assert!(error.contains("there is no such folder"), "{error}");
        let cifar: DataSource = "cifar10:x".parse().unwrap();
        assert!(cifar.with_lists(Some("a".into()), None).unwrap_err().to_string().contains("train-list"));
    }

    #[test]
    fn lists_that_are_no_files_are_refused_by_name() {
        for name in ["Tiny_LT_train.txt", "Tiny_LT_test.txt"] {
            let folder = folder(TRAIN, "f.png 1");
            let refused = || source(folder.path()).load().unwrap_err();
            crate::tests::each_irregular(&folder.path().join(name), &refused);
        }
    }

    #[test]
    fn wrong_lines_are_named() {
        let refused = |train: &str, test: &str, says: &str| {
            let error = source(folder(train, test).path()).load().unwrap_err().to_string();
            assert!(error.contains(says), "{error}\nlacks {says}");
        };
        refused("a.png 0\na.png", "", "Tiny_LT_train.txt: line 2: expected \"path label\", found \"a.png\"");
        refused("a.png 0\nf.png -1", "", "line 2: the label is no number from 0");
        refused("a.png 0\nf.png 99999999999999999999999", "", "line 2: the label is no number");
        refused("a.png 0\nf.png 1\n\na.png 1", "", "line 4: the image of line 1 again");
        refused("a.png 0\nf.png 2\nd/e.png 1\nb c.png 4", "a.png 0", "line 4: its label is 4, but no line has label 3");
        refused("a.png 1\nf.png 2", "a.png 0", "line 2: its label is 2, but no line has label 0");
        refused("a.png 0\nf.png 18446744073709551615", "a.png 0", "no line has label 1");
        refused("a.png 0\nf.png 0", "d/e.png 0", "at least 2 classes");
        refused("a.png 0\nf.png 1", "d/e.png 1\nb c.png 2", "Tiny_LT_test.txt: line 2: label 2 is not below 2");
        refused("a.png 0\nf.png 1", "d/e.png 1\nf.png 1", "line 2: the image is also in line 2 of");
        refused("a.png 0\nf.png 1\n./a.png 1", "", "line 3: the image of line 1 again");
        refused("a.png 0\nf.png 1", "d/e.png 1\n.//f.png 0", "line 2: the image is also in line 2 of");
        refused("a.png 0\rf.png 1", "", "line 1: its lines end with a carriage return alone");
        refused("", "", "it has no line");
        refused("a.png 0\nf.png 1", "\n\n", "Tiny_LT_test.txt: it has no line");
        refused("a.png 0\nnone.png 1", "f.png 0", "line 2: ");
        refused("a.png 0\nnone.png 1", "f.png 0", "none.png cannot be opened");
        refused("a.png 0\nd 1", "f.png 0", "line 2: ");
        refused("a.png 0\nd 1", "f.png 0", "is no file");
        let latin = folder("a.png 0", "f.png 0");
        std::fs::write(latin.path().join("Tiny_LT_train.txt"), b"a.png 0\n\xe9.png 1").unwrap();
        assert!(source(latin.path()).load().unwrap_err().to_string().contains("line 2: it is not UTF-8"));
        let empty = folder("a.png 0\nf.png 1", "d/e.png 1");
        std::fs::write(empty.path().join("f.png"), "").unwrap();
        let error = source(empty.path()).load().unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("f.png is empty"), "{error}");
    }

    /// Liu et al., CVPR 2019: 115,846 images, 1280 to 5 a class, of 1000 classes 385 many, 479
    /// medium, 136 few.
    #[test]
    fn the_counts_of_imagenet_lt_come_back_from_its_layout() {
        let counts: Vec<u64> = include_str!("../../tests/fixtures/imagenet_lt_counts.txt")
            .lines()
            .map(|line| line.parse().unwrap())
            .collect();
        let mut list = String::new();
        // The lines of the classes in turn, as in no order.
        for image in 0..1280 {
            for (class, _) in counts.iter().enumerate().filter(|(_, count)| image < **count) {
                writeln!(list, "train/n{class:08}/n{class:08}_{image}.JPEG {class}").unwrap();
            }
        }
        let entries = parse(Path::new("ImageNet_LT_train.txt"), list.as_bytes()).unwrap();
        assert_eq!(check_dense(Path::new("ImageNet_LT_train.txt"), &entries).unwrap(), 1000);
        let labels: Vec<usize> = entries.iter().map(|entry| entry.label).collect();
        let subset = Subset::full(&labels, 1000);
        assert_eq!(subset.class_counts, counts);
        assert_eq!((subset.indices.len(), counts.iter().max(), counts.iter().min()), (115_846, Some(&1280), Some(&5)));
        let size = |group| counts.iter().filter(|&&count| Group::of(count) == group).count();
        assert_eq!(Group::ALL.map(size), [385, 479, 136]);
    }

    #[test]
    fn eight_thousand_classes_are_read() {
        let list: String = (0..8142).map(|class| format!("train_val2018/Plantae/{class}/x.jpg {class}\n")).collect();
        let entries = parse(Path::new("iNaturalist18_train.txt"), list.as_bytes()).unwrap();
        assert_eq!(check_dense(Path::new("iNaturalist18_train.txt"), &entries).unwrap(), 8142);
        assert_eq!(entries[8141], Entry { line: 8142, path: "train_val2018/Plantae/8141/x.jpg", label: 8141 });
    }
}
