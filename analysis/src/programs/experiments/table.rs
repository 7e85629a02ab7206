//! The table: a row for each experiment, mean and standard deviation over the seeds that are
//! finished.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::say;
use car_spectral::car::CarOptions;
use car_spectral_runs::Description;

use super::arguments::TableArguments;
use super::chart;
use super::differences::{self, RowDifference};
use super::metric::{METRICS, Metric};
use super::results::RunResults;
use super::rows::{Row, check_same_data, collect, save, seeds};
use crate::AnalysisError;
use crate::report::ReportError;
use crate::spreadsheet;
use crate::words::{counted, in_code, in_markdown, readable};

const FILES: [&str; 5] = ["table.md", "table.csv", "runs.csv", "table.svg", "table.png"];

/// Writes `table.md`, `table.csv`, `runs.csv`, `table.svg` and `table.png`, in one step, and prints
/// the table.
///
/// # Errors
/// [`AnalysisError`] for files that cannot be read or written, and for runs that were not trained
/// or tested on the same images: they are no rows of one table.
pub(super) fn write(arguments: &TableArguments) -> Result<(), AnalysisError> {
    if !arguments.experiments.is_dir() {
        let problem =
            format!("{}: no folder; give the folder of the experiment files", arguments.experiments.display());
        return Err(AnalysisError::Usage { problem });
    }
    let rows = collect(&arguments.experiments, &arguments.runs)?;
    check_same_data(&rows)?;
    let out = arguments.out.as_ref().unwrap_or(&arguments.experiments);
    let differences = differences::of(&rows, DELTA)?;
    let markdown = markdown(&rows, &differences, arguments);
    let figure = chart::draw(&rows);
    let texts = [markdown.clone().into_bytes(), table_csv(&rows, &differences)?, runs_csv(&rows)?];
    let contents = texts.into_iter().chain([figure.svg()?.into_bytes(), figure.png()?]);
    let files: Vec<(String, Vec<u8>)> = FILES.iter().map(|&name| name.to_owned()).zip(contents).collect();
    save(out, |path| Ok(path.is_file() && FILES.iter().any(|name| path.ends_with(name))), &files)?;
    say(markdown);
    Ok(())
}

/// The metrics that stand in a table: those of a validation part only if a run has one, a group's
/// macro average only if it is not the micro average in every run.
fn columns(rows: &[Row]) -> Vec<&'static Metric> {
    let runs = || rows.iter().flat_map(|row| &row.runs);
    let held_out = runs().any(|run| run.validation.is_some());
    let is_told_apart = |metric: &Metric| {
        let Some(micro) = metric.macro_of().and_then(Metric::by_id) else { return true };
        runs().any(|run| (metric.read)(run).zip((micro.read)(run)).is_some_and(|(a, b)| (a - b).abs() > 1e-12))
    };
    METRICS.iter().filter(|metric| (held_out || !metric.is_of_validation()) && is_told_apart(metric)).collect()
}

fn markdown(rows: &[Row], differences: &[RowDifference], arguments: &TableArguments) -> String {
    let columns = columns(rows);
    let folder = arguments.experiments.display();
    let runs = arguments.runs.display();
    let out = arguments.out.as_ref().map_or(String::new(), |out| format!(" --out {}", out.display()));
    let command = in_code(&format!("experiments table {folder} --runs {runs}{out}"));
    let mut text = format!("Made by {command}; do not edit.\n\nAccuracies:\n\n");
    let (accuracies, others): (Vec<&Metric>, Vec<&Metric>) =
        columns.into_iter().partition(|metric| metric.is_of_accuracy());
    push_table(&mut text, rows, &accuracies);
    text.push_str("\nNorms, and what moves them:\n\n");
    push_table(&mut text, rows, &others);
    differences::push(&mut text, differences, DELTA);
    text.push_str(&notes());
    text.push_str(&provenance(rows));
    text.push_str("\nThe runs, missing ones included:\n\n```text\n");
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.plan.experiment.data.name()).collect();
    let data: Vec<String> = kinds.iter().map(|kind| format!("{kind}:DIR")).collect();
    let command = format!("experiments run {folder} --data {} --runs {runs}", data.join(" "));
    let _ = writeln!(text, "{}\n", readable(&command));
    for row in rows {
        let data = format!("{}:DIR", row.plan.experiment.data.name());
        for &seed in &row.plan.experiment.seeds {
            let stopped = row.stopped.iter().find(|(stopped, _)| *stopped == seed);
            let state = match (row.run(seed), stopped) {
                (Some(_), _) => String::new(),
                (None, Some((_, epoch))) => format!("  # stopped after {epoch} of {} epochs", row.plan.epochs),
                (None, None) => "  # not run".to_owned(),
            };
            let command = row.plan.arguments(&data, &arguments.runs, seed);
            let command = shlex::try_join(command.iter().map(String::as_str)).unwrap_or_else(|_| command.join(" "));
            let _ = writeln!(text, "train {}{state}", readable(&command));
        }
    }
    text.push_str("```\n");
    text
}

