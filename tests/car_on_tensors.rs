//! `CarLoss` on libtorch tensors against the f64 reference `car_spectral::car`, over several
//! batches: the value, the average and the gradient with respect to the logits. Two codes that
//! share the options and nothing else.
//!
//! Tolerances. In f64 both solve for the top pair to about 1e-12; a pair is as sensitive as 1/gap,
//! hence gradients to 1e-10 where sigma_1 is apart from sigma_2 by 5 % of itself. In f32 rounding
//! of 6e-8 meets the same gap and cancellation in the batch means: 1e-4 of the gradient's norm.

use car_spectral::car::{
    CarObjective, CarOptions, Competition, EmaColumns, EmaOptions, EmaStart, Gate, PenaltyNorm, SurrogateOptions,
};
use car_spectral::confusion::WeightForm;
use car_spectral_training::loss::CarLoss;
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tch::{Kind, Tensor};

/// sigma_1 counts as simple from this relative gap on.
const SIMPLE: f64 = 0.05;

fn options() -> impl Strategy<Value = CarOptions> {
    let gate = prop_oneof![Just(Gate::Sigmoid), Just(Gate::One), Just(Gate::Relu)];
    let competition =
        prop_oneof![Just(Competition::SoftmaxAll), Just(Competition::SoftmaxCompetitors), Just(Competition::Relu)];
    let start = prop_oneof![Just(EmaStart::Zero), Just(EmaStart::FirstBatch), Just(EmaStart::BiasCorrected)];
    let columns = prop_oneof![Just(EmaColumns::All), Just(EmaColumns::Present)];
    let weights = prop_oneof![Just(WeightForm::Paper), Just(WeightForm::Official), Just(WeightForm::None)];
    let surrogate = (-0.5..0.5f64, 0.5..2.0f64, gate, competition, any::<bool>(), any::<bool>()).prop_map(
        |(margin, temperature, gate, competition, gate_gradient, baseline_gradient)| SurrogateOptions {
            margin,
            temperature,
            gate,
            competition,
            gate_gradient,
            baseline_gradient,
        },
    );
    let norm = prop_oneof![
        3 => Just(PenaltyNorm::Spectral),
        1 => Just(PenaltyNorm::One),
        2 => (1usize..=2).prop_map(|order| PenaltyNorm::KyFan { order }),
    ];
    (0.0..1.0f64, surrogate, 0.0..0.95f64, start, columns, 0.05..1.0f64, weights, norm).prop_map(
        |(alpha, surrogate, beta, start, columns, r0, weights, norm)| CarOptions {
            alpha,
            surrogate,
            ema: EmaOptions { beta, start, columns },
            r0,
            weights,
            norm,
        },
    )
}

/// K, training counts, and batches of scores and labels.
type Batches = (Vec<u64>, Vec<(Array2<f64>, Array1<usize>)>);

fn batches() -> impl Strategy<Value = Batches> {
    (2usize..12).prop_flat_map(|k| {
        let batch = (1usize..16).prop_flat_map(move |samples| {
            let scores = prop::collection::vec(-4.0..4.0f64, samples * k);
            let labels = prop::collection::vec(0..k, samples);
            // Scores that f32 holds, so that both kinds see the same.
            (scores, labels).prop_map(move |(scores, labels)| {
                let scores = scores.into_iter().map(|score| f64::from(score as f32)).collect();
                (Array2::from_shape_vec((samples, k), scores).unwrap(), Array1::from_vec(labels))
            })
        });
        (prop::collection::vec(1u64..500, k), prop::collection::vec(batch, 1..5))
    })
}

fn tensor(scores: &Array2<f64>, kind: Kind) -> Tensor {
    let (rows, columns) = scores.dim();
    Tensor::from_slice(scores.as_slice().unwrap()).view([rows as i64, columns as i64]).to_kind(kind)
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().flatten(0, -1)).unwrap()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

fn compare((counts, batches): Batches, options: CarOptions, kind: Kind, tolerance: f64) -> Result<(), TestCaseError> {
    let mut reference = CarObjective::new(&counts, options).unwrap();
    let mut loss = CarLoss::new(&counts, options).unwrap();
    for (scores, labels) in batches {
        let expected = reference.step(scores.view(), labels.view()).unwrap();
        let targets = Tensor::from_slice(&labels.iter().map(|&label| label as i64).collect::<Vec<_>>());
        let logits = tensor(&scores, kind).set_requires_grad(true);
        let (total, parts) = loss.forward(&logits, &targets).unwrap();
        total.backward();

        let spectral = parts.spectral.double_value(&[]);
        let scale = expected.penalty.value.max(1.0);
        prop_assert!((spectral - expected.penalty.value).abs() <= tolerance * scale, "{spectral} {expected:?}");
        let cross_entropy = parts.cross_entropy.double_value(&[]);
        prop_assert!((cross_entropy - expected.cross_entropy).abs() <= tolerance * expected.cross_entropy.max(1.0));
        let average = expected.confusion.iter().copied().collect::<Vec<f64>>();
        let largest = average.iter().copied().fold(1.0, f64::max);
        prop_assert!(distance(&numbers(&loss.ema()), &average) <= tolerance * largest);
        if expected.penalty.relative_gap > SIMPLE {
            let gradient: Vec<f64> = expected.gradient.iter().copied().collect();
            let norm = gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
            let off = distance(&numbers(&logits.grad()), &gradient);
            prop_assert!(off <= tolerance * norm.max(0.1), "off by {off} of {norm}\n{expected:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn double_precision_agrees(batches in batches(), options in options()) {
        compare(batches, options, Kind::Double, 1e-10)?;
    }

    #[test]
    fn single_precision_agrees(batches in batches(), options in options()) {
        // The relu competition divides by the sum of the leads: where they are tiny, single precision cannot tell.
        prop_assume!(options.surrogate.competition != Competition::Relu || leads_are_clear(&batches));
        compare(batches, options, Kind::Float, 1e-4)?;
    }
}

/// Whether every score is apart from its sample's true one by a hundredth.
fn leads_are_clear((_, batches): &Batches) -> bool {
    batches.iter().all(|(scores, labels)| {
        scores.rows().into_iter().zip(labels).all(|(row, &label)| {
            row.iter().enumerate().all(|(class, score)| class == label || (score - row[label]).abs() > 0.01)
        })
    })
}
