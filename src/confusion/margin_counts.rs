//! Mergeable integer counts of margin confusions (D1), for a whole grid of margins in one pass over
//! the scores.
//!
//! ```text
//! slot(q)     = position of the smallest g of the grid with margin_q <= g
//! n[s][i][j]  = #{ q : y_q = j, i*(q) = i, slot(q) = s }
//! m_j C_g[i][j] = sum over s up to the position of g of n[s][i][j]
//! ```

pub(super) mod parts;

use multiversion::multiversion;
use ndarray::{Array2, ArrayView1, ArrayView2};

use super::competitor::{Competitor, competitor};
use super::scores::Score;
use super::tables::{PairTables, Storage, check_num_classes, zeros};
use super::tally::{Layout, Outcome, Tally};
use super::{ConfusionError, ConfusionMatrix, MarginGrid, Ties};

/// Largest dense tables that [`MarginCounts::new`] chooses, in bytes.
const DENSE_BYTES: usize = 4 << 20;

/// Integer counts from which the confusion matrix and the margin confusion matrices of a whole grid
/// follow exactly.
///
/// Counts of parts of a data set, in any split and order, merge into the counts of the whole, bit
/// for bit. Equality compares the counts, not how they are stored.
///
/// Row = predicted class or competitor i, column = true class j. A class without samples has a
/// column of zeros; its error is *not estimated*: look at [`class_counts`](Self::class_counts).
#[derive(Clone, Debug)]
pub struct MarginCounts {
    grid: MarginGrid,
    layout: Layout,
    samples: u64,
    /// m_j.
    class_counts: Vec<u64>,
    /// `[class][slot]`, one slot a margin and a last one for errors: the column sums of `pairs`.
    class_slots: Vec<u64>,
    /// `[true class][competitor]`, the same slots.
    pairs: PairTables,
    top_ties: u64,
    zero_margin: Vec<u64>,
    zero_margin_correct: Vec<u64>,
}

impl MarginCounts {
    /// Empty counts for K classes and a grid of margins; dense storage while it takes at most 4
    /// MiB, else sparse.
    ///
    /// # Errors
    /// [`ConfusionError::TooFewClasses`] for K < 2, [`ConfusionError::TooManyClasses`],
    /// [`ConfusionError::TablesTooLarge`].
    pub fn new(num_classes: usize, grid: &MarginGrid) -> Result<Self, ConfusionError> {
        let bytes = num_classes.saturating_mul(num_classes).saturating_mul(8 * (grid.len() + 1));
        let storage = if bytes <= DENSE_BYTES { Storage::Dense } else { Storage::Sparse };
        Self::with_storage(num_classes, grid, storage)
    }

    /// Empty counts with the storage named.
    ///
    /// # Errors
    /// As [`MarginCounts::new`].
    pub fn with_storage(num_classes: usize, grid: &MarginGrid, storage: Storage) -> Result<Self, ConfusionError> {
        check_num_classes(num_classes)?;
        let slots = grid.len() + 1;
        let too_large = ConfusionError::TablesTooLarge { num_classes, margins: grid.len() };
        let per_class = |each: usize| num_classes.checked_mul(each).and_then(zeros).ok_or(too_large.clone());
        Ok(Self {
            grid: grid.clone(),
            layout: Layout::new(num_classes, grid.len()).ok_or(too_large.clone())?,
            samples: 0,
            class_counts: per_class(1)?,
            class_slots: per_class(slots)?,
            pairs: PairTables::new(num_classes, slots, storage).ok_or(too_large.clone())?,
            top_ties: 0,
            zero_margin: per_class(1)?,
            zero_margin_correct: per_class(1)?,
        })
    }

    /// Counts a batch: scores `[N, K]` and labels `[N]`, each below K. Reads the scores once; rows
    /// that are contiguous in memory (the standard layout, and row slices of it) are read in place,
    /// others are copied one at a time. With feature `rayon` a batch of more than 4 million scores
    /// is read on all threads of the current pool.
    ///
    /// Errors name the sample by its number in everything this counter has taken in, merged counts
    /// included: the row of the batch plus [`samples`](Self::samples) before the call. **After an
    /// error the counts are as before the call.**
    ///
    /// # Errors
    /// [`ConfusionError::WrongNumberOfScores`], [`ConfusionError::WrongNumberOfLabels`]; then, for
    /// the first bad sample, [`ConfusionError::LabelOutOfRange`] or
    /// [`ConfusionError::NonFiniteScore`] (the lowest such class);
    /// [`ConfusionError::TooManySamples`].
    pub fn add_batch<S: Score>(
        &mut self,
        logits: ArrayView2<'_, S>,
        labels: ArrayView1<'_, usize>,
    ) -> Result<(), ConfusionError> {
        let num_classes = self.num_classes();
        if logits.ncols() != num_classes {
            return Err(ConfusionError::WrongNumberOfScores { columns: logits.ncols(), num_classes });
        }
        if logits.nrows() != labels.len() {
            return Err(ConfusionError::WrongNumberOfLabels { samples: logits.nrows(), labels: labels.len() });
        }
        let (before, after) = (self.samples, self.samples_with(logits.nrows() as u64)?);
        let tallies = tallies(logits, labels, self.layout, &self.grid)
            .map_err(|(row, fault)| fault.at(before + row as u64, num_classes))?;
        // Every counter is at most the number of samples, which was just seen to fit.
        for tally in tallies {
            tally.finish(|outcome, times| self.record(outcome, times));
        }
        self.samples = after;
        Ok(())
    }

