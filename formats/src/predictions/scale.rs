//! Kinds of scores, and the logarithms of those that are probabilities.

use std::path::Path;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use super::{Block, Logits, PredictionsError};
use crate::InputError;

/// How far the sum of a row of probabilities may be from 1 in short floating-point types.
const SUM_TOLERANCE: f64 = 0.02;

/// How far it may be for scores cut to decimals or bytes, all multiples of one of the [`UNITS`]
/// times `whole`: half of that in each of K scores.
fn tolerance<T: Copy + Into<f64>>(scores: ArrayView2<'_, T>, whole: f64) -> f64 {
    let unit = UNITS.into_iter().find(|unit| scores.iter().all(|&score| is_multiple(score.into(), unit * whole)));
    tolerance_of(unit, scores.ncols())
}

fn is_multiple(score: f64, unit: f64) -> bool {
    (score / unit - (score / unit).round()).abs() < 1e-3
}

fn tolerance_of(unit: Option<f64>, classes: usize) -> f64 {
    unit.map_or(SUM_TOLERANCE, |unit| (0.5 * unit * classes as f64).clamp(SUM_TOLERANCE, 0.3))
}

/// The look of scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Neither of the others.
    Logits,
    /// No score below 0, each row adds up to 1.
    Probabilities,
    /// No score below 0, each row adds up to 100.
    Percent,
    /// No score below 0, each row adds up to this: bytes, per mille.
    InUnits(u16),
    /// The same with 256 and -128 in place of 0.
    SignedBytes,
    /// Every score between 0 and 1, and rows of other sums: outputs of a sigmoid.
    Shares,
    /// The same with this in place of 1.
    SharesOf(u16),
    /// Whole numbers from 0 to 255.
    Whole,
    /// No score above 0, and the exponentials of each row add up to 1.
    LogProbabilities,
    /// The same with powers of this in place of exponentials.
    LogarithmsTo(u8),
    /// Every score between -1 and 1: logits, or cosines.
    Bounded,
}

impl Scale {
    /// Tells whether margins of the two are in one unit: logarithms of probabilities have those of
    /// logits; cosines of some samples are all above 0, and those of others not.
    pub fn has_margins_of(self, other: Self) -> bool {
        let unit = |scale| if matches!(scale, Self::LogProbabilities | Self::Bounded) { Self::Logits } else { scale };
        let may_be_cosines = |scale| matches!(scale, Self::Shares | Self::Bounded);
        unit(self) == unit(other) || (may_be_cosines(self) && may_be_cosines(other))
    }

    /// Tells whether scores are probabilities times a number.
    pub fn is_of_shares(self) -> bool {
        matches!(self, Self::Probabilities | Self::Percent | Self::InUnits(_))
    }
}

impl std::fmt::Display for Scale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Logits | Self::Bounded => f.write_str("logits"),
            Self::Probabilities => f.write_str("probabilities (no score below 0, each row adds up to 1)"),
            Self::Percent => f.write_str("probabilities in per cent (no score below 0, each row adds up to 100)"),
            Self::InUnits(whole) => {
                write!(f, "probabilities in another unit (no score below 0, each row adds up to {whole})")
            }
            Self::SignedBytes => f.write_str("probabilities in bytes less 128 (each row plus 128 adds up to 256)"),
            Self::Shares => f.write_str(
                "shares (all scores between 0 and 1): probabilities that were cut, outputs of a sigmoid or similarities",
            ),
            Self::SharesOf(whole) => write!(f, "outputs of a sigmoid in another unit (all scores between 0 and {whole})"),
            Self::Whole => f.write_str("whole numbers from 0 to 255 (probabilities in bytes or per cent, for example)"),
            Self::LogProbabilities => {
                f.write_str("logarithms of probabilities (the exponentials of each row add up to 1)")
            }
            Self::LogarithmsTo(base) => {
                write!(f, "logarithms of probabilities to base {base} (powers of {base} add up to 1 in each row)")
            }
        }
    }
}

