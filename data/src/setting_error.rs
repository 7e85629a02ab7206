//! A setting out of its range.

use thiserror::Error;

/// A setting out of its range, by the name that it has in files of settings: `lr`, `image-size`, `car-alpha`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} = {value}: {requirement}")]
pub struct SettingError {
    /// The setting.
    pub name: &'static str,
    /// The value given.
    pub value: String,
    /// What is allowed.
    pub requirement: String,
}

/// Writes the settings that a library's message names in backticks as the flags of a program: `` `lr` `` as `--lr`,
/// where the program has such a flag.
pub fn with_flags(message: &str, is_flag: impl Fn(&str) -> bool) -> String {
    let mut parts: Vec<String> = message.split('`').map(str::to_owned).collect();
    let marks = parts.len();
    let mut text = std::mem::take(&mut parts[0]);
    for (at, part) in parts.iter().enumerate().skip(1) {
        let named = at % 2 == 1 && at + 1 < marks;
        match (named, named && is_flag(part)) {
            (true, true) => text.push_str(&format!("--{part}")),
            (true, false) => text.push_str(&format!("`{part}`")),
            (false, _) if at % 2 == 1 => text.push_str(&format!("`{part}")),
            (false, _) => text.push_str(part),
        }
    }
    text
}

impl SettingError {
    /// Says which setting is out of its range, and what is allowed.
    pub fn new(name: &'static str, value: impl ToString, requirement: impl Into<String>) -> Self {
        Self { name, value: value.to_string(), requirement: requirement.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_in_backticks_become_flags() {
        let is_flag = |name: &str| ["lr", "warm-up"].contains(&name);
        for (message, shown) in [
            ("lower `lr` or lengthen `warm-up`", "lower --lr or lengthen --warm-up"),
            ("`fc1.weight` is missing; `lr`", "`fc1.weight` is missing; --lr"),
            ("a lone ` stays, `lr` too", "a lone ` stays, `lr` too"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(with_flags(message, is_flag), shown);
        }
    }
}
