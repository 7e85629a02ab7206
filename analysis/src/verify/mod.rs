//! The main job: from a model's scores to the verdict on its worst class.
//!
//! Exact counts, matrices and norms of both splits (`split`), every statement of `THEORY.md` beside
//! the measured error (`bounds`), and what follows for images not seen (`held_out`). What is found
//! is [`Verified`]: numbers, of which the report makes its sentences.

mod bounds;
mod held_out;
mod settings;
mod split;

use car_spectral::ClassErrors;
use car_spectral::bounds::{
    BiasFreeReluNetwork, Interval, LayerNorms, VectorPair, WEIGHT_RANGE, WeightedConfusions, held_out_alpha,
    held_out_intervals, self_bounding_interval, simultaneous_floor, spectral_certificate,
    weighted_worst_class_interval, worst_class_floor,
};
use car_spectral::confusion::{ClassWeights, MarginCounts, WeightForm};
use car_spectral::longtail::ClassMetrics;
use car_spectral_data::SettingError;

use crate::results::{
    ClassConfusions, Confusion, Floors, Network, SpectralCertificate, SplitReport, Step, TrainQuantity, Verified,
};
use crate::subject::Subject;
use crate::{AnalysisError, Result};
use held_out::HeldOut;
pub use settings::Settings;
use split::AnalysedSplit;
pub(crate) use split::count;

/// The most confused pairs listed in a report.
const LISTED_CONFUSIONS: usize = 100;
/// Pairs of classes that the report lists at most.
const LISTED_PAIRS: usize = 100_000;

/// Analyses one model. `progress` is told what is being done, in a few words, before each part.
///
/// # Errors
/// [`AnalysisError`] for scores the counters refuse, a class count that does not fit, or training
/// counts that are needed for the weights and not known.
pub fn verify(subject: &Subject, settings: &Settings, mut progress: impl FnMut(&str)) -> Result<Verified> {
    let num_classes = subject.test.logits.dim().1;
    check_classes(subject, num_classes)?;
    let weights = class_weights(subject, settings, num_classes)?;
    let lambda = weights.values();

    progress("test data");
    let test = AnalysedSplit::new(&subject.test, lambda, &settings.grid, || file_of(subject, "test"))?;
    let train = subject
        .train
        .as_ref()
        .map(|scored| {
            progress("training data");
            AnalysedSplit::new(scored, lambda, &settings.grid, || file_of(subject, "train"))
        })
        .transpose()?;
    let pairs = subject.train.as_ref().map(|scored| split::pairs_of_training(scored, lambda)).transpose()?;

    progress("bounds");
    let (errors, counts) = (test.counts.errors(), test.counts.class_counts());
    let class_errors = ClassErrors { errors: &errors, counts };
    let intervals = held_out_intervals(class_errors, settings.delta, settings.models_compared)?;
    let wce = weighted_worst_class_interval(lambda, class_errors, settings.delta, settings.models_compared)?;
    let metrics = class_metrics(subject, &test, train.as_ref())?;
    let statements = bounds::Statements {
        architecture: &subject.architecture,
        train_counts: subject.train_counts.as_deref(),
        train: train.as_ref(),
        weights: lambda,
        intervals: &intervals,
        test_errors: &metrics.class_errors,
        worst_class: metrics.worst_class.map(|worst| worst.index),
        settings,
    };
    let bounds = statements.judge()?;
    let train_to_test = train.as_ref().zip(pairs);
    let train_to_test =
        train_to_test.map(|(train, pairs)| step(&train.report, &pairs, &test, lambda, wce, settings)).transpose()?;
    let held_out =
        HeldOut { subject, settings, metrics: &metrics, weights: lambda, intervals: &intervals, wce, class_errors };
    let (train, counts_of_training) = train.map(|train| (train.report, train.counts)).unzip();
    Ok(Verified {
        weights: lambda.to_vec(),
        network: subject.architecture.bias_free_relu().ok().map(network),
        delta_per_class: held_out_alpha(num_classes, settings.delta, settings.models_compared)?,
        floors: subject.train_counts.as_deref().map(|counts| floors(counts, settings.delta)).transpose()?.flatten(),
        train_to_test,
        bounds,
        confusions: most_confused(&test, lambda, &subject.class_names),
        class_confusions: class_confusions(&test.counts),
        confused: confused(&test.counts),
        test: held_out.report(test.report)?,
        train,
        counts: test.counts,
        counts_of_training,
    })
}

/// The file that holds a split, or the first of the model.
fn file_of(subject: &Subject, split: &str) -> String {
    let files = &subject.source.files;
    let of_split = files.iter().find(|file| file.role.starts_with(split)).or(files.first());
    of_split.map_or_else(|| subject.name.clone(), |file| file.path.clone())
}

