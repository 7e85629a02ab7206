//! Files made here byte by byte: what torch.save writes, and what it never would.

use std::fs;
use std::path::Path;

use super::*;
use crate::testing::{self, archive, is, safetensors};

/// A tensor of a test file: name, storage class, key of the storage, element count of the storage,
/// shape.
type Entry = (&'static str, &'static str, &'static str, u32, &'static [u32]);

const FLOATS: [f32; 6] = [1.0, -2.0, 3.5, 0.25, 5.0, -6.0];
const INTEGERS: [i64; 1] = [7];
const ENTRIES: [Entry; 2] = [("fc.weight", "FloatStorage", "0", 6, &[2, 3]), ("bn.steps", "LongStorage", "1", 1, &[])];

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn integer(value: u32) -> Vec<u8> {
    [b"J", &value.to_le_bytes()[..]].concat()
}

fn tuple(values: &[u32]) -> Vec<u8> {
    [b"(".to_vec(), values.iter().flat_map(|&value| integer(value)).collect(), b"t".to_vec()].concat()
}

fn row_major_strides(shape: &[u32]) -> Vec<u32> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

/// The call of `_rebuild_tensor_v2` as torch writes it.
fn tensor_program(entry: &Entry, strides: &[u32], offset: u32) -> Vec<u8> {
    let (_, class, key, elements, shape) = entry;
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        format!("ctorch\n{class}\n").into_bytes(),
        text(key),
        text("cpu"),
        integer(*elements),
        b"tQ".to_vec(),
        integer(offset),
        tuple(shape),
        tuple(strides),
        b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

fn dictionary(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items = entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat());
    [b"}(".to_vec(), items.collect(), b"u".to_vec()].concat()
}

/// A state_dict: an OrderedDict with `_metadata`, as `Module.state_dict()` gives it.
fn state_dict(entries: &[Entry]) -> Vec<u8> {
    let items = entries
        .iter()
        .flat_map(|entry| [text(entry.0), tensor_program(entry, &row_major_strides(entry.4), 0)].concat());
    [b"ccollections\nOrderedDict\n)R(".to_vec(), items.collect(), b"u}".to_vec(), text("_metadata"), b"}sb".to_vec()]
        .concat()
}

fn prefixed(entries: &[Entry], prefix: &str) -> Vec<Entry> {
    entries
        .iter()
        .map(|entry| (&*Box::leak(format!("{prefix}{}", entry.0).into_boxed_str()), entry.1, entry.2, entry.3, entry.4))
        .collect()
}

fn pickle(object: &[u8]) -> Vec<u8> {
    [b"\x80\x02", object, b"."].concat()
}

fn storage_bytes() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("0", FLOATS.iter().flat_map(|x| x.to_le_bytes()).collect()),
        ("1", INTEGERS.iter().flat_map(|x| x.to_le_bytes()).collect()),
    ]
}

fn torch_zip_of(object: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let program = pickle(object);
    let names: Vec<String> = storages.iter().map(|(key, _)| format!("model/data/{key}")).collect();
    let mut members: Vec<(&str, &[u8])> = vec![("model/data.pkl", &program), ("model/byteorder", b"little")];
    members.extend(names.iter().map(String::as_str).zip(storages.iter().map(|(_, bytes)| bytes.as_slice())));
    members.push(("model/version", b"3\n"));
    archive(&members, false)
}

fn torch_zip(object: &[u8]) -> Vec<u8> {
    torch_zip_of(object, &storage_bytes())
}

fn legacy_of(object: &[u8], keys: &[&str], storages: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let magic = [b"\x8a\x0a", &torch_save_magic()[..]].concat();
    let system = dictionary(&[("little_endian", b"\x88".to_vec())]);
    let keys = [b"](".to_vec(), keys.iter().flat_map(|key| text(key)).collect(), b"e".to_vec()].concat();
    let mut file = Vec::new();
    for part in [&magic, &integer(1001), &system, &object.to_vec(), &keys] {
        file.extend(pickle(part));
    }
    for (elements, bytes) in storages {
        file.extend(elements.to_le_bytes());
        file.extend(bytes);
    }
    file
}

