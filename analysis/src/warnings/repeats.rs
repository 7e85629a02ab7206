//! Samples that are there more than once: rows of scores and labels alike bit for bit.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use car_spectral_formats::predictions::{Block, Logits};
use ndarray::ArrayView1;
use serde_json::json;

use crate::report::Warning;
use crate::subject::{Scored, Subject};
use crate::words::{grouped, percent};

/// Bits of a row that two samples hardly share.
const ENOUGH_BITS: usize = 40;

/// Warns of test and training rows that repeat an earlier one, and of test rows that are among the training rows.
pub(super) fn warnings(subject: &Subject) -> Vec<Warning> {
    let test = Rows::of(&subject.test);
    let train = subject.train.as_ref().and_then(Rows::of);
    let mut found: Vec<Warning> = test.iter().filter_map(|rows| repeated(subject, "test", rows)).collect();
    found.extend(train.iter().filter_map(|rows| repeated(subject, "training", rows)));
    if let (Some(test), Some(train)) = (&test, &train) {
        found.extend(among_training(test, train));
    }
    found
}

fn repeated(subject: &Subject, part: &str, rows: &Rows<'_>) -> Option<Warning> {
    let originals = first_of_each(&[rows]).remove(0);
    if (0..rows.len()).all(|row| originals[row] == (0, row)) {
        return None;
    }
    let tells = rows.tells();
    let repeats: Vec<usize> = (0..rows.len()).filter(|&row| originals[row] != (0, row) && tells(row)).collect();
    let first = *repeats.first()?;
    let classes = subject.class_names.len();
    let (mut samples, mut errors, mut repeats_of) = (vec![0u64; classes], vec![0u64; classes], vec![0u64; classes]);
    let (mut all_samples, mut all_errors) = (samples.clone(), errors.clone());
    let predicted = rows.scored.logits.predicted();
    for (row, &label) in rows.scored.labels.iter().enumerate() {
        let wrong = u64::from(predicted[row] != label);
        all_samples[label] += 1;
        all_errors[label] += wrong;
        if originals[row] == (0, row) || !tells(row) {
            samples[label] += 1;
            errors[label] += wrong;
        } else {
            repeats_of[label] += 1;
        }
    }
    let most = (0..classes).max_by_key(|&class| (repeats_of[class], std::cmp::Reverse(class)))?;
    let once = (rows.len() - repeats.len()) as u64;
    let sentence = format!(
        "{} of {} {part} samples repeat an earlier one bit for bit, scores and label (the first: sample {first} repeats \
         {}), as when samples are repeated to fill up processes, or a data set holds an image twice. With each once there are {} samples; of class {}, {} of {} are \
         wrong instead of {} of {}. Intervals take samples for independent: give each sample once",
        grouped(repeats.len() as u64),
        grouped(rows.len() as u64),
        originals[first].1,
        grouped(once),
        subject.class_names[most],
        errors[most],
        samples[most],
        all_errors[most],
        all_samples[most],
    );
    let evidence = [
        ("part", json!(part)),
        ("repeats", json!(repeats.len())),
        ("first", json!([first, originals[first].1])),
        ("samples_once", json!(once)),
        ("class_counts_once", json!(samples)),
        ("class_errors_once", json!(errors)),
    ];
    Some(Warning::new("repeated-rows", sentence, evidence))
}

fn among_training(test: &Rows<'_>, train: &Rows<'_>) -> Option<Warning> {
    let originals = first_of_each(&[train, test]).remove(1);
    if originals.iter().all(|original| original.0 == 1) {
        return None;
    }
    let tells = test.tells();
    let shared: Vec<usize> = (0..test.len()).filter(|&row| originals[row].0 == 0 && tells(row)).collect();
    let first = *shared.first()?;
    let predicted = test.scored.logits.predicted();
    let accuracy = |rows: &mut dyn Iterator<Item = usize>| {
        let right: Vec<bool> = rows.map(|row| predicted[row] == test.scored.labels[row]).collect();
        right.iter().filter(|&&right| right).count() as f64 / right.len() as f64
    };
    let new = (0..test.len()).filter(|&row| originals[row].0 != 0 || !tells(row));
    let (all, without) = (accuracy(&mut (0..test.len())), accuracy(&mut new.clone()));
    let without_them = if new.count() == 0 {
        "No other is left".to_owned()
    } else if percent(without) == percent(all) {
        format!("Without them the accuracy stays {}", percent(all))
    } else {
        format!("Without them the accuracy is {} instead of {}", percent(without), percent(all))
    };
    let sentence = format!(
        "{} of {} test samples are among the training samples bit for bit, scores and label (the first: test sample \
         {first} is training sample {}): their errors say nothing of new images. {without_them}; take them out of the \
         test",
        grouped(shared.len() as u64),
        grouped(test.len() as u64),
        originals[first].1,
    );
    let evidence = [
        ("samples", json!(shared.len())),
        ("first", json!([first, originals[first].1])),
        ("accuracy_without", json!(Some(without).filter(|share| share.is_finite()))),
    ];
    Some(Warning::new("test-in-training", sentence, evidence))
}

/// Rows of scores with their labels.
struct Rows<'a> {
    scored: &'a Scored,
}

impl<'a> Rows<'a> {
    /// `None` without scores.
    fn of(scored: &'a Scored) -> Option<Self> {
        (!matches!(scored.logits, Logits::Classes(_) | Logits::Counted(_))).then_some(Self { scored })
    }

