//! Checks of the programs where the system starts no thread: they say the same with the one they
//! have.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use car_spectral_formats::predictions::write;
use serde_json::Value;

/// The user `nobody`: the limit does not hold for root.
const NOBODY: u32 = 65_534;

/// A command in `folder` by a user who is not root, either as usual or where no thread or process
/// can be started.
fn command(folder: &Path, words: &str, threads: bool) -> Command {
    let limited = format!("prlimit --nproc=1 -- {words}");
    let mut words = if threads { words } else { &limited }.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.current_dir(folder).args(words);
    if fs::metadata(folder).unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn run(folder: &Path, words: &str, threads: bool) {
    let ended = command(folder, words, threads).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && !said.contains("panicked"), "threads {threads}: {said}");
}

#[test]
fn the_report_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
    for (name, program) in [("analyze", env!("CARGO_BIN_EXE_analyze")), ("count", env!("CARGO_BIN_EXE_count"))] {
        fs::copy(program, folder.join(name)).unwrap();
    }
    // More than one block of scores, so that several threads would share the work.
    let labels: Vec<usize> = (0..40_000).map(|sample| sample * sample % 100).collect();
    let scores = ndarray::Array2::from_shape_fn((labels.len(), 100), |(sample, class)| {
        let noise = (sample * 7919 + class * 104_729 + sample * class) % 4001;
        noise as f32 / 1000.0 + if class == labels[sample] { 1.25 } else { 0.0 }
    });
    let indices: Vec<usize> = (0..labels.len()).collect();
    write::<car_spectral_formats::FileError>(&folder.join("a.npz"), 100, &labels, &indices, |take| take(scores.view()))
        .unwrap();
    let mut models = Vec::new();
    for threads in [true, false] {
        let arguments = format!("--predictions a.npz --weights none --format json --out {threads}");
        run(folder, &format!("./analyze {arguments}"), threads);
        let report: Value =
            serde_json::from_slice(&fs::read(folder.join(format!("{threads}/report.json"))).unwrap()).unwrap();
        models.push(report["models"].clone());
        run(folder, &format!("./count a.npz --out {threads}.counts"), threads);
    }
    assert_eq!(models[0], models[1]);
    let counted = ["true.counts", "false.counts"].map(|file| fs::read(folder.join(file)).unwrap());
    assert!(counted[0] == counted[1]);
    // The limit did hold: a shell starts nothing.
    let shell = |threads| command(folder, "sh -c /bin/true&wait", threads).output().unwrap().stderr.is_empty();
    assert!(shell(true) && !shell(false));
}
