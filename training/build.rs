//! Lets the programs and tests of this crate find libtorch at run time without a variable set by hand, and hands the
//! commit they are built from to the code.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
    let head_log = Path::new("../.git/logs/HEAD");
    if head_log.exists() {
        println!("cargo:rerun-if-changed={}", head_log.display());
    }
    let described =
        Command::new("git").args(["describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]).output();
    if let Some(output) = described.ok().filter(|output| output.status.success()) {
        println!("cargo:rustc-env=CAR_SPECTRAL_COMMIT={}", String::from_utf8_lossy(&output.stdout).trim());
    }
}
