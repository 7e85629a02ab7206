//! A matrix by its columns.

use std::borrow::Cow;
use std::ops::Range;

use crate::confusion::ConfusionMatrix;

/// A square matrix by compressed columns, zeros left out.
pub(super) struct Columns<'a> {
    pub starts: Cow<'a, [usize]>,
    pub rows: Cow<'a, [u32]>,
    pub values: Cow<'a, [f64]>,
}

impl<'a> Columns<'a> {
    pub fn of(matrix: &'a ConfusionMatrix) -> Self {
        if let Some((starts, rows, values)) = matrix.as_sparse() {
            return Self { starts: starts.into(), rows: rows.into(), values: values.into() };
        }
        let num_classes = matrix.num_classes();
        let (mut starts, mut rows, mut values) = (Vec::with_capacity(num_classes + 1), Vec::new(), Vec::new());
        starts.push(0);
        for column in 0..num_classes {
            for (row, value) in matrix.column(column) {
                rows.push(row as u32);
                values.push(value);
            }
            starts.push(rows.len());
        }
        Self { starts: starts.into(), rows: rows.into(), values: values.into() }
    }

    pub fn num_classes(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn range(&self, column: u32) -> Range<usize> {
        self.starts[column as usize]..self.starts[column as usize + 1]
    }

    pub fn entries(&self, column: u32) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.range(column);
        self.rows[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }
}
