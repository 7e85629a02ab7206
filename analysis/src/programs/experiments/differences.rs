//! The differences between rows: what another seed would bring (T9, paired by seed), and what holds
//! of these very networks (T8, T9). The two are never joined into one interval.

use std::fmt::Write as _;

use car_spectral::bounds::{
    ComparisonVerdict, Interval, NetworksDifference, PairedCounts, SeedComparison, networks_difference, paired_seeds,
};

use super::results::RunResults;
use super::rows::{Row, seeds};
use crate::AnalysisError;
use crate::words::{decimals, in_markdown};

/// A row against another, over the seeds that both have.
pub(super) struct RowDifference<'a> {
    row: &'a Row,
    against: &'a Row,
    seeds: Vec<u64>,
    /// Of the worst class's error; none for one seed.
    worst_class: Option<SeedComparison>,
    /// Of the share of test images that are wrong; none for one seed.
    overall: Option<SeedComparison>,
    /// Of the worst class's error, the mean over these networks, as measured.
    measured: f64,
    /// The same, where it lies for other test images.
    networks: NetworksDifference,
}

/// The differences of rows from those that they are compared with, each interval at 1 − `delta`;
/// none where no two rows share a seed.
///
/// # Errors
/// [`AnalysisError::Mismatch`] for an `against` that names no row, or runs of one seed with other
/// test labels; those of numbers that the bounds refuse.
pub(super) fn of(rows: &[Row], delta: f64) -> Result<Vec<RowDifference<'_>>, AnalysisError> {
    let mut found = Vec::new();
    for row in rows {
        let against = against(row, rows)?;
        if against.stem() != row.stem() {
            found.extend(difference(row, against, delta)?);
        }
    }
    Ok(found)
}

/// Names of what [`values`] gives.
pub(super) const COLUMNS: [&str; 14] = [
    "against",
    "paired_seeds",
    "worst_class_difference",
    "worst_class_lower",
    "worst_class_upper",
    "worst_class_verdict",
    "overall_difference",
    "overall_lower",
    "overall_upper",
    "overall_verdict",
    "these_networks_difference",
    "these_networks_lower",
    "these_networks_upper",
    "these_networks_verdict",
];

/// The difference of a row for a CSV file: of errors, as shares; empty where there is none.
pub(super) fn values(row: &Row, found: &[RowDifference]) -> Vec<String> {
    let Some(found) = found.iter().find(|found| found.row.stem() == row.stem()) else {
        return vec![String::new(); COLUMNS.len()];
    };
    let judged = |difference: f64, interval: Option<Interval>, verdict: ComparisonVerdict| {
        let end = |of: fn(Interval) -> f64| interval.map_or(String::new(), |interval| of(interval).to_string());
        [difference.to_string(), end(|interval| interval.lower), end(|interval| interval.upper), verdict.to_string()]
    };
    let over_seeds = |found: Option<SeedComparison>| match found {
        Some(found) => judged(found.difference, (found.standard_error > 0.0).then_some(found.interval), found.verdict),
        None => Default::default(),
    };
    let networks = judged(found.measured, Some(found.networks.interval), found.networks.verdict);
    let mut values = vec![found.against.plan.name.clone(), found.seeds.len().to_string()];
    values.extend([over_seeds(found.worst_class), over_seeds(found.overall), networks].into_iter().flatten());
    values
}

