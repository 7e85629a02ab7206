//! Labels and columns of scores in different orders.

use serde_json::{Value, json};

use super::agreement::{Agreement, BY_CHANCE, Predicted, Tie, first_labels, improbability};
use crate::results::Warning;
use crate::words::percent;

/// Standard deviations above chance that another reading of the labels must reach.
const CLEARLY: f64 = 5.0;
/// How probable by chance an order may be, of all that are tried.
const RARELY: f64 = 1e-3;
/// Orders that are tried beside the K - 1 shifts.
const SORTINGS: usize = 7;
/// Classes below which no order is rare among the few there are, and the share of the samples it
/// must make right there.
const FEW_CLASSES: usize = 10;
const ENOUGH: f64 = 0.4;
/// Share of the classes whose errors must go with an order that holds for a part of the samples,
/// and of the errors.
const MOST_ERRORS: f64 = 0.6;
const MANY_ERRORS: f64 = 0.2;
/// Share of the classes with another first label that must go one to one.
const MOST: f64 = 0.8;
/// Share of the samples at a shift that lie at the next ones where the classes may be ordered.
const SPREAD: f64 = 0.2;
/// Classes shown in a sentence.
const SHOWN: usize = 3;

/// The class that each label stands for in another order.
type ClassOf = Vec<Option<usize>>;

/// An order that people mix up.
#[derive(Clone)]
struct Reading {
    said: String,
    class_of: ClassOf,
    /// Orders of its kind.
    of_kind: usize,
    /// Class number minus label, of a shift.
    shift: Option<i64>,
}

/// Warns where another reading of the labels agrees far better with the predictions: shifted, in
/// the order of numbers or names as text, in reverse, or classes that go one to one to others; and
/// where it does for a part of the samples.
pub(super) fn warning(table: &Predicted, names: &[String]) -> Option<Warning> {
    let classes = table.num_classes();
    let ties = table.ties();
    let first = first_labels(classes, &ties, |_| true);
    let found = |class_of: &ClassOf| table.agreement(|label| class_of[label]).found;
    let readings = readings(table, names);
    let mut named: Option<&Reading> = None;
    for reading in readings.iter().filter(|reading| explains(table, &first, reading)) {
        if named.is_none_or(|best| found(&reading.class_of) > found(&best.class_of)) {
            named = Some(reading);
        }
    }
    let reached = named.map_or(0.0, |best| found(&best.class_of));
    let better = |circles: &Reading| found(&circles.class_of) > reached + CLEARLY * reached.sqrt();
    if let Some(reading) = one_to_one(table, &ties).filter(better).or_else(|| named.cloned()) {
        let Reading { said, class_of, .. } = &reading;
        let [accuracy, reached] = [table.agreement(Some).found, found(class_of)].map(|n| n / table.samples as f64);
        let follows = format!("that would make the accuracy {} instead of {}", percent(reached), percent(accuracy));
        let evidence = [("accuracy", json!(accuracy)), ("accuracy_in_that_order", json!(reached))];
        return Some(named_with(names, class_of, ["", or_ordered(table, &reading)], said, &follows, evidence));
    }
    let others = first_labels(classes, &ties, |tie| tie.class != tie.label);
    readings.iter().find_map(|reading| of_a_part(table, names, &others, reading))
}

/// What else it may be where predictions lie around the shifted labels and not on them alone.
fn or_ordered(table: &Predicted, reading: &Reading) -> &'static str {
    let around = |by: i64| table.at_distance(by - 1) + table.at_distance(by + 1);
    let is_spread = |by: i64| around(by) >= SPREAD * table.at_distance(by);
    // Classes that have taken the next one's place are a shift that ends somewhere.
    let is_near = reading.shift.map_or_else(|| table.is_ordered(), is_spread);
    if is_near { ". Or the classes are ordered (ages, ratings), and the model errs to one side" } else { "" }
}

