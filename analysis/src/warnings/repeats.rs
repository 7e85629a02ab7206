//! Samples that are there more than once: rows of scores and labels alike bit for bit.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use car_spectral_formats::predictions::Logits;
use ndarray::ArrayView1;
use serde_json::json;

use crate::report::Warning;
use crate::subject::{Scored, Subject};
use crate::words::{grouped, percent};

/// Bits of a row that two samples hardly share.
const ENOUGH_BITS: f64 = 40.0;
/// Rows, and scores, by which it is judged how rare a score is.
const MOST_ROWS: usize = 1 << 12;
const MOST_SCORES: usize = 1 << 22;

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
    let tells = rows.tells(&originals);
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
    let tells = test.tells(&originals);
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
    /// one sum leave open, are rare enough together among those of other rows. `originals` says which rows are one.
    fn tells(&self, originals: &[(usize, usize)]) -> impl Fn(usize) -> bool {
        let others = Others::of(self, originals);
        move |row| {
            let mut rarity: Vec<(u64, f64)> = self
                .bits(row)
                .into_iter()
                .enumerate()
                .map(|(column, score)| (score, others.bits(column, score, originals[row])))
                .collect();
            rarity.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            rarity.dedup_by_key(|found| found.0);
            let most = rarity.iter().map(|found| found.1).fold(0.0, f64::max);
            rarity.iter().map(|found| found.1).sum::<f64>() - most >= ENOUGH_BITS
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

/// Scores of other rows, by which it is known how rare a score is.
struct Others {
    /// The scores of each column, ascending.
    columns: Vec<Vec<u64>>,
    /// Of how many of the rows each is the first.
    same: HashMap<(usize, usize), usize>,
    rows: usize,
    /// Bits of a score that none of them has.
    unseen: f64,
}

impl Others {
    fn of(rows: &Rows<'_>, originals: &[(usize, usize)]) -> Self {
        let classes = rows.scored.logits.dim().1;
        let most = (MOST_SCORES / classes.max(1)).clamp(64, MOST_ROWS);
        let step = rows.len().div_ceil(most).max(1);
        let (mut columns, mut same) = (vec![Vec::new(); classes], HashMap::new());
        let (mut taken, mut low_zeros) = (0, u32::MAX);
        for row in (0..rows.len()).step_by(step) {
            for (column, score) in columns.iter_mut().zip(rows.bits(row)) {
                // As float32, which float16 and bfloat16 are made into.
                low_zeros = low_zeros.min((f64::from_bits(score) as f32).to_bits().trailing_zeros());
                column.push(score);
            }
            *same.entry(originals[row]).or_default() += 1;
            taken += 1;
        }
        columns.iter_mut().for_each(|column| column.sort_unstable());
        let unseen = match low_zeros {
            16.. => 8.0,
            13.. => 11.0,
            _ => 20.0,
        };
        Self { columns, same, rows: taken, unseen }
    }

    /// -log2 of the share of other rows that have this score there.
    fn bits(&self, column: usize, score: u64, original: (usize, usize)) -> f64 {
        let scores = &self.columns[column];
        let with = scores.partition_point(|&other| other <= score) - scores.partition_point(|&other| other < score);
        let own = self.same.get(&original).copied().unwrap_or(0);
        match with.saturating_sub(own) {
            0 => self.unseen,
            others => -(others as f64 / self.rows.saturating_sub(own).max(1) as f64).log2(),
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
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

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

    /// 3,000 rows of ten classes, sure of one, each different before it is written with `digits` decimals; row 7 stands
    /// once more at the end.
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
        let originals = first_of_each(&[&rows]).remove(0);
        let tells = rows.tells(&originals);
        (0..rows.len()).filter(|&row| originals[row] != (0, row) && tells(row)).collect()
    }

    /// Sure networks write few different numbers: rows of them are alike by chance.
    #[test]
    fn rows_that_are_alike_by_chance_are_no_repeats() {
        for digits in [4, 5, 6] {
            let rows = softmax(digits);
            let alike = first_of_each(&[&Rows::of(&rows).unwrap()]).remove(0);
            let alike = (0..3000).filter(|&row| alike[row] != (0, row)).count();
            assert!(digits == 6 || alike > 0, "{digits}: {alike} rows are alike by chance");
            assert!(found(&rows).iter().all(|&row| row == 3000), "{digits}");
        }
        assert_eq!(found(&softmax(12)), [3000]);
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
