//! The batches of a run as its objective takes them: normalised views on the device, the first of
//! them mixed with that of a partner batch where CutMix says so.

use std::ops::RangeInclusive;
use std::sync::Arc;

use car_spectral_data::augment::contrastive_chain;
use car_spectral_data::loader::{Loader, LoaderOptions};
use car_spectral_data::random::{Place, Purpose, generator};
use car_spectral_data::{CutMix, Normalisation, Order, Split, Subset};
use car_spectral_runs::settings::{ImageSettings, OptimisationSettings};
use tch::{Device, Tensor};

use crate::Result;
use crate::batch::{image_tensor, label_tensor, normalise};
use crate::mixing::{Mix, paste};

/// Stream of the loader whose batches are trained on.
const OWN: u8 = 0;
/// Stream of the loader whose batches CutMix pastes from.
const PARTNERS: u8 = 1;

/// A batch of B images.
#[derive(Debug)]
pub(crate) struct FedBatch {
    /// Normalised images [B, C, H, W], the view to classify first.
    pub views: Vec<Tensor>,
    /// Classes `[B]`.
    pub labels: Tensor,
    /// Mixing of the first view, if it was mixed.
    pub mix: Option<Mix>,
}

/// Batch after batch.
#[derive(Debug)]
pub(crate) struct Feed {
    own: Loader,
    partners: Option<(CutMix, Loader)>,
    normalisation: Normalisation,
    device: Device,
    seed: u64,
}

impl Feed {
    /// Batches of a subset in `epochs`, from 1.
    pub(crate) fn new(
        split: &Arc<Split>,
        subset: &Subset,
        normalisation: &Normalisation,
        images: &ImageSettings,
        optimisation: &OptimisationSettings,
        epochs: RangeInclusive<usize>,
        device: Device,
    ) -> Result<Self> {
        let loader = |stream, sampler, chains| {
            let loader_options = LoaderOptions {
                batch_size: optimisation.batch_size,
                epochs: epochs.clone(),
                seed: optimisation.seed,
                stream,
                threads: images.loader_threads,
            };
            Loader::new(split.clone(), Order::sampled(sampler, subset)?, chains, loader_options)
        };
        let to_classify = images.augmentation.chain(&split.images, images.image_size);
        let mut chains = vec![to_classify.clone()];
        if optimisation.objective.contrastive.is_some() {
            let to_compare = contrastive_chain(&split.images, images.image_size)?;
            chains.extend([to_compare.clone(), to_compare]);
        }
        let partners = |cutmix: CutMix| {
            let chains = vec![to_classify.clone()];
            loader(PARTNERS, cutmix.partners, chains).map(|loader| (cutmix, loader))
        };
        Ok(Self {
            own: loader(OWN, images.sampler, chains)?,
            partners: optimisation.objective.cutmix.map(partners).transpose()?,
            normalisation: normalisation.clone(),
            device,
            seed: optimisation.seed,
        })
    }

