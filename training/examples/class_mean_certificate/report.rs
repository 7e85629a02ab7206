//! The tables: `table.md` for readers, `table.json` with every class of every split.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use car_spectral::bounds::worst_class_floor;
use car_spectral_runs::COMMIT;
use serde::Serialize;

use crate::features::write_bytes;
use crate::head::{Outcome, TestErrors};
use crate::{Arguments, DELTA, LOOKED_AT};

/// One data set with one kind of features.
#[derive(Serialize)]
pub struct Row {
    /// Data set and classes.
    pub data: String,
    /// Kind of the features.
    pub features: String,
    /// m, training images a class.
    pub images_per_class: usize,
    /// 1 − δ^{1/m}: T4 for the worst class.
    pub floor: f64,
    /// Results of the splits, one a seed.
    pub splits: Vec<Outcome>,
}

/// Everything that is written.
#[derive(Serialize)]
pub struct Report {
    commit: &'static str,
    delta: f64,
    share_of_t: f64,
    feature_seed: u64,
    /// Name, SHA-256 of the training and of the test images.
    data_sha256: Vec<(&'static str, [String; 2])>,
    weights_sha256: Option<String>,
    rows: Vec<Row>,
}

impl Report {
    /// Joins the rows with what they were made of.
    pub fn new(
        arguments: &Arguments,
        rows: Vec<Row>,
        data_sha256: Vec<(&'static str, [String; 2])>,
        weights_sha256: Option<String>,
    ) -> Self {
        Self {
            commit: COMMIT,
            delta: DELTA,
            share_of_t: arguments.share,
            feature_seed: arguments.feature_seed,
            data_sha256,
            weights_sha256,
            rows,
        }
    }

    /// The table of medians and ranges, that of the splits, and the data's checksums.
    pub fn markdown(&self) -> String {
        let mut text = String::from("Worst class, δ = 0.05: median of the splits (least to greatest).\n\n");
        let header = "data|features|images a class|in T|T7: all classes|test error of that head|held out: worst class|\
                      held out: all classes|test error of that head|floor";
        let mut lines = vec![header.split('|').map(str::to_owned).collect()];
        for row in &self.rows {
            let of = |value: fn(&Outcome) -> f64| median_and_range(row.splits.iter().map(value).collect());
            lines.push(cells([
                row.data.as_str(),
                &row.features,
                &row.images_per_class.to_string(),
                &row.splits[0].images_in_t.to_string(),
                &of(|split| split.certificate_worst),
                &of(|split| split.test.worst),
                &of(|split| split.held_out_worst),
                &of(|split| split.held_out_all_classes),
                &of(|split| split.held_out_test.worst),
                &format!("{:.4}", row.floor),
            ]));
        }
        text += &aligned(&lines);
        text += "\nEvery split; the interval of a test error is that of the largest class error, level 0.95.\n\n";
        let header = "data|images a class|split seed|T7|test error|held out|its test error|classes above T7's bound";
        let mut lines = vec![header.split('|').map(str::to_owned).collect()];
        for row in &self.rows {
            for split in &row.splits {
                lines.push(cells([
                    row.data.split(':').next().unwrap_or_default(),
                    &row.images_per_class.to_string(),
                    &split.split_seed.to_string(),
                    &format!("{:.3}", split.certificate_worst),
                    &with_interval(&split.test),
                    &format!("{:.3}", split.held_out_worst),
                    &with_interval(&split.held_out_test),
                    &split.above_certificate.to_string(),
                ]));
            }
        }
        text += &aligned(&lines);
        let splits = || self.rows.iter().flat_map(|row| &row.splits);
        let better = splits().filter(|split| split.held_out_all_classes < split.certificate_worst).count();
        let floor = worst_class_floor(&[5, 5], DELTA).unwrap_or(1.0);
        let _ = write!(
            text,
            "\nHeld out, for all classes at once as T7 is, is below T7 in {better} of {} splits. With 5 images a class no certificate of the worst class can be below \
             {floor:.3} (T4).\n\nT7: the head of class means trained on all training images, {} of each class in T, a fifth in the metric; Fashion-MNIST: images {} on of \
             each class, those before served to pick 0.4 and the kind of random features. Held out: the head trained without T, T5' on T. Random ReLU features: seed {}. \
             Commit {}.\n\n",
            splits().count(),
            self.share_of_t,
            LOOKED_AT + 1,
            self.feature_seed,
            self.commit
        );
        for (name, [train, test]) in &self.data_sha256 {
            let _ = writeln!(text, "{name}, SHA-256: training images `{train}`, test images `{test}`.");
        }
        if let Some(weights) = &self.weights_sha256 {
            let _ = writeln!(text, "EfficientNet-Lite0's weights, SHA-256: `{weights}`.");
        }
        text
    }

    /// Writes both files into a folder.
    ///
    /// # Errors
    /// For a folder that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let file = |name: &str, bytes: &[u8]| write_bytes(&folder.join(name), bytes);
        file("table.md", self.markdown().as_bytes())?;
        file("table.json", (serde_json::to_string_pretty(self)? + "\n").as_bytes())
    }
}

fn median_and_range(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let middle = 0.5 * (values[(values.len() - 1) / 2] + values[values.len() / 2]);
    format!("{middle:.3} ({:.3} to {:.3})", values[0], values[values.len() - 1])
}

fn with_interval(errors: &TestErrors) -> String {
    format!("{:.3} [{:.3}, {:.3}]", errors.worst, errors.worst_interval[0], errors.worst_interval[1])
}

fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A Markdown table with columns of equal width; numbers to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(3).max(3))
        .collect();
    let numeric: Vec<bool> = (0..columns)
        .map(|column| lines.iter().skip(1).all(|line| line[column].starts_with(|first: char| first.is_ascii_digit())))
        .collect();
    let mut text = String::new();
    for (place, line) in lines.iter().enumerate() {
        for ((cell, &width), &right) in line.iter().zip(&widths).zip(&numeric) {
            let _ = if right { write!(text, "| {cell:>width$} ") } else { write!(text, "| {cell:<width$} ") };
        }
        text += "|\n";
        if place == 0 {
            for (&width, &right) in widths.iter().zip(&numeric) {
                let _ = write!(text, "|{}{}", "-".repeat(width + 1), if right { ":" } else { "-" });
            }
            text += "|\n";
        }
    }
    text
}
