//! `train`, then `analyze --checkpoint`: every number of the report is recomputed from the
//! predictions by NumPy and SciPy, and a checkpoint that is run gives what its stored predictions
//! give.

use std::path::Path;

use car_spectral_tests::{
    Program, analyze, fresh_folder, recompute, run, synthetic_fashion_mnist, text, trained, words,
};
use serde_json::Value;

fn of_checkpoints(folders: &[&Path], more: &str, out: &Path) -> Value {
    let mut arguments = vec!["--checkpoint".to_owned()];
    arguments.extend(folders.iter().map(|folder| text(&folder.join("model.safetensors"))));
    arguments.extend(["--data".into(), format!("fashion-mnist:{}", synthetic_fashion_mnist().display())]);
    arguments.extend(words("--device cpu --threads 1"));
    arguments.extend(words(more));
    analyze(&arguments, out)
}

fn of_predictions(folder: &Path, out: &Path) -> Value {
    let arguments =
        ["--predictions", &text(&folder.join("test.npz")), "--train-predictions", &text(&folder.join("train.npz"))];
    analyze(&arguments.map(str::to_owned), out)
}

fn check(report: &Path, model: usize, folder: &Path) {
    let file = |name: &str| folder.join(name);
    let (train, weights) = (file("train.npz"), file("model.safetensors"));
    recompute(report, model, &file("test.npz"), Some(&train), Some(&weights));
}

fn bounds<'a>(model: &'a Value, id: &str) -> Vec<&'a Value> {
    model["bounds"].as_array().unwrap().iter().filter(|bound| bound["id"] == id).collect()
}

#[test]
fn numpy_finds_the_numbers_of_an_mlp_and_t3_is_vacuous() {
    let (run, out) = (trained("mlp"), fresh_folder("mlp-report"));
    let report = of_checkpoints(&[run], "", &out);
    check(&out.join("report.json"), 0, run);
    let model = &report["models"][0];
    assert_eq!(model["source"]["kind"], "checkpoint");
    assert!(model["test"]["class_errors"].as_array().unwrap().iter().any(|errors| errors != 0), "nothing to bound");
    assert_eq!(model["network"]["layers"].as_array().unwrap().len(), 3);
    for id in ["T3", "T3'", "T3''"] {
        let applicable: Vec<_> = bounds(model, id).into_iter().filter(|bound| bound["applicable"] == true).collect();
        assert_eq!(applicable.len(), 4, "{id} applies at the positive margins of the grid");
        for bound in applicable {
            assert_eq!(bound["verdict"]["violated"], 0);
            assert_eq!(bound["verdict"]["vacuous"], 10, "{bound}");
        }
    }
}

#[test]
fn numpy_finds_the_numbers_of_a_resnet_and_t3_does_not_apply() {
    let (run, out) = (trained("resnet20"), fresh_folder("resnet20-report"));
    let report = of_checkpoints(&[run], "", &out);
    check(&out.join("report.json"), 0, run);
    for bound in bounds(&report["models"][0], "T3") {
        assert_eq!(bound["applicable"], false);
        assert!(bound["reason"].as_str().unwrap().starts_with("not applicable: "), "{bound}");
    }
}

#[test]
fn other_weights_margins_and_levels_are_recomputed_too() {
    for (name, settings) in [
        ("official", "--weights official --r0 0.05 --margin -0.75,0,0.3,7 --delta 0.2"),
        ("none", "--weights none --margin 1e-3"),
        // Below, in and above the range of beta in which T3'' inverts kl.
        ("wide-margins", "--margin 1,100,300,1000,3000,1e6"),
        ("r0-zero", "--r0 0 --margin 0.25,0.25,-1 --delta 1e-6"),
    ] {
        let out = fresh_folder(name);
        let report = of_checkpoints(&[trained("mlp")], settings, &out);
        check(&out.join("report.json"), 0, trained("mlp"));
        let expected = if ["r0-zero", "wide-margins"].contains(&name) { "paper" } else { name };
        assert_eq!(report["settings"]["weights"], expected);
    }
}

#[test]
fn two_models_share_the_level_of_the_intervals() {
    let runs = [trained("mlp"), trained("resnet20")];
    let (one, two) = (fresh_folder("one"), fresh_folder("two"));
    let alone = of_checkpoints(&runs[..1], "", &one);
    let both = of_checkpoints(&runs, "", &two);
    assert_eq!(both["settings"]["models_compared"], 2);
    for (model, run) in runs.into_iter().enumerate() {
        check(&two.join("report.json"), model, run);
    }
    assert_ne!(both["models"][0]["name"], both["models"][1]["name"]);
    let half = both["models"][0]["delta_per_class"].as_f64().unwrap() * 2.0;
    assert_eq!(alone["models"][0]["delta_per_class"].as_f64().unwrap(), half);
    let interval = |report: &Value| -> (f64, f64) {
        let ends = &report["models"][0]["test"]["class_error_interval"][9];
        (ends[0].as_f64().unwrap(), ends[1].as_f64().unwrap())
    };
    let (narrow, wide) = (interval(&alone), interval(&both));
    assert!(wide.1 - wide.0 > narrow.1 - narrow.0, "{narrow:?} {wide:?}");
}

#[test]
fn a_checkpoint_that_is_run_gives_what_its_stored_predictions_give() {
    for name in ["mlp", "resnet20"] {
        let run = trained(name);
        let ran = of_checkpoints(&[run], "", &fresh_folder(&format!("{name}-run")));
        let stored = of_predictions(run, &fresh_folder(&format!("{name}-stored")));
        for part in ["test", "train", "train_counts", "groups", "weights"] {
            same(name, part, &ran["models"][0][part], &stored["models"][0][part]);
        }
    }
}

/// The same, with names of classes left out (stored predictions have numbers only).
fn same(model: &str, path: &str, left: &Value, right: &Value) {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{model} {path}");
            for (key, value) in a.iter().filter(|(key, _)| *key != "name") {
                same(model, &format!("{path}.{key}"), value, &b[key]);
            }
        }
        _ => assert_eq!(left, right, "{model}: {path}"),
    }
}

#[test]
fn all_results_are_written_and_the_summary_names_the_verdicts() {
    let out = fresh_folder("all").join("new/folder");
    let folder = trained("mlp");
    let arguments = [
        "--predictions".to_owned(),
        text(&folder.join("test.npz")),
        "--train-predictions".to_owned(),
        text(&folder.join("train.npz")),
        "--out".to_owned(),
        text(&out),
    ];
    let ended = run(Program::Analyze, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for file in ["report.json", "report.html", "per_class.csv", "chain_at_worst.svg", "chain_at_worst.png"] {
        assert!(std::fs::metadata(out.join(file)).is_ok_and(|found| found.len() > 500), "{file}");
    }
    for wanted in ["T1", "T2", "(S2)"] {
        assert!(ended.stdout.contains(wanted), "{wanted} is not in\n{}", ended.stdout);
    }
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http://fonts"), "the page loads something");
}
