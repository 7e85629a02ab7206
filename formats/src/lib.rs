//! Readers of untrusted files: predictions, weights, class counts and class names; and what writes
//! whole files only.
//!
//! Every reader takes a path, reads the file once into memory, and gives plain arrays with the
//! SHA-256 of what it read, or an [`InputError`] that names the file, the place and what to do. No
//! header is believed before the bytes that it announces are there; no file is ever executed
//! (weights: [`weights`]); no input makes a reader panic.
//!
//! | what | module | formats |
//! | --- | --- | --- |
//! | scores and labels | [`predictions`] | .npz (also written), .npy, .safetensors, torch.save, pickles, CSV, JSON |
//! | weights | [`weights`] | .safetensors, torch.save (zip and legacy), either in parts |
//! | networks | [`onnx`] | ONNX, checked here and decoded by an engine |
//! | counts and names of the classes | [`counts`] | text, CSV, JSON |
//! | counts of margins | [`counts_file`], [`margin_counts`] | bytes of its own |
//!
//! Formats are told by content; the name of a file plays no part.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod archive;
mod array;
mod aside;
pub mod atomic;
mod budget;
mod class_name;
pub mod confusion;
mod content;
pub mod counts;
pub mod counts_file;
mod element;
mod error;
mod file_error;
pub mod image_files;
mod impostor;
mod join;
mod json;
pub mod margin_counts;
mod named;
mod natural_order;
mod npy;
pub mod onnx;
mod pieces;
pub mod predictions;
pub mod publish;
pub mod quoting;
mod region;
mod regular;
mod safetensors;
mod table;
pub mod temporary;
#[cfg(test)]
mod testing;
mod text;
pub mod weights;
mod words;
mod zip64;

pub use class_name::{ClassNameError, LONGEST_CLASS_NAME, check_class_name, is_unprintable};
pub use content::{Content, sha256, sha256_file};
pub use counts::GivenFile;
pub use element::ElementType;
pub use error::InputError;
pub use file_error::FileError;
pub use natural_order::natural_order;
pub use regular::{append_to_regular, open_regular, read_regular, read_regular_text};
pub use safetensors::{SafetensorsHeader, safetensors_header, safetensors_metadata};

/// The result of what may fail with an [`InputError`], or another error.
pub type Result<T, E = InputError> = std::result::Result<T, E>;
