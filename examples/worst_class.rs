//! The way from the scores of held-out samples to what can be said of the worst class: `cargo
//! run --example worst_class`.
//!
//! The scores are made here; in real use they come from your model, and the class counts from your
//! training set.

use car_spectral::ndarray::{Array1, Array2};
use car_spectral::{ClassWeights, Error, MarginCounts, MarginGrid, Verdict, WeightForm, WorstClassAnalysis};

/// Training samples of each of ten classes, a long tail.
const TRAIN_COUNTS: [u64; 10] = [500, 300, 180, 108, 64, 39, 23, 14, 8, 5];
/// Held-out samples of each class.
const HELD_OUT: usize = 200;

fn main() -> Result<(), Error> {
    let labels: Array1<usize> = (0..10 * HELD_OUT).map(|sample| sample / HELD_OUT).collect();
    // The rarer the class, the more of its samples are taken for the class before it.
    let scores = Array2::from_shape_fn((labels.len(), 10), |(sample, class)| {
        let wrong = (sample % HELD_OUT) as f64 / (HELD_OUT as f64) < 0.05 + 0.06 * labels[sample] as f64;
        let predicted = if wrong { (labels[sample] + 9) % 10 } else { labels[sample] };
        if class == predicted { 2.0 } else { 0.1 * class as f64 }
    });

    let mut counts = MarginCounts::new(10, &MarginGrid::new(&[0.0])?)?;
    counts.add_batch(scores.view(), labels.view())?;
    let weights = ClassWeights::new(&TRAIN_COUNTS, 0.2, WeightForm::Paper)?;
    let found = WorstClassAnalysis::of(&counts, &weights, 0.05)?;

    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    println!("class  error      at 95 % for all classes at once");
    for (class, (interval, errors)) in found.class_errors.iter().zip(counts.errors()).enumerate() {
        let error = percent(errors as f64 / HELD_OUT as f64);
        println!("{class:>5}  {error:>6}     {} to {}", percent(interval.lower), percent(interval.upper));
    }
    let (lower, upper) = (percent(found.largest_error.lower), percent(found.largest_error.upper));
    println!("\nthe largest error of any class is {lower} to {upper}; it is one of classes {:?}", found.candidates);
    println!(
        "‖CΛ‖₂ in [{:.6}, {:.6}]; WCE {:.3} ≤ √(K−1) ‖CΛ‖₂ = {:.3}: {}",
        found.norm.lower,
        found.norm.upper,
        found.chain.weighted_worst_class_error,
        found.chain.spectral_term,
        if found.chain.holds() { "holds, as it must" } else { "fails" }
    );
    // A bound that was made without these samples, by whatever theorem: here one for all classes.
    let verdicts = found.judge(&[Some(0.4); 10])?;
    println!("a bound of 40 % by class: {}", verdicts.iter().map(Verdict::to_string).collect::<Vec<_>>().join(", "));
    Ok(())
}
