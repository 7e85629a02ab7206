//! Does the weighted spectral norm predict the error of the worst classes better than overall error
//! or loss do?
//!
//! Over runs on the same training images and with the same weights Λ: Spearman's rank correlation
//! between what is measured on one split and the test error of the worst classes, over all
//! evaluated epochs of all runs and over their last epochs alone, with an interval from resampled
//! runs; and the difference of two such correlations with one target, its interval from the same
//! resamples. Intervals hold one by one, not all at once. Values are compared to nine significant
//! digits.

mod bootstrap;
mod sentence;
mod spearman;

use car_spectral::car::{CarOptions, SurrogateOptions};
use car_spectral_runs::SplitMetrics;
use car_spectral_runs::log::EpochMetrics;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::source::TrainingRun;
use bootstrap::percentile_interval;
pub use bootstrap::{FEWEST_RUNS, LEVEL, RESAMPLES, SEED};
use spearman::CentredRanks;

/// Fewest runs that are compared.
const FEWEST_COMPARED: usize = 3;
/// Fewest different values of a target whose ranking is judged.
pub const FEWEST_VALUES: usize = 5;

/// The rank correlations of the runs on one training set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correlations {
    /// Data set.
    pub dataset: String,
    /// Training images of each class.
    pub train_counts: Vec<u64>,
    /// Names of the runs.
    pub runs: Vec<String>,
    /// The surrogate that their logs have the norm of: that of CAR in runs with it, of the paper in
    /// others. `None` where they have not the same, whose norms are not compared.
    #[serde(default)]
    pub surrogate: Option<SurrogateOptions>,
    /// Resamples of the runs behind each interval.
    pub resamples: usize,
    /// Seed of the resamples.
    pub seed: u64,
    /// Level of each interval.
    pub level: f64,
    /// All epochs, then the last ones.
    pub scopes: Vec<ScopeCorrelations>,
}

impl Correlations {
    /// The targets to show: of up to ten classes the worst 10 % are the worst class, which is shown
    /// once.
    pub fn targets(&self) -> &'static [Target] {
        const OF_FEW_CLASSES: [Target; 2] = [Target::WorstClass, Target::Wce];
        if self.train_counts.len() <= 10 { &OF_FEW_CLASSES } else { &Target::ALL }
    }
}

/// The choice of a run's epochs that are points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All that have an evaluation.
    AllEpochs,
    /// The last that has one: a point a run.
    LastEpoch,
}

/// The correlations over the points of one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScopeCorrelations {
    /// Choice of the epochs.
    pub scope: Scope,
    /// Points: epochs of runs.
    pub points: usize,
    /// The variables.
    pub variables: Vec<VariableRange>,
    /// Every predictor against every target.
    pub correlations: Vec<Correlation>,
    /// Comparisons of both norms with both rivals, for every target.
    pub comparisons: Vec<Comparison>,
}

/// A predictor's quantity; larger is worse for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Predictor {
    /// ‖CΛ‖₂ of the hard confusion matrix.
    HardNorm,
    /// ‖C̃Λ‖₂ of the surrogate.
    SurrogateNorm,
    /// Share of all images that are misclassified.
    Error,
    /// Mean cross-entropy.
    Loss,
}

/// The data that a predictor is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum MeasuredOn {
    /// The training images, in evaluation mode.
    Train,
    /// The test images, as the target is.
    Test,
}

/// The quantity that is to be predicted, on test images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Target {
    /// Error of the worst class.
    WorstClass,
    /// Mean error of the worst 10 % of classes.
    WorstTenth,
    /// Weighted worst-class error (D4).
    Wce,
}

/// The variation of a variable over the points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VariableRange {
    /// `train hard-norm`, ..., `test worst-class`, ...
    pub name: String,
    /// Different values; `None` where not every point has one, or not the same is measured in all
    /// runs.
    pub distinct: Option<usize>,
    /// The smallest value.
    pub lowest: Option<f64>,
    /// The largest.
    pub highest: Option<f64>,
}

