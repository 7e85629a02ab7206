//! The smooth surrogate of the confusion matrix (D6; Zhu et al., equation 7) and its gradient.
//!
//! ```text
//! c̃_ij = (1/m_j) sum over samples of class j of  G(d_i) P_i,   d_i = f_i - f_j,  i != j;   c̃_jj = 0
//! ```
//!
//! G is the [`Gate`], P the [`Competition`]. The gradient of <W, C̃> for a constant W, sample by
//! sample with w_i = W_ij/m_j:
//!
//! ```text
//! through the gate          w_i P_i G'(d_i)               to f_i, and minus their sum to f_j
//! through a softmax         P_k (a_k - sum_i a_i P_i)/tau to f_k,  a_i = w_i G_i, a_j = 0
//! through relu, s = sum r_i (a_i - sum_k a_k P_k)/s       to f_i with d_i > 0, and minus their sum to f_j
//! ```
//!
//! At d = 0 the derivative of max(0, d) is taken as 0, as libtorch takes it. The surrogate bounds
//! the margin confusion matrix C_g in neither direction.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};

use super::exponential::{sigmoids, softmax};
use super::{CarError, Competition, Gate, SurrogateOptions};
use crate::confusion::{ConfusionError, ConfusionMatrix, Score};

/// The surrogate matrix, dense, of scores [N, K] and labels `[N]`; columns of empty classes are
/// zero. Samples are taken one at a time, nothing of size [N, K] is kept.
///
/// # Errors
/// Those of [`SurrogateSums::new`] and [`SurrogateSums::add_batch`].
pub fn surrogate_confusion<S: Score>(
    logits: ArrayView2<'_, S>,
    labels: ArrayView1<'_, usize>,
    options: &SurrogateOptions,
) -> Result<ConfusionMatrix, CarError> {
    let mut sums = SurrogateSums::new(logits.ncols(), *options)?;
    sums.add_batch(logits, labels)?;
    sums.into_confusion()
}

/// The surrogate of samples that come batch by batch: K^2 numbers, whatever N. The order of the
/// samples of a class decides the last bits, the size of the batches does not, nor do threads
/// (feature `rayon`).
///
/// ```
/// use car_spectral::car::{SurrogateOptions, SurrogateSums, surrogate_confusion};
/// use ndarray::array;
///
/// let (logits, labels) = (array![[2.0f32, 1.0, 0.0], [0.5, 0.0, 1.0]], array![0, 2]);
/// let options = SurrogateOptions::paper(0.1);
/// let mut sums = SurrogateSums::new(3, options)?;
/// for (row, label) in logits.outer_iter().zip(&labels) {
///     sums.add_batch(row.insert_axis(ndarray::Axis(0)), array![*label].view())?;
/// }
/// let at_once = surrogate_confusion(logits.view(), labels.view(), &options)?;
/// assert_eq!(sums.into_confusion()?.to_dense(), at_once.to_dense());
/// # Ok::<(), car_spectral::car::CarError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SurrogateSums {
    options: SurrogateOptions,
    /// One row a true class.
    sums: Array2<f64>,
    counts: Vec<u64>,
}

impl SurrogateSums {
    /// No samples yet, of K classes.
    ///
    /// # Errors
    /// [`CarError::InvalidOption`]; [`CarError::Confusion`] for fewer than two classes.
    pub fn new(num_classes: usize, options: SurrogateOptions) -> Result<Self, CarError> {
        options.check()?;
        check_classes(num_classes)?;
        Ok(Self { options, sums: Array2::zeros((num_classes, num_classes)), counts: vec![0; num_classes] })
    }

