//! A setting out of its range.

use thiserror::Error;

/// Digits of the largest whole number of 64 bits, and a sign.
const MOST_DIGITS: usize = 21;

/// A setting out of its range, by the name that it has in files of settings: `lr`, `image-size`,
/// `car-alpha`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} = {value}: {requirement}")]
pub struct SettingError {
    /// The setting.
    pub name: &'static str,
    /// The value given.
    pub value: String,
    /// Requirement that it breaks.
    pub requirement: String,
}

/// Writes the settings that a library's message names in backticks as the flags of a program: ``
/// `lr` `` as `--lr`, where the program has such a flag.
pub fn with_flags(message: &str, is_flag: impl Fn(&str) -> bool) -> String {
    with_names(message, |name| is_flag(name).then(|| format!("--{name}")))
}

/// Writes the settings that a library's message names in backticks by the names they have
/// elsewhere.
pub fn with_names(message: &str, named: impl Fn(&str) -> Option<String>) -> String {
    let mut parts: Vec<String> = message.split('`').map(str::to_owned).collect();
    let marks = parts.len();
    let mut text = std::mem::take(&mut parts[0]);
    for (at, part) in parts.iter().enumerate().skip(1) {
        match (at % 2 == 1, at + 1 < marks) {
            (true, true) => text.push_str(&named(part).unwrap_or_else(|| format!("`{part}`"))),
            (true, false) => text.push_str(&format!("`{part}")),
            (false, _) => text.push_str(part),
        }
    }
    text
}

/// Writes an error, which is a setting's or not, for a program: its settings are called by their
/// flags, where they have one (`a/b` names two).
pub fn message_with_flags(
    error: &impl ToString,
    setting: Option<&SettingError>,
    is_flag: impl Fn(&str) -> bool,
) -> String {
    let text = match setting {
        Some(setting) if setting.name.split('/').all(&is_flag) => {
            let flags: Vec<String> = setting.name.split('/').map(|name| format!("--{name}")).collect();
            format!("{} = {}: {}", flags.join("/"), setting.value, setting.requirement)
        }
        _ => error.to_string(),
    };
    with_flags(&text, is_flag)
}

impl SettingError {
    /// Says which setting is out of its range, and what is allowed. A number of more digits than a
    /// float holds is written with an exponent.
    pub fn new(name: &'static str, value: impl ToString, requirement: impl Into<String>) -> Self {
        let value = value.to_string();
        let long = if value.len() > MOST_DIGITS { value.parse::<f64>().ok() } else { None };
        let value = long.map_or(value, |number| format!("{number:e}"));
        Self { name, value, requirement: requirement.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_setting_names_its_flags() {
        let is_flag = |name: &str| ["lr", "n-max", "imbalance"].contains(&name);
        let said = |setting: &SettingError| message_with_flags(setting, Some(setting), is_flag);
        assert_eq!(said(&SettingError::new("n-max/imbalance", 3, "lower `lr`")), "--n-max/--imbalance = 3: lower --lr");
        assert_eq!(said(&SettingError::new("n-max/other", 3, "smaller")), "n-max/other = 3: smaller");
        assert_eq!(message_with_flags(&"a `lr` too high", None, is_flag), "a --lr too high");
    }

    #[test]
    fn numbers_of_hundreds_of_digits_are_written_short() {
        let said = |value: &dyn ToString| SettingError::new("mean", value.to_string(), "smaller").to_string();
        assert_eq!(said(&1e300), "mean = 1e300: smaller");
        assert_eq!(said(&-5e-324), "mean = -5e-324: smaller");
        assert_eq!(said(&u64::MAX), "mean = 18446744073709551615: smaller");
        assert_eq!([said(&0.1), said(&f64::NAN)], ["mean = 0.1: smaller", "mean = NaN: smaller"]);
    }

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
