//! One model in numbers, before anything is said of it.

use car_spectral::bounds::NotApplicable;
use car_spectral::confusion::MarginCounts;

use super::model::{BoundValues, ClassConfusions, Confusion, Floors, Network};
use super::split::SplitReport;
use super::statement::Statement;
use super::test::{Step, TestReport};

/// Findings on one model. No field is a sentence: [`ModelReport`](super::ModelReport), where
/// fields of the same names are described, is made of it and of the subject.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described where they are reported")]
pub struct Verified {
    pub weights: Vec<f64>,
    pub network: Option<Network>,
    pub delta_per_class: f64,
    pub train: Option<SplitReport>,
    pub test: TestReport,
    pub floors: Option<Floors>,
    pub train_to_test: Option<Step>,
    pub bounds: Vec<Bound>,
    pub confusions: Vec<Confusion>,
    pub class_confusions: Vec<ClassConfusions>,
    pub confused: Option<Vec<(usize, usize, u64)>>,
    /// The test samples, counted.
    pub counts: MarginCounts,
    /// The training samples, counted; `None` without training data.
    pub counts_of_training: Option<MarginCounts>,
}

/// One statement at one margin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bound {
    /// Statement.
    pub id: Statement,
    /// g; `None` for a bound without a margin.
    pub margin: Option<f64>,
    /// The precondition that fails; `None` if it applies.
    pub precondition: Option<NotApplicable>,
    /// Values of the bound.
    pub values: BoundValues,
}
