//! The certified spectral norm against full decompositions and scipy's `svds`: `cargo bench --bench norms`, with LAPACK
//! by `--features lapack`.
//!
//! For K = 10, 100, 1000 a simulated classifier with a long tail predicts 50,000 test samples. Two matrices of it: the
//! surrogate confusion (D6), dense, and the confusion matrix, sparse; both weighted by D3. Every method gets both in
//! memory, and the largest singular values are compared before any time is printed. Medians over repetitions in one
//! run, with the lower and upper quartile; one thread, for BLAS too. Only `spectral_norm` certifies its result.
//!
//! Python is `$PYTHON`, else `.venv/bin/python`; without it, or without NumPy and SciPy, the Rust side alone is
//! measured and the bench says so.

mod python;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use car_spectral::confusion::{ClassWeights, ConfusionMatrix, WeightForm};
use car_spectral::norms::{exact, spectral_norm};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SIZES: [usize; 3] = [10, 100, 1000];
const PREDICTIONS: usize = 50_000;
const REPETITIONS: usize = 9;
/// A method whose first run takes longer than this is measured by that run alone.
const PATIENCE_S: f64 = 5.0;

fn main() {
    // OpenBLAS reads its number of threads when it is loaded, which is before main.
    if std::env::var_os("OPENBLAS_NUM_THREADS").is_none() {
        let this = std::env::current_exe().expect("a running program has a file");
        let mut again = Command::new(this);
        again.args(std::env::args_os().skip(1)).env("OPENBLAS_NUM_THREADS", "1").env("OMP_NUM_THREADS", "1");
        let status = again.status().expect("this program runs a second time");
        std::process::exit(status.code().unwrap_or(1));
    }
    let python = python::python("numpy, scipy");
    if let Err(reason) = &python {
        println!("Only the Rust side is measured: {reason}");
    }
    if !cfg!(feature = "lapack") {
        println!("Without LAPACK: add --features lapack");
    }
    let folder = std::env::temp_dir().join(format!("car-spectral-norms-{}", std::process::id()));
    println!("{:>5} {:<34} {:<32} {:>10} {:>21} {:>8}", "K", "matrix", "method", "median", "quartiles", "ratio");
    for num_classes in SIZES {
        let (surrogate, confusion) = simulate(num_classes);
        let entries = confusion.non_zeros().count();
        measure("surrogate, dense", &surrogate, &folder, &python);
        measure(&format!("confusion, {entries} entries"), &confusion, &folder, &python);
    }
    // Best effort: the folder lies among temporary files.
    let _ = fs::remove_dir_all(&folder);
    println!("ratio: time over that of the certified norm; above 1 is slower than this library");
}

/// A linear classifier on class means in 24 dimensions with noise, its scores shifted by the log-frequencies of a long
/// tail (imbalance 100), on a balanced test set: the weighted surrogate and confusion matrices.
fn simulate(num_classes: usize) -> (ConfusionMatrix, ConfusionMatrix) {
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
    let class_samples = PREDICTIONS / num_classes;
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

/// Sorted times in seconds, and the largest singular value found.
struct Row {
    name: String,
    times: Vec<f64>,
    value: f64,
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
        (
            "nalgebra, all singular values",
            Box::new(|| exact::largest_singular_value(black_box(full.view())).expect("an ordinary matrix")),
        ),
        ("one read of all K x K entries", Box::new(|| black_box(&full).iter().fold(0.0, |max, &x| f64::max(max, x)))),
    ];
    #[cfg(feature = "lapack")]
    {
        let values =
            || car_spectral::norms::lapack::largest_singular_value(black_box(full.view())).expect("an ordinary matrix");
        methods.push(("LAPACK dgesdd, all singular values", Box::new(values)));
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut inner = Vec::new();
    for (name, method) in &methods {
        let start = Instant::now();
        let value = method();
        let first = start.elapsed().as_secs_f64();
        // A repetition lasts 2 ms at least, far above the clock's grain.
        inner.push((2e-3 / first).ceil().clamp(1.0, 10_000.0) as usize);
        let times = if first > PATIENCE_S { vec![first] } else { Vec::new() };
        rows.push(Row { name: (*name).to_owned(), times, value });
    }
    // In turn, so that a disturbance of the machine meets all of them.
    for _ in 0..REPETITIONS {
        for (((_, method), row), &inner) in methods.iter().zip(&mut rows).zip(&inner) {
            if row.times.first().is_some_and(|&time| time > PATIENCE_S) {
                continue;
            }
            let start = Instant::now();
            for _ in 0..inner {
                black_box(method());
            }
            row.times.push(start.elapsed().as_secs_f64() / inner as f64);
        }
    }
    if let Ok(python) = python {
        match scipy(python, folder, matrix) {
            Ok(theirs) => rows.extend(theirs),
            Err(reason) => println!("Python failed: {reason}"),
        }
    }
    let quantile = |times: &[f64], at: usize| times[at * (times.len() - 1) / 4];
    rows.iter_mut().for_each(|row| row.times.sort_by(f64::total_cmp));
    let baseline = quantile(&rows[0].times, 2);
    for Row { name: method, times, value } in &rows {
        if !method.starts_with("one read") {
            // svds stops at a tolerance of machine precision on σ², the decompositions at a few K roundings.
            assert!((value / found.value - 1.0).abs() < 1e-11, "{method}: {value}, here {}", found.value);
        }
        println!(
            "{num_classes:>5} {name:<34} {method:<34} {:>8} {:>8} - {:<8} {:>8.2}",
            duration(quantile(times, 2)),
            duration(quantile(times, 1)),
            duration(quantile(times, 3)),
            quantile(times, 2) / baseline,
        );
    }
    println!(
        "{:>5} {:<34} ‖M‖₂ = {:.9}, certified to a relative {:.1e} in {} passes",
        "",
        "",
        found.value,
        found.relative_width(),
        found.iterations
    );
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.1} us", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// Runs `norms.py` on the same matrix.
fn scipy(python: &Path, folder: &Path, matrix: &ConfusionMatrix) -> Result<Vec<Row>, String> {
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(io)?;
    // Triplets, raw and little endian; norms.py makes the dense or the sparse matrix of them.
    let write = |name: &str, words: Vec<[u8; 8]>| fs::write(folder.join(name), words.concat()).map_err(io);
    write("rows.i64", matrix.non_zeros().map(|(row, _, _)| (row as i64).to_le_bytes()).collect())?;
    write("columns.i64", matrix.non_zeros().map(|(_, column, _)| (column as i64).to_le_bytes()).collect())?;
    write("values.f64", matrix.non_zeros().map(|(_, _, value)| value.to_le_bytes()).collect())?;
    let layout = if matrix.is_sparse() { "sparse" } else { "dense" };
    let arguments = [matrix.num_classes().to_string(), REPETITIONS.to_string(), layout.to_owned()];
    let text = python::output(python, "norms.py", folder, &arguments)?;
    let parse = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let mut numbers = numbers.split_whitespace().map(str::parse::<f64>);
        let value = numbers.next()?.ok()?;
        let times: Vec<f64> = numbers.collect::<Result<_, _>>().ok()?;
        Some(Row { name: name.to_owned(), times, value })
    };
    text.lines().map(|line| parse(line).ok_or_else(|| format!("unexpected line {line}"))).collect()
}
