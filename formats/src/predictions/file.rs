//! Predictions in one file or a pair, whatever their format.

use std::borrow::Cow;
use std::path::Path;

#[cfg(feature = "arrow")]
use super::arrow;
use super::belong::LABELS_SIDE;
use super::beside::names_samples;
use super::choice::{Chosen, choose, choose_alone};
use super::convert::{Converted, Files, convert};
use super::foreign::refuse_foreign;
use super::frames::unfolded;
use super::half_table::half_of_table;
use super::keyed::{BySample, by_sample};
use super::npz::{self, is_torch_save};
use super::one_hot::{absent_column, aligned};
use super::order::{Half, Rows, in_order};
use super::outside;
use super::own_names::{self, listed};
use super::saved::arrays_of_pickle;
use super::stacked::{stacked, stacked_alone};
use super::{
    LABELS, LOGITS, PredictionSource, PredictionsError, Reading, StoredFile, csv, label_column, orange, record_columns,
    safetensors, weka,
};
use crate::array::Array;
use crate::budget::Budget;
use crate::content::Content;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::named::{Named, arrays_of, arrays_of_half};
use crate::npy::{self, Npy};
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
                let converted = of_arrays(file, arrays, reading, &mut { budget })?;
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
        half(labels, LABELS, None, reading, budget, |labels_half, budget| {
            let scores = Half::new(String::new(), scores, Vec::new(), Rows::InOrder);
            of_halves(Files { logits: file, labels: &labels.file }, [scores, labels_half], reading, budget)
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
        of_arrays(file, arrays, reading, budget)
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
            let saved = unfolded(saved, budget).and_then(|saved| listed(saved, budget));
            let saved = saved.map_err(|exceeded| exceeded.of(file, "saved object".to_owned()))?;
            let arrays = arrays_of(file, saved, budget)?;
            both(arrays, budget)
        }),
        Format::Json => {
            let text = text_of(content, budget)?;
            match arrays_of_json(file, &text, budget) {
                Err(error @ InputError::Budget { .. }) => {
                    // What the tree took was given back.
                    let budget = &mut Budget::of(content.bytes.len());
                    both(record_columns::read(&text, budget).ok_or(error)?, budget)
                }
                arrays => both(arrays?, budget),
            }
        }
        #[cfg(feature = "arrow")]
        Format::Arrow => {
            let arrays = arrow::arrays(content, budget)?;
            let reading = &arrow::with_index(reading, &arrays);
            let arrays = stacked(file, arrays, reading, budget)?;
            of_arrays(file, arrays, reading, budget)
        }
        Format::Table => {
            let text = text_of(content, budget)?;
            if let Some((text, note)) = weka::plain(file, &text, reading, budget)? {
                return csv::parse(content, &text, reading, budget).map(|converted| noted(converted, note));
            }
            if let Some(plain) = orange::plain(file, &text, reading, budget)? {
                let converted = csv::parse(content, &plain.text, &plain.reading, budget)?;
                return Ok(noted(converted, plain.note));
            }
            csv::parse(content, &text, reading, budget)
        }
    }
}

fn arrays_of_json(file: &Path, text: &str, budget: &mut Budget) -> Result<Vec<Named<'static>>> {
    let saved = read_json(file, text, JSON, budget)?;
    let saved = unfolded(saved, budget).and_then(|saved| listed(saved, budget));
    let saved = saved.map_err(|exceeded| exceeded.of(file, "JSON".to_owned()))?;
    arrays_of(file, saved, budget)
}

/// Predictions with what was made of their file.
fn noted(mut converted: Converted, note: String) -> Converted {
    converted.notes.insert(0, note);
    converted
}

/// Predictions of the arrays of one file.
fn of_arrays(file: &Path, mut arrays: Vec<Named<'_>>, reading: &Reading, budget: &mut Budget) -> Result<Converted> {
    let own = own_names::taken(file, &mut arrays, reading, budget)?;
    let chosen = choose(file, arrays, reading)?;
    let applied = own_names::applied(file, &own, &chosen.labels, reading)?;
    let mut converted = convert(Files { logits: file, labels: file }, chosen, &applied.reading, budget)?;
    converted.notes.extend(applied.note);
    converted.beside.odd.extend(applied.doubts);
    Ok(converted)
}

fn pair(logits: &Content, labels: &Content, reading: &Reading) -> Result<Converted> {
    let budget = &mut Budget::of(logits.bytes.len().saturating_add(labels.bytes.len()));
    let files = Files { logits: &logits.file, labels: &labels.file };
    half(labels, LABELS, None, reading, budget, |labels, budget| {
        let samples = labels.array.shape.first().copied();
        half(logits, LOGITS, samples, reading, budget, |scores, budget| {
            of_halves(files, [scores, labels], reading, budget)
        })
    })
}

