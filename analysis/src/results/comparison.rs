//! One model against another, and groups of seeds.

use car_spectral::bounds::ComparisonVerdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An error of model b less that of model a, with its interval: below 0 b is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Error of b less error of a, as measured.
    pub difference: f64,
    /// Interval of the difference of the true errors, at level 1 - delta.
    pub interval: [f64; 2],
    /// The verdict on b that the interval gives.
    pub verdict: ComparisonVerdict,
}

/// The difference max_j e_j of b less that of a (T8).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorstClassDifference {
    /// The difference with its interval.
    #[serde(flatten)]
    pub difference: Difference,
    /// The classes that decide it; empty if undecided.
    pub deciding: Vec<usize>,
}

/// One class of two models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassDifference {
    /// Error of b less error of a; `None` for an empty class.
    pub difference: Option<f64>,
    /// Interval of the difference of the true errors, for all classes at once at level 1 - delta.
    pub interval: [f64; 2],
    /// McNemar's exact test, two-sided, of this class alone.
    pub p_value: f64,
    /// The sign, by Holm's method for all classes at once at level 1 - delta.
    pub verdict: ComparisonVerdict,
}

/// Two models on the same test samples (T8). Each of its statements (overall, macro, each group,
/// worst class, the classes' intervals, their verdicts) holds by itself with probability 1 - delta,
/// for these two networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Index of the model that is compared with.
    pub a: usize,
    /// Index of the model that is judged.
    pub b: usize,
    /// Difference over all samples.
    pub overall: Difference,
    /// Mean over the classes with samples.
    pub macro_average: Difference,
    /// The worst class.
    pub worst_class: WorstClassDifference,
    /// Samples of classes with more than 100 training images; `None` if there are none or the
    /// counts are unknown.
    pub many: Option<Difference>,
    /// Samples of classes with 20 to 100 training images.
    pub medium: Option<Difference>,
    /// Samples of classes with fewer than 20 training images.
    pub few: Option<Difference>,
    /// Mean over the classes of `many` that have samples.
    #[serde(default)]
    pub many_macro: Option<Difference>,
    /// Mean over the classes of `medium` that have samples.
    #[serde(default)]
    pub medium_macro: Option<Difference>,
    /// Mean over the classes of `few` that have samples.
    #[serde(default)]
    pub few_macro: Option<Difference>,
    /// Differences of each class. Length K.
    pub classes: Vec<ClassDifference>,
}

/// The difference of one error between the seeds of two groups (T9): of these networks, and of
/// training with another seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeedDifference {
    /// Mean errors of the networks of a and of b.
    #[serde(default)]
    pub means: [f64; 2],
    /// Mean error of the networks of b less that of a.
    pub difference: f64,
    /// Interval of the difference of the means of all seeds' networks, by Student's t over seeds
    /// (paired where both groups have the same seeds): differences between seeds taken for normal.
    /// `None` if the seeds do not differ among themselves, which says nothing of others.
    pub interval: Option<[f64; 2]>,
    /// p-value of the exact sign test over the pairs of seeds; `None` if they are not paired.
    pub sign_test: Option<f64>,
    /// Standard deviation of the differences over paired seeds; `None` if they are not paired.
    pub deviation: Option<f64>,
    /// The verdict on b that the interval gives.
    pub verdict: ComparisonVerdict,
    /// Seeds with which a difference as large as the measured one would be found with probability
    /// 0.8; `None` if more than 10,000,000 or not paired.
    pub seeds_needed: Option<u64>,
}

/// Two groups of networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupComparison {
    /// Name of the group that is compared with.
    pub a: String,
    /// Name of the group that is judged.
    pub b: String,
    /// Indices of the models of a.
    pub models_a: Vec<usize>,
    /// Indices of the models of b.
    pub models_b: Vec<usize>,
    /// Tells whether the seeds are paired: as many models in both, each with the same seed as its
    /// counterpart.
    pub paired: bool,
    /// Test error over all samples, between seeds.
    pub overall: SeedDifference,
    /// Measured error of the worst class, between seeds.
    pub worst_class: SeedDifference,
    /// Mean error of the classes with more than 100 training images, between seeds; `None` without
    /// such classes.
    pub many_macro: Option<SeedDifference>,
    /// The same of those with 20 to 100.
    pub medium_macro: Option<SeedDifference>,
    /// The same of those with fewer than 20.
    pub few_macro: Option<SeedDifference>,
    /// Mean of max_j e_j of these networks of b less that of a, from their test samples alone (T9);
    /// `None` if they are not paired or were tested on different samples.
    pub these_networks: Option<Difference>,
}
