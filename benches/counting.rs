//! Counting against NumPy and scikit-learn: `cargo bench --bench counting`.
//!
//! For K = 10, 100, 1000 and float32 scores: the margin confusion at five margins in one pass, against
//! `numpy.argmax` + `sklearn.metrics.confusion_matrix` (which gives the plain confusion matrix only), and against the
//! same margin confusion written in NumPy. Both sides hold the scores in memory; reading the file is not timed. The
//! counts of the three are compared before any time is printed. Times are medians over repetitions in one run on one
//! thread, with the lower and upper quartile; the read bandwidth is that of a loop that only reads the scores.
//!
//! Python is `$PYTHON`, else `.venv/bin/python`; without it, or without NumPy and scikit-learn, the Rust side alone is
//! measured and the bench says so.

mod python;

use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use car_spectral::confusion::{MarginCounts, MarginGrid, Storage};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MARGINS: [f64; 5] = [0.0, 0.1, 0.5, 1.0, 2.0];
/// (samples, classes): 8e7 to 4e8 bytes of scores, more than any cache holds.
const SIZES: [(usize, usize); 3] = [(2_000_000, 10), (400_000, 100), (100_000, 1000)];
const REPETITIONS: usize = 9;

fn main() {
    let python = python::python("numpy, sklearn");
    if let Err(reason) = &python {
        println!("Only the Rust side is measured: {reason}");
    }
    let folder = std::env::temp_dir().join(format!("car-spectral-counting-{}", std::process::id()));
    println!(
        "{:>5} {:>8} {:<34} {:>8} {:>17} {:>11} {:>7} {:>7}",
        "K", "N", "one thread, scores in memory", "median", "quartiles", "fastest", "GB/s", "ratio"
    );
    for (samples, num_classes) in SIZES {
        let (logits, labels) = draw(samples, num_classes);
        let rows = measure(&logits, &labels);
        let baseline = rows[1].times[REPETITIONS / 2];
        let rows = match &python {
            Ok(python) => match numpy(python, &folder, &logits, &labels) {
                Ok(theirs) => rows.into_iter().chain(theirs).collect(),
                Err(reason) => {
                    println!("Python failed: {reason}");
                    rows
                }
            },
            Err(_) => rows,
        };
        for Row { name, times } in rows {
            let quantile = |at: usize| times[at * (times.len() - 1) / 4];
            println!(
                "{num_classes:>5} {samples:>8} {name:<34} {:>5.1} ms {:>6.1} - {:<5.1} ms {:>8.1} ms {:>7.2} {:>7.2}",
                quantile(2) * 1e3,
                quantile(1) * 1e3,
                quantile(3) * 1e3,
                times[0] * 1e3,
                (samples * num_classes * 4) as f64 / quantile(2) / 1e9,
                quantile(2) / baseline,
            );
        }
    }
    // Best effort: the folder lies among temporary files.
    let _ = fs::remove_dir_all(&folder);
    println!("ratio: time over that of the first counting row; above 1 is slower than this library");
}

/// Sorted times in seconds.
struct Row {
    name: String,
    times: Vec<f64>,
}

impl Row {
    fn new(name: &str, mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self { name: name.to_owned(), times }
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

fn measure(logits: &Array2<f32>, labels: &Array1<usize>) -> Vec<Row> {
    let scores = logits.as_slice().expect("standard layout");
    let mut times: [Vec<f64>; 4] = Default::default();
    let mut time = |at: usize, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        times[at].push(start.elapsed().as_secs_f64());
    };
    let storage = count(logits.view(), labels.view(), None).storage();
    // In turn, so that a disturbance of the machine meets all of them.
    for _ in 0..REPETITIONS {
        time(0, &mut || _ = black_box(read(black_box(scores))));
        time(1, &mut || _ = black_box(count(logits.view(), labels.view(), None)));
        time(2, &mut || _ = black_box(count(logits.view(), labels.view(), Some(Storage::Dense))));
        time(3, &mut || _ = black_box(count(logits.view(), labels.view(), Some(Storage::Sparse))));
    }
    let [reading, automatic, dense, sparse] = times;
    vec![
        Row::new("reading the scores", reading),
        Row::new(&format!("this library, 5 margins ({storage:?})"), automatic),
        Row::new("  with dense tables", dense),
        Row::new("  with sparse tables", sparse),
    ]
}

/// Touches every score, eight 16-byte registers at a time, and does nothing else.
fn read(scores: &[f32]) -> u32 {
    let (chunks, rest) = scores.as_chunks::<32>();
    let mut lanes = [0u32; 32];
    for chunk in chunks {
        for (lane, score) in lanes.iter_mut().zip(chunk) {
            *lane ^= score.to_bits();
        }
    }
    lanes.iter().chain(rest.iter().map(|score| score.to_bits()).collect::<Vec<_>>().iter()).fold(0, |a, b| a ^ b)
}

/// Runs `counting.py` on the same scores and checks that it counted the same.
fn numpy(python: &Path, folder: &Path, logits: &Array2<f32>, labels: &Array1<usize>) -> Result<Vec<Row>, String> {
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(io)?;
    let mut file = std::io::BufWriter::new(fs::File::create(folder.join("logits.f32")).map_err(io)?);
    for score in logits {
        file.write_all(&score.to_le_bytes()).map_err(io)?;
    }
    file.flush().map_err(io)?;
    let bytes: Vec<u8> = labels.iter().flat_map(|&label| (label as i64).to_le_bytes()).collect();
    fs::write(folder.join("labels.i64"), bytes).map_err(io)?;

    let mut arguments = vec![logits.ncols().to_string(), REPETITIONS.to_string()];
    arguments.extend(MARGINS.map(|margin| margin.to_string()));
    let text = python::output(python, "counting.py", folder, &arguments)?;
    let counts = count(logits.view(), labels.view(), None);
    let classes = counts.num_classes();
    // Weighed by the place, so that a count in a wrong place shows.
    let digest = |count: &dyn Fn(usize, usize) -> u64| {
        (0..classes)
            .flat_map(|i| (0..classes).map(move |j| (i, j)))
            .fold(0u64, |sum, (i, j)| sum.wrapping_add(count(i, j).wrapping_mul((i * classes + j + 1) as u64)))
    };
    let mut expected = vec![digest(&|i, j| counts.confusion_count(i, j))];
    expected.extend((0..MARGINS.len()).map(|at| digest(&|i, j| counts.margin_count(at, i, j))));
    let mut rows = Vec::new();
    for line in text.lines() {
        let (name, values) = line.split_once(':').ok_or_else(|| format!("unexpected line {line}"))?;
        let mut words = values.split_whitespace();
        if name == "digests" {
            let found: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
            assert_eq!(found, expected, "NumPy and this library count differently");
        } else {
            let times: Option<Vec<f64>> = words.try_fold(Vec::new(), |mut times, word| {
                times.push(word.parse().ok()?);
                Some(times)
            });
            rows.push(Row::new(name, times.ok_or_else(|| format!("unexpected line {line}"))?));
        }
    }
    if rows.len() == 3 { Ok(rows) } else { Err(format!("unexpected answer {text}")) }
}
