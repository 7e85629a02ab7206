//! Experiments as files: run what is missing (`sweep`), collect what is finished into a table (`table`), and ask over
//! all runs what predicts the worst classes (`correlate`). The program `experiments` is [`run`].
//!
//! An experiment is a TOML file for `train --config`; the run of one seed lies in `RUNS/FOLDER/FILE-seedN`, named after
//! the file and the folder that holds it.

mod arguments;
mod chart;
mod correlate;
mod differences;
mod metric;
mod plan;
mod results;
mod rows;
mod sweep;
mod table;

pub use arguments::Arguments;

use std::fmt::Display;

use crate::AnalysisError;
use arguments::Command;
use car_spectral_runs::terminal;

/// Runs the program: results on stdout and in files, progress on stderr.
///
/// # Errors
/// [`AnalysisError`]; of a sweep [`AnalysisError::FailedRuns`] once all other runs are done.
pub fn run(arguments: &Arguments) -> Result<(), AnalysisError> {
    match &arguments.command {
        Command::Run(arguments) => sweep::run(arguments),
        Command::Table(arguments) => table::write(arguments),
        Command::Correlate(arguments) => correlate::write(arguments),
    }
}

/// Prints a line on standard output. Whether anybody can read it is no matter: the results are in files.
fn say(line: impl Display) {
    let _ = terminal::say(line);
}
