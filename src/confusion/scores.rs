//! The number types a score (logit) may have.

use std::fmt::Debug;

/// A score: `f32` or `f64`, with feature `half` also [`half::f16`] and [`half::bf16`]. Sealed, because the exactness of
/// the margins rests on these: all convert to f64 without rounding, so `f[y] - f[i] <= 0` in f64 exactly when
/// `f[y] <= f[i]` as stored.
pub trait Score: Copy + PartialOrd + Debug + Send + Sync + sealed::Stored {
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

#[cfg(feature = "half")]
impl Score for half::f16 {
    fn to_f64(self) -> f64 {
        self.to_f64()
    }
}

#[cfg(feature = "half")]
impl Score for half::bf16 {
    fn to_f64(self) -> f64 {
        self.to_f64()
    }
}

pub(super) mod sealed {
    use std::ops::BitOr;

    /// A type that rows are stored in, and the one they are scanned in.
    pub trait Stored: Copy {
        /// Holds every stored number.
        type Scanned: Scanned;

        /// The row to scan, in `scratch` if it is not the one that is stored.
        fn scanned<'a>(row: &'a [Self], scratch: &'a mut Vec<Self::Scanned>) -> &'a [Self::Scanned];
    }

    /// What a scan of many scores at a time needs to know about their type.
    pub trait Scanned: Copy + PartialOrd {
        /// Below every finite score.
        const BOTTOM: Self;
        /// An integer as wide as the score.
        type Bits: Copy + Default + PartialEq + BitOr<Output = Self::Bits>;

        /// The same number in f64.
        fn to_f64(self) -> f64;

        /// Zero for a finite score, not zero for an infinite one or NaN; joined by `|` without a branch.
        fn defect(self) -> Self::Bits;

        /// Largest score of the slice, meaningful if all are finite, and the joined defects.
        fn max_and_defect(scores: &[Self]) -> (Self, Self::Bits);
    }

    macro_rules! scanned {
        ($float:ty, $bits:ty, $lanes:literal) => {
            impl Scanned for $float {
                const BOTTOM: Self = <$float>::NEG_INFINITY;
                type Bits = $bits;

                #[inline(always)]
                fn to_f64(self) -> f64 {
                    f64::from(self)
                }

                #[inline(always)]
                fn defect(self) -> $bits {
                    // +0 for a finite score and NaN otherwise.
                    (self - self).to_bits()
                }

                #[inline(always)]
                fn max_and_defect(scores: &[Self]) -> (Self, $bits) {
                    in_lanes::<Self, $lanes>(scores)
                }
            }

            impl Stored for $float {
                type Scanned = Self;

                #[inline(always)]
                fn scanned<'a>(row: &'a [Self], _: &'a mut Vec<Self>) -> &'a [Self] {
                    row
                }
            }
        };
    }
    scanned!(f32, u32, 32);
    scanned!(f64, u64, 16);

    #[cfg(feature = "half")]
    macro_rules! widened {
        ($($half:ty),*) => {$(
            impl Stored for $half {
                type Scanned = f32;

                #[inline(always)]
                fn scanned<'a>(row: &'a [Self], scratch: &'a mut Vec<f32>) -> &'a [f32] {
                    use half::slice::HalfFloatSliceExt;
                    scratch.resize(row.len(), 0.0);
                    row.convert_to_f32_slice(scratch);
                    scratch
                }
            }
        )*};
    }
    #[cfg(feature = "half")]
    widened!(half::f16, half::bf16);

    /// L independent maxima side by side, which the compiler keeps in vector registers (two reads of a score do no
    /// harm to a maximum, so the last chunk may overlap the one before it).
    #[inline(always)]
    fn in_lanes<S: Scanned, const L: usize>(scores: &[S]) -> (S, S::Bits) {
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
    fn larger<S: Scanned>(a: S, b: S) -> S {
        if a > b { a } else { b }
    }
}
