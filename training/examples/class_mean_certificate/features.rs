//! Frozen features of images: random ReLU units, or a network trained on other images. Neither has
//! seen the data.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use car_spectral_data::{DataSet, Images, Normalisation, Split};
use car_spectral_formats::atomic::write_atomically;
use car_spectral_formats::{FileError, sha256};
use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier};
use car_spectral_training::batch::normalise;
use car_spectral_training::model::Model;
use ndarray::Array2;
use ndarray_npy::{ReadNpyExt, WriteNpyExt};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

const BATCH: usize = 50;

/// φ(x) of the images of one split, and their classes 0 to K−1.
pub struct Features {
    /// [N, D], float64.
    pub values: Tensor,
    /// N classes.
    pub labels: Vec<usize>,
}

/// φ(x) = max(0, W x/√D₀ + b) with the pixels x of an image in [0, 1], the entries of W standard
/// normal and those of b normal with deviation 1/4, from a seed.
pub struct RandomRelu {
    weights: Tensor,
    biases: Tensor,
}

impl RandomRelu {
    /// `units` units on `inputs` pixels.
    pub fn new(inputs: usize, units: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw =
            |count: usize, scale: f64| -> Vec<f64> { (0..count).map(|_| scale * normal(&mut rng)).collect() };
        let weights = draw(inputs * units, 1.0 / (inputs as f64).sqrt());
        let weights = Tensor::from_slice(&weights).reshape([units as i64, inputs as i64]);
        Self { weights, biases: Tensor::from_slice(&draw(units, 0.25)) }
    }

    /// The features of the images at these places, in this order.
    ///
    /// # Errors
    /// For images that are files.
    pub fn of(&self, split: &Split, chosen: &[usize]) -> Result<Tensor> {
        let blocks: Vec<Tensor> = chosen
            .chunks(1000)
            .map(|chunk| {
                Ok((byte_images(split, chunk)?.flatten(1, -1).to_kind(Kind::Double) / 255.0)
                    .linear(&self.weights, Some(&self.biases))
                    .relu())
            })
            .collect::<Result<_>>()?;
        Ok(Tensor::cat(&blocks, 0))
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// EfficientNet-Lite0 as trained on ImageNet, up to its last layer, at 96 pixels, with the
/// constants of its own preprocessing.
pub struct Pretrained {
    model: Model,
    normalisation: Normalisation,
    sha256: String,
    cache: PathBuf,
}

impl Pretrained {
    /// Reads the weights. `cache` is where features that were computed once are kept.
    ///
    /// # Errors
    /// For a file that is no such network.
    pub fn new(weights: &Path, cache: &Path) -> Result<Self> {
        let kind = ArchitectureKind::EfficientNetLite0;
        let input = [3, 32, 32];
        let architecture =
            Architecture { kind, input, num_classes: 2, classifier: Classifier::Linear, resolution: Some(96) };
        let mut model = Model::new(architecture, Device::Cpu)?;
        let sha256 = model.start_from(weights, None)?.sha256;
        let normalisation = Normalisation::new(vec![0.498; 3], vec![0.502; 3])?;
        Ok(Self { model, normalisation, sha256, cache: cache.to_owned() })
    }

    /// SHA-256 of the file of weights.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The features of the images at these places, in this order: from the cache if they are there,
    /// else computed and stored, with their SHA-256.
    ///
    /// # Errors
    /// For images that are files, and a cache that cannot be read or written or has changed since.
    pub fn of(&self, split: &Split, chosen: &[usize]) -> Result<Tensor> {
        let key = &sha256(format!("{} {} {chosen:?}", self.sha256, split.sha256).as_bytes())[..16];
        let path = self.cache.join(format!("efficientnet-lite0-96-{key}.npy"));
        let checksum = path.with_extension("npy.sha256");
        if !checksum.exists() {
            let values = self.compute(split, chosen)?;
            let mut bytes = Vec::new();
            values.write_npy(&mut bytes)?;
            write_bytes(&path, &bytes)?;
            write_bytes(&checksum, sha256(&bytes).as_bytes())?;
        }
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        ensure!(
            fs::read_to_string(&checksum)? == sha256(&bytes),
            "{}: not the file that was written; delete {} to compute it again",
            path.display(),
            checksum.display()
        );
        let values = Array2::<f32>::read_npy(bytes.as_slice()).with_context(|| path.display().to_string())?;
        ensure!(
            values.nrows() == chosen.len(),
            "{}: {} rows for {} images",
            path.display(),
            values.nrows(),
            chosen.len()
        );
        let shape = [values.nrows() as i64, values.ncols() as i64];
        Ok(Tensor::from_slice(&values.into_raw_vec_and_offset().0).reshape(shape).to_kind(Kind::Double))
    }

    fn compute(&self, split: &Split, chosen: &[usize]) -> Result<Array2<f32>> {
        let mut values = Vec::new();
        for (done, chunk) in chosen.chunks(BATCH).enumerate() {
            let images = normalise(&self.normalisation, &byte_images(split, chunk)?)?;
            let features = tch::no_grad(|| self.model.features(&images, false));
            values.extend(Vec::<f32>::try_from(features.flatten(0, -1))?);
            if done % 20 == 0 {
                eprintln!("features of {} of {} images", done * BATCH, chosen.len());
            }
        }
        let columns = values.len() / chosen.len().max(1);
        Ok(Array2::from_shape_vec((chosen.len(), columns), values)?)
    }
}

/// Writes a file as a whole or not at all.
///
/// # Errors
/// For a folder that cannot be written.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(write_atomically(path, |file| file.write_all(bytes).map_err(FileError::io(path)))?)
}

fn byte_images(split: &Split, chosen: &[usize]) -> Result<Tensor> {
    let Images::InMemory { shape, bytes } = &split.images else {
        anyhow::bail!("the images must be in memory: fashion-mnist or cifar100");
    };
    let size = shape.iter().product::<usize>();
    let chosen_bytes: Vec<u8> =
        chosen.iter().flat_map(|&index| &bytes[index * size..(index + 1) * size]).copied().collect();
    let [channels, height, width] = shape.map(|side| side as i64);
    Ok(Tensor::from_slice(&chosen_bytes).reshape([chosen.len() as i64, channels, height, width]))
}

/// The places of the images of these classes in a split, class after class, of each those in
/// `range` (in the files' order), and their classes counted anew from 0.
pub fn chosen_images(split: &Split, classes: &[usize], range: &Range<usize>) -> (Vec<usize>, Vec<usize>) {
    let mut found = (Vec::new(), Vec::new());
    for (new, &class) in classes.iter().enumerate() {
        let members =
            (0..split.labels.len()).filter(|&index| split.labels[index] == class).skip(range.start).take(range.len());
        for index in members {
            found.0.push(index);
            found.1.push(new);
        }
    }
    found
}

/// The checksums of a data set's two splits.
pub fn checksums(data: &DataSet) -> [String; 2] {
    [data.train.sha256.clone(), data.test.sha256.clone()]
}
