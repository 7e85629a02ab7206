//! Predictions larger than memory and files of counts: the numbers are those of the whole set in
//! memory.

mod program;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use car_spectral_formats::predictions::write;
use program::{analyze, refused};
use serde_json::Value;

/// `count` in this folder.
fn count(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_count"));
    command.current_dir(folder).args(arguments.split_whitespace()).output().unwrap()
}

fn counted(folder: &Path, arguments: &str) {
    let ended = count(folder, arguments);
    assert!(ended.status.success(), "{arguments}: {}", String::from_utf8_lossy(&ended.stderr));
}

fn score(sample: usize, class: usize) -> f32 {
    let noise = (sample * 7919 + class * 104_729 + sample * class) % 4001;
    noise as f32 / 1000.0 - 2.0 + if class == label(sample) { 1.25 } else { 0.0 }
}

fn label(sample: usize) -> usize {
    sample * sample % 10
}

/// Writes the samples of a range as .npz.
fn part(folder: &Path, name: &str, samples: std::ops::Range<usize>) {
    let scores = ndarray::Array2::from_shape_fn((samples.len(), 10), |(row, class)| score(samples.start + row, class));
    let labels: Vec<usize> = samples.map(label).collect();
    let indices: Vec<usize> = (0..labels.len()).collect();
    write::<car_spectral_formats::FileError>(&folder.join(name), 10, &labels, &indices, |take| take(scores.view()))
        .unwrap();
}

/// The model of a report without what names files or needs scores.
fn without_scores(model: &Value) -> Value {
    let mut model = model.clone();
    for key in ["source", "name", "warnings"] {
        model[key] = Value::Null;
    }
    for split in ["test", "train"] {
        if model[split].is_object() {
            model[split]["surrogate"] = Value::Null;
        }
    }
    model
}

#[test]
fn parts_that_were_counted_give_the_report_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    part(folder, "whole.npz", 0..3000);
    part(folder, "a.npz", 0..1000);
    part(folder, "b.npz", 1000..1800);
    part(folder, "c.npz", 1800..3000);
    counted(folder, "a.npz b.npz --out ab.counts");
    counted(folder, "c.npz --out c.counts");
    let whole = analyze(folder, "--predictions whole.npz --weights none");
    let parts = analyze(folder, "--counts ab.counts c.counts --weights none");
    assert_eq!(without_scores(parts.model()), without_scores(whole.model()));
    assert!(whole.model()["test"]["surrogate"].is_object() && parts.model()["test"]["surrogate"].is_null());
    assert!(parts.notes().contains("the surrogate") && parts.notes().contains("was not computed"), "{}", parts.notes());
    let files: Vec<&str> =
        parts.model()["source"]["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert_eq!(files, ["ab.counts", "c.counts", "a.npz", "b.npz", "c.npz"]);
}

#[test]
fn counts_of_training_data_stand_beside_those_of_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    part(folder, "test.npz", 0..1000);
    part(folder, "train.npz", 5000..9000);
    counted(folder, "test.npz --out test.counts");
    counted(folder, "train.npz --out train.counts");
    let scores = analyze(folder, "--predictions test.npz --train-predictions train.npz");
    let parts = analyze(folder, "--counts test.counts --counts-train train.counts");
    for key in ["test", "train", "train_counts", "weights", "floors"] {
        let of = |model: &Value| without_scores(model)[key].clone();
        assert_eq!(of(parts.model()), of(scores.model()), "{key}");
    }
    counted(folder, "train.npz --margin 0,7 --out other.counts");
    refused(folder, "--counts test.counts --counts-train other.counts", &["other margins"]);
    refused(folder, "--counts test.counts --counts-train test.counts", &["test.npz", "differ"]);
}

#[test]
fn parts_that_do_not_belong_together_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    part(folder, "a.npz", 0..100);
    part(folder, "b.npz", 100..200);
    counted(folder, "a.npz --out a.counts");
    counted(folder, "a.npz b.npz --out ab.counts");
    counted(folder, "b.npz --margin 0 --out margins.counts");
    let bytes = fs::read(folder.join("a.counts")).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let mut later = bytes.clone();
    later[8] = 3;
    for (name, bytes) in [("cut.counts", &bytes[..bytes.len() - 1]), ("bit.counts", &flipped), ("later.counts", &later)]
    {
        fs::write(folder.join(name), bytes).unwrap();
    }
    for (files, says) in [
        ("a.counts ab.counts", ["ab.counts", "\"a.npz\" was counted before, in a.counts"]),
        ("a.counts margins.counts", ["margins.counts", "margins"]),
        ("a.counts cut.counts", ["cut.counts", "cut off"]),
        ("a.counts bit.counts", ["bit.counts", "checksum"]),
        ("a.counts later.counts", ["later.counts", "version 3"]),
        ("a.counts missing.counts", ["missing.counts", "No such file"]),
        ("a.npz", ["a.npz", "no counts of margins"]),
    ] {
        refused(folder, &format!("--counts {files} --weights none"), &says);
    }
    let twice = count(folder, "a.npz a.npz --out twice.counts");
    assert_eq!(twice.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&twice.stderr).contains("was counted before"));
    assert!(!folder.join("twice.counts").exists() && !folder.join(".twice.counts.partial").exists());
}

