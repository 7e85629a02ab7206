//! Gate times competition for each sample (D6).

use car_spectral::car::{Competition, Gate, SurrogateOptions};
use tch::{TchError, Tensor};

/// Leads of which the largest is below this count as none, so that 1 / lead stays in the range of
/// either kind.
const NO_LEAD: f64 = 1.0 / (1u128 << 100) as f64;

/// S `[B, K]`: S_qi = gate(d_i) competition_i(f_q), 0 at the sample's own class; differentiable by
/// the logits `[B, K]` through the parts that the options leave. `targets` `[B]` must lie in range.
pub(super) fn sample_surrogate(
    logits: &Tensor,
    targets: &Tensor,
    options: &SurrogateOptions,
) -> Result<Tensor, TchError> {
    let own_class = targets.f_unsqueeze(1)?;
    let own = logits.f_gather(1, &own_class, false)?;
    let competition = match options.competition {
        Competition::SoftmaxAll => softmax(logits, options.temperature)?,
        Competition::SoftmaxCompetitors => {
            softmax(&logits.f_scatter_value(1, &own_class, f64::NEG_INFINITY)?, options.temperature)?
        }
        Competition::Relu => {
            let baseline = if options.baseline_gradient { own.shallow_clone() } else { own.f_detach()? };
            let leads = logits.f_sub(&baseline)?.f_scatter_value(1, &own_class, 0.0)?.f_relu()?;
            // Over the largest, a constant, their sum cannot overflow, and the gradient of a single leader's share,
            // which is 1 whatever its lead, cancels exactly: 1/1 - 1/1.
            let largest = leads.f_detach()?.f_amax(1, true)?;
            let no_lead = largest.f_lt(NO_LEAD)?;
            let leads = leads.f_div(&largest.f_masked_fill(&no_lead, f64::INFINITY)?)?;
            leads.f_div(&leads.f_sum_dim_intlist(1, true, None)?.f_masked_fill(&no_lead, 1.0)?)?
        }
    };
    let shifted = || logits.f_sub(&own.f_sub_scalar(options.margin)?);
    let gate = match options.gate {
        Gate::Sigmoid => Some(shifted()?.f_sigmoid()?),
        Gate::Relu => Some(shifted()?.f_relu()?),
        Gate::One => None,
    };
    let product = match gate {
        Some(gate) if options.gate_gradient => competition.f_mul(&gate)?,
        Some(gate) => competition.f_mul(&gate.f_detach()?)?,
        None => competition,
    };
    match options.competition {
        Competition::SoftmaxAll => product.f_scatter_value(1, &own_class, 0.0),
        // Its competition is 0 already.
        Competition::SoftmaxCompetitors | Competition::Relu => Ok(product),
    }
}

