//! Plan of the runs there are to be: one for each seed of each experiment file.

use std::path::{Path, PathBuf};

use car_spectral_data::DataSource;
use car_spectral_formats::atomic::write_atomically;
use car_spectral_formats::{FileError, sha256_file};
use car_spectral_runs::experiment::{Experiment, ExperimentFile};
use car_spectral_runs::folder;
use std::io::Write as _;

use crate::AnalysisError;

/// Copy of the experiment file in the folder of a run that has come to its end.
const RECORD: &str = "experiment.toml";

/// An experiment: a file for `train --config` with everything that a sweep needs.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub file: ExperimentFile,
    pub experiment: Experiment,
    /// FOLDER/FILE, without ending.
    pub name: String,
    /// Epochs of a run.
    pub epochs: usize,
}

/// Reads files, and of folders the files that end in `.toml`, by name.
///
/// # Errors
/// [`AnalysisError::Training`] for a file that cannot be read or is no experiment;
/// [`AnalysisError::Mismatch`] for a folder without one, and for two files whose runs would share a
/// folder.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Planned>, AnalysisError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| FileError::Io { path: path.clone(), source };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                found.push(file);
            }
        }
        if found.is_empty() {
            let problem = format!("{}: no experiment file (NAME.toml) in this folder", path.display());
            return Err(AnalysisError::Mismatch { problem });
        }
        found.sort();
        files.extend(found);
    }
    let mut planned: Vec<Planned> = Vec::new();
    for file in files {
        let plan = Planned::read(&file)?;
        if let Some(other) = planned.iter().find(|other| other.name == plan.name) {
            let problem = format!(
                "{} and {}: their runs would share the folders {}-seedN; rename one",
                other.file.path.display(),
                file.display(),
                plan.name
            );
            return Err(AnalysisError::Mismatch { problem });
        }
        let title = &plan.experiment.title;
        if let Some(other) =
            planned.iter().find(|other| other.folder_name() == plan.folder_name() && other.experiment.title == *title)
        {
            let problem = format!(
                "{} and {}: both have the title \"{title}\"; rows of one table need titles of their own",
                other.file.path.display(),
                file.display()
            );
            return Err(AnalysisError::Mismatch { problem });
        }
        planned.push(plan);
    }
    Ok(planned)
}

/// Flags that the sweep gives, each with where it has them from.
const OF_THE_SWEEP: [(&str, &str); 5] = [
    ("seed", "`seeds` in [experiment]"),
    ("data", "--data, by `data` in [experiment]"),
    ("out", "--runs"),
    ("threads", "--threads"),
    ("device", "--device"),
];

impl Planned {
    /// The folder of the file, as runs are called by it.
    fn folder_name(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    fn read(path: &Path) -> Result<Self, AnalysisError> {
        let file = ExperimentFile::read(path)?;
        let incomplete = |problem: &str| FileError::Malformed { path: path.to_owned(), problem: problem.to_owned() };
        let experiment = file.experiment.clone().ok_or_else(|| {
            incomplete("it has no table [experiment] with `title`, `data` and `seeds`; to run it alone: train --config")
        })?;
        for flag in &file.flags {
            if let Some((_, source)) = OF_THE_SWEEP.iter().find(|(name, _)| *name == flag.name) {
                return Err(incomplete(&format!(
                    "line {}: `{}` is given by the sweep, from {source}; leave it out",
                    flag.line, flag.name
                ))
                .into());
            }
        }
        let epochs = file
            .text_of("epochs")
            .and_then(|epochs| epochs.parse().ok())
            .ok_or_else(|| incomplete("it does not say how many `epochs` a run has, as a whole number"))?;
        if path.to_str().is_none() {
            return Err(incomplete("its path is not UTF-8, and cannot stand in a table; rename it").into());
        }
        let absolute = path.canonicalize().map_err(|source| FileError::Io { path: path.to_owned(), source })?;
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (folder, stem) = (part(absolute.parent().and_then(Path::file_name)), part(absolute.file_stem()));
        Ok(Self { file, experiment, name: format!("{folder}/{stem}"), epochs })
    }

    /// The name of a run.
    pub fn run_name(&self, seed: u64) -> String {
        format!("{}-seed{seed}", self.name)
    }

    /// The folder of a run.
    pub fn folder(&self, runs: &Path, seed: u64) -> PathBuf {
        runs.join(self.run_name(seed))
    }

    /// Arguments of `train` for a run, to be given for a data set and where the runs lie.
    pub fn arguments(&self, data: &str, runs: &Path, seed: u64) -> Vec<String> {
        // A name that begins with a hyphen would be taken for a flag.
        let path = |path: &Path| {
            let shown = path.display().to_string();
            if shown.starts_with('-') { format!("./{shown}") } else { shown }
        };
        let out = path(&self.folder(runs, seed));
        let seed = seed.to_string();
        ["--config", &path(&self.file.path), "--data", data, "--seed", &seed, "--out", &out].map(str::to_owned).into()
    }

    /// The data set of the experiment among those given.
    pub fn source<'a>(&self, given: &'a [DataSource]) -> Option<&'a DataSource> {
        given.iter().find(|source| source.kind == self.experiment.data)
    }

    /// Tells whether the run of a seed is finished, with the settings that the file has now and the
    /// weights that it had then.
    ///
    /// # Errors
    /// [`AnalysisError`] for a record or weights that cannot be read.
    pub fn is_finished(&self, runs: &Path, seed: u64) -> Result<bool, AnalysisError> {
        let folder = self.folder(runs, seed);
        let record = folder.join(RECORD);
        if !(folder::has_results(&folder) && record.is_file()) {
            return Ok(false);
        }
        let record = ExperimentFile::read(&record)?;
        Ok(record.same_settings(&self.file) && record.text.lines().next() == Some(&weights_line(&folder)?))
    }

    /// Notes in the folder of a run that `train` has come to its end with the settings of the file.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn record(&self, runs: &Path, seed: u64) -> Result<(), AnalysisError> {
        let folder = self.folder(runs, seed);
        let path = folder.join(RECORD);
        let text = format!("{}\n{}", weights_line(&folder)?, self.file.text);
        write_atomically(&path, |file| {
            file.write_all(text.as_bytes()).map_err(|source| FileError::Io { path: path.clone(), source })
        })?;
        Ok(())
    }
}

