//! The number types a score (logit) may have.

use std::fmt::Debug;

/// A score: `f32` or `f64`, with feature `half` also `half::f16` and `half::bf16`. Sealed, because
/// the exactness of the margins rests on these: all convert to f64 without rounding, so `f[y] -
/// f[i] <= 0` in f64 exactly when `f[y] <= f[i]` as stored.
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

    /// The facts on a type of scores that a scan of many at a time needs.
    pub trait Scanned: Copy + PartialOrd + 'static {
        /// Below every finite score.
        const BOTTOM: Self;
        /// The bottom at place 32, the top elsewhere.
        const ONE_BOTTOM: &'static [Self; 64];
        /// An integer as wide as the score, so that a lane of one beside a lane of the other fills
        /// equal registers.
        type Bits: Copy + Default + Ord + BitOr<Output = Self::Bits>;

        /// The same number in f64.
        fn to_f64(self) -> f64;

        /// Zero for a finite score, not zero for an infinite one or NaN; joined by `|` without a
        /// branch.
        fn defect(self) -> Self::Bits;

        /// The strongest score of a row of at least 8 but the one at `label`.
        fn strongest(row: &[Self], label: usize) -> Strongest<Self>;

        /// A position, which 32 bits can name.
        fn place(index: usize) -> Self::Bits;

        /// The index named by a [`place`](Self::place).
        fn index(place: Self::Bits) -> usize;
    }

    /// The largest score and the lowest index that it stands at, both meaningful if there is no
    /// defect.
    pub struct Strongest<S: Scanned> {
        pub value: S,
        pub index: usize,
        /// The joined defects of all scores.
        pub defect: S::Bits,
    }

    macro_rules! scanned {
        ($float:ty, $bits:ty) => {
            impl Scanned for $float {
                const BOTTOM: Self = <$float>::NEG_INFINITY;
                const ONE_BOTTOM: &'static [Self; 64] = &{
                    let mut window = [<$float>::INFINITY; 64];
                    window[32] = Self::BOTTOM;
                    window
                };
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
                fn strongest(row: &[Self], label: usize) -> Strongest<Self> {
                    // As many lanes as rows of this length fill a few times.
                    match row.len() {
                        ..64 => in_lanes::<Self, 8>(row, label),
                        64..128 => in_lanes::<Self, 16>(row, label),
                        _ => in_lanes::<Self, 32>(row, label),
                    }
                }

                #[inline(always)]
                fn place(index: usize) -> $bits {
                    index as $bits
                }

                #[inline(always)]
                fn index(place: $bits) -> usize {
                    place as usize
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
    scanned!(f32, u32);
    scanned!(f64, u64);

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

    /// L lanes side by side, which the compiler keeps in vector registers. Two reads of a score do
    /// no harm, so the last chunk may overlap the one before it.
    #[inline(always)]
    fn in_lanes<S: Scanned, const L: usize>(row: &[S], label: usize) -> Strongest<S> {
        let (chunks, rest) = row.as_chunks::<L>();
        let mut lanes =
            Lanes { tops: [S::BOTTOM; L], starts: [S::Bits::default(); L], defects: [S::Bits::default(); L] };
        for (number, chunk) in chunks.iter().enumerate() {
            let start = number * L;
            lanes.take(&without(chunk, label.wrapping_sub(start)), chunk, start);
        }
        if !rest.is_empty()
            && let Some(chunk) = row.last_chunk::<L>()
        {
            let start = row.len() - L;
            lanes.take(&without(chunk, label.wrapping_sub(start)), chunk, start);
        }
        lanes.join()
    }

    /// The chunk with the bottom at this lane, if there is such a lane: the smaller of each score
    /// and of a window that moves over one bottom among tops. (Comparing lane numbers instead would
    /// become a jump.)
    #[inline(always)]
    fn without<S: Scanned, const L: usize>(chunk: &[S; L], left_out: usize) -> [S; L] {
        let mut others = *chunk;
        if let Some(window) = S::ONE_BOTTOM[32 - left_out.min(32)..].first_chunk::<L>() {
            for lane in 0..L {
                others[lane] = if window[lane] < others[lane] { window[lane] } else { others[lane] };
            }
        }
        others
    }

    struct Lanes<S: Scanned, const L: usize> {
        tops: [S; L],
        /// Where the chunk starts that the top is from.
        starts: [S::Bits; L],
        defects: [S::Bits; L],
    }

    impl<S: Scanned, const L: usize> Lanes<S, L> {
        #[inline(always)]
        fn take(&mut self, competitors: &[S; L], all: &[S; L], start: usize) {
            // Three loops, each short enough to be unrolled, so that the lanes stay in registers.
            let start = S::place(start);
            for ((kept, &score), &top) in self.starts.iter_mut().zip(competitors).zip(&self.tops) {
                *kept = if score > top { start } else { *kept };
            }
            for (top, &score) in self.tops.iter_mut().zip(competitors) {
                *top = larger(score, *top);
            }
            for (joined, &score) in self.defects.iter_mut().zip(all) {
                *joined = *joined | score.defect();
            }
        }

        #[inline(always)]
        fn join(self) -> Strongest<S> {
            let value = halved(self.tops, |a, b| larger(a, b));
            let mut places = self.starts;
            for ((lane, place), &top) in places.iter_mut().enumerate().zip(&self.tops) {
                *place = if top == value { S::place(S::index(*place) + lane) } else { S::place(usize::MAX) };
            }
            Strongest { value, index: S::index(halved(places, Ord::min)), defect: halved(self.defects, |a, b| a | b) }
        }
    }

    /// Joins lanes by halves, not one after the other: log2(L) dependent steps.
    #[inline(always)]
    fn halved<T: Copy, const L: usize>(mut lanes: [T; L], join: impl Fn(T, T) -> T) -> T {
        let mut width = L / 2;
        while width > 0 {
            for lane in 0..width {
                lanes[lane] = join(lanes[lane], lanes[lane + width]);
            }
            width /= 2;
        }
        lanes[0]
    }

    #[inline(always)]
    fn larger<S: Scanned>(a: S, b: S) -> S {
        if a > b { a } else { b }
    }
}

#[cfg(all(test, feature = "half"))]
mod tests {
    use super::Score;

    #[test]
    fn half_scores_are_the_same_numbers_in_f64() {
        for number in [-1.5, 0.0, 0.15625, 320.0] {
            assert_eq!(Score::to_f64(half::f16::from_f64(number)), number);
            assert_eq!(Score::to_f64(half::bf16::from_f64(number)), number);
        }
    }
}
