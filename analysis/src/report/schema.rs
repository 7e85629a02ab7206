//! `report.json`, schema `car-spectral.report/1`: what `analyze` found, as typed structures.
//!
//! Conventions, for every field: K is the number of classes and a vector of length K is indexed by class; errors,
//! accuracies, shares and rates are fractions in [0, 1]; a value that does not exist (an empty class, an empty group, a
//! theorem that does not apply) is `None`, written as `null`, never NaN and never 0. Matrices have **row = predicted
//! class, column = true class**. Statement numbers (D1, S3, T5, ...) are those of `THEORY.md`. The same keys are
//! documented for readers of the JSON in `docs/report-schema.md`; a test compares the two.

use car_spectral_data::Normalisation;
use car_spectral_runs::Run;
use car_spectral_runs::log::EpochMetrics;
use serde::{Deserialize, Serialize};

use crate::correlation::Correlations;
use car_spectral::bounds::VACUOUS_ABOVE;

/// The value of [`Report::schema`] that this version writes and reads.
pub const SCHEMA: &str = "car-spectral.report/1";

/// The whole of `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`]; readers refuse anything else.
    pub schema: String,
    /// How the numbers were made.
    pub settings: Settings,
    /// One entry for each model analysed, in the order of the command line (epochs ascending).
    pub models: Vec<ModelReport>,
    /// Each two models that were tested on the same samples, one against the other (T8).
    #[serde(default)]
    pub comparisons: Vec<Comparison>,
    /// Each two groups of models, trained alike but for the seed, one against the other (T9).
    #[serde(default)]
    pub groups: Vec<GroupComparison>,
    /// What the runs behind the checkpoints recorded, epoch by epoch; empty where no log is at hand.
    #[serde(default)]
    pub runs: Vec<TrainingRun>,
    /// What ranks the errors of the worst classes over those runs, for each training set with at least three of them.
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

/// How the numbers were made: options, program, device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The margins g of the grid, ascending, in units of the logits.
    pub margins: Vec<f64>,
    /// r0 of the class weights lambda_j = (pi_j + r0)^(-1/2) (D3).
    pub r0: f64,
    /// Form of the class weights: `paper`, `official` or `none`.
    pub weights: String,
    /// delta: every set of statements at this level holds with probability at least 1 - delta.
    pub delta: f64,
    /// M: the number of models compared, over which T5 also shares out delta.
    pub models_compared: usize,
    /// Where the models ran: `cpu`, `cuda:0`; `None` if only stored predictions were read.
    pub device: Option<String>,
    /// Preprocessing given by flags for foreign models; `None` if no flag was given.
    pub preprocessing: Option<Preprocessing>,
    /// Name of the program that wrote the report.
    pub program: String,
    /// Version of the program.
    pub version: String,
    /// Source revision the program was built from, where known.
    pub commit: Option<String>,
    /// The command line, one entry an argument.
    pub command_line: Vec<String>,
    /// The files read that are shared by all models (test data, class names, class counts).
    pub data: Vec<DataFile>,
}

/// What is done to an image before the model sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Where these values come from: `checkpoint` or `flags`.
    pub origin: String,
    /// Mean subtracted from each channel, for pixels scaled to [0, 1].
    pub mean: Vec<f64>,
    /// Standard deviation each channel is then divided by.
    pub std: Vec<f64>,
    /// Length in pixels the shorter side is resized to; `None`: not resized.
    pub resize: Option<usize>,
    /// Side in pixels of the central crop; `None`: not cropped.
    pub crop: Option<usize>,
    /// Order or number of channels (`rgb`, `bgr`, `gray`); `None`: as stored.
    pub channels: Option<String>,
}

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataFile {
    /// What it holds: `weights`, `test data`, `train data`, `test predictions`, `train predictions`, `train counts`,
    /// `class names`.
    pub role: String,
    /// The path as given.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content, in lower-case hexadecimal.
    pub sha256: String,
}

