//! The objective that a run minimises: the classification loss, and beside it, where asked for, the
//! contrastive loss and CAR.
//!
//! | options | views of an image | loss |
//! | --- | --- | --- |
//! | classification | one | the classification loss, of mixed labels after CutMix |
//! | + contrastive (BCL) | one to classify, two to compare | alpha x classification loss + beta x balanced contrastive loss |
//! | + CutMix + rectification (ConCutMix) | the same, the first mixed | the same, of rectified labels |
//! | + CAR | | the same + alpha_CAR ‖C̄Λ‖₂, or another norm; alpha_CAR by epoch |
//!
//! CutMix touches the view to classify only: contrastive features have one class each. CAR reads
//! batches that are not mixed, and the view to classify: its matrix counts errors by true class,
//! and an image of two classes has no true class; a mixed image seen as its partner is no error.
//! The paper does not say how it goes with ConCutMix; the code that its authors published for an
//! earlier regulariser with CutMix takes its confusion matrix from unmixed images, too.

use std::collections::BTreeMap;

use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::SpectralNorm;
use car_spectral_runs::log::CarMetrics;
use car_spectral_runs::settings::{CarSchedule, ContrastiveOptions, ObjectiveOptions};
use tch::{Kind, Tensor};

use super::car_term::CarTerm;
use super::contrastive::ContrastiveBranch;
use crate::Result;
use crate::loss::classification::ClassificationLoss;
use crate::loss::{Rectification, balanced_contrastive_loss};
use crate::mixing::Mix;
use crate::model::Model;

/// In front of the names of the contrastive branch's tensors.
const CONTRASTIVE: &str = "contrastive.";

/// The objective of a run, with what it carries from step to step.
#[derive(Debug)]
pub(crate) struct Objective {
    classification: ClassificationLoss,
    contrastive: Option<(ContrastiveOptions, ContrastiveBranch)>,
    rectification: Option<Rectification>,
    car: Option<CarTerm>,
    car_schedule: CarSchedule,
    num_classes: usize,
}

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    /// The objective, to differentiate.
    pub objective: Tensor,
    /// Value of the objective without CAR.
    pub loss: f64,
    /// Images predicted right; of a mixed image the share of the class predicted.
    pub right: f64,
}

impl Objective {
    /// For `class_counts` `[K]` training images of each class and the given network. The
    /// contrastive branch is freshly initialised from libtorch's generator.
    pub(crate) fn new(options: &ObjectiveOptions, class_counts: &[u64], model: &Model, diagnose: bool) -> Result<Self> {
        options.check()?;
        options.car.iter().try_for_each(|car| car.norm.check(class_counts.len()))?;
        let weights = model.class_weights();
        let branch = |options: ContrastiveOptions| {
            (options, ContrastiveBranch::new(weights.size()[1], &options, weights.device()))
        };
        Ok(Self {
            classification: ClassificationLoss::new(class_counts, options.classification)?,
            contrastive: options.contrastive.map(branch),
            rectification: options
                .rectification
                .map(|options| Rectification::new(class_counts, options))
                .transpose()?,
            car: options.car.map(|car| CarTerm::new(class_counts, car, diagnose)).transpose()?,
            car_schedule: options.car_schedule,
            num_classes: class_counts.len(),
        })
    }

    /// The objective of a batch in epoch `epoch` (from 1): normalised `views` [B, C, H, W], as many
    /// as [`ObjectiveOptions::views`] says, their classes `labels` `[B]`, and how the first view
    /// was mixed, if it was.
    pub(crate) fn step(
        &mut self,
        model: &Model,
        views: &[Tensor],
        labels: &Tensor,
        mix: Option<&Mix>,
        epoch: usize,
    ) -> Result<Step> {
        let features = match views {
            [view] => model.features(view, true),
            views => model.features(&Tensor::f_cat(views, 0)?, true),
        };
        self.step_on(model, &features, labels, mix, epoch)
    }

