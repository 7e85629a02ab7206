//! Experiments as files: run what is missing (`sweep`), collect what is finished into a table
//! (`table`), and ask over all runs what predicts the worst classes (`correlate`). .
//!
//! An experiment is a TOML file for `train --config`; the run of one seed lies in
//! `RUNS/FOLDER/FILE-seedN`, named after the file and the folder that holds it.

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

use std::ffi::OsString;
use std::fmt::Display;

use car_spectral_runs::terminal;

use crate::Result;
use arguments::{Arguments, Command};

/// Runs the program on a command line, the program's own name first: results on stdout and in
/// files, progress on stderr. Gives the exit code; failed runs of a sweep are told once all others
/// are done.
pub fn main(command_line: &[OsString]) -> u8 {
    super::end(command_line, run)
}

fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Command::Run(arguments) => sweep::run(arguments),
        Command::Table(arguments) => table::write(arguments),
        Command::Correlate(arguments) => correlate::write(arguments),
    }
}

/// Prints a line on standard output. Whether anybody can read it is no matter: the results are in
/// files.
fn say(line: impl Display) {
    let _ = terminal::say(line);
}
