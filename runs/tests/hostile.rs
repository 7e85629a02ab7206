//! Checkpoints whose description is not that of their tensors are refused before anything is built,
//! for what a file of their size may cost; pipes and devices in place of a run's files at once.

mod refused;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use car_spectral_runs::RunError;
use car_spectral_runs::description::{describe, read_description};
use car_spectral_runs::experiment::ExperimentFile;
use car_spectral_runs::folder::{self, EarlierRun};
use car_spectral_runs::log::read_log;

#[test]
fn descriptions_are_held_against_the_tensors_that_are_there() {
    refused::all(|path| match describe(path).unwrap_err() {
        error @ RunError::File(_) => error.to_string(),
        other => panic!("{other}"),
    });
}

#[test]
fn pipes_and_devices_are_refused_by_name_in_place_of_every_file() {
    type Refused = fn(&Path) -> Result<(), RunError>;
    let readers: [(&str, Refused); 7] = [
        ("model.safetensors", |folder| describe(&folder.join("model.safetensors")).map(drop)),
        ("model.json", |folder| read_description(&folder.join("model.json")).map(drop)),
        ("metrics.jsonl", |folder| read_log(&folder.join("metrics.jsonl")).map(drop)),
        ("metrics.jsonl", |folder| folder::take(folder, EarlierRun::Resume).map(drop)),
        ("metrics.jsonl", |folder| folder::take(folder, EarlierRun::Overwrite).map(drop)),
        ("metrics.jsonl", folder::check_not_begun),
        ("row.toml", |folder| ExperimentFile::read(&folder.join("row.toml")).map(drop)),
    ];
    for (file, reader) in readers {
        for device in [None, Some("/dev/zero"), Some("/dev/full")] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            match device {
                None => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
                Some(device) => symlink(device, &path).unwrap(),
            }
            let (answer, answered) = mpsc::channel();
            let place = folder.path().to_owned();
            std::thread::spawn(move || answer.send(reader(&place)));
            let refused = answered.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{file} hangs"));
            let said = refused.unwrap_err().to_string();
            assert!(said.contains(file) && said.contains("a device, pipe or socket"), "{said}");
        }
    }
}

#[test]
fn a_log_that_became_a_pipe_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = folder::take(folder.path(), EarlierRun::Refuse).unwrap();
    let path = folder.path().join("metrics.jsonl");
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    for epochs in [0, 1] {
        assert!(log.keep(epochs).unwrap_err().to_string().contains("a device, pipe or socket"));
    }
}