    /// Takes in scores [B, K] and labels `[B]`.
    ///
    /// # Errors
    /// [`CarError::Confusion`] for scores of another number of classes, lengths that differ, a
    /// label out of range or a score that is not finite, naming the sample, counted from the first
    /// batch on. The sums are of no use afterwards.
    pub fn add_batch<S: Score>(
        &mut self,
        logits: ArrayView2<'_, S>,
        labels: ArrayView1<'_, usize>,
    ) -> Result<(), CarError> {
        let num_classes = self.counts.len();
        if logits.ncols() != num_classes {
            return Err(ConfusionError::WrongNumberOfScores { columns: logits.ncols(), num_classes }.into());
        }
        let before: u64 = self.counts.iter().sum();
        check_labels(before, logits.nrows(), num_classes, labels)?;
        let (starts, ordered) = by_class(num_classes, labels);
        let options = self.options;
        let of_class = |own: usize, sums: &mut [f64], (scores, terms): &mut (Vec<f64>, Terms)| {
            for &sample in &ordered[starts[own]..starts[own + 1]] {
                read_scores(before + sample as u64, logits.row(sample), scores).map_err(|error| (sample, error))?;
                terms.compute(scores, own, &options);
                terms.add_to(sums);
            }
            Ok(())
        };
        let room = || (vec![0.0; num_classes], Terms::new(num_classes));
        if let Some((_, error)) = for_each_class(&mut self.sums, logits.len(), room, of_class) {
            return Err(error.into());
        }
        for (count, bounds) in self.counts.iter_mut().zip(starts.windows(2)) {
            *count += (bounds[1] - bounds[0]) as u64;
        }
        Ok(())
    }

    /// C̃ of all samples so far, dense; columns of classes without a sample are zero.
    ///
    /// # Errors
    /// [`CarError::Confusion`] for an entry that is not finite.
    pub fn into_confusion(self) -> Result<ConfusionMatrix, CarError> {
        Ok(ConfusionMatrix::from_dense(column_means(self.sums, &self.counts))?)
    }
}

/// The surrogate of one batch with what its gradient needs: O(NK + K^2) numbers.
#[derive(Clone, Debug)]
pub struct Surrogate {
    options: SurrogateOptions,
    scores: Array2<f64>,
    labels: Array1<usize>,
    counts: Vec<u64>,
    confusion: Array2<f64>,
}

impl Surrogate {
    /// Computes the surrogate of scores [N, K] and labels `[N]`, N >= 1.
    ///
    /// # Errors
    /// As [`surrogate_confusion`]; [`CarError::EmptyBatch`].
    pub fn new<S: Score>(
        logits: ArrayView2<'_, S>,
        labels: ArrayView1<'_, usize>,
        options: &SurrogateOptions,
    ) -> Result<Self, CarError> {
        options.check()?;
        let (samples, num_classes) = logits.dim();
        check_classes(num_classes)?;
        check_labels(0, samples, num_classes, labels)?;
        if samples == 0 {
            return Err(CarError::EmptyBatch);
        }
        let mut scores = Array2::zeros((samples, num_classes));
        let mut terms = Terms::new(num_classes);
        let (mut sums, mut counts) = (Array2::zeros((num_classes, num_classes)), vec![0; num_classes]);
        accumulate(&mut sums, &mut counts, labels, |sample, label, column| {
            let mut row = scores.row_mut(sample);
            let row = row.as_slice_mut().expect("rows of a standard layout");
            read_scores(sample as u64, logits.row(sample), row)?;
            terms.compute(row, label, options);
            terms.add_to(column);
            Ok(())
        })?;
        let confusion = column_means(sums, &counts);
        for ((row, column), &value) in confusion.indexed_iter() {
            if !value.is_finite() {
                return Err(ConfusionError::InvalidEntry { row, column, value }.into());
            }
        }
        Ok(Self { options: *options, scores, labels: labels.to_owned(), counts, confusion })
    }

