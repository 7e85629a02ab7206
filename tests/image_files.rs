//! Image folders and list files, from the first line of output to the analysis; validation and
//! selection.

use std::fs;
use std::path::{Path, PathBuf};

use car_spectral_runs::log;
use car_spectral_tests::{Program, analyze, fresh_folder, read_predictions, run, text, words};
use car_spectral_training::checkpoint;
use image::{Rgb, RgbImage};
use tch::Device;

/// Images of each class, training and test.
const COUNTS: [(&str, usize, usize); 3] = [("ant", 40, 8), ("bee", 12, 8), ("owl", 3, 8)];
const SETTINGS: &str = "--image-size 12 --model mlp --hidden 16 --epochs 6 --warm-up 0 --batch-size 16 --lr 0.02 --device cpu \
                        --threads 1 --evaluate-every 1";

/// A tree of noisy images of several sizes, one colour a class, and the same images as lists.
fn images(name: &str) -> PathBuf {
    let folder = fresh_folder(name);
    let mut state = 11_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for (part, ending) in [("train", "_train.txt"), ("val", "_val.txt")] {
        let mut list = String::new();
        for (label, (class, train, test)) in COUNTS.into_iter().enumerate() {
            fs::create_dir_all(folder.join(part).join(class)).unwrap();
            for number in 0..if part == "train" { train } else { test } {
                let (width, height) = (14 + random(10) as u32, 14 + random(10) as u32);
                let image = RgbImage::from_fn(width, height, |_, _| {
                    Rgb([0, 1, 2].map(|channel| (random(200) + if channel == label { 55 } else { 0 }) as u8))
                });
                let file = format!("{part}/{class}/{number:03}.{}", if number % 2 == 0 { "png" } else { "jpg" });
                image.save(folder.join(&file)).unwrap();
                list.push_str(&format!("{file} {label}\n"));
            }
        }
        fs::write(folder.join(format!("Tiny{ending}")), list).unwrap();
    }
    folder
}

fn train(data: &str, settings: &str, out: &Path) -> car_spectral_tests::Ended {
    let mut arguments = vec!["--data".to_owned(), data.to_owned()];
    arguments.extend(words(SETTINGS));
    arguments.extend(words(settings));
    arguments.extend(["--out".into(), text(out)]);
    run(Program::Train, arguments)
}

fn trained(data: &str, settings: &str, name: &str) -> (PathBuf, String) {
    let out = fresh_folder(name);
    let ended = train(data, settings, &out);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    (out, ended.stdout)
}

#[test]
fn the_best_epoch_on_validation_is_the_result_and_analyze_sees_the_same_images() {
    let data = format!("image-folder:{}", text(&images("folder")));
    let (out, said) = trained(&data, "--validation 0.25 --select best --checkpoint-every 1", "best");
    assert!(said.contains("class counts    30 9 2\n") && said.contains("class counts    10 3 1\n"), "{said}");
    let epochs = log::read_log(&out.join("metrics.jsonl")).unwrap();
    let scores: Vec<f64> =
        epochs.iter().map(|epoch| epoch.validation.as_ref().unwrap().accuracy_macro.unwrap()).collect();
    let largest = scores.iter().copied().fold(f64::MIN, f64::max);
    let best = 1 + scores.iter().position(|&score| score == largest).unwrap();
    let test = epochs[best - 1].test.as_ref().unwrap();
    assert!(
        said.contains(&format!(
            "{:.2} % (epoch {best}, the best of 6 evaluated ones on validation)",
            100.0 * test.accuracy
        )),
        "{said}"
    );
    let (model, description) = checkpoint::load(&out.join("model.safetensors"), Device::Cpu).unwrap();
    let (kept, _) = checkpoint::load(&out.join(format!("epoch-{best:04}.safetensors")), Device::Cpu).unwrap();
    let (weights, kept) = (model.weights(), kept.weights());
    assert!(weights.iter().all(|(name, tensor)| tensor.equal(&kept[name])));
    assert_eq!((description.run.epoch, description.data.image_size), (best, Some(12)));
    let held_out = description.data.validation.unwrap();
    assert_eq!((description.data.class_counts, held_out.class_counts), (vec![30, 9, 2], vec![10, 3, 1]));
    assert!(said.contains(&held_out.indices_sha256));
    assert_eq!(read_predictions(&out.join("validation.npz")).1.len(), 14);

    // `analyze` draws the same parts, and decodes, resizes and normalises alike.
    let arguments = ["--checkpoint", &text(&out.join("model.safetensors")), "--data", &data].map(str::to_owned);
    let report = analyze(&arguments, &fresh_folder("best-report"));
    let model = &report["models"][0];
    assert_eq!(model["test"]["accuracy"].as_f64().unwrap(), test.accuracy);
    assert_eq!(model["train"]["samples"], 41);
    assert_eq!(model["train"]["accuracy"].as_f64().unwrap(), epochs[best - 1].train.as_ref().unwrap().accuracy);
    assert_eq!(model["train_counts"], serde_json::json!([30, 9, 2]));
    assert_eq!(model["source"]["preprocessing"]["crop"], 12);
}

