//! T9: a method is several networks, one a seed. Two different questions, with two different
//! answers.
//!
//! | question | answer | random |
//! | --- | --- | --- |
//! | are *these* networks of A better than these of B? | [`networks_difference`] | the test images |
//! | would *another seed* of A be better than one of B, as measured on this test set? | [`paired_seeds`], [`unpaired_seeds`] | the seeds |
//!
//! The first needs no assumption on the seeds and says nothing about the next one; the second
//! speaks of the expectation over seeds of a number measured on one fixed test set, and says
//! nothing about another test set. Neither interval contains the other's uncertainty, and they are
//! never joined into one.

mod between;
mod networks;
pub(super) mod student;

pub use between::{SeedComparison, paired_seeds, unpaired_seeds};
pub use networks::{NetworksDifference, networks_difference};
