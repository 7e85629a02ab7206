//! Copies of the shipped checkpoints made by PyTorch itself (tests/fixtures/torch/make.py), run on
//! the real test images of Fashion-MNIST, give the checkpoint's own report.

use std::path::PathBuf;
use std::sync::OnceLock;

use car_spectral_tests::{analyze, fresh_folder, repository, text, words};
use serde_json::Value;

fn data() -> PathBuf {
    let folder = repository().join(".data/fashion-mnist");
    assert!(folder.is_dir(), "{} is not there: run `make setup`, which fetches Fashion-MNIST", folder.display());
    folder
}

fn model(file: &str, more: &str) -> Value {
    let mut arguments = vec!["--checkpoint".to_owned(), text(&repository().join(file))];
    arguments.extend(["--data".into(), format!("fashion-mnist:{}", data().display())]);
    arguments.extend(words("--device cpu"));
    arguments.extend(words(more));
    let out = fresh_folder(&format!("{file} {more}").replace('/', "-"));
    analyze(&arguments, &out)["models"][0].clone()
}

/// The report of the checkpoint itself, which says how it wants its input and which images it was
/// trained on.
fn own(name: &str) -> &'static Value {
    static OWN: [OnceLock<Value>; 2] = [OnceLock::new(), OnceLock::new()];
    OWN[usize::from(name == "resnet20")]
        .get_or_init(|| model(&format!("examples/fashion-mnist-lt-{name}.safetensors"), ""))
}

const FLAGS: &str = "--mean 0.2860 --std 0.3530 --imbalance 100 --n-max 600 --subset-seed 0";

fn copy(architecture: &str, file: &str) -> Value {
    model(&format!("tests/fixtures/torch/{file}"), &format!("--arch {architecture} {FLAGS}"))
}

fn equal_but_for_the_source(copy: &Value, own: &Value, file: &str) {
    let (copy, own) = (copy.as_object().unwrap(), own.as_object().unwrap());
    assert_eq!(copy.keys().collect::<Vec<_>>(), own.keys().collect::<Vec<_>>(), "{file}");
    for (key, value) in own {
        if key != "name" && key != "source" {
            assert_eq!(&copy[key], value, "{file}: {key}");
        }
    }
    assert_eq!(copy["source"]["kind"], "torch-save", "{file}");
}

#[test]
fn torch_save_copies_of_the_mlp_give_its_report() {
    for file in ["mlp.pt", "mlp-legacy.pt", "mlp-dataparallel.pth.tar"] {
        equal_but_for_the_source(&copy("mlp", file), own("mlp"), file);
    }
}

#[test]
fn a_torch_save_copy_of_the_resnet_gives_its_report() {
    equal_but_for_the_source(&copy("resnet20", "resnet20.pt"), own("resnet20"), "resnet20.pt");
}

/// Without --subset-seed the images that another program drew are not known, only how many of each
/// class.
#[test]
fn the_training_images_of_a_foreign_model_are_not_guessed() {
    let flags = FLAGS.strip_suffix(" --subset-seed 0").unwrap();
    let foreign = model("tests/fixtures/torch/mlp.pt", &format!("--arch mlp {flags}"));
    assert_eq!((&foreign["train"], &foreign["source"]["subset_sha256"]), (&Value::Null, &Value::Null));
    assert_eq!(foreign["test"]["worst_class_ratio"], Value::Null, "it needs the training images");
    assert_eq!(foreign["test"]["class_errors"], own("mlp")["test"]["class_errors"]);
    assert_eq!(foreign["train_counts"], own("mlp")["train_counts"]);
}

/// A script does not say what it is, so T3 cannot apply; everything measured is the same.
#[test]
fn torchscript_copies_measure_the_same() {
    for name in ["mlp", "resnet20"] {
        let script =
            model(&format!("tests/fixtures/torch/{name}-torchscript.pt"), &format!("--run-torchscript {FLAGS}"));
        for part in ["test", "train", "train_to_test", "train_counts", "class_names", "groups", "weights", "confusions"]
        {
            assert_eq!(script[part], own(name)[part], "{name}: {part}");
        }
        assert_eq!(script["source"]["kind"], "torchscript");
        let t3 = script["bounds"].as_array().unwrap().iter().find(|bound| bound["id"] == "T3").unwrap();
        assert_eq!(t3["applicable"], false);
    }
}
