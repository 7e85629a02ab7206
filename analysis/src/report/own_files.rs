//! Files in an output directory that the program wrote.
//!
//! A file is the program's own if it has one of the names that the program gives *and* the mark
//! that it writes into each file; whatever lacks either is someone else's and stays.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::{comparison_files, per_class, plots};

/// The word that every file but those in CSV holds near its beginning.
const MARK: &str = "car-spectral";
/// The mark stands among so many first bytes.
const HEAD: u64 = 4096;

/// Whether a regular file at `path` has a name and the mark of a report's files.
///
/// # Errors
/// What the system says when a file with such a name is read.
pub(super) fn is_own(path: &Path) -> io::Result<bool> {
    let named = path.file_name().and_then(|name| name.to_str()).is_some_and(is_own_name);
    Ok(named && path.symlink_metadata()?.is_file() && is_marked(path)?)
}

/// Whether a report can have a file of this name.
pub(super) fn is_own_name(name: &str) -> bool {
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
