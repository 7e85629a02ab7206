//! The images of a split that are used: all, or the long-tailed subset in which class j keeps n_j
//! images (see `car_spectral::longtail`), drawn without replacement from that class with a fixed
//! seed.

use car_spectral::longtail::long_tailed_counts;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::DataError;

/// The numbers that determine the subset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LongTail {
    /// Images of the largest class.
    pub n_max: u64,
    /// Imbalance factor n_max / n_min, at least 1.
    pub imbalance: f64,
    /// Seed of the draw.
    pub seed: u64,
}

/// The images that are used.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    /// Indices into the full split, class by class, ascending within a class.
    pub indices: Vec<usize>,
    /// Images of each class.
    pub class_counts: Vec<u64>,
    /// SHA-256 over the indices as little-endian 64-bit integers, in hexadecimal.
    pub sha256: String,
}

impl Subset {
    /// All images of a split with these labels.
    pub fn full(labels: &[usize], num_classes: usize) -> Self {
        Self::new(members(labels, num_classes))
    }

    /// These images of each class, ascending.
    pub(super) fn new(by_class: Vec<Vec<usize>>) -> Self {
        let class_counts = by_class.iter().map(|members| members.len() as u64).collect();
        let indices = by_class.concat();
        let mut hasher = Sha256::new();
        for &index in &indices {
            hasher.update((index as u64).to_le_bytes());
        }
        let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { indices, class_counts, sha256 }
    }

    /// The images of each class, `[K]`.
    pub(super) fn by_class(&self) -> Vec<&[usize]> {
        let mut rest = self.indices.as_slice();
        let take = |&count: &u64| {
            let (members, others) = rest.split_at(count as usize);
            rest = others;
            members
        };
        self.class_counts.iter().map(take).collect()
    }
}

/// The indices of each class, ascending.
fn members(labels: &[usize], num_classes: usize) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); num_classes];
    for (index, &label) in labels.iter().enumerate() {
        members[label].push(index);
    }
    members
}

impl LongTail {
    /// Draws the subset of a split with these labels.
    ///
    /// # Errors
    /// [`DataError::LongTail`] for an imbalance below 1 or too few classes; [`DataError::Setting`]
    /// if a class has fewer images than its share.
    pub fn draw(&self, labels: &[usize], num_classes: usize) -> Result<Subset, DataError> {
        let class_counts = long_tailed_counts(self.n_max, self.imbalance, num_classes)?;
        let mut by_class = members(labels, num_classes);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        for (class, (members, &count)) in by_class.iter_mut().zip(&class_counts).enumerate() {
            if (members.len() as u64) < count {
                let requirement = format!(
                    "class {class} has only {} images of the {count} that it would have: with an imbalance of {} counts fall from \
                     class 0 on; give a smaller n-max, or another imbalance",
                    members.len(),
                    self.imbalance
                );
                return Err(DataError::setting("n-max", self.n_max, requirement));
            }
            members.shuffle(&mut rng);
            members.truncate(count as usize);
            members.sort_unstable();
        }
        Ok(Subset::new(by_class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_subset_has_the_protocol_counts_without_repeats_and_follows_the_seed() {
        let labels: Vec<usize> = (0..5000).map(|index| index % 10).collect();
        let tail = LongTail { n_max: 500, imbalance: 100.0, seed: 0 };
        let subset = tail.draw(&labels, 10).unwrap();
        assert_eq!(subset.class_counts.iter().sum::<u64>() as usize, subset.indices.len());
        assert_eq!((subset.class_counts[0], subset.class_counts[9]), (500, 5));
        assert_eq!(subset.indices.iter().collect::<HashSet<_>>().len(), subset.indices.len());
        for (class, &count) in subset.class_counts.iter().enumerate() {
            assert_eq!(subset.indices.iter().filter(|&&index| labels[index] == class).count() as u64, count);
        }
        assert_eq!(tail.draw(&labels, 10).unwrap(), subset);
        let other = LongTail { seed: 1, ..tail }.draw(&labels, 10).unwrap();
        assert_ne!(other.sha256, subset.sha256);
        assert!(LongTail { n_max: 501, ..tail }.draw(&labels, 10).unwrap_err().to_string().contains("class 0"));
    }
    #[test]
    fn indices_ascend_within_a_class_and_their_checksum_is_that_of_the_format() {
        let labels: Vec<usize> = (0..5000).map(|index| index % 10).collect();
        let subset = LongTail { n_max: 100, imbalance: 10.0, seed: 3 }.draw(&labels, 10).unwrap();
        let mut rest = subset.indices.as_slice();
        for (class, &count) in subset.class_counts.iter().enumerate() {
            let (chosen, others) = rest.split_at(count as usize);
            assert!(chosen.is_sorted() && chosen.iter().all(|&index| labels[index] == class), "class {class}");
            assert!(
                !chosen.iter().enumerate().all(|(at, &index)| index == 10 * at + class),
                "the first of class {class}"
            );
            rest = others;
        }
        // python: sha256(b"".join(struct.pack("<Q", i) for c in range(3) for i in range(c, 12, 3)))
        let all = LongTail { n_max: 4, imbalance: 1.0, seed: 0 }.draw(&labels[..0], 3);
        assert!(all.is_err());
        let labels: Vec<usize> = (0..12).map(|index| index % 3).collect();
        let all = LongTail { n_max: 4, imbalance: 1.0, seed: 0 }.draw(&labels, 3).unwrap();
        assert_eq!(all.indices, [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
        assert_eq!(all.sha256, "79570223ffc7dfbd2d18adb19ca585528818c8f9ba83e06b5ccd5c30414d8cd9");
        assert_eq!(Subset::full(&labels, 3), all);
        assert_eq!(all.by_class(), [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]);
    }
    /// The sizes that the protocol's formula gives, and that are published for the usual code:
    /// CIFAR100-LT 19,573, 12,608, 10,847 and 9,502 images, CIFAR10-LT 20,431, 13,996, 12,406 and
    /// 11,203 for the factors 10, 50, 100 and 200.
    #[test]
    fn subsets_have_the_published_sizes() {
        let sizes = |num_classes: usize, each: usize, n_max: u64| {
            let labels: Vec<usize> = (0..num_classes * each).map(|index| index % num_classes).collect();
            [10.0, 50.0, 100.0, 200.0].map(|imbalance| {
                let subset = LongTail { n_max, imbalance, seed: 0 }.draw(&labels, num_classes).unwrap();
                assert_eq!(subset.class_counts[0], n_max);
                assert_eq!(subset.class_counts[num_classes - 1], (n_max as f64 / imbalance) as u64);
                subset.indices.len()
            })
        };
        assert_eq!(sizes(100, 500, 500), [19_573, 12_608, 10_847, 9_502]);
        assert_eq!(sizes(10, 5000, 5000), [20_431, 13_996, 12_406, 11_203]);
        // Fashion-MNIST has 6000 images a class.
        assert_eq!(sizes(10, 6000, 6000), [24_516, 16_796, 14_886, 13_444]);
    }
}
