//! Averaged weights that were left out.

use serde_json::json;

use crate::results::{Source, Warning};

/// Parts of names under which programs keep averages of the weights.
const AVERAGES: [&str; 5] = ["ema", "averaged", "average", "swa", "shadow"];

/// Warns of averaged weights in the file beside those that were read: a publication may have
/// reported the others.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_told_from_what_is_left_out_besides() {
        let left = |unread: &[&str]| {
            let unread = unread.iter().map(|name| (*name).to_owned()).collect();
            warning(&Source { key: Some("model".to_owned()), unread, ..Source::default() })
        };
        assert_eq!(left(&["optimizer", "schema", "demand.weight"]), None);
        for name in ["ema", "model_ema", "state_dict_ema.module", "swa_model", "averaged"] {
            let found = left(&["optimizer", name]).unwrap_or_else(|| panic!("{name}"));
            assert!(found.sentence.contains(&format!("holds {name} beside those under model")), "{}", found.sentence);
        }
    }
}
