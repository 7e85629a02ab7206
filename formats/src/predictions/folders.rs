//! Classes that the folders of images name, beside labels: `test/cat/0001.jpg`, `data/3/x.png`.

use std::collections::{BTreeMap, BTreeSet};

use super::classes::Labels;
use super::names::{SAMPLE_NAMES, plain};
use crate::array::{Array, Data};
use crate::named::Named;
use crate::quoting::quoted;

/// How far above an image the folder of its class may stand: `cat/images/1.jpg`.
const MOST_ABOVE: usize = 3;

/// Share of the folders that have to be classes before they are taken for such.
const MOST: f64 = 0.9;

/// Sentences on paths whose folders name other classes than the labels.
pub(super) fn doubts(rules: &Labels<'_>, labels: &[usize], arrays: &[Named<'_>]) -> Vec<String> {
    let doubt = |named: &Named<'_>| {
        let Ok(Array { data: Data::Texts(paths), .. }) = &named.array else { return None };
        let is_path = SAMPLE_NAMES.contains(&plain(&named.name)) && paths.len() == labels.len();
        (1..=MOST_ABOVE)
            .filter(|_| is_path)
            .find_map(|above| Folders::of(rules, labels, paths, above))?
            .doubt(&named.name)
    };
    arrays.iter().filter_map(doubt).collect()
}

/// Samples in folders that are classes.
struct Folders<'p> {
    /// The path, the class of its folder and the label.
    samples: Vec<(&'p str, usize, usize)>,
    /// Whether the folders are called by names of classes, and not by numbers, which may be those
    /// of anything.
    by_name: bool,
}

impl<'p> Folders<'p> {
    /// The folders so far above the images, if nearly all are classes, of which there are several.
    fn of(rules: &Labels<'_>, labels: &[usize], paths: &'p [String], above: usize) -> Option<Self> {
        let folder = |path: &'p str| path.rsplit(['/', '\\']).nth(above);
        let names: BTreeMap<&str, usize> =
            rules.names.unwrap_or_default().iter().map(String::as_str).zip(0..rules.classes).collect();
        let by_name = paths.iter().filter_map(|path| folder(path)).any(|folder| names.contains_key(folder));
        let number = |folder: &str| folder.parse::<i64>().ok()?.checked_sub(rules.first);
        let class = |folder: &str| match by_name {
            true => names.get(folder).copied(),
            false => usize::try_from(number(folder)?).ok().filter(|class| *class < rules.classes),
        };
        let with_label = paths.iter().zip(labels);
        let samples: Vec<(&str, usize, usize)> =
            with_label.filter_map(|(path, &label)| Some((path.as_str(), class(folder(path)?)?, label))).collect();
        let several = samples.iter().any(|(_, class, _)| samples.first().is_some_and(|first| first.1 != *class));
        (several && samples.len() as f64 >= MOST * paths.len() as f64).then_some(Self { samples, by_name })
    }

    /// Whether numbers are those of classes: half of them are the labels, each is another label, or
    /// they are as many of each class, which parts of equal size would be, too.
    fn are_classes(&self) -> bool {
        let agree = self.samples.iter().filter(|(_, folder, label)| folder == label).count();
        self.by_name || agree.saturating_mul(2) >= self.samples.len() || self.is_one_to_one() || self.are_as_many()
    }

    fn is_one_to_one(&self) -> bool {
        let pairs: BTreeSet<(usize, usize)> = self.samples.iter().map(|(_, folder, label)| (*folder, *label)).collect();
        let [folders, labels]: [BTreeSet<usize>; 2] =
            [pairs.iter().map(|pair| pair.0).collect(), pairs.iter().map(|pair| pair.1).collect()];
        pairs.len() == folders.len() && pairs.len() == labels.len()
    }

    fn are_as_many(&self) -> bool {
        let mut counts: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
        for (_, folder, label) in &self.samples {
            for (side, class) in [folder, label].into_iter().enumerate() {
                if let Some(count) = counts.entry(*class).or_default().get_mut(side) {
                    *count = count.saturating_add(1);
                }
            }
        }
        let differ = counts.values().collect::<BTreeSet<_>>().len() > 1;
        differ && counts.values().all(|[folder, label]| folder == label)
    }

    fn doubt(&self, name: &str) -> Option<String> {
        let others = || self.samples.iter().filter(|(_, folder, label)| folder != label);
        let (path, _, label) = others().next().filter(|_| self.are_classes())?;
        let why = match self.is_one_to_one() {
            true => "each folder is another class throughout: are the classes in another order?",
            false => "are the rows of it in another order, or the labels wrong?",
        };
        Some(format!(
            "{} stands in folders of other classes than the labels in {} of {} samples, as {} with label {label}; {why}",
            quoted(name),
            others().count(),
            self.samples.len(),
            quoted(path)
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::predictions::Reading;

    const LABELS: [usize; 8] = [0, 1, 2, 0, 0, 1, 2, 0];

    fn said(names: Option<[&str; 3]>, path: impl Fn(usize) -> String) -> String {
        let class_names = names.map(|names| names.map(str::to_owned).to_vec());
        let reading = Reading { class_names, ..Reading::default() };
        let paths: Vec<String> = (0..LABELS.len()).map(path).collect();
        let array = Array { shape: vec![paths.len()], column_major: false, data: Data::Texts(paths) };
        let arrays = [Named { name: "path".to_owned(), array: Ok(array) }];
        doubts(&Labels::new(Path::new("a"), 3, &reading), &LABELS, &arrays).concat()
    }

    #[test]
    fn folders_of_other_classes_are_told_with_their_number() {
        let names = ["ant", "bee", "cat"];
        let of = |class: usize, at: usize| format!("test/{}/{at}.jpg", names[class]);
        assert_eq!(said(Some(names), |at| of(LABELS[at], at)), "");
        let one = said(Some(names), |at| of(if at == 3 { 2 } else { LABELS[at] }, at));
        assert!(one.contains("in 1 of 8 samples, as \"test/cat/3.jpg\" with label 0") && one.contains("rows"), "{one}");
        let shifted = said(Some(names), |at| of((LABELS[at] + 1) % 3, at));
        assert!(shifted.contains("in 8 of 8") && shifted.contains("another class throughout"), "{shifted}");
        let deeper = said(Some(names), |at| format!("{}/images/{at}.jpg", names[if at < 2 { 2 } else { LABELS[at] }]));
        assert!(deeper.contains("in 2 of 8"), "{deeper}");
        assert_eq!(said(None, |at| of((LABELS[at] + 1) % 3, at)), "", "names that are not known");
    }

    #[test]
    fn numbers_of_folders_are_classes_where_they_bear_it_out() {
        let of = |class: usize, at: usize| format!("data\\{class}\\{at}.png");
        assert_eq!(said(None, |at| of(LABELS[at], at)), "");
        assert!(said(None, |at| of(if at == 1 { 0 } else { LABELS[at] }, at)).contains("in 1 of 8"));
        assert!(said(None, |at| of((LABELS[at] + 2) % 3, at)).contains("in 8 of 8"));
        assert!(said(None, |at| of(LABELS[(at + 1) % 8], at)).contains("in 6 of 8"), "as many of each");
        for flat in ["data/images/", "val/", "", "data/17/"] {
            assert_eq!(said(None, |at| format!("{flat}{at}.png")), "", "{flat}");
        }
        assert_eq!(said(None, |at| of(at / 3, at)), "", "parts");
    }
}
