//! Program `count`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let command_line: Vec<_> = std::env::args_os().collect();
    ExitCode::from(car_spectral_analysis::programs::count::main(&command_line))
}
