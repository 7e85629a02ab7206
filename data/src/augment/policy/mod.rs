//! Learned augmentation policies: operations of given strength, drawn at random.

mod auto_augment;
mod operation;
mod rand_augment;

pub use auto_augment::AutoAugment;
pub use operation::Operation;
