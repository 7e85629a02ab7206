//! Numbers that samples are counted as, one packed number each, with how often each came.
//!
//! ```text
//! key = label | competitor | bucket | error | tie at the top | margin 0
//! ```

use super::MarginGrid;
use super::competitor::Competitor;

/// What a sample counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub label: usize,
    /// The competitor; the label itself for a right answer by more than every margin, whose
    /// competitor counts nowhere.
    pub competitor: usize,
    /// Position of the smallest margin of the grid that is at least the sample's; the grid's length
    /// if there is none.
    pub bucket: usize,
    pub error: bool,
    pub top_tie: bool,
    pub zero_margin: bool,
}

impl Outcome {
    #[inline(always)]
    pub fn of(label: usize, found: Competitor, grid: &MarginGrid) -> Self {
        // With equal scores the lower index is predicted.
        let error = found.margin < 0.0 || (found.margin == 0.0 && found.index < label);
        let bucket = grid.bucket(found.margin);
        let counts_nowhere = bucket == grid.len() && !error;
        Self {
            label,
            competitor: if counts_nowhere { label } else { found.index },
            bucket,
            error,
            top_tie: found.top_tie,
            zero_margin: found.margin == 0.0,
        }
    }
}

/// How many bits of a key the parts take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    class: u32,
    bucket: u32,
}

const FLAGS: u32 = 3;

impl Layout {
    /// Makes a layout; `None` if a key does not fit into 64 bits.
    pub fn new(num_classes: usize, margins: usize) -> Option<Self> {
        let bits = |most: usize| usize::BITS - most.leading_zeros();
        let layout = Self { class: bits(num_classes - 1), bucket: bits(margins) };
        (layout.bits() <= u64::BITS).then_some(layout)
    }

    fn bits(self) -> u32 {
        2 * self.class + self.bucket + FLAGS
    }

    #[inline(always)]
    fn pack(self, of: Outcome) -> u64 {
        let pair = ((of.label as u64) << self.class) | of.competitor as u64;
        let flags = u64::from(of.error) | (u64::from(of.top_tie) << 1) | (u64::from(of.zero_margin) << 2);
        (((pair << self.bucket) | of.bucket as u64) << FLAGS) | flags
    }

    fn unpack(self, key: u64) -> Outcome {
        let low = |number: u64, bits: u32| (number & ((1 << bits) - 1)) as usize;
        let slots = key >> FLAGS;
        let pair = slots >> self.bucket;
        Outcome {
            label: (pair >> self.class) as usize,
            competitor: low(pair, self.class),
            bucket: low(slots, self.bucket),
            error: key & 1 != 0,
            top_tie: key & 2 != 0,
            zero_margin: key & 4 != 0,
        }
    }
}

/// Keys that are sorted at a time.
const SORTED: usize = 1 << 16;
/// Bits of a key up to which there is a counter for each.
const FEW_BITS: u32 = 16;

/// Counts keys: with a counter for each where there are few, else by sorting.
pub(super) struct Tally {
    layout: Layout,
    /// By key; empty if keys are sorted.
    counters: Vec<u64>,
    pending: Vec<u64>,
    /// Keys and how often they came; some stand there several times.
    runs: Vec<(u64, u64)>,
}

impl Tally {
    /// Makes a tally for about so many samples.
    pub fn new(layout: Layout, samples: usize) -> Self {
        let bits = layout.bits();
        let few = bits <= FEW_BITS && samples >= 1 << bits.saturating_sub(FLAGS);
        Self {
            layout,
            counters: if few { vec![0; 1 << bits] } else { Vec::new() },
            pending: if few { Vec::new() } else { Vec::with_capacity(samples.min(SORTED)) },
            runs: Vec::new(),
        }
    }

    #[inline(always)]
    pub fn add(&mut self, outcome: Outcome) {
        let key = self.layout.pack(outcome);
        if let Some(counter) = self.counters.get_mut(key as usize) {
            *counter += 1;
            return;
        }
        self.pending.push(key);
        if self.pending.len() == SORTED {
            self.sort();
        }
    }

    fn sort(&mut self) {
        self.pending.sort_unstable();
        self.runs.extend(self.pending.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)));
        self.pending.clear();
    }

    /// Tells every outcome and how often it came, in parts that add up.
    pub fn finish(mut self, mut tell: impl FnMut(Outcome, u64)) {
        self.sort();
        let counted = self.counters.iter().enumerate().map(|(key, &times)| (key as u64, times));
        for (key, times) in counted.chain(self.runs.iter().copied()).filter(|&(_, times)| times > 0) {
            tell(self.layout.unpack(key), times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_give_back_what_was_packed() {
        for (classes, margins) in [(2, 1), (10, 5), (1000, 7), (1 << 28, 30)] {
            let layout = Layout::new(classes, margins).unwrap();
            for at in 0..64 {
                let outcome = Outcome {
                    label: (classes - 1) * (at % 3) / 2,
                    competitor: (classes - 1) * (at % 5) / 4,
                    bucket: at % (margins + 1),
                    error: at & 1 != 0,
                    top_tie: at & 2 != 0,
                    zero_margin: at & 4 != 0,
                };
                assert_eq!(layout.unpack(layout.pack(outcome)), outcome);
            }
        }
        assert!(Layout::new(1 << 30, 3).is_none());
    }

    #[test]
    fn counters_and_sorting_count_alike() {
        let layout = Layout::new(5, 2).unwrap();
        let outcome = |at: usize| Outcome {
            label: at % 5,
            competitor: at / 5 % 5,
            bucket: at % 3,
            error: at.is_multiple_of(7),
            top_tie: false,
            zero_margin: false,
        };
        let totals = |mut tally: Tally| {
            (0..SORTED + 100).for_each(|at| tally.add(outcome(at)));
            let mut totals = std::collections::BTreeMap::new();
            tally.finish(|outcome, times| *totals.entry(layout.pack(outcome)).or_insert(0) += times);
            totals
        };
        let counted = totals(Tally::new(layout, 1 << 20));
        assert_eq!(counted, totals(Tally::new(layout, 1)));
        assert_eq!(counted.values().sum::<u64>(), (SORTED + 100) as u64);
    }
}
