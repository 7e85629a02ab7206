//! The trait of an augmentation's steps.

use std::fmt::Debug;

use rand_chacha::ChaCha8Rng;

use crate::Pixels;

/// Changes an image, at random or not. A step is shared by the threads of a loader, so it holds its
/// constants only.
pub trait Augmentation: Debug + Send + Sync {
    /// Changes the image; all random numbers come from `rng`.
    fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng);
}
