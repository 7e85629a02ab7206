//! Files that are something else than their name says: a pointer, a page or a compressed file in
//! place of the content.

use crate::content::Content;
use crate::{InputError, Result};

/// Bytes of a text in which its marks are looked for.
const LOOKED_AT: usize = 1024;

/// The last bytes of a table of TensorFlow's checkpoints.
const TENSORFLOW_TABLE: &[u8] = &[0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/// Says that bytes which are no weights known here are those of TensorFlow, by marks that are too
/// weak to come first.
pub(crate) fn tensorflow(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let holds = |mark: &[u8]| start.windows(mark.len()).any(|window| window == mark);
    let is_graph = holds(b"Placeholder") || holds(b"\x05serve") || holds(b"VarHandleOp") || holds(b"\x05Const");
    (bytes.ends_with(TENSORFLOW_TABLE) || matches!(bytes, [0x08 | 0x0a, ..]) && is_graph)
        .then_some("a file of TensorFlow; export the network as ONNX (tf2onnx), or give its scores as predictions")
}

/// Fails if the bytes are those of a well-known file that stands in place of the content.
pub(crate) fn refuse_impostor(content: &Content) -> Result<()> {
    let Some((found, remedy)) = impostor(&content.bytes) else { return Ok(()) };
    Err(InputError::Impostor { file: content.file.clone(), found, remedy })
}

fn impostor(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it and give the file inside";
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = String::from_utf8_lossy(text.get(..LOOKED_AT).unwrap_or(text)).trim_start().to_ascii_lowercase();
    if start.starts_with("version https://git-lfs") {
        return Some(("a Git LFS pointer, three lines in place of the file", "fetch the file with git lfs pull"));
    }
    if ["<!doctype html", "<html", "<head", "<table", "<?xml"].iter().any(|mark| start.starts_with(mark)) {
        let remedy =
            "download the file itself, of which the page may say why it did not come; write tables with to_csv";
        return Some(("a web page, not the file", remedy));
    }
    if is_answer(&start) {
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
    if bytes.get(4..8) == Some(b"TFL3") {
        return Some(("a network of TensorFlow Lite", "export it as ONNX (tf2onnx --tflite)"));
    }
    let other: [(&[u8], &str, &str); 4] = [
        (b"GGUF", "a GGUF file of llama.cpp", "give the weights that it was made of, as .safetensors"),
        (b"\x89HDF", "an HDF5 file, as Keras writes it", "load it there and save the tensors as .safetensors"),
        (b"%PDF", "a PDF document", "download the file itself"),
        (b"\x93NUMPY", "an array of NumPy", "save the weights by name, as .safetensors"),
    ];
    other.into_iter().find(|(mark, _, _)| bytes.starts_with(mark)).map(|(_, found, remedy)| (found, remedy))
}

/// What servers say in place of a file, in small letters; a number and any word may be a count and
/// a class.
const ANSWERS: [&str; 13] = [
    "bad request",
    "unauthorized",
    "forbidden",
    "access denied",
    "not found",
    "entry not found",
    "too many requests",
    "internal server error",
    "bad gateway",
    "service unavailable",
    "gateway time",
    "client error",
    "server error",
];

/// Whether a text in small letters is the answer of a server.
fn is_answer(start: &str) -> bool {
    let in_json = ["{\"error", "{\"message\"", "{\"detail\""].iter().find_map(|key| start.strip_prefix(key));
    if let Some(rest) = in_json {
        let value = rest.split_once(':').map_or("", |(_, value)| value.trim_start());
        let value = value.trim_start_matches(['[', ' ']);
        return value.starts_with(|character: char| !character.is_ascii_digit());
    }
    let (line, others) = start.split_once('\n').unwrap_or((start, ""));
    let words = line.trim_start_matches(|character: char| character.is_ascii_digit());
    let is_status = line.len() == words.len().saturating_add(3);
    let words = words.trim_start_matches([':', ' ', '-']);
    // Words alone are an answer where nothing is below them.
    (is_status || others.trim().is_empty() && line.len() == words.len())
        && ANSWERS.iter().any(|answer| words.starts_with(answer))
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
            (b"{\"detail\": \"Not found.\"}", "answer of a server"),
            (b"404: Not Found", "answer of a server"),
            (b"500 Internal Server Error\n", "answer of a server"),
            (b"503 Service Unavailable\nNo server is available\n", "answer of a server"),
            (b"Not Found", "answer of a server"),
            (b"\xef\xbb\xbf\n<HTML><head>", "web page"),
            (b"<table border=\"1\" class=\"dataframe\">", "web page"),
            (b"\x1c\0\0\0TFL3\0", "TensorFlow Lite"),
            (b"GGUF\x03", "llama.cpp"),
        ] {
            assert!(impostor(bytes).is_some_and(|(name, _)| name.contains(found)), "{found}");
        }
        for bytes in [
            &b"\x08\x01\x12\x40\x12\x05serve\x0a"[..],
            b"\x0a\x1d\x0a\x05input\x12\x0bPlaceholder",
            b"\0\x57\xfb\x80\x8b\x24\x75\x47\xdb",
        ] {
            assert!(tensorflow(bytes).is_some(), "{bytes:?}");
        }
        assert_eq!(tensorflow(b"\x08\x08\x12\x07pytorch"), None);
        for bytes in [
            &b"    500 cat\n    300 dog\n"[..],
            b"404 cat\n503 dog\n",
            b"500 Fiat\n600 Fiat\n",
            b"500: cat\n",
            b"forbidden\nallowed\n",
            b"{\"error\": 500, \"none\": 300}",
            b"404.5 3\n",
        ] {
            assert_eq!(impostor(bytes), None, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(impostor(b"\x80\x02}."), None);
        assert_eq!(impostor(b"label,logit_0,logit_1\n"), None);
    }
}