/// What a record says of the weights: a run that took the folder over since is none of its
/// experiment.
fn weights_line(folder: &Path) -> Result<String, AnalysisError> {
    Ok(format!("# finished with model.safetensors of SHA-256 {}", sha256_file(&folder.join("model.safetensors"))?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::fs;

    /// An experiment on Fashion-MNIST with these seeds.
    pub fn text(title: &str, seeds: &str, flags: &str) -> String {
        format!("{flags}\n[experiment]\ntitle = \"{title}\"\ndata = \"fashion-mnist\"\nseeds = {seeds}\n")
    }

    #[test]
    fn files_of_a_folder_are_experiments_by_name() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("lt");
        fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        let problem = |paths: &[PathBuf]| read(paths).unwrap_err().to_string();
        assert!(problem(std::slice::from_ref(&folder)).contains("no experiment file"));
        write("02-b.toml", &text("B", "[3, 0]", "epochs = 4"));
        write("01-a.toml", &text("A", "[0]", "epochs = 2"));
        write("notes.md", "none");
        let planned = read(std::slice::from_ref(&folder)).unwrap();
        assert_eq!(planned.iter().map(|plan| &*plan.name).collect::<Vec<_>>(), ["lt/01-a", "lt/02-b"]);
        assert_eq!(planned[1].epochs, 4);
        assert_eq!(planned[1].folder(Path::new("runs"), 3), Path::new("runs/lt/02-b-seed3"));
        assert!(problem(&[folder.clone(), folder.join("01-a.toml")]).contains("lt/01-a-seedN"));
        write("03-c.toml", "epochs = 3");
        assert!(problem(std::slice::from_ref(&folder)).contains("03-c.toml: it has no table [experiment]"));
        write("03-c.toml", &text("B", "[0]", "epochs = 3"));
        assert!(problem(std::slice::from_ref(&folder)).contains("both have the title \"B\""));
        write("03-c.toml", &text("C", "[0]", "epochs = 3\nseed = 5"));
        assert!(problem(std::slice::from_ref(&folder)).contains("line 2: `seed` is given by the sweep"));
        write("03-c.toml", &text("C", "[0]", ""));
        assert!(problem(&[folder]).contains("03-c.toml: it does not say how many `epochs`"));
    }

    #[test]
    fn a_run_is_finished_with_the_settings_of_its_file_only() {
        let root = tempfile::tempdir().unwrap();
        let (path, runs) = (root.path().join("a.toml"), root.path().join("runs"));
        let plan = |flags: &str| {
            fs::write(&path, text("A", "[0]", flags)).unwrap();
            read(std::slice::from_ref(&path)).unwrap().remove(0)
        };
        let first = plan("epochs = 2");
        let folder = first.folder(&runs, 0);
        fs::create_dir_all(&folder).unwrap();
        for file in ["model.safetensors", "train.npz", "test.npz"] {
            assert!(!first.is_finished(&runs, 0).unwrap());
            fs::write(folder.join(file), "its own").unwrap();
        }
        assert!(!first.is_finished(&runs, 0).unwrap(), "nobody has noted with which settings");
        first.record(&runs, 0).unwrap();
        assert!(first.is_finished(&runs, 0).unwrap() && !first.is_finished(&runs, 1).unwrap());
        fs::write(folder.join("model.safetensors"), "another run's").unwrap();
        assert!(!first.is_finished(&runs, 0).unwrap());
        fs::write(folder.join("model.safetensors"), "its own").unwrap();
        assert!(plan("epochs = 2 # as before").is_finished(&runs, 0).unwrap());
        assert!(!plan("epochs = 3").is_finished(&runs, 0).unwrap());
        fs::write(folder.join(folder::STATE), "").unwrap();
        assert!(!first.is_finished(&runs, 0).unwrap());
    }
}