fn push_table(text: &mut String, rows: &[Row], columns: &[&Metric]) {
    text.push_str("| method | seeds |");
    for metric in columns {
        let _ = write!(text, " {} |", metric.header);
    }
    text.push_str("\n| --- | --- |");
    text.push_str(&" ---: |".repeat(columns.len()));
    text.push('\n');
    for row in rows {
        let mixture = row.mixture().map_or(String::new(), |mixture| format!(" ({})", in_markdown(&mixture)));
        let seeds =
            match (seeds(row.runs.iter().map(|run| run.description.run.optimisation.seed).collect()), &row.stopped[..])
            {
                (done, _) if !done.is_empty() => done + &mixture,
                (_, [(_, epoch), ..]) => format!("stopped after {epoch} of {}", row.plan.epochs),
                _ => "not run".to_owned(),
            };
        let _ = write!(text, "| {} | {seeds} |", in_markdown(&row.plan.experiment.title));
        for metric in columns {
            let shown = metric.summary(&row.runs).map(|summary| summary.written(metric.form, row.runs.len()));
            let _ = write!(text, " {} |", shown.unwrap_or_else(|| "–".to_owned()));
        }
        text.push('\n');
    }
}

/// Every interval of the differences holds with probability at least 1 − this.
const DELTA: f64 = 0.05;

/// What the columns are.
fn notes() -> String {
    let surrogate = CarOptions::paper().surrogate;
    format!(
        "
Last epoch, or where an experiment says `select = \"best\"` its best by the validation part; nothing is selected by test images. Mean ± sample standard deviation over the seeds; of one seed no deviation. Accuracies in % on the
test images. Many, medium, few: classes with more than 100, 20 to 100, fewer than 20 training images; micro, the share of
the group's test images, and macro, the mean over its classes, where the two are not the same in every run. Macro: mean of all class accuracies. Worst
10 %: mean accuracy of the worst ⌈K/10⌉ classes. WR: test over training accuracy of the worst test class; – where no training
image of it is right. At 0 %: number of classes without one test image right. ‖CΛ‖₂: of the hard confusion matrix; rms λe: root mean square
of the weighted class errors, below which these errors do not let ‖CΛ‖₂ fall, nearly reached where they spread evenly; ‖C̃Λ‖₂: of
the surrogate over the whole split; all with Λ (r₀ 0.2) and surrogate of the paper
({surrogate}) for every row, in evaluation mode, train: on the training
subset. Soft error: mean column sum of the surrogate, which falls, too, where logits shrink; confidence: mean largest softmax probability;
both in %. ms/step: training step, median over epochs, as the machine was then. Validation: the part of each class's training images that was held out.
"
    )
}

/// Where the numbers are from, each thing once.
fn provenance(rows: &[Row]) -> String {
    let runs: Vec<&Description> = rows.iter().flat_map(|row| &row.runs).map(|run| &run.description).collect();
    let Some(first) = runs.first() else { return "\nNo run is finished.\n".to_owned() };
    let all = |read: &dyn Fn(&Description) -> String| {
        let found: BTreeSet<String> = runs.iter().map(|run| read(run)).collect();
        found.into_iter().collect::<Vec<_>>().join(", ")
    };
    let data = &first.data;
    format!(
        "\n{} of {} planned. Data {}, {} training images; SHA-256 of training files {}, test files {}, chosen \
         indices {}. Commits {}; devices {}; CPU threads {}.\n",
        counted(runs.len(), "run", "runs"),
        rows.iter().map(|row| row.plan.experiment.seeds.len()).sum::<usize>(),
        data.kind.name(),
        data.class_counts.iter().sum::<u64>(),
        in_code(&data.train_sha256),
        in_code(&data.test_sha256),
        if runs.iter().all(|run| run.data.indices_sha256 == data.indices_sha256) {
            in_code(&data.indices_sha256)
        } else {
            "each seed's own, in the run's description".to_owned()
        },
        all(&|run| in_markdown(&run.run.commit)),
        all(&|run| in_markdown(&run.run.device)),
        all(&|run| run.run.threads.to_string()),
    )
}

