//! A small network in the ways that training programs keep it.

use std::path::PathBuf;

use super::*;
use crate::ElementType;
use crate::weights::{CheckpointKind, TensorData};

const CLASSES: usize = 3;
const FEATURES: usize = 2;

/// A tensor filled with `value`, and its place added, so that no two elements are equal.
fn filled(shape: &[usize], value: f32) -> Tensor {
    let elements = shape.iter().product::<usize>();
    let values = (0_u8..).take(elements).map(|place| value + f32::from(place)).collect();
    Tensor { shape: shape.to_vec(), data: TensorData::F32(values), stored_dtype: ElementType::F32 }
}

const BACKBONE: [(&str, &[usize]); 4] = [
    ("conv.weight", &[2, 1]),
    ("bn.weight", &[2]),
    ("layer1.0.bn.running_mean", &[2]),
    ("layer1.0.conv.weight", &[2, 2]),
];

fn backbone(prefix: &str, value: f32) -> Vec<(String, Tensor)> {
    BACKBONE.iter().map(|(name, shape)| (format!("{prefix}{name}"), filled(shape, value))).collect()
}

fn head(module: &str, shape: [usize; 2], bias: bool) -> Vec<(String, Tensor)> {
    let weight = (format!("{module}.weight"), filled(&shape, 50.0));
    let bias = bias.then(|| (format!("{module}.bias"), filled(&[CLASSES], 70.0)));
    std::iter::once(weight).chain(bias).collect()
}

fn extra(names: &[&str]) -> Vec<(String, Tensor)> {
    names.iter().map(|name| ((*name).to_owned(), filled(&[4], 90.0))).collect()
}

fn weights(tensors: impl IntoIterator<Item = Vec<(String, Tensor)>>, keys: &[&str]) -> Weights {
    Weights {
        tensors: tensors.into_iter().flatten().collect(),
        kind: CheckpointKind::TorchSaveZip,
        source: PathBuf::from("w.pth"),
        bytes: 0,
        sha256: String::new(),
        parts: Vec::new(),
        metadata: BTreeMap::new(),
        beside: serde_json::Value::Null,
        nesting: Vec::new(),
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        unread: Vec::new(),
        passed_over: Vec::new(),
    }
}

fn wanted_of(classes: usize, features: usize, bias: bool) -> Wanted {
    let mut shapes: BTreeMap<String, Vec<usize>> =
        BACKBONE.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect();
    shapes.insert("linear.weight".into(), vec![classes, features]);
    if bias {
        shapes.insert("linear.bias".into(), vec![classes]);
    }
    let spelled = |name: &String| name.replace("conv", "convolution").replace("linear", "heads.head");
    let spelling = shapes.keys().map(|name| (name.clone(), spelled(name))).collect();
    Wanted { network: "net".into(), shapes, last_layer: Some("linear".into()), spellings: vec![spelling] }
}

fn wanted() -> Wanted {
    wanted_of(CLASSES, FEATURES, true)
}

fn fitted(weights: Weights, reading: &Reading) -> Fitted {
    let fitted = fit(weights, &wanted(), reading).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fitted.tensors.keys().collect::<Vec<_>>(), wanted().shapes.keys().collect::<Vec<_>>());
    assert_eq!(fitted.tensors["linear.weight"].data, filled(&[3, 2], 50.0).data);
    assert_eq!(fitted.tensors["conv.weight"].data, filled(&[2, 1], 1.0).data);
    fitted
}

fn refused(weights: Weights, reading: &Reading, parts: &[&str]) {
    let error = fit(weights, &wanted(), reading).unwrap_err().to_string();
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

fn whole(prefix: &str, value: f32) -> Vec<(String, Tensor)> {
    [backbone(prefix, value), head(&format!("{prefix}linear"), [3, 2], true)].concat()
}

#[test]
fn every_beginning_of_names_is_taken_off_and_recorded() {
    for prefix in ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.net.backbone."] {
        let fitted = fitted(weights([whole(prefix, 1.0)], &[]), &Reading::default());
        assert_eq!((fitted.taken.prefix.as_str(), fitted.taken.key.as_str()), (prefix, ""));
        assert!(fitted.taken.unread.is_empty());
    }
    let averaged = [whole("module.", 1.0), extra(&["n_averaged", "module.bn.num_batches_tracked"])];
    assert!(fitted(weights(averaged, &[]), &Reading::default()).taken.unread.is_empty(), "counters need no word");
}