fn class_metrics(subject: &Subject, test: &AnalysedSplit, train: Option<&AnalysedSplit>) -> Result<ClassMetrics> {
    let counts = test.counts.class_counts();
    let known_counts = subject.train_counts.clone().unwrap_or_else(|| vec![0; counts.len()]);
    let train = train.map(|train| (train.counts.class_counts(), train.counts.errors()));
    let train = train.as_ref().map(|(counts, errors)| ClassErrors { counts, errors });
    Ok(ClassMetrics::new(&known_counts, ClassErrors { counts, errors: &test.counts.errors() }, train)?)
}

fn network(network: &BiasFreeReluNetwork) -> Network {
    let layers = network.layers().iter().zip(network.spectral_bounds());
    Network {
        input_bound: network.input_bound(),
        layers: layers.map(|(layer, spectral_upper)| LayerNorms { spectral_upper, ..*layer }).collect(),
    }
}

/// T4 for these training counts; `None` if a class has no image.
fn floors(counts: &[u64], delta: f64) -> Result<Option<Floors>> {
    if counts.contains(&0) {
        return Ok(None);
    }
    Ok(Some(Floors {
        class: counts.iter().map(|&count| worst_class_floor(&[count, count], delta)).collect::<Result<_, _>>()?,
        worst_class: worst_class_floor(counts, delta)?,
        simultaneous: simultaneous_floor(counts, delta)?,
    }))
}

fn check_classes(subject: &Subject, num_classes: usize) -> Result<()> {
    let expect = |what: &str, found: usize| {
        if found == num_classes {
            return Ok(());
        }
        Err(AnalysisError::Mismatch {
            problem: format!(
                "{}: {found} classes in the {what}, but {num_classes} scores a test sample; give those of this model",
                subject.name
            ),
        })
    };
    expect("class names", subject.class_names.len())?;
    if let Some(counts) = &subject.train_counts {
        expect("training counts", counts.len())?;
    }
    if let Some(train) = &subject.train {
        expect("training scores", train.logits.dim().1)?;
    }
    Ok(())
}

fn class_weights(subject: &Subject, settings: &Settings, num_classes: usize) -> Result<ClassWeights> {
    let counts = match (&subject.train_counts, settings.weights) {
        (Some(counts), _) => counts.clone(),
        (None, WeightForm::None) => vec![1; num_classes],
        (None, form) => {
            return Err(AnalysisError::Usage {
                problem: format!(
                    "{}: the class weights (`weights` {form}) need the training samples of each class; give `train-counts`, `train-predictions` or `imbalance` (for predictions with `n-max`), or `weights` none",
                    subject.name
                ),
            });
        }
    };
    let weights = ClassWeights::new(&counts, settings.r0, settings.weights)?;
    let (least, greatest) = WEIGHT_RANGE;
    if let Some(weight) = weights.values().iter().find(|weight| !(least..=greatest).contains(*weight)) {
        let requirement = format!(
            "gives a class the weight {weight:e}, and weights are computed with from {least:e} to {greatest:e}"
        );
        return Err(SettingError::new("r0", format!("{:e}", settings.r0), requirement).into());
    }
    Ok(weights)
}

/// From ‖C_{S,g} Λ‖₂ on the training data to ‖C_DΛ‖₂ of the population.
fn step(
    train: &SplitReport,
    pairs: &[VectorPair],
    test: &AnalysedSplit,
    weights: &[f64],
    wce: Interval,
    settings: &Settings,
) -> Result<Step> {
    let held_out = test.report.hard.spectral_norm_weighted;
    let measured: Vec<TrainQuantity> = train
        .margins
        .iter()
        .map(|at| TrainQuantity {
            margin: at.margin,
            spectral_norm_weighted: at.norms.spectral_norm_weighted,
            test_minus_train: held_out.value - at.norms.spectral_norm_weighted.value,
        })
        .collect();
    let confused = test.confusion.non_zeros().map(|(i, j, _)| (i, j, test.counts.confusion_count(i, j)));
    let counts = WeightedConfusions::new(weights, test.counts.class_counts(), confused)?;
    // T6 is about one model; M models share delta as in T5.
    let delta = settings.delta / settings.models_compared as f64;
    let outcome = spectral_certificate(&counts, delta)?;
    let enclosure = Interval::new(held_out.lower, held_out.upper)?;
    let narrower = self_bounding_interval(&counts, enclosure, pairs, delta)?;
    let certificate = outcome
        .value()
        .zip(narrower.value())
        .map(|(radii, narrower)| {
            let population = radii.population(enclosure)?;
            Ok::<_, AnalysisError>(SpectralCertificate {
                radius_simple: radii.simple,
                radius_sharp: radii.sharp,
                interval: population.into(),
                self_bounding: (*narrower).into(),
                pairs: pairs.len(),
            })
        })
        .transpose()?;
    Ok(Step { train: measured, test: held_out, wce_interval: wce.into(), certificate, precondition: outcome.reason() })
}

