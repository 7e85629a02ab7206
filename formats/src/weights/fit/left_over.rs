//! Tensors of a file that a network does not use: left out where the scores cannot need them, and
//! questioned elsewhere.
//!
//! Left out are: counters; other sets of weights; with the whole network in one module or under one
//! key, all that stands outside; beside the network, modules that losses, metrics and contrastive
//! training are called. Questioned are: what stands in a module of the network or of its last
//! layer; what may multiply the scores, wherever it stands; a module or a key that may stand in
//! between; another step of a sequence of numbered modules.

use std::collections::{BTreeMap, BTreeSet};

use super::is_within;
use super::last_layer::Found;
use super::place::Place;
use crate::quoting::quoted;
use crate::weights::Tensor;
use crate::weights::usual::COUNTERS;
use crate::words::Words;

/// Parts of names of what may multiply the scores.
const SCALES: [&str; 9] =
    ["scale", "scales", "logit_scale", "learned_norm", "temperature", "tau", "sigma", "lws", "calibration"];
/// How the names of modules begin that only training needs.
const OF_TRAINING: Words = Words(
    "callback criterion loss metric train_ val_ valid_ test_ contrast proj predictor prototype centroid center \
     queue aux rot ssl ema teacher momentum best_ class_",
);
/// How the names of other last layers begin.
const LAST_LAYERS: [&str; 5] = ["fc", "linear", "classifier", "head", "cls"];

/// What is known when the rest is sorted.
pub(super) struct Context<'a> {
    pub(super) place: &'a Place,
    pub(super) rivals: &'a [&'a Place],
    pub(super) head: Option<&'a Found>,
    /// Where the network's own last layer stands, if it does not fit and is not taken.
    pub(super) own_last: Option<String>,
    pub(super) backbone: &'a BTreeMap<&'a String, &'a Vec<usize>>,
    pub(super) keys: &'a [String],
}

/// The rest of a file, sorted.
#[derive(Debug, Default)]
pub(super) struct LeftOver {
    /// Names that are left out; counters are not among them.
    pub(super) out: Vec<String>,
    /// Names that the scores may need.
    pub(super) questionable: Vec<String>,
}

/// Sorts the tensors that are not the network's.
pub(super) fn sort<'a>(rest: impl Iterator<Item = (&'a String, &'a Tensor)>, context: &Context<'_>) -> LeftOver {
    let mut left = LeftOver::default();
    let own: BTreeSet<String> = context
        .backbone
        .keys()
        .map(|name| first_part(&context.place.name_of(name)[context.place.prefix.len()..]).to_owned())
        .collect();
    for (name, tensor) in rest {
        let last = name.rsplit('.').next().unwrap_or(name);
        if COUNTERS.contains(&last) {
            continue;
        }
        let out = context.may_be_left(name, tensor, &own);
        if out { &mut left.out } else { &mut left.questionable }.push(name.clone());
    }
    left
}

fn first_part(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

impl Context<'_> {
    fn may_be_left(&self, name: &str, tensor: &Tensor, own: &BTreeSet<String>) -> bool {
        let prefix = &self.place.prefix;
        if self.head.is_some_and(|head| !head.whole.is_empty() && is_within(name, &head.whole)) {
            return false;
        }
        if self.own_last.as_ref().is_some_and(|own| is_within(name, own)) {
            return true;
        }
        let is_rival = self.rivals.iter().any(|rival| !rival.prefix.is_empty() && name.starts_with(&rival.prefix));
        let relative = beyond(name, prefix);
        let first = first_part(relative).to_ascii_lowercase();
        let is_of_training = OF_TRAINING.iter().any(|beginning| first.starts_with(beginning));
        if is_of_training || is_rival {
            return true;
        }
        // A module that holds the last layer and not the network may do more before it.
        let around = self.head.and_then(|head| head.whole.rsplit_once('.')).map(|(around, _)| around);
        if around.is_some_and(|around| is_within(name, around) && !prefix.starts_with(&format!("{around}."))) {
            return false;
        }
        if name.rsplit('.').take(2).any(|part| SCALES.contains(&part.to_ascii_lowercase().as_str())) {
            return false;
        }
        let key_of = |name: &str| self.keys.iter().find(|key| is_within(name, key));
        let (own_key, key) = (key_of(prefix.trim_end_matches('.')), key_of(name));
        // Where the last layer has a key of its own, a third one may hold what stands between.
        let in_one_key = self.head.is_none_or(|head| key_of(&head.module) == own_key);
        if self.keys.len() > 1 && in_one_key && key.is_some() && key != own_key {
            return true;
        }
        if name.starts_with(prefix.as_str()) && own.contains(first_part(&name[prefix.len()..])) {
            return false;
        }
        if is_next_to(name, prefix) {
            return false;
        }
        let is_whole = self.head.is_none_or(|head| prefix.is_empty() || head.module.starts_with(prefix.as_str()));
        if is_whole && !name.starts_with(prefix.as_str()) {
            return true;
        }
        LAST_LAYERS.iter().any(|beginning| first.starts_with(beginning)) && !self.may_stand_between(tensor, &first)
    }

    /// Whether a module called like a last layer may stand between the features and the last layer:
    /// it gives as many numbers as there are features, and is not one of contrastive training.
    fn may_stand_between(&self, tensor: &Tensor, first: &str) -> bool {
        let features = self.head.map_or(0, |head| head.features);
        tensor.shape.len() == 2 && tensor.shape.first() == Some(&features) && !first.starts_with("head")
    }
}

/// Whether a tensor belongs to another step of the sequence of numbered modules of which the
/// network is one: what is done to its input or to its scores.
fn is_next_to(name: &str, prefix: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = prefix.trim_end_matches('.');
    let (parent, own) = prefix.rsplit_once('.').map_or(("", prefix), |(parent, own)| (parent, own));
    let inside =
        if parent.is_empty() { Some(name) } else { name.strip_prefix(parent).and_then(|name| name.strip_prefix('.')) };
    is_number(own) && inside.map(first_part).is_some_and(|step| is_number(step) && step != own)
}

/// A name behind the parts that it has in common with a beginning.
fn beyond<'a>(name: &'a str, prefix: &str) -> &'a str {
    let common = name.split('.').zip(prefix.split('.')).take_while(|(one, other)| one == other);
    let length: usize = common.map(|(part, _)| part.len().saturating_add(1)).sum();
    name.get(length..).unwrap_or(name)
}

impl LeftOver {
    /// What is left out, `more` included, module by module.
    pub(super) fn named_out<'a>(&'a self, more: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut modules: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self.out.iter().map(String::as_str).chain(more) {
            let module = name.rsplit_once('.').map_or(name, |(module, _)| module);
            *modules.entry(module).or_default() = modules.entry(module).or_default().saturating_add(1);
        }
        // Modules of many parts by their first.
        const MOST: usize = 12;
        if modules.len() > MOST {
            let mut first: BTreeMap<&str, usize> = BTreeMap::new();
            for (module, count) in modules {
                *first.entry(first_part(module)).or_default() =
                    first.entry(first_part(module)).or_default().saturating_add(count);
            }
            modules = first;
        }
        let shown = |(module, count): (&str, usize)| {
            let module = quoted(module).trim_matches('"').to_owned();
            if count == 1 { module } else { format!("{module} ({count} tensors)") }
        };
        modules.into_iter().map(shown).collect()
    }
}
