//! `analyze` on files as people have them: what is read gives its numbers, what is open is asked
//! for, and a file that is something else is called what it is.

mod program;

use std::fs;

use program::{Ended, analyze, refused};
use serde_json::Value;

/// Scores of 36 samples of three classes, of which 1, 0 and 3 are wrong: label, then a score a
/// class.
fn rows() -> Vec<(usize, [f64; 3])> {
    let wrong = |sample: usize| matches!(sample, 3 | 5 | 8 | 11);
    (0..36)
        .map(|sample| {
            let label = sample % 3;
            let taken = if wrong(sample) { (label + 1) % 3 } else { label };
            let mut scores = [0.25 * (sample % 5) as f64, -0.5, 0.125 * (sample % 7) as f64];
            scores[taken] += 4.0;
            (label, scores)
        })
        .collect()
}

const ERRORS: [u64; 3] = [1, 0, 3];

fn table(header: &str, row: impl Fn(usize, usize, [f64; 3]) -> String) -> String {
    let rows: Vec<String> =
        rows().into_iter().enumerate().map(|(at, (label, scores))| row(at, label, scores)).collect();
    format!("{header}{}\n", rows.join("\n"))
}

fn plain() -> String {
    table("label,logit_0,logit_1,logit_2\n", |_, label, [a, b, c]| format!("{label},{a},{b},{c}"))
}

/// Tables as pandas, NumPy, spreadsheets and R write them.
#[test]
fn tables_of_predictions_give_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let comma = |number: f64| number.to_string().replace('.', ",");
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(plain().encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("plain.csv", plain().into()),
        (
            "index.csv",
            table(",label,logit_0,logit_1,logit_2\n", |n, y, [a, b, c]| format!("{n},{y},{a},{b},{c}")).into(),
        ),
        ("last.csv", table("logit_0,logit_1,logit_2,label\n", |_, y, [a, b, c]| format!("{a},{b},{c},{y}")).into()),
        ("remark.csv", format!("# {}", plain()).into()),
        ("numbers.csv", table("label,0,1,2\n", |_, y, [a, b, c]| format!("{y},{a},{b},{c}")).into()),
        (
            "semicolons.csv",
            table("label;logit_0;logit_1;logit_2\n", |_, y, row| format!("{y};{}", row.map(comma).join(";"))).into(),
        ),
        ("tabs.tsv", plain().replace(',', "\t").into()),
        ("utf16.csv", utf16),
        ("old_mac.csv", plain().replace('\n', "\r").into()),
        ("blank_lines.csv", plain().replace('\n', "\n\n").into()),
        ("mark.csv", format!("\u{feff}{}", plain()).into()),
        ("minus.csv", plain().replace("\n0,", "\n-0.0,").into()),
        (
            "quoted.csv",
            plain().lines().map(|l| format!("\"{}\"\n", l.replace(',', "\",\""))).collect::<String>().into(),
        ),
        (
            "names.csv",
            table("label,ant,bee,cat\n", |_, y, [a, b, c]| format!("{},{a},{b},{c}", ["ant", "bee", "cat"][y])).into(),
        ),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
        let ended = analyze(folder, &format!("--predictions {name} --weights none"));
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.said);
        assert_eq!(ended.test("class_errors"), ERRORS, "{name}");
        assert_eq!(ended.test("class_counts"), [12, 12, 12], "{name}");
    }
    fs::write(folder.join("missing.csv"), plain().replacen("\n2,", "\n,", 1)).unwrap();
    refused(
        folder,
        "--predictions missing.csv --weights none",
        &["missing.csv: line 4, column 1", "class of the sample"],
    );
}

#[test]
fn what_is_open_is_asked_for_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let two = table("y,z,a0,a1,a2,b0,b1,b2\n", |_, y, [a, b, c]| format!("{y},{y},{c},{b},{a},{a},{b},{c}"));
    fs::write(folder.join("two.csv"), two).unwrap();
    refused(folder, "--predictions two.csv --weights none", &["two.csv: line 1", "--keys logits=WORD"]);
    let ended = analyze(folder, "--predictions two.csv --keys logits=b,labels=z --weights none");
    assert_eq!(ended.test("class_errors"), ERRORS);
    assert!(ended.notes().contains("labels from \\\"z\\\""), "{}", ended.notes());
    assert!(ended.out.contains("note: "), "{}", ended.out);

    let from_one = table("label,logit_0,logit_1,logit_2\n", |_, y, [a, b, c]| format!("{},{a},{b},{c}", y + 1));
    fs::write(folder.join("one.csv"), from_one).unwrap();
    refused(folder, "--predictions one.csv --weights none", &["one.csv: sample 2: label 3", "say --first-label 1"]);
    let ended = analyze(folder, "--predictions one.csv --first-label 1 --weights none");
    assert_eq!(ended.test("class_errors"), ERRORS);

    let texts =
        table("label,logit_0,logit_1,logit_2\n", |_, y, [a, b, c]| format!("{},{a},{b},{c}", ["x", "y", "z"][y]));
    fs::write(folder.join("texts.csv"), texts).unwrap();
    refused(folder, "--predictions texts.csv --weights none", &["sample 0: label \"x\" is a text", "--class-names"]);
    fs::write(folder.join("names.json"), "{\"z\": 2, \"y\": 1, \"x\": 0}").unwrap();
    let ended = analyze(folder, "--predictions texts.csv --class-names names.json --weights none");
    assert_eq!(ended.test("class_errors"), ERRORS);
    assert_eq!(ended.model()["class_names"], serde_json::json!(["x", "y", "z"]));
}