fn torch_save_magic() -> [u8; 10] {
    // 0x1950a86a20f9469cfc6c, little-endian.
    0x1950_a86a_20f9_469c_fc6c_u128.to_le_bytes()[..10].try_into().unwrap()
}

fn legacy(object: &[u8]) -> Vec<u8> {
    let storages: Vec<(u64, Vec<u8>)> =
        storage_bytes().into_iter().zip([6, 1]).map(|((_, bytes), elements)| (elements, bytes)).collect();
    legacy_of(object, &["0", "1"], &storages)
}

fn with_file<T>(bytes: &[u8], run: impl FnOnce(&Path) -> T) -> T {
    testing::with_file("weights.bin", bytes, run)
}

fn read_bytes(bytes: &[u8]) -> Result<Weights, InputError> {
    with_file(bytes, read)
}

fn below(weights: &Weights, prefix: &str) -> Weights {
    let tensors = weights.tensors.iter().map(|(name, tensor)| (name.replacen(prefix, "", 1), tensor.clone()));
    Weights { tensors: tensors.collect(), ..weights.clone() }
}

fn assert_is_the_model(weights: &Weights, what: &str) {
    let names: Vec<&str> = weights.tensors.keys().map(String::as_str).collect();
    assert_eq!(names, ["bn.steps", "fc.weight"], "{what}");
    let weight = &weights.tensors["fc.weight"];
    assert_eq!(weight.shape, [2, 3], "{what}");
    assert_eq!(weight.data, TensorData::F32(FLOATS.to_vec()), "{what}");
    assert_eq!(weight.stored_dtype, ElementType::F32, "{what}");
    assert_eq!(weights.tensors["bn.steps"].shape, [0_usize; 0], "{what}");
    assert_eq!(weights.tensors["bn.steps"].data, TensorData::I64(INTEGERS.to_vec()), "{what}");
}

#[test]
fn what_stands_beside_the_weights_is_given_but_not_the_state_of_the_training() {
    let counts = [b"](".to_vec(), integer(60), integer(8), b"e".to_vec()].concat();
    let settings = dictionary(&[("cls_num_list", counts), ("dataset", text("cifar10"))]);
    let namespace = |made: &[u8]| [b"cargparse\nNamespace\n", made, &settings, b"b"].concat();
    let easy = [b"ceasydict\nEasyDict\n)\x81(".to_vec(), text("classes"), integer(2), b"u}b".to_vec()].concat();
    let object = dictionary(&[
        ("state_dict", state_dict(&ENTRIES)),
        ("args", namespace(b")\x81")),
        ("old", namespace(b")R")),
        ("easy", easy),
        ("labels", [b"](".to_vec(), b"K\x05".repeat(20_000), b"e".to_vec()].concat()),
        ("samples", tensor_program(&ENTRIES[0], &[3, 1], 0)),
        ("best_acc1", tensor_program(&ENTRIES[1], &[], 0)),
        ("optimizer", dictionary(&[("lr", integer(1))])),
        ("epoch", integer(12)),
    ]);
    let expected = serde_json::json!({
        "args": {"cls_num_list": [60, 8], "dataset": "cifar10"},
        "old": {"cls_num_list": [60, 8], "dataset": "cifar10"},
        "easy": {"classes": 2},
        "samples": FLOATS,
        "best_acc1": 7,
        "state_dict": {},
        "epoch": 12,
    });
    for file in [torch_zip(&object), legacy(&object)] {
        let weights = read_bytes(&file).unwrap();
        assert_is_the_model(&weights, "beside settings");
        assert_eq!(weights.beside, expected);
        assert_eq!(weights.passed_over, ["argparse.Namespace", "easydict.EasyDict"]);
    }
}

