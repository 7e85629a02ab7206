//! Parquet, Arrow and Feather as people save predictions, read from files that
//! `tests/tables/make.py` wrote.
#![cfg(feature = "arrow")]

use std::path::{Path, PathBuf};

use car_spectral_formats::ElementType;
use car_spectral_formats::predictions::{Logits, PredictionSource, Predictions, Reading, read_as};
use ndarray::Array2;

const SAMPLES: usize = 40;
const CLASSES: usize = 5;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name)
}

fn read(name: &str, reading: &Reading) -> Result<Predictions, String> {
    read_as(&PredictionSource::File(file(name)), reading).map_err(|error| error.to_string())
}

fn score(sample: usize, class: usize) -> f64 {
    ((sample * 37 + class * 11) % 64) as f64 / 8.0 - 4.0
}

fn scores(logits: &Logits) -> Array2<f64> {
    match logits {
        Logits::F32(scores) => scores.mapv(f64::from),
        Logits::F64(scores) => scores.clone(),
        _ => panic!("scores"),
    }
}

fn names() -> Option<Vec<String>> {
    Some(["ant", "bee", "cow", "dog", "eel"].map(str::to_owned).to_vec())
}

#[test]
fn tables_hold_the_scores_and_labels_they_were_written_of() {
    let keys = |keys: &str| Reading { keys: keys.parse().unwrap(), ..Reading::default() };
    let by_name = Reading { class_names: names(), ..Reading::default() };
    let plain = Reading::default();
    for (name, reading, element) in [
        ("fixed.parquet", &plain, ElementType::F32),
        ("none.parquet", &plain, ElementType::F32),
        ("gzip.parquet", &plain, ElementType::F32),
        ("zstd.parquet", &plain, ElementType::F32),
        ("brotli.parquet", &plain, ElementType::F32),
        ("lz4.parquet", &plain, ElementType::F32),
        ("float16.parquet", &plain, ElementType::F16),
        ("float64.parquet", &plain, ElementType::F64),
        ("large.parquet", &plain, ElementType::F32),
        ("columns.parquet", &plain, ElementType::Decimal),
        ("named.parquet", &by_name, ElementType::Decimal),
        ("keys.parquet", &keys("logits=head_a,labels=truth"), ElementType::F32),
        ("again.parquet", &plain, ElementType::F32),
        ("lz4.feather", &plain, ElementType::F32),
        ("plain.feather", &plain, ElementType::F32),
        ("zstd.arrow", &plain, ElementType::F32),
        ("stream.arrow", &plain, ElementType::F32),
        ("parts", &plain, ElementType::F32),
    ] {
        let found = read(name, reading).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = Array2::from_shape_fn((SAMPLES, CLASSES), |(sample, class)| score(sample, class));
        assert_eq!(scores(&found.logits), expected, "{name}");
        assert_eq!(found.labels.to_vec(), (0..SAMPLES).map(|n| n * 3 % CLASSES).collect::<Vec<_>>(), "{name}");
        assert_eq!(found.stored_dtype, element, "{name}");
    }
}

#[test]
fn samples_of_one_index_are_taken_once() {
    let found = read("again.parquet", &Reading::default()).unwrap();
    let note = "3 of 43 samples have a number in \"index\" that stands there before and are left out, 1 of them with \
                other scores";
    assert!(found.notes.iter().any(|found| found == note), "{:?}", found.notes);
    let wrong = Reading { keys: "index=labels,logits=logits,labels=index".parse().unwrap(), ..Reading::default() };
    assert!(read("again.parquet", &wrong).is_err());
}

#[test]
fn two_columns_of_labels_are_hard_predictions() {
    let found = read("classes.parquet", &Reading::default()).unwrap();
    let Logits::Classes(classes) = &found.logits else { panic!("classes") };
    let largest = |n: usize| (1..CLASSES).fold(0, |best, k| if score(n, k) > score(n, best) { k } else { best });
    assert_eq!(classes.predicted, (0..SAMPLES).map(largest).collect::<Vec<_>>());
}

#[test]
fn what_a_table_lacks_is_said_with_its_place() {
    for (name, words) in [
        ("hole.parquet", "column \"labels\", row 39"),
        ("short.parquet", "column \"logits\", row 9"),
        ("keys.parquet", "can be the logits"),
        ("named.parquet", "`class-names`"),
        // Found by fuzzing: the decoder panics.
        ("negative.parquet", "a negative place, size or number of values"),
    ] {
        let error = read(name, &Reading::default()).unwrap_err();
        assert!(error.contains(words) && error.contains(name), "{name}: {error}");
    }
}

/// Every file cut off at many places and with bytes changed: read as it is or refused, never more
/// than a budget.
#[test]
fn damaged_tables_are_refused_or_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["fixed.parquet", "zstd.parquet", "float16.parquet", "lz4.feather", "zstd.arrow", "stream.arrow"] {
        let bytes = std::fs::read(file(name)).unwrap();
        let damaged = folder.path().join(name);
        let read = |bytes: &[u8]| {
            std::fs::write(&damaged, bytes).unwrap();
            read_as(&PredictionSource::File(damaged.clone()), &Reading::default())
        };
        for cut in (1..bytes.len()).step_by(61) {
            // A stream that ends between two messages is whole.
            let refused = read(&bytes[..cut]).is_err();
            assert!(refused || name == "stream.arrow", "{name} cut off at {cut}");
        }
        for at in (0..bytes.len()).step_by(3) {
            let mut changed = bytes.clone();
            changed[at] ^= if at % 6 == 0 { 0xff } else { 0x40 };
            let _ = read(&changed);
        }
    }
}
