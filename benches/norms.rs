//! The certified spectral norm against full decompositions and scipy's `svds`: `cargo bench --bench
//! norms`, with LAPACK by `--features lapack`.
//!
//! For K = 10, 100, 1000, 4000 a simulated classifier with a long tail predicts a test set. Two
//! matrices of it: the surrogate confusion (D6), dense, and the confusion matrix, sparse; both
//! weighted by D3. Every method gets both in memory, and the largest singular values are compared
//! before any time is printed. Medians over repetitions in turn in one run, with the lower and
//! upper quartile; one thread, for BLAS too. Only `spectral_norm` certifies its result; `svds` is
//! also given a small Krylov space, and always the start that suits a non-negative matrix.
//!
//! Python is `$PYTHON`, else `.venv/bin/python`; without it, or without NumPy and SciPy, the Rust
//! side alone is measured and the bench says so.

mod measure;
mod python;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use car_spectral::confusion::{ClassWeights, ConfusionMatrix, WeightForm};
use car_spectral::norms::{exact, spectral_norm};
use measure::{Row, time};
use ndarray::Array2;
use python::Session;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// (classes, predictions).
const SIZES: [(usize, usize); 4] = [(10, 50_000), (100, 50_000), (1000, 90_000), (4000, 80_000)];
const REPETITIONS: usize = 9;
/// A repetition lasts at least this long, far above the clock's grain.
const SHORTEST_S: f64 = 2e-3;

fn main() {
    measure::threads(&[1]);
    let python = python::python("numpy, scipy");
    if let Err(reason) = &python {
        println!("Only the Rust side is measured: {reason}");
    }
    if !cfg!(feature = "lapack") {
        println!("Without LAPACK: add --features lapack");
    }
    let folder = std::env::temp_dir().join(format!("car-spectral-norms-{}", std::process::id()));
    println!(
        "{:>5} {:<26} {:<34} {:>8} {:>19} {:>8} {:>8} {:>9}",
        "K", "matrix", "method", "median", "quartiles", "process.", "ratio", "process."
    );
    // `cargo bench --bench norms -- 1000`: these alone.
    let named: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for (num_classes, samples) in SIZES.into_iter().filter(|(classes, _)| named.is_empty() || named.contains(classes)) {
        let (surrogate, confusion) = simulate(num_classes, samples);
        let entries = confusion.non_zeros().count();
        measure("surrogate, dense", &surrogate, &folder, &python);
        measure(&format!("confusion, {entries} entries"), &confusion, &folder, &python);
    }
    // Best effort: the folder lies among temporary files.
    let _ = fs::remove_dir_all(&folder);
    println!("ratio: time over that of the certified norm; above 1 is slower than this library");
}

/// A linear classifier on class means in 24 dimensions with noise, its scores shifted by the
/// log-frequencies of a long tail (imbalance 100), on a balanced test set: the weighted surrogate
/// and confusion matrices.
fn simulate(num_classes: usize, samples: usize) -> (ConfusionMatrix, ConfusionMatrix) {
    const DIMENSIONS: usize = 24;
    let mut rng = ChaCha8Rng::seed_from_u64(num_classes as u64);
    // Near enough to a normal of standard deviation 1.
    let mut normal = move || (0..6).map(|_| rng.random::<f64>()).sum::<f64>() * 2f64.sqrt() - 18f64.sqrt();
    let train: Vec<u64> =
        (0..num_classes).map(|j| (500.0 * 100f64.powf(-(j as f64) / (num_classes as f64 - 1.0))) as u64).collect();
    let means = Array2::from_shape_simple_fn((num_classes, DIMENSIONS), &mut normal);
    let mut surrogate = Array2::<f64>::zeros((num_classes, num_classes));
    let mut confusion = Array2::<f64>::zeros((num_classes, num_classes));
    let mut column = vec![0.0; num_classes];
    let class_samples = samples / num_classes;
    for label in 0..num_classes {
        for _ in 0..class_samples {
            let sample: Vec<f64> = means.row(label).iter().map(|mean| mean + 1.6 * normal()).collect();
            for (class, score) in column.iter_mut().enumerate() {
                let mean = means.row(class);
                let (dot, square) =
                    mean.iter().zip(&sample).fold((0.0, 0.0), |(dot, square), (m, x)| (dot + m * x, square + m * m));
                *score = 0.6 * (dot - 0.5 * square) + (train[class] as f64).ln();
            }
            let max = column.iter().copied().fold(f64::MIN, f64::max);
            let predicted = column.iter().position(|&score| score == max).expect("the maximum is among the scores");
            if predicted != label {
                confusion[[predicted, label]] += 1.0 / class_samples as f64;
            }
            let own = column[label];
            let total: f64 = column.iter().map(|score| (score - max).exp()).sum();
            for (class, score) in column.iter().enumerate().filter(|&(class, _)| class != label) {
                let gate = 1.0 / (1.0 + (own - score).exp());
                surrogate[[class, label]] += gate * (score - max).exp() / total / class_samples as f64;
            }
        }
    }
    let weights = ClassWeights::new(&train, 0.2, WeightForm::Paper).expect("positive counts");
    let triplets = confusion.indexed_iter().map(|((i, j), &share)| (i, j, share));
    let weighted = |matrix: Result<ConfusionMatrix, _>| {
        matrix.and_then(|matrix| matrix.scale_columns(weights.values())).expect("finite shares and weights")
    };
    (weighted(ConfusionMatrix::from_dense(surrogate)), weighted(ConfusionMatrix::from_triplets(num_classes, triplets)))
}