/// More than 32 MiB of scores stay in their file.
#[test]
fn scores_that_stay_in_their_file_give_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (samples, classes) = (90_000, 100);
    let mut bytes = Vec::new();
    for sample in 0..samples {
        // One row is there twice.
        let from = if sample == 80_000 { 3 } else { sample };
        let row = (0..classes).map(|class| match class {
            0..10 => score(from, class),
            // Rows begin alike and differ here.
            10 => -5.0 - from as f32 * 1e-4,
            _ => -4.0 - class as f32 * 0.3,
        });
        bytes.extend(row.flat_map(f32::to_le_bytes));
    }
    let labels: Vec<u8> = (0..samples)
        .flat_map(|sample| (label(if sample == 80_000 { 3 } else { sample }) as i64).to_le_bytes())
        .collect();
    let npy = |descr: &str, shape: &str, order: &str, data: &[u8]| {
        let header =
            format!("{:<117}\n", format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"));
        let begin = [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes()].concat();
        [&begin, header.as_bytes(), data].concat()
    };
    fs::write(folder.join("rows.npy"), npy("<f4", "(90000, 100)", "False", &bytes)).unwrap();
    fs::write(folder.join("labels.npy"), npy("<i8", "(90000,)", "False", &labels)).unwrap();
    // In the other order they are read whole.
    let columns: Vec<u8> = (0..classes)
        .flat_map(|class| {
            let bytes = &bytes;
            (0..samples).flat_map(move |sample| {
                let at = 4 * (sample * classes + class);
                bytes[at..at + 4].to_vec()
            })
        })
        .collect();
    fs::write(folder.join("columns.npy"), npy("<f4", "(90000, 100)", "True", &columns)).unwrap();
    let reports = ["rows.npy", "columns.npy"].map(|name| {
        let ended = analyze(folder, &format!("--predictions {name},labels.npy --weights none --margin 0,1"));
        assert!(ended.warning("repeated-rows").contains("sample 80000 repeats 3)"), "{}", ended.said);
        let mut model = ended.model().clone();
        (model["source"], model["name"]) = (Value::Null, Value::Null);
        model
    });
    assert!(reports[0] == reports[1]);
}

/// No table of K x K, which would be 80 GB.
#[test]
fn a_hundred_thousand_classes_are_counted_by_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (samples, classes) = (40, 100_000);
    let label = |sample: usize| sample * 2_477 % classes;
    // Every fourth sample is taken for the class after the next.
    let taken = |sample: usize| if sample.is_multiple_of(4) { label(sample) + 2 } else { label(sample) };
    let scores = ndarray::Array2::from_shape_fn((samples, classes), |(sample, class)| {
        let noise = (class * 31 + sample * 17) % 1000;
        if class == taken(sample) { 9.5 } else { noise as f32 / 1000.0 }
    });
    let labels: Vec<usize> = (0..samples).map(label).collect();
    let indices: Vec<usize> = (0..samples).collect();
    let file = folder.join("wide.npz");
    write::<car_spectral_formats::FileError>(&file, classes, &labels, &indices, |take| take(scores.view())).unwrap();
    counted(folder, "wide.npz --out wide.counts --margin 0,1");
    assert!(fs::metadata(folder.join("wide.counts")).unwrap().len() < 4_000_000);
    for source in ["--predictions wide.npz --margin 0,1", "--counts wide.counts"] {
        let ended = analyze(folder, &format!("{source} --weights none"));
        let test = &ended.model()["test"];
        assert_eq!(test["class_errors"].as_array().unwrap().iter().filter(|errors| **errors == 1).count(), 10);
        // Each column of the ten errors has one entry, and no two share a row: the norm is 1.
        let norm = &test["hard"]["spectral_norm"];
        assert!(norm["lower"].as_f64().unwrap() <= 1.0 && norm["upper"].as_f64().unwrap() >= 1.0, "{source}: {norm}");
        assert!(norm["upper"].as_f64().unwrap() < 1.0 + 1e-9, "{source}: {norm}");
    }
}

#[test]
fn count_refuses_pipes_and_devices_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    part(folder, "a.npz", 0..40);
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", folder.join("zero")).unwrap();
    for endless in ["pipe", "zero"] {
        for arguments in [
            format!("{endless} --out new"),
            format!("a.npz {endless} --out new"),
            format!("a.npz --class-names {endless} --out new"),
            format!("a.npz --out {endless}"),
        ] {
            let ended = count(folder, &arguments);
            let said = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(1), "{arguments}: {said}");
            assert!(said.contains(endless) && said.contains("a device"), "{arguments}: {said}");
            assert!(!folder.join("new").exists(), "{arguments}");
        }
    }
}