impl Logits {
    /// Gives the look that every row has.
    pub fn scale(&self) -> Scale {
        self.look().map_or(Scale::Logits, |look| look.scale())
    }

    /// Tells whether these are probabilities, or their logarithms, as a softmax of probabilities
    /// makes them: none is more than e times another of its row, and one nearly is.
    pub fn is_softmax_of_softmax(&self) -> bool {
        self.look().is_some_and(|look| look.is_softmax_of_softmax())
    }

    /// `None` without scores.
    fn look(&self) -> Option<Look> {
        let mut look = Look::new(self.dim().1);
        match self {
            Self::F32(scores) => look.add(Block::F32(scores.view())),
            Self::F64(scores) => look.add(Block::F64(scores.view())),
            Self::Stored(scores) => return Some(scores.look().clone()),
            Self::Classes(_) | Self::Counted(_) => return None,
        }
        Some(look)
    }
}

/// To what scores may be cut: decimals and bytes, of 1.
const UNITS: [f64; 6] = [0.1, 0.01, 1.0 / 255.0, 1.0 / 256.0, 0.001, 0.0001];
/// What rows of probabilities add up to, and the score of nothing.
const FORMS: [(f64, f64); 6] = [(1.0, 0.0), (100.0, 0.0), (255.0, 0.0), (256.0, 0.0), (1000.0, 0.0), (256.0, -128.0)];
/// The forms that hold whole numbers alone begin here.
const SIGNED: usize = 5;
/// One of so many rows may be of another form: one that was never filled, for example.
const RARE: u64 = 100;
/// Rows of one sum before it is more than chance.
const FEWEST_ROWS: u64 = 20;
/// Below 0 and above it, what rounding and sums with small numbers make of 0.
const BELOW: f64 = -1e-6;
const ABOVE: f64 = 1e-3;
/// Units of outputs of a sigmoid, which come near the whole, in one row of so many, and never
/// beyond.
const SIGMOIDS: [u16; 3] = [100, 255, 1000];
const NEAR: f64 = 0.95;
const OFTEN: u64 = 10;
/// The largest difference within a row of what is between 0 and 1 and comes near both.
const TWICE: std::ops::RangeInclusive<f64> = 0.87..=1.005;
/// Bases of logarithms.
const BASES: [f64; 3] = [std::f64::consts::E, 2.0, 10.0];

/// What can still be said of scores that come block by block.
#[derive(Debug, Clone)]
pub(super) struct Look {
    classes: usize,
    rows: u64,
    all_zero: bool,
    one_hot: bool,
    whole: bool,
    /// The smallest and the largest sum of a row.
    sums: (f64, f64),
    smallest: f64,
    largest: f64,
    /// The largest quotient of two scores of a row, and the largest difference.
    quotient: f64,
    difference: f64,
    /// Rows whose sum is further from that of each form than each tolerance, that of [`UNITS`] and
    /// that of others.
    misfits: [[u64; UNITS.len() + 1]; FORMS.len()],
    /// Whether all scores are multiples of each unit, for each form.
    multiples: [[bool; UNITS.len()]; FORMS.len()],
    /// Rows that come near the whole of each of [`SIGMOIDS`].
    near: [u64; SIGMOIDS.len()],
    /// The smallest and largest sum of the powers of a row for each base.
    powers: [(f64, f64); BASES.len()],
}