/// The rank correlation of a predictor with a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correlation {
    /// The predictor.
    pub predictor: Predictor,
    /// The split that it is measured on.
    pub measured_on: MeasuredOn,
    /// The target.
    pub target: Target,
    /// Spearman's rho; `None` if a variable is constant or missing, or there are fewer than three
    /// points.
    pub rho: Option<f64>,
    /// Percentile interval over the resampled runs; `None` with fewer than five runs, or if rho is
    /// undefined in more than a twentieth of the resamples.
    pub interval: Option<[f64; 2]>,
    /// Resamples without a rho.
    pub undefined: usize,
}

/// The outcome of a norm against a rival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The interval of the difference lies above 0.
    Better,
    /// The interval lies below 0.
    Worse,
    /// The interval holds 0.
    Undecided,
    /// There is no difference, no interval of it, or the target has fewer than five different
    /// values.
    #[allow(clippy::enum_variant_names, reason = "as in the JSON")]
    NoVerdict,
}

/// The difference of two correlations with the same target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The norm.
    pub norm: Predictor,
    /// Rival of the norm.
    pub rival: Predictor,
    /// The split that both are measured on.
    pub measured_on: MeasuredOn,
    /// The target of both.
    pub target: Target,
    /// rho of the norm less rho of the rival.
    pub difference: Option<f64>,
    /// Percentile interval of the difference over the same resamples.
    pub interval: Option<[f64; 2]>,
    /// Resamples without a difference.
    pub undefined: usize,
    /// The verdict that the interval gives.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub sentence: String,
}

impl Predictor {
    /// List of all predictors.
    pub const ALL: [Self; 4] = [Self::HardNorm, Self::SurrogateNorm, Self::Error, Self::Loss];
    const NORMS: [Self; 2] = [Self::HardNorm, Self::SurrogateNorm];
    const RIVALS: [Self; 2] = [Self::Error, Self::Loss];

    /// Names it as in the JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Gives the predictor's value.
    pub fn of(self, metrics: &SplitMetrics) -> f64 {
        match self {
            Self::HardNorm => metrics.hard_spectral_norm,
            Self::SurrogateNorm => metrics.surrogate_spectral_norm,
            Self::Error => 1.0 - metrics.accuracy,
            Self::Loss => metrics.loss,
        }
    }
}

impl MeasuredOn {
    /// List of both splits.
    pub const ALL: [Self; 2] = [Self::Train, Self::Test];

    /// Names it as in the JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The split's metrics of an epoch.
    pub fn of(self, epoch: &EpochMetrics) -> Option<&SplitMetrics> {
        match self {
            Self::Train => epoch.train.as_ref(),
            Self::Test => epoch.test.as_ref(),
        }
    }
}

impl Target {
    /// List of all targets.
    pub const ALL: [Self; 3] = [Self::WorstClass, Self::WorstTenth, Self::Wce];

    /// Names it as in the JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Gives the target's value; `None` in logs of older builds.
    pub fn of(self, test: &SplitMetrics) -> Option<f64> {
        match self {
            Self::WorstClass => Some(test.worst_class_error),
            Self::WorstTenth => test.worst_tenth_error,
            Self::Wce => Some(test.wce),
        }
    }
}

const PREDICTORS: usize = Predictor::ALL.len() * MeasuredOn::ALL.len();
const VARIABLES: usize = PREDICTORS + Target::ALL.len();

/// Place of a predictor among the variables.
fn place(predictor: Predictor, on: MeasuredOn) -> usize {
    on as usize * Predictor::ALL.len() + predictor as usize
}

/// The variables of one epoch; `None` without both evaluations.
fn point(epoch: &EpochMetrics, same_surrogate: bool) -> Option<[Option<f64>; VARIABLES]> {
    let mut values = [None; VARIABLES];
    for on in MeasuredOn::ALL {
        let metrics = on.of(epoch)?;
        for predictor in Predictor::ALL {
            let comparable = same_surrogate || predictor != Predictor::SurrogateNorm;
            values[place(predictor, on)] = comparable.then(|| rounded(predictor.of(metrics)));
        }
    }
    for target in Target::ALL {
        values[PREDICTORS + target as usize] = target.of(epoch.test.as_ref()?).map(rounded);
    }
    Some(values)
}

