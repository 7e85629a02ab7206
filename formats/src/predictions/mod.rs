//! Predictions: scores `[N, K]` and labels `[N]` of one model on one data set, in whatever file
//! they were saved.
//!
//! | file | read by |
//! | --- | --- |
//! | .npz, .npy pairs, .npy with a dictionary | `npz`, `npy` |
//! | .safetensors | `safetensors` |
//! | `torch.save` and pickles of dictionaries, tuples, lists of batches | the machine of [`crate::weights`], which builds nothing but arrays |
//! | tables of text: commas, semicolons, tabs, blanks | `table`, `columns`, `csv` |
//! | JSON, JSON lines | `crate::json` |
//! | Parquet, Arrow, Feather (feature `arrow`) | `arrow` |
//! | folders of such files, the parts of one set | `parts` |
//!
//! Which array is which is told by the usual names and by shapes (`choice`); where that leaves it
//! open, and where a number would mean two things, it has to be said ([`Reading`]). float16 and
//! bfloat16 widen to float32 without rounding; the stored type is recorded, for ties are frequent
//! in them.

mod arrays;
#[cfg(feature = "arrow")]
mod arrow;
mod belong;
mod beside;
mod block;
mod choice;
mod class_columns;
mod classes;
mod classes_alone;
mod columns;
mod convert;
mod csv;
mod doubts;
mod error;
mod file;
mod folders;
mod foreign;
mod frames;
mod half_table;
mod keyed;
mod label_column;
mod labels_by_line;
mod names;
mod npz;
mod once;
mod one_hot;
mod orange;
mod order;
mod outside;
mod overlap;
mod own_names;
mod parts;
mod reading;
mod record_columns;
mod records;
mod safetensors;
mod saved;
mod scale;
mod sorted;
mod source;
mod split_rows;
pub(crate) mod splits;
mod stacked;
mod stored;
mod table_of_classes;
mod top_k;
mod weka;
mod write;

use std::sync::Arc;

use car_spectral::confusion::MarginCounts;
use ndarray::{Array1, Array2, ArrayView1};

use super::{ElementType, InputError};

pub use crate::content::StoredFile;
pub use block::{Beginning, Block};
pub use error::PredictionsError;
pub(crate) use npz::{arrays as arrays_of_npz, is_torch_save};
pub use reading::{Keys, Reading, Scores};
pub use scale::Scale;
pub use source::PredictionSource;
pub use stored::StoredScores;
pub use write::{TakeRows, write};

const LOGITS: &str = "logits";
const LABELS: &str = "labels";
/// The column of a table that holds the labels.
const LABEL: &str = "label";

/// Logits `[N, K]` in row-major order, all finite, in the narrower of the two types that holds them
/// exactly; or what takes their place where only classes are known.
#[derive(Debug, Clone, PartialEq)]
pub enum Logits {
    /// Stored as float32, float16 or bfloat16.
    F32(Array2<f32>),
    /// Stored as float64 or decimal text.
    F64(Array2<f64>),
    /// No scores: the class that each sample was taken for.
    Classes(Classes),
    /// Scores that stay in their file and are read block by block.
    Stored(Arc<StoredScores>),
    /// No samples one by one: what was counted of them.
    Counted(Arc<MarginCounts>),
}

/// Predicted classes without scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// The class that each sample was taken for `[N]`, each below K.
    pub predicted: Vec<usize>,
    /// K.
    pub num_classes: usize,
    /// Tells whether a place stands for a sample, so that another model's can be set beside it;
    /// those of a matrix do not.
    pub in_order: bool,
}

impl Logits {
    /// (N, K).
    pub fn dim(&self) -> (usize, usize) {
        match self {
            Self::F32(logits) => logits.dim(),
            Self::F64(logits) => logits.dim(),
            Self::Classes(classes) => (classes.predicted.len(), classes.num_classes),
            Self::Stored(scores) => scores.dim(),
            // A sample takes more than a byte of any file.
            Self::Counted(counts) => (counts.samples() as usize, counts.num_classes()),
        }
    }

    /// The class with the largest score of each sample, `[N]`; of equal scores the first. Nothing
    /// of what was counted.
    pub fn predicted(&self) -> Vec<usize> {
        match self {
            Self::F32(scores) => scores.rows().into_iter().map(first_largest).collect(),
            Self::F64(scores) => scores.rows().into_iter().map(first_largest).collect(),
            Self::Classes(classes) => classes.predicted.clone(),
            Self::Stored(scores) => scores.predicted(),
            Self::Counted(_) => Vec::new(),
        }
    }
}