#[test]
fn what_only_training_needs_is_left_out_and_named() {
    let beside = extra(&["criterion.weight", "criterion.m_list", "encoder_teacher.x", "normalize.mean"]);
    let fitted = fitted(weights([whole("model.", 1.0), beside], &[]), &Reading::default());
    assert_eq!(fitted.taken.unread, ["criterion (2 tensors)", "encoder_teacher", "normalize"]);
    let composite = [
        backbone("module.encoder.", 1.0),
        head("module.fc", [3, 2], true),
        head("module.head.0", [2, 2], true),
        head("module.head_fc.3", [5, 2], false),
    ];
    let fitted = super::fit(weights(composite, &[]), &wanted(), &Reading::default()).unwrap();
    assert_eq!(fitted.taken.unread, ["module.head.0 (2 tensors)", "module.head_fc.3"]);
    assert_eq!(
        (fitted.taken.prefix.as_str(), fitted.taken.last_layer.as_deref()),
        ("module.encoder.", Some("module.fc"))
    );
}

#[test]
fn what_the_scores_may_need_is_questioned() {
    for name in ["linear.scale", "layer1.0.attention.weight", "layer1.1.conv.weight", "temperature", "neck.weight"] {
        let file = || weights([whole("", 1.0), extra(&[name])], &[]);
        refused(file(), &Reading::default(), &["w.pth", name, "`leave-out`"]);
        let reading = Reading { leave_out: vec![name.to_owned()], ..Reading::default() };
        assert_eq!(fitted(file(), &reading).taken.unread.len(), 1, "{name}");
    }
    for (prefix, step) in [("0.", "1.weight"), ("1.", "0.mean"), ("module.0.", "module.1.bias")] {
        let file = || weights([whole(prefix, 1.0), extra(&[step])], &[]);
        refused(file(), &Reading::default(), &[step, "`leave-out`"]);
        let reading = Reading { leave_out: vec![step.to_owned()], ..Reading::default() };
        assert_eq!(fitted(file(), &reading).taken.prefix, prefix);
    }
    // A layer of as many outputs as there are features, with the name of a last layer.
    let between = [backbone("", 1.0), head("linear", [3, 2], true), head("fc1", [2, 2], false)];
    refused(weights(between, &[]), &Reading::default(), &["\"fc1.weight\""]);
    let neck = [backbone("backbone.", 1.0), head("classifier", [3, 2], true), head("neck", [2, 2], false)];
    refused(weights(neck, &[]), &Reading::default(), &["\"neck.weight\""]);
    let reading = Reading { leave_out: vec!["nothing".into()], ..Reading::default() };
    refused(weights([whole("", 1.0)], &[]), &reading, &["\"nothing\""]);
}

#[test]
fn a_key_between_features_and_scores_is_questioned() {
    let pair = |beside: &[&str], keys: &[&str]| {
        let parts = [backbone("model.module.", 1.0), head("classifier.module.fc", [3, 2], true), extra(beside)];
        weights(parts, &[&["model", "classifier"], keys].concat())
    };
    // classifier-balancing's scales beside the last layer, MiSLAS' in a key of their own, a block between the two.
    for (name, keys) in [
        ("classifier.module.scales", &[][..]),
        ("lws_model.module.learned_norm", &["lws_model"]),
        ("block.module.conv1.weight", &["block"]),
    ] {
        refused(pair(&[name], keys), &Reading::default(), &[name, "`leave-out`", "weight *= s.view(-1, 1)"]);
        let reading = Reading { leave_out: vec![name.to_owned()], ..Reading::default() };
        fitted(pair(&[name], keys), &reading);
    }
    let of_training = pair(&["criterion.weight", "callbacks.best"], &["criterion", "callbacks"]);
    assert_eq!(fitted(of_training, &Reading::default()).taken.unread, ["callbacks", "criterion"]);
    // Under one key the network is whole, but what multiplies the scores may still stand apart.
    let whole = |beside: &str| weights([whole("model.", 1.0), extra(&[beside])], &["model", "other"]);
    assert_eq!(fitted(whole("other.weight"), &Reading::default()).taken.unread, ["other"]);
    refused(whole("other.learned_norm"), &Reading::default(), &["\"other.learned_norm\""]);
}

