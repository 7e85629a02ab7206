//! A run whose backbone stays as it is: what it leaves, and how it goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use car_spectral::car::CarOptions;
use car_spectral_data::augment::Chain;
use car_spectral_data::{DataKind, DataSet, Images, Parts, Split, Validation};
use car_spectral_formats::predictions::{Block, PredictionSource, read};
use car_spectral_runs::folder::EarlierRun;
use car_spectral_runs::settings::{
    ArchitectureKind, CarSchedule, ClassificationOptions, Classifier, ImageSettings, NetworkSettings, ObjectiveOptions,
    OptimisationSettings, OptimizerOptions, OutputSettings, Selection, Settings, TrainingPass,
};
use car_spectral_training::batch::normalise;
use car_spectral_training::features::FeatureEvent;
use car_spectral_training::run::{Event, train};
use car_spectral_training::{TrainingError, checkpoint, evaluate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

/// Against the largest logit: batches of other images are added up in another order.
const TOLERANCE: f64 = 1e-5;

/// libtorch's generator, which initial weights are drawn from, is the process's: one run at a time.
static RUNS: Mutex<()> = Mutex::new(());

/// 90 training and 30 test images [3, 8, 8] of noise, of three classes.
fn data_set() -> DataSet {
    let split = |seed: u64, count: usize| {
        let mut bytes = vec![0; count * 3 * 8 * 8];
        ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
        let images = Images::InMemory { shape: [3, 8, 8], bytes };
        let labels = (0..count).map(|index| index % 3).collect();
        Arc::new(Split { images, labels, sha256: format!("{seed} {count}") })
    };
    let class_names = ["cat", "dog", "owl"].map(str::to_owned).into();
    DataSet { kind: DataKind::Cifar10, train: split(1, 90), test: split(2, 30), class_names, notes: Vec::new() }
}

/// Trains a whole network for an epoch: `first/model.safetensors` in `folder`.
fn weights(folder: &Path, data: &DataSet) {
    let mut settings = settings(folder, "first", EarlierRun::Refuse, Selection::Last);
    settings.network.pretrained = None;
    settings.network.frozen = None;
    settings.optimisation.epochs = 2;
    settings.optimisation.objective.car = None;
    let parts = Parts::draw(&data.train.labels, 3, None, None).unwrap();
    train(data, &parts, &settings, Device::Cpu, &mut |_| ()).unwrap().unwrap();
}

fn settings(folder: &Path, out: &str, earlier: EarlierRun, selection: Selection) -> Settings {
    Settings {
        network: NetworkSettings {
            architecture: ArchitectureKind::ResNet20,
            classifier: Classifier::Linear,
            resolution: None,
            training_pass: TrainingPass::default(),
            pretrained: Some((folder.join("first/model.safetensors"), None)),
            frozen: Some(folder.join("features")),
            weight_ema: (selection == Selection::BestValidation).then_some(0.9),
        },
        images: ImageSettings { loader_threads: 1, ..ImageSettings::default() },
        optimisation: OptimisationSettings {
            epochs: 5,
            batch_size: 16,
            learning_rate: 0.1,
            optimizer: OptimizerOptions::Sgd { momentum: 0.9, nesterov: false, weight_decay: 1e-4 },
            warm_up_epochs: 1,
            objective: ObjectiveOptions {
                car: Some(CarOptions::paper()),
                car_schedule: CarSchedule::default(),
                ..ObjectiveOptions::classification(ClassificationOptions::LogitAdjustment { tau: 1.0 })
            },
            selection,
            seed: 3,
        },
        output: OutputSettings {
            folder: folder.join(out),
            earlier,
            evaluate_every: 2,
            checkpoint_every: 0,
            car_diagnose: false,
            flags: None,
        },
    }
}

#[test]
fn the_last_layer_alone_changes_and_the_file_is_a_whole_network() {
    let _one = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    let (folder, data) = (tempfile::tempdir().unwrap(), data_set());
    weights(folder.path(), &data);
    let (began, _) = checkpoint::load(&folder.path().join("first/model.safetensors"), Device::Cpu).unwrap();
    let began = began.weights();
    let parts = Parts::draw(&data.train.labels, 3, None, None).unwrap();
    let settings = settings(folder.path(), "run", EarlierRun::Refuse, Selection::Last);
    train(&data, &parts, &settings, Device::Cpu, &mut |_| ()).unwrap().unwrap();
    let out = folder.path().join("run");
    let (model, description) = checkpoint::load(&out.join("model.safetensors"), Device::Cpu).unwrap();
    assert!(description.run.frozen_backbone.is_some());
    for (name, tensor) in model.weights().iter().filter(|(name, _)| !name.starts_with("linear.")) {
        assert!(tensor.equal(&began[name]), "{name}");
    }
    assert!(!model.class_weights().equal(&began["linear.weight"]), "the file's was taken, then trained");

    let chain = Chain::evaluation(&data.test.images, None);
    let indices: Vec<usize> = (0..30).collect();
    let forward = |batch: &Tensor| Ok(model.forward(&normalise(&description.normalisation, batch)?, false));
    let whole = evaluate::logits(&data.test, &indices, &chain, Device::Cpu, forward, |_| ()).unwrap();
    let stored = read(&PredictionSource::File(out.join("test.npz"))).unwrap();
    let largest = whole.iter().fold(0.0f64, |largest, &logit| largest.max(f64::from(logit).abs()));
    stored
        .logits
        .for_each_block(|first, block| {
            let Block::F32(rows) = block else { panic!("not float32") };
            for ((row, class), logit) in rows.indexed_iter() {
                let difference = f64::from(logit - whole[[first + row, class]]).abs();
                assert!(difference <= TOLERANCE * largest, "image {row}, class {class}: {difference}");
            }
            Ok::<_, TrainingError>(())
        })
        .unwrap();
}

#[test]
fn a_last_layer_of_other_classes_begins_at_zero() {
    let _one = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    let (folder, mut data) = (tempfile::tempdir().unwrap(), data_set());
    weights(folder.path(), &data);
    data.class_names = ["cat", "dog"].map(str::to_owned).into();
    for split in [&mut data.train, &mut data.test] {
        let split = Arc::get_mut(split).unwrap();
        split.labels.iter_mut().for_each(|label| *label %= 2);
    }
    let parts = Parts::draw(&data.train.labels, 2, None, None).unwrap();
    let mut settings = settings(folder.path(), "run", EarlierRun::Refuse, Selection::Last);
    settings.optimisation.learning_rate = 1e-12;
    train(&data, &parts, &settings, Device::Cpu, &mut |_| ()).unwrap().unwrap();
    let (model, _) = checkpoint::load(&folder.path().join("run/model.safetensors"), Device::Cpu).unwrap();
    let largest = model.class_weights().abs().max().double_value(&[]);
    assert!(largest < 1e-6, "{largest}");
}

#[test]
fn a_stopped_run_ends_as_one_that_never_stopped_and_computes_no_features_again() {
    let _one = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    for selection in [Selection::Last, Selection::BestValidation] {
        let (folder, data) = (tempfile::tempdir().unwrap(), data_set());
        weights(folder.path(), &data);
        let held_out = Some(Validation { share: 0.2, seed: 0 });
        let parts = Parts::draw(&data.train.labels, 3, None, held_out).unwrap();
        let run = |out, earlier, stop_at: Option<usize>| {
            let settings = settings(folder.path(), out, earlier, selection);
            let mut computed = 0;
            train(&data, &parts, &settings, Device::Cpu, &mut |event| match event {
                Event::Step { done, .. } if Some(done) == stop_at => panic!("stopped"),
                Event::Features(FeatureEvent::Computed { .. }) => computed += 1,
                _ => {}
            })
            .unwrap();
            computed
        };
        assert!(run("whole", EarlierRun::Refuse, None) > 0);
        // Five steps an epoch: in the fourth.
        let stopped = catch_unwind(AssertUnwindSafe(|| run("stopped", EarlierRun::Resume, Some(17))));
        assert!(stopped.is_err());
        let state = std::fs::metadata(folder.path().join("stopped/resume.safetensors")).unwrap().len();
        let network = std::fs::metadata(folder.path().join("whole/model.safetensors")).unwrap().len();
        if selection == Selection::Last {
            assert!(state * 10 < network, "a state of {state} bytes holds the backbone, too");
        }
        assert_eq!(run("stopped", EarlierRun::Resume, None), 0);
        for file in ["model.safetensors", "train.npz", "test.npz", "validation.npz"] {
            let bytes = |out: &str| std::fs::read(folder.path().join(out).join(file)).unwrap();
            assert!(bytes("whole") == bytes("stopped"), "{selection:?}: {file}");
        }
    }
}
