//! The statements T1, T1', T2, T3 and T3' on one model, with T4's floor and T5's verdicts.

use car_spectral::bounds::{
    Architecture, Interval, MarginStatement, NotApplicable, Outcome, Posterior, TrainingMargins, Verdict,
    equal_shares_floor, morvant, per_class_margin, spectral_term, unconditional, vacuous_whatever_the_weights, verdict,
};

use car_spectral::confusion::WrittenMargin;

use super::Settings;
use super::split::AnalysedSplit;
use crate::AnalysisError;
use crate::report::{BoundReport, ClassVerdict, VerdictCounts, VerdictSentence, short};

/// Everything the statements are about.
pub(super) struct Statements<'a> {
    pub architecture: &'a Architecture,
    pub train_counts: Option<&'a [u64]>,
    pub train: Option<&'a AnalysedSplit>,
    pub weights: &'a [f64],
    /// T5's interval of each class's error.
    pub intervals: &'a [Interval],
    pub test_errors: &'a [Option<f64>],
    pub worst_class: Option<usize>,
    pub settings: &'a Settings,
}

type Judged = (Vec<BoundReport>, Vec<VerdictSentence>);

impl Statements<'_> {
    /// All statements, in the order of `THEORY.md`.
    pub fn judge(&self) -> Result<Judged, AnalysisError> {
        let (mut bounds, mut sentences) = (Vec::new(), Vec::new());
        for (bound, sentence) in [self.t1()?, self.t1_prime()?] {
            bounds.push(bound);
            sentences.push(sentence);
        }
        for (bound, sentence) in self.t2()?.into_iter().chain(self.t3()?) {
            bounds.push(bound);
            sentences.push(sentence);
        }
        Ok((bounds, sentences))
    }

    fn num_classes(&self) -> usize {
        self.weights.len()
    }

    fn not_applicable(&self, id: &str, margin: Option<f64>, reason: String) -> (BoundReport, VerdictSentence) {
        let reason = reason.replace("||", "‖");
        let counts = VerdictCounts { not_applicable: self.num_classes(), ..VerdictCounts::default() };
        let sentence =
            VerdictSentence { id: id.into(), margin, sentence: sentence(id, margin, &reason), counts: Some(counts) };
        let bound = BoundReport {
            id: id.into(),
            margin,
            applicable: false,
            reason: Some(reason),
            verdict: counts,
            ..BoundReport::default()
        };
        (bound, sentence)
    }

    fn t1(&self) -> Result<(BoundReport, VerdictSentence), AnalysisError> {
        let Some(counts) = self.train_counts else {
            return Ok(self.not_applicable("T1", None, NotApplicable::NoTrainingData.to_string()));
        };
        let outcome = morvant(counts, Posterior::Deterministic, self.settings.delta)?;
        let reason = outcome.reason().expect("a deterministic classifier never meets the precondition");
        Ok(self.not_applicable("T1", None, reason.to_string()))
    }

    /// T1' needs a randomised classifier too; what it would give at best, with KL = 0, is said with the reason.
    fn t1_prime(&self) -> Result<(BoundReport, VerdictSentence), AnalysisError> {
        let Some(counts) = self.train_counts else {
            return Ok(self.not_applicable("T1'", None, NotApplicable::NoTrainingData.to_string()));
        };
        let at_best = unconditional(counts, Posterior::Gibbs { kl: 0.0 }, self.settings.delta)?;
        let reason = match (unconditional(counts, Posterior::Deterministic, self.settings.delta)?.reason(), at_best) {
            (Some(reason), Outcome::Applies(best)) => {
                let useless = if best.radius >= 1.0 { ", vacuous" } else { "" };
                let radius = short(best.radius);
                format!("{reason}; for a randomised one the radius is at least {radius} (KL = 0){useless}")
            }
            (_, Outcome::NotApplicable(reason)) => reason.to_string(),
            (None, Outcome::Applies(_)) => unreachable!("a deterministic classifier has no finite KL"),
        };
        Ok(self.not_applicable("T1'", None, reason))
    }

    /// T2's first term alone. Its second term is not negative and known up to constants only, so "at least 1" and "at
    /// or above the interval" carry over to the whole bound, and "below the interval" does not.
    fn t2(&self) -> Result<Vec<(BoundReport, VerdictSentence)>, AnalysisError> {
        let Some(train) = self.train else {
            return Ok(vec![self.not_applicable("T2", None, NotApplicable::NoTrainingData.to_string())]);
        };
        let floor = self.floor(train.counts.class_counts())?;
        let at_margins = train.report.margins.iter().zip(&train.column_non_zeros);
        at_margins
            .map(|(at, non_zeros)| {
                let term = spectral_term(self.weights, at.norms.spectral_norm_weighted.upper, non_zeros)?;
                let first_term: Vec<Option<f64>> = term.first_term.iter().copied().map(Some).collect();
                let verdicts = self.verdicts(&first_term, |verdict| match verdict {
                    Verdict::Violated => Verdict::Undecided,
                    other => other,
                })?;
                let bound = BoundReport {
                    id: "T2".into(),
                    margin: Some(at.margin),
                    applicable: true,
                    reason: Some("first term alone: the complexity term is not negative and known up to constants only, so there is no total; vacuous where the first term is at least 1".into()),
                    tightness_at_worst: self.tightness(&first_term),
                    first_term: Some(first_term),
                    floor: Some(floor.clone()),
                    ..BoundReport::default()
                };
                let sentence = first_term_sentence(at.margin, &verdicts);
                Ok(self.with_verdicts(bound, verdicts, Some(sentence)))
            })
            .collect()
    }

    fn t3(&self) -> Result<Vec<(BoundReport, VerdictSentence)>, AnalysisError> {
        let positive = self.settings.grid.margins().iter().filter(|&&margin| margin > 0.0).count();
        let network = match self.architecture.bias_free_relu() {
            Ok(network) => network,
            Err(reason) => {
                let reason = reason.to_string();
                return Ok(["T3", "T3'"].map(|id| self.not_applicable(id, None, reason.clone())).into());
            }
        };
        let Some(train) = self.train else {
            let reason = NotApplicable::NoTrainingData.to_string();
            return Ok(["T3", "T3'"].map(|id| self.not_applicable(id, None, reason.clone())).into());
        };
        let class_counts = train.counts.class_counts();
        let floor = self.floor(class_counts)?;
        let mut judged = Vec::new();
        for (index, &margin) in self.settings.grid.margins().iter().enumerate() {
            let margin_errors = train.counts.margin_errors(index);
            let training =
                TrainingMargins { margin, grid_size: positive.max(1), margin_errors: &margin_errors, class_counts };
            let found = match per_class_margin(self.architecture, Some(training), self.settings.delta)? {
                Outcome::Applies(found) => found,
                Outcome::NotApplicable(reason) => {
                    judged.extend(["T3", "T3'"].map(|id| self.not_applicable(id, Some(margin), reason.to_string())));
                    continue;
                }
            };
            for (id, statement) in [("T3", MarginStatement::T3), ("T3'", MarginStatement::T3Prime)] {
                let for_all = if vacuous_whatever_the_weights(statement, network.depth(), network.width(), class_counts)
                {
                    ", so the bound is vacuous for every network of this depth and width"
                } else {
                    ""
                };
                let classes: Vec<_> = found
                    .classes
                    .iter()
                    .map(|class| {
                        let bounds = class.value()?;
                        if id == "T3" { bounds.t3.value().copied() } else { Some(bounds.t3_prime) }
                    })
                    .collect();
                let part = |of: fn(&car_spectral::bounds::MarginBound) -> f64| -> Vec<Option<f64>> {
                    classes.iter().map(|bound| bound.as_ref().map(of).filter(|value| value.is_finite())).collect()
                };
                let total = part(|bound| bound.total);
                let all: Vec<Option<f64>> =
                    classes.iter().map(|bound| bound.as_ref().map(|bound| bound.total)).collect();
                let verdicts = self.verdicts(&all, |verdict| verdict)?;
                let bound = BoundReport {
                    id: id.into(),
                    margin: Some(margin),
                    applicable: true,
                    reason: Some(format!(
                        "inside the non-trivial range KL ≥ {} whatever the weights{for_all}",
                        short(found.least_kl)
                    )),
                    tightness_at_worst: self.tightness(&total),
                    first_term: Some(part(|bound| bound.first_term)),
                    complexity: Some(part(|bound| bound.complexity)),
                    total: Some(total),
                    floor: Some(floor.clone()),
                    ..BoundReport::default()
                };
                judged.push(self.with_verdicts(bound, verdicts, None));
            }
        }
        Ok(judged)
    }

    /// T4 of a bound that gives every class delta/K.
    fn floor(&self, class_counts: &[u64]) -> Result<Vec<Option<f64>>, AnalysisError> {
        let floor = equal_shares_floor(class_counts, self.settings.delta)?;
        Ok(floor.into_iter().zip(class_counts).map(|(floor, &count)| (count > 0).then_some(floor)).collect())
    }

    fn verdicts(
        &self,
        bounds: &[Option<f64>],
        read: impl Fn(Verdict) -> Verdict,
    ) -> Result<Vec<Verdict>, AnalysisError> {
        bounds.iter().zip(self.intervals).map(|(&bound, &interval)| Ok(read(verdict(bound, interval)?))).collect()
    }

    fn tightness(&self, bounds: &[Option<f64>]) -> Option<f64> {
        let worst = self.worst_class?;
        let error = self.test_errors[worst].filter(|&error| error > 0.0)?;
        bounds[worst].map(|bound| bound / error)
    }

    fn with_verdicts(
        &self,
        bound: BoundReport,
        verdicts: Vec<Verdict>,
        sentence: Option<String>,
    ) -> (BoundReport, VerdictSentence) {
        let counted: car_spectral::bounds::VerdictCounts = verdicts.iter().copied().collect();
        let counts = VerdictCounts {
            holds: counted.holds,
            violated: counted.violated,
            undecided: counted.undecided,
            vacuous: counted.vacuous,
            not_applicable: counted.not_applicable,
        };
        let name =
            bound.margin.map_or(bound.id.clone(), |margin| format!("{} at g = {}", bound.id, WrittenMargin(margin)));
        let sentence = VerdictSentence {
            id: bound.id.clone(),
            margin: bound.margin,
            sentence: sentence.unwrap_or_else(|| counted.sentence(&name)),
            counts: Some(counts),
        };
        (
            BoundReport {
                class_verdict: Some(verdicts.into_iter().map(class_verdict).collect()),
                verdict: counts,
                ..bound
            },
            sentence,
        )
    }
}

