//! Count of what a network costs to decode, and which bytes it wants from other files, before
//! anything is decoded.

use super::wire::{Fault, Fields, Value};

/// Messages within messages; a network without nested graphs has six.
const DEEPEST: usize = 32;
/// Bytes that a decoded message takes, with room for lists that grow by doubling.
const MESSAGE: u64 = 1024;
/// An attribute has room for a tensor and a graph in it.
const ATTRIBUTE: u64 = 4096;
/// A text or a run of bytes, beside what it holds.
const TEXT: u64 = 64;

/// The kinds of messages in an ONNX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Training,
    Function,
    Annotation,
    /// Holds no other.
    Leaf,
}

impl Message {
    /// The message that field `number` holds, if it holds one; numbers as in the public schema
    /// `onnx.proto`.
    fn within(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) | (Self::Training, 1 | 2) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::Graph, 11..=13) | (Self::Function, 12) => Self::ValueInfo,
            (Self::Graph, 14) => Self::Annotation,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::ValueInfo, 2) | (Self::Attribute, 14 | 15) => Self::Type,
            (Self::Type, 1 | 8) => Self::TensorType,
            (Self::Type, 4 | 5 | 9) | (Self::TensorType, 2) => Self::Shape,
            (Self::Shape, 1 | 2)
            | (Self::Model, 8 | 14)
            | (Self::Graph | Self::Node, 9 | 16)
            | (Self::Tensor, 3 | 13 | 16)
            | (Self::Function, 9 | 14)
            | (Self::Annotation, 2)
            | (Self::Training, 3 | 4) => Self::Leaf,
            _ => return None,
        })
    }
}

/// Bytes of another file that a tensor consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    pub(super) location: &'a str,
    pub(super) offset: u64,
    /// To the end of the file unless told.
    pub(super) length: Option<u64>,
    /// Byte of the network's file where the tensor ends.
    pub(super) at: usize,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Census<'a> {
    /// Bytes of memory, at most, when decoded.
    pub(super) cost: u64,
    /// Operations, those of nested graphs included.
    pub(super) nodes: u64,
    pub(super) wanted: Vec<Wanted<'a>>,
    has_graph: bool,
}

impl<'a> Census<'a> {
    /// Counts a whole file.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut census = Self::default();
        census.count(Message::Model, Fields::ending_at(bytes, bytes.len()), 0)?;
        if !census.has_graph {
            return Err(Fault { at: bytes.len(), problem: "there is no graph" });
        }
        Ok(census)
    }

    fn count(&mut self, message: Message, fields: Fields<'a>, depth: usize) -> Result<(), Fault> {
        self.cost = self.cost.saturating_add(if message == Message::Attribute { ATTRIBUTE } else { MESSAGE });
        self.nodes = self.nodes.saturating_add(u64::from(message == Message::Node));
        self.has_graph |= message == Message::Graph;
        let (mut external, mut elsewhere, mut end) = (Entries::default(), false, 0);
        for field in fields {
            let field = field?;
            end = field.end;
            match (field.value, message.within(field.number)) {
                (Value::Bytes(_), Some(_)) if depth == DEEPEST => {
                    return Err(Fault { at: end, problem: "messages are nested too deeply" });
                }
                (Value::Bytes(bytes), Some(inner)) => {
                    if (message, field.number) == (Message::Tensor, 13) {
                        external.add(bytes, end)?;
                    }
                    self.count(inner, Fields::ending_at(bytes, end), depth.saturating_add(1))?;
                }
                // Numbers in a run take up to eight bytes for one.
                (Value::Bytes(bytes), None) => {
                    let packed =
                        matches!((message, field.number), (Message::Tensor, 1 | 5 | 7 | 11) | (Message::Attribute, 8));
                    let each = if packed { 8 } else { 1 };
                    self.cost =
                        self.cost.saturating_add((bytes.len() as u64).saturating_mul(each)).saturating_add(TEXT);
                }
                (Value::Number(number), _) => {
                    elsewhere |= (message, field.number, number) == (Message::Tensor, 14, 1);
                    self.cost = self.cost.saturating_add(16);
                }
                (Value::Fixed, _) => self.cost = self.cost.saturating_add(16),
            }
        }
        if elsewhere {
            self.wanted.push(external.wanted(end)?);
        }
        Ok(())
    }
}

/// The entries that say where a tensor's bytes are.
#[derive(Debug, Default)]
struct Entries<'a> {
    location: Option<&'a str>,
    offset: Option<&'a str>,
    length: Option<&'a str>,
}

impl<'a> Entries<'a> {
    fn add(&mut self, entry: &'a [u8], end: usize) -> Result<(), Fault> {
        let (mut key, mut value) = ("", "");
        for field in Fields::ending_at(entry, end) {
            let field = field?;
            if let Value::Bytes(bytes) = field.value {
                let text = std::str::from_utf8(bytes).map_err(|_| Fault { at: field.end, problem: "not UTF-8" })?;
                match field.number {
                    1 => key = text,
                    2 => value = text,
                    _ => {}
                }
            }
        }
        let entry = match key {
            "location" => &mut self.location,
            "offset" => &mut self.offset,
            "length" => &mut self.length,
            _ => return Ok(()),
        };
        if entry.replace(value).is_some() {
            return Err(Fault { at: end, problem: "it is told twice where the bytes of a tensor are" });
        }
        Ok(())
    }

    fn wanted(self, at: usize) -> Result<Wanted<'a>, Fault> {
        let number = |text: Option<&str>| text.map(str::parse).transpose();
        let numbers = (number(self.offset), number(self.length));
        let (Some(location), (Ok(offset), Ok(length))) = (self.location, numbers) else {
            return Err(Fault { at, problem: "it is not told where the bytes of a tensor are" });
        };
        Ok(Wanted { location, offset: offset.unwrap_or(0), length, at })
    }
}
