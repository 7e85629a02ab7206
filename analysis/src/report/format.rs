//! Formats in which a report is written: `--format html,json,csv,md,tex,svg,png`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A set of output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatSet {
    /// `report.html`.
    pub html: bool,
    /// `report.json`.
    pub json: bool,
    /// `per_class.csv` and `comparison.csv`.
    pub csv: bool,
    /// `comparison.md`.
    pub md: bool,
    /// `comparison.tex`.
    pub tex: bool,
    /// Plots as SVG.
    pub svg: bool,
    /// Plots as PNG.
    pub png: bool,
}

impl FormatSet {
    /// Chooses every format.
    pub const fn all() -> Self {
        Self { html: true, json: true, csv: true, md: true, tex: true, svg: true, png: true }
    }

    /// Chooses no format.
    pub const fn none() -> Self {
        Self { html: false, json: false, csv: false, md: false, tex: false, svg: false, png: false }
    }

    fn members(&self) -> [(&'static str, bool); 7] {
        [
            ("html", self.html),
            ("json", self.json),
            ("csv", self.csv),
            ("md", self.md),
            ("tex", self.tex),
            ("svg", self.svg),
            ("png", self.png),
        ]
    }
}

impl Default for FormatSet {
    fn default() -> Self {
        Self::all()
    }
}

/// A list of formats that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// A name that is no format.
    #[error("`{0}` is no output format; give a comma-separated list of html, json, csv, md, tex, svg, png")]
    Unknown(String),
    /// No format at all.
    #[error("no output format given; give a comma-separated list of html, json, csv, md, tex, svg, png")]
    Empty,
}

impl FromStr for FormatSet {
    type Err = FormatError;

    /// Reads a comma-separated list; spaces around a name and its case do not matter.
    fn from_str(list: &str) -> Result<Self, FormatError> {
        let mut formats = Self::none();
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.to_ascii_lowercase().as_str() {
                "html" => formats.html = true,
                "json" => formats.json = true,
                "csv" => formats.csv = true,
                "md" => formats.md = true,
                "tex" => formats.tex = true,
                "svg" => formats.svg = true,
                "png" => formats.png = true,
                _ => return Err(FormatError::Unknown(name.to_owned())),
            }
        }
        if formats == Self::none() { Err(FormatError::Empty) } else { Ok(formats) }
    }
}

impl fmt::Display for FormatSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.members().into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_shown() {
        assert_eq!("html,json,csv,md,tex,svg,png".parse(), Ok(FormatSet::all()));
        let some: FormatSet = " PNG , json,".parse().unwrap();
        assert_eq!(some, FormatSet { json: true, png: true, ..FormatSet::none() });
        assert_eq!(some.to_string(), "json,png");
        assert_eq!("json,pdf".parse::<FormatSet>(), Err(FormatError::Unknown("pdf".into())));
        assert_eq!(" ,".parse::<FormatSet>(), Err(FormatError::Empty));
    }
}
