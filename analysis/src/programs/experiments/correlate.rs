//! The rank correlations over runs, from their logs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::say;
use car_spectral_formats::FileError;
use car_spectral_runs::terminal::tell;
use car_spectral_runs::{Description, Run, description};

use super::arguments::CorrelateArguments;
use super::rows::{folders_with_logs, save};
use crate::AnalysisError;
use crate::correlation::{self, Correlations, MeasuredOn, Predictor, Scope, ScopeCorrelations, Target};
use crate::load::training_run;
use crate::report::plots::{correlation_figures, is_correlation_stem};
use crate::results::TrainingRun;
use crate::words::{counted, decimals, fixed, in_code, in_markdown, level};

const LOG: &str = "metrics.jsonl";

/// Writes `correlations.md`, `correlations.json` and, for each training set, its plots.
///
/// # Errors
/// [`AnalysisError`] for files that cannot be read or written; [`AnalysisError::Mismatch`] for
/// fewer than three runs on every training set.
pub(super) fn write(arguments: &CorrelateArguments) -> Result<(), AnalysisError> {
    let (mut runs, mut seen) = (Vec::new(), BTreeMap::new());
    for path in &arguments.runs {
        for (log, description) in logs(path)? {
            let Some(described) = description::read_description(&description)? else {
                tell(format_args!("left out: {}, for it is not finished: no {}", log.display(), description.display()));
                continue;
            };
            let settings = settings(&described);
            let Some(run) = training_run(&log, described)? else {
                tell(format_args!("left out: {}, for it holds no epoch", log.display()));
                continue;
            };
            if let Some(first) = seen.insert(settings, log.clone()) {
                tell(format_args!("left out: {}, the same settings and seed as {}", log.display(), first.display()));
                continue;
            }
            runs.push(run);
        }
    }
    let found = correlation::correlations(&runs);
    let judged = |run: &TrainingRun| found.iter().any(|group| group.runs.contains(&run.name));
    for run in runs.iter().filter(|run| !judged(run)) {
        tell(format_args!(
            "left out: {}, for want of three runs with evaluations on its training images and with its weights Λ",
            run.log.path
        ));
    }
    if found.is_empty() {
        let problem = format!(
            "{} with an evaluated epoch; at least three on the same training images are needed to correlate",
            counted(runs.len(), "run", "runs")
        );
        return Err(AnalysisError::Mismatch { problem });
    }
    let text = markdown(&found, arguments);
    let json = serde_json::to_vec_pretty(&found).expect("correlations hold text and finite numbers");
    let mut files =
        vec![("correlations.md".to_owned(), text.clone().into_bytes()), ("correlations.json".to_owned(), json)];
    for figure in correlation_figures(&found, &runs) {
        files.push((format!("{}.svg", figure.stem), figure.svg()?.into_bytes()));
        files.push((format!("{}.png", figure.stem), figure.png()?));
    }
    save(&arguments.out, |path| Ok(path.is_file() && is_own_name(path)), &files)?;
    say(text);
    Ok(())
}

fn is_own_name(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension {
        "md" | "json" => stem == "correlations",
        "svg" | "png" => is_correlation_stem(stem),
        _ => false,
    }
}

/// What makes two runs repetitions of each other, which count once: everything but the machine.
fn settings(description: &Description) -> String {
    let run = Run { device: String::new(), threads: 0, commit: String::new(), epoch: 0, ..description.run.clone() };
    serde_json::to_string(&Description { run, ..description.clone() }).expect("plain data")
}

