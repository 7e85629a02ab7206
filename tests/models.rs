//! Networks for large images and attention: trained, kept, and read as other programs write them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use car_spectral_runs::description;
use car_spectral_tests::{Program, analyze, fresh_folder, run, short_training, synthetic_fashion_mnist, text, words};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::Value;

/// Trains one epoch and returns the folder and what was said.
fn train(name: &str, settings: &[&str]) -> (PathBuf, String) {
    let out = fresh_folder(name);
    let mut arguments = short_training();
    arguments.extend(settings.iter().flat_map(|part| words(part)));
    arguments.extend(words("--epochs 1 --evaluate-every 1"));
    arguments.extend(["--out".into(), text(&out)]);
    let ended = run(Program::Train, &arguments);
    assert_eq!(ended.code, Some(0), "train {}\n{}", arguments.join(" "), ended.stderr);
    (out, ended.stdout)
}

fn model(checkpoint: &Path, more: &str, name: &str) -> Value {
    let mut arguments = vec!["--checkpoint".to_owned(), text(checkpoint), "--data".into()];
    arguments.push(format!("fashion-mnist:{}", synthetic_fashion_mnist().display()));
    arguments.extend(words("--device cpu --threads 1"));
    arguments.extend(words(more));
    analyze(&arguments, &fresh_folder(name))["models"][0].clone()
}

/// The weights alone, `prefix` in front of their names, as another program would keep them.
fn foreign(checkpoint: &Path, prefix: &str) -> PathBuf {
    let bytes = std::fs::read(checkpoint).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, view)| (format!("{prefix}{name}"), view));
    let views: HashMap<String, TensorView> = tensors.collect();
    let path = checkpoint.with_file_name("foreign.safetensors");
    safetensors::serialize_to_file(views, None, &path).unwrap();
    path
}

fn t3(model: &Value) -> (bool, String) {
    let t3 = model["bounds"].as_array().unwrap().iter().find(|bound| bound["id"] == "T3").unwrap();
    (t3["applicable"].as_bool().unwrap(), t3["reason"].as_str().unwrap_or_default().to_owned())
}

const FLAGS: &str = "--mean 0.2860 --std 0.3530 --imbalance 10 --n-max 40 --subset-seed 0";

#[test]
fn a_vision_transformer_is_kept_and_read_under_the_names_of_timm() {
    let (out, _) = train("vit", &["--model vit-tiny --patch 14 --drop-path 0.1 --weight-ema 0.9 --bf16"]);
    let own = model(&out.join("model.safetensors"), "", "vit-own");
    assert_eq!(own["source"]["architecture"], "vit-tiny/14");
    // No flag says the patch.
    let copy = foreign(&out.join("model.safetensors"), "module.");
    let copy = model(&copy, &format!("--arch vit-tiny {FLAGS}"), "vit-foreign");
    for part in ["source", "test", "train", "bounds"] {
        let (own, copy) = (&own[part], &copy[part]);
        let equal = if part == "source" { own["architecture"] == copy["architecture"] } else { own == copy };
        assert!(equal, "{part}");
    }
    let (applicable, reason) = t3(&copy);
    assert!(!applicable && reason.contains("attention"), "{reason}");
}

#[test]
fn a_resolution_is_honoured_and_pretrained_weights_are_recorded() {
    let (first, stdout) = train("lite0", &["--model efficientnet-lite0 --resolution 40 --mean 0.498 --std 0.502"]);
    assert!(!stdout.contains("pretrained"));
    let checkpoint = first.join("model.safetensors");
    let own = model(&checkpoint, "", "lite0-own");
    assert_eq!(own["source"]["architecture"], "efficientnet-lite0, at 40 px");
    assert_eq!(own["source"]["preprocessing"]["mean"][0], 0.498);
    let (applicable, reason) = t3(&own);
    assert!(!applicable && reason.contains("skip connection"), "{reason}");
    let mut arguments = vec!["--predictions".to_owned(), text(&first.join("test.npz")), "--train-predictions".into()];
    arguments.push(text(&first.join("train.npz")));
    let stored = analyze(&arguments, &fresh_folder("lite0-predictions"));
    assert_eq!(own["test"]["class_errors"], stored["models"][0]["test"]["class_errors"]);
    assert_eq!(own["test"]["margins"], stored["models"][0]["test"]["margins"], "train computed the same logits");

    let copy = foreign(&checkpoint, "");
    let begin = format!("--resolution 40 --pretrained {}", copy.display());
    for (name, more, said) in
        [("again", "", "classifier taken"), ("cosine", "--classifier cosine", "classifier begun fresh")]
    {
        let (out, stdout) = train(name, &["--model efficientnet-lite0", &begin, more]);
        assert!(stdout.contains(said), "{stdout}");
        let description = description::describe(&out.join("model.safetensors")).unwrap().unwrap();
        let pretrained = description.run.pretrained.unwrap();
        assert_eq!(pretrained.classifier, said == "classifier taken");
        assert!(stdout.contains(&pretrained.sha256));
    }
    let refused = |settings: &str, code: i32, part: &str| {
        let mut arguments = short_training();
        arguments.extend(words(settings));
        arguments.extend(words("--epochs 1 --out"));
        arguments.push(text(&first.join("refused")));
        let ended = run(Program::Train, &arguments);
        assert!(ended.code == Some(code) && ended.stderr.contains(part), "{settings}: {}", ended.stderr);
    };
    refused(&format!("--model resnet20 --pretrained {}", copy.display()), 1, "the weights are not those of resnet20");
    refused("--model resnet20 --pretrained nowhere.pth", 1, "nowhere.pth");
    refused("--model efficientnet-lite0", 2, "--resolution");
    refused("--model vit-tiny", 2, "--patch = 16");
    refused("--model resnet20 --patch 4", 2, "--model vit-*");
    refused("--model resnet20 --drop-path 0.1", 2, "--drop-path");
    refused("--model resnet20 --weight-ema 1", 2, "--weight-ema");
    refused("--model resnet20 --mean 0.1,0.2,0.3 --std 1,1,1", 2, "--mean/--std = 3 values");
    assert!(!first.join("refused").exists());
}
