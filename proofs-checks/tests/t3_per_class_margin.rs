//! T3, T3' and T3'': the margin bound of every class for a plain bias-free ReLU network, with every
//! constant. Statement and proof are in THEORY.md.
//!
//! Checked here: the formulas against plain arithmetic with every grid point looked at, the least
//! KL, what a looser norm does, and steps 3 and 4 of the proof together. The steps one by one are
//! in `t3_perturbation.rs` and `t3_restricted_posterior.rs`, the statement on a known distribution
//! in `t3_simulation.rs`.

use car_spectral::bounds::{
    Architecture, BiasFreeReluNetwork, DeltaShares, GridRange, LayerNorms, MarginStatement, Outcome, PerClassMargin,
    TrainingMargins, binary_kl, least_kl, per_class_margin, per_class_margin_with_shares, vacuous_whatever_the_weights,
};
use nalgebra::{DMatrix, DVector};
use proofs_checks::evidence::{Check, Kind};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn network(layers: Vec<LayerNorms>, input_bound: f64) -> Architecture {
    Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(layers, input_bound).unwrap())
}

fn bounds(
    architecture: &Architecture,
    margin: f64,
    grid_size: usize,
    errors: &[u64],
    counts: &[u64],
    delta: f64,
) -> PerClassMargin {
    let training = TrainingMargins { margin, grid_size, margin_errors: errors, class_counts: counts };
    match per_class_margin(architecture, Some(training), delta).unwrap() {
        Outcome::Applies(bounds) => bounds,
        Outcome::NotApplicable(reason) => panic!("{reason}"),
    }
}

/// The worked case of T3. The numbers come from NumPy:
///
/// ```python
/// W = np.array([[1., 0], [-1, 0]]); s = np.linalg.svd(W)[1][0]; F = np.linalg.norm(W)    # both sqrt 2
/// sigma = 1.5 / (42 * sqrt(2 * log(8))); KL = F**2 / (2 * sigma**2); m = 10**6; N = ceil(m**0.5)
/// KL                                                            # 3260.564337353983
/// 4 * sqrt((KL + log(6 * 2 * N * m / .05)) / (m - 1))           # 0.22932148713579545
/// sqrt((KL + log(4 * sqrt(m) * 2 * N / .05)) / (2 * m))         # 0.04049354900306455
/// # T3'': 4 for 42, and the spare of 1e-6 for rounding; one grid point; kl inverted at c_j = 0 is 1 - exp(-x)
/// KL = F**2 / (2 * (1.5 / (4 * (1 + 1e-6) * sqrt(2 * log(8))))**2)
/// -expm1(-(KL + log(4 * sqrt(m) * 2 / .05)) / m)  # 4.155640445539784e-05
/// ```
#[test]
fn the_case_with_numbers() {
    let weights = DMatrix::from_row_slice(2, 2, &[1.0, 0.0, -1.0, 0.0]);
    let sigma_max = weights.singular_values().max();
    let layer =
        LayerNorms { spectral_upper: sigma_max * (1.0 + 1e-14), frobenius: weights.norm(), rows: 2, columns: 2 };
    let result = bounds(&network(vec![layer], 1.0), 1.5, 1, &[0, 0], &[1_000_000; 2], 0.05);
    for class in result.classes {
        let Outcome::Applies(class) = class else { panic!("m_j = 10^6") };
        assert_eq!(class.grid_points, 1000.0);
        assert!((class.kl.unwrap() - 3260.564337353983).abs() < 1e-9);
        assert!((class.t3.value().unwrap().total - 0.22932148713579545).abs() < 1e-13);
        assert!((class.t3_prime.total - 0.04049354900306455).abs() < 1e-13);
        assert!((class.t3_double_prime.total - 4.155640445539784e-05).abs() < 1e-14);
    }
}

/// c'_d = 2√2 r_d/(d((1+1/√2)^(1/d) − 1)), r_d = (1−1/d)^−(d−1).
fn sharpest_constant(d: usize) -> f64 {
    let depth = d as f64;
    let cell = if d == 1 { 1.0 } else { (1.0 - 1.0 / depth).powf(1.0 - depth) };
    8f64.sqrt() * cell / (depth * ((1.0 + 0.5f64.sqrt()).powf(1.0 / depth) - 1.0))
}

