//! Walks a pickle without running it, and refuses every name that tensors and plain containers do not need.
//!
//! A pickle is a program for a stack machine. Two of its instructions fetch a Python object by name (`GLOBAL`, and
//! `STACK_GLOBAL` with two strings from the stack), three more do it by other roads (`INST`, `OBJ`, the extension
//! registry), and `REDUCE`, `NEWOBJ`, `BUILD` call what was fetched. [`scan`] keeps the stack and the memo as far as it
//! takes to know every name, executes nothing, and lets a pickle pass only if
//! - every name is on the allow-list (below), which holds nothing that acts;
//! - every name can be told: strings that were computed are refused, not guessed;
//! - only names are called, and `BUILD` sets nothing but `_metadata` on a dictionary, as `state_dict()` does;
//! - no container is changed after it came back from the memo: Python shares it, the reader that builds the tensors
//!   copies it, and the two would see different weights;
//! - the machine runs to its `STOP` within fixed limits, and every instruction is one that the reader knows too.
//!
//! Instructions: CPython, Lib/pickletools.py, protocols 0 to 5.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::rc::Rc;

use crate::error::{escaped, quoted, quoted_list};
use crate::{ElementType, InputError};

/// Instructions of one pickle. A state_dict takes about 60 for each tensor; each instruction may cost the reader some
/// 100 bytes, so that this also bounds its memory.
const MAX_INSTRUCTIONS: usize = 4_000_000;
/// Bytes of one pickle (the reader's own limit for zip files, applied to both formats).
pub(super) const MAX_PICKLE_BYTES: usize = 100 << 20;
/// Refused names that are kept for the message.
const MAX_REFUSED: usize = 64;

/// Stands for a key or a name that is not spelled out. No name on the allow-list has a space.
const NO_TEXT: &str = "(not spelled out)";

/// Names that a pickle of tensors and plain containers refers to. None of them acts on anything but its arguments.
const ALLOWED: &[&str] = &[
    "collections.OrderedDict",
    "collections.Counter",
    "builtins.set",
    "builtins.frozenset",
    "builtins.dict",
    "builtins.list",
    "builtins.tuple",
    "__builtin__.set",
    "__builtin__.frozenset",
    "__builtin__.dict",
    "__builtin__.list",
    "__builtin__.tuple",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch.Size",
    "torch.device",
    "torch.serialization._get_layout",
    "torch.UntypedStorage",
    "torch.storage.UntypedStorage",
    "torch.storage.TypedStorage",
    "torch.float16",
    "torch.bfloat16",
    "torch.float32",
    "torch.float64",
    "torch.int8",
    "torch.int16",
    "torch.int32",
    "torch.int64",
    "torch.uint8",
    "torch.uint16",
    "torch.uint32",
    "torch.uint64",
    "torch.bool",
];

/// Typed storages (module `torch`, in old files also `torch.cuda`) and their elements.
const STORAGES: &[(&str, ElementType)] = &[
    ("FloatStorage", ElementType::F32),
    ("DoubleStorage", ElementType::F64),
    ("HalfStorage", ElementType::F16),
    ("BFloat16Storage", ElementType::BF16),
    ("LongStorage", ElementType::I64),
    ("IntStorage", ElementType::I32),
    ("ShortStorage", ElementType::I16),
    ("CharStorage", ElementType::I8),
    ("ByteStorage", ElementType::U8),
    ("BoolStorage", ElementType::Bool),
];

/// Bytes of an element of the storage class `global`; `None` if it is no storage class.
fn storage_element_size(global: &str) -> Option<usize> {
    if matches!(global, "torch.UntypedStorage" | "torch.storage.UntypedStorage") {
        return Some(1);
    }
    let class = global.strip_prefix("torch.cuda.").or_else(|| global.strip_prefix("torch."))?;
    STORAGES.iter().find(|(name, _)| *name == class).and_then(|(_, element)| element.size())
}

