//! The checkpoints whose description is not that of their tensors, each given to a reader.

use std::path::Path;

/// The largest memory that this process has had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// Sees that each file is refused by name, in words that can be shown, for what one of its size may
/// cost; `read` gives the error's words.
pub fn all(read: impl Fn(&Path) -> String) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/hostile/own"));
    let mut count = 0;
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let before = peak();
        let text = read(&path);
        let cost = peak() - before;
        println!("{cost} bytes: {text:.300}");
        assert!(text.contains(&path.display().to_string()), "{text:.300}");
        assert!(text.len() < 1500 && !text.contains('\u{1b}') && !text.contains(&"0".repeat(100)), "{text:.300}");
        assert!(cost <= (64 << 20) + 8 * path.metadata().unwrap().len() as usize, "{}: {cost} bytes", path.display());
        count += 1;
    }
    assert!(count > 25, "{count} files");
}
