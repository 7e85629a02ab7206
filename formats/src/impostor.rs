//! Files that are something else than their name says: a pointer, a page or a compressed file in place of the content.

use crate::InputError;
use crate::content::Content;

/// Bytes of a text in which its marks are looked for.
const LOOKED_AT: usize = 1024;

/// Fails if the bytes are those of a well-known file that stands in place of the content.
///
/// # Errors
/// [`InputError::Impostor`] with what it is and what to do.
pub(crate) fn refuse_impostor(content: &Content) -> Result<(), InputError> {
    let Some((found, remedy)) = impostor(&content.bytes) else { return Ok(()) };
    Err(InputError::Impostor { file: content.file.clone(), found, remedy })
}

fn impostor(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it and give the file inside";
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]).trim_start().to_ascii_lowercase();
    if start.starts_with("version https://git-lfs") {
        return Some(("a Git LFS pointer, three lines in place of the file", "fetch the file with git lfs pull"));
    }
    if ["<!doctype html", "<html", "<head", "<?xml"].iter().any(|mark| start.starts_with(mark)) {
        return Some(("a web page, not the file", "download the file itself; the page may say why it did not come"));
    }
    if start.starts_with("{\"error\"") || start.starts_with("{\"message\"") || start.starts_with("entry not found") {
        return Some(("the answer of a server, not the file", "read what it says and download the file again"));
    }
    let packed: [(&[u8], &str, &str); 6] = [
        (b"\x1f\x8b", "compressed by gzip", "gunzip it"),
        (b"BZh", "compressed by bzip2", "bunzip2 it"),
        (b"\xfd7zXZ\0", "compressed by xz", "unxz it"),
        (b"\x28\xb5\x2f\xfd", "compressed by Zstandard", "unzstd it"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
        (b"Rar!", "a RAR archive", UNPACK),
    ];
    if let Some((_, found, remedy)) = packed.into_iter().find(|(mark, _, _)| bytes.starts_with(mark)) {
        return Some((found, remedy));
    }
    let other: [(&[u8], &str, &str); 3] = [
        (b"\x89HDF", "an HDF5 file, as Keras writes it", "load it there and save the tensors as .safetensors"),
        (b"%PDF", "a PDF document", "download the file itself"),
        (b"\x93NUMPY", "an array of NumPy", "save the weights by name, as .safetensors"),
    ];
    other.into_iter().find(|(mark, _, _)| bytes.starts_with(mark)).map(|(_, found, remedy)| (found, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_place_of_a_file_is_named() {
        for (bytes, found) in [
            (&b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"[..], "Git LFS"),
            (b"\n <!DOCTYPE html><html>", "web page"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"{\"error\":\"not found\"}", "answer of a server"),
        ] {
            assert!(impostor(bytes).is_some_and(|(name, _)| name.contains(found)), "{found}");
        }
        assert_eq!(impostor(b"\x80\x02}."), None);
        assert_eq!(impostor(b"label,logit_0,logit_1\n"), None);
    }
}