/// Where a model's scores come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// `checkpoint` (this project's), `safetensors`, `torch-save`, `torchscript` or `predictions`.
    pub kind: String,
    /// The files read for this model.
    pub files: Vec<DataFile>,
    /// Architecture, where the scores were computed by a model.
    pub architecture: Option<String>,
    /// Data set and split the model was tested on, for example `fashion-mnist`.
    pub dataset: Option<String>,
    /// Seed of the training run, where the checkpoint says.
    pub seed: Option<u64>,
    /// Epochs trained, where the checkpoint says; the abscissa of the trajectories.
    pub epoch: Option<u64>,
    /// Checksum of the chosen training indices (the long-tailed subset), where known.
    pub subset_sha256: Option<String>,
    /// How the model wants its input; `None` for stored predictions.
    pub preprocessing: Option<Preprocessing>,
}

/// A training run of this project, as its `metrics.jsonl` records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRun {
    /// Name of the run's folder.
    pub name: String,
    /// The log.
    pub log: DataFile,
    /// Data set.
    pub dataset: String,
    /// Architecture.
    pub architecture: String,
    /// Training images of each class.
    pub train_counts: Vec<u64>,
    /// Checksum of the chosen training indices.
    pub subset_sha256: String,
    /// How pixels became inputs; `None` in reports of older builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Normalisation>,
    /// Rows and columns of the images given to the network; `None` for images as they are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    /// Settings of the run, as the checkpoint says.
    pub run: Run,
    /// One entry an epoch.
    pub epochs: Vec<EpochMetrics>,
}

/// A class's group by its number of training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassGroup {
    /// More than 100 training images.
    Many,
    /// 20 to 100 training images.
    Medium,
    /// Fewer than 20 training images.
    Few,
}

impl ClassGroup {
    /// All groups, most images first.
    pub const ALL: [Self; 3] = [Self::Many, Self::Medium, Self::Few];

    /// `many`, `medium` or `few`, as in the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Many => "many",
            Self::Medium => "medium",
            Self::Few => "few",
        }
    }
}

/// One model: its matrices and norms on training and test data, the bounds, and their verdicts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelReport {
    /// Name shown in tables and plots; unique within a report.
    pub name: String,
    /// Where the scores come from.
    pub source: Source,
    /// K.
    pub num_classes: usize,
    /// Names of the classes; their indices as text where no names are known. Length K.
    pub class_names: Vec<String>,
    /// Training images of each class; `None` if unknown. Length K.
    pub train_counts: Option<Vec<u64>>,
    /// Group of each class; `None` if the training counts are unknown. Length K.
    pub groups: Option<Vec<ClassGroup>>,
    /// Class weights lambda_j (D3). Length K.
    pub weights: Vec<f64>,
    /// What T3, T3' and T3'' are computed from besides the margins; `None` unless the weights of a plain bias-free ReLU
    /// network are at hand.
    pub network: Option<Network>,
    /// alpha of each one-sided Clopper-Pearson limit: delta / (2 K M) (T5).
    pub delta_per_class: f64,
    /// Training data, in evaluation mode and without augmentation; `None` if only test predictions were given.
    pub train: Option<SplitReport>,
    /// Test data.
    pub test: TestReport,
    /// T4: what no bound from the training images alone can go below; `None` if the training counts are unknown or a
    /// class has none.
    pub floors: Option<Floors>,
    /// The step from the training quantity to the test quantity; `None` without training data.
    pub train_to_test: Option<TrainToTest>,
    /// Each bound at each margin.
    pub bounds: Vec<BoundReport>,
    /// One sentence for each step that was checked: the chain, each bound.
    pub verdicts: Vec<VerdictSentence>,
    /// The most confused pairs of classes on test data, by rate, descending.
    pub confusions: Vec<Confusion>,
}

/// A plain bias-free ReLU network as T3, T3' and T3'' see it: d layers, h the largest number of rows or columns of any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// B: no input there can be is longer (Euclidean norm of the normalised image).
    pub input_bound: f64,
    /// The layers, input first.
    pub layers: Vec<NetworkLayer>,
}

/// A weight matrix W_l of a [`Network`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkLayer {
    /// Number of outputs.
    pub rows: usize,
    /// Number of inputs.
    pub columns: usize,
    /// s_l: certified upper bound of ||W_l||_2, at most `frobenius`.
    pub spectral_upper: f64,
    /// ||W_l||_F, rounded upwards.
    pub frobenius: f64,
}

