//! Checkpoints: one safetensors file that describes itself, and the same description as JSON beside
//! it.
//!
//! The description stands in the metadata of the safetensors header (key `car_spectral`), so that
//! weights and description cannot come apart; `NAME.json` repeats it for people and other programs.
//! Whenever that is there, it is the text in the weights beside it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use car_spectral_formats::atomic::Written;
use car_spectral_formats::quoting::quoted;
use car_spectral_formats::read_regular;
use car_spectral_runs::Description;
use car_spectral_runs::description::{LOSS_PREFIX, METADATA_KEY, description_of};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use tch::{Device, Tensor};

use crate::model::Model;
use crate::tensor_file;
use crate::{Result, TrainingError};

/// Writes `path` (safetensors) and the same name with `.json`. Both are whole before either is
/// shown, and an earlier JSON goes before the weights that it is of. `loss_state` holds the state
/// of a loss, empty for one without; it is read again with [`load_loss_state`].
///
/// # Errors
/// [`TrainingError::File`] naming the file, also for a tensor of a kind that is not written.
pub fn save(
    path: &Path,
    model: &Model,
    loss_state: &BTreeMap<String, Tensor>,
    description: &Description,
) -> Result<()> {
    let json = serde_json::to_string_pretty(description).expect("a description holds only text and finite numbers");
    let state = loss_state.iter().map(|(name, tensor)| (format!("{LOSS_PREFIX}{name}"), tensor.shallow_clone()));
    let json_path = path.with_extension("json");
    let copy = Written::new(&json_path, |file| file.write_all(json.as_bytes()).map_err(TrainingError::io(&json_path)))?;
    let weights = tensor_file::write(path, model.weights().into_iter().chain(state), METADATA_KEY, &json)?;
    Ok(weights.show_with_copy(copy)?)
}

/// Reads a checkpoint of this project.
///
/// # Errors
/// As [`describe`](car_spectral_runs::description::describe), for tensors that do not fit the
/// description too, before anything is built; [`TrainingError::File`] for a safetensors file
/// without a description.
pub fn load(path: &Path, device: Device) -> Result<(Model, Description)> {
    of_bytes(path, &read_regular(path)?, device)
}

/// Takes a checkpoint of this project from the bytes of the file at `path`.
///
/// # Errors
/// As [`load`].
pub fn of_bytes(path: &Path, bytes: &[u8], device: Device) -> Result<(Model, Description)> {
    let description = description_of(path, bytes)?.ok_or_else(|| {
        TrainingError::malformed(
            path,
            "it does not describe its network; name the architecture and the constants of the pixels",
        )
    })?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| TrainingError::malformed(path, error.to_string()))?;
    let mut weights = BTreeMap::new();
    for (name, view) in file.tensors().into_iter().filter(|(name, _)| !name.starts_with(LOSS_PREFIX)) {
        if view.dtype() != Dtype::F32 {
            return Err(TrainingError::malformed(
                path,
                format!("tensor {} is {:?}, expected F32", quoted(&name), view.dtype()),
            ));
        }
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(TrainingError::malformed(
                path,
                format!("tensor {} holds {} at element {at}", quoted(&name), values[at]),
            ));
        }
        let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
        weights.insert(name, Tensor::f_from_slice(&values)?.f_view(shape.as_slice())?);
    }
    let model = Model::with_weights(description.architecture.clone(), &weights, device)?;
    Ok((model, description))
}

