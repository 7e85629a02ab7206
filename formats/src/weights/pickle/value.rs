//! Values on the stack, and the heap that owns them.
//!
//! Containers, storages and tensors lie in a heap and are referred to by number, so that what
//! Python shares is shared here: a dictionary changed through the memo is changed everywhere.
//! Nothing is nested in Rust's sense: a pickle of a million tuples in each other needs no stack,
//! and one that contains itself is dropped like any other.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::globals::{Global, INERT};
use crate::ElementType;

/// Bytes charged for a value on the stack, in the memo, in a list; vectors double, so it is three
/// times its size.
pub(super) const VALUE: u64 = 48;

/// A value; a copy of it is the same object to Python.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::weights) enum Value {
    None,
    Bool(bool),
    Integer(i64),
    /// The magic number of a legacy file, which has 77 bits.
    Magic,
    Float(f64),
    Text(u32),
    Tuple(u32),
    List(u32),
    Dictionary(u32),
    Storage(u32),
    Tensor(u32),
    Global(Global),
    Bytes(u32),
    /// A type of NumPy.
    Dtype(u32),
    /// An array or number of NumPy, and the index of the name that makes it in the table of inert
    /// ones.
    NdArray {
        at: u32,
        name: u8,
    },
    /// Passed over: an index into the table of inert names.
    Inert(u8),
    /// An object that is passed over, by its index there, with the number of the dictionary of its
    /// attributes and entries: only what is said of the training is looked up in it.
    Object {
        name: u8,
        entries: u32,
    },
}

impl Value {
    /// Whether a value is one that nothing is looked up by: bytes, an array, a type.
    pub(super) fn is_inert(self) -> bool {
        matches!(self, Self::Inert(_) | Self::Object { .. } | Self::Bytes(_) | Self::Dtype(_) | Self::NdArray { .. })
    }

    /// The name of a value that is passed over where weights are read.
    pub(in crate::weights) fn passed_over(self) -> Option<&'static str> {
        let name = match self {
            Self::Inert(name) | Self::NdArray { name, .. } | Self::Object { name, .. } => name,
            Self::Bytes(_) => Global::BYTES,
            Self::Dtype(_) => return Some("numpy.dtype"),
            _ => return None,
        };
        INERT.get(usize::from(name)).copied()
    }
}

/// A key of a dictionary, equal where Python's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::weights) enum Key {
    Text(u32),
    Integer(i64),
}

/// A storage that a pickle refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) struct Storage {
    /// The text of its key.
    pub(in crate::weights) key: u32,
    /// Type of its elements; `None` for a storage of bytes.
    pub(in crate::weights) element: Option<ElementType>,
    /// Number of its elements.
    pub(in crate::weights) elements: u64,
}

impl Storage {
    /// Bytes of an element.
    pub(in crate::weights) fn element_size(&self) -> u64 {
        // Every element type of a storage has a size.
        self.element.and_then(ElementType::size).unwrap_or(1) as u64
    }
}

/// A view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::weights) struct View {
    /// Index of the storage.
    pub(in crate::weights) storage: u32,
    /// Type of the elements.
    pub(in crate::weights) element: ElementType,
    /// First element, counted in elements of this type.
    pub(in crate::weights) offset: u64,
    /// Extents, outermost first.
    pub(in crate::weights) shape: Vec<u64>,
    /// Elements between neighbours along each axis.
    pub(in crate::weights) strides: Vec<u64>,
}

/// Where bytes of a pickle are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::weights) enum Bytes {
    /// A range of the pickle.
    Inside(Range<usize>),
    /// The characters of a text, one byte each (protocols 0 to 2).
    Characters(u32),
}

/// A type of elements: kind and size (`f4`), and the byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::weights) struct Dtype {
    pub(in crate::weights) kind: u32,
    pub(in crate::weights) big_endian: bool,
}

/// What the elements of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) enum Elements {
    /// The number of their bytes in the heap.
    Bytes(u32),
    /// The number of their list in the heap.
    Objects(u32),
}

/// An array, or a number of NumPy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::weights) struct NdArray {
    pub(in crate::weights) shape: Vec<u64>,
    pub(in crate::weights) dtype: u32,
    pub(in crate::weights) column_major: bool,
    /// `None` until its state is set.
    pub(in crate::weights) elements: Option<Elements>,
}

/// Owner of everything that a pickle makes.
#[derive(Debug, Default)]
pub(in crate::weights) struct Heap {
    texts: Vec<Rc<str>>,
    by_text: HashMap<Rc<str>, u32>,
    pub(in crate::weights) lists: Vec<Vec<Value>>,
    pub(in crate::weights) dictionaries: Vec<HashMap<Key, Value>>,
    pub(in crate::weights) storages: Vec<Storage>,
    pub(in crate::weights) tensors: Vec<View>,
    pub(in crate::weights) bytes: Vec<Bytes>,
    pub(in crate::weights) dtypes: Vec<Dtype>,
    pub(in crate::weights) arrays: Vec<NdArray>,
}

