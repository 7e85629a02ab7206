//! Mean and deviation of the pixels: buffers beside the weights, entries of the file, settings
//! beside it.

use car_spectral_data::Normalisation;
use car_spectral_formats::weights::KeptNormalisation;
use serde_json::{Value, json};

use super::{Answer, Entry, Given, numbers};
use crate::results::Warning;

/// Difference of two means or deviations that is rounding.
const ROUNDING: f64 = 1e-3;

/// Means and deviations that a file states, of pixels between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Normaliser {
    /// Where.
    place: String,
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Normaliser {
    /// Takes numbers as they stand; pixels between 0 and 255 are told by a mean above 1.
    fn new(place: String, mean: Vec<f64>, std: Vec<f64>) -> Self {
        let unit = if mean.iter().any(|&mean| mean > 2.0) { 255.0 } else { 1.0 };
        let scaled = |values: Vec<f64>| values.into_iter().map(|value| value / unit).collect();
        Self { place, mean: scaled(mean), std: scaled(std) }
    }

    /// States what a network keeps beside its weights.
    pub fn kept(kept: KeptNormalisation) -> Self {
        let [mean, std] = &kept.names;
        Self::new(format!("{mean} and {std} in the file"), kept.mean, kept.std)
    }

    /// The warning of a network that normalises its input itself and is given one that was
    /// normalised before.
    #[cfg(feature = "onnx")]
    pub fn twice(kept: KeptNormalisation, given: &Normalisation) -> Option<Warning> {
        let [mean, std] = &kept.names;
        let own = Self::new(format!("the network, by {mean} and {std}"), kept.mean.clone(), kept.std.clone());
        let plain = Self { place: own.place.clone(), mean: vec![0.0], std: vec![1.0] };
        let warning = plain.against(given)?;
        let sentence = format!(
            "images were normalised by mean {} and std {}, as given, and again by {} (mean {}, std {}): give mean \
             0 and std 1, unless the training did so too",
            shown(&given.mean),
            shown(&given.std),
            own.place,
            shown(&own.mean),
            shown(&own.std)
        );
        Some(Warning { sentence, ..warning })
    }

    /// The warning if something else is given.
    pub fn against(&self, given: &Normalisation) -> Option<Warning> {
        let Self { place, mean, std } = self;
        let is = |stated: &[f64], given: &[f64]| {
            let at = |channel: usize| stated.get(channel).or(stated.first()).copied().unwrap_or(f64::NAN);
            let is_broadcast = stated.len() == 1 || given.len() == 1 || stated.len() == given.len();
            is_broadcast && given.iter().enumerate().all(|(channel, given)| (at(channel) - given).abs() <= ROUNDING)
        };
        if is(mean, &given.mean) && is(std, &given.std) {
            return None;
        }
        let sentence = format!(
            "images were normalised by mean {} and std {}, as given, and {place} states mean {} and std {}: give \
             those of the training",
            shown(&given.mean),
            shown(&given.std),
            shown(mean),
            shown(std),
        );
        let evidence = [
            ("given", json!({"mean": given.mean, "std": given.std})),
            ("stated", json!({"mean": mean, "std": std})),
            ("place", json!(place)),
        ];
        Some(Warning::new("normalisation-differs", sentence, evidence))
    }
}

fn shown(values: &[f64]) -> String {
    values.iter().map(|value| ((value * 1e6).round() / 1e6).to_string()).collect::<Vec<_>>().join(",")
}

/// What programs put in front of `mean` and `std`.
const FRONTS: [&str; 8] = ["", "image_", "img_", "pixel_", "norm_", "normalize_", "data_", "rgb_"];
/// What they call both together, as a pair or as they are printed.
const PAIRS: [&str; 8] = [
    "normalize",
    "normalization",
    "normalisation",
    "norm",
    "transform",
    "transforms",
    "test_transform",
    "val_transform",
];

/// Whether an entry states the normalisation that is given, with the deviation beside the mean; not
/// where it says that nothing is normalised.
pub(super) fn answer(entry: &Entry<'_>, given: &Given<'_>) -> Option<Answer> {
    if entry.among.get("do_normalize") == Some(&Value::Bool(false)) {
        return None;
    }
    let [mean, std] = if PAIRS.contains(&entry.key.as_str()) { pair(entry.value) } else { beside(entry) }?;
    let are_such = (1..=4).contains(&mean.len()) && mean.len() == std.len() && std.iter().all(|&std| std > 0.0);
    let stated = are_such.then(|| Normaliser::new(entry.place.clone(), mean, std))?;
    Some(stated.against(given.normalisation).map_or(Answer::Agrees, Answer::Differs))
}

