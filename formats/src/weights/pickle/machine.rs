//! The stack machine.

use std::collections::HashMap;
use std::path::Path;

use super::conversion::conversion;
use super::globals::Global;
use super::memo::Memo;
use super::opcode::Opcode;
use super::operand::Operands;
use super::value::{Heap, VALUE, Value};
use crate::budget::Budget;
use crate::quoting::{quoted, quoted_list};
use crate::weights::WeightsError;
use crate::{InputError, Result};

/// Refused names that are kept for the message.
const MAX_REFUSED: usize = 64;

/// Bytes charged for an empty list or tuple, and for an empty dictionary.
const CONTAINER: u64 = 72;
/// Bytes charged for a text beside its own.
const TEXT: u64 = 160;

/// Whether persistent ids, by which torch refers to its storages, may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) enum PersistentIds {
    /// In the pickle of a zip file: five fields.
    Zip,
    /// In the pickle of the object of a legacy file: a sixth field describes a view, which has to
    /// be absent.
    Legacy,
    /// In the other pickles of a legacy file.
    None,
}

/// What a pickle holds.
#[derive(Debug)]
pub(in crate::weights) struct Pickle {
    /// Position behind `STOP`.
    pub(in crate::weights) end: usize,
    /// The pickled object.
    pub(in crate::weights) value: Value,
    /// Owner of what it is made of.
    pub(in crate::weights) heap: Heap,
}

pub(super) struct Machine<'a, 'b> {
    pub(super) operands: Operands<'a>,
    pub(super) ids: PersistentIds,
    pub(super) heap: Heap,
    /// Index of a storage by its key.
    pub(super) storages: HashMap<u32, u32>,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Memo,
    pub(super) budget: &'b mut Budget,
    pub(super) refused: Vec<String>,
    first_refused: usize,
    /// The first instruction that is refused whatever the names; the walk goes on, for a name says
    /// more.
    unsupported: Option<InputError>,
}

/// Reads the pickle that starts at `start`.
///
/// `part` names the pickle in messages; bytes are counted from the start of `bytes`.
///
/// # Errors
/// [`WeightsError::RefusedGlobal`] if a name is not allowed, wherever the walk ends; else
/// [`WeightsError::RefusedPickle`] for what cannot be told or is never written by torch.save; else
/// [`InputError::Damaged`] or [`InputError::Truncated`]; [`InputError::Budget`].
pub(in crate::weights) fn load(
    file: &Path,
    part: &str,
    bytes: &[u8],
    start: usize,
    ids: PersistentIds,
    budget: &mut Budget,
) -> Result<Pickle> {
    let mut machine = Machine {
        operands: Operands { file, part, bytes, position: start, instruction: start },
        ids,
        heap: Heap::default(),
        storages: HashMap::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Memo::default(),
        budget,
        refused: Vec::new(),
        first_refused: start,
        unsupported: None,
    };
    let outcome = machine.run();
    if !machine.refused.is_empty() {
        return Err(WeightsError::RefusedGlobal {
            file: file.to_path_buf(),
            place: format!("{part}, byte {}", machine.first_refused),
            globals: quoted_list(&machine.refused),
            conversion: conversion(file, &machine.heap, outcome.ok(), &machine.refused, ids == PersistentIds::None),
        }
        .into());
    }
    if let Some(error) = machine.unsupported {
        return Err(error);
    }
    Ok(Pickle { end: machine.operands.position, value: outcome?, heap: machine.heap })
}

impl Machine<'_, '_> {
    pub(super) fn damaged(&self, problem: impl Into<String>) -> InputError {
        self.operands.damaged(problem)
    }

    pub(super) fn refuse(&self, problem: impl Into<String>) -> InputError {
        self.operands.refuse(problem)
    }

    fn note(&mut self, problem: &str) {
        if self.unsupported.is_none() {
            self.unsupported = Some(self.refuse(problem));
        }
    }

    pub(super) fn spend(&mut self, bytes: u64) -> Result<()> {
        self.budget.spend(bytes).map_err(|exceeded| exceeded.of(self.operands.file, self.operands.place()))
    }

