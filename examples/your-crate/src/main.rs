//! Someone else's training loop with CAR in it. Ten classes with 500 to 5 samples, Gaussians in 16
//! dimensions, a small network, Adam. Three lines concern CAR.

use anyhow::Result;
use car_spectral::car::CarOptions;
use car_spectral_training::loss::CarLoss;
use tch::nn::{Module, OptimizerConfig};
use tch::{Device, Kind, Tensor, nn};

const CLASS_COUNTS: [u64; 10] = [500, 300, 180, 108, 64, 39, 23, 14, 8, 5];
const FEATURES: i64 = 16;
const BATCH: i64 = 64;
const STEPS: i64 = 400;

fn main() -> Result<()> {
    tch::manual_seed(0);
    let means = Tensor::randn([10, FEATURES], (Kind::Float, Device::Cpu));
    let draw = |counts: &[u64]| {
        let labels: Vec<i64> = (0i64..).zip(counts).flat_map(|(class, &count)| vec![class; count as usize]).collect();
        let labels = Tensor::from_slice(&labels);
        let inputs = means.index_select(0, &labels);
        (&inputs + inputs.randn_like() * 1.5, labels)
    };
    let (inputs, labels) = draw(&CLASS_COUNTS);
    let (test_inputs, test_labels) = draw(&[200; 10]);

    let variables = nn::VarStore::new(Device::Cpu);
    let root = variables.root();
    let model = nn::seq()
        .add(nn::linear(&root / "hidden", FEATURES, 64, Default::default()))
        .add_fn(|x| x.relu())
        .add(nn::linear(&root / "out", 64, 10, Default::default()));
    let mut optimizer = nn::Adam::default().build(&variables, 1e-3)?;
    let mut loss = CarLoss::new(&CLASS_COUNTS, CarOptions::paper())?; // 1: once, with the training counts

    for step in 0..STEPS {
        let batch = Tensor::randint(inputs.size()[0], [BATCH], (Kind::Int64, Device::Cpu));
        let logits = model.forward(&inputs.index_select(0, &batch));
        let (total, parts) = loss.forward(&logits, &labels.index_select(0, &batch))?; // 2: in place of cross-entropy
        optimizer.backward_step(&total);
        if step % 50 == 0 || step == STEPS - 1 {
            let (cross_entropy, spectral) = (parts.cross_entropy.double_value(&[]), parts.spectral.double_value(&[])); // 3
            println!("step {step:>3}: cross-entropy {cross_entropy:.3}, spectral norm {spectral:.3}");
        }
    }
    let right = tch::no_grad(|| model.forward(&test_inputs).argmax(1, false).eq_tensor(&test_labels));
    let by_class = Vec::<f64>::try_from(right.to_kind(Kind::Double).view([10, 200]).mean_dim(1i64, false, None))?;
    println!("accuracy by class, common to rare, on 200 each: {by_class:.2?}");
    Ok(())
}