/// A mean with the deviation beside it.
fn beside(entry: &Entry<'_>) -> Option<[Vec<f64>; 2]> {
    let front = entry.key.strip_suffix("mean").filter(|front| FRONTS.contains(front))?;
    let other = format!("{front}std");
    let (_, std) = entry.among.iter().find(|(key, _)| key.to_ascii_lowercase() == other)?;
    Some([numbers(entry.value)?, numbers(std)?])
}

/// Mean and deviation as a pair of lists, or in a text such as `Normalize(mean=(0.5, 0.5, 0.5),
/// std=(0.2, 0.2, 0.2))`.
fn pair(value: &Value) -> Option<[Vec<f64>; 2]> {
    match value {
        Value::Array(items) => match &items[..] {
            [mean @ Value::Array(_), std @ Value::Array(_)] => Some([numbers(mean)?, numbers(std)?]),
            _ => None,
        },
        Value::String(text) => {
            let (_, text) = text.rsplit_once("Normalize(")?;
            let list = |name: &str| {
                let (_, after) = text.split_once(name)?;
                let end = after.find([']', ')'])?;
                numbers(&Value::String(after[..end].to_owned()))
            };
            Some([list("mean=")?, list("std=")?])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    fn given(mean: [f64; 3], std: [f64; 3]) -> Normalisation {
        Normalisation::new(mean.to_vec(), std.to_vec()).unwrap()
    }

    #[test]
    fn entries_of_a_file_are_held_against_the_flags() {
        let (mean, std) = ([0.5; 3], [0.25; 3]);
        let agree = [
            json!({"args": {"mean": mean, "std": std}}),
            json!({"image_mean": mean, "image_std": std}),
            json!({"normalize": [mean, std]}),
            json!({"pretrained_cfg": {"mean": "(0.5, 0.5, 0.5)", "std": "(0.25, 0.25, 0.25)"}}),
            json!({"pixel_mean": [127.5, 127.5, 127.5], "pixel_std": [63.75, 63.75, 63.75]}),
            json!({"transform": "Compose(ToTensor(), Normalize(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)))"}),
            json!({"do_normalize": false, "image_mean": [0.1], "image_std": [0.1]}),
            json!({"mean": [0.1, 0.2, 0.3, 0.4, 0.5], "std": [0.1, 0.2, 0.3, 0.4, 0.5], "losses": {"mean": 3}}),
        ];
        let imagenet = json!({"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]});
        let differ = [
            (
                json!({"args": imagenet}),
                "args.mean in the file states mean 0.485,0.456,0.406 and std 0.229,0.224,0.225",
            ),
            (json!({"pretrained_cfg": imagenet}), "pretrained_cfg.mean in the file"),
            (json!({"do_normalize": true, "image_mean": mean, "image_std": mean}), "std 0.5,0.5,0.5: give"),
            (json!({"normalize": [mean, vec![0.2; 3]]}), "std 0.2,0.2,0.2"),
            (
                json!({"args": {"transform": "Normalize(mean=[0.1, 0.1, 0.1], std=[0.25, 0.25, 0.25])"}}),
                "mean 0.1,0.1,0.1",
            ),
        ];
        check("normalisation-differs", &agree, &differ);
    }

    #[test]
    fn buffers_in_pixels_up_to_255_and_of_one_number_are_understood() {
        let of = |mean: &[f64], std: &[f64], flags: &Normalisation| {
            let names = ["pixel_mean", "pixel_std"].map(str::to_owned);
            let kept = KeptNormalisation { names, mean: mean.to_vec(), std: std.to_vec() };
            Normaliser::kept(kept).against(flags).map(|warning| warning.evidence["stated"]["mean"].clone())
        };
        let flags = given([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        assert_eq!(of(&[123.675, 116.28, 103.53], &[58.395, 57.12, 57.375], &flags), None);
        assert_eq!(of(&[0.5], &[0.5], &given([0.5; 3], [0.5; 3])), None);
        assert_eq!(of(&[0.5], &[0.5], &flags), Some(json!([0.5])));
    }

    #[cfg(feature = "onnx")]
    #[test]
    fn an_input_that_is_normalised_twice_is_told() {
        let twice = |flags: &Normalisation| {
            let names = ["normalize.mean", "normalize.std"].map(str::to_owned);
            let kept = KeptNormalisation { names, mean: vec![0.485; 3], std: vec![0.229; 3] };
            Normaliser::twice(kept, flags).map(|warning| warning.sentence)
        };
        assert_eq!(twice(&given([0.0; 3], [1.0; 3])), None);
        let said = twice(&given([0.5; 3], [0.25; 3])).unwrap();
        assert!(said.contains("mean 0.5,0.5,0.5 and std 0.25,0.25,0.25"), "{said}");
        assert!(said.contains("again by the network, by normalize.mean and normalize.std (mean 0.485"), "{said}");
    }
}
