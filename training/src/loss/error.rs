use car_spectral::car::CarError;
use car_spectral::confusion::ConfusionError;
use tch::{Device, Kind, TchError};
use thiserror::Error;

/// A batch, an option or a stored state that CAR cannot use. Except after [`LossError::Torch`], the
/// moving average is as it was before the call.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum LossError {
    /// Logits that are not `[B, K]`.
    #[error("logits have shape {found:?}, expected [batch, {num_classes}]")]
    LogitsShape { found: Vec<i64>, num_classes: usize },
    /// Logits that are no floating-point numbers.
    #[error("logits are {found:?}, expected Float, Double, Half or BFloat16")]
    LogitsKind { found: Kind },
    /// Single-precision logits for a state in double precision.
    #[error(
        "logits are {found:?}, but the moving average is already in Double; convert the logits or start a new CarLoss"
    )]
    NarrowerLogits { found: Kind },
    /// A batch without samples.
    #[error("the batch is empty; CAR needs at least one sample")]
    EmptyBatch,
    /// A tensor that holds nothing, as `Tensor::new()`.
    #[error("the {what} are an undefined tensor")]
    Undefined { what: &'static str },
    /// Targets that are not int64.
    #[error("targets are {found:?}, expected Int64 class indices")]
    TargetsKind { found: Kind },
    /// Targets that are not one a sample.
    #[error("targets have shape {found:?}, expected [{samples}], one class index a sample")]
    TargetsShape { found: Vec<i64>, samples: i64 },
    /// Targets on another device than the logits.
    #[error("targets are on {targets:?}, logits on {logits:?}")]
    TargetsDevice { targets: Device, logits: Device },
    /// A target that is no class.
    #[error("the target of sample {sample} is {target}, expected 0 to {}", num_classes - 1)]
    TargetOutOfRange { sample: usize, target: i64, num_classes: usize },
    /// An infinite or NaN logit.
    #[error("the logit of sample {sample} for class {class} is {value}; has the training diverged?")]
    NonFiniteLogit { sample: usize, class: usize, value: f64 },
    /// Finite logits whose loss leaves the range of the kind computed in.
    #[error("{what} would be up to {value:e}, out of the range of {kind:?}")]
    Overflow { what: &'static str, value: f64, kind: Kind },
    /// A stored state of another loss, or a damaged one.
    #[error("state tensor `{name}`: {problem}")]
    State { name: String, problem: String },
    /// Options out of their range.
    #[error(transparent)]
    Options(#[from] CarError),
    /// Class counts from which no weights can be made.
    #[error(transparent)]
    Weights(#[from] ConfusionError),
    /// libtorch refused an operation, for want of memory for example.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
}
