//! Texts out of untrusted files as messages repeat them: escaped, cut, quoted.

use std::borrow::Cow;
use std::path::Path;

use crate::is_unprintable;

/// A message of more bytes is cut.
const LONGEST: usize = 100_000;

/// How much of a text that comes from an untrusted file is repeated in a message.
const SHOWN_CHARS: usize = 120;

/// How many names of an untrusted list are repeated in a message.
const SHOWN_NAMES: usize = 20;

/// How many axes of an untrusted array are repeated in a message.
const SHOWN_AXES: usize = 8;

/// A text from an untrusted file, escaped, cut and quoted.
pub fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let shown: String = chars.by_ref().take(SHOWN_CHARS).collect();
    if chars.next().is_some() { format!("{shown:?}...") } else { format!("{shown:?}") }
}

/// Extents of an untrusted array, the list cut.
pub fn extents(shape: &[usize]) -> String {
    match shape.get(..SHOWN_AXES) {
        Some(shown) if shape.len() > SHOWN_AXES => {
            let shown: Vec<String> = shown.iter().map(usize::to_string).collect();
            format!("[{}, ...] of {} axes", shown.join(", "), shape.len())
        }
        _ => format!("{shape:?}"),
    }
}

/// A file's name between quotes in a command that is shown to be copied: `FILE` in place of one
/// that could end them.
pub(crate) fn in_command(file: &Path) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || " ._-+=,@%~:/".contains(character);
    let name = file.display().to_string();
    if name.chars().all(is_plain) { name } else { "FILE".to_owned() }
}

/// Words of another parser about an untrusted file, escaped and cut, without quotes.
pub fn escaped(text: &str) -> String {
    let shown: String = text.chars().take(4 * SHOWN_CHARS).collect();
    shown.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

/// Names from an untrusted file, quoted, the list cut.
pub fn quoted_list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let mut names = names.into_iter();
    let mut shown: Vec<String> = names.by_ref().take(SHOWN_NAMES).map(|name| quoted(name.as_ref())).collect();
    let more = names.count();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
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
    fn a_name_cannot_end_the_quotes_of_a_command() {
        assert_eq!(in_command(Path::new("runs/a b/größe_1.pth")), "runs/a b/größe_1.pth");
        for name in ["a'); import os #.pth", "a\"b", "a$(b)", "a`b`", "a\\", "a\nb", "a!b", "a;b"] {
            assert_eq!(in_command(Path::new(name)), "FILE", "{name}");
        }
    }

    #[test]
    fn text_cannot_act_on_a_terminal() {
        assert_eq!(printable("größe\t1\n"), "größe\t1\n");
        assert_eq!(printable("a\u{1b}]0;x\u{7}\u{202e}\r\u{9b}"), "a\\u{1b}]0;x\\u{7}\\u{202e}\\u{d}\\u{9b}");
        assert_eq!(printable(&"x".repeat(2 * LONGEST)).len(), LONGEST + 3);
    }

    #[test]
    fn untrusted_text_is_escaped_and_cut() {
        assert_eq!(quoted("a\u{1b}[31m"), "\"a\\u{1b}[31m\"");
        assert_eq!(quoted(&"x".repeat(500)).len(), SHOWN_CHARS + 5);
        assert_eq!([extents(&[3, 4]), extents(&[1; 9])], ["[3, 4]", "[1, 1, 1, 1, 1, 1, 1, 1, ...] of 9 axes"]);
        assert_eq!(quoted_list(["a", "b"]), "\"a\", \"b\"");
        assert!(quoted_list((0..50).map(|i| i.to_string())).ends_with("and 30 more"));
        assert_eq!(escaped("bad \u{7} byte, \"here\""), "bad \\u{7} byte, \"here\"");
    }
}
