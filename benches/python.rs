//! The Python that a bench measures beside the library: `$PYTHON`, else `.venv/bin/python`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter, if it has these modules: `"numpy, scipy"`.
pub fn python(modules: &str) -> Result<PathBuf, String> {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python"));
    let named = modules.replace(", ", " and ");
    match Command::new(&python).args(["-c", &format!("import {modules}")]).output() {
        Ok(output) if output.status.success() => Ok(python),
        Ok(_) => Err(format!("{} has no {named}; name another in PYTHON", python.display())),
        Err(error) => Err(format!("{}: {error}; name a Python with {named} in PYTHON", python.display())),
    }
}

/// What a script beside the benches prints of a folder, on one thread.
pub fn output(python: &Path, script: &str, folder: &Path, arguments: &[String]) -> Result<String, String> {
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(script))
        .arg(folder)
        .args(arguments)
        .envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"].map(|name| (name, "1")))
        .output()
        .map_err(|error| error.to_string())?;
    let said = if output.status.success() { Ok(output.stdout) } else { Err(output.stderr) };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    said.map(text).map_err(text)
}
