//! Every choice that the paper and its authors' code (repository misswayguy/CAR) leave open or make
//! differently.

use std::fmt;

use super::{CarError, PenaltyNorm};
use crate::confusion::{WeightForm, WrittenMargin};

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The factor of D6 that says how far competitor i has overtaken the true class j, as a function of
/// d_i = f_i - f_j.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Gate {
    /// sigmoid(g + d_i), the paper's.
    Sigmoid,
    /// 1: the paper's ablation A.
    One,
    /// max(0, g + d_i), unbounded: the gate of the paper's ablation C.
    Relu,
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Gate::Sigmoid => "sigmoid",
            Gate::One => "1",
            Gate::Relu => "relu",
        })
    }
}

/// The factor of D6 that shares a sample among its competitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Competition {
    /// exp(f_i/tau) / sum over **all** k of exp(f_k/tau): the authors' code.
    SoftmaxAll,
    /// The same with the sum over k != j only: the "soft argmax over non-j" of the paper.
    SoftmaxCompetitors,
    /// max(0, d_i) / sum over k != j of max(0, d_k); 0 where no competitor leads: the paper's
    /// ablations B and C.
    Relu,
}

impl fmt::Display for Competition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Competition::SoftmaxAll => "softmax of all",
            Competition::SoftmaxCompetitors => "softmax of competitors",
            Competition::Relu => "relu",
        })
    }
}

/// D6: which surrogate, and through which of its parts the gradient flows.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SurrogateOptions {
    /// The margin g of the gate, in units of the logits; finite.
    pub margin: f64,
    /// The temperature tau of the softmax; finite and positive.
    pub temperature: f64,
    /// The gate.
    pub gate: Gate,
    /// The competition.
    pub competition: Competition,
    /// Tells whether the gate is differentiated; off, it is a constant factor.
    pub gate_gradient: bool,
    /// Tells whether the f_j that the competition subtracts is differentiated. A softmax is
    /// shift-invariant, so this matters only for [`Competition::Relu`].
    pub baseline_gradient: bool,
}

/// What decides its value, in words: `g = 0.1, softmax of competitors`; a sigmoid gate and tau = 1
/// go without saying.
impl fmt::Display for SurrogateOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g = {}, {}", WrittenMargin(self.margin), self.competition)?;
        if self.temperature != 1.0 {
            write!(f, ", τ = {}", self.temperature)?;
        }
        if self.gate == Gate::Sigmoid { Ok(()) } else { write!(f, ", gate {}", self.gate) }
    }
}

impl SurrogateOptions {
    /// Equation 7 as printed: sigmoid gate at margin g, softmax over the competitors, everything
    /// differentiated. The paper prints no value of g and speaks of small margins.
    pub const fn paper(margin: f64) -> Self {
        Self {
            margin,
            temperature: 1.0,
            gate: Gate::Sigmoid,
            competition: Competition::SoftmaxCompetitors,
            gate_gradient: true,
            baseline_gradient: true,
        }
    }

    /// The defaults of the authors' code: g = 0, softmax over all classes, the gate and the
    /// subtracted f_j constant.
    pub const fn official_code() -> Self {
        Self {
            margin: 0.0,
            temperature: 1.0,
            gate: Gate::Sigmoid,
            competition: Competition::SoftmaxAll,
            gate_gradient: false,
            baseline_gradient: false,
        }
    }

    /// # Errors
    /// [`CarError::InvalidOption`].
    pub fn check(&self) -> Result<(), CarError> {
        if !self.margin.is_finite() {
            return Err(CarError::option("margin", self.margin, "must be finite"));
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(CarError::option("temperature", self.temperature, "must be finite and positive"));
        }
        Ok(())
    }
}

/// The value of C̄ before the first batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum EmaStart {
    /// C̄_0 = 0, as the paper prints it: too small by the factor 1 - b^t while starting.
    Zero,
    /// The first batch is taken whole **and as a constant**: no gradient of the regulariser on that
    /// step (the authors' code).
    FirstBatch,
    /// Zero start, divided by 1 - b^t when used: the first batch counts whole, with its gradient.
    BiasCorrected,
}

/// The columns that an update moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum EmaColumns {
    /// All: the zero column of an absent class enters the average, which then tends to p_j times
    /// the true column (S7). The paper and the authors' code.
    All,
    /// Those of classes in the batch, each with its own count n_j in place of t: unbiased, and
    /// 1/((1-b) p_j) - 1 batches old in the mean, where all columns are b/(1-b).
    Present,
}

/// D7.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmaOptions {
    /// b in [0, 1): the share of the history.
    pub beta: f64,
    /// Start of the average.
    pub start: EmaStart,
    /// Columns that a batch moves.
    pub columns: EmaColumns,
}

impl EmaOptions {
    /// # Errors
    /// [`CarError::InvalidOption`].
    pub fn check(&self) -> Result<(), CarError> {
        if (0.0..1.0).contains(&self.beta) {
            Ok(())
        } else {
            Err(CarError::option("beta", self.beta, "must lie in [0, 1)"))
        }
    }
}