/// What plain arithmetic gives inside the grid.
struct Enumerated {
    kl: f64,
    t3: f64,
    t3_prime: f64,
    /// KL of T3'' without the spare for rounding, how many grid points can be the smallest
    /// admissible, and the entropy.
    sharpest_kl: f64,
    points: f64,
    relative_entropy: f64,
}

/// The formulas by plain arithmetic, every grid point looked at: None outside the grid.
fn by_enumeration(case: &Case, class: usize) -> Option<Enumerated> {
    let (d, b, g) = (case.layers.len() as f64, case.input_bound, case.margin);
    let m = case.counts[class] as f64;
    let s: Vec<f64> = case.layers.iter().map(|layer| layer.spectral_upper.min(layer.frobenius)).collect();
    let product: f64 = s.iter().product();
    if product < g / (2.0 * b) || product > g * m.sqrt() / (2.0 * b) {
        return None;
    }
    let beta = product.powf(1.0 / d);
    let h = case.layers.iter().map(|layer| layer.rows.max(layer.columns)).max().unwrap() as f64;
    let n = (d * m.powf(1.0 / (2.0 * d))).ceil();
    let beta_min = (g / (2.0 * b)).powf(1.0 / d);
    let grid = || (0..n as u64).map(|k| beta_min * (1.0 + (2 * k + 1) as f64 / d));
    let admissible = |point: f64, beta: f64| (point - beta).abs() <= beta / d * (1.0 + 1e-12);
    let point = grid().find(|&point| admissible(point, beta))?;
    let beta_max = beta_min * m.powf(1.0 / (2.0 * d));
    let points = 1 + grid().position(|point| admissible(point, beta_max))?;
    let sigma = g / (42.0 * d * b * point.powf(d - 1.0) * (h * (4.0 * d * h).ln()).sqrt());
    let kl: f64 =
        case.layers.iter().zip(&s).map(|(l, s)| (beta / s * l.frobenius).powi(2) / (2.0 * sigma * sigma)).sum();
    let (k, grid) = (case.counts.len() as f64, case.grid_size as f64);
    let c = case.errors[class] as f64 / m;
    let sharpest_kl = kl * (sharpest_constant(case.layers.len()) / 42.0).powi(2);
    Some(Enumerated {
        kl,
        t3: c + 4.0 * ((kl + (6.0 * k * n * grid * m / case.delta).ln()) / (m - 1.0)).sqrt(),
        t3_prime: c + ((kl + (4.0 * m.sqrt() * k * n * grid / case.delta).ln()) / (2.0 * m)).sqrt(),
        sharpest_kl,
        points: points as f64,
        relative_entropy: (sharpest_kl + (4.0 * m.sqrt() * k * points as f64 * grid / case.delta).ln()) / m,
    })
}

#[derive(Clone, Debug)]
struct Case {
    layers: Vec<LayerNorms>,
    input_bound: f64,
    margin: f64,
    grid_size: usize,
    errors: Vec<u64>,
    counts: Vec<u64>,
    delta: f64,
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = (1_usize..6, 2_usize..5).prop_flat_map(|(depth, k)| {
        (
            prop::collection::vec(1_usize..30, depth),
            prop::collection::vec((0.3_f64..3.0, 0.8_f64..4.0), depth),
            // m_j from 2 to 10^9, evenly on a logarithmic scale, so that every range of the grid is met.
            prop::collection::vec((0_u64..3, (0.4_f64..9.0).prop_map(|digits| 10f64.powf(digits) as u64)), k),
        )
    });
    (shape, 0.1_f64..20.0, 0.05_f64..5.0, 1_usize..9, 0.001_f64..0.5).prop_map(
        |((widths, norms, classes), input_bound, margin, grid_size, delta)| {
            let mut layers = Vec::new();
            for (l, &(spectral_upper, ratio)) in norms.iter().enumerate() {
                let rows = if l + 1 < widths.len() { widths[l + 1] } else { classes.len() };
                layers.push(LayerNorms { spectral_upper, frobenius: spectral_upper * ratio, rows, columns: widths[l] });
            }
            Case {
                layers,
                input_bound,
                margin,
                grid_size,
                errors: classes.iter().map(|class| class.0.min(class.1)).collect(),
                counts: classes.iter().map(|class| class.1).collect(),
                delta,
            }
        },
    )
}

