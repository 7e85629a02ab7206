//! No file costs a reader more than 64 MiB + 8 times its size, nor more than two seconds.

// The one way to count what is allocated; the library itself forbids unsafe code.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use car_spectral_formats::predictions::{self, PredictionSource};
use car_spectral_formats::{InputError, weights};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on to the system's allocator unchanged; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes at the peak above those before, and the time.
fn cost(run: impl FnOnce()) -> (usize, Duration) {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let start = Instant::now();
    run();
    (PEAK.load(Ordering::Relaxed) - before, start.elapsed())
}

#[test]
fn no_hostile_file_costs_more_than_its_size_allows() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/hostile"));
    let mut count = 0;
    for folder in [folder.to_path_buf(), folder.join("kinds")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            count += 1;
            let size = fs::metadata(&path).unwrap().len() as usize;
            let limit = (64 << 20) + 8 * size;
            let source = PredictionSource::File(path.clone());
            type Reader<'a> = &'a dyn Fn() -> Result<(), InputError>;
            let readers: [(&str, Reader<'_>); 2] = [
                ("weights", &|| weights::read(&path).map(drop)),
                ("predictions", &|| predictions::read(&source).map(drop)),
            ];
            for (what, reader) in readers {
                let mut outcome = Ok(());
                let (bytes, time) = cost(|| outcome = reader());
                let said = outcome.map_or_else(|error| format!("{error:.300}"), |()| "read".to_owned());
                println!("{} as {what}: {bytes} bytes, {time:?}: {said}", path.file_name().unwrap().display());
                assert!(bytes <= limit, "{} as {what}: {bytes} bytes, {limit} are accepted: {said}", path.display());
                assert!(time < Duration::from_secs(2), "{} as {what}: {time:?}: {said}", path.display());
            }
        }
    }
    assert!(count > 60, "{count} files");
}