    /// C̃, [K, K], row = competitor, column = true class.
    pub fn confusion(&self) -> ArrayView2<'_, f64> {
        self.confusion.view()
    }

    /// Samples of each class in the batch, `[K]`.
    pub fn class_counts(&self) -> &[u64] {
        &self.counts
    }

    /// The scores, in f64, [N, K].
    pub fn scores(&self) -> ArrayView2<'_, f64> {
        self.scores.view()
    }

    /// The labels, `[N]`.
    pub fn labels(&self) -> ArrayView1<'_, usize> {
        self.labels.view()
    }

    /// Gradient of sum_ij `upstream`_ij c̃_ij with respect to the logits, [N, K]: the chain rule's
    /// next factor after d(anything)/dC̃. The diagonal of `upstream` [K, K] does not matter. Parts
    /// that the options hold constant do not pass any gradient.
    ///
    /// # Errors
    /// [`CarError::WrongNumberOfClasses`]; [`CarError::Overflow`] for a gradient that is not
    /// finite, as of a relu competition whose leads are subnormal numbers: it grows as one over the
    /// largest lead.
    pub fn gradient(&self, upstream: ArrayView2<'_, f64>) -> Result<Array2<f64>, CarError> {
        let num_classes = self.confusion.nrows();
        if upstream.dim() != (num_classes, num_classes) {
            let found = if upstream.nrows() == num_classes { upstream.ncols() } else { upstream.nrows() };
            return Err(CarError::WrongNumberOfClasses { what: "the upstream matrix", found, expected: num_classes });
        }
        let mut gradient = Array2::zeros(self.scores.dim());
        let (mut terms, mut weights) = (Terms::new(num_classes), vec![0.0; num_classes]);
        for (sample, &label) in self.labels.iter().enumerate() {
            let scores = self.scores.row(sample);
            let scores = scores.as_slice().expect("rows of a standard layout");
            terms.compute(scores, label, &self.options);
            for (weight, &value) in weights.iter_mut().zip(upstream.column(label)) {
                *weight = value / self.counts[label] as f64;
            }
            weights[label] = 0.0;
            let mut row = gradient.row_mut(sample);
            let row = row.as_slice_mut().expect("rows of a standard layout");
            terms.add_gradient(scores, label, &weights, &self.options, row);
        }
        if gradient.iter().any(|part| !part.is_finite()) {
            return Err(CarError::Overflow { what: "the surrogate's gradient" });
        }
        Ok(gradient)
    }
}

fn check_classes(num_classes: usize) -> Result<(), ConfusionError> {
    if num_classes < 2 { Err(ConfusionError::TooFewClasses { num_classes }) } else { Ok(()) }
}

/// Of `samples` samples behind `before` others.
fn check_labels(
    before: u64,
    samples: usize,
    num_classes: usize,
    labels: ArrayView1<'_, usize>,
) -> Result<(), ConfusionError> {
    if labels.len() != samples {
        return Err(ConfusionError::WrongNumberOfLabels { samples, labels: labels.len() });
    }
    match labels.iter().position(|&label| label >= num_classes) {
        Some(at) => Err(ConfusionError::LabelOutOfRange { sample: before + at as u64, label: labels[at], num_classes }),
        None => Ok(()),
    }
}

fn read_scores<S: Score>(sample: u64, row: ArrayView1<'_, S>, scores: &mut [f64]) -> Result<(), ConfusionError> {
    for (class, (score, &value)) in scores.iter_mut().zip(row).enumerate() {
        *score = value.to_f64();
        if !score.is_finite() {
            return Err(ConfusionError::NonFiniteScore { sample, class, value: *score });
        }
    }
    Ok(())
}

/// The samples of each class in their order, those of class j from `starts[j]` to `starts[j + 1]`.
fn by_class(num_classes: usize, labels: ArrayView1<'_, usize>) -> (Vec<usize>, Vec<usize>) {
    let mut starts = vec![0; num_classes + 1];
    labels.iter().for_each(|&label| starts[label + 1] += 1);
    for class in 0..num_classes {
        starts[class + 1] += starts[class];
    }
    let (mut next, mut ordered) = (starts.clone(), vec![0; labels.len()]);
    for (sample, &label) in labels.iter().enumerate() {
        ordered[next[label]] = sample;
        next[label] += 1;
    }
    (starts, ordered)
}