/// The warning of an order, in all samples or in a part.
fn named_with(
    names: &[String],
    class_of: &ClassOf,
    [part, or]: [&str; 2],
    said: &str,
    follows: &str,
    evidence: [(&str, Value); 2],
) -> Warning {
    let other = |label: usize| class_of[label].filter(|&class| class != label).map(|class| [label, class]);
    let pairs: Vec<[usize; 2]> = (0..names.len()).filter_map(other).collect();
    let shown = pairs.iter().take(SHOWN).map(|&[label, class]| format!("{} → {}", names[label], names[class]));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let sentence = format!(
        "labels and columns are probably in different orders{part}: {said}, for example {shown}: {follows}; give labels \
         in the order of the columns{or}"
    );
    let [first, second] = evidence;
    Warning::new("class-order", sentence, [first, second, ("class_of_label", json!(pairs))])
}

/// How often the labels that an order moves agree with it, how often as they are, and their
/// samples.
fn on_moved(table: &Predicted, class_of: &ClassOf) -> (Agreement, f64, f64) {
    let moved = |label: &usize| class_of[*label] != Some(*label);
    let by_order = table.agreement(|label| class_of[label].filter(|_| moved(&label)));
    let as_they_are = table.agreement(|label| Some(label).filter(moved)).found;
    let samples: u64 = (0..class_of.len()).filter(moved).map(|label| table.labelled[label]).sum();
    (by_order, as_they_are, samples as f64)
}

/// Whether an order agrees with the predictions where it moves labels: in more samples than by
/// chance, twice as many as they are, and in more classes than one of all orders would by chance.
fn explains(table: &Predicted, first: &[Option<usize>], reading: &Reading) -> bool {
    let (by_order, as_they_are, samples) = on_moved(table, &reading.class_of);
    let few = table.num_classes() < FEW_CLASSES;
    let is_rare = if few { by_order.found >= ENOUGH * samples } else { hits(reading, first).2 };
    by_order.above_chance() > CLEARLY && by_order.found >= 2.0 * as_they_are && is_rare
}

/// Of the classes with a first label that an order moves, how many there are and how many have that
/// from it which they are given, from below and from above them; and whether so many are rare for
/// one of all orders of the kind.
fn hits(reading: &Reading, first: &[Option<usize>]) -> (usize, [usize; 2], bool) {
    let (mut tried, mut hits) = (first.iter().flatten().count(), [0; 2]);
    for (label, class) in reading.class_of.iter().enumerate().filter_map(|(label, class)| Some((label, (*class)?))) {
        if label == class {
            tried -= usize::from(first[class].is_some());
        } else if first[class] == Some(label) {
            hits[usize::from(label > class)] += 1;
        }
    }
    let by_chance = improbability((hits[0] + hits[1]) as f64, tried as f64, 1.0 / first.len() as f64);
    (tried, hits, reading.of_kind as f64 * by_chance <= RARELY)
}

/// Warns where the errors of nearly all classes are those of one order, as where one of two files
/// had its labels in it. Not where all lie on one side: the errors of ordered classes may rightly.
fn of_a_part(table: &Predicted, names: &[String], others: &[Option<usize>], reading: &Reading) -> Option<Warning> {
    let Reading { said, class_of, .. } = reading;
    let (tried, hits, are_rare) = hits(reading, others);
    let (by_order, as_they_are, samples) = on_moved(table, class_of);
    let tested = table.predicted.iter().filter(|&&samples| samples > 0).count();
    let is_clear = are_rare
        && hits.iter().all(|&hits| hits > 0)
        && (hits[0] + hits[1]) as f64 >= MOST_ERRORS * tried as f64
        && 2 * tried >= tested;
    let wrong = samples - as_they_are;
    let mostly = by_order.found >= MANY_ERRORS * wrong && by_order.above_chance() > 0.0;
    // Of classes that go round (hours, directions) neighbours are confused on both sides.
    let mirrored = reading.shift.map_or(0.0, |by| {
        let classes = class_of.len() as i64;
        table.at_distance(-by) + table.at_distance(by.signum() * (classes - by.abs()))
    });
    (is_clear && mostly && by_order.found >= 2.0 * mirrored).then(|| {
        let [errors, share] = [wrong, by_order.found + as_they_are].map(|all| by_order.found / all);
        let follows = format!(
            "{} of the errors of these classes are none in that order, as where files of two orders were put together; \
             that part seems to be {} of the samples",
            percent(errors),
            percent(share),
        );
        let goes_round = ". Or the classes go round (hours, directions), and the model errs to one side";
        let or = if reading.shift.is_some() { goes_round } else { "" };
        let evidence = [("share_of_errors", json!(errors)), ("share_of_samples", json!(share))];
        named_with(names, class_of, [" in a part of the samples", or], said, &follows, evidence)
    })
}