/// To nine significant digits: norms are known to a relative 1e-9, sums of shares to a few
/// roundings, and what differs by less is a tie.
fn rounded(value: f64) -> f64 {
    format!("{value:.8e}").parse().expect("a number as this program writes it")
}

/// What Λ and the surrogate of a run's log are.
fn measured(run: &TrainingRun) -> CarOptions {
    run.run.optimisation.objective.car.unwrap_or(CarOptions::paper())
}

/// Correlations of the runs on each training set with at least three of them, in the order of their
/// first runs. Runs whose norms are weighted otherwise are apart; where surrogates differ, their
/// norms are left out.
pub fn correlations(runs: &[TrainingRun]) -> Vec<Correlations> {
    let mut groups: Vec<Vec<&TrainingRun>> = Vec::new();
    for run in runs.iter().filter(|run| run.epochs.iter().any(|epoch| point(epoch, true).is_some())) {
        let alike = |other: &TrainingRun| {
            let (a, b) = (measured(run), measured(other));
            (run.dataset == other.dataset && run.train_counts == other.train_counts)
                && (a.r0 == b.r0 && a.weights == b.weights)
        };
        match groups.iter_mut().find(|group| alike(group[0])) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    groups.into_iter().filter(|group| group.len() >= FEWEST_COMPARED).map(|group| of_group(&group)).collect()
}

fn of_group(runs: &[&TrainingRun]) -> Correlations {
    let surrogate = measured(runs[0]).surrogate;
    let same_surrogate = runs.iter().all(|run| measured(run).surrogate == surrogate);
    let points: Vec<Vec<[Option<f64>; VARIABLES]>> =
        runs.iter().map(|run| run.epochs.iter().filter_map(|epoch| point(epoch, same_surrogate)).collect()).collect();
    let last: Vec<_> = points.iter().map(|points| points[points.len() - 1..].to_vec()).collect();
    Correlations {
        dataset: runs[0].dataset.clone(),
        train_counts: runs[0].train_counts.clone(),
        runs: runs.iter().map(|run| run.name.clone()).collect(),
        surrogate: same_surrogate.then_some(surrogate),
        resamples: RESAMPLES,
        seed: SEED,
        level: LEVEL,
        scopes: vec![of_scope(Scope::AllEpochs, &points), of_scope(Scope::LastEpoch, &last)],
    }
}

/// The values of one variable over the points of some runs, `None` if one is missing.
fn values(runs: &[Vec<[Option<f64>; VARIABLES]>], drawn: &[usize], variable: usize) -> Option<Vec<f64>> {
    drawn.iter().flat_map(|&run| &runs[run]).map(|point| point[variable]).collect()
}

/// rho of every predictor with every target, `[PREDICTORS][targets]`.
type Table = [[Option<f64>; Target::ALL.len()]; PREDICTORS];

fn table(runs: &[Vec<[Option<f64>; VARIABLES]>], drawn: &[usize]) -> Table {
    let ranks: Vec<Option<CentredRanks>> =
        (0..VARIABLES).map(|variable| CentredRanks::of(&values(runs, drawn, variable)?)).collect();
    std::array::from_fn(|predictor| {
        std::array::from_fn(|target| Some(ranks[predictor].as_ref()?.correlation(ranks[PREDICTORS + target].as_ref()?)))
    })
}

fn of_scope(scope: Scope, runs: &[Vec<[Option<f64>; VARIABLES]>]) -> ScopeCorrelations {
    let all: Vec<usize> = (0..runs.len()).collect();
    let observed = table(runs, &all);
    let resampled: Vec<Table> = if runs.len() < FEWEST_RUNS {
        Vec::new()
    } else {
        bootstrap::resamples(runs.len()).map(|drawn| table(runs, &drawn)).collect()
    };
    let interval = |read: &dyn Fn(&Table) -> Option<f64>| {
        let found: Vec<f64> = resampled.iter().filter_map(read).collect();
        (resampled.len() - found.len(), percentile_interval(runs.len(), found))
    };
    let variables: Vec<VariableRange> = (0..VARIABLES).map(|variable| range(runs, &all, variable)).collect();
    let mut correlations = Vec::new();
    let mut comparisons = Vec::new();
    for on in MeasuredOn::ALL {
        for target in Target::ALL {
            for predictor in Predictor::ALL {
                let read = |table: &Table| table[place(predictor, on)][target as usize];
                let (undefined, found) = interval(&read);
                let rho = read(&observed);
                let interval = rho.and(found);
                correlations.push(Correlation { predictor, measured_on: on, target, rho, interval, undefined });
            }
            for (norm, rival) in Predictor::NORMS.into_iter().flat_map(|n| Predictor::RIVALS.map(|r| (n, r))) {
                let read = |table: &Table| {
                    Some(table[place(norm, on)][target as usize]? - table[place(rival, on)][target as usize]?)
                };
                let (undefined, found) = interval(&read);
                let difference = read(&observed);
                let interval = difference.and(found);
                let ranked = variables[PREDICTORS + target as usize].distinct.is_some_and(|n| n >= FEWEST_VALUES);
                let verdict = match interval.filter(|_| ranked) {
                    None => Verdict::NoVerdict,
                    Some([low, _]) if low > 0.0 => Verdict::Better,
                    Some([_, high]) if high < 0.0 => Verdict::Worse,
                    Some(_) => Verdict::Undecided,
                };
                let sentence = String::new();
                comparisons.push(Comparison {
                    norm,
                    rival,
                    measured_on: on,
                    target,
                    difference,
                    interval,
                    undefined,
                    verdict,
                    sentence,
                });
            }
        }
    }
    let mut found =
        ScopeCorrelations { scope, points: runs.iter().map(Vec::len).sum(), variables, correlations, comparisons };
    for at in 0..found.comparisons.len() {
        found.comparisons[at].sentence = sentence::of(&found, &found.comparisons[at], runs.len());
    }
    found
}

fn name(variable: usize) -> String {
    match variable.checked_sub(PREDICTORS) {
        Some(target) => format!("test {}", Target::ALL[target].name()),
        None => {
            let (on, predictor) = (variable / Predictor::ALL.len(), variable % Predictor::ALL.len());
            format!("{} {}", MeasuredOn::ALL[on].name(), Predictor::ALL[predictor].name())
        }
    }
}

fn range(runs: &[Vec<[Option<f64>; VARIABLES]>], all: &[usize], variable: usize) -> VariableRange {
    let sorted = values(runs, all, variable).map(|mut values| {
        values.sort_by(f64::total_cmp);
        values
    });
    VariableRange {
        name: name(variable),
        distinct: sorted.as_ref().map(|values| values.chunk_by(|a, b| a == b).count()),
        lowest: sorted.as_ref().and_then(|values| values.first().copied()),
        highest: sorted.as_ref().and_then(|values| values.last().copied()),
    }
}

impl ScopeCorrelations {
    /// The correlation of a predictor with a target.
    pub fn of(&self, predictor: Predictor, on: MeasuredOn, target: Target) -> Option<&Correlation> {
        self.correlations
            .iter()
            .find(|found| (found.predictor, found.measured_on, found.target) == (predictor, on, target))
    }

    /// The sentences of the comparisons on `targets`, each once: of a target that is constant all
    /// say the same. That there are too few runs is said of all epochs alone.
    pub fn sentences(&self, targets: &[Target]) -> Vec<&str> {
        let mut sentences: Vec<&str> = Vec::new();
        if self.scope == Scope::LastEpoch && self.points < FEWEST_RUNS {
            return sentences;
        }
        for comparison in self.comparisons.iter().filter(|comparison| targets.contains(&comparison.target)) {
            if !sentences.contains(&comparison.sentence.as_str()) {
                sentences.push(&comparison.sentence);
            }
        }
        sentences
    }

    /// The range of a target.
    fn target_range(&self, target: Target) -> &VariableRange {
        &self.variables[PREDICTORS + target as usize]
    }
}

#[cfg(test)]
mod tests;
