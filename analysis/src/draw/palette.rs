//! Colours: six for categories, viridis for a scale, greys for the rest. The six were searched for:
//! each stands out from its background by 3 to 1 or more, light or dark, and any two stay apart for
//! readers with and without red, green or blue cones.

/// An sRGB colour with opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    pub rgb: [u8; 3],
    pub alpha: f64,
}

impl Color {
    const fn hex(code: u32) -> Self {
        let [_, r, g, b] = code.to_be_bytes();
        Self { rgb: [r, g, b], alpha: 1.0 }
    }

    /// The same colour at another opacity.
    pub const fn with_alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// Red, green and blue as amounts of light.
    fn linear(self) -> [f64; 3] {
        self.rgb.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// Relative luminance (WCAG 2), in [0, 1].
    pub fn luminance(self) -> f64 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

/// Ink for text and axes.
pub const INK: Color = Color::hex(0x222222);
/// Secondary text.
pub const MUTED: Color = Color::hex(0x5a5a5a);
pub const GRID: Color = Color::hex(0xe4e4e4);
pub const PAPER: Color = Color::hex(0xffffff);
/// Regions without information: the diagonal of a confusion matrix, empty classes.
pub const BLANK: Color = Color::hex(0xc8c8c8);
/// The vacuous region.
pub const VACUOUS: Color = Color::hex(0xeeece6);
/// Categories, in the order of the arms of a plot.
pub const BLUE: Color = Color::hex(0x0045df);
pub const VERMILLION: Color = Color::hex(0x8d1700);
pub const GREEN: Color = Color::hex(0x197c47);
pub const PURPLE: Color = Color::hex(0x5d1d86);
pub const ORANGE: Color = Color::hex(0xe47020);
pub const SKY: Color = Color::hex(0x3395ff);
/// Lines on [`viridis`], whatever the background of the page.
pub const ON_DARK: Color = Color::hex(0xfefefe);

/// Colours and those that stand for them where the page is dark; the paper there is the page's.
pub const IN_THE_DARK: [(Color, Color); 12] = [
    (INK, Color::hex(0xe8e8e6)),
    (MUTED, Color::hex(0xb4b8bd)),
    (GRID, Color::hex(0x34383c)),
    (PAPER, Color::hex(0x17191b)),
    (BLANK, Color::hex(0x5c6166)),
    (VACUOUS, Color::hex(0x2a2823)),
    (BLUE, Color::hex(0x2a83ff)),
    (VERMILLION, Color::hex(0xc76720)),
    (GREEN, Color::hex(0x4fea8e)),
    (PURPLE, Color::hex(0x9e89c0)),
    (ORANGE, Color::hex(0xffc41b)),
    (SKY, Color::hex(0xd2f5fe)),
];

/// Text on a colour that a dark page leaves as it is.
pub fn ink_on(ground: Color) -> Color {
    if ground.luminance() > 0.18 { Color::hex(0x000000) } else { ON_DARK }
}

/// The shape that goes with a colour, so that no plot relies on colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
}

/// Viridis at `share` in [0, 1], by linear interpolation of 17 of its 256 entries.
pub fn viridis(share: f64) -> Color {
    const STOPS: [u32; 17] = [
        0x440154, 0x48186a, 0x472d7b, 0x424086, 0x3b528b, 0x33638d, 0x2c728e, 0x26828e, 0x21918c, 0x1fa088, 0x28ae80,
        0x3fbc73, 0x5ec962, 0x84d44b, 0xaddc30, 0xd8e219, 0xfde725,
    ];
    let at = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let low = (at.floor() as usize).min(STOPS.len() - 2);
    let part = at - low as f64;
    let mix = |channel: usize| {
        let [a, b] = [STOPS[low], STOPS[low + 1]].map(|code| f64::from(Color::hex(code).rgb[channel]));
        (a + part * (b - a)).round() as u8
    };
    Color { rgb: [mix(0), mix(1), mix(2)], alpha: 1.0 }
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

    const CATEGORIES: [Color; 6] = [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY];

    /// Contrast of WCAG 2.
    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (a.luminance(), b.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn in_the_dark(color: Color) -> Color {
        IN_THE_DARK.iter().find(|(light, _)| *light == color).map(|(_, dark)| *dark).unwrap()
    }

    #[test]
    fn text_and_lines_stand_out_from_light_and_dark_paper() {
        let both = |color| [contrast(color, PAPER), contrast(in_the_dark(color), in_the_dark(PAPER))];
        for text in [INK, MUTED] {
            assert!(both(text).iter().all(|found| *found >= 4.5), "{text:?}");
        }
        for line in CATEGORIES {
            assert!(both(line).iter().all(|found| *found >= 3.0), "{line:?}: {:?}", both(line));
        }
        for share in 0..=100 {
            let ground = viridis(f64::from(share) / 100.0);
            assert!(contrast(ground, ink_on(ground)) >= 4.5, "{share}");
        }
    }

    #[test]
    fn the_pages_own_texts_stand_out_in_light_in_the_dark_and_in_print() {
        let style = include_str!("../report/page/style.css");
        let mut grounds = 0;
        for part in style.split(":root {").skip(1) {
            let color = |name: &str| {
                let code = part.split(&format!("--{name}: #")).nth(1).unwrap();
                let code: String = code.chars().take_while(char::is_ascii_hexdigit).collect();
                let long: String = if code.len() == 3 { code.chars().flat_map(|c| [c, c]).collect() } else { code };
                Color::hex(u32::from_str_radix(&long, 16).unwrap())
            };
            for (text, ground) in
                ["ink", "muted", "accent", "good", "bad"].iter().flat_map(|t| [(t, "paper"), (t, "soft")])
            {
                let found = contrast(color(text), color(ground));
                assert!(found >= 4.5, "{text} on {ground}: {found:.2} in {part:.60}");
                grounds += 1;
            }
        }
        assert_eq!(grounds, 30);
    }

    /// CIE L*a*b* of linear light.
    fn lab([r, g, b]: [f64; 3]) -> [f64; 3] {
        let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
        let [x, y, z] = [x, y, z].map(|t| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// Machado, Oliveira and Fernandes 2009, table 1, severity 1: without red, green, blue cones;
    /// and all cones.
    const SEEN: [[[f64; 3]; 3]; 4] = [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    ];

    #[test]
    fn categories_stay_apart_for_colour_blind_readers() {
        for (set, kind) in [(CATEGORIES, "light"), (CATEGORIES.map(in_the_dark), "dark")] {
            for (cones, matrix) in SEEN.iter().enumerate() {
                let seen = set.map(|color| {
                    let light = color.linear();
                    lab(matrix.map(|row| (0..3).map(|at| row[at] * light[at]).sum::<f64>().clamp(0.0, 1.0)))
                });
                for (at, a) in seen.iter().enumerate() {
                    for b in &seen[at + 1..] {
                        let distance = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                        assert!(distance >= 24.0, "{kind}, {cones}: {distance}");
                    }
                }
            }
        }
    }
}
