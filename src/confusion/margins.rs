//! The list of margins g at which a margin confusion matrix is counted.

use std::fmt;

use super::ConfusionError;

/// A non-empty, strictly ascending list of finite margins g, in units of the scores.
///
/// T3 and T3' pay ln |G| for it, so it is fixed before the data are seen.
#[derive(Clone, Debug, PartialEq)]
pub struct MarginGrid {
    margins: Vec<f64>,
}

impl MarginGrid {
    /// Sorts the margins and drops repetitions (-0 and 0 are one margin, kept as 0).
    ///
    /// # Errors
    /// [`ConfusionError::NoMargins`] for an empty list, [`ConfusionError::InvalidMargin`] for a
    /// margin that is not finite.
    pub fn new(margins: &[f64]) -> Result<Self, ConfusionError> {
        if margins.is_empty() {
            return Err(ConfusionError::NoMargins);
        }
        if let Some((index, &value)) = margins.iter().enumerate().find(|(_, margin)| !margin.is_finite()) {
            return Err(ConfusionError::InvalidMargin { index, value });
        }
        // -0 + 0 = 0 leaves no negative zero, so the total order is the usual one.
        let mut margins: Vec<f64> = margins.iter().map(|margin| margin + 0.0).collect();
        margins.sort_by(f64::total_cmp);
        margins.dedup();
        Ok(Self { margins })
    }

    /// The margins, ascending, each once.
    pub fn margins(&self) -> &[f64] {
        &self.margins
    }

    /// Number of margins |G|, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a grid is never empty")]
    pub fn len(&self) -> usize {
        self.margins.len()
    }

    /// Position of margin `g`, if it is one of the list.
    pub fn position(&self, g: f64) -> Option<usize> {
        self.margins.binary_search_by(|margin| margin.total_cmp(&(g + 0.0))).ok()
    }

    /// Position of the smallest g with `margin <= g`; the length of the list if there is none.
    #[inline]
    pub(super) fn bucket(&self, margin: f64) -> usize {
        self.margins.partition_point(|&g| g < margin)
    }
}

/// A margin as it is written in sentences and tables: with an exponent outside [1e-4, 1e6), so that
/// it stays short, and always with the digits that read back as the same number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrittenMargin(pub f64);

impl fmt::Display for WrittenMargin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(margin) = *self;
        if margin == 0.0 || (1e-4..1e6).contains(&margin.abs()) {
            write!(f, "{margin}")
        } else {
            write!(f, "{margin:e}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_margins_are_short_and_exact() {
        for (margin, text) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (1e-4, "0.0001"),
            (9.5e-5, "9.5e-5"),
            (999_999.5, "999999.5"),
            (1e6, "1e6"),
            (-1e308, "-1e308"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::from_bits(1), "5e-324"),
        ] {
            assert_eq!(WrittenMargin(margin).to_string(), text);
            assert_eq!(text.parse(), Ok(margin));
        }
    }

    #[test]
    fn the_list_comes_out_ascending_and_without_repetitions() {
        let grid = MarginGrid::new(&[2.0, 0.0, -0.0, 0.1, 2.0, -1.5]).unwrap();
        assert_eq!(grid.margins(), [-1.5, 0.0, 0.1, 2.0]);
        assert!(grid.margins()[1].is_sign_positive());
        assert_eq!(grid.len(), 4);
        assert_eq!((grid.position(-0.0), grid.position(2.0), grid.position(1.0)), (Some(1), Some(3), None));
        assert_eq!(grid.position(f64::NAN), None);
    }

    #[test]
    fn a_bucket_is_the_first_margin_not_exceeded() {
        let grid = MarginGrid::new(&[0.0, 1.0]).unwrap();
        let buckets = [f64::NEG_INFINITY, 0.0, f64::MIN_POSITIVE, 1.0, 1.5, f64::INFINITY].map(|m| grid.bucket(m));
        assert_eq!(buckets, [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn empty_and_non_finite_lists_are_refused() {
        assert_eq!(MarginGrid::new(&[]), Err(ConfusionError::NoMargins));
        assert_eq!(
            MarginGrid::new(&[0.0, f64::INFINITY]),
            Err(ConfusionError::InvalidMargin { index: 1, value: f64::INFINITY })
        );
        assert!(matches!(MarginGrid::new(&[f64::NAN]), Err(ConfusionError::InvalidMargin { index: 0, .. })));
    }
}
