//! Experiments as files: a TOML file with flags of `train`, and in its table `[experiment]` what a
//! sweep needs besides.
//!
//! ```toml
//! [experiment]                # optional; read by the program `experiments`
//! title = "CE + CAR"          # of the row in the table
//! data = "cifar100"           # the kind of data set; its folder is given on the command line
//! seeds = [0, 1, 2]
//! against = "01-ce"           # optional: the row that the table compares it with; else the first
//!
//! [training]                  # any other table groups flags for readers, under whatever name
//! epochs = 200                # the flag --epochs 200
//! nesterov = true             # a switch
//! hidden = [256, 256]         # a list
//! ```

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::RunError;
use car_spectral_data::DataKind;
use car_spectral_formats::read_regular_text;

/// The table that holds no flags.
const EXPERIMENT: &str = "experiment";

/// An experiment file, read.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentFile {
    /// The file.
    pub path: PathBuf,
    /// Text of the file.
    pub text: String,
    /// Flags, in the order of their names.
    pub flags: Vec<FileFlag>,
    /// The table `[experiment]`.
    pub experiment: Option<Experiment>,
}

/// The settings that a sweep and its table need beside the flags.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Name of the row.
    pub title: String,
    /// Data set that the flags are meant for.
    pub data: DataKind,
    /// Seeds to run, in this order, each once.
    pub seeds: Vec<u64>,
    /// The row that a table compares this one with: the name of its file without the ending; the
    /// first row where none is named.
    #[serde(default)]
    pub against: Option<String>,
}

/// One flag of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFlag {
    /// Long name without `--`.
    pub name: String,
    /// Value of the flag.
    pub value: FlagValue,
    /// Line of the file, from 1.
    pub line: usize,
}

/// The value of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagValue {
    /// true: the flag stands alone; false: it is left out.
    Switch(bool),
    /// Text as on the command line; lists joined by commas.
    Text(String),
}

impl FileFlag {
    /// The argument of the command line, `None` for a switch that is off.
    pub fn argument(&self) -> Option<String> {
        match &self.value {
            FlagValue::Switch(on) => on.then(|| format!("--{}", self.name)),
            FlagValue::Text(text) => Some(format!("--{}={text}", self.name)),
        }
    }
}

impl ExperimentFile {
    /// Reads a file. Whether `train` has such flags is for `train` to say.
    ///
    /// # Errors
    /// [`RunError::File`]; [`RunError::File`] with the line: no TOML, a value that no flag can
    /// have, a flag given twice, a table `[experiment]` with a key missing or unknown, or no seeds.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let text = read_regular_text(path)?;
        let line_of = |at: usize| text[..at].matches('\n').count() + 1;
        let wrong = |at: usize, problem: String| RunError::malformed(path, format!("line {}: {problem}", line_of(at)));
        let toml_error =
            |error: toml::de::Error| wrong(error.span().map_or(0, |span| span.start), error.message().to_owned());
        let document = DeTable::parse(&text).map_err(toml_error)?;
        let mut flags: Vec<FileFlag> = Vec::new();
        for (key, value) in document.get_ref() {
            let entries: Vec<(&Spanned<_>, &Spanned<DeValue>)> = match value.get_ref() {
                DeValue::Table(_) if key.get_ref() == EXPERIMENT => continue,
                DeValue::Table(table) => table.iter().collect(),
                _ => vec![(key, value)],
            };
            for (key, value) in entries {
                let at = key.span().start;
                let name = key.get_ref().to_string();
                if let Some(first) = flags.iter().find(|flag| flag.name == name) {
                    return Err(wrong(at, format!("`{name}` stands in line {} already", first.line)));
                }
                let found = flag_value(value.get_ref()).ok_or_else(|| {
                    let kind = value.get_ref().type_str();
                    wrong(
                        at,
                        format!("`{name}` is of type {kind}; give text, a number, true or false, or a list of them"),
                    )
                })?;
                flags.push(FileFlag { name, value: found, line: line_of(at) });
            }
        }
        flags.sort_by(|a, b| a.name.cmp(&b.name));

        #[derive(Deserialize)]
        struct Document {
            experiment: Option<Experiment>,
        }
        let experiment = toml::from_str::<Document>(&text).map_err(toml_error)?.experiment;
        if let Some(Experiment { seeds, title, .. }) = &experiment {
            let problem = if title.trim().is_empty() || title.chars().any(char::is_control) {
                Some("`title` is empty or has control characters".to_owned())
            } else if seeds.is_empty() {
                Some("`seeds` is empty; give at least one".to_owned())
            } else {
                let mut seen = HashSet::new();
                let twice = seeds.iter().find(|seed| !seen.insert(**seed));
                twice.map(|seed| format!("seed {seed} stands twice in `seeds`"))
            };
            let at = document.get_ref().iter().find(|(key, _)| key.get_ref() == EXPERIMENT);
            if let Some(problem) = problem {
                return Err(wrong(at.map_or(0, |(key, _)| key.span().start), problem));
            }
        }
        drop(document);
        Ok(Self { path: path.to_owned(), text, flags, experiment })
    }

    /// The value of a flag as text, `None` where the file does not give it or gives a switch.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|flag| flag.name == name).and_then(|flag| match &flag.value {
            FlagValue::Text(text) => Some(text.as_str()),
            FlagValue::Switch(_) => None,
        })
    }

    /// Tells whether both files ask for the same training: the same flags on the same kind of data,
    /// whatever the order, the title, the seeds and the comments.
    pub fn same_settings(&self, other: &Self) -> bool {
        let data = |file: &Self| file.experiment.as_ref().map(|experiment| experiment.data);
        let arguments = |file: &Self| file.flags.iter().filter_map(FileFlag::argument).collect::<Vec<_>>();
        data(self) == data(other) && arguments(self) == arguments(other)
    }
}

