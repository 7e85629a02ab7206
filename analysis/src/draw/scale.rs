//! Scales of axes: from data to logical pixels, with round ticks.

use crate::words::{fixed, power_of_ten, short, with_power};

/// The spacing of data along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    Linear,
    Log,
}

/// The form of the numbers along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    Plain,
    /// Times 100; the unit (%) belongs into the axis label.
    Percent,
}

/// One axis: data in `[low, high]` to pixels in `[from, to]` (`to` may be the smaller, as for
/// ordinates).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    spacing: Spacing,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A linear scale; an empty or inverted range is widened.
    pub fn linear(low: f64, high: f64, from: f64, to: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let high = if high > low { high } else { low + low.abs().max(1.0) };
        Self { spacing: Spacing::Linear, low, high, from, to }
    }

    /// A logarithmic scale; ends that are not positive, or an empty range, are replaced.
    pub fn log(low: f64, high: f64, from: f64, to: f64) -> Self {
        let low = if low.is_finite() && low > 0.0 { low.max(1e-300) } else { 1e-3 };
        let high = if high.is_finite() && high > low { high.min(1e300) } else { low * 10.0 };
        Self { spacing: Spacing::Log, low, high, from, to }
    }

    /// The largest value shown.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Tells whether a value lies within the axis.
    pub fn shows(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    /// Gives the place where a value is drawn; values outside are drawn at the nearer end.
    pub fn at(&self, value: f64) -> f64 {
        let value = if value.is_nan() { self.low } else { value.clamp(self.low, self.high) };
        let share = match self.spacing {
            Spacing::Linear => (value - self.low) / (self.high - self.low),
            Spacing::Log => (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
        };
        self.from + share * (self.to - self.from)
    }

    /// Round values to label, at most about `most`, and unlabelled ones between (logarithmic scales
    /// only).
    pub fn ticks(&self, most: usize, notation: Notation) -> (Vec<(f64, String)>, Vec<f64>) {
        let most = most.max(2);
        match self.spacing {
            Spacing::Linear => (self.linear_ticks(most, notation), Vec::new()),
            Spacing::Log => self.log_ticks(most, notation),
        }
    }

    fn linear_ticks(&self, most: usize, notation: Notation) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / most as f64;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= raw * 0.999);
        let step = step.unwrap_or(10.0 * power);
        let first = (self.low / step - 1e-9).ceil();
        (0..=2 * most)
            .map(|n| (first + n as f64) * step)
            .take_while(|v| *v <= self.high + 1e-9 * step)
            .map(|v| if v.abs() < 1e-9 * step { 0.0 } else { v })
            .map(|v| (v, written(v, step, notation)))
            .collect()
    }

    fn log_ticks(&self, most: usize, notation: Notation) -> (Vec<(f64, String)>, Vec<f64>) {
        let (first, last) = ((self.low.log10() - 1e-9).ceil() as i32, (self.high.log10() + 1e-9).floor() as i32);
        let decades = (last - first + 1).max(0) as usize;
        let unit = if notation == Notation::Percent { 2 } else { 0 };
        if decades >= 2 {
            let stride = decades.div_ceil(most).max(1) as i32;
            let powers = || (first..=last).filter(|k| k.rem_euclid(stride) == 0);
            // One style an axis: powers of ten everywhere as soon as one label needs them.
            let plain = powers().all(|k| (-3..=4).contains(&(k + unit)));
            let label = |k: i32| if plain { decimal(k + unit) } else { power_of_ten(k + unit) };
            let major = powers().map(|k| (10f64.powi(k), label(k))).collect();
            let minor = if stride == 1 && decades <= 6 {
                (first - 1..=last)
                    .flat_map(|k| (2..10).map(move |m| f64::from(m) * 10f64.powi(k)))
                    .filter(|v| self.shows(*v))
                    .collect()
            } else {
                Vec::new()
            };
            return (major, minor);
        }
        // Less than two powers of ten in sight: label 1, 2, 5; if even those are too few, fall back to a linear choice.
        let fine: Vec<f64> = (first - 1..=last + 1)
            .flat_map(|k| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(k)))
            .filter(|v| self.shows(*v))
            .collect();
        if fine.len() >= 2 {
            let plain = fine.iter().all(|v| (-3..=4).contains(&((v.log10() + 1e-9).floor() as i32 + unit)));
            let label = |value: f64| {
                let value = value * 10f64.powi(unit);
                if plain {
                    written(value, value, Notation::Plain)
                } else {
                    with_power(value, (value.log10() + 1e-9).floor() as i32, 0)
                }
            };
            (fine.into_iter().map(|value| (value, label(value))).collect(), Vec::new())
        } else {
            (Scale { spacing: Spacing::Linear, ..*self }.linear_ticks(most.min(4), notation), Vec::new())
        }
    }
}

