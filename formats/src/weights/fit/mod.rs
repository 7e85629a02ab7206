//! The network that is wanted among the tensors of a file: whatever stands in front of its names is
//! taken off, its last layer is found under the usual names, and what is left out is named.
//!
//! | file | what |
//! | --- | --- |
//! | `place` | where in the names the network stands |
//! | `last_layer` | its last layer, which may stand apart, lie the other way round, or have no bias |
//! | `left_over` | what may be left out, and what may not |
//! | `normalisation` | means and deviations of pixels beside it |
//! | `differences` | which names differ, and what is nearest to them |
//! | `rename` | other beginnings of names, by request |
//! | `wrappers` | parts that wrappers put into names |

mod differences;
mod last_layer;
mod left_over;
mod normalisation;
mod place;
mod rename;
#[cfg(test)]
mod tests;
mod wrappers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Tensor, Weights, WeightsError, nameless, rewritten};
use crate::quoting::{quoted, quoted_list};
use place::Place;

pub use last_layer::{LastLayer, MatrixRows};
pub use normalisation::{KeptNormalisation, kept_normalisation};
pub use rename::Rename;

/// The network that is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The network in words, for messages.
    pub network: String,
    /// Shapes by name, buffers included, counters not.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// The module of the last layer, if that is one apart; its `weight` is [K, D], its `bias`, if
    /// any, has one number a class.
    pub last_layer: Option<String>,
    /// Other programs' names of all tensors of the network, by the network's own.
    pub spellings: Vec<BTreeMap<String, String>>,
}

/// The way in which a file is to be read, as far as it is said.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The set of weights to read (see [`read_under`](super::read_under)).
    pub key: Option<String>,
    /// Beginnings of names to change first.
    pub renames: Vec<Rename>,
    /// Names of tensors or modules to leave out.
    pub leave_out: Vec<String>,
    /// The last layer.
    pub last_layer: LastLayer,
    /// Meaning of the rows of its matrix.
    pub rows: Option<MatrixRows>,
    /// Beginning of names below which alone the last layer is looked for.
    pub last_layer_under: Option<String>,
    /// The scale of a cosine layer.
    pub scale: Option<f64>,
    /// Tells whether the network is wanted even without a last layer that fits.
    pub without_last_layer: bool,
}

/// The weights of the network.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// Tensors by the network's own names; a last layer without bias has one of zeros if the
    /// network has one. Those of the last layer are missing if it was not found and not needed.
    pub tensors: BTreeMap<String, Tensor>,
    /// Place where they stood.
    pub taken: Taken,
}

/// The place in a file where the weights of a network stood, and what was left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// Keys that led to the weights, joined by dots; empty if none.
    pub key: String,
    /// Prefix of the names.
    pub prefix: String,
    /// The module that was taken for the last layer, with all that stands in front of its name.
    pub last_layer: Option<String>,
    /// Tensors that were read and left out, and those that were not read: names, or modules with
    /// the number of their tensors.
    pub unread: Vec<String>,
    /// Normalisation of its input that the file keeps, which is left to whoever gives it.
    pub normalisation: Option<KeptNormalisation>,
}

/// Finds the network in the weights of a file.
pub fn fit(weights: Weights, wanted: &Wanted, reading: &Reading) -> Result<Fitted, WeightsError> {
    let (file, names): (PathBuf, Vec<String>) = (weights.source.clone(), weights.tensors.keys().cloned().collect());
    let nesting = weights.nesting.clone();
    let empty = weights.tensors.values().filter(|tensor| tensor.shape == [0]).count();
    let refused = |(found, remedy): (&str, &'static str)| WeightsError::Rewritten {
        file: file.clone(),
        found: found.to_owned(),
        remedy,
    };
    let fitted = plain(weights, wanted, reading).map_err(|error| match error {
        WeightsError::NamesDiffer { .. } if empty.saturating_mul(2) > names.len() => {
            refused(("empty tensors, as the stage 3 of DeepSpeed's ZeRO leaves them", ZERO))
        }
        WeightsError::NamesDiffer { .. } | WeightsError::LastLayer { .. } | WeightsError::LeftOver { .. } => {
            let found = rewritten::found(names.iter().map(String::as_str), |module| wanted.has_module(module));
            let nameless = || nameless::keys(&nesting, &names);
            match found {
                Some(found) => refused(found),
                None => nameless().map_or(error, |keys| nameless::refused(&file, names.len(), "tensors", &keys)),
            }
        }
        other => other,
    })?;
    match rewritten::whole_numbers(&fitted.tensors) {
        None => Ok(fitted),
        Some((name, kind)) => {
            let found = format!("{} is stored as {kind}: quantised or counted weights", quoted(name));
            Err(WeightsError::Rewritten { file, found, remedy: "save the weights as they were trained, as float32" })
        }
    }
}

