//! The last layer of a network: features [B, D] to logits [B, K], in float32.

use tch::{Tensor, nn};

use car_spectral_runs::settings::Classifier;

#[derive(Debug)]
pub(super) enum Head {
    Linear(nn::Linear),
    /// Weights [K, D] and the scale.
    Cosine(Tensor, f64),
}

impl Head {
    /// `weight` [K, D] and, of a linear classifier, `bias` [K] below `path`.
    pub(super) fn new(
        path: nn::Path,
        features: i64,
        classes: i64,
        classifier: Classifier,
        config: nn::LinearConfig,
    ) -> Self {
        match classifier {
            Classifier::Linear => Self::Linear(nn::linear(path, features, classes, config)),
            Classifier::Cosine { scale } => {
                Self::Cosine(path.var("weight", &[classes, features], config.ws_init), f64::from(scale))
            }
        }
    }

    /// Weights [K, D].
    pub(super) fn class_weights(&self) -> &Tensor {
        match self {
            Self::Linear(linear) => &linear.ws,
            Self::Cosine(weight, _) => weight,
        }
    }

    pub(super) fn forward(&self, features: &Tensor) -> Tensor {
        match self {
            Self::Linear(linear) => features.apply(linear),
            Self::Cosine(weight, scale) => unit_rows(features).linear::<Tensor>(&unit_rows(weight), None) * *scale,
        }
    }
}

/// Weights of Kaiming's normal distribution, bias uniform in +-1/sqrt(D).
pub(super) fn kaiming() -> nn::LinearConfig {
    nn::LinearConfig { ws_init: nn::init::DEFAULT_KAIMING_NORMAL, ..Default::default() }
}

/// Rows divided by their length; a row of zeros stays.
fn unit_rows(x: &Tensor) -> Tensor {
    x / x.norm_scalaropt_dim(2, [1i64].as_slice(), true).clamp_min(1e-12)
}
