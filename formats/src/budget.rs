//! Memory and steps that a reader may spend on one file, bounded by the file's size.

use std::fmt;
use std::path::Path;

use crate::InputError;

/// Bytes that any file may cost.
const FREE: u64 = 60 << 20;
/// Bytes more for each byte of the file, which is itself in memory.
const RATIO: u64 = 7;

/// Counts down what one file may still cost: with the file itself at most 64 MiB + 8 times its
/// size.
///
/// Memory is charged before it is taken and not given back, so that it bounds steps as well.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    spent: u64,
}

/// More was asked for than is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// Bytes with what was asked for.
    pub(crate) needed: u64,
    /// Bytes accepted.
    pub(crate) limit: u64,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of memory or steps, {} are accepted for a file of this size", self.needed, self.limit)
    }
}

impl Exceeded {
    /// More than this budget has, by an amount that is not known.
    #[cfg(feature = "arrow")]
    pub(crate) fn beyond(budget: &Budget) -> Self {
        Self { needed: budget.limit + 1, limit: budget.limit }
    }

    /// The error that names the file and the place.
    pub(crate) fn of(self, file: &Path, place: String) -> InputError {
        InputError::Budget { file: file.to_path_buf(), place, exceeded: self.to_string() }
    }
}

impl Budget {
    /// The budget of a file of so many bytes.
    pub(crate) fn of(file_bytes: usize) -> Self {
        Self { limit: RATIO.saturating_mul(file_bytes as u64).saturating_add(FREE), spent: 0 }
    }

    /// Bytes not yet charged.
    #[cfg(feature = "arrow")]
    pub(crate) fn left(&self) -> u64 {
        self.limit - self.spent
    }

    /// Charges `bytes`.
    pub(crate) fn spend(&mut self, bytes: u64) -> Result<(), Exceeded> {
        let needed = self.spent.saturating_add(bytes);
        if needed > self.limit {
            return Err(Exceeded { needed, limit: self.limit });
        }
        self.spent = needed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_where_it_says() {
        let mut budget = Budget::of(100);
        assert_eq!(budget.spend(FREE), Ok(()));
        assert_eq!(budget.spend(701), Err(Exceeded { needed: FREE + 701, limit: FREE + 700 }));
        assert_eq!(budget.spend(700), Ok(()));
        assert_eq!(budget.spend(u64::MAX).map_err(|exceeded| exceeded.needed), Err(u64::MAX));
    }
}
