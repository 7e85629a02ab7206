//! Events that a run tells whoever watches it.

use std::path::PathBuf;

use car_spectral_runs::description::Pretrained;
use car_spectral_runs::log::EpochMetrics;

use crate::features::FeatureEvent;

/// Something that has happened in a run. The library prints nothing: a program shows what it likes.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant says what its fields are")]
pub enum Event<'a> {
    /// The weights of a file were taken.
    Pretrained(&'a Pretrained),
    /// The features of a network whose backbone stays as it is were looked for, computed or found.
    Features(FeatureEvent<'a>),
    /// A run that was to go on has no epoch done: it begins with the first.
    Begins,
    /// A run goes on after the last epoch that is done.
    GoesOn { after: usize },
    /// The run in `folder` goes on under another device, number of threads or build, so its last
    /// bits may differ: which of them, as it began, and as it goes on.
    Differs { folder: PathBuf, what: &'static str, there: String, here: String },
    /// A number of steps is done since the first of the run, of those of the whole run.
    Step { done: usize, of: usize },
    /// An epoch is done and logged.
    Epoch(&'a EpochMetrics),
}

/// The observer that is told of events.
pub type Observer<'a> = dyn FnMut(Event<'_>) + 'a;
