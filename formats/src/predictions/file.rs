//! Predictions in one file or a pair, whatever their format.

use std::borrow::Cow;
use std::path::Path;

#[cfg(feature = "arrow")]
use super::arrow;
use super::belong::LABELS_SIDE;
use super::beside::names_samples;
use super::choice::{Chosen, choose, choose_alone};
use super::columns::matrix_of;
use super::convert::{Converted, Files, convert};
use super::frames::{by_sample, unfolded};
use super::npz::{self, is_torch_save};
use super::outside;
use super::saved::arrays_of_pickle;
use super::stacked::stacked;
use super::{LABELS, LOGITS, PredictionSource, PredictionsError, Reading, StoredFile, csv, label_column, safetensors};
use crate::array::Array;
use crate::budget::{Budget, Exceeded};
use crate::content::Content;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::named::{Named, arrays_of, arrays_of_half};
use crate::npy::{self, Npy};
use crate::quoting::in_command;
use crate::safetensors::{is_safetensors, is_truncated_safetensors};
use crate::text::{is_text, text_of};
use crate::weights::{Saved, with_saved};
use crate::{InputError, Result};

const JSON: &str = "give an object with logits and labels, or a list of such objects";

/// What a file is by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Npz,
    Npy,
    Safetensors,
    /// `torch.save` or a plain pickle.
    Saved,
    Json,
    /// Parquet, Arrow, Feather.
    #[cfg(feature = "arrow")]
    Arrow,
    Table,
}

/// Predictions of a part with the files they were in.
pub(super) type Part = (Converted, Vec<StoredFile>);

/// Reads a file or a pair.
pub(super) fn read(source: &PredictionSource, reading: &Reading) -> Result<Part> {
    match source {
        PredictionSource::File(file) => {
            let outside = outside::of_safetensors(file, reading.in_memory);
            if let Some((arrays, budget)) = outside.or_else(|| outside::of_npz(file, reading)) {
                let files = Files { logits: file, labels: file };
                let converted = convert(files, choose(file, arrays, reading)?, reading, &mut { budget })?;
                // Names alone may have chosen scores that are small.
                if let Some(scores) = converted.logits.stored() {
                    let stored = scores.file();
                    return Ok((converted, vec![stored]));
                }
            }
            let content = Content::read(file)?;
            let (converted, sha256) = content.parse_and_hash(|content| whole(content, reading))?;
            Ok((converted, vec![stored(&content, sha256)]))
        }
        PredictionSource::Pair { logits, labels } => {
            if let Some(array) = outside::of_npy(logits, reading.in_memory) {
                return pair_outside(logits, array, &Content::read(labels)?, reading);
            }
            let (logits, labels) = (Content::read(logits)?, Content::read(labels)?);
            let ((converted, labels_sha256), logits_sha256) =
                logits.parse_and_hash(|logits| labels.parse_and_hash(|labels| pair(logits, labels, reading)))?;
            Ok((converted, vec![stored(&logits, logits_sha256), stored(&labels, labels_sha256)]))
        }
    }
}

/// Scores that stay in their file, beside labels.
fn pair_outside(file: &Path, scores: Array<'static>, labels: &Content, reading: &Reading) -> Result<Part> {
    let bytes = usize::try_from(scores.outside_bytes()).unwrap_or(usize::MAX);
    let (converted, sha256) = labels.parse_and_hash(|labels| {
        let budget = &mut Budget::of(labels.bytes.len().saturating_add(bytes));
        half(labels, LABELS, reading, budget, |(labels_name, labels_array, beside), budget| {
            let logits_name = String::new();
            let chosen = Chosen { logits: scores, logits_name, labels: labels_array, labels_name, beside };
            convert(Files { logits: file, labels: &labels.file }, chosen, reading, budget)
        })
    })?;
    let own = match converted.logits.stored() {
        Some(scores) => scores.file(),
        // Whole numbers that are classes were read already.
        None => return Err(PredictionsError::Changed { file: file.to_path_buf() }.into()),
    };
    Ok((converted, vec![own, stored(labels, sha256)]))
}

fn stored(content: &Content, sha256: String) -> StoredFile {
    StoredFile { path: content.file.clone(), bytes: content.bytes.len() as u64, sha256 }
}

