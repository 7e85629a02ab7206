//! Training of the last layer alone, on features that a network with the weights of a file computed
//! once.

use super::Settings;
use crate::RunError;

impl Settings {
    /// Refuses what contradicts a backbone that stays as it was, or has no effect beside it.
    ///
    /// # Errors
    /// [`RunError::Setting`] naming the setting and what to give in its place.
    pub(super) fn check_frozen(&self) -> Result<(), RunError> {
        let (network, objective) = (&self.network, &self.optimisation.objective);
        if network.frozen.is_none() {
            return Ok(());
        }
        let refuse = |name, value: &dyn ToString, requirement: &str| {
            Err(RunError::setting(name, value.to_string(), format!("{requirement}, or leave `freeze-backbone` out")))
        };
        if network.architecture.classifier_name().is_none() {
            return refuse("model", &network.architecture, "has no last layer apart; give another network");
        }
        if network.pretrained.is_none() {
            return refuse("freeze-backbone", &true, "keeps the weights of a file; give it with `pretrained`");
        }
        if self.images.augmentation.changes_images() {
            let requirement = "features are those of the images as they are; give `augment` none without `cutout`";
            return refuse("augment", &self.images.augmentation.label(), requirement);
        }
        if objective.contrastive.is_some() {
            return refuse("loss", &objective.label(), "needs several views of an image; give another loss");
        }
        if objective.cutmix.is_some() {
            return refuse("cutmix", &true, "mixes pixels, and there are features only; leave it out");
        }
        if network.training_pass.bf16 {
            return refuse("bf16", &true, "has no effect: the last layer multiplies in float32; leave it out");
        }
        if network.training_pass.drop_path > 0.0 {
            let probability = network.training_pass.drop_path;
            return refuse("drop-path", &probability, "has no effect: no branch is trained; leave it out");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use car_spectral_data::{CutMix, Policy};

    use super::super::*;

    fn settings(out: &Path) -> Settings {
        Settings {
            network: NetworkSettings {
                architecture: ArchitectureKind::EfficientNetLite0,
                classifier: Classifier::Linear,
                resolution: None,
                training_pass: TrainingPass::default(),
                pretrained: Some((PathBuf::from("weights.pth"), None)),
                frozen: Some(PathBuf::from("features")),
                weight_ema: None,
            },
            images: ImageSettings { loader_threads: 1, ..ImageSettings::default() },
            optimisation: OptimisationSettings {
                epochs: 2,
                batch_size: 8,
                learning_rate: 0.1,
                optimizer: OptimizerOptions::adamw(0.0),
                warm_up_epochs: 0,
                objective: ObjectiveOptions::classification(ClassificationOptions::CrossEntropy),
                selection: Selection::Last,
                seed: 0,
            },
            output: OutputSettings {
                folder: out.to_owned(),
                earlier: EarlierRun::Refuse,
                evaluate_every: 1,
                checkpoint_every: 0,
                car_diagnose: false,
                flags: None,
            },
        }
    }

    #[test]
    fn what_contradicts_a_frozen_backbone_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let good = settings(folder.path());
        good.check().unwrap();
        type Change = fn(&mut Settings);
        let cases: [(Change, &str); 8] = [
            (
                |s| s.network.architecture = ArchitectureKind::Mlp { hidden: vec![4] },
                "model = mlp (4): has no last layer",
            ),
            (|s| s.network.pretrained = None, "freeze-backbone = true: keeps the weights of a file"),
            (|s| s.images.augmentation.policy = Policy::CropFlip, "augment = crop and flip: features are those"),
            (|s| s.images.augmentation.cutout = Some(4), "augment = none, Cutout 4: features are those"),
            (|s| s.optimisation.objective.contrastive = Some(ContrastiveOptions::CIFAR), "loss = BCL (cross-entropy)"),
            (|s| s.optimisation.objective.cutmix = Some(CutMix::CUSTOMARY), "cutmix = true: mixes pixels"),
            (|s| s.network.training_pass.bf16 = true, "bf16 = true: has no effect"),
            (|s| s.network.training_pass.drop_path = 0.1, "drop-path = 0.1: has no effect"),
        ];
        for (change, says) in cases {
            let mut settings = good.clone();
            change(&mut settings);
            let error = settings.check().unwrap_err().to_string();
            assert!(error.starts_with(says) && error.contains("leave `freeze-backbone` out"), "{says}: {error}");
            if !matches!(settings.network.architecture, ArchitectureKind::Mlp { .. }) {
                settings.network.frozen = None;
                settings.check().unwrap();
            }
        }
    }
}
