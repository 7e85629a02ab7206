//! T8: which of two models is better.

use std::fmt;

use crate::bounds::Interval;

/// Model A against model B, by an error (less is better).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ComparisonVerdict {
    /// A's error is smaller.
    Better,
    /// A's error is larger.
    Worse,
    /// The images do not tell.
    #[default]
    Undecided,
}

impl ComparisonVerdict {
    /// Judges the interval of A's error less B's: whether all of it lies below or above 0.
    pub fn of(difference: Interval) -> Self {
        if difference.upper < 0.0 {
            Self::Better
        } else if difference.lower > 0.0 {
            Self::Worse
        } else {
            Self::Undecided
        }
    }
}

impl fmt::Display for ComparisonVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Undecided => "undecided",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_interval_without_zero_decides() {
        let of = |lower, upper| ComparisonVerdict::of(Interval { lower, upper });
        assert_eq!([of(-0.2, -0.1), of(0.1, 0.2)], [ComparisonVerdict::Better, ComparisonVerdict::Worse]);
        assert_eq!([of(-0.2, 0.0), of(0.0, 0.2), of(-0.1, 0.1)], [ComparisonVerdict::Undecided; 3]);
        assert_eq!(format!("{:>7}|{}", ComparisonVerdict::Better, of(0.1, 0.2)), " better|worse");
        assert_eq!(ComparisonVerdict::Undecided.to_string(), "undecided");
    }
}