/// What the first term of T2 alone decides, class by class.
fn first_term_sentence(margin: f64, verdicts: &[Verdict]) -> String {
    let classes = |wanted: Verdict| verdicts.iter().filter(|&&verdict| verdict == wanted).count();
    let parts: Vec<String> = [
        (Verdict::Vacuous, "at least 1 for", "so that T2 is vacuous for them"),
        (
            Verdict::Holds,
            "below 1 and not below the interval of the test error for",
            "so that T2 covers the interval too",
        ),
        (Verdict::Undecided, "below the upper end of the interval of the test error for", "which decides nothing"),
    ]
    .into_iter()
    .map(|(verdict, what, so)| (classes(verdict), what, so))
    .filter(|(count, _, _)| *count > 0)
    .map(|(count, what, so)| format!("{what} {count} of {} classes, {so}", verdicts.len()))
    .collect();
    format!(
        "T2 at g = {}: its first term alone (the constants of the complexity term are unknown) is {}.",
        WrittenMargin(margin),
        parts.join("; ")
    )
}

fn sentence(id: &str, margin: Option<f64>, reason: &str) -> String {
    margin.map_or_else(
        || format!("{id}: {reason}."),
        |margin| format!("{id} at g = {}: {reason}.", WrittenMargin(margin)),
    )
}

fn class_verdict(verdict: Verdict) -> ClassVerdict {
    match verdict {
        Verdict::Holds => ClassVerdict::Holds,
        Verdict::Violated => ClassVerdict::Violated,
        Verdict::Undecided => ClassVerdict::Undecided,
        Verdict::Vacuous => ClassVerdict::Vacuous,
        Verdict::NotApplicable => ClassVerdict::NotApplicable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_term_of_t2_is_said_to_decide_only_what_it_decides() {
        let sentence = |verdicts: &[Verdict]| first_term_sentence(0.5, verdicts);
        assert_eq!(
            sentence(&[Verdict::Vacuous; 2]),
            "T2 at g = 0.5: its first term alone (the constants of the complexity term are unknown) is at least 1 for 2 of \
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
