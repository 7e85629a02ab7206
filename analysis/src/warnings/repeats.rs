//! Samples that are there more than once: rows of scores and labels alike bit for bit, or nearly.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::near::near;
use super::rows::{First, Others, Place, Rows, copied, first_of_each, is_flat};
use crate::results::Warning;
use crate::subject::Subject;
use crate::words::{grouped, percent, points};

/// Shares of the sets of equal scores, those with several labels and those of more than two rows,
/// where equal scores are what the model gives to different samples, as trees do.
const MIXED: std::ops::Range<f64> = 0.1..0.8;
const OF_MANY: f64 = 0.2;

/// Share of a class's samples up to which repeats change no interval to speak of.
const FEW_OF_A_CLASS: f64 = 0.01;

/// Share of the rows up to which equal ones are no sign of rows that were mixed up.
const FEW_ROWS: f64 = 0.001;

/// What else equal rows may be that follow no sequence.
const FEW: &str = "the model gives equal scores to different samples, as trees and models of few features do, which is \
                   no fault";

/// Warns of test and training rows that repeat an earlier one, and of test rows that are among the
/// training rows.
pub(super) fn warnings(subject: &Subject) -> Vec<Warning> {
    let test = Rows::of(&subject.test);
    let train = subject.train.as_ref().and_then(Rows::of);
    let parts = [("test", &test), ("training", &train)];
    let mut found: Vec<Warning> = parts
        .into_iter()
        .filter_map(|(part, rows)| Some(within(&subject.class_names, part, rows.as_ref()?)))
        .flatten()
        .collect();
    if let (Some(test), Some(train)) = (&test, &train) {
        found.extend(among_training(test, train));
    }
    found
}

/// What is said of the rows of one part.
fn within(names: &[String], part: &str, rows: &Rows<'_>) -> Vec<Warning> {
    let firsts = first_of_each(&[rows]);
    let nearly = near(&[rows], &firsts);
    let alike = Alike::of(&[rows], &firsts);
    let warning = |id: &str, count: usize, first: &[usize], said: String| {
        let sentence = format!("{} of {} {part} samples {said}", grouped(count as u64), grouped(rows.len() as u64));
        Warning::new(id, sentence, [("part", json!(part)), ("samples", json!(count)), ("first", json!(first))])
    };
    let nearly = nearly.first().map(|&(first, like)| {
        let said = format!(
            "repeat an earlier one but for rounding, scores and label (the first: sample {first} repeats {like}), as when \
             a sample is computed again in a batch of another size. Intervals take samples for independent: give each \
             once. Or {FEW}"
        );
        warning("repeated-rows", nearly.len(), &[first, like], said)
    });
    let relabelled = alike.relabelled.first_key_value().map(|(&row, &like)| {
        let [own, other] = [row, like].map(|row| &names[rows.scored.labels[row]]);
        let is_many = alike.relabelled.len() as f64 > FEW_ROWS * rows.len() as f64;
        let many = if is_many { "the scores were written to the wrong rows, " } else { "" };
        let most = off_by(rows, &alike.relabelled);
        let said = format!(
            "have exactly the scores of an earlier sample but another label (the first: sample {row}, labelled {own}, \
             and {like}, labelled {other}): {many}one of the labels is wrong, or {FEW}. If labels are wrong, an error of a \
             class is off by at most {}",
            points(most)
        );
        warning("relabelled-rows", alike.relabelled.len(), &[row, like], said).within(most)
    });
    let flat = alike.flat.first().map(|&first| {
        let said = format!(
            "have the same score for every class (the first: sample {first}), as rows that were never filled: they count \
             for the first class; leave them out"
        );
        warning("flat-rows", alike.flat.len(), &[first], said)
    });
    [repeated(names, part, rows, &alike), nearly, relabelled, flat].into_iter().flatten().collect()
}

/// The largest share of a class that either label of these pairs of rows makes.
fn off_by(rows: &Rows<'_>, pairs: &BTreeMap<usize, usize>) -> f64 {
    let mut touched: BTreeMap<usize, u64> = BTreeMap::new();
    for row in pairs.iter().flat_map(|(&row, &like)| [row, like]) {
        *touched.entry(rows.scored.labels[row]).or_default() += 1;
    }
    let of = |class: usize| rows.scored.labels.iter().filter(|&&label| label == class).count() as f64;
    touched.into_iter().map(|(class, count)| (count as f64 / of(class)).min(1.0)).fold(0.0, f64::max)
}

