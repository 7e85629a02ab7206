//! Readers of untrusted files: predictions, weights, class counts and class names.
//!
//! Every reader takes a path, reads the file once into memory, and gives plain arrays with the SHA-256 of what it read,
//! or an [`InputError`] that names the file, the place and what to do. No header is believed before the bytes that it
//! announces are there; no file is ever executed (weights: [`checkpoint`]); no input makes a reader panic.
//!
//! | what | module | formats |
//! | --- | --- | --- |
//! | logits and labels | [`predictions`] | .npz, a pair of .npy, .safetensors, .csv |
//! | weights | [`checkpoint`] | .safetensors, torch.save (zip and legacy) |
//! | counts and names of the classes | [`counts`] | text, CSV, JSON |
//!
//! Formats are told by content; the name of a file plays no part.

mod archive;
pub mod checkpoint;
mod content;
pub mod counts;
mod element;
mod error;
pub mod predictions;
mod safetensors;

pub use content::sha256_file;
pub use element::ElementType;
pub use error::InputError;
