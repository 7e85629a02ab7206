//! T5: the verdict on "bound_j >= e_j", from the bound and the held-out interval [l_j, u_j] of e_j.
//!
//! In this order:
//!
//! | verdict | when |
//! | --- | --- |
//! | not applicable | a precondition fails: there is no bound |
//! | vacuous | bound_j >= 1: true of every classifier |
//! | violated | bound_j < l_j |
//! | holds | bound_j >= u_j |
//! | undecided | l_j <= bound_j < u_j |

use std::fmt;
use std::ops::AddAssign;

use super::error::{check_length, check_num_classes, check_value};
use super::{BoundError, Interval};

/// The verdict on "bound_j >= e_j" for one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// A precondition of the statement fails.
    NotApplicable,
    /// The bound is at least 1.
    Vacuous,
    /// The bound lies below the held-out interval of the error.
    Violated,
    /// The bound lies at or above the upper end of the held-out interval.
    Holds,
    /// The bound lies inside the held-out interval.
    Undecided,
}

impl Verdict {
    /// Gives the verdict as programs write it: `not_applicable`.
    pub fn id(self) -> &'static str {
        match self {
            Verdict::NotApplicable => "not_applicable",
            Verdict::Vacuous => "vacuous",
            Verdict::Violated => "violated",
            Verdict::Holds => "holds",
            Verdict::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.id().replace('_', " "))
    }
}

/// The verdict on "`bound` >= e" when e lies in `interval`; `None` stands for "not applicable". An
/// infinite bound is vacuous.
///
/// # Errors
/// [`BoundError::Value`] for a NaN or negative bound; [`BoundError::Interval`] for an interval
/// outside [0, 1].
pub fn verdict(bound: Option<f64>, interval: Interval) -> Result<Verdict, BoundError> {
    let Interval { lower, upper } = interval;
    if !(0.0 <= lower && lower <= upper && upper <= 1.0) {
        return Err(BoundError::Interval { what: "interval of an error", lower, upper });
    }
    let Some(bound) = bound else { return Ok(Verdict::NotApplicable) };
    check_value(bound >= 0.0, "bound", bound, "a number, not negative")?;
    Ok(if bound >= 1.0 {
        Verdict::Vacuous
    } else if bound < lower {
        Verdict::Violated
    } else if bound >= upper {
        Verdict::Holds
    } else {
        Verdict::Undecided
    })
}

/// [`verdict()`] for every class: K bounds, K intervals.
///
/// # Errors
/// As [`verdict()`]; [`BoundError::TooFewClasses`], [`BoundError::Length`].
pub fn verdicts(bounds: &[Option<f64>], intervals: &[Interval]) -> Result<Vec<Verdict>, BoundError> {
    check_num_classes(intervals.len())?;
    check_length("bounds", intervals.len(), bounds.len())?;
    bounds.iter().zip(intervals).map(|(&bound, &interval)| verdict(bound, interval)).collect()
}

/// The number of classes that got each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerdictCounts {
    /// Classes where the bound holds.
    pub holds: usize,
    /// Classes where it is violated.
    pub violated: usize,
    /// Classes with too few held-out samples to tell.
    pub undecided: usize,
    /// Classes where the bound is at least 1.
    pub vacuous: usize,
    /// Classes to which the statement does not apply.
    pub not_applicable: usize,
}

impl VerdictCounts {
    /// Number of classes counted.
    pub fn total(&self) -> usize {
        self.holds + self.violated + self.undecided + self.vacuous + self.not_applicable
    }
}

impl AddAssign<Verdict> for VerdictCounts {
    fn add_assign(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::NotApplicable => &mut self.not_applicable,
            Verdict::Vacuous => &mut self.vacuous,
            Verdict::Violated => &mut self.violated,
            Verdict::Holds => &mut self.holds,
            Verdict::Undecided => &mut self.undecided,
        } += 1;
    }
}

impl FromIterator<Verdict> for VerdictCounts {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts += verdict;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_write_underscores_and_people_blanks() {
        let all = [Verdict::NotApplicable, Verdict::Vacuous, Verdict::Violated, Verdict::Holds, Verdict::Undecided];
        assert_eq!(all.map(Verdict::id), ["not_applicable", "vacuous", "violated", "holds", "undecided"]);
        assert_eq!(all.map(|v| v.to_string()), ["not applicable", "vacuous", "violated", "holds", "undecided"]);
        assert_eq!(format!("{:>7}|", Verdict::Holds), "  holds|");
    }

    #[test]
    fn the_order_of_t5() {
        let at = |bound, lower, upper| verdict(bound, Interval { lower, upper }).unwrap();
        assert_eq!(at(None, 0.2, 0.4), Verdict::NotApplicable);
        assert_eq!(at(Some(1.0), 0.2, 1.0), Verdict::Vacuous); // before "holds"
        assert_eq!(at(Some(f64::INFINITY), 0.2, 0.4), Verdict::Vacuous);
        assert_eq!(at(Some(0.199), 0.2, 0.4), Verdict::Violated);
        assert_eq!(at(Some(0.2), 0.2, 0.2), Verdict::Holds); // not below l, and at u
        assert_eq!(at(Some(0.4), 0.2, 0.4), Verdict::Holds);
        assert_eq!(at(Some(0.2), 0.2, 0.4), Verdict::Undecided);
        assert_eq!(at(Some(0.0), 0.0, 1.0), Verdict::Undecided); // a class without samples
        assert!(verdict(Some(f64::NAN), Interval { lower: 0.0, upper: 1.0 }).is_err());
        assert!(verdict(None, Interval { lower: 0.5, upper: 0.4 }).is_err());
    }

    #[test]
    fn one_verdict_a_class() {
        let interval = Interval { lower: 0.2, upper: 0.4 };
        let bounds = [Some(0.1), Some(0.4), Some(0.3), Some(1.0), None];
        let found = verdicts(&bounds, &[interval; 5]).unwrap();
        use Verdict::{Holds, NotApplicable, Undecided, Vacuous, Violated};
        assert_eq!(found, [Violated, Holds, Undecided, Vacuous, NotApplicable]);
        let counts: VerdictCounts = found.into_iter().collect();
        let one_each = VerdictCounts { holds: 1, violated: 1, undecided: 1, vacuous: 1, not_applicable: 1 };
        assert_eq!((counts, counts.total()), (one_each, 5));
        assert!(verdicts(&bounds, &[interval; 4]).is_err() && verdicts(&[None], &[interval]).is_err());
    }
}