#[test]
fn images_kept_from_training_certify_the_last_epoch() {
    let data = format!("image-folder:{}", text(&images("kept")));
    let (out, said) = trained(&data, "--validation 0.25 --select last", "last");
    assert!(said.contains("(epoch 6, the last)"), "{said}");
    let (held_out, seen) = (text(&out.join("validation.npz")), text(&out.join("train.npz")));
    let arguments = ["--predictions", &held_out, "--train-predictions", &seen].map(str::to_owned);
    let report = analyze(&arguments, &fresh_folder("last-report"));

    let (logits, labels) = read_predictions(&out.join("validation.npz"));
    let (mut errors, mut counts) = ([0_u64; 3], [0_u64; 3]);
    for (scores, &label) in logits.rows().into_iter().zip(&labels) {
        let class = label as usize;
        counts[class] += 1;
        errors[class] += u64::from((0..3).any(|other| other != class && scores[other] >= scores[class]));
    }
    assert_eq!(counts, [10, 3, 1]);
    // One-sided Clopper-Pearson limits by bisection: P(Bin(n, p) <= k) = 0.05.
    let tail = |p: f64, k: u64, n: u64| -> f64 {
        let choose = |i: u64| (0..i).fold(1.0, |product, at| product * (n - at) as f64 / (at + 1) as f64);
        (0..=k).map(|i| choose(i) * p.powi(i as i32) * (1.0 - p).powi((n - i) as i32)).sum()
    };
    let upper = |k: u64, n: u64| {
        let halve = |(low, high): (f64, f64), _| {
            let middle = 0.5 * (low + high);
            if tail(middle, k, n) > 0.05 { (middle, high) } else { (low, middle) }
        };
        if k == n { 1.0 } else { (0..60).fold((0.0, 1.0), halve).1 }
    };
    let expected = errors.iter().zip(&counts).map(|(&k, &n)| upper(k, n)).fold(0.0, f64::max);
    let certificate = report["models"][0]["test"]["max_error"]["at_most"].as_f64().unwrap();
    assert!((certificate - expected).abs() < 1e-8, "{certificate} {expected}");
}

