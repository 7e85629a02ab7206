//! Prediction files in every format, and files that must be refused.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use half::{bf16, f16};
use ndarray::{Array2, ShapeBuilder, array};
use ndarray_npy::{NpzWriter, WriteNpyExt};

use super::*;
use crate::testing::{archive, is, npy, npy_with, safetensors};

const LOGIT_VALUES: [f32; 6] = [0.5, -1.25, 2.0, 3.0, 0.0, -0.125];

fn logits() -> Array2<f32> {
    Array2::from_shape_vec((2, 3), LOGIT_VALUES.to_vec()).unwrap()
}

fn with_files<T>(files: &[(&str, &[u8])], run: impl FnOnce(&Path) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    run(directory.path())
}

fn read_bytes(bytes: &[u8]) -> Result<Predictions, InputError> {
    with_files(&[("predictions", bytes)], |folder| read(&PredictionSource::File(folder.join("predictions"))))
}

fn read_pair(logits: &[u8], labels: &[u8]) -> Result<Predictions, InputError> {
    with_files(&[("logits.npy", logits), ("labels.npy", labels)], |folder| {
        let source = format!("{0}/logits.npy,{0}/labels.npy", folder.display());
        read(&source.parse().unwrap())
    })
}

fn npz(logits: &[u8], labels: &[u8]) -> Vec<u8> {
    archive(&[("logits.npy", logits), ("labels.npy", labels)], true)
}

fn bytes_of<const SIZE: usize>(values: impl IntoIterator<Item = [u8; SIZE]>) -> Vec<u8> {
    values.into_iter().flatten().collect()
}

fn logits_npy() -> Vec<u8> {
    npy("<f4", "(2, 3)", &bytes_of(LOGIT_VALUES.map(f32::to_le_bytes)))
}

fn labels_npy() -> Vec<u8> {
    npy("<i8", "(2,)", &bytes_of([2_i64, 0].map(i64::to_le_bytes)))
}

fn assert_are_the_predictions(predictions: &Predictions, what: &str) {
    assert_eq!((predictions.num_samples(), predictions.num_classes()), (2, 3), "{what}");
    assert_eq!(predictions.labels, array![2, 0], "{what}");
    match &predictions.logits {
        Logits::F32(read) => {
            assert_eq!(read, logits(), "{what}");
            assert!(read.is_standard_layout(), "{what}");
        }
        Logits::F64(read) => {
            assert_eq!(read, logits().mapv(f64::from), "{what}");
            assert!(read.is_standard_layout(), "{what}");
        }
        _ => panic!("{what}: no scores"),
    }
}

#[test]
fn npz_of_an_independent_writer_stored_and_compressed() {
    for compressed in [false, true] {
        let mut bytes = Vec::new();
        let cursor = Cursor::new(&mut bytes);
        let mut writer = if compressed { NpzWriter::new_compressed(cursor) } else { NpzWriter::new(cursor) };
        writer.add_array("logits", &logits()).unwrap();
        writer.add_array("labels", &array![2_u8, 0]).unwrap();
        writer.finish().unwrap();
        let predictions = read_bytes(&bytes).unwrap();
        assert_are_the_predictions(&predictions, "npz");
        assert_eq!(predictions.stored_dtype, ElementType::F32);
        assert_eq!(predictions.sha256, super::super::content::sha256(&bytes));
    }
}

#[test]
fn every_element_type_and_byte_order_gives_the_same_predictions() {
    let values = LOGIT_VALUES;
    // All six are exact in float16 and bfloat16.
    let stored_logits: [(&str, Vec<u8>, ElementType); 6] = [
        ("<f2", bytes_of(values.map(|x| f16::from_f32(x).to_le_bytes())), ElementType::F16),
        (">f2", bytes_of(values.map(|x| f16::from_f32(x).to_be_bytes())), ElementType::F16),
        ("<f4", bytes_of(values.map(f32::to_le_bytes)), ElementType::F32),
        (">f4", bytes_of(values.map(f32::to_be_bytes)), ElementType::F32),
        ("<f8", bytes_of(values.map(|x| f64::from(x).to_le_bytes())), ElementType::F64),
        (">f8", bytes_of(values.map(|x| f64::from(x).to_be_bytes())), ElementType::F64),
    ];
    for (descr, data, element) in stored_logits {
        let predictions = read_bytes(&npz(&npy(descr, "(2, 3)", &data), &labels_npy())).unwrap();
        assert_are_the_predictions(&predictions, descr);
        assert_eq!(predictions.stored_dtype, element);
        assert_eq!(matches!(predictions.logits, Logits::F64(_)), element == ElementType::F64);
    }
    let stored_labels: [(&str, Vec<u8>); 10] = [
        ("|i1", vec![2, 0]),
        ("|u1", vec![2, 0]),
        ("<i2", vec![2, 0, 0, 0]),
        (">i2", vec![0, 2, 0, 0]),
        ("<u2", vec![2, 0, 0, 0]),
        ("<i4", bytes_of([2_i32, 0].map(i32::to_le_bytes))),
        ("<u4", bytes_of([2_u32, 0].map(u32::to_le_bytes))),
        (">u4", bytes_of([2_u32, 0].map(u32::to_be_bytes))),
        ("<u8", bytes_of([2_u64, 0].map(u64::to_le_bytes))),
        (">i8", bytes_of([2_i64, 0].map(i64::to_be_bytes))),
    ];
    for (descr, data) in stored_labels {
        let predictions = read_bytes(&npz(&logits_npy(), &npy(descr, "(2,)", &data))).unwrap();
        assert_are_the_predictions(&predictions, descr);
    }
}

#[test]
fn column_major_arrays_are_read_in_row_major_order() {
    let mut column_major = Array2::zeros((2, 3).f());
    column_major.assign(&logits());
    let mut bytes = Vec::new();
    column_major.write_npy(&mut bytes).unwrap();
    assert!(bytes.windows(21).any(|window| window == b"'fortran_order': True"), "the writer keeps the order");
    assert_are_the_predictions(&read_pair(&bytes, &labels_npy()).unwrap(), "column-major");
}

#[test]
fn a_non_finite_logit_is_placed_in_either_order() {
    let mut values = logits();
    values[(0, 2)] = f32::NEG_INFINITY;
    let mut column_major = Array2::zeros((2, 3).f());
    column_major.assign(&values);
    for (what, array) in [("row-major", values), ("column-major", column_major)] {
        let mut bytes = Vec::new();
        array.write_npy(&mut bytes).unwrap();
        let error = read_pair(&bytes, &labels_npy()).unwrap_err();
        assert!(matches!(error, InputError::NonFinite { sample: 0, class: 2, .. }), "{what}: {error}");
    }
}

#[test]
fn pairs_name_both_files() {
    let (logits, labels) = (logits_npy(), labels_npy());
    let predictions = read_pair(&logits, &labels).unwrap();
    assert_are_the_predictions(&predictions, "pair");
    let digests = [logits, labels].map(|bytes| super::super::content::sha256(&bytes));
    assert_eq!(predictions.sha256, digests.join(","));
    assert!(predictions.source.to_string().ends_with("labels.npy"));
}

#[test]
fn sources_are_told_from_the_command_line() {
    let parse = |text: &str| text.parse::<PredictionSource>().unwrap();
    let pair = PredictionSource::Pair { logits: "a/l.npy".into(), labels: "b,c.npy".into() };
    assert_eq!(parse("a/l.npy,b,c.npy"), pair);
    assert_eq!(pair.to_string(), "a/l.npy,b,c.npy");
    for single in ["a.npz", "a,b.npz", "a.npy", "a.npy,b.xml", ".npy,b.npy"] {
        assert_eq!(parse(single), PredictionSource::File(single.into()));
    }
}

#[test]
fn safetensors_predictions_bfloat16_included() {
    let data = [bytes_of(LOGIT_VALUES.map(f32::to_le_bytes)), bytes_of([2_i32, 0].map(i32::to_le_bytes))].concat();
    let header = r#"{"logits":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"labels":{"dtype":"I32","shape":[2],"data_offsets":[24,32]}}"#;
    let predictions = read_bytes(&safetensors(header, &data)).unwrap();
    assert_are_the_predictions(&predictions, "safetensors");
    let data = [bytes_of(LOGIT_VALUES.map(|x| bf16::from_f32(x).to_le_bytes())), vec![2, 0]].concat();
    let header = r#"{"logits":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"labels":{"dtype":"U8","shape":[2],"data_offsets":[12,14]}}"#;
    let predictions = read_bytes(&safetensors(header, &data)).unwrap();
    assert_are_the_predictions(&predictions, "bfloat16");
    assert_eq!(predictions.stored_dtype, ElementType::BF16);
}

