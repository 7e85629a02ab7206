//! Counting against what else counts: `cargo bench --bench counting --features rayon`.
//!
//! For K = 10, 100, 1000 and float32 scores: the margin confusion at five margins in one pass,
//! against `numpy.argmax` with `numpy.bincount` or `sklearn.metrics.confusion_matrix` (which give
//! the plain confusion matrix only), torchmetrics, and the same margin confusion in NumPy, DuckDB
//! and Polars, as far as the Python has them. All hold the scores in memory, with the same advice
//! on pages; reading the file is not timed. All counts are compared before any time is printed.
//! Medians over repetitions in turn in one run, with the lower and upper quartile, on one thread
//! and, with feature `rayon`, on two; the read bandwidth is that of a loop that only reads the
//! scores.
//!
//! Python is `$PYTHON`, else `.venv/bin/python`; without it, or without NumPy and scikit-learn, the
//! Rust side alone is measured and the bench says so.

mod measure;
mod python;

use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;

use car_spectral::confusion::{MarginCounts, MarginGrid, Storage};
use measure::{Row, time};
use multiversion::multiversion;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use python::Session;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MARGINS: [f64; 5] = [0.0, 0.1, 0.5, 1.0, 2.0];
/// (samples, classes): 8e7 to 4e8 bytes of scores, more than any cache holds.
const SIZES: [(usize, usize); 3] = [(2_000_000, 10), (400_000, 100), (100_000, 1000)];
const REPETITIONS: usize = 9;
const THREADS: [usize; 2] = [1, 2];

fn main() {
    let numbers = if cfg!(feature = "rayon") { &THREADS[..] } else { &THREADS[..1] };
    let threads = measure::threads(numbers);
    let python = python::python("numpy, sklearn");
    if let Err(reason) = &python {
        println!("Only the Rust side is measured: {reason}");
    }
    let folder = std::env::temp_dir().join(format!("car-spectral-counting-{}", std::process::id()));
    println!(
        "{:>5} {:>8} {:>7} {:<34} {:>9} {:>17} {:>9} {:>6} {:>6} {:>9}",
        "K", "N", "threads", "scores in memory", "median", "quartiles", "processor", "GB/s", "ratio", "processor"
    );
    // `cargo bench --bench counting -- 1000`: these alone.
    let named: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for (samples, num_classes) in SIZES.into_iter().filter(|(_, classes)| named.is_empty() || named.contains(classes)) {
        let (logits, labels) = draw(samples, num_classes);
        if python.is_ok() {
            write(&folder, &logits, &labels).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        let session = python.as_ref().map_err(Clone::clone).and_then(|python| {
            let mut arguments = vec![num_classes.to_string(), threads.to_string()];
            arguments.extend(MARGINS.map(|margin| margin.to_string()));
            Session::new(python, "counting.py", &folder, &arguments)
        });
        print(&measure(&logits, &labels, threads, session.ok()), samples, num_classes, threads);
    }
    // Best effort: the folder lies among temporary files.
    let _ = fs::remove_dir_all(&folder);
    if threads == numbers[numbers.len() - 1] {
        println!("ratio: time over that of this library; above 1 is slower than this library");
    }
}

fn print(rows: &[Row], samples: usize, num_classes: usize, threads: usize) {
    let ours = rows.iter().find(|row| row.name.starts_with("this library")).expect("it is measured");
    for row in rows {
        println!(
            "{num_classes:>5} {samples:>8} {threads:>7} {:<34} {:>6.1} ms {:>6.1} - {:<5.1} ms {:>6.1} ms {:>6.2} {:>6.2} {:>9.2}",
            row.name,
            row.wall(2) * 1e3,
            row.wall(1) * 1e3,
            row.wall(3) * 1e3,
            row.processor() * 1e3,
            (samples * num_classes * 4) as f64 / row.wall(2) / 1e9,
            row.wall(2) / ours.wall(2),
            row.processor() / ours.processor(),
        );
    }
}

/// Normal-like scores, labels with a long tail, the true class ahead: about 60 % right at K = 1000.
fn draw(samples: usize, num_classes: usize) -> (Array2<f32>, Array1<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(num_classes as u64);
    let labels = Array1::from_shape_simple_fn(samples, || {
        let uniform: f64 = rng.random();
        (uniform * uniform * num_classes as f64) as usize
    });
    // Sums of the bytes of a word: four small uniforms, cheap to draw.
    let mut logits = Array2::from_shape_simple_fn((samples, num_classes), || {
        let word: u32 = rng.random();
        let bytes: u32 = word.to_le_bytes().iter().map(|&byte| u32::from(byte)).sum();
        (bytes as f32 - 510.0) / 148.0 + (word >> 8) as f32 * 1e-9
    });
    for (mut row, &label) in logits.outer_iter_mut().zip(&labels) {
        row[label] += 3.0;
    }
    (logits, labels)
}

fn count(logits: ArrayView2<'_, f32>, labels: ArrayView1<'_, usize>, storage: Option<Storage>) -> MarginCounts {
    let grid = MarginGrid::new(&MARGINS).expect("finite margins");
    let num_classes = logits.ncols();
    let counts = match storage {
        Some(storage) => MarginCounts::with_storage(num_classes, &grid, storage),
        None => MarginCounts::new(num_classes, &grid),
    };
    let mut counts = counts.expect("at least two classes");
    counts.add_batch(logits, labels).expect("finite scores and valid labels");
    counts
}

fn measure(logits: &Array2<f32>, labels: &Array1<usize>, threads: usize, mut session: Option<Session>) -> Vec<Row> {
    let scores = logits.as_slice().expect("standard layout");
    let counts = count(logits.view(), labels.view(), None);
    let count = |storage| _ = black_box(count(black_box(logits.view()), labels.view(), storage));
    let methods: [(String, &dyn Fn()); 4] = [
        ("reading the scores".to_owned(), &|| _ = black_box(read_on(threads, black_box(scores)))),
        (format!("this library, 5 margins ({:?})", counts.storage()), &|| count(None)),
        ("  with dense tables".to_owned(), &|| count(Some(Storage::Dense))),
        ("  with sparse tables".to_owned(), &|| count(Some(Storage::Sparse))),
    ];
    let mut rows: Vec<Row> = methods.iter().map(|(name, _)| Row::new(name)).collect();
    let mut theirs = match session.as_mut().map(|session| checked_names(session, &counts)) {
        Some(Ok(names)) => names.iter().map(|name| Row::new(name)).collect(),
        Some(Err(reason)) => {
            println!("Python failed: {reason}");
            Vec::new()
        }
        None => Vec::new(),
    };
    for _ in 0..REPETITIONS {
        for ((_, work), row) in methods.iter().zip(&mut rows) {
            row.add(time(1, work));
        }
        for (at, row) in theirs.iter_mut().enumerate().filter(|(_, row)| !row.is_done()) {
            let session = session.as_mut().expect("it named its methods");
            row.add(session.run(at, 1).unwrap_or_else(|reason| panic!("{}: {reason}", row.name)));
        }
    }
    rows.append(&mut theirs);
    rows
}

fn read_on(threads: usize, scores: &[f32]) -> u32 {
    #[cfg(feature = "rayon")]
    if threads > 1 {
        use rayon::prelude::*;
        return scores.par_chunks(1 << 20).map(read).reduce(|| 0, |a, b| a ^ b);
    }
    assert_eq!(threads, 1);
    read(scores)
}

/// Touches every score with the registers that the processor has, and does nothing else.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn read(scores: &[f32]) -> u32 {
    let (chunks, rest) = scores.as_chunks::<64>();
    let mut lanes = [0u32; 64];
    for chunk in chunks {
        for (lane, score) in lanes.iter_mut().zip(chunk) {
            *lane ^= score.to_bits();
        }
    }
    lanes.iter().copied().chain(rest.iter().map(|score| score.to_bits())).fold(0, |a, b| a ^ b)
}