#[test]
fn what_stands_beside_the_weights_is_no_more_than_a_number_of_values() {
    // A list of 3 000 numbers, 3 000 times.
    let numbers = [b"](".to_vec(), b"K\x05".repeat(3_000), b"eq\x00".to_vec()].concat();
    let shared = [b"](".to_vec(), numbers, b"h\x00".repeat(2_999), b"e".to_vec()].concat();
    let settings = dictionary(&[("list", shared)]);
    let args = [b"cargparse\nNamespace\n)\x81".to_vec(), settings, b"b".to_vec()].concat();
    let object = dictionary(&[("state_dict", state_dict(&ENTRIES)), ("args", args), ("epoch", integer(12))]);
    let weights = read_bytes(&torch_zip(&object)).unwrap();
    assert_is_the_model(&weights, "beside a list that is shared");
    let lists = weights.beside["args"]["list"].as_array().unwrap();
    let values: usize = lists.iter().filter_map(|list| list.as_array().map(Vec::len)).sum();
    assert!((3_000..=1 << 16).contains(&values), "{values}");
}

#[test]
fn both_formats_and_every_nesting_give_the_same_weights() {
    let plain = state_dict(&ENTRIES);
    let parallel = state_dict(&prefixed(&ENTRIES, "module."));
    let scalars = || [("epoch", integer(12)), ("arch", text("resnet32"))];
    let with_optimizer = dictionary(&[
        ("epoch", integer(12)),
        ("optimizer", dictionary(&[("state", dictionary(&[("m", tensor_program(&ENTRIES[1], &[], 0))]))])),
        ("state_dict", plain.clone()),
    ]);
    let [epoch, arch] = scalars();
    let objects: [(&str, Vec<u8>, &[&str], &str); 8] = [
        ("plain", plain.clone(), &[], ""),
        ("parallel", parallel.clone(), &[], "module."),
        ("state_dict", dictionary(&[epoch, ("state_dict", plain.clone()), arch]), &["state_dict"], ""),
        ("parallel under model", dictionary(&[("model", parallel)]), &["model"], "module."),
        ("net", dictionary(&[("net", plain.clone()), ("acc", integer(90))]), &["net"], ""),
        ("nest", dictionary(&[("model", dictionary(&[("state_dict", plain.clone())]))]), &["model", "state_dict"], ""),
        ("beside an optimizer", with_optimizer, &["state_dict"], ""),
        ("an unusual key", dictionary(&[("checkpoint_7", plain)]), &["checkpoint_7"], ""),
    ];
    for (what, object, nesting, prefix) in objects {
        for (kind, file) in
            [(CheckpointKind::TorchSaveZip, torch_zip(&object)), (CheckpointKind::TorchSaveLegacy, legacy(&object))]
        {
            let weights = read_bytes(&file).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_is_the_model(&below(&weights, prefix), what);
            assert_eq!(weights.kind, kind, "{what}");
            assert_eq!(weights.nesting, nesting, "{what}");
            assert_eq!(weights.sha256, super::super::content::sha256(&file), "{what}");
            assert_eq!(with_file(&file, detect).unwrap(), kind);
            match what {
                "state_dict" => {
                    assert_eq!(weights.metadata["epoch"], "12");
                    assert_eq!(weights.metadata["arch"], "resnet32");
                }
                "beside an optimizer" => assert_eq!(weights.unread, ["optimizer"]),
                _ => {}
            }
        }
    }
}

