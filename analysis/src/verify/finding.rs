//! Verdicts in words.

use car_spectral::bounds::{Verdict, VerdictCounts};

/// What a verdict means, with the two caveats that belong to it.
fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "a precondition of the statement fails, so it gives no number",
        Verdict::Vacuous => "the bound is at least 1 and so says nothing about the error",
        Verdict::Violated => {
            "the bound lies below the whole held-out interval of the error; this is no disproof, since the bound itself may \
             fail with probability delta, and so may the interval"
        }
        Verdict::Holds => "the bound lies at or above the whole held-out interval of the error",
        Verdict::Undecided => "the bound lies inside the held-out interval of the error: too few samples to tell",
    }
}

/// What is found of a statement: "vacuous for all 100 classes: the bound is at least 1 and so says nothing about the
/// error." Verdicts that no class got are left out; the most serious comes first.
pub(super) fn of_counts(counts: &VerdictCounts) -> String {
    let total = counts.total();
    let parts: Vec<(usize, Verdict)> = [
        (counts.violated, Verdict::Violated),
        (counts.holds, Verdict::Holds),
        (counts.undecided, Verdict::Undecided),
        (counts.vacuous, Verdict::Vacuous),
        (counts.not_applicable, Verdict::NotApplicable),
    ]
    .into_iter()
    .filter(|&(count, _)| count > 0)
    .collect();
    match parts[..] {
        [] => "no class to judge.".to_owned(),
        [(_, verdict)] => format!("{verdict} for all {total} classes: {}.", meaning(verdict)),
        _ => {
            let shares: Vec<String> = parts.iter().map(|(count, verdict)| format!("{verdict} for {count}")).collect();
            let violated = if counts.violated > 0 {
                format!("; violated means {}", meaning(Verdict::Violated))
            } else {
                String::new()
            };
            format!("of {total} classes {}{violated}.", shares.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_serious_comes_first_and_a_violation_is_no_disproof() {
        let of = |verdicts: &[Verdict]| of_counts(&verdicts.iter().copied().collect());
        assert_eq!(
            of(&[Verdict::Vacuous; 3]),
            "vacuous for all 3 classes: the bound is at least 1 and so says nothing about the error."
        );
        let mixed = of(&[Verdict::Holds, Verdict::Violated, Verdict::Holds]);
        assert!(mixed.starts_with("of 3 classes violated for 1, holds for 2; violated means"));
        assert!(mixed.contains("no disproof"));
        assert_eq!(
            of(&[Verdict::NotApplicable, Verdict::Undecided]),
            "of 2 classes undecided for 1, not applicable for 1."
        );
        assert_eq!(of(&[]), "no class to judge.");
    }
}