fn whole(content: &Content, reading: &Reading) -> Result<Converted> {
    let file = content.file.as_path();
    let budget = &mut Budget::of(content.bytes.len());
    let both = |arrays: Vec<Named<'_>>, budget: &mut Budget| {
        let arrays = stacked(file, arrays, reading, budget)?;
        convert(Files { logits: file, labels: file }, choose(file, arrays, reading)?, reading, budget)
    };
    match format(content)? {
        Format::Npz => {
            let arrays = npz::arrays(content, reading, budget)?;
            both(arrays, budget)
        }
        Format::Npy => match npy::parse(file, LOGITS, Cow::Borrowed(&content.bytes))? {
            Npy::Array(array) => Err(label_column::refusal(file, &array, Some("numpy.load"))
                .unwrap_or_else(|| InputError::LoneNpy { file: file.to_path_buf() })),
            Npy::Pickle(bytes, start) => {
                let arrays = arrays_of_pickle(content, bytes.get(start..).unwrap_or_default(), "pickle", budget)?;
                both(arrays, budget)
            }
        },
        Format::Safetensors => both(safetensors::arrays(file, &content.bytes)?, budget),
        Format::Saved => with_saved(content, budget, |saved, budget| {
            let saved = unfolded(saved, budget).map_err(|exceeded| exceeded.of(file, "saved object".to_owned()))?;
            let arrays = arrays_of(file, saved, budget)?;
            both(arrays, budget)
        }),
        Format::Json => {
            let text = text_of(content, budget)?;
            let saved = read_json(file, &text, JSON, budget)?;
            let saved = unfolded(saved, budget).map_err(|exceeded| exceeded.of(file, "JSON".to_owned()))?;
            let arrays = arrays_of(file, saved, budget)?;
            both(arrays, budget)
        }
        #[cfg(feature = "arrow")]
        Format::Arrow => {
            let arrays = arrow::arrays(content, budget)?;
            let reading = &arrow::with_index(reading, &arrays);
            let arrays = stacked(file, arrays, reading, budget)?;
            convert(Files { logits: file, labels: file }, choose(file, arrays, reading)?, reading, budget)
        }
        Format::Table => {
            let text = text_of(content, budget)?;
            csv::parse(content, &text, reading, budget)
        }
    }
}

fn pair(logits: &Content, labels: &Content, reading: &Reading) -> Result<Converted> {
    let budget = &mut Budget::of(logits.bytes.len().saturating_add(labels.bytes.len()));
    let files = Files { logits: &logits.file, labels: &labels.file };
    half(logits, LOGITS, reading, budget, |(logits_name, scores, beside), budget| {
        half(labels, LABELS, reading, budget, |(labels_name, labels, of_labels), budget| {
            // Samples that the labels alone name are those of both.
            let both = !beside.is_empty();
            let mut all: Vec<Named<'_>> = beside;
            for mut named in of_labels {
                if both {
                    named.name.insert_str(0, LABELS_SIDE);
                }
                all.push(named);
            }
            // Names that only tell the files apart say nothing.
            let chosen = Chosen { logits: scores, logits_name, labels, labels_name, beside: all };
            convert(files, chosen, reading, budget)
        })
    })
}

/// What it is called, the array, and what names the samples beside it.
type Half<'a> = (String, Array<'a>, Vec<Named<'a>>);

/// Gives the one array of a role in a file of its own to `then`.
fn half<T>(
    content: &Content,
    role: &'static str,
    reading: &Reading,
    budget: &mut Budget,
    then: impl FnOnce(Half<'_>, &mut Budget) -> Result<T>,
) -> Result<T> {
    let file = content.file.as_path();
    let arrays = match format(content)? {
        Format::Npz => npz::arrays(content, &Reading::default(), budget)?,
        Format::Npy => match npy::parse(file, role, Cow::Borrowed(&content.bytes))? {
            Npy::Array(array) => vec![Named { name: String::new(), array: Ok(array) }],
            Npy::Pickle(bytes, start) => {
                arrays_of_pickle(content, bytes.get(start..).unwrap_or_default(), "pickle", budget)?
            }
        },
        Format::Safetensors => safetensors::arrays(file, &content.bytes)?,
        Format::Saved => {
            return with_saved(content, budget, |saved, budget| {
                let arrays = arrays_by_sample(file, saved, budget)?;
                then(chosen_alone(file, arrays, role, reading)?, budget)
            });
        }
        Format::Json => {
            let text = text_of(content, budget)?;
            let saved = read_json(file, &text, JSON, budget)?;
            arrays_by_sample(file, saved, budget)?
        }
        #[cfg(feature = "arrow")]
        Format::Arrow => arrow::arrays(content, budget)?,
        Format::Table => {
            let text = text_of(content, budget)?;
            let (name, array, beside) = matrix_of(file, &text, role, reading, budget)?;
            return then((name, array, beside), budget);
        }
    };
    then(chosen_alone(file, arrays, role, reading)?, budget)
}

/// The arrays of a file that holds the scores or the labels alone, perhaps by the names of the samples.
fn arrays_by_sample<'a>(file: &Path, saved: Saved<'a>, budget: &mut Budget) -> Result<Vec<Named<'a>>> {
    let exceeded = |exceeded: Exceeded| exceeded.of(file, "samples by their names".to_owned());
    let (saved, names) = by_sample(unfolded(saved, budget).map_err(exceeded)?, budget).map_err(exceeded)?;
    let mut arrays = arrays_of_half(file, saved, budget)?;
    arrays.extend(names);
    Ok(arrays)
}

