//! Reads a pickle without running it: one stack machine that knows every instruction and builds
//! nothing but plain containers and views of storages.
//!
//! A pickle is a program for a stack machine. This one follows CPython's, sharing and memo
//! included: what Python shares is shared, so that a dictionary changed after it went into the memo
//! is changed here too. Names are fetched from a fixed list (`globals`); nothing is imported and
//! nothing is called. Calls that rebuild tensors are understood (`rebuild`), values known to be
//! inert are passed over unbuilt, and everything else is refused by name.
//!
//! | file | what |
//! | --- | --- |
//! | `opcode` | the instructions by name |
//! | `operand` | their arguments |
//! | `machine` | what they do |
//! | `ndarray` | arrays of NumPy |
//! | `calls` | containers filled, and what stands for calls |
//! | `conversion` | for a refused file, the line that converts it |
//! | `globals` | the names a pickle may hold |
//! | `rebuild` | storages and tensors |
//! | `value` | what is on the stack, and its owner |

mod calls;
mod conversion;
mod globals;
mod machine;
mod memo;
mod ndarray;
mod opcode;
mod operand;
mod rebuild;
mod value;

#[cfg(test)]
mod tests;

pub(super) use machine::{PersistentIds, Pickle, load};
pub(super) use value::{Bytes, Elements, Heap, Key, Storage, Value, View};

/// The number that begins a legacy file of torch.save.
pub(super) const LEGACY_MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
