//! Counts from samples whose competitor and margin are known already, and counts in parts, as they
//! are kept in files.

use ndarray::{ArrayView1, ArrayView2};

use super::{MarginCounts, for_each_sample};
use crate::confusion::competitor::Competitor;
use crate::confusion::tally::Outcome;
use crate::confusion::{ConfusionError, MarginGrid, Score};

/// A sample of which no scores are needed any more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleMargin {
    /// True class of the sample.
    pub label: usize,
    /// i*, its strongest wrong class, of equal ones the lowest.
    pub competitor: usize,
    /// The label's score less the competitor's, in f64; infinite only where the difference
    /// overflows.
    pub margin: f64,
    /// Tells whether the competitor's score is that of another wrong class, too; of no matter where
    /// the label leads.
    pub competitors_tie: bool,
}

/// Everything that counts consist of.
#[derive(Clone, Debug, PartialEq)]
pub struct MarginParts {
    /// The grid.
    pub grid: MarginGrid,
    /// m_j.
    pub class_counts: Vec<u64>,
    /// Samples whose largest score is attained twice.
    pub top_ties: u64,
    /// Samples of each class with margin 0.
    pub zero_margin: Vec<u64>,
    /// Those of them that are classified correctly.
    pub zero_margin_correct: Vec<u64>,
    /// (true class, competitor, counters) of every pair with a counter above 0, ascending: one
    /// counter for each margin of the grid, of the samples between the margin before and it, and
    /// one for errors.
    pub pairs: Vec<(usize, usize, Vec<u64>)>,
}

/// Reduces scores `[N, K]`, K >= 2, and labels `[N]` to what is counted of each sample.
///
/// # Errors
/// As [`MarginCounts::add_batch`], samples numbered from 0.
pub fn sample_margins<S: Score>(
    logits: ArrayView2<'_, S>,
    labels: ArrayView1<'_, usize>,
) -> Result<Vec<SampleMargin>, ConfusionError> {
    let (samples, num_classes) = logits.dim();
    if num_classes < 2 {
        return Err(ConfusionError::TooFewClasses { num_classes });
    }
    if samples != labels.len() {
        return Err(ConfusionError::WrongNumberOfLabels { samples, labels: labels.len() });
    }
    let mut found = Vec::with_capacity(samples);
    let outcome = for_each_sample(logits, labels, |label, Competitor { index: competitor, margin, top_tie }| {
        found.push(SampleMargin { label, competitor, margin, competitors_tie: top_tie && margin < 0.0 });
    });
    outcome.map(|()| found).map_err(|(row, fault)| fault.at(row as u64, num_classes))
}

impl MarginCounts {
    /// Counts samples whose margins were computed elsewhere, such as on a GPU. After an error the
    /// counts are as before.
    ///
    /// # Errors
    /// [`ConfusionError::LabelOutOfRange`], [`ConfusionError::InvalidMarginOfSample`] for a
    /// competitor that is the label or no class and for a margin that is NaN,
    /// [`ConfusionError::TooManySamples`].
    pub fn add_margins(&mut self, samples: &[SampleMargin]) -> Result<(), ConfusionError> {
        let num_classes = self.num_classes();
        let more = samples.len() as u64;
        let too_many = ConfusionError::TooManySamples { samples: self.samples, more };
        let after = self.samples.checked_add(more).ok_or(too_many)?;
        for (at, &SampleMargin { label, competitor, margin, .. }) in samples.iter().enumerate() {
            let sample = self.samples + at as u64;
            if label >= num_classes {
                return Err(ConfusionError::LabelOutOfRange { sample, label, num_classes });
            }
            if competitor >= num_classes || competitor == label || margin.is_nan() {
                return Err(ConfusionError::InvalidMarginOfSample { sample, competitor, margin });
            }
        }
        for &SampleMargin { label, competitor: index, margin, competitors_tie } in samples {
            let top_tie = margin == 0.0 || (margin < 0.0 && competitors_tie);
            self.record(Outcome::of(label, Competitor { index, margin, top_tie }, &self.grid), 1);
        }
        self.samples = after;
        Ok(())
    }

