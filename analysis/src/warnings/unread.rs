//! Averaged weights that were left out.

use serde_json::json;

use crate::report::{Source, Warning};

/// Parts of names under which programs keep averages of the weights.
const AVERAGES: [&str; 5] = ["ema", "averaged", "average", "swa", "shadow"];

/// Warns of averaged weights in the file beside those that were read: a publication may have reported the others.
pub(super) fn warning(source: &Source) -> Option<Warning> {
    let is_average = |name: &&String| {
        let mut words = name.split(|c: char| !c.is_alphanumeric());
        words.any(|word| AVERAGES.contains(&word.to_ascii_lowercase().as_str()))
    };
    let left: Vec<&String> = source.unread.iter().filter(is_average).collect();
    let first = left.first()?;
    let key = source.key.as_ref().map_or("those read".to_owned(), |key| format!("those under {key}"));
    let sentence = format!(
        "averaged weights were left out: the file holds {first} beside {key}, a model of another accuracy; choose one \
         with `key`"
    );
    Some(Warning::new("averaged-weights", sentence, [("left", json!(left)), ("key", json!(source.key))]))
}