    /// Counts samples of which the predicted classes alone are known, as if their scores were 1 at
    /// the predicted class and 0 elsewhere: an error has the margin -1, a right answer 1 over the
    /// lowest other class, and nothing ties.
    ///
    /// Errors name samples as [`add_batch`](Self::add_batch) does, and leave the counts as before
    /// the call.
    ///
    /// # Errors
    /// [`ConfusionError::WrongNumberOfLabels`]; for the first bad sample
    /// [`ConfusionError::LabelOutOfRange`], also of a predicted class;
    /// [`ConfusionError::TooManySamples`].
    pub fn add_classes(&mut self, predicted: &[usize], labels: ArrayView1<'_, usize>) -> Result<(), ConfusionError> {
        let num_classes = self.num_classes();
        if predicted.len() != labels.len() {
            return Err(ConfusionError::WrongNumberOfLabels { samples: predicted.len(), labels: labels.len() });
        }
        let (before, after) = (self.samples, self.samples_with(predicted.len() as u64)?);
        let mut tally = Tally::new(self.layout, predicted.len());
        for (at, (&class, &label)) in predicted.iter().zip(labels).enumerate() {
            if let Some(label) = [label, class].into_iter().find(|&class| class >= num_classes) {
                return Err(Fault::Label(label).at(before + at as u64, num_classes));
            }
            let found = match class == label {
                true => Competitor { index: usize::from(label == 0), margin: 1.0, top_tie: false },
                false => Competitor { index: class, margin: -1.0, top_tie: false },
            };
            tally.add(Outcome::of(label, found, &self.grid));
        }
        // Every counter is at most the number of samples, which was just seen to fit.
        tally.finish(|outcome, times| self.record(outcome, times));
        self.samples = after;
        Ok(())
    }

    /// Adds the counts of other samples; their storage may differ.
    ///
    /// # Errors
    /// [`ConfusionError::DifferentClasses`], [`ConfusionError::DifferentMargins`],
    /// [`ConfusionError::TooManySamples`]; the counts are then as before the call.
    pub fn merge(&mut self, other: &Self) -> Result<(), ConfusionError> {
        if self.num_classes() != other.num_classes() {
            return Err(ConfusionError::DifferentClasses { left: self.num_classes(), right: other.num_classes() });
        }
        if self.grid != other.grid {
            return Err(ConfusionError::DifferentMargins {
                left: self.margins().to_vec(),
                right: other.margins().to_vec(),
            });
        }
        self.samples = self.samples_with(other.samples)?;
        // Every counter is at most the number of samples, which was just seen to fit.
        add(&mut self.class_counts, &other.class_counts);
        add(&mut self.class_slots, &other.class_slots);
        add(&mut self.zero_margin, &other.zero_margin);
        add(&mut self.zero_margin_correct, &other.zero_margin_correct);
        self.top_ties += other.top_ties;
        for (column, row, counters) in other.pairs.pairs() {
            add(self.pairs.entry(column, row), counters);
        }
        Ok(())
    }

    fn samples_with(&self, more: u64) -> Result<u64, ConfusionError> {
        let samples = self.samples;
        samples.checked_add(more).ok_or(ConfusionError::TooManySamples { samples, more })
    }

    /// Number of classes K.
    pub fn num_classes(&self) -> usize {
        self.class_counts.len()
    }

    /// The grid of margins.
    pub fn grid(&self) -> &MarginGrid {
        &self.grid
    }

    /// The margins g, ascending.
    pub fn margins(&self) -> &[f64] {
        self.grid.margins()
    }

    /// Tells how the counts are stored.
    pub fn storage(&self) -> Storage {
        self.pairs.storage()
    }

    /// Number of samples m.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Samples of each true class, m_j.
    pub fn class_counts(&self) -> &[u64] {
        &self.class_counts
    }

    /// Errors of each true class, k_j = #{ q : y_q = j, argmax f(x_q) != j }, ties to the lowest
    /// index.
    pub fn errors(&self) -> Vec<u64> {
        let slots = self.slots();
        self.class_slots.chunks_exact(slots).map(|counters| counters[slots - 1]).collect()
    }

    /// Samples of true class `j` that were predicted as class `i != j`; 0 for `i = j`.
    ///
    /// # Panics
    /// If `i` or `j` is not below K.
    pub fn confusion_count(&self, i: usize, j: usize) -> u64 {
        self.pair(i, j).map_or(0, |counters| counters[counters.len() - 1])
    }

    /// Samples of true class `j` with competitor `i` and margin <= g, g the margin at position
    /// `g_index` of the grid.
    ///
    /// # Panics
    /// If `i` or `j` is not below K, or `g_index` not below the number of margins.
    pub fn margin_count(&self, g_index: usize, i: usize, j: usize) -> u64 {
        self.check_margin(g_index);
        self.pair(i, j).map_or(0, |counters| counters[..=g_index].iter().sum())
    }

