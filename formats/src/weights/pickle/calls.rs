//! Calls that fill containers, and what stands for the calls of names.

use super::globals::Global;
use super::machine::Machine;
use super::value::{Key, VALUE, Value};
use crate::Result;

/// Bytes charged for an entry of a dictionary, and for the first one.
const ENTRY: u64 = 112;
const FIRST_ENTRY: u64 = 240;

impl Machine<'_, '_> {
    pub(super) fn append(&mut self, items: &[Value]) -> Result<()> {
        match self.top()? {
            Value::List(at) => {
                self.spend(VALUE.saturating_mul(items.len() as u64))?;
                self.heap.list_mut(at).extend(items);
                Ok(())
            }
            // Sets, deques: what is inert may be filled.
            Value::Global(Global::Refused) => Ok(()),
            value if value.is_inert() => Ok(()),
            _ => Err(self.refuse("values are appended to what is no list")),
        }
    }

    pub(super) fn set_items(&mut self, target: Value, items: &[Value]) -> Result<()> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.damaged("a key without a value"));
        }
        pairs.iter().try_for_each(|&[key, value]| self.set_item(target, key, value))
    }

    pub(super) fn set_item(&mut self, target: Value, key: Value, value: Value) -> Result<()> {
        // Entries of what is inert, a dictionary of settings, are passed over with it; a refused name is told at the end.
        if matches!(target, Value::Inert(_) | Value::Global(Global::Refused)) {
            return Ok(());
        }
        if let Value::Object { entries, .. } = target {
            return self.key_of(key)?.map_or(Ok(()), |key| self.insert(entries, key, value));
        }
        let Value::Dictionary(at) = target else {
            return Err(self.refuse("an entry is set in what is no dictionary"));
        };
        match (self.key_of(key)?, key) {
            (Some(key), _) => self.insert(at, key, value),
            // No text and no integer of 64 bits equals one of these: such an entry is never looked up.
            (None, Value::None | Value::Magic | Value::Float(_) | Value::Tuple(_) | Value::Global(_)) => Ok(()),
            (None, Value::Bytes(_) | Value::Inert(Global::LONG | Global::FROZEN_SET)) => Ok(()),
            _ => Err(self.refuse("a key of a dictionary is a value that is not read here")),
        }
    }

    fn insert(&mut self, at: u32, key: Key, value: Value) -> Result<()> {
        self.spend(if self.heap.dictionary(at).is_empty() { FIRST_ENTRY } else { ENTRY })?;
        self.heap.dictionary_mut(at).insert(key, value);
        Ok(())
    }

    /// An object of an inert class, which has nothing yet.
    fn new_inert(&mut self, name: u8) -> Result<Value> {
        let made = self.new_dictionary()?;
        Ok(if let Value::Dictionary(entries) = made { Value::Object { name, entries } } else { made })
    }

    /// A dictionary of what `dict(...)` is given: nothing, a dictionary, or pairs.
    fn dictionary_of(&mut self, arguments: &[Value]) -> Result<Value> {
        let made = self.new_dictionary()?;
        let Value::Dictionary(at) = made else { return Ok(made) };
        match arguments {
            [] => {}
            &[Value::Dictionary(from)] => {
                self.spend(ENTRY.saturating_mul(self.heap.dictionary(from).len() as u64))?;
                *self.heap.dictionary_mut(at) = self.heap.dictionary(from).clone();
            }
            &[list @ (Value::List(_) | Value::Tuple(_))] => {
                for index in 0..self.heap.items(list).map_or(0, <[Value]>::len) {
                    let pair = self.heap.items(list).and_then(|pairs| self.heap.items(*pairs.get(index)?));
                    let Some(&[key, value]) = pair else {
                        return Err(self.refuse("a dictionary is made of what are no pairs"));
                    };
                    self.set_item(made, key, value)?;
                }
            }
            _ => return Err(self.refuse("a dictionary is made of what is neither a dictionary nor pairs")),
        }
        Ok(made)
    }

    /// The elements of the one argument of `list(...)` or `tuple(...)`.
    fn elements_of(&mut self, arguments: &[Value]) -> Result<Vec<Value>> {
        match arguments {
            [] => Ok(Vec::new()),
            &[Value::List(at) | Value::Tuple(at)] => {
                self.spend(VALUE.saturating_mul(self.heap.list(at).len() as u64))?;
                Ok(self.heap.list(at).to_vec())
            }
            _ => Err(self.refuse("a list or tuple is made of what is neither")),
        }
    }

    pub(super) fn reduce(&mut self) -> Result<()> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let Value::Global(callable) = callable else {
            return Err(self.refuse("REDUCE calls a value that is not a name"));
        };
        let Value::Tuple(at) = arguments else {
            return Err(self.damaged("REDUCE calls with arguments that are no tuple"));
        };
        // A copy that is charged: a large tuple may be fetched and given to a call again and again.
        self.spend(VALUE.saturating_mul(self.heap.list(at).len() as u64))?;
        let arguments = self.heap.list(at).to_vec();
        let result = match callable {
            Global::Dictionary => self.dictionary_of(&arguments)?,
            Global::DefaultDictionary => match arguments.split_first() {
                None => self.new_dictionary()?,
                Some((Value::None | Value::Global(_) | Value::Inert(_), rest)) => self.dictionary_of(rest)?,
                Some(_) => return Err(self.refuse("a defaultdict whose factory is no name")),
            },
            Global::List => {
                let items = self.elements_of(&arguments)?;
                Value::List(self.new_list(items)?)
            }
            Global::Tuple => {
                let items = self.elements_of(&arguments)?;
                Value::Tuple(self.new_list(items)?)
            }
            Global::RebuildTensor | Global::RebuildTensorV2 | Global::RebuildTensorV3 => {
                self.rebuild_tensor(callable, &arguments)?
            }
            Global::RebuildParameter | Global::RebuildParameterWithState => self.rebuild_parameter(&arguments)?,
            Global::Inert(name) => match self.inert_call(name, &arguments)? {
                Value::Inert(name) if arguments.is_empty() || Global::is_reconstructor(name) => self.new_inert(name)?,
                made => made,
            },
            // The names are told at the end.
            Global::Refused => Value::Global(Global::Refused),
            Global::Storage(_) | Global::UntypedStorage | Global::ElementType(_) => {
                return Err(self.refuse("REDUCE calls the class of a storage or a type of elements"));
            }
        };
        self.push(result)
    }

    /// `class.__new__(class, ...)`.
    pub(super) fn new_object(&mut self, class: Value, arguments: Value) -> Result<()> {
        let empty = self.heap.items(arguments).is_some_and(<[Value]>::is_empty);
        let result = match class {
            Value::Global(Global::Dictionary | Global::DefaultDictionary) if empty => self.new_dictionary()?,
            Value::Global(Global::Inert(name)) => self.new_inert(name)?,
            Value::Global(Global::Refused) => Value::Global(Global::Refused),
            Value::Global(_) => return Err(self.refuse("NEWOBJ makes an object that torch.save does not write")),
            _ => return Err(self.refuse("NEWOBJ calls a value that is not a name")),
        };
        self.push(result)
    }

    pub(super) fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        match (self.top()?, self.heap.entries(state)) {
            (Value::NdArray { at, .. }, _) => self.set_array(at, state),
            (Value::Dtype(at), _) => {
                self.set_dtype(at, state);
                Ok(())
            }
            (Value::Object { entries: at, .. }, Some(_)) => {
                let Value::Dictionary(from) = state else { return Ok(()) };
                self.spend(ENTRY.saturating_mul(self.heap.dictionary(from).len() as u64))?;
                let attributes = self.heap.dictionary(from).clone();
                self.heap.dictionary_mut(at).extend(attributes);
                Ok(())
            }
            (value, _) if value.is_inert() => Ok(()),
            // A refused class, told at the end.
            (Value::Global(Global::Refused), _) => Ok(()),
            (Value::Dictionary(_), Some(entries))
                if entries
                    .keys()
                    .all(|&key| matches!(key, Key::Text(text) if self.heap.spelled(text) == "_metadata")) =>
            {
                Ok(())
            }
            _ => Err(self.refuse("BUILD sets attributes other than the _metadata of a state_dict")),
        }
    }
}
