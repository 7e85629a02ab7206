//! Columns of the classes: numbered alike, or called by the names of the classes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::{PredictionsError, Reading};
use crate::quoting::quoted;
use crate::words::Words;
use crate::{InputError, Result};

/// What stands between words in front and the name or number of a class.
pub(super) const BETWEEN: [char; 8] = ['_', '-', '.', ' ', ':', '/', '[', '('];

/// What people call columns of features, which are numbered like scores.
const FEATURES: Words = Words("feat feats feature features emb embs embedding embeddings embed dim pixel pc f x");

/// The words around the numbers of columns that are called as features are, where there are no
/// others.
pub(super) fn features_alone(names: &[(usize, &str)]) -> Option<String> {
    let mut families = families(names.iter().copied()).into_iter();
    let (around, (_, columns)) = families.next()?;
    let is_of_features = words(&around).any(|word| FEATURES.contains(&word));
    (is_of_features && columns.len() == names.len()).then_some(around)
}

/// Numbered columns: the first number, and the columns in their order.
pub(super) type Family = (usize, Vec<usize>);

/// Names alike but for a number, which counts from 0 or 1 without a gap, by the words around it:
/// `logit_3`, `class_3_logit`, `logits[3]`. `top_5` and `epoch_90` are none.
pub(super) fn families<'n>(names: impl Iterator<Item = (usize, &'n str)>) -> BTreeMap<String, Family> {
    let is_digit = |character: char| character.is_ascii_digit();
    let mut families: BTreeMap<(&str, &str), Vec<(usize, usize)>> = BTreeMap::new();
    for (at, name) in names {
        let whole = name.trim_end_matches(|character: char| !character.is_ascii_digit());
        let front = whole.trim_end_matches(is_digit);
        if let Ok(number) = whole[front.len()..].parse() {
            families.entry((front, &name[whole.len()..])).or_default().push((number, at));
        }
    }
    let in_order = |((front, back), mut family): ((&str, &str), Vec<(usize, usize)>)| {
        family.sort_unstable();
        let first = family.first()?.0;
        let counts = family.iter().enumerate().all(|(at, (number, _))| *number == first.saturating_add(at));
        let is_family = family.len() > 1 && first <= 1 && counts;
        is_family.then(|| (format!("{front}{back}"), (first, family.into_iter().map(|(_, column)| column).collect())))
    };
    families.into_iter().filter_map(in_order).collect()
}

/// Numbered columns that can be the scores: those that were said, else no features, and those
/// called logits where others are numbered too.
pub(super) fn score_families<'n>(
    names: impl Iterator<Item = (usize, &'n str)>,
    reading: &Reading,
) -> BTreeMap<String, Family> {
    let mut families = families(names);
    if let Some(key) = &reading.keys.logits {
        families.retain(|around, _| around == key);
        return families;
    }
    families.retain(|around, _| !words(around).any(|word| FEATURES.contains(&word)));
    let is_logits = |around: &str| words(around).any(|word| word.starts_with("logit"));
    if families.len() > 1 && families.keys().any(|around| is_logits(around)) {
        families.retain(|around, _| is_logits(around));
    }
    families
}

/// The refusal of columns that are numbered behind several words.
pub(super) fn several_families(file: &Path, line: u64, [a, b]: [&str; 2]) -> InputError {
    let problem = format!("the columns numbered behind {} and behind {} can be the scores", quoted(a), quoted(b));
    let remedy = "say which with `keys` logits=WORD, the words around the numbers".to_owned();
    PredictionsError::Table { file: file.to_path_buf(), line, problem, remedy }.into()
}

/// The columns of the classes in their order, of a file with scores or labels alone: those called
/// by the names of the classes, else those numbered alike.
pub(super) fn class_columns(
    file: &Path,
    line: u64,
    names: &[(usize, &str)],
    reading: &Reading,
) -> Result<Option<Vec<usize>>> {
    if reading.keys.logits.is_none()
        && let Some(columns) = called_by_classes(names.iter().copied(), reading)
    {
        return Ok(Some(columns));
    }
    let mut found = score_families(names.iter().copied(), reading).into_iter();
    match (found.next(), found.next()) {
        (Some((_, (_, columns))), None) => Ok(Some(columns)),
        (Some((a, _)), Some((b, _))) => Err(several_families(file, line, [&a, &b])),
        (None, _) => Ok(in_class_order(names, reading)),
    }
}

/// The columns that are called by the names of the classes, also behind words that all have in
/// front, and in brackets: `prob.cat`, `P (species=cat)`, `confidence(cat)`. `None` where there are
/// none, or several families of them.
pub(super) fn called_by_classes<'n>(
    names: impl Iterator<Item = (usize, &'n str)>,
    reading: &Reading,
) -> Option<Vec<usize>> {
    let mut families = families_by_name(names, reading);
    families.pop().filter(|_| families.is_empty()).map(|(_, columns)| columns)
}