impl Look {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            classes,
            rows: 0,
            all_zero: true,
            one_hot: true,
            whole: true,
            sums: (f64::INFINITY, f64::NEG_INFINITY),
            smallest: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            quotient: 0.0,
            difference: 0.0,
            misfits: [[0; UNITS.len() + 1]; FORMS.len()],
            multiples: [[true; UNITS.len()]; FORMS.len()],
            near: [0; SIGMOIDS.len()],
            powers: [(1.0, 1.0); BASES.len()],
        }
    }

    /// Takes in the next rows.
    pub(super) fn add(&mut self, block: Block<'_>) {
        match block {
            Block::F32(scores) => scores.rows().into_iter().for_each(|row| self.add_row(row)),
            Block::F64(scores) => scores.rows().into_iter().for_each(|row| self.add_row(row)),
        }
    }

    fn is_positive(&self) -> bool {
        self.smallest >= BELOW
    }

    fn is_signed_byte(&self) -> bool {
        self.whole && self.smallest >= -128.0 && self.largest <= 128.0
    }

    fn is_bounded(&self) -> bool {
        self.smallest >= -1.0 + BELOW && self.largest <= 1.0 + ABOVE
    }

    fn add_row<T: Copy + Into<f64>>(&mut self, row: ArrayView1<'_, T>) {
        // Logits are told apart by two rows, or by one.
        if !self.is_positive() && self.largest > ABOVE && !self.is_signed_byte() && !self.is_bounded() {
            return;
        }
        let scores = || row.iter().map(|&score| -> f64 { score.into() });
        let (low, high) =
            scores().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), score| (a.min(score), b.max(score)));
        (self.smallest, self.largest) = (self.smallest.min(low), self.largest.max(high));
        (self.quotient, self.difference) = (self.quotient.max(high / low), self.difference.max(high - low));
        self.rows = self.rows.saturating_add(1);
        self.all_zero &= low == 0.0 && high == 0.0;
        self.whole = self.whole && scores().all(|score| score.fract() == 0.0);
        self.one_hot = self.one_hot
            && scores().filter(|&score| score == 1.0).count() == 1
            && scores().all(|score| matches!(score, 0.0 | 1.0));
        if self.is_positive() || self.is_signed_byte() {
            self.add_sum(scores);
            for (near, whole) in self.near.iter_mut().zip(SIGMOIDS) {
                *near = near.saturating_add(u64::from(high >= NEAR * f64::from(whole)));
            }
        }
        if self.largest <= ABOVE {
            for ((least, most), base) in
                self.powers.iter_mut().zip(BASES).filter(|(sums, _)| sums.0 > 1.0 - SUM_TOLERANCE)
            {
                let sum: f64 = scores().map(|score| (score * base.ln()).exp()).sum();
                (*least, *most) = (least.min(sum), most.max(sum));
            }
        }
    }

    fn add_sum<I: Iterator<Item = f64>>(&mut self, scores: impl Fn() -> I) {
        let sum: f64 = scores().sum();
        self.sums = (self.sums.0.min(sum), self.sums.1.max(sum));
        for ((whole, zero), (misfits, multiples)) in
            FORMS.into_iter().zip(self.misfits.iter_mut().zip(&mut self.multiples))
        {
            let distance = ((sum - zero * self.classes as f64) / whole - 1.0).abs();
            let units = UNITS.into_iter().map(Some).chain([None]);
            for (misfits, unit) in misfits.iter_mut().zip(units) {
                *misfits = misfits.saturating_add(u64::from(distance > tolerance_of(unit, self.classes)));
            }
            for (multiple, unit) in multiples.iter_mut().zip(UNITS) {
                *multiple = *multiple && scores().all(|score| is_multiple(score, unit * whole));
            }
        }
    }

    fn is_softmax_of_softmax(&self) -> bool {
        let logarithm = match self.scale() {
            Scale::Probabilities | Scale::Percent => self.quotient.ln(),
            Scale::LogProbabilities => self.difference,
            _ => return false,
        };
        // Of two classes a largest probability of 0.7 is nothing strange.
        self.classes > 2 && self.rows >= FEWEST_ROWS && TWICE.contains(&logarithm)
    }

    pub(super) fn is_one_hot(&self) -> bool {
        self.one_hot && self.is_positive()
    }

    fn adds_up(&self, form: usize) -> bool {
        let (Some(multiples), Some(misfits)) = (self.multiples.get(form), self.misfits.get(form)) else { return false };
        let unit = multiples.iter().position(|&all| all).unwrap_or(UNITS.len());
        let range = if form < SIGNED { self.is_positive() } else { self.is_signed_byte() && self.smallest < -120.0 };
        range && misfits.get(unit).is_some_and(|misfits| misfits.saturating_mul(RARE) <= self.rows)
    }

    /// What all rows of decimals add up to, where that is a whole number above 1: sums of so many
    /// softmaxes.
    fn one_sum(&self) -> Option<u16> {
        let (least, most) = self.sums;
        let whole = most.round();
        let near = |sum: f64| (sum / whole - 1.0).abs() < 1e-3;
        let is_one = !self.whole && self.rows >= FEWEST_ROWS && whole > 1.0 && near(least) && near(most);
        (is_one && whole <= f64::from(u16::MAX)).then_some(whole as u16)
    }

    pub(super) fn scale(&self) -> Scale {
        if self.all_zero {
            return Scale::Logits;
        }
        if let Some((form, (whole, _))) = FORMS.into_iter().enumerate().find(|(form, _)| self.adds_up(*form)) {
            return match form {
                0 => Scale::Probabilities,
                1 => Scale::Percent,
                SIGNED => Scale::SignedBytes,
                _ => Scale::InUnits(whole as u16),
            };
        }
        if self.is_positive() {
            let near = |(whole, near): (u16, u64)| {
                let range = NEAR * f64::from(whole)..=f64::from(whole);
                (range.contains(&self.largest) && near.saturating_mul(OFTEN) >= self.rows).then_some(whole)
            };
            if let Some(whole) = self.one_sum() {
                return Scale::InUnits(whole);
            }
            return match SIGMOIDS.into_iter().zip(self.near).find_map(near) {
                _ if self.largest <= 1.0 => Scale::Shares,
                // Ranks and votes have one sum.
                _ if self.whole && self.sums.0 == self.sums.1 => Scale::Logits,
                Some(whole) if self.smallest <= (1.0 - NEAR) * f64::from(whole) => Scale::SharesOf(whole),
                _ if self.whole && self.largest <= 255.0 => Scale::Whole,
                _ => Scale::Logits,
            };
        }
        let is_of = |&(base, (least, most)): &(f64, (f64, f64))| {
            // Where probabilities were cut from below, a row adds up to more by as much.
            let cut = (self.classes as f64 * base.powf(self.smallest)).min(0.3);
            least >= 1.0 - SUM_TOLERANCE && most <= 1.0 + SUM_TOLERANCE + cut
        };
        match BASES.into_iter().zip(self.powers).filter(|_| self.largest <= ABOVE).find(is_of) {
            Some((base, _)) if base == BASES[0] => Scale::LogProbabilities,
            Some((base, _)) => Scale::LogarithmsTo(base as u8),
            None if self.is_bounded() => Scale::Bounded,
            None => Scale::Logits,
        }
    }
}

