//! The program `analyze`, as the console script runs it.

use std::ffi::OsString;

use car_spectral_analysis::programs::analyze;
use pyo3::prelude::*;

/// Runs `analyze` with a command line, its own name first; gives its exit code.
#[pyfunction]
pub(crate) fn run_program(py: Python<'_>, command_line: Vec<OsString>) -> u8 {
    py.detach(|| analyze::main(&command_line))
}
