//! Storage of the counts: one row of counters for each pair (true class j, competitor i), dense or
//! sparse.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::ConfusionError;

/// The storage of the counters of the pairs (competitor, true class). Both hold the same counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// K x K x (|G| + 1) counters of 8 bytes; matrices come out dense.
    Dense,
    /// Counters only for pairs that occur, at about 8 (|G| + 1) + 32 bytes each; matrices come out
    /// sparse.
    Sparse,
}

/// Counters for every pair (true class, competitor); a pair that was never counted reads as zeros.
#[derive(Clone, Debug)]
pub(super) struct PairTables {
    num_classes: usize,
    slots: usize,
    counters: Counters,
}

#[derive(Clone, Debug)]
enum Counters {
    /// `[true class][competitor][slot]`: what one sample touches lies together.
    Dense(Vec<u64>),
    /// `place` gives the row of `values` for a key made of the true class (high 32 bits) and the
    /// competitor (low).
    Sparse { place: HashMap<u64, usize, RandomState>, values: Vec<u64> },
}

impl PairTables {
    /// Tables of zeros with `slots` counters a pair; `None` if they do not fit into memory.
    pub fn new(num_classes: usize, slots: usize, storage: Storage) -> Option<Self> {
        let counters = match storage {
            Storage::Dense => Counters::Dense(zeros(num_classes.checked_mul(num_classes)?.checked_mul(slots)?)?),
            Storage::Sparse => Counters::Sparse { place: HashMap::default(), values: Vec::new() },
        };
        Some(Self { num_classes, slots, counters })
    }

    pub fn storage(&self) -> Storage {
        match self.counters {
            Counters::Dense(_) => Storage::Dense,
            Counters::Sparse { .. } => Storage::Sparse,
        }
    }

    /// The counters of a pair, made if they are not there yet.
    #[inline]
    pub fn entry(&mut self, column: usize, row: usize) -> &mut [u64] {
        let slots = self.slots;
        match &mut self.counters {
            Counters::Dense(values) => {
                let start = (column * self.num_classes + row) * slots;
                &mut values[start..start + slots]
            }
            Counters::Sparse { place, values } => {
                let start = *place.entry(key(column, row)).or_insert_with(|| {
                    values.resize(values.len() + slots, 0);
                    values.len() - slots
                });
                &mut values[start..start + slots]
            }
        }
    }

    /// The counters of a pair, if they are stored.
    pub fn get(&self, column: usize, row: usize) -> Option<&[u64]> {
        let start = match &self.counters {
            Counters::Dense(_) => (column * self.num_classes + row) * self.slots,
            Counters::Sparse { place, .. } => *place.get(&key(column, row))?,
        };
        Some(&self.values()[start..start + self.slots])
    }

    /// Every pair with a counter above zero, as (true class, competitor, counters), in no
    /// particular order.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, &[u64])> {
        let all: Box<dyn Iterator<Item = (usize, usize, &[u64])>> = match &self.counters {
            Counters::Dense(values) => {
                let num_classes = self.num_classes;
                let rows = values.chunks_exact(self.slots).enumerate();
                Box::new(rows.map(move |(at, counters)| (at / num_classes, at % num_classes, counters)))
            }
            Counters::Sparse { place, values } => Box::new(place.iter().map(|(&key, &start)| {
                ((key >> 32) as usize, (key & u64::from(u32::MAX)) as usize, &values[start..start + self.slots])
            })),
        };
        all.filter(|(_, _, counters)| counters.iter().any(|&count| count > 0))
    }

    /// Number of counters held in memory.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.values().len()
    }

    fn values(&self) -> &[u64] {
        match &self.counters {
            Counters::Dense(values) | Counters::Sparse { values, .. } => values,
        }
    }
}

/// `len` zeros, or `None` if there is no room for them.
pub(super) fn zeros(len: usize) -> Option<Vec<u64>> {
    // Asking first turns "no room" into a value; `vec![0; len]` then takes zero pages that cost nothing until used.
    Vec::<u64>::new().try_reserve_exact(len).ok()?;
    Some(vec![0; len])
}

fn key(column: usize, row: usize) -> u64 {
    // Class numbers fit into 32 bits: `check_num_classes`.
    ((column as u64) << 32) | row as u64
}

/// At least 2 classes, and no more than 32 bits can name.
pub(super) fn check_num_classes(num_classes: usize) -> Result<(), ConfusionError> {
    if num_classes < 2 {
        Err(ConfusionError::TooFewClasses { num_classes })
    } else if u32::try_from(num_classes).is_err() {
        Err(ConfusionError::TooManyClasses { num_classes })
    } else {
        Ok(())
    }
}
