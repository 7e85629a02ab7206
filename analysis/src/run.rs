//! One run of `analyze`: load, verify, write, print.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use car_spectral::confusion::MarginGrid;
use car_spectral_training::device::device_name;
use car_spectral_training::{COMMIT, TrainingError};
use indicatif::{ProgressBar, ProgressStyle};

use crate::AnalysisError;
use crate::arguments::{Arguments, GroupArgument};
use crate::report::{self, Report, Settings};
use crate::subject::Subject;
use crate::{compare, correlation, load, verify};

/// Below this no interval says anything, and its tails leave the range in which they are computed to full accuracy.
const SMALLEST_DELTA: f64 = 1e-12;

/// Runs the program: writes the results into `arguments.out`, the summary to stdout, progress to stderr.
///
/// # Errors
/// [`AnalysisError`]; nothing is written unless everything could be computed.
pub fn run(arguments: &Arguments) -> Result<(), AnalysisError> {
    check(arguments)?;
    let grid = MarginGrid::new(&arguments.margin)
        .map_err(|error| AnalysisError::Usage { problem: format!("--margin: {error}") })?;
    check_output(&arguments.out)?;
    let loaded = load::load(arguments)?;
    let settings = verify::Settings {
        grid,
        r0: arguments.r0,
        weights: arguments.weights,
        delta: arguments.delta,
        models_compared: loaded.subjects.len(),
        comparisons: compare::compared(&loaded.subjects).len().max(1),
    };
    let spinner = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("a valid template"));
    spinner.enable_steady_tick(Duration::from_millis(200));
    let (mut models, mut figures) = (Vec::new(), Vec::new());
    for subject in &loaded.subjects {
        let (model, figure) =
            verify::verify(subject, &settings, |part| spinner.set_message(format!("{}: {part}", subject.name)))?;
        models.push(model);
        figures.push(figure);
    }
    spinner.set_message("comparisons");
    let groups = seed_groups(&arguments.group, &loaded.subjects)?;
    let report = Report {
        settings: Settings {
            margins: settings.grid.margins().to_vec(),
            r0: settings.r0,
            weights: settings.weights.to_string(),
            delta: settings.delta,
            models_compared: settings.models_compared,
            device: loaded.device.map(device_name),
            preprocessing: loaded.preprocessing,
            program: "analyze".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: Some(COMMIT.to_owned()).filter(|commit| commit != "unknown"),
            command_line: std::env::args().collect(),
            data: loaded.data,
        },
        comparisons: compare::compare(&loaded.subjects, settings.delta)?,
        groups: compare::compare_groups(&loaded.subjects, &groups, settings.delta)?,
        models,
        correlations: correlation::correlations(&loaded.runs),
        runs: loaded.runs,
        ..Report::default()
    };
    spinner.set_message("plots and tables");
    let written = report::write(&report, &figures, &arguments.out, &arguments.format)?;
    spinner.finish_and_clear();
    print_summary(&format!(
        "{}\n{} in {}",
        report::summary_table(&report),
        report::counted(written.len(), "file", "files"),
        arguments.out.display()
    ))
}

/// The groups with their models found by name, or by a file or the folder of it as given.
fn seed_groups(groups: &[GroupArgument], subjects: &[Subject]) -> Result<Vec<compare::SeedGroup>, AnalysisError> {
    let find = |group: &str, wanted: &str| {
        let named = |subject: &Subject| {
            subject.name == wanted
                || subject.source.files.iter().any(|file| {
                    let path = Path::new(&file.path);
                    path == Path::new(wanted) || path.parent() == Some(Path::new(wanted))
                })
        };
        subjects.iter().position(named).ok_or_else(|| {
            let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
            AnalysisError::Usage {
                problem: format!("--group {group}: no model is called {wanted}; there are {}", names.join(", ")),
            }
        })
    };
    groups
        .iter()
        .map(|group| {
            let models = group.models.iter().map(|model| find(&group.name, model)).collect::<Result<_, _>>()?;
            Ok(compare::SeedGroup { name: group.name.clone(), models })
        })
        .collect()
}

/// A reader that closed the pipe has seen enough; any other failure of stdout is an error, with the files in place.
fn print_summary(text: &str) -> Result<(), AnalysisError> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result
            .map_err(|source| AnalysisError::Training(TrainingError::Io { path: "standard output".into(), source })),
    }
}

/// Finds an unwritable --out before hours are spent: a file that vanishes again is made in the nearest folder there is.
fn check_output(out: &Path) -> Result<(), AnalysisError> {
    let folder = out.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let refused = |source| AnalysisError::Training(TrainingError::Io { path: out.to_owned(), source });
    tempfile::tempfile_in(folder).map(drop).map_err(refused)
}

fn check(arguments: &Arguments) -> Result<(), AnalysisError> {
    let usage = |problem: String| Err(AnalysisError::Usage { problem });
    if !(arguments.delta >= SMALLEST_DELTA && arguments.delta < 1.0) {
        return usage(format!(
            "--delta {:e}: give a probability of at least {SMALLEST_DELTA:e} and below 1",
            arguments.delta
        ));
    }
    if !(arguments.r0.is_finite() && arguments.r0 >= 0.0) {
        return usage(format!("--r0 {}: give a finite number that is not negative", arguments.r0));
    }
    if !arguments.checkpoint.is_empty() && arguments.data.is_none() {
        return usage(
            "--checkpoint needs images to run on: --data cifar100:DIR, cifar10:DIR or fashion-mnist:DIR".into(),
        );
    }
    let (test, train) = (arguments.predictions.len(), arguments.train_predictions.len());
    if train != 0 && train != test {
        return usage(format!("{train} files in --train-predictions for {test} in --predictions; give one for each"));
    }
    Ok(())
}
