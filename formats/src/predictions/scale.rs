//! Whether scores are logits, and the logarithms of those that are probabilities.

use std::path::Path;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use super::{Block, Logits, PredictionsError};
use crate::InputError;

/// How far the sum of a row of probabilities may be from 1 in short floating-point types.
const SUM_TOLERANCE: f64 = 0.02;

/// How far it may be for scores cut to decimals, all multiples of 0.1, 0.01, 0.001 or 0.0001 times `whole`: half of
/// that in each of K scores.
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

/// What scores look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Neither of the others.
    Logits,
    /// No score below 0, each row adds up to 1.
    Probabilities,
    /// No score below 0, each row adds up to 100.
    Percent,
    /// Every score between 0 and 1, and rows of other sums: outputs of a sigmoid.
    Shares,
    /// No score above 0, and the exponentials of each row add up to 1.
    LogProbabilities,
}

impl Scale {
    /// Whether margins of the two are in one unit: logarithms of probabilities have those of logits.
    pub fn has_margins_of(self, other: Self) -> bool {
        let unit = |scale| if scale == Self::LogProbabilities { Self::Logits } else { scale };
        unit(self) == unit(other)
    }
}

impl std::fmt::Display for Scale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities (no score below 0, each row adds up to 1)",
            Self::Percent => "probabilities in per cent (no score below 0, each row adds up to 100)",
            Self::Shares => "outputs of a sigmoid or similarities (all scores between 0 and 1)",
            Self::LogProbabilities => "logarithms of probabilities (the exponentials of each row add up to 1)",
        })
    }
}

impl Logits {
    /// What every row looks like.
    pub fn scale(&self) -> Scale {
        self.look().map_or(Scale::Logits, |look| look.scale())
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

/// What can still be said of scores that come block by block.
#[derive(Debug, Clone)]
pub(super) struct Look {
    classes: usize,
    all_zero: bool,
    one_hot: bool,
    /// Whether no score is below 0, none above 0, none outside 0 to 1.
    positive: bool,
    negative: bool,
    shares: bool,
    /// How far the sum of a row is from 1 and from 100, as a share of it; and that of its exponentials from 1.
    sums: [f64; 2],
    exponentials: f64,
    /// Whether all scores are multiples of the [`UNITS`], for rows of 1 and of 100.
    multiples: [[bool; UNITS.len()]; 2],
}

/// To what scores may be cut.
const UNITS: [f64; 4] = [0.1, 0.01, 0.001, 0.0001];
/// What rows of probabilities add up to.
const WHOLES: [f64; 2] = [1.0, 100.0];

impl Look {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            classes,
            all_zero: true,
            one_hot: true,
            positive: true,
            negative: true,
            shares: true,
            sums: [0.0; 2],
            exponentials: 0.0,
            multiples: [[true; UNITS.len()]; 2],
        }
    }

    /// Takes in the next rows.
    pub(super) fn add(&mut self, block: Block<'_>) {
        match block {
            Block::F32(scores) => scores.rows().into_iter().for_each(|row| self.add_row(row)),
            Block::F64(scores) => scores.rows().into_iter().for_each(|row| self.add_row(row)),
        }
    }

    fn add_row<T: Copy + Into<f64>>(&mut self, row: ArrayView1<'_, T>) {
        // Logits are told apart by two rows, or by one.
        if !self.positive && !self.negative {
            return;
        }
        let scores = || row.iter().map(|&score| -> f64 { score.into() });
        self.all_zero &= scores().all(|score| score == 0.0);
        if self.positive {
            self.positive = scores().all(|score| score >= 0.0);
            self.one_hot &=
                scores().filter(|&score| score == 1.0).count() == 1 && scores().all(|score| matches!(score, 0.0 | 1.0));
            self.shares &= scores().all(|score| score <= 1.0);
            let sum: f64 = scores().sum();
            for (furthest, whole) in self.sums.iter_mut().zip(WHOLES) {
                *furthest = furthest.max((sum / whole - 1.0).abs());
            }
            for (multiples, whole) in self.multiples.iter_mut().zip(WHOLES) {
                for (multiple, unit) in multiples.iter_mut().zip(UNITS) {
                    *multiple &= scores().all(|score| is_multiple(score, unit * whole));
                }
            }
        }
        if self.negative {
            self.negative = scores().all(|score| score <= 0.0);
            if self.negative {
                self.exponentials = self.exponentials.max((scores().map(f64::exp).sum::<f64>() - 1.0).abs());
            }
        }
    }

    pub(super) fn is_one_hot(&self) -> bool {
        self.one_hot && self.positive
    }

    pub(super) fn scale(&self) -> Scale {
        if self.all_zero {
            return Scale::Logits;
        }
        let adds_up = |whole: usize| {
            let unit = UNITS.into_iter().zip(self.multiples[whole]).find_map(|(unit, all)| all.then_some(unit));
            self.positive && self.sums[whole] <= tolerance_of(unit, self.classes)
        };
        if adds_up(0) {
            Scale::Probabilities
        } else if adds_up(1) {
            Scale::Percent
        } else if self.positive && self.shares {
            Scale::Shares
        } else if self.negative && self.exponentials < SUM_TOLERANCE {
            Scale::LogProbabilities
        } else {
            Scale::Logits
        }
    }
}

/// Whether every score is 0 or 1, with one 1 in each row.
pub(super) fn is_one_hot(logits: &Logits) -> bool {
    logits.look().is_some_and(|look| look.is_one_hot())
}

/// Takes the logarithms of probabilities; zeros are taken for half of the smallest positive number. Gives the number of
/// zeros.
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
        let negative = values().find(|&score| score < 0.0).map(|score| format!("one of its scores is {score}"));
        let problem = negative.or_else(|| (!adds_up).then(|| format!("its scores add up to {sum}")));
        if let Some(problem) = problem {
            let file = file.to_path_buf();
            return Err(PredictionsError::NotTheScoresSaid { file, sample, said: PROBABILITIES, problem }.into());
        }
    }
    let mut zeros = 0;
    scores.mapv_inplace(|score| {
        let score: f64 = score.into();
        zeros += usize::from(score == 0.0);
        narrow(if score == 0.0 { (smallest / 2.0).ln() } else { score.ln() })
    });
    Ok(zeros)
}

const PROBABILITIES: &str = "probabilities";

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn scales_are_told_by_every_row() {
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
        ] {
            assert_eq!(Logits::F64(scores.clone()).scale(), scale, "{scores}");
            if matches!(scale, Scale::Probabilities | Scale::LogProbabilities) {
                assert_eq!(Logits::F32(scores.mapv(|score| score as f32)).scale(), scale, "{scores}");
            }
        }
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
