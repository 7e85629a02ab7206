//! Finds the first number in a serialisable value that is not finite, and where it stands. JSON would write it as
//! `null` without a word, and `null` means "does not exist" in a report.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

/// The path and value of the first NaN or infinity in `value`, in serialisation order; `None` if all are finite.
pub(super) fn first_non_finite<T: Serialize>(value: &T) -> Option<(String, f64)> {
    match value.serialize(Walk { path: String::new() }) {
        Err(Found::NotFinite { path, value }) => Some((path, value)),
        _ => None,
    }
}

#[derive(Debug)]
enum Found {
    NotFinite { path: String, value: f64 },
    Other,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Found {}

impl ser::Error for Found {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }
}

#[derive(Clone)]
struct Walk {
    path: String,
}

impl Walk {
    fn float(self, value: f64) -> Result<(), Found> {
        if value.is_finite() { Ok(()) } else { Err(Found::NotFinite { path: self.path, value }) }
    }

    fn at_field(&self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{key}", self.path) }
    }
}

macro_rules! leaves {
    ($($name:ident: $type:ty),*) => { $(fn $name(self, _: $type) -> Result<(), Found> { Ok(()) })* };
}

impl Serializer for Walk {
    type Ok = ();
    type Error = Found;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    leaves!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_char: char,
        serialize_str: &str, serialize_bytes: &[u8], serialize_unit_struct: &'static str);

    fn serialize_f32(self, value: f32) -> Result<(), Found> {
        self.float(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Found> {
        self.float(value)
    }

    fn serialize_none(self) -> Result<(), Found> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Found> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Found> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Found> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Found> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Found> {
        value.serialize(self.at_field(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements, Found> {
        Ok(Elements { at: self, index: 0 })
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements, Found> {
        Ok(Elements { at: self, index: 0 })
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements, Found> {
        Ok(Elements { at: self, index: 0 })
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Elements, Found> {
        Ok(Elements { at: self.at_field(variant), index: 0 })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields, Found> {
        Ok(Fields { at: self, key: String::new() })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, Found> {
        Ok(Fields { at: self, key: String::new() })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields, Found> {
        Ok(Fields { at: self.at_field(variant), key: String::new() })
    }
}

struct Elements {
    at: Walk,
    index: usize,
}

impl Elements {
    fn next<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Found> {
        let walk = Walk { path: format!("{}[{}]", self.at.path, self.index) };
        self.index += 1;
        value.serialize(walk)
    }
}

macro_rules! elements {
    ($($trait:ident :: $method:ident),*) => { $(
        impl ser::$trait for Elements {
            type Ok = ();
            type Error = Found;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Found> { self.next(value) }
            fn end(self) -> Result<(), Found> { Ok(()) }
        }
    )* };
}
elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

struct Fields {
    at: Walk,
    key: String,
}

impl ser::SerializeStruct for Fields {
    type Ok = ();
    type Error = Found;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Found> {
        value.serialize(self.at.at_field(key))
    }

    fn end(self) -> Result<(), Found> {
        Ok(())
    }
}

impl ser::SerializeStructVariant for Fields {
    type Ok = ();
    type Error = Found;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Found> {
        value.serialize(self.at.at_field(key))
    }

    fn end(self) -> Result<(), Found> {
        Ok(())
    }
}

impl ser::SerializeMap for Fields {
    type Ok = ();
    type Error = Found;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Found> {
        // Flattened structures arrive as maps whose keys are their field names.
        self.key = serde_json::to_value(key).ok().and_then(|k| k.as_str().map(str::to_owned)).unwrap_or_default();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Found> {
        value.serialize(self.at.at_field(&self.key))
    }

    fn end(self) -> Result<(), Found> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{MarginReport, ModelReport, Report};

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
