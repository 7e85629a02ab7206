//! A run that is killed at any moment goes on with `--resume` and ends as one that never stopped.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use car_spectral_runs::log;
use car_spectral_tests::{
    Ended, Program, fresh_folder, repository, run, short_training, synthetic_fashion_mnist, text, words,
};
use car_spectral_training::checkpoint;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every kind of state: batch statistics, augmentation, mixing, both averages of CAR, the
/// contrastive branch, averaged weights, stochastic depth, all optimizers, the best epoch so far.
const RUNS: [(&str, &str, &[&str]); 5] = [
    (
        "sgd",
        "--model mlp --hidden 32 --epochs 40 --evaluate-every 7 --checkpoint-every 5 --car paper --car-diagnose --nesterov",
        &["epoch-0005.safetensors", "epoch-0040.safetensors"],
    ),
    (
        "adamw",
        "--model mlp --hidden 32 --epochs 40 --evaluate-every 7 --optimizer adamw --car official --car-columns present \
         --validation 0.2 --select best --sampler square-root",
        &[],
    ),
    (
        "concutmix",
        "--model mlp --hidden 32 --epochs 30 --evaluate-every 7 --loss concutmix --rectify-after 9 --car paper \
         --augment rand-augment --cutout 6",
        &[],
    ),
    ("resnet", "--model resnet20 --epochs 6 --evaluate-every 4", &[]),
    ("vit", "--model vit-tiny --patch 14 --epochs 6 --evaluate-every 4 --drop-path 0.3 --weight-ema 0.9 --bf16", &[]),
];

fn arguments(settings: &str, out: &Path) -> Vec<String> {
    let mut arguments = short_training();
    arguments.extend(words(settings));
    arguments.extend(["--out".into(), text(out)]);
    arguments
}

fn train(settings: &str, out: &Path) -> Ended {
    run(Program::Train, arguments(settings, out))
}

/// Starts the run, kills it (signal 9) after a while; whether it was still running.
fn kill_after(settings: &str, out: &Path, milliseconds: u64) -> bool {
    let mut child = Command::new(Program::Train.path())
        .args(arguments(settings, out))
        .current_dir(repository())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(milliseconds));
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    running
}

/// Every checkpoint there is can be read: none is half-written.
fn check_files(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".safetensors") && !name.starts_with('.') && name != "resume.safetensors" {
            checkpoint::load(&path, tch::Device::Cpu).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn killed_ten_times_it_ends_with_the_same_weights() {
    synthetic_fashion_mnist();
    // Built before any time is taken.
    Program::Train.path();
    for (name, settings, checkpoints) in RUNS {
        let whole = fresh_folder(&format!("{name}-whole"));
        let started = std::time::Instant::now();
        let ended = train(settings, &whole);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let milliseconds = started.elapsed().as_millis() as u64;

        let stopped = fresh_folder(&format!("{name}-stopped"));
        let resumed = format!("{settings} --resume");
        let seed: u64 = rand::rng().random();
        println!("{name}: {milliseconds} ms, moments drawn with seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut kills = 0;
        while kills < 10 {
            // Short enough that ten kills come before the end, long enough that some epochs pass.
            if !kill_after(&resumed, &stopped, rng.random_range(1..milliseconds / 4)) {
                break;
            }
            check_files(&stopped);
            kills += 1;
        }
        println!("{name}: killed {kills} times");
        assert!(kills >= 3);
        // The folder alone knows the flags, unless every kill came before the run began.
        let ended = if stopped.join("run.toml").exists() {
            run(Program::Train, ["--resume", "--out", &text(&stopped)])
        } else {
            train(&resumed, &stopped)
        };
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        for file in ["model.safetensors", "test.npz", "train.npz"].iter().chain(checkpoints) {
            assert_eq!(fs::read(whole.join(file)).unwrap(), fs::read(stopped.join(file)).unwrap(), "{name}: {file}");
        }
        let log = |folder: &Path| {
            let mut epochs = log::read_log(&folder.join("metrics.jsonl")).unwrap();
            // Times are no part of the result.
            for epoch in &mut epochs {
                epoch.seconds = 0.0;
                if let Some(diagnosis) = epoch.car.as_mut().and_then(|car| car.diagnosis.as_mut()) {
                    diagnosis.time_share = 0.0;
                }
            }
            epochs
        };
        assert_eq!(log(&whole), log(&stopped));
        assert!(!stopped.join("resume.safetensors").exists());

        let again = train(&resumed, &stopped);
        assert_eq!(again.code, Some(0));
        assert!(again.stdout.contains("finished already"), "{}", again.stdout);
        let other = train(&format!("{resumed} --seed 9"), &stopped);
        assert!(other.code == Some(2) && other.stderr.contains("run.seed 0 there, 9 here"), "{}", other.stderr);
        // Which epochs are evaluated decides which can be the best, and nothing else.
        let seldom = train(&resumed.replace("--evaluate-every 7", "--evaluate-every 40"), &stopped);
        if settings.contains("--select best") {
            assert!(seldom.code == Some(2) && seldom.stderr.contains("run.evaluated_every 7"), "{}", seldom.stderr);
        } else {
            assert_eq!(seldom.code, Some(0), "{}", seldom.stderr);
        }
        // A finished run that has lost a file is not begun anew, whatever its log says.
        fs::remove_file(stopped.join("test.npz")).unwrap();
        fs::write(stopped.join("metrics.jsonl"), "").unwrap();
        let lost = train(&resumed, &stopped);
        assert_eq!(lost.code, Some(2), "{}", lost.stderr);
        assert!(lost.stderr.contains("but there is no resume.safetensors"), "{}", lost.stderr);
        assert_eq!(
            fs::read(whole.join("model.safetensors")).unwrap(),
            fs::read(stopped.join("model.safetensors")).unwrap()
        );
    }
}

/// Ctrl-C, SIGTERM and SIGHUP end the program between two steps, with the command that goes on.
#[test]
fn a_signal_ends_a_run_and_says_how_to_go_on() {
    use std::os::unix::process::ExitStatusExt as _;
    synthetic_fashion_mnist();
    // A program begun with `&` by a shell without jobs does not hear Ctrl-C, one under `nohup` no SIGHUP.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        if ignored & 1 << (number - 1) != 0 {
            let _ = writeln!(std::io::stderr(), "not tested: SIG{name}, which is ignored here");
            continue;
        }
        let folder = fresh_folder(&format!("told-to-stop-{name}"));
        let mut child = Command::new(Program::Train.path())
            .args(arguments("--model mlp --hidden 32 --epochs 400 --evaluate-every 400", &folder))
            .current_dir(repository())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        said.find(|line| line.starts_with("epoch 3/")).unwrap();
        let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let after: Vec<String> = said.collect();
        assert_eq!(child.wait().unwrap().signal(), Some(number), "{after:?}");
        let last = after.last().unwrap();
        assert!(last.starts_with("stopped after epoch "), "{after:?}");
        let (program, flags) = last.split("go on with: ").nth(1).unwrap().split_once(' ').unwrap();
        assert_eq!(Path::new(program), Program::Train.path());
        let goes_on = run(Program::Train, words(flags).into_iter().chain(["--check".to_owned()]));
        assert_eq!(goes_on.code, Some(0), "{}", goes_on.stderr);
    }
}
