//! No file costs a reader more than 64 MiB + 8 times its size, nor more than two seconds of
//! the processor.

mod allocation;

use std::fs;
use std::path::Path;
use std::time::Duration;

use car_spectral_formats::predictions::{self, PredictionSource};
use car_spectral_formats::{InputError, confusion, counts, weights};
use rustix::time::{ClockId, clock_gettime};

/// Bytes at the peak above those before, and the processor's time.
fn cost(run: impl FnOnce()) -> (usize, Duration) {
    let now = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    let start = now();
    let ((), peak) = allocation::peak(run);
    (peak, now() - start)
}

/// In one test, for the counter is shared.
#[test]
fn no_file_costs_more_than_its_size_allows() {
    no_hostile_file_costs_more_than_its_size_allows();
    no_text_costs_more_than_its_size_allows();
    no_shared_container_costs_more_than_its_size_allows();
    no_memo_costs_more_than_its_size_allows();
}

/// Holds every reader on this file against its size and this time.
fn check(path: &Path, what: &str, most: Duration) {
    let limit = (64 << 20) + 8 * fs::metadata(path).unwrap().len() as usize;
    let source = PredictionSource::File(path.to_owned());
    type Reader<'a> = &'a dyn Fn() -> Result<(), InputError>;
    let readers: [(&str, Reader<'_>); 5] = [
        ("weights", &|| weights::read(path).map(drop)),
        ("predictions", &|| predictions::read(&source).map(drop)),
        ("counts", &|| counts::read_named_counts(&path.into(), 10, None).map(drop)),
        ("names", &|| counts::read_names(&path.into()).map(drop)),
        ("matrix", &|| confusion::read_confusion(path, None).map(drop)),
    ];
    for (reader, read) in readers {
        let mut outcome = Ok(());
        let (cost, time) = cost(|| outcome = read());
        let said = outcome.map_or_else(|error| format!("{error:.300}"), |()| "read".to_owned());
        println!("{what} as {reader}: {cost} bytes, {time:?}: {said}");
        assert!(cost <= limit, "{what} as {reader}: {cost} bytes, {limit} are accepted: {said}");
        assert!(time < most, "{what} as {reader}: {time:?}: {said}");
    }
}

fn no_hostile_file_costs_more_than_its_size_allows() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/hostile"));
    let mut count = 0;
    for folder in [folder.to_path_buf(), folder.join("kinds"), folder.join("own")] {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.is_dir()) {
            count += 1;
            check(&path, &path.display().to_string(), Duration::from_secs(2));
        }
    }
    assert!(count > 60, "{count} files");
}

/// A pickle of containers that each hold the one before `times` times, through the memo: a kilobyte
/// that would be `times`^`levels` values if it were written out.
fn shared(levels: u8, times: u8, lists: bool, leaf: &[u8]) -> Vec<u8> {
    let mut pickle = [b"\x80\x02", leaf, b"q\x00"].concat();
    for level in 0..levels {
        pickle.extend([b'0', if lists { b']' } else { b'}' }, b'q', level + 1, b'(']);
        for time in 0..times {
            if !lists {
                pickle.extend([b'X', 1, 0, 0, 0, b'a' + time]);
            }
            pickle.extend([b'h', level]);
        }
        pickle.push(if lists { b'e' } else { b'u' });
    }
    pickle.push(b'.');
    pickle
}

fn no_shared_container_costs_more_than_its_size_allows() {
    let folder = tempfile::tempdir().unwrap();
    for (lists, leaf, times) in [false, true].into_iter().flat_map(|lists| {
        let leaves: [&[u8]; 6] = [b"}", b"]", b"N", b"K\x01", b"X\x01\x00\x00\x00x", b"C\x01x"];
        leaves.into_iter().flat_map(move |leaf| [1, 2, 3, 26].map(|times| (lists, leaf, times)))
    }) {
        // As deep as is read, deeper, and as wide as the budget just allows.
        for levels in [3, 4, 5, 11, 12, 15, 16, 17, 18, 19, 33, 60] {
            let path = folder.path().join("shared.pkl");
            fs::write(&path, shared(levels, times, lists, leaf)).unwrap();
            let what = format!("{levels} {} of {times}, {leaf:?}", if lists { "lists" } else { "dictionaries" });
            check(&path, &what, Duration::from_secs(2));
        }
    }
}

