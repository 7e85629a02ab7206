//! What a run tells whoever watches it.

use std::path::PathBuf;

use car_spectral_runs::description::Pretrained;
use car_spectral_runs::log::EpochMetrics;

/// Something that has happened in a run. The library prints nothing: a program shows what it likes.
#[derive(Debug)]
pub enum Event<'a> {
    /// The weights of a file were taken.
    Pretrained(&'a Pretrained),
    /// A run that was to go on has no epoch done: it begins with the first.
    Begins,
    /// A run goes on.
    GoesOn {
        /// The last epoch that is done.
        after: usize,
    },
    /// The run goes on under another device, number of threads or build, so its last bits may differ.
    Differs {
        /// The run's folder.
        folder: PathBuf,
        /// Which of them.
        what: &'static str,
        /// As it began.
        there: String,
        /// As it goes on.
        here: String,
    },
    /// A step is done.
    Step {
        /// Steps done since the first of the run.
        done: usize,
        /// Steps of the whole run.
        of: usize,
    },
    /// An epoch is done and logged.
    Epoch(&'a EpochMetrics),
}

/// Who is told.
pub type Observer<'a> = dyn FnMut(Event<'_>) + 'a;
