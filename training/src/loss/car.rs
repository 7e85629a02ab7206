use std::collections::BTreeMap;

use car_spectral::car::{CarOptions, EmaColumns, EmaOptions, EmaStart, PenaltyNorm};
use car_spectral::confusion::ClassWeights;
use tch::{Device, Kind, Reduction, TchError, Tensor, no_grad};

use super::LossError;
use super::moving_average::{ConfusionEma, MOST_BATCHES, Seen};
use super::penalty::penalty_pairs;
use super::surrogate::sample_surrogate;

/// Names of the state's tensors.
const EMA: &str = "ema";
const LEFT: &str = "left";
const BATCHES: &str = "batches";
const OCCURRENCES: &str = "occurrences";
const EMA_OPTIONS: &str = "ema_options";

/// The options that a stored average was made under, as numbers.
fn numbered(options: &EmaOptions) -> [(&'static str, f64); 3] {
    let start = match options.start {
        EmaStart::Zero => 0.0,
        EmaStart::FirstBatch => 1.0,
        EmaStart::BiasCorrected => 2.0,
    };
    let columns = match options.columns {
        EmaColumns::All => 0.0,
        EmaColumns::Present => 1.0,
    };
    [("beta", options.beta), ("start", start), ("columns", columns)]
}

/// Cross-entropy with CAR for K classes, with the moving average it carries from batch to batch.
///
/// ```no_run
/// use car_spectral::car::CarOptions;
/// use car_spectral_training::loss::CarLoss;
/// use tch::{Device, Kind, Tensor};
///
/// let mut loss = CarLoss::new(&[500, 50, 5], CarOptions::paper())?;
/// # let logits = Tensor::zeros([8, 3], (Kind::Float, Device::Cpu));
/// # let targets = Tensor::zeros([8], (Kind::Int64, Device::Cpu));
/// let (total, parts) = loss.forward(&logits, &targets)?;
/// total.backward();
/// println!("cross-entropy {:.3}", parts.cross_entropy.double_value(&[]));
/// # Ok::<(), car_spectral_training::loss::LossError>(())
/// ```
///
/// **Kinds and devices.** Everything is computed where the logits are, in their kind; Half and
/// BFloat16 logits are raised to Float. The state follows the logits to another device, and from
/// Float to Double; single-precision logits for a Double state are refused.
///
/// **Synchronisations with the host.** One for the check of the batch, and one for each look at the
/// Lanczos process: two or three a step from a warm start.
///
/// **Accuracy.** The value is sigma = uᵀ M v of unit vectors with Mᵀ u = sigma v and a residual ‖M
/// v - sigma u‖ of at most 1e-12 sigma in Double and 2e-6 sigma in Float, beyond rounding. That
/// puts *a* singular value of M = C̄Λ within the residual of sigma, and sigma never above sigma_1;
/// where a hundred values or more crowd just below sigma_1 it may be lower than the residual says.
/// There Lanczos also ends after 1000 steps with the pair it has, whatever its residual, and no
/// word of it: with 150 singular values within 4e-4 of sigma_1 a value in Double was seen 4e-7 too
/// small.
///
/// Of the history, entries below 1.2e-34 (Float) or 2.2e-304 (Double) become 0, and sigma_1 below
/// those has few digits. A relu competition whose largest lead is below 2^-100 counts as one
/// without leads.
///
/// **Other norms.** [`PenaltyNorm::KyFan`] takes a full decomposition a step; singular values below
/// 1e-8 (Double) or 1e-5 (Float) of sigma_1 have no part in its gradient.
///
/// **Repeatability.** On the CPU a run repeats bit for bit for a number of threads. On CUDA
/// `index_add` adds samples of one class in no fixed order, so the last digits may differ.
#[derive(Debug)]
pub struct CarLoss {
    options: CarOptions,
    weights: ClassWeights,
    state: Option<State>,
}

/// The parts of one step's loss, detached scalars on the logits' device: reading them is what
/// synchronises.
#[derive(Debug)]
pub struct CarParts {
    /// Mean cross-entropy of the batch.
    pub cross_entropy: Tensor,
    /// ‖C̄Λ‖₂, or the other norm that the options name, without alpha.
    pub spectral: Tensor,
}

/// What a step leaves to the next.
#[derive(Debug)]
struct State {
    ema: ConfusionEma,
    /// lambda `[K]`.
    weights: Tensor,
    /// u of the last step `[K]`, from which Lanczos starts; 0 for another norm than the spectral
    /// one.
    left: Tensor,
}

impl State {
    fn to(&self, kind: Kind, device: Device) -> Result<Self, TchError> {
        Ok(Self {
            ema: self.ema.to(kind, device)?,
            weights: self.weights.f_to_device(device)?.f_to_kind(kind)?,
            left: self.left.f_to_device(device)?.f_to_kind(kind)?,
        })
    }
}

fn state_error(name: &str, problem: String) -> LossError {
    LossError::State { name: name.to_owned(), problem }
}

/// A batch that passed all checks.
struct Batch {
    /// S `[B, K]`, in the kind computed in, attached to the logits given.
    samples: Tensor,
    /// Where it was asked for.
    cross_entropy: Option<Tensor>,
}

impl CarLoss {
    /// A loss for classes with `class_counts` `[K]` training samples, its moving average empty.
    ///
    /// # Errors
    /// [`LossError::Options`]; [`LossError::Weights`] for fewer than two classes, and for counts
    /// and an r0 that leave a class without a weight.
    pub fn new(class_counts: &[u64], options: CarOptions) -> Result<Self, LossError> {
        options.check()?;
        options.norm.check(class_counts.len())?;
        let weights = ClassWeights::new(class_counts, options.r0, options.weights)?;
        Ok(Self { options, weights, state: None })
    }

    /// Mean cross-entropy + alpha ‖C̄Λ‖₂ of logits `[B, K]` and targets `[B]` (int64): a scalar,
    /// differentiable by the logits. The batch enters the moving average first. Targets to be
    /// ignored (-100) are not known here.
    ///
    /// # Errors
    /// [`LossError`] for a batch that does not fit, naming the sample where there is one; the
    /// moving average is then as before, also after [`LossError::Overflow`] for finite logits whose
    /// cross-entropy is not. After [`LossError::Torch`] it may hold the batch or a part of it.
    pub fn forward(&mut self, logits: &Tensor, targets: &Tensor) -> Result<(Tensor, CarParts), LossError> {
        let mut batch = self.check(logits, targets, true)?;
        let cross_entropy = batch.cross_entropy.take().expect("it was asked for");
        let spectral = self.step(&batch, targets)?;
        let parts = CarParts { cross_entropy: cross_entropy.f_detach()?, spectral: spectral.f_detach()? };
        Ok((cross_entropy.f_add(&spectral.f_mul_scalar(self.options.alpha)?)?, parts))
    }

    /// ‖C̄Λ‖₂ alone, **not** times alpha, to add to any other loss: a scalar, differentiable by the
    /// logits. Takes the batch into the moving average, so call either this or
    /// [`CarLoss::forward`], once a batch.
    ///
    /// The gradient is 0 where the batch enters as a constant (`EmaStart::FirstBatch`) and where
    /// C̄ = 0.
    pub fn regulariser(&mut self, logits: &Tensor, targets: &Tensor) -> Result<Tensor, LossError> {
        let batch = self.check(logits, targets, false)?;
        self.step(&batch, targets)
    }

    /// C̄ as the last step used it, bias-corrected if the options say so: a copy `[K, K]`, row =
    /// predicted class, column = true class, in the kind and on the device of the logits; zeros
    /// (Float, CPU) before the first batch.
    pub fn ema(&self) -> Tensor {
        no_grad(|| match &self.state {
            Some(state) => state.ema.matrix().expect("K x K numbers can be scaled"),
            None => Tensor::zeros([self.num_classes(); 2], (Kind::Float, Device::Cpu)),
        })
    }

    /// A copy of everything a step leaves to the next:
    ///
    /// | tensor | shape | holds |
    /// | --- | --- | --- |
    /// | `ema` | `[K, K]` | C̄ before bias correction, row = predicted class |
    /// | `left` | `[K]` | the left singular vector from which the next step starts |
    /// | `batches` | `[]`, int64 | batches so far; with `EmaColumns::All` |
    /// | `occurrences` | `[K]`, int64 | batches with class j so far; with `EmaColumns::Present` |
    /// | `ema_options` | `[3]`, Double | beta; start (0 zero, 1 first batch, 2 bias-corrected); columns (0 all, 1 present) |
    ///
    /// Numbers of batches stop at 2^53. Given back by [`CarLoss::set_state`] to a loss made alike,
    /// training goes on bit for bit.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let fresh;
        let state = match &self.state {
            Some(state) => state,
            None => {
                fresh = self.fresh(Kind::Float, Device::Cpu).expect("K x K zeros can be made");
                &fresh
            }
        };
        let (name, seen) = match &state.ema.seen {
            Seen::Batches(batches) => (BATCHES, Tensor::from(*batches).to_device(state.ema.device())),
            Seen::Occurrences(occurrences) => (OCCURRENCES, occurrences.copy()),
        };
        let options = Tensor::from_slice(&numbered(&self.options.ema).map(|(_, number)| number));
        let matrix = state.ema.by_true_class.transpose(0, 1).contiguous().copy();
        [(EMA, matrix), (LEFT, state.left.copy()), (name, seen), (EMA_OPTIONS, options)]
            .into_iter()
            .map(|(name, tensor)| (name.to_owned(), tensor))
            .collect()
    }

    /// Puts what [`CarLoss::state`] gave back. All or nothing.
    ///
    /// # Errors
    /// [`LossError::State`] naming the first tensor that is missing, left over, of another shape or
    /// kind, or holds what no batches leave behind: numbers that are negative, not finite or out of
    /// range, confusion on the diagonal or in a column without batches, more than 2^53 batches, a
    /// `left` of a norm other than 0 and 1; and naming the option of the average that the state was
    /// saved under another value of.
    pub fn set_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), LossError> {
        let read = no_grad(|| self.read(state))?;
        self.state = Some(read);
        Ok(())
    }

    /// The options.
    pub fn options(&self) -> &CarOptions {
        &self.options
    }

    /// lambda_j.
    pub fn class_weights(&self) -> &ClassWeights {
        &self.weights
    }

    fn num_classes(&self) -> i64 {
        self.weights.values().len() as i64
    }

    fn largest_weight(&self) -> f64 {
        self.weights.values().iter().copied().fold(0.0, f64::max)
    }

    fn fresh(&self, kind: Kind, device: Device) -> Result<State, TchError> {
        let num_classes = self.num_classes();
        Ok(State {
            ema: ConfusionEma::new(self.options.ema, num_classes, kind, device)?,
            weights: Tensor::f_from_slice(self.weights.values())?.f_to_kind(kind)?.f_to_device(device)?,
            left: Tensor::f_zeros([num_classes], (kind, device))?,
        })
    }

    /// Everything that can be wrong with a batch, in one synchronisation.
    fn check(&self, logits: &Tensor, targets: &Tensor, with_cross_entropy: bool) -> Result<Batch, LossError> {
        for (what, tensor) in [("logits", logits), ("targets", targets)] {
            if !tensor.defined() {
                return Err(LossError::Undefined { what });
            }
        }
        let num_classes = self.num_classes();
        let samples = match logits.size().as_slice() {
            &[samples, classes] if classes == num_classes => samples,
            found => {
                return Err(LossError::LogitsShape { found: found.to_vec(), num_classes: num_classes as usize });
            }
        };
        if samples == 0 {
            return Err(LossError::EmptyBatch);
        }
        let kind = match logits.kind() {
            Kind::Float | Kind::Half | Kind::BFloat16 => Kind::Float,
            Kind::Double => Kind::Double,
            found => return Err(LossError::LogitsKind { found }),
        };
        if kind == Kind::Float && self.state.as_ref().is_some_and(|state| state.ema.kind() == Kind::Double) {
            return Err(LossError::NarrowerLogits { found: logits.kind() });
        }
        if targets.kind() != Kind::Int64 {
            return Err(LossError::TargetsKind { found: targets.kind() });
        }
        if targets.size() != [samples] {
            return Err(LossError::TargetsShape { found: targets.size(), samples });
        }
        if targets.device() != logits.device() {
            return Err(LossError::TargetsDevice { targets: targets.device(), logits: logits.device() });
        }
        let logits = logits.f_to_kind(kind)?;
        // Clamped, wrong targets cannot fail on the device before they are reported here.
        let clamped = targets.f_clamp(0, num_classes - 1)?;
        let surrogate = sample_surrogate(&logits, &clamped, &self.options.surrogate)?;
        let cross_entropy = with_cross_entropy
            .then(|| logits.f_cross_entropy_loss::<Tensor>(&clamped, None, Reduction::Mean, -100, 0.0))
            .transpose()?;
        let findings = no_grad(|| {
            // A NaN is its own minimum and maximum.
            let (smallest, largest) = logits.f_detach()?.f_aminmax(None, false)?;
            let in_range = clamped.f_eq_tensor(targets)?.f_all()?;
            // Any number where it was not asked for.
            let cross_entropy = cross_entropy.as_ref().unwrap_or(&smallest);
            let findings = [&smallest, &largest, &surrogate.f_max()?, &in_range.f_to_kind(kind)?, cross_entropy];
            Vec::<f64>::try_from(Tensor::f_stack(&findings, 0)?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?)
        })?;
        let [smallest_logit, largest_logit, largest, in_range, found_cross_entropy] = findings[..] else {
            unreachable!("five numbers were stacked")
        };
        if !(smallest_logit.is_finite() && largest_logit.is_finite()) {
            return Err(no_grad(|| non_finite_logit(&logits)));
        }
        if in_range == 0.0 {
            return Err(no_grad(|| target_out_of_range(targets, num_classes)));
        }
        let spectral = self.check_range(largest, kind)?;
        if with_cross_entropy {
            in_range_of(kind, "the loss", found_cross_entropy + self.options.alpha * spectral)?;
        }
        Ok(Batch { samples: surrogate, cross_entropy })
    }

    /// No product of an entry of C̄, which is an average of entries up to `largest`, a weight and a
    /// unit vector overflows. Gives the bound on them all, and on the norm.
    fn check_range(&self, largest: f64, kind: Kind) -> Result<f64, LossError> {
        let bound = if largest.is_nan() { largest } else { largest.max(1.0) };
        let parts = if let PenaltyNorm::KyFan { order } = self.options.norm { order } else { 1 };
        in_range_of(
            kind,
            "the spectral term",
            bound * self.largest_weight() * (self.num_classes() * parts as i64) as f64,
        )
    }

    /// Moves the average and gives the spectral term.
    fn step(&mut self, batch: &Batch, targets: &Tensor) -> Result<Tensor, LossError> {
        let (kind, device) = (batch.samples.kind(), batch.samples.device());
        let state = match self.state.take() {
            Some(state) if state.ema.kind() == kind && state.ema.device() == device => state,
            Some(state) => no_grad(|| state.to(kind, device)).inspect_err(|_| self.state = Some(state))?,
            None => no_grad(|| self.fresh(kind, device))?,
        };
        let state = self.state.insert(state);
        let (value, direction) = no_grad(|| {
            let gradient = state.ema.update(&batch.samples.f_detach()?, targets)?;
            let weights = state.ema.corrected(&state.weights)?;
            let pairs = penalty_pairs(self.options.norm, &state.ema.by_true_class, &weights, &state.left)?;
            let Some(pairs) = pairs else {
                return Ok::<_, TchError>((Tensor::f_zeros([0i64; 0], (kind, device))?, None));
            };
            let coefficients = weights.f_mul(&pairs.right)?.f_index_select(1, targets)?.f_mul(&gradient)?;
            if self.options.norm == PenaltyNorm::Spectral {
                state.left = pairs.left.f_select(0, 0)?;
            }
            Ok((pairs.value, Some((coefficients, pairs.left))))
        })?;
        let pairing = match direction {
            Some((coefficients, left)) => {
                batch.samples.f_mm(&left.f_transpose(0, 1)?)?.f_mul(&coefficients.f_transpose(0, 1)?)?.f_sum(kind)?
            }
            None => batch.samples.f_sum(kind)?.f_mul_scalar(0.0)?,
        };
        Ok(value.f_add(&pairing.f_sub(&pairing.f_detach()?)?)?)
    }

    /// Refuses a state that was saved under other options of the average; first, because other
    /// columns come with another tensor.
    fn check_ema_options(&self, found: &Tensor) -> Result<(), LossError> {
        if found.kind() != Kind::Double {
            return Err(state_error(EMA_OPTIONS, format!("{:?}, expected Double", found.kind())));
        }
        for ((option, expected), found) in numbered(&self.options.ema).into_iter().zip(Vec::<f64>::try_from(found)?) {
            if found != expected {
                let problem = format!("saved under {option} {found}, this loss has {expected}");
                return Err(state_error(EMA_OPTIONS, problem));
            }
        }
        Ok(())
    }

    fn read(&self, tensors: &BTreeMap<String, Tensor>) -> Result<State, LossError> {
        let seen_name = match self.options.ema.columns {
            EmaColumns::All => BATCHES,
            EmaColumns::Present => OCCURRENCES,
        };
        let wrong = state_error;
        let get = |name: &str, shape: &[i64]| {
            let tensor = tensors.get(name).filter(|tensor| tensor.defined());
            let tensor = tensor.ok_or_else(|| wrong(name, "missing".to_owned()))?;
            if tensor.size() != shape {
                return Err(wrong(name, format!("shape {:?}, expected {shape:?}", tensor.size())));
            }
            Ok(tensor)
        };
        self.check_ema_options(get(EMA_OPTIONS, &[numbered(&self.options.ema).len() as i64])?)?;
        let names = [EMA, LEFT, seen_name, EMA_OPTIONS];
        if let Some(name) = tensors.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(wrong(name, format!("not of this loss, which has `{}`", names.join("`, `"))));
        }
        let num_classes = self.num_classes();
        let ema = get(EMA, &[num_classes; 2])?;
        let (kind, device) = (ema.kind(), ema.device());
        if ![Kind::Float, Kind::Double].contains(&kind) {
            return Err(wrong(EMA, format!("{kind:?}, expected Float or Double")));
        }
        let left = get(LEFT, &[num_classes])?;
        if left.kind() != kind {
            return Err(wrong(LEFT, format!("{:?}, expected {kind:?} as `{EMA}`", left.kind())));
        }
        for (name, tensor) in [(EMA, ema), (LEFT, left)] {
            if tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
                return Err(wrong(name, "holds a number that is not finite".to_owned()));
            }
        }
        if ema.f_min()?.f_double_value(&[])? < 0.0 {
            return Err(wrong(EMA, "holds a negative entry".to_owned()));
        }
        if ema.f_diagonal(0, 0, 1)?.f_max()?.f_double_value(&[])? > 0.0 {
            return Err(wrong(EMA, "holds confusion of a class with itself, on the diagonal".to_owned()));
        }
        // Not a guess of any size: Lanczos would start from it alone, or from an overflow.
        let norm = left.f_to_kind(Kind::Double)?.f_norm()?.f_double_value(&[])?;
        if norm != 0.0 && (norm - 1.0).abs() > 1e-3 {
            return Err(wrong(LEFT, format!("norm {norm:e}, expected 1, or 0 before the first confusion")));
        }
        let shape: &[i64] = if seen_name == BATCHES { &[] } else { &[num_classes] };
        let seen = get(seen_name, shape)?;
        if seen.kind() != Kind::Int64 {
            return Err(wrong(seen_name, format!("{:?}, expected Int64", seen.kind())));
        }
        if seen.f_min()?.f_int64_value(&[])? < 0 {
            return Err(wrong(seen_name, "holds a negative number".to_owned()));
        }
        let most = seen.f_max()?.f_int64_value(&[])?;
        if most > MOST_BATCHES {
            return Err(wrong(seen_name, format!("{most} batches, expected at most 2^53")));
        }
        let never = seen.f_to_device(device)?.f_eq(0)?;
        if ema.f_amax(0, false)?.f_gt(0)?.f_logical_and(&never)?.f_any()?.f_int64_value(&[])? != 0 {
            return Err(wrong(seen_name, format!("0 batches for a column of `{EMA}` that holds confusion")));
        }
        let mut state = self.fresh(kind, device)?;
        state.ema.by_true_class.f_copy_(&ema.f_transpose(0, 1)?)?;
        state.left.f_copy_(left)?;
        match &mut state.ema.seen {
            Seen::Batches(batches) => *batches = seen.f_int64_value(&[])?,
            Seen::Occurrences(occurrences) => occurrences.f_copy_(seen)?,
        }
        // As it is used, after bias correction.
        let largest = state.ema.matrix()?.f_max()?.f_double_value(&[])?;
        self.check_range(largest, kind).map_err(|error| wrong(EMA, error.to_string()))?;
        Ok(state)
    }
}

