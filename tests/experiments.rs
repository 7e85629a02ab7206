//! `experiments` as a user runs it: a sweep that is interrupted in every way and goes on, its
//! table, and the rank correlations over runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use car_spectral_tests::{
    Ended, Program, fresh_folder, read_predictions, recompute_correlations, repository, run, synthetic_fashion_mnist,
    text, words,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const FLAGS: &str = "n-max = 40\nimbalance = 10\nwarm-up = 0\nbatch-size = 32\nlr = 0.05\nmodel = 'mlp'\nhidden = [32]\n\
                     epochs = 40\nevaluate-every = 10\nvalidation = 0.2\n";

fn experiment(folder: &Path, name: &str, title: &str, data: &str, flags: &str) {
    let table = format!("[experiment]\ntitle = '{title}'\ndata = '{data}'\nseeds = [0, 3]\n");
    fs::write(folder.join(name), format!("{FLAGS}{flags}\n{table}")).unwrap();
}

/// Two rows that can be run, one whose data are not given and one that fails.
fn experiments(root: &Path) -> PathBuf {
    let folder = root.join("rows");
    fs::create_dir(&folder).unwrap();
    experiment(&folder, "01-ce.toml", "CE", "fashion-mnist", "");
    experiment(&folder, "02-car.toml", "CE + CAR", "fashion-mnist", "car = 'paper'");
    experiment(&folder, "03-ten.toml", "Ten", "cifar10", "");
    experiment(&folder, "04-wrong.toml", "Wrong", "fashion-mnist", "");
    let wrong = folder.join("04-wrong.toml");
    let unfit = fs::read_to_string(&wrong).unwrap().replace("n-max = 40", "n-max = 40000");
    fs::write(wrong, unfit).unwrap();
    folder
}

fn sweep_arguments(experiments: &Path, runs: &Path) -> Vec<String> {
    let data = format!("fashion-mnist:{}", synthetic_fashion_mnist().display());
    let paths = ["run", &text(experiments), "--data", &data, "--runs", &text(runs)].map(str::to_owned);
    [paths.into(), words("--jobs 2 --threads 1 --device cpu")].concat()
}

fn sweep(experiments: &Path, runs: &Path) -> Ended {
    run(Program::Experiments, sweep_arguments(experiments, runs))
}

fn table(experiments: &Path, runs: &Path, out: &Path) -> Ended {
    run(Program::Experiments, ["table", &text(experiments), "--runs", &text(runs), "--out", &text(out)])
}

/// A sweep in a process group of its own.
fn start(experiments: &Path, runs: &Path, said: Stdio) -> Child {
    Command::new(Program::Experiments.path())
        .args(sweep_arguments(experiments, runs))
        .current_dir(repository())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .unwrap()
}

fn kill(target: &str) {
    Command::new("kill").args(["-9", "--", target]).stderr(Stdio::null()).status().unwrap();
}

/// The `train` children of a process, each with the epochs that its run has done.
fn children(process: u32) -> Vec<(String, usize)> {
    let listed = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let of = |child: &str| {
        let line = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
        let out = line.split('\0').skip_while(|part| *part != "--out").nth(1)?;
        let log = fs::read_to_string(Path::new(out).join("metrics.jsonl")).unwrap_or_default();
        Some((child.to_owned(), log.lines().count()))
    };
    listed.split_whitespace().filter_map(of).collect()
}

fn epochs_done(runs: &Path) -> usize {
    let logs = fs::read_dir(runs.join("rows")).into_iter().flatten().flatten();
    logs.map(|run| fs::read_to_string(run.path().join("metrics.jsonl")).unwrap_or_default().lines().count()).sum()
}

