//! How often predictions agree with labels, under any reading of the labels, against what shuffled labels would give.

use car_spectral::confusion::MarginCounts;

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

impl Agreement {
    /// Standard deviations above what shuffled labels give; infinite where all orders agree alike but this one.
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

    /// The agreement if label j stands for class `class_of(j)`, a different one for each label; `None` for none.
    ///
    /// Over all orders of the labels the samples at (class i, label j) are hypergeometric: mean n_j p_i / N, variance
    /// n_j (N - n_j) p_i (N - p_i) / (N^2 (N - 1)), and two such cells in other rows and columns have covariance
    /// n_j p_i n_l p_k / (N^2 (N - 1)).
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

    /// For each label the class that most of its samples are predicted as and their number, the first of equal ones.
    pub fn favourites(&self) -> Vec<Option<(usize, u64)>> {
        let mut favourites: Vec<Option<(usize, u64)>> = vec![None; self.num_classes()];
        for &(class, label, samples) in &self.cells {
            let better = |&(other, most): &(usize, u64)| samples > most || (samples == most && class < other);
            if favourites[label].as_ref().is_none_or(better) {
                favourites[label] = Some((class, samples));
            }
        }
        favourites
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
    fn favourites_and_shifts_are_those_by_hand() {
        let table = predicted(4, &[1, 1, 2, 0, 3, 3, 0], &[0, 0, 1, 1, 2, 2, 3]);
        assert_eq!(table.favourites(), [Some((1, 2)), Some((0, 1)), Some((3, 2)), Some((0, 1))]);
        assert_eq!(table.shift(), Some(1));
    }
}