#[test]
fn sets_that_differ_are_refused_by_key_and_equal_ones_are_no_conflict() {
    let keys = ["state_dict", "state_dict_ema"];
    let two = |second| weights([whole("state_dict.", 1.0), whole("state_dict_ema.module.", second)], &keys);
    refused(two(2.0), &Reading::default(), &["\"state_dict\", \"state_dict_ema\"", "`key`"]);
    let fitted = fitted(two(1.0), &Reading::default());
    assert_eq!((fitted.taken.key.as_str(), fitted.taken.prefix.as_str()), ("state_dict", ""));
    assert!(fitted.taken.unread.iter().all(|module| module.starts_with("state_dict_ema")), "{:?}", fitted.taken.unread);
    // Within one dictionary the beginnings of the names tell them apart.
    let twins = weights([whole("encoder_q.", 1.0), whole("encoder_k.", 2.0)], &[]);
    refused(twins, &Reading::default(), &["\"encoder_k\", \"encoder_q\""]);
    let beside = weights([whole("", 1.0), whole("ema.", 2.0)], &[]);
    refused(beside.clone(), &Reading::default(), &["`leave-out`"]);
    let reading = Reading { leave_out: vec!["ema".into()], ..Reading::default() };
    super::fit(beside, &wanted(), &reading).unwrap();
}

#[test]
fn a_last_layer_is_found_wherever_it_stands() {
    for (module, prefix) in [
        ("fc", ""),
        ("module.classifier", "module."),
        ("classifier.module.fc", "feat_model.module."),
        ("head.fc", "backbone."),
        ("heads.head", ""),
    ] {
        let file = weights([backbone(prefix, 1.0), head(module, [3, 2], true)], &["feat_model", "classifier"]);
        assert_eq!(fitted(file, &Reading::default()).taken.last_layer.as_deref(), Some(module));
    }
    let two = || weights([backbone("", 1.0), head("fc", [3, 2], true), head("classifier", [3, 2], true)], &[]);
    refused(two(), &Reading::default(), &["\"classifier\", \"fc\"", "`rename` classifier=linear"]);
    let reading = Reading { renames: vec!["fc=linear".parse().unwrap()], ..Reading::default() };
    assert_eq!(fitted(two(), &reading).taken.unread, ["classifier (2 tensors)"]);
    let odd = || weights([backbone("", 1.0), head("answer.2", [3, 2], true)], &[]);
    refused(odd(), &Reading::default(), &["\"answer.2\"", "`rename` answer.2=linear"]);
    let reading = Reading { renames: vec!["answer.2=linear".parse().unwrap()], ..Reading::default() };
    fitted(odd(), &reading);
    let other = weights([backbone("", 1.0), head("fc", [10, 2], true)], &[]);
    refused(other.clone(), &Reading::default(), &["\"fc\" [10, 2]", "of 3 classes"]);
    let reading = Reading { without_last_layer: true, ..Reading::default() };
    assert_eq!(super::fit(other, &wanted(), &reading).unwrap().taken.last_layer, None);
    refused(weights([backbone("", 1.0)], &[]), &Reading::default(), &["the last layer", "has both"]);
}

