//! The text of a file: UTF-8, or UTF-16 with its mark, as spreadsheets and PowerShell write it.

use std::borrow::Cow;

use crate::budget::Budget;
use crate::content::Content;
use crate::{InputError, Result};

/// The text of a file without its byte-order mark.
pub(crate) fn text_of<'a>(content: &'a Content, budget: &mut Budget) -> Result<Cow<'a, str>> {
    budget.is_of_text();
    let bytes = content.bytes.as_slice();
    let wide = match bytes {
        [0xff, 0xfe, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xfe, 0xff, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    let Some((rest, unit)) = wide else {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| InputError::NotText { file: content.file.clone(), byte: error.valid_up_to() })?;
        return Ok(Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)));
    };
    // Two bytes become three at most, and a text grows by doubling.
    let most = (rest.len() as u64).div_ceil(2).saturating_mul(3);
    budget.spend(most.saturating_mul(2)).map_err(|exceeded| exceeded.of(&content.file, "UTF-16 text".to_owned()))?;
    let (units, _) = rest.as_chunks::<2>();
    let mut text = String::with_capacity(rest.len() / 2);
    for (at, character) in char::decode_utf16(units.iter().map(|bytes| unit(*bytes))).enumerate() {
        text.push(character.map_err(|_| InputError::NotText {
            file: content.file.clone(),
            byte: at.saturating_mul(2).saturating_add(2),
        })?);
    }
    Ok(Cow::Owned(text))
}

/// Whether the first bytes are those of a text.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || bytes.iter().take(4096).all(|&byte| byte >= b' ' || byte.is_ascii_whitespace())
}
