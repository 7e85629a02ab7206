//! Tensors or arrays in a list, without names: nothing says which is which, and the line that names
//! them.

use std::path::Path;

use super::WeightsError;
use crate::quoting::in_command;

/// The keys that lead to the list, if all of these names are places in one list.
pub(super) fn keys(nesting: &[String], names: &[String]) -> Option<Vec<String>> {
    let list = |name: &str| {
        let (list, place) = name.rsplit_once('.').unwrap_or(("", name));
        place.bytes().all(|byte| byte.is_ascii_digit()).then(|| list.to_owned())
    };
    let first = list(names.first()?)?;
    let is_one = names.iter().all(|name| list(name).as_ref() == Some(&first));
    let below = first.split('.').filter(|key| !key.is_empty()).map(str::to_owned);
    is_one.then(|| nesting.iter().cloned().chain(below).collect())
}

/// The refusal, with the line that names what is in the list under these keys of a file of
/// `torch.save`.
pub(super) fn refused(file: &Path, count: usize, what: &'static str, keys: &[String]) -> WeightsError {
    let (convert, trust) = match what {
        "tensors" => ("", ""),
        _ => ("map(torch.from_numpy, ", ", weights_only=False"),
    };
    let close = if convert.is_empty() { "" } else { ")" };
    // Short and plain ones can be copied.
    let is_plain =
        |key: &String| key.len() < 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let spelled = |key: &String| if is_plain(key) { format!("['{key}']") } else { "[KEY]".to_owned() };
    let keys: String = keys.iter().map(spelled).collect();
    let line = format!(
        "torch.save(dict(zip(model.state_dict(), {convert}torch.load('{}', map_location='cpu'{trust}){keys}{close}, \
         strict=True)), 'weights.pt')",
        in_command(file)
    );
    WeightsError::Nameless { file: file.to_path_buf(), count, what, line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_list_is_told_from_names() {
        let of =
            |names: &[&str]| keys(&["a".to_owned()], &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["0", "1"]), Some(vec!["a".to_owned()]));
        assert_eq!(of(&["b.c.0", "b.c.1"]), Some(["a", "b", "c"].map(str::to_owned).to_vec()));
        for names in [&["0.weight", "1"][..], &["b.0", "c.1"], &["x"], &[]] {
            assert_eq!(of(names), None, "{names:?}");
        }
        let said = |key: &str| refused(Path::new("w.pt"), 2, "tensors", &[key.to_owned()]).to_string();
        assert!(said("weights").contains("torch.load('w.pt', map_location='cpu')['weights'], strict=True"));
        assert!(said("']; x = '").contains("[KEY]") && said(&"k".repeat(1000)).len() < 400);
    }
}
