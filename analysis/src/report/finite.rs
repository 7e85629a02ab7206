//! Finds the first number in a serialisable value that is not finite, and where it stands. JSON
//! would write it as `null` without a word, and `null` means "does not exist" in a report.

use minijinja::Value;
use minijinja::value::ValueKind;
use serde::Serialize;

/// The path and value of the first NaN or infinity in `value`, in serialisation order; `None` if
/// all are finite.
pub(super) fn first_non_finite<T: Serialize>(value: &T) -> Option<(String, f64)> {
    let (path, number) = find(&Value::from_serialize(value))?;
    Some((path.trim_start_matches('.').to_owned(), number))
}

/// The path is put together from its end, once there is something to name.
fn find(value: &Value) -> Option<(String, f64)> {
    match value.kind() {
        ValueKind::Number => {
            let number = f64::try_from(value.clone()).ok()?;
            (!number.is_finite()).then_some((String::new(), number))
        }
        ValueKind::Seq => {
            let mut elements = value.try_iter().ok()?.enumerate();
            elements.find_map(|(at, element)| {
                let (rest, number) = find(&element)?;
                Some((format!("[{at}]{rest}"), number))
            })
        }
        ValueKind::Map => {
            let mut keys = value.try_iter().ok()?;
            keys.find_map(|key| {
                let (rest, number) = find(&value.get_item(&key).ok()?)?;
                Some((format!(".{key}{rest}"), number))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{MarginReport, ModelReport, Report};

    #[test]
    fn the_place_of_a_nan_is_named_through_options_vectors_and_flattening() {
        let mut report = Report { models: vec![ModelReport::default(), ModelReport::default()], ..Report::default() };
        assert_eq!(first_non_finite(&report), None);
        report.models[1].test.split.margins = vec![MarginReport::default(), MarginReport::default()];
        report.models[1].test.split.margins[1].norms.nu = Some(f64::INFINITY);
        assert_eq!(first_non_finite(&report), Some(("models[1].test.margins[1].nu".to_owned(), f64::INFINITY)));
        report.models[1].test.split.per_class_error = vec![None, Some(f64::NAN)];
        let (path, value) = first_non_finite(&report).unwrap();
        assert_eq!(path, "models[1].test.per_class_error[1]");
        assert!(value.is_nan());
    }
}