#[test]
fn probabilities_are_said_and_their_logarithms_have_the_margins_of_the_logits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let shares = |scores: [f64; 3]| {
        let exponentials = scores.map(f64::exp);
        exponentials.map(|e| e / exponentials.iter().sum::<f64>())
    };
    let soft =
        table("label,p_0,p_1,p_2\n", |_, y, row| format!("{y},{}", shares(row).map(|p| p.to_string()).join(",")));
    fs::write(folder.join("soft.csv"), soft).unwrap();
    fs::write(folder.join("plain.csv"), plain()).unwrap();
    let margins = |ended: &Ended| -> Vec<Value> {
        let margins = ended.model()["test"]["margins"].as_array().unwrap().iter();
        margins.map(|margin| margin["class_margin_error"].clone()).collect()
    };
    let flags = "--weights none --margin 0,1,3.3,3.8";
    let logits = analyze(folder, &format!("--predictions plain.csv {flags}"));
    let unsaid = analyze(folder, &format!("--predictions soft.csv {flags}"));
    assert!(unsaid.warning("scores-are-probabilities").contains("say --scores probabilities"), "{}", unsaid.out);
    assert_eq!(unsaid.test("class_errors"), ERRORS);
    assert_ne!(margins(&unsaid), margins(&logits));
    let said = analyze(folder, &format!("--predictions soft.csv --scores probabilities {flags}"));
    assert_eq!(margins(&said), margins(&logits));
    refused(folder, "--predictions plain.csv --scores probabilities --weights none", &["sample 0", "--scores says"]);
}

#[test]
fn a_confusion_matrix_gives_all_that_follows_from_counts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("plain.csv"), plain()).unwrap();
    fs::write(folder.join("counts.txt"), "120\n40\n6\n").unwrap();
    // True classes in the rows: sample 3 is taken for class 1; 5, 8 and 11 of class 2 are taken for class 0.
    fs::write(folder.join("matrix.csv"), ",ant,bee,cat\nant,11,1,0\nbee,0,12,0\ncat,3,0,9\n").unwrap();
    refused(folder, "--confusion matrix.csv --train-counts counts.txt", &["matrix.csv", "--orientation rows-are-true"]);
    let scores = analyze(folder, "--predictions plain.csv --train-counts counts.txt");
    let counts = analyze(folder, "--confusion matrix.csv --orientation rows-are-true --train-counts counts.txt");
    assert_eq!(counts.code, Some(0), "{}", counts.said);
    for key in ["class_errors", "class_counts", "accuracy_macro", "few", "wce_interval", "class_error_interval"] {
        assert_eq!(counts.model()["test"][key], scores.model()["test"][key], "{key}");
    }
    let norm = |ended: &Ended| ended.model()["test"]["hard"]["spectral_norm_weighted"]["value"].as_f64().unwrap();
    assert!((norm(&counts) - norm(&scores)).abs() < 1e-12);
    assert_eq!(counts.model()["class_names"], serde_json::json!(["ant", "bee", "cat"]));
    assert!(counts.model()["test"]["surrogate"].is_null());
    let said = &counts.model()["verdicts"][0]["sentence"];
    assert!(said.as_str().unwrap().starts_with("The chain λⱼ eⱼ ≤ WCE"), "{said}");
    for bound in counts.model()["bounds"].as_array().unwrap() {
        assert!(bound["reason"].is_string() && bound["precondition"].is_null() == bound["applicable"], "{bound}");
    }
    assert!(counts.notes().contains("read from a confusion matrix"), "{}", counts.notes());
    let other = analyze(folder, "--confusion matrix.csv --orientation columns-are-true --train-counts counts.txt");
    assert_eq!(other.test("class_errors"), [3, 1, 0]);
    refused(folder, "--confusion matrix.csv --predictions plain.csv", &["--confusion"]);
}

