//! Models, analysed and compared: the whole report of them.

use crate::results::{ModelFigures, ModelReport, Report, Settings, Warning};
use crate::subject::Subject;
use crate::{Result, compare, verify, warnings};

/// Analyses the models one by one and compares them: they share the delta of `settings`, and so do
/// their comparisons. Of `about` the report keeps who made it and
/// from what, the numbers come from `settings`. `named` writes a sentence whose settings are named
/// in backticks with the names that the reader knows. `progress` is told what is being done, in a
/// few words, before each part.
///
/// # Errors
/// What [`verify::verify`] and the comparisons say.
pub fn report(
    subjects: &[Subject],
    settings: verify::Settings,
    groups: &[compare::SeedGroup],
    about: Settings,
    named: &dyn Fn(&str) -> String,
    mut progress: impl FnMut(String),
) -> Result<(Report, Vec<ModelFigures>)> {
    let comparisons = compare::compared(subjects).len().max(1);
    let settings = verify::Settings { models_compared: subjects.len(), comparisons, ..settings };
    let mut alone = vec![Vec::new(); subjects.len()];
    for (model, warning) in compare::not_compared(subjects) {
        alone[model].push(warning);
    }
    let analysed = subjects.iter().zip(alone).map(|(subject, alone)| {
        model(subject, &settings, alone, named, |part| progress(format!("{}: {part}", subject.name)))
    });
    let (models, figures) = analysed.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    progress("comparisons".to_owned());
    let report = Report {
        settings: Settings {
            margins: settings.grid.margins().to_vec(),
            r0: settings.r0,
            weights: settings.weights.to_string(),
            delta: settings.delta,
            models_compared: settings.models_compared,
            ..about
        },
        models,
        comparisons: compare::compare(subjects, settings.delta)?,
        groups: compare::compare_groups(subjects, groups, settings.delta)?,
        ..Report::default()
    };
    Ok((report, figures))
}

/// Analyses one model. Of the warnings those of `alone` come last.
pub(crate) fn model(
    subject: &Subject,
    settings: &verify::Settings,
    alone: Vec<Warning>,
    named: &dyn Fn(&str) -> String,
    progress: impl FnMut(&str),
) -> Result<(ModelReport, ModelFigures)> {
    let found = verify::verify(subject, settings, progress).map_err(|error| error.of(subject.file()))?;
    let figures = ModelFigures { test_confusion: found.counts.confusion() };
    let mut warnings = warnings::of(subject, &found.counts, found.counts_of_training.as_ref());
    warnings.extend(alone);
    Ok((ModelReport::new(subject, found, warnings, named), figures))
}
