//! A statement either gives its numbers or says in one sentence why it does not apply.

use std::fmt;

use crate::confusion::WrittenMargin;

/// The result of a statement on the data at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Outcome<T> {
    /// Its preconditions hold; these are its numbers.
    Applies(T),
    /// A precondition fails; no number is given.
    NotApplicable(NotApplicable),
}

impl<T> Outcome<T> {
    /// The numbers, if the statement applies.
    pub fn value(&self) -> Option<&T> {
        match self {
            Outcome::Applies(value) => Some(value),
            Outcome::NotApplicable(_) => None,
        }
    }

    /// The reason, if it does not.
    pub fn reason(&self) -> Option<NotApplicable> {
        match self {
            Outcome::Applies(_) => None,
            Outcome::NotApplicable(reason) => Some(*reason),
        }
    }

    /// The outcome with its numbers, if any, replaced by a function of them.
    pub fn map<U>(self, function: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Applies(value) => Outcome::Applies(function(value)),
            Outcome::NotApplicable(reason) => Outcome::NotApplicable(reason),
        }
    }
}

/// The precondition of a statement that fails. `Display` is the sentence for the report.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "id", rename_all = "snake_case")
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum NotApplicable {
    /// T1 needs m_min > 8K as published, m_min > 4K as proved.
    SmallestClassTooSmall {
        /// m_min: examples of the smallest class.
        m_min: u64,
        /// The number that it must exceed: 8K or 4K.
        needed: u64,
    },
    /// T1 and T1' bound the Gibbs classifier of a posterior with KL(Q‖P) finite.
    DeterministicClassifier,
    /// T1'' takes a single network only as a point mass of a countable prior.
    NoCountablePrior,
    /// T1', T6: a class without a sample has no estimated column.
    ClassWithoutSamples {
        /// The first such class.
        class: usize,
    },
    /// T3 needs m_j >= 2; T1'', T3' and T3'' m_j >= 1.
    ClassTooSmall {
        /// The class.
        class: usize,
        /// m_j.
        samples: u64,
        /// The least m_j the statement takes.
        needed: u64,
    },
    /// T2's second term is known up to constants only.
    ConstantsUnknown,
    /// T3 is proved for plain feed-forward networks.
    ResidualNetwork,
    /// T3 does not cover batch, layer or group normalisation.
    NormalisedNetwork,
    /// T3 uses f(cx) = c f(x), which a bias breaks.
    BiasedNetwork,
    /// T3 needs layers that are linear maps.
    AttentionNetwork,
    /// T3 needs the weights and their order.
    UnknownArchitecture,
    /// T2, T3 start from the training examples.
    NoTrainingData,
    /// T3 needs a margin g > 0.
    MarginNotPositive {
        /// g.
        margin: f64,
    },
}

impl fmt::Display for NotApplicable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not applicable: ")?;
        match *self {
            Self::SmallestClassTooSmall { m_min, needed } => write!(f, "m_min = {m_min}, needs more than {needed}"),
            Self::DeterministicClassifier => f.write_str(
                "the statement bounds the Gibbs classifier of a posterior, and a single deterministic network has no \
                 finite KL(Q‖P)",
            ),
            Self::NoCountablePrior => f.write_str(
                "the statement bounds the Gibbs classifier of a posterior; a single network has a finite KL(Q‖P_j) \
                 only by a prior on countably many networks, fixed without the samples of class j, and none is given",
            ),
            Self::ClassWithoutSamples { class } => {
                write!(f, "class {class} has no samples, so its column is not estimated")
            }
            Self::ClassTooSmall { class, samples, needed } => {
                write!(f, "class {class} has m_j = {samples}, needs at least {needed}")
            }
            Self::ConstantsUnknown => f.write_str("the complexity term is known up to constants, not computable"),
            Self::ResidualNetwork => f.write_str(
                "residual network; the bound is proved for plain feed-forward networks, and a skip connection breaks \
                 the product of layer norms",
            ),
            Self::NormalisedNetwork => f.write_str(
                "normalised network (batch, layer or group normalisation); the bound is proved for networks of weight \
                 matrices and ReLU alone",
            ),
            Self::BiasedNetwork => {
                f.write_str("network with biases; the bound rescales the layers, which needs a bias-free network")
            }
            Self::AttentionNetwork => {
                f.write_str("network with attention, whose layers are not linear maps of bounded norm")
            }
            Self::UnknownArchitecture => {
                f.write_str("the weights are not at hand; the bound needs every weight matrix")
            }
            Self::NoTrainingData => f.write_str("no training data given; the bound starts from the training examples"),
            Self::MarginNotPositive { margin } => write!(f, "margin g = {}, needs g > 0", WrittenMargin(margin)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_what_the_report_prints() {
        assert_eq!(
            NotApplicable::SmallestClassTooSmall { m_min: 5, needed: 800 }.to_string(),
            "not applicable: m_min = 5, needs more than 800"
        );
        assert_eq!(
            NotApplicable::MarginNotPositive { margin: 0.0 }.to_string(),
            "not applicable: margin g = 0, needs g > 0"
        );
        assert_eq!(
            NotApplicable::ClassTooSmall { class: 7, samples: 1, needed: 2 }.to_string(),
            "not applicable: class 7 has m_j = 1, needs at least 2"
        );
    }
}