/// Adds up each class by itself, its samples in their order, so that the sums do not depend on
/// threads: with feature `rayon` those of many scores on the threads of its pool. Returns the error
/// of the first sample with one.
fn for_each_class<R, E: Send>(
    sums: &mut Array2<f64>,
    scores: usize,
    room: impl Fn() -> R + Sync + Send,
    of_class: impl Fn(usize, &mut [f64], &mut R) -> Result<(), (usize, E)> + Sync + Send,
) -> Option<(usize, E)> {
    let of_row = |room: &mut R, (own, mut row): (usize, ArrayViewMut1<'_, f64>)| {
        of_class(own, row.as_slice_mut().expect("rows of a standard layout"), room).err()
    };
    let first = |a: (usize, E), b: (usize, E)| if a.0 <= b.0 { a } else { b };
    #[cfg(feature = "rayon")]
    {
        use ndarray::Axis;
        use rayon::prelude::*;

        /// Fewer scores are not worth the threads.
        const MANY: usize = 1 << 18;
        if scores > MANY && crate::threads::are_several() {
            let rows: Vec<_> = sums.axis_iter_mut(Axis(0)).enumerate().collect();
            return rows.into_par_iter().map_init(&room, of_row).flatten_iter().reduce_with(first);
        }
    }
    let _ = scores;
    let mut room = room();
    sums.outer_iter_mut().enumerate().filter_map(|row| of_row(&mut room, row)).reduce(first)
}

/// Adds to sums, one row a true class, so that a sample adds to contiguous memory, and to the class
/// counts.
fn accumulate(
    sums: &mut Array2<f64>,
    counts: &mut [u64],
    labels: ArrayView1<'_, usize>,
    mut add: impl FnMut(usize, usize, &mut [f64]) -> Result<(), ConfusionError>,
) -> Result<(), ConfusionError> {
    for (sample, &label) in labels.iter().enumerate() {
        let mut column = sums.row_mut(label);
        add(sample, label, column.as_slice_mut().expect("rows of a standard layout"))?;
        counts[label] += 1;
    }
    Ok(())
}

fn column_means(mut sums: Array2<f64>, counts: &[u64]) -> Array2<f64> {
    for (mut column, &count) in sums.rows_mut().into_iter().zip(counts) {
        if count > 0 {
            column /= count as f64;
        }
    }
    sums.reversed_axes().as_standard_layout().into_owned()
}

/// Gate and competition of one sample, `[K]` each. Both are 0 at the true class, but for a softmax
/// over all classes, whose share of the true class the gradient needs.
struct Terms {
    gate: Vec<f64>,
    competition: Vec<f64>,
    /// The largest lead, and the sum of all leads over it; for the relu competition.
    leads: (f64, f64),
}

impl Terms {
    fn new(num_classes: usize) -> Self {
        Self { gate: vec![0.0; num_classes], competition: vec![0.0; num_classes], leads: (0.0, 0.0) }
    }

    fn compute(&mut self, scores: &[f64], own: usize, options: &SurrogateOptions) {
        let base = scores[own];
        for (gate, &score) in self.gate.iter_mut().zip(scores) {
            *gate = options.margin + (score - base);
        }
        match options.gate {
            Gate::Sigmoid => sigmoids(&mut self.gate),
            Gate::One => self.gate.fill(1.0),
            Gate::Relu => self.gate.iter_mut().for_each(|gate| *gate = gate.max(0.0)),
        }
        self.gate[own] = 0.0;
        match options.competition {
            Competition::SoftmaxAll => {
                self.competition.copy_from_slice(scores);
                softmax(&mut self.competition, options.temperature);
            }
            Competition::SoftmaxCompetitors => {
                // The true class stands last meanwhile, and takes no part.
                self.competition.copy_from_slice(scores);
                let last = self.competition.len() - 1;
                self.competition.swap(own, last);
                softmax(&mut self.competition[..last], options.temperature);
                self.competition[last] = 0.0;
                self.competition.swap(own, last);
            }
            Competition::Relu => {
                let leads = scores.iter().map(|score| (score - base).max(0.0));
                self.competition.iter_mut().zip(leads).for_each(|(share, lead)| *share = lead);
                let largest = self.competition.iter().copied().fold(0.0, f64::max);
                if largest > 0.0 {
                    // Over the largest, whose own share of it is exactly 1, their sum cannot overflow.
                    self.competition.iter_mut().for_each(|share| *share /= largest);
                    let total = self.competition.iter().sum();
                    self.competition.iter_mut().for_each(|share| *share /= total);
                    self.leads = (largest, total);
                }
            }
        }
    }

