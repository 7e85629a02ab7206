//! The statements on the error of each class that a model is held against.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

/// A statement of THEORY.md that bounds the error of each class.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Display, IntoStaticStr,
)]
pub enum Statement {
    /// The bound of Morvant et al. as published.
    #[default]
    T1,
    /// T1 as proved.
    #[serde(rename = "T1 with 4K")]
    #[strum(serialize = "T1 with 4K")]
    T1With4K,
    /// T1 without its condition.
    #[serde(rename = "T1'")]
    #[strum(serialize = "T1'")]
    T1Prime,
    /// The bound of each class by its own images.
    #[serde(rename = "T1''")]
    #[strum(serialize = "T1''")]
    T1DoublePrime,
    /// The published bound of each class.
    T2,
    /// The margin bound.
    T3,
    /// A sharper T3.
    #[serde(rename = "T3'")]
    #[strum(serialize = "T3'")]
    T3Prime,
    /// T3' with kl inverted.
    #[serde(rename = "T3''")]
    #[strum(serialize = "T3''")]
    T3DoublePrime,
}

impl Statement {
    /// Gives the name that `report.json` and readers have.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// What it is a form of: `T1`, `T2` or `T3`.
    pub(crate) fn family(self) -> &'static str {
        match self {
            Self::T1 | Self::T1With4K | Self::T1Prime | Self::T1DoublePrime => "T1",
            Self::T2 => "T2",
            Self::T3 | Self::T3Prime | Self::T3DoublePrime => "T3",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_and_programs_are_given_the_same_name() {
        use Statement::*;
        for statement in [T1, T1With4K, T1Prime, T1DoublePrime, T2, T3, T3Prime, T3DoublePrime] {
            assert_eq!(serde_json::to_value(statement).unwrap(), statement.id());
            assert!(statement.id().starts_with(statement.family()));
        }
        assert_eq!([T1With4K, T3DoublePrime].map(|statement| statement.to_string()), ["T1 with 4K", "T3''"]);
    }
}
