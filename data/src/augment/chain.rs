//! Steps of augmentation one after the other.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::{Augmentation, CentreCrop, HorizontalFlip, PaddedCrop, Pixels, RandomResizedCrop, Resize};
use crate::Images;

/// Augmentations in the order in which they are applied. The empty chain changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Chain(Vec<Arc<dyn Augmentation>>);

impl Chain {
    /// The chain that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step to the chain.
    pub fn then(mut self, step: impl Augmentation + 'static) -> Self {
        self.0.push(Arc::new(step));
        self
    }

    /// Applies all steps.
    pub fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
        self.0.iter().for_each(|step| step.apply(image, rng));
    }

    /// Makes the chain that brings images to `size` x `size` for evaluation; `None` leaves them as
    /// they are stored.
    ///
    /// ```text
    /// of one size, in memory: resized to size x size
    /// files:                  the shorter side resized to 8/7 size (256 for 224), the centre of size x size cut out
    /// ```
    pub fn evaluation(images: &Images, size: Option<usize>) -> Self {
        match (images, size) {
            (_, None) => Self::new(),
            (Images::InMemory { .. }, Some(size)) => Self::new().then(Resize::Square(size)),
            (Images::Files { .. }, Some(size)) => {
                Self::new().then(Resize::ShorterSide(Self::shorter_side(size))).then(CentreCrop { size })
            }
        }
    }

    /// Gives the length to which the shorter side of a file's image is resized before its centre of
    /// `size` x `size` is cut out: 8/7 size.
    pub fn shorter_side(size: usize) -> usize {
        (8 * size + 3) / 7
    }

    /// The customary augmentation for training, with the result of the size that
    /// [`Chain::evaluation`] gives.
    ///
    /// ```text
    /// of one size, in memory: padding of 4, random crop, flip (He et al., CVPR 2016); then resized
    /// files:                  random resized crop, flip (Szegedy et al., CVPR 2015)
    /// ```
    pub fn training(images: &Images, size: Option<usize>) -> Self {
        match (images, size) {
            (Images::InMemory { .. }, None) => Self::new().then(PaddedCrop { padding: 4 }).then(HorizontalFlip),
            (Images::InMemory { .. }, Some(size)) => Self::training(images, None).then(Resize::Square(size)),
            (Images::Files { .. }, None) => Self::new().then(HorizontalFlip),
            (Images::Files { .. }, Some(size)) => Self::new().then(RandomResizedCrop::of(size)).then(HorizontalFlip),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[derive(Debug)]
    struct Add(u8);

    impl Augmentation for Add {
        fn apply(&self, image: &mut Pixels, _: &mut ChaCha8Rng) {
            image.bytes.iter_mut().for_each(|byte| *byte = *byte * 2 + self.0);
        }
    }

    #[test]
    fn steps_follow_each_other() {
        let mut image = Pixels { channels: 1, height: 1, width: 2, bytes: vec![1, 5] };
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        Chain::new().apply(&mut image, &mut rng);
        assert_eq!(image.bytes, [1, 5]);
        Chain::new().then(Add(1)).then(Add(0)).apply(&mut image, &mut rng);
        assert_eq!(image.bytes, [6, 22]);
    }

    #[test]
    fn training_and_evaluation_end_with_the_same_size() {
        let stored = Images::InMemory { shape: [3, 12, 12], bytes: vec![7; 3 * 144] };
        let files = Images::Files { paths: Vec::new(), bytes: 0 };
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for (images, height, width) in [(&stored, 12, 12), (&files, 40, 23), (&files, 5, 70)] {
            let image = Pixels { channels: 3, height, width, bytes: vec![9; 3 * height * width] };
            for chain in [Chain::training(images, Some(14)), Chain::evaluation(images, Some(14))] {
                let mut found = image.clone();
                chain.apply(&mut found, &mut rng);
                assert_eq!((found.channels, found.height, found.width), (3, 14, 14));
            }
        }
        let image = Pixels { channels: 1, height: 12, width: 12, bytes: (0..144).collect() };
        let mut found = image.clone();
        Chain::evaluation(&stored, None).apply(&mut found, &mut rng);
        assert_eq!(found, image);
        Chain::training(&stored, None).apply(&mut found, &mut rng);
        assert_eq!((found.height, found.width), (12, 12));
    }
}
