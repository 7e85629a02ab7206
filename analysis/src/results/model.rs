//! One model: its bounds, their verdicts, its confusions.

use car_spectral::ConfusionMatrix;
use car_spectral::bounds::{LayerNorms, NotApplicable, VACUOUS_ABOVE, Verdict, VerdictCounts};
use car_spectral::longtail::Group;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::split::SplitReport;
use super::statement::Statement;
use super::test::{TestReport, TrainToTest};
use super::warning::Warning;
use crate::source::Source;

/// One model: its matrices and norms on training and test data, the bounds, and their verdicts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelReport {
    /// Name shown in tables and plots; unique within a report.
    pub name: String,
    /// The origin of the scores.
    pub source: Source,
    /// K.
    pub num_classes: usize,
    /// Names of the classes; their indices as text where no names are known. Length K.
    pub class_names: Vec<String>,
    /// Training images of each class; `None` if unknown. Length K.
    pub train_counts: Option<Vec<u64>>,
    /// Group of each class; `None` if the training counts are unknown. Length K.
    pub groups: Option<Vec<Group>>,
    /// Class weights λ_j (D3). Length K.
    pub weights: Vec<f64>,
    /// The network that T3, T3' and T3'' are computed from besides the margins; `None` unless the
    /// weights of a plain bias-free ReLU network are at hand.
    pub network: Option<Network>,
    /// alpha of each one-sided Clopper-Pearson limit: delta / (2 K M) (T5).
    pub delta_per_class: f64,
    /// Training data, in evaluation mode and without augmentation; `None` if only test predictions
    /// were given.
    pub train: Option<SplitReport>,
    /// Test data.
    pub test: TestReport,
    /// T4: what no bound from the training images alone can go below; `None` if the training counts
    /// are unknown or a class has none.
    pub floors: Option<Floors>,
    /// The step from the training quantity to the test quantity; `None` without training data.
    pub train_to_test: Option<TrainToTest>,
    /// Each bound at each margin.
    pub bounds: Vec<BoundReport>,
    /// One sentence for each step that was checked: the chain, each bound. Made of the other
    /// fields.
    pub verdicts: Vec<VerdictSentence>,
    /// The most confused pairs of classes on test data, by rate, descending.
    pub confusions: Vec<Confusion>,
    /// The test errors of each class, by the class predicted instead. Length K.
    #[serde(default)]
    pub class_confusions: Vec<ClassConfusions>,
    /// Each pair of classes that test samples confuse, as [true, predicted, samples], in this
    /// order; `None` where there are more than 100,000. As shares of the true class's samples they
    /// are the hard matrix C.
    #[serde(default)]
    pub confused: Option<Vec<(usize, usize, u64)>>,
    /// Statements that more input would allow, and which input.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// Doubts about the scores, labels or files, that which puts most in doubt first.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// A plain bias-free ReLU network as T3, T3' and T3'' see it: d layers, h the largest number of
/// rows or columns of any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// B: no input there can be is longer (Euclidean norm of the normalised image).
    pub input_bound: f64,
    /// The layers, input first; no `spectral_upper` is above its `frobenius`.
    pub layers: Vec<LayerNorms>,
}

/// T4: what no bound at level 1 - delta that holds for every distribution and looks at training
/// images alone can go below, even if all of them are classified right, however delta is shared out
/// among the classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Floors {
    /// A bound of one class's error alone: 1 - delta^(1/m_j). Length K.
    pub class: Vec<f64>,
    /// A bound of the worst class's error alone: 1 - delta^(1/m_min).
    pub worst_class: f64,
    /// Bounds of all classes at once: no common value below this is possible for all of them.
    pub simultaneous: f64,
}

/// One bound at one margin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoundReport {
    /// Statement.
    pub id: Statement,
    /// g; `None` for a bound without a margin.
    pub margin: Option<f64>,
    /// Tells whether every precondition holds.
    pub applicable: bool,
    /// The precondition that fails; `None` if it applies.
    #[serde(default)]
    pub precondition: Option<NotApplicable>,
    /// Reason why it does not apply (with numbers), or what to know about the value, in words;
    /// `None` if there is nothing to say.
    pub reason: Option<String>,
    /// Values of the bound.
    #[serde(flatten)]
    pub values: BoundValues,
}