    /// The same from the features [V B, D] of all views, the view to classify first.
    pub(crate) fn step_on(
        &mut self,
        model: &Model,
        all_features: &Tensor,
        labels: &Tensor,
        mix: Option<&Mix>,
        epoch: usize,
    ) -> Result<Step> {
        let batch = labels.size()[0];
        let logits = model.classify(&all_features.f_narrow(0, 0, batch)?);
        let compared = self
            .contrastive
            .as_ref()
            .map(|(_, branch)| (branch.project(all_features), branch.centres(model.class_weights())));

        let mixed = mix.map(|mix| mix.targets(labels, self.num_classes, logits.kind())).transpose()?;
        let classification = match &mixed {
            None => self.classification.forward(&logits, labels, epoch)?,
            Some(mixed) => {
                let rectification = self.rectification.as_ref().filter(|it| epoch > it.options().after_epoch);
                match rectification.zip(compared.as_ref()) {
                    Some((rectification, (projected, centres))) => {
                        let rectified = rectification.labels(&projected.f_narrow(0, 0, batch)?, centres, mixed)?;
                        self.classification.forward_soft(&logits, &rectified)?
                    }
                    None => self.classification.forward_soft(&logits, mixed)?,
                }
            }
        };
        let loss = match (&self.contrastive, &compared) {
            (Some((options, _)), Some((projected, centres))) => {
                let features = projected.f_narrow(0, batch, 2 * batch)?;
                let twice = labels.f_repeat([2])?;
                let contrastive = balanced_contrastive_loss(&features, &twice, centres, options.temperature)?;
                classification * options.classification_weight + contrastive * options.contrastive_weight
            }
            _ => classification,
        };

        let predicted = logits.f_argmax(1, false)?;
        let right = match &mixed {
            None => predicted.f_eq_tensor(labels)?.f_sum(Kind::Double)?,
            Some(mixed) => mixed.f_gather(1, &predicted.f_unsqueeze(1)?, false)?.f_sum(Kind::Double)?,
        };
        let value = loss.f_double_value(&[])?;
        let objective = match &mut self.car {
            // A loss that has diverged is told by its value.
            Some(car) if mixed.is_none() && value.is_finite() => {
                let strength = self.car_schedule.strength(car.loss().options().alpha, epoch);
                loss + car.step(&logits, labels)? * strength
            }
            _ => loss,
        };
        Ok(Step { objective, loss: value, right: right.f_double_value(&[])? })
    }

    /// The trainable parameters beside the network's, by name.
    pub(crate) fn trainable(&self) -> BTreeMap<String, Tensor> {
        self.contrastive.iter().flat_map(|(_, branch)| prefixed(branch.trainable())).collect()
    }

    /// What training goes on from and checkpoints keep: the average of CAR that regularises, and
    /// the tensors of the contrastive branch with `contrastive.` before their names.
    pub(crate) fn state(&self) -> BTreeMap<String, Tensor> {
        let average = self.car.iter().flat_map(|car| car.loss().state());
        average.chain(self.contrastive.iter().flat_map(|(_, branch)| prefixed(branch.state()))).collect()
    }

    /// State of the average of CAR that is kept for comparison.
    pub(crate) fn other_state(&self) -> BTreeMap<String, Tensor> {
        self.car.as_ref().map_or_else(BTreeMap::new, CarTerm::other_state)
    }

    /// Puts back what [`Objective::state`] and [`Objective::other_state`] gave.
    pub(crate) fn set_state(
        &mut self,
        state: BTreeMap<String, Tensor>,
        other: &BTreeMap<String, Tensor>,
    ) -> Result<()> {
        let (mut branch, mut average) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in state {
            match name.strip_prefix(CONTRASTIVE) {
                Some(name) => branch.insert(name.to_owned(), tensor),
                None => average.insert(name, tensor),
            };
        }
        if let Some(car) = &mut self.car {
            car.set_state(&average, other)?;
        }
        match &mut self.contrastive {
            Some((_, own)) => own.set_state(&branch),
            None => Ok(()),
        }
    }

    /// CAR's record of the epoch that ends; None without CAR, and for an epoch whose batches were
    /// all mixed.
    pub(crate) fn finish_epoch(
        &mut self,
        step_seconds: f64,
        evaluated: Option<(&ConfusionMatrix, &SpectralNorm)>,
    ) -> Result<Option<CarMetrics>> {
        match &mut self.car {
            Some(car) => car.finish_epoch(step_seconds, evaluated),
            None => Ok(None),
        }
    }
}