#[test]
fn a_named_key_is_read_and_several_sets_are_all_there() {
    let averaged = state_dict(&[("fc.weight", "FloatStorage", "0", 6, &[3, 2])]);
    let inner = dictionary(&[("net", averaged.clone()), ("decay", integer(1))]);
    let object = dictionary(&[("model", state_dict(&ENTRIES)), ("state_dict", averaged), ("ema", inner)]);
    let file = torch_zip(&object);
    let weights = read_bytes(&file).unwrap();
    assert_eq!(weights.keys, ["ema", "model", "state_dict"]);
    let names: Vec<&str> = weights.tensors.keys().map(String::as_str).collect();
    assert_eq!(names, ["ema.net.fc.weight", "model.bn.steps", "model.fc.weight", "state_dict.fc.weight"]);
    let weights = with_file(&file, |file| read_under(file, "model")).unwrap();
    assert_is_the_model(&weights, "model");
    assert_eq!(weights.unread, ["ema", "state_dict"]);
    for key in ["state_dict", "ema", "ema.net"] {
        let weights = with_file(&file, |file| read_under(file, key)).unwrap();
        assert_eq!(weights.tensors["fc.weight"].shape, [3, 2], "{key}");
    }
    let error = with_file(&file, |file| read_under(file, "swa")).unwrap_err();
    assert!(error.to_string().contains(r#"under "swa"; "#) && error.to_string().contains(r#""model""#), "{error}");
    let flat = dictionary(&[("a", state_dict(&ENTRIES))]);
    let weights = with_file(&torch_zip(&flat), |file| read_under(file, "fc")).unwrap();
    assert_eq!((weights.tensors.len(), weights.unread), (1, vec!["bn".to_owned()]));
}

#[test]
fn views_and_every_element_type_are_read() {
    // The transpose of [[1, -2, 3.5], [0.25, 5, -6]] and its last row, both views of one storage.
    let entries = [
        ("transposed", tensor_program(&("t", "FloatStorage", "0", 6, &[3, 2]), &[1, 3], 0)),
        ("last_row", tensor_program(&("r", "FloatStorage", "0", 6, &[3]), &[1], 3)),
        ("half", tensor_program(&("h", "HalfStorage", "h", 2, &[2]), &[1], 0)),
        ("bfloat", tensor_program(&("b", "BFloat16Storage", "b", 2, &[2]), &[1], 0)),
        ("double", tensor_program(&("d", "DoubleStorage", "d", 1, &[1]), &[1], 0)),
        ("bytes", tensor_program(&("y", "ByteStorage", "y", 2, &[2]), &[1], 0)),
        ("mask", tensor_program(&("m", "BoolStorage", "m", 2, &[2]), &[1], 0)),
    ];
    let mut storages = storage_bytes();
    storages.extend([
        ("h", vec![0x00, 0x3e, 0x00, 0xc0]),
        ("b", vec![0xc0, 0x3f, 0x00, 0xc0]),
        ("d", 0.1_f64.to_le_bytes().to_vec()),
        ("y", vec![0, 255]),
        ("m", vec![0, 1]),
    ]);
    let tensors = read_bytes(&torch_zip_of(&dictionary(&entries), &storages)).unwrap().tensors;
    let data = |name: &str| &tensors[name].data;
    assert_eq!(data("transposed"), &TensorData::F32(vec![1.0, 0.25, -2.0, 5.0, 3.5, -6.0]));
    assert_eq!(data("last_row"), &TensorData::F32(vec![0.25, 5.0, -6.0]));
    assert_eq!(data("half"), &TensorData::F32(vec![1.5, -2.0]));
    assert_eq!(tensors["half"].stored_dtype, ElementType::F16);
    assert_eq!(data("bfloat"), &TensorData::F32(vec![1.5, -2.0]));
    assert_eq!(data("double"), &TensorData::F64(vec![0.1]));
    assert_eq!(data("bytes"), &TensorData::I64(vec![0, 255]));
    assert_eq!(data("mask"), &TensorData::Bool(vec![false, true]));
}

#[test]
fn safetensors_weights_keep_their_metadata() {
    let header = r#"{"__metadata__":{"arch":"mlp"},"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"bn.steps":{"dtype":"I64","shape":[],"data_offsets":[24,32]}}"#;
    let data: Vec<u8> = storage_bytes().into_iter().flat_map(|(_, bytes)| bytes).collect();
    let weights = read_bytes(&safetensors(header, &data)).unwrap();
    assert_is_the_model(&weights, "safetensors");
    assert_eq!(weights.kind, CheckpointKind::Safetensors);
    assert_eq!(weights.metadata["arch"], "mlp");
    let parallel = header.replace("fc.weight", "module.fc.weight").replace("bn.steps", "module.bn.steps");
    let weights = read_bytes(&safetensors(&parallel, &data)).unwrap();
    assert_is_the_model(&below(&weights, "module."), "parallel safetensors");
}

#[test]
fn a_diverged_model_is_told_on_request() {
    let mut storages = storage_bytes();
    storages[0].1[8..12].copy_from_slice(&f32::NAN.to_le_bytes());
    let weights = read_bytes(&torch_zip_of(&state_dict(&ENTRIES), &storages)).unwrap();
    let error = InputError::from(check_finite(&weights.source, &weights.tensors).unwrap_err());
    assert!(matches!(error, InputError::Weights(WeightsError::NonFiniteWeight { element: 2, .. })), "{error}");
    assert!(error.to_string().contains("\"fc.weight\""), "{error}");
    let weights = read_bytes(&torch_zip(&state_dict(&ENTRIES))).unwrap();
    check_finite(&weights.source, &weights.tensors).unwrap();
}

#[test]
fn tensors_and_inert_values_beside_a_usual_key_are_passed_over() {
    let best = tensor_program(&("b", "LongStorage", "1", 1, &[1]), &[1], 0);
    let namespace = b"cargparse\nNamespace\n)R}b".to_vec();
    let scalar = b"cnumpy.core.multiarray\nscalar\n)R".to_vec();
    let object =
        dictionary(&[("best_acc1", best), ("state_dict", state_dict(&ENTRIES)), ("args", namespace), ("loss", scalar)]);
    for file in [torch_zip(&object), legacy(&object)] {
        let weights = read_bytes(&file).unwrap();
        assert_is_the_model(&weights, "beside others");
        assert_eq!(weights.nesting, ["state_dict"]);
        assert_eq!(weights.unread, ["best_acc1"]);
        assert_eq!(weights.passed_over, ["argparse.Namespace", "numpy.core.multiarray.scalar"]);
    }
}

#[test]
fn torchscript_is_told_apart_and_never_read() {
    let program = pickle(b"c__torch__.Net\nNet\n)\x81");
    for member in ["net/constants.pkl", "net/code/__torch__.py", "constants.pkl"] {
        let file = archive(&[("net/data.pkl", &program), (member, b"")], false);
        assert_eq!(with_file(&file, detect).unwrap(), CheckpointKind::TorchScript);
        let error = read_bytes(&file).unwrap_err();
        assert!(matches!(error, InputError::Weights(WeightsError::TorchScript { .. })), "{error}");
        assert!(error.to_string().contains("`run-torchscript`"));
    }
}

/// A bad file, part of the message that names the place, and the variant.
type Case = (&'static str, Vec<u8>, &'static str, &'static str);

#[test]
fn bad_files_are_refused_with_their_place() {
    let model = state_dict(&ENTRIES);
    let float = |shape: &'static [u32], elements| ("w", "FloatStorage", "0", elements, shape);
    let one = |entry: Entry, strides: &[u32], offset| dictionary(&[(entry.0, tensor_program(&entry, strides, offset))]);
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();
    let tensors = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let program = pickle(&model);
    let beside = |name: &str, bytes: &[u8]| archive(&[("a/data.pkl", &program), (name, bytes)], false);
    let named = |global: &str| torch_zip(&dictionary(&[("args", [b"c", global.as_bytes(), b"\n)R"].concat())]));
    let tar = |names: &[&str]| -> Vec<u8> {
        let header = |name: &&str| {
            let mut header = vec![0; 512];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..136].copy_from_slice(b"00000000000\0");
            header[257..262].copy_from_slice(b"ustar");
            header
        };
        names.iter().flat_map(header).chain([0; 1024]).collect()
    };
    let legacy_storages = |first: u64, second: u64| {
        let bytes: Vec<Vec<u8>> = storage_bytes().into_iter().map(|(_, bytes)| bytes).collect();
        vec![(first, bytes[0].clone()), (second, bytes[1].clone())]
    };

    let cases: Vec<Case> = vec![
        ("empty", vec![], "0 bytes", "EmptyFile"),
        ("garbage", b"\x00\x01garbage".to_vec(), "byte 0", "UnknownFormat"),
        ("html", b"<!DOCTYPE html><html>".to_vec(), "web page", "Impostor"),
        ("hdf5", b"\x89HDF\r\n\x1a\n\0\0\0\0".to_vec(), "HDF5", "Impostor"),
        ("npz", archive(&[("logits.npy", b"x")], false), "numpy.load(", "UnknownFormat"),
        ("old tar", tar(&["sys_info", "pickle", "storages", "tensors"]), "0.1.10", "OldTar"),
        ("tar", tar(&["model_best.pth"]), "\"model_best.pth\"", "Tar"),
        ("plain pickle", pickle(b"}"), "plain pickle", "PlainPickle"),
        ("hostile plain pickle", pickle(b"cposix\nsystem\n)R"), "\"posix.system\"", "RefusedGlobal"),
        // Names.
        ("namespace alone", named("argparse\nNamespace"), "\"args\"", "NoWeights"),
        ("numpy scalar alone", named("numpy.core.multiarray\nscalar"), "no tensors", "NoWeights"),
        ("whole module", named("__main__\nNet"), "member \"model/data.pkl\", byte ", "RefusedGlobal"),
        ("loader", named("torch.storage\n_load_from_bytes"), "\"torch.storage._load_from_bytes\"", "RefusedGlobal"),
        ("legacy name", legacy(b"cos\nsystem\n)R"), "pickle 4 of 5 (saved object), byte ", "RefusedGlobal"),
        (
            "name in the list of storages",
            {
                let file = legacy_of(&model, &[], &[]);
                [&file[..file.len() - 6], b"\x80\x02cos\nsystem\n."].concat()
            },
            "pickle 5 of 5 (list of storages), byte ",
            "RefusedGlobal",
        ),
        // Archives.
        ("cut archive", cut(torch_zip(&model), 7), "byte ", "Damaged"),
        ("bytes after the archive", [torch_zip(&model), vec![0; 3]].concat(), "byte ", "Damaged"),
        ("two pickles", beside("b/data.pkl", &program), "\"b/data.pkl\"", "SeveralPickles"),
        ("a pickle beside", beside("a/x.PKL", &program), "\"a/x.PKL\"", "SeveralPickles"),
        (
            "bytes after the pickle",
            archive(&[("a/data.pkl", &[&program[..], b"N."].concat())], false),
            "\"a/data.pkl\"",
            "TrailingBytes, extra: 2",
        ),
        ("cut pickle", archive(&[("a/data.pkl", &program[..40])], false), "\"a/data.pkl\", byte ", "Truncated"),
        ("big-endian", beside("a/byteorder", b"big"), "\"a/byteorder\"", "BigEndian"),
        ("missing storage", torch_zip_of(&model, &storage_bytes()[..1]), "\"model/data/1\"", "Damaged"),
        ("short storage", torch_zip_of(&model, &[("0", vec![0; 9]), ("1", vec![0; 8])]), "\"model/data/0\"", "Damaged"),
        // Tensors.
        ("past its storage", torch_zip(&one(float(&[2, 3], 6), &[3, 1], 1)), "[2, 3]", "Damaged or BigEndian"),
        (
            "shape beyond all memory",
            torch_zip(&one(float(&[u32::MAX >> 1, u32::MAX >> 1, 8], 6), &[0, 0, 0], 0)),
            "",
            "TensorTooLarge",
        ),
        ("expanded", torch_zip(&one(float(&[500_000_000], 6), &[0], 0)), "\"w\"", "TensorTooLarge"),
        (
            "complex",
            torch_zip(&one(("w", "ComplexFloatStorage", "0", 3, &[3]), &[1], 0)),
            "\"torch.ComplexFloatStorage\"",
            "RefusedGlobal",
        ),
        (
            "one name twice",
            torch_zip(&dictionary(&[
                ("a.b", tensor_program(&float(&[6], 6), &[1], 0)),
                ("a", dictionary(&[("b", tensor_program(&float(&[3], 6), &[1], 0))])),
            ])),
            "\"a.b\"",
            "Duplicate",
        ),
        // No weights.
        (
            "no tensors",
            torch_zip(&dictionary(&[("epoch", integer(3)), ("args", dictionary(&[]))])),
            "\"args\", \"epoch\"",
            "NoWeights",
        ),
        (
            "only an optimizer",
            torch_zip(&dictionary(&[("optimizer", model.clone()), ("epoch", integer(3))])),
            "\"epoch\", \"optimizer\"",
            "NoWeights",
        ),
        ("a bare tensor", torch_zip(&tensor_program(&ENTRIES[0], &[3, 1], 0)), "\"torch.Tensor\"", "NoWeights"),
        ("a number", torch_zip(&integer(5)), "a number", "NoWeights"),
        // Legacy.
        ("cut in a storage", cut(legacy(&model), 3), "storage \"1\" (byte ", "Truncated"),
        ("cut in the object", legacy(&model)[..120].to_vec(), "pickle 4 of 5", "Truncated"),
        ("bytes after the storages", [legacy(&model), vec![0; 5]].concat(), "byte ", "TrailingBytes, extra: 5"),
        ("a count", legacy_of(&model, &["0", "1"], &legacy_storages(5, 1)), "storage \"0\" (byte ", "Damaged"),
        (
            "huge count of a storage",
            legacy_of(&model, &["0", "1"], &legacy_storages(u64::MAX / 4, 1)),
            "storage \"0\"",
            "Truncated",
        ),
        ("listed twice", legacy_of(&model, &["0", "0", "1"], &legacy_storages(6, 1)), "storage \"0\"", "Damaged"),
        ("storage not listed", legacy_of(&model, &["0"], &legacy_storages(6, 1)[..1]), "storage \"1\"", "Damaged"),
        (
            "big-endian legacy",
            {
                let mut file = legacy(&model);
                let at = file.windows(13).position(|window| window == b"little_endian").unwrap() + 13;
                file[at] = 0x89;
                file
            },
            "ig-endian",
            "Damaged or BigEndian",
        ),
        // .safetensors.
        ("cut header", safetensors(tensors, &[])[..30].to_vec(), "header (byte 8)", "Truncated"),
        ("cut tensor", safetensors(tensors, &[0; 5]), "tensor data (byte ", "Truncated, needed: 8, available: 5"),
        ("bytes after the tensors", safetensors(tensors, &[0; 9]), "tensor data (byte ", "TrailingBytes, extra: 1"),
        (
            "tensor twice",
            safetensors(
                &tensors
                    .replace('}', "")
                    .replace("[0,8]", "[0,8]},\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"),
                &[0; 8],
            ),
            "\"w\"",
            "Duplicate",
        ),
        ("overlapping tensors", safetensors(&tensors.replace("[0,8]", "[4,12]"), &[0; 12]), "\"w\"", "Damaged"),
        ("another shape", safetensors(&tensors.replace("[2]", "[3]"), &[0; 8]), "header (bytes 8 to ", "Damaged"),
        ("no JSON", safetensors("{\"w\": oops}", &[]), "header (bytes 8 to ", "Damaged"),
        (
            "float8",
            safetensors(&tensors.replace("F32", "F8_E4M3").replace("[0,8]", "[0,2]"), &[0; 2]),
            "\"w\"",
            "Tensor",
        ),
        ("no tensor", safetensors("{}", &[]), "no tensor", "NoWeights"),
        (
            "uint64 above int64",
            safetensors(&tensors.replace("F32", "U64").replace("[2]", "[1]"), &[0xff; 8]),
            "\"w\"",
            "Tensor",
        ),
    ];
    for (what, bytes, place, variant) in cases {
        let error = match read_bytes(&bytes) {
            Err(error) => error,
            Ok(weights) => panic!("{what}: read as {:?}", weights.tensors.keys()),
        };
        assert!(is(&error, variant), "{what}: {error:?}");
        let message = error.to_string();
        assert!(message.contains(place), "{what}: {message}");
        assert!(message.contains("weights.bin: "), "the file is named: {message}");
        assert!(!message.contains("car-spectral-"), "the temporary copy is not named: {message}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = read(Path::new("/nonexistent/model.pt")).unwrap_err();
    assert!(matches!(error, InputError::Io { .. }));
    assert!(error.to_string().starts_with("/nonexistent/model.pt: cannot read the file"), "{error}");
}

/// The files of `tests/fixtures/hostile`, made by Python's own pickle module, and what each is
/// refused for.
#[test]
fn every_hostile_fixture_is_refused() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/hostile"));
    let by_name = |name: &str| -> &'static str {
        match name.split('.').next().unwrap_or_default() {
            "eval" => "builtin__.eval",
            "exec" => "builtin__.exec",
            "getattr" => "builtin__.getattr",
            "open" => "io.open\"",
            "pickle_loads" => "pickle.loads\"",
            "bytearray" => "builtin__.bytearray",
            "stack_global_computed" => "STACK_GLOBAL takes a name that is not spelled out",
            "extension1" | "extension2" | "extension4" => "name number 1 of the extension registry",
            "trailing_pickle" => "bytes follow the end",
            "two_data_pkl_same_name" => "member \"archive/data.pkl\" is there twice",
            "two_data_pkl" => "several pickles (\"archive/data.pkl\", \"a/data.pkl\")",
            "carriage_return" => r"torch\r.FloatStorage\r",
            "dotted_name" => "\"torch.serialization.os.system\"",
            "build_attributes" => "BUILD sets attributes",
            "filled_through_memo" => "no tensors; the top-level keys are \"a\"",
            "call_of_a_result" => "REDUCE calls a value that is not a name",
            _ => "\"posix.system\"",
        }
    };
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".pt") && !name.ends_with(".pkl") {
            continue;
        }
        count += 1;
        let error = match read(&path) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{name} was read"),
        };
        assert!(error.contains(by_name(&name)), "{name}: {error}");
        assert!(error.contains(&name), "{error}");
    }
    assert_eq!(count, 41, "fixtures were added or removed without their expectation");
}

