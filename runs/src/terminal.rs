//! Output of programs: text whose parts come out of files and paths cannot act on the terminal.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write as _};

use car_spectral_formats::is_unprintable;

/// A message of more bytes is cut.
const LONGEST: usize = 100_000;

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

/// The text with what would act on a terminal (all of [`is_unprintable`] but tabs and ends of
/// lines) as `\u{1b}`, and cut behind a hundred thousand bytes.
pub fn printable(text: &str) -> Cow<'_, str> {
    let acts = |character: char| is_unprintable(character) && !matches!(character, '\n' | '\t');
    if text.len() <= LONGEST && !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for character in text.chars() {
        if shown.len() >= LONGEST {
            shown.push_str("...");
            break;
        }
        if acts(character) { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_act_on_a_terminal() {
        assert_eq!(printable("größe\t1\n"), "größe\t1\n");
        assert_eq!(printable("a\u{1b}]0;x\u{7}\u{202e}\r\u{9b}"), "a\\u{1b}]0;x\\u{7}\\u{202e}\\u{d}\\u{9b}");
        assert_eq!(printable(&"x".repeat(2 * LONGEST)).len(), LONGEST + 3);
    }
}
