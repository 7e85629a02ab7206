//! Labels of mixed images, rectified by what the network sees in them (ConCutMix, Pan et al., IEEE
//! TIP 2024).

use car_spectral_runs::settings::RectificationOptions;
use tch::{Tensor, no_grad};

use crate::{Result, TrainingError};

/// Label rectification for given class counts.
#[derive(Debug)]
pub struct Rectification {
    options: RectificationOptions,
    class_counts: Vec<f64>,
    log_sum: f64,
}

impl Rectification {
    /// Makes the rectifier for n_j = `class_counts` `[K]` training images of each class.
    ///
    /// # Errors
    /// [`TrainingError::Setting`] for options out of their range, and for counts with a 0 or
    /// without one above 1.
    pub fn new(class_counts: &[u64], options: RectificationOptions) -> Result<Self> {
        options.check()?;
        let class_counts: Vec<f64> = class_counts.iter().map(|&count| count as f64).collect();
        let log_sum: f64 = class_counts.iter().map(|count| count.ln()).sum();
        if !(log_sum.is_finite() && log_sum > 0.0) {
            let requirement = "ConCutMix needs images of every class, and a class with more than one";
            return Err(TrainingError::setting("class counts", format!("with product e^{log_sum}"), requirement));
        }
        Ok(Self { options, class_counts, log_sum })
    }

    /// The options.
    pub fn options(&self) -> &RectificationOptions {
        &self.options
    }

    /// Rectified labels `[B, K]` of mixed images, constants for the gradient:
    ///
    /// ```text
    /// d_k   = ‖feature - centre_k‖                               features [B, D] and centres [K, D], not normalised
    /// y_sem = 1/d_k of the nearest classes, 0 of the others, over its sum
    /// w     = ln(sum_j n_j y_j) / sum_j ln n_j
    /// label = w omega y_sem + (1 - w omega) y                    y: `labels` [B, K] of CutMix
    /// ```
    ///
    /// The labels move little: for CIFAR100-LT (500 ... 5 images) and omega = 20/255, w omega is at
    /// most 0.0013.
    pub fn labels(&self, features: &Tensor, centres: &Tensor, labels: &Tensor) -> Result<Tensor> {
        no_grad(|| {
            let (kind, device) = (labels.kind(), labels.device());
            let differences = features.f_unsqueeze(1)?.f_sub(&centres.f_unsqueeze(0)?)?;
            let distances = differences.f_norm_scalaropt_dim(2, [2i64].as_slice(), false)?;
            // A feature on a centre is of that class alone.
            let similarities = distances.f_clamp_min(1e-12)?.f_reciprocal()?;
            let nearest = (self.options.nearest_share * self.class_counts.len() as f64).round().max(1.0);
            let (largest, classes) = similarities.f_topk(nearest as i64, 1, true, true)?;
            let shares = largest.f_div(&largest.f_sum_dim_intlist([1i64].as_slice(), true, kind)?)?;
            let semantic = labels.f_zeros_like()?.f_scatter(1, &classes, &shares)?;
            let counts = Tensor::f_from_slice(&self.class_counts)?.f_to_kind(kind)?.f_to_device(device)?;
            let weight = labels.f_matmul(&counts)?.f_log()? * (self.options.omega / self.log_sum);
            Ok(labels.f_lerp_tensor(&semantic, &weight.f_unsqueeze(1)?)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: [u64; 3] = [100, 10, 2];

    fn rectified(feature: [f64; 2], label: [f64; 3], nearest_share: f64) -> Vec<f64> {
        let options = RectificationOptions { after_epoch: 0, nearest_share, omega: 0.5 };
        let rectification = Rectification::new(&COUNTS, options).unwrap();
        let centres = Tensor::from_slice(&[0.0, 0.0, 3.0, 4.0, 0.0, 2.0]).view([3, 2]);
        let (feature, label) = (Tensor::from_slice(&feature).view([1, 2]), Tensor::from_slice(&label).view([1, 3]));
        Vec::try_from(rectification.labels(&feature, &centres, &label).unwrap().view(-1)).unwrap()
    }

    fn assert_close(found: &[f64], expected: [f64; 3]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} for {expected:?}");
    }

    /// From (0, 0.5): distances 1/2, sqrt(9 + 12.25) = 4.609..., 3/2. From the label (0.7, 0.3, 0):
    /// 73 images expected.
    #[test]
    fn labels_are_those_computed_by_hand() {
        let weight = 0.5 * 73f64.ln() / 2000f64.ln();
        let (near, far) = (2.0, 2.0 / 3.0);
        let keep = 1.0 - weight;
        // Two nearest: classes 0 and 2, 3/4 and 1/4.
        assert_close(
            &rectified([0.0, 0.5], [0.7, 0.3, 0.0], 0.6),
            [0.75 * weight + 0.7 * keep, 0.3 * keep, 0.25 * weight],
        );
        let middle = 1.0 / 21.25f64.sqrt();
        let sum = near + middle + far;
        let all = [near, middle, far].map(|similarity| similarity / sum * weight);
        let expected = [all[0] + 0.7 * keep, all[1] + 0.3 * keep, all[2]];
        assert_close(&rectified([0.0, 0.5], [0.7, 0.3, 0.0], 1.0), expected);
        // The nearest alone.
        assert_close(&rectified([0.0, 0.5], [0.7, 0.3, 0.0], 0.1), [weight + 0.7 * keep, 0.3 * keep, 0.0]);
        // On a centre; the label is of the rarest class: 2 images.
        let weight = 0.5 * 2f64.ln() / 2000f64.ln();
        assert_close(&rectified([3.0, 4.0], [0.0, 0.0, 1.0], 1.0), [0.0, weight, 1.0 - weight]);
    }

    #[test]
    fn labels_stay_distributions_and_constants() {
        let options = RectificationOptions { nearest_share: 0.6, ..RectificationOptions::after(0) };
        let rectification = Rectification::new(&COUNTS, options).unwrap();
        let random = || Tensor::randn([5, 4], (tch::Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
        let labels = Tensor::rand([5, 3], (tch::Kind::Float, tch::Device::Cpu)).softmax(1, tch::Kind::Float);
        let found = rectification.labels(&random(), &random().narrow(0, 0, 3), &labels).unwrap();
        assert!(!found.requires_grad() && found.kind() == tch::Kind::Float);
        let sums = found.sum_dim_intlist([1i64].as_slice(), false, tch::Kind::Float);
        assert!(sums.allclose(&sums.ones_like(), 1e-6, 1e-6, false) && found.min().double_value(&[]) >= 0.0);
        assert!(!found.allclose(&labels, 1e-5, 1e-5, false));
    }

    #[test]
    fn constants_out_of_range_and_counts_without_weight_are_refused() {
        let good = RectificationOptions::after(1);
        let text = |options, counts: &[u64]| Rectification::new(counts, options).unwrap_err().to_string();
        for nearest_share in [0.0, 1.1, f64::NAN] {
            assert!(text(RectificationOptions { nearest_share, ..good }, &COUNTS).contains("rectify-share"));
        }
        assert!(text(RectificationOptions { omega: 1.5, ..good }, &COUNTS).contains("rectify-omega"));
        assert!(text(good, &[1, 1, 1]).contains("more than one"));
        assert!(text(good, &[5, 0, 1]).contains("every class"));
    }
}