/// Whether every score is 0 or 1, with one 1 in each row.
pub(super) fn is_one_hot(logits: &Logits) -> bool {
    logits.look().is_some_and(|look| look.is_one_hot())
}

/// Takes the logarithms of probabilities; zeros are taken for half of the smallest positive number.
/// Gives the number of zeros.
pub(super) fn take_logarithms(file: &Path, logits: &mut Logits) -> Result<usize, InputError> {
    match logits {
        Logits::F32(scores) => logarithms(file, scores.view_mut(), |number| number as f32),
        Logits::F64(scores) => logarithms(file, scores.view_mut(), |number| number),
        Logits::Classes(_) | Logits::Counted(_) | Logits::Stored(_) => Ok(0),
    }
}

fn logarithms<T: Copy + Into<f64>>(
    file: &Path,
    mut scores: ArrayViewMut2<'_, T>,
    narrow: impl Fn(f64) -> T,
) -> Result<usize, InputError> {
    let positive = |score: &T| Some((*score).into()).filter(|&score: &f64| score > 0.0);
    let smallest = scores.iter().filter_map(positive).fold(f64::INFINITY, f64::min);
    let wholes = [1.0, 100.0].map(|whole| (whole, tolerance(scores.view(), whole)));
    for (sample, row) in scores.rows().into_iter().enumerate() {
        let values = || row.iter().map(|&score| -> f64 { score.into() });
        let sum: f64 = values().sum();
        let adds_up = wholes.iter().any(|(whole, tolerance)| (sum / whole - 1.0).abs() <= *tolerance);
        let negative = values().find(|&score| score < BELOW).map(|score| format!("one of its scores is {score}"));
        let problem = negative.or_else(|| (!adds_up).then(|| format!("its scores add up to {sum}")));
        if let Some(problem) = problem {
            let file = file.to_path_buf();
            return Err(PredictionsError::NotTheScoresSaid { file, sample, said: PROBABILITIES, problem }.into());
        }
    }
    let mut zeros = 0_usize;
    scores.mapv_inplace(|score| {
        let score: f64 = score.into();
        zeros = zeros.saturating_add(usize::from(score <= 0.0));
        narrow(if score <= 0.0 { (smallest / 2.0).ln() } else { score.ln() })
    });
    Ok(zeros)
}