fn softmax(logits: &Tensor, temperature: f64) -> Result<Tensor, TchError> {
    if temperature == 1.0 {
        return logits.f_softmax(1, logits.kind());
    }
    // Below the largest, what the quotient may overflow to is -inf, whose share is 0.
    let below = logits.f_sub(&logits.f_detach()?.f_amax(1, true)?)?;
    below.f_div_scalar(temperature)?.f_softmax(1, logits.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    const ROW: [f64; 3] = [0.4, -0.3, 0.9];
    const OWN: usize = 1;

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn options(gate: Gate, competition: Competition) -> SurrogateOptions {
        SurrogateOptions {
            margin: 0.2,
            temperature: 1.5,
            gate,
            competition,
            gate_gradient: true,
            baseline_gradient: true,
        }
    }

    fn row(logits: &Tensor, options: &SurrogateOptions) -> Tensor {
        sample_surrogate(logits, &Tensor::from_slice(&[OWN as i64]), options).unwrap()
    }

    #[test]
    fn every_gate_and_competition_by_hand() {
        let leads = ROW.map(|score| score - ROW[OWN]);
        for gate in [Gate::Sigmoid, Gate::One, Gate::Relu] {
            for competition in [Competition::SoftmaxAll, Competition::SoftmaxCompetitors, Competition::Relu] {
                let found = row(&Tensor::from_slice(&ROW).view([1, 3]), &options(gate, competition));
                let found = Vec::<f64>::try_from(found.view([3])).unwrap();
                let total: f64 = (0..3)
                    .map(|k| match competition {
                        Competition::SoftmaxAll => (ROW[k] / 1.5).exp(),
                        Competition::SoftmaxCompetitors if k != OWN => (ROW[k] / 1.5).exp(),
                        Competition::Relu => leads[k].max(0.0),
                        _ => 0.0,
                    })
                    .sum();
                for i in 0..3 {
                    let share = match competition {
                        Competition::Relu => leads[i].max(0.0) / total,
                        _ => (ROW[i] / 1.5).exp() / total,
                    };
                    let gate = match gate {
                        Gate::Sigmoid => sigmoid(0.2 + leads[i]),
                        Gate::One => 1.0,
                        Gate::Relu => (0.2 + leads[i]).max(0.0),
                    };
                    let expected = if i == OWN { 0.0 } else { gate * share };
                    assert!((found[i] - expected).abs() < 1e-15, "{gate:?} {competition:?} {i}");
                }
            }
        }
    }

    /// d S_i / d f for one i, with the gate differentiated and not.
    #[test]
    fn a_constant_gate_leaves_the_gradient_of_the_competition() {
        let gradient = |options: SurrogateOptions| {
            let logits = Tensor::from_slice(&ROW).view([1, 3]).set_requires_grad(true);
            row(&logits, &options).get(0).get(2).backward();
            Vec::<f64>::try_from(logits.grad().view([3])).unwrap()
        };
        let whole = options(Gate::Sigmoid, Competition::SoftmaxAll);
        let constant = SurrogateOptions { gate_gradient: false, ..whole };
        let share_alone = gradient(options(Gate::One, Competition::SoftmaxAll));
        let gate = sigmoid(0.2 + ROW[2] - ROW[OWN]);
        let total: f64 = ROW.iter().map(|score| (score / 1.5).exp()).sum();
        let slope = gate * (1.0 - gate) * (ROW[2] / 1.5).exp() / total;
        for (class, own_slope) in [0.0, -slope, slope].into_iter().enumerate() {
            let (whole, constant) = (gradient(whole)[class], gradient(constant)[class]);
            assert!((constant - gate * share_alone[class]).abs() < 1e-15);
            assert!((whole - constant - own_slope).abs() < 1e-15);
        }
    }

    /// leads 0.7 and 1.2: share of the second 1.2/1.9.
    #[test]
    fn a_constant_baseline_leaves_the_gradient_of_the_competitors() {
        for (baseline_gradient, own) in [(true, (1.2 - 0.7) / (1.9 * 1.9)), (false, 0.0)] {
            let logits = Tensor::from_slice(&ROW).view([1, 3]).set_requires_grad(true);
            let options = SurrogateOptions { baseline_gradient, ..options(Gate::One, Competition::Relu) };
            row(&logits, &options).get(0).get(2).backward();
            let gradient = Vec::<f64>::try_from(logits.grad().view([3])).unwrap();
            let expected = [-1.2 / (1.9 * 1.9), own, 0.7 / (1.9 * 1.9)];
            for (found, expected) in gradient.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-14, "{gradient:?}");
            }
        }
    }

    #[test]
    fn a_single_leader_has_no_gradient_whatever_its_lead() {
        for kind in [Kind::Float, Kind::Double] {
            for lead in [1e-20, 1e-7, 0.1, 0.7, 3.0, 1e30] {
                for upstream in [0.3, 0.7, 1.0, 1.1] {
                    for row in [&[lead, 0.0][..], &[-0.3, 0.0, lead], &[lead, 0.0, -0.1, 0.0]] {
                        let logits = Tensor::from_slice(row).view([1, -1]).to_kind(kind).set_requires_grad(true);
                        let samples = self::row(&logits, &options(Gate::One, Competition::Relu));
                        assert_eq!(samples.max().double_value(&[]), 1.0);
                        (samples.sum(kind) * upstream).backward();
                        assert_eq!(logits.grad().abs().max().double_value(&[]), 0.0, "{kind:?} {row:?} {upstream}");
                    }
                }
            }
        }
    }

    #[test]
    fn leads_whose_sum_overflows_are_shared() {
        let logits = Tensor::from_slice(&[1e38f32, -1.0, 1e38, 1e38, 1e38]).view([1, 5]);
        let shares = row(&logits, &options(Gate::One, Competition::Relu));
        assert_eq!(Vec::<f64>::try_from(shares.view([5])).unwrap(), [0.25, 0.0, 0.25, 0.25, 0.25]);
    }

    #[test]
    fn a_cold_softmax_of_large_logits_is_finite() {
        for competition in [Competition::SoftmaxAll, Competition::SoftmaxCompetitors] {
            let options = SurrogateOptions { temperature: 1e-6, ..options(Gate::One, competition) };
            let logits = Tensor::from_slice(&[1e37f32, 1.0, 2e37]).view([1, 3]).set_requires_grad(true);
            let shares = row(&logits, &options);
            shares.get(0).get(2).backward();
            assert_eq!(Vec::<f64>::try_from(shares.view([3])).unwrap(), [0.0, 0.0, 1.0]);
            assert_eq!(logits.grad().abs().max().double_value(&[]), 0.0);
        }
    }

    #[test]
    fn a_lead_at_the_edge_of_the_range_has_a_finite_gradient() {
        for (kind, lead) in [(Kind::Float, 1e-44), (Kind::Float, 1e-30), (Kind::Double, 1e-310), (Kind::Double, 0.0)] {
            let logits = Tensor::from_slice(&[lead, 0.0, -1.0]).view([1, 3]).to_kind(kind).to_device(Device::Cpu);
            let logits = logits.set_requires_grad(true);
            let samples = row(&logits, &options(Gate::Sigmoid, Competition::Relu));
            samples.sum(kind).backward();
            assert_eq!((samples.isfinite().all() * logits.grad().isfinite().all()).int64_value(&[]), 1, "{lead:e}");
        }
    }
}
