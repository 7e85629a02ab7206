//! One network in the ways in which people save weights: each file is read to the same numbers, or
//! refused with what to do. `ways/make.py` writes the files and `ways/ways.json`, the list of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use car_spectral_formats::InputError;
use car_spectral_formats::weights::{LastLayer, Reading, Tensor, TensorData, Wanted, fit, read, read_under};
use serde::Deserialize;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ways");
const LAST_LAYER_FILE: &str = "last-layer-file";

#[derive(Deserialize)]
struct Way {
    file: String,
    way: String,
    flags: String,
    outcome: String,
}

fn ways() -> Vec<Way> {
    serde_json::from_str(&std::fs::read_to_string(Path::new(FOLDER).join("ways.json")).unwrap()).unwrap()
}

fn wanted(bias: bool) -> Wanted {
    let shapes: [(&str, &[usize]); 8] = [
        ("bn1.bias", &[2]),
        ("bn1.running_mean", &[2]),
        ("bn1.running_var", &[2]),
        ("bn1.weight", &[2]),
        ("conv1.weight", &[2, 3, 1, 1]),
        ("layer1.0.conv1.weight", &[2, 2, 1, 1]),
        ("linear.bias", &[3]),
        ("linear.weight", &[3, 2]),
    ];
    let shapes = shapes.iter().filter(|(name, _)| bias || *name != "linear.bias");
    let shapes = shapes.map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect();
    Wanted { network: "the network".into(), shapes, last_layer: Some("linear".into()), spellings: Vec::new() }
}

/// The numbers that `make.py` fills the tensors with, by name.
fn filled(start: usize) -> BTreeMap<String, Vec<f64>> {
    let number = |(place, (name, shape)): (usize, (String, Vec<usize>))| {
        let first = start + 16 * place;
        (name, (first..first + shape.iter().product::<usize>()).map(|value| value as f64).collect())
    };
    wanted(true).shapes.into_iter().enumerate().map(number).collect()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    match &tensor.data {
        TensorData::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
        TensorData::F64(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

/// What the settings of a way make of its file.
fn taken(way: &Way) -> Result<BTreeMap<String, Tensor>, InputError> {
    let file = |name: &str| -> PathBuf { Path::new(FOLDER).join(name) };
    let words: Vec<&str> = way.flags.split_whitespace().collect();
    let flag = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
    let key = flag("--key").map(str::to_owned);
    let mut weights = match &key {
        Some(key) => read_under(&file(&way.file), key)?,
        None => read(&file(&way.file))?,
    };
    if let Some(name) = flag("--classifier-file") {
        weights = weights.joined(read(&file(name))?, LAST_LAYER_FILE);
    }
    let last_layer = match flag("--classifier") {
        None => LastLayer::Unstated,
        Some("linear") => LastLayer::Linear,
        Some("cosine") => LastLayer::Cosine,
        Some(other) => panic!("{other}"),
    };
    let reading = Reading {
        key,
        renames: flag("--rename").map(|rename| rename.parse().unwrap()).into_iter().collect(),
        last_layer,
        last_layer_under: flag("--classifier-file").map(|_| LAST_LAYER_FILE.to_owned()),
        ..Reading::default()
    };
    Ok(fit(weights, &wanted(last_layer != LastLayer::Cosine), &reading)?.tensors)
}

#[test]
fn every_way_of_saving_weights_is_read_to_the_same_numbers_or_refused_with_what_to_do() {
    let (mut read, mut wrong) = (0, Vec::new());
    let ways = ways();
    for way in &ways {
        let Way { file, way: what, flags, outcome } = way;
        let found = taken(way);
        if let Some(part) = outcome.strip_prefix("refused: ") {
            match found {
                Err(error) if error.to_string().contains(part) && error.to_string().contains(FOLDER) => {}
                Err(error) => wrong.push(format!("{file} ({what}): {error}")),
                Ok(_) => wrong.push(format!("{file} ({what}) was read")),
            }
            continue;
        }
        let mut expected = filled(if outcome == "averaged" { 64 } else { 0 });
        match outcome.as_str() {
            "cosine" => _ = expected.remove("linear.bias"),
            "no bias" => _ = expected.insert("linear.bias".into(), vec![0.0; 3]),
            _ => assert!(outcome == "raw" || outcome == "averaged", "{outcome}"),
        }
        match found {
            Ok(tensors) => {
                let found: BTreeMap<String, Vec<f64>> =
                    tensors.iter().map(|(name, tensor)| (name.clone(), numbers(tensor))).collect();
                if found == expected {
                    read += 1;
                } else {
                    wrong.push(format!("{file} ({what}): {found:?}"));
                }
            }
            Err(error) => wrong.push(format!("{file} ({what}) {flags}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ways.len(), wrong.join("\n"));
    assert!(read >= 50 && ways.len() >= 60, "{read} of {} are read", ways.len());
}

#[test]
fn every_way_stands_in_the_documentation() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/files.md")).unwrap();
    let missing: Vec<String> = ways().into_iter().map(|way| way.way).filter(|way| !page.contains(way)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
