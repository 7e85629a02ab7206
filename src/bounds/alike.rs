//! Classes of equal numbers: what follows from these numbers alone is computed once for all of
//! them.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// The different values that classes have.
pub(super) struct Alike<T> {
    /// Each value once, in the order of the first class that has it.
    pub values: Vec<T>,
    /// The place of each class's value.
    places: Vec<usize>,
}

impl<T: Copy + Eq + Hash> Alike<T> {
    /// Takes the values of class after class.
    pub fn of(all: impl Iterator<Item = T>) -> Self {
        let (mut values, mut known) = (Vec::new(), HashMap::<T, usize, RandomState>::default());
        let places = all.map(|value| {
            *known.entry(value).or_insert_with(|| {
                values.push(value);
                values.len() - 1
            })
        });
        let places = places.collect();
        Self { values, places }
    }

    /// Gives for each class what belongs to its value; `of_values` holds one entry a value.
    pub fn by_class<'a, U>(&'a self, of_values: &'a [U]) -> impl Iterator<Item = &'a U> {
        self.places.iter().map(|&place| &of_values[place])
    }

    /// Counts the classes that have each value.
    pub fn classes(&self) -> Vec<usize> {
        let mut classes = vec![0; self.values.len()];
        self.places.iter().for_each(|&place| classes[place] += 1);
        classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_once_and_are_given_back_by_class() {
        let alike = Alike::of([7, 3, 7, 7, 5, 3].into_iter());
        assert_eq!((&alike.values, alike.classes()), (&vec![7, 3, 5], vec![3, 2, 1]));
        let of_values = ["seven", "three", "five"];
        let by_class: Vec<&str> = alike.by_class(&of_values).copied().collect();
        assert_eq!(by_class, ["seven", "three", "seven", "seven", "five", "three"]);
    }
}