    /// Samples of each true class with margin <= g, g the margin at position `g_index` of the grid:
    /// m_j times the column sums of C_g.
    ///
    /// # Panics
    /// If `g_index` is not below the number of margins.
    pub fn margin_errors(&self, g_index: usize) -> Vec<u64> {
        self.check_margin(g_index);
        self.class_slots.chunks_exact(self.slots()).map(|counters| counters[..=g_index].iter().sum()).collect()
    }

    /// The errors by pair of classes: (predicted i, true j, samples), for every pair with at least
    /// one; in no set order.
    pub fn confusion_counts(&self) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
        let pairs = self.pairs.pairs();
        pairs
            .map(|(column, row, counters)| (row, column, counters[counters.len() - 1]))
            .filter(|&(.., count)| count > 0)
    }

    /// The confusion matrix: share of true class j predicted as i; estimates C_D (D2) on held-out
    /// data. Zero diagonal.
    pub fn confusion(&self) -> ConfusionMatrix {
        self.matrix(|counters| counters[counters.len() - 1])
    }

    /// The margin confusion matrix C_g (D1), g the margin at position `g_index` of the grid. Zero
    /// diagonal.
    ///
    /// # Panics
    /// If `g_index` is not below the number of margins.
    pub fn margin_confusion(&self, g_index: usize) -> ConfusionMatrix {
        self.check_margin(g_index);
        self.matrix(|counters| counters[..=g_index].iter().sum())
    }

    /// Exact ties among the scores (S1).
    pub fn ties(&self) -> Ties {
        Ties {
            top2: self.top_ties,
            share: if self.samples == 0 { 0.0 } else { self.top_ties as f64 / self.samples as f64 },
            zero_margin: self.zero_margin.clone(),
            zero_margin_correct: self.zero_margin_correct.clone(),
        }
    }

    fn record(&mut self, outcome: Outcome, times: u64) {
        let Outcome { label, competitor, bucket, error, top_tie, zero_margin } = outcome;
        self.class_counts[label] += times;
        self.top_ties += u64::from(top_tie) * times;
        self.zero_margin[label] += u64::from(zero_margin) * times;
        self.zero_margin_correct[label] += u64::from(zero_margin && !error) * times;
        if competitor == label {
            return;
        }
        let slots = self.slots();
        let class = &mut self.class_slots[label * slots..(label + 1) * slots];
        let pair = self.pairs.entry(label, competitor);
        for slot in [(bucket < slots - 1).then_some(bucket), error.then_some(slots - 1)].into_iter().flatten() {
            class[slot] += times;
            pair[slot] += times;
        }
    }

    /// One counter a margin, and one for errors.
    fn slots(&self) -> usize {
        self.grid.len() + 1
    }

    fn pair(&self, i: usize, j: usize) -> Option<&[u64]> {
        let num_classes = self.num_classes();
        assert!(i < num_classes && j < num_classes, "({i}, {j}) outside {num_classes} classes");
        self.pairs.get(j, i)
    }

    fn check_margin(&self, g_index: usize) {
        assert!(g_index < self.grid.len(), "margin number {g_index} of {}", self.grid.len());
    }

    /// Shares count / m_j, each correctly rounded for counts below 2^53.
    fn matrix(&self, count: impl Fn(&[u64]) -> u64) -> ConfusionMatrix {
        let num_classes = self.num_classes();
        let shares = self
            .pairs
            .pairs()
            .map(|(column, row, counters)| (row, column, count(counters) as f64 / self.class_counts[column] as f64));
        let matrix = match self.storage() {
            Storage::Dense => {
                let mut dense = Array2::zeros((num_classes, num_classes));
                shares.for_each(|(row, column, share)| dense[[row, column]] = share);
                ConfusionMatrix::from_dense(dense)
            }
            Storage::Sparse => ConfusionMatrix::from_triplets(num_classes, shares),
        };
        // A pair that was counted belongs to a class with samples, so each share is in [0, 1]; K >= 2 by construction.
        matrix.expect("shares are finite and not negative")
    }
}

impl PartialEq for MarginCounts {
    fn eq(&self, other: &Self) -> bool {
        self.grid == other.grid
            && self.samples == other.samples
            && self.class_counts == other.class_counts
            && self.class_slots == other.class_slots
            && self.top_ties == other.top_ties
            && self.zero_margin == other.zero_margin
            && self.zero_margin_correct == other.zero_margin_correct
            && self.pairs.pairs().count() == other.pairs.pairs().count()
            && self.pairs.pairs().all(|(column, row, counters)| other.pairs.get(column, row) == Some(counters))
    }
}

/// What is wrong with a sample.
enum Fault {
    Label(usize),
    Score { class: usize, value: f64 },
}

impl Fault {
    fn at(self, sample: u64, num_classes: usize) -> ConfusionError {
        match self {
            Self::Label(label) => ConfusionError::LabelOutOfRange { sample, label, num_classes },
            Self::Score { class, value } => ConfusionError::NonFiniteScore { sample, class, value },
        }
    }
}

