//! The way from labels as they are stored to the number of each sample's class.

use std::collections::HashMap;
use std::path::Path;

use super::{PredictionsError, Reading};
use crate::array::Array;
use crate::budget::Budget;
use crate::quoting::{quoted, quoted_list};
use crate::{ElementType, InputError, Result};

/// Rules by which labels are understood.
pub(super) struct Labels<'a> {
    pub(super) file: &'a Path,
    /// K.
    pub(super) classes: usize,
    /// The number by which labels call the first class.
    pub(super) first: i64,
    /// Names of the classes, if they are known.
    pub(super) names: Option<&'a [String]>,
}

/// The classes of the samples so far.
pub(super) struct Classes<'a> {
    rules: &'a Labels<'a>,
    /// Of two classes with one name neither is meant by it.
    by_name: HashMap<&'a str, Option<usize>>,
    classes: Vec<usize>,
    /// The first label that is no class, and whether another number is none.
    outside: Option<(usize, i128, bool)>,
    largest: i128,
}

impl Classes<'_> {
    /// Adds a label that is a number.
    pub(super) fn push_number(&mut self, number: Result<i128, f64>) -> Result<()> {
        let sample = self.classes.len();
        let label = number.or_else(|number| self.rules.whole(sample, number))?;
        let class = self.rules.class(label);
        self.largest = self.largest.max(label);
        if class.is_none() {
            let (_, first, others) = self.outside.get_or_insert((sample, label, false));
            *others |= *first != label;
        }
        self.classes.push(class.unwrap_or(usize::MAX));
        Ok(())
    }

    /// Adds a label that is a text: the name of a class, or a number.
    pub(super) fn push_text(&mut self, text: &str) -> Result<()> {
        let text = text.trim();
        if let Some(&Some(class)) = self.by_name.get(text) {
            self.largest = self.largest.max(class as i128);
            self.classes.push(class);
            return Ok(());
        }
        if let Ok(label) = text.parse() {
            return self.push_number(Ok(label));
        }
        if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite()) {
            return self.push_number(Err(number));
        }
        let (file, sample, label) = (self.rules.file.to_path_buf(), self.classes.len(), quoted(text));
        Err(match self.rules.names {
            Some(names) => PredictionsError::UnknownName { file, sample, label, names: quoted_list(names) },
            None => PredictionsError::TextLabel { file, sample, label },
        }
        .into())
    }

    /// The largest label so far, a class or not.
    pub(super) fn largest(&self) -> f64 {
        self.largest as f64
    }

    /// The class of every sample.
    pub(super) fn finish(self) -> Result<Vec<usize>> {
        match self.outside {
            None => Ok(self.classes),
            Some((sample, label, others)) => {
                let may_be_from_one = !others && !self.classes.contains(&0);
                Err(self.rules.outside(sample, label, may_be_from_one))
            }
        }
    }
}

impl<'a> Labels<'a> {
    /// What is said, for scores of K = `classes` columns.
    pub(super) fn new(file: &'a Path, classes: usize, reading: &'a Reading) -> Self {
        Self { file, classes, first: reading.first_label, names: reading.class_names.as_deref() }
    }

    /// Begins with no sample, with room for `samples`.
    pub(super) fn begin(&'a self, samples: usize) -> Result<Classes<'a>> {
        let mut by_name: HashMap<&str, Option<usize>> = HashMap::new();
        for (class, name) in self.names.unwrap_or_default().iter().enumerate().take(self.classes) {
            by_name.entry(name).and_modify(|class| *class = None).or_insert(Some(class));
        }
        let classes = crate::element::reserve(self.file, "labels", samples)?;
        Ok(Classes { rules: self, by_name, classes, outside: None, largest: 0 })
    }

    /// The class of each sample, of as many labels as there are samples.
    pub(super) fn of_array(&self, array: &Array<'_>, name: &str, budget: &mut Budget) -> Result<Vec<usize>> {
        let mut classes = self.begin(array.len())?;
        if let Some(texts) = array.texts(self.file, name, budget)? {
            texts.iter().try_for_each(|text| classes.push_text(text))?;
            return classes.finish();
        }
        if let Some(element) = array.element() {
            self.check_width(element)?;
        }
        if array.for_each_number(|number| classes.push_number(number))? {
            return classes.finish();
        }
        Err(InputError::element_type(self.file, name, array.type_name(), "an integer type"))
    }

    /// The integer that a number is.
    fn whole(&self, sample: usize, number: f64) -> Result<i128> {
        if number.fract() == 0.0 {
            return Ok(number as i128);
        }
        Err(InputError::FractionalLabel { file: self.file.to_path_buf(), sample, label: number })
    }

    fn class(&self, label: i128) -> Option<usize> {
        let class = label.checked_sub(self.first.into())?;
        usize::try_from(class).ok().filter(|&class| class < self.classes)
    }

    fn outside(&self, sample: usize, label: i128, may_be_from_one: bool) -> InputError {
        let file = self.file.to_path_buf();
        let (classes, last) = (self.classes, self.classes.saturating_sub(1));
        if may_be_from_one && label == classes as i128 && self.first == 0 {
            return PredictionsError::LabelsFromOne { file, sample, classes, last }.into();
        }
        InputError::LabelOutOfRange { file, sample, label, last_class: last }
    }

    /// Refuses a type by which some classes would come out as others.
    fn check_width(&self, element: ElementType) -> Result<()> {
        let largest: u64 = match element {
            ElementType::BF16 => 1 << 8,
            ElementType::F16 => 1 << 11,
            ElementType::F32 => 1 << 24,
            ElementType::I8 => i8::MAX as u64,
            ElementType::U8 => u8::MAX.into(),
            ElementType::I16 => i16::MAX as u64,
            ElementType::U16 => u16::MAX.into(),
            _ => return Ok(()),
        };
        // The last label, where the first class is called by another number than 0.
        let last = (self.classes as i128).saturating_sub(1).saturating_add(self.first.into());
        if last <= i128::from(largest) {
            return Ok(());
        }
        let (file, classes, element) = (self.file.to_path_buf(), self.classes, element.to_string());
        Err(PredictionsError::NarrowLabels { file, element, classes, largest }.into())
    }
}
