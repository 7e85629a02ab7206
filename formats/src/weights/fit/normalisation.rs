//! Means and deviations of pixels that a network keeps beside its weights, to take them off its
//! input itself.

use std::collections::BTreeMap;

use crate::weights::{Tensor, TensorData};

/// Channels of an image, at most.
const MOST_CHANNELS: usize = 4;
/// What people put in front of `mean` and `std`.
const OF_PIXELS: [&str; 9] = ["", "pixel_", "image_", "img_", "input_", "data_", "norm_", "normalize_", "rgb_"];

/// Means and deviations in a file of weights.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptNormalisation {
    /// Names of the two tensors.
    pub names: [String; 2],
    /// Mean of each channel, or of all.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel, or of all.
    pub std: Vec<f64>,
}

/// The one pair of tensors `mean` and `std` of one module, of a number for each channel; none where
/// several differ.
pub fn kept_normalisation<'a>(tensors: impl Iterator<Item = (&'a String, &'a Tensor)>) -> Option<KeptNormalisation> {
    let tensors: BTreeMap<&str, Vec<f64>> =
        tensors.filter_map(|(name, tensor)| Some((name.as_str(), numbers(tensor)?))).collect();
    let mut pairs = tensors.iter().filter_map(|(name, mean)| {
        let other = deviation_of(name)?;
        let std = tensors.get(other.as_str()).filter(|std| std.iter().all(|&value| value > 0.0))?;
        let names = [(*name).to_owned(), other];
        Some(KeptNormalisation { names, mean: mean.clone(), std: std.clone() })
    });
    let first = pairs.next()?;
    pairs.next().is_none().then_some(first)
}

/// The name of the deviation beside that of a mean.
fn deviation_of(name: &str) -> Option<String> {
    let (module, last) = name.rsplit_once('.').map_or(("", name), |(module, last)| (module, last));
    let plain = last.trim_start_matches('_');
    let front = plain.strip_suffix("mean").filter(|front| OF_PIXELS.contains(front))?;
    let mark = &last[..last.len().saturating_sub(plain.len())];
    let other = format!("{mark}{front}std");
    Some(if module.is_empty() { other } else { format!("{module}.{other}") })
}

/// The numbers of a tensor that can have one for each channel.
fn numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    let is_one_axis = tensor.shape.iter().filter(|&&extent| extent != 1).count() <= 1;
    if !is_one_axis || tensor.data.is_empty() || tensor.data.len() > MOST_CHANNELS {
        return None;
    }
    match &tensor.data {
        TensorData::F32(values) => Some(values.iter().map(|&value| f64::from(value)).collect()),
        TensorData::F64(values) => Some(values.clone()),
        TensorData::I64(_) | TensorData::Bool(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ElementType;

    fn found(tensors: &[(&str, &[usize])]) -> Option<[String; 2]> {
        let tensor = |shape: &[usize]| Tensor {
            shape: shape.to_vec(),
            data: TensorData::F32(vec![0.5; shape.iter().product()]),
            stored_dtype: ElementType::F32,
        };
        let all: BTreeMap<String, Tensor> =
            tensors.iter().map(|(name, shape)| ((*name).to_owned(), tensor(shape))).collect();
        kept_normalisation(all.iter()).map(|kept| kept.names)
    }

    #[test]
    fn pairs_of_a_number_for_each_channel_are_found() {
        let channels: &[usize] = &[1, 3, 1, 1];
        for (mean, std) in [
            ("normalize.mean", "normalize.std"),
            ("0.mean", "0.std"),
            ("mean", "std"),
            ("module.pixel_mean", "module.pixel_std"),
            ("norm._mean", "norm._std"),
        ] {
            assert_eq!(found(&[(mean, channels), (std, channels)]), Some([mean.to_owned(), std.to_owned()]), "{mean}");
        }
        assert_eq!(found(&[("bn.running_mean", channels), ("bn.running_std", channels)]), None);
        assert_eq!(found(&[("normalize.mean", channels), ("other.std", channels)]), None);
        assert_eq!(found(&[("head.mean", &[64]), ("head.std", &[64])]), None, "features");
        let two = [("a.mean", channels), ("a.std", channels), ("b.mean", channels), ("b.std", channels)];
        assert_eq!(found(&two), None, "several");
    }
}
