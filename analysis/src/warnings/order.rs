//! Labels and columns of scores in different orders.

use serde_json::json;

use super::agreement::Predicted;
use crate::report::Warning;
use crate::words::percent;

/// Standard deviations above chance that another reading of the labels must reach.
const CLEARLY: f64 = 5.0;
/// Classes that must be right in it: where samples fall together by class, as behind a head without training, some
/// order makes two or three right by chance.
const MORE_THAN_BY_CHANCE: f64 = 4.0;
/// Share of the samples that is enough for a few classes.
const ENOUGH: f64 = 0.4;
/// Share of the classes that lose most of their samples which must have taken each other's place.
const MOST_IN_CIRCLES: f64 = 0.8;
/// Classes shown in a sentence.
const SHOWN: usize = 3;

/// Warns where another reading of the labels agrees far better with the predictions: shifted, in the order of numbers
/// or names as text, in reverse, or classes that go one to one to others.
pub(super) fn warning(table: &Predicted, names: &[String]) -> Option<Warning> {
    let as_they_are = table.agreement(Some);
    let accuracy = as_they_are.found / table.samples as f64;
    let mut best: Option<(f64, String, Vec<Option<usize>>)> = None;
    for (said, class_of) in readings(table, names) {
        let agreement = table.agreement(|label| class_of[label]);
        let enough = (MORE_THAN_BY_CHANCE / names.len() as f64).min(ENOUGH) * table.samples as f64;
        let clear = agreement.found >= enough.max(2.0 * as_they_are.found) && agreement.above_chance() > CLEARLY;
        if clear && best.as_ref().is_none_or(|(found, _, _)| agreement.found > *found) {
            best = Some((agreement.found, said, class_of));
        }
    }
    let (found, said, class_of) = best.or_else(|| one_to_one(table))?;
    let reached = found / table.samples as f64;
    let moved = |label: &usize| class_of[*label].is_some_and(|class| class != *label);
    let pairs: Vec<[usize; 2]> =
        (0..names.len()).filter(moved).filter_map(|label| Some([label, class_of[label]?])).collect();
    let shown: Vec<String> =
        pairs.iter().take(SHOWN).map(|&[label, class]| format!("{} → {}", names[label], names[class])).collect();
    let sentence = format!(
        "labels and columns are probably in different orders: {said}, for example {}: that would make the accuracy {} \
         instead of {}; give labels in the order of the columns",
        shown.join(", "),
        percent(reached),
        percent(accuracy),
    );
    let evidence =
        [("accuracy", json!(accuracy)), ("accuracy_in_that_order", json!(reached)), ("class_of_label", json!(pairs))];
    Some(Warning::new("class-order", sentence, evidence))
}

/// The orders that people mix up: what is said of each, and the class that each label stands for in it.
fn readings(table: &Predicted, names: &[String]) -> Vec<(String, Vec<Option<usize>>)> {
    let classes = table.num_classes();
    let mut readings = Vec::new();
    if let Some(shift) = table.shift() {
        let by = if 2 * shift > classes { shift as i64 - classes as i64 } else { shift as i64 };
        let whole = |label: usize| Some((label + shift) % classes);
        let cut = |label: usize| label.checked_add_signed(by as isize).filter(|&class| class < classes);
        let [whole, cut] = [&whole as &dyn Fn(usize) -> Option<usize>, &cut].map(|of| (0..classes).map(of).collect());
        let distance = by.abs();
        let direction = if by > 0 { "below" } else { "above" };
        let said = format!("labels are shifted by {distance}, each {distance} {direction} its column");
        // The cut one first: where the two agree alike, no label went round.
        readings.push((said.clone(), cut));
        readings.push((format!("{said}, going round at the end"), whole));
    }
    let ranks = |keys: &[String]| {
        let mut sorted: Vec<usize> = (0..classes).collect();
        sorted.sort_by(|&a, &b| keys[a].cmp(&keys[b]));
        let mut rank = vec![0; classes];
        sorted.iter().enumerate().for_each(|(place, &class)| rank[class] = place);
        (sorted, rank)
    };
    let from = |first: usize| (first..first + classes).map(|class| class.to_string()).collect::<Vec<_>>();
    let numbers = from(0);
    let mut sortings = vec![
        ("numbers sorted as text (0, 1, 10, 11, …, 2, …)", ranks(&numbers)),
        ("numbers from 1 sorted as text (1, 10, 11, …, 2, …)", ranks(&from(1))),
    ];
    if names != numbers {
        sortings.push(("class names in alphabetical order", ranks(names)));
    }
    for (what, (sorted, rank)) in sortings {
        readings.push((format!("the columns lie in the order of {what}"), rank.into_iter().map(Some).collect()));
        readings.push((format!("the labels lie in the order of {what}"), sorted.into_iter().map(Some).collect()));
    }
    readings.push(("the labels run backwards".to_owned(), (0..classes).rev().map(Some).collect()));
    readings
}