/// Adds the differences to the text of a table; nothing where there are none.
pub(super) fn push(text: &mut String, found: &[RowDifference], delta: f64) {
    if found.is_empty() {
        return;
    }
    let percent = 100.0 * (1.0 - delta);
    let _ = write!(
        text,
        "\nDifferences of errors in points, below 0 is better, each interval at {percent} %. Over seeds: would training again \
         from another seed say the same on these test images (Student over paired seeds)? These networks: would other test \
         images say the same of these very networks?\n\n\
         | method | against | seeds | worst class, over seeds | all images, over seeds | worst class, these networks |\n\
         | --- | --- | --- | --- | --- | --- |\n"
    );
    for RowDifference { row, against, seeds: paired, worst_class, overall, measured, networks } in found {
        let over_seeds = |found: &Option<SeedComparison>| match found {
            Some(found) if found.standard_error > 0.0 => written(found.difference, found.interval, found.verdict),
            Some(found) => format!("{} with every seed, undecided", points(found.difference)),
            None => "one seed".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            in_markdown(&row.plan.experiment.title),
            in_markdown(&against.plan.experiment.title),
            seeds(paired.clone()),
            over_seeds(worst_class),
            over_seeds(overall),
            written(*measured, networks.interval, networks.verdict),
        );
    }
}

/// `−3.0`: a share in points.
fn points(share: f64) -> String {
    decimals(100.0 * share, 1)
}

/// `−3.0 [−4.0, −2.0], better`.
fn written(difference: f64, interval: Interval, verdict: ComparisonVerdict) -> String {
    let verdict = match verdict {
        ComparisonVerdict::Better => "**better**",
        ComparisonVerdict::Worse => "**worse**",
        ComparisonVerdict::Undecided => "undecided",
    };
    format!("{} [{}, {}], {verdict}", points(difference), points(interval.lower), points(interval.upper))
}

fn against<'a>(row: &Row, rows: &'a [Row]) -> Result<&'a Row, AnalysisError> {
    let Some(wanted) = &row.plan.experiment.against else { return Ok(&rows[0]) };
    rows.iter().find(|other| other.stem() == wanted).ok_or_else(|| AnalysisError::Mismatch {
        problem: format!("{}: against = \"{wanted}\" names no experiment of the folder", row.plan.file.path.display()),
    })
}

fn difference<'a>(row: &'a Row, against: &'a Row, delta: f64) -> Result<Option<RowDifference<'a>>, AnalysisError> {
    let pairs: Vec<(&RunResults, &RunResults)> =
        row.runs.iter().filter_map(|run| Some((run, against.run(run.description.run.optimisation.seed)?))).collect();
    if pairs.is_empty() {
        return Ok(None);
    }
    let worst_class = |run: &RunResults| run.classes.worst_class.map_or(0.0, |worst| worst.error);
    let over_seeds = |error: &dyn Fn(&RunResults) -> f64| -> Result<Option<SeedComparison>, AnalysisError> {
        let differences: Vec<f64> = pairs.iter().map(|(run, other)| error(run) - error(other)).collect();
        Ok(if differences.len() < 2 { None } else { Some(paired_seeds(&differences, delta)?) })
    };
    let counts: Vec<PairedCounts> = pairs
        .iter()
        .map(|(run, other)| {
            let ((predicted, labels), (others, their_labels)) = (&run.predicted, &other.predicted);
            if labels != their_labels {
                let (row, against, seed) =
                    (&row.plan.experiment.title, &against.plan.experiment.title, run.description.run.optimisation.seed);
                let problem =
                    format!("seed {seed} of {row} and of {against}: test.npz holds other images, or another order");
                return Err(AnalysisError::Mismatch { problem });
            }
            Ok(PairedCounts::from_predictions(predicted, others, labels, run.description.data.class_counts.len())?)
        })
        .collect::<Result<_, AnalysisError>>()?;
    Ok(Some(RowDifference {
        row,
        against,
        seeds: pairs.iter().map(|(run, _)| run.description.run.optimisation.seed).collect(),
        worst_class: over_seeds(&worst_class)?,
        overall: over_seeds(&|run| 1.0 - run.classes.accuracy.unwrap_or(1.0))?,
        measured: pairs.iter().map(|(run, other)| worst_class(run) - worst_class(other)).sum::<f64>()
            / pairs.len() as f64,
        networks: networks_difference(&counts, delta)?,
    }))
}
