//! The columns of the table, and mean and standard deviation over seeds.

use car_spectral::longtail::Group;

use super::results::RunResults;
use crate::words::fixed;

/// How a column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A share, in per cent.
    Percent,
    /// A number.
    Number,
}

/// A column of the table.
pub(super) struct Metric {
    /// Name of the column in `table.csv` and `runs.csv`.
    pub id: &'static str,
    /// Name of the column in `table.md`.
    pub header: &'static str,
    pub form: Form,
    pub read: fn(&RunResults) -> Option<f64>,
}

/// All columns; those of a validation part stand in a table only if a run has one.
pub(super) const METRICS: [Metric; 23] = [
    metric("validation_accuracy", "overall, validation", Form::Percent, |run| run.validation.as_ref()?.accuracy),
    metric("validation_accuracy_macro", "macro, validation", Form::Percent, |run| {
        run.validation.as_ref()?.accuracy_macro
    }),
    metric("validation_accuracy_worst_tenth", "worst 10 %, validation", Form::Percent, |run| {
        Some(1.0 - run.validation.as_ref()?.worst_tenth_error?)
    }),
    metric("accuracy", "overall", Form::Percent, |run| run.classes.accuracy),
    metric("accuracy_many", "many", Form::Percent, |run| run.classes.group(Group::Many).micro),
    metric("accuracy_medium", "medium", Form::Percent, |run| run.classes.group(Group::Medium).micro),
    metric("accuracy_few", "few", Form::Percent, |run| run.classes.group(Group::Few).micro),
    metric("accuracy_many_macro", "many, macro", Form::Percent, |run| run.classes.group(Group::Many).macro_average),
    metric("accuracy_medium_macro", "medium, macro", Form::Percent, |run| {
        run.classes.group(Group::Medium).macro_average
    }),
    metric("accuracy_few_macro", "few, macro", Form::Percent, |run| run.classes.group(Group::Few).macro_average),
    metric("accuracy_macro", "macro", Form::Percent, |run| run.classes.accuracy_macro),
    metric("accuracy_worst_class", "worst class", Form::Percent, |run| Some(1.0 - run.classes.worst_class?.error)),
    metric("accuracy_worst_tenth", "worst 10 %", Form::Percent, |run| Some(1.0 - run.classes.worst_tenth_error?)),
    metric("worst_class_ratio", "WR", Form::Number, |run| run.classes.worst_class_ratio),
    metric("zero_accuracy_classes", "at 0 %", Form::Number, |run| Some(run.classes.zero_accuracy_classes.len() as f64)),
    metric("hard_norm_train", "‖CΛ‖₂ train", Form::Number, |run| Some(run.train.hard_spectral_norm)),
    metric("hard_norm_test", "‖CΛ‖₂ test", Form::Number, |run| Some(run.test.hard_spectral_norm)),
    metric("rms_weighted_error_test", "rms λe test", Form::Number, |run| Some(run.rms_weighted_error)),
    metric("surrogate_norm_train", "‖C̃Λ‖₂ train", Form::Number, |run| Some(run.train.surrogate_spectral_norm)),
    metric("surrogate_norm_test", "‖C̃Λ‖₂ test", Form::Number, |run| Some(run.test.surrogate_spectral_norm)),
    metric("soft_error_test", "soft error test", Form::Percent, |run| Some(run.softness.soft_error)),
    metric("confidence_test", "confidence test", Form::Percent, |run| Some(run.softness.confidence)),
    metric("step_milliseconds", "ms/step", Form::Number, |run| run.step_milliseconds),
];

const fn metric(id: &'static str, header: &'static str, form: Form, read: fn(&RunResults) -> Option<f64>) -> Metric {
    Metric { id, header, form, read }
}

/// A quantity over the seeds that have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub mean: f64,
    /// Sample standard deviation, sqrt(sum (x - mean)^2 / (n - 1)); `None` for n = 1.
    pub deviation: Option<f64>,
    /// n.
    pub seeds: usize,
}

impl Summary {
    /// Summarises the values; `None` without a value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let seeds = values.len();
        let mean = values.iter().sum::<f64>() / seeds as f64;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = (seeds > 1).then(|| (squares / (seeds - 1) as f64).sqrt());
        (seeds > 0).then_some(Self { mean, deviation, seeds })
    }

    /// `38.30`, `38.30 ± 0.25`; with the number of seeds where it is not that of the `runs`.
    pub fn written(&self, form: Form, runs: usize) -> String {
        let factor = if form == Form::Percent { 100.0 } else { 1.0 };
        let mut text = fixed(factor * self.mean, 2);
        if let Some(deviation) = self.deviation {
            text.push_str(&format!(" ± {}", fixed(factor * deviation, 2)));
        }
        if self.seeds < runs {
            text.push_str(&format!(" ({} of {runs})", self.seeds));
        }
        text
    }
}

impl Metric {
    /// The metric with this id.
    pub fn by_id(id: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.id == id)
    }

    /// Tells whether it is measured on the validation part.
    pub fn is_of_validation(&self) -> bool {
        self.id.starts_with("validation_")
    }

    /// The group whose macro average it is, as its micro average is called.
    pub fn macro_of(&self) -> Option<&'static str> {
        self.id.strip_suffix("_macro").filter(|id| !matches!(*id, "accuracy" | "validation_accuracy"))
    }

    /// Tells whether it is an accuracy, or said of accuracies.
    pub fn is_of_accuracy(&self) -> bool {
        self.is_of_validation()
            || self.id.starts_with("accuracy")
            || ["worst_class_ratio", "zero_accuracy_classes"].contains(&self.id)
    }

    /// Summarises the column over the runs that have it.
    pub fn summary(&self, runs: &[RunResults]) -> Option<Summary> {
        Summary::of(&runs.iter().filter_map(self.read).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn mean_and_sample_standard_deviation_by_hand() {
        // Deviations -2, 0, 2: variance 8 / 2.
        let found = Summary::of(&[0.36, 0.38, 0.40]).unwrap();
        assert_relative_eq!(found.mean, 0.38, max_relative = 1e-14);
        assert_relative_eq!(found.deviation.unwrap(), 0.02, max_relative = 1e-12);
        assert_eq!(found.written(Form::Percent, 3), "38.00 ± 2.00");
        assert_eq!(found.written(Form::Number, 4), "0.38 ± 0.02 (3 of 4)");
        assert_eq!(Summary::of(&[2.0]).unwrap().written(Form::Number, 1), "2.00");
        assert_eq!(Summary::of(&[]), None);
    }
}