/// Values of a bound, whole and for each class, and the verdicts on them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoundValues {
    /// A bound on a whole matrix (T1, T1'): the radius of ‖C_S - C_D‖₂; `None` for bounds on each
    /// class.
    pub value: Option<f64>,
    /// The bound's first term for each class, for example sqrt(K-1)/λ_j ‖C_{S,g}Λ‖₂. Length K.
    pub first_term: Option<Vec<Option<f64>>>,
    /// The complexity term for each class; `None` where the theorem gives it only up to constants
    /// (T2), and of T3'', which is no sum. Length K.
    pub complexity: Option<Vec<Option<f64>>>,
    /// The relative entropy x of T3'' whose inverse is taken, `total` = kl^-1(`first_term`, x).
    /// Length K.
    pub relative_entropy: Option<Vec<Option<f64>>>,
    /// The whole bound for each class; `None` if a term is missing or too large for a 64-bit float
    /// (then the verdict says `vacuous`). Length K.
    pub total: Option<Vec<Option<f64>>>,
    /// The least radius that T1, T1 with 4K and T1', which bound randomised classifiers only, give
    /// for any on these training images, at KL = 0. No statement about this network.
    pub least_value: Option<f64>,
    /// The least value that T1'', which bounds randomised classifiers only, gives for any on these
    /// training images, at KL = 0 and without a training error; `None` for an empty class. No
    /// statement about this network. Length K.
    pub least_total: Option<Vec<Option<f64>>>,
    /// Relative entropy that no network of this depth and width comes below; of T3, T3' and T3''.
    #[serde(default)]
    pub least_kl: Option<f64>,
    /// Tells whether T3, T3' or T3'' says nothing for any network of this depth and width on so
    /// many images.
    #[serde(default)]
    pub vacuous_whatever_the_weights: bool,
    /// T4: the value below which no bound of this kind can go, for each class; `None` for an empty
    /// class. Length K.
    pub floor: Option<Vec<Option<f64>>>,
    /// Verdict for each class; `None` for a bound on a whole matrix. Length K.
    pub class_verdict: Option<Vec<Verdict>>,
    /// The verdicts counted.
    pub verdict: VerdictCounts,
    /// Bound over measured error at the worst class, at least 1 when it holds; `None` if either is
    /// missing or the error is 0. The bound is `total`, or `first_term` where there is no total.
    pub tightness_at_worst: Option<f64>,
}

impl BoundReport {
    /// The value drawn and compared for each class: `total` where it exists, else `first_term`.
    pub fn per_class(&self) -> Option<&[Option<f64>]> {
        self.values.total.as_deref().or(self.values.first_term.as_deref())
    }

    /// What there may be of this bound for each class, by name.
    pub(crate) fn parts(&self) -> [(&'static str, Option<&[Option<f64>]>); 6] {
        [
            ("first_term", self.values.first_term.as_deref()),
            ("complexity", self.values.complexity.as_deref()),
            ("relative_entropy", self.values.relative_entropy.as_deref()),
            ("total", self.values.total.as_deref()),
            ("least_total", self.values.least_total.as_deref()),
            ("floor", self.values.floor.as_deref()),
        ]
    }

    /// Tells whether a value of this bound says nothing: 1 or more, of T3'', which is never above
    /// 1, more than 1 - 10^-6.
    pub fn is_vacuous(&self, value: f64) -> bool {
        if self.id == Statement::T3DoublePrime { value > VACUOUS_ABOVE } else { value >= 1.0 }
    }
}

/// One sentence on one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictSentence {
    /// The step: `chain`, `train-to-test`, `T1`, `T2`, ...
    pub id: String,
    /// g; `None` for a step without a margin.
    pub margin: Option<f64>,
    /// The verdict in one clear sentence.
    pub sentence: String,
    /// The verdicts counted over classes; `None` for a step that is not about each class.
    pub counts: Option<VerdictCounts>,
    /// The sentence's part behind the name of the statement and the margin; `None` where it begins
    /// otherwise.
    #[serde(default)]
    pub finding: Option<String>,
}

/// The classes that a class is confused with most on test data: pairs [class, samples], most
/// samples first, then the lowest class. Five of each kind, three with more than 1,000 classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassConfusions {
    /// The predicted classes of its own samples that are classified wrong.
    pub errors_to: Vec<(usize, u64)>,
    /// The true classes of the samples that are wrongly predicted as it.
    pub errors_from: Vec<(usize, u64)>,
}

/// A pair of classes that test data confuse.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confusion {
    /// Index of the true class.
    #[serde(rename = "true")]
    pub true_class: usize,
    /// Name of the true class.
    pub true_name: String,
    /// Index of the predicted class.
    pub predicted: usize,
    /// Name of the predicted class.
    pub predicted_name: String,
    /// Share of the true class's samples that are predicted so.
    pub rate: f64,
    /// Number of samples.
    pub count: u64,
    /// u_i c_ij λ_j v_j with the top singular pair of CΛ: the contributions of all pairs add up to
    /// ‖CΛ‖₂.
    pub contribution_to_spectral_norm: f64,
}

/// The data that the plots of a model need beside its [`ModelReport`].
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFigures {
    /// The hard (argmax) test confusion matrix: share predicted i given true j, diagonal 0,
    /// unweighted.
    pub test_confusion: ConfusionMatrix,
}
