//! `training_runs`: hard and surrogate spectral norms, weighted worst-class error and accuracies over the epochs;
//! `regulariser`: what runs with CAR record of the regulariser itself.

use std::collections::BTreeSet;

use super::Figure;
use super::over_epochs::{self, Panel};
use crate::draw::scale::Notation;
use crate::report::{Report, TrainingRun};
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
    let panels = [
        Panel {
            title: "‖CΛ‖₂, training images",
            notation: Notation::Plain,
            solid: |e| e.train.as_ref().map(|s| s.hard_spectral_norm),
            dashed: Some(|e| e.train.as_ref().map(|s| s.surrogate_spectral_norm)),
        },
        Panel {
            title: "‖CΛ‖₂, test images",
            notation: Notation::Plain,
            solid: |e| e.test.as_ref().map(|s| s.hard_spectral_norm),
            dashed: Some(|e| e.test.as_ref().map(|s| s.surrogate_spectral_norm)),
        },
        Panel {
            title: "WCE = max λⱼ eⱼ, test",
            notation: Notation::Plain,
            solid: |e| e.test.as_ref().map(|s| s.wce),
            dashed: None,
        },
        Panel {
            title: "worst-class test error (%)",
            notation: Notation::Percent,
            solid: |e| e.test.as_ref().map(|s| s.worst_class_error),
            dashed: None,
        },
        Panel {
            title: "test accuracy (%)",
            notation: Notation::Percent,
            solid: |e| e.test.as_ref().map(|s| s.accuracy),
            dashed: None,
        },
        Panel {
            title: "test accuracy, few (%)",
            notation: Notation::Percent,
            solid: |e| e.test.as_ref().and_then(|s| s.few),
            dashed: None,
        },
    ];
    Some(Figure {
        stem: "training_runs".into(),
        title: "Spectral norms and the worst class over training".into(),
        caption: format!(
            "Weights as they stood at the end of the epoch, in evaluation mode and without augmentation. Hard: share predicted \
             i given true j; surrogate: its smooth stand-in C̃ over the whole split (D6). Λ and the surrogate are those of the \
             run's CAR options, or of the paper in runs without. {}",
            described(runs)
        ),
        body: over_epochs::draw(runs, &panels, ["hard confusion matrix", "surrogate"])?,
    })
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
    let panels = [
        Panel {
            title: "gap ‖C̄ − C̃‖ / ‖C̃‖, few",
            notation: Notation::Plain,
            solid: |e| few(e.car.as_ref()?.gap_all_columns),
            dashed: Some(|e| few(e.car.as_ref()?.gap_present_columns)),
        },
        Panel {
            title: "gap ‖C̄ − C̃‖ / ‖C̃‖, all",
            notation: Notation::Plain,
            solid: |e| all(e.car.as_ref()?.gap_all_columns),
            dashed: Some(|e| all(e.car.as_ref()?.gap_present_columns)),
        },
        Panel {
            title: "penalised norm of C̄Λ",
            notation: Notation::Plain,
            solid: |e| e.car.as_ref().map(|car| car.spectral),
            dashed: None,
        },
        Panel {
            title: "its gradient (logits)",
            notation: Notation::Plain,
            solid: |e| Some(e.car.as_ref()?.diagnosis.as_ref()?.gradient_norm),
            dashed: None,
        },
        Panel {
            title: "cosine with the hard matrix",
            notation: Notation::Plain,
            solid: |e| e.car.as_ref()?.ema_hard_cosine,
            dashed: None,
        },
        Panel {
            title: "share of the step's time (%)",
            notation: Notation::Percent,
            solid: |e| Some(e.car.as_ref()?.diagnosis.as_ref()?.time_share),
            dashed: None,
        },
    ];
    Some(Figure {
        stem: "regulariser".into(),
        title: "The regulariser over training".into(),
        caption: format!(
            "Gaps: Frobenius distance of the moving average C̄ from the surrogate CÌ of the whole training set, over the columns \
             of classes with fewer than 20 training images and over all; both averages saw the same batches in every run, \
             whichever of them regularised. Gradient: Frobenius norm over the batch, mean over the steps, without α. Cosine: \
             of the gradient u vᵀ Λ of the average that regularises with that of the hard confusion matrix of the training \
             set. {}",
            described(runs)
        ),
        body: over_epochs::draw(runs, &panels, ["EMA of all columns (gaps)", "per-class EMA (gaps)"])?,
    })
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
        list(runs.iter().map(|run| run.run.seed), |seed| seed.to_string()),
    )
}