/// A number known to lie in [lower, upper].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Enclosure {
    /// Best estimate, lower <= value <= upper.
    pub value: f64,
    /// Certified lower bound (S5).
    pub lower: f64,
    /// Certified upper bound (S5).
    pub upper: f64,
}

/// Norms of a confusion matrix C and of its weighted form C Lambda.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MatrixNorms {
    /// ||C||_1: the largest column sum. For the hard matrix, the worst class's error.
    pub one_norm: f64,
    /// ||C Lambda||_1. For the hard matrix, the weighted worst-class error WCE (D4).
    pub one_norm_weighted: f64,
    /// ||C||_2, certified (S5).
    pub spectral_norm: Enclosure,
    /// ||C Lambda||_2, certified: R of D5 for a margin matrix.
    pub spectral_norm_weighted: Enclosure,
    /// nu = ||C||_1 / ||C||_2 (S3); `None` for the zero matrix.
    pub nu: Option<f64>,
    /// ||C Lambda||_1 / ||C Lambda||_2; `None` for the zero matrix.
    pub nu_weighted: Option<f64>,
    /// [1/sqrt(t), sqrt(s)], which contains `nu` (S3, by sparsity): t the most non-zeros in a row of C, s those of its
    /// largest column. Rounded outwards; `None` for the zero matrix.
    pub nu_by_non_zeros: Option<[f64; 2]>,
    /// A narrower interval that contains `nu`, from column and row sums and lengths (S3).
    pub nu_by_sums: Option<[f64; 2]>,
    /// `nu_by_non_zeros` of C Lambda, which contains `nu_weighted`.
    pub nu_weighted_by_non_zeros: Option<[f64; 2]>,
    /// `nu_by_sums` of C Lambda, which contains `nu_weighted`.
    pub nu_weighted_by_sums: Option<[f64; 2]>,
}

/// The margin confusion matrix C_g (D1) at one margin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MarginReport {
    /// g, in units of the logits.
    pub margin: f64,
    /// c_j(g): share of class j with margin <= g; `None` for an empty class. Length K.
    pub class_margin_error: Vec<Option<f64>>,
    /// Norms of C_g and C_g Lambda.
    #[serde(flatten)]
    pub norms: MatrixNorms,
}

/// Ties among the scores (S1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ties {
    /// Samples whose largest score is attained at least twice.
    pub top2: u64,
    /// `top2` as a share of the samples.
    pub share: f64,
    /// Samples with margin exactly 0.
    pub zero_margin: u64,
    /// Samples with margin exactly 0 that are nevertheless predicted correctly (the tie goes to the lowest index):
    /// the excess of the column sums of C_0 over the errors.
    pub zero_margin_correct: u64,
}

/// The smooth surrogate matrix (D6) beside the hard one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surrogate {
    /// Margin g inside the sigmoid.
    pub margin: f64,
    /// ||C~ Lambda||_2.
    pub spectral_norm_weighted: Enclosure,
    /// ||C~ - C||_F, C the hard (argmax) confusion matrix, unweighted.
    pub gap_to_hard_frobenius: f64,
}

/// The chain lambda_j e_j <= WCE <= sqrt(K-1) ||C Lambda||_2 (S2, S3) on one hard confusion matrix.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// lambda_j e_j; `None` for an empty class. Length K.
    pub weighted_error: Vec<Option<f64>>,
    /// WCE = max_j lambda_j e_j = ||C Lambda||_1.
    pub wce: f64,
    /// A class that attains WCE (the lowest index); `None` if no class has a sample.
    pub wce_class: Option<usize>,
    /// sqrt(K - 1).
    pub sqrt_k_minus_1: f64,
    /// Certified upper bound of R = ||C Lambda||_2.
    pub spectral_upper: f64,
    /// sqrt(K - 1) times `spectral_upper`.
    pub upper_bound: f64,
    /// Whether every step holds, compared without dividing.
    pub holds: bool,
    /// `upper_bound` - `wce`.
    pub slack: f64,
    /// `upper_bound` / `wce`: how many times too large the bound is; `None` if `wce` is 0.
    pub slack_factor: Option<f64>,
    /// s: the most non-zero entries in a column of C.
    pub max_column_nonzeros: usize,
    /// sqrt(s) times `spectral_upper`: the sharper bound of S3, which depends on the data.
    pub upper_bound_sqrt_s: f64,
    /// Whether WCE <= sqrt(s) ||C Lambda||_2 holds.
    pub holds_sqrt_s: bool,
    /// `upper_bound_sqrt_s` / `wce`; `None` if `wce` is 0.
    pub slack_factor_sqrt_s: Option<f64>,
}

