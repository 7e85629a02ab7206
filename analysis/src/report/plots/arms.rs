//! Training runs in arms: runs of one arm differ in the seed alone, and only they are averaged. An
//! arm is called by its loss and by whatever sets it apart from the other arms: a setting stands in
//! its name unless more arms have this value than any other. So no two names are equal, for of two
//! values of a setting one at most is the usual one.

use car_spectral::car::{CarOptions, EmaColumns, EmaStart};

use crate::results::TrainingRun;
use crate::words::short;
use car_spectral_data::Normalisation;
use car_spectral_runs::Run;
use car_spectral_runs::settings::{
    CarSchedule, ClassificationOptions, ObjectiveOptions, OptimisationSettings, OptimizerOptions, TrainingPass,
};

/// Runs that differ in nothing but the seed.
pub(super) struct Arm<'a> {
    pub label: String,
    pub runs: Vec<&'a TrainingRun>,
}

/// Arms in the order of their first run. Of two runs of one arm with one seed the second is left
/// out.
pub(super) fn arms<'a>(runs: &[&'a TrainingRun]) -> Vec<Arm<'a>> {
    let mut groups: Vec<(String, Vec<Setting>, Vec<&TrainingRun>)> = Vec::new();
    for run in runs {
        let (loss, settings) = (loss(run), settings(run));
        match groups.iter_mut().find(|(other, known, _)| *other == loss && *known == settings) {
            Some((_, _, members))
                if members.iter().any(|member| member.run.optimisation.seed == run.run.optimisation.seed) => {}
            Some((_, _, members)) => members.push(run),
            None => groups.push((loss, settings, vec![run])),
        }
    }
    let others = |setting: &Setting| {
        let of_its_name = groups.iter().flat_map(|(_, all, _)| all).filter(|other| other.name == setting.name);
        of_its_name.filter(|other| *other != setting).collect::<Vec<_>>()
    };
    let arms_with = |setting: &Setting| groups.iter().filter(|(_, all, _)| all.contains(setting)).count();
    let named = |setting: &Setting| {
        let others = others(setting);
        if others.iter().all(|other| arms_with(other) < arms_with(setting)) {
            return None;
        }
        let is_ambiguous = others.iter().any(|other| other.shown == setting.shown);
        Some(format!(", {} {}", setting.name, if is_ambiguous { &setting.exact } else { &setting.shown }))
    };
    let arm = |(loss, settings, runs): &(String, Vec<Setting>, Vec<&'a TrainingRun>)| {
        let label = loss.clone() + &settings.iter().filter_map(named).collect::<String>();
        Arm { label, runs: runs.clone() }
    };
    groups.iter().map(arm).collect()
}

fn loss(run: &TrainingRun) -> String {
    let objective = &run.run.optimisation.objective;
    let car = match objective.car.map(|car| car.ema.columns) {
        None => return run.run.loss.clone(),
        Some(EmaColumns::All) => "CAR, EMA of all columns",
        Some(EmaColumns::Present) => "CAR, per-class EMA",
    };
    let base = ObjectiveOptions { car: None, car_schedule: CarSchedule::default(), ..*objective };
    if base == ObjectiveOptions::classification(ClassificationOptions::CrossEntropy) {
        return car.to_owned();
    }
    format!("{} + {car}", base.label())
}

/// A setting by the name it has in a legend.
#[derive(PartialEq)]
struct Setting {
    name: &'static str,
    exact: String,
    shown: String,
}

impl Setting {
    fn text(name: &'static str, value: &str) -> Self {
        Self { name, exact: value.to_owned(), shown: value.to_owned() }
    }

    fn number(name: &'static str, value: f64) -> Self {
        Self::numbers(name, &[value])
    }

    fn numbers(name: &'static str, values: &[f64]) -> Self {
        let joined = |write: fn(f64) -> String| values.iter().map(|value| write(*value)).collect::<Vec<_>>().join(" ");
        Self { name, exact: joined(|value| value.to_string()), shown: joined(short) }
    }

    fn count(name: &'static str, value: usize) -> Self {
        Self::text(name, &value.to_string())
    }

    fn switch(name: &'static str, value: bool) -> Self {
        Self::text(name, if value { "on" } else { "off" })
    }
}

