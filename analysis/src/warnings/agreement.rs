//! Agreement of predictions with labels, under any reading of the labels, against what shuffled
//! labels would give.

use car_spectral::confusion::MarginCounts;

/// Gain of a tie, beyond the logarithm of how many are tried, that is hardly by chance.
pub(super) const BY_CHANCE: f64 = 3.0;

/// A bound on how probable it is that `hits` or more of `tried` come about, each with probability
/// `each` (Chernoff). Classes are what is counted, as samples of a class fall together behind any
/// network.
pub(super) fn improbability(hits: f64, tried: f64, each: f64) -> f64 {
    let share = hits / tried;
    if tried == 0.0 || share <= each {
        return 1.0;
    }
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    (-tried * (term(share, each) + term(1.0 - share, 1.0 - each))).exp()
}

/// Predictions counted against labels.
pub(super) struct Predicted {
    /// (predicted class, label, samples), each pair once.
    cells: Vec<(usize, usize, u64)>,
    /// Samples of each label.
    pub labelled: Vec<u64>,
    /// Samples of each predicted class.
    pub predicted: Vec<u64>,
    pub samples: u64,
}

/// Samples whose prediction is the class that their label is taken for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreement {
    pub found: f64,
    /// Mean over all orders of the labels.
    pub expected: f64,
    /// Standard deviation over all orders of the labels.
    pub deviation: f64,
}

/// A class and a label that go together more often than by chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tie {
    pub class: usize,
    pub label: usize,
    pub gain: f64,
}

/// For each of K classes the first label that it is tied to by more than the best of K would be by
/// chance, of those that `counts` admits.
pub(super) fn first_labels(classes: usize, ties: &[Tie], counts: impl Fn(&Tie) -> bool) -> Vec<Option<usize>> {
    let mut first = vec![None; classes];
    let least = (classes as f64).ln() + BY_CHANCE;
    for tie in ties.iter().take_while(|tie| tie.gain > least).filter(|tie| counts(tie)) {
        first[tie.class].get_or_insert(tie.label);
    }
    first
}

impl Agreement {
    /// Standard deviations above what shuffled labels give; infinite where all orders agree alike
    /// but this one.
    pub fn above_chance(&self) -> f64 {
        let above = self.found - self.expected;
        if above == 0.0 { 0.0 } else { above / self.deviation }
    }
}

impl Predicted {
    pub fn of(counts: &MarginCounts) -> Self {
        let labelled = counts.class_counts().to_vec();
        let errors = counts.errors();
        let mut cells: Vec<(usize, usize, u64)> = counts.confusion_counts().collect();
        let right = labelled.iter().zip(&errors).enumerate().map(|(class, (all, wrong))| (class, class, all - wrong));
        cells.extend(right.filter(|&(_, _, samples)| samples > 0));
        let mut predicted = vec![0; labelled.len()];
        cells.iter().for_each(|&(class, _, samples)| predicted[class] += samples);
        Self { cells, labelled, predicted, samples: counts.samples() }
    }

    /// K.
    pub fn num_classes(&self) -> usize {
        self.labelled.len()
    }

    /// The agreement if label j stands for class `class_of(j)`, a different one for each label;
    /// `None` for none.
    ///
    /// Over all orders of the labels the samples at (class i, label j) are hypergeometric: mean n_j
    /// p_i / N, variance n_j (N - n_j) p_i (N - p_i) / (N^2 (N - 1)), and two such cells in other
    /// rows and columns have covariance n_j p_i n_l p_k / (N^2 (N - 1)).
    pub fn agreement(&self, class_of: impl Fn(usize) -> Option<usize>) -> Agreement {
        let found: u64 =
            self.cells.iter().filter(|&&(i, j, _)| class_of(j) == Some(i)).map(|&(_, _, samples)| samples).sum();
        let n = self.samples as f64;
        let (mut sum, mut squares, mut own) = (0.0, 0.0, 0.0);
        for (label, &labelled) in self.labelled.iter().enumerate() {
            let Some(class) = class_of(label) else { continue };
            let (labelled, predicted) = (labelled as f64, self.predicted[class] as f64);
            let product = labelled * predicted;
            sum += product;
            squares += product * product;
            own += product * (n - labelled) * (n - predicted);
        }
        let variance = if n > 1.0 { (own + sum * sum - squares) / (n * n * (n - 1.0)) } else { 0.0 };
        Agreement { found: found as f64, expected: sum / n, deviation: variance.max(0.0).sqrt() }
    }

    /// Lists what ties classes to labels, by descending gain.
    ///
    /// The gain is the logarithm of how much likelier the samples of a label are predicted as a
    /// class than all samples are: a class that is seldom predicted is held against how seldom it
    /// is. Of a sound model the first label of a class is its own, even where rare labels lose most
    /// of their samples to frequent ones.
    pub fn ties(&self) -> Vec<Tie> {
        let tie = |&(class, label, samples): &(usize, usize, u64)| {
            let expected = self.predicted[class] as f64 * self.labelled[label] as f64 / self.samples as f64;
            let samples = samples as f64;
            let gain = samples * (samples / expected).ln() - (samples - expected);
            (samples > expected).then_some(Tie { class, label, gain })
        };
        let mut ties: Vec<Tie> = self.cells.iter().filter_map(tie).collect();
        ties.sort_unstable_by(|a, b| b.gain.total_cmp(&a.gain).then((a.class, a.label).cmp(&(b.class, b.label))));
        ties
    }