#[expect(clippy::indexing_slicing, reason = "a number is given out for what was just pushed, and nothing is taken out")]
impl Heap {
    /// The text of a number.
    pub(in crate::weights) fn spelled(&self, text: u32) -> &str {
        &self.texts[text as usize]
    }

    pub(in crate::weights) fn list(&self, at: u32) -> &[Value] {
        &self.lists[at as usize]
    }

    pub(super) fn list_mut(&mut self, at: u32) -> &mut Vec<Value> {
        &mut self.lists[at as usize]
    }

    pub(in crate::weights) fn dictionary(&self, at: u32) -> &HashMap<Key, Value> {
        &self.dictionaries[at as usize]
    }

    pub(super) fn dictionary_mut(&mut self, at: u32) -> &mut HashMap<Key, Value> {
        &mut self.dictionaries[at as usize]
    }

    pub(in crate::weights) fn storage(&self, at: u32) -> &Storage {
        &self.storages[at as usize]
    }

    pub(in crate::weights) fn tensor(&self, at: u32) -> &View {
        &self.tensors[at as usize]
    }

    pub(in crate::weights) fn bytes_of(&self, at: u32) -> &Bytes {
        &self.bytes[at as usize]
    }

    pub(in crate::weights) fn dtype(&self, at: u32) -> &Dtype {
        &self.dtypes[at as usize]
    }

    pub(super) fn dtype_mut(&mut self, at: u32) -> &mut Dtype {
        &mut self.dtypes[at as usize]
    }

    pub(in crate::weights) fn array(&self, at: u32) -> &NdArray {
        &self.arrays[at as usize]
    }

    pub(super) fn array_mut(&mut self, at: u32) -> &mut NdArray {
        &mut self.arrays[at as usize]
    }
}

impl Heap {
    /// The number of a text: equal texts have one.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        if let Some(&known) = self.by_text.get(text) {
            return known;
        }
        // No pickle of less than 4 GiB has more texts; the budget ends long before.
        let number = self.texts.len() as u32;
        let text: Rc<str> = text.into();
        self.texts.push(Rc::clone(&text));
        self.by_text.insert(text, number);
        number
    }

    /// A key as the part of a name.
    pub(in crate::weights) fn key(&self, key: Key) -> String {
        match key {
            Key::Text(text) => self.spelled(text).to_owned(),
            Key::Integer(integer) => integer.to_string(),
        }
    }

    /// The elements of a tuple or list.
    pub(in crate::weights) fn items(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(at) | Value::List(at) => Some(self.list(at)),
            _ => None,
        }
    }

    /// The entries of a dictionary.
    pub(in crate::weights) fn entries(&self, value: Value) -> Option<&HashMap<Key, Value>> {
        match value {
            Value::Dictionary(at) => Some(self.dictionary(at)),
            _ => None,
        }
    }

    /// The entries of a list of pairs of a name and a tensor or array, as
    /// `list(state_dict.items())` is.
    pub(in crate::weights) fn named_tensors(&self, value: Value) -> Option<Vec<(Key, Value)>> {
        let pair = |item: &Value| match self.items(*item) {
            Some(&[Value::Text(name), tensor @ (Value::Tensor(_) | Value::NdArray { .. })]) => {
                Some((Key::Text(name), tensor))
            }
            _ => None,
        };
        self.items(value).filter(|items| !items.is_empty())?.iter().map(pair).collect()
    }

    /// Whether a value is a dictionary, or a list that `dict` makes one of.
    pub(in crate::weights) fn is_named(&self, value: Value) -> bool {
        let is_pair = |item: Option<&Value>| {
            let parts = item.and_then(|item| self.items(*item));
            matches!(parts, Some([Value::Text(_), Value::Tensor(_) | Value::NdArray { .. }]))
        };
        // A list is seldom mixed, and one that is has no names for all of its tensors.
        matches!(value, Value::Dictionary(_)) || is_pair(self.items(value).and_then(<[Value]>::first))
    }

    /// The value under a text, if `value` is a dictionary that has it.
    pub(in crate::weights) fn entry(&self, value: Value, key: &str) -> Option<Value> {
        self.entries(value)?.get(&Key::Text(*self.by_text.get(key)?)).copied()
    }

    /// The key of a dictionary that a value is; `None` for what equals no text and no integer of 64
    /// bits, so that nothing can be looked up by it.
    pub(super) fn as_key(value: Value) -> Option<Key> {
        match value {
            Value::Text(text) => Some(Key::Text(text)),
            Value::Integer(integer) => Some(Key::Integer(integer)),
            Value::Bool(truth) => Some(Key::Integer(truth.into())),
            // 1.0 and 1 are one key. Below 2^53 the conversion is exact; no larger integer names a tensor.
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(Key::Integer(number as i64)),
            _ => None,
        }
    }
}
