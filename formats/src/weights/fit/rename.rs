//! Other beginnings of names, by request.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use crate::quoting::quoted;
use crate::weights::{Tensor, WeightsError};

/// A name or beginning of names, in whole parts between dots, and what is put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// Name as in the file.
    pub from: String,
    /// Name in its place; empty to take it off.
    pub to: String,
}

impl FromStr for Rename {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('=').ok_or("give FROM=TO")?;
        let part = |name: &str| name.trim().trim_end_matches('.').to_owned();
        let (from, to) = (part(from), part(to));
        if from.is_empty() { Err("give FROM=TO with a FROM") } else { Ok(Self { from, to }) }
    }
}

/// Changes the names, each by the first request that fits it.
pub(super) fn rename(
    file: &Path,
    tensors: BTreeMap<String, Tensor>,
    requests: &[Rename],
) -> Result<BTreeMap<String, Tensor>, WeightsError> {
    let refused = |request: &Rename, problem: String| WeightsError::Renamed {
        file: file.to_path_buf(),
        from: request.from.clone(),
        to: request.to.clone(),
        problem,
    };
    let mut requests: Vec<(&Rename, bool)> = requests.iter().map(|request| (request, false)).collect();
    let mut renamed = BTreeMap::new();
    let mut of = BTreeMap::new();
    for (name, tensor) in tensors {
        let found = requests.iter_mut().find(|(request, _)| super::is_within(&name, &request.from));
        let found = found.map(|(request, fits)| {
            *fits = true;
            *request
        });
        let new = found.map_or_else(
            || name.clone(),
            |Rename { from, to }| format!("{to}{}", &name[from.len()..]).trim_start_matches('.').to_owned(),
        );
        let request = found.or_else(|| of.get(&new).copied().flatten());
        if let (true, Some(request)) = (renamed.insert(new.clone(), tensor).is_some() || new.is_empty(), request) {
            return Err(refused(request, format!("two tensors would be called {}", quoted(&new))));
        }
        of.insert(new, found);
    }
    for (request, fits) in requests {
        if !fits {
            return Err(refused(request, format!("no name begins with {}", quoted(&request.from))));
        }
    }
    Ok(renamed)
}