/// The orders that people mix up: what is said of each, and the class that each label stands for in
/// it.
fn readings(table: &Predicted, names: &[String]) -> Vec<Reading> {
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
        readings.push(Reading { said: said.clone(), class_of: cut, of_kind: classes, shift: Some(by) });
        let said = format!("{said}, going round at the end");
        readings.push(Reading { said, class_of: whole, of_kind: classes, shift: Some(by) });
    }
    let sorting = |said, class_of: Vec<usize>| Reading {
        said,
        class_of: class_of.into_iter().map(Some).collect(),
        of_kind: SORTINGS,
        shift: None,
    };
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
        readings.push(sorting(format!("the columns lie in the order of {what}"), rank));
        readings.push(sorting(format!("the labels lie in the order of {what}"), sorted));
    }
    readings.push(sorting("the labels run backwards".to_owned(), (0..classes).rev().collect()));
    readings
}

/// Classes that have taken each other's place: labels and classes are paired by what ties them
/// most, each once. Where classes whose first label is another's share it with others, the model is
/// weak; and two classes that are alike go to each other about as often as to themselves.
fn one_to_one(table: &Predicted, ties: &[Tie]) -> Option<Reading> {
    let classes = table.num_classes();
    // The best of all K^2 pairs.
    let least = 2.0 * (classes as f64).ln() + BY_CHANCE;
    let (mut class_of, mut label_of) = (vec![None; classes], vec![None; classes]);
    let (mut first_class, mut first_label) = (class_of.clone(), label_of.clone());
    for &Tie { class, label, .. } in ties.iter().take_while(|tie| tie.gain > least) {
        first_label[class].get_or_insert(label);
        first_class[label].get_or_insert(class);
        if class_of[label].is_none() && label_of[class].is_none() {
            (class_of[label], label_of[class]) = (Some(class), Some(label));
        }
    }
    // A label without a class of its own stays where no other took it; a class without samples is nobody's.
    for (label, class) in class_of.iter_mut().enumerate() {
        let is_open = class.is_none() && label_of[label].is_none();
        if is_open || class.is_some_and(|class| table.labelled[class] == 0) {
            *class = Some(label);
        }
    }
    let is_moved = |label: &usize| class_of[*label].is_some_and(|class| class != *label);
    let moved = (0..classes).filter(is_moved).count();
    // Of rare labels that go to frequent ones nothing is asked, unless more classes would have moved than stay.
    let stay = (0..classes).filter(|&class| first_label[class] == Some(class)).count();
    let (first, place_of) = if moved > stay { (first_class, &class_of) } else { (first_label, &label_of) };
    let strays = || (0..classes).filter(|&at| first[at].is_some_and(|other| other != at));
    let granted = strays().filter(|&at| place_of[at] == first[at]).count();
    let (by_order, as_they_are, _) = on_moved(table, &class_of);
    let alike = classes as f64 / 2.0 * improbability(by_order.found, by_order.found + as_they_are, 0.5);
    let is_clear = moved > 1
        && granted as f64 >= MOST * strays().count() as f64
        && by_order.found >= 2.0 * as_they_are
        && alike <= RARELY / 10.0;
    let said = format!("{moved} of {classes} classes have taken each other's place");
    is_clear.then_some(Reading { said, class_of, of_kind: 1, shift: None })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::agreement::tests::predicted;
    use super::*;

    fn names(classes: usize) -> Vec<String> {
        (0..classes).map(|class| class.to_string()).collect()
    }

    /// 30 samples of each class, of which every third goes to one of the three next classes,
    /// labelled by `label`.
    fn labelled(classes: usize, label: impl Fn(usize, usize) -> usize) -> Predicted {
        let truth = |sample: usize| sample % classes;
        let told = |sample: usize| match sample / classes {
            turn if turn.is_multiple_of(3) => (truth(sample) + 1 + turn / 3 % 3) % classes,
            _ => truth(sample),
        };
        let all = 0..30 * classes;
        let labels: Vec<usize> = all.clone().map(|sample| label(truth(sample), sample / classes)).collect();
        predicted(classes, &all.map(told).collect::<Vec<_>>(), &labels)
    }

    fn said(table: &Predicted) -> String {
        warning(table, &names(table.num_classes())).map_or(String::new(), |warning| warning.sentence)
    }

    #[test]
    fn orders_that_are_mixed_up_are_named() {
        assert_eq!(warning(&labelled(12, |class, _| class), &names(12)), None);
        let said = |table: &Predicted, names: &[String]| warning(table, names).unwrap().sentence;
        let shifted = said(&labelled(12, |class, _| (class + 1) % 12), &names(12));
        assert!(shifted.contains("shifted by 1, each 1 above its column, going round") && shifted.contains("66.7 %"));
        let mut sorted = names(12);
        sorted.sort();
        let text = said(&labelled(12, |class, _| sorted[class].parse().unwrap()), &names(12));
        assert!(text.contains("columns lie in the order of numbers sorted as text"), "{text}");
        let animals = ["dog", "cat", "ant", "bee", "elk"].map(String::from);
        let alphabetical = [2, 3, 1, 0, 4];
        let text = said(&labelled(5, |class, _| alphabetical[class]), &animals);
        assert!(text.contains("columns lie in the order of class names"), "{text}");
        assert!(said(&labelled(7, |class, _| 6 - class), &names(7)).contains("backwards"));
        let swapped = said(&labelled(7, |class, _| [0, 5, 2, 3, 4, 1, 6][class]), &names(7));
        assert!(
            swapped.contains("2 of 7 classes have taken each other's place") && swapped.contains("1 → 5, 5 → 1"),
            "{swapped}"
        );
    }

    #[test]
    fn orders_in_a_part_of_the_samples_are_told_from_errors_to_one_side() {
        let next = |class: usize| (class + 1) % 12;
        let table = labelled(12, |class, turn| if turn % 3 == 1 { next(class) } else { class });
        let found = warning(&table, &names(12)).unwrap();
        let words = [
            "in a part of the samples: labels are shifted by 1, each 1 above",
            "50.0 % of the errors",
            "seems to be 50.0 % of the samples",
        ];
        assert!(words.iter().all(|words| found.sentence.contains(words)), "{}", found.sentence);
        assert_eq!(said(&labelled(12, |class, _| class)), "");
        let one_low = |class: usize, turn: usize| if turn % 3 == 1 { (class + 1).min(11) } else { class };
        assert_eq!(said(&labelled(12, one_low)), "", "ages that are guessed a year low");
    }

    #[test]
    fn classes_are_counted_where_samples_fall_together() {
        let model = |classes: usize, label: &dyn Fn(usize) -> usize| said(&labelled(classes, |class, _| label(class)));
        assert!(model(4, &|class| [1, 2, 0, 3][class]).contains("3 of 4 classes have taken each other's place"));
        let fixed = model(20, &|class| if class < 3 { class } else { 3 + (class * 7 + 1) % 17 });
        assert!(fixed.contains("of 20 classes have taken each other's place"), "{fixed}");
        // Behind a last layer without training the samples of a label go to any class, some to that of another order.
        let anywhere: Vec<usize> = (0..2000).map(|sample| sample % 100 * sample % 100 * 37 % 89).collect();
        let labels: Vec<usize> = (0..2000).map(|sample| sample % 100).collect();
        let untrained: Vec<usize> = labels.iter().map(|&label| anywhere[label]).collect();
        assert_eq!(said(&predicted(100, &untrained, &labels)), "");
        // One in four is right, the others go anywhere.
        let weak = |sample: usize| {
            if sample.is_multiple_of(4) { sample / 4 % 10 } else { (sample * sample / 7 + sample) % 10 }
        };
        let told: Vec<usize> = (0..2000).map(weak).collect();
        let shifted: Vec<usize> = (0..2000).map(|sample| (sample / 4 + 1) % 10).collect();
        assert!(said(&predicted(10, &told, &shifted)).contains("shifted by 1, each 1 above its column"));
        // Of a long tail in text order the first classes stay, with most of the samples.
        let sizes = [400, 250, 150, 90, 60, 40, 25, 20, 15, 12, 10];
        let truth: Vec<usize> = (0..11).flat_map(|class| vec![class; sizes[class]]).collect();
        let told: Vec<usize> = truth.iter().enumerate().map(|(at, &class)| class * usize::from(at % 5 > 1)).collect();
        let text = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 2];
        let labels: Vec<usize> = truth.iter().map(|&class| text[class]).collect();
        assert!(said(&predicted(11, &told, &labels)).contains("numbers sorted as text"));
        assert_eq!(said(&predicted(11, &told, &truth)), "");
    }

    /// Where two of ten classes are alike, eight samples of both can all fall to the other by
    /// chance, sixteen hardly.
    #[test]
    fn two_classes_are_exchanged_if_they_are_many() {
        for (each, is_said) in [(4, false), (8, true)] {
            let labels: Vec<usize> = (0..10 * each).map(|sample| sample % 10).collect();
            let told: Vec<usize> = labels.iter().map(|&class| [0, 1, 5, 3, 4, 2, 6, 7, 8, 9][class]).collect();
            assert_eq!(said(&predicted(10, &told, &labels)).contains("2 of 10 classes"), is_said, "{each}");
        }
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

    /// Samples of each of `classes` ordered classes, predicted at a distance of mean `bias` and of
    /// this deviation; at the ends in the last class, or round.
    fn ordered(classes: usize, bias: f64, deviation: f64, round: bool) -> Predicted {
        let mut rng = ChaCha8Rng::seed_from_u64(17);
        let labels: Vec<usize> = (0..2400).map(|sample| sample % classes).collect();
        let mut told = |label: usize| {
            let normal: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            let at = label as i64 + (bias + deviation * normal).round() as i64;
            if round { at.rem_euclid(classes as i64) } else { at.clamp(0, classes as i64 - 1) }
        };
        let told: Vec<usize> = labels.iter().map(|&label| told(label) as usize).collect();
        predicted(classes, &told, &labels)
    }

    #[test]
    fn ordered_classes_with_errors_to_their_neighbours_are_sound_or_said_to_be_possible() {
        for (classes, round) in [(5, false), (10, false), (24, true), (80, false), (80, true)] {
            for (bias, deviation) in
                [(0.0, 0.5), (0.0, 1.0), (0.0, 3.0), (0.4, 0.6), (1.0, 1.0), (2.0, 1.5), (4.0, 4.0)]
            {
                let table = ordered(classes, bias, deviation, round);
                let said = said(&table);
                let what = format!("{classes} classes, bias {bias}, deviation {deviation}, round {round}: {said}");
                assert!(said.is_empty() || said.contains("Or the classes"), "{what}");
                assert!(said.is_empty() || bias > 0.0, "{what}");
            }
        }
        // Labels that are shifted and hit.
        let shifted = said(&ordered(24, 1.0, 0.1, true));
        assert!(shifted.contains("shifted by 1") && !shifted.contains("Or the classes"), "{shifted}");
    }

    #[test]
    fn rare_classes_that_go_to_a_frequent_one_are_no_order() {
        let labels: Vec<usize> = (0..90).map(|sample| sample % 3).collect();
        let told: Vec<usize> = labels.iter().map(|&class| if class == 2 { 1 } else { class }).collect();
        assert_eq!(warning(&predicted(3, &told, &labels), &names(3)), None);
        assert_eq!(warning(&predicted(3, &[0; 90], &labels), &names(3)), None);
    }
}
