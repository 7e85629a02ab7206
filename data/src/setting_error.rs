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

impl SettingError {
    /// Says which setting is out of its range, and what is allowed.
    pub fn new(name: &'static str, value: impl ToString, requirement: impl Into<String>) -> Self {
        Self { name, value: value.to_string(), requirement: requirement.into() }
    }
}