/// Logs, each with the description of its run.
fn logs(path: &Path) -> Result<Vec<(PathBuf, PathBuf)>, AnalysisError> {
    let of_folder = |folder: &Path| (folder.join(LOG), folder.join("model.json"));
    if path.is_file() && path.ends_with(LOG) {
        return Ok(vec![(path.to_owned(), path.with_file_name("model.json"))]);
    }
    if path.is_file() {
        return Ok(vec![(path.to_owned(), path.with_extension("json"))]);
    }
    if path.join(LOG).is_file() {
        return Ok(vec![of_folder(path)]);
    }
    let mut found: Vec<(PathBuf, PathBuf)> = folders_with_logs(path)?.iter().map(|folder| of_folder(folder)).collect();
    let unreadable = |source| FileError::Io { path: path.to_owned(), source };
    let mut loose = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|extension| extension == "jsonl") {
            loose.push((file.clone(), file.with_extension("json")));
        }
    }
    loose.sort();
    found.extend(loose);
    if found.is_empty() {
        let problem =
            format!("{}: no run in it: neither {LOG}, nor folders that have one, nor NAME.jsonl", path.display());
        return Err(AnalysisError::Mismatch { problem });
    }
    Ok(found)
}

fn markdown(found: &[Correlations], arguments: &CorrelateArguments) -> String {
    let given: Vec<String> = arguments.runs.iter().map(|path| path.display().to_string()).collect();
    let command = format!("experiments correlate {} --out {}", given.join(" "), arguments.out.display());
    let mut text = format!("Made by {}; do not edit.\n", in_code(&command));
    for group in found {
        let _ = writeln!(
            text,
            "\n## {}, {} training images in {} classes\n\n{}: {}.",
            in_markdown(&group.dataset),
            group.train_counts.iter().sum::<u64>(),
            group.train_counts.len(),
            counted(group.runs.len(), "run", "runs"),
            in_markdown(&group.runs.join(", "))
        );
        let surrogate = match group.surrogate {
            Some(options) => format!("C̃ is the surrogate with {options}, as it was logged"),
            None => "The runs' surrogates C̃ differ, so their norms are not compared".to_owned(),
        };
        let _ = writeln!(text, "{surrogate}.");
        for scope in &group.scopes {
            section(&mut text, scope, group.targets());
        }
        let _ = writeln!(
            text,
            "\nSpearman's ρ with mid-ranks [{} percentile interval: {} resamples of the runs, each with all of its epochs; \
             seed {}]. – : a variable is constant or missing, or for an interval: fewer than {} runs. The intervals hold one by one, not all at once.",
            level(group.level),
            group.resamples,
            group.seed,
            correlation::FEWEST_RUNS
        );
    }
    text
}

fn section(text: &mut String, scope: &ScopeCorrelations, targets: &[Target]) {
    let title = match scope.scope {
        Scope::AllEpochs => "All evaluated epochs",
        Scope::LastEpoch => "Last epochs",
    };
    let _ = writeln!(text, "\n### {title}: {}\n", counted(scope.points, "point", "points"));
    text.push_str(
        "| test error | measured on | ‖CΛ‖₂ | ‖C̃Λ‖₂ | overall error | loss |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for &target in targets {
        let range = scope.variables.iter().find(|variable| variable.name == format!("test {}", target.name()));
        let distinct = range.and_then(|range| Some((range.distinct?, range.lowest?, range.highest?)));
        let described = match distinct {
            Some((distinct, low, high)) => {
                format!(
                    "{}, {} from {} to {}",
                    target.name(),
                    counted(distinct, "value", "values"),
                    fixed(low, 4),
                    fixed(high, 4)
                )
            }
            None => format!("{}, not recorded", target.name()),
        };
        let three = |value| decimals(value, 3).replace('−', "-");
        for on in MeasuredOn::ALL {
            let _ = write!(text, "| {described} | {} |", on.name());
            for predictor in Predictor::ALL {
                let found = scope.of(predictor, on, target);
                let rho = found.and_then(|found| found.rho).map_or("–".to_owned(), three);
                let interval = found.and_then(|found| found.interval);
                let interval =
                    interval.map_or("[–]".to_owned(), |[low, high]| format!("[{}, {}]", three(low), three(high)));
                let _ = write!(text, " {rho} {interval} |");
            }
            text.push('\n');
        }
    }
    text.push('\n');
    for sentence in scope.sentences(targets) {
        let _ = writeln!(text, "- {sentence}");
    }
}
