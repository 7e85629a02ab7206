//! The order in which the images of an epoch come, and how often those of each class (Kang et al.,
//! "Decoupling representation and classifier for long-tailed recognition", ICLR 2020).
//!
//! ```text
//! p_j = n_j^q / sum_i n_i^q        probability that an image of class j comes next
//! q = 1: instance-balanced         q = 1/2: square-root         q = 0: class-balanced
//! ```
//!
//! An epoch has as many images as the training set, whatever q, so that runs have equally many
//! steps. For q = 1 each image comes exactly once, in random order. For q < 1 the class of each
//! place is drawn by p, and the images of a class come in random order, each once before any comes
//! again.

use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::Subset;
use crate::DataError;

/// The frequency with which the images of each class come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Sampler {
    /// q = 1: each image once an epoch.
    #[default]
    InstanceBalanced,
    /// q = 1/2.
    SquareRoot,
    /// q = 0: all classes equally often.
    ClassBalanced,
}

impl Sampler {
    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Tells whether it is the default: each image once an epoch.
    pub fn is_instance_balanced(&self) -> bool {
        *self == Self::InstanceBalanced
    }
}

/// The order of the images of every epoch.
#[derive(Clone, Debug)]
pub enum Order {
    /// The same in every epoch.
    Fixed(Vec<usize>),
    /// Each image once, in random order.
    Shuffled(Vec<usize>),
    /// Classes by their weights `[K]`, images of each class `[K]`.
    ByClass {
        /// Draws the class.
        classes: WeightedIndex<f64>,
        /// The images of each class.
        members: Vec<Vec<usize>>,
        /// Images in an epoch.
        length: usize,
    },
}

impl Order {
    /// The order of a sampler over a subset.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a subset without an image.
    pub fn sampled(sampler: Sampler, subset: &Subset) -> Result<Self, DataError> {
        let exponent = match sampler {
            Sampler::InstanceBalanced => return Ok(Self::Shuffled(subset.indices.clone())),
            Sampler::SquareRoot => 0.5,
            Sampler::ClassBalanced => 0.0,
        };
        let weight = |&count: &u64| if count == 0 { 0.0 } else { (count as f64).powf(exponent) };
        let classes = WeightedIndex::new(subset.class_counts.iter().map(weight))
            .map_err(|_| DataError::setting("sampler", sampler.name(), "there is no image to draw"))?;
        let members = subset.by_class().into_iter().map(<[usize]>::to_vec).collect();
        Ok(Self::ByClass { classes, members, length: subset.indices.len() })
    }

    /// Images in an epoch.
    pub fn len(&self) -> usize {
        match self {
            Self::Fixed(indices) | Self::Shuffled(indices) => indices.len(),
            Self::ByClass { length, .. } => *length,
        }
    }

    /// Tells whether an epoch has no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The largest index there is.
    #[cfg(feature = "pixels")]
    pub(crate) fn largest(&self) -> Option<usize> {
        match self {
            Self::Fixed(indices) | Self::Shuffled(indices) => indices.iter().copied().max(),
            Self::ByClass { members, .. } => members.iter().flatten().copied().max(),
        }
    }

    /// The indices of one epoch, whose generator `rng` is.
    pub fn epoch(&self, rng: &mut ChaCha8Rng) -> Vec<usize> {
        match self {
            Self::Fixed(indices) => indices.clone(),
            Self::Shuffled(indices) => {
                let mut indices = indices.clone();
                indices.shuffle(rng);
                indices
            }
            Self::ByClass { classes, members, length } => {
                // The images of each class that are left to come.
                let mut left = vec![Vec::new(); members.len()];
                let mut next = |class: usize, rng: &mut ChaCha8Rng| {
                    if left[class].is_empty() {
                        left[class].clone_from(&members[class]);
                        left[class].shuffle(rng);
                    }
                    left[class].pop().expect("a class of positive weight has images")
                };
                (0..*length)
                    .map(|_| {
                        let class = classes.sample(rng);
                        next(class, rng)
                    })
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const COUNTS: [usize; 4] = [900, 96, 4, 0];

    fn subset() -> (Subset, Vec<usize>) {
        let labels: Vec<usize> =
            COUNTS.iter().enumerate().flat_map(|(class, &count)| std::iter::repeat_n(class, count)).collect();
        (Subset::full(&labels, COUNTS.len()), labels)
    }

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    #[test]
    fn instance_balanced_is_every_image_once_in_another_order_each_epoch() {
        let order = Order::sampled(Sampler::InstanceBalanced, &subset().0).unwrap();
        let (first, second) = (order.epoch(&mut rng(1)), order.epoch(&mut rng(2)));
        assert_eq!(first, order.epoch(&mut rng(1)));
        assert!(first != second && first[..100] != (0..100).collect::<Vec<_>>());
        for mut indices in [first, second] {
            indices.sort_unstable();
            assert_eq!(indices, (0..1000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn classes_come_by_a_power_of_their_counts_and_images_of_a_class_equally_often() {
        let (subset, labels) = subset();
        for (sampler, exponent) in [(Sampler::SquareRoot, 0.5), (Sampler::ClassBalanced, 0.0)] {
            let order = Order::sampled(sampler, &subset).unwrap();
            let weights = COUNTS.map(|count| if count == 0 { 0.0 } else { (count as f64).powf(exponent) });
            let total: f64 = weights.iter().sum();
            let mut classes = [0.0; 4];
            for epoch in 0..50 {
                let indices = order.epoch(&mut rng(epoch));
                assert_eq!(indices.len(), 1000);
                let mut times = vec![0; 1000];
                indices.iter().for_each(|&index| times[index] += 1);
                for (class, seen) in classes.iter_mut().enumerate().take(3) {
                    let of_class = || times.iter().zip(&labels).filter(|(_, label)| **label == class).map(|(n, _)| n);
                    assert!(of_class().max().unwrap() - of_class().min().unwrap() <= 1, "class {class}");
                    *seen += of_class().sum::<i32>() as f64;
                }
            }
            for (class, found) in classes.into_iter().enumerate() {
                let p = weights[class] / total;
                // Binomial(50,000, p): five standard deviations.
                let (mean, spread) = (50_000.0 * p, 5.0 * (50_000.0 * p * (1.0 - p)).sqrt());
                assert!((found - mean).abs() <= spread, "{sampler:?}, class {class}: {found}, expected {mean}");
            }
        }
    }

    #[test]
    fn a_fixed_order_stays_and_nothing_cannot_be_drawn() {
        assert_eq!(Order::Fixed(vec![3, 1, 1]).epoch(&mut rng(0)), [3, 1, 1]);
        assert_eq!(Order::Fixed(vec![3, 1, 1]).largest(), Some(3));
        let none = Subset::full(&[], 3);
        assert!(Order::sampled(Sampler::ClassBalanced, &none).unwrap_err().to_string().contains("sampler"));
    }
}
