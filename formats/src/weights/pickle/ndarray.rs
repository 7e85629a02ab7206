//! Arrays of NumPy, from the calls that NumPy writes (numpy/_core/multiarray, numpy/_core/numeric).
//!
//! What is malformed or of a type that is not read here is passed over like any other inert value.

use std::borrow::Cow;

use super::globals::INERT;
use super::machine::Machine;
use super::value::{Bytes, Dtype, Elements, Heap, Key, NdArray, Value};
use crate::array::{Array, Kind};
use crate::element::ByteOrder;
use crate::{InputError, Result};

/// Bytes charged for an array without its extents, and for a type.
const ARRAY: u64 = 200;
const TYPE: u64 = 96;

/// Axes that NumPy allows.
const MAX_RANK: usize = 64;

impl Machine<'_, '_> {
    /// Keeps the place of bytes that have just been passed.
    pub(super) fn push_bytes(&mut self, length: usize) -> Result<()> {
        let end = self.operands.position;
        let bytes = self.new_bytes(Bytes::Inside(end.saturating_sub(length)..end))?;
        self.push(bytes)
    }

    fn new_bytes(&mut self, bytes: Bytes) -> Result<Value> {
        self.spend(TYPE)?;
        self.heap.bytes.push(bytes);
        // The budget ends long before 2^32 of them.
        Ok(Value::Bytes((self.heap.bytes.len() as u32).saturating_sub(1)))
    }

    /// The value of a call of an inert name: an array or a part of one, or nothing but the name.
    pub(super) fn inert_call(&mut self, name: u8, arguments: &[Value]) -> Result<Value> {
        let Some((module, function)) = INERT.get(usize::from(name)).and_then(|name| name.rsplit_once('.')) else {
            return Ok(Value::Inert(name));
        };
        let numpy = module.starts_with("numpy");
        match (function, arguments) {
            ("encode", &[Value::Text(text), Value::Text(encoding)])
                if matches!(self.heap.spelled(encoding), "latin1" | "latin-1") =>
            {
                self.new_bytes(Bytes::Characters(text))
            }
            ("_reconstruct", _) if numpy => self.new_array(name, Vec::new(), 0, false, None),
            ("dtype", &[Value::Text(kind), ..]) if numpy => {
                self.spend(TYPE)?;
                self.heap.dtypes.push(Dtype { kind, big_endian: false });
                Ok(Value::Dtype((self.heap.dtypes.len() as u32).saturating_sub(1)))
            }
            ("scalar", &[Value::Dtype(dtype), Value::Bytes(bytes)]) if numpy => {
                self.new_array(name, Vec::new(), dtype, false, Some(Elements::Bytes(bytes)))
            }
            ("_frombuffer", &[Value::Bytes(bytes), Value::Dtype(dtype), shape, Value::Text(order)]) if numpy => {
                let Some(shape) = self.shape(shape) else { return Ok(Value::Inert(name)) };
                let column_major = self.heap.spelled(order) == "F";
                self.new_array(name, shape, dtype, column_major, Some(Elements::Bytes(bytes)))
            }
            _ => Ok(Value::Inert(name)),
        }
    }

    /// The key of a dictionary that a value is, also a number or text of NumPy, which equals
    /// Python's.
    pub(super) fn key_of(&mut self, value: Value) -> Result<Option<Key>> {
        let Value::NdArray { at, .. } = value else { return Ok(Heap::as_key(value)) };
        let array = self.heap.array(at);
        let Some(Elements::Bytes(bytes)) = array.elements.filter(|_| array.shape.is_empty()) else { return Ok(None) };
        let dtype = self.heap.dtype(array.dtype);
        let order = if dtype.big_endian { ByteOrder::Big } else { ByteOrder::Little };
        let Some(kind) = Kind::of_numpy(self.heap.spelled(dtype.kind)) else { return Ok(None) };
        let content = match self.heap.bytes_of(bytes) {
            Bytes::Inside(range) => Cow::Borrowed(self.operands.bytes.get(range.clone()).unwrap_or_default()),
            &Bytes::Characters(text) => {
                self.spend(self.heap.spelled(text).len() as u64)?;
                let bytes = self.heap.spelled(text).chars().map(|character| u8::try_from(u32::from(character)).ok());
                Cow::Owned(bytes.collect::<Option<Vec<u8>>>().unwrap_or_default())
            }
        };
        let Some(scalar) = Array::binary(kind, order, Vec::new(), false, content, 0) else { return Ok(None) };
        if let Some(texts) = scalar.texts(self.operands.file, "key", self.budget)? {
            let text = texts.concat();
            self.spend((text.len() as u64).saturating_mul(2).saturating_add(TYPE))?;
            return Ok(Some(Key::Text(self.heap.text(&text))));
        }
        let mut key = None;
        scalar.for_each_number(|number| {
            key = Heap::as_key(match number {
                Ok(integer) => i64::try_from(integer).map_or(Value::None, Value::Integer),
                Err(number) => Value::Float(number),
            });
            Ok::<_, InputError>(())
        })?;
        Ok(key)
    }

    fn new_array(
        &mut self,
        name: u8,
        shape: Vec<u64>,
        dtype: u32,
        column_major: bool,
        elements: Option<Elements>,
    ) -> Result<Value> {
        self.spend(ARRAY.saturating_add((shape.len() as u64).saturating_mul(8)))?;
        self.heap.arrays.push(NdArray { shape, dtype, column_major, elements });
        Ok(Value::NdArray { at: (self.heap.arrays.len() as u32).saturating_sub(1), name })
    }

    /// The state of an array: version, shape, type, whether columns come first, elements.
    pub(super) fn set_array(&mut self, at: u32, state: Value) -> Result<()> {
        let Some(&[_, shape, Value::Dtype(dtype), Value::Bool(column_major), elements]) = self.heap.items(state) else {
            return Ok(());
        };
        let elements = match elements {
            Value::Bytes(bytes) => Elements::Bytes(bytes),
            Value::List(list) => Elements::Objects(list),
            _ => return Ok(()),
        };
        let Some(shape) = self.shape(shape) else { return Ok(()) };
        self.spend((shape.len() as u64).saturating_mul(8))?;
        *self.heap.array_mut(at) = NdArray { shape, dtype, column_major, elements: Some(elements) };
        Ok(())
    }

    /// The state of a type, of which the byte order matters.
    pub(super) fn set_dtype(&mut self, at: u32, state: Value) {
        if let Some(&[_, Value::Text(order), ..]) = self.heap.items(state) {
            let big_endian = self.heap.spelled(order) == ">";
            self.heap.dtype_mut(at).big_endian = big_endian;
        }
    }

    fn shape(&self, value: Value) -> Option<Vec<u64>> {
        let items = self.heap.items(value).filter(|items| items.len() <= MAX_RANK)?;
        let extent = |item: &Value| match *item {
            Value::Integer(extent) => u64::try_from(extent).ok(),
            _ => None,
        };
        items.iter().map(extent).collect()
    }
}
