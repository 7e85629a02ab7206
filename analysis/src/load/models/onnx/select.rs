//! Choice of the output of a network that holds the logits.

use crate::words::readable;

/// Gives the place of the output that is asked for by name or number, or of the only one.
pub(super) fn output(names: &[&str], asked: Option<&str>) -> Result<usize, String> {
    let listed = || {
        let shown = names.iter().take(20).enumerate();
        shown.map(|(place, name)| format!("{place} {}", readable(name))).collect::<Vec<_>>().join(", ")
    };
    match (asked, names) {
        (None, [_]) => Ok(0),
        (None, []) => Err("the network has no output".to_owned()),
        (None, _) => {
            Err(format!("the network has {} outputs ({}); choose the logits with `output`", names.len(), listed()))
        }
        (Some(asked), _) => {
            let by_name = names.iter().position(|&name| name == asked);
            let by_number = || asked.parse().ok().filter(|&place: &usize| place < names.len());
            by_name.or_else(by_number).ok_or_else(|| format!("there is no output `{asked}`; it has {}", listed()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::output;

    #[test]
    fn one_is_taken_and_several_are_chosen_by_name_or_number() {
        assert_eq!(output(&["logits"], None), Ok(0));
        let names = ["features", "1", "logits"];
        assert_eq!(output(&names, Some("logits")), Ok(2));
        assert_eq!(output(&names, Some("2")), Ok(2));
        // A name is a name, even where it looks like a number.
        assert_eq!(output(&names, Some("1")), Ok(1));
        let error = output(&names, None).unwrap_err();
        assert!(error.contains("3 outputs (0 features, 1 1, 2 logits)") && error.contains("`output`"), "{error}");
        assert!(output(&names, Some("3")).unwrap_err().contains("no output `3`"));
        assert!(output(&[], None).unwrap_err().contains("no output"));
    }
}