#[test]
fn classes_in_place_of_scores_give_the_same_errors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let taken = |[a, b, c]: [f64; 3]| if a >= b && a >= c { 0 } else { usize::from(c > b) + 1 };
    fs::write(folder.join("classes.csv"), table("label,pred\n", |_, y, row| format!("{y},{}", taken(row)))).unwrap();
    let ended = analyze(folder, "--predictions classes.csv --weights none");
    assert_eq!(ended.test("class_errors"), ERRORS, "{}", ended.said);
    assert!(ended.notes().contains("no scores"), "{}", ended.notes());
}

#[test]
fn counts_are_read_as_people_have_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("plain.csv"), plain()).unwrap();
    for (name, text) in [
        ("savetxt.txt", "7.200000000000000000e+01\n3.000000000000000000e+01\n8.000000000000000000e+00\n"),
        ("object.json", "{\"2\": 8, \"0\": 72, \"1\": 30}"),
        ("printed.txt", "[72 30  8]\n"),
        ("value_counts.csv", "label,count\n0,72\n1,30\n2,8\n"),
        ("falling.csv", "\"class\",\"count\"\n\"1\",\"30\"\n\"2\",\"8\"\n\"0\",\"72\"\n"),
        ("counter.txt", "Counter({0: 72, 1: 30, 2: 8})\n"),
    ] {
        fs::write(folder.join(name), text).unwrap();
        let ended = analyze(folder, &format!("--predictions plain.csv --train-counts {name}"));
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.said);
        assert_eq!(ended.model()["train_counts"], serde_json::json!([72, 30, 8]), "{name}");
    }
}

#[test]
fn files_that_are_something_else_are_called_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    for (name, bytes, says) in [
        ("pointer.npz", pointer.as_bytes(), ["Git LFS pointer", "git lfs pull"]),
        ("page.npz", b"<!DOCTYPE html><html></html>", ["web page", "download the file itself"]),
        ("scores.npz.gz", b"\x1f\x8b\x08\0\0\0\0\0", ["gzip", "gunzip"]),
        #[cfg(not(feature = "arrow"))]
        ("table.parquet", b"PAR1\0\0\0\0", ["Parquet", "--features car-spectral-analysis/arrow"]),
        ("scores.h5", b"\x89HDF\r\n\x1a\n", ["HDF5", "h5py.File('scores.h5')"]),
        #[cfg(not(feature = "arrow"))]
        ("scores.feather", b"ARROW1\0\0", ["Feather", "--features car-spectral-analysis/arrow"]),
        ("old.feather", b"FEA1\0\0", ["Feather", "pd.read_feather('old.feather')"]),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
        refused(folder, &format!("--predictions {name} --weights none"), &[name, says[0], says[1]]);
    }
}

/// A light build says the one command that has what the file needs, with what has to be fetched
/// before it.
#[cfg(not(any(feature = "torch", feature = "onnx")))]
#[test]
fn weights_and_networks_are_told_the_command_that_runs_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    for (model, command) in [
        (
            "fashion-mnist-lt-mlp.safetensors",
            "with it: python3 scripts/setup.py libtorch && cargo run --features car-spectral-analysis/torch --bin",
        ),
        (
            "fashion-mnist-lt-mlp.onnx",
            "this build is without; with it: cargo run --features car-spectral-analysis/onnx --bin analyze --",
        ),
    ] {
        let line = format!("--checkpoint {root}examples/{model} --data fashion-mnist:none");
        refused(folder.path(), &line, &[model, command]);
    }
}

/// Names of files are bytes: they may hold what moves a terminal's cursor, and no text at all,
/// which is refused of inputs before anything is read.
#[test]
fn names_of_files_cannot_act_on_a_terminal_and_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (at, name) in [&b"a\x1b]0;x\x07\xe2\x80\xae.csv"[..], b"a\nb.csv", b"\xff.csv"].into_iter().enumerate() {
        let name = OsStr::from_bytes(name);
        fs::write(folder.join(name), plain()).unwrap();
        let out = OsStr::from_bytes([&b"o\x1b[31m"[..], b"\xfe", b"o\tut"][at]);
        let run = |flags: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_analyze"));
            command.current_dir(folder).arg("--predictions").arg(name).args(flags).arg("--out").arg(out);
            let ended = command.args(["--format", "json,csv,md,tex,html"]).output().unwrap();
            for stream in [&ended.stdout, &ended.stderr] {
                let text = std::str::from_utf8(stream).unwrap();
                assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
            }
            ended.status.code()
        };
        let text = name.to_str().is_some();
        assert_eq!(run(&["--weights", "none"]), Some(if text { 0 } else { 2 }), "{name:?}");
        assert_eq!(folder.join(out).join("report.html").is_file(), text, "{name:?}");
        assert_eq!(run(&[]), Some(2), "{name:?}: no weights");
    }
}
