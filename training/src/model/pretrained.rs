//! A file of weights as the start of a training.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, Tensor};

use super::Model;
use crate::TrainingError;
use crate::tensor_file::LOSS_PREFIX;
use car_spectral_formats::weights::{self, TensorData, Weights};
use car_spectral_runs::description::Pretrained;

impl Model {
    /// Takes the weights of a .safetensors or torch.save file (never executed, see [`car_spectral_formats::weights`]).
    /// All but those of the last layer must be there by name and shape; the last layer's are taken if they fit.
    ///
    /// # Errors
    /// [`TrainingError::Input`] for a file that is refused; [`TrainingError::Setting`] for `mlp`, which has no last
    /// layer apart; [`TrainingError::WeightsMismatch`] naming the tensor that does not fit, and then nothing has
    /// changed.
    pub fn start_from(&mut self, file: &Path) -> Result<Pretrained, TrainingError> {
        let last_layer = self.architecture.kind.classifier_name().ok_or_else(|| {
            TrainingError::setting("pretrained", file.display(), "is not for mlp; give another `model`")
        })?;
        let read = weights::read(file)?;
        let sha256 = read.sha256.clone();
        let mut weights = tensors_of(read)?;
        weights.retain(|name, _| !name.starts_with(LOSS_PREFIX));
        let last = |name: &str| name.strip_prefix(last_layer).is_some_and(|rest| rest.starts_with('.'));
        let own: BTreeMap<String, Tensor> = self.variables().into_iter().filter(|(name, _)| last(name)).collect();
        let given: BTreeMap<&String, Vec<i64>> =
            weights.iter().filter(|(name, _)| last(name)).map(|(name, tensor)| (name, tensor.size())).collect();
        let classifier = given == own.iter().map(|(name, tensor)| (name, tensor.size())).collect();
        if !classifier {
            weights.retain(|name, _| !last(name));
            weights.extend(own);
        }
        self.set_weights(&weights)
            .map_err(|error| TrainingError::WeightsMismatch { problem: format!("{}: {error}", file.display()) })?;
        Ok(Pretrained { sha256, classifier })
    }
}

/// The floating-point tensors of a file in float32; integers and truth values (counters) are left out.
///
/// # Errors
/// [`TrainingError::Input`] naming a weight that is not finite.
pub fn tensors_of(weights: Weights) -> Result<BTreeMap<String, Tensor>, TrainingError> {
    weights.check_finite()?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in weights.tensors {
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

    use tch::Device;

    use super::*;
    use crate::tensor_file;
    use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier};

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
        tensor_file::write(&path, weights.chain([counter]), "key", "{}").unwrap();
        (folder, path)
    }

    #[test]
    fn the_last_layer_is_taken_if_it_fits_and_begins_fresh_if_not() {
        let source = model(5, Classifier::Linear);
        for prefix in ["", "module."] {
            let (_folder, path) = saved(&source, prefix);
            for (mut started, taken) in [
                (model(5, Classifier::Linear), true),
                (model(7, Classifier::Linear), false),
                (model(5, Classifier::Cosine { scale: 30 }), false),
            ] {
                let fresh = started.weights()["linear.weight"].copy();
                let pretrained = started.start_from(&path).unwrap();
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
        let mut started = model(5, Classifier::Linear);
        let before = started.weights()["conv1.weight"].copy();
        let error = started.start_from(&path).unwrap_err().to_string();
        assert!(error.contains("weights.safetensors") && error.contains("`backbone.bn1.bias`"), "{error}");
        assert!(started.weights()["conv1.weight"].equal(&before));
        let missing = started.start_from(&path.with_extension("gone")).unwrap_err();
        assert!(matches!(missing, TrainingError::Input(_)), "{missing}");
        let mlp = Architecture { kind: ArchitectureKind::Mlp { hidden: vec![4] }, ..started.architecture().clone() };
        let error = Model::new(mlp, Device::Cpu).unwrap().start_from(&path).unwrap_err().to_string();
        assert!(error.contains("pretrained"), "{error}");
    }
}
