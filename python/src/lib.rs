//! The extension module `car_spectral._core`: what the Python package `car_spectral` computes in
//! Rust. Arrays come in as views, the interpreter is let go while anything is computed, and errors
//! keep their sentences.

mod analyze;
mod bounds;
mod counts;
mod error;
mod labels;
mod margins;
mod norm;
mod program;
mod reference;
mod scores;
mod weights;

use pyo3::prelude::*;

/// Counts, norms, bounds and reports, behind the Python package `car_spectral`.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::analyze::{Analysis, analyze};
    #[pymodule_export]
    use super::bounds::{
        class_intervals, clopper_pearson, population_norm, weighted_worst_class_interval, worst_class_candidates,
        worst_class_interval,
    };
    #[pymodule_export]
    use super::counts::Counts;
    #[pymodule_export]
    use super::margins::{margin_keys, merge_keys};
    #[pymodule_export]
    use super::norm::{spectral_norm, spectral_norm_of_counts, spectral_norm_of_triplets};
    #[pymodule_export]
    use super::program::run_program;
    #[pymodule_export]
    use super::reference::Reference;
    #[pymodule_export]
    use super::weights::ClassWeights;
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