/// The classes that each class is confused with most, in both directions.
fn class_confusions(counts: &MarginCounts) -> Vec<ClassConfusions> {
    let most = if counts.num_classes() > 1000 { 3 } else { 5 };
    let mut found = vec![ClassConfusions::default(); counts.num_classes()];
    for (predicted, true_class, samples) in counts.confusion_counts() {
        found[true_class].errors_to.push((predicted, samples));
        found[predicted].errors_from.push((true_class, samples));
    }
    for class in &mut found {
        for list in [&mut class.errors_to, &mut class.errors_from] {
            list.sort_unstable_by_key(|&(class, samples)| (std::cmp::Reverse(samples), class));
            list.truncate(most);
        }
    }
    found
}

/// All pairs of classes that are confused, unless they are too many to be listed.
fn confused(counts: &MarginCounts) -> Option<Vec<(usize, usize, u64)>> {
    let pairs = counts.confusion_counts().map(|(predicted, true_class, samples)| (true_class, predicted, samples));
    let mut pairs: Vec<_> = pairs.take(LISTED_PAIRS + 1).collect();
    pairs.sort_unstable();
    (pairs.len() <= LISTED_PAIRS).then_some(pairs)
}

fn most_confused(test: &AnalysedSplit, weights: &[f64], names: &[String]) -> Vec<Confusion> {
    let pair = test.report.top_pair.as_ref();
    let mut pairs: Vec<Confusion> = test
        .confusion
        .non_zeros()
        .map(|(predicted, true_class, rate)| Confusion {
            true_class,
            true_name: names[true_class].clone(),
            predicted,
            predicted_name: names[predicted].clone(),
            rate,
            count: test.counts.confusion_count(predicted, true_class),
            contribution_to_spectral_norm: pair
                .map_or(0.0, |pair| pair.left[predicted] * rate * weights[true_class] * pair.right[true_class]),
        })
        .collect();
    pairs.sort_by(|a, b| {
        let order = b.rate.total_cmp(&a.rate).then(b.count.cmp(&a.count));
        order.then((a.true_class, a.predicted).cmp(&(b.true_class, b.predicted)))
    });
    pairs.truncate(LISTED_CONFUSIONS);
    pairs
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use car_spectral::confusion::{MarginGrid, WeightForm};
    use car_spectral_formats::predictions::Logits;
    use ndarray::{Array1, array};

    use super::*;
    use crate::results::DataFile;
    use crate::subject::Scored;

    fn settings(r0: f64) -> Settings {
        Settings::new(MarginGrid::new(&[0.0]).unwrap(), r0, WeightForm::Paper, 0.05)
    }

    fn subject(logits: Logits, labels: Array1<usize>) -> Subject {
        let mut subject = Subject::new("a".to_owned(), Scored { logits, labels });
        subject.class_names = vec!["0".to_owned(), "1".to_owned()];
        subject.train_counts = Some(vec![30, 10]);
        let of =
            |role: &str, path: &str| DataFile { role: role.to_owned(), path: path.to_owned(), ..DataFile::default() };
        subject.source.files = vec![of("test counts", "test.counts"), of("train counts of margins", "train.counts")];
        subject
    }

    fn error(subject: &Subject, r0: f64) -> AnalysisError {
        verify(subject, &settings(r0), |_| ()).unwrap_err().of(subject.file())
    }

    #[test]
    fn an_r0_that_gives_no_weights_to_compute_with_is_called_so() {
        let mut subject = subject(Logits::F32(array![[1.0, 0.0], [0.0, 1.0]]), array![0, 1]);
        for r0 in [1e308, 1e201] {
            let error = error(&subject, r0);
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(error.to_string().starts_with("r0 = 1e") && error.to_string().len() < 120, "{error}");
        }
        subject.train_counts = Some(vec![30, 0]);
        assert!(error(&subject, 1e-300).to_string().starts_with("r0 = 1e-300: "));
        assert!(verify(&subject, &settings(0.2), |_| ()).is_ok());
    }

    #[test]
    fn a_split_without_samples_is_named_by_its_file() {
        let none = Arc::new(MarginCounts::new(2, &settings(0.2).grid).unwrap());
        let mut subject = subject(Logits::Counted(none.clone()), Array1::default(0));
        let said = "a data split without samples has no confusion matrix";
        assert_eq!(error(&subject, 0.2).to_string(), format!("test.counts: {said}"));
        subject.test = Scored { logits: Logits::F32(array![[1.0, 0.0]]), labels: array![0] };
        subject.train = Some(Scored { logits: Logits::Counted(none), labels: Array1::default(0) });
        assert_eq!(error(&subject, 0.2).to_string(), format!("train.counts: {said}"));
    }
}
