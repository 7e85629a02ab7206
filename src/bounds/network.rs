//! Facts on a network that T3 needs: the norms and shapes of its layers, and how large an input can
//! be.

use super::BoundError;
use super::NotApplicable;
use super::error::{check_not_empty, check_value};

/// One weight matrix W_l of a bias-free network (rows = outputs). A convolution is the matrix of
/// its unrolled feature map, and all four numbers are that matrix's, not the kernel's.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerNorms {
    /// A **certified upper bound** of ‖W_l‖₂. The value of a power iteration is a lower bound and
    /// is not allowed.
    pub spectral_upper: f64,
    /// ‖W_l‖_F.
    pub frobenius: f64,
    /// Number of outputs.
    pub rows: usize,
    /// Number of inputs.
    pub columns: usize,
}

/// f(x) = W_d relu(W_{d-1} ... relu(W_1 x)): a plain bias-free ReLU network.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasFreeReluNetwork {
    layers: Vec<LayerNorms>,
    input_bound: f64,
}

impl BiasFreeReluNetwork {
    /// Takes the layers from input to output, and B = `input_bound` >= ‖x‖₂ for **every** input
    /// there can be: from the pixel range and the fixed normalisation, never the largest norm seen
    /// in training.
    ///
    /// # Errors
    /// [`BoundError::Empty`] without layers; [`BoundError::Layer`] for a norm that is negative or
    /// not finite or an empty shape; [`BoundError::LayerShape`] if a layer's rows are not the next
    /// one's columns; [`BoundError::Value`] for B that is not positive and finite.
    pub fn new(layers: Vec<LayerNorms>, input_bound: f64) -> Result<Self, BoundError> {
        check_not_empty("layers", layers.len())?;
        let is_bound = input_bound > 0.0 && input_bound.is_finite();
        check_value(is_bound, "input bound B", input_bound, "positive and finite")?;
        for (layer, norms) in layers.iter().enumerate() {
            for (what, value) in
                [("upper bound of the spectral norm", norms.spectral_upper), ("Frobenius norm", norms.frobenius)]
            {
                if !(value >= 0.0 && value.is_finite()) {
                    return Err(BoundError::Layer { layer, what, value, requirement: "finite and not negative" });
                }
            }
            for (what, value) in [("rows", norms.rows), ("columns", norms.columns)] {
                if value == 0 {
                    return Err(BoundError::Layer { layer, what, value: 0.0, requirement: "at least 1" });
                }
            }
            if let Some(next) = layers.get(layer + 1)
                && next.columns != norms.rows
            {
                return Err(BoundError::LayerShape { layer, rows: norms.rows, expected: next.columns });
            }
        }
        Ok(Self { layers, input_bound })
    }

    /// The layers, input first.
    pub fn layers(&self) -> &[LayerNorms] {
        &self.layers
    }

    /// B.
    pub fn input_bound(&self) -> f64 {
        self.input_bound
    }

    /// d, the number of layers.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// h: the largest of all layers' rows and columns, so of the input dimension and K too.
    pub fn width(&self) -> usize {
        self.layers.iter().map(|layer| layer.rows.max(layer.columns)).max().unwrap_or(1)
    }

    /// s_l = min(spectral_upper, ‖W_l‖_F) of each layer. Both are upper bounds of ‖W_l‖₂, and with
    /// the smaller ‖W̃_l‖_F >= beta holds, which the lower bound on KL_j needs.
    pub fn spectral_bounds(&self) -> impl Iterator<Item = f64> + '_ {
        self.layers.iter().map(|layer| layer.spectral_upper.min(layer.frobenius))
    }

    /// ln of prod_l s_l = ln beta^d; minus infinity if a layer is zero. A logarithm, since the
    /// product of a deep network can overflow.
    pub fn ln_spectral_product(&self) -> f64 {
        self.spectral_bounds().map(f64::ln).sum()
    }
}

/// The architecture of a model, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Architecture {
    /// Plain, bias-free, ReLU: T3 applies.
    BiasFreeRelu(BiasFreeReluNetwork),
    /// A network with skip connections.
    Residual,
    /// A network with batch, layer or group normalisation.
    Normalised,
    /// A network with biases.
    Biased,
    /// A network with attention.
    Attention,
    /// An architecture that is not known, as for stored predictions.
    Unknown,
}

impl Architecture {
    /// The network T3 is about, or why there is none.
    ///
    /// # Errors
    /// The reason, as a sentence for the report.
    pub fn bias_free_relu(&self) -> Result<&BiasFreeReluNetwork, NotApplicable> {
        match self {
            Architecture::BiasFreeRelu(network) => Ok(network),
            Architecture::Residual => Err(NotApplicable::ResidualNetwork),
            Architecture::Normalised => Err(NotApplicable::NormalisedNetwork),
            Architecture::Biased => Err(NotApplicable::BiasedNetwork),
            Architecture::Attention => Err(NotApplicable::AttentionNetwork),
            Architecture::Unknown => Err(NotApplicable::UnknownArchitecture),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYER: LayerNorms = LayerNorms { spectral_upper: 2.0, frobenius: 3.0, rows: 4, columns: 5 };

    #[test]
    fn width_and_bounds() {
        let last = LayerNorms { spectral_upper: 9.0, frobenius: 1.0, rows: 2, columns: 4 };
        let network = BiasFreeReluNetwork::new(vec![LAYER, last], 3.0).unwrap();
        assert_eq!((network.depth(), network.width(), network.input_bound()), (2, 5, 3.0));
        assert_eq!(network.spectral_bounds().collect::<Vec<_>>(), [2.0, 1.0]);
        approx::assert_relative_eq!(network.ln_spectral_product(), 2.0_f64.ln());
    }

    #[test]
    fn bad_layers_are_named() {
        assert!(matches!(BiasFreeReluNetwork::new(vec![], 1.0), Err(BoundError::Empty { .. })));
        assert!(matches!(BiasFreeReluNetwork::new(vec![LAYER], 0.0), Err(BoundError::Value { .. })));
        let misfit = BiasFreeReluNetwork::new(vec![LAYER, LAYER], 1.0);
        assert_eq!(misfit.unwrap_err(), BoundError::LayerShape { layer: 0, rows: 4, expected: 5 });
        let nan = LayerNorms { frobenius: f64::NAN, ..LAYER };
        assert!(matches!(BiasFreeReluNetwork::new(vec![nan], 1.0), Err(BoundError::Layer { layer: 0, .. })));
        let empty = LayerNorms { columns: 0, ..LAYER };
        assert!(matches!(BiasFreeReluNetwork::new(vec![empty], 1.0), Err(BoundError::Layer { what: "columns", .. })));
    }
}
