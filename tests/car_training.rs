//! `train --car` as a user runs it: the metrics it writes, the state in its checkpoints, and what
//! `analyze` draws of them.

use std::fs;
use std::path::{Path, PathBuf};

use car_spectral_tests::{Program, fresh_folder, report, run, short_training, synthetic_fashion_mnist, text, words};
use car_spectral_training::checkpoint;
use car_spectral_training::loss::CarLoss;
use serde_json::Value;

fn train(name: &str, flags: &str) -> PathBuf {
    let out = fresh_folder(name);
    let mut arguments = short_training();
    arguments.extend(words("--model mlp --hidden 16 --epochs 4 --evaluate-every 2 --seed 1"));
    arguments.extend(words(flags));
    arguments.extend(["--out".into(), text(&out)]);
    let ended = run(Program::Train, &arguments);
    assert_eq!(ended.code, Some(0), "train {}\n{}", arguments.join(" "), ended.stderr);
    out
}

fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn analyze(runs: &[&Path], name: &str) -> PathBuf {
    let out = fresh_folder(name);
    let mut arguments = vec!["--checkpoint".to_owned()];
    arguments.extend(runs.iter().map(|run| text(run)));
    arguments.extend(["--data".into(), format!("fashion-mnist:{}", synthetic_fashion_mnist().display())]);
    arguments.extend(words("--device cpu --threads 1 --format json,svg"));
    arguments.extend(["--out".into(), text(&out)]);
    let ended = run(Program::Analyze, &arguments);
    assert_eq!(ended.code, Some(0), "analyze {}\n{}", arguments.join(" "), ended.stderr);
    out
}

#[test]
fn a_run_with_car_is_recorded_kept_and_drawn() {
    let (plain, car) =
        (train("plain", ""), train("car", "--car paper --car-columns present --car-diagnose --checkpoint-every 2"));
    for (run, with_car) in [(&plain, false), (&car, true)] {
        let epochs = metrics(run);
        assert_eq!(epochs.len(), 4);
        for (at, epoch) in epochs.iter().enumerate() {
            let evaluated = at % 2 == 1;
            for split in ["train", "test"] {
                assert_eq!(epoch[split].is_object(), evaluated, "{epoch}");
                if evaluated {
                    let of = |key: &str| epoch[split][key].as_f64().unwrap();
                    assert!(of("wce") <= 3.0 * of("hard_spectral_norm") * (1.0 + 1e-9), "S3 with K = 10: {epoch}");
                    assert!(of("surrogate_spectral_norm") > 0.0);
                }
            }
            assert_eq!(epoch["car"].is_object(), with_car, "{epoch}");
            if with_car {
                let share = epoch["car"]["time_share"].as_f64().unwrap();
                assert!(0.0 < share && share < 1.0, "{epoch}");
                assert!(epoch["car"]["gradient_norm"].as_f64().unwrap() > 0.0);
                for gap in ["gap_all_columns", "gap_present_columns"] {
                    assert_eq!(epoch["car"][gap].is_object(), evaluated, "{epoch}");
                }
            }
        }
    }

    let (_, description) = checkpoint::load(&car.join("model.safetensors"), tch::Device::Cpu).unwrap();
    let options = description.run.optimisation.objective.car.unwrap();
    let mut restored = CarLoss::new(&description.data.class_counts, options).unwrap();
    let [half, end] = ["epoch-0002.safetensors", "model.safetensors"]
        .map(|file| checkpoint::load_loss_state(&car.join(file)).unwrap());
    restored.set_state(&half).unwrap();
    let before = restored.ema();
    restored.set_state(&end).unwrap();
    assert!(!restored.ema().equal(&before), "the average went on between the checkpoints");
    assert!(checkpoint::load_loss_state(&plain.join("model.safetensors")).unwrap().is_empty());

    let out = analyze(&[&plain, &car], "both");
    for plot in ["training_runs.svg", "regulariser.svg", "comparison.svg"] {
        assert!(out.join(plot).is_file(), "{plot}");
    }
    let report = report(&out.join("report.json"));
    assert_eq!(report["runs"].as_array().unwrap().len(), 2, "the folder of several checkpoints is one run");
    assert_eq!(report["runs"][1]["run"]["car"]["ema"]["columns"], "present");
    assert_eq!(report["runs"][1]["epochs"], Value::Array(metrics(&car)));
    // What the training loop recorded of the last epoch is what `analyze` finds in the checkpoint.
    let last = report["models"].as_array().unwrap().last().unwrap();
    let recorded = &metrics(&car)[3]["test"];
    for (found, key) in [
        (&last["test"]["accuracy"], "accuracy"),
        (&last["test"]["worst_class"]["error"], "worst_class_error"),
        (&last["test"]["chain"]["wce"], "wce"),
        (&last["test"]["hard"]["spectral_norm_weighted"]["value"], "hard_spectral_norm"),
    ] {
        let (found, recorded) = (found.as_f64().unwrap(), recorded[key].as_f64().unwrap());
        assert!((found - recorded).abs() <= 1e-9 * found, "{key}: {found} {recorded}");
    }
}

#[test]
fn no_strength_is_no_regulariser_and_a_seed_repeats() {
    let weights =
        |run: PathBuf| checkpoint::load(&run.join("model.safetensors"), tch::Device::Cpu).unwrap().0.weights();
    let same = |a: &PathBuf, b: &PathBuf| {
        let (a, b) = (weights(a.clone()), weights(b.clone()));
        a.iter().all(|(name, tensor)| tensor.equal(&b[name]))
    };
    let plain = train("without", "");
    let (first, second) = (train("first", "--car official"), train("second", "--car official"));
    assert!(same(&first, &second));
    assert!(!same(&first, &plain));
    assert!(same(&train("zero", "--car paper --car-alpha 0"), &plain));
}

