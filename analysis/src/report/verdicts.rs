//! Verdicts in words: each for `report.json`; for readers those that differ in the margin or the
//! statement alone said once.

use std::fmt;

use car_spectral::bounds::{NotApplicable, Verdict, VerdictCounts};
use car_spectral::confusion::WrittenMargin;

use crate::results::{BoundReport, ModelReport, SplitReport, Statement, Step, TrainToTest, VerdictSentence};
use crate::words::{counted, listed, multiple, percent, short};

/// What `report.json` says in words of each step that was checked.
pub(super) fn verdict_sentences(
    test: &SplitReport,
    step: Option<&TrainToTest>,
    bounds: &[BoundReport],
) -> Vec<VerdictSentence> {
    let plain = |id: &str, sentence| VerdictSentence { id: id.to_owned(), sentence, ..VerdictSentence::default() };
    let steps = step.map(|step| plain("train-to-test", step.sentence.clone()));
    let of_bounds = bounds.iter().map(|bound| {
        let finding = Finding::of(bound).to_string();
        VerdictSentence {
            id: bound.id.to_string(),
            margin: bound.margin,
            sentence: format!("{}{}: {finding}", bound.id, at_margins(bound.margin.as_slice())),
            counts: Some(bound.values.verdict),
            finding: Some(finding),
        }
    });
    std::iter::once(plain("chain", chain_sentence(test))).chain(steps).chain(of_bounds).collect()
}

/// How loose the chain is on test data.
pub(super) fn chain_sentence(test: &SplitReport) -> String {
    let chain = &test.chain;
    if !chain.holds {
        return format!(
            "The chain WCE ≤ √(K−1) ‖CΛ‖₂ fails on the test matrix ({} against {}): it is a theorem, so this is a fault of the program; please report it.",
            chain.wce, chain.upper_bound
        );
    }
    let measured = chain.slack_factor.map_or_else(
        || "on the test matrix every part of it is 0".to_owned(),
        |factor| {
            let (bound, wce) = (short(chain.upper_bound), short(chain.wce));
            format!("on the test matrix its right side, {bound}, is {}", multiple(factor, &format!("WCE ({wce})")))
        },
    );
    format!(
        "The chain λⱼ eⱼ ≤ WCE ≤ √(K−1) ‖CΛ‖₂ holds for every matrix; what is measured is how loose it is: {measured}."
    )
}

/// What may and may not be concluded from training for test data.
pub(super) fn step_sentence(step: &Step, train: &SplitReport) -> String {
    let population = match &step.certificate {
        Some(found) => {
            let [lower, upper] = found.self_bounding.map(short);
            format!("held-out data put the population's value in [{lower}, {upper}] (T6')")
        }
        None => step.precondition.map_or_else(String::new, |precondition| format!("T6 is {precondition}")),
    };
    let smallest = train.class_counts.iter().copied().min().unwrap_or(0);
    format!(
        "Train to test is measured, not proved: ‖CΛ‖₂ is {} on training data and {} on test data; no theorem here bounds that step with {} in the smallest class; {population}.",
        short(train.hard.spectral_norm_weighted.value),
        short(step.test.value),
        counted(smallest as usize, "sample", "samples"),
    )
}

/// What is to be known of a bound beside its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Note<'a> {
    /// A precondition fails; what the statement would give K classes at best, if anything.
    NotApplicable {
        precondition: NotApplicable,
        least_value: Option<f64>,
        least_total: Option<&'a [Option<f64>]>,
        num_classes: usize,
    },
    /// T2 has no total.
    FirstTermAlone,
    /// The relative entropy that no network comes below, and whether the bound is vacuous for that
    /// reason alone.
    LeastKl { least: f64, vacuous: bool },
}