/// The top singular pair of C Lambda: which classes the spectral norm weighs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopPair {
    /// The singular value.
    pub sigma: f64,
    /// u: weight of each **predicted** class; non-negative, unit length. Length K.
    pub left: Vec<f64>,
    /// v: weight of each **true** class; non-negative, unit length. Length K.
    pub right: Vec<f64>,
}

/// One data split (training or test).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitReport {
    /// Number of samples.
    pub samples: u64,
    /// Samples of each class. Length K.
    pub class_counts: Vec<u64>,
    /// Misclassified samples of each class (argmax, ties to the lowest index). Length K.
    pub class_errors: Vec<u64>,
    /// Ties among the scores.
    pub ties: Ties,
    /// Share of the samples classified correctly.
    pub accuracy: f64,
    /// Error of each class; `None` for an empty class. Length K.
    pub per_class_error: Vec<Option<f64>>,
    /// Norms of the hard (argmax) confusion matrix.
    pub hard: MatrixNorms,
    /// Norms of the margin confusion matrix at each margin of the grid, ascending.
    pub margins: Vec<MarginReport>,
    /// The surrogate; `None` if the scores were not kept.
    pub surrogate: Option<Surrogate>,
    /// The chain of inequalities on the hard matrix.
    pub chain: Chain,
    /// Top singular pair of the weighted hard matrix; `None` for the zero matrix.
    pub top_pair: Option<TopPair>,
}

impl SplitReport {
    /// Number of classes without a sample, whose errors are not estimated.
    pub fn classes_without_samples(&self) -> usize {
        self.class_counts.iter().filter(|&&count| count == 0).count()
    }
}

/// Accuracy of a group of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorstClass {
    /// Its index (the lowest, if several classes share the largest error).
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its test error.
    pub error: f64,
    /// Interval of its error (T5).
    pub interval: [f64; 2],
}

/// The class that attains the weighted worst-class error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeightedWorstClass {
    /// Its index (the lowest, if several attain it).
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its weight lambda_j.
    pub weight: f64,
    /// Its test error e_j.
    pub error: f64,
    /// Interval of its error (T5).
    pub interval: [f64; 2],
    /// lambda_j e_j = WCE.
    pub weighted_error: f64,
}

/// The test split: all of [`SplitReport`], and what is said about the population.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// What every split has.
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
    /// The weighted worst class; `None` if no class has a sample.
    pub weighted_worst_class: Option<WeightedWorstClass>,
    /// Indices of the classes of which not one test sample is classified correctly, ascending.
    pub zero_accuracy_classes: Vec<usize>,
    /// Interval [l_j, u_j] of each class's error, all at once at level 1 - delta (T5); `None` for an empty class.
    /// Length K.
    pub class_error_interval: Vec<Option<[f64; 2]>>,
    /// Interval of the population's WCE = max_j lambda_j e_j, at level 1 - delta (T5').
    pub wce_interval: [f64; 2],
    /// What these samples say of the largest error of any class, max_j e_j (T5').
    pub max_error: MaxError,
    /// How many of further images of each class will be wrong, for samples of several sizes.
    pub next_sample: Vec<NextSample>,
    /// How many test images a class the statements on the worst class would need.
    pub planning: Vec<Planning>,
    /// WR: test accuracy of the worst test class over its training accuracy; `None` without training data or if that
    /// accuracy is 0.
    pub worst_class_ratio: Option<f64>,
}

