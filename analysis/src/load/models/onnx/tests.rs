use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use car_spectral_data::{DataKind, DataSource};
use car_spectral_formats::onnx::read;
use car_spectral_formats::predictions::Logits;
use car_spectral_formats::weights::{self, TensorData};
use image::RgbImage;
use serde::Deserialize;
use tempfile::TempDir;

use super::*;
use crate::load::{ForeignWeights, Loaded, Models, PixelSteps, load};

const CLASSES: [&str; 5] = ["ant", "bee", "cod", "dog", "elk"];
const SIDE: u32 = 16;

/// What tests/fixtures/onnx/make.py wrote: images, and the logits that PyTorch computes of them.
#[derive(Deserialize)]
struct Expected {
    images: Vec<Vec<u8>>,
    #[serde(default)]
    mean: Vec<f64>,
    #[serde(default)]
    std: Vec<f64>,
    logits: BTreeMap<String, Vec<Vec<f32>>>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/onnx")).join(name)
}

fn expected(name: &str) -> Expected {
    serde_json::from_slice(&fs::read(fixture(name)).unwrap()).unwrap()
}

/// The images of the fixture as an image folder, their order kept: one or more of each class for
/// the test, and one for training.
fn images(expected: &Expected) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (place, bytes) in expected.images.iter().enumerate() {
        let image = RgbImage::from_fn(SIDE, SIDE, |x, y| {
            image::Rgb([0, 1, 2].map(|channel: u32| bytes[((channel * SIDE + y) * SIDE + x) as usize]))
        });
        for part in ["train", "test"] {
            let class = folder.path().join(part).join(CLASSES[place.min(CLASSES.len() - 1)]);
            fs::create_dir_all(&class).unwrap();
            image.save(class.join(format!("{place}.png"))).unwrap();
        }
    }
    folder
}

fn request(network: &Path, images: &Path, expected: &Expected) -> (Request, Checkpoints) {
    let checkpoints = Checkpoints {
        files: vec![network.to_owned()],
        data: DataSource::new(DataKind::ImageFolder, images),
        pixels: Some(PixelSteps {
            mean: expected.mean.clone(),
            std: expected.std.clone(),
            resize: Some(SIDE as usize),
            crop: Some(SIDE as usize),
            channels: None,
        }),
        subset_seed: None,
        foreign: ForeignWeights::default(),
        run_torchscript: false,
        output: None,
        device: DeviceChoice::Auto,
        threads: Some(2),
    };
    let request = Request {
        models: Models::Checkpoints(Box::new(checkpoints.clone())),
        arch: None,
        train_counts: None,
        class_names: None,
        imbalance: None,
        n_max: None,
    };
    (request, checkpoints)
}

fn run(network: &Path, change: impl FnOnce(&mut Checkpoints)) -> Result<Loaded, String> {
    let expected = expected("expected.json");
    let images = images(&expected);
    let (mut request, mut checkpoints) = request(network, images.path(), &expected);
    change(&mut checkpoints);
    request.models = Models::Checkpoints(Box::new(checkpoints));
    load(&request, &mut |_| {}).map_err(|error| error.to_string())
}

/// What comes of the images of training [1, 1, 1, 1, 2] and these counts.
fn with_counts(counts: &str) -> Result<Vec<crate::results::Warning>, String> {
    let expected = expected("expected.json");
    let images = images(&expected);
    let (mut request, _) = request(&fixture("resnet20_script.onnx"), images.path(), &expected);
    let file = images.path().join("counts.txt");
    fs::write(&file, counts).unwrap();
    request.train_counts = Some(file.into());
    let loaded = load(&request, &mut |_| {}).map_err(|error| error.to_string())?;
    Ok(loaded.subjects.into_iter().flat_map(|subject| subject.warnings).collect())
}

#[test]
fn counts_are_held_against_the_training_images() {
    assert_eq!(with_counts("1\n1\n1\n1\n2\n"), Ok(Vec::new()));
    let fewer = with_counts("1\n1\n1\n1\n1\n").unwrap();
    let [fewer] = &fewer[..] else { panic!("one warning: {fewer:?}") };
    assert_eq!(fewer.id, "counts-differ");
    let words = "counts.txt: 1 training images of class elk, of which 2 are there, and 1 of 5 classes differ; give";
    assert!(fewer.sentence.contains(words), "{}", fewer.sentence);
    let more = with_counts("1\n2\n1\n1\n1\n").unwrap_err();
    assert!(more.contains("2 training images of class bee, of which 1 are there"), "{more}");
    assert!(more.contains("the same numbers stand there in another order"), "{more}");
}

fn refused(network: &str, change: impl FnOnce(&mut Checkpoints)) -> String {
    run(&fixture(network), change).map(|_| ()).unwrap_err()
}

fn assert_near(found: &[f32], expected: &[f32], network: &str) {
    assert_eq!(found.len(), expected.len(), "{network}");
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference <= 1e-4, "{network}: differs by {difference}");
}

#[test]
fn logits_are_those_of_pytorch_in_free_and_fixed_batches() {
    for (name, logits) in expected("expected.json").logits {
        let output = Some("logits".to_owned()).filter(|_| name == "two_outputs");
        let loaded = run(&fixture(&format!("{name}.onnx")), |checkpoints| checkpoints.output = output).unwrap();
        let [subject] = &loaded.subjects[..] else { panic!("one network gives one subject") };
        let Logits::F32(found) = &subject.test.logits else { panic!("float32") };
        assert_near(found.as_slice().unwrap(), &logits.concat(), &name);
        assert_eq!(subject.test.labels.to_vec(), [0, 1, 2, 3, 4, 4]);
        assert_eq!(subject.source.kind, "onnx");
        let roles: Vec<&str> = subject.source.files.iter().map(|file| file.role.as_str()).collect();
        let beside = fixture(&format!("{name}.onnx.data")).exists();
        assert_eq!(roles, if beside { vec!["network", "weights"] } else { vec!["network"] });
    }
}