    /// A number for the label and the first scores of each row.
    fn beginnings(&self, hasher: &RandomState) -> Vec<u64> {
        let beginnings = self.scored.logits.beginnings();
        beginnings.iter().zip(&self.scored.labels).map(|place| hasher.hash_one(place)).collect()
    }

    fn len(&self) -> usize {
        self.scored.labels.len()
    }

    /// Tells whether a row is hardly that of two samples by chance: whether its different scores but one, which rows of
    /// one sum leave open, hold enough bits.
    fn tells(&self) -> impl Fn(usize) -> bool {
        let mut bits = ScoreBits { low_zeros: u32::MAX, decimals: true };
        // What cannot be read again tells nothing.
        let read = self.scored.for_each_block(|block, _| {
            match block {
                Block::F32(scores) => bits.add(scores.iter().copied()),
                Block::F64(scores) => bits.add(scores.iter().map(|&score| score as f32)),
            }
            Ok(())
        });
        let bits = if read.is_ok() { bits.of_a_score() } else { 0 };
        move |row| {
            let mut different = self.bits(row);
            different.sort_unstable();
            different.dedup();
            (different.len() - 1) * bits >= ENOUGH_BITS
        }
    }

    /// The bits of the scores of a row as numbers of 64 bits, of which 0 and -0 are one.
    fn bits(&self, row: usize) -> Vec<u64> {
        match &self.scored.logits {
            Logits::F32(scores) => of(scores.row(row)),
            Logits::F64(scores) => of(scores.row(row)),
            Logits::Stored(scores) => scores.row(row).map_or_else(|_| vec![row as u64], |row| of((&row).into())),
            Logits::Classes(_) | Logits::Counted(_) => Vec::new(),
        }
    }
}

/// The bits of the scores of a row as numbers of 64 bits, of which 0 and -0 are one.
fn of<T: Copy + Into<f64>>(row: ArrayView1<'_, T>) -> Vec<u64> {
    row.iter().map(|&score| (score.into() + 0.0_f64).to_bits()).collect()
}

/// What scores have in common that come block by block.
struct ScoreBits {
    /// Bits at the end that are 0 in all.
    low_zeros: u32,
    /// Whether all are cut to four decimals.
    decimals: bool,
}

impl ScoreBits {
    fn add(&mut self, scores: impl Iterator<Item = f32> + Clone) {
        let low_zeros = scores.clone().map(|score| score.to_bits().trailing_zeros()).min().unwrap_or(0);
        self.low_zeros = self.low_zeros.min(low_zeros);
        let is_cut = |score: f32| (f64::from(score) * 1e4 - (f64::from(score) * 1e4).round()).abs() < 2e-3;
        self.decimals = self.decimals && scores.clone().all(is_cut);
    }

    /// How many bits of a score differ from sample to sample: few where scores are bfloat16 or float16 numbers, or cut
    /// to four decimals.
    fn of_a_score(&self) -> usize {
        match self.low_zeros {
            16.. => 6,
            13.. => 9,
            _ if self.decimals => 5,
            _ => 20,
        }
    }
}

/// For each row of each list the first row, list by list, that is the same: (list, row).
fn first_of_each(lists: &[&Rows<'_>]) -> Vec<Vec<(usize, usize)>> {
    let hasher = RandomState::new();
    let all = || lists.iter().enumerate().flat_map(|(list, rows)| (0..rows.len()).map(move |row| (list, row)));
    let label = |(list, row): (usize, usize)| lists[list].scored.labels[row];
    let bits = |(list, row): (usize, usize)| lists[list].bits(row);
    // Few rows share their first scores with another: whole rows are read of those alone.
    let beginnings: Vec<u64> = lists.iter().flat_map(|rows| rows.beginnings(&hasher)).collect();
    let mut times: HashMap<u64, u32> = HashMap::new();
    beginnings.iter().for_each(|&hash| *times.entry(hash).or_default() += 1);
    let mut firsts: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
    let mut found: Vec<Vec<(usize, usize)>> = lists.iter().map(|rows| Vec::with_capacity(rows.len())).collect();
    for (place, hash) in all().zip(beginnings) {
        let mut original = place;
        if times[&hash] > 1 {
            let whole = bits(place);
            let alike = firsts.entry(hasher.hash_one((label(place), &whole))).or_default();
            let same = |&&first: &&(usize, usize)| label(first) == label(place) && bits(first) == whole;
            match alike.iter().find(same) {
                Some(&first) => original = first,
                None => alike.push(place),
            }
        }
        found[place.0].push(original);
    }
    found
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;

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

    #[test]
    fn rows_are_the_same_with_every_score_and_the_label() {
        let (a, b) = (scored(40, &[(7, 2), (39, 2)]), scored(12, &[(5, 3)]));
        let found = first_of_each(&[&Rows::of(&a).unwrap()]).remove(0);
        let repeats: Vec<usize> = (0..40).filter(|&row| found[row] != (0, row)).collect();
        assert_eq!((repeats, found[7], found[39]), (vec![7, 39], (0, 2), (0, 2)));
        let (a, b) = (Rows::of(&a).unwrap(), Rows::of(&b).unwrap());
        let shared = first_of_each(&[&a, &b]).remove(1);
        let own: Vec<usize> = (0..12).filter(|&row| shared[row].0 == 1).collect();
        assert_eq!(own, [7], "row 7 of the first list was overwritten, and no other");
        assert_eq!(shared[5], (0, 3));
        let mut other = scored(12, &[]);
        other.labels[4] = 1 - other.labels[4];
        assert_eq!(first_of_each(&[&b, &Rows::of(&other).unwrap()]).remove(1)[4], (1, 4), "another label");
    }
}
