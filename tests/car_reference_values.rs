//! The reference of CAR against numbers printed by the authors' public code (repository
//! misswayguy/CAR) in float64: the batch's surrogate, the average, the spectral term and its
//! gradient, several steps with each of the code's switches.
//!
//! Agreement to 1e-9 shows that the code's defaults and ablations are the options named in
//! `options` below. Cross-entropy and the strength alpha are not among the numbers.

use car_spectral::car::{
    CarObjective, CarOptions, Competition, EmaColumns, EmaOptions, EmaStart, Gate, SurrogateOptions,
};
use car_spectral::confusion::WeightForm;
use ndarray::{Array1, Array2};
use serde_json::Value;

const REFERENCE: &str = include_str!("car_reference_values.json");

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn integers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

/// The switches of the authors' code in the words of this one.
fn options(case: &Value) -> CarOptions {
    let given = case["options"].as_object().unwrap();
    let mut surrogate = SurrogateOptions::official_code();
    for (name, value) in given {
        let on = value.as_bool();
        match name.as_str() {
            "detach_gate_delta" => surrogate.gate_gradient = !on.unwrap(),
            "detach_baseline_in_softmax" => surrogate.baseline_gradient = !on.unwrap(),
            "tau" => surrogate.temperature = number(value),
            "gamma" => surrogate.margin = number(value),
            "ablate_no_sigmoid" if on.unwrap() => surrogate.gate = Gate::One,
            "ablate_no_softmax" if on.unwrap() => surrogate.competition = Competition::Relu,
            "ablate_no_both" if on.unwrap() => {
                (surrogate.gate, surrogate.competition) = (Gate::Relu, Competition::Relu);
            }
            other => panic!("a switch this test does not know: {other}"),
        }
    }
    let ema = EmaOptions { beta: number(&case["beta"]), start: EmaStart::FirstBatch, columns: EmaColumns::All };
    let weights = if case["mean_normalised"].as_bool().unwrap() { WeightForm::Official } else { WeightForm::Paper };
    CarOptions { surrogate, ema, r0: number(&case["r0"]), weights, ..CarOptions::official_code() }
}

fn assert_close(found: &Array2<f64>, expected: &Array2<f64>, what: &str) {
    assert_eq!(found.dim(), expected.dim(), "{what}");
    let worst = (found - expected).iter().fold(0.0f64, |worst, x| worst.max(x.abs()));
    assert!(worst <= 1e-9, "{what}: off by {worst:e}");
}

#[test]
fn the_authors_numbers() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let cases = reference["cases"].as_array().unwrap();
    let (mut gradients, mut worst) = (0, 0.0f64);
    for case in cases {
        let name = format!("seed {}, {}", case["seed"], case["options"]);
        let mut objective = CarObjective::new(&integers(&case["class_counts"]), options(case)).unwrap();
        for (found, expected) in objective.weights().values().iter().zip(numbers(&case["weights"])) {
            assert!((found - expected).abs() <= 1e-9, "{name}: weight {found} for {expected}");
        }
        for (t, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            let what = |part: &str| format!("{name}, step {}: {part}", t + 1);
            let labels: Array1<usize> = integers(&step["targets"]).iter().map(|&label| label as usize).collect();
            let found = objective.step(matrix(&step["logits"]).view(), labels.view()).unwrap();
            assert_close(&found.batch, &matrix(&step["batch_confusion"]), &what("batch"));
            assert_close(&found.confusion, &matrix(&step["ema"]), &what("average"));
            let spectral = number(&step["spectral"]);
            assert!((found.penalty.value - spectral).abs() <= 1e-9, "{}", what("spectral term"));
            // Null where the authors' start, the first batch as a constant, passes no gradient on.
            let gradient = match &step["grad_logits"] {
                Value::Null => Array2::zeros(found.penalty_gradient.dim()),
                printed => matrix(printed),
            };
            assert_eq!(step["grad_logits"].is_null(), t == 0, "{}", what("a gradient is missing"));
            assert_close(&found.penalty_gradient, &gradient, &what("gradient"));
            worst = (&found.penalty_gradient - &gradient).iter().fold(worst, |worst, x| worst.max(x.abs()));
            gradients += usize::from(t > 0);
        }
    }
    assert_eq!((cases.len(), gradients), (6, 8), "cases and gradients in the file");
    println!("worst error of a gradient: {worst:.1e}");
}