fn arguments_of(run: &str, out: &str) -> Vec<String> {
    let data = format!("fashion-mnist:{}", synthetic_fashion_mnist().display());
    ["--checkpoint", run, "--data", &data, "--format", "json", "--out", &text(&fresh_folder(out))]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn a_folder_holds_one_run() {
    let folder = train("taken", "--checkpoint-every 2");
    let again = |flags: &str| {
        let mut arguments = short_training();
        arguments.extend(words("--model mlp --hidden 16 --epochs 1 --seed 5 --car paper"));
        arguments.extend(words(flags));
        arguments.extend(["--out".into(), text(&folder)]);
        run(Program::Train, &arguments)
    };
    let before = fs::read(folder.join("metrics.jsonl")).unwrap();
    let refused = again("");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--overwrite"), "{}", refused.stderr);
    assert_eq!(fs::read(folder.join("metrics.jsonl")).unwrap(), before);
    assert_eq!(again("--overwrite").code, Some(0));
    assert!(!folder.join("epoch-0002.safetensors").exists(), "of the run that was given up");
    assert_eq!(metrics(&folder).len(), 1);

    // However the folder is spelled it is one run.
    let mut arguments = arguments_of(&text(&folder), "spellings");
    arguments.insert(2, format!("{}/../taken", text(&folder)));
    let ended = run(Program::Analyze, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = report(&PathBuf::from(arguments.last().unwrap()).join("report.json"));
    assert_eq!(report["runs"].as_array().unwrap().len(), 1);
    assert_eq!(report["runs"][0]["run"]["seed"], 5);
}

#[test]
fn a_log_of_another_run_is_refused_and_an_empty_one_is_none() {
    let (plain, car) = (train("log-plain", ""), train("log-car", "--car paper"));
    fs::copy(car.join("metrics.jsonl"), plain.join("metrics.jsonl")).unwrap();
    let ended = run(Program::Analyze, arguments_of(&text(&plain), "foreign-log"));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("metrics.jsonl: it records CAR"), "{}", ended.stderr);

    fs::copy(plain.join("model.safetensors"), car.join("a.safetensors")).unwrap();
    let ended = run(Program::Analyze, arguments_of(&text(&car), "mixed"));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("model.safetensors: its run is not"), "{}", ended.stderr);

    fs::write(plain.join("metrics.jsonl"), "").unwrap();
    let arguments = arguments_of(&text(&plain), "empty-log");
    let ended = run(Program::Analyze, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = report(&PathBuf::from(arguments.last().unwrap()).join("report.json"));
    assert_eq!(report["runs"], Value::Array(Vec::new()));
}

/// CAR reads the batches that are not mixed: an epoch may have none of them.
#[test]
fn a_log_whose_first_epochs_were_all_mixed_is_that_of_its_run() {
    let without_car = |run: &Path, epochs: usize| {
        let mut lines = metrics(run);
        lines[..epochs].iter_mut().for_each(|line| line["car"] = Value::Null);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(run.join("metrics.jsonl"), text).unwrap();
    };
    let (mixed, unmixed) = (train("log-mixed", "--car paper --cutmix"), train("log-unmixed", "--car paper"));
    for (run_folder, epochs, code) in [(&mixed, 1, 0), (&mixed, 4, 0), (&unmixed, 4, 1)] {
        without_car(run_folder, epochs);
        let out = format!("car-in-{}-of-{}", 4 - epochs, run_folder.file_name().unwrap().display());
        let ended = run(Program::Analyze, arguments_of(&text(run_folder), &out));
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert!(code == 0 || ended.stderr.contains("it records no CAR"), "{}", ended.stderr);
    }
}

#[test]
fn a_damaged_log_is_refused_with_its_line() {
    let run_folder = train("damaged", "--car paper");
    let log = run_folder.join("metrics.jsonl");
    let text_of_log = fs::read_to_string(&log).unwrap();
    fs::write(&log, text_of_log.replacen("\"epoch\":2", "\"epoch\":\"two\"", 1)).unwrap();
    let ended = run(Program::Analyze, arguments_of(&text(&run_folder), "refused"));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("metrics.jsonl: line 2"), "{}", ended.stderr);
}

#[test]
fn options_out_of_range_are_usage_errors() {
    for (flags, says) in [
        ("--car paper --car-alpha -1", "alpha"),
        ("--car paper --car-beta 1", "beta"),
        ("--car paper --car-temperature 0", "temperature"),
        ("--car paper --car-margin inf", "margin"),
        ("--car-alpha 1", "--car"),
        ("--car nothing", "paper, official"),
        ("--car paper --car-ablation a --car-softmax all", "--car-softmax"),
    ] {
        let out = fresh_folder(&format!("usage{}", flags.replace(' ', "_")));
        let mut arguments = short_training();
        arguments.extend(words("--model mlp --epochs 1"));
        arguments.extend(words(flags));
        arguments.extend(["--out".into(), text(&out)]);
        let ended = run(Program::Train, &arguments);
        assert_eq!(ended.code, Some(2), "{flags}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{flags}: {}", ended.stderr);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "{flags}");
    }
}
