//! A folder of files that together are one set of predictions.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2, Axis, concatenate};

use super::beside::Beside;
use super::convert::Converted;
use super::file::Part;
use super::names::{LABEL_NAMES, SCORE_NAMES, plain};
use super::{Classes, Logits, PredictionSource, Predictions, PredictionsError, foreign, overlap};
use crate::words::Words;
use crate::{InputError, Result, natural_order};

/// The parts of a source: itself, or of a folder its files in natural order (2 before 10).
pub(super) fn of(source: &PredictionSource) -> Result<Vec<PredictionSource>> {
    let folder = match source {
        PredictionSource::File(path) if path.is_dir() => path,
        _ => return Ok(vec![source.clone()]),
    };
    let io = |source| InputError::Io { file: folder.clone(), action: "list the folder", source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.is_file() && PredictionSource::is_called_so(&path) {
            files.push(path);
        }
    }
    let is_called = |word: &str| {
        let is = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(word));
        files.iter().any(is)
    };
    if is_called("batch_indices") && is_called("predictions") {
        let found = "a folder of batches whose places among the samples stand in other files (batch_indices)";
        return Err(foreign::refused(folder, found, foreign::of_lightning(folder)));
    }
    files.sort_by(|a, b| natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    if files.is_empty() {
        let problem = "the folder holds no file of predictions (.npz, .npy, .pt, .csv, .json, ...)".to_owned();
        return Err(PredictionsError::Parts { file: folder.clone(), problem }.into());
    }
    Ok(pairs(&files).unwrap_or_else(|| files.into_iter().map(PredictionSource::File).collect()))
}

/// Pairs of files that are called alike but for the words for scores and labels, if all are.
fn pairs(files: &[PathBuf]) -> Option<Vec<PredictionSource>> {
    let mut by_rest: BTreeMap<String, [Option<&PathBuf>; 2]> = BTreeMap::new();
    for file in files {
        let (role, rest) = role(file)?;
        if by_rest.entry(rest).or_default().get_mut(role)?.replace(file).is_some() {
            return None;
        }
    }
    let mut by_rest: Vec<(String, [Option<&PathBuf>; 2])> = by_rest.into_iter().collect();
    by_rest.sort_by(|(a, _), (b, _)| natural_order(a, b));
    let pair = |(_, halves): (String, [Option<&PathBuf>; 2])| match halves {
        [Some(logits), Some(labels)] => Some(PredictionSource::Pair { logits: logits.clone(), labels: labels.clone() }),
        _ => None,
    };
    by_rest.into_iter().map(pair).collect()
}

/// 0 for scores and 1 for labels, by a word of the name, and the name without it.
fn role(file: &Path) -> Option<(usize, String)> {
    let stem = file.file_stem()?.to_string_lossy().into_owned();
    let words: Vec<&str> = stem.split(['_', '-', '.']).collect();
    let is = |names: Words, word: &str| names.contains(&plain(word));
    let found: Vec<(usize, usize)> = words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| match (is(SCORE_NAMES, word), is(LABEL_NAMES, word)) {
            (true, false) => Some((0, at)),
            (false, true) => Some((1, at)),
            _ => None,
        })
        .collect();
    let &[(role, at)] = found.as_slice() else { return None };
    let rest: Vec<&str> = words.iter().enumerate().filter(|(word, _)| *word != at).map(|(_, word)| *word).collect();
    Some((role, rest.join("_")))
}

/// One set of predictions of the parts.
pub(super) fn join(source: &PredictionSource, parts: Vec<Part>) -> Result<(Predictions, Beside)> {
    let several = parts.len() > 1;
    let odd = if several { overlap::check(&parts)? } else { Vec::new() };
    let mut files = Vec::new();
    let mut all: Vec<Converted> = Vec::new();
    for (converted, stored) in parts {
        let classes = converted.logits.dim().1;
        if let Some(first) = all.first().filter(|first| first.logits.dim().1 != classes) {
            let problem = format!("{classes} classes, the parts before it have {}", first.logits.dim().1);
            let file = stored.first().map(|file| file.path.clone()).unwrap_or_default();
            return Err(PredictionsError::Parts { file, problem }.into());
        }
        files.extend(stored);
        all.push(converted);
    }
    let Some(first) = all.first_mut() else {
        let (PredictionSource::File(file) | PredictionSource::Pair { logits: file, .. }) = source;
        return Err(PredictionsError::Parts { file: file.clone(), problem: "there is no part".to_owned() }.into());
    };
    let (stored_dtype, first_notes) = (first.element, first.notes.clone());
    let mut beside = std::mem::take(&mut first.beside);
    let mut notes = first_notes.clone();
    if several {
        let name = |file: &super::StoredFile| file.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let names: Vec<String> = files.iter().filter_map(name).collect();
        notes.insert(0, format!("{} parts, in this order: {}", all.len(), crate::quoting::quoted_list(names)));
    }
    notes.extend(odd);
    for part in all.iter_mut().skip(1) {
        beside.add(std::mem::take(&mut part.beside));
        notes.extend(part.notes.iter().filter(|note| !first_notes.contains(note)).cloned());
    }
    notes.dedup();
    let labels = all.iter().flat_map(|part| part.labels.iter().copied()).collect();
    let logits = if several { joined(all) } else { all.swap_remove(0).logits };
    let sha256: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
    let sha256 = sha256.join(",");
    Ok((
        Predictions {
            logits,
            labels,
            source: source.clone(),
            sha256,
            files,
            stored_dtype,
            notes,
            doubts: Vec::new(),
            training: None,
        },
        beside,
    ))
}

fn joined(parts: Vec<Converted>) -> Logits {
    // All parts have as many columns, which `join` has seen.
    let same = "parts of one width";
    let num_classes = parts.first().map_or(0, |part| part.logits.dim().1);
    if parts.iter().any(|part| matches!(part.logits, Logits::Classes(_))) {
        let predicted = parts.iter().flat_map(|part| part.logits.predicted()).collect();
        return Logits::Classes(Classes { predicted, num_classes, in_order: true });
    }
    let singles: Vec<ArrayView2<'_, f32>> = parts
        .iter()
        .filter_map(|part| match &part.logits {
            Logits::F32(scores) => Some(scores.view()),
            _ => None,
        })
        .collect();
    if singles.len() == parts.len() {
        return Logits::F32(concatenate(Axis(0), &singles).expect(same));
    }
    let doubles: Vec<Array2<f64>> = parts
        .into_iter()
        .filter_map(|part| match part.logits {
            Logits::F32(scores) => Some(scores.mapv(f64::from)),
            Logits::F64(scores) => Some(scores),
            Logits::Classes(_) | Logits::Counted(_) | Logits::Stored(_) => None,
        })
        .collect();
    let views: Vec<ArrayView2<'_, f64>> = doubles.iter().map(|scores| scores.view()).collect();
    Logits::F64(concatenate(Axis(0), &views).expect(same))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_told_by_a_word() {
        let of = |name: &str| role(Path::new(name));
        assert_eq!(of("rank0_logits.npy"), Some((0, "rank0".to_owned())));
        assert_eq!(of("labels-rank0.npy"), Some((1, "rank0".to_owned())));
        assert_eq!(of("part0.npz"), None);
    }
}