impl<'a> Note<'a> {
    /// `None` if there is nothing to say.
    pub(super) fn on(bound: &'a BoundReport) -> Option<Self> {
        if let Some(precondition) = bound.precondition {
            let (least_value, least_total) = (bound.values.least_value, bound.values.least_total.as_deref());
            let num_classes = bound.values.verdict.total();
            return Some(Self::NotApplicable { precondition, least_value, least_total, num_classes });
        }
        if bound.id == Statement::T2 {
            return Some(Self::FirstTermAlone);
        }
        let vacuous = bound.values.vacuous_whatever_the_weights;
        bound.values.least_kl.map(|least| Self::LeastKl { least, vacuous })
    }
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotApplicable { precondition, least_value, least_total, num_classes } => {
                write!(f, "{precondition}")?;
                if let Some(least) = least_value {
                    write!(f, "; for a randomised one the radius is at least {} (KL = 0)", short(least))?;
                    // By S3 a class's bound is √(K−1) (‖C_S‖₂ + radius).
                    let useless = (num_classes.saturating_sub(1) as f64).sqrt() * least >= 1.0;
                    f.write_str(if useless { ", too much for any bound of a class's error below 1" } else { "" })?;
                }
                let least = || least_total.into_iter().flatten().flatten().copied();
                let (smallest, largest) = (least().fold(f64::INFINITY, f64::min), least().fold(0.0, f64::max));
                if smallest.is_finite() {
                    write!(f, "; for a randomised one it is at least {}", percent(smallest))?;
                    if smallest < largest {
                        write!(f, " (most samples) to {} (fewest)", percent(largest))?;
                    }
                    f.write_str(", with KL = 0 and no training error")?;
                }
                Ok(())
            }
            Self::FirstTermAlone => f.write_str(
                "first term alone: the complexity term is not negative and known up to constants only, so there is no \
                 total; vacuous where the first term is at least 1",
            ),
            Self::LeastKl { least, vacuous } => {
                let for_all =
                    if vacuous { ", so the bound is vacuous for every network of this depth and width" } else { "" };
                write!(f, "inside the non-trivial range KL ≥ {} whatever the weights{for_all}", short(least))
            }
        }
    }
}

/// What is found of a statement at a margin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Finding<'a> {
    NotApplicable(Note<'a>),
    /// What the first term of T2 alone decides.
    FirstTerm(VerdictCounts),
    Judged(VerdictCounts),
    /// T3'', which is never above 1, lies above 1 − 10⁻⁶ for all of so many classes.
    AllNearlyOne(usize),
}

impl<'a> Finding<'a> {
    fn of(bound: &'a BoundReport) -> Self {
        let counts = bound.values.verdict;
        if let Some(note) = Note::on(bound).filter(|_| !bound.applicable) {
            return Self::NotApplicable(note);
        }
        match bound.id {
            Statement::T2 => Self::FirstTerm(counts),
            Statement::T3DoublePrime if counts.vacuous == counts.total() => Self::AllNearlyOne(counts.total()),
            _ => Self::Judged(counts),
        }
    }
}

impl fmt::Display for Finding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotApplicable(note) => write!(f, "{note}."),
            Self::FirstTerm(counts) => f.write_str(&first_term(counts)),
            Self::Judged(counts) => f.write_str(&by_verdict(counts)),
            Self::AllNearlyOne(classes) => write!(
                f,
                "vacuous for all {classes} classes: the bound is above 1 − 10⁻⁶ and so says nothing about the error."
            ),
        }
    }
}

