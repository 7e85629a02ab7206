//! Samples that an index says are there again, as samplers of several processes repeat some: taken
//! once.

use std::collections::HashMap;

use ndarray::Axis;

use super::beside::{Beside, Samples, same_row};
use super::{Logits, Predictions, PredictionsError, Reading};
use crate::Result;
use crate::quoting::quoted;

/// Leaves out the rows of samples that stood there before, and says how many. What was not said to
/// name samples and gives one of them two labels does not name them.
pub(super) fn taken_once(whole: &mut Predictions, mut beside: Beside, reading: &Reading) -> Result<Beside> {
    let Some(Samples { name, rows: samples, .. }) =
        beside.samples.as_ref().filter(|samples| samples.certain && samples.rows.len() == whole.labels.len())
    else {
        return Ok(beside);
    };
    let mut firsts: HashMap<u64, usize> = HashMap::new();
    let (mut kept, mut others) = (Vec::with_capacity(samples.len()), 0_usize);
    for (row, &sample) in samples.iter().enumerate() {
        let first = *firsts.entry(sample).or_insert(row);
        if first == row {
            kept.push(row);
            continue;
        }
        if whole.labels.get(first) != whole.labels.get(row) {
            if reading.keys.index.is_none() {
                return Ok(beside);
            }
            let (file, name) = (whole.files.first().map(|file| file.path.clone()).unwrap_or_default(), quoted(name));
            return Err(PredictionsError::Index { file, name, sample: row, first }.into());
        }
        others = others.saturating_add(usize::from(!same_row(&whole.logits, first, row)));
    }
    let again = samples.len().saturating_sub(kept.len());
    if again == 0 {
        return Ok(beside);
    }
    whole.notes.push(format!(
        "{again} of {} samples have a number in {} that stands there before and are left out, {others} of them with \
         other scores",
        samples.len(),
        quoted(name)
    ));
    whole.labels = whole.labels.select(Axis(0), &kept);
    match &mut whole.logits {
        Logits::F32(scores) => *scores = scores.select(Axis(0), &kept),
        Logits::F64(scores) => *scores = scores.select(Axis(0), &kept),
        Logits::Classes(classes) => {
            classes.predicted = kept.iter().filter_map(|&row| classes.predicted.get(row).copied()).collect()
        }
        // A set with an index is held in memory.
        Logits::Counted(_) | Logits::Stored(_) => {}
    }
    beside.samples = None;
    Ok(beside)
}