/// What makes weights of the parts that DeepSpeed keeps.
const ZERO: &str = "run the zero_to_fp32.py that DeepSpeed put beside the checkpoint and give what it writes";

fn plain(weights: Weights, wanted: &Wanted, reading: &Reading) -> Result<Fitted, WeightsError> {
    let Weights { tensors, source: file, nesting, keys, unread: not_read, .. } = weights;
    let tensors = rename::rename(&file, wrappers::without_wrappers(tensors), &reading.renames)?;
    let named_out = |name: &str| reading.leave_out.iter().any(|module| is_within(name, module));
    let (out, mut tensors): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tensors.into_iter().partition(|(name, _)| named_out(name));
    if let Some(module) = reading.leave_out.iter().find(|module| !out.keys().any(|name| is_within(name, module))) {
        return Err(WeightsError::NamesDiffer {
            file,
            network: wanted.network.clone(),
            problem: format!("nothing is called {}, which is to be left out", quoted(module)),
        });
    }

    let backbone = wanted.backbone();
    let places = place::complete(&tensors, &backbone, &wanted.spellings);
    let Some(place) = chosen(&file, &places, &tensors, &backbone, &keys)? else {
        return Err(WeightsError::NamesDiffer {
            file,
            network: wanted.network.clone(),
            problem: differences::describe(&tensors, &backbone, &wanted.spellings),
        });
    };
    let head = last_layer::find(&file, &tensors, place, wanted, reading)?;
    let mut used: BTreeSet<&str> = head.iter().flat_map(last_layer::Found::names).collect();
    let names: BTreeMap<&String, String> = backbone.keys().map(|&name| (name, place.name_of(name))).collect();
    used.extend(names.values().map(String::as_str));
    let rivals: Vec<&Place> = places.iter().filter(|other| other.prefix != place.prefix).collect();
    let own_last = wanted.last_layer.as_ref().map(|own| place.name_of(&format!("{own}.weight")));
    let own_last = own_last.and_then(|weight| Some(weight.strip_suffix(".weight")?.to_owned()));
    let left = left_over::Context {
        place,
        rivals: &rivals,
        head: head.as_ref(),
        own_last: own_last.filter(|_| head.is_none()),
        backbone: &backbone,
        keys: &keys,
    };
    let rest = || tensors.iter().filter(|(name, _)| !used.contains(name.as_str()));
    let in_head = |name: &str| head.as_ref().is_some_and(|head| is_within(name, &head.whole));
    let normalisation = kept_normalisation(rest().filter(|(name, _)| !in_head(name)));
    let is_kept = |name: &String| normalisation.as_ref().is_some_and(|kept| kept.names.contains(name));
    let mut left = left_over::sort(rest().filter(|(name, _)| !is_kept(name)), &left);
    left.out.extend(normalisation.iter().flat_map(|kept| kept.names.clone()));
    let left = scales(&file, left, &tensors, head.as_ref(), reading)?;
    if !left.questionable.is_empty() {
        let tensors = quoted_list(&left.questionable);
        return Err(WeightsError::LeftOver { file, network: wanted.network.clone(), tensors });
    }

    let (key, prefix) = split(&nesting, &keys, &place.prefix);
    let mut unread = not_read;
    unread.extend(left.named_out(out.keys().map(String::as_str)));
    let last_layer = head.as_ref().map(|head| head.module.clone());
    let mut fitted: BTreeMap<String, Tensor> = BTreeMap::new();
    if let (Some(head), Some(own)) = (&head, &wanted.last_layer) {
        fitted.extend(head.take(&mut tensors, own, wanted.shapes.contains_key(&format!("{own}.bias"))));
    }
    fitted.extend(names.iter().filter_map(|(&own, name)| Some((own.clone(), tensors.remove(name)?))));
    super::check_finite(&file, &fitted)?;
    Ok(Fitted { tensors: fitted, taken: Taken { key, prefix, last_layer, unread, normalisation } })
}