/// Decimals of a linear axis; finer steps are written with an exponent.
const MOST_DIGITS: i32 = 4;

fn written(value: f64, step: f64, notation: Notation) -> String {
    let (value, step) = match notation {
        Notation::Plain => (value, step),
        Notation::Percent => (100.0 * value, 100.0 * step),
    };
    if value.abs() >= 1e6 {
        return short(value);
    }
    // Enough digits to tell neighbouring ticks apart; a step of 2.5 needs one more than its power of ten.
    let mut digits = 0;
    while digits < 9 && ((step * 10f64.powi(digits)).round() - step * 10f64.powi(digits)).abs() > 1e-6 * step {
        digits += 1;
    }
    if digits > MOST_DIGITS && value != 0.0 {
        return short(value);
    }
    fixed(value, digits as usize)
}

/// 10^power without an exponent.
fn decimal(power: i32) -> String {
    fixed(10f64.powi(power), usize::try_from(-power).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, notation: Notation) -> Vec<String> {
        scale.ticks(6, notation).0.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(labels(Scale::linear(0.0, 1.0, 0.0, 1.0), Notation::Percent), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(Scale::linear(0.0, 0.06, 0.0, 1.0), Notation::Plain)[..2], ["0.00", "0.01"]);
        assert_eq!(labels(Scale::linear(0.0, 6e-9, 0.0, 1.0), Notation::Plain)[1..3], ["1.0×10⁻⁹", "2.0×10⁻⁹"]);
        assert_eq!(
            labels(Scale::log(0.01, 2000.0, 0.0, 1.0), Notation::Plain),
            ["0.01", "0.1", "1", "10", "100", "1000"]
        );
        assert_eq!(labels(Scale::log(1.0, 9.0, 0.0, 1.0), Notation::Plain), ["1", "2", "5"]);
        assert_eq!(labels(Scale::log(1e4, 1e7, 0.0, 1.0), Notation::Plain), ["10⁴", "10⁵", "10⁶", "10⁷"]);
        assert_eq!(labels(Scale::log(0.01, 20.0, 0.0, 1.0), Notation::Percent), ["1", "10", "100", "1000"]);
        assert_eq!(labels(Scale::log(0.1, 1e4, 0.0, 1.0), Notation::Percent)[..2], ["10¹", "10²"]);
        assert_eq!(labels(Scale::log(1e6, 9e6, 0.0, 1.0), Notation::Plain), ["1×10⁶", "2×10⁶", "5×10⁶"]);
        assert_eq!(labels(Scale::log(0.1, 0.9, 0.0, 1.0), Notation::Plain), ["0.1", "0.2", "0.5"]);
        for (low, high) in [(1.0, 1.0), (0.0, f64::NAN), (1e-300, 1e300), (3.01, 3.02), (-1.0, 5.0), (7.0, 8.0)] {
            for scale in [Scale::linear(low, high, 0.0, 1.0), Scale::log(low, high, 0.0, 1.0)] {
                let (major, minor) = scale.ticks(6, Notation::Plain);
                assert!(!major.is_empty() && major.len() <= 14, "{low} {high} {major:?}");
                assert!(major.iter().map(|(v, _)| v).chain(&minor).all(|v| (0.0..=1.0).contains(&scale.at(*v))));
            }
        }
    }

    #[test]
    fn values_outside_are_drawn_at_the_end() {
        let scale = Scale::log(0.1, 10.0, 100.0, 0.0);
        assert_eq!((scale.at(0.0), scale.at(f64::INFINITY), scale.at(f64::NAN)), (100.0, 0.0, 100.0));
        approx::assert_relative_eq!(scale.at(1.0), 50.0, max_relative = 1e-12);
    }
}