/// What the samples count as, or the first bad row. With feature `rayon` large batches in blocks of
/// rows, on the threads of its pool.
fn tallies<S: Score>(
    logits: ArrayView2<'_, S>,
    labels: ArrayView1<'_, usize>,
    layout: Layout,
    grid: &MarginGrid,
) -> Result<Vec<Tally>, (usize, Fault)> {
    #[cfg(feature = "rayon")]
    {
        use ndarray::Axis;
        use rayon::prelude::*;

        /// Scores of a block: long enough that taking it costs nothing beside reading it.
        const BLOCK: usize = 1 << 22;
        let rows = (BLOCK / logits.ncols()).max(1);
        if logits.nrows() > rows && crate::threads::are_several() {
            let blocks = logits.axis_chunks_iter(Axis(0), rows).zip(labels.axis_chunks_iter(Axis(0), rows));
            let blocks: Vec<_> = blocks.collect();
            let tally = |(logits, labels)| tally(logits, labels, layout, grid);
            let tallied: Vec<_> = blocks.into_par_iter().map(tally).collect();
            let in_batch = |(block, found): (usize, Result<Tally, (usize, Fault)>)| {
                found.map_err(|(row, fault)| (block * rows + row, fault))
            };
            return tallied.into_iter().enumerate().map(in_batch).collect();
        }
    }
    Ok(vec![tally(logits, labels, layout, grid)?])
}

/// What the samples count as, one after the other; stops at the first bad one and names its row.
fn tally<S: Score>(
    logits: ArrayView2<'_, S>,
    labels: ArrayView1<'_, usize>,
    layout: Layout,
    grid: &MarginGrid,
) -> Result<Tally, (usize, Fault)> {
    let mut tally = Tally::new(layout, logits.nrows());
    for_each_sample(logits, labels, |label, found| tally.add(Outcome::of(label, found, grid)))?;
    Ok(tally)
}

/// Finds the competitor of each sample in order; stops at the first bad one and names its row.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+bmi1+bmi2+lzcnt", "aarch64+neon"))]
fn for_each_sample<S: Score, F: FnMut(usize, Competitor)>(
    logits: ArrayView2<'_, S>,
    labels: ArrayView1<'_, usize>,
    mut visit: F,
) -> Result<(), (usize, Fault)> {
    let num_classes = logits.ncols();
    let (mut copied, mut scratch) = (Vec::new(), Vec::new());
    for (at, (row, &label)) in logits.outer_iter().zip(labels).enumerate() {
        let row = match row.to_slice() {
            Some(row) => row,
            None => {
                copied.clear();
                copied.extend(row.iter().copied());
                &copied
            }
        };
        if label >= num_classes {
            return Err((at, Fault::Label(label)));
        }
        match competitor(S::scanned(row, &mut scratch), label) {
            Ok(found) => visit(label, found),
            Err(class) => return Err((at, Fault::Score { class, value: row[class].to_f64() })),
        }
    }
    Ok(())
}