/// Classes that take each other's place: most samples of each go to the next one of a closed circle. Two classes that
/// are confused by few samples are no circle, and where most classes that lose their samples lose them to classes that
/// keep theirs, the model is weak.
fn one_to_one(table: &Predicted) -> Option<(f64, String, Vec<Option<usize>>)> {
    let classes = table.num_classes();
    let favourites = table.favourites();
    let target = |label: usize| {
        let (class, samples) = favourites[label]?;
        (2 * samples > table.labelled[label]).then_some(class)
    };
    let loses = |label: usize| target(label).is_some_and(|class| class != label);
    let all_moved = (0..classes).filter(|&label| loses(label)).count();
    let mut moved: Vec<bool> = (0..classes).map(loses).collect();
    loop {
        let mut takers = vec![0; classes];
        (0..classes).filter(|&label| moved[label]).filter_map(target).for_each(|class| takers[class] += 1);
        let stays =
            |label: usize| target(label).is_some_and(|class| moved[class] && takers[class] == 1 && takers[label] == 1);
        let left: Vec<bool> = (0..classes).map(|label| moved[label] && stays(label)).collect();
        if left == moved {
            break;
        }
        moved = left;
    }
    let number = moved.iter().filter(|&&moved| moved).count();
    let class_of = |label: usize| if moved[label] { target(label) } else { Some(label) };
    let (found, before) = (table.agreement(class_of).found, table.agreement(Some).found);
    let samples: u64 = (0..classes).filter(|&label| moved[label]).map(|label| table.labelled[label]).sum();
    let is_clear =
        found - before > CLEARLY * (samples as f64).sqrt() && number as f64 >= MOST_IN_CIRCLES * all_moved as f64;
    let said = format!("{number} of {classes} classes have taken each other's place");
    (number > 1 && is_clear).then(|| (found, said, (0..classes).map(class_of).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::agreement::tests::predicted;
    use super::*;

    fn names(classes: usize) -> Vec<String> {
        (0..classes).map(|class| class.to_string()).collect()
    }

    /// 30 samples of each class, of which every third goes to the next class, labelled by `label`.
    fn labelled(classes: usize, label: impl Fn(usize) -> usize) -> Predicted {
        let truth: Vec<usize> = (0..30 * classes).map(|sample| sample % classes).collect();
        let told: Vec<usize> = truth
            .iter()
            .enumerate()
            .map(|(sample, &class)| if (sample / classes).is_multiple_of(3) { (class + 1) % classes } else { class })
            .collect();
        predicted(classes, &told, &truth.iter().map(|&class| label(class)).collect::<Vec<_>>())
    }

    #[test]
    fn orders_that_are_mixed_up_are_named() {
        assert_eq!(warning(&labelled(12, |class| class), &names(12)), None);
        let said = |table: &Predicted, names: &[String]| warning(table, names).unwrap().sentence;
        let shifted = said(&labelled(12, |class| (class + 1) % 12), &names(12));
        assert!(shifted.contains("shifted by 1, each 1 above its column, going round") && shifted.contains("66.7 %"));
        let mut sorted = names(12);
        sorted.sort();
        let text = said(&labelled(12, |class| sorted[class].parse().unwrap()), &names(12));
        assert!(text.contains("columns lie in the order of numbers sorted as text"), "{text}");
        let animals = ["dog", "cat", "ant", "bee", "elk"].map(String::from);
        let alphabetical = [2, 3, 1, 0, 4];
        let text = said(&labelled(5, |class| alphabetical[class]), &animals);
        assert!(text.contains("columns lie in the order of class names"), "{text}");
        assert!(said(&labelled(7, |class| 6 - class), &names(7)).contains("backwards"));
        let swapped = said(&labelled(7, |class| [0, 5, 2, 3, 4, 1, 6][class]), &names(7));
        assert!(
            swapped.contains("2 of 7 classes have taken each other's place") && swapped.contains("1 → 5, 5 → 1"),
            "{swapped}"
        );
    }

    #[test]
    fn labels_from_one_are_shifted_without_going_round() {
        let truth: Vec<usize> = (0..60).map(|sample| sample % 4).collect();
        let labels: Vec<usize> = truth.iter().map(|class| class + 1).collect();
        let found = warning(&predicted(5, &truth, &labels), &names(5)).unwrap();
        assert!(
            found.sentence.contains("each 1 above its column, for example 1 → 0, 2 → 1, 3 → 2:"),
            "{}",
            found.sentence
        );
        assert_eq!(found.evidence["accuracy_in_that_order"], 1.0);
    }

    #[test]
    fn classes_of_few_samples_that_are_confused_are_no_order() {
        // Of three samples of each of 60 classes two go to the next class, in circles of two for one class in three.
        let labels: Vec<usize> = (0..180).map(|sample| sample % 60).collect();
        let told = |label: usize, time: usize| match label % 6 {
            _ if time == 0 => label,
            0 => label + 1,
            1 => label - 1,
            2 | 3 => label - label % 6 + 4,
            _ => label,
        };
        let told: Vec<usize> = labels.iter().enumerate().map(|(n, &label)| told(label, n / 60)).collect();
        assert_eq!(warning(&predicted(60, &told, &labels), &names(60)), None);
    }

    #[test]
    fn rare_classes_that_go_to_a_frequent_one_are_no_order() {
        let labels: Vec<usize> = (0..90).map(|sample| sample % 3).collect();
        let told: Vec<usize> = labels.iter().map(|&class| if class == 2 { 1 } else { class }).collect();
        assert_eq!(warning(&predicted(3, &told, &labels), &names(3)), None);
        assert_eq!(warning(&predicted(3, &[0; 90], &labels), &names(3)), None);
    }
}
