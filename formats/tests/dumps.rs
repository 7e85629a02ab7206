//! One model's predictions in the ways people save them (tests/fixtures/predictions/make.py): each
//! gives its numbers.

use std::fs;
use std::path::{Path, PathBuf};

use car_spectral_formats::predictions::{Logits, PredictionSource, Reading, Scores, read_as};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/predictions")).to_path_buf()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn source(name: &str) -> PredictionSource {
    let within = |name: &str| folder().join(name);
    match name.split_once(',') {
        Some((logits, labels)) => PredictionSource::Pair { logits: within(logits), labels: within(labels) },
        None => PredictionSource::File(within(name)),
    }
}

fn said(dump: &Value) -> Reading {
    let text = |key: &str| dump.get(key).and_then(Value::as_str);
    Reading {
        keys: text("keys").map(|keys| keys.parse().unwrap()).unwrap_or_default(),
        first_label: dump.get("first_label").and_then(Value::as_i64).unwrap_or(0),
        class_names: dump
            .get("names")
            .map(|names| names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()),
        scores: text("scores").map(|scores| scores.parse::<Scores>().unwrap()),
        ..Reading::default()
    }
}

/// Logits as they are, or but for a number added to each row.
fn check(found: &Logits, expected: &[Vec<f64>], shifted: bool) -> Result<(), String> {
    let found: Vec<Vec<f64>> = match found {
        Logits::F32(scores) => {
            scores.rows().into_iter().map(|row| row.iter().map(|&score| f64::from(score)).collect()).collect()
        }
        Logits::F64(scores) => scores.rows().into_iter().map(|row| row.to_vec()).collect(),
        _ => return Err("no scores".to_owned()),
    };
    if found.len() != expected.len() {
        return Err(format!("{} rows", found.len()));
    }
    for (sample, (found, expected)) in found.iter().zip(expected).enumerate() {
        let shift = if shifted { expected[0] - found[0] } else { 0.0 };
        let tolerance = if shifted { 1e-5 } else { 0.0 };
        let near = |(found, expected): (&f64, &f64)| (found + shift - expected).abs() <= tolerance;
        if found.len() != expected.len() || !found.iter().zip(expected).all(near) {
            return Err(format!("sample {sample}: {found:?}, expected {expected:?}"));
        }
    }
    Ok(())
}

#[test]
fn every_way_of_saving_gives_the_same_predictions() {
    let index: Value = serde_json::from_slice(&fs::read(folder().join("dumps.json")).unwrap()).unwrap();
    let labels: Vec<usize> = numbers(&index["labels"]).into_iter().map(|label| label as usize).collect();
    let logits: Vec<Vec<f64>> = index["logits"].as_array().unwrap().iter().map(numbers).collect();
    let dumps = index["dumps"].as_array().unwrap();
    let mut wrong = Vec::new();
    for dump in dumps {
        let name = dump["file"].as_str().unwrap();
        let reading = said(dump);
        let shifted = reading.scores.is_some() || dump.get("shifted").is_some();
        let outcome = match read_as(&source(name), &reading) {
            Ok(found) if found.labels.to_vec() != labels => Err(format!("labels {:?}", found.labels.to_vec())),
            Ok(found) => check(&found.logits, &logits, shifted),
            Err(error) => Err(error.to_string()),
        };
        if let Err(problem) = outcome {
            wrong.push(format!("{name}: {problem}"));
        }
    }
    assert!(dumps.len() >= 60, "{} ways of saving", dumps.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), dumps.len(), wrong.join("\n"));
}
