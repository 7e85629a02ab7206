use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::augment::{Pixels, colour, geometry};

/// An operation of AutoAugment (Cubuk et al., CVPR 2019, table 6), made at a strength s in [0, 1].
/// Where ± stands, the sign is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Leaves the image.
    Identity,
    /// Rows slide by ± 0.3 s a row.
    ShearX,
    /// Columns slide by ± 0.3 s a column.
    ShearY,
    /// Moves by ± 150/331 s of the width.
    TranslateX,
    /// Moves by ± 150/331 s of the height.
    TranslateY,
    /// Turns by ± 30 s degrees.
    Rotate,
    /// Stretches each channel to 0 ... 255.
    AutoContrast,
    /// 255 - byte.
    Invert,
    /// Equalises each channel's histogram.
    Equalize,
    /// Inverts bytes of at least 256 (1 - s).
    Solarize,
    /// Keeps 8 - round(4 s) bits.
    Posterize,
    /// Contrast by the factor 1 ± 0.9 s.
    Contrast,
    /// Saturation by the factor 1 ± 0.9 s.
    Color,
    /// Brightness by the factor 1 ± 0.9 s.
    Brightness,
    /// Sharpness by the factor 1 ± 0.9 s.
    Sharpness,
}

impl Operation {
    /// Changes the image. Draws one number from `rng` for an operation with a sign, none for
    /// another.
    pub fn apply(self, image: &mut Pixels, strength: f64, rng: &mut ChaCha8Rng) {
        let mut signed = || if rng.random::<bool>() { strength } else { -strength };
        let share = 150.0 / 331.0;
        let factor = |signed: f64| 1.0 + 0.9 * signed;
        match self {
            Self::Identity => {}
            Self::ShearX => geometry::shear_x(image, 0.3 * signed()),
            Self::ShearY => geometry::shear_y(image, 0.3 * signed()),
            Self::TranslateX => geometry::translate_x(image, share * image.width as f64 * signed()),
            Self::TranslateY => geometry::translate_y(image, share * image.height as f64 * signed()),
            Self::Rotate => geometry::rotate(image, 30.0 * signed()),
            Self::AutoContrast => colour::auto_contrast(image),
            Self::Invert => colour::invert(image),
            Self::Equalize => colour::equalize(image),
            Self::Solarize => colour::solarize(image, 256.0 * (1.0 - strength)),
            Self::Posterize => colour::posterize(image, 8 - (4.0 * strength).round() as u32),
            Self::Contrast => colour::contrast(image, factor(signed())),
            Self::Color => colour::saturation(image, factor(signed())),
            Self::Brightness => colour::brightness(image, factor(signed())),
            Self::Sharpness => colour::sharpness(image, factor(signed())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// What the table of AutoAugment gives, by the operations themselves, for either sign.
    #[test]
    fn strengths_are_those_of_the_paper() {
        let bytes: Vec<u8> = (0..3 * 400).map(|at| (at * 89 % 251) as u8).collect();
        let image = Pixels { channels: 3, height: 20, width: 20, bytes };
        type Change = fn(&mut Pixels, f64);
        let shift = 20.0 * 150.0 / 331.0;
        let cases: [(Operation, f64, Change, [f64; 2]); 12] = [
            (Operation::ShearX, 1.0, geometry::shear_x, [0.3, -0.3]),
            (Operation::ShearY, 0.5, geometry::shear_y, [0.15, -0.15]),
            (Operation::TranslateX, 1.0, geometry::translate_x, [shift, -shift]),
            (Operation::TranslateY, 0.5, geometry::translate_y, [shift / 2.0, -shift / 2.0]),
            (Operation::Rotate, 0.5, geometry::rotate, [15.0, -15.0]),
            (Operation::Solarize, 0.25, colour::solarize, [192.0, 192.0]),
            (Operation::Posterize, 1.0, |image, bits| colour::posterize(image, bits as u32), [4.0, 4.0]),
            (Operation::Posterize, 2.0 / 9.0, |image, bits| colour::posterize(image, bits as u32), [7.0, 7.0]),
            (Operation::Contrast, 1.0, colour::contrast, [1.9, 0.1]),
            (Operation::Color, 0.5, colour::saturation, [1.45, 0.55]),
            (Operation::Brightness, 1.0, colour::brightness, [1.9, 0.1]),
            (Operation::Sharpness, 0.1, colour::sharpness, [1.09, 0.91]),
        ];
        for (operation, strength, change, arguments) in cases {
            let expected = arguments.map(|argument| {
                let mut image = image.clone();
                change(&mut image, argument);
                image
            });
            let mut seen = [0; 2];
            for seed in 0..40 {
                let mut found = image.clone();
                operation.apply(&mut found, strength, &mut ChaCha8Rng::seed_from_u64(seed));
                let which = expected.iter().position(|expected| *expected == found);
                seen[which.unwrap_or_else(|| panic!("{operation:?} at {strength}"))] += 1;
            }
            let signed = arguments[0] != arguments[1];
            assert!(if signed { seen[0] > 8 && seen[1] > 8 } else { seen == [40, 0] }, "{operation:?}: {seen:?}");
        }
    }
}
