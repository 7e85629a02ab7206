//! `comparison.csv`.

use super::{QUANTITIES, groups};
use crate::report::ReportError;
use crate::results::{ModelReport, Report};
use crate::spreadsheet::csv;

/// How the header of every such file begins.
pub(in super::super) const FIRST_COLUMNS: &str = "model,worst_class,worst_class_name,worst_class_error";

/// The file's bytes: a row a model; an empty field is a value that does not exist.
pub(in super::super) fn render(report: &Report) -> Result<Vec<u8>, ReportError> {
    let rows: Vec<_> = report.models.iter().enumerate().map(|(at, model)| row(report, at, model)).collect();
    let header = rows.iter().take(1).map(|row| row.iter().map(|(name, _)| name).collect::<Vec<_>>());
    Ok(csv(header.chain(rows.iter().map(|row| row.iter().map(|(_, value)| value).collect())))?)
}

/// The same columns for every model.
fn row(report: &Report, at: usize, model: &ModelReport) -> Vec<(String, String)> {
    fn put(row: &mut Vec<(String, String)>, name: &str, value: Option<impl ToString>) {
        row.push((name.to_owned(), value.map_or(String::new(), |value| value.to_string())));
    }
    let mut row = Vec::new();
    let (test, worst) = (&model.test, model.test.worst_class.as_ref());
    put(&mut row, "model", Some(&model.name));
    put(&mut row, "worst_class", worst.map(|worst| worst.index));
    put(&mut row, "worst_class_name", worst.map(|worst| &worst.name));
    put(&mut row, "worst_class_error", worst.map(|worst| worst.error));
    put(&mut row, "worst_class_error_lower", worst.map(|worst| worst.interval[0]));
    put(&mut row, "worst_class_error_upper", worst.map(|worst| worst.interval[1]));
    let largest = worst.map(|_| &test.max_error);
    put(&mut row, "largest_error_lower", largest.map(|found| found.interval[0]));
    put(&mut row, "largest_error_upper", largest.map(|found| found.interval[1]));
    put(&mut row, "no_error_above", largest.map(|found| found.at_most));
    put(&mut row, "classes_that_can_be_the_worst", largest.map(|found| found.candidates.len()));
    put(&mut row, "accuracy", worst.map(|_| test.split.accuracy));
    put(&mut row, "accuracy_macro", test.accuracy_macro);
    for (name, group) in ["many", "medium", "few"].into_iter().zip(groups(model)) {
        put(&mut row, &format!("accuracy_{name}_macro"), group.map(|group| group.accuracy_macro));
        put(&mut row, &format!("accuracy_{name}_micro"), group.map(|group| group.accuracy));
    }
    // A model is compared with the first of its samples; differences are of errors, as in `report.json`.
    let found = report.comparisons.iter().find(|found| found.b == at);
    put(&mut row, "against", found.map(|found| &report.models[found.a].name));
    for (name, read) in QUANTITIES {
        let difference = found.and_then(read);
        put(&mut row, &format!("difference_{name}"), difference.map(|found| found.difference));
        put(&mut row, &format!("difference_{name}_lower"), difference.map(|found| found.interval[0]));
        put(&mut row, &format!("difference_{name}_upper"), difference.map(|found| found.interval[1]));
        put(&mut row, &format!("difference_{name}_verdict"), difference.map(|found| found.verdict));
    }
    row
}