#[test]
fn whole_labels_of_floating_point_types() {
    for (descr, bytes) in [
        ("<f4", bytes_of([2f32, 0.0].map(f32::to_le_bytes))),
        (">f8", bytes_of([2f64, 0.0].map(f64::to_be_bytes))),
        ("<f2", vec![0x00, 0x40, 0x00, 0x00]),
    ] {
        let predictions = read_bytes(&npz(&logits_npy(), &npy(descr, "(2,)", &bytes))).unwrap();
        assert_are_the_predictions(&predictions, descr);
    }
    let text = "label,logit_0,logit_1\n1.000000000000000000e+00,1,2\n0.0,2,1\n";
    assert_eq!(read_bytes(text.as_bytes()).unwrap().labels.to_vec(), [1, 0]);
}

#[test]
fn csv_predictions() {
    for text in [
        "label,logit_0,logit_1,logit_2\n2,0.5,-1.25,2\n0,3.0,0,-1.25e-1\n",
        "\u{feff}label, logit_0, logit_1, logit_2\r\n2, 0.5, -1.25, 2\r\n0, 3.0, 0, -0.125\r\n\r\n",
        "label,logit_0,logit_1,logit_2\n\"2\",0.5,-1.25,2.\n0,3,0,-.125",
    ] {
        let predictions = read_bytes(text.as_bytes()).unwrap();
        assert_are_the_predictions(&predictions, text);
        assert_eq!(predictions.stored_dtype, ElementType::Decimal);
    }
}

/// A type that does not hold every class gives the samples of some to others.
#[test]
fn labels_of_a_type_too_narrow_for_the_classes_are_refused() {
    let with = |classes: usize, descr: &str, label: &[u8]| {
        let logits = npy("<f4", &format!("(1, {classes})"), &vec![0; 4 * classes]);
        read_bytes(&npz(&logits, &npy(descr, "(1,)", label)))
    };
    for (descr, label, most) in [
        ("<f2", &[0, 0][..], 2049),
        ("<V2", &[0, 0], 257),
        ("|i1", &[0], 128),
        ("|u1", &[0], 256),
        ("<i2", &[0, 0], 32_768),
    ] {
        assert_eq!(with(most, descr, label).unwrap().labels.to_vec(), [0], "{descr}");
        let error = with(most + 1, descr, label).unwrap_err();
        assert!(matches!(error, InputError::Predictions(PredictionsError::NarrowLabels { .. })), "{descr}: {error}");
        assert!(error.to_string().contains(&format!("cannot tell {} classes apart", most + 1)), "{error}");
    }
}

#[test]
fn classes_in_place_of_scores() {
    let predicted = npy("|u1", "(4,)", &[2, 0, 1, 1]);
    let labels = npy("<i8", "(4,)", &bytes_of([2_i64, 0, 1, 0].map(i64::to_le_bytes)));
    let expected = Logits::Classes(Classes { predicted: vec![2, 0, 1, 1], num_classes: 3, in_order: true });
    for bytes in [
        archive(&[("preds.npy", &predicted), ("labels.npy", &labels)], false),
        b"id,pred,label\n0,2,2\n1,0,0\n2,1,1\n3,1,0\n".to_vec(),
        b"{\"y_pred\": [2, 0, 1, 1], \"y_true\": [2, 0, 1, 0]}".to_vec(),
    ] {
        let found = read_bytes(&bytes).unwrap();
        assert_eq!((&found.logits, found.labels.to_vec()), (&expected, vec![2, 0, 1, 0]));
        assert!(found.notes.iter().any(|note| note.contains("3 classes, as the largest")), "{:?}", found.notes);
    }
    let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let table = b"label,predicted\nc,c\na,a\nb,b\na,b\n";
    let found = with_files(&[("p", table)], |folder| {
        let reading = Reading { class_names: Some(names), ..Reading::default() };
        read_as(&PredictionSource::File(folder.join("p")), &reading).unwrap()
    });
    assert_eq!((found.num_classes(), found.logits.predicted()), (4, vec![2, 0, 1, 1]));
    // As many classes as samples may be there: not a label that is none of them.
    for (samples, is_read) in [(70_000_i64, true), (69_999, false)] {
        let classes = npy("<i8", &format!("({samples},)"), &bytes_of((70_000 - samples..70_000).map(i64::to_le_bytes)));
        let read = read_bytes(&archive(&[("preds.npy", &classes), ("labels.npy", &classes)], false));
        assert_eq!(read.ok().map(|found| found.num_classes()), is_read.then_some(70_000), "{samples}");
    }
    // Found by fuzzing: no sample, and no class, were taken for predictions.
    let nothing = npy("<i8", "(0,)", &[]);
    for read in [
        read_bytes(&archive(&[("preds.npy", &nothing), ("labels.npy", &nothing)], false)),
        read_pair(b"x\n", b"label\n"),
    ] {
        assert!(matches!(read, Err(InputError::NoSamples { .. })), "{read:?}");
    }
    for names in [vec![], vec!["a".to_owned()]] {
        let read = with_files(&[("p", b"label,predicted\n0,0\n0,1\n")], |folder| {
            let reading = Reading { class_names: Some(names.clone()), ..Reading::default() };
            read_as(&PredictionSource::File(folder.join("p")), &reading)
        });
        assert!(matches!(read, Err(InputError::TooFewClasses { .. })), "{read:?}");
    }
}

