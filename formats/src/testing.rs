//! Parts that the tests of this crate share: files made by hand, and errors told by name.

use std::io::{Cursor, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;

use crate::InputError;

/// A version 1.0 .npy file with this header dictionary.
pub(crate) fn npy_with(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len() + 1).unwrap();
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], header.as_bytes(), b"\n", data].concat()
}

/// A .npy file in row-major order.
pub(crate) fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy_with(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"), data)
}

pub(crate) fn archive(members: &[(&str, &[u8])], compressed: bool) -> Vec<u8> {
    let method = if compressed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = SimpleFileOptions::default().compression_method(method);
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// Runs on a file `name` with these bytes.
pub(crate) fn with_file<T>(name: &str, bytes: impl AsRef<[u8]>, run: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    run(&file)
}

/// Whether an error is what is told by variant and fields, as in `Truncated, needed: 40`; or
/// `Damaged or Shape`.
pub(crate) fn is(error: &InputError, told: &str) -> bool {
    let shown = match error {
        InputError::Predictions(error) => format!("{error:?}"),
        InputError::Weights(error) => format!("{error:?}"),
        error => format!("{error:?}"),
    };
    let has = |field: &str| [",", " }"].iter().any(|end| shown.contains(&format!("{field}{end}")));
    told.split(" or ").any(|told| {
        let mut parts = told.split(", ");
        shown.split([' ', '(']).next() == parts.next() && parts.all(has)
    })
}
