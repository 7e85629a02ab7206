//! The place of a network in the names of a file.

use std::collections::{BTreeMap, HashMap};

use crate::weights::Tensor;

/// Parts of a network's longest name; no more of a file's name is compared.
const LONGEST_NAME: usize = 12;

/// A beginning of names below which a network stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// The beginning, with its dot; empty at the top.
    pub(super) prefix: String,
    /// Names by the network's own, if another program's.
    spelling: Option<BTreeMap<String, String>>,
}

impl Place {
    /// The name in the file of the network's tensor.
    pub(super) fn name_of(&self, own: &str) -> String {
        format!("{}{}", self.prefix, spelled(self.spelling.as_ref(), own))
    }
}

fn spelled<'a>(spelling: Option<&'a BTreeMap<String, String>>, own: &'a str) -> &'a str {
    spelling.and_then(|spelling| spelling.get(own)).map_or(own, String::as_str)
}

/// The beginnings below which all tensors stand in their shapes, short ones first, the network's
/// own names first.
pub(super) fn complete(
    tensors: &BTreeMap<String, Tensor>,
    wanted: &BTreeMap<&String, &Vec<usize>>,
    spellings: &[BTreeMap<String, String>],
) -> Vec<Place> {
    let mut places = Vec::new();
    for spelling in std::iter::once(None).chain(spellings.iter().map(Some)) {
        let counts = below(tensors, wanted, spelling, |found, shape| found == shape);
        let mut whole: Vec<&str> =
            counts.iter().filter(|(_, count)| **count == wanted.len()).map(|(prefix, _)| *prefix).collect();
        whole.sort_unstable_by_key(|prefix| (prefix.len(), *prefix));
        for prefix in whole {
            places.push(Place { prefix: prefix.to_owned(), spelling: spelling.cloned() });
        }
    }
    places
}

/// The beginning below which most of the names stand, whatever their shapes, and by which spelling.
pub(super) fn nearest(
    tensors: &BTreeMap<String, Tensor>,
    wanted: &BTreeMap<&String, &Vec<usize>>,
    spellings: &[BTreeMap<String, String>],
) -> (Place, usize) {
    let mut best = (Place { prefix: String::new(), spelling: None }, 0);
    for spelling in std::iter::once(None).chain(spellings.iter().map(Some)) {
        let counts = below(tensors, wanted, spelling, |_, _| true);
        let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
        counts.sort_unstable_by_key(|(prefix, _)| (prefix.len(), *prefix));
        for (prefix, count) in counts {
            if count > best.1 {
                best = (Place { prefix: prefix.to_owned(), spelling: spelling.cloned() }, count);
            }
        }
    }
    best
}

/// How many of the wanted tensors stand below each beginning.
fn below<'a>(
    tensors: &'a BTreeMap<String, Tensor>,
    wanted: &BTreeMap<&String, &Vec<usize>>,
    spelling: Option<&BTreeMap<String, String>>,
    fits: impl Fn(&[usize], &[usize]) -> bool,
) -> HashMap<&'a str, usize> {
    let shapes: HashMap<&str, &[usize]> =
        wanted.iter().map(|(own, shape)| (spelled(spelling, own), shape.as_slice())).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for (name, tensor) in tensors {
        let dots = name.rmatch_indices('.').map(|(dot, _)| dot.saturating_add(1));
        for start in dots.chain([0]).take(LONGEST_NAME) {
            if shapes.get(&name[start..]).is_some_and(|shape| fits(&tensor.shape, shape)) {
                *counts.entry(&name[..start]).or_default() =
                    counts.entry(&name[..start]).or_default().saturating_add(1);
            }
        }
    }
    counts
}
