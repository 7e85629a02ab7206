//! The program `analyze`, as the console script runs it.

use std::ffi::OsString;

use car_spectral_analysis::program;
use pyo3::prelude::*;

/// Runs `analyze` with a command line, its own name first; gives its exit code.
#[pyfunction]
pub(crate) fn run_program(py: Python<'_>, command_line: Vec<OsString>) -> u8 {
    py.detach(|| program::main(&command_line))
}
