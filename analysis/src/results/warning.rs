//! Doubts about a model's scores, labels or files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that looks wrong. The numbers of the report are right for the input as it is; the
/// input may not be what it is taken for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Kind of the warning: `scores-are-probabilities`, `scores-are-log-probabilities`,
    /// `scores-are-softmax-twice`, `scores-are-thresholded`,
    /// `class-order`, `chance`, `untrained-head`, `repeated-rows`, `relabelled-rows`, `flat-rows`,
    /// `test-in-training`, `absent-classes`, `counts-differ`, `averaged-weights`,
    /// `normalisation-differs`, `stated-counts`, `stated-classes`, `stated-data`, `stated-size`,
    /// `stated-accuracy`, `doubtful-file` or `not-compared`.
    pub id: String,
    /// The sentence: what was found and what to do.
    pub sentence: String,
    /// The numbers behind it, by name.
    pub evidence: BTreeMap<String, Value>,
    /// Share of a class's test samples by which its error is off at most if the doubt is right;
    /// `None` where no limit is known.
    #[serde(default)]
    pub off_by_at_most: Option<f64>,
}

/// A doubt that moves no error of a class by more is a small one.
const SMALL: f64 = 0.01;

impl Warning {
    /// Warns with these numbers.
    pub(crate) fn new<const N: usize>(id: &str, sentence: String, evidence: [(&str, Value); N]) -> Self {
        let evidence = evidence.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { id: id.to_owned(), sentence, evidence, off_by_at_most: None }
    }

    /// The same, with the share by which an error of a class is off at most.
    pub(crate) fn within(self, off_by_at_most: f64) -> Self {
        Self { off_by_at_most: Some(off_by_at_most), ..self }
    }

    /// Whether no error of a class is off by more than a point.
    pub(crate) fn is_small(&self) -> bool {
        self.off_by_at_most.is_some_and(|most| most <= SMALL)
    }
}
