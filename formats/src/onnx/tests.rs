use std::fs;

use super::*;

/// A field that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut length = bytes.len();
    let mut out = vec![number << 3 | 2];
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

/// A network whose graph has these bytes.
fn network(graph: &[u8]) -> Vec<u8> {
    [vec![0x08, 8], field(2, b"test"), field(7, graph)].concat()
}

/// A stored tensor whose bytes lie elsewhere.
fn tensor(entries: &[(&str, &str)]) -> Vec<u8> {
    let entry =
        |(key, value): &(&str, &str)| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    field(5, &[entries.iter().flat_map(entry).collect::<Vec<u8>>(), vec![14 << 3, 1]].concat())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("net")).unwrap();
        fs::write(folder.path().join("net/weights.bin"), [1, 2, 3, 4, 5, 6]).unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        Self(folder)
    }

    fn read(&self, bytes: &[u8]) -> Result<OnnxFile, InputError> {
        let file = self.0.path().join("net/model.onnx");
        fs::write(&file, bytes).unwrap();
        read(&file)
    }

    fn refused(&self, graph: &[u8]) -> String {
        self.read(&network(graph)).unwrap_err().to_string()
    }
}

#[test]
fn the_bytes_beside_a_network_are_those_that_are_hashed() {
    let folder = Folder::new();
    let graph = tensor(&[("location", "weights.bin"), ("offset", "2"), ("length", "3")]);
    let found = folder.read(&network(&graph)).unwrap();
    assert_eq!(found.beside("weights.bin", 2, Some(3)), Some(&[3, 4, 5][..]));
    assert_eq!(found.beside("weights.bin", 4, None), Some(&[5, 6][..]));
    assert_eq!(found.beside("weights.bin", 4, Some(3)), None);
    assert_eq!(found.beside("secret", 0, None), None);
    let hashes: Vec<&str> = found.files.iter().map(|file| file.sha256.as_str()).collect();
    assert_eq!(hashes, [sha256(&network(&graph)), sha256(&[1, 2, 3, 4, 5, 6])]);
    assert!(found.files[1].path.ends_with("net/weights.bin") && found.files[1].bytes == 6);
}

#[test]
fn nothing_but_files_in_the_folder_is_read() {
    let folder = Folder::new();
    let outside = folder.0.path().join("secret");
    std::os::unix::fs::symlink(&outside, folder.0.path().join("net/link")).unwrap();
    std::os::unix::fs::symlink(folder.0.path(), folder.0.path().join("net/up")).unwrap();
    for location in ["../secret", outside.to_str().unwrap(), "link", "up/secret", "", "a\0b"] {
        let error = folder.refused(&tensor(&[("location", location)]));
        assert!(error.contains("folder"), "{location}: {error}");
    }
    assert!(folder.refused(&tensor(&[("location", "missing")])).contains("missing"));
    assert!(folder.refused(&tensor(&[("location", ".")])).contains("not a regular file"));
    for range in [
        [("offset", "7"), ("length", "0")],
        [("offset", "1"), ("length", "6")],
        [("offset", "1"), ("length", "18446744073709551615")],
    ] {
        let error = folder.refused(&tensor(&[&[("location", "weights.bin")][..], &range].concat()));
        assert!(error.contains("the file has 6"), "{error}");
    }
    for entries in
        [&[][..], &[("location", "weights.bin"), ("offset", "-1")], &[("location", "weights.bin"), ("location", "x")]]
    {
        assert!(folder.refused(&tensor(entries)).contains("tensor"), "{entries:?}");
    }
}

#[test]
fn a_small_file_that_becomes_large_is_refused_before_it_is_decoded() {
    let folder = Folder::new();
    // Nodes of two bytes.
    let many = [0x0a, 0].repeat(MOST_NODES as usize + 1);
    assert!(folder.refused(&many).contains("100001 operations"));
    // One node with attributes of two bytes, each of which takes more than a thousand in memory.
    let attributes = field(1, &[0x2a, 0].repeat(40_000));
    assert!(folder.refused(&attributes).contains("memory"));
    // The same bytes of a large file again and again.
    fs::write(folder.0.path().join("net/weights.bin"), vec![0; 20 << 20]).unwrap();
    let tensors = tensor(&[("location", "weights.bin")]).repeat(20);
    assert!(folder.refused(&tensors).contains("memory"));
    folder.read(&network(&tensor(&[("location", "weights.bin")]).repeat(3))).unwrap();
    // Graphs within attributes within nodes within graphs.
    let deep = (0..40).fold(Vec::new(), |graph, _| field(1, &field(5, &field(6, &graph))));
    assert!(folder.refused(&deep).contains("nested"));
}

#[test]
fn what_is_no_network_is_refused_with_its_byte() {
    let folder = Folder::new();
    let whole = network(&field(1, b""));
    folder.read(&whole).unwrap();
    for cut in 3..whole.len() {
        let error = folder.read(&whole[..cut]).unwrap_err().to_string();
        assert!(error.contains("byte"), "{cut}: {error}");
    }
    assert!(folder.read(&whole[..8]).unwrap_err().to_string().contains("no graph"));
    assert!(matches!(folder.read(b"PK\x03\x04"), Err(InputError::UnknownFormat { .. })));
    let file = folder.0.path().join("net/model.onnx");
    fs::write(&file, &whole).unwrap();
    assert_eq!(crate::weights::detect(&file).unwrap(), crate::weights::CheckpointKind::Onnx);
    assert!(matches!(crate::weights::read(&file), Err(InputError::Onnx { .. })));
}
