//! Matrices of whole numbers that may be no counts, or hold sums beside them.

use ndarray::{Array2, ArrayView1, Axis};

/// The sum, unless it leaves 64 bits.
fn total(counts: ArrayView1<'_, u64>) -> Option<u64> {
    counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count))
}

/// The counts alone, if the last row and the last column are the sums of the others.
pub(super) fn without_sums(matrix: &Array2<u64>) -> Option<Array2<u64>> {
    let classes = matrix.nrows().checked_sub(1).filter(|&classes| classes >= 2)?;
    let inside = Array2::from_shape_fn((classes, classes), |place| matrix[place]);
    let is_sum = |at: usize| {
        total(inside.row(at)) == Some(matrix[(at, classes)]) && total(inside.column(at)) == Some(matrix[(classes, at)])
    };
    let all = total(inside.flatten().view()).filter(|&all| all > 0 && all == matrix[(classes, classes)]);
    all.filter(|_| (0..classes).all(is_sum)).map(|_| inside)
}

/// Classes from which on rates in whole per cent hardly all add up to 100 exactly, as equal numbers of samples do.
const MANY: usize = 20;

/// What is odd where the samples or the predictions of every class add up as rates do.
pub(super) fn rates(matrix: &Array2<u64>) -> Option<String> {
    for (axis, what) in [(Axis(0), "samples"), (Axis(1), "predictions")] {
        let sums = matrix.lanes(axis).into_iter().map(|lane| lane.iter().fold(0_u64, |sum, &n| sum.saturating_add(n)));
        let sums: Vec<u64> = sums.collect();
        if sums.len() >= MANY && sums.iter().all(|&sum| sum == 100) {
            return None;
        }
        let near = |whole: u64, by: u64| sums.iter().all(|&sum| sum == 0 || sum.abs_diff(whole) <= by);
        let whole = if near(1, 0) {
            "1"
        } else if near(100, 2) {
            "100, or nearly so"
        } else {
            continue;
        };
        return Some(format!(
            "the {what} of every class add up to {whole}: if these are rates in place of numbers of samples, no interval and no \
             bound for unseen images holds"
        ));
    }
    None
}