/// T4: what no bound at level 1 - delta that holds for every distribution and looks at training images alone can go
/// below, even if all of them are classified right, however delta is shared out among the classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Floors {
    /// A bound of one class's error alone: 1 - delta^(1/m_j). Length K.
    pub class: Vec<f64>,
    /// A bound of the worst class's error alone: 1 - delta^(1/m_min).
    pub worst_class: f64,
    /// Bounds of all classes at once: no common value below this is possible for all of them.
    pub simultaneous: f64,
}

/// The largest error of any class, max_j e_j, from held-out samples (T5'): whichever class that is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaxError {
    /// Interval of max_j e_j at level 1 - delta/M.
    pub interval: [f64; 2],
    /// "No class has an error above this", one-sided at level 1 - delta/M.
    pub at_most: f64,
    /// Classes among which the worst is: the set contains any one class of the largest error with probability at least
    /// 1 - delta/M. Where several classes have that error, one that is left out may be among them. Ascending.
    pub candidates: Vec<usize>,
    /// The estimate that is usually printed, the largest of the measured class errors. It is biased upwards.
    pub estimate: f64,
    /// By how much: the mean excess of the largest measured error over the largest true one, were the true errors those
    /// measured here.
    pub estimate_bias: f64,
}

/// Prediction limits of the errors among further images of each class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NextSample {
    /// Further images of each class.
    pub images: u64,
    /// Least and most errors among them, for all classes at once at level 1 - delta/M; `None` for an empty class.
    /// Length K.
    pub limits: Vec<Option<[u64; 2]>>,
}

/// How many test images of each class a statement needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Planning {
    /// `certify`: with probability 0.8 the one-sided upper limit of max_j e_j at level 1 - delta/M exceeds it by at
    /// most
    /// `by`; `compare`: two models whose worst classes differ by `by` are told apart with probability 0.8 at level 1 -
    /// delta/C, C the number of comparisons in the report (1 without any).
    pub goal: String,
    /// The excess or the difference.
    pub by: f64,
    /// Images of each class; `None` if more than 10,000,000.
    pub images_per_class: Option<u64>,
}

/// The training quantity at one margin, in [`TrainToTest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainQuantity {
    /// g.
    pub margin: f64,
    /// ||C_{S,g} Lambda||_2 on training data.
    pub spectral_norm_weighted: Enclosure,
    /// The test quantity's value minus this one's.
    pub test_minus_train: f64,
}

/// An interval of the population's ||C_D Lambda||_2 from held-out data (T6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpectralCertificate {
    /// Radius of the simple form.
    pub radius_simple: f64,
    /// Radius of the sharp form (empirical matrix Bernstein).
    pub radius_sharp: f64,
    /// [max(0, lower - radius), upper + radius] with the sharp radius.
    pub interval: [f64; 2],
    /// The interval of T6': by self-bounding above, by Chernoff's bound on pairs of vectors fixed beforehand below.
    pub self_bounding: [f64; 2],
    /// Pairs tried for its lower end: the vector of ones, and the top pairs of C_g Lambda on the training data.
    pub pairs: usize,
}

/// From the training quantity to the test quantity. No theorem is shown for this step at real sizes: it is a measured
/// difference, reported for what it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainToTest {
    /// ||C_{S,g} Lambda||_2 on training data at each margin of the grid.
    pub train: Vec<TrainQuantity>,
    /// ||C Lambda||_2 of the hard test matrix.
    pub test: Enclosure,
    /// Interval of the population's weighted worst-class error (T5).
    pub wce_interval: [f64; 2],
    /// Interval of the population's spectral quantity (T6); `None` if it does not apply.
    pub certificate: Option<SpectralCertificate>,
    /// What may and may not be concluded, in one sentence.
    pub sentence: String,
}

/// Verdict on "bound_j >= e_j" for one class (T5, in its order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassVerdict {
    /// The bound is below 1 and at least the upper confidence limit of the error.
    Holds,
    /// The bound is below the lower confidence limit of the error.
    Violated,
    /// The bound lies inside the confidence interval.
    Undecided,
    /// The bound is at least 1 (of T3'' above 1 - 10^-6) and says nothing.
    Vacuous,
    /// A precondition of the theorem fails.
    NotApplicable,
}

