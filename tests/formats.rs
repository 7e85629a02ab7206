//! The same predictions in every format give the same report.

use std::collections::HashMap;
use std::fmt::Write as _;

use car_spectral_tests::{analyze, fresh_folder, read_predictions, text, trained, write, write_npz};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

#[test]
fn every_format_gives_the_same_report() {
    let folder = fresh_folder("files");
    let (logits, labels) = read_predictions(&trained("mlp").join("test.npz"));
    write_npz(&folder.join("compressed.npz"), logits.view(), labels.view(), true);
    write_npz(&folder.join("stored.npz"), logits.view(), labels.view(), false);
    write_npz(&folder.join("double.npz"), logits.mapv(f64::from).view(), labels.mapv(|label| label as u8).view(), true);
    // Column-major, as the transpose of a C-ordered array is saved.
    let mut columns = ndarray::Array2::<f32>::zeros(ndarray::ShapeBuilder::f(logits.raw_dim()));
    columns.assign(&logits);
    write_npz(&folder.join("fortran.npz"), columns.view(), labels.view(), false);
    ndarray_npy::write_npy(folder.join("logits.npy"), &logits).unwrap();
    ndarray_npy::write_npy(folder.join("labels.npy"), &labels.mapv(|label| label as i32)).unwrap();
    let bytes: Vec<u8> = logits.iter().flat_map(|value| value.to_le_bytes()).collect();
    let label_bytes: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    let tensors = HashMap::from([
        ("logits", TensorView::new(Dtype::F32, logits.shape().to_vec(), &bytes).unwrap()),
        ("labels", TensorView::new(Dtype::I64, vec![labels.len()], &label_bytes).unwrap()),
    ]);
    safetensors::serialize_to_file(tensors, None, &folder.join("scores.safetensors")).unwrap();
    let mut csv = String::from("label");
    (0..logits.ncols()).for_each(|class| write!(csv, ",logit_{class}").unwrap());
    for (row, label) in logits.rows().into_iter().zip(&labels) {
        write!(csv, "\n{label}").unwrap();
        // The shortest text that reads back as the same float.
        row.iter().for_each(|value| write!(csv, ",{value}").unwrap());
    }
    write(&folder.join("scores.csv"), csv.as_bytes());

    let file = |name: &str| text(&folder.join(name));
    let pair = format!("{},{}", file("logits.npy"), file("labels.npy"));
    let sources = ["compressed.npz", "stored.npz", "double.npz", "fortran.npz", "scores.safetensors", "scores.csv"];
    let mut sources: Vec<(String, String)> = sources.map(|name| (name.to_owned(), file(name))).into();
    sources.push(("pair".into(), pair));
    let counts = folder.join("counts.txt");
    write(&counts, b"40\n31\n24\n18\n14\n11\n8\n6\n5\n4\n");
    let mut expected: Option<Value> = None;
    for (name, source) in sources {
        let arguments = ["--predictions".into(), source, "--train-counts".into(), text(&counts)];
        let report = analyze(&arguments, &fresh_folder(&format!("report-{name}")));
        let test = report["models"][0]["test"].clone();
        assert!(test["samples"].as_u64().is_some_and(|samples| samples == labels.len() as u64));
        match &expected {
            None => expected = Some(test),
            Some(expected) => assert_eq!(&test, expected, "{name}"),
        }
    }
}
