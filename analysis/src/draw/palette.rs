//! Colours: the colour-blind-safe set of Okabe and Ito (2008) for categories, viridis for a scale, greys for the rest.

/// An sRGB colour with opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    /// Red, green, blue.
    pub rgb: [u8; 3],
    /// Opacity in [0, 1].
    pub alpha: f64,
}

impl Color {
    const fn rgb(r: u8, g: u8, b: u8) -> Self {
        Self { rgb: [r, g, b], alpha: 1.0 }
    }

    /// The same colour at another opacity.
    pub const fn with_alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// Towards black by `share`.
    pub fn darker(self, share: f64) -> Self {
        Self { rgb: self.rgb.map(|c| (f64::from(c) * (1.0 - share)).round() as u8), ..self }
    }

    /// Relative luminance (WCAG 2), in [0, 1].
    pub fn luminance(self) -> f64 {
        let linear = self.rgb.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
}

/// Ink for text and axes.
pub const INK: Color = Color::rgb(0x22, 0x22, 0x22);
/// Secondary text.
pub const MUTED: Color = Color::rgb(0x5a, 0x5a, 0x5a);
/// Grid lines.
pub const GRID: Color = Color::rgb(0xe4, 0xe4, 0xe4);
/// Background.
pub const PAPER: Color = Color::rgb(0xff, 0xff, 0xff);
/// Regions without information: the diagonal of a confusion matrix, empty classes.
pub const BLANK: Color = Color::rgb(0xc8, 0xc8, 0xc8);
/// The vacuous region.
pub const VACUOUS: Color = Color::rgb(0xee, 0xec, 0xe6);
/// Okabe-Ito blue.
pub const BLUE: Color = Color::rgb(0x00, 0x72, 0xb2);
/// Okabe-Ito orange.
pub const ORANGE: Color = Color::rgb(0xe6, 0x9f, 0x00);
/// Okabe-Ito vermillion.
pub const VERMILLION: Color = Color::rgb(0xd5, 0x5e, 0x00);
/// Okabe-Ito bluish green.
pub const GREEN: Color = Color::rgb(0x00, 0x9e, 0x73);
/// Okabe-Ito reddish purple.
pub const PURPLE: Color = Color::rgb(0xcc, 0x79, 0xa7);
/// Okabe-Ito sky blue.
pub const SKY: Color = Color::rgb(0x56, 0xb4, 0xe9);

/// The shape that goes with a colour, so that no plot relies on colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle, tip up.
    Triangle,
    /// A square on its tip.
    Diamond,
}

/// Viridis at `share` in [0, 1], by linear interpolation of 17 of its 256 entries.
pub fn viridis(share: f64) -> Color {
    const STOPS: [[u8; 3]; 17] = [
        [68, 1, 84],
        [72, 24, 106],
        [71, 45, 123],
        [66, 64, 134],
        [59, 82, 139],
        [51, 99, 141],
        [44, 114, 142],
        [38, 130, 142],
        [33, 145, 140],
        [31, 160, 136],
        [40, 174, 128],
        [63, 188, 115],
        [94, 201, 98],
        [132, 212, 75],
        [173, 220, 48],
        [216, 226, 25],
        [253, 231, 37],
    ];
    let at = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let low = (at.floor() as usize).min(STOPS.len() - 2);
    let part = at - low as f64;
    let mix = |channel: usize| {
        let (a, b) = (f64::from(STOPS[low][channel]), f64::from(STOPS[low + 1][channel]));
        (a + part * (b - a)).round() as u8
    };
    Color::rgb(mix(0), mix(1), mix(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_is_strictly_lighter_along_the_scale() {
        let luminance: Vec<f64> = (0..=100).map(|i| viridis(f64::from(i) / 100.0).luminance()).collect();
        assert!(luminance.windows(2).all(|w| w[0] < w[1] + 1e-9), "{luminance:?}");
        assert_eq!((viridis(-1.0), viridis(2.0)), (viridis(0.0), viridis(1.0)));
    }
}