impl ClassVerdict {
    /// The verdict as in the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Violated => "violated",
            Self::Undecided => "undecided",
            Self::Vacuous => "vacuous",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// For how many classes each verdict was reached; sums to K.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictCounts {
    /// Classes whose bound holds.
    pub holds: usize,
    /// Classes whose bound is violated.
    pub violated: usize,
    /// Classes for which the test data do not decide.
    pub undecided: usize,
    /// Classes whose bound is at least 1 (of T3'' above 1 - 10^-6).
    pub vacuous: usize,
    /// Classes to which the theorem does not apply.
    pub not_applicable: usize,
}

/// One bound at one margin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoundReport {
    /// Statement: `T1`, `T1 with 4K`, `T1'`, `T1''`, `T2`, `T3`, `T3'`, `T3''`.
    pub id: String,
    /// g; `None` for a bound without a margin.
    pub margin: Option<f64>,
    /// Whether every precondition holds.
    pub applicable: bool,
    /// Why it does not apply (with numbers), or what to know about the value; `None` if there is nothing to say.
    pub reason: Option<String>,
    /// A bound on a whole matrix (T1, T1'): the radius of ||C_S - C_D||_2; `None` for bounds on each class.
    pub value: Option<f64>,
    /// The bound's first term for each class, for example sqrt(K-1)/lambda_j ||C_{S,g} Lambda||_2. Length K.
    pub first_term: Option<Vec<Option<f64>>>,
    /// The complexity term for each class; `None` where the theorem gives it only up to constants (T2), and of T3'',
    /// which is no sum. Length K.
    pub complexity: Option<Vec<Option<f64>>>,
    /// Of T3'': the relative entropy x whose inverse is taken, `total` = kl^-1(`first_term`, x). Length K.
    pub relative_entropy: Option<Vec<Option<f64>>>,
    /// The whole bound for each class; `None` if a term is missing or too large for a 64-bit float (then the verdict
    /// says `vacuous`). Length K.
    pub total: Option<Vec<Option<f64>>>,
    /// Of T1, T1 with 4K and T1', which bound randomised classifiers only: the least radius that they give for any on
    /// these training images, at KL = 0. No statement about this network.
    pub least_value: Option<f64>,
    /// Of T1'', which bounds randomised classifiers only: the least that it gives for any on these training images, at
    /// KL = 0 and without a training error; `None` for an empty class. No statement about this network. Length K.
    pub least_total: Option<Vec<Option<f64>>>,
    /// T4: the value below which no bound of this kind can go, for each class; `None` for an empty class. Length K.
    pub floor: Option<Vec<Option<f64>>>,
    /// Verdict for each class; `None` for a bound on a whole matrix. Length K.
    pub class_verdict: Option<Vec<ClassVerdict>>,
    /// The verdicts counted.
    pub verdict: VerdictCounts,
    /// Bound over measured error at the worst class, at least 1 when it holds; `None` if either is missing or the error
    /// is 0. The bound is `total`, or `first_term` where there is no total.
    pub tightness_at_worst: Option<f64>,
}

impl BoundReport {
    /// The value drawn and compared for each class: `total` where it exists, else `first_term`.
    pub fn per_class(&self) -> Option<&[Option<f64>]> {
        self.total.as_deref().or(self.first_term.as_deref())
    }

    /// Whether a value of this bound says nothing: 1 or more, of T3'', which is never above 1, more than 1 - 10^-6.
    pub fn is_vacuous(&self, value: f64) -> bool {
        if self.id == "T3''" { value > VACUOUS_ABOVE } else { value >= 1.0 }
    }
}

/// One sentence on one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VerdictSentence {
    /// The step: `chain`, `train-to-test`, `T1`, `T2`, ...
    pub id: String,
    /// g; `None` for a step without a margin.
    pub margin: Option<f64>,
    /// The verdict in one clear sentence.
    pub sentence: String,
    /// The verdicts counted over classes; `None` for a step that is not about each class.
    pub counts: Option<VerdictCounts>,
}

