//! Text from files and command lines as it may be shown to people.

use car_spectral_formats::is_unprintable;

/// The text with U+FFFD for characters that would act on the terminal or page instead of being shown.
pub(crate) fn readable(text: &str) -> String {
    text.chars().map(|c| if is_unprintable(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
