//! Hands the commit that the programs are built from to the code.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Git says where, for in a linked worktree .git is a file.
    if let Some(head_log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={head_log}");
    }
    if let Some(commit) = git(&["describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]) {
        println!("cargo:rustc-env=CAR_SPECTRAL_COMMIT={commit}");
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