/// What a difference b - a says of model b.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonVerdict {
    /// The whole interval lies on the side where b is better.
    Better,
    /// The whole interval lies on the side where b is worse.
    Worse,
    /// The interval holds 0.
    #[default]
    Undecided,
}

impl ComparisonVerdict {
    /// The verdict as in the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Undecided => "undecided",
        }
    }
}

/// An error of model b less that of model a, with its interval: below 0 b is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Error of b less error of a, as measured.
    pub difference: f64,
    /// Where the difference of the true errors lies, at level 1 - delta.
    pub interval: [f64; 2],
    /// What that says of b.
    pub verdict: ComparisonVerdict,
}

/// The difference max_j e_j of b less that of a (T8).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorstClassDifference {
    /// The difference with its interval.
    #[serde(flatten)]
    pub difference: Difference,
    /// The classes that decide it; empty if undecided.
    pub deciding: Vec<usize>,
}

/// One class of two models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassDifference {
    /// Error of b less error of a; `None` for an empty class.
    pub difference: Option<f64>,
    /// Where the difference of the true errors lies, for all classes at once at level 1 - delta.
    pub interval: [f64; 2],
    /// McNemar's exact test, two-sided, of this class alone.
    pub p_value: f64,
    /// The sign, by Holm's method for all classes at once at level 1 - delta.
    pub verdict: ComparisonVerdict,
}

/// Two models on the same test samples (T8). Each of its statements (overall, macro, each group, worst class, the
/// classes' intervals, their verdicts) holds by itself with probability 1 - delta, for these two networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Index of the model that is compared with.
    pub a: usize,
    /// Index of the model that is judged.
    pub b: usize,
    /// All samples.
    pub overall: Difference,
    /// Mean over the classes with samples.
    pub macro_average: Difference,
    /// The worst class.
    pub worst_class: WorstClassDifference,
    /// Samples of classes with more than 100 training images; `None` if there are none or the counts are unknown.
    pub many: Option<Difference>,
    /// Samples of classes with 20 to 100 training images.
    pub medium: Option<Difference>,
    /// Samples of classes with fewer than 20 training images.
    pub few: Option<Difference>,
    /// Each class. Length K.
    pub classes: Vec<ClassDifference>,
}

/// What the seeds of two groups say of one error (T9): of these networks, and of training with another seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeedDifference {
    /// Mean error of the networks of b less that of a.
    pub difference: f64,
    /// Where the difference of the means of all seeds' networks lies, by Student's t over seeds (paired where both
    /// groups have the same seeds): differences between seeds taken for normal.
    pub interval: [f64; 2],
    /// p-value of the exact sign test over the pairs of seeds; `None` if they are not paired.
    pub sign_test: Option<f64>,
    /// Standard deviation of the differences over paired seeds; `None` if they are not paired.
    pub deviation: Option<f64>,
    /// What that says of b.
    pub verdict: ComparisonVerdict,
    /// Seeds with which a difference as large as the measured one would be found with probability 0.8; `None` if more
    /// than 10,000,000 or not paired.
    pub seeds_needed: Option<u64>,
}

/// Two groups of networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupComparison {
    /// Name of the group that is compared with.
    pub a: String,
    /// Name of the group that is judged.
    pub b: String,
    /// Indices of the models of a.
    pub models_a: Vec<usize>,
    /// Indices of the models of b.
    pub models_b: Vec<usize>,
    /// Whether the seeds are paired: as many models in both, each with the same seed as its counterpart.
    pub paired: bool,
    /// Test error over all samples, between seeds.
    pub overall: SeedDifference,
    /// Measured error of the worst class, between seeds.
    pub worst_class: SeedDifference,
    /// Mean of max_j e_j of these networks of b less that of a, from their test samples alone (T9); `None` if they are
    /// not paired or were tested on different samples.
    pub these_networks: Option<Difference>,
}

/// A pair of classes that test data confuse.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// u_i c_ij lambda_j v_j with the top singular pair of C Lambda: the contributions of all pairs add up to
    /// ||C Lambda||_2.
    pub contribution_to_spectral_norm: f64,
}