/// D8 with all its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CarOptions {
    /// Strength of the spectral term, in [0, 1e6].
    pub alpha: f64,
    /// The surrogate; in training its margin must lie in [-1e6, 1e6] and its temperature in [1e-6,
    /// 1e6].
    pub surrogate: SurrogateOptions,
    /// The moving average.
    pub ema: EmaOptions,
    /// The offset r0 of the class weights (D3), in [0, 1e6].
    pub r0: f64,
    /// The form of the class weights.
    pub weights: WeightForm,
    /// The norm that is penalised; where a stored description names none, the spectral norm.
    #[cfg_attr(feature = "serde", serde(default))]
    pub norm: PenaltyNorm,
}

impl CarOptions {
    /// The paper: equation 7 with g = 0.1, b = 0.5 from zero, alpha = 0.5, r0 = 0.2, weights as
    /// printed. (Its ablations find b = 0.5, r0 = 0.2 and alpha about 0.5 best; g is printed
    /// nowhere, "small" is all it says.)
    pub const fn paper() -> Self {
        Self {
            alpha: 0.5,
            surrogate: SurrogateOptions::paper(0.1),
            ema: EmaOptions { beta: 0.5, start: EmaStart::Zero, columns: EmaColumns::All },
            r0: 0.2,
            weights: WeightForm::Paper,
            norm: PenaltyNorm::Spectral,
        }
    }

    /// The authors' code with the flags of its example: alpha = 0.3, b = 0.5 from the first batch,
    /// r0 = 0.5, weights divided by their mean.
    pub const fn official_code() -> Self {
        Self {
            alpha: 0.3,
            surrogate: SurrogateOptions::official_code(),
            ema: EmaOptions { beta: 0.5, start: EmaStart::FirstBatch, columns: EmaColumns::All },
            r0: 0.5,
            weights: WeightForm::Official,
            norm: PenaltyNorm::Spectral,
        }
    }

    /// Checks that the options can be trained with, in single precision too: that is why their
    /// ranges end at 1e6, and why [`SurrogateOptions::check`], for the surrogate alone in f64, is
    /// wider. An `r0` of 0 may still leave a class without samples without a weight, which shows
    /// when the weights are made; [`crate::confusion::ClassWeights`] alone also takes the small
    /// negative offsets that this refuses.
    ///
    /// # Errors
    /// [`CarError::InvalidOption`] naming the option.
    pub fn check(&self) -> Result<(), CarError> {
        for (name, value, range, requirement) in [
            ("alpha", self.alpha, 0.0..=1e6, "must lie in [0, 1e6]"),
            ("r0", self.r0, 0.0..=1e6, "must lie in [0, 1e6]"),
            ("margin", self.surrogate.margin, -1e6..=1e6, "must lie in [-1e6, 1e6]"),
            ("temperature", self.surrogate.temperature, 1e-6..=1e6, "must lie in [1e-6, 1e6]"),
        ] {
            if !range.contains(&value) {
                return Err(CarError::option(name, value, requirement));
            }
        }
        self.ema.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surrogate_is_named_by_what_decides_its_value() {
        let paper = SurrogateOptions::paper(0.1);
        assert_eq!(paper.to_string(), "g = 0.1, softmax of competitors");
        assert_eq!(SurrogateOptions::official_code().to_string(), "g = 0, softmax of all");
        let other = SurrogateOptions { gate: Gate::Relu, competition: Competition::Relu, temperature: 0.5, ..paper };
        assert_eq!(other.to_string(), "g = 0.1, relu, τ = 0.5, gate relu");
    }

    #[test]
    fn options_out_of_range_are_named() {
        let named = |options: CarOptions| match options.check() {
            Err(CarError::InvalidOption { name, .. }) => name,
            other => panic!("{other:?}"),
        };
        let paper = CarOptions::paper();
        assert_eq!(paper.check(), Ok(()));
        assert_eq!(CarOptions::official_code().check(), Ok(()));
        for bad in [-0.1, 1.1e6, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(named(CarOptions { alpha: bad, ..paper }), "alpha");
            assert_eq!(named(CarOptions { r0: bad, ..paper }), "r0");
        }
        assert_eq!(CarOptions { alpha: 0.0, r0: 0.0, ..paper }.check(), Ok(()));
        for beta in [-0.1, 1.0, f64::NAN] {
            assert_eq!(named(CarOptions { ema: EmaOptions { beta, ..paper.ema }, ..paper }), "beta");
        }
        // Good for the surrogate alone in f64, out of the range of f32 in training.
        for temperature in [1e-40, 1e39, 1e300] {
            let surrogate = SurrogateOptions { temperature, ..paper.surrogate };
            assert_eq!(surrogate.check(), Ok(()));
            assert_eq!(named(CarOptions { surrogate, ..paper }), "temperature");
        }
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let surrogate = SurrogateOptions { temperature, ..paper.surrogate };
            assert!(surrogate.check().is_err());
            assert_eq!(named(CarOptions { surrogate, ..paper }), "temperature");
        }
        for margin in [f64::NAN, f64::INFINITY, -1e39] {
            let surrogate = SurrogateOptions { margin, ..paper.surrogate };
            assert_eq!(named(CarOptions { surrogate, ..paper }), "margin");
        }
        assert!(SurrogateOptions { margin: f64::NAN, ..paper.surrogate }.check().is_err());
    }
}