/// Everything beside loss and seed that can make two runs differ.
fn settings(run: &TrainingRun) -> Vec<Setting> {
    // Named one by one: a setting that is new must be given a name here, or be said to set nothing apart.
    let Run {
        epoch: _,
        optimisation:
            OptimisationSettings {
                epochs,
                seed: _,
                batch_size,
                learning_rate,
                optimizer,
                warm_up_epochs,
                selection,
                objective,
            },
        augmented,
        augmentation,
        sampler,
        evaluated_every,
        training_pass: TrainingPass { bf16, drop_path },
        weight_ema,
        pretrained,
        frozen_backbone,
        loss: _,
        device: _,
        threads: _,
        commit: _,
    } = &run.run;
    let optimizer_name = match optimizer {
        OptimizerOptions::AdamW { .. } => "AdamW",
        OptimizerOptions::Sgd { nesterov: true, .. } => "SGD, Nesterov",
        OptimizerOptions::Sgd { nesterov: false, .. } => "SGD",
    };
    let mut list = vec![
        Setting::text("data", &run.dataset),
        Setting {
            name: "images",
            exact: run.subset_sha256.clone(),
            shown: run.subset_sha256.chars().take(6).collect(),
        },
        Setting::text("size", &run.image_size.map_or("as stored".to_owned(), |size| size.to_string())),
        Setting::text("model", &run.architecture),
        Setting::count("epochs", *epochs),
        Setting::text("final", if selection.is_last() { "last" } else { "best of validation" }),
        Setting::count("evaluated every", evaluated_every.unwrap_or(0)),
        Setting::count("batch", *batch_size),
        Setting::text("sampler", sampler.name()),
        Setting::number("lr", *learning_rate),
        Setting::text("optimizer", optimizer_name),
        Setting::number("momentum", optimizer.momentum()),
        Setting::number("decay", optimizer.weight_decay()),
        Setting::count("warm-up", *warm_up_epochs),
        match augmentation {
            Some(augmentation) => Setting::text("augmentation", &augmentation.label()),
            None => Setting::switch("augmentation", *augmented),
        },
        Setting::switch("bf16", *bf16),
        Setting::number("drop path", *drop_path),
        Setting::number("weight EMA", weight_ema.unwrap_or(0.0)),
        Setting::text("pretrained", pretrained.as_ref().map_or("no", |from| from.sha256.get(..6).unwrap_or("yes"))),
        Setting::switch("backbone frozen", frozen_backbone.is_some()),
    ];
    if let Some(Normalisation { mean, std }) = &run.normalisation {
        list.extend([Setting::numbers("mean", mean), Setting::numbers("std", std)]);
    }
    list.extend(of_objective(objective));
    list
}

/// Those of the loss.
fn of_objective(objective: &ObjectiveOptions) -> Vec<Setting> {
    let ObjectiveOptions { classification, contrastive, cutmix, rectification, car, car_schedule } = objective;
    let mut list = Vec::new();
    if let ClassificationOptions::LdamDrw { largest_margin, scale, beta, deferred_from } = classification {
        list.extend([
            Setting::number("margin", *largest_margin),
            Setting::number("scale", *scale),
            Setting::number("DRW b", *beta),
            Setting::count("DRW from", *deferred_from),
        ]);
    }
    if let Some(contrastive) = contrastive {
        list.extend([
            Setting::number("classification weight", contrastive.classification_weight),
            Setting::number("contrastive weight", contrastive.contrastive_weight),
            Setting::number("temperature", contrastive.temperature),
            Setting::count("hidden", contrastive.hidden),
            Setting::count("dimension", contrastive.dimension),
        ]);
    }
    if let Some(cutmix) = cutmix {
        list.extend([Setting::number("mixed", cutmix.probability), Setting::text("partners", cutmix.partners.name())]);
    }
    if let Some(rectification) = rectification {
        list.extend([
            Setting::count("rectified after", rectification.after_epoch),
            Setting::number("nearest", rectification.nearest_share),
            Setting::number("ω", rectification.omega),
        ]);
    }
    if let Some(car) = car {
        list.extend(of_car(car, car_schedule));
    }
    list
}