/// Values without end in the memo, numbered in a row and with gaps.
fn no_memo_costs_more_than_its_size_allows() {
    let folder = tempfile::tempdir().unwrap();
    for entries in [1 << 20, 1 << 21, 1 << 22] {
        let row = [&b"\x80\x04N"[..], &vec![0x94; entries], b"."].concat();
        let gaps = (0..entries as u32 / 5).flat_map(|at| [&b"r"[..], &(3 * at + 1).to_le_bytes()].concat());
        let gaps: Vec<u8> = b"\x80\x04N".iter().copied().chain(gaps).chain(*b".").collect();
        for (what, bytes) in [("in a row", row), ("with gaps", gaps)] {
            let path = folder.path().join("memo.pkl");
            fs::write(&path, bytes).unwrap();
            check(&path, &format!("{entries} bytes of a memo {what}"), Duration::from_secs(4));
        }
    }
}

/// Texts of many small parts, which cost the most for their size.
fn texts() -> Vec<(&'static str, Vec<u8>)> {
    const BYTES: usize = 6 << 20;
    let repeated = |front: &str, part: &str, end: &str| {
        let mut text = front.as_bytes().to_vec();
        text.extend(part.as_bytes().iter().copied().cycle().take(BYTES / part.len() * part.len()));
        text.extend(end.as_bytes());
        text
    };
    let wide: Vec<u8> = repeated("label,logit_0,logit_1\n", "0,1,2\n", "");
    let utf16 = [&[0xff, 0xfe][..], &wide.iter().flat_map(|&byte| [byte, 0]).collect::<Vec<_>>()].concat();
    vec![
        ("commas", repeated("", ",", "")),
        ("one wide row", repeated("", "1,", "1\n")),
        ("a wide header", repeated("label,", "a,", "b\n0,1,2\n")),
        ("lines of one digit", repeated("", "1\n", "")),
        ("lines of two", repeated("", "1 0\n", "")),
        ("quotes", repeated("", "\"", "")),
        ("blanks", repeated("", " \n", "1\n")),
        ("remarks", repeated("", "#\n", "1\n")),
        ("short rows", wide),
        ("short rows in UTF-16", utf16),
        ("a list of digits", repeated("[1", ",1", "]")),
        ("digits as printed", repeated("[1", " 1", "]")),
        ("a printed dictionary", repeated("{0: 1", ",1:1", "}")),
        ("empty lists", repeated("[[]", ",[]", "]")),
        ("lists of one", repeated("[[1]", ",[1]", "]")),
        ("records", repeated("", "{\"y\":1,\"logits\":[1,2]}\n", "")),
        ("empty objects", repeated("[{}", ",{}", "]")),
        ("lists in lists", repeated("", "[", "")),
        ("texts", repeated("[\"\"", ",\"\"", "]")),
        ("records by name", repeated("", "{\"y\":1,\"s\":{\"a\":1,\"b\":2}}\n", "")),
        ("texts in records", repeated("[{\"y\":\"\"}", ",{\"y\":\"\"}", "]")),
        ("classes of Weka", repeated("inst#,actual,predicted,error,prediction\n", "1,1:a,2:b\n", "")),
        ("distributions of Weka", repeated("inst#,actual,predicted,error,distribution\n", "1,1:a,1:a,,*1,0\n", "")),
        ("a table of Orange", repeated("a\tb\nc\td\n\tclass\n", "1\tx\n", "")),
        ("letters of Orange", repeated("c#", "c#\t", "a\n1\t2\n")),
        ("commas before fractions", repeated("label;logit_0;logit_1\n", "0;,1;a.\n", "")),
        ("lists in a column", repeated("label,logits\n", "0,[1 2]\n", "")),
    ]
}

fn no_text_costs_more_than_its_size_allows() {
    let folder = tempfile::tempdir().unwrap();
    for (what, bytes) in texts() {
        let path = folder.path().join("text");
        fs::write(&path, &bytes).unwrap();
        check(&path, what, Duration::from_secs(4));
    }
}
