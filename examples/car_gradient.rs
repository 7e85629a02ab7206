//! CAR in f64, a training step at a time, without libtorch: `cargo run --example car_gradient`.
//!
//! Scores themselves are trained here by gradient descent, to see what the term does; in a network
//! the gradient goes on by the chain rule.

use car_spectral::ndarray::{Array1, Array2};
use car_spectral::{CarObjective, CarOptions, Error};

fn main() -> Result<(), Error> {
    // Three classes, of which the last has 5 training samples; all samples of it are taken for class 0.
    let labels: Array1<usize> = (0..30).map(|sample| sample / 10).collect();
    let mut scores = Array2::from_shape_fn((30, 3), |(sample, class)| match labels[sample] {
        2 => f64::from(u8::from(class == 0)),
        label => f64::from(u8::from(class == label)),
    });
    let mut objective = CarObjective::new(&[500, 50, 5], CarOptions::paper())?;
    for step in 0..=40 {
        let found = objective.step(scores.view(), labels.view())?;
        if step % 10 == 0 {
            let (loss, norm) = (found.cross_entropy, found.penalty.value);
            println!("step {step:>2}: cross-entropy {loss:.3}, ‖C̄Λ‖₂ {norm:.3}, total {:.3}", found.total);
        }
        scores.scaled_add(-3.0, &found.gradient);
    }
    Ok(())
}
