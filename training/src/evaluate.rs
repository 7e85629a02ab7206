//! Logits of a model on a set of images: evaluation mode, no augmentation, float32.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use tch::{Device, Kind, Tensor};

use crate::batch::image_tensor;
use crate::{Result, TrainingError};
use car_spectral_data::augment::Chain;
use car_spectral_data::loader::{Loader, LoaderOptions, all_cores};
use car_spectral_data::{Order, Split};

/// Images evaluated at once. Fixed, so that the same weights give the same bits.
pub const EVALUATION_BATCH: usize = 256;

/// Gives `take` the logits [B, K] of the images of a split at the given indices, batch by batch in
/// their order, with the places of the batch in `indices`; after the steps of `chain`, which are to
/// be without chance ([`Chain::evaluation`]). Images are decoded on all cores ahead of the network;
/// the logits of one batch are held at a time.
///
/// `forward` maps a batch of bytes [B, C, H, W] on `device` to logits [B, K], normalisation
/// included.
///
/// # Errors
/// Those of files that cannot be decoded; [`TrainingError::Torch`] for what libtorch refuses;
/// [`TrainingError::WeightsMismatch`] if the output is not
/// [B, K] with the same K in every batch; those of `take`.
pub fn batches(
    split: &Arc<Split>,
    indices: &[usize],
    chain: &Chain,
    device: Device,
    mut forward: impl FnMut(&Tensor) -> Result<Tensor>,
    mut take: impl FnMut(ArrayView2<'_, f32>, Range<usize>) -> Result<()>,
) -> Result<()> {
    let (mut classes, mut done) = (None, 0);
    let _no_gradients = tch::no_grad_guard();
    let options =
        LoaderOptions { batch_size: EVALUATION_BATCH, epochs: 1..=1, seed: 0, stream: 0, threads: all_cores() };
    for batch in Loader::new(split.clone(), Order::Fixed(indices.to_vec()), vec![chain.clone()], options)? {
        let batch = batch?;
        let count = batch.indices.len();
        let output = forward(&image_tensor(&batch.views[0], count)?.f_to_device(device)?)?;
        classes = Some(give(&output, count, classes, |rows| take(rows, done..done + count))?);
        done += count;
    }
    Ok(())
}

/// Gives `take` the logits of the images at the given indices from `features` [N, D] of a whole
/// split, as [`batches`] does from the images themselves; `forward` maps features [B, D] to logits
/// [B, K].
///
/// # Errors
/// [`TrainingError::Torch`] for an index beyond the features and what else libtorch refuses;
/// [`TrainingError::WeightsMismatch`] as of [`batches`]; those of `take`.
pub fn feature_batches(
    features: &Tensor,
    indices: &[usize],
    forward: impl Fn(&Tensor) -> Tensor,
    mut take: impl FnMut(ArrayView2<'_, f32>, Range<usize>) -> Result<()>,
) -> Result<()> {
    let (mut classes, mut done) = (None, 0);
    let _no_gradients = tch::no_grad_guard();
    for chunk in indices.chunks(EVALUATION_BATCH) {
        let (rows, count): (Vec<i64>, usize) = (chunk.iter().map(|&index| index as i64).collect(), chunk.len());
        let rows = Tensor::f_from_slice(&rows)?.f_to_device(features.device())?;
        let output = forward(&features.f_index_select(0, &rows)?);
        classes = Some(give(&output, count, classes, |rows| take(rows, done..done + count))?);
        done += count;
    }
    Ok(())
}

/// Gives `take` the output for so many images, if it is a table of logits of as many classes as
/// before; K.
fn give(
    output: &Tensor,
    count: usize,
    classes: Option<i64>,
    take: impl FnOnce(ArrayView2<'_, f32>) -> Result<()>,
) -> Result<i64> {
    let shape = output.size();
    let expected = classes.unwrap_or_else(|| shape.get(1).copied().unwrap_or(0));
    if shape.len() != 2 || shape[0] != count as i64 || shape[1] != expected || expected < 2 {
        let problem = format!(
            "the model returned a tensor of shape {shape:?} for {count} images; expected logits [{count}, K] with K >= 2"
        );
        return Err(TrainingError::WeightsMismatch { problem });
    }
    let output = output.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let values = Vec::<f32>::try_from(output.f_flatten(0, -1)?)?;
    take(ArrayView2::from_shape((count, expected as usize), &values).expect("the shape that was checked"))?;
    Ok(expected)
}

/// All logits [N, K] at once, as [`batches`] gives them; `progress` is told the number of images
/// done after each batch.
pub fn logits(
    split: &Arc<Split>,
    indices: &[usize],
    chain: &Chain,
    device: Device,
    forward: impl FnMut(&Tensor) -> Result<Tensor>,
    mut progress: impl FnMut(usize),
) -> Result<Array2<f32>> {
    let (mut values, mut classes) = (Vec::new(), 0);
    batches(split, indices, chain, device, forward, |rows, places| {
        classes = rows.ncols();
        values.extend(rows.iter());
        progress(places.end);
        Ok(())
    })?;
    Ok(Array2::from_shape_vec((indices.len(), classes), values).expect("every batch added its rows times K values"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use car_spectral_data::Images;

    /// 600 images of two bytes: the index over 256, and the rest.
    fn images() -> Arc<Split> {
        let bytes = (0..600usize).flat_map(|index| [(index / 256) as u8, (index % 256) as u8]).collect();
        let images = Images::InMemory { shape: [1, 1, 2], bytes };
        Arc::new(Split { images, labels: vec![0; 600], sha256: String::new() })
    }

    #[test]
    fn rows_are_in_the_order_of_the_indices_over_all_batches() {
        let indices: Vec<usize> = (0..600).rev().chain([7, 7]).collect();
        let (mut batches, mut done) = (Vec::new(), Vec::new());
        let forward = |batch: &Tensor| {
            batches.push(batch.size()[0]);
            Ok(batch.f_view([-1, 2])?.f_to_kind(Kind::Float)?)
        };
        let found = logits(&images(), &indices, &Chain::new(), Device::Cpu, forward, |count| done.push(count)).unwrap();
        assert_eq!(found.dim(), (602, 2));
        for (row, index) in found.rows().into_iter().zip(indices) {
            assert_eq!([row[0], row[1]], [(index / 256) as f32, (index % 256) as f32]);
        }
        assert_eq!((batches, done), (vec![256, 256, 90], vec![256, 512, 602]));
    }

    #[test]
    fn no_gradient_is_recorded() {
        let weight = Tensor::ones([2, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let forward = |batch: &Tensor| {
            let output = batch.f_view([-1, 2])?.f_to_kind(Kind::Float)?.f_matmul(&weight)?;
            assert!(!output.requires_grad());
            Ok(output)
        };
        assert_eq!(logits(&images(), &[1, 2], &Chain::new(), Device::Cpu, forward, |_| ()).unwrap().dim(), (2, 3));
    }

    #[test]
    fn an_output_that_is_no_table_of_logits_is_refused_by_shape() {
        let refused = |shape: &dyn Fn(i64) -> Vec<i64>| {
            let forward = |batch: &Tensor| Ok(Tensor::f_zeros(shape(batch.size()[0]), (Kind::Float, Device::Cpu))?);
            let all: Vec<usize> = (0..600).collect();
            logits(&images(), &all, &Chain::new(), Device::Cpu, forward, |_| ()).unwrap_err().to_string()
        };
        assert!(refused(&|n| vec![n]).contains("[256] for 256 images"));
        assert!(refused(&|n| vec![n, 1]).contains("K >= 2"));
        assert!(refused(&|n| vec![n + 1, 3]).contains("[257, 3] for 256 images"));
        assert!(refused(&|n| vec![n, 3, 1]).contains("[256, 3, 1]"));
        // Another K in the last, smaller batch.
        assert!(refused(&|n| vec![n, if n == 256 { 3 } else { 4 }]).contains("[88, 4] for 88 images"));
    }
}
