//! JSON as a tree of arrays, charged to the budget as it is read: one value, or several one after
//! the other.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::array::Array;
use crate::budget::Budget;
use crate::quoting::{escaped, quoted};
use crate::weights::Saved;
use crate::{InputError, Result};

/// Bytes charged for a value that is no number in a list, and for a number; a list that doubles as
/// it grows has the old places beside the new ones.
const NODE: u64 = 3 * size_of::<Saved>() as u64;
/// Bytes charged for what a text or an object has elsewhere, its place being charged by what holds
/// it.
const PLACED: u64 = 48;
/// Bytes charged for an array beside its numbers.
const ARRAY: u64 = size_of::<Array>() as u64 + 64;
const NUMBER: u64 = 24;

/// Reads a JSON text; of several values a list of them.
pub(crate) fn read_json(
    file: &Path,
    text: &str,
    expected: &'static str,
    budget: &mut Budget,
) -> Result<Saved<'static>> {
    let state = RefCell::new(State { file, budget, error: None });
    // Whether the value is followed by others is asked once: the parser counts lines to say where they are.
    let value = |text: &str, line: usize, alone: bool| {
        let mut parser = serde_json::Deserializer::from_str(text);
        let value = Value(&state).deserialize(&mut parser).and_then(|value| match parser.end() {
            Err(error) if alone => Err(error),
            end => Ok((value, end.is_ok())),
        });
        value.map_err(|error| {
            let own = state.borrow_mut().error.take();
            own.unwrap_or_else(|| InputError::Json {
                file: file.to_path_buf(),
                line: line.saturating_add(error.line()),
                column: error.column(),
                problem: problem(text, &error),
                expected,
            })
        })
    };
    let (first, is_all) = value(text, 0, false)?;
    if is_all {
        return Ok(first);
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| value(line, at, true).map(|(value, _)| value)).collect::<Result<_, _>>().map(Saved::List)
}

/// What is wrong, in the words of the parser; a number that Python writes and JSON does not know by
/// its name.
fn problem(text: &str, error: &serde_json::Error) -> String {
    let line = error.line().checked_sub(1).and_then(|line| text.lines().nth(line)).unwrap_or_default();
    let before = error.column().saturating_sub(3);
    let begins = |name: &&str| {
        (before..before.saturating_add(4)).any(|at| line.get(at..).is_some_and(|rest| rest.starts_with(*name)))
    };
    match ["NaN", "Infinity"].into_iter().find(begins) {
        Some(name) => format!("{name}, which is no number of JSON; find out why it is there"),
        None => escaped(&error.to_string()),
    }
}

struct State<'a> {
    file: &'a Path,
    budget: &'a mut Budget,
    error: Option<InputError>,
}

/// Reads one value.
struct Value<'s, 'a>(&'s RefCell<State<'a>>);

impl Value<'_, '_> {
    fn spend<E: Error>(&self, bytes: u64) -> Result<(), E> {
        let mut state = self.0.borrow_mut();
        let file = state.file;
        state.budget.spend(bytes).map_err(|exceeded| {
            let error = exceeded.of(file, "JSON".to_owned());
            let text = error.to_string();
            state.error = Some(error);
            E::custom(text)
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = Saved<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Saved<'static>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = Saved<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Saved<'static>, A::Error> {
        self.spend(NODE)?;
        let (mut numbers, mut parts) = (Vec::new(), Vec::new());
        while let Some(item) = items.next_element_seed(Value(self.0))? {
            match item {
                Saved::Number(number) if parts.is_empty() => {
                    self.spend(NUMBER)?;
                    numbers.push(number);
                }
                other => {
                    self.spend(NODE)?;
                    parts.extend(numbers.drain(..).map(Saved::Number));
                    parts.push(other);
                }
            }
        }
        if parts.is_empty() {
            self.spend(ARRAY)?;
            numbers.shrink_to_fit();
            return Ok(Saved::array(Array::decimals(vec![numbers.len()], numbers)));
        }
        Ok(Saved::List(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Saved<'static>, A::Error> {
        self.spend(PLACED)?;
        let mut seen = std::collections::HashSet::new();
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            self.spend((2 * NODE).saturating_add((key.len() as u64).saturating_mul(4)))?;
            if !seen.insert(key.clone()) {
                let mut state = self.0.borrow_mut();
                let error =
                    InputError::Duplicate { file: state.file.to_path_buf(), name: format!("key {}", quoted(&key)) };
                state.error = Some(error);
                return Err(A::Error::custom("twice"));
            }
            entries.push((key, map.next_value_seed(Value(self.0))?));
        }
        Ok(Saved::Dictionary(entries))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Saved<'static>, E> {
        Ok(Saved::Number(f64::from(u8::from(truth))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Saved<'static>, E> {
        Ok(Saved::Number(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Saved<'static>, E> {
        Ok(Saved::Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Saved<'static>, E> {
        Ok(Saved::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Saved<'static>, E> {
        self.spend(PLACED.saturating_add(text.len() as u64))?;
        Ok(Saved::Text(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Saved<'static>, E> {
        Ok(Saved::Other("null"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String> {
        read_json(Path::new("a"), text, "give JSON", &mut Budget::of(text.len())).map(|saved| format!("{saved:?}"))
    }

    #[test]
    fn one_value_or_several_lines() {
        assert_eq!(read("[1, 2.5]").unwrap(), format!("{:?}", Saved::array(Array::decimals(vec![2], vec![1.0, 2.5]))));
        assert_eq!(read(" 3 ").unwrap(), "Number(3.0)");
        assert!(read("{\"a\":1}\n{\"a\":2}\n").unwrap().starts_with("List([Dictionary("));
        assert!(read("[1, \"a\", 2]").unwrap().starts_with("List([Number(1.0), Text(\"a\")"));
        for (text, problem) in
            [("{\"a\":1,\"a\":2}", "twice"), ("[1,", "line 1, column 3"), ("", "line 1"), ("{}\n[1}", "line 2")]
        {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn a_long_list_is_charged() {
        let text = format!("[{}]", "[],".repeat(600_000) + "[]");
        assert!(matches!(read(&text), Err(InputError::Budget { .. })));
    }
}