const LEAST_KL: &str = "220.5 (1+1/d)^(2d−2) d³ h ln(4dh) ≤ KL_j";

const SHARPEST_LEAST_KL: &str = "(c'_d²/8) (1+1/d)^(2d−2) d³ h ln(4dh) ≤ KL_j with c'_d for 42";

/// Every grid point is at least beta_min (1 + 1/d), and beta >= beta_min = (g/2B)^(1/d),
/// ‖W̃_l‖_F >= beta: so KL_j >= d beta_min² c² d² B² (beta_min (1+1/d))^(2(d-1)) h ln(4dh) / (2
/// g²), which is this.
fn least_kl_by_definition(c: f64, d: usize, h: usize) -> f64 {
    let (d, h) = (d as f64, h as f64);
    c * c / 8.0 * (1.0 + 1.0 / d).powf(2.0 * d - 2.0) * d.powi(3) * h * (4.0 * d * h).ln()
}

/// At beta = beta_min with layers of rank one. T3'' carries its spare of 2·10⁻⁶ for rounding.
#[test]
fn the_least_kl_is_attained() {
    let checks =
        [Check::new("T3", LEAST_KL, Kind::Enumeration), Check::new("T3''", SHARPEST_LEAST_KL, Kind::Enumeration)];
    for d in 1..=8 {
        for h in [2, 3, 100] {
            let layer = LayerNorms { spectral_upper: 1.0, frobenius: 1.0, rows: h, columns: h };
            // g/(2B) just below beta^d = 1.
            let result =
                bounds(&network(vec![layer; d], 1.0), 2.0 * (1.0 - 1e-12), 1, &vec![0; h], &vec![100; h], 0.05);
            let class = result.classes[0].value().unwrap();
            assert!(matches!(class.range, GridRange::Inside { index: 0.0, .. }), "{class:?}");
            let ratio = least_kl(MarginStatement::T3Prime, d, h) / class.kl.unwrap();
            assert!((ratio - 1.0).abs() < 1e-10, "d = {d}, h = {h}: {ratio}");
            assert!((least_kl_by_definition(42.0, d, h) / class.kl.unwrap() - 1.0).abs() < 1e-10);
            checks[0].ratio(ratio, 1.0);
            let kl = class.t3_double_prime.kl.unwrap();
            assert!((least_kl(MarginStatement::T3DoublePrime, d, h) / kl - 1.0).abs() < 1e-10);
            // The spare is squared, and 1e-12 of the g above is left.
            let exact = least_kl_by_definition(sharpest_constant(d), d, h) * 1.000001f64.powi(2) / kl;
            assert!((exact - 1.0).abs() < 1e-9, "{exact}");
            checks[1].ratio(exact, 1.0);
        }
    }
    checks.into_iter().for_each(Check::passed);
}