/// Chooses the array of a role, and what names its samples where anything else is there.
fn chosen_alone<'a>(file: &Path, arrays: Vec<Named<'a>>, role: &'static str, reading: &Reading) -> Result<Half<'a>> {
    let names_samples = |named: &Named<'_>| names_samples(&named.name, reading);
    let is_alone = arrays.iter().all(names_samples);
    let (beside, arrays) = arrays.into_iter().partition(|named| !is_alone && names_samples(named));
    let (name, array) = choose_alone(file, arrays, role, reading)?;
    Ok((name, array, beside))
}

fn format(content: &Content) -> Result<Format> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    if bytes.starts_with(b"PK") {
        if file.extension().is_some_and(|end| end.eq_ignore_ascii_case("xlsx")) {
            let name = in_command(file);
            let line = format!(
                "python -c \"import pandas as pd; pd.read_excel('{name}').to_csv('predictions.csv', index=False)\""
            );
            return Err(PredictionsError::Foreign { file: file.to_path_buf(), found: "an Excel workbook", line }.into());
        }
        return Ok(if is_torch_save(file, bytes)? { Format::Saved } else { Format::Npz });
    }
    if bytes.starts_with(npy::MAGIC) {
        return Ok(Format::Npy);
    }
    if is_safetensors(bytes) || is_truncated_safetensors(bytes) {
        return Ok(Format::Safetensors);
    }
    if is_arrow(bytes) {
        #[cfg(feature = "arrow")]
        return Ok(Format::Arrow);
        #[cfg(not(feature = "arrow"))]
        return Err(PredictionsError::NeedsArrow { file: file.to_path_buf() }.into());
    }
    refuse_foreign(content)?;
    refuse_impostor(content)?;
    // Protocol 2 of pickles and those after it begin so, `torch.save` before 1.6 among them.
    if bytes.first() == Some(&0x80) {
        return Ok(Format::Saved);
    }
    if is_text(bytes) {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
        return Ok(if matches!(first, Some(b'{' | b'[')) { Format::Json } else { Format::Table });
    }
    let start: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Err(InputError::UnknownFormat {
        file: file.to_path_buf(),
        found: format!("the bytes {}", start.join(" ")),
        expected: "predictions as .npz, .safetensors, torch.save, a pickle, CSV, JSON, Parquet, Arrow, or a pair LOGITS.npy,LABELS.npy",
    })
}

/// Whether bytes are those of Parquet, of an Arrow file (which Feather is), or of a stream of Arrow.
fn is_arrow(bytes: &[u8]) -> bool {
    [&b"PAR1"[..], b"ARROW1\0\0", b"\xff\xff\xff\xff"].iter().any(|begin| bytes.starts_with(begin))
}

/// What joblib's pickles name, within so many bytes.
const JOBLIB: &[u8] = b"joblib.numpy_pickle";
const LOOKED_AT: usize = 4096;

/// Refuses formats of other programs with the line that converts them.
fn refuse_foreign(content: &Content) -> Result<()> {
    let bytes = content.bytes.as_slice();
    let name = in_command(&content.file);
    let ends = content.file.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let start = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let (found, line) = match bytes {
        _ if matches!(ends.as_str(), "rds" | "rda" | "rdata") || bytes.starts_with(b"RDX") => {
            ("a file of R", format!("Rscript -e \"write.csv(readRDS('{name}'), 'predictions.csv', row.names=FALSE)\""))
        }
        _ if ends == "joblib" || start.windows(JOBLIB.len()).any(|part| part == JOBLIB) => (
            "a file of joblib",
            format!(
                "python -c \"import joblib, numpy; numpy.savez('predictions.npz', **joblib.load('{name}'))\", which \
                 runs code of the file"
            ),
        ),
        [b'F', b'E', b'A', b'1', ..] => (
            "a Feather table of the first version",
            format!(
                "python -c \"import pandas as pd; pd.read_feather('{name}').to_csv('predictions.csv', index=False)\""
            ),
        ),
        [0x89, b'H', b'D', b'F', ..] => (
            "an HDF5 file",
            format!(
                "python -c \"import h5py, numpy; f = h5py.File('{name}'); \
                 numpy.savez('predictions.npz', **{{k: f[k][()] for k in f}})\""
            ),
        ),
        [b'M', b'A', b'T', b'L', b'A', b'B', b' ', ..] => (
            "a file of MATLAB",
            format!(
                "python -c \"import scipy.io, numpy; d = scipy.io.loadmat('{name}'); \
                 numpy.savez('predictions.npz', **{{k: v for k, v in d.items() if k[0] != '_'}})\""
            ),
        ),
        _ if bytes.get(257..262) == Some(b"ustar") => ("a tar archive", format!("tar -xf '{name}'")),
        _ => return Ok(()),
    };
    Err(PredictionsError::Foreign { file: content.file.clone(), found, line }.into())
}
