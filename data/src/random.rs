//! Random numbers by their place in a run: the generator of a draw follows from the run's seed and
//! from what is drawn, not from what was drawn before. So neither the number of threads nor their
//! timing can change a result, and a run that goes on needs to know nothing but the epoch.
//!
//! ```text
//! ChaCha8, key from the seed, stream number = epoch (20 bits) | stream (4) | purpose (8) | position (32)
//! ```

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Epochs are below this.
pub const MOST_EPOCHS: usize = 1 << 20;
/// Positions in an epoch are below this.
pub const MOST_POSITIONS: usize = 1 << 32;
/// Independent streams of batches are below this.
pub const MOST_STREAMS: u8 = 16;
/// Views of a sample are below this.
pub const MOST_VIEWS: u8 = 240;

/// The purpose of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The augmentation of one view of the sample at a position; below [`MOST_VIEWS`].
    View(u8),
    /// The order of an epoch's samples (position 0).
    Order,
    /// The mixing of the batch at a position.
    Mixing,
    /// Random layers, such as dropout (position 0).
    Layers,
}

/// The place in a run where numbers are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Epoch, from 1; below [`MOST_EPOCHS`].
    pub epoch: usize,
    /// Number of the stream among several streams of batches that are drawn independently of each
    /// other; below [`MOST_STREAMS`].
    pub stream: u8,
    /// Purpose of the numbers.
    pub purpose: Purpose,
    /// Place of the sample, or of the batch, in the epoch, from 0; below [`MOST_POSITIONS`].
    pub position: usize,
}

/// The generator of a place, at its beginning. Different places of one seed have independent
/// generators.
///
/// # Panics
/// If a part of the place is not below its bound.
pub fn generator(seed: u64, place: Place) -> ChaCha8Rng {
    let Place { epoch, stream, purpose, position } = place;
    assert!(epoch < MOST_EPOCHS && stream < MOST_STREAMS && position < MOST_POSITIONS, "{place:?} is out of range");
    let purpose = match purpose {
        Purpose::View(view) => {
            assert!(view < MOST_VIEWS, "{place:?} is out of range");
            view
        }
        Purpose::Order => MOST_VIEWS,
        Purpose::Mixing => MOST_VIEWS + 1,
        Purpose::Layers => MOST_VIEWS + 2,
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((epoch as u64) << 44 | u64::from(stream) << 40 | u64::from(purpose) << 32 | position as u64);
    rng
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::RngExt;

    use super::*;

    #[test]
    fn every_part_of_a_place_and_the_seed_change_the_numbers_and_nothing_else_does() {
        let base = Place { epoch: 1, stream: 0, purpose: Purpose::View(0), position: 0 };
        let places = [
            base,
            Place { epoch: 2, ..base },
            Place { epoch: MOST_EPOCHS - 1, ..base },
            Place { stream: 1, ..base },
            Place { stream: MOST_STREAMS - 1, ..base },
            Place { purpose: Purpose::View(1), ..base },
            Place { purpose: Purpose::View(MOST_VIEWS - 1), ..base },
            Place { purpose: Purpose::Order, ..base },
            Place { purpose: Purpose::Mixing, ..base },
            Place { purpose: Purpose::Layers, ..base },
            Place { position: 1, ..base },
            Place { position: 1 << 16, ..base },
            Place { position: 1 << 31, ..base },
            Place { position: MOST_POSITIONS - 1, ..base },
        ];
        let first = |seed, place| generator(seed, place).random::<u64>();
        let numbers: HashSet<u64> =
            [3, 4].into_iter().flat_map(|seed| places.map(|place| first(seed, place))).collect();
        assert_eq!(numbers.len(), 2 * places.len());
        assert_eq!(first(3, base), first(3, base));
    }
}