/// "Vacuous whatever the weights" is said only where it is true of every network, and where the
/// bounds are as small as they get it is not said of bounds that are not vacuous.
#[test]
fn vacuous_whatever_the_weights_where_it_follows() {
    let checks = [
        ("T3", "16 KL ≥ m−1 for all weights ⇒ T3 ≥ 1"),
        ("T3'", "KL ≥ 2m for all weights ⇒ T3' ≥ 1"),
        ("T3''", "KL ≥ m ln 10⁶ for all weights ⇒ T3'' > 1 − 10⁻⁶"),
    ]
    .map(|(statement, claim)| Check::new(statement, claim, Kind::Random));
    let statements = [MarginStatement::T3, MarginStatement::T3Prime, MarginStatement::T3DoublePrime];
    let (mut said, mut not_said, mut useful) = ([0_u32; 3], [0_u32; 3], [0_u32; 3]);
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    for _ in 0..4000 {
        let (d, h) = (rng.random_range(1..5), rng.random_range(2..30));
        let digits = rng.random_range(0.5..9.0);
        let counts: Vec<u64> = (0..h).map(|_| 10f64.powf(rng.random_range(0.4..digits)) as u64).collect();
        // Rank one, s_l = ‖W_l‖_F: the least KL there is; beta^d a little above g/2B.
        let layer = LayerNorms { spectral_upper: 1.0, frobenius: 1.0, rows: h, columns: h };
        let margin = 2.0 / (1.0 + rng.random_range(1e-12..0.5));
        let result = bounds(&network(vec![layer; d], 1.0), margin, 1, &vec![0; h], &counts, 0.05);
        let classes: Vec<_> = result.classes.iter().map(|class| *class.value().unwrap()).collect();
        let vacuous = [
            classes.iter().all(|class| class.t3.value().unwrap().total >= 1.0),
            classes.iter().all(|class| class.t3_prime.total >= 1.0),
            classes.iter().all(|class| class.t3_double_prime.is_vacuous()),
        ];
        for (at, statement) in statements.into_iter().enumerate() {
            let claimed = vacuous_whatever_the_weights(statement, d, h, &counts);
            assert!(!claimed || vacuous[at], "{statement:?}, d = {d}, h = {h}, {counts:?}");
            *(if claimed { &mut said[at] } else { &mut not_said[at] }) += 1;
            useful[at] += u32::from(!vacuous[at]);
            checks[at].case();
        }
    }
    println!("said {said:?}, not said {not_said:?}, not vacuous {useful:?}");
    assert!(said.iter().chain(&useful).all(|&count| count > 20), "{said:?} {useful:?}");
    // The worked case, which a sentence for all networks would contradict.
    let layer = LayerNorms { spectral_upper: 2f64.sqrt(), frobenius: 2f64.sqrt(), rows: 2, columns: 2 };
    let worked = bounds(&network(vec![layer], 1.0), 1.5, 1, &[0, 0], &[1_000_000; 2], 0.05);
    assert!(worked.classes[0].value().unwrap().t3_prime.total < 0.05);
    assert!(!vacuous_whatever_the_weights(MarginStatement::T3Prime, 1, 2, &[1_000_000; 2]));
    checks.into_iter().for_each(Check::passed);
}

#[test]
fn formula_range_and_least_kl() {
    let sharpest_check = Check::new("T3''", SHARPEST_LEAST_KL, Kind::Random);
    let check = Check::new("T3", LEAST_KL, Kind::Random);
    check.property(file!(), 400, cases(), |check, case| {
        let architecture = network(case.layers.clone(), case.input_bound);
        let result = bounds(&architecture, case.margin, case.grid_size, &case.errors, &case.counts, case.delta);
        let (d, h) = match &architecture {
            Architecture::BiasFreeRelu(network) => (network.depth(), network.width()),
            _ => unreachable!(),
        };
        for (j, class) in result.classes.iter().enumerate() {
            let class = class.value().unwrap();
            let (t3, t3_prime) = (class.t3.value().unwrap(), class.t3_prime);
            match class.range {
                GridRange::Inside { index, point } => {
                    prop_assert!(index >= 0.0 && index < class.grid_points);
                    prop_assert!((point - result.beta).abs() <= result.beta / d as f64 * (1.0 + 1e-12));
                    let by_hand = by_enumeration(&case, j).expect("inside the grid");
                    let kl = by_hand.kl;
                    prop_assert!((class.kl.unwrap() / kl - 1.0).abs() < 1e-10, "KL {:?} {kl}", class.kl);
                    prop_assert!((t3.total / by_hand.t3 - 1.0).abs() < 1e-10);
                    prop_assert!((t3_prime.total / by_hand.t3_prime - 1.0).abs() < 1e-10);
                    let least = least_kl_by_definition(42.0, d, h);
                    prop_assert!((least_kl(MarginStatement::T3, d, h) / least - 1.0).abs() < 1e-12);
                    prop_assert_eq!(result.least_kl, least_kl(MarginStatement::T3, d, h));
                    prop_assert!(kl >= least * (1.0 - 1e-12));
                    check.ratio(least, kl);

                    // T3'': its spare makes it larger than the formula by 2·10⁻⁶ of KL at most.
                    let found = class.t3_double_prime;
                    let sharpest_kl = found.kl.unwrap();
                    let least = least_kl_by_definition(sharpest_constant(d), d, h);
                    prop_assert!(
                        sharpest_kl >= by_hand.sharpest_kl && sharpest_kl <= by_hand.sharpest_kl * (1.0 + 2.1e-6)
                    );
                    prop_assert!(found.relative_entropy >= by_hand.relative_entropy);
                    prop_assert!(found.relative_entropy <= by_hand.relative_entropy * (1.0 + 2.1e-6));
                    prop_assert_eq!(found.grid_points, by_hand.points);
                    prop_assert!(found.grid_points <= 0.5 * class.grid_points + 1.0);
                    prop_assert!(index < found.grid_points);
                    let attained = binary_kl(found.first_term, found.total).unwrap();
                    prop_assert!(found.total == 1.0 || attained >= found.relative_entropy * (1.0 - 1e-12));
                    prop_assert!(found.total <= t3_prime.total);
                    prop_assert!(sharpest_kl >= least);
                    sharpest_check.ratio(least, sharpest_kl);
                }
                GridRange::Below => {
                    prop_assert_eq!((t3.total, t3_prime.total, class.t3_double_prime.total), (1.0, 1.0, 1.0));
                    prop_assert!(by_enumeration(&case, j).is_none());
                }
                GridRange::Above => {
                    prop_assert!(t3.complexity > 1.0 && t3_prime.complexity > 1.0, "{class:?}");
                    prop_assert_eq!(class.t3_double_prime.total, 1.0);
                    prop_assert!(by_enumeration(&case, j).is_none());
                }
            }
            if class.kl.is_some() {
                // Always more than 4 sqrt 2, not at most: the logarithm and m_j - 1 of T3 are against it too.
                prop_assert!(t3.complexity > 4.0 * 2f64.sqrt() * t3_prime.complexity);
            }
        }
        Ok(())
    });
    sharpest_check.passed();
}