/// What `counting.py` reads.
fn write(folder: &Path, logits: &Array2<f32>, labels: &Array1<usize>) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = std::io::BufWriter::new(fs::File::create(folder.join("logits.f32"))?);
    for score in logits {
        file.write_all(&score.to_le_bytes())?;
    }
    file.flush()?;
    let bytes: Vec<u8> = labels.iter().flat_map(|&label| (label as i64).to_le_bytes()).collect();
    fs::write(folder.join("labels.i64"), bytes)
}

/// The methods of `counting.py`, each seen to count what we do.
fn checked_names(session: &mut Session, counts: &MarginCounts) -> Result<Vec<String>, String> {
    let classes = counts.num_classes();
    // Weighed by the place, so that a count in a wrong place shows.
    let digest = |count: &dyn Fn(usize, usize) -> u64| {
        (0..classes)
            .flat_map(|i| (0..classes).map(move |j| (i, j)))
            .fold(0u64, |sum, (i, j)| sum.wrapping_add(count(i, j).wrapping_mul((i * classes + j + 1) as u64)))
    };
    let plain = vec![digest(&|i, j| counts.confusion_count(i, j))];
    let with_margins: Vec<u64> = (0..MARGINS.len()).map(|at| digest(&|i, j| counts.margin_count(at, i, j))).collect();
    let names = session.names()?;
    for (at, name) in names.iter().enumerate() {
        let found: Vec<u64> = session.check(at).map_err(|reason| format!("{name}: {reason}"))?;
        assert!(
            found.is_empty() || found == plain || found == with_margins,
            "{name} and this library count differently"
        );
    }
    Ok(names)
}
