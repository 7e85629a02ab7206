//! Writes a report's files, all in one step.

use std::path::{Path, PathBuf};

use car_spectral_formats::FileError;
use car_spectral_formats::publish::Publication;
use serde::Serialize as _;

use super::own_files::{is_own, is_own_name};
use super::{FormatSet, ReportError, check, comparison_files, page, per_class, plots};
use crate::results::{ModelFigures, Report};
use crate::words::is_shown;

/// Checks `report` and writes the files of `formats` into the directory `out`, which is created if
/// it is not there: `report.json`, `report.html`, `per_class.csv`, `comparison.csv`,
/// `comparison.md`, `comparison.tex` and the plots. `figures` holds one entry for each model, in
/// the same order. Afterwards `out` holds the results of this call alone: files that an earlier
/// call wrote are replaced or removed. Files of anyone else stay. At any moment `out` holds all
/// files of the earlier call or all of this one ([`Publication`]). Returns the paths written,
/// `report.json` first.
///
/// # Errors
/// What [`check`](super::check()) says; [`ReportError::File`] with the path, also where a file of
/// the same name is someone else's; [`ReportError::Json`], [`ReportError::Template`],
/// [`ReportError::Csv`], [`ReportError::Plot`]. After an error `out` is as it was.
pub fn write(
    report: &Report,
    figures: &[ModelFigures],
    out: &Path,
    formats: &FormatSet,
) -> Result<Vec<PathBuf>, ReportError> {
    check(report, figures)?;
    let mut publication = Publication::begin(out, is_own)?;
    stage(report, figures, &mut publication, formats)?;
    Ok(publication.publish()?)
}

/// Finds a directory that [`write()`] could not write into before hours are spent.
///
/// # Errors
/// [`FileError`]: it cannot be made or written, or holds someone else's file of a name that
/// `formats` need.
pub fn check_directory(out: &Path, formats: &FormatSet) -> Result<(), FileError> {
    let publication = Publication::begin(out, is_own)?;
    for entry in out.read_dir().map_err(FileError::io(out))? {
        let path = entry.map_err(FileError::io(out))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| is_own_name(name)) else {
            continue;
        };
        let written = match name.rsplit_once('.').unwrap_or_default().1 {
            "json" => formats.json,
            "csv" => formats.csv,
            "md" => formats.md,
            "tex" => formats.tex,
            "html" => formats.html,
            "svg" => formats.svg,
            _ => formats.png,
        };
        if written {
            publication.check_free(&path)?;
        }
    }
    Ok(())
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

    /// What is not shown as the number of its code, which JSON reads as the same.
    fn write_string_fragment<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, text: &str) -> std::io::Result<()> {
        let mut written = 0;
        for (at, c) in text.char_indices().filter(|&(_, c)| !is_shown(c)) {
            writer.write_all(&text.as_bytes()[written..at])?;
            c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))?;
            written = at + c.len_utf8();
        }
        writer.write_all(&text.as_bytes()[written..])
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

fn stage(
    report: &Report,
    figures: &[ModelFigures],
    publication: &mut Publication,
    formats: &FormatSet,
) -> Result<(), ReportError> {
    let mut add = |name: &str, bytes: &[u8]| publication.add(name, bytes);
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_shows_all_of_its_text() {
        let mut report = Report::default();
        let words = ["a\u{1b}\"\u{9b}", "\u{202e}b\u{200b}\u{e0041}", "größe\\", "é\u{200d}\n"];
        report.settings.command_line = words.map(str::to_owned).to_vec();
        let text = String::from_utf8(json(&report).unwrap()).unwrap();
        assert!(text.contains(r#""\u202eb\u200b\udb40\udc41", "größe\\""#), "{text}");
        assert!(text.chars().all(|c| c == '\n' || is_shown(c)));
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["settings"]["command_line"], serde_json::json!(words));
    }
}