/// Rows of the last of the lists that are like another, and not by chance.
struct Alike {
    /// Like an earlier one in scores and label, which is named.
    repeats: BTreeMap<usize, usize>,
    /// Like an earlier one in scores alone, and none in both.
    relabelled: BTreeMap<usize, usize>,
    /// Rows without any difference between classes, one more than once.
    flat: BTreeSet<usize>,
    /// Whether all repeats are those of a sequence of rows.
    in_sequence: bool,
}

impl Alike {
    fn of(lists: &[&Rows<'_>], firsts: &[Vec<First>]) -> Self {
        let own = lists.len() - 1;
        let rows = lists[own];
        let counts = |place: Place, row: usize| place != (own, row) && (own == 0 || place.0 == 0);
        let mut found =
            Self { repeats: BTreeMap::new(), relabelled: BTreeMap::new(), flat: BTreeSet::new(), in_sequence: true };
        let alike: Vec<usize> = (0..rows.len()).filter(|&row| counts(firsts[own][row].scores, row)).collect();
        if alike.is_empty() {
            return found;
        }
        let (others, copied) = (Others::of(rows, &firsts[own]), copied(lists, firsts, own));
        // Of each set of equal scores the rows behind the first, and whether they have several labels.
        let mut sets: BTreeMap<Place, (usize, bool)> = BTreeMap::new();
        for row in alike {
            let First { scores, all } = firsts[own][row];
            let is_repeat = counts(all, row);
            let (rows_of_set, is_mixed) = sets.entry(scores).or_default();
            (*rows_of_set, *is_mixed) = (*rows_of_set + 1, *is_mixed || !is_repeat);
            let tells = others.tell(row);
            if tells && is_flat(&rows.scores(row)) {
                found.flat.extend((own == scores.0).then_some(scores.1).into_iter().chain([row]));
                continue;
            }
            if !copied[row] && !tells {
                continue;
            }
            let (list, like) = if is_repeat { (&mut found.repeats, all.1) } else { (&mut found.relabelled, scores.1) };
            list.insert(row, like);
        }
        let share = |of: &dyn Fn(&(usize, bool)) -> bool, fewest: usize| {
            let with = sets.values().filter(|set| of(set)).count();
            if with < fewest { 0.0 } else { with as f64 / sets.len() as f64 }
        };
        if MIXED.contains(&share(&|set| set.1, 2)) || share(&|set| set.0 > 1, 3) >= OF_MANY {
            found.repeats.retain(|&row, _| copied[row]);
            found.relabelled.clear();
        }
        found.in_sequence = found.repeats.keys().all(|&row| copied[row]);
        found
    }
}

fn repeated(names: &[String], part: &str, rows: &Rows<'_>, alike: &Alike) -> Option<Warning> {
    let Alike { repeats, in_sequence, .. } = alike;
    let (&first, &like) = repeats.first_key_value()?;
    let classes = names.len();
    let (mut samples, mut errors, mut repeats_of) = (vec![0u64; classes], vec![0u64; classes], vec![0u64; classes]);
    let (mut all_samples, mut all_errors) = (samples.clone(), errors.clone());
    let predicted = rows.scored.logits.predicted();
    for (row, &label) in rows.scored.labels.iter().enumerate() {
        let wrong = u64::from(predicted[row] != label);
        all_samples[label] += 1;
        all_errors[label] += wrong;
        if repeats.contains_key(&row) {
            repeats_of[label] += 1;
        } else {
            samples[label] += 1;
            errors[label] += wrong;
        }
    }
    let most = (0..classes).max_by_key(|&class| (repeats_of[class], std::cmp::Reverse(class)))?;
    let once = (rows.len() - repeats.len()) as u64;
    let change = moved(&all_errors, &all_samples, &errors, &samples);
    let or = if *in_sequence { String::new() } else { format!(". Or {FEW}") };
    let sentence = format!(
        "{} of {} {part} samples have exactly the scores and the label of an earlier one (the first: sample {first} repeats \
         {}), as when a sampler fills up the last batch, or a data set holds a sample twice. With each once \
         there are {} samples; of class {}, {} of {} are wrong instead of {} of {}, and {}. Intervals take samples for independent: give each sample once{or}",
        grouped(repeats.len() as u64),
        grouped(rows.len() as u64),
        like,
        grouped(once),
        names[most],
        errors[most],
        samples[most],
        all_errors[most],
        all_samples[most],
        at_most(change),
    );
    let evidence = [
        ("part", json!(part)),
        ("repeats", json!(repeats.len())),
        ("first", json!([first, like])),
        ("samples_once", json!(once)),
        ("class_counts_once", json!(samples)),
        ("class_errors_once", json!(errors)),
    ];
    let warning = Warning::new("repeated-rows", sentence, evidence);
    // Of a test set that is there twice no error changes, but every interval: so few that neither does.
    let are_few = repeats_of.iter().zip(&all_samples).all(|(&twice, &all)| twice as f64 <= FEW_OF_A_CLASS * all as f64);
    Some(if are_few { warning.within(change) } else { warning })
}

/// Changes of a class's error below this are of no weight.
const LEAST_CHANGE: f64 = 0.001;

/// The largest change of the error of a class.
fn moved(errors: &[u64], samples: &[u64], errors_once: &[u64], samples_once: &[u64]) -> f64 {
    let share = |errors: u64, samples: u64| if samples == 0 { 0.0 } else { errors as f64 / samples as f64 };
    let change = |j: usize| (share(errors[j], samples[j]) - share(errors_once[j], samples_once[j])).abs();
    (0..errors.len()).map(change).fold(0.0, f64::max)
}

fn at_most(change: f64) -> String {
    match change {
        0.0 => "no class's error changes".to_owned(),
        most if most < LEAST_CHANGE => "no class's error changes by as much as 0.1 points".to_owned(),
        most => format!("no class's error changes by more than {}", points(most)),
    }
}

fn among_training(test: &Rows<'_>, train: &Rows<'_>) -> Option<Warning> {
    let lists = [train, test];
    let firsts = first_of_each(&lists);
    let exact = Alike::of(&lists, &firsts).repeats;
    let nearly = near(&lists, &firsts);
    let how = if nearly.is_empty() { "bit for bit" } else { "but for rounding" };
    let shared: BTreeMap<usize, usize> = exact.into_iter().chain(nearly).collect();
    let (&first, &like) = shared.first_key_value()?;
    let predicted = test.scored.logits.predicted();
    let accuracy = |rows: &mut dyn Iterator<Item = usize>| {
        let right: Vec<bool> = rows.map(|row| predicted[row] == test.scored.labels[row]).collect();
        right.iter().filter(|&&right| right).count() as f64 / right.len() as f64
    };
    let new = (0..test.len()).filter(|row| !shared.contains_key(row));
    let (all, without) = (accuracy(&mut (0..test.len())), accuracy(&mut new.clone()));
    let without_them = if new.count() == 0 {
        "No other is left".to_owned()
    } else if percent(without) == percent(all) {
        format!("Without them the accuracy stays {}", percent(all))
    } else {
        format!("Without them the accuracy is {} instead of {}", percent(without), percent(all))
    };
    let sentence = format!(
        "{} of {} test samples are among the training samples {how}, scores and label (the first: test sample \
         {first} is training sample {}): their errors say nothing of new images. {without_them}; take them out of the \
         test",
        grouped(shared.len() as u64),
        grouped(test.len() as u64),
        like,
    );
    let evidence = [
        ("samples", json!(shared.len())),
        ("first", json!([first, like])),
        ("accuracy_without", json!(Some(without).filter(|share| share.is_finite()))),
    ];
    Some(Warning::new("test-in-training", sentence, evidence))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::subject::Scored;
    use car_spectral_formats::predictions::Logits;

    fn scored(samples: usize, repeats: &[(usize, usize)]) -> Scored {
        let mut scores =
            Array2::from_shape_fn((samples, 10), |(n, k)| (if k < 8 { n / 4 } else { n * 10 + k }) as f32 * 0.1);
        let mut labels = Array1::from_shape_fn(samples, |n| n / 4 % 2);
        for &(to, from) in repeats {
            let row = scores.row(from).to_owned();
            scores.row_mut(to).assign(&row);
            labels[to] = labels[from];
        }
        Scored { logits: Logits::F32(scores), labels }
    }

    /// 3,000 rows of ten classes, sure of one, each different before it is written with `digits`
    /// decimals; row 7 stands once more at the end.
    fn softmax(digits: i32) -> Scored {
        let mut rng = ChaCha8Rng::seed_from_u64(20);
        let mut scores = Array2::from_shape_simple_fn((3001, 10), || 3.0 * (rng.random::<f64>() - 0.5));
        let labels = Array1::from_shape_fn(3001, |n| if n == 3000 { 7 } else { n % 10 });
        for (n, mut row) in scores.rows_mut().into_iter().enumerate() {
            row[n % 10] += 12.0;
            let total: f64 = row.iter().map(|score| score.exp()).sum();
            let unit = 10f64.powi(digits);
            row.mapv_inplace(|score| (score.exp() / total * unit).round() / unit);
        }
        let again = scores.row(7).to_owned();
        scores.row_mut(3000).assign(&again);
        Scored { logits: Logits::F64(scores), labels }
    }

    fn found(scored: &Scored) -> Vec<usize> {
        let rows = Rows::of(scored).unwrap();
        let firsts = first_of_each(&[&rows]);
        Alike::of(&[&rows], &firsts).repeats.into_keys().collect()
    }

    #[test]
    fn what_repeats_and_wrong_labels_change_at_most_is_said() {
        // 27 of 124 and 21 of 100 wrong: 21.774 and 21 %.
        let of = |once: u64| at_most(moved(&[27, 5, 0], &[124, 50, 0], &[once, 5, 0], &[100, 50, 0]));
        assert_eq!(of(21), "no class's error changes by more than 0.774 points");
        assert_eq!(at_most(moved(&[2, 1], &[4, 2], &[1, 1], &[2, 2])), "no class's error changes");
        let little = at_most(moved(&[1, 0], &[477, 9], &[1, 0], &[473, 9]));
        assert_eq!(little, "no class's error changes by as much as 0.1 points");
        let scored = scored(16, &[]);
        let rows = Rows::of(&scored).unwrap();
        // Labels 0 0 0 0 1 1 1 1 0 0 0 0 ...: of class 1 rows 5 and 6, of class 0 row 9; each class has eight.
        assert_eq!(off_by(&rows, &BTreeMap::from([(5, 9), (6, 9)])), 2.0 / 8.0);
    }

    /// Sure networks write few different numbers: rows of them are alike by chance.
    #[test]
    fn rows_that_are_alike_by_chance_are_no_repeats() {
        for digits in [4, 5, 6] {
            let rows = softmax(digits);
            let alike = first_of_each(&[&Rows::of(&rows).unwrap()]).remove(0);
            let alike = (0..3000).filter(|&row| alike[row].all != (0, row)).count();
            assert!(digits == 6 || alike > 0, "{digits}: {alike} rows are alike by chance");
            assert!(found(&rows).iter().all(|&row| row == 3000), "{digits}");
        }
        assert_eq!(found(&softmax(12)), [3000]);
    }

    /// Rows of `classes` scores on a grid of 1/`steps`, `samples` of them, followed by those that
    /// `again` names.
    fn coarse(classes: usize, steps: f64, samples: usize, again: impl Iterator<Item = usize>) -> Scored {
        let mut rng = ChaCha8Rng::seed_from_u64(21);
        let order: Vec<usize> = (0..samples).chain(again).collect();
        let mut random = || 4.0 * (rng.random::<f64>() + rng.random::<f64>() - 1.0);
        let mut once = Array2::from_shape_simple_fn((samples, classes), || (random() * steps).round() / steps);
        (0..samples).for_each(|n| once[(n, n * classes / samples)] += 3.0);
        let labels = Array1::from_iter(order.iter().map(|&n| n * classes / samples));
        Scored { logits: Logits::F64(once.select(ndarray::Axis(0), &order)), labels }
    }

    #[test]
    fn copies_of_a_sequence_are_found_where_single_rows_say_nothing() {
        let alike = |scored: &Scored| {
            let firsts = first_of_each(&[&Rows::of(scored).unwrap()]).remove(0);
            firsts.iter().enumerate().filter(|(row, first)| first.all != (0, *row)).count()
        };
        let twice = coarse(3, 2.0, 600, 0..600);
        assert!(alike(&twice) > 620, "some are alike by chance");
        assert_eq!(found(&twice), (600..1200).collect::<Vec<_>>());
        assert_eq!(found(&coarse(3, 2.0, 600, 0..21)), (600..621).collect::<Vec<_>>());
        let sound = coarse(3, 1.0, 600, 0..0);
        assert!(alike(&sound) > 100 && found(&sound).is_empty());
    }

    fn said(scored: &Scored) -> Vec<(String, String)> {
        let names: Vec<String> = (0..scored.logits.dim().1).map(|class| class.to_string()).collect();
        within(&names, "test", &Rows::of(scored).unwrap())
            .into_iter()
            .map(|warning| (warning.id, warning.sentence))
            .collect()
    }

    #[test]
    fn rows_that_differ_in_rounding_or_label_or_nothing_are_named() {
        let fine = |again| coarse(5, 1e12, 200, again);
        let change = |scores: &mut Scored, by: &dyn Fn(usize, f64) -> f64| {
            let Logits::F64(rows) = &mut scores.logits else { panic!() };
            rows.indexed_iter_mut().for_each(|((row, _), score)| *score = by(row, *score));
        };
        let mut near = fine(0..30);
        change(&mut near, &|row, score| if row < 200 { score } else { score * (1.0 + 1e-6) });
        let sentence = said(&near).remove(0).1;
        assert!(sentence.starts_with("30 of 230 test samples repeat an earlier one but for rounding"), "{sentence}");
        change(&mut near, &|row, score| if row < 200 { score } else { score * 1.01 });
        assert_eq!(said(&near), []);
        let mut relabelled = fine(0..30);
        (200..230).for_each(|row| relabelled.labels[row] = 4);
        let found = said(&relabelled).remove(0);
        assert_eq!(found.0, "relabelled-rows");
        assert!(found.1.contains("30 of 230") && found.1.contains("sample 200, labelled 4, and 0, labelled 0"));
        let mut empty = fine(0..0);
        change(&mut empty, &|row, score| if row < 190 { score } else { 0.0 });
        let found = said(&empty);
        assert!(found.len() == 1 && found[0].0 == "flat-rows" && found[0].1.starts_with("10 of 200"), "{found:?}");
        change(&mut empty, &|_, score| score.max(1.0));
        assert_eq!(said(&empty), [], "scores that are cut leave some rows without any difference");
    }

    /// Of a test set that is there twice no error changes, and yet no interval holds.
    #[test]
    fn only_a_few_repeats_are_a_small_doubt() {
        let small = |scored: Scored| {
            let class_names = (0..10).map(|class| class.to_string()).collect();
            let subject = Subject { class_names, ..Subject::new("m".into(), scored) };
            warnings(&subject).iter().map(Warning::is_small).collect::<Vec<_>>()
        };
        assert_eq!(small(coarse(10, 1e12, 3000, std::iter::once(7))), [true]);
        assert_eq!(small(coarse(10, 1e12, 200, 0..200)), [false]);
    }

    /// Two full scores tell samples apart, unless rows of one sum leave one alone.
    #[test]
    fn two_classes_are_enough_if_both_scores_are_free() {
        let mut free = coarse(2, 1e12, 300, (0..40).map(|n| 7 * n % 300));
        assert_eq!(found(&free).len(), 40);
        let Logits::F64(rows) = &mut free.logits else { panic!() };
        rows.rows_mut().into_iter().for_each(|mut row| row[1] = 1.0 - row[0]);
        assert!(found(&free).is_empty());
    }

    /// Trees give many samples one row, whatever their label.
    #[test]
    fn rows_that_a_model_gives_to_different_samples_are_no_repeats() {
        let mut rng = ChaCha8Rng::seed_from_u64(22);
        assert!(found(&coarse(10, 1e12, 200, (0..400).map(|_| rng.random_range(0..200)))).is_empty());
        let mut pairs = coarse(10, 1e12, 199, (0..199).map(|n| 83 * n % 199));
        assert_eq!(found(&pairs).len(), 199);
        (199..398).filter(|row| row % 7 == 0).for_each(|row| pairs.labels[row] = (pairs.labels[row] + 1) % 10);
        assert!(found(&pairs).is_empty());
    }

    #[test]
    fn rows_are_the_same_with_every_score_and_the_label() {
        let (a, b) = (scored(40, &[(7, 2), (39, 2)]), scored(12, &[(5, 3)]));
        let found = first_of_each(&[&Rows::of(&a).unwrap()]).remove(0);
        let repeats: Vec<usize> = (0..40).filter(|&row| found[row].all != (0, row)).collect();
        assert_eq!((repeats, found[7].all, found[39].all), (vec![7, 39], (0, 2), (0, 2)));
        let (a, b) = (Rows::of(&a).unwrap(), Rows::of(&b).unwrap());
        let shared = first_of_each(&[&a, &b]).remove(1);
        let own: Vec<usize> = (0..12).filter(|&row| shared[row].all.0 == 1).collect();
        assert_eq!(own, [7], "row 7 of the first list was overwritten, and no other");
        assert_eq!(shared[5].all, (0, 3));
        let mut other = scored(12, &[]);
        other.labels[4] = 1 - other.labels[4];
        let relabelled = first_of_each(&[&b, &Rows::of(&other).unwrap()]).remove(1)[4];
        assert_eq!(relabelled, First { scores: (0, 4), all: (1, 4) }, "another label");
    }
}
