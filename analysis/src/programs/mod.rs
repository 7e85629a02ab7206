//! The programs, each as `main` on a command line: [`analyze`] and [`count`] of what a model left
//! behind, [`experiments`] over many runs. Only here this crate prints.

pub mod analyze;
pub mod count;
pub mod experiments;

use std::ffi::OsString;

use car_spectral::confusion::MarginGrid;
use car_spectral_data::message_with_flags;
use car_spectral_runs::signals;
use car_spectral_runs::terminal::tell;
use clap::Parser;

use crate::{AnalysisError, Result};

/// Runs a program on its command line, the program's own name first. Gives the exit code: 0 done, 1
/// a file or its content was refused, 2 wrong usage.
fn end<A: Parser>(command_line: &[OsString], run: impl FnOnce(&A) -> Result<()>) -> u8 {
    let arguments = match A::try_parse_from(command_line) {
        Ok(arguments) => arguments,
        Err(error) => {
            let shown = shown(error.print());
            return if error.use_stderr() { error.exit_code().try_into().unwrap_or(2) } else { shown };
        }
    };
    // Where no handler can be set, a signal ends the program as it would anyway.
    let _ = signals::end_when_told();
    match run(&arguments) {
        Ok(()) => 0,
        Err(error) => {
            tell(format_args!("error: {}", message::<A>(&error)));
            error.exit_code()
        }
    }
}

/// The exit code of a program that was asked for a text alone. Whoever closed the pipe has seen
/// enough.
fn shown(result: std::io::Result<()>) -> u8 {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            tell(format_args!("error: standard output: {error}"));
            1
        }
        _ => 0,
    }
}

/// The message of an error; settings are called by their flags, where the program has one, and a
/// build that lacks what a file needs is told with the command that builds it.
fn message<A: Parser>(error: &AnalysisError) -> String {
    let command = A::command();
    let is_flag = |name: &str| command.get_arguments().any(|flag| flag.get_long() == Some(name));
    let message = message_with_flags(error, error.setting_error(), is_flag);
    let Some(feature) = error.missing_feature() else { return message };
    let first = if feature == "torch" { "python3 scripts/setup.py libtorch && " } else { "" };
    let name = command.get_name();
    format!("{message}; with it: {first}cargo run --features car-spectral-analysis/{feature} --bin {name} --")
}

fn margin_grid(margins: &[f64]) -> Result<MarginGrid> {
    MarginGrid::new(margins).map_err(|error| AnalysisError::Usage { problem: format!("--margin: {error}") })
}
