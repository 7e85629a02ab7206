//! D6 straight from its definition, for the tests of D6 and D8: written without the library, by
//! other formulas, and with every part that the options hold constant evaluated at scores of its
//! own.

use car_spectral::car::{Competition, Gate, SurrogateOptions};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// C̃(f; f0): what the options detach is taken at f0 (`held`), the rest at f (`live`). At f = f0 it
/// is C̃(f).
pub fn surrogate(live: &Array2<f64>, held: &Array2<f64>, labels: &[usize], options: &SurrogateOptions) -> Array2<f64> {
    let k = live.ncols();
    let mut matrix = Array2::zeros((k, k));
    for (q, &j) in labels.iter().enumerate() {
        let size = labels.iter().filter(|&&label| label == j).count() as f64;
        let gate_scores = if options.gate_gradient { live } else { held };
        let base = if options.baseline_gradient { live[[q, j]] } else { held[[q, j]] };
        let lead = |i: usize| live[[q, i]] - base;
        let competitors = || (0..k).filter(|&i| i != j);
        for i in competitors() {
            let raised = options.margin + gate_scores[[q, i]] - gate_scores[[q, j]];
            let gate = match options.gate {
                Gate::Sigmoid => 0.5 * (1.0 + (raised / 2.0).tanh()),
                Gate::One => 1.0,
                Gate::Relu => raised.max(0.0),
            };
            let relative = |c: usize| ((lead(c) - lead(i)) / options.temperature).exp();
            let share = match options.competition {
                Competition::SoftmaxAll => 1.0 / (0..k).map(relative).sum::<f64>(),
                Competition::SoftmaxCompetitors => 1.0 / competitors().map(relative).sum::<f64>(),
                Competition::Relu if lead(i) > 0.0 => lead(i) / competitors().map(|c| lead(c).max(0.0)).sum::<f64>(),
                Competition::Relu => 0.0,
            };
            matrix[[i, j]] += gate * share / size;
        }
    }
    matrix
}

/// 3 gates x 3 competitions x gate differentiated or not x baseline differentiated or not.
pub fn all_options(margin: f64, temperature: f64) -> Vec<SurrogateOptions> {
    let mut all = Vec::new();
    for gate in [Gate::Sigmoid, Gate::One, Gate::Relu] {
        for competition in [Competition::SoftmaxAll, Competition::SoftmaxCompetitors, Competition::Relu] {
            for (gate_gradient, baseline_gradient) in [(true, true), (true, false), (false, true), (false, false)] {
                all.push(SurrogateOptions { margin, temperature, gate, competition, gate_gradient, baseline_gradient });
            }
        }
    }
    all
}

/// Scores [N, K] of spread about 2 and labels, every f_i - f_j at least 0.02 away from 0 and
/// from -margin, the kinks of the relus.
pub fn away_from_kinks(samples: usize, k: usize, margin: f64, seed: u64) -> (Array2<f64>, Vec<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels: Vec<usize> = (0..samples).map(|_| rng.random_range(0..k)).collect();
    let own: Vec<f64> = (0..samples).map(|_| rng.random_range(-2.0..2.0)).collect();
    let logits = Array2::from_shape_fn((samples, k), |(q, i)| {
        let lead = loop {
            let lead: f64 = rng.random_range(-3.0..2.5) + rng.random_range(-1.0..1.0);
            if lead.abs() > 0.02 && (lead + margin).abs() > 0.02 {
                break lead;
            }
        };
        if i == labels[q] { own[q] } else { own[q] + lead }
    });
    (logits, labels)
}

/// Central differences of a function of the scores, half a step `h` to either side.
pub fn central_differences(at: &Array2<f64>, h: f64, value: impl Fn(&Array2<f64>) -> f64) -> Array2<f64> {
    let moved = |place: (usize, usize), by: f64| {
        let mut scores = at.clone();
        scores[place] += by;
        (value(&scores), scores[place])
    };
    Array2::from_shape_fn(at.dim(), |place| {
        let ((up, right), (down, left)) = (moved(place, h / 2.0), moved(place, -h / 2.0));
        (up - down) / (right - left)
    })
}

/// Frobenius norm.
pub fn norm(matrix: &Array2<f64>) -> f64 {
    matrix.iter().map(|x| x * x).sum::<f64>().sqrt()
}
