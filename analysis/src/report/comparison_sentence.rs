//! One model against another, and one group of seeds against another, in sentences.

use super::{Comparison, ComparisonVerdict, Difference, GroupComparison, Report, SeedDifference};
use crate::words::{counted, listed, percent};

/// Deciding classes that are named; of more only the number is said.
const NAMED: usize = 4;

/// "b against a: error +5.4 points [4.1, 6.7], worse; ...".
pub(super) fn comparison_sentence(report: &Report, found: &Comparison) -> String {
    let (a, b) = (&report.models[found.a], &report.models[found.b]);
    let deciding: Vec<&str> = found.worst_class.deciding.iter().map(|&class| b.class_names[class].as_str()).collect();
    let by = match deciding.len() {
        0 => String::new(),
        few if few <= NAMED => format!(" (decided by {})", listed(&deciding)),
        many => format!(" (decided by {many} classes, one of them the better model's worst)"),
    };
    let classes = |wanted: ComparisonVerdict| found.classes.iter().filter(|class| class.verdict == wanted).count();
    let counted_classes = match (classes(ComparisonVerdict::Better), classes(ComparisonVerdict::Worse)) {
        (0, 0) => "no single class is decided".to_owned(),
        (better, worse) => format!("{} better and {worse} worse", counted(better, "class is", "classes are")),
    };
    format!(
        "{} against {}: the worst class {}{by}; over all samples {}; mean over classes {}; {counted_classes}.",
        b.name,
        a.name,
        judged(&found.worst_class.difference),
        judged(&found.overall),
        judged(&found.macro_average),
    )
}

/// A group's sentences: over seeds, then of these networks.
pub(super) fn group_sentences(report: &Report, found: &GroupComparison) -> Vec<String> {
    let seeds = format!("{} and {} networks", found.models_b.len(), found.models_a.len());
    let pairing = if found.paired { "paired by seed" } else { "not paired by seed" };
    let mut sentences = vec![format!(
        "{} against {}, over seeds ({seeds}, {pairing}; differences between seeds taken for normal): error of the worst class {}; over all samples \
         {}.",
        found.b,
        found.a,
        seeded(&found.worst_class),
        seeded(&found.overall)
    )];
    if let Some(these) = &found.these_networks {
        sentences.push(format!(
            "{} against {}, these networks only, whatever another seed would give: mean error of the worst class {} with probability {}.",
            found.b,
            found.a,
            judged(these),
            percent(1.0 - report.settings.delta)
        ));
    }
    sentences
}

fn judged(found: &Difference) -> String {
    let Difference { difference, interval, verdict } = found;
    format!("{} points of error [{}, {}], {}", signed(*difference), signed(interval[0]), signed(interval[1]), verdict)
}

fn seeded(found: &SeedDifference) -> String {
    let needed = match (found.verdict, found.seeds_needed) {
        (ComparisonVerdict::Undecided, Some(seeds)) => {
            format!(" (a difference of this size needs about {seeds} seeds)")
        }
        _ => String::new(),
    };
    let difference = signed(found.difference);
    match found.interval {
        Some([lower, upper]) => {
            format!("{difference} points [{}, {}], {}{needed}", signed(lower), signed(upper), found.verdict)
        }
        None => format!("{difference} points with every seed, so nothing is known of other seeds, {}", found.verdict),
    }
}

/// A share in points with its sign: `+1.3`, `−0.4`, `0`.
pub(super) fn signed(share: f64) -> String {
    let points = signed_tenths(share);
    if points == "0.0" { "0".to_owned() } else { points }
}

/// The same, always with a decimal, as a column of a table has it.
pub(super) fn signed_tenths(share: f64) -> String {
    let points = format!("{:.1}", 100.0 * share.abs());
    match points.as_str() {
        "0.0" => points,
        _ if share < 0.0 => format!("−{points}"),
        _ => format!("+{points}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_a_sign() {
        assert_eq!([0.0134, -0.004, 0.0, -0.0001, 1.0].map(signed), ["+1.3", "−0.4", "0", "0", "+100.0"]);
    }
}
