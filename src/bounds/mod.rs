//! The worst-class bounds as pure functions of numbers: each statement returns its value, or the
//! reason why it does not apply.
//!
//! | function | statement |
//! | --- | --- |
//! | [`chain()`], [`nu`] | S2 and S3: λ_j e_j ≤ WCE ≤ √(K−1) ‖CΛ‖₂, λ_j e_j ≤ √s_j ‖CΛ‖₂, and the measured ν |
//! | [`nu_range`] | S3: what ν can be, from one pass over the matrix |
//! | [`morvant()`] | T1 as published: Morvant, Koço and Ralaivola, needs m_min > 8K |
//! | [`matrix_hoeffding()`] | T1 as proved here: 4K in place of 8K |
//! | [`unconditional()`] | T1': the same quantity without the condition, and smaller |
//! | [`class_pac_bayes()`] | T1'': the Gibbs error of every class, by its own examples |
//! | [`published_term()`] | T2: the computable first term of the published bound |
//! | [`per_class_margin()`] | T3, T3' and T3'': the margin bound of every class, with all constants |
//! | [`least_kl`], [`vacuous_whatever_the_weights`] | T3: the KL below which no network comes, and what follows |
//! | [`DeltaShares`] | δ shared out among the classes, equally or not |
//! | [`simultaneous_floor`], [`worst_class_floor`] | T4: what no bound can go below when a class's examples are all right |
//! | [`shares_floor`], [`equal_shares_floor`], [`held_out_floor`] | T4: the same of a bound that gives class j a share δ_j, such as δ/K |
//! | [`held_out_intervals`] | T5: Clopper-Pearson intervals, all classes at once |
//! | [`worst_class_interval`], [`weighted_worst_class_interval`], [`worst_class_certificate`] | T5': max_j e_j and WCE without a factor K |
//! | [`worst_class_candidates`], [`classes_above`] | T5': the classes that can be the worst; those above a level |
//! | [`prediction_limits`], [`finite_population_interval`] | T5'': errors among further images, and in a finite population |
//! | [`verdict()`] | T5: the verdict on "bound_j >= e_j" |
//! | [`class_mean_head()`] | T7: a head of class means, certified by the examples it was trained on |
//! | [`worst_class_difference`], [`class_differences`], [`mean_difference`] | T8: two models on the same images |
//! | [`networks_difference`]; [`paired_seeds`], [`unpaired_seeds`] | T9: these networks; between seeds |
//! | [`bootstrap_selection_bias`], [`half_split`] | T10: how much too large max_j k_j/n_j is |
//! | [`images_for_certificate`], [`images_for_paired`], [`seeds_for_paired`] | T11: images and seeds needed |
//! | [`binary_kl`], [`kl_inverse`] | the relative entropy of two coins and its inverse |
//! | [`WeightedConfusions`] | held-out counts of confusions with weights, for T6 and T6' |
//! | [`spectral_certificate()`] | T6: the population's spectral norm from held-out counts |
//! | [`self_bounding_interval`] | T6': the same, narrower |
//!
//! Notation. K >= 2 classes; `class_counts[j]` = m_j training examples (or n_j held-out ones) of
//! class j; matrices have rows = predicted and columns = true class; lambda_j > 0 is the weight of
//! class j; e_j the error of class j; delta the probability with which a statement may fail. Proofs
//! are in `THEORY.md`.
//!
//! ```
//! use car_spectral::ClassErrors;
//! use car_spectral::bounds::{Verdict, held_out_intervals, verdict};
//!
//! // Ten held-out examples of each of two classes: three and no errors.
//! let intervals = held_out_intervals(ClassErrors { errors: &[3, 0], counts: &[10, 10] }, 0.05, 1)?;
//! assert_eq!(verdict(Some(0.9), intervals[0])?, Verdict::Holds);
//! assert_eq!(verdict(Some(0.01), intervals[0])?, Verdict::Violated);
//! assert_eq!(verdict(Some(0.3), intervals[0])?, Verdict::Undecided);
//! assert_eq!(verdict(Some(1.7), intervals[0])?, Verdict::Vacuous);
//! # Ok::<(), car_spectral::bounds::BoundError>(())
//! ```

mod alike;
mod binomial;
mod bisection;
mod chain;
mod class_mean_head;
mod class_pac_bayes;
mod clopper_pearson;
mod delta_shares;
pub(crate) mod error;
mod floor;
mod holm;
mod interval;
mod kl;
mod least_kl;
mod masses;
mod matrix_hoeffding;
mod morvant;
mod network;
mod next_sample;
mod outcome;
mod paired;
mod per_class_margin;
mod planning;
mod published_term;
mod seeds;
mod selection_bias;
mod self_bounding;
mod sparsity;
mod spectral_certificate;
mod unconditional;
mod verdict;
mod weighted_confusions;
mod worst_class;

pub use chain::{CHAIN_SLACK, Chain, chain, nu};
pub use class_mean_head::{ClassMeanBound, ClassMeanCertificate, HeadClass, HeadExample, PriorGrid, class_mean_head};
pub use class_pac_bayes::{GibbsClass, class_pac_bayes};
pub use clopper_pearson::{
    MOST_SAMPLES, clopper_pearson, held_out_alpha, held_out_intervals, held_out_intervals_with_shares,
};
pub use delta_shares::DeltaShares;
pub use error::{BoundError, WEIGHT_RANGE};
pub use floor::{equal_shares_floor, held_out_floor, shares_floor, simultaneous_floor, worst_class_floor};
pub use interval::Interval;
pub use kl::{binary_kl, kl_inverse};
pub use least_kl::{MarginStatement, least_kl, vacuous_whatever_the_weights};
pub use matrix_hoeffding::matrix_hoeffding;
pub use morvant::{Posterior, morvant};
pub use network::{Architecture, BiasFreeReluNetwork, LayerNorms};
pub use next_sample::{finite_population_interval, prediction_limits};
pub use outcome::{NotApplicable, Outcome};
pub use paired::{
    Averaging, ClassDifference, ComparisonVerdict, McNemar, MeanDifference, PairedCounts, PairedWorstClass,
    WorstClassDifference, class_differences, difference_interval, mcnemar, mean_difference,
    paired_worst_class_difference, separate_worst_class_difference, worst_class_difference, worst_class_sign_level,
};
pub use per_class_margin::{
    ClassMarginBounds, GridRange, InvertedMarginBound, MarginBound, PerClassMargin, TrainingMargins, VACUOUS_ABOVE,
    per_class_margin, per_class_margin_with_shares,
};
pub use planning::{images_for_certificate, images_for_paired, images_for_unpaired, seeds_for_paired};
pub use published_term::{PublishedTerm, published_term};
pub use seeds::{NetworksDifference, SeedComparison, networks_difference, paired_seeds, unpaired_seeds};
pub use selection_bias::{HalfSplit, bootstrap_selection_bias, half_split};
pub use self_bounding::{VectorPair, even_pair, self_bounding_interval};
pub use sparsity::{NuRange, nu_range};
pub use spectral_certificate::{SpectralCertificate, spectral_certificate};
pub use unconditional::{reciprocal_sum, unconditional};
pub use verdict::{Verdict, VerdictCounts, verdict, verdicts};
pub use weighted_confusions::WeightedConfusions;
pub use worst_class::{
    classes_above, weighted_worst_class_interval, worst_class_candidates, worst_class_certificate, worst_class_interval,
};
