//! Flags whose values are called as descriptions write them.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::DeserializeOwned;

/// The names of [`car_spectral_data::Sampler`].
pub const SAMPLERS: [&str; 3] = ["instance-balanced", "square-root", "class-balanced"];

/// Takes one of these names.
pub fn named<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    names: impl Into<PossibleValuesParser>,
) -> impl TypedValueParser<Value = T> {
    names.into().try_map(|name| serde_json::from_value(name.into()))
}
