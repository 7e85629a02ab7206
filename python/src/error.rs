//! Errors of the Rust crates as Python exceptions, with their sentences.

use std::fmt::Display;

use car_spectral_analysis::AnalysisError;
use car_spectral_analysis::report::ReportError;
use car_spectral_formats::{FileError, InputError};
use pyo3::PyErr;
use pyo3::exceptions::{PyOSError, PyValueError};

/// An input that was refused.
pub(crate) fn refused(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// An analysis that was stopped: by the system (`OSError`) or by what it was given.
pub(crate) fn stopped(error: AnalysisError) -> PyErr {
    let system = matches!(
        error,
        AnalysisError::File(FileError::Io { .. })
            | AnalysisError::Input(InputError::Io { .. })
            | AnalysisError::Report(ReportError::File(FileError::Io { .. }))
    );
    if system { PyOSError::new_err(error.to_string()) } else { refused(error) }
}