fn is_allowed(global: &str) -> bool {
    ALLOWED.contains(&global) || storage_element_size(global).is_some()
}

/// A storage that the pickle refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Storage {
    /// Elements.
    pub(super) elements: u64,
    /// Bytes of an element.
    pub(super) element_size: usize,
}

/// What a pickle that passed refers to.
#[derive(Debug)]
pub(super) struct Scan {
    /// Position behind `STOP`.
    pub(super) end: usize,
    /// Storages by key.
    pub(super) storages: BTreeMap<String, Storage>,
    /// The result if it is a flat list, for the key list of a legacy file: texts, `None` for anything else.
    pub(super) list: Option<Vec<Option<String>>>,
}

/// Whether persistent ids, by which torch refers to its storages, may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PersistentIds {
    /// In the pickle of the saved object.
    Storages,
    /// In the other pickles of a legacy file.
    None,
}

/// A value as far as it matters here. Containers hold only flat values, so that no value is deep.
#[derive(Debug, Clone)]
enum Value {
    Text(Rc<str>),
    Integer(i64),
    Global(Rc<str>),
    Tuple(Rc<[Value]>),
    List(Rc<RefCell<Vec<Value>>>),
    /// The keys of a dictionary.
    Dictionary(Rc<RefCell<Vec<Rc<str>>>>),
    Other,
}

impl Value {
    /// The value as an element of a container: texts, integers and names only.
    fn flat(self) -> Self {
        match self {
            Self::Text(_) | Self::Integer(_) | Self::Global(_) => self,
            _ => Self::Other,
        }
    }
}

/// A value on the stack, and whether the memo (or a second place on the stack) shares it.
#[derive(Debug, Clone)]
struct Slot {
    value: Value,
    shared: bool,
}

struct Guard<'a> {
    file: &'a Path,
    part: &'a str,
    bytes: &'a [u8],
    position: usize,
    /// Where the current instruction starts.
    instruction: usize,
    ids: PersistentIds,
    stack: Vec<Slot>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    storages: BTreeMap<String, Storage>,
    refused: Vec<String>,
    first_refused: usize,
    /// The first instruction that is refused whatever the names; the walk goes on, for a name says more.
    unsupported: Option<InputError>,
}

/// Walks the pickle that starts at `start`.
///
/// `part` names the pickle in messages; bytes are counted from the start of `bytes`.
///
/// # Errors
/// [`InputError::RefusedGlobal`] if a name is not allowed, wherever the walk ends; else [`InputError::RefusedPickle`]
/// for what cannot be told or is never written by torch.save; else [`InputError::Damaged`] or
/// [`InputError::Truncated`].
pub(super) fn scan(
    file: &Path,
    part: &str,
    bytes: &[u8],
    start: usize,
    ids: PersistentIds,
) -> Result<Scan, InputError> {
    let mut guard = Guard {
        file,
        part,
        bytes: &bytes[..bytes.len().min(start.saturating_add(MAX_PICKLE_BYTES))],
        position: start,
        instruction: start,
        ids,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        storages: BTreeMap::new(),
        refused: Vec::new(),
        first_refused: start,
        unsupported: None,
    };
    let outcome = guard.run();
    if !guard.refused.is_empty() {
        return Err(InputError::RefusedGlobal {
            file: file.to_path_buf(),
            place: format!("{part}, byte {}", guard.first_refused),
            globals: quoted_list(&guard.refused),
        });
    }
    if let Some(error) = guard.unsupported {
        return Err(error);
    }
    let result = outcome?;
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Integer(integer) => Some(integer.to_string()),
        _ => None,
    };
    let list = match result {
        Value::List(list) => Some(list.borrow().iter().map(text).collect()),
        _ => None,
    };
    Ok(Scan { end: guard.position, storages: guard.storages, list })
}

impl<'a> Guard<'a> {
    fn place(&self) -> String {
        format!("{}, byte {}", self.part, self.instruction)
    }

