//! A matrix in the order of names that stand elsewhere.

use std::collections::HashSet;

use super::cross::{are_numbers, places};
use super::{Confusion, ConfusionFileError};
use crate::Result;
use crate::quoting::{quoted, quoted_list};

impl Confusion {
    /// Puts rows and columns into the order of `names`, by the names that the matrix has itself;
    /// one without names, or with the numbers of the classes, is in that order, unless `names` are
    /// these very numbers.
    ///
    /// # Errors
    /// [`ConfusionFileError::OtherNames`] if the two are not the same names.
    pub fn in_order_of(mut self, names: Vec<String>) -> Result<Self> {
        let counted_up = || (0..self.counts.nrows()).map(|class| class.to_string()).collect();
        let own = self.names.take().or_else(|| self.numbered.then(counted_up));
        let given = self.names.insert(names).as_slice();
        // Folders that are called by numbers need not be in the order of these.
        let is_same = |own: &[String]| own.iter().collect::<HashSet<_>>() == given.iter().collect::<HashSet<_>>();
        let own = own.filter(|own| !are_numbers(own) || self.numbered && is_same(own));
        let Some(own) = own.filter(|own| own != given) else { return Ok(self) };
        let (own_places, given_places) = (places(&own), places(given));
        let order: Option<Vec<usize>> = given.iter().map(|name| own_places.get(name.as_str()).copied()).collect();
        let is_once = own_places.len() == own.len() && given_places.len() == given.len() && own.len() == given.len();
        let Some(order) = order.filter(|_| is_once) else {
            let alone = |names: &[String], others: &std::collections::HashMap<&str, usize>| {
                quoted_list(names.iter().filter(|name| !others.contains_key(name.as_str())))
            };
            let twice = own.iter().enumerate().find(|(at, name)| own_places.get(name.as_str()) != Some(at));
            return Err(ConfusionFileError::OtherNames {
                file: self.file.path,
                own: alone(&own, &given_places),
                given: alone(given, &own_places),
                twice: twice.map(|(_, name)| format!(" ({} is there twice)", quoted(name))).unwrap_or_default(),
            }
            .into());
        };
        self.counts = self.counts.select(ndarray::Axis(0), &order).select(ndarray::Axis(1), &order);
        self.notes.push("its classes are put into the order of `class-names`, by their names in the file".to_owned());
        Ok(self)
    }
}
