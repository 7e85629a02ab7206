//! Words of files on normalisation: buffers beside the weights, settings beside the file. What is done is what the
//! flags say; a word is said where that differs.

use std::path::Path;

use car_spectral_data::Normalisation;
use car_spectral_formats::Content;
use car_spectral_formats::weights::KeptNormalisation;
use serde_json::{Value, json};

use crate::results::Warning;

/// Files in which programs say what a model's input is.
const SETTINGS: [&str; 2] = ["preprocessor_config.json", "config.json"];
/// Bytes of such a file, at most.
const MOST_BYTES: u64 = 1 << 20;
/// Difference of two means or deviations that is rounding.
const ROUNDING: f64 = 1e-3;

/// Means and deviations that a file states, of pixels between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stated {
    /// Where.
    place: String,
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Stated {
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

    /// The warning of a network that normalises its input itself and is given one that was normalised before.
    #[cfg(feature = "onnx")]
    pub fn twice(kept: KeptNormalisation, given: &Normalisation) -> Option<Warning> {
        let [mean, std] = &kept.names;
        let own = Self::new(format!("the network, by {mean} and {std}"), kept.mean.clone(), kept.std.clone());
        let plain = Self { place: own.place.clone(), mean: vec![0.0], std: vec![1.0] };
        let warning = plain.against(given)?;
        let sentence = format!(
            "images were normalised by mean {} and std {}, as the flags say, and again by {} (mean {}, std {}): give mean \
             0 and std 1, unless the training did so too",
            shown(&given.mean),
            shown(&given.std),
            own.place,
            shown(&own.mean),
            shown(&own.std)
        );
        Some(Warning { sentence, ..warning })
    }

    /// Reads what the settings beside a file say of its model; nothing where there are none.
    pub fn beside(file: &Path) -> Option<Self> {
        SETTINGS.iter().find_map(|name| {
            let path = file.with_file_name(name);
            let is_small = path.metadata().is_ok_and(|found| found.is_file() && found.len() <= MOST_BYTES);
            let content = is_small.then(|| Content::read(&path).ok()).flatten()?;
            let settings: Value = serde_json::from_slice(content.bytes()).ok()?;
            let [mean, std] = of_settings(&settings)?;
            Some(Self::new(format!("{name} beside the file"), mean, std))
        })
    }

    /// The warning if flags say something else.
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
            "images were normalised by mean {} and std {}, as the flags say, and {place} states mean {} and std {}: give \
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

/// Mean and deviation in the settings of Hugging Face's processors or of timm; none where they say that nothing is
/// normalised.
fn of_settings(settings: &Value) -> Option<[Vec<f64>; 2]> {
    if settings.get("do_normalize") == Some(&Value::Bool(false)) {
        return None;
    }
    let own = settings.get("pretrained_cfg").unwrap_or(settings);
    let numbers = |names: [&str; 2]| -> Option<Vec<f64>> {
        match names.iter().find_map(|name| own.get(name))? {
            Value::Array(values) => values.iter().map(Value::as_f64).collect(),
            value => Some(vec![value.as_f64()?]),
        }
    };
    let [mean, std] = [numbers(["image_mean", "mean"])?, numbers(["image_std", "std"])?];
    (!mean.is_empty() && !std.is_empty()).then_some([mean, std])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(mean: [f64; 3], std: [f64; 3]) -> Normalisation {
        Normalisation::new(mean.to_vec(), std.to_vec()).unwrap()
    }

    fn warned(settings: &str, name: &str, given: &Normalisation) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), settings).unwrap();
        let stated = Stated::beside(&folder.path().join("model.safetensors"));
        stated.and_then(|stated| stated.against(given)).map(|warning| warning.sentence)
    }

    #[test]
    fn settings_beside_a_model_are_held_against_the_flags() {
        let imagenet = given([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        let half = given([0.5; 3], [0.5; 3]);
        let of_processor = r#"{"do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#;
        let timm = r#"{"architecture": "resnet50", "pretrained_cfg": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}"#;
        for (settings, name, is, is_not) in
            [(of_processor, SETTINGS[0], &half, &imagenet), (timm, SETTINGS[1], &imagenet, &half)]
        {
            assert_eq!(warned(settings, name, is), None, "{name}");
            let sentence = warned(settings, name, is_not).unwrap();
            assert!(sentence.contains(name) && sentence.contains("0.485,0.456,0.406"), "{sentence}");
            assert!(sentence.contains("0.5,0.5,0.5"), "{sentence}");
        }
        for none in ["{", "[]", "{}", r#"{"do_normalize": false, "image_mean": 0.1, "image_std": 0.1}"#] {
            assert_eq!(warned(none, SETTINGS[0], &half), None, "{none}");
        }
    }

    #[test]
    fn buffers_in_pixels_up_to_255_and_of_one_number_are_understood() {
        let of = |mean: &[f64], std: &[f64], flags: &Normalisation| {
            let names = ["pixel_mean", "pixel_std"].map(str::to_owned);
            let kept = KeptNormalisation { names, mean: mean.to_vec(), std: std.to_vec() };
            Stated::kept(kept).against(flags).map(|warning| warning.evidence["stated"]["mean"].clone())
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
            Stated::twice(kept, flags).map(|warning| warning.sentence)
        };
        assert_eq!(twice(&given([0.0; 3], [1.0; 3])), None);
        let said = twice(&given([0.5; 3], [0.25; 3])).unwrap();
        assert!(said.contains("mean 0.5,0.5,0.5 and std 0.25,0.25,0.25"), "{said}");
        assert!(said.contains("again by the network, by normalize.mean and normalize.std (mean 0.485"), "{said}");
    }
}