    /// The next batch, which is that at place `position` (from 0) of epoch `epoch`: how it is mixed
    /// follows from the seed and these two alone.
    ///
    /// # Errors
    /// Those of the loaders; passes on what libtorch refuses.
    ///
    /// # Panics
    /// After the last batch.
    pub(crate) fn batch(&mut self, epoch: usize, position: usize) -> Result<FedBatch> {
        let next = |loader: &mut Loader| loader.next().expect("the epochs have more batches");
        let own = next(&mut self.own)?;
        let count = own.labels.len();
        let mut views = own.views.iter().map(|view| image_tensor(view, count)).collect::<Result<Vec<_>, _>>()?;
        let mut mix = None;
        if let Some((cutmix, loader)) = &mut self.partners {
            let partners = next(loader)?;
            let [_, height, width] = own.views[0].shape;
            let mut rng = generator(self.seed, Place { epoch, stream: OWN, purpose: Purpose::Mixing, position });
            if let Some(rectangle) = cutmix.draw(height, width, &mut rng) {
                let (mixed, own_share) = paste(&rectangle, &views[0], &image_tensor(&partners.views[0], count)?)?;
                views[0] = mixed;
                mix = Some(Mix { own_share, partners: label_tensor(&partners)?.f_to_device(self.device)? });
            }
        }
        let normalised = |view: &Tensor| normalise(&self.normalisation, &view.f_to_device(self.device)?);
        Ok(FedBatch {
            views: views.iter().map(normalised).collect::<Result<_, _>>()?,
            labels: label_tensor(&own)?.f_to_device(self.device)?,
            mix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use car_spectral_data::{Images, Sampler};
    use car_spectral_runs::settings::{
        ClassificationOptions, ContrastiveOptions, ObjectiveOptions, OptimizerOptions, Selection,
    };
    use tch::Kind;

    /// 12 images [1, 4, 4] of three classes (8, 3 and 1), every pixel the image's index times ten.
    fn feed(epochs: RangeInclusive<usize>, change: impl Fn(&mut ObjectiveOptions)) -> Feed {
        let labels = vec![0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2];
        let bytes = (0..12).flat_map(|index| [10 * index as u8; 16]).collect();
        let subset = Subset::full(&labels, 3);
        let images = Images::InMemory { shape: [1, 4, 4], bytes };
        let split = Arc::new(Split { images, labels, sha256: String::new() });
        let images = ImageSettings { loader_threads: 2, ..ImageSettings::default() };
        let mut objective = ObjectiveOptions::classification(ClassificationOptions::CrossEntropy);
        objective.cutmix = Some(CutMix::CUSTOMARY);
        change(&mut objective);
        let optimisation = OptimisationSettings {
            epochs: 200,
            batch_size: 5,
            learning_rate: 0.1,
            optimizer: OptimizerOptions::adamw(0.0),
            warm_up_epochs: 0,
            objective,
            selection: Selection::Last,
            seed: 3,
        };
        let normalisation = Normalisation::new(vec![0.0], vec![1.0]).unwrap();
        Feed::new(&split, &subset, &normalisation, &images, &optimisation, epochs, Device::Cpu).unwrap()
    }

    #[test]
    fn labels_shares_and_pixels_of_mixed_batches_agree() {
        let mut feed = feed(1..=200, |options| {
            options.cutmix = Some(CutMix { probability: 0.5, partners: Sampler::ClassBalanced })
        });
        let class = |pixel: f64| match (pixel * 25.5).round() as i64 {
            0..8 => 0,
            8..11 => 1,
            _ => 2,
        };
        let (mut mixed, mut partners) = (0, [0; 3]);
        for (epoch, position) in (1..=200).flat_map(|epoch| (0..3).map(move |position| (epoch, position))) {
            let FedBatch { views, labels, mix } = feed.batch(epoch, position).unwrap();
            assert_eq!(views.len(), 1);
            mixed += usize::from(mix.is_some());
            for sample in 0..labels.size()[0] {
                let pixels = Vec::<f64>::try_from(views[0].get(sample).to_kind(Kind::Double).view(-1)).unwrap();
                let own = labels.int64_value(&[sample]);
                match &mix {
                    None => assert!(pixels.iter().all(|&pixel| class(pixel) == own)),
                    Some(mix) => {
                        let partner = mix.partners.int64_value(&[sample]);
                        partners[partner as usize] += 1;
                        let of = |wanted: i64| pixels.iter().filter(|&&pixel| class(pixel) == wanted).count() as f64;
                        let share = of(own) / 16.0;
                        assert_eq!(share, if own == partner { 1.0 } else { mix.own_share });
                        assert_eq!(of(own) + if own == partner { 0.0 } else { of(partner) }, 16.0);
                    }
                }
            }
        }
        assert!((240..360).contains(&mixed), "{mixed} of 600");
        let all: usize = partners.iter().sum();
        assert!(partners.iter().all(|&count| count * 4 > all), "balanced: {partners:?}");
    }

    #[test]
    fn an_epoch_can_be_begun_with_and_views_to_compare_are_not_mixed() {
        let with_views = |epochs: RangeInclusive<usize>| {
            feed(epochs, |options| options.contrastive = Some(ContrastiveOptions::CIFAR))
        };
        let (mut whole, mut late) = (with_views(1..=2), with_views(2..=2));
        for position in 0..3 {
            whole.batch(1, position).unwrap();
        }
        for position in 0..3 {
            let (a, b) = (whole.batch(2, position).unwrap(), late.batch(2, position).unwrap());
            assert!(a.labels.equal(&b.labels) && a.views.len() == 3);
            assert!(a.views.iter().zip(&b.views).all(|(a, b)| a.equal(b) && a.size() == [a.size()[0], 1, 4, 4]));
            assert_eq!(a.mix.map(|mix| mix.own_share), b.mix.map(|mix| mix.own_share));
            assert!(!a.views[1].equal(&a.views[2]));
            // Crops, jitter and blur of an image of one grey leave one grey.
            let spread = |view: &Tensor| {
                let rows = view.flatten(1, -1);
                (rows.max_dim(1, false).0 - rows.min_dim(1, false).0).max().double_value(&[])
            };
            assert!(a.views[1..].iter().all(|view| spread(view) == 0.0));
        }
    }
}