/// A bad file, part of the message that names the place, and the variant.
type Case = (&'static str, Vec<u8>, &'static str, &'static str);

#[test]
fn bad_files_are_refused_with_their_place() {
    let l = logits_npy;
    let y = labels_npy;
    let f4 = |values: &[f32]| bytes_of(values.iter().map(|x| x.to_le_bytes()));
    let logits_with = |position: usize, value: f32| {
        let mut values = LOGIT_VALUES;
        values[position] = value;
        npy("<f4", "(2, 3)", &f4(&values))
    };
    let scores = |descr: &str, shape: &str, data: &[u8]| npz(&npy(descr, shape, data), &y());
    let labels = |descr: &str, shape: &str, data: &[u8]| npz(&l(), &npy(descr, shape, data));
    let header = |text: &str| npz(&npy_with(text, &[0; 24]), &y());
    let ordered = |rest: &str| header(&format!("{{'descr': '<f4', 'fortran_order': False, {rest}"));
    let labels_of = |values: [i64; 2]| npy("<i8", "(2,)", &bytes_of(values.map(i64::to_le_bytes)));
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();
    let tensors = |logits: &str, labels: &str, data: usize| {
        safetensors(&format!(r#"{{"logits":{logits},"labels":{labels}}}"#), &vec![0; data])
    };
    let st_logits = r#"{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}"#;
    let csv = |rows: &str| format!("label,logit_0,logit_1\n{rows}").into_bytes();

    let cases: Vec<Case> = vec![
        ("empty file", vec![], "0 bytes", "EmptyFile"),
        ("garbage", vec![0, 1, 2, 3], "byte 0: the bytes 00 01 02 03", "UnknownFormat"),
        ("one .npy", l(), "LOGITS.npy,LABELS.npy", "LoneNpy"),
        // Arrays.
        (
            "no logits",
            archive(&[("a.npy", &y()), ("labels.npy", &y())], false),
            "no array can be the logits; present: \"a\" [2] int64, \"labels\" [2] int64",
            r#"Missing, what: "logits""#,
        ),
        (
            "no labels",
            archive(&[("logits.npy", &l())], false),
            "present: \"logits\" [2, 3] float32",
            r#"Missing, what: "labels""#,
        ),
        (
            "an array under two names",
            archive(&[("logits.npy", &l()), ("logits", &l()), ("labels", &y())], false),
            "\"logits\"",
            "Duplicate",
        ),
        ("integer logits", scores("<i4", "(2, 3)", &[0; 24]), "array logits: elements of type int32", "ElementType"),
        ("half a class", labels("<f4", "(2,)", &f4(&[2.0, 0.5])), "sample 1: label 0.5", "FractionalLabel"),
        ("no class", labels("<f4", "(2,)", &f4(&[f32::NAN, 0.0])), "sample 0: label NaN", "FractionalLabel"),
        ("float label K", labels("<f4", "(2,)", &f4(&[2.0, 3.0])), "sample 1: label 3, and none is 0", "LabelsFromOne"),
        ("bool labels", labels("|b1", "(2,)", &[0; 2]), "array labels: elements of type bool", "ElementType"),
        ("object labels", labels("|O", "(2,)", &[0; 2]), "array \"labels\", a pickle, byte 0", "Damaged"),
        ("complex logits", scores("<c8", "(2, 3)", &[0; 48]), "\"<c8\"", "ElementType"),
        ("native byte order", scores("=f4", "(2, 3)", &[0; 24]), "\"=f4\"", "ElementType"),
        (
            "structured type",
            header("{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (3,), }"),
            "structured",
            "ElementType",
        ),
        ("flat logits", scores("<f4", "(6,)", &[0; 24]), "array logits: shape [6]", "Shape"),
        ("three-dimensional logits", scores("<f4", "(2, 3, 2)", &[0; 48]), "shape [2, 3, 2]", "Shape"),
        ("two labels a sample", labels("<i8", "(2, 2)", &[0; 32]), "array labels: shape [2, 2]", "Shape"),
        (
            "no one class",
            labels("|u1", "(2, 3)", &[0, 1, 0, 1, 1, 0]),
            "sample 1: the labels have a column",
            "NotOneHot, sample: 1",
        ),
        ("mixed labels", labels("<f4", "(2, 3)", &f4(&[0.5, 0.5, 0., 1., 0., 0.])), "sample 0", "NotOneHot, sample: 0"),
        (
            "columns of samples",
            npz(&npy("<f4", "(2, 3)", &[0; 24]), &npy("|u1", "(3,)", &[0; 3])),
            "logits.T",
            "Transposed",
        ),
        (
            "text labels",
            labels("<U1", "(2,)", b"a\0\0\0b\0\0\0"),
            "sample 0: label \"a\" is a text",
            "TextLabel, sample: 0",
        ),
        ("scalar labels", labels("<i8", "()", &[0; 8]), "array labels: shape []", "Shape"),
        ("no samples", npz(&npy("<f4", "(0, 3)", &[]), &npy("<i8", "(0,)", &[])), "array logits", "NoSamples"),
        ("one class", scores("<f4", "(2, 1)", &[0; 8]), "1 class(es)", "TooFewClasses, classes: 1"),
        ("no class", scores("<f4", "(2, 0)", &[]), "0 class(es)", "TooFewClasses, classes: 0"),
        ("five labels", labels("|u1", "(5,)", &[0; 5]), "2 rows and labels 5", "LengthMismatch, logits: 2, labels: 5"),
        // Values.
        ("NaN", npz(&logits_with(1, f32::NAN), &y()), "sample 0, class 1: the logit is NaN", "NonFinite"),
        ("infinity", npz(&logits_with(3, f32::INFINITY), &y()), "sample 1, class 0: the logit is inf", "NonFinite"),
        (
            "label K",
            npz(&l(), &labels_of([0, 3])),
            "sample 1: the label is 3; labels are the classes 0 to 2",
            "LabelOutOfRange",
        ),
        ("labels from 1", npz(&l(), &labels_of([1, 3])), "`first-label` 1", "LabelsFromOne"),
        ("labels far above", npz(&l(), &labels_of([3, 9])), "sample 0: the label is 3", "LabelOutOfRange"),
        ("negative label", npz(&l(), &labels_of([-1, 0])), "sample 0: the label is -1", "LabelOutOfRange"),
        ("huge label", labels("<u8", "(2,)", &[0xff; 16]), "the label is 18446744073709551615", "LabelOutOfRange"),
        // Headers.
        ("beyond its data", scores("<f4", "(60000, 1000)", &[0; 24]), "[60000, 1000]", "SizeMismatch, available: 24"),
        ("beyond all memory", scores("<f4", "(4611686018427387904, 4)", &[0; 24]), "array logits", "SizeMismatch"),
        ("data too long", scores("<f4", "(2, 3)", &[0; 25]), "25 bytes", "SizeMismatch"),
        ("no .npy inside", npz(b"hello", &y()), "array logits, byte 0", "Damaged"),
        ("unknown version", npz(b"\x93NUMPY\x09\x00\x00\x00", &y()), "byte 6: unknown .npy version 9.0", "Damaged"),
        ("cut header", npz(&l()[..40], &y()), "array logits, header", "Truncated"),
        ("cut version", npz(&l()[..7], &y()), "array logits, header", "Truncated"),
        ("no dictionary", header("hello"), "byte 10: the header is no Python dictionary", "Damaged"),
        ("no shape", header("{'descr': '<f4', 'fortran_order': False}"), "missing", "Damaged"),
        ("shape twice", ordered("'shape': (2, 3), 'shape': (3, 2)}"), "twice", "Damaged"),
        ("negative extent", ordered("'shape': (-2, 3)}"), "extent", "Damaged"),
        ("extent of 80 bits", ordered("'shape': (1208925819614629174706176,)}"), "extent", "Damaged"),
        ("an order 1", header("{'descr': '<f4', 'fortran_order': 1, 'shape': (2, 3)}"), "True nor False", "Damaged"),
        ("another key", ordered("'shape': (2, 3), 'x': 1}"), "a key other", "Damaged"),
        ("text after the header", ordered("'shape': (2, 3)} x"), "text after", "Damaged"),
        // Archives.
        ("cut archive", cut(npz(&l(), &y()), 10), "byte ", "Damaged"),
        (
            "changed byte of a member",
            {
                let mut bytes = archive(&[("logits.npy", &l()), ("labels.npy", &y())], false);
                let at = bytes.windows(4).position(|window| window == 2.0_f32.to_le_bytes()).unwrap();
                bytes[at] ^= 1;
                bytes
            },
            "member \"logits.npy\"",
            "Checksum",
        ),
        // .safetensors.
        (
            "tensor missing",
            safetensors(
                &format!(r#"{{"logits":{st_logits},"paths":{{"dtype":"U8","shape":[0],"data_offsets":[24,24]}}}}"#),
                &[0; 24],
            ),
            "present: \"logits\" [2, 3] float32, \"paths\" [0] uint8",
            r#"Missing, what: "labels""#,
        ),
        (
            "float8 logits",
            tensors(
                r#"{"dtype":"F8_E5M2","shape":[2,3],"data_offsets":[0,6]}"#,
                r#"{"dtype":"I64","shape":[2],"data_offsets":[6,22]}"#,
                22,
            ),
            "F8_E5M2",
            "ElementType",
        ),
        (
            "cut safetensors",
            tensors(st_logits, r#"{"dtype":"I64","shape":[2],"data_offsets":[24,40]}"#, 39),
            "tensor data (byte ",
            "Truncated, needed: 40, available: 39",
        ),
        // CSV.
        ("no labels", b"loss,logit_0,logit_1\n0.3,1,2\n".to_vec(), "no column is called label", "Table, line: 1"),
        ("a class left out", b"label,logit_0,logit_2\n0,1,2\n".to_vec(), "not numbered from 0", "Table"),
        ("two kinds of scores", b"label,a0,a1,b0,b1\n0,1,2,3,4\n".to_vec(), "`keys` logits=WORD", "Table"),
        ("a column twice", b"label,logit_0,logit_1,logit_1\n0,1,2,3\n".to_vec(), "\"logit_1\" is there twice", "Table"),
        ("columns from 1", b"label,c1,c2\n0,1,2\n".to_vec(), "`first-label` 1", "Table"),
        ("no header", b"0,1.0,1\n1,3.0,0\n".to_vec(), "the first and the last column can be the labels", "Table"),
        ("a printed list", b"label,logits\n0,\"[1. 2. ... 3.]\"\n".to_vec(), "line 2, column 2", "CsvField"),
        ("no label", csv(",1,2\n"), "line 2, column 1: \"\" is not the class", "CsvField"),
        ("one logit", b"label,logit_0\n0,1\n".to_vec(), "1 class(es)", "TooFewClasses"),
        ("no rows", csv(""), "no samples", "NoSamples"),
        ("short row", csv("0,1,2\n1,3\n"), "line 3: 2 fields; the header has 3", "CsvRowLength"),
        ("long row", csv("0,1,2,3\n"), "line 2: 4 fields", "CsvRowLength"),
        ("text as a logit", csv("0,1,2\n1,x,2\n"), "line 3, column 2: \"x\"", "CsvField"),
        ("empty logit", csv("0,1,\n"), "line 2, column 3: \"\"", "CsvField"),
        ("decimal comma", csv("0;1,5;2\n"), "line 2: 2 fields", "CsvRowLength"),
        ("half a class", csv("0.5,1,2\n"), "line 2, column 1: \"0.5\"", "CsvField"),
        ("infinite class", csv("inf,1,2\n"), "line 2, column 1: \"inf\"", "CsvField"),
        ("label K in CSV", csv("0,1,2\n2,1,2\n"), "sample 1: the label is 2", "LabelOutOfRange"),
        ("NaN in CSV", csv("0,1,2\n1,nan,2\n"), "sample 1, class 0", "NonFinite"),
        ("overflow in CSV", csv("0,1e999,2\n"), "sample 0, class 0: the logit is inf", "NonFinite"),
        ("a letter that is no digit", csv("0,1,2\u{e9}\n"), "line 2, column 3: \"2\u{e9}\"", "CsvField"),
        ("not UTF-8", [csv("0,1,"), vec![0xe9, b'\n']].concat(), "byte 26", "NotText"),
    ];
    let mut wrong = Vec::new();
    for (what, bytes, place, variant) in cases {
        match read_bytes(&bytes) {
            Ok(predictions) => wrong.push(format!("{what}: read as {predictions:?}")),
            Err(error) => {
                let text = error.to_string();
                if !(is(&error, variant) && text.contains(place) && text.contains("predictions: ")) {
                    wrong.push(format!("{what}: {text}\n{error:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_a_pair_the_file_at_fault_is_named() {
    let labels = npy("<i8", "(2,)", &bytes_of([2_i64, 9].map(i64::to_le_bytes)));
    let error = read_pair(&logits_npy(), &labels).unwrap_err();
    assert!(error.to_string().contains("labels.npy: sample 1: the label is 9"), "{error}");
    let error = read_pair(&logits_npy(), &npy("|u1", "(5,)", &[0; 5])).unwrap_err();
    assert!(error.to_string().contains("labels.npy: "), "{error}");
    let error = read_pair(&npy("<f4", "(2, 3)", &[0; 23]), &labels_npy()).unwrap_err();
    assert!(error.to_string().contains("logits.npy: array logits"), "{error}");
    let error = read_pair(b"PK\x03\x04", &labels_npy()).unwrap_err();
    assert!(matches!(error, InputError::Damaged { .. }), "{error}");
    let error = read(&"/nonexistent/l.npy,/nonexistent/y.npy".parse().unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("/nonexistent/l.npy: cannot read the file"), "{error}");
}

/// Cuts valid files at every byte and flips every byte: an error or predictions within their
/// limits, never a panic.
#[test]
fn damaged_files_never_panic() {
    let header = r#"{"logits":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"labels":{"dtype":"I64","shape":[2],"data_offsets":[24,40]}}"#;
    let data = [bytes_of(LOGIT_VALUES.map(f32::to_le_bytes)), bytes_of([2_i64, 0].map(i64::to_le_bytes))].concat();
    let files = [
        npz(&logits_npy(), &labels_npy()),
        archive(&[("logits.npy", &logits_npy()), ("labels.npy", &labels_npy())], false),
        safetensors(header, &data),
        b"label,logit_0,logit_1\n0,1.5,-2\n1,3,4\n".to_vec(),
    ];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("predictions");
    let source = PredictionSource::File(path.clone());
    for (number, file) in files.iter().enumerate() {
        let is_text = number == 3;
        for length in 0..file.len() {
            fs::write(&path, &file[..length]).unwrap();
            // A text cut within its last number is another valid text.
            assert!(read(&source).is_err() || is_text, "file {number} cut at {length}");
        }
        for position in 0..file.len() {
            for flip in [0x01_u8, 0x20, 0x80, 0xff] {
                let mut flipped = file.clone();
                flipped[position] ^= flip;
                fs::write(&path, &flipped).unwrap();
                if let Ok(predictions) = read(&source) {
                    assert!(predictions.labels.iter().all(|&label| label < predictions.num_classes()));
                    assert_eq!(predictions.labels.len(), predictions.num_samples());
                }
            }
        }
    }
}

fn notes_of(text: &str) -> Vec<String> {
    let found = read_bytes(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    [found.notes, found.doubts].concat()
}

fn has(notes: &[String], word: &str) -> bool {
    notes.iter().any(|note| note.contains(word))
}

/// Twelve samples of three classes, scores that are right in the first ten, and `more` behind each
/// line.
fn table(more: impl Fn(usize, usize) -> String) -> String {
    let line = |at: usize| {
        let (label, best) = (at % 3, if at < 10 { at % 3 } else { (at + 1) % 3 });
        let score = |class: usize| if class == best { 2.5 } else { 0.25 * at as f64 - 3.0 };
        format!("{label},{},{},{}{}\n", score(0), score(1), score(2), more(at, best))
    };
    (0..12).map(line).collect()
}

type More<'a> = &'a dyn Fn(usize, usize) -> String;

#[test]
fn what_stands_beside_and_contradicts_has_a_note() {
    let with =
        |header: &str, more: More<'_>| notes_of(&format!("label,logit_0,logit_1,logit_2,{header}\n{}", table(more)));
    let agreeing: [(&str, More<'_>); 4] = [
        ("y_pred", &|_, best| format!(",{best}")),
        ("correct", &|at, _| format!(",{}", if at < 10 { "True" } else { "False" })),
        ("targets", &|at, _| format!(",{}.0", at % 3)),
        ("filename", &|at, _| format!(",{at}.jpg")),
    ];
    for (header, more) in agreeing {
        let notes = with(header, more);
        assert!(!has(&notes, "samples"), "{header}: {notes:?}");
    }
    let contradicting: [(&str, More<'_>, &str); 5] = [
        ("y_pred", &|at, best| format!(",{}", if at < 4 { best } else { (best + 1) % 3 }), "largest score in 8 of 12"),
        ("correct", &|_, _| ",1".to_owned(), "say in 2 of 12"),
        ("targets", &|at, _| format!(",{}", (at + 1) % 3), "than the labels in 12 of 12"),
        ("index", &|at, _| format!(",{}", at % 9), "3 of 12 samples a name that stands there before, 3 of them with"),
        ("filename", &|at, _| format!(",{}.jpg", at / 2), "6 of 12 samples"),
    ];
    for (header, more, word) in contradicting {
        let notes = with(header, more);
        assert!(has(&notes, word), "{header}: {notes:?}");
    }
}

#[test]
fn a_packed_table_is_no_damaged_array() {
    let table = b"label,logit_0,logit_1\n0,1.5,0\n1,0,1.5\n";
    let error = read_bytes(&archive(&[("scores.csv", table)], true)).unwrap_err().to_string();
    assert!(error.contains("a zip archive of files that are no arrays") && error.contains("unpack it"), "{error}");
    let mixed = archive(&[("logits.npy", &logits_npy()), ("labels.npy", &labels_npy()), ("notes.txt", b"x")], true);
    assert_are_the_predictions(&read_bytes(&mixed).unwrap(), "a text beside the arrays");
}

#[test]
fn another_part_of_the_file_contradicts_nothing() {
    let part = |labels: &str| format!("{{\"logits\": [[2.5, 0.5], [0.5, 1.5], [1.5, 0.0]], \"labels\": {labels}}}");
    let doubts = |text: String, keys: &str| {
        with_files(&[("parts.json", text.as_bytes())], |folder| {
            let reading = Reading { keys: keys.parse().unwrap(), ..Reading::default() };
            read_as(&PredictionSource::File(folder.join("parts.json")), &reading).unwrap().doubts
        })
    };
    let apart = format!("{{\"test\": {}, \"val\": {}}}", part("[0, 1, 0]"), part("[1, 0, 1]"));
    assert_eq!(doubts(apart, "logits=test.logits,labels=test.labels"), [""; 0]);
    let beside = format!("{{\"test\": {}}}", part("[0, 1, 0], \"y_true\": [1, 0, 1]"));
    assert!(has(&doubts(beside, "logits=test.logits,labels=test.labels"), "than the labels in 3 of 3"));
}

#[test]
fn labels_that_may_mean_others_have_a_note() {
    let lines = |label: &dyn Fn(usize) -> usize, samples: usize, classes: usize| {
        let header: Vec<String> = (0..classes).map(|class| format!("logit_{class}")).collect();
        let scores = vec!["0.5"; classes].join(",");
        let rows: String = (0..samples).map(|at| format!("{},{scores}\n", label(at))).collect();
        notes_of(&format!("label,{}\n{rows}", header.join(",")))
    };
    assert!(has(&lines(&|at| 1 + at % 2, 12, 3), "no label is 0"));
    assert!(!has(&lines(&|at| at % 3, 12, 3), "no label is 0"));
    assert!(has(&lines(&|at| at % 256, 300, 300), "no label is above 255"));
    assert!(!has(&lines(&|at| at % 300, 301, 300), "no label is above"));
    assert!(has(&lines(&|at| if at > 256 { at - at % 2 } else { at }, 299, 300), "all even, as bfloat16"));
    assert!(has(&lines(&|at| at, 3, 3), "as many samples as classes"));
    let one_hot = notes_of("label,logit_0,logit_1\n0,1,0\n1,1,0\n1,0,1\n");
    assert!(has(&one_hot, "predicted classes"), "{one_hot:?}");
}

#[test]
fn columns_of_classes_without_a_header_are_told_by_their_numbers() {
    let of = |text: &str, keys: &str| {
        with_files(&[("p.csv", text.as_bytes())], |folder| {
            let keys = if keys.is_empty() { Default::default() } else { keys.parse().unwrap() };
            let found = read_as(&PredictionSource::File(folder.join("p.csv")), &Reading { keys, ..Reading::default() });
            found.map(|found| (found.labels.to_vec(), found.logits.predicted())).map_err(|error| error.to_string())
        })
    };
    let (two, three) = ("0,2\n1,1\n2,0\n0,0\n", "7,0,2\n8,1,1\n9,2,0\n4,0,0\n");
    let expected = Ok((vec![0, 1, 2, 0], vec![2, 1, 0, 0]));
    assert!(of(two, "").unwrap_err().contains("`keys` logits=NAME,labels=NAME, by its number from 0"));
    for (text, keys) in [(two, "logits=1,labels=0"), (two, "logits=1"), (three, "logits=2,labels=1")] {
        assert_eq!(of(text, keys), expected, "{keys}");
    }
    for keys in ["logits=1,labels=1", "logits=9,labels=0", "logits=pred"] {
        assert!(of(two, keys).unwrap_err().contains("there is no header, and no columns"), "{keys}");
    }
}

#[test]
fn an_index_in_front_is_no_class() {
    let plain =
        read_bytes(format!("label,logit_0,logit_1,logit_2\n{}", table(|_, _| String::new())).as_bytes()).unwrap();
    let counted = |columns: &dyn Fn(&str) -> String| -> String {
        let text = table(|_, _| String::new());
        text.lines().enumerate().map(|(at, line)| format!("{at},{}\n", columns(line))).collect()
    };
    let label_last = |line: &str| line.split_once(',').map(|(label, scores)| format!("{scores},{label}")).unwrap();
    for text in [counted(&|line| line.to_owned()), counted(&label_last)] {
        let found = read_bytes(text.as_bytes()).unwrap();
        assert_eq!((&found.logits, &found.labels), (&plain.logits, &plain.labels), "{text}");
        assert!(has(&found.notes, "counts the samples"), "{:?}", found.notes);
    }
    let scores = counted(&|line| line.split_once(',').unwrap().1.to_owned());
    let labels: String = (0..12).map(|at| format!("{at},{}\n", at % 3)).collect();
    let found = read_pair(scores.as_bytes(), labels.as_bytes()).unwrap();
    assert_eq!((&found.logits, &found.labels), (&plain.logits, &plain.labels));
    // One sample of each class: the first column is the labels.
    let found = read_bytes(b"0,2.5,0.5,0.1\n1,0.5,2.5,0.1\n2,0.1,0.5,2.5\n").unwrap();
    assert_eq!((found.logits.dim(), found.labels.to_vec()), ((3, 3), vec![0, 1, 2]));
}

#[test]
fn columns_of_classes_are_told_by_names_and_numbers() {
    let read_named = |text: &str| {
        let names = ["cat", "ant", "bee"].map(str::to_owned).to_vec();
        with_files(&[("predictions", text.as_bytes())], |folder| {
            let reading = Reading { class_names: Some(names), ..Reading::default() };
            read_as(&PredictionSource::File(folder.join("predictions")), &reading)
        })
    };
    let expected = Logits::F64(array![[2.0, 0.5, 1.0], [0.25, 3.0, 1.5]]);
    for text in [
        "ant,bee,cat,label\n0.5,1.0,2.0,0\n3.0,1.5,0.25,1\n",
        "logit_ant,logit_bee,logit_cat,label\n0.5,1.0,2.0,cat\n3.0,1.5,0.25,ant\n",
        "feat_0,feat_1,ant,bee,cat,label\n9,9,0.5,1.0,2.0,0\n9,9,3.0,1.5,0.25,1\n",
    ] {
        let found = read_named(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((&found.logits, found.labels.to_vec()), (&expected, vec![0, 1]), "{text}");
    }
    for text in ["class_1_logit,class_0_logit,label\n1,2,0\n", "logits[1],logits[0],label\n1,2,0\n"] {
        assert_eq!(read_bytes(text.as_bytes()).unwrap().logits, Logits::F64(array![[2.0, 1.0]]), "{text}");
    }
    for (text, problem) in [
        ("ant,bee,weight,label\n1,2,3,ant\n2,1,3,bee\n", "no label names \"weight\""),
        ("feat_0,feat_1,ant,bee,label\n1,2,3,4,0\n", "not numbered from 0"),
        ("class_0_logit,class_1_logit,class_0_prob,class_1_prob,label\n1,2,3,4,0\n", ""),
    ] {
        match read_bytes(text.as_bytes()) {
            Err(error) => assert!(!problem.is_empty() && error.to_string().contains(problem), "{text}: {error}"),
            Ok(found) => {
                assert!(problem.is_empty(), "{text}");
                assert_eq!(found.logits, Logits::F64(array![[1.0, 2.0]]));
            }
        }
    }
}

#[test]
fn tables_in_json_are_read() {
    let expected = (Logits::F64(array![[2.0, 1.0], [0.5, 3.0], [1.0, 4.0]]), vec![0, 1, 0]);
    for text in [
        r#"{"label":{"0":0,"1":1,"2":0},"logit_0":{"0":2.0,"1":0.5,"2":1.0},"logit_1":{"0":1.0,"1":3.0,"2":4.0}}"#,
        r#"[{"label":0,"logit_0":2.0,"logit_1":1.0},{"label":1,"logit_0":0.5,"logit_1":3.0},{"label":0,"logit_0":1.0,"logit_1":4.0}]"#,
        r#"{"0":{"label":0,"logit_0":2.0,"logit_1":1.0},"1":{"label":1,"logit_0":0.5,"logit_1":3.0},"2":{"label":0,"logit_0":1.0,"logit_1":4.0}}"#,
        r#"{"columns":["label","logit_0","logit_1"],"index":[0,1,2],"data":[[0,2.0,1.0],[1,0.5,3.0],[0,1.0,4.0]]}"#,
        r#"{"columns":["file","label","logit_0","logit_1"],"index":[0,1,2],"data":[["a.jpg",0,2.0,1.0],["b.jpg",1,0.5,3.0],["c.jpg",0,1.0,4.0]]}"#,
        r#"{"a.jpg":{"label":0,"logits":[2.0,1.0]},"b.jpg":{"label":1,"logits":[0.5,3.0]},"c.jpg":{"label":0,"logits":[1.0,4.0]}}"#,
        r#"{"accuracy":1.0,"results":[{"scores":[2.0,1.0],"label":0},{"scores":[0.5,3.0],"label":1},{"scores":[1.0,4.0],"label":0}]}"#,
        r#"{"run":{"seed":3,"predictions":{"a":{"logits":[2.0,1.0],"label":0},"b":{"logits":[0.5,3.0],"label":1},"c":{"logits":[1.0,4.0],"label":0}}}}"#,
        r#"{"schema":{"fields":[{"name":"index","type":"integer"}],"primaryKey":["index"]},"data":[{"index":0,"label":0,"logit_0":2.0,"logit_1":1.0},{"index":1,"label":1,"logit_0":0.5,"logit_1":3.0},{"index":2,"label":0,"logit_0":1.0,"logit_1":4.0}]}"#,
    ] {
        let found = read_bytes(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((found.logits, found.labels.to_vec()), expected, "{text}");
    }
    let error = read_bytes(br#"{"logits":[[1.0,NaN]],"labels":[0]}"#).unwrap_err().to_string();
    assert!(error.contains("NaN, which is no number of JSON"), "{error}");
    let two = r#"{"train":{"logits":[[1.0,2.0]],"labels":[1]},"test":{"logits":[[1.0,2.0]],"labels":[1]}}"#;
    assert!(read_bytes(two.as_bytes()).unwrap_err().to_string().contains("several arrays"));
    let beside = two.replace("\"labels\"", "\"accuracy\":0.5,\"labels\"");
    assert!(read_bytes(beside.as_bytes()).unwrap_err().to_string().contains("several arrays"), "splits are no samples");
    // As many scores as labels, of other samples.
    let holes = r#"[{"scores":[2.0,1.0],"label":0},{"scores":[0.5,3.0]},{"label":0}]"#;
    let error = read_bytes(holes.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("part 2 of the list has no \"scores\""), "{error}");
}

#[test]
fn halves_by_the_names_of_the_samples_are_read_in_one_order_only() {
    let scores = r#"{"a.jpg":[2.0,1.0],"b.jpg":[0.5,3.0],"c.jpg":[1.0,4.0]}"#;
    let labels = [r#"{"a.jpg":0,"b.jpg":1,"c.jpg":0}"#, r#"{"0":0,"1":1,"2":0}"#, "[0,1,0]"];
    for labels in labels {
        let found = read_pair(scores.as_bytes(), labels.as_bytes()).unwrap_or_else(|error| panic!("{labels}: {error}"));
        assert_eq!(found.logits, Logits::F64(array![[2.0, 1.0], [0.5, 3.0], [1.0, 4.0]]));
        assert_eq!(found.labels.to_vec(), [0, 1, 0], "{labels}");
    }
    let predicted = r#"{"a.jpg":0,"b.jpg":0,"c.jpg":0}"#;
    let found = read_pair(predicted.as_bytes(), labels[0].as_bytes()).unwrap();
    assert_eq!(found.logits.predicted(), [0, 0, 0]);
    let turned = r#"{"c.jpg":0,"b.jpg":1,"a.jpg":0}"#;
    let error = read_pair(scores.as_bytes(), turned.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("\"sample\"") && error.contains("different orders"), "{error}");
}

#[test]
fn a_last_batch_without_its_axis_belongs_to_the_others() {
    let text = r#"[{"logits":[[1.0,2.5],[0.5,0.25]],"labels":[1,0]},{"logits":[3.5,0.5],"labels":0}]"#;
    let found = read_bytes(text.as_bytes()).unwrap();
    assert_eq!(found.logits, Logits::F64(array![[1.0, 2.5], [0.5, 0.25], [3.5, 0.5]]));
    assert_eq!(found.labels.to_vec(), [1, 0, 0]);
}

#[test]
fn parts_that_do_not_belong_together_are_told() {
    let part = |from: usize| -> String {
        let rows = (from..from + 5).map(|at| format!("{},{}.5,{at}.25\n", (at * at + at / 3) % 2, 20 - at));
        format!("label,logit_0,logit_1\n{}", rows.collect::<String>())
    };
    let parts = [part(0), part(5), part(10)];
    let whole = [parts[0].as_str(), parts[1].split_once('\n').unwrap().1].concat();
    let read_all = |files: &[(&str, &str)]| {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        with_files(&files, |folder| read(&PredictionSource::File(folder.to_path_buf())))
    };
    assert_eq!(read_all(&[("p0.csv", &parts[0]), ("p1.csv", &parts[1])]).unwrap().num_samples(), 10);
    for (files, problem) in [
        (vec![("p0.csv", &parts[0]), ("p0 (1).csv", &parts[0])], "byte for byte"),
        (vec![("all.csv", &whole), ("p0.csv", &parts[0]), ("p1.csv", &parts[1])], "each of its rows is in \"all.csv\""),
        (vec![("test.csv", &parts[0]), ("train.csv", &parts[1])], "another split"),
    ] {
        let files: Vec<(&str, &str)> = files.into_iter().map(|(name, text)| (name, text.as_str())).collect();
        let error = read_all(&files).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    let gap = read_all(&[("p0.csv", &parts[0]), ("p1.csv", &parts[1]), ("p3.csv", &parts[2])]).unwrap().notes;
    assert!(has(&gap, "none of number 2"), "{gap:?}");
    let shares = "label,logit_0,logit_1\n0,0.75,0.25\n1,0.5,0.5\n0,0.875,0.125\n1,0.25,0.75\n1,0,1\n";
    let kinds = read_all(&[("p0.csv", &parts[0]), ("p1.csv", shares)]).unwrap().notes;
    assert!(has(&kinds, "\"p0.csv\" holds logits, \"p1.csv\" probabilities (no score below 0"), "{kinds:?}");
    let other = parts[0].replace(".5,", ".75,");
    let twice = read_all(&[("ce.csv", &parts[0]), ("ldam.csv", &other)]).unwrap().notes;
    assert!(has(&twice, "the same labels in the same order"), "{twice:?}");
}

#[test]
fn the_class_of_a_row_is_the_first_of_the_largest() {
    use proptest::prelude::*;
    proptest!(|(row in prop::collection::vec(prop_oneof![Just(-0.0f32), Just(0.0), -2.0f32..2.0, Just(1.0)], 1..70))| {
        let plain = (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
        let row = ndarray::Array1::from_vec(row);
        prop_assert_eq!(first_largest(row.view()), plain);
        let apart = ndarray::stack(ndarray::Axis(1), &[row.view(), row.view()]).unwrap();
        prop_assert_eq!(first_largest(apart.column(1)), plain);
    });
}

/// Tables of scores and of labels, each with a number of its samples.
fn numbered(of_scores: &[usize], of_labels: &[usize], names: [&str; 2]) -> Result<Predictions, InputError> {
    let scores: String = of_scores.iter().map(|id| format!("{id},{}.5,1.25,0\n", id % 3)).collect();
    let labels: String = of_labels.iter().map(|id| format!("{id},{}\n", id % 3)).collect();
    let scores = format!("{},logit_0,logit_1,logit_2\n{scores}", names[0]);
    let labels = format!("{},label\n{labels}", names[1]);
    with_files(&[("s.csv", scores.as_bytes()), ("l.csv", labels.as_bytes())], |folder| {
        let pair = PredictionSource::Pair { logits: folder.join("s.csv"), labels: folder.join("l.csv") };
        read(&pair)
    })
}

#[test]
fn halves_that_name_their_samples_must_name_the_same() {
    let same = ["id", "id"];
    assert_eq!(numbered(&[0, 1, 2, 3], &[0, 1, 2, 3], same).unwrap().doubts, [""; 0]);
    let swapped = numbered(&[0, 1, 2, 3], &[0, 2, 1, 3], same).unwrap_err().to_string();
    assert!(swapped.contains("l.csv") && swapped.contains("in different orders (the first other row: 1)"), "{swapped}");
    let others = numbered(&[0, 1, 2, 3], &[0, 1, 2, 9], same).unwrap().doubts.join(". ");
    assert!(others.contains("\"id\" of the scores and \"id\" of the labels differ in 1 of 4 rows"), "{others}");
    // Rows may be counted in one file and the images named in the other.
    let doubt = numbered(&[0, 1, 2, 3], &[3, 2, 1, 0], ["index", "image_id"]).unwrap().doubts.join(". ");
    assert!(doubt.contains("differ in 4 of 4 rows"), "{doubt}");
    assert_eq!(numbered(&[0, 1, 2, 3], &[13, 12, 11, 10], ["index", "image_id"]).unwrap().doubts, [""; 0]);
}

#[test]
fn labels_numbered_otherwise_than_their_scores_in_one_file_are_refused() {
    let of = |ids: [i64; 2], label_ids: [i64; 2]| {
        let numbers = |ids: [i64; 2]| npy("<i8", "(2,)", &bytes_of(ids.map(i64::to_le_bytes)));
        let (ids, label_ids) = (numbers(ids), numbers(label_ids));
        let files: [(&str, &[u8]); 4] = [
            ("logits.npy", &logits_npy()),
            ("labels.npy", &labels_npy()),
            ("index.npy", &ids),
            ("label_index.npy", &label_ids),
        ];
        read_bytes(&archive(&files, true)).map(|read| read.doubts).map_err(|error| error.to_string())
    };
    assert_eq!(of([4, 9], [4, 9]), Ok(vec![]));
    assert!(of([4, 9], [9, 4]).unwrap_err().contains("\"label_index\" of the labels name the same samples"));
}

/// `label_index` and `pred_name` may be of classes, which say nothing of samples.
#[test]
fn numbers_and_names_of_classes_are_not_those_of_samples() {
    let row = |at: usize| {
        let (label, own) = (at % 2, (at / 2) % 2);
        format!("{at},{label},{label},class {own},class {label},{own}.5,0.75\n")
    };
    let rows: String = (0..8).map(row).collect();
    let table = format!("index,label,label_index,pred_name,label_name,logit_0,logit_1\n{rows}");
    assert_eq!(read_bytes(table.as_bytes()).unwrap().doubts, [""; 0]);
}

#[test]
fn rows_of_several_splits_are_refused() {
    let of = |splits: [&str; 2]| {
        let table = format!("split,label,logit_0,logit_1\n{},0,1,2\n{},1,3,4\n", splits[0], splits[1]);
        read_bytes(table.as_bytes()).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!((of(["test", "test"]), of(["a", "test"])), (Ok(()), Ok(())));
    let refused = of(["train", "Test"]).unwrap_err();
    assert!(refused.contains("\"split\" says") && refused.contains("\"train\" (1), \"Test\" (1)"), "{refused}");
    let hard = read_bytes(b"split,label,pred\ntrain,0,0\nval,1,1\n").unwrap_err().to_string();
    assert!(hard.contains("several splits"), "{hard}");
    let rows =
        br#"[{"split": "train", "label": 0, "logits": [1, 2.5]}, {"split": "test", "label": 1, "logits": [1, 2.5]}]"#;
    let rows = read_bytes(rows).unwrap_err().to_string();
    assert!(rows.contains("several splits"), "{rows}");
}

#[test]
fn a_column_without_a_name_that_is_hardly_a_class_is_doubted() {
    let of = |last: &dyn Fn(usize) -> f64| {
        let row = |at: usize| format!("{at},{}.5,{}.25,{},{}\n", at % 3, at % 2, last(at), at % 2);
        let table: String = (0..8).map(row).collect();
        read_bytes(table.as_bytes()).unwrap().doubts.join(". ")
    };
    let loss = of(&|at| 0.125 * at as f64);
    assert!(loss.contains("column 4, taken for the scores of class 2, is the class of no label"), "{loss}");
    let most = of(&|at| f64::max((at % 3) as f64 + 0.5, (at % 2) as f64 + 0.25));
    assert!(most.contains("holds the largest of the others in every row"), "{most}");
}

#[test]
fn few_batches_of_a_half_are_joined_and_tables_of_r_read() {
    let batches = b"[[[0.5, -1.25, 2.0]], [[3.0, 0.0, -0.125]]]";
    with_files(&[("s.json", batches), ("l.json", b"[[2], [0]]")], |folder| {
        let pair = PredictionSource::Pair { logits: folder.join("s.json"), labels: folder.join("l.json") };
        let found = read(&pair).unwrap();
        assert_eq!((found.logits.dim(), found.labels.to_vec()), ((2, 3), vec![2, 0]));
    });
    let written = b"\"label\" \"logit_0\" \"logit_1\"\n\"1\" 1 0.5 2\n\"2\" 0 0.5 2\n";
    assert_eq!(read_bytes(written).unwrap().labels.to_vec(), [1, 0]);
    let short = read_bytes(b"label logit_0 logit_1\n1 1 0.5 2\n7 0 0.5 2\n").unwrap_err().to_string();
    assert!(short.contains("line 3: 4 fields; the header has 3"), "{short}");
}

#[test]
fn what_only_the_file_can_tell_is_told() {
    let said = |bytes: &[u8]| read_bytes(bytes).unwrap_err().to_string();
    let again = said(b"label,logit_0,logit_1\n0,1,2\nlabel,logit_0,logit_1\n1,1,2\n");
    assert!(again.contains("line 3: the header again"), "{again}");
    let one = said(b"label,logit_0\n0,0.5\n");
    assert!(one.contains("the columns 1 - p and p, with `scores` probabilities"), "{one}");
}

#[test]
fn labels_before_their_noise_are_compared() {
    let clean = npy("<i8", "(2,)", &bytes_of([2_i64, 1].map(i64::to_le_bytes)));
    let files: [(&str, &[u8]); 3] =
        [("logits.npy", &logits_npy()), ("labels.npy", &labels_npy()), ("clean_labels.npy", &clean)];
    let doubts = read_bytes(&archive(&files, true)).unwrap().doubts.join(". ");
    assert!(doubts.contains("\"clean_labels\" names another class than the labels in 1 of 2 samples"), "{doubts}");
}

#[test]
fn splits_are_told_by_what_columns_hold() {
    let of = |name: &str, values: [&str; 3]| {
        let row = |value: &&str| format!("{value},1,0.5,2.5\n");
        let table = format!("{name},label,logit_0,logit_1\n{}", values.iter().map(row).collect::<String>());
        read_bytes(table.as_bytes())
    };
    for (name, values) in [
        ("stage", ["train", "test", "train"]),
        ("is_train", ["0", "1", "1"]),
        ("is_test", ["True", "False", "True"]),
        ("role", ["training", "testing", "testing"]),
    ] {
        let refused = of(name, values).map(drop).map_err(|error| error.to_string()).unwrap_err();
        assert!(refused.contains(&format!("\"{name}\" says")) && refused.contains("several splits"), "{refused}");
    }
    let numbered = of("subset", ["0", "1", "1"]).unwrap().doubts.join(". ");
    assert!(numbered.contains("\"subset\" has the values 0 (1), 1 (2)"), "{numbered}");
    // CIFAR-100 has a class `train`.
    let sound = of("group", ["train", "tractor", "train"]).unwrap();
    assert_eq!((sound.doubts, sound.training), (vec![], None));
    assert_eq!(of("path", ["test/train/1", "test/train/2", "test/tractor/1"]).unwrap().training, None);
    let trained = of("stage", ["train", "train", "train"]).unwrap().training;
    assert_eq!(trained.as_deref(), Some("\"stage\" (\"train\", ...)"));
    assert!(of("path", ["data/train/1", "data/train/2", "data/train/3"]).unwrap().training.is_some());
    let folders = of("path", ["data/train/1", "data/test/2", "data/test/3"]).unwrap().doubts.join(". ");
    assert!(folders.contains("1 as \"data/train/1\", 2 as \"data/test/2\""), "{folders}");
    let masked = of("ignore", ["0", "1", "0"]).unwrap().doubts.join(". ");
    assert!(masked.contains("\"ignore\" is 0 in 2 samples and 1 in 1, and all of them are counted"), "{masked}");
    let of_truth = |name: &str| {
        let mask = npy("|b1", "(2,)", &[1, 0]);
        read_bytes(&archive(&[("logits.npy", &logits_npy()), ("labels.npy", &labels_npy()), (name, &mask)], true))
    };
    let refused = of_truth("test_mask.npy").map(drop).map_err(|error| error.to_string()).unwrap_err();
    assert!(refused.contains("several splits: false (1), true (1)"), "{refused}");
    let masked = of_truth("mask.npy").unwrap().doubts.join(". ");
    assert!(masked.contains("\"mask\" is false in 1 samples and true in 1"), "{masked}");
    let named = archive(&[("train_logits.npy", &logits_npy()), ("train_labels.npy", &labels_npy())], true);
    assert_eq!(read_bytes(&named).unwrap().training.as_deref(), Some("\"train_logits\""));
    let file = with_files(&[("resnet-train.npz", &npz(&logits_npy(), &labels_npy()))], |folder| {
        read(&PredictionSource::File(folder.join("resnet-train.npz"))).unwrap().training
    });
    assert_eq!(file.as_deref(), Some("the name of the file"));
}

/// As Spark's models give them, by `toPandas().to_csv()`.
#[test]
fn of_several_lists_that_of_scores_is_taken_or_asked_for() {
    let with = |names: &str| {
        let row = |label: usize, raw: &str, other: &str| format!("{label},\"{raw}\",\"{other}\"\n");
        let rows = [row(0, "[2.5,-1.5]", "[0.9,0.1]"), row(1, "[-0.5,0.5]", "[0.3,0.7]")].concat();
        read_bytes(format!("label,{names}\n{rows}").as_bytes())
    };
    let spark = with("rawPrediction,probability").unwrap();
    let first = match &spark.logits {
        Logits::F32(read) => f64::from(read[(0, 0)]),
        Logits::F64(read) => read[(0, 0)],
        _ => panic!("no scores"),
    };
    assert_eq!((first, spark.logits.dim()), (2.5, (2, 2)));
    let refused = with("features,probability").map(drop).map_err(|error| error.to_string()).unwrap_err();
    assert!(refused.contains("\"features\" and \"probability\" can be the scores"), "{refused}");
}

#[test]
fn lists_of_the_rows_of_each_split_are_told() {
    let of = |lists: &[(&str, &[u8])]| {
        let scores = npy("<f4", "(4, 2)", &[0_f32, 1., 2., 3., 1., 0., 3., 2.].map(f32::to_le_bytes).concat());
        let labels = npy("<i8", "(4,)", &[1_i64, 1, 0, 1].map(i64::to_le_bytes).concat());
        let mut members = vec![("logits.npy".to_owned(), scores), ("labels.npy".to_owned(), labels)];
        for (name, rows) in lists {
            members.push((format!("{name}.npy"), npy("|u1", &format!("({},)", rows.len()), rows)));
        }
        let members: Vec<(&str, &[u8])> = members.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        read_bytes(&archive(&members, true)).map(|found| found.doubts.join(". ")).map_err(|error| error.to_string())
    };
    let refused = of(&[("train_idx", &[0, 2, 3]), ("test_idx", &[1])]).unwrap_err();
    assert!(refused.contains("several splits: \"train_idx\" (3), \"test_idx\" (1)"), "{refused}");
    assert!(of(&[("split_idx.valid", &[3]), ("split_idx.test", &[0])]).unwrap_err().contains("several splits"));
    let told = of(&[("indices_test", &[1, 3])]).unwrap();
    assert!(told.contains("\"indices_test\" lists 2 rows, and all 4 samples are counted"), "{told}");
    // Folds share rows.
    assert_eq!(of(&[("train_idx", &[0, 1]), ("test_idx", &[1, 2])]), Ok(String::new()));
    // Of the whole data set, or of each sample.
    assert_eq!(of(&[("train_idx", &[9, 8]), ("test_idx", &[1])]), Ok(String::new()));
    assert_eq!(of(&[("train_idx", &[1]), ("test_idx", &[0, 2, 3, 4])]), Ok(String::new()));
}

#[test]
fn columns_without_a_name_that_number_the_rows_are_compared() {
    let scores = b",logit_0,logit_1\n2,0.5,1\n0,0.5,2\n1,3,1\n";
    with_files(&[("s.csv", scores), ("l.csv", b",label\n0,1\n1,0\n2,1\n")], |folder| {
        let pair = PredictionSource::Pair { logits: folder.join("s.csv"), labels: folder.join("l.csv") };
        let refused = read(&pair).unwrap_err().to_string();
        assert!(refused.contains("the same samples in different orders"), "{refused}");
    });
}

#[test]
fn scores_by_the_names_of_classes_are_read() {
    let names = Some(["ant", "bee"].map(str::to_owned).to_vec());
    let reading = Reading { class_names: names, ..Reading::default() };
    let of = |text: &str, reading: &Reading| {
        with_files(&[("p.json", text.as_bytes())], |folder| {
            read_as(&PredictionSource::File(folder.join("p.json")), reading)
        })
    };
    for text in [
        r#"[{"truth": "bee", "scores": {"bee": 2.5, "ant": 0.5}}, {"truth": "ant", "scores": {"ant": 3.0, "bee": 1.0}}]"#,
        r#"[{"truth": "bee", "pred": "bee", "p_ant": 0.5, "p_bee": 2.5}, {"truth": "ant", "pred": "ant", "p_ant": 3.0, "p_bee": 1.0}]"#,
        r#"[{"true": "bee", "result": [{"label": "bee", "score": 2.5}, {"label": "ant", "score": 0.5}]},
            {"true": "ant", "result": [{"label": "ant", "score": 3.0}, {"label": "bee", "score": 1.0}]}]"#,
        r#"[{"y": "bee", "predicted_y_probs": [{"label": "bee", "prob": 2.5}, {"label": "ant", "prob": 0.5}]},
            {"y": "ant", "predicted_y_probs": [{"label": "ant", "prob": 3.0}, {"label": "bee", "prob": 1.0}]}]"#,
        r#"[{"gt": "bee", "prediction": {"ids": ["7", "9"], "displayNames": ["bee", "ant"], "confidences": [2.5, 0.5]}},
            {"gt": "ant", "prediction": {"ids": ["7", "9"], "displayNames": ["ant", "bee"], "confidences": [3.0, 1.0]}}]"#,
        r#"[{"sequence": "a", "labels": ["bee", "ant"], "scores": [2.5, 0.5], "label": "bee"},
            {"sequence": "b", "labels": ["ant", "bee"], "scores": [3.0, 1.0], "label": "ant"}]"#,
        r#"{"columns": ["image", "truth", "score_ant", "score_bee"], "_type": "table",
            "data": [[{"path": "a"}, "bee", 0.5, 2.5], [{"path": "b"}, "ant", 3.0, 1.0]]}"#,
    ] {
        let found = of(text, &reading).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((found.labels.to_vec(), found.logits), (vec![1, 0], Logits::F64(array![[0.5, 2.5], [3.0, 1.0]])));
        let asked = of(text, &Reading::default()).unwrap_err().to_string();
        assert!(asked.contains("`class-names`"), "{asked}");
    }
}

/// Tables as other programs write them, two classes by name; the columns of the classes stand in
/// another order than the classes.
#[test]
fn the_columns_of_other_programs_are_told() {
    let names = Some(["ant", "bee"].map(str::to_owned).to_vec());
    let by_names = Reading { class_names: names, ..Reading::default() };
    let of = |header: &str, rows: [&str; 2], keys: &str| {
        let keys = if keys.is_empty() { Keys::default() } else { keys.parse().unwrap() };
        let reading = Reading { keys, ..by_names.clone() };
        let text = format!("{header}\n{}\n{}\n", rows[0], rows[1]);
        with_files(&[("p.csv", text.as_bytes())], |folder| {
            read_as(&PredictionSource::File(folder.join("p.csv")), &reading)
        })
    };
    let beside = ["bee,2.5,0.5,bee", "ant,1.0,3.0,ant"];
    let in_front = ["bee,bee,2.5,0.5", "ant,ant,1.0,3.0"];
    for (header, rows) in [
        ("Species,P (Species=bee),P (Species=ant),Prediction (Species)", beside),
        ("Species,Prob[bee],Prob[ant],Most Likely Species", beside),
        ("Species,Scored Probabilities_bee,Scored Probabilities_ant,Scored Labels", beside),
        ("Species,Scored Probabilities for Class bee,Scored Probabilities for Class ant,Scored Labels", beside),
        ("label,confidence(bee),confidence(ant),prediction(label)", beside),
        (".pred_class,Species,.pred_bee,.pred_ant", in_front),
        ("response,truth,prob.bee,prob.ant", in_front),
        ("label,predict,P_speciesbee,P_speciesant", in_front),
    ] {
        // Nothing says that the truth is called so, which may be another guess.
        let keys = if header.contains("Species") { "labels=Species" } else { "" };
        let found = of(header, rows, keys).unwrap_or_else(|error| panic!("{header}: {error}"));
        assert_eq!((found.labels.to_vec(), found.logits), (vec![1, 0], Logits::F64(array![[0.5, 2.5], [3.0, 1.0]])));
        if !keys.is_empty() {
            let asked = of(header, rows, "").unwrap_err().to_string();
            assert!(asked.contains("names of classes stand in \"Species\"; say `keys` labels=\"Species\""), "{asked}");
        }
    }
    // Two columns hold names of classes, and none; a column that contradicts the scores is told.
    for (header, rows) in [
        ("a,b,x_bee,x_ant", in_front),
        ("a,x_bee,x_ant,b", ["1,2.5,0.5,2", "0,1.0,3.0,1"]),
        ("decision,x_bee,x_ant", ["bee,2.5,0.5", "ant,1.0,3.0"]),
    ] {
        let asked = of(header, rows, "").unwrap_err().to_string();
        assert!(asked.contains("no column is called label") && asked.contains("`keys` labels="), "{asked}");
    }
    let (jmp, rows) = ("Species,Prob[bee],Prob[ant],Most Likely Species", ["bee,2.5,0.5,bee", "ant,1.0,3.0,bee"]);
    let wrong = of(jmp, rows, "labels=Species").unwrap();
    assert!(wrong.doubts.iter().any(|doubt| doubt.contains("1 of 2 samples")), "{:?}", wrong.doubts);
}

#[test]
fn tables_below_a_title_or_between_bars_are_read() {
    let rows = ["label,logit_0,logit_1", "1,0.5,2.5", "0,3.0,1.0"];
    let joined = |mark: &str| rows.map(|row| row.replace(',', mark)).join("\n");
    let framed = rows.map(|row| format!("| {} |", row.replace(',', " | ")));
    let rule = "|---|:--:|--:|";
    for text in [
        format!("sep=,\n{}\n", joined(",")),
        format!("\"sep=;\"\r\n{}\r\n", joined(";").replace('\n', "\r\n")),
        format!("Test of a, b and c\n\n{}\n", joined(";")),
        format!("Test,,\n,,\n{}\n", joined(",")),
        format!("{}\n{rule}\n{}\n{}\n", framed[0], framed[1], framed[2]),
        format!(" {}\n---+---+---\n {}\n {}\n(2 rows)\n", rows[0], rows[1], rows[2]).replace(',', " | "),
        format!("{}\n--- --- ---\n{}\n{}\n\n(2 rows affected)\n", rows[0], rows[1], rows[2]).replace(',', "  "),
    ] {
        let found = with_files(&[("p.csv", text.as_bytes())], |folder| {
            read(&PredictionSource::File(folder.join("p.csv"))).unwrap_or_else(|error| panic!("{text}: {error}"))
        });
        assert_eq!((found.labels.to_vec(), found.logits), (vec![1, 0], Logits::F64(array![[0.5, 2.5], [3.0, 1.0]])));
    }
}

/// Of several columns for each class those called logits are the scores, distances are none; of
/// others it is asked.
#[test]
fn several_columns_for_each_class_are_asked_about() {
    let names = Some(["ant", "bee"].map(str::to_owned).to_vec());
    let of = |header: &str, row: &str, keys: &str| {
        let keys = if keys.is_empty() { Keys::default() } else { keys.parse().unwrap() };
        let reading = Reading { keys, class_names: names.clone(), ..Reading::default() };
        with_files(&[("p.csv", format!("{header}\n{row}\n").as_bytes())], |folder| {
            read_as(&PredictionSource::File(folder.join("p.csv")), &reading).map(|found| found.logits)
        })
    };
    let (first, second) = (Logits::F64(array![[1.5, 2.5]]), Logits::F64(array![[3.5, 4.5]]));
    let row = "bee,1.5,2.5,3.5,4.5";
    for header in ["label,dist_ant,dist_bee,prob_ant,prob_bee", "label,P(x!=ant),P(x!=bee),P(x=ant),P(x=bee)"] {
        assert_eq!(of(header, row, "").unwrap(), second, "{header}");
    }
    assert_eq!(of("label,logit_ant,logit_bee,prob_ant,prob_bee", row, "").unwrap(), first);
    let two = "label,modelA_ant,modelA_bee,modelB_ant,modelB_bee";
    let asked = of(two, row, "").unwrap_err().to_string();
    assert!(
        asked.contains("\"modelA_\"") && asked.contains("\"modelB_\"") && asked.contains("`keys` logits="),
        "{asked}"
    );
    assert_eq!(of(two, row, "logits=modelB").unwrap(), second);
    assert_eq!(of(two, row, "logits=modelA_").unwrap(), first);
    assert!(of("label,loss_ant,loss_bee", "bee,1.5,2.5", "").is_err());
}

#[test]
fn a_confusion_matrix_by_pairs_is_no_samples() {
    for counts in ["count", "n", "Freq"] {
        let text = format!("actual,predicted,{counts}\n0,0,50\n0,1,2\n1,1,45\n");
        let said = with_files(&[("p.csv", text.as_bytes())], |folder| {
            read(&PredictionSource::File(folder.join("p.csv"))).unwrap_err().to_string()
        });
        assert!(said.contains("this is a confusion matrix") && said.contains("`confusion`"), "{said}");
    }
}
