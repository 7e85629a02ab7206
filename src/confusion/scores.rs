//! The number types a score (logit) may have.

use std::fmt::Debug;

/// A score: `f32` or `f64`. Sealed, because the exactness of the margins rests on these two:
/// both convert to f64 without rounding, so `f[y] - f[i] <= 0` in f64 exactly when `f[y] <= f[i]` as stored.
pub trait Score: Copy + PartialOrd + Debug + sealed::Lanes {
    /// The same number in f64.
    fn to_f64(self) -> f64;
}

impl Score for f32 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Score for f64 {
    fn to_f64(self) -> f64 {
        self
    }
}

pub(super) mod sealed {
    use std::ops::BitOr;

    /// What a scan of many scores at a time needs to know about their type.
    pub trait Lanes: Copy + PartialOrd {
        /// Below every finite score.
        const BOTTOM: Self;
        /// An integer as wide as the score.
        type Bits: Copy + Default + PartialEq + BitOr<Output = Self::Bits>;

        /// Zero for a finite score, not zero for an infinite one or NaN; joined by `|` without a branch.
        fn defect(self) -> Self::Bits;

        /// Largest score of the slice, meaningful if all are finite, and the joined defects.
        fn max_and_defect(scores: &[Self]) -> (Self, Self::Bits);
    }

    impl Lanes for f32 {
        const BOTTOM: Self = f32::NEG_INFINITY;
        type Bits = u32;

        #[inline(always)]
        #[expect(clippy::eq_op, reason = "x - x is +0 for a finite x and NaN otherwise")]
        fn defect(self) -> u32 {
            (self - self).to_bits()
        }

        #[inline(always)]
        fn max_and_defect(scores: &[f32]) -> (f32, u32) {
            in_lanes::<f32, 16>(scores)
        }
    }

    impl Lanes for f64 {
        const BOTTOM: Self = f64::NEG_INFINITY;
        type Bits = u64;

        #[inline(always)]
        #[expect(clippy::eq_op, reason = "x - x is +0 for a finite x and NaN otherwise")]
        fn defect(self) -> u64 {
            (self - self).to_bits()
        }

        #[inline(always)]
        fn max_and_defect(scores: &[f64]) -> (f64, u64) {
            in_lanes::<f64, 8>(scores)
        }
    }

    /// L independent maxima side by side, which the compiler keeps in vector registers (two reads of a score do no
    /// harm to a maximum, so the last chunk may overlap the one before it).
    #[inline(always)]
    fn in_lanes<S: Lanes, const L: usize>(scores: &[S]) -> (S, S::Bits) {
        let (chunks, rest) = scores.as_chunks::<L>();
        let (mut top, mut defect) = (S::BOTTOM, S::Bits::default());
        if let Some((first, chunks)) = chunks.split_first() {
            let mut tops = *first;
            let mut defects = first.map(S::defect);
            let overlapping = if rest.is_empty() { None } else { scores.last_chunk::<L>() };
            for chunk in chunks.iter().chain(overlapping) {
                for lane in 0..L {
                    tops[lane] = larger(chunk[lane], tops[lane]);
                    defects[lane] = defects[lane] | chunk[lane].defect();
                }
            }
            // Halving, not one after the other: log2(L) dependent steps.
            let mut width = L / 2;
            while width > 0 {
                for lane in 0..width {
                    tops[lane] = larger(tops[lane + width], tops[lane]);
                    defects[lane] = defects[lane] | defects[lane + width];
                }
                width /= 2;
            }
            (top, defect) = (tops[0], defects[0]);
        } else {
            for &score in rest {
                top = larger(score, top);
                defect = defect | score.defect();
            }
        }
        (top, defect)
    }

    #[inline(always)]
    fn larger<S: Lanes>(a: S, b: S) -> S {
        if a > b { a } else { b }
    }
}