/// The bounds of any shares: class j's is that of equal shares at delta = K delta_j.
#[test]
fn shares_of_delta() {
    let check = Check::new("T3'", "T3' with δ_j = T3' with K δ_j/K", Kind::Random);
    check.property(file!(), 200, (cases(), 0_usize..3), |check, (case, kind)| {
        let k = case.counts.len();
        let shares = match kind {
            0 => DeltaShares::equal(k, case.delta),
            1 => DeltaShares::equal_floors(&case.counts, case.delta),
            _ => DeltaShares::mixed(&case.counts, case.delta),
        }
        .unwrap();
        let architecture = network(case.layers.clone(), case.input_bound);
        let training = TrainingMargins {
            margin: case.margin,
            grid_size: case.grid_size,
            margin_errors: &case.errors,
            class_counts: &case.counts,
        };
        let outcome = per_class_margin_with_shares(&architecture, training, &shares).unwrap();
        for (j, class) in outcome.value().unwrap().classes.iter().enumerate() {
            let class = class.value().unwrap();
            let alone = k as f64 * shares.shares()[j];
            if alone >= 1.0 {
                continue;
            }
            let equal = bounds(&architecture, case.margin, case.grid_size, &case.errors, &case.counts, alone);
            let equal = equal.classes[j].value().unwrap();
            let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-6 || a == b;
            prop_assert!(close(class.t3_prime.total, equal.t3_prime.total));
            prop_assert!(close(class.t3.value().unwrap().total, equal.t3.value().unwrap().total));
            prop_assert!(close(class.t3_double_prime.total, equal.t3_double_prime.total));
            check.case();
        }
        Ok(())
    });
}

/// A looser certified norm cannot make the bound smaller, and one above the Frobenius norm changes
/// nothing.
#[test]
fn looser_norms_never_help() {
    let check = Check::new("T3", "KL_j(s_l) ≤ KL_j(s_l′) for s_l ≤ s_l′ above the grid", Kind::Random);
    check.property(file!(), 400, (cases(), 1.0_f64..3.0), |check, (case, factor)| {
        let at = |layers: Vec<LayerNorms>| {
            bounds(&network(layers, case.input_bound), case.margin, 1, &case.errors, &case.counts, case.delta)
        };
        let tight = at(case.layers.clone());
        let mut loose = case.layers.clone();
        loose[0].spectral_upper *= factor;
        let loose = at(loose);
        let mut useless = case.layers.clone();
        useless[0].spectral_upper = f64::max(1e3 * useless[0].frobenius, useless[0].spectral_upper);
        let mut frobenius = case.layers.clone();
        frobenius[0].spectral_upper = frobenius[0].frobenius;
        prop_assert_eq!(at(useless), at(frobenius));
        for (tight, loose) in tight.classes.iter().zip(&loose.classes) {
            let (tight, loose) = (tight.value().unwrap(), loose.value().unwrap());
            if matches!(tight.range, GridRange::Above) {
                prop_assert!(matches!(loose.range, GridRange::Above));
                prop_assert!(tight.kl.unwrap() <= loose.kl.unwrap() * (1.0 + 1e-9));
                check.ratio(tight.kl.unwrap(), loose.kl.unwrap());
            }
        }
        check.case();
        Ok(())
    });
}

