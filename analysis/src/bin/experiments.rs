//! Program `experiments`.

use std::process::ExitCode;

use car_spectral_analysis::experiments::{self, Arguments};
use car_spectral_runs::signals;
use car_spectral_runs::terminal::tell;
use clap::Parser;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Where no handler can be set, a signal ends the program as it would anyway.
    let _ = signals::end_when_told();
    match experiments::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(format_args!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