/// Predictions of the two halves of a pair.
fn of_halves(
    files: Files<'_>,
    [mut scores, mut labels]: [Half<'_>; 2],
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Converted> {
    let mut note = None;
    if labels.beside.is_empty() {
        (scores, note) = in_order(scores, files.logits, files.labels, budget)?;
    } else if scores.beside.is_empty() {
        (labels, note) = in_order(labels, files.labels, files.logits, budget)?;
    }
    labels = aligned(files.labels, &scores, labels, reading)?;
    let notes = [scores.notes, labels.notes].concat();
    let names = scores.columns;
    let applied = own_names::applied(files.logits, &scores.own, &labels.array, reading)?;
    // Samples that the labels alone name are those of both.
    let both = !scores.beside.is_empty();
    let mut beside = scores.beside;
    for mut named in labels.beside {
        if both {
            named.name.insert_str(0, LABELS_SIDE);
        }
        beside.push(named);
    }
    let (logits, logits_name, labels, labels_name) = (scores.array, scores.name, labels.array, labels.name);
    let chosen = Chosen { logits, logits_name, labels, labels_name, beside };
    let mut converted = convert(files, chosen, &applied.reading, budget)?;
    converted.notes.extend(notes.into_iter().chain(note).chain(applied.note));
    converted.beside.odd.extend(applied.doubts);
    converted.beside.odd.extend(names.and_then(|names| absent_column(&names, &converted.labels, reading)));
    Ok(converted)
}

/// Gives the one array of a role in a file of its own to `then`; the other file has `samples`, if
/// that is known.
fn half<T>(
    content: &Content,
    role: &'static str,
    samples: Option<usize>,
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
                let (arrays, keyed, notes) = arrays_by_sample(file, saved, (role, samples), reading, budget)?;
                let rows = if keyed { Rows::BySortedKeys } else { Rows::InOrder };
                then(chosen_alone(file, arrays, rows, role, reading, notes, budget)?, budget)
            });
        }
        Format::Json => {
            let text = text_of(content, budget)?;
            let saved = read_json(file, &text, JSON, budget)?;
            let (arrays, keyed, notes) = arrays_by_sample(file, saved, (role, samples), reading, budget)?;
            let rows = if keyed { Rows::ByKeys } else { Rows::InOrder };
            return then(chosen_alone(file, arrays, rows, role, reading, notes, budget)?, budget);
        }
        #[cfg(feature = "arrow")]
        Format::Arrow => arrow::arrays(content, budget)?,
        Format::Table => {
            let text = text_of(content, budget)?;
            return then(half_of_table(file, &text, role, reading, budget)?, budget);
        }
    };
    then(chosen_alone(file, arrays, Rows::InOrder, role, reading, Vec::new(), budget)?, budget)
}

/// The arrays of a file that holds the scores or the labels alone, whether keys name the samples,
/// and what was left out, in sentences.
fn arrays_by_sample<'a>(
    file: &Path,
    saved: Saved<'a>,
    (role, samples): (&'static str, Option<usize>),
    reading: &Reading,
    budget: &mut Budget,
) -> Result<(Vec<Named<'a>>, bool, Vec<String>)> {
    let BySample { saved, names, keyed } = by_sample(file, saved, role, samples, budget)?;
    let saved = listed(saved, budget).map_err(|exceeded| exceeded.of(file, "names of classes".to_owned()))?;
    let mut arrays = arrays_of_half(file, saved, budget)?;
    let mut notes = Vec::new();
    if role == LOGITS {
        let note;
        (arrays, note) = stacked_alone(file, arrays, reading, budget)?;
        notes.extend(note);
    }
    arrays.extend(names);
    Ok((arrays, keyed, notes))
}

/// Chooses the array of a role, and what names its samples where anything else is there.
fn chosen_alone<'a>(
    file: &Path,
    arrays: Vec<Named<'a>>,
    rows: Rows,
    role: &'static str,
    reading: &Reading,
    notes: Vec<String>,
    budget: &mut Budget,
) -> Result<Half<'a>> {
    let mut arrays = arrays;
    let own = if role == LOGITS { own_names::taken(file, &mut arrays, reading, budget)? } else { Vec::new() };
    let names_samples = |named: &Named<'_>| names_samples(&named.name, reading);
    let is_alone = arrays.iter().all(names_samples);
    let (beside, arrays) = arrays.into_iter().partition(|named| !is_alone && names_samples(named));
    let (name, array) = choose_alone(file, arrays, role, reading)?;
    Ok(Half { notes, own, ..Half::new(name, array, beside, rows) })
}

fn format(content: &Content) -> Result<Format> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    refuse_foreign(content)?;
    if bytes.starts_with(b"PK") {
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

/// Whether bytes are those of Parquet, of an Arrow file (which Feather is), or of a stream of
/// Arrow.
fn is_arrow(bytes: &[u8]) -> bool {
    [&b"PAR1"[..], b"ARROW1\0\0", b"\xff\xff\xff\xff"].iter().any(|begin| bytes.starts_with(begin))
}