#[test]
fn shipped_networks_are_their_checkpoints() {
    let expected = expected("shipped.json");
    let examples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples"));
    assert_eq!(expected.logits.len(), 3);
    for (name, logits) in &expected.logits {
        let path = examples.join(format!("{name}.onnx"));
        let graph = Graph::of(&read(&path).unwrap(), None).unwrap();
        let description = from_json(&path, graph.metadata(METADATA_KEY).unwrap()).unwrap();
        let beside = examples.join(format!("{name}.json"));
        assert_eq!(description, from_json(&beside, &fs::read_to_string(&beside).unwrap()).unwrap());
        let (mean, std) = (description.normalisation.mean[0], description.normalisation.std[0]);
        let engine = Engine::build(graph, [1, 28, 28]).unwrap();
        let pixels = expected.images.iter().flatten();
        let mut input: Vec<f32> = pixels.map(|&byte| ((f64::from(byte) / 255.0 - mean) / std) as f32).collect();
        input.resize(engine.batch() * 28 * 28, 0.0);
        let (found, classes) = engine.logits(&input).unwrap();
        assert_eq!(classes, 10);
        assert_near(&found[..logits.len() * classes], &logits.concat(), name);
    }
}

#[test]
fn one_of_several_outputs_is_asked_for_and_must_be_logits() {
    let error = refused("two_outputs.onnx", |_| {});
    assert!(error.contains("2 outputs (0 features, 1 logits)") && error.contains("`output`"), "{error}");
    let error = refused("two_outputs.onnx", |checkpoints| checkpoints.output = Some("0".to_owned()));
    assert!(error.contains("4 outputs") && error.contains("5 classes"), "{error}");
    let error = refused("two_outputs.onnx", |checkpoints| checkpoints.output = Some("logit".to_owned()));
    assert!(error.contains("no output `logit`"), "{error}");
}

#[test]
fn a_network_in_training_mode_is_refused() {
    let error = refused("training.onnx", |_| {});
    assert!(error.contains("BatchNormalization") && error.contains("model.eval()"), "{error}");
}

#[test]
fn images_of_another_shape_are_refused_with_both_shapes() {
    let smaller = |checkpoints: &mut Checkpoints| checkpoints.pixels.as_mut().unwrap().crop = Some(8);
    let error = refused("resnet20_dynamo.onnx", smaller);
    assert!(error.contains("[4, 3, 16, 16]") && error.contains("[N, 3, 8, 8]") && error.contains("`crop`"), "{error}");
    let error = refused("resnet20_dynamo.onnx", |checkpoints| checkpoints.pixels = None);
    assert!(error.contains("`mean` and `std`"), "{error}");
    let error = refused("resnet20_dynamo.onnx", |checkpoints| checkpoints.device = DeviceChoice::Cuda(0));
    assert!(error.contains("`device`"), "{error}");
}

/// A copy of a fixture with the first of these bytes replaced by as many others.
fn changed(name: &str, from: &str, to: &str) -> (TempDir, PathBuf) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(fixture(name)).unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, bytes).unwrap();
    (folder, file)
}

#[test]
fn a_damaged_graph_is_refused_with_its_place() {
    for (from, to, sentence) in [
        ("head.bias", "none.bias", "uses none.bias, which nothing before it gives"),
        ("\"\u{4}Relu", "\"\u{4}Rilu", "Rilu"), // an operation's type: tag and length before it
        ("\"\u{4}Relu", "\"\u{4}Loop", "Loop"),
        ("\"\u{7}Flatten", "\"\u{7}RandomU", "RandomU"),
    ] {
        let (_folder, file) = changed("two_outputs.onnx", from, to);
        let error = run(&file, |checkpoints| checkpoints.output = Some("logits".to_owned())).map(|_| ()).expect_err(to);
        assert!(error.contains(sentence) && error.contains("two_outputs.onnx"), "{from} -> {to}: {error}");
    }
}

#[test]
fn matrices_with_relu_between_them_are_read_off_the_graph() {
    let layers = |path: &Path| Graph::of(&read(path).unwrap(), None).unwrap().relu_layers();
    let examples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples"));
    let found = layers(&examples.join("fashion-mnist-lt-mlp.onnx")).unwrap();
    assert_eq!(found.iter().map(|layer| layer.dim()).collect::<Vec<_>>(), [(256, 784), (256, 256), (10, 256)]);
    let weights = weights::read(&examples.join("fashion-mnist-lt-mlp.safetensors")).unwrap();
    let TensorData::F32(stored) = &weights.tensors["fc3.weight"].data else { panic!("float32") };
    assert_eq!(found[2].iter().map(|&value| value as f32).collect::<Vec<_>>(), *stored);
    assert!(layers(&examples.join("fashion-mnist-lt-resnet20.onnx")).is_none());
    let biased = Graph::of(&read(&fixture("two_outputs.onnx")).unwrap(), Some("logits")).unwrap();
    assert!(biased.relu_layers().is_none());
}