fn add(to: &mut [u64], from: &[u64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array, s};
    use proptest::prelude::*;

    #[test]
    fn errors_are_those_of_pairs_with_one() {
        let mut counts = MarginCounts::new(3, &MarginGrid::new(&[0.0, 9.0]).unwrap()).unwrap();
        // Wrong once and right once as class 1, wrong twice as class 0; the pair of the right one counts no error.
        let scores = array![[3.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0]];
        counts.add_batch(scores.view(), array![1, 1, 0, 0].view()).unwrap();
        let mut found: Vec<_> = counts.confusion_counts().collect();
        found.sort_unstable();
        assert_eq!(found, [(0, 1, 1), (2, 0, 2)]);
    }

    /// Scores with few distinct values, so that ties are the rule, their labels, and margins among
    /// which is 0.
    #[derive(Clone, Debug)]
    struct Case {
        logits: Array2<f64>,
        labels: Array1<usize>,
        grid: MarginGrid,
    }

    fn case() -> impl Strategy<Value = Case> {
        (2usize..7, 0usize..40).prop_flat_map(|(num_classes, samples)| {
            (
                prop::collection::vec((-4i8..5).prop_map(|score| f64::from(score) / 4.0), samples * num_classes),
                prop::collection::vec(0..num_classes, samples),
                prop::collection::vec((-3i8..9).prop_map(|g| f64::from(g) / 4.0), 0..4),
            )
                .prop_map(move |(logits, labels, mut margins)| {
                    margins.push(0.0);
                    Case {
                        logits: Array2::from_shape_vec((samples, num_classes), logits).unwrap(),
                        labels: labels.into(),
                        grid: MarginGrid::new(&margins).unwrap(),
                    }
                })
        })
    }

    fn count(case: &Case, storage: Storage) -> MarginCounts {
        let mut counts = MarginCounts::with_storage(case.logits.ncols(), &case.grid, storage).unwrap();
        counts.add_batch(case.logits.view(), case.labels.view()).unwrap();
        counts
    }

    /// D1 word for word: one margin and one pair at a time, nothing shared with the code under
    /// test.
    fn by_definition(case: &Case, margin: Option<f64>, i: usize, j: usize) -> u64 {
        let argmax = |row: &[f64], without: Option<usize>| {
            let mut order: Vec<usize> = (0..row.len()).filter(|&class| Some(class) != without).collect();
            order.sort_by(|&a, &b| row[b].partial_cmp(&row[a]).unwrap().then(a.cmp(&b)));
            order[0]
        };
        let hit = |(row, &label): (Vec<f64>, &usize)| match margin {
            None => label == j && i != j && argmax(&row, None) == i,
            Some(g) => {
                let competitor = argmax(&row, Some(label));
                label == j && competitor == i && row[label] - row[competitor] <= g
            }
        };
        case.logits.outer_iter().map(|row| row.to_vec()).zip(&case.labels).filter(|pair| hit(pair.clone())).count()
            as u64
    }

    proptest! {
        #[test]
        fn equals_the_definition(case in case()) {
            for storage in [Storage::Dense, Storage::Sparse] {
                let counts = count(&case, storage);
                let num_classes = counts.num_classes();
                for j in 0..num_classes {
                    let size = case.labels.iter().filter(|&&label| label == j).count() as u64;
                    prop_assert_eq!(counts.class_counts()[j], size);
                    for i in 0..num_classes {
                        let confused = by_definition(&case, None, i, j);
                        prop_assert_eq!(counts.confusion_count(i, j), confused);
                        let share = if size == 0 { 0.0 } else { confused as f64 / size as f64 };
                        prop_assert_eq!(counts.confusion().get(i, j), share);
                        for (at, &g) in case.grid.margins().iter().enumerate() {
                            let close = by_definition(&case, Some(g), i, j);
                            prop_assert_eq!(counts.margin_count(at, i, j), close);
                            let share = if size == 0 { 0.0 } else { close as f64 / size as f64 };
                            prop_assert_eq!(counts.margin_confusion(at).get(i, j), share);
                        }
                    }
                }
                let top_ties = case.logits.outer_iter().filter(|row| {
                    let largest = row.fold(f64::MIN, |a, &b| a.max(b));
                    row.iter().filter(|&&score| score == largest).count() > 1
                });
                prop_assert_eq!(counts.ties().top2, top_ties.count() as u64);
            }
        }

        #[test]
        fn storage_precision_and_memory_layout_do_not_matter(case in case()) {
            let dense = count(&case, Storage::Dense);
            prop_assert_eq!(&dense, &count(&case, Storage::Sparse));
            for at in 0..case.grid.len() {
                prop_assert_eq!(dense.margin_confusion(at), count(&case, Storage::Sparse).margin_confusion(at));
            }
            let mut single = MarginCounts::new(case.logits.ncols(), &case.grid).unwrap();
            // Quarters are exact in f32.
            single.add_batch(case.logits.mapv(|score| score as f32).view(), case.labels.view()).unwrap();
            prop_assert_eq!(&dense, &single);
            let mut columns = MarginCounts::new(case.logits.ncols(), &case.grid).unwrap();
            let by_column = case.logits.t().as_standard_layout().into_owned();
            columns.add_batch(by_column.t(), case.labels.view()).unwrap();
            prop_assert_eq!(&dense, &columns);
        }

        #[test]
        fn any_split_into_batches_gives_the_same_counts(
            case in case(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6), storage in 0..2,
        ) {
            let storage = [Storage::Dense, Storage::Sparse][storage as usize];
            let samples = case.labels.len();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(samples + 1)).chain([0, samples]).collect();
            cuts.sort_unstable();
            let batch = |ends: &[usize]| {
                (case.logits.slice(s![ends[0]..ends[1], ..]), case.labels.slice(s![ends[0]..ends[1]]))
            };

            let mut streamed = MarginCounts::with_storage(case.logits.ncols(), &case.grid, storage).unwrap();
            for (logits, labels) in cuts.windows(2).map(batch) {
                streamed.add_batch(logits, labels).unwrap();
            }
            prop_assert_eq!(&streamed, &count(&case, Storage::Dense));

            // Backwards, each part counted on its own, the storages in turn.
            let mut merged = MarginCounts::with_storage(case.logits.ncols(), &case.grid, storage).unwrap();
            for (turn, ends) in cuts.windows(2).rev().enumerate() {
                let storage = [Storage::Dense, Storage::Sparse][turn % 2];
                let mut part = MarginCounts::with_storage(case.logits.ncols(), &case.grid, storage).unwrap();
                let (logits, labels) = batch(ends);
                part.add_batch(logits, labels).unwrap();
                merged.merge(&part).unwrap();
            }
            prop_assert_eq!(&merged, &streamed);
        }

        #[test]
        fn predicted_classes_count_as_rows_of_one_score(
            case in case(),
            storage in 0..2,
            bad in any::<prop::sample::Index>(),
        ) {
            let storage = [Storage::Dense, Storage::Sparse][storage as usize];
            let (samples, num_classes) = case.logits.dim();
            let class = |at: usize| (at * at + case.labels[at] * (at % 3)) % num_classes;
            let predicted: Vec<usize> = (0..samples).map(class).collect();
            let mut logits = Array2::<f32>::zeros((samples, num_classes));
            predicted.iter().enumerate().for_each(|(at, &class)| logits[[at, class]] = 1.0);
            let of_rows = count(&Case { logits: logits.mapv(f64::from), ..case.clone() }, Storage::Dense);
            let mut counts = MarginCounts::with_storage(num_classes, &case.grid, storage).unwrap();
            counts.add_classes(&predicted, case.labels.view()).unwrap();
            prop_assert_eq!(&counts, &of_rows);

            let error = counts.add_classes(&[0], array![0, 0].view()).unwrap_err();
            prop_assert_eq!(error, ConfusionError::WrongNumberOfLabels { samples: 1, labels: 2 });
            prop_assume!(samples > 0);
            let (at, sample) = (bad.index(samples), (samples + bad.index(samples)) as u64);
            let (mut classes, mut labels) = (predicted.clone(), case.labels.clone());
            (classes[at], labels[at]) = (num_classes + 2, num_classes + 1);
            for label in [num_classes + 1, num_classes + 2] {
                let error = counts.add_classes(&classes, labels.view()).unwrap_err();
                prop_assert_eq!(error, ConfusionError::LabelOutOfRange { sample, label, num_classes });
                prop_assert_eq!(&counts, &of_rows);
                labels[at] = 0;
            }
        }

        #[test]
        fn counts_grow_with_the_margin_and_columns_add_up(case in case()) {
            let counts = count(&case, Storage::Dense);
            let num_classes = counts.num_classes();
            let column = |count: &dyn Fn(usize) -> u64| (0..num_classes).map(count).sum::<u64>();
            for j in 0..num_classes {
                prop_assert_eq!(counts.errors()[j], column(&|i| counts.confusion_count(i, j)));
                for at in 0..case.grid.len() {
                    prop_assert_eq!(counts.margin_errors(at)[j], column(&|i| counts.margin_count(at, i, j)));
                    prop_assert_eq!(counts.margin_count(at, j, j), 0);
                    for i in 0..num_classes {
                        prop_assert!(at == 0 || counts.margin_count(at - 1, i, j) <= counts.margin_count(at, i, j));
                    }
                }
            }
            // S1 in counts.
            let (ties, zero) = (counts.ties(), case.grid.position(0.0).unwrap());
            for j in 0..num_classes {
                let (at_most_0, errors) = (counts.margin_errors(zero)[j], counts.errors()[j]);
                prop_assert!(at_most_0 - ties.zero_margin[j] <= errors && errors <= at_most_0);
                prop_assert_eq!(at_most_0 - errors, ties.zero_margin_correct[j]);
            }
        }

        #[test]
        fn a_bad_batch_changes_nothing(
            first in case(), storage in 0..2, at in any::<prop::sample::Index>(), class in any::<prop::sample::Index>(),
            bad in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)], label in any::<bool>(),
        ) {
            prop_assume!(!first.labels.is_empty());
            let storage = [Storage::Dense, Storage::Sparse][storage as usize];
            let before = count(&first, storage);
            let mut counts = before.clone();
            let (num_classes, samples) = (before.num_classes(), first.labels.len());
            let (at, class) = (at.index(samples), class.index(num_classes));
            // Reversed, so that the good rows of the bad batch touch other pairs than those there already.
            let (mut logits, mut labels) = (first.logits.slice(s![..;-1, ..;-1]).to_owned(), first.labels.clone());
            let sample = (samples + at) as u64;
            if label {
                labels[at] = num_classes + class;
            } else {
                logits[[at, class]] = bad;
            }
            let error = counts.add_batch(logits.view(), labels.view()).unwrap_err();
            if label {
                let label = num_classes + class;
                prop_assert_eq!(error, ConfusionError::LabelOutOfRange { sample, label, num_classes });
            } else {
                prop_assert!(
                    matches!(error, ConfusionError::NonFiniteScore { sample: s, class: c, value }
                        if s == sample && c == class && value.to_bits() == bad.to_bits()),
                    "{}", error
                );
            }
            prop_assert_eq!(&counts, &before);
            prop_assert_eq!(counts.confusion(), before.confusion());
            counts.add_batch(first.logits.view(), first.labels.view()).unwrap();
            prop_assert_eq!(counts.samples(), 2 * samples as u64);
        }
    }

    #[test]
    fn by_hand() {
        let grid = MarginGrid::new(&[0.0, 1.0, -0.5]).unwrap();
        let mut counts = MarginCounts::new(3, &grid).unwrap();
        let logits = array![
            [1.0f32, 0.25, 1.0], // class 0 ties with 2: predicted 0, margin 0
            [1.0, 0.25, 1.0],    // class 2 ties with 0: predicted 0, margin 0
            [0.5, 0.25, 0.5],    // class 1 loses by 0.25 to the tie of 0 and 2
            [0.0, 4.0, 3.0],     // class 1 wins over 2 by 1
            [0.0, 4.0, 2.0],     // class 1 wins over 2 by 2: in no margin
            [3.0, 0.0, 1.0],     // class 1 loses by 3 to 0
        ];
        counts.add_batch(logits.view(), array![0, 2, 1, 1, 1, 1].view()).unwrap();
        assert_eq!(counts.margins(), [-0.5, 0.0, 1.0]);
        assert_eq!((counts.samples(), counts.class_counts()), (6, &[1, 4, 1][..]));
        assert_eq!(counts.errors(), [0, 2, 1]);
        assert_eq!((counts.confusion_count(0, 1), counts.confusion_count(0, 2)), (2, 1));
        assert_eq!([0, 1, 2].map(|at| counts.margin_errors(at)), [[0, 1, 0], [1, 2, 1], [1, 3, 1]]);
        assert_eq!((counts.margin_count(2, 2, 1), counts.margin_count(1, 2, 0)), (1, 1));
        assert_eq!(counts.margin_confusion(2).to_dense(), array![[0.0, 0.5, 1.0], [0.0, 0.0, 0.0], [1.0, 0.25, 0.0]]);
        let ties = Ties { top2: 3, share: 0.5, zero_margin: vec![1, 0, 1], zero_margin_correct: vec![1, 0, 0] };
        assert_eq!(counts.ties(), ties);
    }

    #[test]
    fn errors_beyond_the_grid_are_counted_once_and_right_answers_beyond_it_hold_no_pair() {
        let grid = MarginGrid::new(&[-2.0, -1.0]).unwrap();
        for storage in [Storage::Dense, Storage::Sparse] {
            let mut counts = MarginCounts::with_storage(2, &grid, storage).unwrap();
            counts.add_batch(array![[1.0f32, 0.0], [0.0, 1.0]].view(), array![0, 1].view()).unwrap();
            if storage == Storage::Sparse {
                assert_eq!(counts.pairs.held(), 0);
            }
            // Class 1 loses by 1/2: an error in no margin of the grid.
            counts.add_batch(array![[0.5f32, 0.0]].view(), array![1].view()).unwrap();
            assert_eq!((counts.errors(), counts.confusion_count(0, 1)), (vec![0, 1], 1));
            assert_eq!((counts.margin_errors(1), counts.margin_count(1, 0, 1)), (vec![0, 0], 0));
        }
    }

    #[test]
    fn tables_are_dense_up_to_4_mib() {
        let grid = MarginGrid::new(&[0.0]).unwrap();
        // 512 * 512 * 2 counters of 8 bytes are 4 MiB.
        let storage = |num_classes| MarginCounts::new(num_classes, &grid).unwrap().storage();
        assert_eq!((storage(512), storage(513)), (Storage::Dense, Storage::Sparse));
    }

    #[test]
    fn counts_that_differ_anywhere_are_not_equal() {
        let grid = MarginGrid::new(&[0.0]).unwrap();
        let counts = MarginCounts::new(2, &grid).unwrap();
        let changes: [fn(&mut MarginCounts); 8] = [
            |counts| counts.grid = MarginGrid::new(&[0.5]).unwrap(),
            |counts| counts.samples += 1,
            |counts| counts.class_counts[1] += 1,
            |counts| counts.class_slots[1] += 1,
            |counts| counts.top_ties += 1,
            |counts| counts.zero_margin[1] += 1,
            |counts| counts.zero_margin_correct[1] += 1,
            |counts| counts.pairs.entry(1, 0)[1] += 1,
        ];
        for change in changes {
            let mut changed = counts.clone();
            change(&mut changed);
            assert!(counts != changed, "{changed:?}");
        }
        let (mut one, mut other) = (counts.clone(), counts);
        one.pairs.entry(1, 0)[0] += 1;
        other.pairs.entry(0, 1)[0] += 1;
        assert_ne!(one, other);
    }

    #[test]
    #[should_panic(expected = "margin number 1 of 1")]
    fn there_is_no_margin_beyond_the_grid() {
        MarginCounts::new(2, &MarginGrid::new(&[0.0]).unwrap()).unwrap().margin_errors(1);
    }

    #[test]
    fn wrong_shapes_and_sizes_are_refused() {
        let grid = MarginGrid::new(&[0.0]).unwrap();
        for num_classes in [0, 1] {
            assert_eq!(
                MarginCounts::new(num_classes, &grid).unwrap_err(),
                ConfusionError::TooFewClasses { num_classes }
            );
        }
        let num_classes = u32::MAX as usize + 1;
        assert_eq!(MarginCounts::new(num_classes, &grid).unwrap_err(), ConfusionError::TooManyClasses { num_classes });
        assert_eq!(
            MarginCounts::with_storage(1 << 25, &grid, Storage::Dense).unwrap_err(),
            ConfusionError::TablesTooLarge { num_classes: 1 << 25, margins: 1 }
        );

        let mut counts = MarginCounts::new(2, &grid).unwrap();
        assert_eq!(
            counts.add_batch(Array2::<f32>::zeros((2, 3)).view(), array![0, 0].view()),
            Err(ConfusionError::WrongNumberOfScores { columns: 3, num_classes: 2 })
        );
        assert_eq!(
            counts.add_batch(Array2::<f32>::zeros((2, 2)).view(), array![0].view()),
            Err(ConfusionError::WrongNumberOfLabels { samples: 2, labels: 1 })
        );
        counts.add_batch(Array2::<f32>::zeros((0, 2)).view(), Array1::zeros(0).view()).unwrap();
        assert_eq!((counts.samples(), counts.ties().share), (0, 0.0));
        assert_eq!(counts.confusion().to_dense(), Array2::<f64>::zeros((2, 2)));
    }

    #[test]
    fn only_counts_of_the_same_kind_merge_and_none_overflow() {
        let new =
            |num_classes, margins: &[f64]| MarginCounts::new(num_classes, &MarginGrid::new(margins).unwrap()).unwrap();
        let mut counts = new(2, &[0.0]);
        assert_eq!(counts.merge(&new(3, &[0.0])), Err(ConfusionError::DifferentClasses { left: 2, right: 3 }));
        assert_eq!(
            counts.merge(&new(2, &[0.0, 1.0])),
            Err(ConfusionError::DifferentMargins { left: vec![0.0], right: vec![0.0, 1.0] })
        );
        let (wrong, label) = (array![[0.0f32, 1.0]], array![0]);
        counts.add_batch(wrong.view(), label.view()).unwrap();
        for _ in 0..63 {
            let same = counts.clone();
            counts.merge(&same).unwrap();
        }
        assert_eq!((counts.samples(), counts.errors()[0], counts.confusion().get(1, 0)), (1 << 63, 1 << 63, 1.0));
        let before = counts.clone();
        assert_eq!(counts.merge(&before), Err(ConfusionError::TooManySamples { samples: 1 << 63, more: 1 << 63 }));
        assert_eq!(counts, before);

        counts.samples = u64::MAX;
        assert_eq!(
            counts.add_batch(wrong.view(), label.view()),
            Err(ConfusionError::TooManySamples { samples: u64::MAX, more: 1 })
        );
    }

    #[cfg(feature = "half")]
    #[test]
    fn short_floats_count_as_the_numbers_they_are() {
        fn counted<S: Score>(scores: &Array2<S>, wide: &Array2<f32>) {
            let labels = Array1::from_shape_fn(scores.nrows(), |row| row % scores.ncols());
            let grid = MarginGrid::new(&[0.0, 0.25, 1.0]).unwrap();
            let of = |count: &dyn Fn(&mut MarginCounts)| {
                let mut counts = MarginCounts::new(scores.ncols(), &grid).unwrap();
                count(&mut counts);
                counts
            };
            let (short, wide) = (
                of(&|counts| counts.add_batch(scores.view(), labels.view()).unwrap()),
                of(&|counts| counts.add_batch(wide.view(), labels.view()).unwrap()),
            );
            assert!(short.ties().top2 > 0 && short == wide);
        }
        for classes in [3, 40] {
            let wide = Array2::from_shape_fn((300, classes), |(row, class)| (row * (class + 1) % 3) as f32 / 8.0);
            counted(&wide.mapv(half::f16::from_f32), &wide);
            counted(&wide.mapv(half::bf16::from_f32), &wide);
        }
        let mut bad = Array2::from_elem((4, 20), half::f16::ONE);
        bad[(2, 7)] = half::f16::INFINITY;
        let error = MarginCounts::new(20, &MarginGrid::new(&[0.0]).unwrap())
            .unwrap()
            .add_batch(bad.view(), Array1::zeros(4).view())
            .unwrap_err();
        assert_eq!(error, ConfusionError::NonFiniteScore { sample: 2, class: 7, value: f64::INFINITY });
    }

    #[cfg(feature = "rayon")]
    #[test]
    fn threads_change_nothing() {
        let (samples, classes) = (9000, 1000);
        let mut logits =
            Array2::from_shape_fn((samples, classes), |(row, class)| ((row * 7919 + class * 104_729) % 1009) as f32);
        let labels = Array1::from_shape_fn(samples, |row| row * 13 % classes);
        let grid = MarginGrid::new(&[0.0, 1.0, 8.0]).unwrap();
        let on = |threads, logits: &Array2<f32>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut counts = MarginCounts::new(classes, &grid).unwrap();
            let outcome = pool.install(|| counts.add_batch(logits.view(), labels.view()));
            (counts, outcome)
        };
        let (one, outcome) = on(1, &logits);
        assert!(outcome.is_ok() && one.samples() == 9000);
        assert!(on(3, &logits).0 == one);
        (logits[(8100, 5)], logits[(5000, 999)]) = (f32::NAN, f32::NEG_INFINITY);
        let (counts, outcome) = on(3, &logits);
        let value = f64::NEG_INFINITY;
        assert_eq!(outcome, Err(ConfusionError::NonFiniteScore { sample: 5000, class: 999, value }), "the first");
        assert!(counts == MarginCounts::new(classes, &grid).unwrap());
    }

    /// 100,000 classes: dense tables would take 480 GB; these take a few MB.
    #[test]
    fn a_hundred_thousand_classes_fit() {
        const K: usize = 100_000;
        let grid = MarginGrid::new(&[0.0, 0.1, 0.5, 1.0, 2.0]).unwrap();
        let mut counts = MarginCounts::new(K, &grid).unwrap();
        assert_eq!(counts.storage(), Storage::Sparse);
        let mut logits = Array2::<f32>::zeros((20, K));
        for batch in 0..10 {
            let label = |row: usize| (batch * 9_973 + row * 5_003) % K;
            let labels = Array1::from_shape_fn(20, label);
            // The class after the label gets 1, the label 1.25: a right answer by a margin of 0.25.
            for row in 0..20 {
                logits[[row, label(row)]] = 1.25;
                logits[[row, (label(row) + 1) % K]] = 1.0;
            }
            counts.add_batch(logits.view(), labels.view()).unwrap();
            for row in 0..20 {
                logits[[row, label(row)]] = 0.0;
                logits[[row, (label(row) + 1) % K]] = 0.0;
            }
        }
        assert_eq!(counts.samples(), 200);
        assert_eq!(counts.errors().iter().sum::<u64>(), 0);
        let counted: Vec<u64> = (0..5).map(|at| counts.margin_errors(at).iter().sum()).collect();
        assert_eq!(counted, [0, 0, 200, 200, 200]);
        assert!(counts.pairs.held() <= 200 * 6, "{} counters", counts.pairs.held());
        let matrix = counts.margin_confusion(2);
        assert!(matrix.is_sparse());
        assert!(matrix.non_zeros().all(|(row, column, share)| row == (column + 1) % K && share == 1.0));
        assert_eq!(matrix.non_zeros().count(), counts.class_counts().iter().filter(|&&count| count > 0).count());
    }
}
