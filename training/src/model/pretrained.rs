//! Files of weights that other programs keep: taken into a network, as the start of a training or
//! as they are.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::{Model, spellings};
use crate::{Result, TrainingError};
use car_spectral_formats::weights::{self, Fitted, LastLayer, Reading, Taken, TensorData, Wanted, Weights};
use car_spectral_runs::description::Pretrained;
use car_spectral_runs::settings::{Architecture, Classifier};

impl Model {
    /// Takes the weights of a .safetensors or torch.save file (never executed, see
    /// [`car_spectral_formats::weights`]), of several sets in it the one under `key`. All but those
    /// of the last layer must be there by name and shape; the last layer's are taken if they fit.
    ///
    /// # Errors
    /// [`TrainingError::Input`] for a file that is refused or holds another network, and then
    /// nothing has changed; [`TrainingError::Setting`] for `mlp`, which has no last layer apart.
    pub fn start_from(&mut self, file: &Path, key: Option<&str>) -> Result<Pretrained> {
        if self.architecture.kind.classifier_name().is_none() {
            return Err(TrainingError::setting("pretrained", file.display(), "is not for mlp; give another `model`"));
        }
        let read = match key {
            Some(key) => weights::read_under(file, key)?,
            None => weights::read(file)?,
        };
        let sha256 = read.sha256.clone();
        let last_layer = match self.architecture.classifier {
            Classifier::Linear => LastLayer::Unstated,
            Classifier::Cosine { .. } => LastLayer::Cosine,
        };
        let reading = Reading { last_layer, without_last_layer: true, ..Reading::default() };
        let fitted = weights::fit(read, &wanted(&self.architecture), &reading).map_err(weights_refused)?;
        let taken = self.set_fitted(fitted)?;
        Ok(Pretrained { sha256, classifier: taken.last_layer.is_some() })
    }

    /// The network with weights that another program kept, under the names of timm, torchvision or
    /// the network's own. It is built once they fit.
    ///
    /// # Errors
    /// [`TrainingError::Input`] where they are not those of this network; those of [`Model::new`].
    pub fn of_another(
        architecture: Architecture,
        weights: Weights,
        reading: &Reading,
        device: Device,
    ) -> Result<(Self, Taken)> {
        architecture.check()?;
        let fitted = weights::fit(weights, &wanted(&architecture), reading).map_err(weights_refused)?;
        let mut model = Self::new(architecture, device)?;
        let taken = model.set_fitted(fitted)?;
        Ok((model, taken))
    }

    fn set_fitted(&mut self, Fitted { tensors, taken }: Fitted) -> Result<Taken> {
        let mut given = tensors_of(tensors)?;
        if taken.last_layer.is_none() {
            let own = self.variables();
            let fresh: Vec<(String, Tensor)> = own.into_iter().filter(|(name, _)| !given.contains_key(name)).collect();
            given.extend(fresh);
        }
        self.set_weights(&given)?;
        Ok(taken)
    }
}

fn wanted(architecture: &Architecture) -> Wanted {
    let mut shapes = BTreeMap::new();
    let Ok(()) = architecture.each_tensor(&mut |name, shape| {
        shapes.insert(name, shape.to_vec());
        Ok::<_, Infallible>(())
    });
    let kind = &architecture.kind;
    Wanted {
        network: architecture.to_string(),
        spellings: spellings::spellings(kind, shapes.keys()),
        last_layer: kind.classifier_name().map(str::to_owned),
        shapes,
    }
}

fn weights_refused(error: weights::WeightsError) -> TrainingError {
    TrainingError::Input(error.into())
}

/// The floating-point tensors in float32; integers and truth values (counters) are left out.
fn tensors_of(read: BTreeMap<String, weights::Tensor>) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    for (name, tensor) in read {
        let shape: Vec<i64> = tensor.shape.iter().map(|&side| side as i64).collect();
        let values = match tensor.data {
            TensorData::F32(values) => Tensor::f_from_slice(&values)?,
            TensorData::F64(values) => Tensor::f_from_slice(&values)?.f_to_kind(Kind::Float)?,
            TensorData::I64(_) | TensorData::Bool(_) => continue,
        };
        tensors.insert(name, values.f_reshape(shape.as_slice())?);
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::tensor_file;
    use car_spectral_runs::settings::ArchitectureKind;

    fn model(classes: usize, classifier: Classifier) -> Model {
        let kind = ArchitectureKind::ResNet20;
        let input = [3, 8, 8];
        Model::new(Architecture { kind, input, num_classes: classes, classifier, resolution: None }, Device::Cpu)
            .unwrap()
    }

    /// A file with `prefix` in front of the names of the weights and a counter beside them.
    fn saved(model: &Model, prefix: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let weights = model.weights().into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor));
        let counter = (format!("{prefix}bn1.num_batches_tracked"), Tensor::from(3i64));
        tensor_file::write(&path, weights.chain([counter]), "key", "{}").unwrap().show().unwrap();
        (folder, path)
    }

    #[test]
    fn the_last_layer_is_taken_if_it_fits_and_begins_fresh_if_not() {
        let source = model(5, Classifier::Linear);
        for prefix in ["", "module.", "backbone."] {
            let (_folder, path) = saved(&source, prefix);
            for (mut started, taken) in [
                (model(5, Classifier::Linear), true),
                (model(7, Classifier::Linear), false),
                (model(5, Classifier::Cosine { scale: 30 }), false),
            ] {
                let fresh = started.weights()["linear.weight"].copy();
                let pretrained = started.start_from(&path, None).unwrap();
                assert_eq!(pretrained.classifier, taken);
                assert_eq!(pretrained.sha256, car_spectral_formats::sha256_file(&path).unwrap());
                let (weights, wanted) = (started.weights(), source.weights());
                for name in ["conv1.weight", "layer3.2.bn2.running_var"] {
                    assert!(weights[name].equal(&wanted[name]), "{name}");
                }
                let expected = if taken { &wanted["linear.weight"] } else { &fresh };
                assert!(weights["linear.weight"].equal(expected));
            }
        }
    }

    #[test]
    fn a_file_of_another_network_is_refused_and_nothing_changes() {
        let source = model(5, Classifier::Linear);
        let (_folder, path) = saved(&source, "backbone.");
        let deeper = Architecture { kind: ArchitectureKind::ResNet32, ..source.architecture().clone() };
        let mut started = Model::new(deeper, Device::Cpu).unwrap();
        let before = started.weights()["conv1.weight"].copy();
        let error = started.start_from(&path, None).unwrap_err().to_string();
        assert!(error.contains("weights.safetensors") && error.contains("\"backbone.layer1.3.bn1.bias\""), "{error}");
        assert!(started.weights()["conv1.weight"].equal(&before));
        let missing = started.start_from(&path.with_extension("gone"), None).unwrap_err();
        assert!(matches!(missing, TrainingError::Input(_)), "{missing}");
        let mlp = Architecture { kind: ArchitectureKind::Mlp { hidden: vec![4] }, ..started.architecture().clone() };
        let error = Model::new(mlp, Device::Cpu).unwrap().start_from(&path, None).unwrap_err().to_string();
        assert!(error.contains("pretrained"), "{error}");
    }
}
