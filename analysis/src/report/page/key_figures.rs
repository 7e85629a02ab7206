//! The figures of a model that are read first, as tiles.

use serde::Serialize;

use crate::report::headline::{called, worst_classes};
use crate::report::tables::dash;
use crate::results::{GroupAccuracy, ModelReport, Settings, TestReport};
use crate::words::{grouped, level, percent, percent_range, unbroken};

/// One key figure.
#[derive(Serialize)]
pub(super) struct KeyFigure {
    label: &'static str,
    value: String,
    note: String,
}

const GROUPS: &str = "the classes with more than 100, 20 to 100 and fewer than 20 training samples";

/// The accuracies of the groups, as means over classes, and what they are; those over images where
/// they differ.
fn group_figures(test: &TestReport) -> (String, String) {
    let bare = |share: f64| percent(share).trim_end_matches(" %").to_owned();
    let groups = |accuracy: fn(GroupAccuracy) -> f64| {
        let shown = [test.many, test.medium, test.few].map(|group| dash(group.map(|group| bare(accuracy(group)))));
        format!("{} %", shown.join(" / "))
    };
    let (by_class, by_image) = (groups(|group| group.accuracy_macro), groups(|group| group.accuracy));
    let note = if by_class == by_image {
        format!("test accuracy of {GROUPS}")
    } else {
        format!("test accuracy of {GROUPS}, mean over classes; over samples {by_image}")
    };
    (by_class, note)
}

/// The worst class, the error of whichever class it is, the accuracies.
pub(super) fn key_figures(settings: &Settings, model: &ModelReport) -> Vec<KeyFigure> {
    let test = &model.test;
    let k = grouped(model.num_classes as u64);
    let mut figures = Vec::new();
    let mut put = |label: &'static str, value: String, note: String| {
        figures.push(KeyFigure { label, value: unbroken(&value), note: unbroken(&note) })
    };
    if let Some(worst) = &test.worst_class {
        let note = match worst_classes(model).len() {
            1 => called(model, worst.index),
            tied => format!("{} classes tie", grouped(tied as u64)),
        };
        put("Worst class, measured error", percent(worst.error), note);
        let found = &test.max_error;
        let note = match found.candidates.len() {
            1 => format!("none has a larger error than {}", called(model, found.candidates[0])),
            all if all == model.num_classes => "it can be any class".to_owned(),
            classes => format!("one of {} classes has it", grouped(classes as u64)),
        };
        let note = format!("with probability {} (T5'); {note}", level(1.0 - settings.delta));
        put("Worst class, whichever it is, true error", percent_range(found.interval), note);
    }
    let by_class = test.accuracy_macro.map_or(String::new(), |by_class| match percent(by_class) {
        same if same == percent(test.split.accuracy) => "of all samples, and in the mean over classes".to_owned(),
        other => format!("mean over classes: {other}"),
    });
    put("Test accuracy", percent(test.split.accuracy), by_class);
    if model.groups.is_some() {
        let (value, note) = group_figures(test);
        put("Many / medium / few", value, note);
    }
    if let (Some(tenth), Some([_, lower, median, upper, _])) = (test.worst_tenth_error, test.class_error_quantiles) {
        let [lower, median, upper] = [lower, median, upper].map(percent);
        let note = format!("mean; of all class errors the quartiles are {lower}, {median} and {upper}");
        put("Error of the worst tenth of the classes", percent(tenth), note);
    }
    let never = test.zero_accuracy_classes.len();
    if never > 0 {
        put("Classes never right", grouped(never as u64), format!("of {k} classes, on test data"));
    }
    let missing = test.split.classes_without_samples();
    if missing > 0 {
        let note = format!("of {k} classes; their errors are not estimated");
        put("Classes without test samples", grouped(missing as u64), note);
    }
    figures
}