fn flag_value(value: &DeValue<'_>) -> Option<FlagValue> {
    if let DeValue::Boolean(on) = value {
        return Some(FlagValue::Switch(*on));
    }
    text(value).map(FlagValue::Text)
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Array(items) if !items.is_empty() => {
            let items: Option<Vec<String>> = items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::Array(_) => None,
                    scalar => text(scalar),
                })
                .collect();
            items.map(|items| items.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExperimentFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("row.toml");
        std::fs::write(&path, text).unwrap();
        ExperimentFile::read(&path).map_err(|error| error.to_string())
    }

    const ROW: &str = "seed = 7\n\n[experiment]\ntitle = \"CE\"\ndata = \"cifar100\"\nseeds = [0, 1]\n\n[training]\n\
                       epochs = 1_000\nlr = 1e-3\nnesterov = true\nno-augment = false\nhidden = [24, 16]\nloss = 'focal'\n";

    #[test]
    fn tables_group_flags_and_name_the_experiment() {
        let file = read(ROW).unwrap();
        let arguments: Vec<String> = file.flags.iter().filter_map(FileFlag::argument).collect();
        assert_eq!(
            arguments,
            ["--epochs=1000", "--hidden=24,16", "--loss=focal", "--lr=1e-3", "--nesterov", "--seed=7"]
        );
        assert_eq!(file.flags.iter().map(|flag| flag.line).collect::<Vec<_>>(), [9, 13, 14, 10, 11, 12, 1]);
        assert_eq!(
            file.experiment,
            Some(Experiment { title: "CE".to_owned(), data: DataKind::Cifar100, seeds: vec![0, 1], against: None })
        );
        assert_eq!(
            (file.text_of("epochs"), file.text_of("nesterov"), file.text_of("momentum")),
            (Some("1000"), None, None)
        );
        assert_eq!(read("epochs = 3").unwrap().experiment, None);
    }

    #[test]
    fn what_no_flag_can_hold_is_refused_with_its_line() {
        for (text, says) in [
            ("epochs = ", "line 1"),
            ("a = 1\n\nb = 1979-05-27", "line 3: `b` is of type datetime"),
            ("a = 1\n[t]\na = 2", "line 3: `a` stands in line 1 already"),
            ("[t]\na = {b = 1}", "line 2: `a` is of type table"),
            ("a = [[1]]", "line 1: `a` is of type array"),
            ("a = []", "line 1: `a` is of type array"),
            ("a = 0x10", "line 1: `a` is of type integer"),
            ("\n[[t]]\na = 1", "line 2: `t` is of type array"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains("row.toml: ") && error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn an_experiment_is_whole() {
        let row = |from: &str, to: &str| read(&ROW.replace(from, to)).unwrap_err();
        for (from, to, says) in [
            ("data = \"cifar100\"\n", "", "line 3: missing field `data`"),
            ("cifar100", "cifar", "line 5"),
            ("title =", "titel =", "line 4: unknown field `titel`"),
            ("[0, 1]", "[]", "line 3: `seeds` is empty"),
            ("[0, 1]", "[1, 0, 1]", "line 3: seed 1 stands twice"),
            ("[0, 1]", "[-1]", "line 6"),
            ("\"CE\"", "\" \"", "line 3: `title` is empty"),
        ] {
            let error = row(from, to);
            assert!(error.contains(says), "{from} -> {to}: {error}");
        }
    }

    #[test]
    fn comments_titles_and_order_are_no_settings() {
        let file = read(ROW).unwrap();
        for (from, to, same) in [
            ("\"CE\"", "\"cross-entropy\" # plain", true),
            ("[0, 1]", "[0, 1, 2]", true),
            ("no-augment = false\n", "", true),
            ("epochs = 1_000\nlr = 1e-3\n", "lr = 1e-3\nepochs = 1000\n", true),
            ("1e-3", "1e-2", false),
            ("nesterov = true", "nesterov = false", false),
            ("cifar100", "cifar10", false),
        ] {
            assert_eq!(read(&ROW.replace(from, to)).unwrap().same_settings(&file), same, "{from} -> {to}");
        }
    }
}