#[test]
fn what_a_last_layer_is_and_how_it_lies_is_asked_where_the_file_does_not_say() {
    let says = |last_layer| Reading { last_layer, ..Reading::default() };
    let bare = |shape| weights([backbone("", 1.0), head("linear", shape, false)], &[]);
    let cosine = wanted_of(CLASSES, FEATURES, false);
    for shape in [[3, 2], [2, 3]] {
        refused(bare(shape), &Reading::default(), &["\"linear.weight\"", "`classifier` cosine", "`scale`"]);
        let fitted = super::fit(bare(shape), &cosine, &says(LastLayer::Cosine)).unwrap();
        let expected =
            if shape == [3, 2] { [50.0, 51.0, 52.0, 53.0, 54.0, 55.0] } else { [50.0, 53.0, 51.0, 54.0, 52.0, 55.0] };
        assert_eq!(fitted.tensors["linear.weight"].data, TensorData::F32(expected.to_vec()));
        assert_eq!(fitted.tensors["linear.weight"].shape, [3, 2]);
    }
    let linear = fitted(bare([3, 2]), &says(LastLayer::Linear));
    assert_eq!(linear.tensors["linear.bias"].data, TensorData::F32(vec![0.0; 3]));
    let both = weights([whole("", 1.0)], &[]);
    let error = super::fit(both, &cosine, &says(LastLayer::Cosine)).unwrap_err().to_string();
    assert!(error.contains("\"linear.bias\"") && error.contains("`classifier` linear"), "{error}");

    // As many classes as features.
    let square = || weights([backbone("", 1.0), head("linear", [2, 2], false)], &[]);
    let wanted = wanted_of(2, 2, false);
    let error = super::fit(square(), &wanted, &says(LastLayer::Cosine)).unwrap_err().to_string();
    assert!(error.contains("is square") && error.contains("`classifier-rows`"), "{error}");
    for (rows, expected) in
        [(MatrixRows::Classes, [50.0, 51.0, 52.0, 53.0]), (MatrixRows::Features, [50.0, 52.0, 51.0, 53.0])]
    {
        let reading = Reading { rows: Some(rows), ..says(LastLayer::Cosine) };
        let fitted = super::fit(square(), &wanted, &reading).unwrap();
        assert_eq!(fitted.tensors["linear.weight"].data, TensorData::F32(expected.to_vec()));
    }
}

#[test]
fn names_of_another_program_and_by_request() {
    let spelled = |(name, tensor): (String, Tensor)| (name.replace("conv", "convolution"), tensor);
    let other: Vec<_> = whole("module.", 1.0).into_iter().map(spelled).collect();
    assert_eq!(fitted(weights([other], &[]), &Reading::default()).taken.prefix, "module.");
    let renamed: Vec<_> =
        whole("", 1.0).into_iter().map(|(name, tensor)| (name.replace("layer1", "stage.1"), tensor)).collect();
    let reading = Reading { renames: vec!["stage.1=layer1".parse().unwrap()], ..Reading::default() };
    fitted(weights([renamed.clone()], &[]), &reading);
    refused(
        weights([renamed], &[]),
        &Reading::default(),
        &["\"layer1.0.conv.weight\"", "\"stage.1.0.conv.weight\"", "`rename`"],
    );
    let reading = Reading { renames: vec!["nothing=layer1".parse().unwrap()], ..Reading::default() };
    refused(weights([whole("", 1.0)], &[]), &reading, &["nothing=layer1"]);
    let reading = Reading { renames: vec!["bn=conv".parse().unwrap()], ..Reading::default() };
    refused(weights([whole("", 1.0)], &[]), &reading, &["\"conv.weight\""]);
    for bad in ["", "a", "=b"] {
        assert!(bad.parse::<Rename>().is_err(), "{bad}");
    }
}

#[test]
fn the_names_that_differ_are_said_with_the_nearest() {
    let mut tensors = whole("net.", 1.0);
    for (name, tensor) in &mut tensors {
        *name = name.replace("running_mean", "mean");
        if name.ends_with("layer1.0.conv.weight") {
            *tensor = filled(&[4, 2], 1.0);
        }
    }
    refused(
        weights([tensors], &[]),
        &Reading::default(),
        &[
            "of its 4 tensors 3 are there below \"net.\"",
            "missing: \"net.layer1.0.bn.running_mean\" (nearest: \"net.layer1.0.bn.mean\")",
            "\"net.layer1.0.conv.weight\" is [4, 2], wanted [2, 2]",
        ],
    );
}

