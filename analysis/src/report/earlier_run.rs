//! What earlier runs of the program left in the output directory: results that a new run would not replace, and
//! staging folders of runs that were interrupted.
//!
//! A file is the program's own if it has one of the names that the program gives *and* the mark that it writes into
//! each file; whatever lacks either is someone else's and stays.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{comparison_files, per_class, plots};

/// How the names of staging folders begin.
pub(super) const STAGING_PREFIX: &str = ".car-spectral-";
/// The word that every file but those in CSV holds near its beginning.
const MARK: &str = "car-spectral";
/// The mark stands among so many first bytes.
const HEAD: u64 = 4096;

/// The program's own files in `directory` whose names are not among `new`, in no particular order.
pub(super) fn stale_files(directory: &Path, new: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let named = name.to_str().is_some_and(is_own_name);
        if named && entry.file_type()?.is_file() && !new.contains(&path) && is_marked(&path)? {
            stale.push(path);
        }
    }
    Ok(stale)
}

/// Staging folders in `directory` that hold nothing but files with the program's names.
pub(super) fn abandoned_staging(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut abandoned = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let staged = entry.file_name().to_str().is_some_and(|name| name.starts_with(STAGING_PREFIX));
        if staged && entry.file_type()?.is_dir() && holds_own_names_only(&entry.path())? {
            abandoned.push(entry.path());
        }
    }
    Ok(abandoned)
}

fn holds_own_names_only(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !(entry.file_type()?.is_file() && entry.file_name().to_str().is_some_and(is_own_name)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_own_name(name: &str) -> bool {
    const FILES: [&str; 6] =
        ["report.json", "report.html", "per_class.csv", "comparison.csv", "comparison.md", "comparison.tex"];
    FILES.contains(&name) || name.strip_suffix(".svg").or_else(|| name.strip_suffix(".png")).is_some_and(plots::is_stem)
}

fn is_marked(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    let mark = match path.file_name().and_then(|name| name.to_str()) {
        Some("per_class.csv") => per_class::FIRST_COLUMNS,
        Some("comparison.csv") => comparison_files::FIRST_COLUMNS,
        _ => MARK,
    };
    Ok(head.windows(mark.len()).any(|window| window == mark.as_bytes()))
}
