//! `analyze` with several models: what is compared, and what is said where nothing can be.

mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use program::Ended;

/// Scores of three classes, thirty samples; `shift` moves which of them are wrong and makes them
/// more, `order` is how the rows lie.
fn predictions(folder: &Path, name: &str, shift: usize, order: impl Fn(usize) -> usize) {
    let mut text = "label,logit_0,logit_1,logit_2\n".to_owned();
    for row in 0..30 {
        let at = order(row);
        let (label, wrong) = (at % 3, (at + shift).is_multiple_of(5 - shift));
        let predicted = if wrong { (label + 1) % 3 } else { label };
        let scores = [0, 1, 2].map(|class| if class == predicted { "1.5" } else { "0.5" });
        text.push_str(&format!("{label},{}\n", scores.join(",")));
    }
    fs::write(folder.join(name), text).unwrap();
}

fn analyze(folder: &Path, files: &[&str], further: &[&str]) -> Ended {
    let arguments = [&["--predictions"], files, &["--weights", "none"], further].concat();
    program::analyze(folder, &arguments.join(" "))
}

#[test]
fn models_of_other_test_samples_are_not_compared_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    predictions(folder.path(), "a.csv", 0, |row| row);
    predictions(folder.path(), "b.csv", 1, |row| row);
    predictions(folder.path(), "turned.csv", 1, |row| 29 - row);
    let compared = analyze(folder.path(), &["a.csv", "b.csv"], &[]);
    assert_eq!((compared.code, compared.out.contains("not compared")), (Some(0), false), "{}", compared.said);
    assert_eq!(compared.report.unwrap()["comparisons"].as_array().unwrap().len(), 1);
    let other = analyze(folder.path(), &["a.csv", "turned.csv"], &[]);
    assert!(other.out.contains("warning: turned: it is not compared with a:"), "{}", other.out);
    assert!(other.report.unwrap()["comparisons"].as_array().is_none_or(Vec::is_empty));
}

#[test]
fn groups_need_models_of_their_own_and_one_test_set() {
    let folder = tempfile::tempdir().unwrap();
    for (shift, name) in ["a.csv", "b.csv", "c.csv", "d.csv"].into_iter().enumerate() {
        predictions(folder.path(), name, shift, |row| row);
    }
    predictions(folder.path(), "turned.csv", 1, |row| 29 - row);
    let four = ["a.csv", "b.csv", "c.csv", "d.csv"];
    let groups = |first, second| analyze(folder.path(), &four, &["--group", first, "--group", second]);
    for (first, second, says) in [
        ("one=a,b,a", "two=c,d", "--group one: a is in it twice"),
        ("one=a,b", "one=c,d", "--group one is given twice"),
        ("one=a,b", "two=c,e", "no model is called e"),
    ] {
        let refused = groups(first, second);
        assert_eq!(refused.code, Some(2), "{}", refused.said);
        assert!(refused.said.contains(says), "{}", refused.said);
    }
    let compared = groups("one=a,b", "two=c,d");
    assert_eq!(compared.code, Some(0), "{}", compared.said);
    let report = compared.report.unwrap();
    let (group, models) = (&report["groups"][0], &report["models"]);
    assert_eq!(group["b"], "two");
    let error = |model: usize| 1.0 - models[model]["test"]["accuracy"].as_f64().unwrap();
    for (side, mean) in [(error(0) + error(1)) / 2.0, (error(2) + error(3)) / 2.0].into_iter().enumerate() {
        let found = group["overall"]["means"][side].as_f64().unwrap();
        assert!((found - mean).abs() < 1e-12, "{found} {mean}");
    }
    let other = analyze(
        folder.path(),
        &["a.csv", "b.csv", "c.csv", "turned.csv"],
        &["--group", "one=a,b", "--group", "two=c,turned"],
    );
    assert_eq!(other.code, Some(1), "{}", other.said);
    assert!(other.said.contains("a and turned were tested on other samples"), "{}", other.said);
}

/// Of everything that is written.
#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    predictions(folder.path(), "a.csv", 0, |row| row);
    predictions(folder.path(), "b.csv", 1, |row| row);
    let [first, second] = [(); 2].map(|()| {
        let all = ["--format", "html,json,svg,png,csv,md,tex"];
        let ended = analyze(folder.path(), &["a.csv", "b.csv"], &all);
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        let entries = fs::read_dir(folder.path().join("out")).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect::<BTreeMap<_, _>>()
    });
    assert!(first.len() > 10 && first.keys().eq(second.keys()));
    for (path, bytes) in &first {
        assert!(second[path] == *bytes, "{}", path.display());
    }
}

/// Two networks with the same errors say nothing of a third.
#[test]
fn groups_without_spread_are_undecided() {
    let folder = tempfile::tempdir().unwrap();
    for (name, shift) in [("a.csv", 0), ("b.csv", 0), ("c.csv", 1), ("d.csv", 1)] {
        predictions(folder.path(), name, shift, |row| row);
    }
    let ended =
        analyze(folder.path(), &["a.csv", "b.csv", "c.csv", "d.csv"], &["--group", "one=a,b", "--group", "two=c,d"]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let overall = &ended.report.unwrap()["groups"][0]["overall"];
    assert_eq!((&overall["interval"], &overall["verdict"]), (&serde_json::Value::Null, &"undecided".into()));
}

#[test]
fn models_are_called_as_told() {
    let folder = tempfile::tempdir().unwrap();
    predictions(folder.path(), "a.csv", 0, |row| row);
    predictions(folder.path(), "b.csv", 1, |row| row);
    let named = analyze(folder.path(), &["a.csv", "b.csv"], &["--name", "first", "second"]);
    let models = named.report.unwrap()["models"].clone();
    assert_eq!([&models[0]["name"], &models[1]["name"]], ["first", "second"]);
    assert!(named.out.contains("second against first:"), "{}", named.out);
    for (names, says) in [
        (&["--name", "first"][..], "--name gives 1 name for 2 models: a, b"),
        (&["--name", "first", "first"], "--name first is given twice"),
    ] {
        let refused = analyze(folder.path(), &["a.csv", "b.csv"], names);
        assert_eq!((refused.code, refused.said.contains(says)), (Some(2), true), "{}", refused.said);
    }
}
