//! Writes a report's files: first all of them under temporary names beside their targets, then all renamed, so that a
//! full disk or an interrupted run leaves no half-written file.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize as _;
use tempfile::NamedTempFile;

use super::{FormatSet, ModelFigures, Report, ReportError, check, html, per_class, plots};

/// Checks `report` and writes the files of `formats` into the directory `out`, which is created if it is not there:
/// `report.json`, `report.html`, `per_class.csv` and the plots. `figures` holds one entry for each model, in the same
/// order. Existing files of these names are replaced. Returns the paths written, `report.json` (the last to appear)
/// first.
///
/// # Errors
/// What [`check`](super::check()) says; [`ReportError::NotADirectory`], [`ReportError::Io`] with the path;
/// [`ReportError::Json`], [`ReportError::Template`], [`ReportError::Csv`], [`ReportError::Plot`]. After an error none of
/// this call's files is left.
pub fn write(
    report: &Report,
    figures: &[ModelFigures],
    out: &Path,
    formats: &FormatSet,
) -> Result<Vec<PathBuf>, ReportError> {
    check(report, figures)?;
    let directory = Directory::create(out)?;
    let written = stage(report, figures, out, formats).and_then(publish);
    if written.is_err() {
        directory.undo();
    }
    written
}

/// The text of `report.json`: objects a key a line, arrays of numbers on one line.
///
/// # Errors
/// [`ReportError::Json`].
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

type Staged = Vec<(NamedTempFile, PathBuf)>;

fn stage(report: &Report, figures: &[ModelFigures], out: &Path, formats: &FormatSet) -> Result<Staged, ReportError> {
    let mut staged = Staged::new();
    let mut add = |name: &str, bytes: &[u8]| {
        staged.push(temporary(out, name, bytes)?);
        Ok::<(), ReportError>(())
    };
    if formats.json {
        add("report.json", &json(report)?)?;
    }
    if formats.csv {
        add("per_class.csv", &per_class::render(report)?)?;
    }
    if formats.html || formats.svg || formats.png {
        let plots = plots::draw(report, figures);
        if formats.html {
            add("report.html", html::render(report, &plots)?.as_bytes())?;
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

fn temporary(out: &Path, name: &str, bytes: &[u8]) -> Result<(NamedTempFile, PathBuf), ReportError> {
    let target = out.join(name);
    let failed = |source| ReportError::Io { action: "write", path: target.clone(), source };
    if target.is_dir() {
        return Err(failed(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    let mut builder = tempfile::Builder::new();
    let prefix = format!(".{name}.");
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        // As other programs' files, not private as temporary files are: the umask still applies.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(out).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    // A full disk may show only here.
    file.as_file().sync_all().map_err(failed)?;
    Ok((file, target))
}

fn publish(staged: Staged) -> Result<Vec<PathBuf>, ReportError> {
    let targets: Vec<PathBuf> = staged.iter().map(|(_, target)| target.clone()).collect();
    let mut done = Vec::new();
    // `report.json`, the first in the list, appears last: where it is, the rest is.
    for (file, target) in staged.into_iter().rev() {
        if let Err(error) = file.persist(&target) {
            for path in &done {
                let _ = fs::remove_file(path);
            }
            return Err(ReportError::Io { action: "rename to", path: target, source: error.error });
        }
        done.push(target);
    }
    Ok(targets)
}
