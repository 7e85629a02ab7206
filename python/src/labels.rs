//! Class numbers in any integer type.

use ndarray::{Array1, ArrayView1, s};
use numpy::{PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::refused;

/// Defines the types of labels, and the same as views that need no interpreter.
macro_rules! integer_types {
    ($($name:ident $integer:ty),*) => {
        /// An array of labels, of one of the types there are.
        #[derive(FromPyObject)]
        pub(crate) enum Labels<'py> {
            $($name(PyReadonlyArray1<'py, $integer>),)*
        }

        /// The same as a view that needs no interpreter.
        #[derive(Clone, Copy)]
        pub(crate) enum LabelsView<'a> {
            $($name(ArrayView1<'a, $integer>),)*
        }

        impl Labels<'_> {
            pub(crate) fn len(&self) -> usize {
                match self {
                    $(Self::$name(labels) => labels.len(),)*
                }
            }

            pub(crate) fn view(&self) -> LabelsView<'_> {
                match self {
                    $(Self::$name(labels) => LabelsView::$name(labels.as_array()),)*
                }
            }
        }

        impl LabelsView<'_> {
            pub(crate) fn len(&self) -> usize {
                match self {
                    $(Self::$name(labels) => labels.len(),)*
                }
            }

            /// Labels from `start` to before `end`; the first that is negative or too large for a
            /// number of classes is named, with `before` samples in front of them all.
            pub(crate) fn classes(self, start: usize, end: usize, before: u64) -> PyResult<Array1<usize>> {
                match self {
                    $(Self::$name(labels) => {
                        let labels = labels.slice(s![start..end]);
                        let classes = labels.iter().map(|&label| usize::try_from(label));
                        let classes: Result<Array1<usize>, _> = classes.collect();
                        classes.or_else(|_| {
                            let bad = labels.iter().position(|&label| usize::try_from(label).is_err());
                            let at = bad.unwrap_or(0); // there is one, or all would have been converted
                            let sample = before + (start + at) as u64;
                            Err(refused(format!(
                                "sample {sample}: label {} is no class; labels are class numbers from 0",
                                labels[at]
                            )))
                        })
                    })*
                }
            }
        }
    };
}

integer_types!(I64 i64, I32 i32, U8 u8, I16 i16, U16 u16, U32 u32, U64 u64, I8 i8);
