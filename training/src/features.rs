//! Features of a data set: what a network whose backbone stays as it is makes of every image of
//! both splits, computed once (evaluation mode, no augmentation, float32) and kept in a file.
//!
//! The file is `NAME-KEY.safetensors` with the tensors `train` [N, D] and `test` [M, D], rows in
//! the order of the splits. KEY is the beginning of the SHA-256 of [`Source`], all that the
//! features follow from; the header repeats it whole, with the SHA-256 of both tensors, which are
//! verified whenever the file is read. It appears by rename, and while one process computes it
//! others wait. The last bits of features can differ between machines and numbers of threads; the
//! checksums tell.

use std::fs::{self, TryLockError};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use car_spectral_data::augment::Chain;
use car_spectral_data::{DataKind, DataSet, Normalisation, Split};
use car_spectral_formats::quoting::escaped;
use car_spectral_formats::{append_to_regular, read_regular, sha256};
use car_spectral_runs::description::FrozenBackbone;
use car_spectral_runs::settings::{Architecture, ArchitectureKind};
use ndarray::ArrayView2;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::batch::normalise;
use crate::evaluate;
use crate::model::Model;
use crate::tensor_file;
use crate::{Result, TrainingError};

const SCHEMA: &str = "car-spectral.features/1";
/// Where the metadata of the file holds its header.
const KEY: &str = "car_spectral_features";
/// Characters of the checksum that a file is called by.
const SHOWN: usize = 16;
const SPLITS: [&str; 2] = ["train", "test"];

/// Features of both splits.
#[derive(Debug)]
pub struct Features {
    /// [N, D], float32, of the whole training split.
    pub train: Tensor,
    /// [M, D], of the test split.
    pub test: Tensor,
    description: FrozenBackbone,
}

impl Features {
    /// The checksums of both.
    pub fn description(&self) -> FrozenBackbone {
        self.description.clone()
    }
}

/// All that features follow from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    schema: String,
    weights_sha256: String,
    weights_key: Option<String>,
    network: ArchitectureKind,
    /// C, H, W.
    input: [usize; 3],
    resolution: Option<usize>,
    normalisation: Normalisation,
    image_size: Option<usize>,
    data: DataKind,
    train_sha256: String,
    test_sha256: String,
    numbers: String,
}

impl Source {
    /// Describes the features of weights of that SHA-256, of several sets in their file the one
    /// under the key; images are normalised and, if a size is given, resized so.
    pub fn new(
        architecture: &Architecture,
        (weights_sha256, weights_key): (&str, Option<&str>),
        data: &DataSet,
        (normalisation, image_size): (&Normalisation, Option<usize>),
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            weights_sha256: weights_sha256.to_owned(),
            weights_key: weights_key.map(str::to_owned),
            network: architecture.kind.clone(),
            input: architecture.input,
            resolution: architecture.resolution,
            normalisation: normalisation.clone(),
            image_size,
            data: data.kind,
            train_sha256: data.train.sha256.clone(),
            test_sha256: data.test.sha256.clone(),
            numbers: "float32".to_owned(),
        }
    }

    fn file_name(&self) -> String {
        let json = serde_json::to_string(self).expect("text and finite numbers");
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let network: String = self.network.to_string().chars().map(plain).collect();
        format!("{network}-{}.safetensors", &sha256(json.as_bytes())[..SHOWN])
    }
}

