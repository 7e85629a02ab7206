//! A closed interval, as limits of an error or of a norm.

use super::BoundError;
use crate::norms::SpectralNorm;

/// A closed interval [lower, upper].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end, at least `lower`.
    pub upper: f64,
}

/// The certified enclosure of a spectral norm.
impl From<&SpectralNorm> for Interval {
    fn from(norm: &SpectralNorm) -> Self {
        Self { lower: norm.lower, upper: norm.upper }
    }
}

/// Lower and upper end.
impl From<Interval> for [f64; 2] {
    fn from(Interval { lower, upper }: Interval) -> Self {
        [lower, upper]
    }
}

impl Interval {
    /// The interval from `lower` to `upper`.
    ///
    /// # Errors
    /// [`BoundError::Interval`] if an end is NaN or the lower exceeds the upper.
    pub fn new(lower: f64, upper: f64) -> Result<Self, BoundError> {
        if lower <= upper {
            Ok(Self { lower, upper })
        } else {
            Err(BoundError::Interval { what: "interval", lower, upper })
        }
    }

    /// Tells whether it contains `value`.
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    pub(super) fn check_norm(&self) -> Result<(), BoundError> {
        let &Self { lower, upper } = self;
        if 0.0 <= lower && lower <= upper && upper.is_finite() {
            Ok(())
        } else {
            Err(BoundError::Interval { what: "spectral norm", lower, upper })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_ends() {
        let interval = Interval::new(0.25, 0.5).unwrap();
        assert_eq!(
            [0.2, 0.25, 0.3, 0.5, 0.6, f64::NAN].map(|x| interval.contains(x)),
            [false, true, true, true, false, false]
        );
        assert!(Interval::new(0.5, 0.25).is_err() && Interval::new(0.5, f64::NAN).is_err());
    }
}
