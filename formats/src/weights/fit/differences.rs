//! Names that differ from those of a network, and what is nearest to them.

use std::collections::{BTreeMap, BTreeSet};

use super::place::nearest;
use crate::quoting::{extents, quoted};
use crate::weights::Tensor;
use crate::weights::usual::COUNTERS;

/// Names of each kind in a message.
const SHOWN: usize = 4;
/// Names of the file among which the nearest is looked for.
const COMPARED: usize = 4000;
/// Likeness below which a name is not called near.
const NEAR: f64 = 0.7;

/// Says how the names and shapes differ.
pub(super) fn describe(
    tensors: &BTreeMap<String, Tensor>,
    wanted: &BTreeMap<&String, &Vec<usize>>,
    spellings: &[BTreeMap<String, String>],
) -> String {
    let (place, found) = nearest(tensors, wanted, spellings);
    let names: Vec<(String, &Vec<usize>)> = wanted.iter().map(|(own, shape)| (place.name_of(own), *shape)).collect();
    let known: BTreeSet<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    let spare: Vec<&str> = tensors
        .keys()
        .map(String::as_str)
        .filter(|name| !known.contains(name) && !COUNTERS.iter().any(|counter| name.ends_with(counter)))
        .take(COMPARED)
        .collect();
    let below = if place.prefix.is_empty() { String::new() } else { format!(" below {}", quoted(&place.prefix)) };
    let mut parts = vec![format!("of its {} tensors {found} are there{below}", names.len())];
    let missing: Vec<&str> =
        names.iter().map(|(name, _)| name.as_str()).filter(|name| !tensors.contains_key(*name)).collect();
    if !missing.is_empty() {
        let with_nearest = |name: &&str| match nearest_to(name, &spare) {
            Some(near) => format!("{} (nearest: {})", quoted(name), quoted(near)),
            None => quoted(name),
        };
        parts.push(format!("missing: {}", listed(spread(&missing).map(with_nearest), missing.len())));
    }
    let mut shapes = names.iter().filter_map(|(name, shape)| {
        let found = &tensors.get(name)?.shape;
        (found != *shape).then(|| format!("{} is {}, wanted {shape:?}", quoted(name), extents(found)))
    });
    let first: Vec<String> = shapes.by_ref().take(SHOWN).collect();
    if !first.is_empty() {
        let more = shapes.count();
        parts.push(format!("other shapes: {}", listed(first.iter().cloned(), first.len().saturating_add(more))));
    }
    if !spare.is_empty() {
        parts.push(format!("in the file only: {}", listed(spread(&spare).map(|name| quoted(name)), spare.len())));
    }
    parts.push("`rename` FROM=TO gives names another beginning, another `arch` wants others".to_owned());
    parts.join("; ")
}

/// The first and the last and some between.
fn spread<'a, 'b>(names: &'b [&'a str]) -> impl Iterator<Item = &'b &'a str> {
    let last = names.len().saturating_sub(1);
    let shown = names.len().min(SHOWN);
    (0..shown).filter_map(move |at| {
        names.get(at.saturating_mul(last).checked_div(shown.saturating_sub(1)).unwrap_or_default())
    })
}

fn listed(shown: impl Iterator<Item = String>, of: usize) -> String {
    let shown: Vec<String> = shown.collect();
    let more = of.saturating_sub(shown.len());
    let end = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{end}", shown.join(", "))
}

fn nearest_to<'a>(name: &str, among: &[&'a str]) -> Option<&'a str> {
    let cut = |text: &str| text.chars().rev().take(100).collect::<String>();
    let wanted = cut(name);
    let near = among.iter().map(|other| (strsim::jaro_winkler(&wanted, &cut(other)), *other));
    near.filter(|(likeness, _)| *likeness >= NEAR).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
}
