//! T11: how many test images a class, or how many seeds, a question needs.
//!
//! | function | least n such that |
//! | --- | --- |
//! | [`images_for_certificate`] | the upper limit of max_j e_j (T5', level delta) is within w of it with probability >= power |
//! | [`images_for_paired`] | the sign of d of one class is found on the same images (exact McNemar test at alpha) |
//! | [`images_for_unpaired`] | two separate Clopper-Pearson limits at alpha tell e_A > e_B |
//! | [`seeds_for_paired`] | a paired t-test over n seeds finds a difference |
//!
//! The probabilities are summed, not simulated. As counts are whole numbers, the power of a test of
//! counts falls slightly between its steps up: the n given reaches the power and n − 1 does not,
//! but a few larger n may fall short by a little again. `None` means: not with 10^7. One statement
//! has delta; M certificates, or C comparisons, that are to hold at once have delta/M, delta/C
//! each, and are planned with that.

mod certificate;
mod seeds;
mod two_models;

pub use certificate::images_for_certificate;
pub use seeds::seeds_for_paired;
pub use two_models::{images_for_paired, images_for_unpaired};

use super::{BoundError, MOST_SAMPLES};
use crate::bounds::error::check_value;

/// An n in `first`..=10^7 with `enough`(n) and, above `first`, not `enough`(n − 1): doubling, then
/// halving.
fn least(first: u64, enough: impl Fn(u64) -> Result<bool, BoundError>) -> Result<Option<u64>, BoundError> {
    let (mut below, mut above) = (first, first);
    while !enough(above)? {
        if above == MOST_SAMPLES {
            return Ok(None);
        }
        (below, above) = (above, (2 * above).min(MOST_SAMPLES));
    }
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if enough(middle)? {
            above = middle;
        } else {
            below = middle;
        }
    }
    Ok(Some(above))
}

fn check_power(power: f64) -> Result<(), BoundError> {
    check_value(power > 0.0 && power < 1.0, "power", power, "strictly between 0 and 1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::error::check_alpha;

    #[test]
    fn the_least_is_found() {
        for threshold in [1, 2, 3, 7, 8, 9, 1000, MOST_SAMPLES] {
            assert_eq!(least(1, |n| Ok(n >= threshold)).unwrap(), Some(threshold));
        }
        assert_eq!(least(2, |n| Ok(n >= 1)).unwrap(), Some(2));
        assert_eq!(least(1, |_| Ok(false)).unwrap(), None);
    }

    #[test]
    fn checks_name_their_argument() {
        assert!(check_power(0.8).is_ok() && check_power(0.0).is_err() && check_power(1.0).is_err());
        let check_alpha = |alpha| check_alpha("alpha", alpha);
        assert!(check_alpha(0.25).is_ok() && check_alpha(0.0).is_err() && check_alpha(0.26).is_err());
    }
}
