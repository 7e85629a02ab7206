//! The rows of a table: experiments with their finished runs.

use std::path::{Path, PathBuf};

use car_spectral_formats::FileError;
use car_spectral_formats::publish::{IsOwn, Publication};
use car_spectral_runs::description::{Description, TrainingData};
use car_spectral_runs::folder::{self, LOG};
use car_spectral_runs::log::read_log;
use car_spectral_runs::terminal::tell;

use super::plan::{self, Planned};
use super::results::RunResults;
use crate::AnalysisError;

/// An experiment with its finished runs.
pub(super) struct Row {
    pub plan: Planned,
    /// Finished runs by seed, in the order of the file.
    pub runs: Vec<RunResults>,
    /// Seeds of runs that were stopped, with the epochs that are done.
    pub stopped: Vec<(u64, usize)>,
}

impl Row {
    /// The finished run of a seed.
    pub fn run(&self, seed: u64) -> Option<&RunResults> {
        self.runs.iter().find(|run| run.description.run.optimisation.seed == seed)
    }

    /// The name of the experiment's file, without its ending.
    pub fn stem(&self) -> &str {
        self.plan.name.rsplit('/').next().unwrap_or_default()
    }

    /// Names what the runs differ in beside the seed: threads, devices. CAR makes training chaotic,
    /// so that these move a run as a seed does.
    pub fn mixture(&self) -> Option<String> {
        let told = |of: &dyn Fn(&RunResults) -> String| {
            let all: std::collections::BTreeSet<String> = self.runs.iter().map(of).collect();
            (all.len() > 1).then(|| all.into_iter().collect::<Vec<_>>().join(" and "))
        };
        let threads = told(&|run| run.description.run.threads.to_string()).map(|threads| format!("threads {threads}"));
        let devices = told(&|run| run.description.run.device.clone()).map(|devices| format!("devices {devices}"));
        let all: Vec<String> = threads.into_iter().chain(devices).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// Writes files of results into a folder in one step; files of these names, told by `is_own`, go.
pub(super) fn save(folder: &Path, is_own: IsOwn, files: &[(String, Vec<u8>)]) -> Result<(), FileError> {
    let mut publication = Publication::begin(folder, is_own)?;
    files.iter().try_for_each(|(name, bytes)| publication.add(name, bytes))?;
    publication.publish().map(drop)
}

/// The experiments of a folder with their finished runs.
pub(super) fn collect(experiments: &Path, runs: &Path) -> Result<Vec<Row>, AnalysisError> {
    let mut rows = Vec::new();
    for plan in plan::read(&[experiments.to_owned()])? {
        let (mut results, mut stopped) = (Vec::new(), Vec::new());
        for &seed in &plan.experiment.seeds {
            if plan.is_finished(runs, seed)? {
                let folder = plan.folder(runs, seed);
                let found = RunResults::read(&folder)?;
                if (found.description.run.optimisation.seed, found.description.data.kind)
                    != (seed, plan.experiment.data)
                {
                    let problem =
                        format!("{}: not the run of seed {seed} on the data of {}", folder.display(), plan.name);
                    return Err(AnalysisError::Mismatch { problem });
                }
                results.push(found);
            } else if folder::has_results(&plan.folder(runs, seed)) {
                tell(format_args!(
                    "left out: {}, whose settings or weights are not those that a sweep finished it with; `experiments run` \
                     tells what differs",
                    plan.folder(runs, seed).display()
                ));
            } else if let Ok(log) = read_log(&plan.folder(runs, seed).join(LOG)) {
                stopped.extend(log.last().map(|last| (seed, last.epoch)));
            }
        }
        rows.push(Row { plan, runs: results, stopped });
    }
    Ok(rows)
}

fn same_data(a: &Description, b: &Description) -> bool {
    let of = |data: &TrainingData| (data.kind, data.train_sha256.clone(), data.test_sha256.clone());
    let by_its_seed =
        |run: &Description| run.data.long_tail.is_some_and(|long_tail| long_tail.seed == run.run.optimisation.seed);
    let each_its_own = a.run.optimisation.seed != b.run.optimisation.seed && by_its_seed(a) && by_its_seed(b);
    of(&a.data) == of(&b.data)
        && a.data.class_counts == b.data.class_counts
        && (each_its_own || a.data.indices_sha256 == b.data.indices_sha256)
}

/// Test images and the numbers of training images of each class must be the same in all runs, and
/// the training images themselves in all runs of one seed: each seed may have drawn its own.
pub(super) fn check_same_data(rows: &[Row]) -> Result<(), AnalysisError> {
    let runs: Vec<(&Row, &RunResults)> =
        rows.iter().flat_map(|row| row.runs.iter().map(move |run| (row, run))).collect();
    let mut pairs = runs.iter().enumerate().flat_map(|(at, run)| runs[..at].iter().map(move |other| (other, run)));
    let different = pairs.find(|((_, other), (_, run))| !same_data(&other.description, &run.description));
    let Some(((first_row, first), (row, run))) = different else { return Ok(()) };
    let name = |row: &Row, run: &RunResults| row.plan.run_name(run.description.run.optimisation.seed);
    let problem = format!(
        "{} and {} were not trained and tested on the same images; give experiments on one data set with one subset, and with one \
         --validation",
        name(first_row, first),
        name(row, run)
    );
    Err(AnalysisError::Mismatch { problem })
}

/// The folders of all runs below a folder that hold a log, sorted.
pub(super) fn folders_with_logs(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let unreadable = |source| FileError::Io { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join(LOG).is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Seeds in order, runs of neighbours drawn together: `0–19`, `0, 2`.
pub(super) fn seeds(mut seeds: Vec<u64>) -> String {
    seeds.sort_unstable();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for seed in seeds {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(seed) => *last = seed,
            _ => ranges.push((seed, seed)),
        }
    }
    let shown = ranges.iter().map(|&(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_seeds_are_drawn_together() {
        assert_eq!(seeds((0..20).rev().collect()), "0–19");
        assert_eq!(seeds(vec![0, 1]), "0, 1");
        assert_eq!(seeds(vec![9, 3, 4, 5, 0, 7, u64::MAX]), format!("0, 3–5, 7, 9, {}", u64::MAX));
    }
}
