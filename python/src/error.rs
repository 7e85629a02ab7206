//! Errors of the Rust crates as Python exceptions, with their sentences; what would act on a
//! terminal is escaped.

use std::fmt::Display;

use car_spectral_analysis::report::ReportError;
use car_spectral_analysis::{AnalysisError, with_names};
use car_spectral_formats::quoting::printable;
use car_spectral_formats::{FileError, InputError};
use pyo3::PyErr;
use pyo3::exceptions::{PyOSError, PyValueError};

/// Settings of the program that `analyze` has, and their keywords.
const KEYWORDS: [(&str, &str); 6] = [
    ("train-counts", "train_counts"),
    ("train-predictions", "train"),
    ("class-names", "class_names"),
    ("margin", "margins"),
    ("weights", "weights"),
    ("name", "name"),
];

/// An input that was refused.
pub(crate) fn refused(error: impl Display) -> PyErr {
    PyValueError::new_err(printable(&error.to_string()).into_owned())
}

/// An analysis that was stopped: by the system (`OSError`) or by what it was given.
pub(crate) fn stopped(error: AnalysisError) -> PyErr {
    let system = matches!(
        error,
        AnalysisError::File(FileError::Io { .. })
            | AnalysisError::Input(InputError::Io { .. })
            | AnalysisError::Report(ReportError::File(_))
    );
    let text = by_keywords(&error.to_string());
    if system { PyOSError::new_err(printable(&text).into_owned()) } else { refused(text) }
}

/// The text with settings called by their keyword arguments.
pub(crate) fn by_keywords(text: &str) -> String {
    with_names(text, |name| KEYWORDS.iter().find(|(of, _)| *of == name).map(|(_, to)| to.to_string()))
}