    /// The counts in parts.
    pub fn to_parts(&self) -> MarginParts {
        let mut pairs: Vec<_> = self.pairs.pairs().map(|(column, row, slots)| (column, row, slots.to_vec())).collect();
        pairs.sort_by_key(|&(column, row, _)| (column, row));
        MarginParts {
            grid: self.grid.clone(),
            class_counts: self.class_counts.clone(),
            top_ties: self.top_ties,
            zero_margin: self.zero_margin.clone(),
            zero_margin_correct: self.zero_margin_correct.clone(),
            pairs,
        }
    }

    /// Counts from parts that may be a stranger's: what no samples can leave behind is refused.
    ///
    /// # Errors
    /// As [`MarginCounts::new`]; [`ConfusionError::NoCounts`].
    pub fn from_parts(parts: &MarginParts) -> Result<Self, ConfusionError> {
        let refuse = |problem: String| Err(ConfusionError::NoCounts { problem });
        let mut counts = Self::new(parts.class_counts.len(), &parts.grid)?;
        let (num_classes, slots) = (counts.num_classes(), counts.slots());
        if [&parts.zero_margin, &parts.zero_margin_correct].iter().any(|list| list.len() != num_classes) {
            return refuse("the numbers of zero margins are not one a class".to_owned());
        }
        let samples = parts.class_counts.iter().try_fold(0u64, |sum, &count| sum.checked_add(count));
        let Some(samples) = samples else { return refuse("more than 2^64 - 1 samples".to_owned()) };
        if parts.top_ties > samples {
            return refuse(format!("{} ties among {samples} samples", parts.top_ties));
        }
        let margins = parts.grid.margins();
        let first_not_below = Some(parts.grid.bucket(0.0)).filter(|&at| at < margins.len());
        let has_zero = first_not_below.is_some_and(|at| margins[at] == 0.0);
        for (at, (column, row, counters)) in parts.pairs.iter().enumerate() {
            let ascending = at == 0 || (parts.pairs[at - 1].0, parts.pairs[at - 1].1) < (*column, *row);
            if !ascending || *column >= num_classes || *row >= num_classes || column == row || counters.len() != slots {
                return refuse(format!("pair {at}, class {row} for class {column}, is out of place"));
            }
            for (slot, &count) in counters.iter().enumerate() {
                let sum = &mut counts.class_slots[column * slots + slot];
                let Some(more) = sum.checked_add(count) else { return refuse(format!("class {column} overflows")) };
                *sum = more;
            }
            // A sample that is wrong has a margin of at most 0.
            let not_above = |upto: usize| counters[..=upto].iter().fold(0u64, |sum, &count| sum.saturating_add(count));
            if first_not_below.is_some_and(|upto| counters[slots - 1] > not_above(upto)) {
                return refuse(format!(
                    "more errors than margins of at most 0 in pair {at}, class {row} for class {column}"
                ));
            }
            counts.pairs.entry(*column, *row).copy_from_slice(counters);
        }
        for class in 0..num_classes {
            let of_class = &counts.class_slots[class * slots..(class + 1) * slots];
            let below = of_class[..slots - 1].iter().try_fold(0u64, |sum, &count| sum.checked_add(count));
            let most = parts.class_counts[class];
            let (zero, correct) = (parts.zero_margin[class], parts.zero_margin_correct[class]);
            if below.is_none_or(|below| below > most) || of_class[slots - 1] > most || zero > most || correct > zero {
                return refuse(format!("class {class} counts more than its {most} samples"));
            }
            // None overflows: all are at most the samples of the class.
            let not_above = first_not_below.map_or(0, |at| of_class[..=at].iter().sum::<u64>());
            if (has_zero && not_above != of_class[slots - 1] + correct)
                || first_not_below.is_some_and(|at| zero > of_class[at])
            {
                return refuse(format!("the margins of class {class} are not those of its errors"));
            }
        }
        counts.samples = samples;
        counts.top_ties = parts.top_ties;
        counts.class_counts.clone_from(&parts.class_counts);
        counts.zero_margin.clone_from(&parts.zero_margin);
        counts.zero_margin_correct.clone_from(&parts.zero_margin_correct);
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;

    fn counted(num_classes: usize) -> (MarginCounts, Array2<f32>, Array1<usize>) {
        // Small integers, so that ties of every kind occur.
        let scores =
            Array2::from_shape_fn((60, num_classes), |(row, class)| ((row * 7 + class * class * 5) % 4) as f32);
        let labels = Array1::from_shape_fn(60, |row| row * row % (num_classes - 1));
        let mut counts = MarginCounts::new(num_classes, &MarginGrid::new(&[-1.0, 0.0, 1.5]).unwrap()).unwrap();
        counts.add_batch(scores.view(), labels.view()).unwrap();
        (counts, scores, labels)
    }

    #[test]
    fn margins_made_elsewhere_count_alike() {
        for num_classes in [3, 5, 20] {
            let (counts, scores, labels) = counted(num_classes);
            let by_definition: Vec<SampleMargin> = scores
                .rows()
                .into_iter()
                .zip(&labels)
                .map(|(row, &label)| {
                    let others = || (0..num_classes).filter(|&class| class != label);
                    let top = others().map(|class| row[class]).fold(f32::NEG_INFINITY, f32::max);
                    let tied: Vec<usize> = others().filter(|&class| row[class] == top).collect();
                    let margin = f64::from(row[label]) - f64::from(top);
                    // Where the label leads, nothing is counted of a tie behind it.
                    let competitors_tie = margin < 0.0 && tied.len() > 1;
                    SampleMargin { label, competitor: tied[0], margin, competitors_tie }
                })
                .collect();
            let samples = sample_margins(scores.view(), labels.view()).unwrap();
            assert_eq!(samples, by_definition);
            let mut again = MarginCounts::new(num_classes, counts.grid()).unwrap();
            again.add_margins(&samples).unwrap();
            assert_eq!(again, counts);
            for (label, competitor, margin) in
                [(num_classes, 0, 1.0), (0, num_classes, 1.0), (1, 1, 0.0), (0, 1, f64::NAN)]
            {
                let bad = SampleMargin { label, competitor, margin, competitors_tie: false };
                assert!(again.add_margins(&[samples[0], bad]).unwrap_err().to_string().starts_with("sample 61"));
                assert_eq!(again, counts);
            }
        }
    }

    #[test]
    fn fewer_than_two_classes_have_no_competitor() {
        let of = |classes: usize| {
            let scores = Array2::<f32>::zeros((2, classes));
            sample_margins(scores.view(), Array1::zeros(2).view()).map(|found| found.len())
        };
        assert_eq!(of(1), Err(ConfusionError::TooFewClasses { num_classes: 1 }));
        assert_eq!(of(2), Ok(2));
    }

    #[test]
    fn parts_are_the_counts() {
        let parts = counted(5).0.to_parts();
        assert_eq!(MarginCounts::from_parts(&parts).unwrap(), counted(5).0);
        assert!(parts.pairs.is_sorted() && parts.top_ties > 0);
    }

    #[test]
    fn what_no_samples_leave_is_refused() {
        let parts = counted(5).0.to_parts();
        let spoiled: [fn(&mut MarginParts); 15] = [
            |parts| {
                let first = parts.pairs[0].clone();
                parts.pairs.insert(0, (first.0, first.1, vec![0; 4]));
            },
            |parts| parts.zero_margin[0] = parts.class_counts[0] + 1,
            |parts| *parts.pairs[0].2.last_mut().unwrap() = 61,
            |parts| parts.zero_margin.truncate(4),
            |parts| parts.class_counts[0] = u64::MAX,
            |parts| parts.top_ties = 61,
            |parts| parts.pairs.swap(0, 1),
            |parts| parts.pairs[0].0 = 5,
            |parts| parts.pairs[0].1 = parts.pairs[0].0,
            |parts| parts.pairs[0].2.push(0),
            |parts| parts.pairs[0].2[0] = u64::MAX,
            |parts| parts.zero_margin_correct[0] = parts.zero_margin[0] + 1,
            |parts| *parts.pairs[0].2.last_mut().unwrap() += 1,
            |parts| parts.pairs[0].2[0] += 1,
            |parts| {
                parts.grid = MarginGrid::new(&[-1.0, 0.5, 1.5]).unwrap();
                parts.pairs[0].2 = vec![0, 0, 1, 1];
            },
        ];
        for (at, spoil) in spoiled.iter().enumerate() {
            let mut parts = parts.clone();
            spoil(&mut parts);
            let refused = MarginCounts::from_parts(&parts);
            assert!(matches!(refused, Err(ConfusionError::NoCounts { .. })), "{at}: {refused:?}");
        }
    }
}
