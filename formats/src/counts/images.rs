//! Lists of the training images, `path label` on each line.

use std::collections::HashMap;
use std::path::Path;

use super::by_class::not_a_class;
use super::columns::of_other_split;
use super::says::Says;
use super::{Found, instead};
use crate::Result;
use crate::image_files::is_image;
use crate::quoting::quoted;
use crate::table::Record;

/// Whether a line is the path of an image and a class.
pub(super) fn is_list_of_images(record: &str) -> bool {
    image_and_class(record).is_some()
}

fn names_image(path: &str) -> bool {
    is_image(Path::new(path.trim_matches('"')))
}

/// The path and the class, which may stand in front of it, as in `3,a/b.jpg`.
fn image_and_class(record: &str) -> Option<(&str, &str)> {
    let record = record.trim();
    [',', '\t', ';', ' '].into_iter().find_map(|separator| {
        let behind = record.rsplit_once(separator);
        let in_front = || record.split_once(separator).map(|(class, path)| (path, class));
        let is = |(path, class): &(&str, &str)| names_image(path.trim()) && !class.is_empty() && !names_image(class);
        let (path, class) = behind.filter(is).or_else(|| in_front().filter(is))?;
        Some((path.trim().trim_matches('"'), class.trim().trim_matches('"')))
    })
}

/// The images of each class in a list of them, which may give the classes by name.
pub(super) fn count<'t>(
    file: &Path,
    lines: impl Iterator<Item = Record<'t>>,
    num_classes: usize,
    names: Option<&[String]>,
) -> Result<Found> {
    let mut counts = vec![0_u64; num_classes];
    let by_name: HashMap<&str, usize> =
        names.unwrap_or_default().iter().enumerate().map(|(class, name)| (name.as_str(), class)).collect();
    // The first line of the training, of another split, and whether all are of one.
    let (mut training, mut other, mut all_other) = (None, None, true);
    for (line, record) in lines {
        let (path, class) = image_and_class(record).ok_or_else(|| {
            let found = format!("{} is no path of an image with its class, as the last line is", quoted(record.trim()));
            instead(file, &format!("line {line}"), found, "give a path and a class on each line, or counts")
        })?;
        let slot =
            class.parse().ok().or_else(|| by_name.get(class).copied()).and_then(|class: usize| counts.get_mut(class));
        let slot =
            slot.ok_or_else(|| not_a_class(file, format!("line {line}"), class, num_classes, names.is_some()))?;
        *slot = slot.saturating_add(1);
        let mut folders = path.rsplit_once(['/', '\\']).map_or("", |(folders, _)| folders).split(['/', '\\']);
        let split = folders.find(|folder| matches!(Says::of(folder), Says::TrainingCounts | Says::OtherSplit));
        match split.map(|folder| (folder, Says::of(folder))) {
            Some((folder, Says::OtherSplit)) => other = other.or(Some((line, folder))),
            Some((folder, _)) => training = training.or(Some(folder)),
            None => {}
        }
        all_other &= split.is_some_and(|folder| Says::of(folder) == Says::OtherSplit);
    }
    let Some((line, folder)) = other else { return Ok(Found::InOrder(counts)) };
    if let Some(training) = training {
        let found = format!("images in {} beside others in {}", quoted(folder), quoted(training));
        return Err(instead(file, &format!("line {line}"), found, "keep the lines of the training images alone"));
    }
    if all_other { Err(of_other_split(file, format!("line {line}"), folder)) } else { Ok(Found::InOrder(counts)) }
}

#[cfg(test)]
mod tests {
    use crate::counts::read_named_counts;
    use crate::testing::with_file;

    #[test]
    fn lines_that_are_no_images_are_named() {
        let counts = |text: &str| with_file("list.txt", text, |file| read_named_counts(&file.into(), 2, None));
        assert_eq!(counts("path,label\na/0.jpg 0\na/1.jpg 1\n").unwrap(), [1, 1]);
        for (text, line) in [
            ("a/0.jpg 0\njunk\na/1.jpg 1\n", 2),
            ("55d0-55d1 r--p 00000000 08:01 131 /usr/bin/cat\n7f 00 [heap]\n7f 02 0 /usr/share/a.png\n", 2),
        ] {
            let said = counts(text).unwrap_err().to_string();
            let is_named = said.contains(&format!("line {line}: ")) && said.contains("is no path of an image");
            assert!(is_named, "{text}: {said}");
        }
    }
}
