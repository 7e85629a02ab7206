//! One split of the training images: the metric, the class means, T7 and the held-out certificate.

use anyhow::Result;
use car_spectral::ClassErrors;
use car_spectral::bounds::{
    ClassMeanCertificate, DeltaShares, HeadClass, HeadExample, PriorGrid, class_mean_head, worst_class_certificate,
    worst_class_interval,
};
use ndarray::{Array2, ArrayView1, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use tch::{Kind, Tensor};

use crate::features::Features;

/// Share of each class that the metric is learnt from. No T_j holds one of them.
const METRIC_SHARE: f64 = 0.2;
/// What is added to the covariance within the classes: this much of its mean eigenvalue.
const SHRINKAGE: f64 = 0.05;
/// Nine coordinates of size below 10⁴: the scores are off by far less.
const SCORE_ERROR: f64 = 1e-9;

/// κ, in units of the standard deviation within a class.
const KAPPA: f64 = 1.0;
const THRESHOLDS: [f64; 2] = [1.5, 2.25];

/// Eight σ from 0.04 to 0.8, each by the same factor.
fn sigmas() -> [f64; 8] {
    std::array::from_fn(|step| 0.04 * 20f64.powf(step as f64 / 7.0))
}

/// The errors of one head on test images that nothing was chosen by.
#[derive(Serialize)]
pub struct TestErrors {
    /// Errors of the classes.
    pub classes: Vec<f64>,
    /// The largest.
    pub worst: f64,
    /// Interval of the largest class error at level 1−δ (T5').
    pub worst_interval: [f64; 2],
}

/// The results of one split.
#[derive(Serialize)]
pub struct Outcome {
    /// The seed of the split.
    pub split_seed: u64,
    /// |T_j|, the same for every class.
    pub images_in_t: usize,
    /// T7: bound of every class, for all at once.
    pub certificate: Vec<f64>,
    /// Largest of the bounds.
    pub certificate_worst: f64,
    /// Test errors of the head that T7 is about, trained on all of S.
    pub test: TestErrors,
    /// T5' on T for the head trained without T: max_j u_j(δ).
    pub held_out_worst: f64,
    /// max_j u_j(δ/K): the same for all classes at once.
    pub held_out_all_classes: f64,
    /// Test errors of the head trained without T.
    pub held_out_test: TestErrors,
    /// Classes with a test error above their T7 bound.
    pub above_certificate: usize,
}

/// Which of a class's images the metric (`metric`), T (`held`) and neither (`rest`) hold.
struct Parts {
    metric: Vec<usize>,
    rest: Vec<usize>,
    held: Vec<usize>,
}

/// Splits S, trains both heads and certifies them. `share` of each class is T.
///
/// # Errors
/// For a covariance that is not positive definite.
pub fn certify(
    train: &Features,
    test: &Features,
    num_classes: usize,
    share: f64,
    delta: f64,
    split_seed: u64,
) -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(split_seed);
    let parts: Vec<Parts> = (0..num_classes)
        .map(|class| {
            let mut members: Vec<usize> =
                (0..train.labels.len()).filter(|&place| train.labels[place] == class).collect();
            members.shuffle(&mut rng);
            let count = |share: f64| (share * members.len() as f64).round() as usize;
            let (metric, held) = (count(METRIC_SHARE), count(share));
            let held = members.split_off(members.len() - held);
            let rest = members.split_off(metric);
            Parts { metric: members, rest, held }
        })
        .collect();
    let (points, test_points) = in_metric(train, test, &parts)?;

    let seen: Vec<Vec<usize>> = parts.iter().map(|part| [part.metric.clone(), part.rest.clone()].concat()).collect();
    let all: Vec<Vec<usize>> =
        seen.iter().zip(&parts).map(|(seen, part)| [seen.clone(), part.held.clone()].concat()).collect();
    let (without, with) = (Head::train(&points, &seen), Head::train(&points, &all));

    let certificate = certificate(&points, &parts, &without, &with, delta)?;
    let held: Vec<Vec<usize>> = parts.iter().map(|part| part.held.clone()).collect();
    let (errors, samples) = without.errors(&points, &held);
    let largest_upper =
        |alpha: f64| worst_class_certificate(ClassErrors { errors: &errors, counts: &samples }, alpha, 1);
    let test_members: Vec<Vec<usize>> = (0..num_classes)
        .map(|class| (0..test.labels.len()).filter(|&place| test.labels[place] == class).collect())
        .collect();
    let test_errors = with.test_errors(&test_points, &test_members, delta)?;
    let bounds: Vec<f64> = certificate.bounds().collect();
    let above_certificate = test_errors.classes.iter().zip(&bounds).filter(|(error, bound)| error > bound).count();
    Ok(Outcome {
        split_seed,
        images_in_t: parts[0].held.len(),
        certificate_worst: certificate.worst_class(),
        certificate: bounds,
        test: test_errors,
        held_out_worst: largest_upper(delta)?,
        held_out_all_classes: largest_upper(delta / num_classes as f64)?,
        held_out_test: without.test_errors(&test_points, &test_members, delta)?,
        above_certificate,
    })
}