/// Reads the state of the loss that a checkpoint was trained with, on the CPU; empty for a loss
/// without one.
///
/// # Errors
/// [`TrainingError::File`]; what the tensors hold is checked by the loss that takes them.
pub fn load_loss_state(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let bytes = read_regular(path)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| TrainingError::malformed(path, error.to_string()))?;
    tensor_file::tensors_under(path, &file, LOSS_PREFIX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::PathBuf;

    use safetensors::tensor::TensorView;
    use tch::Kind;

    use super::*;
    use crate::loss::CarLoss;
    use car_spectral::car::CarOptions;
    use car_spectral_data::{AugmentationOptions, CutMix, Policy};
    use car_spectral_data::{DataKind, LongTail, Normalisation, Sampler, Validation};
    use car_spectral_runs::Run;
    use car_spectral_runs::description::{FrozenBackbone, Pretrained, SCHEMA, TrainingData, ValidationPart, describe};
    use car_spectral_runs::settings::{
        Architecture, ArchitectureKind, CarSchedule, ClassificationOptions, Classifier, ContrastiveOptions,
        ObjectiveOptions, OptimisationSettings, OptimizerOptions, RectificationOptions, Selection, TrainingPass,
    };

    fn description() -> Description {
        Description {
            schema: SCHEMA.to_owned(),
            architecture: Architecture {
                kind: ArchitectureKind::Mlp { hidden: vec![5] },
                input: [1, 2, 2],
                num_classes: 2,
                classifier: Classifier::Linear,
                resolution: None,
            },
            normalisation: Normalisation::new(vec![0.25], vec![0.5]).unwrap(),
            data: TrainingData {
                kind: DataKind::FashionMnist,
                train_sha256: "a".into(),
                test_sha256: "b".into(),
                long_tail: Some(LongTail { n_max: 40, imbalance: 10.0, seed: 7 }),
                class_counts: vec![40, 4],
                indices_sha256: "c".into(),
                validation: Some(ValidationPart {
                    drawn: Validation { share: 0.1, seed: 7 },
                    class_counts: vec![4, 1],
                    indices_sha256: "e".into(),
                }),
                image_size: Some(2),
                class_names: vec!["cat".into(), "dog".into()],
            },
            run: Run {
                epoch: 3,
                optimisation: OptimisationSettings {
                    epochs: 4,
                    seed: u64::MAX,
                    batch_size: 32,
                    learning_rate: 0.1 + 0.2,
                    optimizer: OptimizerOptions::adamw(2e-4),
                    warm_up_epochs: 1,
                    selection: Selection::BestValidation,
                    objective: ObjectiveOptions {
                        classification: ClassificationOptions::LogitAdjustment { tau: 1.0 },
                        contrastive: Some(ContrastiveOptions::CIFAR),
                        cutmix: Some(CutMix::CUSTOMARY),
                        rectification: Some(RectificationOptions::after(100)),
                        car: Some(CarOptions::paper()),
                        car_schedule: CarSchedule { after_epoch: 3, ramp_epochs: 4 },
                    },
                },
                augmented: true,
                augmentation: Some(AugmentationOptions { policy: Policy::AutoAugment, cutout: Some(16) }),
                sampler: Sampler::SquareRoot,
                evaluated_every: Some(2),
                training_pass: TrainingPass { bf16: true, drop_path: 0.1 },
                weight_ema: Some(0.999),
                pretrained: Some(Pretrained { sha256: "e".into(), classifier: false }),
                frozen_backbone: Some(FrozenBackbone {
                    train_features_sha256: "f".into(),
                    test_features_sha256: "g".into(),
                }),
                loss: "Balanced Softmax + CAR".into(),
                device: "cpu".into(),
                threads: 1,
                commit: "d".into(),
            },
        }
    }

    /// A loss that has seen a batch.
    fn car_loss() -> CarLoss {
        let mut loss = CarLoss::new(&[40, 4], CarOptions::paper()).unwrap();
        let logits = Tensor::from_slice(&[0.5f32, 0.25, 1.0, 0.75]).view([2, 2]);
        let _ = loss.regulariser(&logits, &Tensor::from_slice(&[1i64, 1])).unwrap();
        loss
    }

    /// A checkpoint with this description, in a folder of its own.
    fn saved(description: &Description) -> (tempfile::TempDir, PathBuf, Model) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epoch-3.safetensors");
        let model = Model::new(self::description().architecture, Device::Cpu).unwrap();
        save(&path, &model, &car_loss().state(), description).unwrap();
        (folder, path, model)
    }

    #[test]
    fn weights_and_description_come_back_and_the_json_repeats_it() {
        let (folder, path, model) = saved(&description());
        let (loaded, found) = load(&path, Device::Cpu).unwrap();
        assert_eq!(found, description());
        assert_eq!(describe(&path).unwrap(), Some(description()));
        let (before, after) = (model.weights(), loaded.weights());
        assert_eq!(before.len(), 2);
        for ((name, tensor), (other, again)) in before.iter().zip(&after) {
            assert!(name == other && tensor.equal(again), "{name} {other}");
        }
        let json = std::fs::read_to_string(folder.path().join("epoch-3.json")).unwrap();
        assert_eq!(serde_json::from_str::<Description>(&json).unwrap(), description());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_older_builds_did_not_write_is_the_default() {
        let mut old = serde_json::to_value(description()).unwrap();
        let run = ["sampler", "selection", "augmentation", "contrastive", "cutmix", "rectification"];
        for (part, keys) in [("data", &["validation", "image_size"][..]), ("run", &run[..])] {
            for key in keys {
                old[part].as_object_mut().unwrap().remove(*key).unwrap();
            }
        }
        let found: Description = serde_json::from_value(old.clone()).unwrap();
        assert_eq!((found.data.validation.as_ref(), found.data.image_size), (None, None));
        assert_eq!((found.run.sampler, found.run.optimisation.selection), (Sampler::InstanceBalanced, Selection::Last));
        assert_eq!((found.run.augmentation, found.run.optimisation.objective.contrastive), (None, None));
        assert_eq!(
            (found.run.optimisation.objective.cutmix, found.run.optimisation.objective.rectification),
            (None, None)
        );
        assert_eq!(serde_json::to_value(found).unwrap(), old, "and is not written");
    }

    #[test]
    fn the_state_of_the_loss_comes_back() {
        let (_folder, path, _) = saved(&description());
        let (before, after) = (car_loss().state(), load_loss_state(&path).unwrap());
        assert!(before["ema"].sum(Kind::Double).double_value(&[]) > 0.0);
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        assert!(before.iter().all(|(name, tensor)| tensor.kind() == after[name].kind() && tensor.equal(&after[name])));
        CarLoss::new(&[40, 4], CarOptions::paper()).unwrap().set_state(&after).unwrap();
    }

    #[test]
    fn a_file_of_another_program_has_no_description() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foreign.safetensors");
        let bytes = 1f32.to_le_bytes();
        let view = TensorView::new(Dtype::F32, vec![1, 1], &bytes).unwrap();
        std::fs::write(&path, safetensors::serialize([("w", view)], None).unwrap()).unwrap();
        assert_eq!(describe(&path).unwrap(), None);
        assert!(load(&path, Device::Cpu).unwrap_err().to_string().contains("name the architecture"));
        let pipe = folder.path().join("pipe.safetensors");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for error in [load(&pipe, Device::Cpu).unwrap_err(), load_loss_state(&pipe).unwrap_err()] {
            assert!(error.to_string().contains("pipe.safetensors: it is a device, pipe or socket"), "{error}");
        }
        std::fs::write(&path, "no safetensors").unwrap();
        let error = describe(&path).unwrap_err().to_string();
        assert!(error.contains("foreign.safetensors") && error.contains("not a whole safetensors file"), "{error}");
    }

    #[test]
    fn descriptions_that_contradict_themselves_are_refused_with_the_place() {
        let refused = |change: &dyn Fn(&mut Description)| {
            let mut description = description();
            change(&mut description);
            let (_folder, path, _) = saved(&description);
            let (described, loaded) = (describe(&path).unwrap_err(), load(&path, Device::Cpu).unwrap_err());
            assert_eq!(described.to_string(), loaded.to_string());
            assert!(described.to_string().contains("epoch-3.safetensors"), "{described}");
            described.to_string()
        };
        assert!(
            refused(&|d| d.schema = "car-spectral.checkpoint/2".into()).contains("checkpoint/2\", this program reads")
        );
        assert!(refused(&|d| d.data.class_counts = vec![1]).contains("2 classes, but 1 counts and 2 names"));
        assert!(refused(&|d| d.data.class_names.push("owl".into())).contains("2 classes, but 2 counts and 3 names"));
        assert!(
            refused(&|d| d.data.class_names[1] = "\u{1b}[2J".into()).contains("class 1: the class name holds U+001B")
        );
        assert!(refused(&|d| d.data.class_names[0] = "x".repeat(201)).contains("class 0: the class name has 201"));
        assert!(refused(&|d| d.normalisation.std[0] = 0.0).contains("std"));
        assert!(refused(&|d| d.architecture.num_classes = 3).contains("3 classes, but 2 counts"));
    }

    #[test]
    fn weights_that_are_not_finite_or_of_another_type_or_shape_are_refused_by_name() {
        let refused = |name: &str, dtype: Dtype, shape: Vec<usize>, bytes: &[u8]| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("bad.safetensors");
            let other = if name == "fc1.weight" { ("fc2.weight", vec![2, 5]) } else { ("fc1.weight", vec![5, 4]) };
            let zeros = vec![0; 4 * other.1.iter().product::<usize>()];
            let views = [
                (name, TensorView::new(dtype, shape, bytes).unwrap()),
                (other.0, TensorView::new(Dtype::F32, other.1, &zeros).unwrap()),
            ];
            let json = serde_json::to_string(&description()).unwrap();
            let metadata = HashMap::from([(METADATA_KEY.to_owned(), json)]);
            std::fs::write(&path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
            load(&path, Device::Cpu).unwrap_err().to_string()
        };
        let mut values = [0f32; 10];
        values[3] = f32::NEG_INFINITY;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let error = refused("fc2.weight", Dtype::F32, vec![2, 5], &bytes);
        assert!(error.contains("\"fc2.weight\" holds -inf at element 3"), "{error}");
        let error = refused("fc2.weight", Dtype::F16, vec![2, 5], &bytes[..20]);
        assert!(error.contains("\"fc2.weight\" is F16, expected F32"), "{error}");
        let error = refused("fc1.weight", Dtype::F32, vec![2, 5], &[0; 40]);
        assert!(error.contains("fc1.weight"), "{error}");
    }
}