    /// Tells whether predictions lie near the labels by number, as of ordered classes (ages,
    /// ratings) they do: their mean distance is less than half of that of shuffled labels.
    pub fn is_ordered(&self) -> bool {
        /// Samples below which a small distance may be by chance.
        const FEWEST: u64 = 30;
        let found: f64 = self.cells.iter().map(|&(class, label, n)| n as f64 * class.abs_diff(label) as f64).sum();
        // Between class c and c + 1: what lies below it of the one, times what lies above it of the other.
        let (mut labels, mut classes, mut product) = (0.0, 0.0, 0.0);
        let n = self.samples as f64;
        for (&labelled, &predicted) in self.labelled.iter().zip(&self.predicted) {
            (labels, classes) = (labels + labelled as f64, classes + predicted as f64);
            product += labels * (n - classes) + classes * (n - labels);
        }
        self.samples >= FEWEST && 2.0 * found * n < product
    }

    /// The samples that are predicted as their label + s, without going round.
    pub fn at_distance(&self, shift: i64) -> f64 {
        let is_there = |class: usize, label: usize| class as i64 - label as i64 == shift;
        self.cells.iter().filter(|&&(class, label, _)| is_there(class, label)).map(|&(_, _, n)| n as f64).sum()
    }

    /// The shift s, modulo K and not 0, with the most samples predicted as label + s.
    pub fn shift(&self) -> Option<usize> {
        let classes = self.num_classes();
        let mut samples = vec![0u64; classes];
        for &(class, label, count) in &self.cells {
            samples[(class + classes - label) % classes] += count;
        }
        (1..classes).max_by_key(|&shift| samples[shift])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use car_spectral::confusion::MarginGrid;
    use ndarray::{Array1, Array2};

    use super::*;

    /// Counts of predictions beside labels.
    pub(in super::super) fn predicted(classes: usize, predicted: &[usize], labels: &[usize]) -> Predicted {
        let mut scores = Array2::<f32>::zeros((labels.len(), classes));
        predicted.iter().enumerate().for_each(|(sample, &class)| scores[(sample, class)] = 1.0);
        let mut counts = MarginCounts::new(classes, &MarginGrid::new(&[0.0]).unwrap()).unwrap();
        counts.add_batch(scores.view(), Array1::from_vec(labels.to_vec()).view()).unwrap();
        Predicted::of(&counts)
    }

    #[test]
    fn mean_and_deviation_are_those_over_all_orders() {
        let (labels, classes) = ([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 0, 2]);
        let mut found = Vec::new();
        let mut places = [0usize; 6];
        for code in 0..6usize.pow(6) {
            (0..6).for_each(|at| places[at] = code / 6usize.pow(at as u32) % 6);
            if (0..6).all(|at| places.contains(&at)) {
                // Label j stands for class j + 1.
                let agree = |at: &usize| (labels[places[*at]] + 1) % 3 == classes[*at];
                found.push((0..6).filter(agree).count() as f64);
            }
        }
        assert_eq!(found.len(), 720);
        let mean = found.iter().sum::<f64>() / 720.0;
        let variance = found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 720.0;
        let agreement = predicted(3, &classes, &labels).agreement(|label| Some((label + 1) % 3));
        assert_eq!(agreement.found, 2.0);
        assert!((agreement.expected - mean).abs() < 1e-12 && (agreement.deviation - variance.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn ties_and_shifts_are_those_by_hand() {
        let table = predicted(4, &[1, 1, 2, 0, 3, 3, 0], &[0, 0, 1, 1, 2, 2, 3]);
        let ties = table.ties();
        let pair = |at: usize| (ties[at].class, ties[at].label);
        assert_eq!((ties.len(), pair(0), pair(1)), (5, (1, 0), (3, 2)));
        assert!((ties[0].gain - (2.0 * 3.5_f64.ln() - 2.0 + 4.0 / 7.0)).abs() < 1e-12);
        assert_eq!(first_labels(4, &ties, |_| true), [None; 4], "two samples are too few");
        assert_eq!((table.shift(), [1, -1, 0].map(|by| table.at_distance(by))), (Some(1), [5.0, 1.0, 0.0]));
        let classes: Vec<usize> = (0..80).map(|n| n % 4).collect();
        let labels: Vec<usize> = classes.iter().map(|&class| [2, 0, 1, 3][class]).collect();
        let ties = predicted(4, &classes, &labels).ties();
        assert_eq!(first_labels(4, &ties, |_| true), [2, 0, 1, 3].map(Some));
        assert_eq!(first_labels(4, &ties, |tie| tie.class != tie.label), [Some(2), Some(0), Some(1), None]);
    }

    #[test]
    fn ordered_classes_are_near_their_labels() {
        // Of 40 samples of each of ten classes the mean distance of shuffled labels is 3.3.
        let labels: Vec<usize> = (0..400).map(|sample| sample % 10).collect();
        let is_ordered = |of: &dyn Fn(usize, usize) -> usize| {
            let told: Vec<usize> = labels.iter().enumerate().map(|(at, &label)| of(label, at / 10)).collect();
            predicted(10, &told, &labels).is_ordered()
        };
        assert!(is_ordered(&|label, at| (label + at % 4).saturating_sub(1).min(9)));
        assert!(!is_ordered(&|label, at| (label * 7 + at / 20) % 10));
        assert!(!predicted(3, &[0, 1, 2], &[0, 1, 2]).is_ordered(), "few samples");
    }

    #[test]
    fn hits_are_held_against_chance() {
        assert!((improbability(3.0, 3.0, 0.25) - 1.0 / 64.0).abs() < 1e-12);
        assert_eq!(improbability(2.0, 10.0, 0.2), 1.0);
        // Of Bin(10, 0.1) 7 or more have probability 9.1e-6.
        assert!((9.1e-6..4e-5).contains(&improbability(7.0, 10.0, 0.1)));
    }
}
