//! A word where something is wrong: each warning with its numbers, and none on sound files.

mod program;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use program::analyze;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const CLASSES: usize = 12;
const SAMPLES: usize = 1200;
const FLAGS: &str = "--weights none";

/// Logits of a model that is right on nine of ten, and the labels.
fn model(seed: u64) -> (Vec<[f64; CLASSES]>, Vec<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels: Vec<usize> = (0..SAMPLES).map(|sample| sample * CLASSES / SAMPLES).collect();
    let logits = labels.iter().map(|&label| {
        let taken = if rng.random::<f64>() < 0.9 { label } else { rng.random_range(0..CLASSES) };
        let mut row = [0.0; CLASSES].map(|_: f64| 2.0 * rng.random::<f64>());
        row[taken] += 4.0;
        row
    });
    (logits.collect(), labels)
}

fn largest(row: &[f64; CLASSES]) -> usize {
    (0..CLASSES).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()
}

fn softmax(row: [f64; CLASSES]) -> [f64; CLASSES] {
    let sum: f64 = row.iter().map(|score| score.exp()).sum();
    row.map(|score| score.exp() / sum)
}

fn write(folder: &Path, name: &str, rows: &[[f64; CLASSES]], labels: &[usize], decimals: usize) {
    let mut text = "label".to_owned();
    (0..CLASSES).for_each(|class| write!(text, ",logit_{class}").unwrap());
    for (row, label) in rows.iter().zip(labels) {
        write!(text, "\n{label}").unwrap();
        row.iter().for_each(|score| write!(text, ",{score:.decimals$}").unwrap());
    }
    fs::write(folder.join(name), text).unwrap();
}

/// The one warning on these scores, on the terminal and in the report; `None` if there is none.
fn the_warning(rows: &[[f64; CLASSES]], labels: &[usize], decimals: usize) -> Option<(String, String, Value)> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "scores.csv", rows, labels, decimals);
    let ended = analyze(folder.path(), &format!("--predictions scores.csv {FLAGS}"));
    let warnings = ended.model()["warnings"].as_array().unwrap().clone();
    assert!(warnings.len() < 2, "{warnings:?}");
    assert_eq!(ended.out.matches("warning: ").count(), warnings.len(), "{}", ended.out);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    warnings.first().map(|found| (text(&found["id"]), text(&found["sentence"]), found["evidence"].clone()))
}

#[track_caller]
fn warned(found: Option<(String, String, Value)>, id: &str, words: &[&str]) -> Value {
    let (found, sentence, evidence) = found.expect("a warning");
    assert_eq!(found, id, "{sentence}");
    words.iter().for_each(|word| assert!(sentence.contains(word), "{word} is not in: {sentence}"));
    evidence
}

#[test]
fn sound_scores_have_no_warning() {
    let (logits, labels) = model(1);
    assert_eq!(the_warning(&logits, &labels, 6), None);
}

#[test]
fn scores_that_are_no_logits_are_called_what_they_are() {
    let (logits, labels) = model(2);
    let of = |change: &dyn Fn([f64; CLASSES]) -> [f64; CLASSES], decimals| {
        let rows: Vec<_> = logits.iter().map(|&row| change(row)).collect();
        the_warning(&rows, &labels, decimals)
    };
    let id = "scores-are-probabilities";
    let remedy = "say --scores probabilities";
    // Decimals that do not tell rows of one class apart repeat them.
    warned(of(&softmax, 9), id, &["the test scores", "each row adds up to 1", remedy]);
    warned(of(&softmax, 5), id, &["each row adds up to 1", remedy]);
    warned(of(&|row| softmax(row).map(|share| 100.0 * share), 4), id, &["adds up to 100", remedy]);
    warned(of(&|row| row.map(|score| 1.0 / (1.0 + (-score).exp())), 9), id, &["sigmoid", "give logits"]);
    warned(of(&|row| softmax(row).map(|share| (255.0 * share).round()), 0), id, &["another unit", "adds up to 255"]);
    let near = |row: [f64; CLASSES]| row.map(|score| (100.0 / (1.0 + (10.0 - 4.0 * score).exp())).round());
    warned(of(&near, 0), id, &["sigmoid in another unit", "between 0 and 100"]);
    let id = "scores-are-log-probabilities";
    warned(of(&|row| softmax(row).map(f64::ln), 9), id, &["those of the logits"]);
    warned(of(&|row| softmax(row).map(|share| (share + 1e-6).ln()), 9), id, &["those of the logits"]);
    warned(of(&|row| softmax(row).map(f64::log2), 9), id, &["to base 2", "give natural logarithms"]);
    let id = "scores-are-softmax-twice";
    warned(of(&|row| softmax(softmax(row)), 9), id, &["no test score is more than e", "before the second softmax"]);
    warned(of(&|row| softmax(softmax(row)).map(f64::ln), 9), id, &["no test score is more than e"]);
}

