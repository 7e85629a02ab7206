//! Errors of an ONNX network beside those of any file.

use std::path::PathBuf;

use thiserror::Error;

/// A network that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum OnnxError {
    #[error(
        "{file}: its weights are in {location}: {problem}; keep both in one folder as they were exported, or export the \
         network into one file (torch.onnx.export(..., external_data=False))"
    )]
    Beside { file: PathBuf, location: String, problem: String },
}
