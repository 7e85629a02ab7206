//! `training_runs`: hard and surrogate spectral norms, weighted worst-class error and accuracies
//! over the epochs; `regulariser`: what runs with CAR record of the regulariser itself.

use std::collections::BTreeSet;

use car_spectral::car::CarOptions;

use super::Figure;
use super::over_epochs::{self, Panel, Read, with_values};
use crate::draw::scale::Notation;
use crate::results::{Report, TrainingRun};
use car_spectral_runs::log::EmaGap;

/// Both figures, as far as there is something to show.
pub(super) fn draw(report: &Report) -> Vec<Figure> {
    let evaluated: Vec<&TrainingRun> =
        report.runs.iter().filter(|run| run.epochs.iter().any(|epoch| epoch.test.is_some())).collect();
    let regularised: Vec<&TrainingRun> =
        report.runs.iter().filter(|run| run.epochs.iter().any(|epoch| epoch.car.is_some())).collect();
    let mut figures = Vec::new();
    if !evaluated.is_empty() {
        figures.extend(spectral_norms(&evaluated));
    }
    if !regularised.is_empty() {
        figures.extend(regulariser(&regularised));
    }
    figures
}

fn spectral_norms(runs: &[&TrainingRun]) -> Option<Figure> {
    let panels = with_values(
        runs,
        [
            panel(
                "‖CΛ‖₂, training images",
                Notation::Plain,
                |e| e.train.as_ref().map(|s| s.hard_spectral_norm),
                Some(|e| e.train.as_ref().map(|s| s.surrogate_spectral_norm)),
            ),
            panel(
                "‖CΛ‖₂, test images",
                Notation::Plain,
                |e| e.test.as_ref().map(|s| s.hard_spectral_norm),
                Some(|e| e.test.as_ref().map(|s| s.surrogate_spectral_norm)),
            ),
            panel("WCE = max λⱼ eⱼ, test", Notation::Plain, |e| e.test.as_ref().map(|s| s.wce), None),
            panel(
                "worst-class test error (%)",
                Notation::Percent,
                |e| e.test.as_ref().map(|s| s.worst_class_error),
                None,
            ),
            panel("test accuracy (%)", Notation::Percent, |e| e.test.as_ref().map(|s| s.accuracy), None),
            panel("test accuracy, few (%)", Notation::Percent, |e| e.test.as_ref().and_then(|s| s.few), None),
        ],
    );
    let caption = format!(
        "Weights as they stood at the end of the epoch, in evaluation mode and without augmentation. Hard: share predicted \
         i given true j; surrogate: its smooth stand-in C̃ over the whole split (D6). Λ and the surrogate are those of the \
         run's CAR options, in runs without those of the paper; here: {}. {}",
        surrogates(runs),
        described(runs)
    );
    let body = |layout| over_epochs::draw(runs, &panels, ["hard confusion matrix", "surrogate"], layout);
    (!panels.is_empty()).then(|| {
        Figure::of("training_runs", "Spectral norms and the worst class over training".to_owned(), caption, body)
    })
}

/// The options of the surrogates in the logs of runs, each once.
fn surrogates(runs: &[&TrainingRun]) -> String {
    let of_run = |run: &&TrainingRun| run.run.optimisation.objective.car.unwrap_or(CarOptions::paper()).surrogate;
    let mut all: Vec<String> = Vec::new();
    for surrogate in runs.iter().map(of_run) {
        let surrogate = surrogate.to_string();
        if !all.contains(&surrogate) {
            all.push(surrogate);
        }
    }
    all.join("; ")
}

fn regulariser(runs: &[&TrainingRun]) -> Option<Figure> {
    fn relative(gap: f64, of: f64) -> Option<f64> {
        (of > 0.0).then(|| gap / of)
    }
    fn few(gap: Option<EmaGap>) -> Option<f64> {
        gap.and_then(|gap| relative(gap.gap_few, gap.surrogate_few))
    }
    fn all(gap: Option<EmaGap>) -> Option<f64> {
        gap.and_then(|gap| relative(gap.gap, gap.surrogate))
    }
    let panels = with_values(
        runs,
        [
            panel(
                "gap ‖C̄ − C̃‖ / ‖C̃‖, few",
                Notation::Plain,
                |e| few(e.car.as_ref()?.gap_all_columns),
                Some(|e| few(e.car.as_ref()?.gap_present_columns)),
            ),
            panel(
                "gap ‖C̄ − C̃‖ / ‖C̃‖, all",
                Notation::Plain,
                |e| all(e.car.as_ref()?.gap_all_columns),
                Some(|e| all(e.car.as_ref()?.gap_present_columns)),
            ),
            panel("penalised norm of C̄Λ", Notation::Plain, |e| e.car.as_ref().map(|car| car.spectral), None),
            panel(
                "its gradient (logits)",
                Notation::Plain,
                |e| Some(e.car.as_ref()?.diagnosis.as_ref()?.gradient_norm),
                None,
            ),
            panel("cosine with the hard matrix", Notation::Plain, |e| e.car.as_ref()?.ema_hard_cosine, None),
            panel(
                "share of the step's time (%)",
                Notation::Percent,
                |e| Some(e.car.as_ref()?.diagnosis.as_ref()?.time_share),
                None,
            ),
        ],
    );
    let caption = format!(
        "Gaps: Frobenius distance of the moving average C̄ from the surrogate C̃ of the whole training set, over the columns \
         of classes with fewer than 20 training images and over all; both averages saw the same batches in every run, \
         whichever of them regularised. Gradient: Frobenius norm over the batch, mean over the steps, without α. Cosine: \
         of the gradient u vᵀ Λ of the average that regularises with that of the hard confusion matrix of the training \
         set. {}",
        described(runs)
    );
    let body = |layout| over_epochs::draw(runs, &panels, ["EMA of all columns (gaps)", "per-class EMA (gaps)"], layout);
    (!panels.is_empty()).then(|| Figure::of("regulariser", "The regulariser over training".to_owned(), caption, body))
}

fn panel(title: &'static str, notation: Notation, solid: Read, dashed: Option<Read>) -> Panel {
    Panel { title, notation, solid, dashed }
}

/// Architectures, training images and seeds.
fn described(runs: &[&TrainingRun]) -> String {
    fn list<T: Ord>(values: impl Iterator<Item = T>, write: impl Fn(T) -> String) -> String {
        values.collect::<BTreeSet<T>>().into_iter().map(write).collect::<Vec<_>>().join(", ")
    }
    let of_set = |run: &&TrainingRun| format!("{} on {}", run.architecture, run.dataset);
    let images = |run: &&TrainingRun| run.train_counts.iter().sum::<u64>();
    format!(
        "{}; {} training images; seeds {}.",
        list(runs.iter().map(of_set), |text| text),
        list(runs.iter().map(images), crate::words::grouped),
        list(runs.iter().map(|run| run.run.optimisation.seed), |seed| seed.to_string()),
    )
}