/// A computation of the largest singular value.
type Method<'a> = Box<dyn Fn() -> f64 + 'a>;

fn measure(name: &str, matrix: &ConfusionMatrix, folder: &Path, python: &Result<PathBuf, String>) {
    let num_classes = matrix.num_classes();
    let full = matrix.to_dense();
    let found = spectral_norm(matrix).expect("an ordinary matrix");
    #[cfg_attr(not(feature = "lapack"), allow(unused_mut))]
    let mut methods: Vec<(&str, Method)> = vec![
        ("spectral_norm, certified", Box::new(|| spectral_norm(black_box(matrix)).expect("an ordinary matrix").value)),
        ("one read of all K x K entries", Box::new(|| black_box(&full).iter().fold(0.0, |max, &x| f64::max(max, x)))),
        (
            "nalgebra, all singular values",
            Box::new(|| exact::largest_singular_value(black_box(full.view())).expect("an ordinary matrix")),
        ),
    ];
    #[cfg(feature = "lapack")]
    {
        let values = || car_spectral::norms::lapack::spectral_norm(black_box(full.view())).expect("an ordinary matrix");
        methods.push(("LAPACK dgesdd, all singular values", Box::new(values)));
    }
    // nalgebra takes a minute at K = 4000.
    methods.retain(|(name, _)| num_classes < 4000 || !name.starts_with("nalgebra"));
    let check = |method: &str, value: f64| {
        // svds stops at a tolerance of machine precision on σ², the decompositions at a few K roundings.
        assert!((value / found.value - 1.0).abs() < 1e-11, "{method}: {value}, here {}", found.value);
    };
    let mut rows: Vec<Row> = methods.iter().map(|(name, _)| Row::new(name)).collect();
    let mut inner: Vec<usize> = Vec::new();
    for (name, method) in &methods {
        let mut value = 0.0;
        inner.push(repetition(time(1, || value = method()).wall));
        if !name.starts_with("one read") {
            check(name, value);
        }
    }
    let mut session = python.as_ref().ok().and_then(|python| match scipy(python, folder, matrix) {
        Ok(session) => Some(session),
        Err(reason) => {
            println!("Python failed: {reason}");
            None
        }
    });
    let ours = rows.len();
    if let Some(session) = &mut session {
        let failed = |reason: String| -> ! { panic!("Python failed: {reason}") };
        for (at, name) in session.names().unwrap_or_else(|reason| failed(reason)).iter().enumerate() {
            check(name, session.check(at).unwrap_or_else(|reason| failed(reason))[0]);
            inner.push(repetition(session.run(at, 1).unwrap_or_else(|reason| failed(reason)).wall));
            rows.push(Row::new(name));
        }
    }
    for _ in 0..REPETITIONS {
        for (at, row) in rows.iter_mut().enumerate().filter(|(_, row)| !row.is_done()) {
            row.add(match (methods.get(at), &mut session) {
                (Some((_, method)), _) => time(inner[at], || _ = black_box(method())),
                (None, Some(session)) => session.run(at - ours, inner[at]).expect("it ran before"),
                (None, None) => unreachable!("a row beyond ours is of the session"),
            });
        }
    }
    for row in &rows {
        println!(
            "{num_classes:>5} {name:<26} {:<34} {:>8} {:>8} - {:<8} {:>8} {:>8.2} {:>9.2}",
            row.name,
            duration(row.wall(2)),
            duration(row.wall(1)),
            duration(row.wall(3)),
            duration(row.processor()),
            row.wall(2) / rows[0].wall(2),
            row.processor() / rows[0].processor(),
        );
    }
    println!(
        "{:>5} {:<26} ‖M‖₂ = {:.9}, certified to a relative {:.1e} in {} passes",
        "",
        "",
        found.value,
        found.relative_width(),
        found.iterations
    );
}

/// Runs in a row that make a repetition, of which the first took so long.
fn repetition(first_s: f64) -> usize {
    (SHORTEST_S / first_s).ceil().clamp(1.0, 10_000.0) as usize
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.1} us", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// `norms.py` on the same matrix.
fn scipy(python: &Path, folder: &Path, matrix: &ConfusionMatrix) -> Result<Session, String> {
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(io)?;
    // Triplets, raw and little endian; norms.py makes the dense or the sparse matrix of them.
    let write = |name: &str, words: Vec<[u8; 8]>| fs::write(folder.join(name), words.concat()).map_err(io);
    write("rows.i64", matrix.non_zeros().map(|(row, _, _)| (row as i64).to_le_bytes()).collect())?;
    write("columns.i64", matrix.non_zeros().map(|(_, column, _)| (column as i64).to_le_bytes()).collect())?;
    write("values.f64", matrix.non_zeros().map(|(_, _, value)| value.to_le_bytes()).collect())?;
    let layout = if matrix.is_sparse() { "sparse" } else { "dense" };
    Session::new(python, "norms.py", folder, &[matrix.num_classes().to_string(), layout.to_owned()])
}