fn prefixed(tensors: BTreeMap<String, Tensor>) -> impl Iterator<Item = (String, Tensor)> {
    tensors.into_iter().map(|(name, tensor)| (format!("{CONTRASTIVE}{name}"), tensor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawn;
    use car_spectral::car::CarOptions;
    use car_spectral_data::CutMix;
    use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier};
    use car_spectral_runs::settings::{ClassificationOptions, RectificationOptions};
    use tch::Device;

    const COUNTS: [u64; 3] = [90, 12, 3];
    const LABELS: [i64; 4] = [0, 2, 1, 0];

    fn model() -> Model {
        let kind = ArchitectureKind::Mlp { hidden: vec![7] };
        let architecture =
            Architecture { kind, input: [1, 2, 3], num_classes: 3, classifier: Classifier::Linear, resolution: None };
        Model::new(architecture, Device::Cpu).unwrap()
    }

    fn views(count: usize) -> Vec<Tensor> {
        (0..count).map(|view| drawn::normal(view as u64, &[4, 1, 2, 3], Kind::Float)).collect()
    }

    fn concutmix() -> ObjectiveOptions {
        ObjectiveOptions {
            classification: ClassificationOptions::LogitAdjustment { tau: 0.9 },
            contrastive: Some(ContrastiveOptions { hidden: 9, dimension: 5, ..ContrastiveOptions::CIFAR }),
            cutmix: Some(CutMix::CUSTOMARY),
            rectification: Some(RectificationOptions { after_epoch: 3, nearest_share: 0.7, omega: 0.5 }),
            car: Some(CarOptions::paper()),
            car_schedule: CarSchedule::default(),
        }
    }

    fn mix() -> Mix {
        Mix { own_share: 0.7, partners: Tensor::from_slice(&[1i64, 1, 0, 0]) }
    }

    fn equal(a: &BTreeMap<String, Tensor>, b: &BTreeMap<String, Tensor>) -> bool {
        a.len() == b.len() && a.iter().all(|(name, tensor)| b.get(name).is_some_and(|other| tensor.equal(other)))
    }

    #[test]
    fn the_loss_is_the_weighted_sum_of_its_parts() {
        let (model, views, labels) = (model(), views(3), Tensor::from_slice(&LABELS));
        let options = ObjectiveOptions { car: None, ..concutmix() };
        let mut objective = Objective::new(&options, &COUNTS, &model, false).unwrap();
        // The parts, view by view; the batch statistics of the projection are those of all views.
        let logits = model.forward(&views[0], true);
        let (contrastive, projected, centres) = {
            let (_, branch) = objective.contrastive.as_ref().unwrap();
            let projected = branch.project(&model.features(&Tensor::cat(&views, 0), true));
            let centres = branch.centres(model.class_weights());
            let twice = Tensor::cat(&[&labels, &labels], 0);
            let loss = balanced_contrastive_loss(&projected.narrow(0, 4, 8), &twice, &centres, 0.1).unwrap();
            (loss.double_value(&[]), projected.narrow(0, 0, 4), centres)
        };
        let mut plain = ClassificationLoss::new(&COUNTS, options.classification).unwrap();
        let mixed = mix().targets(&labels, 3, Kind::Float).unwrap();
        let rectification = Rectification::new(&COUNTS, options.rectification.unwrap()).unwrap();
        let rectified = rectification.labels(&projected, &centres, &mixed).unwrap();
        let hard = plain.forward(&logits, &labels, 1).unwrap();
        let cases = [
            (None, 9, hard),
            (Some(mix()), 3, plain.forward_soft(&logits, &mixed).unwrap()),
            (Some(mix()), 4, plain.forward_soft(&logits, &rectified).unwrap()),
        ];
        let mut values = Vec::new();
        for (mix, epoch, classification) in cases {
            let step = objective.step(&model, &views, &labels, mix.as_ref(), epoch).unwrap();
            let expected = 2.0 * classification.double_value(&[]) + 0.6 * contrastive;
            assert!((step.loss - expected).abs() < 1e-5, "{} for {expected}", step.loss);
            assert_eq!(step.loss, step.objective.double_value(&[]));
            values.push(step.loss);
        }
        assert!(values[0] != values[1] && (values[1] - values[2]).abs() > 1e-4, "{values:?}");
        let predicted = Vec::<i64>::try_from(logits.argmax(1, false)).unwrap();
        let share = |at: usize, mix: &Mix| {
            let own = if predicted[at] == LABELS[at] { mix.own_share } else { 0.0 };
            own + if predicted[at] == mix.partners.int64_value(&[at as i64]) { 1.0 - mix.own_share } else { 0.0 }
        };
        let right = |mix: Option<&Mix>| {
            let mut objective = Objective::new(&options, &COUNTS, &model, false).unwrap();
            objective.step(&model, &views, &labels, mix, 1).unwrap().right
        };
        assert!((right(Some(&mix())) - (0..4).map(|at| share(at, &mix())).sum::<f64>()).abs() < 1e-6);
        assert_eq!(right(None), (0..4).filter(|&at| predicted[at] == LABELS[at]).count() as f64);
    }

    #[test]
    fn every_parameter_has_a_gradient() {
        let (model, labels) = (model(), Tensor::from_slice(&LABELS));
        let mut objective = Objective::new(&concutmix(), &COUNTS, &model, false).unwrap();
        objective.step(&model, &views(3), &labels, None, 1).unwrap().objective.backward();
        let own = objective.trainable();
        assert_eq!(own.len(), 2 * 6);
        for (name, tensor) in own.iter().chain(&model.trainable()) {
            let gradient = tensor.grad();
            // A bias before a batch normalisation is taken off again by it.
            let none = name.ends_with("hidden.bias");
            assert!(gradient.defined() && (none || gradient.norm().double_value(&[]) > 1e-6), "{name}");
        }
    }

    #[test]
    fn car_reads_batches_that_are_not_mixed() {
        let (model, labels) = (model(), Tensor::from_slice(&LABELS));
        let options = ObjectiveOptions {
            cutmix: Some(CutMix::CUSTOMARY),
            car: Some(CarOptions::paper()),
            ..ObjectiveOptions::classification(ClassificationOptions::CrossEntropy)
        };
        let mut objective = Objective::new(&options, &COUNTS, &model, false).unwrap();
        let fresh = objective.state();
        let mixed = objective.step(&model, &views(1), &labels, Some(&mix()), 1).unwrap();
        assert_eq!(mixed.objective.double_value(&[]), mixed.loss);
        assert!(equal(&objective.state(), &fresh) && objective.finish_epoch(1.0, None).unwrap().is_none());
        let step = objective.step(&model, &views(1), &labels, None, 1).unwrap();
        step.objective.backward();
        assert!(!equal(&objective.state(), &fresh));
        let found = model.class_weights().grad();
        // Cross-entropy and CAR by themselves.
        let logits = model.forward(&views(1)[0], true);
        let mut car = crate::loss::CarLoss::new(&COUNTS, CarOptions::paper()).unwrap();
        let expected =
            Tensor::run_backward(&[car.forward(&logits, &labels).unwrap().0], &[model.class_weights()], false, false);
        assert!(found.allclose(&expected[0], 1e-5, 1e-6, false));
        assert!(objective.finish_epoch(1.0, None).unwrap().is_some());
    }

    #[test]
    fn car_counts_by_its_schedule_and_its_average_goes_on_without_it() {
        let (model, labels) = (model(), Tensor::from_slice(&LABELS));
        let with = |car, car_schedule| ObjectiveOptions {
            car,
            car_schedule,
            ..ObjectiveOptions::classification(ClassificationOptions::CrossEntropy)
        };
        let schedule = CarSchedule { after_epoch: 2, ramp_epochs: 4 };
        let gradient = |options: &ObjectiveOptions, epoch| {
            let mut objective = Objective::new(options, &COUNTS, &model, false).unwrap();
            let step = objective.step(&model, &views(1), &labels, None, epoch).unwrap();
            let weights = model.class_weights();
            (Tensor::run_backward(&[step.objective], &[weights], false, false).remove(0), objective.state())
        };
        let (plain, _) = gradient(&with(None, CarSchedule::default()), 1);
        let (full, state) = gradient(&with(Some(CarOptions::paper()), CarSchedule::default()), 1);
        assert!(!full.allclose(&plain, 1e-4, 1e-6, false));
        for (epoch, share) in [(1, 0.0), (2, 0.0), (3, 0.25), (6, 1.0), (7, 1.0)] {
            let (found, average) = gradient(&with(Some(CarOptions::paper()), schedule), epoch);
            let expected = &plain + (&full - &plain) * share;
            assert!(found.allclose(&expected, 1e-5, 1e-7, false), "epoch {epoch}");
            assert!(equal(&average, &state));
        }
    }

    #[test]
    fn the_state_goes_on_and_that_of_another_objective_is_refused() {
        let (model, labels) = (model(), Tensor::from_slice(&LABELS));
        let mut objective = Objective::new(&concutmix(), &COUNTS, &model, false).unwrap();
        objective.step(&model, &views(3), &labels, None, 1).unwrap();
        let (state, other) = (objective.state(), objective.other_state());
        let mut again = Objective::new(&concutmix(), &COUNTS, &model, false).unwrap();
        assert!(!equal(&again.state(), &state));
        again.set_state(objective.state(), &other).unwrap();
        assert!(equal(&again.state(), &state));
        let next = |objective: &mut Objective| objective.step(&model, &views(3), &labels, None, 2).unwrap().loss;
        assert_eq!(next(&mut objective), next(&mut again));

        let without = |name: &str| {
            let mut state = objective.state();
            assert!(state.remove(name).is_some(), "no {name}");
            state
        };
        let mut refuse = |state| again.set_state(state, &other).unwrap_err().to_string();
        let error = refuse(without("contrastive.centres.output.weight"));
        assert!(error.contains("`centres.output.weight` is missing"), "{error}");
        let mut more = objective.state();
        more.insert("contrastive.third.weight".into(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
        assert!(refuse(more).contains("`third.weight` is not known"));
        let mut narrow = objective.state();
        narrow.insert("contrastive.projection.output.bias".into(), Tensor::zeros([4], (Kind::Float, Device::Cpu)));
        assert!(refuse(narrow).contains("has shape [4], expected [5]"));
        assert!(refuse(without("ema")).contains("`ema`"));
    }

    #[test]
    fn parts_that_do_not_go_together_are_refused() {
        let good = concutmix();
        good.check().unwrap();
        assert_eq!((good.views(), good.label().as_str()), (3, "ConCutMix (logit adjustment (tau 0.9)) + CAR"));
        let bcl = ObjectiveOptions { rectification: None, car: None, ..good };
        assert_eq!(bcl.label(), "BCL (logit adjustment (tau 0.9)) + CutMix");
        let refused = |options: ObjectiveOptions| options.check().unwrap_err().to_string();
        assert!(refused(ObjectiveOptions { contrastive: None, ..good }).contains("`loss` concutmix"));
        assert!(refused(ObjectiveOptions { cutmix: None, ..good }).contains("`loss` concutmix"));
        let always = Some(CutMix { probability: 1.0, ..CutMix::CUSTOMARY });
        assert!(refused(ObjectiveOptions { cutmix: always, ..good }).contains("cutmix-probability = 1"));
        let ldam =
            ClassificationOptions::LdamDrw { largest_margin: 0.5, scale: 30.0, beta: 0.9999, deferred_from: 160 };
        let text = refused(ObjectiveOptions { classification: ldam, ..bcl });
        assert!(text.contains("cutmix") && text.contains("LDAM-DRW"), "{text}");
        let rectification = Some(RectificationOptions { omega: 2.0, ..good.rectification.unwrap() });
        assert!(refused(ObjectiveOptions { rectification, ..good }).contains("rectify-omega"));
        let contrastive = Some(ContrastiveOptions { temperature: 0.0, ..good.contrastive.unwrap() });
        assert!(refused(ObjectiveOptions { contrastive, ..good }).contains("contrastive-temperature"));
        let contrastive = Some(ContrastiveOptions { hidden: 0, ..good.contrastive.unwrap() });
        assert!(refused(ObjectiveOptions { contrastive, ..good }).contains("contrastive-hidden"));
    }
}