impl Wanted {
    /// Whether a module of the network ends a module's name, or its last layer under a usual name.
    fn has_module(&self, module: &str) -> bool {
        let own = self.shapes.keys().filter_map(|name| name.strip_suffix(".weight"));
        own.chain(last_layer::USUAL)
            .any(|own| module.strip_suffix(own).is_some_and(|front| front.is_empty() || front.ends_with('.')))
    }

    /// The tensors but those of the last layer.
    fn backbone(&self) -> BTreeMap<&String, &Vec<usize>> {
        let is_last = |name: &str| self.last_layer.as_ref().is_some_and(|module| is_within(name, module));
        self.shapes.iter().filter(|(name, _)| !is_last(name)).collect()
    }
}

/// A scale that the last layer keeps has to be the one that is said.
fn scales(
    file: &Path,
    mut left: left_over::LeftOver,
    tensors: &BTreeMap<String, Tensor>,
    head: Option<&last_layer::Found>,
    reading: &Reading,
) -> Result<left_over::LeftOver, WeightsError> {
    let (Some(head), Some(said)) = (head, reading.scale) else { return Ok(left) };
    for name in std::mem::take(&mut left.questionable) {
        let part = name.rsplit('.').next().unwrap_or_default();
        let is_scale = ["scale", "s"].contains(&part) && is_within(&name, &head.module);
        match tensors.get(&name).and_then(last_layer::number).filter(|_| is_scale) {
            Some(kept) if (kept - said).abs() <= 1e-6 * said.abs() => left.out.push(name),
            Some(kept) => {
                let problem =
                    format!("{} is {kept} in the file, and `scale` says {said}; say `scale` {kept}", quoted(&name));
                return Err(WeightsError::LastLayer { file: file.to_owned(), problem });
            }
            None => left.questionable.push(name),
        }
    }
    Ok(left)
}

/// Whether `name` is `module` or something in it.
fn is_within(name: &str, module: &str) -> bool {
    name.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The place to read from; of several, if their tensors are equal, the first.
fn chosen<'a>(
    file: &Path,
    places: &'a [Place],
    tensors: &BTreeMap<String, Tensor>,
    backbone: &BTreeMap<&String, &Vec<usize>>,
    keys: &[String],
) -> Result<Option<&'a Place>, WeightsError> {
    let Some((first, others)) = places.split_first() else { return Ok(None) };
    let equal = |other: &&Place| {
        backbone.keys().all(|&name| tensors.get(&first.name_of(name)) == tensors.get(&other.name_of(name)))
    };
    let differing: Vec<&Place> = others.iter().filter(|other| !equal(other)).collect();
    if differing.is_empty() {
        return Ok(Some(first));
    }
    let all = || [first].into_iter().chain(differing.iter().copied());
    let key_of = |place: &Place| keys.iter().find(|key| is_within(&place.prefix, key)).cloned();
    let by_key: BTreeSet<String> = all().filter_map(key_of).collect();
    let labels: Vec<String> = if by_key.len() == differing.len().saturating_add(1) {
        by_key.into_iter().collect()
    } else {
        all().map(|place| place.prefix.trim_end_matches('.').to_owned()).collect()
    };
    let shown = labels.iter().map(|label| match label.as_str() {
        "" => "no beginning at all (`leave-out` the others to read it)".to_owned(),
        label => quoted(label),
    });
    let candidates = shown.collect::<Vec<_>>().join(", ");
    Err(WeightsError::AmbiguousWeights { file: PathBuf::from(file), candidates })
}

/// The part of a prefix that is a key, behind those already entered, and the rest.
fn split(nesting: &[String], keys: &[String], prefix: &str) -> (String, String) {
    let mut path = nesting.to_vec();
    let rest = match keys.iter().find(|key| is_within(prefix, key)) {
        Some(key) if !prefix.is_empty() => {
            path.push(key.clone());
            prefix[key.len()..].trim_start_matches('.')
        }
        _ => prefix,
    };
    (path.join("."), rest.to_owned())
}
