//! Matrices of whole numbers that may be no counts, or hold sums beside them.

use ndarray::{Array2, ArrayView1, Axis};

/// What is said of sums that are left out.
pub(super) const SUMS: &str = "the last row and the last column are the sums of the others and are left out";

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

/// Classes from which on rates in whole per cent hardly all add up to 100 exactly, as equal numbers
/// of samples do.
const MANY: usize = 20;

/// Wholes that rates in finer parts than per cent add up to, nearly so when each is rounded.
const FINER: [u64; 4] = [1000, 10_000, 100_000, 1_000_000];

/// The samples of every class, and the predictions.
fn sums(matrix: &Array2<u64>) -> [(&'static str, Vec<u64>); 2] {
    let of = |axis| matrix.lanes(axis).into_iter().map(|lane| lane.iter().fold(0_u64, |sum, &n| sum.saturating_add(n)));
    [("samples", of(Axis(0)).collect()), ("predictions", of(Axis(1)).collect())]
}

fn are_near(sums: &[u64], whole: u64, by: u64) -> bool {
    sums.iter().all(|&sum| sum == 0 || sum.abs_diff(whole) <= by)
}

/// What is odd where the samples or the predictions of every class add up as rates do.
pub(super) fn rates(matrix: &Array2<u64>) -> Option<String> {
    for (what, sums) in sums(matrix) {
        if sums.len() >= MANY && sums.iter().all(|&sum| sum == 100) {
            return None;
        }
        let are_few = sums.len() < 3;
        // As many samples of each class are ordinary from a thousand on.
        let finer = |&whole: &u64| !are_few && are_near(&sums, whole, 2) && !are_near(&sums, whole, 0);
        let whole = if are_near(&sums, 1, 0) {
            "1".to_owned()
        } else if are_near(&sums, 100, 2) {
            "100, or nearly so".to_owned()
        } else if !are_few && are_near(&sums, 10, 0) {
            "10".to_owned()
        } else if let Some(whole) = FINER.iter().find(|whole| finer(whole)) {
            format!("nearly {whole}")
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

/// What has to be said where they add up to a thousand or more as rates and test sets of equal
/// classes both do.
pub(super) fn equal_sums(matrix: &Array2<u64>) -> Option<String> {
    let whole = |sums: &[u64]| FINER.into_iter().find(|&whole| are_near(sums, whole, 0));
    let (what, whole) = sums(matrix)
        .into_iter()
        .find_map(|(what, sums)| whole(&sums).filter(|_| (3..MANY).contains(&sums.len())).map(|whole| (what, whole)))?;
    Some(format!(
        "the {what} of every class add up to {whole}, as in a test set of equal classes; were they rates (parts of {whole}), no \
         interval would hold"
    ))
}
