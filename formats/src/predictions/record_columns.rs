//! Records of JSON whose tree takes more memory than is accepted, read into columns at once:
//! numbers and texts by their keys, in each record the same, as in `{"truth": "cat", "scores":
//! {"cat": 0.9, ...}}`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::named::Named;

/// Bytes charged for a column beside its name, a number and a text beside its own: lists of them
/// double.
const COLUMN: u64 = 512;
const NUMBER: u64 = 24;
const TEXT: u64 = 120;

/// The columns of the records of a text, a list of them or one a line; `None` of any others, and
/// beyond the budget.
pub(super) fn read(text: &str, budget: &mut Budget) -> Option<Vec<Named<'static>>> {
    let mut columns = Columns { places: HashMap::new(), named: Vec::new(), rows: 0, budget };
    if text.trim_start().starts_with('[') {
        let mut parser = serde_json::Deserializer::from_str(text);
        Records(&mut columns).deserialize(&mut parser).ok()?;
        parser.end().ok()?;
    } else {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut parser = serde_json::Deserializer::from_str(line);
            columns.record(&mut parser).ok()?;
            parser.end().ok()?;
        }
    }
    let Columns { named, rows, .. } = columns;
    let is_whole = rows > 0 && named.iter().all(|(_, values)| values.len() == rows);
    let array = |(name, values)| {
        let data = match values {
            Values::Numbers(numbers) => Data::Decimals(numbers),
            Values::Texts(texts) => Data::Texts(texts),
        };
        Named { name, array: Ok(Array { shape: vec![rows], column_major: false, data }) }
    };
    is_whole.then(|| named.into_iter().map(array).collect())
}

enum Values {
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }
}

/// The columns of the records so far.
struct Columns<'b> {
    places: HashMap<String, usize>,
    named: Vec<(String, Values)>,
    rows: usize,
    budget: &'b mut Budget,
}

impl Columns<'_> {
    fn record<'de, D: Deserializer<'de>>(&mut self, parser: D) -> Result<(), D::Error> {
        Field { columns: self, path: &mut String::new() }.deserialize(parser)?;
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    /// The values of a column, which every record adds to once.
    fn values<E: Error>(&mut self, path: &str, cost: u64, empty: Values) -> Result<&mut Values, E> {
        let place = match self.places.get(path) {
            Some(&place) => place,
            None => {
                let named = (path.len() as u64).saturating_mul(2).saturating_add(COLUMN);
                self.budget.spend(named).map_err(E::custom)?;
                self.places.insert(path.to_owned(), self.named.len());
                self.named.push((path.to_owned(), empty));
                self.named.len().saturating_sub(1)
            }
        };
        self.budget.spend(cost).map_err(E::custom)?;
        let values = self.named.get_mut(place).map(|(_, values)| values);
        values.filter(|values| values.len() == self.rows).ok_or_else(|| E::custom("not the keys of the others"))
    }

    fn number<E: Error>(&mut self, path: &str, number: f64) -> Result<(), E> {
        match self.values(path, NUMBER, Values::Numbers(Vec::new()))? {
            Values::Numbers(numbers) => numbers.push(number),
            Values::Texts(_) => return Err(E::custom("a number among texts")),
        }
        Ok(())
    }

    fn text<E: Error>(&mut self, path: &str, text: &str) -> Result<(), E> {
        match self.values(path, TEXT.saturating_add(text.len() as u64), Values::Texts(Vec::new()))? {
            Values::Texts(texts) => texts.push(text.to_owned()),
            Values::Numbers(_) => return Err(E::custom("a text among numbers")),
        }
        Ok(())
    }
}

/// Reads a list of records.
struct Records<'s, 'b>(&'s mut Columns<'b>);

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        while records.next_element_seed(Field { columns: self.0, path: &mut String::new() })?.is_some() {
            self.0.rows = self.0.rows.saturating_add(1);
        }
        Ok(())
    }
}

/// Reads what stands below the keys of a path.
struct Field<'s, 'b> {
    columns: &'s mut Columns<'b>,
    path: &'s mut String,
}

/// A score with the name of its class.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair<'t> {
    #[serde(borrow)]
    label: Cow<'t, str>,
    #[serde(alias = "prob", alias = "probability", alias = "confidence")]
    score: f64,
}

impl Field<'_, '_> {
    /// Runs on the path with a key behind it.
    fn below<T>(&mut self, key: &str, run: impl FnOnce(&mut Columns<'_>, &mut String) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        let done = run(self.columns, self.path);
        self.path.truncate(length);
        done
    }
}

impl<'de> DeserializeSeed<'de> for Field<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Field<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers and texts by their keys")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            self.below(&key, |columns, path| map.next_value_seed(Field { columns, path }))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut pairs: A) -> Result<(), A::Error> {
        while let Some(Pair { label, score }) = pairs.next_element()? {
            self.below(&label, |columns, path| columns.number(path, score))?;
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.columns.number(self.path, number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.columns.number(self.path, number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.columns.number(self.path, number as f64)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.columns.number(self.path, f64::from(u8::from(truth)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.columns.text(self.path, text)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::predictions::{Logits, PredictionSource, Reading, read_as};
    use crate::testing::with_file;

    #[test]
    fn records_by_names_of_a_real_size_are_read() {
        const SAMPLES: usize = 20_000;
        let score = |sample: usize, class: usize| ((sample * 7 + class * 13) % 101) as f64 / 128.0;
        let mut text = String::new();
        for sample in 0..SAMPLES {
            _ = write!(text, "{{\"id\": \"{sample:05}.jpg\", \"truth\": \"class{}\", \"scores\": {{", sample % 10);
            for class in (0..10).rev() {
                let end = if class == 0 { "}}\n" } else { ", " };
                _ = write!(text, "\"class{class}\": {}{end}", score(sample, class));
            }
        }
        let class_names = Some((0..10).map(|class| format!("class{class}")).collect());
        let reading = Reading { class_names, ..Reading::default() };
        let list = format!("[{}]", text.trim_end().replace('\n', ",\n"));
        for text in [&text, &list] {
            let found = with_file("p.json", text, |file| {
                read_as(&PredictionSource::File(file.to_path_buf()), &reading).unwrap()
            });
            let expected = ndarray::Array2::from_shape_fn((SAMPLES, 10), |(sample, class)| score(sample, class));
            assert_eq!(found.logits, Logits::F64(expected));
            assert!(found.labels.iter().enumerate().all(|(sample, &label)| label == sample % 10));
        }
    }

    #[test]
    fn records_of_other_keys_are_none_of_a_table() {
        let columns = |text: &str| read(text, &mut Budget::of(text.len()));
        let names = |text: &str| columns(text).map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>());
        let of = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(r#"[{"a": 1, "b": {"c": "x"}}, {"b": {"c": "y"}, "a": 2}]"#), of(&["a", "b.c"]));
        let pairs = r#"[{"s": [{"label": "x", "score": 1}, {"label": "y", "score": 2}]}]"#;
        assert_eq!(names(pairs), of(&["s.x", "s.y"]));
        for other in [
            "[]",
            r#"[{"a": 1}, {"b": 1}]"#,
            r#"[{"a": 1}, {"a": "x"}]"#,
            r#"[{"a": 1, "b": 1}, {"a": 1, "a": 2}]"#,
            r#"[{"a": 1}, {"a": 1, "b": 2}]"#,
            r#"[{"a": [1, 2]}]"#,
            r#"[{"a": null}]"#,
            "{\"a\": 1}\n{\"a\"",
        ] {
            assert_eq!(names(other), None, "{other}");
        }
    }
}
