//! The smooth surrogate of the confusion matrix (D6; Zhu et al., equation 7).
//!
//! ```text
//! c~_ij = (1/m_j) sum over samples of class j of  sigmoid(g + f_i - f_j) softmax_i(f),   i != j;   c~_jj = 0
//! ```
//!
//! The softmax runs over all K classes; it is shift-invariant, so softmax(f - f_j) is the same. The surrogate bounds the
//! margin confusion matrix C_g in neither direction.

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::confusion::{ConfusionError, ConfusionMatrix, Score};

/// The surrogate matrix, dense, of scores [N, K] and labels `[N]` at margin g; columns of empty classes are zero.
///
/// # Errors
/// [`ConfusionError`] for fewer than two classes, lengths that differ, a label out of range or a score that is not
/// finite, naming the sample.
pub fn surrogate_confusion<S: Score>(
    logits: ArrayView2<'_, S>,
    labels: ArrayView1<'_, usize>,
    margin: f64,
) -> Result<ConfusionMatrix, ConfusionError> {
    let (samples, num_classes) = logits.dim();
    if labels.len() != samples {
        return Err(ConfusionError::WrongNumberOfLabels { samples, labels: labels.len() });
    }
    // One row a true class, so that a sample adds to contiguous memory; transposed at the end.
    let mut sums = Array2::<f64>::zeros((num_classes, num_classes));
    let mut counts = vec![0u64; num_classes];
    let mut scores = vec![0.0; num_classes];
    for (sample, (row, &label)) in logits.rows().into_iter().zip(labels).enumerate() {
        let sample = sample as u64;
        if label >= num_classes {
            return Err(ConfusionError::LabelOutOfRange { sample, label, num_classes });
        }
        for (class, (score, &value)) in scores.iter_mut().zip(row).enumerate() {
            *score = value.to_f64();
            if !score.is_finite() {
                return Err(ConfusionError::NonFiniteScore { sample, class, value: *score });
            }
        }
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let normaliser: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
        let own = scores[label];
        for (class, (sum, &score)) in sums.row_mut(label).iter_mut().zip(&scores).enumerate() {
            if class != label {
                *sum += sigmoid(margin + score - own) * (score - largest).exp() / normaliser;
            }
        }
        counts[label] += 1;
    }
    for (mut column, &count) in sums.rows_mut().into_iter().zip(&counts) {
        if count > 0 {
            column /= count as f64;
        }
    }
    ConfusionMatrix::from_dense(sums.reversed_axes().as_standard_layout().into_owned())
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array1, array};

    #[test]
    fn two_samples_by_hand() {
        let logits = array![[1.0, 0.0, 2.0], [0.5, 0.5, -1.0]];
        let matrix = surrogate_confusion(logits.view(), array![0, 0].view(), 0.25).unwrap();
        let term = |row: [f64; 3], i: usize| {
            let normaliser: f64 = row.iter().map(|score| score.exp()).sum();
            row[i].exp() / normaliser / (1.0 + (-(0.25 + row[i] - row[0])).exp())
        };
        for i in [1, 2] {
            let expected = 0.5 * (term([1.0, 0.0, 2.0], i) + term([0.5, 0.5, -1.0], i));
            assert_relative_eq!(matrix.get(i, 0), expected, max_relative = 1e-14);
        }
        assert_eq!((matrix.get(0, 0), matrix.column_sums()[1]), (0.0, 0.0));
    }

    #[test]
    fn large_scores_give_the_hard_matrix_at_margin_zero() {
        let logits = array![[3.0, 1.0, 2.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0], [9.0, 2.0, 3.0]] * 1e3;
        let labels: Array1<usize> = array![0, 0, 2, 2];
        let matrix = surrogate_confusion(logits.view(), labels.view(), 0.0).unwrap();
        assert_relative_eq!(matrix.get(1, 0), 0.5);
        assert_relative_eq!(matrix.get(0, 2), 0.5);
        assert_relative_eq!(matrix.column_sums().iter().sum::<f64>(), 1.0);
    }

    #[test]
    fn bad_input_is_named() {
        let error = surrogate_confusion(array![[0.0, f64::NAN]].view(), array![0].view(), 0.0).unwrap_err();
        assert!(error.to_string().contains("sample 0"));
        assert!(surrogate_confusion(array![[0.0, 1.0]].view(), array![2].view(), 0.0).is_err());
        assert!(surrogate_confusion(array![[0.0, 1.0]].view(), array![0, 1].view(), 0.0).is_err());
        assert!(surrogate_confusion(array![[0.0]].view(), array![0].view(), 0.0).is_err());
    }
}