#[test]
fn labels_in_another_order_are_named() {
    let (logits, labels) = model(3);
    let by = |class_of: &dyn Fn(usize) -> usize| {
        let labels: Vec<usize> = labels.iter().map(|&label| class_of(label)).collect();
        the_warning(&logits, &labels, 6)
    };
    let shifted = warned(by(&|label| (label + 1) % CLASSES), "class-order", &["shifted by 1, each 1 above", "0 → 11"]);
    let right = shifted["accuracy_in_that_order"].as_f64().unwrap();
    assert!(right > 0.88 && right < 0.95, "nine of ten and a share of the rest: {right}");
    let mut text: Vec<String> = (0..CLASSES).map(|class| class.to_string()).collect();
    text.sort();
    let place = |label: usize| text.iter().position(|name| *name == label.to_string()).unwrap();
    warned(by(&place), "class-order", &["the labels lie in the order of numbers sorted as text", "2 → 10"]);
    warned(by(&|label| [4, 1, 2, 3, 0, 5, 6, 7, 8, 9, 10, 11][label]), "class-order", &["2 of 12 classes", "0 → 4"]);
    let half: Vec<usize> = (0..SAMPLES).map(|at| (labels[at] + at % 2) % CLASSES).collect();
    let words = ["in a part of the samples", "shifted by 1, each 1 above"];
    let part = warned(the_warning(&logits, &half, 6), "class-order", &words);
    assert!((part["share_of_samples"].as_f64().unwrap() - 0.5).abs() < 0.03, "{part}");
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let shuffled: Vec<usize> = (0..SAMPLES).map(|_| rng.random_range(0..CLASSES)).collect();
    warned(the_warning(&logits, &shuffled, 6), "chance", &["no better than chance, 8.", "other samples or orders"]);
}

#[test]
fn an_untrained_last_layer_is_told_from_shuffled_labels() {
    let (_, labels) = model(5);
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    // Samples of one class fall together, as behind a trained backbone.
    let centres: Vec<[f64; CLASSES]> = (0..CLASSES).map(|_| [0.0; CLASSES].map(|_: f64| rng.random::<f64>())).collect();
    let rows: Vec<_> =
        labels.iter().map(|&label| centres[(label + 5) % CLASSES].map(|x| x + 0.1 * rng.random::<f64>())).collect();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "scores.csv", &rows, &labels, 6);
    let sentence = analyze(folder.path(), &format!("--predictions scores.csv {FLAGS}")).warning("untrained-head");
    assert!(sentence.contains("looks untrained"), "{sentence}");
}

#[test]
fn samples_that_are_there_twice_are_counted_once_beside() {
    let (logits, labels) = model(7);
    let again = |count: usize| (0..SAMPLES).chain((0..count).map(|at| 2 * at));
    let rows: Vec<_> = again(24).map(|sample| logits[sample]).collect();
    let told: Vec<usize> = again(24).map(|sample| labels[sample]).collect();
    let wrong = |samples: &mut dyn Iterator<Item = usize>| -> u64 {
        samples.filter(|&sample| labels[sample] == 0 && largest(&logits[sample]) != 0).count() as u64
    };
    let (once, all) = (wrong(&mut (0..SAMPLES)), wrong(&mut again(24)));
    let words = [
        "24 of 1,224 test samples",
        "sample 1200 repeats 0",
        "1,200 samples",
        &format!("of class 0, {once} of 100 are wrong instead of {all} of 124"),
    ];
    let evidence = warned(the_warning(&rows, &told, 6), "repeated-rows", &words);
    assert_eq!((&evidence["samples_once"], &evidence["class_errors_once"][0]), (&1200.into(), &once.into()));
}

#[test]
fn test_samples_among_the_training_samples_are_found() {
    let ((train, train_labels), (mut test, mut labels)) = (model(8), model(9));
    (0..40).for_each(|at| (test[at], labels[at]) = (train[3 * at], train_labels[3 * at]));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "test.csv", &test, &labels, 6);
    write(folder.path(), "train.csv", &train, &train_labels, 6);
    let ended = analyze(folder.path(), &format!("--predictions test.csv --train-predictions train.csv {FLAGS}"));
    let sentence = ended.warning("test-in-training");
    assert!(sentence.contains("40 of 1,200 test samples") && sentence.contains("test sample 0 is training sample 0"));
    let right = (40..SAMPLES).filter(|&at| largest(&test[at]) == labels[at]).count() as f64 / 1160.0;
    let found = ended.model()["warnings"][0]["evidence"]["accuracy_without"].as_f64().unwrap();
    assert!((found - right).abs() < 1e-12 && sentence.contains(&format!("{:.1} %", 100.0 * right)), "{sentence}");
    assert_eq!(ended.model()["warnings"].as_array().unwrap().len(), 1);
}

/// The cosines of some samples are all above 0, those of others not: one model's margins.
#[test]
fn cosines_of_test_and_training_are_of_one_unit() {
    let (logits, labels) = model(11);
    let cosines = |least: f64| logits.iter().map(|row| row.map(|score| score / 8.0 + least)).collect::<Vec<_>>();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "test.csv", &cosines(0.1), &labels, 6);
    write(folder.path(), "train.csv", &cosines(-0.1), &labels, 6);
    let ended = analyze(folder.path(), &format!("--predictions test.csv --train-predictions train.csv {FLAGS}"));
    assert_eq!(ended.code, Some(0), "{}", ended.said);
}

#[test]
fn classes_without_samples_and_models_on_other_samples_are_named() {
    let (logits, labels) = model(10);
    let kept: Vec<usize> = (0..SAMPLES).filter(|&sample| ![2, 7].contains(&labels[sample])).collect();
    let rows: Vec<_> = kept.iter().map(|&sample| logits[sample]).collect();
    let told: Vec<usize> = kept.iter().map(|&sample| labels[sample]).collect();
    let evidence = warned(
        the_warning(&rows, &told, 6),
        "absent-classes",
        &["2 of 12 classes have no test samples (2 and 7)", "that of the others"],
    );
    assert_eq!(evidence["classes"], serde_json::json!([2, 7]));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "all.csv", &logits, &labels, 6);
    write(folder.path(), "some.csv", &rows, &told, 6);
    let ended = analyze(folder.path(), &format!("--predictions all.csv some.csv {FLAGS} --format html,json"));
    let page = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(ended.out.contains("warning: some: it is not compared with all"), "{}", ended.out);
    assert!(page.find("It is not compared with all").unwrap() < page.find("Verdicts").unwrap(), "at the top");
}
