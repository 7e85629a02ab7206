//! The batches of a run whose backbone stays as it is: rows of the features that were computed
//! once, in the order in which the images would come.

use std::sync::Arc;

use car_spectral_data::random::{Place, Purpose, generator};
use car_spectral_data::{Order, Sampler, Split, Subset};
use tch::{Device, Tensor};

use crate::Result;

/// Batch after batch.
#[derive(Debug)]
pub(crate) struct FeatureFeed {
    /// Features [N, D] and classes `[N]` of the whole split, on the device.
    features: Tensor,
    labels: Tensor,
    order: Order,
    batch_size: usize,
    seed: u64,
    /// An epoch and the order of its images.
    current: (usize, Vec<i64>),
}

impl FeatureFeed {
    /// Batches of a subset, whose features lie in those of the whole split.
    pub(crate) fn new(
        features: &Tensor,
        split: &Arc<Split>,
        (subset, sampler): (&Subset, Sampler),
        batch_size: usize,
        seed: u64,
        device: Device,
    ) -> Result<Self> {
        let labels: Vec<i64> = split.labels.iter().map(|&label| label as i64).collect();
        Ok(Self {
            features: features.f_to_device(device)?,
            labels: Tensor::f_from_slice(&labels)?.f_to_device(device)?,
            order: Order::sampled(sampler, subset)?,
            batch_size,
            seed,
            current: (0, Vec::new()),
        })
    }

    /// The features [B, D] and classes `[B]` of the batch at place `position` (from 0) of epoch
    /// `epoch` (from 1); the same images as [`Feed`](super::feed::Feed) gives there.
    ///
    /// # Panics
    /// For a position after the last batch of an epoch.
    pub(crate) fn batch(&mut self, epoch: usize, position: usize) -> Result<(Tensor, Tensor)> {
        if self.current.0 != epoch {
            let place = Place { epoch, stream: 0, purpose: Purpose::Order, position: 0 };
            let order = self.order.epoch(&mut generator(self.seed, place));
            self.current = (epoch, order.into_iter().map(|index| index as i64).collect());
        }
        let rows = self.current.1.chunks(self.batch_size).nth(position).expect("the epoch has more batches");
        let rows = Tensor::f_from_slice(rows)?.f_to_device(self.features.device())?;
        Ok((self.features.f_index_select(0, &rows)?, self.labels.f_index_select(0, &rows)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed::{FedBatch, Feed};
    use super::*;
    use crate::drawn;
    use car_spectral_data::Normalisation;
    use car_spectral_runs::settings::{
        ClassificationOptions, ImageSettings, ObjectiveOptions, OptimisationSettings, OptimizerOptions, Selection,
    };

    #[test]
    fn rows_come_as_their_images_would() {
        let data = drawn::data_set([23, 2]);
        let (split, subset) = (&data.train, Subset::full(&data.train.labels, 3));
        let normalisation = Normalisation::new(vec![0.5; 3], vec![0.25; 3]).unwrap();
        for sampler in [Sampler::InstanceBalanced, Sampler::ClassBalanced] {
            let images = ImageSettings { sampler, loader_threads: 1, ..ImageSettings::default() };
            let optimisation = OptimisationSettings {
                epochs: 2,
                batch_size: 5,
                learning_rate: 0.1,
                optimizer: OptimizerOptions::adamw(0.0),
                warm_up_epochs: 0,
                objective: ObjectiveOptions::classification(ClassificationOptions::CrossEntropy),
                selection: Selection::Last,
                seed: 7,
            };
            let mut feed =
                Feed::new(split, &subset, &normalisation, &images, &optimisation, 1..=2, Device::Cpu).unwrap();
            // The pixels themselves as features.
            let order: Vec<usize> = (0..23).collect();
            let chain = car_spectral_data::augment::Chain::evaluation(&split.images, None);
            let mut pixels = Vec::new();
            let forward = |batch: &Tensor| Ok(crate::batch::normalise(&normalisation, batch)?.flatten(1, -1));
            crate::evaluate::batches(split, &order, &chain, Device::Cpu, forward, |rows, _| {
                pixels.extend(rows.iter().copied());
                Ok(())
            })
            .unwrap();
            let features = Tensor::from_slice(&pixels).view([23, 192]);
            let mut rows = FeatureFeed::new(&features, split, (&subset, sampler), 5, 7, Device::Cpu).unwrap();
            for (epoch, position) in (1..=2).flat_map(|epoch| (0..5).map(move |position| (epoch, position))) {
                let FedBatch { views, labels, .. } = feed.batch(epoch, position).unwrap();
                let (found, classes) = rows.batch(epoch, position).unwrap();
                assert!(classes.equal(&labels) && found.equal(&views[0].flatten(1, -1)), "{epoch} {position}");
            }
        }
    }
}