/// The same of each family by the words around the names: those that were said, else no distances,
/// losses or the like, and those called logits where others have the names, too.
pub(super) fn families_by_name<'n>(
    names: impl Iterator<Item = (usize, &'n str)>,
    reading: &Reading,
) -> Vec<(String, Vec<usize>)> {
    let Some(classes) = reading.class_names.as_ref().filter(|classes| classes.len() > 1) else { return Vec::new() };
    let Some(first) = classes.first() else { return Vec::new() };
    let places: HashMap<&str, usize> = names.map(|(at, name)| (name, at)).collect();
    let around = |name: &'n str| {
        name.match_indices(first.as_str()).map(move |(at, _)| (&name[..at], &name[at.saturating_add(first.len())..]))
    };
    // A name without a mark in front of it, as in P_speciescat, unless it is a number.
    let are_numbers = classes.iter().any(|class| class.starts_with(|first: char| first.is_ascii_digit()));
    let may_stand = |(front, back): &(&str, &str)| {
        (front.is_empty() || front.ends_with(BETWEEN) || front.ends_with('=') || !are_numbers)
            && back.chars().all(|character| CLOSING.contains(&character))
            && !front.contains("!=")
    };
    let families: BTreeSet<(&str, &str)> = places.keys().flat_map(|name| around(name)).filter(may_stand).collect();
    let columns = |(front, back): (&str, &str)| {
        let at = |class: &String| places.get(format!("{front}{class}{back}").as_str()).copied();
        Some((format!("{front}{back}"), classes.iter().map(at).collect::<Option<Vec<usize>>>()?))
    };
    let mut families: Vec<(String, Vec<usize>)> = families.into_iter().filter_map(columns).collect();
    if let Some(key) = &reading.keys.logits {
        families.retain(|(around, _)| around == key || around.trim_end_matches(BETWEEN) == key);
        return families;
    }
    families.retain(|(around, _)| !words(around).any(|word| NO_SCORES.contains(&word)));
    let is_logits = |around: &str| words(around).any(|word| word.starts_with("logit"));
    if families.iter().any(|(around, _)| is_logits(around)) {
        families.retain(|(around, _)| is_logits(around));
    }
    families
}

/// Words of columns for each class that hold no scores.
const NO_SCORES: Words = Words(
    "dist dists distance distances loss losses rank ranks cost costs std stds var variance count counts prior priors \
     not n",
);

/// What may stand behind the name of a class, as in `Prob[cat]`.
const CLOSING: [char; 5] = [')', ']', '}', '"', '\''];

/// Columns of scores and nothing else in the order of their classes, where they are called by the
/// names of these or numbered alike.
fn in_class_order(names: &[(usize, &str)], reading: &Reading) -> Option<Vec<usize>> {
    let numbered = || families(names.iter().copied()).into_values().next().map(|(_, columns)| columns);
    let columns = called_by_classes(names.iter().copied(), reading).or_else(numbered)?;
    (columns.len() == names.len()).then_some(columns)
}

/// The words of a name, in small letters.
fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(BETWEEN).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase)
}

/// Names without the words that all have in front, up to what stands between words.
pub(super) fn without_common(names: &[String]) -> Vec<String> {
    let Some(first) = names.first() else { return Vec::new() };
    let shared = |name: &String| first.char_indices().zip(name.chars()).find(|((_, one), other)| one != other);
    let end = |name: &String| shared(name).map_or(first.len().min(name.len()), |((at, _), _)| at);
    let same = names.iter().map(end).min().unwrap_or(0);
    let common = first[..same].rfind(BETWEEN).map_or(0, |mark| mark.saturating_add(1));
    names.iter().map(|name| name[common..].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use crate::predictions::{Logits, PredictionSource, Predictions, Reading, read_as};
    use crate::testing::with_file;

    fn found(text: &str, keys: &str) -> Result<Predictions, String> {
        let keys = if keys.is_empty() { Default::default() } else { keys.parse().unwrap() };
        let reading = Reading { keys, ..Reading::default() };
        with_file("p.csv", text, |file| read_as(&PredictionSource::File(file.to_path_buf()), &reading))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn features_beside_scores_are_left_out_and_named_and_alone_asked_about() {
        let rows = "30,5000,0.2,0.8,1\n40,6000,0.7,0.3,0\n50,7000,0.6,0.4,1\n";
        let expected = Logits::F64(ndarray::array![[0.2, 0.8], [0.7, 0.3], [0.6, 0.4]]);
        for features in ["age,income", "x0,x1", "feature_0,feature_1", "pixel0,pixel1"] {
            let found = found(&format!("{features},proba_0,proba_1,label\n{rows}"), "").unwrap();
            assert_eq!((&found.logits, found.labels.to_vec()), (&expected, vec![1, 0, 1]), "{features}");
            let first = features.split(',').next().unwrap();
            let note = format!("columns left out: \"{first}\"");
            assert!(found.notes.iter().any(|said| said.contains(&note)), "{features}: {:?}", found.notes);
        }
        for around in ["x", "pixel"] {
            let text = format!("{around}0,{around}1,label\n30,0.5,1\n40,50,0\n");
            let asked = found(&text, "").unwrap_err();
            assert!(asked.contains(&format!("say `keys` logits={around} if they are the scores")), "{asked}");
            assert_eq!(found(&text, &format!("logits={around}")).unwrap().labels.to_vec(), [1, 0]);
        }
    }
}
