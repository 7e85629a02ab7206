//! The test data, and what follows for data not seen.

use car_spectral::bounds::NotApplicable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::split::{Enclosure, SplitReport};

/// Accuracy of a group of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupAccuracy {
    /// Classes in the group that have test samples.
    pub classes: usize,
    /// Test samples in the group.
    pub samples: u64,
    /// Micro: share of the group's samples classified correctly.
    pub accuracy: f64,
    /// Macro: mean over the group's classes of the class accuracy.
    pub accuracy_macro: f64,
}

/// The class with the largest test error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorstClass {
    /// Index of the class (the lowest, if several classes share the largest error).
    pub index: usize,
    /// Name of the class.
    pub name: String,
    /// Test error of the class.
    pub error: f64,
    /// Interval of its error (T5).
    pub interval: [f64; 2],
}

/// The class that attains the weighted worst-class error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WeightedWorstClass {
    /// Index of the class (the lowest, if several attain it).
    pub index: usize,
    /// Name of the class.
    pub name: String,
    /// Weight λ_j of the class.
    pub weight: f64,
    /// Test error e_j of the class.
    pub error: f64,
    /// Interval of its error (T5).
    pub interval: [f64; 2],
    /// λ_j e_j = WCE.
    pub weighted_error: f64,
}

/// The test split: all of [`SplitReport`], and what is said about the population.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestReport {
    /// The report that every split has.
    #[serde(flatten)]
    pub split: SplitReport,
    /// Mean over classes of the class accuracy; `None` if no class has a sample.
    pub accuracy_macro: Option<f64>,
    /// Classes with more than 100 training images; `None` for an empty group or unknown counts.
    pub many: Option<GroupAccuracy>,
    /// Classes with 20 to 100 training images.
    pub medium: Option<GroupAccuracy>,
    /// Classes with fewer than 20 training images.
    pub few: Option<GroupAccuracy>,
    /// The worst class; `None` if no class has a sample.
    pub worst_class: Option<WorstClass>,
    /// Mean error of the worst tenth of the classes that have samples, rounded up to whole classes,
    /// as measured: too large on average, since they are picked for their errors. `None` without
    /// samples.
    #[serde(default)]
    pub worst_tenth_error: Option<f64>,
    /// Smallest, lower quartile, median, upper quartile and largest of the class errors, as
    /// measured (the order statistic at the share rounded up); `None` without samples.
    #[serde(default)]
    pub class_error_quantiles: Option<[f64; 5]>,
    /// The weighted worst class; `None` if no class has a sample.
    pub weighted_worst_class: Option<WeightedWorstClass>,
    /// Indices of the classes of which not one test sample is classified correctly, ascending.
    pub zero_accuracy_classes: Vec<usize>,
    /// Interval [l_j, u_j] of each class's error, all at once at level 1 - delta (T5); `None` for
    /// an empty class. Length K.
    pub class_error_interval: Vec<Option<[f64; 2]>>,
    /// Interval of the population's WCE = max_j λ_j e_j, at level 1 - delta (T5').
    pub wce_interval: [f64; 2],
    /// Statements of these samples on the largest error of any class, max_j e_j (T5').
    pub max_error: MaxError,
    /// The classes whose error exceeds a level, for levels of 0.25, 0.5, 0.75 and 0.9 (T5').
    #[serde(default)]
    pub classes_above: Vec<ClassesAbove>,
    /// Predicted numbers of wrong images among further ones of each class, for samples of several
    /// sizes.
    pub next_sample: Vec<NextSample>,
    /// Numbers of test images a class that the statements on the worst class would need.
    pub planning: Vec<Planning>,
    /// WR: test accuracy of the worst test class over its training accuracy; `None` without
    /// training data or if that accuracy is 0.
    pub worst_class_ratio: Option<f64>,
}

/// The largest error of any class, max_j e_j, from held-out samples (T5'): whichever class that is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaxError {
    /// Interval of max_j e_j at level 1 - delta/M.
    pub interval: [f64; 2],
    /// "No class has an error above this", one-sided at level 1 - delta/M.
    pub at_most: f64,
    /// Classes among which the worst is: the set contains any one class of the largest error with
    /// probability at least 1 - delta/M. Where several classes have that error, one that is left
    /// out may be among them. Ascending.
    pub candidates: Vec<usize>,
    /// The estimate that is usually printed, the largest of the measured class errors. It is biased
    /// upwards.
    pub estimate: f64,
    /// Bias of `estimate`: the mean excess of the largest measured error over the largest true one,
    /// were the true errors those measured here.
    pub estimate_bias: f64,
}

/// The classes whose error exceeds a level, by Holm's method over exact binomial tests (T5').
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassesAbove {
    /// The level.
    pub level: f64,
    /// Indices of the classes; with probability at least 1 - delta/M none of this list is there
    /// wrongly. Ascending.
    pub classes: Vec<usize>,
}

/// Prediction limits of the errors among further images of each class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NextSample {
    /// Further images of each class.
    pub images: u64,
    /// Least and most errors among them, for all classes at once at level 1 - delta/M; `None` for
    /// an empty class. Length K.
    pub limits: Vec<Option<[u64; 2]>>,
}

/// The number of test images of each class that a statement needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Planning {
    /// `certify`: with probability 0.8 the one-sided upper limit of max_j e_j at level 1 - delta/M
    /// exceeds it by at most `by`; `compare`: two models whose worst classes differ by `by` are
    /// told apart with probability 0.8 at level 1 - delta/C, C the number of comparisons in the
    /// report (1 without any).
    pub goal: String,
    /// The excess or the difference.
    pub by: f64,
    /// Images of each class; `None` if more than 10,000,000.
    pub images_per_class: Option<u64>,
}

/// The training quantity at one margin, in [`TrainToTest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainQuantity {
    /// g.
    pub margin: f64,
    /// ‖C_{S,g}Λ‖₂ on training data.
    pub spectral_norm_weighted: Enclosure,
    /// The test quantity's value minus this one's.
    pub test_minus_train: f64,
}

/// An interval of the population's ‖C_DΛ‖₂ from held-out data (T6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpectralCertificate {
    /// Radius of the simple form.
    pub radius_simple: f64,
    /// Radius of the sharp form (empirical matrix Bernstein).
    pub radius_sharp: f64,
    /// [max(0, lower - radius), upper + radius] with the sharp radius.
    pub interval: [f64; 2],
    /// The interval of T6': by self-bounding above, by Chernoff's bound on pairs of vectors fixed
    /// beforehand below.
    pub self_bounding: [f64; 2],
    /// Pairs tried for its lower end: the vector of ones, and the top pairs of C_gΛ on the training
    /// data.
    pub pairs: usize,
}

/// The step from the training quantity to the test quantity, measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// ‖C_{S,g}Λ‖₂ on training data at each margin of the grid.
    pub train: Vec<TrainQuantity>,
    /// ‖CΛ‖₂ of the hard test matrix.
    pub test: Enclosure,
    /// Interval of the population's weighted worst-class error (T5).
    pub wce_interval: [f64; 2],
    /// Interval of the population's spectral quantity (T6); `None` if it does not apply.
    pub certificate: Option<SpectralCertificate>,
    /// The precondition of T6 that fails; `None` if it applies.
    #[serde(default)]
    pub precondition: Option<NotApplicable>,
}

/// The step from the training quantity to the test quantity. No theorem is shown for this step at
/// real sizes: it is a measured difference, reported for what it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainToTest {
    /// Measured values.
    #[serde(flatten)]
    pub step: Step,
    /// A sentence on what may and may not be concluded.
    pub sentence: String,
}