    fn damaged(&self, problem: impl Into<String>) -> InputError {
        InputError::Damaged { file: self.file.to_path_buf(), place: self.place(), problem: problem.into() }
    }

    fn refuse(&self, problem: impl Into<String>) -> InputError {
        InputError::RefusedPickle { file: self.file.to_path_buf(), place: self.place(), problem: problem.into() }
    }

    fn note(&mut self, problem: impl Into<String>) {
        if self.unsupported.is_none() {
            self.unsupported = Some(self.refuse(problem));
        }
    }

    // Reading the arguments of an instruction.

    fn take(&mut self, length: u64) -> Result<&'a [u8], InputError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(field) => {
                self.position += field.len();
                Ok(field)
            }
            None => Err(InputError::Truncated {
                file: self.file.to_path_buf(),
                place: self.place(),
                needed: length,
                available: rest.len() as u64,
            }),
        }
    }

    fn number(&mut self, length: u64) -> Result<u64, InputError> {
        Ok(self.take(length)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn index(&mut self, length: u64) -> Result<u32, InputError> {
        // Called with at most four bytes.
        Ok(self.number(length)? as u32)
    }

    /// A field of that many bytes, whose own length is in the first `length_bytes`.
    fn counted(&mut self, length_bytes: u64) -> Result<&'a [u8], InputError> {
        let length = self.number(length_bytes)?;
        self.take(length)
    }

    fn line(&mut self) -> Result<&'a [u8], InputError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(InputError::Truncated {
                file: self.file.to_path_buf(),
                place: self.place(),
                needed: rest.len() as u64 + 1,
                available: rest.len() as u64,
            });
        };
        self.position += length + 1;
        Ok(&rest[..length])
    }

    fn decimal<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, InputError> {
        let line = self.line()?;
        std::str::from_utf8(line)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.damaged(format!("{} is no {what}", quoted(&String::from_utf8_lossy(line)))))
    }

    // The stack.

    fn push(&mut self, value: Value) {
        self.stack.push(Slot { value, shared: false });
    }

    fn on_mark(&self) -> bool {
        self.marks.last() == Some(&self.stack.len())
    }

    fn pop(&mut self) -> Result<Slot, InputError> {
        if self.on_mark() {
            return Err(self.damaged("a value is taken from below the mark"));
        }
        self.stack.pop().ok_or_else(|| self.damaged("a value is taken from an empty stack"))
    }

    fn top(&mut self) -> Result<&mut Slot, InputError> {
        if self.on_mark() || self.stack.is_empty() {
            return Err(self.damaged("a value is needed and the stack is empty"));
        }
        // Checked in the line above.
        let last = self.stack.len() - 1;
        Ok(&mut self.stack[last])
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, InputError> {
        let mark = self.marks.pop().ok_or_else(|| self.damaged("there is no mark on the stack"))?;
        Ok(self.stack.drain(mark..).map(|slot| slot.value).collect())
    }

    fn push_tuple(&mut self, values: Vec<Value>) {
        self.push(Value::Tuple(values.into_iter().map(Value::flat).collect()));
    }

    // What instructions do with names and containers.

    fn name(&mut self, global: &str) {
        if !is_allowed(global) {
            if self.refused.is_empty() {
                self.first_refused = self.instruction;
            }
            if self.refused.len() < MAX_REFUSED && !self.refused.iter().any(|name| name == global) {
                self.refused.push(global.to_owned());
            }
        }
    }

    fn push_global(&mut self, module: &str, name: &str) {
        let global = format!("{module}.{name}");
        self.name(&global);
        self.push(Value::Global(global.into()));
    }

    /// Two lines, module and name.
    fn global_lines(&mut self) -> Result<(String, String), InputError> {
        let module = self.line()?;
        let name = self.line()?;
        // A name that is not UTF-8 stays recognisably wrong, so it cannot be on the allow-list.
        Ok((String::from_utf8_lossy(module).into_owned(), String::from_utf8_lossy(name).into_owned()))
    }

    fn call(&mut self, what: &str, callable: &Value) -> Result<(), InputError> {
        match callable {
            Value::Global(_) => Ok(()),
            _ => Err(self.refuse(format!("{what} calls a value that is not a name"))),
        }
    }

    /// The container that the instruction changes.
    fn container(&mut self) -> Result<Value, InputError> {
        let top = self.top()?;
        let (shared, value) = (top.shared, top.value.clone());
        if shared {
            return Err(self.refuse("a container is changed after it came from the memo"));
        }
        Ok(value)
    }

    fn append(&mut self, items: Vec<Value>) -> Result<(), InputError> {
        if let Value::List(list) = self.container()? {
            list.borrow_mut().extend(items.into_iter().map(Value::flat));
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Value]) -> Result<(), InputError> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.damaged("a key without a value"));
        }
        if let Value::Dictionary(keys) = self.container()? {
            let texts = pairs.iter().map(|[key, _]| match key {
                Value::Text(key) => Rc::clone(key),
                Value::Integer(key) => key.to_string().into(),
                _ => NO_TEXT.into(),
            });
            keys.borrow_mut().extend(texts);
        }
        Ok(())
    }

    fn build(&mut self) -> Result<(), InputError> {
        let state = self.pop()?;
        let harmless = match (&self.top()?.value, &state.value) {
            (Value::Dictionary(_), Value::Dictionary(keys)) => keys.borrow().iter().all(|key| &**key == "_metadata"),
            _ => false,
        };
        if !harmless {
            return Err(self.refuse("BUILD sets attributes other than the _metadata of a state_dict"));
        }
        self.container()?;
        Ok(())
    }

    fn persistent_id(&mut self) -> Result<(), InputError> {
        if self.ids == PersistentIds::None {
            return Err(self.damaged("a reference to a storage in a pickle that has none"));
        }
        let id = self.pop()?.value;
        let Value::Tuple(fields) = &id else {
            return Err(self.damaged("a reference to a storage that is no tuple"));
        };
        let [Value::Text(tag), Value::Global(class), key, _location, Value::Integer(elements), ..] = &fields[..] else {
            return Err(self.damaged("a reference to a storage without its type, key and size"));
        };
        let key = match key {
            Value::Text(key) => key.to_string(),
            Value::Integer(key) => key.to_string(),
            _ => return Err(self.damaged("a storage without a key")),
        };
        let (Some(element_size), "storage") = (storage_element_size(class), &**tag) else {
            return Err(self.refuse(format!("a reference of kind {} to a {}", quoted(tag), quoted(class))));
        };
        let elements = u64::try_from(*elements)
            .map_err(|_| self.damaged(format!("storage {} of {elements} elements", quoted(&key))))?;
        let storage = Storage { elements, element_size };
        if self.storages.insert(key.clone(), storage).is_some_and(|before| before != storage) {
            return Err(self.damaged(format!("storage {} is described in two ways", quoted(&key))));
        }
        self.push(Value::Other);
        Ok(())
    }

    fn memo_get(&mut self, index: u32) -> Result<(), InputError> {
        let value =
            self.memo.get(&index).cloned().ok_or_else(|| self.damaged(format!("memo entry {index} does not exist")))?;
        self.stack.push(Slot { value, shared: true });
        Ok(())
    }

    fn memo_put(&mut self, index: u32) -> Result<(), InputError> {
        let value = self.top()?.value.clone();
        self.memo.insert(index, value);
        Ok(())
    }

    /// Runs to `STOP`; gives the result.
    fn run(&mut self) -> Result<Value, InputError> {
        for _ in 0..MAX_INSTRUCTIONS {
            self.instruction = self.position;
            let code = self.take(1)?[0];
            match code {
                b'.' => {
                    let result = self.pop()?.value;
                    if !self.stack.is_empty() || !self.marks.is_empty() {
                        return Err(self.refuse("values are left on the stack at STOP"));
                    }
                    return Ok(result);
                }
                0x80 => {
                    let protocol = self.number(1)?;
                    if protocol > 5 {
                        return Err(self.damaged(format!("pickle protocol {protocol}, 0 to 5 are known")));
                    }
                }
                0x95 => drop(self.take(8)?), // FRAME: a hint for buffering

                // Names.
                b'c' => {
                    let (module, name) = self.global_lines()?;
                    self.push_global(&module, &name);
                }
                0x93 => {
                    let (name, module) = (self.pop()?.value, self.pop()?.value);
                    let (Value::Text(module), Value::Text(name)) = (module, name) else {
                        return Err(self.refuse("STACK_GLOBAL takes a name that is not spelled out in the file"));
                    };
                    self.push_global(&module, &name);
                }
                b'i' => {
                    let (module, name) = self.global_lines()?;
                    self.name(&format!("{module}.{name}"));
                    self.note("instruction INST, which torch.save does not write");
                    self.pop_to_mark()?;
                    self.push(Value::Other);
                }
                b'o' => {
                    self.note("instruction OBJ, which torch.save does not write");
                    self.pop_to_mark()?;
                    self.push(Value::Other);
                }
                0x82..=0x84 => {
                    let code = self.number(1 << (code - 0x82))?;
                    self.note(format!("name number {code} of the extension registry of the Python that loads it"));
                    self.push(Value::Global(NO_TEXT.into()));
                }
                0x97 | 0x98 => return Err(self.refuse("an out-of-band buffer, which is not in the file")),

                // Calls.
                b'R' => {
                    let (_, callable) = (self.pop()?, self.pop()?.value);
                    self.call("REDUCE", &callable)?;
                    match &callable {
                        Value::Global(name) if &**name == "collections.OrderedDict" => {
                            self.push(Value::Dictionary(Rc::default()));
                        }
                        _ => self.push(Value::Other),
                    }
                }
                0x81 => {
                    let (_, class) = (self.pop()?, self.pop()?.value);
                    self.call("NEWOBJ", &class)?;
                    self.push(Value::Other);
                }
                0x92 => {
                    let (_, _, class) = (self.pop()?, self.pop()?, self.pop()?.value);
                    self.call("NEWOBJ_EX", &class)?;
                    self.push(Value::Other);
                }
                b'b' => self.build()?,
                b'P' => return Err(self.damaged("a reference to a storage as text")),
                b'Q' => self.persistent_id()?,

                // Plain values.
                b'N' | 0x88 | 0x89 => self.push(Value::Other),
                b'I' => {
                    let line = self.line()?;
                    let integer = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
                    self.push(integer.map_or(Value::Other, Value::Integer));
                }
                b'L' | b'F' => {
                    self.line()?;
                    self.push(Value::Other);
                }
                b'J' => {
                    let integer = self.index(4)?.cast_signed();
                    self.push(Value::Integer(integer.into()));
                }
                b'K' | b'M' => {
                    let integer = self.index(if code == b'K' { 1 } else { 2 })?;
                    self.push(Value::Integer(integer.into()));
                }
                b'G' => {
                    self.take(8)?;
                    self.push(Value::Other);
                }
                0x8a | 0x8b => {
                    let digits = self.counted(if code == 0x8a { 1 } else { 4 })?;
                    self.push(long(digits).map_or(Value::Other, Value::Integer));
                }
                b'V' => {
                    // Escapes stay as they are: a text that needs one is no name on the allow-list.
                    let line = self.line()?;
                    self.push(Value::Text(String::from_utf8_lossy(line).into()));
                }
                b'X' | 0x8c | 0x8d => {
                    let text = self.counted(match code {
                        b'X' => 4,
                        0x8c => 1,
                        _ => 8,
                    })?;
                    let text = std::str::from_utf8(text).map_err(|_| self.damaged("a text is not UTF-8"))?;
                    self.push(Value::Text(text.into()));
                }
                b'T' | b'U' => {
                    let text = self.counted(if code == b'T' { 4 } else { 1 })?;
                    self.push(std::str::from_utf8(text).map_or(Value::Other, |text| Value::Text(text.into())));
                }
                b'S' => {
                    self.line()?;
                    self.note("instruction STRING of Python 2, which the reader does not know");
                    self.push(Value::Other);
                }
                b'B' | b'C' | 0x8e | 0x96 => {
                    self.counted(match code {
                        b'B' => 4,
                        b'C' => 1,
                        _ => 8,
                    })?;
                    self.push(Value::Other);
                }

                // Containers.
                b'(' => self.marks.push(self.stack.len()),
                b')' => self.push_tuple(Vec::new()),
                b't' => {
                    let values = self.pop_to_mark()?;
                    self.push_tuple(values);
                }
                0x85..=0x87 => {
                    let mut values = Vec::new();
                    for _ in 0x85..=code {
                        values.push(self.pop()?.value);
                    }
                    values.reverse();
                    self.push_tuple(values);
                }
                b']' => self.push(Value::List(Rc::default())),
                b'l' => {
                    let values = self.pop_to_mark()?.into_iter().map(Value::flat).collect();
                    self.push(Value::List(Rc::new(RefCell::new(values))));
                }
                b'}' => self.push(Value::Dictionary(Rc::default())),
                b'd' => {
                    let items = self.pop_to_mark()?;
                    self.push(Value::Dictionary(Rc::default()));
                    self.set_items(&items)?;
                }
                0x8f => self.push(Value::Other), // EMPTY_SET
                0x91 => {
                    self.pop_to_mark()?; // FROZENSET
                    self.push(Value::Other);
                }
                b'a' => {
                    let item = self.pop()?.value;
                    self.append(vec![item])?;
                }
                b'e' | 0x90 => {
                    let items = self.pop_to_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?.value, self.pop()?.value);
                    self.set_items(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set_items(&items)?;
                }

                // Stack and memo.
                b'0' => {
                    if self.on_mark() {
                        self.marks.pop();
                    } else {
                        self.pop()?;
                    }
                }
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let top = self.top()?;
                    top.shared = true;
                    let copy = top.clone();
                    self.stack.push(copy);
                }
                b'g' => {
                    let index = self.decimal("memo index")?;
                    self.memo_get(index)?;
                }
                b'h' | b'j' => {
                    let index = self.index(if code == b'h' { 1 } else { 4 })?;
                    self.memo_get(index)?;
                }
                b'p' => {
                    let index = self.decimal("memo index")?;
                    self.memo_put(index)?;
                }
                b'q' | b'r' => {
                    let index = self.index(if code == b'q' { 1 } else { 4 })?;
                    self.memo_put(index)?;
                }
                0x94 => {
                    // At most MAX_INSTRUCTIONS entries.
                    self.memo_put(self.memo.len() as u32)?;
                }

                other => {
                    let shown = escaped(&char::from(other).to_string());
                    return Err(self.damaged(format!("0x{other:02x} ({shown}) is no pickle instruction")));
                }
            }
        }
        Err(self.refuse(format!("more than {MAX_INSTRUCTIONS} instructions")))
    }
}

