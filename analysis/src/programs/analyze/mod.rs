//! The program `analyze`, as [`main`].

mod arguments;
mod foreign;
mod numbers;
mod progress;
mod run;
mod stored;

use std::ffi::OsString;
use std::io::Write;

/// Runs the program on a command line, the program's own name first: results in files and on
/// stdout, progress and errors on stderr. Gives the exit code: 0 done, 1 a file or its content was
/// refused, 2 wrong usage.
pub fn main(command_line: &[OsString]) -> u8 {
    if command_line.iter().skip(1).eq(["--schema"]) {
        return super::shown(writeln!(std::io::stdout(), "{}", crate::results::json_schema()));
    }
    let words: Vec<String> = command_line.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    super::end(command_line, |arguments| run::run(arguments, &words))
}
