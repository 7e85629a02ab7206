//! Files that two programs read in two ways, or that cost more than their size: refused, or read as
//! PyTorch reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use car_spectral_formats::predictions::{self, PredictionSource};
use car_spectral_formats::weights::{TensorData, read};

fn file(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/hostile/kinds")).join(name)
}

fn values(name: &str) -> BTreeMap<String, Vec<f32>> {
    let weights = read(&file(name)).unwrap_or_else(|error| panic!("{error}"));
    weights
        .tensors
        .into_iter()
        .filter_map(|(name, tensor)| match tensor.data {
            TensorData::F32(values) => Some((name, values)),
            _ => None,
        })
        .collect()
}

#[test]
fn weights_that_two_programs_read_differently_are_refused() {
    for (name, reason) in [
        ("neg_view_by_torch_save.pt", "\"neg\""),
        ("neg_bit.pt", "\"neg\""),
        ("legacy_view_key.pt", "a view of another"),
        ("polyglot.pt", "torch.save file in one"),
        ("nul_name.pt", "control byte"),
        ("one_storage_two_types.pt", "described in two ways"),
        ("own_dup_tensor.safetensors", "twice"),
        ("own_dup_meta.safetensors", "twice"),
    ] {
        match read(&file(name)) {
            Err(error) => assert!(error.to_string().contains(reason), "{error}"),
            Ok(_) => panic!("{name} was read"),
        }
    }
}

#[test]
fn predictions_that_two_programs_read_differently_are_refused() {
    for (name, reason) in [("nul_name.npz", "control byte"), ("hidden_member_in_gap.npz", "belong to no member")] {
        match predictions::read(&PredictionSource::File(file(name))) {
            Err(error) => assert!(error.to_string().contains(reason), "{error}"),
            Ok(_) => panic!("{name} was read"),
        }
    }
}

/// The dictionary goes into the memo and is changed before it is fetched. Python shares it: both
/// files hold the negative of 0, 0.1, ..., 1.1 in `fc1.weight`, by `torch.load` with `weights_only`
/// true and false.
#[test]
fn a_dictionary_changed_after_it_was_put_into_the_memo_is_read_as_python_reads_it() {
    let expected: Vec<f32> = (0_u8..12).map(|tenths| -f32::from(tenths) / 10.0).collect();
    for name in ["memo_then_changed.pt", "memo_then_changed_wo.pt"] {
        let read = &values(name)["fc1.weight"];
        assert!(read.iter().zip(&expected).all(|(read, expected)| (read - expected).abs() < 1e-6), "{name}: {read:?}");
        assert_eq!(read.len(), 12);
    }
}

/// One network saved with protocols 2 and 4, and in the layout before 1.6.
#[test]
fn honest_files_of_every_layout_agree() {
    let expected = values("w.pt");
    assert_eq!(expected["fc1.weight"][..2], [1.540_996_1, -0.293_428_9]);
    for name in ["leg.pt", "p4.pt"] {
        assert_eq!(values(name), expected, "{name}");
    }
}

#[test]
fn a_key_of_the_metadata_that_is_there_twice_is_refused() {
    let header = r#"{"__metadata__":{"a":"1","a":"2"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    std::fs::write(&path, &bytes).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("the header's key \"a\" is there twice"), "{error}");
    assert!(car_spectral_formats::safetensors_metadata(&path, &bytes, "a").is_err());
}
