//! The program `analyze`, as [`main`].

mod arguments;
mod foreign;
mod run;
mod stored;

use std::ffi::OsString;
use std::io::Write;

use car_spectral_data::message_with_flags;
use car_spectral_runs::signals;
use car_spectral_runs::terminal::tell;
use clap::{CommandFactory, Parser};

use crate::AnalysisError;
use arguments::Arguments;

/// Runs the program on a command line, the program's own name first: results in files and on stdout, progress and
/// errors on stderr. Gives the exit code: 0 done, 1 a file or its content was refused, 2 wrong usage.
pub fn main(command_line: &[OsString]) -> u8 {
    if command_line.iter().skip(1).eq(["--schema"]) {
        // Whoever closed the pipe has seen enough.
        let _ = writeln!(std::io::stdout(), "{}", crate::report::json_schema());
        return 0;
    }
    let arguments = match Arguments::try_parse_from(command_line) {
        Ok(arguments) => arguments,
        Err(error) => {
            // As above.
            let _ = error.print();
            return error.exit_code().try_into().unwrap_or(2);
        }
    };
    // Where no handler can be set, a signal ends the program as it would anyway.
    let _ = signals::end_when_told();
    let command_line: Vec<String> = command_line.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    match run::run(&arguments, &command_line) {
        Ok(()) => 0,
        Err(error) => {
            tell(format_args!("error: {}", message(&error)));
            error.exit_code()
        }
    }
}

/// The message of an error; settings are called by their flags, where they have one.
fn message(error: &AnalysisError) -> String {
    let command = Arguments::command();
    let is_flag = |name: &str| command.get_arguments().any(|flag| flag.get_long() == Some(name));
    message_with_flags(error, error.setting_error(), is_flag)
}