    // The stack.

    pub(super) fn push(&mut self, value: Value) -> Result<()> {
        self.spend(VALUE)?;
        self.stack.push(value);
        Ok(())
    }

    fn on_mark(&self) -> bool {
        self.marks.last() == Some(&self.stack.len())
    }

    pub(super) fn pop(&mut self) -> Result<Value> {
        if self.on_mark() {
            return Err(self.damaged("a value is taken from below the mark"));
        }
        self.stack.pop().ok_or_else(|| self.damaged("a value is taken from an empty stack"))
    }

    pub(super) fn top(&self) -> Result<Value> {
        let top = if self.on_mark() { None } else { self.stack.last() };
        top.copied().ok_or_else(|| self.damaged("a value is needed and the stack is empty"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.marks.pop().ok_or_else(|| self.damaged("there is no mark on the stack"))?;
        Ok(self.stack.split_off(mark))
    }

    // Making values.

    pub(super) fn new_text(&mut self, text: &str) -> Result<Value> {
        self.spend(TEXT.saturating_add((text.len() as u64).saturating_mul(2)))?;
        Ok(Value::Text(self.heap.text(text)))
    }

    fn push_text(&mut self, text: &str) -> Result<()> {
        let text = self.new_text(text)?;
        self.push(text)
    }

    /// The index of a new list or tuple.
    pub(super) fn new_list(&mut self, items: Vec<Value>) -> Result<u32> {
        self.spend(CONTAINER.saturating_add(VALUE.saturating_mul(items.len() as u64)))?;
        self.heap.lists.push(items);
        // The budget ends long before 2^32 containers.
        Ok((self.heap.lists.len() as u32).saturating_sub(1))
    }

    fn push_tuple(&mut self, items: Vec<Value>) -> Result<()> {
        let tuple = self.new_list(items)?;
        self.push(Value::Tuple(tuple))
    }

    pub(super) fn new_dictionary(&mut self) -> Result<Value> {
        self.spend(CONTAINER)?;
        self.heap.dictionaries.push(HashMap::new());
        Ok(Value::Dictionary((self.heap.dictionaries.len() as u32).saturating_sub(1)))
    }

    fn push_global(&mut self, module: &str, name: &str) -> Result<()> {
        let global = Global::of(module, name);
        if global == Global::Refused {
            if self.refused.is_empty() {
                self.first_refused = self.operands.instruction;
            }
            // Cut as messages cut it, so that a long name that comes often costs nothing.
            let shown: String = module.chars().take(200).chain(".".chars()).chain(name.chars().take(200)).collect();
            if self.refused.len() < MAX_REFUSED && !self.refused.contains(&shown) {
                self.refused.push(shown);
            }
        }
        self.push(Value::Global(global))
    }

    // The memo.

    fn get(&mut self, index: u32) -> Result<()> {
        let value = self.memo.get(index);
        self.push(value.ok_or_else(|| self.damaged(format!("memo entry {index} does not exist")))?)
    }

    fn put(&mut self, index: u32) -> Result<()> {
        let value = self.top()?;
        self.spend(self.memo.cost(index))?;
        self.memo.put(index, value);
        Ok(())
    }

    // The walk.

    /// Runs to `STOP`; gives the result.
    fn run(&mut self) -> Result<Value> {
        loop {
            self.operands.instruction = self.operands.position;
            // Every step costs, so that the number of steps is bounded with the memory.
            self.spend(1)?;
            let byte = self.operands.byte()?;
            let opcode = Opcode::of(byte).ok_or_else(|| {
                let shown = quoted(&char::from(byte).to_string());
                self.damaged(format!("0x{byte:02x} ({shown}) is no pickle instruction"))
            })?;
            if opcode == Opcode::Stop {
                let result = self.pop()?;
                // Python forgets what is left; for the magic number, by which a format is told, so does this.
                if result != Value::Magic && !(self.stack.is_empty() && self.marks.is_empty()) {
                    return Err(self.refuse("values are left on the stack at STOP"));
                }
                return Ok(result);
            }
            self.name_or_call(opcode)?;
        }
    }

    /// Names, calls and references; everything else goes on to [`Self::plain_value`].
    fn name_or_call(&mut self, opcode: Opcode) -> Result<()> {
        match opcode {
            Opcode::Global => {
                let (module, name) = (self.operands.name()?, self.operands.name()?);
                self.push_global(&module, &name)
            }
            Opcode::StackGlobal => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(self.refuse("STACK_GLOBAL takes a name that is not spelled out in the file"));
                };
                let (module, name) = (cut(self.heap.spelled(module)), cut(self.heap.spelled(name)));
                self.push_global(&module, &name)
            }
            Opcode::Ext1 | Opcode::Ext2 | Opcode::Ext4 => {
                let length = if opcode == Opcode::Ext1 { 1 } else { 2 << u64::from(opcode == Opcode::Ext4) };
                let code = self.operands.number(length)?;
                self.note(&format!("name number {code} of the extension registry of the Python that loads it"));
                self.push(Value::Global(Global::Refused))
            }
            Opcode::Inst => {
                let (module, name) = (self.operands.name()?, self.operands.name()?);
                self.note("instruction INST, which torch.save does not write");
                self.pop_to_mark()?;
                self.push_global(&module, &name)
            }
            Opcode::Obj => {
                self.note("instruction OBJ, which torch.save does not write");
                self.pop_to_mark()?;
                self.push(Value::None)
            }
            Opcode::Reduce => self.reduce(),
            Opcode::NewObj => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                self.new_object(class, arguments)
            }
            Opcode::NewObjEx => {
                let (keywords, _, class) = (self.pop()?, self.pop()?, self.pop()?);
                // With keywords only what is inert is made.
                self.new_object(class, keywords)
            }
            Opcode::Build => self.build(),
            Opcode::PersId => Err(self.damaged("a reference to a storage as text")),
            Opcode::BinPersId => {
                let storage = self.persistent_id()?;
                self.push(storage)
            }
            Opcode::NextBuffer | Opcode::ReadonlyBuffer => {
                Err(self.refuse("an out-of-band buffer, which is not in the file"))
            }
            other => self.plain_value(other),
        }
    }

    /// Values without parts; containers go on to [`Self::container`].
    fn plain_value(&mut self, opcode: Opcode) -> Result<()> {
        let value = match opcode {
            Opcode::Proto => {
                return match self.operands.byte()? {
                    0..=5 => Ok(()),
                    protocol => Err(self.damaged(format!("pickle protocol {protocol}, 0 to 5 are known"))),
                };
            }
            Opcode::Frame => return self.operands.frame(),
            Opcode::None => Value::None,
            Opcode::NewTrue => Value::Bool(true),
            Opcode::NewFalse => Value::Bool(false),
            Opcode::Int => self.operands.int()?,
            // Four bytes are signed, one and two are not.
            Opcode::BinInt => Value::Integer((self.operands.number(4)? as u32).cast_signed().into()),
            Opcode::BinInt1 => Value::Integer(self.operands.number(1)?.cast_signed()),
            Opcode::BinInt2 => Value::Integer(self.operands.number(2)?.cast_signed()),
            Opcode::Long => self.operands.long_line()?,
            Opcode::Long1 => self.operands.long(1)?,
            Opcode::Long4 => self.operands.long(4)?,
            Opcode::Float => self.operands.float_line()?,
            Opcode::BinFloat => self.operands.float()?,
            Opcode::String => {
                let text = self.operands.quoted_text()?;
                return self.push_text(text);
            }
            Opcode::Unicode => {
                let text = self.operands.escaped_text()?;
                return self.push_text(&text);
            }
            Opcode::ShortBinString | Opcode::ShortBinUnicode => {
                let text = self.operands.text(1)?;
                return self.push_text(text);
            }
            Opcode::BinString | Opcode::BinUnicode => {
                let text = self.operands.text(4)?;
                return self.push_text(text);
            }
            Opcode::BinUnicode8 => {
                let text = self.operands.text(8)?;
                return self.push_text(text);
            }
            Opcode::ShortBinBytes | Opcode::BinBytes | Opcode::BinBytes8 | Opcode::ByteArray8 => {
                let bytes = self.operands.counted(match opcode {
                    Opcode::ShortBinBytes => 1,
                    Opcode::BinBytes => 4,
                    _ => 8,
                })?;
                return self.push_bytes(bytes.len());
            }
            other => return self.container(other),
        };
        self.push(value)
    }

    /// Containers; stack and memo go on to [`Self::bookkeeping`].
    fn container(&mut self, opcode: Opcode) -> Result<()> {
        match opcode {
            Opcode::Mark => {
                self.spend(VALUE)?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            Opcode::EmptyTuple => self.push_tuple(Vec::new()),
            Opcode::Tuple => {
                let items = self.pop_to_mark()?;
                self.push_tuple(items)
            }
            Opcode::Tuple1 | Opcode::Tuple2 | Opcode::Tuple3 => {
                let count = (opcode as usize).saturating_sub(Opcode::Tuple1 as usize).saturating_add(1);
                let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
                items.reverse();
                self.push_tuple(items)
            }
            Opcode::EmptyList | Opcode::List => {
                let items = if opcode == Opcode::List { self.pop_to_mark()? } else { Vec::new() };
                let list = self.new_list(items)?;
                self.push(Value::List(list))
            }
            Opcode::EmptyDict | Opcode::Dict => {
                let items = if opcode == Opcode::Dict { self.pop_to_mark()? } else { Vec::new() };
                let dictionary = self.new_dictionary()?;
                self.set_items(dictionary, &items)?;
                self.push(dictionary)
            }
            Opcode::EmptySet => self.push(Value::Inert(Global::SET)),
            Opcode::FrozenSet => {
                self.pop_to_mark()?;
                self.push(Value::Inert(Global::FROZEN_SET))
            }
            Opcode::Append => {
                let item = self.pop()?;
                self.append(&[item])
            }
            Opcode::Appends | Opcode::AddItems => {
                let items = self.pop_to_mark()?;
                self.append(&items)
            }
            Opcode::SetItem => {
                let (value, key) = (self.pop()?, self.pop()?);
                let target = self.top()?;
                self.set_item(target, key, value)
            }
            Opcode::SetItems => {
                let items = self.pop_to_mark()?;
                let target = self.top()?;
                self.set_items(target, &items)
            }
            other => self.bookkeeping(other),
        }
    }

    fn bookkeeping(&mut self, opcode: Opcode) -> Result<()> {
        match opcode {
            Opcode::Pop if self.on_mark() => self.pop_to_mark().map(drop),
            Opcode::Pop => self.pop().map(drop),
            Opcode::PopMark => self.pop_to_mark().map(drop),
            Opcode::Dup => {
                let top = self.top()?;
                self.push(top)
            }
            Opcode::Get | Opcode::BinGet | Opcode::LongBinGet => {
                let index = self.index(opcode == Opcode::Get, opcode == Opcode::BinGet)?;
                self.get(index)
            }
            Opcode::Put | Opcode::BinPut | Opcode::LongBinPut => {
                let index = self.index(opcode == Opcode::Put, opcode == Opcode::BinPut)?;
                self.put(index)
            }
            // The budget ends long before 2^32 entries.
            Opcode::Memoize => self.put(self.memo.len() as u32),
            other => Err(self.damaged(format!("{other:?} is out of place"))),
        }
    }

    /// An index of the memo: a line, one byte or four.
    fn index(&mut self, line: bool, short: bool) -> Result<u32> {
        if line {
            return self.operands.index();
        }
        // At most four bytes.
        Ok(self.operands.number(if short { 1 } else { 4 })? as u32)
    }
}

/// A name as far as it is compared and shown.
fn cut(name: &str) -> String {
    name.chars().take(200).collect()
}
