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
    remedy: &'static str,
}

/// How to save what is too much.
const AS_ARRAYS: &str =
    "save the weights alone with torch.save(model.state_dict(), FILE), or predictions with numpy.savez";
/// How to save a text that is too much.
const TEXT: &str =
    "save its numbers as arrays, with numpy.save or numpy.savez: predictions as logits [N, K] and labels [N]";

/// More was asked for than is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// Bytes with what was asked for.
    pub(crate) needed: u64,
    /// Bytes accepted.
    pub(crate) limit: u64,
    /// What to do.
    remedy: &'static str,
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
        Self { needed: budget.limit + 1, limit: budget.limit, remedy: budget.remedy }
    }

    /// The error that names the file and the place.
    pub(crate) fn of(self, file: &Path, place: String) -> InputError {
        InputError::Budget { file: file.to_path_buf(), place, exceeded: self.to_string(), remedy: self.remedy }
    }
}

impl Budget {
    /// The budget of a file of so many bytes.
    pub(crate) fn of(file_bytes: usize) -> Self {
        Self { limit: RATIO.saturating_mul(file_bytes as u64).saturating_add(FREE), spent: 0, remedy: AS_ARRAYS }
    }

    /// Says that what is read is a text.
    pub(crate) fn is_of_text(&mut self) {
        self.remedy = TEXT;
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
            return Err(Exceeded { needed, limit: self.limit, remedy: self.remedy });
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
        let exceeded = Exceeded { needed: FREE + 701, limit: FREE + 700, remedy: AS_ARRAYS };
        assert_eq!(budget.spend(701), Err(exceeded));
        budget.is_of_text();
        let said = budget.spend(701).unwrap_err().of(Path::new("a.csv"), "line 7".to_owned()).to_string();
        assert!(said.ends_with("numpy.savez: predictions as logits [N, K] and labels [N]"), "{said}");
        assert_eq!(budget.spend(700), Ok(()));
        assert_eq!(budget.spend(u64::MAX).map_err(|exceeded| exceeded.needed), Err(u64::MAX));
    }
}