    fn add_to(&self, column: &mut [f64]) {
        for ((sum, gate), competition) in column.iter_mut().zip(&self.gate).zip(&self.competition) {
            *sum += gate * competition;
        }
    }

    /// Adds the gradient of sum_i w_i G_i P_i; w is 0 at the true class.
    fn add_gradient(
        &self,
        scores: &[f64],
        own: usize,
        weights: &[f64],
        options: &SurrogateOptions,
        gradient: &mut [f64],
    ) {
        let base = scores[own];
        if options.gate_gradient {
            for (class, &weight) in weights.iter().enumerate().filter(|&(class, _)| class != own) {
                let raised = options.margin + (scores[class] - base);
                let slope = match options.gate {
                    Gate::Sigmoid => sigmoid(raised) * sigmoid(-raised),
                    Gate::One => 0.0,
                    Gate::Relu => f64::from(u8::from(raised > 0.0)),
                };
                let part = weight * self.competition[class] * slope;
                gradient[class] += part;
                gradient[own] -= part;
            }
        }
        let gated = |class: usize| weights[class] * self.gate[class];
        let mean: f64 = (0..weights.len()).map(|class| gated(class) * self.competition[class]).sum();
        match options.competition {
            Competition::SoftmaxAll | Competition::SoftmaxCompetitors => {
                for (class, part) in gradient.iter_mut().enumerate() {
                    *part += self.competition[class] * (gated(class) - mean) / options.temperature;
                }
            }
            Competition::Relu => {
                let (largest, total) = self.leads;
                for class in (0..weights.len()).filter(|&class| scores[class] > base) {
                    let part = (gated(class) - mean) / total / largest;
                    gradient[class] += part;
                    if options.baseline_gradient {
                        gradient[own] -= part;
                    }
                }
            }
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Axis, array};

    fn all_classes(margin: f64) -> SurrogateOptions {
        SurrogateOptions { margin, ..SurrogateOptions::official_code() }
    }

    #[test]
    fn two_samples_by_hand() {
        let logits = array![[1.0, 0.0, 2.0], [0.5, 0.5, -1.0]];
        let labels = array![0, 0];
        let term = |row: [f64; 3], i: usize, normaliser: f64| {
            row[i].exp() / normaliser / (1.0 + (-(0.25 + row[i] - row[0])).exp())
        };
        let all = surrogate_confusion(logits.view(), labels.view(), &all_classes(0.25)).unwrap();
        let rest = surrogate_confusion(logits.view(), labels.view(), &SurrogateOptions::paper(0.25)).unwrap();
        for i in [1, 2] {
            let mean = |skip: usize| {
                let normaliser = |row: &[f64; 3]| row[skip..].iter().map(|score| score.exp()).sum::<f64>();
                let rows = [[1.0, 0.0, 2.0], [0.5, 0.5, -1.0]];
                0.5 * rows.iter().map(|row| term(*row, i, normaliser(row))).sum::<f64>()
            };
            assert_relative_eq!(all.get(i, 0), mean(0), max_relative = 1e-14);
            assert_relative_eq!(rest.get(i, 0), mean(1), max_relative = 1e-14);
        }
        assert_eq!((all.get(0, 0), all.column_sums()[1]), (0.0, 0.0));
    }

    #[cfg(feature = "rayon")]
    #[test]
    fn threads_change_no_bit_and_name_the_first_bad_sample() {
        let (samples, num_classes) = (600, 500);
        let mut logits =
            Array2::from_shape_fn((samples, num_classes), |(row, class)| ((row * 31 + class * 17) % 101) as f32 * 0.07);
        let labels = Array1::from_shape_fn(samples, |row| row * row % 50);
        let on_threads = |threads: usize, logits: &Array2<f32>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| surrogate_confusion(logits.view(), labels.view(), &SurrogateOptions::official_code()))
        };
        let one = on_threads(1, &logits).unwrap().to_dense();
        assert!((2..5).all(|threads| on_threads(threads, &logits).unwrap().to_dense() == one));
        (logits[[599, 3]], logits[[77, 480]], logits[[78, 2]]) = (f32::NAN, f32::INFINITY, f32::NAN);
        for threads in 1..5 {
            let error = on_threads(threads, &logits).unwrap_err().to_string();
            assert!(error.contains("sample 77") && error.contains("class 480"), "{error}");
        }
    }

    #[test]
    fn batches_of_any_size_give_the_same_bits_and_samples_are_counted_through() {
        let logits = Array2::from_shape_fn((11, 4), |(row, class)| ((row * 7 + class * 5) % 9) as f32 * 0.4 - 1.0);
        let labels = Array1::from_shape_fn(11, |row| row * row % 4);
        for options in [SurrogateOptions::paper(0.1), SurrogateOptions::official_code()] {
            let whole = surrogate_confusion(logits.view(), labels.view(), &options).unwrap().to_dense();
            for size in [1, 2, 5, 11] {
                let mut sums = SurrogateSums::new(4, options).unwrap();
                for (logits, labels) in
                    logits.axis_chunks_iter(Axis(0), size).zip(labels.axis_chunks_iter(Axis(0), size))
                {
                    sums.add_batch(logits, labels).unwrap();
                }
                assert_eq!(sums.into_confusion().unwrap().to_dense(), whole);
            }
        }
        let mut sums = SurrogateSums::new(4, SurrogateOptions::paper(0.1)).unwrap();
        sums.add_batch(logits.view(), labels.view()).unwrap();
        let bad = |logits: Array2<f32>, label: usize| {
            sums.clone().add_batch(logits.view(), array![0, label].view()).unwrap_err().to_string()
        };
        assert!(bad(Array2::zeros((2, 4)), 4).contains("sample 12"));
        assert!(bad(array![[0.0, 0.0, 0.0, 0.0], [0.0, f32::NAN, 0.0, 0.0]], 1).contains("sample 12"));
        assert!(bad(Array2::zeros((2, 3)), 1).contains('3') && bad(Array2::zeros((1, 4)), 1).contains('1'));
    }

    #[test]
    fn relu_competition_by_hand() {
        // Leads 1 and 3 over class 0: shares 1/4 and 3/4; the gate of ablation C is 0.5 + lead.
        let logits = array![[0.0, 1.0, 3.0, -1.0]];
        let b = SurrogateOptions { competition: Competition::Relu, ..all_classes(0.0) };
        let c = SurrogateOptions { gate: Gate::Relu, margin: 0.5, ..b };
        let matrix = |options| surrogate_confusion(logits.view(), array![0].view(), &options).unwrap();
        assert_relative_eq!(matrix(b).get(1, 0), 0.25 / (1.0 + (-1f64).exp()), max_relative = 1e-15);
        assert_relative_eq!(matrix(c).get(2, 0), 0.75 * 3.5, max_relative = 1e-15);
        assert_relative_eq!(matrix(c).column_sums()[0], 3.0, max_relative = 1e-15);
        assert_eq!(surrogate_confusion(logits.view(), array![2].view(), &c).unwrap().column_sums()[2], 0.0);
    }

    /// sum_ij `upstream`_ij c̃_ij by the definition, with what the options hold constant computed
    /// from `then`.
    fn by_definition(
        now: &Array2<f64>,
        then: &Array2<f64>,
        labels: &Array1<usize>,
        options: &SurrogateOptions,
        upstream: &Array2<f64>,
    ) -> f64 {
        let mut sum = 0.0;
        for (q, &j) in labels.iter().enumerate() {
            let samples = labels.iter().filter(|&&label| label == j).count() as f64;
            let gate_scores = if options.gate_gradient { now } else { then };
            let base = if options.baseline_gradient { now[[q, j]] } else { then[[q, j]] };
            let unnormalised = |i: usize| match options.competition {
                Competition::SoftmaxCompetitors if i == j => 0.0,
                Competition::SoftmaxAll | Competition::SoftmaxCompetitors => (now[[q, i]] / options.temperature).exp(),
                Competition::Relu if i == j => 0.0,
                Competition::Relu => (now[[q, i]] - base).max(0.0),
            };
            let total: f64 = (0..now.ncols()).map(unnormalised).sum();
            for i in (0..now.ncols()).filter(|&i| i != j) {
                let raised = options.margin + gate_scores[[q, i]] - gate_scores[[q, j]];
                let gate = match options.gate {
                    Gate::Sigmoid => 1.0 / (1.0 + (-raised).exp()),
                    Gate::One => 1.0,
                    Gate::Relu => raised.max(0.0),
                };
                sum += upstream[[i, j]] / samples * gate * unnormalised(i) / total;
            }
        }
        sum
    }

    #[test]
    fn values_and_gradients_by_definition_and_differences() {
        let logits = array![[0.9, 0.3, 0.7, -0.6], [1.1, 0.8, -0.2, 1.6], [0.4, 2.1, -0.5, -1.3]];
        let labels = array![1, 1, 3];
        let upstream =
            array![[5.0, 0.8, -0.3, 1.2], [0.2, 7.0, 0.9, -0.4], [0.6, -1.1, 3.0, 0.5], [0.7, 1.4, -0.8, 6.0]];
        const H: f64 = 1e-5;
        for (gate, competition) in [Gate::Sigmoid, Gate::One, Gate::Relu].into_iter().flat_map(|gate| {
            [Competition::SoftmaxAll, Competition::SoftmaxCompetitors, Competition::Relu].map(|other| (gate, other))
        }) {
            for (gate_gradient, baseline_gradient) in [(true, true), (true, false), (false, true), (false, false)] {
                let options = SurrogateOptions {
                    margin: 0.25,
                    temperature: 0.7,
                    gate,
                    competition,
                    gate_gradient,
                    baseline_gradient,
                };
                let surrogate = Surrogate::new(logits.view(), labels.view(), &options).unwrap();
                let value = (&surrogate.confusion() * &upstream).sum();
                let expected = by_definition(&logits, &logits, &labels, &options, &upstream);
                assert_relative_eq!(value, expected, max_relative = 1e-14);
                let gradient = surrogate.gradient(upstream.view()).unwrap();
                for at in ndarray::indices(logits.dim()) {
                    let moved = |by: f64| {
                        let mut now = logits.clone();
                        now[at] += by;
                        by_definition(&now, &logits, &labels, &options, &upstream)
                    };
                    assert_relative_eq!(gradient[at], (moved(H) - moved(-H)) / (2.0 * H), epsilon = 1e-9);
                }
            }
        }
    }

    #[test]
    fn at_its_kink_the_relu_gate_has_the_derivative_zero() {
        // One competitor, so that c̃ = max(0, 1/2 + f_1 - f_0).
        let options = SurrogateOptions { gate: Gate::Relu, ..SurrogateOptions::paper(0.5) };
        let gradient = |own: f64| {
            let surrogate = Surrogate::new(array![[own, 0.25]].view(), array![0].view(), &options).unwrap();
            surrogate.gradient(array![[0.0, 0.0], [1.0, 0.0]].view()).unwrap()
        };
        assert_eq!(gradient(0.75), array![[0.0, 0.0]]);
        assert_eq!(gradient(0.5), array![[-1.0, 1.0]]);
    }

    #[test]
    fn relu_shares_of_leads_at_either_end_of_the_range() {
        let options =
            SurrogateOptions { gate: Gate::One, competition: Competition::Relu, ..SurrogateOptions::paper(0.1) };
        let new = |row: [f64; 3]| Surrogate::new(Array2::from(vec![row]).view(), array![0].view(), &options).unwrap();
        let one = |row: usize| Array2::from_shape_fn((3, 3), |(i, j)| f64::from(u8::from((i, j) == (row, 0))));
        let huge = new([-1.0, 1.2e308, 1.2e308]);
        assert_eq!((huge.confusion()[[1, 0]], huge.confusion()[[2, 0]]), (0.5, 0.5));
        assert!(huge.gradient(one(1).view()).unwrap().iter().all(|part| part.abs() < 1e-300));
        let tiny = new([0.0, 5e-324, 1e-323]);
        assert_relative_eq!(tiny.confusion()[[2, 0]], 2.0 / 3.0);
        assert!(matches!(tiny.gradient(one(1).view()), Err(CarError::Overflow { .. })));
        // A single leader has its share whatever its lead.
        for lead in [5e-324, 1e-20, 1e-7, 0.1, 3.0] {
            let single = new([0.0, lead, -1.0]);
            assert_eq!(single.confusion()[[1, 0]], 1.0);
            assert_eq!(single.gradient(one(1).view()).unwrap(), Array2::<f64>::zeros((1, 3)), "{lead:e}");
        }
    }

    #[test]
    fn extreme_scores_stay_finite() {
        let logits = array![[1e300, -1e300, 0.0], [-1e300, 1e300, 1e300]];
        for competition in [Competition::SoftmaxAll, Competition::SoftmaxCompetitors] {
            let options = SurrogateOptions { competition, ..SurrogateOptions::paper(0.1) };
            let surrogate = Surrogate::new(logits.view(), array![0, 0].view(), &options).unwrap();
            assert_relative_eq!(surrogate.confusion()[[1, 0]], 0.25);
            let gradient = surrogate.gradient(Array2::ones((3, 3)).view()).unwrap();
            assert!(gradient.iter().all(|value| value.is_finite()));
        }
        let overflow = SurrogateOptions { gate: Gate::Relu, competition: Competition::Relu, ..all_classes(0.0) };
        let logits = logits * 1e8;
        assert!(matches!(
            Surrogate::new(logits.view(), array![0, 0].view(), &overflow),
            Err(CarError::Confusion(ConfusionError::InvalidEntry { .. }))
        ));
    }

    #[test]
    fn bad_input_is_named() {
        let paper = SurrogateOptions::paper(0.0);
        let refused = |logits: Array2<f64>, labels: Array1<usize>| {
            let streamed = surrogate_confusion(logits.view(), labels.view(), &paper).unwrap_err().to_string();
            assert_eq!(Surrogate::new(logits.view(), labels.view(), &paper).unwrap_err().to_string(), streamed);
            streamed
        };
        assert!(refused(array![[0.0, 1.0], [0.0, f64::NAN]], array![0, 1]).contains("sample 1: the score of class 1"));
        assert!(refused(array![[0.0, 1.0]], array![2]).contains("label 2"));
        assert!(refused(array![[0.0, 1.0]], array![0, 1]).contains("2 labels"));
        assert!(refused(array![[0.0]], array![0]).contains("at least 2 classes"));
        let empty = Surrogate::new(Array2::<f64>::zeros((0, 3)).view(), array![].view(), &paper);
        assert_eq!(empty.unwrap_err(), CarError::EmptyBatch);
        let surrogate = Surrogate::new(array![[0.0, 1.0]].view(), array![0].view(), &paper).unwrap();
        for shape in [(3, 3), (3, 2), (2, 3)] {
            let refused = CarError::WrongNumberOfClasses { what: "the upstream matrix", found: 3, expected: 2 };
            assert_eq!(surrogate.gradient(Array2::zeros(shape).view()).unwrap_err(), refused);
        }
        let cold = SurrogateOptions { temperature: 0.0, ..paper };
        assert!(surrogate_confusion(array![[0.0, 1.0]].view(), array![0].view(), &cold).is_err());
    }
}