#[test]
fn threads_change_nothing_and_lists_name_the_same_images() {
    let folder = images("lists");
    let (tree, lists) = (format!("image-folder:{}", text(&folder)), format!("list:{}", text(&folder)));
    let result = |data: &str, settings: &str, name: &str| {
        let (out, said) = trained(data, settings, name);
        (fs::read(out.join("test.npz")).unwrap(), fs::read(out.join("train.npz")).unwrap(), said)
    };
    let (test, train_logits, said) = result(&tree, "--loader-threads 1", "one-thread");
    assert!(said.contains("training images 55 of 55") && said.contains("(epoch 6, the last)"), "{said}");
    for (data, settings, name) in [(&tree, "--loader-threads 5", "five-threads"), (&lists, "", "list")] {
        let other = result(data, settings, name);
        assert!(other.0 == test && other.1 == train_logits, "{name}");
    }
    let balanced = result(&tree, "--sampler class-balanced", "balanced");
    assert_ne!(balanced.1, train_logits);
    let subset = result(&lists, "--imbalance 10 --n-max 20", "subset").2;
    assert!(subset.contains("class counts    20 6 2\n"), "{subset}");
    // The lists under other names.
    let named = format!("--train-list {0}/Tiny_train.txt --test-list {0}/Tiny_val.txt", text(&folder));
    fs::copy(folder.join("Tiny_val.txt"), folder.join("Other_val.txt")).unwrap();
    assert_eq!(train(&lists, "", &fresh_folder("ambiguous")).code, Some(1));
    assert_eq!(result(&lists, &named, "named").0, test);
}

#[test]
fn files_and_flags_that_cannot_be_used_are_named() {
    let folder = images("hostile");
    let tree = format!("image-folder:{}", text(&folder));
    let refused = |settings: &str, code: i32, says: &[&str]| {
        let out = folder.join("out");
        let ended = train(&tree, settings, &out);
        assert_eq!(ended.code, Some(code), "{settings}: {}", ended.stderr);
        assert!(says.iter().all(|part| ended.stderr.contains(part)), "{settings}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        let _ = fs::remove_dir_all(out);
    };
    refused("--select best", 2, &["--select", "--validation"]);
    refused("--validation 1", 2, &["--validation = 1"]);
    refused("--n-max 5", 2, &["--n-max", "--imbalance"]);
    refused("--imbalance 0.5", 2, &["imbalance factor"]);
    refused("--train-list x", 2, &["--train-list", "image-folder has no lists"]);
    refused("--loader-threads 0", 2, &["--loader-threads"]);
    let cut = folder.join("train/ant/001.jpg");
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    refused("", 1, &["train/ant/001.jpg", "cut short"]);
    fs::write(&cut, "").unwrap();
    refused("", 1, &["train/ant/001.jpg", "empty"]);
}

#[test]
fn folders_called_by_numbers_are_numbered_as_said_and_analyze_asks_for_the_same() {
    let folder = images("numbered");
    for part in ["train", "val"] {
        for (from, to) in [("ant", "1"), ("bee", "2"), ("owl", "10")] {
            fs::rename(folder.join(part).join(from), folder.join(part).join(to)).unwrap();
        }
    }
    let data = format!("image-folder:{}", text(&folder));
    let (_, said) = trained(&data, "", "by-text");
    assert!(said.contains("class counts    40 3 12\n") && said.contains("--class-order natural"), "{said}");
    let (out, said) = trained(&data, "--class-order natural", "by-number");
    assert!(said.contains("class counts    40 12 3\n") && said.contains("in the natural order"), "{said}");
    let mut arguments =
        ["--checkpoint", &text(&out.join("model.safetensors")), "--data", &data].map(str::to_owned).to_vec();
    let refused =
        run(Program::Analyze, [&arguments[..], &["--out".into(), text(&fresh_folder("text-order"))]].concat());
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("its class 1 is 2, here 10") && refused.stderr.contains("--class-order"),
        "{}",
        refused.stderr
    );
    arguments.extend(words("--class-order natural"));
    let report = analyze(&arguments, &fresh_folder("natural-order"));
    assert_eq!(report["models"][0]["train_counts"], serde_json::json!([40, 12, 3]));
    assert_eq!(report["models"][0]["class_names"], serde_json::json!(["1", "2", "10"]));
    let elsewhere = train("synthetic:x", "--class-order text", &fresh_folder("synthetic"));
    assert_eq!(elsewhere.code, Some(2), "{}", elsewhere.stderr);
}
