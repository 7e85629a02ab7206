//! Numbers, counts, lists and foreign text as they are written for people.

use car_spectral_formats::is_unprintable;
use thousands::Separable as _;

/// The text with U+FFFD for characters that are not shown.
pub(crate) fn readable(text: &str) -> String {
    text.chars().map(|c| if is_shown(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Whether a character is shown, or joins what is shown, as names of Indic and Persian languages
/// and emoji need it. Others act on the terminal, the page or the text around them, are nowhere to
/// be seen, or are forbidden in XML.
pub(crate) fn is_shown(c: char) -> bool {
    let is_hidden = matches!(
        c,
        '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}'
            | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !is_hidden && !is_unprintable(c)
}

/// Text that stands for itself in Markdown, in a table, too.
pub(crate) fn in_markdown(text: &str) -> String {
    let mut escaped = String::new();
    for c in readable(text).chars() {
        match c {
            '<' => escaped += "&lt;",
            '\\' | '|' | '*' | '_' | '`' | '>' | '#' | '[' | ']' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Text as code in a line of Markdown, between more backticks than stand together in it.
pub(crate) fn in_code(text: &str) -> String {
    let text = readable(text);
    let most = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let (marks, space) = ("`".repeat(most + 1), if most > 0 { " " } else { "" });
    format!("{marks}{space}{text}{space}{marks}")
}

/// A power of ten's exponent: `⁻⁹`.
fn superscript(power: i32) -> String {
    power
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            _ => '⁰',
        })
        .collect()
}

/// A number with exactly so many decimals: `0.50`.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}

/// A number by its power of ten, the first factor with so many decimals: `1.2×10⁶`.
pub(crate) fn with_power(value: f64, power: i32, decimals: usize) -> String {
    format!("{}×{}", fixed(value / 10f64.powi(power), decimals), power_of_ten(power))
}

/// `10⁻⁹`.
pub(crate) fn power_of_ten(power: i32) -> String {
    format!("10{}", superscript(power))
}

/// A number in three significant digits, as a label beside a bar: `0.0123`, `7.35`, `841`,
/// `1.2×10⁶`.
pub(crate) fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        // Adding 0 turns -0 into 0.
        return format!("{}", value + 0.0);
    }
    let power = value.abs().log10().floor() as i32;
    if (-4..5).contains(&power) {
        let digits = (2 - power).max(0) as usize;
        let text = fixed(value, digits);
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else {
        with_power(value, power, 1)
    }
}

/// A number with so many decimals, more where only 0 would be left of it: a minus before 0.0 would
/// say what no digit shows. `−1.3`, `−0.04`, `0.0`.
pub(crate) fn decimals(value: f64, decimals: usize) -> String {
    let size = value.abs();
    let mut text = fixed(size, decimals);
    if size > 0.0 && !text.contains(|c: char| matches!(c, '1'..='9')) {
        text = format!("{size:.0e}");
        let parts = text.split_once('e').and_then(|(digit, power)| Some((digit, power.parse::<i32>().ok()?)));
        if let Some((digit, power)) = parts {
            text = match power {
                -5.. => fixed(size, power.unsigned_abs() as usize),
                _ => format!("{digit}×{}", power_of_ten(power)),
            };
        }
    }
    if value < 0.0 { format!("−{text}") } else { text }
}

/// A measured share in per cent: `62.0 %`, `0.4 %`, `78.1 %`; `0 %` and `100 %` only where exact,
/// else `< 0.1 %`, `> 99.9 %`.
pub(crate) fn percent(share: f64) -> String {
    // Adding 0 turns -0, the sum of nothing, into 0.
    let value = 100.0 * share + 0.0;
    if value > 0.0 && value < 0.05 {
        return "< 0.1 %".to_owned();
    }
    if (99.95..100.0).contains(&value) {
        return "> 99.9 %".to_owned();
    }
    if value == 0.0 || value == 100.0 { format!("{value} %") } else { format!("{value:.1} %") }
}

/// A chosen level in per cent: `95 %`, `99.9 %`.
pub(crate) fn level(share: f64) -> String {
    percent(share).replace(".0 %", " %")
}

/// The ends of an interval in per cent, outwards where no decimal shows the difference: never `>
/// 99.9 %`, but `100 %`.
pub(crate) fn limits([lower, upper]: [f64; 2]) -> [String; 2] {
    let outward = |share: f64, end: f64| if (share - end).abs() < 0.0005 { percent(end) } else { percent(share) };
    [outward(lower, 0.0), outward(upper, 1.0)]
}

/// `79.8 – 98.4 %`.
pub(crate) fn percent_range(interval: [f64; 2]) -> String {
    let [lower, upper] = limits(interval);
    format!("{}\u{a0}–\u{a0}{upper}", lower.trim_end_matches(" %"))
}

/// A count with separated thousands.
pub(crate) fn grouped(count: u64) -> String {
    count.separate_with_commas()
}

/// `3.2 times WCE`; `equal to WCE (attained)` where the factor rounds to 1.
pub(crate) fn multiple(factor: f64, of: &str) -> String {
    match short(factor).as_str() {
        "1" => format!("equal to {of} (attained)"),
        factor => format!("{factor} times {of}"),
    }
}

/// Writes a number of things: `1 class`, `3 classes`.
pub fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{} {}", grouped(count as u64), if count == 1 { one } else { several })
}

/// A difference of shares in percentage points: `5 points`, `1 point`.
pub(crate) fn points(share: f64) -> String {
    let value = short(100.0 * share);
    let word = if value == "1" { "point" } else { "points" };
    format!("{value} {word}")
}

/// `T1`, `T1 and T1'`, `T1, T3 and T3'`.
pub(crate) fn listed(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The sentence with a capital letter in front.
pub(crate) fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

/// Keeps a number and its unit, and both sides of an equation, on one line.
pub(crate) fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%").replace(" = ", "\u{a0}=\u{a0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_is_replaced_and_what_joins_is_kept() {
        let hidden = "\u{1b}\u{9b}\u{7f}\u{61c}\u{200b}\u{200e}\u{200f}\u{202e}\u{2060}\u{2069}\u{206f}\u{feff}\u{fff9}\u{fffb}\
                      \u{fffe}\u{e0000}\u{e0041}\u{e007f}";
        assert!(readable(hidden).chars().all(|c| c == '\u{fffd}'));
        for shown in ["نمی\u{200c}خواهم", "ക്\u{200d}", "👩\u{200d}🔬", "größe 1", "\u{fffd}"] {
            assert_eq!(readable(shown), shown);
        }
    }

    #[test]
    fn text_in_markdown_is_text() {
        assert_eq!(in_markdown("<b>|a_b*\u{1b}\\"), "&lt;b\\>\\|a\\_b\\*\u{fffd}\\\\");
        assert_eq!(["a b", "a`b``c", "\n"].map(in_code), ["`a b`", "``` a`b``c ```", "`\u{fffd}`"]);
    }

    #[test]
    fn one_point_is_no_points() {
        assert_eq!([0.01, 0.05, 0.0125, 0.0].map(points), ["1 point", "5 points", "1.25 points", "0 points"]);
    }

    #[test]
    fn counts_and_lists_are_grammatical() {
        assert_eq!([1, 2].map(|n| counted(n, "class", "classes")), ["1 class", "2 classes"]);
        assert_eq!(listed(&["T3"]), "T3");
        assert_eq!(listed(&["T1", "T3", "T3'"]), "T1, T3 and T3'");
    }

    #[test]
    fn a_bound_that_is_attained_is_called_so() {
        assert_eq!(multiple(3.24, "WCE"), "3.24 times WCE");
        for factor in [1.0, 0.9999, 1.004] {
            assert_eq!(multiple(factor, "WCE"), "equal to WCE (attained)");
        }
        assert_eq!(multiple(1.01, "WCE"), "1.01 times WCE");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.01234, 7.349, 841.2, 1_234_567.0, 0.5, 12.0, 99_999.0, -0.0].map(short),
            ["0.0123", "7.35", "841", "1.2×10⁶", "0.5", "12", "99999", "0"]
        );
        assert_eq!(
            [0.62, 0.004, 1.0, 0.7812, -0.0, 1e-7, 0.99999].map(percent),
            ["62.0 %", "0.4 %", "100 %", "78.1 %", "0 %", "< 0.1 %", "> 99.9 %"]
        );
        assert_eq!([0.95, 0.999, 1.0 - 1e-6].map(level), ["95 %", "99.9 %", "> 99.9 %"]);
    }

    #[test]
    fn numbers_by_their_power_of_ten() {
        assert_eq!([fixed(0.5, 2), fixed(7.6, 0), fixed(-0.25, 3)], ["0.50", "8", "-0.250"]);
        assert_eq!([with_power(5e7, 7, 0), with_power(-1.23e-9, -9, 1)], ["5×10⁷", "-1.2×10⁻⁹"]);
    }

    #[test]
    fn an_interval_is_rounded_outwards_at_its_ends() {
        assert_eq!(limits([0.00031, 0.99969]), ["0 %", "100 %"]);
        assert_eq!(limits([0.99969, 1.0]), ["> 99.9 %", "100 %"]);
        assert_eq!(percent_range([0.798, 0.984]), "79.8\u{a0}–\u{a0}98.4 %");
    }

    #[test]
    fn no_sign_stands_before_a_nought() {
        let small = [-0.05, -0.0499, 0.01, -0.000951, 1e-5, -4.2e-7, 1.2e-200, -12.34, 0.0, -0.0];
        let said = small.map(|value| decimals(value, 1));
        assert_eq!(said, ["−0.1", "−0.05", "0.01", "−0.001", "0.00001", "−4×10⁻⁷", "1×10⁻²⁰⁰", "−12.3", "0.0", "0.0"]);
        assert_eq!([-0.004, 0.996, -0.0].map(|value| decimals(value, 2)), ["−0.004", "1.00", "0.00"]);
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
