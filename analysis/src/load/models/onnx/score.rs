//! The logits of many images: batches of one size, the last one filled up, on several threads.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use car_spectral_data::augment::Chain;
use car_spectral_data::loader::{Batch, Loader, LoaderOptions, all_cores};
use car_spectral_data::{DataError, Images, Order, Split};
use car_spectral_formats::FileError;
use ndarray::Array2;

use super::engine::Engine;
use crate::AnalysisError;
use crate::load::models::preprocessing::InputSteps;

/// Of the logits of one image in two places of a batch, relative to the largest: rounding, and
/// room.
const SAME: f32 = 1e-3;

/// Why there are no logits.
pub(super) enum Failure {
    Data(DataError),
    /// What the network or its engine is to blame for.
    Network(String),
}

impl Failure {
    /// The error for the network in `file`.
    pub fn in_file(self, file: &Path) -> AnalysisError {
        match self {
            Self::Data(error) => error.into(),
            Self::Network(problem) => super::refused(file, &problem),
        }
    }
}

/// The images at these places of a split in batches, decoded ahead of the network.
pub(super) fn batches(
    split: &Arc<Split>,
    indices: &[usize],
    chain: &Chain,
    batch_size: usize,
) -> Result<Loader, DataError> {
    let options = LoaderOptions { batch_size, epochs: 1..=1, seed: 0, stream: 0, threads: all_cores() };
    Loader::new(split.clone(), Order::Fixed(indices.to_vec()), vec![chain.clone()], options)
}

/// Gives the logits [N, K] of all batches, in their order; `progress` is told the images done after
/// each.
///
/// # Errors
/// [`Failure`] for an image that cannot be decoded, a network that the engine cannot run or whose
/// output is no table of logits, and logits that depend on the other images of a batch.
pub(super) fn logits(
    engine: &Engine,
    steps: &InputSteps,
    images: &Images,
    batches: Loader,
    count: usize,
    threads: usize,
    progress: &mut dyn FnMut(usize),
) -> Result<Array2<f32>, Failure> {
    let batches = Mutex::new(batches.enumerate());
    let (send, receive) = mpsc::channel();
    let work = |send: mpsc::Sender<_>| loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((place, batch)) = next else { break };
        let scored = batch.map_err(Failure::Data).and_then(|batch| score(engine, steps, images, &batch, place == 0));
        let failed = scored.is_err();
        if send.send((place, scored)).is_err() || failed {
            break;
        }
    };
    let work = &work;
    thread::scope(|scope| {
        for started in 0..threads {
            let send = send.clone();
            match thread::Builder::new().spawn_scoped(scope, move || work(send)) {
                Ok(_) => {}
                Err(_) if started > 0 => break,
                Err(error) => {
                    return Err(Failure::Data(FileError::io(Path::new("a thread of the engine"))(error).into()));
                }
            }
        }
        drop(send);
        let (mut found, mut done): (Option<Array2<f32>>, usize) = (None, 0);
        for (place, scored) in receive {
            let (rows, classes) = scored?;
            let table = found.get_or_insert_with(|| Array2::zeros((count, classes)));
            let places: Range<usize> = place * engine.batch()..place * engine.batch() + rows.len() / classes;
            done += places.len();
            for (row, values) in places.zip(rows.chunks_exact(classes)) {
                table.row_mut(row).as_slice_mut().expect("rows of a new table are whole").copy_from_slice(values);
            }
            progress(done);
        }
        found.ok_or_else(|| Failure::Network("there are no images to run it on".to_owned()))
    })
}

/// Logits of the images of one batch, in rows, and how many there are in a row.
fn score(
    engine: &Engine,
    steps: &InputSteps,
    images: &Images,
    batch: &Batch,
    first: bool,
) -> Result<(Vec<f32>, usize), Failure> {
    let count = batch.indices.len();
    let mut input = steps.floats(&batch.views[0], images);
    let size = input.len() / count.max(1);
    // The last batch is filled up with its own first image.
    input.resize(engine.batch() * size, 0.0);
    for place in count..engine.batch() {
        input.copy_within(0..size, place * size);
    }
    let (mut rows, classes) = engine.logits(&input).map_err(Failure::Network)?;
    if first && count > 1 {
        input.rotate_left(size);
        let (rotated, _) = engine.logits(&input).map_err(Failure::Network)?;
        check_alone(&rows[classes..2 * classes], &rotated[..classes])?;
    }
    rows.truncate(count * classes);
    Ok((rows, classes))
}

/// One image has the same logits wherever it stands in a batch.
fn check_alone(second: &[f32], moved: &[f32]) -> Result<(), Failure> {
    let largest = second.iter().fold(1.0f32, |largest, value| largest.max(value.abs()));
    let differs = second.iter().zip(moved).any(|(a, b)| (a - b).abs() > SAME * largest);
    let problem = "the logits of an image depend on its place in the batch; export in evaluation mode (model.eval())";
    if differs { Err(Failure::Network(problem.to_owned())) } else { Ok(()) }
}
