//! Names that a class may have: a line of text that is shown as it is written.

use thiserror::Error;

/// Characters a class name may have.
pub const LONGEST_CLASS_NAME: usize = 200;

/// The reasons why a text cannot name a class.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum ClassNameError {
    #[error("the class name is empty")]
    Empty,
    #[error("the class name holds U+{code:04X}, a control or direction character; remove it")]
    Unprintable { code: u32 },
    #[error("the class name has {characters} characters; shorten it to at most {LONGEST_CLASS_NAME}")]
    TooLong { characters: usize },
}

/// Tells whether a character would act on a terminal, a page or the text around it instead of being
/// shown: a control character (C0, DEL, C1), a line or paragraph separator, or an embedding,
/// override or isolate of the bidirectional algorithm.
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Checks the name of a class.
pub fn check_class_name(name: &str) -> Result<(), ClassNameError> {
    if let Some(character) = name.chars().find(|&character| is_unprintable(character)) {
        return Err(ClassNameError::Unprintable { code: character.into() });
    }
    match name.chars().count() {
        0 => Err(ClassNameError::Empty),
        characters if characters > LONGEST_CLASS_NAME => Err(ClassNameError::TooLong { characters }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lines_of_text_that_is_shown() {
        for name in ["T-shirt/top", "-1", "=cmd()", "猫", "قط", "a\u{200f}b", "e\u{301}", &"猫".repeat(200)] {
            assert_eq!(check_class_name(name), Ok(()), "{name:?}");
        }
        for code in [0x0, 0x9, 0x1b, 0x7f, 0x85, 0x9b, 0x2028, 0x202a, 0x202e, 0x2066, 0x2069] {
            let name = format!("a{}b", char::from_u32(code).unwrap());
            assert_eq!(check_class_name(&name), Err(ClassNameError::Unprintable { code }), "{name:?}");
        }
        assert_eq!(check_class_name(""), Err(ClassNameError::Empty));
        assert_eq!(check_class_name(&"猫".repeat(201)), Err(ClassNameError::TooLong { characters: 201 }));
        let error = check_class_name("a\u{1b}").unwrap_err().to_string();
        assert!(error.contains("U+001B"), "{error}");
    }
}