const PROBABILITIES: &str = "probabilities";

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn sums_of_softmaxes_are_told() {
        let of = |sum: f64, rows: usize| {
            let scores = Array2::from_shape_fn((rows, 2), |(row, class)| {
                let share = 0.3 + 0.02 * row as f64;
                sum * if class == 0 { share } else { 1.0 - share }
            });
            Logits::F64(scores).scale()
        };
        assert_eq!([of(5.0, 30), of(5.0, 10), of(5.3, 30)], [Scale::InUnits(5), Scale::Logits, Scale::Logits]);
    }

    #[test]
    fn scales_are_told_by_nearly_every_row() {
        for (scores, scale) in [
            (array![[0.25, 0.75], [1.0, 0.0]], Scale::Probabilities),
            (array![[0.251, 0.745], [1.0, 0.0]], Scale::Probabilities),
            (array![[25.0, 75.0], [99.9, 0.1]], Scale::Percent),
            (array![[0.25, 0.9], [1.0, 0.0]], Scale::Shares),
            // Eight scores cut to two decimals.
            (array![[0.01, 0.01, 0.01, 0.01, 0.92, 0.0, 0.0, 0.01]], Scale::Probabilities),
            (array![[0.25_f64.ln(), 0.75_f64.ln()], [-20.0, 0.0]], Scale::LogProbabilities),
            (array![[0.25, 0.75], [1.0, 0.5], [-1.0, 2.0]], Scale::Logits),
            (array![[3.0, -1.0]], Scale::Logits),
            (array![[0.25 - 1e-9, 0.75 - 1e-9], [1.0 - 1e-9, -1e-9]], Scale::Probabilities),
            (array![[64.0, 191.0], [255.0, 0.0]], Scale::InUnits(255)),
            (array![[250.0, 750.0], [999.9, 0.1]], Scale::InUnits(1000)),
            (array![[-64.0, 64.0], [127.0, -128.0]], Scale::SignedBytes),
            (array![[3.0, -2.0], [1.0, -7.0]], Scale::Logits),
            (array![[98.0, 12.5], [0.5, 99.9]], Scale::SharesOf(100)),
            (array![[98.0, 12.5], [0.5, 101.0]], Scale::Logits),
            (array![[7.0, 2.0], [0.0, 4.0]], Scale::Whole),
            (array![[2.0, 0.0, 1.0], [0.0, 1.0, 2.0]], Scale::Logits),
            (array![[-2.0, 0.75_f64.log2()], [-20.0, 0.0]], Scale::LogarithmsTo(2)),
            (array![[0.25_f64.log10(), 0.75_f64.log10()], [-20.0, 0.0]], Scale::LogarithmsTo(10)),
            (array![[0.25_f64.ln() + 1e-6, 0.75_f64.ln()], [-13.0, 1e-6]], Scale::LogProbabilities),
            (array![[1e-2_f64.ln(), 0.99_f64.ln()], [1e-2_f64.ln(), 0.0]], Scale::LogProbabilities),
            (array![[-1.0, -2.0], [-3.0, -0.5]], Scale::Logits),
            (array![[0.9, -0.01], [0.3, 0.2]], Scale::Bounded),
        ] {
            assert_eq!(Logits::F64(scores.clone()).scale(), scale, "{scores}");
            if matches!(scale, Scale::Probabilities | Scale::LogProbabilities) {
                assert_eq!(Logits::F32(scores.mapv(|score| score as f32)).scale(), scale, "{scores}");
            }
        }
    }

    #[test]
    fn a_softmax_of_probabilities_is_told() {
        let softmax = |scores: Array2<f64>| {
            let mut scores = scores.mapv(f64::exp);
            scores.rows_mut().into_iter().for_each(|mut row| row /= row.sum());
            scores
        };
        let logits = |size: f64| Array2::from_shape_fn((40, 3), |(n, k)| size * ((7 * n + 5 * k) % 11) as f64);
        let (sure, unsure) = (softmax(logits(1.0)), softmax(logits(0.05)));
        let twice = |scores: Array2<f64>| Logits::F64(scores).is_softmax_of_softmax();
        assert!(twice(softmax(sure.clone())) && twice(softmax(sure.clone()).mapv(f64::ln)));
        assert!(!twice(sure.clone()) && !twice(sure.mapv(f64::ln)) && !twice(logits(1.0)) && !twice(logits(0.09)));
        assert!(!twice(unsure.clone()) && !twice(softmax(unsure)));
        let two = Array2::from_shape_fn((40, 2), |(n, k)| if (n + k) % 2 == 0 { 0.27 } else { 0.73 });
        assert!(!twice(two));
    }

    /// One row that was never filled among 200 changes nothing, ten do.
    #[test]
    fn a_row_of_another_form_is_passed_over() {
        for (empty, scale) in [(2, Scale::Probabilities), (10, Scale::Shares)] {
            let scores = Array2::from_shape_fn((200, 2), |(n, k)| if n < empty { 0.0 } else { [0.25, 0.75][k] });
            assert_eq!(Logits::F64(scores).scale(), scale);
        }
        assert!(Scale::Shares.has_margins_of(Scale::Bounded) && Scale::Bounded.has_margins_of(Scale::Logits));
        assert!(!Scale::Shares.has_margins_of(Scale::Logits));
    }

    #[test]
    fn logarithms_have_the_margins_of_the_logits() {
        let exponentials = [3.0_f64.exp(), 1.0, (-2.0_f64).exp()];
        let sum: f64 = exponentials.iter().sum();
        let mut scores = Logits::F64(array![exponentials.map(|e| e / sum), [100.0, 0.0, 0.0]]);
        assert_eq!(take_logarithms(Path::new("p"), &mut scores).unwrap(), 2);
        let Logits::F64(found) = scores else { panic!("the type stays") };
        assert!((found[(0, 0)] - found[(0, 1)] - 3.0).abs() < 1e-12);
        assert!(found[(1, 1)].is_finite() && found[(1, 1)] < found[(0, 2)]);
        for (wrong, problem) in [(array![[0.5, 0.6]], "add up to 1.1"), (array![[-0.5, 1.5]], "is -0.5")] {
            let error = take_logarithms(Path::new("p"), &mut Logits::F64(wrong)).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
