//! The operations beside Pillow's (tests/fixtures/pillow/make.py).

use std::collections::BTreeSet;

use safetensors::SafeTensors;

use super::gaussian_blur::gaussian_blur;
use super::resize::{Part, resize};
use super::{Pixels, colour, geometry};

/// The operation of that name on an image, or None for a name that is not known.
fn operate(name: &str, argument: &str, image: &mut Pixels) -> Option<()> {
    let number = || argument.parse::<f64>().unwrap();
    match name {
        "invert" => colour::invert(image),
        "solarize" => colour::solarize(image, number()),
        "posterize" => colour::posterize(image, argument.parse().unwrap()),
        "auto_contrast" => colour::auto_contrast(image),
        "equalize" => colour::equalize(image),
        "brightness" => colour::brightness(image, number()),
        "contrast" => colour::contrast(image, number()),
        "saturation" => colour::saturation(image, number()),
        "sharpness" => colour::sharpness(image, number()),
        "hue" => colour::hue(image, number()),
        "shear_x" => geometry::shear_x(image, number()),
        "shear_y" => geometry::shear_y(image, number()),
        "translate_x" => geometry::translate_x(image, number()),
        "translate_y" => geometry::translate_y(image, number()),
        "rotate" => geometry::rotate(image, number()),
        "gaussian_blur" => gaussian_blur(image, number()),
        "resized_part" => {
            let [top, left, height, width] =
                argument.split(',').map(|side| side.parse().unwrap()).collect::<Vec<f64>>()[..]
            else {
                return None;
            };
            let (rows, columns) = (image.height, image.width);
            resize(image, Part { top, left, height, width }, rows, columns);
        }
        _ => return None,
    }
    Some(())
}

#[test]
fn every_operation_gives_the_bytes_of_pillow() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/pillow/operations.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let pixels = |name: &str| {
        let view = file.tensor(name).unwrap();
        let &[channels, height, width] = view.shape() else { panic!("{name}") };
        Pixels { channels, height, width, bytes: view.data().to_vec() }
    };
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for name in file.names() {
        let [image, operation, argument] = name.split('/').collect::<Vec<_>>()[..] else { panic!("{name}") };
        if operation == "image" {
            continue;
        }
        seen.insert(operation.to_owned());
        let mut found = pixels(&format!("{image}/image/"));
        operate(operation, argument, &mut found).unwrap_or_else(|| panic!("{name}: not known"));
        let expected = pixels(name);
        assert_eq!(found.bytes.len(), expected.bytes.len(), "{name}");
        let largest = found.bytes.iter().zip(&expected.bytes).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // The crate that resizes rounds its weights otherwise.
        if largest > u8::from(operation == "resized_part") {
            wrong.push(format!("{name}: by up to {largest}"));
        }
    }
    assert_eq!(seen.len(), 17);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
