//! T8: two models A and B on the same held-out images.
//!
//! Of the n_j images of class j, b_j are wrong for A and right for B, c_j the reverse; β_j, γ_j are
//! the probabilities of the two, d_j = β_j − γ_j = e^A_j − e^B_j. A difference below 0 is in favour
//! of A.
//!
//! | function | what |
//! | --- | --- |
//! | [`worst_class_difference`] | D = max_j e^A_j − max_j e^B_j |
//! | [`class_differences`] | d_j of every class, exact McNemar tests, Holm |
//! | [`mean_difference`] | Σ_j w_j n_j d_j over a group of classes: by images (micro) or by classes (macro) |
//! | [`difference_interval`], [`mcnemar`] | one class |
//!
//! Each of these holds with probability 1 − delta on its own: s of them together with 1 − s·delta.
//! Both models must be fixed before the images are seen.

mod class;
mod counts;
mod mean;
mod verdict;
mod worst_class;

pub use class::{ClassDifference, McNemar, class_differences, difference_interval, mcnemar};
pub use counts::PairedCounts;
pub use mean::{Averaging, MeanDifference, mean_difference};
pub use verdict::ComparisonVerdict;
pub use worst_class::{
    PairedWorstClass, WorstClassDifference, paired_worst_class_difference, separate_worst_class_difference,
    worst_class_difference, worst_class_sign_level,
};
