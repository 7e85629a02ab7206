//! The memo of a pickle: values by number. Pickles number them from 0 on, for which a list is small
//! enough to be charged as one; what is numbered otherwise lies in a table, which costs more.

use std::collections::HashMap;

use super::value::{VALUE, Value};

/// Bytes charged for an entry of a table, which doubles and is copied meanwhile.
const ENTRY: u64 = 96;

#[derive(Debug, Default)]
pub(super) struct Memo {
    list: Vec<Value>,
    /// What has a number beyond the list; none of its numbers is in it.
    table: HashMap<u32, Value>,
}

impl Memo {
    pub(super) fn len(&self) -> usize {
        self.list.len().saturating_add(self.table.len())
    }

    pub(super) fn get(&self, index: u32) -> Option<Value> {
        self.list.get(index as usize).or_else(|| self.table.get(&index)).copied()
    }

    /// Bytes to be charged for an entry.
    pub(super) fn cost(&self, index: u32) -> u64 {
        if index as usize <= self.list.len() { VALUE } else { ENTRY }
    }

    pub(super) fn put(&mut self, index: u32, value: Value) {
        if let Some(known) = self.list.get_mut(index as usize) {
            *known = value;
        } else if index as usize == self.list.len() {
            self.table.remove(&index);
            self.list.push(value);
        } else {
            self.table.insert(index, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_holds_what_was_put_last() {
        let mut memo = Memo::default();
        for (index, value) in [(0, 10), (2, 12), (1, 11), (2, 22), (0, 20), (900, 9), (3, 13)] {
            memo.put(index, Value::Integer(value));
        }
        let held = [0, 1, 2, 3, 4, 900].map(|index| memo.get(index));
        let expected = [20, 11, 22, 13].map(|value| Some(Value::Integer(value)));
        assert_eq!(held[..4], expected);
        assert_eq!((held[4], held[5], memo.len()), (None, Some(Value::Integer(9)), 5));
        assert_eq!((memo.cost(4), memo.cost(5)), (VALUE, ENTRY));
    }
}