/// The class with the largest score; of equal scores the first.
fn first_largest<T: Copy + PartialOrd>(row: ArrayView1<'_, T>) -> usize {
    /// Maxima are taken in so many parts, which fit the processor's vectors.
    const LANES: usize = 16;
    let Some(row) = row.to_slice() else {
        let first = row.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
        return first.map_or(0, |(class, _)| class);
    };
    let larger = |a: T, b: T| if b > a { b } else { a };
    let Some(&first) = row.first() else { return 0 };
    let (whole, rest) = row.as_chunks::<LANES>();
    let lanes = whole.iter().fold([first; LANES], |mut lanes, chunk| {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &score)| *lane = larger(*lane, score));
        lanes
    });
    let largest = lanes.iter().chain(rest).copied().fold(first, larger);
    row.iter().position(|&score| score == largest).unwrap_or(0)
}

/// Checked predictions: N >= 1, K >= 2, every logit finite, every label in 0..K.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Logits `[N, K]`.
    pub logits: Logits,
    /// Labels `[N]`, each below K.
    pub labels: Array1<usize>,
    /// The file, the pair or the folder.
    pub source: PredictionSource,
    /// SHA-256 of the file in lower-case hexadecimal; of several all, joined by commas in the order
    /// of `files`.
    pub sha256: String,
    /// The files that were read; of a pair the scores first, of a folder in the order of the
    /// samples.
    pub files: Vec<StoredFile>,
    /// Element type of the stored logits.
    pub stored_dtype: ElementType,
    /// Readings of the file where it does not say it plainly, what was taken for what: sentences
    /// without a full stop.
    pub notes: Vec<String>,
    /// Doubts about the file: other columns that contradict scores and labels, labels that were
    /// rounded or begin at 1, scores that are none. Sentences without a full stop.
    pub doubts: Vec<String>,
    /// Mark that all samples are training samples: a column, the name of an array.
    pub training: Option<String>,
}

impl Predictions {
    /// N.
    pub fn num_samples(&self) -> usize {
        self.logits.dim().0
    }

    /// K.
    pub fn num_classes(&self) -> usize {
        self.logits.dim().1
    }
}

/// Reads and checks predictions that say themselves what they are.
///
/// # Errors
/// An [`InputError`] that names the file and the sample, class, line, array or byte; nothing is
/// read half.
pub fn read(source: &PredictionSource) -> Result<Predictions, InputError> {
    read_as(source, &Reading::default())
}

/// Reads and checks predictions, with what is said of them.
///
/// # Errors
/// As [`read`]; [`PredictionsError::NotTheScoresSaid`].
pub fn read_as(source: &PredictionSource, reading: &Reading) -> Result<Predictions, InputError> {
    let parts = parts::of(source)?;
    // Scores that are changed, put together or left out in part are held in memory.
    let held = parts.len() > 1 || reading.scores == Some(Scores::Probabilities) || reading.keys.index.is_some();
    let reading = &Reading { in_memory: if held { u64::MAX } else { reading.in_memory }, ..reading.clone() };
    let read = parts.iter().map(|part| file::read(part, reading)).collect::<Result<Vec<_>, _>>()?;
    let (mut whole, beside) = parts::join(source, read)?;
    let beside = once::taken_once(&mut whole, beside, reading)?;
    classes_alone::refuse_from_one(&whole, reading)?;
    let said = [beside.sentences(&whole), doubts::doubts(&whole, reading)].concat();
    whole.doubts.extend(said);
    let says_training = |file: &StoredFile| {
        let name = file.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        splits::in_name(&name) == Some(splits::TRAINING)
    };
    let by_name = whole.files.iter().all(says_training).then(|| "the name of the file".to_owned());
    whole.training = beside.training.or(by_name);
    let place = whole.files.first().map(|file| file.path.clone()).unwrap_or_default();
    whole.doubts.extend(label_column::doubt(&place, &whole.logits, whole.labels.as_slice().unwrap_or_default())?);
    if reading.scores.is_none() && scale::is_one_hot(&whole.logits) {
        let sentence =
            "each row of the scores is one 1 among zeros: these are predicted classes, and no margin means anything";
        whole.doubts.push(sentence.to_owned());
    }
    if let Some(Scores::Probabilities) = reading.scores {
        let zeros = scale::take_logarithms(&place, &mut whole.logits)?;
        whole.notes.push("the scores are probabilities; their logarithms are taken".to_owned());
        if zeros > 0 {
            whole
                .notes
                .push(format!("{zeros} of the probabilities are 0 and are taken for half of the smallest other one"));
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests;
