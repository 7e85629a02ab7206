//! Typed structures for what an analysis found: [`Verified`] of one model, in numbers; [`Report`]
//! of all, with its sentences. Written out it is `report.json`, schema `car-spectral.report/1`.
//!
//! Conventions, for every field: K is the number of classes and a vector of length K is indexed by
//! class; errors, accuracies, shares and rates are fractions in [0, 1]; a value that does not exist
//! (an empty class, an empty group, a theorem that does not apply) is `None`, written as `null`,
//! never NaN and never 0. Matrices have **row = predicted class, column = true class**. Statement
//! numbers (D1, S3, T5, ...) are those of `THEORY.md`. `analyze --schema` prints the JSON Schema
//! that is made of these types and their documentation; `docs/report-schema.md` has what holds
//! throughout.

mod comparison;
mod model;
mod settings;
mod split;
mod statement;
mod test;
mod verified;
mod warning;

use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

pub use car_spectral::bounds::{ComparisonVerdict, LayerNorms, NotApplicable, Verdict, VerdictCounts};
pub use car_spectral::longtail::Group;
pub use comparison::{ClassDifference, Comparison, Difference, GroupComparison, SeedDifference, WorstClassDifference};
pub use model::{
    BoundReport, BoundValues, ClassConfusions, Confusion, Floors, ModelFigures, ModelReport, Network, VerdictSentence,
};
pub use settings::Settings;
pub(crate) use split::SURROGATE_CLASSES;
pub use split::{Chain, Enclosure, MarginReport, MatrixNorms, SplitReport, Surrogate, Ties, TopPair};
pub use statement::Statement;
pub use test::{
    ClassesAbove, GroupAccuracy, MaxError, NextSample, Planning, SpectralCertificate, Step, TestReport, TrainQuantity,
    TrainToTest, WeightedWorstClass, WorstClass,
};
pub use verified::{Bound, Verified};
pub use warning::Warning;

pub use crate::source::{DataFile, Preprocessing, Source, TrainingRun};

use crate::correlation::Correlations;

/// The value of [`Report::schema`] that this version writes and reads.
pub const SCHEMA: &str = "car-spectral.report/1";

/// The whole of `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always [`SCHEMA`]; readers refuse anything else.
    pub schema: String,
    /// The options, program and device that the numbers were made with.
    pub settings: Settings,
    /// One entry for each model analysed, in the order of the command line (epochs ascending).
    pub models: Vec<ModelReport>,
    /// Each two models that were tested on the same samples, one against the other (T8).
    #[serde(default)]
    pub comparisons: Vec<Comparison>,
    /// Each two groups of models, trained alike but for the seed, one against the other (T9).
    #[serde(default)]
    pub groups: Vec<GroupComparison>,
    /// The logs of the runs behind the checkpoints, epoch by epoch; empty where none is at hand.
    #[serde(default)]
    pub runs: Vec<TrainingRun>,
    /// The rank correlations of the worst classes' errors over those runs, for each training set
    /// with at least three of them.
    #[serde(default)]
    pub correlations: Vec<Correlations>,
}

impl Default for Report {
    /// An empty report of this version's schema.
    fn default() -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            settings: Settings::default(),
            models: Vec::new(),
            comparisons: Vec::new(),
            groups: Vec::new(),
            runs: Vec::new(),
            correlations: Vec::new(),
        }
    }
}

/// The JSON Schema of `report.json`, made of these types and their documentation, whose links
/// become plain names.
pub fn json_schema() -> String {
    let mut plain_names = RecursiveTransform(|schema: &mut Schema| {
        if let Some(serde_json::Value::String(text)) = schema.get_mut("description") {
            *text = text.replace("[`", "`").replace("`]", "`");
        }
    });
    let mut schema = schemars::schema_for!(Report);
    plain_names.transform(&mut schema);
    serde_json::to_string_pretty(&schema).expect("a schema is plain data")
}
