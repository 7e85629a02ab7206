//! Images a second from the loader, against what a training step needs: crop and flip of images in
//! memory beside the same gather on tensors, and JPEG files of 500 x 375 pixels to random resized
//! crops of 224. libtorch has one thread: its others, woken for the copy of a batch, would wait
//! actively and take the loader's time.
//!
//! `cargo bench -p car-spectral-training --bench loader --profile dev`

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use car_spectral_data::augment::Chain;
use car_spectral_data::loader::{Loader, LoaderOptions, all_cores};
use car_spectral_data::{Images, Order, Sampler, Split, Subset};
use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

const BATCH: usize = 128;
/// Images of CIFAR100-LT with imbalance 100.
const IN_MEMORY: usize = 10_847;
const FILES: usize = 512;
const SHORTEST: Duration = Duration::from_secs(2);

fn main() {
    tch::set_num_threads(1);
    let rng = &mut ChaCha8Rng::seed_from_u64(0);
    let bytes: Vec<u8> = (0..IN_MEMORY * 3 * 32 * 32).map(|_| rng.random()).collect();
    let images = Tensor::from_slice(&bytes).view([IN_MEMORY as i64, 3, 32, 32]).constant_pad_nd([4, 4, 4, 4]);
    report("in memory, gather on tensors, on the training thread", gather(&images, rng));
    let split = split(Images::InMemory { shape: [3, 32, 32], bytes }, IN_MEMORY);
    for threads in threads() {
        report(&format!("in memory, loader, {threads} thread(s)"), loaded(&split, None, threads));
    }

    let folder = tempfile::tempdir().expect("a folder for the files");
    let image = RgbImage::from_fn(500, 375, |x, y| {
        let wave = |scale: f32| (128.0 + 100.0 * ((x as f32 / scale).sin() * (y as f32 / scale).cos())) as u8;
        Rgb([wave(17.0), wave(31.0), wave(53.0)])
    });
    let first = folder.path().join("0.jpg");
    image.save(&first).expect("a file in a fresh folder");
    let size = std::fs::metadata(&first).map_or(0, |facts| facts.len());
    let split = split_of_files(&first, size);
    for threads in threads() {
        report(&format!("JPEG of {} KB, loader, {threads} thread(s)", size / 1024), loaded(&split, Some(224), threads));
    }
}

fn threads() -> Vec<usize> {
    let mut threads = vec![1, all_cores()];
    threads.dedup();
    threads
}

fn split(images: Images, count: usize) -> Arc<Split> {
    Arc::new(Split { images, labels: (0..count).map(|index| index % 2).collect(), sha256: String::new() })
}

/// The same file many times: it is decoded each time.
fn split_of_files(path: &std::path::Path, size: u64) -> Arc<Split> {
    split(Images::Files { paths: vec![path.to_owned(); FILES], bytes: size * FILES as u64 }, FILES)
}

/// Images a second that the loader gives while nothing else is done.
fn loaded(split: &Arc<Split>, size: Option<usize>, threads: usize) -> f64 {
    let order = Order::sampled(Sampler::InstanceBalanced, &Subset::full(&split.labels, 2)).expect("there are images");
    let options = LoaderOptions { batch_size: BATCH, epochs: 1..=100_000, seed: 0, stream: 0, threads };
    let loader = Loader::new(split.clone(), order, vec![Chain::training(&split.images, size)], options);
    let mut loader = loader.expect("settings in range");
    let (started, mut images) = (Instant::now(), 0);
    while started.elapsed() < SHORTEST {
        let batch = loader.next().expect("epochs are left").expect("the files can be decoded");
        images += batch.indices.len();
        black_box(batch);
    }
    images as f64 / started.elapsed().as_secs_f64()
}

/// Images a second of a crop and flip by advanced indices on padded images, as one would write it
/// with tensors alone.
fn gather(padded: &Tensor, rng: &mut ChaCha8Rng) -> f64 {
    let (started, mut images) = (Instant::now(), 0);
    while started.elapsed() < SHORTEST {
        let (mut rows, mut columns, mut chosen) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..BATCH {
            chosen.push(rng.random_range(0..IN_MEMORY as i64));
            let (top, left) = (rng.random_range(0..=8i64), rng.random_range(0..=8i64));
            rows.extend(top..top + 32);
            if rng.random::<bool>() {
                columns.extend((left..left + 32).rev());
            } else {
                columns.extend(left..left + 32);
            }
        }
        let index = |values: &[i64], shape: [i64; 3]| Tensor::from_slice(values).view(shape);
        let count = BATCH as i64;
        let (chosen, rows) = (index(&chosen, [count, 1, 1]), index(&rows, [count, 32, 1]));
        let batch = padded.index(&[Some(&chosen), None, Some(&rows), Some(&index(&columns, [count, 1, 32]))]);
        black_box(&batch.permute([0, 3, 1, 2]));
        images += BATCH;
    }
    images as f64 / started.elapsed().as_secs_f64()
}

fn report(what: &str, images_a_second: f64) {
    println!("{what:<56} {images_a_second:>10.0} images/s");
}