#[test]
fn a_sweep_survives_every_interruption_and_its_table_has_the_numbers_of_the_predictions() {
    Program::Train.path();
    let root = fresh_folder("sweep");
    let rows = experiments(&root);
    let (whole, runs) = (root.join("whole"), root.join("interrupted"));
    let ended = sweep(&rows, &whole);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("4 of 6 runs finished"), "{}", ended.stdout);
    for part in
        ["left out: rows/03-ten, for want of --data cifar10:DIR", "2 runs failed", "04-wrong-seed0", "class 0 has only"]
    {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    let order: Vec<&str> = ended.stderr.lines().filter_map(|line| line.strip_suffix(": begins")).collect();
    assert_eq!(order.len(), 6);
    assert_eq!(order[..3], ["rows/01-ce-seed0", "rows/02-car-seed0", "rows/04-wrong-seed0"], "first seeds first");

    // The sweep alone is killed: its runs end with it.
    let mut alone = start(&rows, &runs, Stdio::null());
    while epochs_done(&runs) < 1 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let left: Vec<String> = children(alone.id()).into_iter().map(|(child, _)| child).collect();
    assert!(!left.is_empty());
    kill(&alone.id().to_string());
    alone.wait().unwrap();
    let lives = |child: &String| {
        fs::read_to_string(format!("/proc/{child}/cmdline")).is_ok_and(|line| line.contains("--end-with-parent"))
    };
    let patience = std::time::Instant::now();
    while left.iter().any(lives) {
        assert!(patience.elapsed() < Duration::from_secs(20), "children go on");
        std::thread::sleep(Duration::from_millis(20));
    }

    // The whole group is killed, as by a crash of the machine; then children, one at a time.
    let seed: u64 = rand::rng().random();
    println!("moments drawn with seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut crash = start(&rows, &runs, Stdio::null());
    while epochs_done(&runs) < 3 {
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(&format!("-{}", crash.id()));
    crash.wait().unwrap();
    assert!(epochs_done(&runs) < 160, "killed in time");
    let log = root.join("going-on.txt");
    let mut going_on = start(&rows, &runs, fs::File::create(&log).unwrap().into());
    let (mut killed, mut first_seen) = (0, BTreeMap::new());
    let status = loop {
        std::thread::sleep(Duration::from_millis(random.random_range(50..300)));
        if let Some(status) = going_on.try_wait().unwrap() {
            break status;
        }
        let mut further = children(going_on.id());
        further.retain(|(child, done)| *done > *first_seen.entry(child.clone()).or_insert(*done));
        if killed < 3 && !further.is_empty() {
            kill(&further[random.random_range(0..further.len())].0);
            killed += 1;
        }
    };
    println!("{killed} children killed");
    let said = fs::read_to_string(&log).unwrap();
    assert!(killed > 0 && status.code() == Some(1), "{said}");
    assert!(said.contains("2 runs failed") && said.matches("; goes on").count() == killed, "{said}");
    for name in ["01-ce-seed0", "01-ce-seed3", "02-car-seed0", "02-car-seed3"] {
        for file in ["model.safetensors", "test.npz", "train.npz"] {
            let bytes = |runs: &Path| fs::read(runs.join("rows").join(name).join(file)).unwrap();
            assert_eq!(bytes(&whole), bytes(&runs), "{name}/{file}");
        }
    }
    let again = sweep(&rows, &runs);
    assert!(again.stderr.starts_with("left out") && again.stderr.contains("finished before: 4, to be done: 2"));
    assert!(!again.stderr.contains("01-ce") && !again.stderr.contains("02-car"), "{}", again.stderr);

    check_table(&rows, &whole, &root.join("table"));

    // Predictions of other images than those that the run was evaluated on.
    let run_folder = runs.join("rows/02-car-seed3");
    for (from, to) in [("test.npz", "validation.npz"), ("train.npz", "test.npz")] {
        let right = fs::read(run_folder.join(to)).unwrap();
        fs::copy(run_folder.join(from), run_folder.join(to)).unwrap();
        let ended = table(&rows, &runs, &root.join("foreign"));
        fs::write(run_folder.join(to), right).unwrap();
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        assert!(ended.stderr.contains(&format!("{to}: an accuracy of")), "{}", ended.stderr);
    }

    // Other weights in the folder than the sweep left there.
    let weights = whole.join("rows/01-ce-seed0/model.safetensors");
    let right = fs::read(&weights).unwrap();
    fs::copy(whole.join("rows/01-ce-seed3/model.safetensors"), &weights).unwrap();
    let ended = table(&rows, &whole, &root.join("replaced"));
    assert!(ended.stdout.contains("| CE | 3 |"), "{}", ended.stdout);
    assert!(ended.stderr.contains("01-ce-seed0, whose settings or weights"), "{}", ended.stderr);
    fs::write(&weights, right).unwrap();

    // A flag that there is not: nothing is begun.
    let typo = rows.join("05-typo.toml");
    experiment(&rows, "05-typo.toml", "Typo", "fashion-mnist", "gamma = 2");
    let ended = sweep(&rows, &whole);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let line = fs::read_to_string(&typo).unwrap().lines().position(|line| line == "gamma = 2").unwrap() + 1;
    let says = format!("{}: line {line}: --gamma = 2", typo.display());
    assert!(ended.stderr.contains("nothing was begun") && ended.stderr.contains(&says), "{}", ended.stderr);
    fs::remove_file(typo).unwrap();

    // Another learning rate: the finished runs are no longer those of the file, and are not trained over.
    let changed = fs::read_to_string(rows.join("01-ce.toml")).unwrap().replace("lr = 0.05", "lr = 0.06");
    fs::write(rows.join("01-ce.toml"), changed).unwrap();
    let ended = sweep(&rows, &whole);
    assert!(ended.stdout.contains("2 of 6 runs finished"), "{}", ended.stdout);
    assert!(ended.stderr.contains("run.learning_rate 0.05 there, 0.06 here"), "{}", ended.stderr);
    let ended = table(&rows, &whole, &root.join("changed"));
    assert!(ended.stdout.contains("| CE | not run |"), "{}", ended.stdout);
}

fn check_table(rows: &Path, runs: &Path, out: &Path) {
    let ended = table(rows, runs, out);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let markdown = fs::read_to_string(out.join("table.md")).unwrap();
    assert_eq!(ended.stdout.trim_end(), markdown.trim_end());
    assert!(markdown.contains("| Ten | not run | – |") && markdown.contains("| CE + CAR | 0, 3 |"), "{markdown}");
    let missing = "rows/03-ten.toml --data cifar10:DIR --seed 3 --out ";
    let command = markdown.lines().find(|line| line.contains(missing)).unwrap_or_else(|| panic!("{markdown}"));
    assert!(command.starts_with("train --config ") && command.ends_with("# not run"), "{command}");
    assert!(markdown.lines().any(|line| line.contains("01-ce.toml") && line.ends_with("01-ce-seed0")), "{markdown}");
    for file in ["table.svg", "table.png"] {
        assert!(fs::metadata(out.join(file)).unwrap().len() > 10_000, "{file}");
    }

    let lines = |file: &str| -> Vec<Vec<String>> {
        let text = fs::read_to_string(out.join(file)).unwrap();
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let (each, table) = (lines("runs.csv"), lines("table.csv"));
    assert_eq!((each.len(), table.len()), (1 + 4, 1 + 4));
    let value = |lines: &[Vec<String>], row: usize, column: &str| -> Option<f64> {
        let at = lines[0].iter().position(|name| name == column).unwrap_or_else(|| panic!("{column}"));
        let text = &lines[row][at];
        (!text.is_empty()).then(|| text.parse().unwrap())
    };
    let worst = |row| 1.0 - value(&each, row, "accuracy_worst_class").unwrap();
    let paired = ((worst(3) - worst(1)) + (worst(4) - worst(2))) / 2.0;
    let (car, against) = (2, table[0].iter().position(|name| name == "against").unwrap());
    assert_eq!((table[car][against].as_str(), table[1][against].as_str()), ("rows/01-ce", ""));
    for column in ["worst_class_difference", "these_networks_difference"] {
        let found = value(&table, car, column).unwrap();
        assert!((found - paired).abs() <= 1e-12, "{column}: {found} {paired}");
        let end = |end: &str| value(&table, car, &column.replace("difference", end));
        let [lower, upper] = ["lower", "upper"].map(end);
        assert!(lower.is_none_or(|lower| lower <= found) && upper.is_none_or(|upper| found <= upper), "{column}");
        let verdict = table[0].iter().position(|name| *name == column.replace("difference", "verdict")).unwrap();
        let known = ["better", "worse", "undecided"].contains(&table[car][verdict].as_str());
        assert!(known, "{}", table[car][verdict]);
    }
    assert_eq!(value(&table, car, "paired_seeds"), Some(2.0));
    let chart = fs::read_to_string(out.join("table.svg")).unwrap();
    let groups = [("many", "many (&gt; 100 images)"), ("medium", "medium (20–100)"), ("few", "few (&lt; 20)")];
    for (group, label) in groups {
        let is_there = (1..each.len()).any(|row| value(&each, row, &format!("accuracy_{group}")).is_some());
        assert_eq!(chart.contains(label), is_there, "{label}");
    }
    assert!(groups.iter().any(|(_, label)| !chart.contains(label)), "no group is empty");
    let close = |a: Option<f64>, b: f64, what: &str| assert!((a.unwrap() - b).abs() <= 1e-12, "{what}: {a:?} {b}");
    for (row, name) in (1..).zip(["01-ce-seed0", "01-ce-seed3", "02-car-seed0", "02-car-seed3"]) {
        let folder = runs.join("rows").join(name);
        let errors = |file: &str| -> Vec<f64> {
            let (logits, labels) = read_predictions(&folder.join(file));
            let (mut wrong, mut count) = ([0.0; 10], [0.0; 10]);
            for (row, &label) in logits.rows().into_iter().zip(&labels) {
                let best = (0..10).fold(0, |best, class| if row[class] > row[best] { class } else { best });
                count[label as usize] += 1.0;
                wrong[label as usize] += if best == label as usize { 0.0 } else { 1.0 };
            }
            (0..10).map(|class| wrong[class] / count[class]).collect()
        };
        let (test, train) = (errors("test.npz"), errors("train.npz"));
        let worst = (0..10).fold(0, |worst, class| if test[class] > test[worst] { class } else { worst });
        let mean = 1.0 - test.iter().sum::<f64>() / 10.0;
        // 30 test images in every class: micro is macro.
        close(value(&each, row, "accuracy"), mean, name);
        close(value(&each, row, "accuracy_macro"), mean, name);
        close(value(&each, row, "accuracy_worst_class"), 1.0 - test[worst], name);
        // The worst tenth of ten classes is the worst.
        close(value(&each, row, "accuracy_worst_tenth"), 1.0 - test[worst], name);
        let ratio = (train[worst] < 1.0).then(|| (1.0 - test[worst]) / (1.0 - train[worst]));
        assert_eq!(value(&each, row, "worst_class_ratio").is_some(), ratio.is_some());
        if let Some(ratio) = ratio {
            close(value(&each, row, "worst_class_ratio"), ratio, name);
        }
        let (logits, _) = read_predictions(&folder.join("test.npz"));
        let confidence = logits.rows().into_iter().map(|row| {
            let exponentials: Vec<f64> = row.iter().map(|&score| f64::from(score).exp()).collect();
            exponentials.iter().copied().fold(0.0, f64::max) / exponentials.iter().sum::<f64>()
        });
        close(value(&each, row, "confidence_test"), confidence.sum::<f64>() / logits.nrows() as f64, name);
        let description: Value = serde_json::from_slice(&fs::read(folder.join("model.json")).unwrap()).unwrap();
        let counts =
            description["data"]["class_counts"].as_array().unwrap().iter().map(|count| count.as_f64().unwrap());
        let total: f64 = counts.clone().sum();
        let weighted = counts.zip(&test).map(|(count, error)| error * error / (count / total + 0.2));
        close(value(&each, row, "rms_weighted_error_test"), (weighted.sum::<f64>() / 10.0).sqrt(), name);
        let held_out: Vec<f64> = errors("validation.npz").into_iter().filter(|error| !error.is_nan()).collect();
        assert!(held_out.len() >= 5);
        let mean = 1.0 - held_out.iter().sum::<f64>() / held_out.len() as f64;
        close(value(&each, row, "validation_accuracy_macro"), mean, name);
        let zero = test.iter().filter(|&&error| error == 1.0).count();
        assert_eq!(value(&each, row, "zero_accuracy_classes"), Some(zero as f64));
        let log = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
        let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        for (split, column) in [("train", "hard_norm_train"), ("test", "hard_norm_test")] {
            close(value(&each, row, column), last[split]["hard_spectral_norm"].as_f64().unwrap(), name);
        }
        close(
            value(&each, row, "surrogate_norm_test"),
            last["test"]["surrogate_spectral_norm"].as_f64().unwrap(),
            name,
        );
        close(
            value(&each, row, "accuracy_worst_tenth"),
            1.0 - last["test"]["worst_tenth_error"].as_f64().unwrap(),
            name,
        );
        assert!(value(&each, row, "step_milliseconds").unwrap() > 0.0);
    }
    for (row, pair) in [(1, [1, 2]), (2, [3, 4])] {
        let [a, b] = pair.map(|run| value(&each, run, "accuracy").unwrap());
        close(value(&table, row, "accuracy_mean"), (a + b) / 2.0, "mean");
        close(value(&table, row, "accuracy_sd"), (a - b).abs() / 2f64.sqrt(), "deviation of two");
        assert_eq!(value(&table, row, "accuracy_n"), Some(2.0));
    }
    assert_eq!((value(&table, 3, "accuracy_mean"), value(&table, 3, "accuracy_n")), (None, Some(0.0)));
}

#[test]
fn every_shipped_experiment_is_whole() {
    let figures = repository().join("figures");
    for folder in [
        "cifar100-lt",
        "cifar100-lt-40-epochs",
        "cifar10-lt",
        "cifar10-lt-40-epochs",
        "cifar100-lt-tuning",
        "fashion-mnist-lt",
    ] {
        let out = fresh_folder(&format!("shipped-{folder}"));
        let nothing = out.join("runs");
        let ended = table(&figures.join(folder), &nothing, &out);
        assert_eq!(ended.code, Some(0), "{folder}: {}", ended.stderr);
        let rows = ended.stdout.lines().filter(|line| line.contains("| not run |")).count();
        let files = fs::read_dir(figures.join(folder)).unwrap().flatten();
        let experiments = files.filter(|file| file.path().extension().is_some_and(|e| e == "toml")).count();
        // Each in the table of accuracies and in that of norms.
        assert_eq!(rows, 2 * experiments);
    }
}

fn correlate(logs: &Path, out: &Path) -> (Value, Vec<PathBuf>) {
    let ended = run(Program::Experiments, ["correlate", &text(logs), "--out", &text(out)]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found: Value = serde_json::from_slice(&fs::read(out.join("correlations.json")).unwrap()).unwrap();
    let names = found[0]["runs"].as_array().unwrap();
    let paths: Vec<PathBuf> = names.iter().map(|name| logs.join(format!("{}.jsonl", name.as_str().unwrap()))).collect();
    assert_eq!(paths.len(), 6);
    for file in
        ["correlations.md", "norm_vs_error.svg", "norm_vs_error.png", "bound_across_runs.svg", "bound_across_runs.png"]
    {
        assert!(fs::metadata(out.join(file)).unwrap().len() > 1000, "{file}");
    }
    (found, paths)
}

fn shipped_logs() -> PathBuf {
    repository().join("figures/car-over-training/runs")
}

/// The shipped logs with other errors of the worst classes: many ties, and each target with another
/// share of the norm in it.
fn varied_logs() -> PathBuf {
    let folder = fresh_folder("varied-logs");
    let mut files: Vec<PathBuf> = fs::read_dir(shipped_logs()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for (number, path) in files.into_iter().enumerate() {
        let target = folder.join(path.file_name().unwrap());
        if path.extension().is_some_and(|extension| extension == "json") {
            fs::copy(&path, &target).unwrap();
            continue;
        }
        let mut lines = String::new();
        for (line, text) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let mut epoch: Value = serde_json::from_str(text).unwrap();
            if epoch["test"].is_object() {
                let norm = epoch["test"]["hard_spectral_norm"].as_f64().unwrap();
                let error = 1.0 - epoch["test"]["accuracy"].as_f64().unwrap();
                let noise = ((13 * number + 7 * line) % 23) as f64 / 23.0;
                let rounded = |value: f64| (20.0 * value.clamp(0.0, 1.0)).round() / 20.0;
                epoch["test"]["worst_class_error"] = rounded(0.5 + 0.06 * norm - 0.1 * noise).into();
                epoch["test"]["worst_tenth_error"] = rounded(error - 0.5 * noise).into();
                epoch["test"]["wce"] = (2.0 * rounded(noise)).into();
            }
            lines.push_str(&format!("{epoch}\n"));
        }
        fs::write(target, lines).unwrap();
    }
    folder
}

#[test]
fn correlations_are_those_of_scipy() {
    for (logs, defined) in [(varied_logs(), true), (shipped_logs(), false)] {
        let out = fresh_folder(&format!("correlations-{defined}"));
        let (found, paths) = correlate(&logs, &out);
        for scope in found[0]["scopes"].as_array().unwrap() {
            let all = scope["correlations"].as_array().unwrap();
            let with = |key: &str| all.iter().filter(|entry| !entry[key].is_null()).count();
            // On CIFAR100-LT the worst class stands at an error of 1 in every epoch, and WCE with it.
            assert_eq!((all.len(), with("rho")), (24, if defined { 24 } else { 0 }));
            if defined && scope["scope"] == "all-epochs" {
                assert_eq!(with("interval"), 24);
            }
        }
        recompute_correlations(&out.join("correlations.json"), &paths);
    }
}

#[test]
fn too_few_runs_and_none_are_told_apart() {
    let (logs, out) = (shipped_logs(), fresh_folder("too-few"));
    let (first, second) = (text(&logs.join("ce-seed0.jsonl")), text(&logs.join("ce-seed1.jsonl")));
    let ended = run(Program::Experiments, ["correlate", &first, &second, "--out", &text(&out)]);
    assert!(ended.code == Some(1) && ended.stderr.contains("2 runs"), "{}", ended.stderr);
    let ended = run(Program::Experiments, ["correlate", &first, &second, &first, "--out", &text(&out)]);
    assert!(ended.code == Some(1) && ended.stderr.contains("the same settings and seed as"), "{}", ended.stderr);
    let ended = run(Program::Experiments, ["correlate", &text(&out), "--out", &text(&out)]);
    assert!(ended.code == Some(1) && ended.stderr.contains("no run in it"), "{}", ended.stderr);
}
