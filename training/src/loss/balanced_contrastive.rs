//! The balanced supervised contrastive loss (Zhu et al., "Balanced Contrastive Learning", CVPR
//! 2022, equation 8).

use tch::{Kind, Tensor};

use crate::Result;

/// Mean over the anchors i of
///
/// ```text
/// l_i = -1/|P_i| sum over p in P_i of
///       ln( exp(z_i . z_p / t) / sum over j of mean over a in A_ij of exp(z_i . z_a / t) )
/// ```
///
/// where the z are the rows of `features` `[A, D]` and of `prototypes` `[K, D]`, divided by their
/// lengths, t is the `temperature`, P_i the features of i's class but i and the prototype of the
/// class, and A_ij those of class j, likewise without i. The mean in the denominator lets every
/// class count alike (class averaging), and the prototypes let no class be absent (class
/// complement). `labels` `[A]` are the classes of the features, int64.
pub fn balanced_contrastive_loss(
    features: &Tensor,
    labels: &Tensor,
    prototypes: &Tensor,
    temperature: f64,
) -> Result<Tensor> {
    let (anchors, classes) = (features.size()[0], prototypes.size()[0]);
    let (kind, device) = (features.kind(), features.device());
    let all_labels = Tensor::f_cat(&[labels, &Tensor::f_arange(classes, (Kind::Int64, device))?], 0)?;
    let features = unit_rows(features)?;
    let all = Tensor::f_cat(&[&features, &unit_rows(prototypes)?], 0)?;
    let similarities = features.f_matmul(&all.f_transpose(0, 1)?)? / temperature;

    let same_class = labels.f_unsqueeze(1)?.f_eq_tensor(&all_labels.f_unsqueeze(0)?)?;
    let itself = Tensor::f_eye_m(anchors, anchors + classes, (Kind::Bool, device))?;
    let sizes = all_labels.f_bincount::<Tensor>(None, classes)?.f_index_select(0, &all_labels)?;
    let sizes_without_itself = sizes.f_unsqueeze(0)?.f_sub(&same_class.f_to_kind(Kind::Int64)?)?.f_to_kind(kind)?;
    let averaged = similarities.f_sub(&sizes_without_itself.f_log()?)?;
    let denominator = averaged.f_masked_fill(&itself, f64::NEG_INFINITY)?.f_logsumexp(1, false)?;

    let positive = same_class.f_logical_and(&itself.f_logical_not()?)?.f_to_kind(kind)?;
    let row_sum = |matrix: Tensor| matrix.f_sum_dim_intlist([1i64].as_slice(), false, kind);
    let mean_positive = row_sum(&similarities * &positive)? / row_sum(positive)?;
    Ok(denominator.f_sub(&mean_positive)?.f_mean(kind)?)
}

/// Rows divided by their length; a row of zeros stays.
fn unit_rows(x: &Tensor) -> Result<Tensor, tch::TchError> {
    x.f_div(&x.f_norm_scalaropt_dim(2, [1i64].as_slice(), true)?.f_clamp_min(1e-12)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawn;

    const LABELS: [i64; 6] = [0, 1, 0, 0, 3, 1];
    const CLASSES: usize = 4;
    const TEMPERATURE: f64 = 0.3;

    fn rows(seed: u64, count: i64) -> Vec<[f64; 3]> {
        let values = Vec::<f64>::try_from(drawn::normal(seed, &[3 * count], Kind::Double)).unwrap();
        values.chunks_exact(3).map(|row| [row[0], row[1], row[2]]).collect()
    }

    fn tensor(rows: &[[f64; 3]]) -> Tensor {
        Tensor::from_slice(&rows.concat()).view([-1, 3])
    }

    fn value(features: &[[f64; 3]], prototypes: &[[f64; 3]]) -> f64 {
        let labels = Tensor::from_slice(&LABELS[..features.len()]);
        let loss = balanced_contrastive_loss(&tensor(features), &labels, &tensor(prototypes), TEMPERATURE).unwrap();
        loss.double_value(&[])
    }

    /// Sample by sample, class by class.
    fn by_definition(features: &[[f64; 3]], prototypes: &[[f64; 3]]) -> f64 {
        let unit = |row: &[f64; 3]| row.map(|x| x / row.iter().map(|x| x * x).sum::<f64>().sqrt());
        let mut all: Vec<([f64; 3], usize)> = Vec::new();
        all.extend(features.iter().zip(LABELS).map(|(row, label)| (unit(row), label as usize)));
        all.extend(prototypes.iter().enumerate().map(|(class, row)| (unit(row), class)));
        let dot = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / TEMPERATURE;
        let mut sum = 0.0;
        for anchor in 0..features.len() {
            let others = |class: usize| {
                let of_class = all.iter().enumerate().filter(move |(at, (_, label))| *at != anchor && *label == class);
                of_class.map(|(_, (row, _))| dot(&all[anchor].0, row)).collect::<Vec<f64>>()
            };
            let mean_of_class = |class: usize| {
                let similarities = others(class);
                similarities.iter().map(|s| s.exp()).sum::<f64>() / similarities.len() as f64
            };
            let denominator: f64 = (0..CLASSES).map(mean_of_class).sum();
            let positives = others(all[anchor].1);
            sum -= positives.iter().map(|s| (s.exp() / denominator).ln()).sum::<f64>() / positives.len() as f64;
        }
        sum / features.len() as f64
    }

    #[test]
    fn values_are_those_of_the_definition() {
        for seed in 0..5 {
            let (features, prototypes) = (rows(seed, 6), rows(seed + 50, CLASSES as i64));
            let (found, expected) = (value(&features, &prototypes), by_definition(&features, &prototypes));
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
        // By hand: one anchor on its own prototype, the three others opposite: e^(1/t) against e^(1/t) + 3 e^(-1/t).
        let ahead = [1.0, 0.0, 0.0];
        let found = value(&[ahead], &[ahead, [-2.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]);
        assert!((found - (3.0 * (-2.0 / TEMPERATURE).exp()).ln_1p()).abs() < 1e-14, "{found}");
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        let (features, prototypes) = (rows(1, 6), rows(2, CLASSES as i64));
        let inputs = [tensor(&features).set_requires_grad(true), tensor(&prototypes).set_requires_grad(true)];
        balanced_contrastive_loss(&inputs[0], &Tensor::from_slice(&LABELS), &inputs[1], TEMPERATURE)
            .unwrap()
            .backward();
        for (which, input) in inputs.iter().enumerate() {
            let gradient = Vec::<f64>::try_from(input.grad().flatten(0, -1)).unwrap();
            for (at, &found) in gradient.iter().enumerate() {
                let moved = |by: f64| {
                    let mut rows = [features.clone(), prototypes.clone()];
                    rows[which][at / 3][at % 3] += by;
                    value(&rows[0], &rows[1])
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((found - difference).abs() < 1e-8, "{which}, {at}: {found} for {difference}");
            }
        }
    }
}
