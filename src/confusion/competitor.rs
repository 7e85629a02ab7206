//! The competitor of a sample: `i*(x, y) = argmax over i != y of f(x)[i]`, ties to the lowest
//! index, and the margin `f(x)[y] - f(x)[i*]`, from one read of the row.
//!
//! Lanes side by side each keep the largest score that they have seen and where the first of its
//! kind stood; the label is left out of the one chunk that holds it. No branch depends on a score
//! before the lanes are joined, so that the next row is being read meanwhile. Short rows are read
//! class by class.

use super::scores::sealed::{Scanned, Strongest};

/// Rows up to this length are read class by class: they fill no registers.
const SHORT: usize = 7;

/// The strongest wrong class of a sample and how far the true class is ahead of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Competitor {
    /// i*, never the label.
    pub index: usize,
    /// f[y] - f[i*] in f64: negative, zero or positive exactly as the stored scores are ordered.
    /// Finite scores of type f64 may differ by more than the largest f64; the margin is then
    /// infinite, with the right sign.
    pub margin: f64,
    /// Tells whether the largest score of the whole row is attained at least twice.
    pub top_tie: bool,
}

/// The competitor of `label` in `row`, or the lowest class whose score is not finite.
///
/// The caller has checked `label < row.len()` and `row.len() >= 2`.
#[inline(always)]
pub(super) fn competitor<S: Scanned>(row: &[S], label: usize) -> Result<Competitor, usize> {
    if row.len() <= SHORT {
        return in_short_row(row, label);
    }
    let own = row[label];
    let Strongest { value, index, defect } = S::strongest(row, label);
    if defect != S::Bits::default() {
        return Err(first_defect(row, label));
    }
    let repeated = || row.iter().map(|&score| u32::from(score == value)).sum::<u32>() > 1;
    let top_tie = own <= value && (own == value || repeated());
    Ok(Competitor { index, margin: own.to_f64() - value.to_f64(), top_tie })
}

/// One read of the row without a branch on a score: which class leads is not to be foretold.
#[inline(always)]
fn in_short_row<S: Scanned>(row: &[S], label: usize) -> Result<Competitor, usize> {
    let own = row[label];
    let mut defect = S::Bits::default();
    let (mut top, mut index, mut repeated) = (S::BOTTOM, 0, false);
    for (class, &score) in row.iter().enumerate() {
        defect = defect | score.defect();
        let score = if class == label { S::BOTTOM } else { score };
        let better = score > top;
        repeated = (repeated & !better) | (score == top);
        index = if better { class } else { index };
        top = if better { score } else { top };
    }
    if defect != S::Bits::default() {
        return Err(first_defect(row, label));
    }
    let top_tie = own <= top && (own == top || repeated);
    Ok(Competitor { index, margin: own.to_f64() - top.to_f64(), top_tie })
}

/// The lowest class whose score is not finite; the caller knows that there is one.
fn first_defect<S: Scanned>(row: &[S], label: usize) -> usize {
    row.iter().position(|score| score.defect() != S::Bits::default()).unwrap_or(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, class by class.
    fn by_definition<S: Scanned>(row: &[S], label: usize) -> Competitor {
        let mut index = usize::from(label == 0);
        for class in 0..row.len() {
            if class != label && row[class] > row[index] {
                index = class;
            }
        }
        let largest = row.iter().copied().fold(row[0], |a, b| if b > a { b } else { a });
        Competitor {
            index,
            margin: row[label].to_f64() - row[index].to_f64(),
            top_tie: row.iter().filter(|&&score| score == largest).count() >= 2,
        }
    }

    proptest! {
        // Lengths around the widths of lanes and blocks; few distinct scores, so that ties are the rule.
        #[test]
        fn equals_the_definition(
            row in prop::collection::vec(-3i8..3, 2..140).prop_union(prop::collection::vec(-3i8..3, 250..530)),
            label in any::<prop::sample::Index>(),
            scale in prop_oneof![Just(1.0f32), Just(1e-45), Just(1e38)],
        ) {
            let label = label.index(row.len());
            let single: Vec<f32> = row.iter().map(|&score| f32::from(score) * scale).collect();
            prop_assert_eq!(competitor(&single, label), Ok(by_definition(&single, label)));
            let double: Vec<f64> = single.iter().map(|&score| f64::from(score)).collect();
            prop_assert_eq!(competitor(&double, label), competitor(&single, label));
        }

        #[test]
        fn one_score_that_is_not_finite_is_found(
            length in 2usize..600,
            places in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
            bad in prop_oneof![Just(f32::NAN), Just(-f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY)],
        ) {
            let (label, place) = (places.0.index(length), places.1.index(length));
            let mut row = vec![0.5f32; length];
            row[place] = bad;
            prop_assert_eq!(competitor(&row, label), Err(place));
            let mut row = vec![-0.5f64; length];
            row[place] = f64::from(bad);
            prop_assert_eq!(competitor(&row, label), Err(place));
        }
    }

    #[test]
    fn a_single_peak_anywhere() {
        for length in [2, 9, 17, 300] {
            for (label, peak) in
                [0, 1, length / 2, length - 1].into_iter().flat_map(|y| (0..length).map(move |i| (y, i)))
            {
                for own in [-1.0, 0.0, 1.0, 2.0] {
                    let mut row = vec![0.0f32; length];
                    row[peak] = 1.0;
                    row[label] = own;
                    assert_eq!(
                        competitor(&row, label),
                        Ok(by_definition(&row, label)),
                        "{length} {label} {peak} {own}"
                    );
                }
            }
        }
    }

    #[test]
    fn zeros_of_both_signs_tie() {
        let found = competitor(&[-0.0f32, 0.0, 0.0], 1).unwrap();
        assert_eq!((found.index, found.margin, found.top_tie), (0, 0.0, true));
        let mut long = [-1.0f32; 70];
        (long[3], long[40], long[69]) = (-0.0, 0.0, 0.0);
        let found = competitor(&long, 69).unwrap();
        assert_eq!((found.index, found.margin, found.top_tie), (3, 0.0, true));
    }

    #[test]
    fn a_margin_beyond_f64_keeps_its_sign() {
        assert_eq!(competitor(&[f64::MAX, -f64::MAX], 0).unwrap().margin, f64::INFINITY);
        assert_eq!(competitor(&[f64::MAX, -f64::MAX], 1).unwrap().margin, f64::NEG_INFINITY);
        let smallest = f64::from_bits(1);
        assert!(competitor(&[smallest, 0.0], 0).unwrap().margin > 0.0);
    }
}