/// Those of CAR.
fn of_car(car: &CarOptions, schedule: &CarSchedule) -> Vec<Setting> {
    let CarSchedule { after_epoch, ramp_epochs } = schedule;
    let surrogate = &car.surrogate;
    let start = match car.ema.start {
        EmaStart::Zero => "zero",
        EmaStart::FirstBatch => "first batch",
        EmaStart::BiasCorrected => "bias-corrected",
    };
    vec![
        Setting::number("α", car.alpha),
        Setting::number("b", car.ema.beta),
        Setting::text("start", start),
        Setting::number("g", surrogate.margin),
        Setting::number("τ", surrogate.temperature),
        Setting::text("gate", &surrogate.gate.to_string()),
        Setting::text("competition", &surrogate.competition.to_string()),
        Setting::switch("gate gradient", surrogate.gate_gradient),
        Setting::switch("baseline gradient", surrogate.baseline_gradient),
        Setting::number("r₀", car.r0),
        Setting::text("weights", car.weights.name()),
        Setting::text("norm", &car.norm.to_string()),
        Setting::count("CAR after", *after_epoch),
        Setting::count("α ramp", *ramp_epochs),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::training_run;
    use car_spectral::car::EmaOptions;
    use car_spectral_data::{CutMix, Sampler};
    use car_spectral_runs::description::Pretrained;

    fn labels(runs: &[TrainingRun]) -> Vec<(String, usize)> {
        let runs: Vec<&TrainingRun> = runs.iter().collect();
        arms(&runs).into_iter().map(|arm| (arm.label, arm.runs.len())).collect()
    }

    #[test]
    fn only_seeds_are_pooled_and_a_run_counts_once() {
        let paper = CarOptions::paper();
        let runs = [training_run(0, None), training_run(1, None), training_run(1, None), training_run(0, Some(paper))];
        assert_eq!(
            labels(&runs),
            [
                ("ConCutMix (cross-entropy)".to_owned(), 2),
                ("ConCutMix (cross-entropy) + CAR, EMA of all columns".to_owned(), 1)
            ]
        );
    }

    #[test]
    fn an_arm_is_called_by_what_it_minimises_whatever_its_log_calls_it() {
        let mut plain = training_run(0, Some(CarOptions::paper()));
        let balanced = ClassificationOptions::LogitAdjustment { tau: 1.0 };
        plain.run.optimisation.objective = ObjectiveOptions {
            car: plain.run.optimisation.objective.car,
            ..ObjectiveOptions::classification(balanced)
        };
        plain.run.loss = "of another build".to_owned();
        assert_eq!(labels(&[plain.clone()])[0].0, "Balanced Softmax + CAR, EMA of all columns");
        plain.run.optimisation.objective.classification = ClassificationOptions::CrossEntropy;
        assert_eq!(labels(&[plain])[0].0, "CAR, EMA of all columns");
    }

    #[test]
    fn another_constant_of_the_objective_is_another_arm() {
        let with = |seed, probability| {
            let mut run = training_run(seed, None);
            run.run.optimisation.objective.cutmix = Some(CutMix { probability, ..CutMix::CUSTOMARY });
            run
        };
        assert_eq!(
            labels(&[with(0, 0.5), with(1, 0.5), with(0, 0.25)]),
            [
                ("ConCutMix (cross-entropy), mixed 0.5".to_owned(), 2),
                ("ConCutMix (cross-entropy), mixed 0.25".to_owned(), 1)
            ]
        );
    }

    #[test]
    fn how_weights_were_made_sets_arms_apart() {
        let [mut averaged, mut started] = [training_run(0, None), training_run(1, None)];
        averaged.run.weight_ema = Some(0.999);
        averaged.run.training_pass.drop_path = 0.1;
        started.run.pretrained = Some(Pretrained { sha256: "579344248a".into(), classifier: false });
        started.run.training_pass.bf16 = true;
        assert_eq!(
            labels(&[averaged, started]).into_iter().map(|(label, _)| label).collect::<Vec<_>>(),
            [
                "ConCutMix (cross-entropy), bf16 off, drop path 0.1, weight EMA 0.999, pretrained no",
                "ConCutMix (cross-entropy), bf16 on, drop path 0, weight EMA 0, pretrained 579344",
            ]
        );
    }

    #[test]
    fn how_images_were_drawn_and_given_sets_arms_apart() {
        let [mut plain, mut other] = [training_run(0, None), training_run(0, None)];
        plain.run.sampler = Sampler::InstanceBalanced;
        other.run.sampler = Sampler::ClassBalanced;
        other.normalisation = Some(Normalisation { mean: vec![0.5], std: vec![0.353] });
        other.image_size = None;
        assert_eq!(
            labels(&[plain, other]).into_iter().map(|(label, _)| label).collect::<Vec<_>>(),
            [
                "ConCutMix (cross-entropy), size 28, sampler instance-balanced, mean 0.286",
                "ConCutMix (cross-entropy), size as stored, sampler class-balanced, mean 0.5",
            ]
        );
    }

    #[test]
    fn what_sets_arms_apart_is_said_and_nothing_else() {
        let paper = CarOptions::paper();
        // r₀ differs by less than three digits show; the model that three arms share is not named.
        let slow = CarOptions { ema: EmaOptions { beta: 0.99, ..paper.ema }, r0: 0.200_01, ..paper };
        let mut small = training_run(0, None);
        small.architecture = "mlp (8)".into();
        let runs = [training_run(0, Some(paper)), training_run(1, Some(slow)), training_run(0, None), small];
        assert_eq!(
            labels(&runs).into_iter().map(|(label, _)| label).collect::<Vec<_>>(),
            [
                "ConCutMix (cross-entropy) + CAR, EMA of all columns, b 0.5, r₀ 0.2",
                "ConCutMix (cross-entropy) + CAR, EMA of all columns, b 0.99, r₀ 0.20001",
                "ConCutMix (cross-entropy)",
                "ConCutMix (cross-entropy), model mlp (8)",
            ]
        );
    }
}