/// Cuts a valid file at every byte and flips bytes all over it: an error or the same names, never a
/// panic.
#[test]
fn damaged_files_never_panic() {
    let object = dictionary(&[("epoch", integer(12)), ("state_dict", state_dict(&ENTRIES))]);
    let header = r#"{"__metadata__":{"arch":"mlp"},"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    for file in [torch_zip(&object), legacy(&object), safetensors(header, &[0; 24])] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("weights.bin");
        for length in 0..file.len() {
            fs::write(&path, &file[..length]).unwrap();
            assert!(read(&path).is_err(), "cut at {length} of {}", file.len());
        }
        let mut still_read = 0;
        for position in 0..file.len() {
            for flip in [0x01_u8, 0x80] {
                let mut flipped = file.clone();
                flipped[position] ^= flip;
                fs::write(&path, &flipped).unwrap();
                still_read += usize::from(read(&path).is_ok());
            }
        }
        // Flipped weights, names and dates are still a file; most of the structure is not.
        assert!(still_read < 2 * file.len() * 9 / 10, "{still_read} of {}", 2 * file.len());
    }
}

/// Pseudo-random programs of pickle instructions: the guard decides first, and the reader never
/// panics on what passes.
#[test]
fn random_pickles_never_panic() {
    // Instructions with plausible arguments, so that programs run further than a few bytes.
    let one_byte = b"()]}tldueas012N\x88\x85\x86\x87\x94Rb\x81\x92\x8f\x90\x91Q".iter().map(|&byte| vec![byte]);
    let longer = [
        &b"K\x01"[..],
        b"J\xff\xff\xff\xff",
        b"q\x00",
        b"h\x00",
        b"q\x01",
        b"h\x01",
        b"ccollections\nOrderedDict\n",
        b"ctorch\nSize\n",
        b"ctorch._utils\n_rebuild_parameter\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"X\x01\x00\x00\x00w",
        b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"G\x7f\xf0\x00\x00\x00\x00\x00\x00",
    ];
    let tensors = [tensor_program(&ENTRIES[0], &[3, 1], 0), tensor_program(&ENTRIES[1], &[], 0)];
    let snippets: Vec<Vec<u8>> = one_byte.chain(longer.iter().map(|snippet| snippet.to_vec())).chain(tensors).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        // xorshift64: any sequence will do, the same on every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.bin");
    let mut passed = 0;
    for _ in 0..3000 {
        let mut object = Vec::new();
        for _ in 0..next(14) {
            object.extend(&snippets[next(snippets.len())]);
        }
        // Wrapped, so that some programs leave exactly one value.
        let object = [b"}X\x01\x00\x00\x00k(", &object[..], b"ts"].concat();
        for file in [torch_zip(&object), legacy(&object)] {
            fs::write(&path, &file).unwrap();
            passed += usize::from(!matches!(
                read(&path),
                Err(InputError::Damaged { .. }
                    | InputError::Truncated { .. }
                    | InputError::Weights(WeightsError::RefusedPickle { .. }))
            ));
        }
    }
    assert!(passed > 50, "only {passed} programs passed the guard: the test has lost its point");
}