/// The events of a search for features.
#[derive(Clone, Copy, Debug)]
pub enum FeatureEvent<'a> {
    /// Another process computes this file, and is waited for.
    Awaited(&'a Path),
    /// The features of so many images of both splits are done.
    Computed {
        /// Images done.
        done: usize,
        /// Images of both splits.
        of: usize,
    },
    /// The features are read from this file.
    Read(&'a Path),
}

/// Metadata of the file.
#[derive(Serialize, Deserialize)]
struct Header {
    source: Source,
    checksums: FrozenBackbone,
}

/// The features that `model` makes of `data`: read from the file in `folder`, which is computed if
/// it is not there. `source` is that of the model and the data.
///
/// # Errors
/// [`TrainingError::File`] for a file that is damaged or of another source, and for one that cannot
/// be read or written; [`TrainingError::WeightsMismatch`] for features that are not finite; those
/// of images and of libtorch.
pub fn of(
    model: &Model,
    data: &DataSet,
    source: &Source,
    folder: &Path,
    device: Device,
    told: &mut dyn FnMut(FeatureEvent<'_>),
) -> Result<Features> {
    let path = folder.join(source.file_name());
    if !path.exists() {
        fs::create_dir_all(folder).map_err(TrainingError::io(folder))?;
        let lock_path = path.with_extension("lock");
        let lock = append_to_regular(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                told(FeatureEvent::Awaited(&path));
                lock.lock().map_err(TrainingError::io(&lock_path))?;
            }
            Err(TryLockError::Error(source)) => return Err(TrainingError::io(&lock_path)(source)),
        }
        if !path.exists() {
            compute(model, data, source, device, told)?.write(&path, source)?;
        }
    }
    told(FeatureEvent::Read(&path));
    let width = model.class_weights().size()[1];
    read(&path, source, [&data.train, &data.test].map(|split| [split.labels.len() as i64, width]), device)
}

/// Rows of both splits, one after the other.
struct Computed {
    values: [Vec<f32>; 2],
    width: usize,
}

fn compute(
    model: &Model,
    data: &DataSet,
    source: &Source,
    device: Device,
    told: &mut dyn FnMut(FeatureEvent<'_>),
) -> Result<Computed> {
    let of = data.train.labels.len() + data.test.labels.len();
    let (mut width, mut before) = (0, 0);
    let forward = |batch: &Tensor| Ok(model.features(&normalise(&source.normalisation, batch)?, false));
    let mut of_split = |split: &Arc<Split>| {
        let indices: Vec<usize> = (0..split.labels.len()).collect();
        let chain = Chain::evaluation(&split.images, source.image_size);
        let mut values = Vec::new();
        let take = |rows: ArrayView2<'_, f32>, places: Range<usize>| {
            width = rows.ncols();
            values.extend(rows.iter());
            told(FeatureEvent::Computed { done: before + places.end, of });
            Ok(())
        };
        evaluate::batches(split, &indices, &chain, device, forward, take)?;
        before += indices.len();
        match values.iter().position(|value: &f32| !value.is_finite()) {
            None => Ok(values),
            Some(at) => {
                let problem = format!(
                    "the network makes {} of image {}; give other `pretrained` weights",
                    values[at],
                    at / width
                );
                Err(TrainingError::WeightsMismatch { problem })
            }
        }
    };
    Ok(Computed { values: [of_split(&data.train)?, of_split(&data.test)?], width })
}

impl Computed {
    fn write(self, path: &Path, source: &Source) -> Result<()> {
        let [train, test] = &self.values;
        let checksum =
            |values: &[f32]| sha256(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        let checksums = FrozenBackbone { train_features_sha256: checksum(train), test_features_sha256: checksum(test) };
        let header = Header { source: source.clone(), checksums };
        let json = serde_json::to_string(&header).expect("text and finite numbers");
        let shape = [-1, self.width as i64];
        let tensor = |values: &[f32]| Tensor::f_from_slice(values)?.f_reshape(shape);
        let tensors = SPLITS.map(str::to_owned).into_iter().zip([tensor(train)?, tensor(test)?]);
        Ok(tensor_file::write(path, tensors, KEY, &json)?.show()?)
    }
}

fn read(path: &Path, source: &Source, shapes: [[i64; 2]; 2], device: Device) -> Result<Features> {
    let damaged = |problem: String| {
        TrainingError::malformed(path, format!("{problem}; delete this file, and the features are computed again"))
    };
    let bytes = read_regular(path)?;
    let no_file = |error: safetensors::SafeTensorError| damaged(format!("not a whole safetensors file ({error})"));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(no_file)?;
    let file = SafeTensors::deserialize(&bytes).map_err(no_file)?;
    let json = metadata.metadata().as_ref().and_then(|texts| texts.get(KEY));
    let json = json.ok_or_else(|| damaged("it does not say what its features are of".to_owned()))?;
    let header: Header = serde_json::from_str(json)
        .map_err(|error| damaged(format!("its description is damaged: {}", escaped(&error.to_string()))))?;
    if header.source != *source {
        return Err(damaged("it holds features of other weights, another network or other images".to_owned()));
    }
    let tensor = |name: &str, checksum: &str, shape: [i64; 2]| {
        let view = file.tensor(name).map_err(no_file)?;
        let found: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
        if view.dtype() != Dtype::F32 || found != shape {
            return Err(damaged(format!("`{name}` is {:?} {found:?}, expected F32 {shape:?}", view.dtype())));
        }
        if sha256(view.data()) != checksum {
            return Err(damaged(format!("the checksum of `{name}` is another than when it was written")));
        }
        Ok(Tensor::f_from_data_size(view.data(), &shape, Kind::Float)?.f_to_device(device)?)
    };
    let [train, test] = shapes;
    Ok(Features {
        train: tensor("train", &header.checksums.train_features_sha256, train)?,
        test: tensor("test", &header.checksums.test_features_sha256, test)?,
        description: header.checksums,
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::mpsc;

    use super::*;
    use crate::drawn;
    use car_spectral_runs::settings::Classifier;

    /// Against the largest logit: batches of other images are added up in another order.
    const TOLERANCE: f64 = 1e-5;

    fn model() -> Model {
        let kind = ArchitectureKind::ResNet20;
        let architecture =
            Architecture { kind, input: [3, 8, 8], num_classes: 3, classifier: Classifier::Linear, resolution: None };
        let mut model = Model::new(architecture, Device::Cpu).unwrap();
        let weights = model.weights().into_iter().enumerate().map(|(at, (name, tensor))| {
            let values = drawn::normal(at as u64, &tensor.size(), Kind::Float) * 0.2;
            (name.clone(), if name.ends_with("running_var") { values.abs() + 0.5 } else { values })
        });
        model.set_weights(&weights.collect()).unwrap();
        model
    }

    /// 300 training and 40 test images [3, 8, 8].
    fn data() -> DataSet {
        drawn::data_set([300, 40])
    }

    fn source(model: &Model, data: &DataSet) -> Source {
        Source::new(model.architecture(), ("w", None), data, (&Normalisation::customary(data.kind), None))
    }

    fn found(folder: &Path) -> (Result<Features>, usize) {
        let (model, data, mut computed) = (model(), data(), 0);
        let found = of(&model, &data, &source(&model, &data), folder, Device::Cpu, &mut |event| {
            computed += usize::from(matches!(event, FeatureEvent::Computed { .. }));
        });
        (found, computed)
    }

    fn file_of(folder: &Path) -> PathBuf {
        let (model, data) = (model(), data());
        folder.join(source(&model, &data).file_name())
    }

    #[test]
    fn the_last_layer_makes_of_them_the_logits_of_the_whole_network() {
        let folder = tempfile::tempdir().unwrap();
        let (features, computed) = found(folder.path());
        let (features, model, data) = (features.unwrap(), model(), data());
        assert_eq!(computed, 3, "batches of 256, 44 and 40 images");
        let normalisation = Normalisation::customary(data.kind);
        for (split, features) in [(&data.train, &features.train), (&data.test, &features.test)] {
            let indices: Vec<usize> = (0..split.labels.len()).rev().step_by(3).collect();
            let chain = Chain::evaluation(&split.images, None);
            let forward = |batch: &Tensor| Ok(model.forward(&normalise(&normalisation, batch)?, false));
            let whole = evaluate::logits(split, &indices, &chain, Device::Cpu, forward, |_| ()).unwrap();
            let mut cached = Vec::new();
            let classify = |rows: &Tensor| model.classify(rows);
            evaluate::feature_batches(features, &indices, classify, |rows, _| {
                cached.extend(rows.iter().copied());
                Ok(())
            })
            .unwrap();
            let largest = whole.iter().fold(0.0f64, |largest, &logit| largest.max(f64::from(logit).abs()));
            assert_eq!(cached.len(), whole.len());
            assert!(whole.iter().zip(&cached).all(|(a, b)| f64::from((a - b).abs()) <= TOLERANCE * largest));
        }
    }

    #[test]
    fn they_are_computed_once_for_each_source() {
        let folder = tempfile::tempdir().unwrap();
        let (first, computed) = found(folder.path());
        let (again, computed_again) = found(folder.path());
        assert!(computed > 0 && computed_again == 0);
        let (first, again) = (first.unwrap(), again.unwrap());
        assert!(first.train.equal(&again.train) && first.test.equal(&again.test));
        assert_eq!(first.description(), again.description());
        let (model, data) = (model(), data());
        let of_model = model.architecture().clone();
        let plain = Normalisation::customary(data.kind);
        let other = Normalisation::new(vec![0.5; 3], vec![0.5; 3]).unwrap();
        let mut more = drawn::data_set([300, 40]);
        more.test = drawn::data_set([300, 41]).test;
        let source = |architecture: &Architecture, weights, data, images| {
            Source::new(architecture, weights, data, images).file_name()
        };
        let enlarged = Architecture { resolution: Some(16), ..of_model.clone() };
        let deeper = Architecture { kind: ArchitectureKind::ResNet32, ..of_model.clone() };
        let names = [
            source(&of_model, ("w", None), &data, (&plain, None)),
            source(&of_model, ("v", None), &data, (&plain, None)),
            source(&of_model, ("w", Some("ema")), &data, (&plain, None)),
            source(&enlarged, ("w", None), &data, (&plain, None)),
            source(&deeper, ("w", None), &data, (&plain, None)),
            source(&of_model, ("w", None), &more, (&plain, None)),
            source(&of_model, ("w", None), &data, (&other, None)),
            source(&of_model, ("w", None), &data, (&plain, Some(8))),
        ];
        // The last layer has no part in it.
        let classes = Architecture { num_classes: 7, ..of_model };
        assert_eq!(source(&classes, ("w", None), &data, (&plain, None)), names[0]);
        let different: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
    }

    #[test]
    fn damage_is_refused_with_the_file_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        found(folder.path()).0.unwrap();
        let path = file_of(folder.path());
        let good = fs::read(&path).unwrap();
        let refused = |bytes: &[u8], says: &str| {
            fs::write(&path, bytes).unwrap();
            let error = found(folder.path()).0.unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, TrainingError::File(_)), "{text}");
            let file = path.display().to_string();
            assert!(text.contains(&file) && text.contains(says) && text.contains("delete this file"), "{says}: {text}");
        };
        // The last tensor of the file is `train`.
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        refused(&flipped, "the checksum of `train`");
        refused(&good[..good.len() - 4], "not a whole safetensors file");
        refused(b"text", "not a whole safetensors file");
        let (model, data) = (model(), data());
        let (one, other) = (source(&model, &data), Source { weights_sha256: "v".to_owned(), ..source(&model, &data) });
        let rows = || [vec![0.5; 300 * 64], vec![0.5; 40 * 64]];
        Computed { values: rows(), width: 64 }.write(&path, &other).unwrap();
        refused(&fs::read(&path).unwrap(), "features of other weights");
        Computed { values: rows(), width: 32 }.write(&path, &one).unwrap();
        refused(&fs::read(&path).unwrap(), "`train` is F32 [600, 32], expected F32 [300, 64]");
        fs::remove_file(&path).unwrap();
        let lock = path.with_extension("lock");
        for in_place in [&path, &lock] {
            let _ = fs::remove_file(in_place);
            assert!(std::process::Command::new("mkfifo").arg(in_place).status().unwrap().success());
            let error = found(folder.path()).0.unwrap_err().to_string();
            assert!(error.contains(&format!("{}: it is a device, pipe", in_place.display())), "{error}");
            fs::remove_file(in_place).unwrap();
        }
        assert!(found(folder.path()).1 > 0);
        assert_eq!(fs::read(&path).unwrap(), good);
    }

    #[test]
    fn whoever_comes_while_another_computes_waits() {
        let folder = tempfile::tempdir().unwrap();
        let lock = fs::File::create(file_of(folder.path()).with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let (sender, receiver) = mpsc::channel();
        let place = folder.path().to_owned();
        let second = std::thread::spawn(move || {
            let (model, data) = (model(), data());
            of(&model, &data, &source(&model, &data), &place, Device::Cpu, &mut |event| {
                let _ = sender.send(matches!(event, FeatureEvent::Awaited(_)));
            })
            .map(|features| features.train.size())
        });
        assert!(receiver.recv().unwrap(), "it waits before anything else");
        // Nothing is there when the first one gives up, so the second computes.
        drop(lock);
        assert_eq!(second.join().unwrap().unwrap(), [300, 64]);
        assert_eq!(receiver.iter().filter(|&awaited| awaited).count(), 0);
    }
}
