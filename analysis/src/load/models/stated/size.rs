//! The size of the images that a network was trained on.

use serde_json::json;

use super::{Answer, Entry, Given, numbers};
use crate::results::Warning;

/// What programs call it.
const KEYS: [&str; 9] = [
    "image_size",
    "img_size",
    "input_size",
    "crop_size",
    "im_size",
    "imsize",
    "input_resolution",
    "image_resolution",
    "img_resolution",
];
/// Pixels a side that no images have: other numbers are called so, too.
const FEWEST: f64 = 8.0;

/// Whether an entry states the size of the images that are given: a side, height and width, all
/// three extents in either order, or the number of pixels as an MLP takes them.
pub(super) fn answer(entry: &Entry<'_>, given: &Given<'_>) -> Option<Answer> {
    if !KEYS.contains(&entry.key.as_str()) {
        return None;
    }
    let stated = numbers(entry.value)?;
    let [channels, height, width] = given.shape.map(|extent| extent as f64);
    let is_there = match stated[..] {
        [side] => [height.min(width), height * width, channels * height * width].contains(&side),
        [first, second] => [first, second] == [height, width],
        [first, second, third] => {
            [[channels, height, width], [height, width, channels]].contains(&[first, second, third])
        }
        _ => return None,
    };
    if is_there {
        return Some(Answer::Agrees);
    }
    let is_a_size = stated.iter().all(|side| side.fract() == 0.0) && stated.iter().any(|&side| side >= FEWEST);
    let shown = stated.iter().map(f64::to_string).collect::<Vec<_>>().join(" x ");
    let sentence = format!(
        "the network was given images of {height} x {width} pixels, and {} states {shown}: give the `resize` and `crop` \
         of the training",
        entry.place,
    );
    let evidence = [("given", json!(given.shape)), ("stated", json!(stated)), ("place", json!(entry.place))];
    is_a_size.then(|| Answer::Differs(Warning::new("stated-size", sentence, evidence)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn another_size_is_told() {
        let agree = [
            json!({"args": {"img_size": 32}}),
            json!({"pretrained_cfg": {"input_size": [3, 32, 32]}}),
            json!({"image_size": [32, 32]}),
            json!({"input_size": 3072}),
            json!({"crop_size": null, "img_size": 0.5, "im_size": 4}),
        ];
        let differ = [
            (json!({"args": {"img_size": 224}}), "images of 32 x 32 pixels, and args.img_size in the file states 224"),
            (json!({"pretrained_cfg": {"input_size": [3, 224, 224]}}), "states 3 x 224 x 224"),
        ];
        check("stated-size", &agree, &differ);
    }
}
