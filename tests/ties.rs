//! Scores rounded to bfloat16 tie often: ties are counted, and S1 is exact with them.

use std::collections::HashMap;

use car_spectral_tests::{analyze, fresh_folder, read_predictions, recompute, text, trained, write_npz};
use half::bf16;
use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

/// Logits of the trained mlp in steps of a quarter: few values, so that many samples tie, and not
/// all.
fn coarse(part: &str) -> (Array2<f32>, Array1<i64>) {
    let (logits, labels) = read_predictions(&trained("mlp").join(part));
    (logits.mapv(|value| (value * 4.0).round() / 4.0), labels)
}

#[test]
fn ties_of_bfloat16_scores_are_counted_alike_in_every_file() {
    let folder = fresh_folder("files");
    let mut reports = Vec::new();
    for (part, name) in [("test.npz", "test"), ("train.npz", "train")] {
        let (logits, labels) = read_predictions(&trained("mlp").join(part));
        let rounded = logits.mapv(bf16::from_f32);
        write_npz(&folder.join(part), rounded.mapv(bf16::to_f32).view(), labels.view(), false);
        let bytes: Vec<u8> = rounded.iter().flat_map(|value| value.to_le_bytes()).collect();
        let label_bytes: Vec<u8> = labels.iter().flat_map(|label| (*label as i16).to_le_bytes()).collect();
        let tensors = HashMap::from([
            ("logits", TensorView::new(Dtype::BF16, rounded.shape().to_vec(), &bytes).unwrap()),
            ("labels", TensorView::new(Dtype::I16, vec![labels.len()], &label_bytes).unwrap()),
        ]);
        safetensors::serialize_to_file(tensors, None, &folder.join(format!("{name}.safetensors"))).unwrap();
    }
    for extension in ["npz", "safetensors"] {
        let file = |part: &str| text(&folder.join(format!("{part}.{extension}")));
        let arguments = ["--predictions".into(), file("test"), "--train-predictions".into(), file("train")];
        let out = fresh_folder(extension);
        reports.push(analyze(&arguments, &out));
        recompute(&out.join("report.json"), 0, &folder.join("test.npz"), Some(&folder.join("train.npz")), None);
    }
    for part in ["test", "train"] {
        assert_eq!(reports[0]["models"][0][part], reports[1]["models"][0][part]);
    }
    assert!(reports[0]["models"][0]["test"]["ties"]["top2"].as_u64().unwrap() > 0, "no tie: the test tests nothing");
}

#[test]
fn coarse_scores_tie_at_the_top_and_are_still_right_for_the_lower_index() {
    let folder = fresh_folder("coarse");
    let (logits, labels) = coarse("test.npz");
    write_npz(&folder.join("test.npz"), logits.view(), labels.view(), true);
    let out = fresh_folder("coarse-report");
    let arguments = ["--predictions".into(), text(&folder.join("test.npz")), "--weights".into(), "none".into()];
    let report = analyze(&arguments, &out);
    recompute(&out.join("report.json"), 0, &folder.join("test.npz"), None, None);
    let ties = &report["models"][0]["test"]["ties"];
    let count = |key: &str| -> u64 { ties[key].as_u64().unwrap_or_else(|| panic!("{key} of {ties}")) };
    assert!(count("zero_margin_correct") > 0, "S1's excess is not exercised: {ties}");
    assert!(count("zero_margin_correct") < count("zero_margin"), "every tie is right: {ties}");
    assert!(count("top2") < labels.len() as u64 / 2, "nearly everything ties: {ties}");
    assert_eq!(report["models"][0]["train"], Value::Null);
}