/// "vacuous for all 100 classes: the bound is at least 1 and so says nothing about the error."
/// Verdicts that no class got are left out; the most serious comes first.
fn by_verdict(counts: &VerdictCounts) -> String {
    let total = counts.total();
    let mut parts = vec![
        (counts.violated, Verdict::Violated),
        (counts.holds, Verdict::Holds),
        (counts.undecided, Verdict::Undecided),
        (counts.vacuous, Verdict::Vacuous),
        (counts.not_applicable, Verdict::NotApplicable),
    ];
    parts.retain(|&(count, _)| count > 0);
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

/// What the first term of T2 alone decides, class by class.
fn first_term(counts: &VerdictCounts) -> String {
    let parts: Vec<String> = [
        (counts.vacuous, "at least 1 for", "so that T2 is vacuous for them"),
        (
            counts.holds,
            "below 1 and not below the interval of the test error for",
            "so that T2 covers the interval too",
        ),
        (counts.undecided, "below the upper end of the interval of the test error for", "which decides nothing"),
    ]
    .into_iter()
    .filter(|(count, _, _)| *count > 0)
    .map(|(count, what, so)| format!("{what} {count} of {} classes, {so}", counts.total()))
    .collect();
    format!("its first term alone (the constants of the complexity term are unknown) is {}.", parts.join("; "))
}

/// ` at g = 0.1, 0.5 and 2`.
fn at_margins(margins: &[f64]) -> String {
    let margins: Vec<WrittenMargin> = margins.iter().copied().map(WrittenMargin).collect();
    if margins.is_empty() { String::new() } else { format!(" at g = {}", listed(&margins)) }
}

/// One finding on one or several statements at one or several margins.
#[derive(Clone, Debug)]
pub(super) struct Said<'a> {
    /// The statements.
    pub ids: Vec<Statement>,
    margins: Vec<f64>,
    finding: Finding<'a>,
    /// The verdicts counted over classes.
    pub counts: VerdictCounts,
    /// The whole sentence.
    pub sentence: String,
}

/// The verdicts on a model's bounds, in their order, with equal findings of a statement put
/// together as "at g = 0.1, 0.5 and 2", and then those of several statements at the same margins as
/// "T3 and T3'", each in words where it is first named.
pub(super) fn said_once(model: &ModelReport) -> Vec<Said<'_>> {
    let each = model.bounds.iter().map(|bound| Said {
        ids: vec![bound.id],
        margins: bound.margin.into_iter().collect(),
        finding: Finding::of(bound),
        counts: bound.values.verdict,
        sentence: String::new(),
    });
    let by_margin = put_together(each, |first, other| {
        let together = first.ids == other.ids && !other.margins.is_empty();
        together.then(|| first.margins.extend(&other.margins)).is_some()
    });
    let mut merged = put_together(by_margin.into_iter(), |first, other| {
        let together = first.margins == other.margins && !first.ids.contains(&other.ids[0]);
        together.then(|| first.ids.extend(&other.ids)).is_some()
    });
    let mut known: Vec<Statement> = Vec::new();
    for verdict in &mut merged {
        let named = |&id: &Statement| match known.contains(&id) {
            true => id.to_string(),
            false => format!("{id} ({})", in_words(id)),
        };
        let named: Vec<String> = verdict.ids.iter().map(named).collect();
        verdict.sentence = format!("{}{}: {}", listed(&named), at_margins(&verdict.margins), verdict.finding);
        known.extend(&verdict.ids);
    }
    merged
}

/// Lets each finding join an earlier one that is equal, where `join` takes it in.
fn put_together<'a>(
    findings: impl Iterator<Item = Said<'a>>,
    join: impl Fn(&mut Said<'a>, &Said<'a>) -> bool,
) -> Vec<Said<'a>> {
    let mut together: Vec<Said> = Vec::new();
    for finding in findings {
        let alike = |other: &&mut Said| (other.finding, other.counts) == (finding.finding, finding.counts);
        let joined = together.iter_mut().filter(alike).any(|other| join(other, &finding));
        if !joined {
            together.push(finding);
        }
    }
    together
}