/// The step that fixes sigma_j: with probability at least 1/2 all ‖U_l‖₂ <= sigma sqrt(2h ln(4dh)),
/// and then no score of the rescaled network moves by g/4 or more, for any input of norm at most B.
/// On random networks and inputs.
#[test]
fn the_perturbation_stays_within_a_quarter_margin() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut normal = {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        // Box and Muller.
        move || {
            let (a, b): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
            (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
        }
    };
    let forward = |layers: &[DMatrix<f64>], x: &DVector<f64>| {
        let mut scores = x.clone();
        for (l, layer) in layers.iter().enumerate() {
            if l > 0 {
                scores.iter_mut().for_each(|value| *value = value.max(0.0));
            }
            scores = layer * scores;
        }
        scores
    };
    let (mut inside_grid, mut largest_share) = (0, 0.0_f64);
    for case in 0..60 {
        let depth = 1 + case % 4;
        let widths: Vec<usize> = (0..=depth).map(|_| rng.random_range(2..7)).collect();
        let layers: Vec<DMatrix<f64>> =
            (0..depth).map(|l| DMatrix::from_fn(widths[l + 1], widths[l], |_, _| normal())).collect();
        let norms: Vec<LayerNorms> = layers
            .iter()
            .map(|w| LayerNorms {
                spectral_upper: w.singular_values().max() * (1.0 + 1e-12),
                frobenius: w.norm(),
                rows: w.nrows(),
                columns: w.ncols(),
            })
            .collect();
        let product: f64 = norms.iter().map(|layer| layer.spectral_upper).product();
        let (input_bound, margin) = (1.5, product * rng.random_range(0.3..2.9));
        let k = widths[depth];
        let architecture = network(norms.clone(), input_bound);
        let result = bounds(&architecture, margin, 1, &vec![0; k], &vec![1000; k], 0.05);
        let class = *result.classes[0].value().unwrap();
        let GridRange::Inside { .. } = class.range else { panic!("{class:?}") };
        inside_grid += 1;
        let sigma = class.sigma.unwrap();
        let h = widths.iter().copied().max().unwrap() as f64;
        let radius = sigma * (2.0 * h * (4.0 * depth as f64 * h).ln()).sqrt();
        let rescaled: Vec<DMatrix<f64>> =
            layers.iter().zip(&norms).map(|(w, norm)| w * (result.beta / norm.spectral_upper)).collect();
        let (mut kept, draws) = (0, 40);
        for _ in 0..draws {
            let noise: Vec<DMatrix<f64>> =
                layers.iter().map(|w| DMatrix::from_fn(w.nrows(), w.ncols(), |_, _| sigma * normal())).collect();
            if noise.iter().any(|u| u.singular_values().max() > radius) {
                continue;
            }
            kept += 1;
            let perturbed: Vec<DMatrix<f64>> = rescaled.iter().zip(&noise).map(|(w, u)| w + u).collect();
            for _ in 0..5 {
                let x = DVector::from_fn(widths[0], |_, _| normal()).normalize() * input_bound;
                // Positive homogeneity: rescaling the layers does not change the network.
                let change = (forward(&perturbed, &x) - forward(&rescaled, &x)).amax();
                let homogeneity = (forward(&layers, &x) - forward(&rescaled, &x)).amax();
                assert!(homogeneity <= 1e-9 * product * input_bound);
                assert!(change < margin / 4.0, "{change} at g = {margin}");
                largest_share = largest_share.max(change / (margin / 4.0));
            }
        }
        assert!(2 * kept >= draws, "{kept} of {draws}");
    }
    assert_eq!(inside_grid, 60);
    // The check has teeth: the change comes near enough to be measured against g/4.
    assert!(largest_share > 0.01, "{largest_share}");
}

#[test]
fn the_constant_42() {
    let needed = 4.0 * 2f64.sqrt() * std::f64::consts::E.powi(2);
    assert!(needed <= 42.0 && 42.0 / needed < 1.005);
}