/// Class means w_j in the metric.
struct Head {
    means: Array2<f64>,
}

impl Head {
    fn train(points: &Array2<f64>, members: &[Vec<usize>]) -> Self {
        let mut means = Array2::zeros((members.len(), points.ncols()));
        for (mut mean, members) in means.rows_mut().into_iter().zip(members) {
            members.iter().for_each(|&place| mean += &points.row(place));
            mean /= members.len() as f64;
        }
        Self { means }
    }

    /// m(x): the score of the class less the largest other one.
    fn margin(&self, point: ArrayView1<'_, f64>, class: usize) -> f64 {
        let score = |row: ArrayView1<'_, f64>| row.dot(&point) - 0.5 * row.dot(&row);
        let others = self.means.axis_iter(Axis(0)).enumerate().filter(|(other, _)| *other != class);
        score(self.means.row(class)) - others.map(|(_, row)| score(row)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Errors, ties counted, and images of every class.
    fn errors(&self, points: &Array2<f64>, members: &[Vec<usize>]) -> (Vec<u64>, Vec<u64>) {
        let of_class = |(class, members): (usize, &Vec<usize>)| {
            let errors = members.iter().filter(|&&place| self.margin(points.row(place), class) <= 0.0).count();
            (errors as u64, members.len() as u64)
        };
        members.iter().enumerate().map(of_class).unzip()
    }

    fn test_errors(&self, points: &Array2<f64>, members: &[Vec<usize>], delta: f64) -> Result<TestErrors> {
        let (errors, samples) = self.errors(points, members);
        let classes: Vec<f64> = errors.iter().zip(&samples).map(|(&k, &n)| k as f64 / n as f64).collect();
        let interval = worst_class_interval(ClassErrors { errors: &errors, counts: &samples }, delta, 1)?;
        let worst_interval = [interval.lower, interval.upper];
        Ok(TestErrors { worst: classes.iter().copied().fold(0.0, f64::max), classes, worst_interval })
    }
}

fn certificate(
    points: &Array2<f64>,
    parts: &[Parts],
    without: &Head,
    with: &Head,
    delta: f64,
) -> Result<ClassMeanCertificate> {
    let examples: Vec<Vec<HeadExample>> = parts
        .iter()
        .enumerate()
        .map(|(class, part)| {
            let mean = without.means.row(class);
            let example = |&place: &usize| {
                let point = points.row(place);
                let from_mean = &point - &mean;
                HeadExample {
                    margin: with.margin(point, class) - 4.0 * SCORE_ERROR,
                    distance: from_mean.dot(&from_mean).sqrt(),
                }
            };
            part.held.iter().map(example).collect()
        })
        .collect();
    let shift = &with.means - &without.means;
    let classes: Vec<HeadClass<'_>> = examples
        .iter()
        .zip(shift.rows())
        .map(|(examples, shift)| HeadClass { examples, squared_shift: shift.dot(&shift) })
        .collect();
    let grid = PriorGrid { kappa: KAPPA, sigmas: &sigmas(), thresholds: &THRESHOLDS };
    Ok(class_mean_head(&classes, grid, &DeltaShares::equal(parts.len(), delta)?)?)
}

/// Linear discriminants of the metric part: coordinates [N, K−1] in which the covariance within its
/// classes is the identity.
fn in_metric(train: &Features, test: &Features, parts: &[Parts]) -> Result<(Array2<f64>, Array2<f64>)> {
    let rows = |places: &[usize]| {
        let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
        train.values.index_select(0, &Tensor::from_slice(&places))
    };
    let (mut means, mut deviations) = (Vec::new(), Vec::new());
    for part in parts {
        let values = rows(&part.metric);
        let mean = values.mean_dim(0i64, true, Kind::Double);
        deviations.push(values - &mean);
        means.push(mean);
    }
    let (means, deviations) = (Tensor::cat(&means, 0), Tensor::cat(&deviations, 0));
    let covariance = deviations.tr().matmul(&deviations) / deviations.size()[0];
    let side = covariance.size()[0];
    let ridge = covariance.trace() * (SHRINKAGE / side as f64);
    let factor = (covariance + Tensor::eye(side, (Kind::Double, tch::Device::Cpu)) * ridge).f_linalg_cholesky(false)?;
    let centre = means.mean_dim(0i64, true, Kind::Double);
    // Row vectors: x ↦ x L⁻ᵀ has the identity for covariance.
    let whiten =
        |rows: &Tensor| factor.f_linalg_solve_triangular(&(rows - &centre).tr(), false, true, false).map(|x| x.tr());
    let directions = whiten(&means)?.f_svd(true, true)?.2.narrow(1, 0, parts.len() as i64 - 1);
    let project = |values: &Tensor| -> Result<Array2<f64>> {
        let points = whiten(values)?.matmul(&directions);
        let shape = (points.size()[0] as usize, points.size()[1] as usize);
        Ok(Array2::from_shape_vec(shape, Vec::try_from(points.contiguous().flatten(0, -1))?)?)
    };
    Ok((project(&train.values)?, project(&test.values)?))
}
