//! Cost against N and K, up to 100,000 classes: `cargo bench --bench scaling`. One thread; medians
//! of several runs.
//!
//! ```text
//! counting    N K = 2^26 scores in memory, five margins
//! counted-N   the same 10,000 rows of 100 or 1000 classes, again and again, as a stream of batches
//! norm-dense  the certified norm of a full matrix
//! norm-sparse and of one with at most 50 entries a column, the frequent classes taking most
//! ```
//!
//! `plot.py` draws what is printed.

mod measure;

use std::hint::black_box;

use car_spectral::confusion::{ConfusionMatrix, MarginCounts, MarginGrid};
use car_spectral::norms::spectral_norm;
use measure::{Row, time};
use ndarray::{Array1, Array2};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MARGINS: [f64; 5] = [0.0, 0.1, 0.5, 1.0, 2.0];
const CLASSES: [usize; 9] = [10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000];
const SCORES: usize = 1 << 26;
const REPETITIONS: usize = 5;
const BATCH: usize = 10_000;
/// Above this a full matrix of 8 K² bytes is left out.
const MOST_DENSE: usize = 10_000;
const ENTRIES: usize = 50;

fn main() {
    measure::threads(&[1]);
    println!("{:<12} {:>7} {:>10} {:>12} {:>12} {:>12}", "what", "K", "N", "seconds", "processor", "entries");
    for num_classes in CLASSES {
        let samples = SCORES / num_classes;
        let (scores, labels) = draw(samples, num_classes);
        let mut pairs = 0;
        let row = measured("counting", || pairs = count(&scores, &labels, 1).confusion_counts().count());
        print(&row, num_classes, samples, pairs);
    }
    for num_classes in [100, 1000] {
        let (scores, labels) = draw(BATCH, num_classes);
        for batches in [1, 10, 100, 1000] {
            let mut pairs = 0;
            let work = || pairs = count(&scores, &labels, batches).confusion_counts().count();
            print(&measured("counted-N", work), num_classes, BATCH * batches, pairs);
        }
    }
    for num_classes in CLASSES {
        if num_classes <= MOST_DENSE {
            measure_norm("norm-dense", &full(num_classes));
        }
        measure_norm("norm-sparse", &sparse(num_classes));
    }
}

fn print(row: &Row, num_classes: usize, samples: usize, entries: usize) {
    let (name, wall, processor) = (&row.name, row.wall(2), row.processor());
    println!("{name:<12} {num_classes:>7} {samples:>10} {wall:>12.3e} {processor:>12.3e} {entries:>12}");
}

fn measured(what: &str, mut work: impl FnMut()) -> Row {
    let mut row = Row::new(what);
    for _ in 0..REPETITIONS {
        if !row.is_done() {
            row.add(time(1, &mut work));
        }
    }
    row
}

/// Uniform scores, the true class ahead, labels with a long tail.
fn draw(samples: usize, num_classes: usize) -> (Array2<f32>, Array1<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(num_classes as u64);
    let labels = Array1::from_shape_simple_fn(samples, || {
        let uniform: f64 = rng.random();
        (uniform * uniform * num_classes as f64) as usize
    });
    let mut scores = Array2::from_shape_simple_fn((samples, num_classes), || rng.random::<f32>());
    for (mut row, &label) in scores.outer_iter_mut().zip(&labels) {
        row[label] += 0.5;
    }
    (scores, labels)
}

fn count(scores: &Array2<f32>, labels: &Array1<usize>, batches: usize) -> MarginCounts {
    let grid = MarginGrid::new(&MARGINS).expect("finite margins");
    let mut counts = MarginCounts::new(scores.ncols(), &grid).expect("at least two classes");
    for _ in 0..batches {
        counts.add_batch(black_box(scores.view()), labels.view()).expect("finite scores and valid labels");
    }
    counts
}

fn full(num_classes: usize) -> ConfusionMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(num_classes as u64);
    let entries = Array2::from_shape_fn((num_classes, num_classes), |(i, j)| {
        let uniform: f64 = rng.random();
        if i == j { 0.0 } else { uniform.powi(4) / (i as f64 + 1.0) }
    });
    ConfusionMatrix::from_dense(entries).expect("finite shares")
}

fn sparse(num_classes: usize) -> ConfusionMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(num_classes as u64);
    let mut entry = |column: usize| {
        let uniform: f64 = rng.random();
        let row = (uniform.powi(3) * num_classes as f64) as usize;
        (row, column, if row == column { 0.0 } else { 1.0 / ENTRIES as f64 })
    };
    let entries = (0..num_classes * ENTRIES).map(|at| entry(at / ENTRIES));
    ConfusionMatrix::from_triplets(num_classes, entries).expect("finite shares")
}

fn measure_norm(what: &str, matrix: &ConfusionMatrix) {
    let row = measured(what, || _ = black_box(spectral_norm(black_box(matrix)).expect("an ordinary matrix")));
    print(&row, matrix.num_classes(), 0, matrix.non_zeros().count());
}
