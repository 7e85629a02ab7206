//! Numbers of a run over images that can be checked before there are images.

use crate::{DataError, random};

pub(crate) fn within(name: &'static str, value: usize, least: usize, most: usize) -> Result<(), DataError> {
    let inside = (least..=most).contains(&value);
    inside.then_some(()).ok_or_else(|| DataError::setting(name, value, format!("{least} to {most}")))
}

/// Checks images in a batch and threads of a loader.
pub fn check_sizes(batch_size: usize, threads: usize) -> Result<(), DataError> {
    within("batch-size", batch_size, 1, random::MOST_POSITIONS - 1)?;
    within("loader-threads", threads, 1, 1024)
}