fn csv(header: Vec<String>, records: Vec<Vec<String>>) -> Result<Vec<u8>, AnalysisError> {
    Ok(spreadsheet::csv(std::iter::once(header).chain(records)).map_err(ReportError::Csv)?)
}

fn text(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// A line for each experiment: mean, standard deviation and number of seeds of each metric, and the
/// difference from the experiment that it is compared with.
fn table_csv(rows: &[Row], differences: &[RowDifference]) -> Result<Vec<u8>, AnalysisError> {
    let columns = columns(rows);
    let mut header = ["experiment", "title", "runs"].map(str::to_owned).to_vec();
    for metric in &columns {
        header.extend(["mean", "sd", "n"].map(|part| format!("{}_{part}", metric.id)));
    }
    header.extend(differences::COLUMNS.map(str::to_owned));
    let record = |row: &Row| {
        let mut record = vec![row.plan.name.clone(), row.plan.experiment.title.clone(), row.runs.len().to_string()];
        for metric in &columns {
            let found = metric.summary(&row.runs);
            record.push(text(found.map(|found| found.mean)));
            record.push(text(found.and_then(|found| found.deviation)));
            record.push(found.map_or(0, |found| found.seeds).to_string());
        }
        record.extend(differences::values(row, differences));
        record
    };
    csv(header, rows.iter().map(record).collect())
}

/// A line for each run that is finished.
fn runs_csv(rows: &[Row]) -> Result<Vec<u8>, AnalysisError> {
    let mut header = ["experiment", "seed", "commit", "device", "threads", "epochs"].map(str::to_owned).to_vec();
    let columns = columns(rows);
    header.extend(columns.iter().map(|metric| metric.id.to_owned()));
    let record = |row: &Row, run: &RunResults| {
        let settings = &run.description.run;
        let mut record = vec![
            row.plan.name.clone(),
            settings.optimisation.seed.to_string(),
            settings.commit.clone(),
            settings.device.clone(),
            settings.threads.to_string(),
            settings.optimisation.epochs.to_string(),
        ];
        record.extend(columns.iter().map(|metric| text((metric.read)(run))));
        record
    };
    csv(header, rows.iter().flat_map(|row| row.runs.iter().map(|run| record(row, run))).collect())
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::text as experiment;
    use super::*;

    #[test]
    fn foreign_text_stands_for_itself() {
        let root = tempfile::tempdir().unwrap();
        let experiments = root.path().join("a`b");
        std::fs::create_dir(&experiments).unwrap();
        let file = experiments.join("c\u{1b}[31m\u{202e}.toml");
        std::fs::write(file, experiment("<script>\u{202e}|x_y", "[0]", "epochs = 2")).unwrap();
        let (runs, out) = (root.path().join("r\u{9b}"), root.path().join("out"));
        let rows = collect(&experiments, &runs).unwrap();
        let markdown = markdown(&rows, &[], &TableArguments { experiments, runs, out: Some(out) });
        let csv = [table_csv(&rows, &[]), runs_csv(&rows)].map(|csv| String::from_utf8(csv.unwrap()).unwrap());
        for text in [&markdown, &csv[0], &csv[1]] {
            assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text}");
        }
        assert!(csv[0].contains(",<script>\u{fffd}|x_y,") && !markdown.contains("<script>"), "{markdown}");
        assert!(markdown.starts_with("Made by `` experiments table ") && markdown.contains(" ``; do not edit."));
        assert!(markdown.contains("| &lt;script\\>\u{fffd}\\|x\\_y | not run |"), "{markdown}");
    }
}
