//! Models, analysed and compared: the whole report of them.

use crate::results::{ModelFigures, Report, Settings};
use crate::subject::Subject;
use crate::{Result, compare, report, verify};

/// Settings of the analysis of these models together: they share delta, and so do their
/// comparisons.
#[must_use]
pub fn shared(settings: verify::Settings, subjects: &[Subject]) -> verify::Settings {
    let comparisons = compare::compared(subjects).len().max(1);
    verify::Settings { models_compared: subjects.len(), comparisons, ..settings }
}

/// Analyses the models one by one and compares them. Of `about` the report keeps who made it and
/// from what, the numbers come from `settings`. `progress` is told what is being done, in a few
/// words, before each part.
///
/// # Errors
/// What [`verify::verify`] and the comparisons say.
pub fn report(
    subjects: &[Subject],
    settings: &verify::Settings,
    groups: &[compare::SeedGroup],
    about: Settings,
    mut progress: impl FnMut(String),
) -> Result<(Report, Vec<ModelFigures>)> {
    let (mut models, mut figures) = (Vec::new(), Vec::new());
    for subject in subjects {
        let verified = verify::verify(subject, settings, |part| progress(format!("{}: {part}", subject.name)));
        let (model, figure) = verified.map_err(|error| error.of(subject.file()))?;
        models.push(model);
        figures.push(figure);
    }
    for (model, warning) in compare::not_compared(subjects) {
        models[model].warnings.push(warning);
    }
    models.iter_mut().for_each(report::put_into_words);
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