#[test]
fn rewritten_weights_are_refused_with_what_undoes_them() {
    let without = |names: &[&str]| -> Vec<(String, Tensor)> {
        backbone("", 1.0).into_iter().filter(|(name, _)| !names.contains(&name.as_str())).collect()
    };
    let (conv, last) = (|| without(&["layer1.0.conv.weight"]), || head("linear", [CLASSES, FEATURES], true));
    let bias = || vec![("linear.bias".to_owned(), filled(&[CLASSES], 70.0))];
    for (tensors, remedy) in [
        ([conv(), last(), extra(&["layer1.0.conv.weight_orig", "layer1.0.conv.weight_mask"])], "prune.remove"),
        ([conv(), last(), extra(&["layer1.0.conv.weight_g", "layer1.0.conv.weight_v"])], "remove_weight_norm"),
        ([conv(), last(), extra(&["layer1.0.conv.weight_orig", "layer1.0.conv.weight_u"])], "remove_spectral_norm"),
        ([conv(), last(), extra(&["layer1.0.conv.parametrizations.weight.original0"])], "remove_parametrizations"),
        ([without(&[]), bias(), extra(&["linear.weight_g", "linear.weight_v"])], "remove_weight_norm"),
        ([without(&[]), bias(), extra(&["linear.parametrizations.weight.original1"])], "remove_parametrizations"),
        ([without(&[]), last(), extra(&["layer1.0.conv.lora_A", "layer1.0.conv.lora_B"])], "merge them"),
        ([without(&[]), last(), extra(&["layer1.0.conv.weight_scale"])], "before they were quantised"),
        ([vec![], vec![], extra(&["_fsdp_wrapped_module._flat_param"])], "FULL_STATE_DICT"),
        ([vec![], vec![], extra(&["shadow_params.0", "shadow_params.1"])], "copy_to"),
        ([vec![], vec![], extra(&["0.exp_avg", "0.exp_avg_sq"])], "model.state_dict()"),
    ] {
        let names: Vec<String> = tensors.iter().flatten().map(|(name, _)| name.clone()).collect();
        let error = fit(weights(tensors, &[]), &wanted(), &Reading::default()).unwrap_err();
        assert!(matches!(error, WeightsError::Rewritten { .. }), "{names:?}: {error}");
        assert!(error.to_string().contains(remedy), "{names:?}: {error}");
    }
    // Of a contrastive head, as DINO keeps it, nothing is said.
    let other = [conv(), last(), extra(&["head.last_layer.weight_g", "head.last_layer.weight_v"])];
    let error = fit(weights(other, &[]), &wanted(), &Reading::default()).unwrap_err();
    assert!(matches!(error, WeightsError::NamesDiffer { .. }), "{error}");
    let empty = backbone("", 1.0).into_iter().map(|(name, _)| (name, filled(&[0], 0.0))).collect();
    let error = fit(weights([empty], &[]), &wanted(), &Reading::default()).unwrap_err();
    assert!(error.to_string().contains("zero_to_fp32.py"), "{error}");
}

#[test]
fn whole_numbers_are_no_weights() {
    let mut tensors = weights([backbone("", 1.0), head("linear", [CLASSES, FEATURES], true)], &[]);
    let whole = Tensor { shape: vec![2, 1], data: TensorData::I64(vec![3, -7]), stored_dtype: ElementType::I8 };
    tensors.tensors.insert("conv.weight".to_owned(), whole);
    let error = fit(tensors, &wanted(), &Reading::default()).unwrap_err().to_string();
    assert!(error.contains("\"conv.weight\" is stored as int8"), "{error}");
}

#[test]
fn a_scale_that_the_last_layer_keeps_is_the_one_that_is_said() {
    let with = |kept: f32, said: f64| {
        let scale = Tensor { shape: vec![], data: TensorData::F32(vec![kept]), stored_dtype: ElementType::F32 };
        let scale = vec![("linear.scale".to_owned(), scale)];
        let all = weights([backbone("", 1.0), head("linear", [CLASSES, FEATURES], false), scale], &[]);
        let reading = Reading { last_layer: LastLayer::Cosine, scale: Some(said), ..Reading::default() };
        fit(all, &wanted_of(CLASSES, FEATURES, false), &reading)
    };
    assert_eq!(with(30.0, 30.0).unwrap().taken.unread, ["linear"]);
    let error = with(16.0, 30.0).unwrap_err().to_string();
    assert!(error.contains("\"linear.scale\" is 16 in the file, and `scale` says 30"), "{error}");
}
