//! Lines for whoever watches.

use std::fmt::Display;
use std::io::Write;

/// Prints a line on standard output. Whether anybody can read it is no matter: the results of the programs are in files, and a
/// reader that has gone, or a full disk behind the output, stops no run.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
