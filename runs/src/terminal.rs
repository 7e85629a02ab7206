//! Output of programs: text whose parts come out of files and paths cannot act on the terminal.

use std::fmt::Display;
use std::io::{self, Write as _};

use car_spectral_formats::quoting::printable;

/// Says a line on stderr. A terminal that takes no more text stops no program.
pub fn tell(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", printable(&text.to_string()));
}

/// Says a line on stdout.
///
/// # Errors
/// The system's, but for a pipe that was closed by whoever had seen enough.
pub fn say(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{}", printable(&text.to_string())) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