/// The statement in words, for where it is first named.
fn in_words(statement: Statement) -> &'static str {
    match statement {
        Statement::T1 => "Morvant et al. 2012",
        Statement::T1With4K => "the same, as proved in THEORY.md",
        Statement::T1Prime => "T1 without its condition",
        Statement::T1DoublePrime => "each class by its own samples",
        Statement::T2 => "Zhu et al. 2026",
        Statement::T3 => "a margin bound of each class",
        Statement::T3Prime => "a sharper T3",
        Statement::T3DoublePrime => "T3' with kl inverted, sharper still",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::BoundValues;

    fn bound(id: Statement, margin: Option<f64>, counts: VerdictCounts) -> BoundReport {
        let values = BoundValues { verdict: counts, ..BoundValues::default() };
        BoundReport { id, margin, applicable: true, values, ..BoundReport::default() }
    }

    fn all_vacuous(classes: usize) -> VerdictCounts {
        VerdictCounts { vacuous: classes, ..VerdictCounts::default() }
    }

    #[test]
    fn findings_that_differ_in_the_margin_or_the_statement_alone_are_said_once() {
        use Statement::*;
        let vacuous = |id, g| bound(id, Some(g), all_vacuous(9));
        let refused = |id, margin, precondition, least_value| {
            let mut bound = bound(id, margin, VerdictCounts { not_applicable: 9, ..Default::default() });
            bound.values.least_value = least_value;
            BoundReport { applicable: false, precondition: Some(precondition), ..bound }
        };
        let at_five = |id| refused(id, Some(5.0), NotApplicable::ResidualNetwork, None);
        let bounds = vec![
            vacuous(T3, 0.1),
            vacuous(T3Prime, 0.1),
            vacuous(T3DoublePrime, 0.1),
            vacuous(T3, 0.15),
            bound(T3Prime, Some(0.15), all_vacuous(8)),
            vacuous(T3, 2.0),
            bound(T3, Some(3.0), VerdictCounts { holds: 9, ..Default::default() }),
            vacuous(T2, 1e6),
            vacuous(T2, 1e300),
            at_five(T3),
            at_five(T3Prime),
            refused(T1, None, NotApplicable::NoTrainingData, None),
            refused(T1Prime, None, NotApplicable::NoTrainingData, None),
            refused(T1, None, NotApplicable::DeterministicClassifier, Some(0.5)),
            refused(T1Prime, None, NotApplicable::DeterministicClassifier, Some(0.25)),
        ];
        let model = ModelReport { bounds, ..Default::default() };
        let said = said_once(&model);
        let sentences: Vec<&str> = said.iter().map(|said| said.sentence.split_once(": ").unwrap().0).collect();
        assert_eq!(
            sentences,
            [
                "T3 (a margin bound of each class) at g = 0.1, 0.15 and 2",
                "T3' (a sharper T3) at g = 0.1",
                "T3'' (T3' with kl inverted, sharper still) at g = 0.1",
                "T3' at g = 0.15",
                "T3 at g = 3",
                "T2 (Zhu et al. 2026) at g = 1e6 and 1e300",
                "T3 and T3' at g = 5",
                "T1 (Morvant et al. 2012) and T1' (T1 without its condition)",
                "T1",
                "T1'",
            ]
        );
        assert_eq!(said[7].ids, [T1, T1Prime]);
        assert!(
            said[2].sentence.ends_with(
                "vacuous for all 9 classes: the bound is above 1 − 10⁻⁶ and so says nothing about the error."
            )
        );
        assert!(said[8].sentence.ends_with(
            "; for a randomised one the radius is at least 0.5 (KL = 0), too much for any bound of a class's error \
             below 1."
        ));
    }

    #[test]
    fn the_most_serious_comes_first_and_a_violation_is_no_disproof() {
        let of = |verdicts: &[Verdict]| by_verdict(&verdicts.iter().copied().collect());
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

    #[test]
    fn the_first_term_of_t2_is_said_to_decide_only_what_it_decides() {
        let sentence = |verdicts: &[Verdict]| first_term(&verdicts.iter().copied().collect());
        assert_eq!(
            sentence(&[Verdict::Vacuous; 2]),
            "its first term alone (the constants of the complexity term are unknown) is at least 1 for 2 of \
             2 classes, so that T2 is vacuous for them."
        );
        let mixed = sentence(&[Verdict::Undecided, Verdict::Vacuous, Verdict::Holds, Verdict::Undecided]);
        for part in [
            "at least 1 for 1 of 4 classes",
            "below 1 and not below the interval of the test error for 1 of 4 classes, so that T2 covers",
            "below the upper end of the interval of the test error for 2 of 4 classes, which decides nothing.",
        ] {
            assert!(mixed.contains(part), "{mixed}");
        }
    }
}
