//! Writes a report's files: first all of them into a hidden staging folder beside their targets, then all renamed, so
//! that a full disk or an interrupted run leaves no half-written file.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize as _;
use tempfile::TempDir;

use super::{
    FormatSet, ModelFigures, Report, ReportError, check, comparison_files, earlier_run, page, per_class, plots,
};

/// Checks `report` and writes the files of `formats` into the directory `out`, which is created if it is not there:
/// `report.json`, `report.html`, `per_class.csv`, `comparison.csv`, `comparison.md`, `comparison.tex` and the plots.
/// `figures` holds one entry for each model, in the same order. Afterwards `out` holds the results of this call alone:
/// existing files of these names are replaced, and files that an earlier call wrote and this one does not (other
/// formats, other models) are removed, as are staging folders of interrupted calls. Files of anyone else stay. Returns
/// the paths written, `report.json` (the last to appear) first.
///
/// # Errors
/// What [`check`](super::check()) says; [`ReportError::NotADirectory`], [`ReportError::Io`] with the path;
/// [`ReportError::Json`], [`ReportError::Template`], [`ReportError::Csv`], [`ReportError::Plot`]. After an error none
/// of this call's files is left.
pub fn write(
    report: &Report,
    figures: &[ModelFigures],
    out: &Path,
    formats: &FormatSet,
) -> Result<Vec<PathBuf>, ReportError> {
    check(report, figures)?;
    let directory = Directory::create(out)?;
    let written = stage(report, figures, out, formats).and_then(|staged| publish(staged, out));
    if written.is_err() {
        directory.undo();
    }
    written
}

/// The text of `report.json`: objects a key a line, arrays of numbers on one line.
pub(super) fn json(report: &Report) -> Result<Vec<u8>, ReportError> {
    let mut bytes = Vec::new();
    report.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, KeyALine { depth: 0, empty: true }))?;
    bytes.push(b'\n');
    Ok(bytes)
}

struct KeyALine {
    depth: usize,
    empty: bool,
}

impl serde_json::ser::Formatter for KeyALine {
    fn begin_object<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.depth += 1;
        self.empty = true;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.depth -= 1;
        if !self.empty {
            self.new_line(writer)?;
        }
        self.empty = false;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        self.new_line(writer)
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + std::io::Write>(&mut self, _: &mut W) -> std::io::Result<()> {
        self.empty = false;
        Ok(())
    }

    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
}

impl KeyALine {
    fn new_line<W: ?Sized + std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"  "))
    }
}

/// The output directory, and which of its parents did not exist before.
struct Directory {
    created: Vec<PathBuf>,
}

impl Directory {
    fn create(out: &Path) -> Result<Self, ReportError> {
        if out.exists() && !out.is_dir() {
            return Err(ReportError::NotADirectory { path: out.to_owned() });
        }
        let created: Vec<PathBuf> = out
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .map(Path::to_owned)
            .collect();
        let directory = Self { created };
        if let Err(source) = fs::create_dir_all(out) {
            directory.undo();
            return Err(ReportError::Io { action: "create the directory", path: out.to_owned(), source });
        }
        Ok(directory)
    }

    /// Removes what was created and is still empty, the innermost first.
    fn undo(&self) {
        for path in &self.created {
            // A directory that someone else has put something into stays.
            let _ = fs::remove_dir(path);
        }
    }
}

/// The files under their final names in a folder that vanishes when this is dropped, and their targets.
struct Staged {
    folder: TempDir,
    targets: Vec<PathBuf>,
}

impl Staged {
    fn add(&mut self, target: PathBuf, bytes: &[u8]) -> Result<(), ReportError> {
        let write = || {
            if target.is_dir() {
                return Err(std::io::Error::from(std::io::ErrorKind::IsADirectory));
            }
            let mut file = File::create(self.folder.path().join(target.file_name().expect("a target has a name")))?;
            file.write_all(bytes)?;
            // A full disk may show only here.
            file.sync_all()
        };
        write().map_err(|source| ReportError::Io { action: "write", path: target.clone(), source })?;
        self.targets.push(target);
        Ok(())
    }
}

fn stage(report: &Report, figures: &[ModelFigures], out: &Path, formats: &FormatSet) -> Result<Staged, ReportError> {
    remove_abandoned(out).map_err(|source| ReportError::Io { action: "clean up", path: out.to_owned(), source })?;
    let folder = tempfile::Builder::new()
        .prefix(earlier_run::STAGING_PREFIX)
        .tempdir_in(out)
        .map_err(|source| ReportError::Io { action: "create a folder in", path: out.to_owned(), source })?;
    let mut staged = Staged { folder, targets: Vec::new() };
    let mut add = |name: &str, bytes: &[u8]| staged.add(out.join(name), bytes);
    if formats.json {
        add("report.json", &json(report)?)?;
    }
    if formats.csv {
        add("per_class.csv", &per_class::render(report)?)?;
        add("comparison.csv", &comparison_files::csv(report)?)?;
    }
    if formats.md {
        add("comparison.md", comparison_files::markdown(report).as_bytes())?;
    }
    if formats.tex {
        add("comparison.tex", comparison_files::latex(report).as_bytes())?;
    }
    if formats.html || formats.svg || formats.png {
        let plots = plots::draw(report, figures);
        if formats.html {
            add("report.html", page::render(report, &plots)?.as_bytes())?;
        }
        for figure in plots.iter() {
            if formats.svg {
                add(&format!("{}.svg", figure.stem), figure.svg()?.as_bytes())?;
            }
            if formats.png {
                add(&format!("{}.png", figure.stem), &figure.png()?)?;
            }
        }
    }
    Ok(staged)
}

fn remove_abandoned(out: &Path) -> std::io::Result<()> {
    earlier_run::abandoned_staging(out)?.iter().try_for_each(fs::remove_dir_all)
}

fn publish(staged: Staged, out: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let mut done = Vec::new();
    let published = publish_in_order(&staged, out, &mut done);
    if published.is_err() {
        for path in &done {
            let _ = fs::remove_file(path);
        }
    }
    published.map(|()| staged.targets)
}

/// `report.json`, the first in the list, appears last: where it is, the rest is, and nothing of an earlier run.
fn publish_in_order(staged: &Staged, out: &Path, done: &mut Vec<PathBuf>) -> Result<(), ReportError> {
    let (first, others) = staged.targets.split_first().expect("at least one format is written");
    let mut rename = |target: &PathBuf| {
        let from = staged.folder.path().join(target.file_name().expect("a target has a name"));
        fs::rename(from, target).map_err(|source| ReportError::Io {
            action: "rename to",
            path: target.clone(),
            source,
        })?;
        done.push(target.clone());
        Ok(())
    };
    others.iter().try_for_each(&mut rename)?;
    let stale = earlier_run::stale_files(out, &staged.targets).map_err(|source| ReportError::Io {
        action: "list",
        path: out.to_owned(),
        source,
    })?;
    for path in stale {
        fs::remove_file(&path).map_err(|source| ReportError::Io { action: "remove", path, source })?;
    }
    rename(first)
}
