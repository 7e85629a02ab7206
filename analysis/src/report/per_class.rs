//! `per_class.csv`: a row for each class of each model.

use std::collections::HashSet;

use car_spectral::confusion::WrittenMargin;

use super::ReportError;
use crate::results::{ModelReport, Report};
use crate::spreadsheet::csv;

/// How the header of every such file begins.
pub(super) const FIRST_COLUMNS: &str = "model,class,name,group,train_count,weight,test_count";

/// The file's bytes. Columns are those that any model has; a value that does not exist is an empty
/// field.
pub(super) fn render(report: &Report) -> Result<Vec<u8>, ReportError> {
    let mut columns: Vec<String> = Vec::new();
    let rows: Vec<Vec<(String, String)>> = report.models.iter().flat_map(rows_of).collect();
    // Every class of a model has the same columns.
    let mut at = 0;
    for model in &report.models {
        for (name, _) in &rows[at] {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        at += model.num_classes;
    }
    let value = |row: &'_ [(String, String)], column: &String| {
        row.iter().find(|(name, _)| name == column).map_or(String::new(), |(_, value)| value.clone())
    };
    let records = rows.iter().map(|row| columns.iter().map(|column| value(row, column)).collect());
    Ok(csv(std::iter::once(columns.clone()).chain(records))?)
}

fn rows_of(model: &ModelReport) -> impl Iterator<Item = Vec<(String, String)>> {
    let candidates: HashSet<usize> = model.test.max_error.candidates.iter().copied().collect();
    (0..model.num_classes).map(move |class| row(model, &candidates, class))
}

fn row(model: &ModelReport, candidates: &HashSet<usize>, class: usize) -> Vec<(String, String)> {
    let test = &model.test;
    let mut row: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: String| row.push((name.to_owned(), value));
    put("model", model.name.clone());
    put("class", class.to_string());
    put("name", model.class_names[class].clone());
    put("group", model.groups.as_ref().map_or(String::new(), |g| g[class].name().to_owned()));
    put("train_count", model.train_counts.as_ref().map_or(String::new(), |c| c[class].to_string()));
    put("weight", number(Some(model.weights[class])));
    put("test_count", test.split.class_counts[class].to_string());
    put("test_errors", test.split.class_errors[class].to_string());
    put("test_error", number(test.split.per_class_error[class]));
    let interval = test.class_error_interval[class];
    put("test_error_lower", number(interval.map(|i| i[0])));
    put("test_error_upper", number(interval.map(|i| i[1])));
    put("can_be_the_worst", u8::from(candidates.contains(&class)).to_string());
    for next in &test.next_sample {
        let limits = next.limits[class];
        put(
            &format!("errors_of_next_{}_lower", next.images),
            limits.map_or(String::new(), |[least, _]| least.to_string()),
        );
        put(
            &format!("errors_of_next_{}_upper", next.images),
            limits.map_or(String::new(), |[_, most]| most.to_string()),
        );
    }
    if let Some(floors) = &model.floors {
        put("training_floor", number(Some(floors.class[class])));
    }
    put("weighted_test_error", number(test.split.chain.weighted_error[class]));
    if let Some(pair) = &test.split.top_pair {
        put("top_pair_left", number(Some(pair.left[class])));
        put("top_pair_right", number(Some(pair.right[class])));
    }
    if let Some(train) = &model.train {
        put("train_error", number(train.per_class_error[class]));
        for margin in &train.margins {
            put(
                &format!("train_margin_error g={}", WrittenMargin(margin.margin)),
                number(margin.class_margin_error[class]),
            );
        }
    }
    for margin in &test.split.margins {
        put(&format!("test_margin_error g={}", WrittenMargin(margin.margin)), number(margin.class_margin_error[class]));
    }
    for bound in &model.bounds {
        let margin = bound.margin.map_or(String::new(), |g| format!(" g={}", WrittenMargin(g)));
        for (part, values) in bound.parts() {
            if let Some(values) = values {
                put(&format!("{} {part}{margin}", bound.id), number(values[class]));
            }
        }
        if let Some(verdicts) = &bound.values.class_verdict {
            put(&format!("{} verdict{margin}", bound.id), verdicts[class].id().to_owned());
        }
    }
    row
}

/// Shortest decimal that reads back as the same number.
fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}