/// `value`, if a tensor of this kind can hold it.
fn in_range_of(kind: Kind, what: &'static str, value: f64) -> Result<f64, LossError> {
    let limit = if kind == Kind::Double { f64::MAX } else { f64::from(f32::MAX) };
    if value.is_nan() || value > limit {
        return Err(LossError::Overflow { what, value, kind });
    }
    Ok(value)
}

fn non_finite_logit(logits: &Tensor) -> LossError {
    let find = || -> Result<LossError, TchError> {
        let at = logits.f_isfinite()?.f_logical_not()?.f_flatten(0, -1)?.f_to_kind(Kind::Int)?;
        let at = at.f_argmax(0, false)?.f_int64_value(&[])?;
        let (sample, class) = (at / logits.size()[1], at % logits.size()[1]);
        let value = logits.f_double_value(&[sample, class])?;
        Ok(LossError::NonFiniteLogit { sample: sample as usize, class: class as usize, value })
    };
    find().unwrap_or_else(LossError::Torch)
}

fn target_out_of_range(targets: &Tensor, num_classes: i64) -> LossError {
    match Vec::<i64>::try_from(targets) {
        Ok(targets) => {
            let sample = targets.iter().position(|target| !(0..num_classes).contains(target));
            let sample = sample.expect("a target was found to be out of range");
            LossError::TargetOutOfRange { sample, target: targets[sample], num_classes: num_classes as usize }
        }
        Err(error) => LossError::Torch(error),
    }
}

#[cfg(test)]
mod tests;