/// A two's-complement little-endian integer of at most 8 bytes.
fn long(digits: &[u8]) -> Option<i64> {
    let fill = if digits.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut bytes = [fill; 8];
    bytes.get_mut(..digits.len())?.copy_from_slice(digits);
    Some(i64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(program: &[u8]) -> Result<Scan, InputError> {
        scan(Path::new("w.pt"), "data.pkl", program, 0, PersistentIds::Storages)
    }

    #[test]
    fn names_by_every_road_are_refused_by_name() {
        let cases: [(&[u8], &str, usize); 9] = [
            (b"cposix\nsystem\n(Vx\ntR.", "\"posix.system\"", 0),
            (b"\x80\x02cos\nsystem\nq\x00X\x01\x00\x00\x00x\x85R.", "\"os.system\"", 2),
            (b"\x80\x04\x8c\x05posix\x8c\x06system\x93)R.", "\"posix.system\"", 17),
            (b"\x80\x04X\x05\x00\x00\x00posixU\x06system\x93)R.", "\"posix.system\"", 20),
            (b"Vposix\nVsystem\n\x93)R.", "\"posix.system\"", 15),
            (b"(Vx\niposix\nsystem\n.", "\"posix.system\"", 4),
            (b"(cposix\nsystem\nVx\no.", "\"posix.system\"", 1),
            // Refused although the pickle is cut off, or garbage follows.
            (b"cposix\nsystem\n", "\"posix.system\"", 0),
            (b"c__builtin__\neval\n\xff\xff", "\"__builtin__.eval\"", 0),
        ];
        for (program, name, byte) in cases {
            match walk(program) {
                Err(InputError::RefusedGlobal { globals, place, .. }) => {
                    assert_eq!(globals, name);
                    assert_eq!(place, format!("data.pkl, byte {byte}"));
                }
                other => panic!("{}: {other:?}", program.escape_ascii()),
            }
        }
    }

    #[test]
    fn several_refused_names_are_listed_once_each() {
        let error = walk(b"(cos\nsystem\ncos\nsystem\nccollections\nOrderedDict\nc__main__\nNet\nt.").unwrap_err();
        assert!(
            matches!(&error, InputError::RefusedGlobal { globals, .. } if globals == r#""os.system", "__main__.Net""#)
        );
    }

    #[test]
    fn names_near_allowed_ones_are_refused() {
        for name in [
            "torch.FloatStorage ",
            "torch\r.FloatStorage",
            "torch.cuda.cuda.FloatStorage",
            "torch.storage._load_from_bytes",
            "torch.FloatStorage.from_file",
            "torch.load",
            "torch.hub.load",
            "collections.defaultdict",
            "numpy.core.multiarray._reconstruct",
            "builtins.getattr",
            "_codecs.encode",
            "FloatStorage",
            "",
        ] {
            assert!(!is_allowed(name), "{name}");
        }
        for name in ["torch.FloatStorage", "torch.cuda.HalfStorage", "torch._utils._rebuild_tensor_v2", "torch.int64"] {
            assert!(is_allowed(name), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let cases: [(&[u8], &str); 11] = [
            (b"\x80\x04\x8c\x05torch)\x93.", "STACK_GLOBAL"),
            (b"\x80\x04\x8c\x05torchccollections\nOrderedDict\n)R\x93.", "STACK_GLOBAL"),
            (b"\x80\x02\x82\x01)R.", "name number 1"),
            (b"\x80\x02\x84\x00\x01\x00\x00)R.", "name number 256"),
            (b"S'x'\n.", "STRING"),
            (b"(ctorch\nSize\no.", "OBJ"),
            (b"(itorch\nSize\n.", "INST"),
            (b"\x80\x05\x97.", "buffer"),
            (b"\x80\x02ccollections\nOrderedDict\n)R)R.", "REDUCE"),
            (b"\x80\x02}\x88\x88.", "left on the stack"),
            (b"\x80\x02ctorch\nSize\n)R}b.", "BUILD"),
        ];
        for (program, problem) in cases {
            let error = walk(program).unwrap_err();
            assert!(matches!(error, InputError::RefusedPickle { .. }), "{}: {error}", program.escape_ascii());
            assert!(error.to_string().contains(problem), "{}: {error}", program.escape_ascii());
            assert!(error.to_string().contains("data.pkl, byte "), "{error}");
        }
    }

    #[test]
    fn containers_that_python_and_the_reader_would_see_differently_are_refused() {
        let cases: [&[u8]; 7] = [
            b"}q\x00h\x00X\x01\x00\x00\x00aK\x01s.", // item set through the memo
            b"]q\x00h\x00K\x01a.",                   // item appended through the memo
            b"]2K\x01a.",                            // through DUP
            b"}2(K\x01K\x02u0.",                     // the original after DUP
            b"ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00aK\x01sb.", // attribute
            b"ccollections\nOrderedDict\n)R}K\x05K\x01sb.", // attribute that is no text
            b"ccollections\nOrderedDict\n)Rq\x00h\x00}b.", // through the memo
        ];
        for program in cases {
            let error = walk(program).unwrap_err();
            assert!(matches!(error, InputError::RefusedPickle { .. }), "{}: {error}", program.escape_ascii());
        }
        walk(b"ccollections\nOrderedDict\n)Rq\x00}q\x01X\x09\x00\x00\x00_metadataq\x02}q\x03sb.").unwrap();
    }

    #[test]
    fn damage_is_told_with_its_byte() {
        let cases: [(&[u8], &str); 12] = [
            (b"", "byte 0"),
            (b"\x80\x02", "byte 2"),
            (b"\x80\x06N.", "byte 0"),
            (b"N\xff.", "byte 1"),
            (b".", "byte 0"),
            (b"h\x07.", "byte 0"),
            (b"gx\n.", "byte 0"),
            (b"(K\x01K\x02K\x03u.", "byte 7"),
            (b"u.", "byte 0"),
            (b"X\xff\xff\xff\xff", "byte 0"),
            (b"X\x01\x00\x00\x00\xff.", "byte 0"),
            (b"N(\x85.", "byte 2"),
        ];
        for (program, place) in cases {
            let error = walk(program).unwrap_err();
            let damage = matches!(error, InputError::Damaged { .. } | InputError::Truncated { .. });
            assert!(damage, "{}: {error}", program.escape_ascii());
            assert!(error.to_string().contains(&format!("data.pkl, {place}:")), "{}: {error}", program.escape_ascii());
        }
    }

    #[test]
    fn storages_are_collected_and_their_references_checked() {
        let reference = |class: &str, key: &str, elements: &str| {
            format!("(Vstorage\nctorch\n{class}\nV{key}\nVcpu\nI{elements}\ntQ")
        };
        let program = format!("({}{}t.", reference("FloatStorage", "0", "5"), reference("UntypedStorage", "1", "7"));
        let scan = walk(program.as_bytes()).unwrap();
        assert_eq!(scan.storages["0"], Storage { elements: 5, element_size: 4 });
        assert_eq!(scan.storages["1"], Storage { elements: 7, element_size: 1 });
        assert_eq!(scan.end, program.len());

        let negative = format!("{}.", reference("FloatStorage", "0", "-5"));
        assert!(matches!(walk(negative.as_bytes()), Err(InputError::Damaged { .. })));
        let twice = format!("({}{}t.", reference("FloatStorage", "0", "5"), reference("FloatStorage", "0", "6"));
        assert!(matches!(walk(twice.as_bytes()), Err(InputError::Damaged { .. })));
        let no_storage = format!("{}.", reference("Size", "0", "5"));
        assert!(matches!(walk(no_storage.as_bytes()), Err(InputError::RefusedPickle { .. })));
        assert!(matches!(walk(b"Vtext\nQ."), Err(InputError::Damaged { .. })));
        assert!(matches!(walk(b"Ptext\n."), Err(InputError::Damaged { .. })));
        let elsewhere = format!("{}.", reference("FloatStorage", "0", "5"));
        let outcome = super::scan(Path::new("w.pt"), "p", elsewhere.as_bytes(), 0, PersistentIds::None);
        assert!(matches!(outcome, Err(InputError::Damaged { .. })));
    }

    #[test]
    fn a_pickle_without_end_stops_at_a_limit() {
        let endless = b"(".repeat(MAX_INSTRUCTIONS + 1);
        let error = walk(&endless).unwrap_err();
        assert!(
            matches!(&error, InputError::RefusedPickle { problem, .. } if problem.contains("instructions")),
            "{error}"
        );
    }

    #[test]
    fn deep_nesting_takes_no_stack() {
        let mut program = b"]".to_vec();
        program.extend(b"\x85".repeat(1_000_000));
        program.push(b'.');
        walk(&program).unwrap();
    }
}
