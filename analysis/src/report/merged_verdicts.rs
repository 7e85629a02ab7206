//! Verdicts that differ in the margin or the statement alone, said once: for readers; `report.json` keeps each.

use car_spectral::bounds::VerdictCounts;
use car_spectral::confusion::WrittenMargin;

use crate::results::ModelReport;
use crate::words::listed;

/// One finding on one or several statements at one or several margins.
#[derive(Clone, Debug)]
pub(super) struct MergedVerdict {
    /// The statements, as in `T3 and T3'`.
    pub id: String,
    /// The whole sentence.
    pub sentence: String,
    /// The verdicts counted over classes.
    pub counts: Option<VerdictCounts>,
}

/// A finding before it is written.
struct Finding<'a> {
    ids: Vec<&'a str>,
    margins: Vec<f64>,
    text: &'a str,
    counts: Option<VerdictCounts>,
    /// Whether `text` is the whole sentence, which is never put together with another.
    whole: bool,
}

/// The verdicts of a model, in their order, with equal findings of a statement put together as "at g = 0.1, 0.5 and 2",
/// and then those of several statements at the same margins as "T3 and T3'", each in words where it is first named.
pub(super) fn merged_verdicts(model: &ModelReport) -> Vec<MergedVerdict> {
    let findings = model.verdicts.iter().map(|verdict| Finding {
        ids: vec![verdict.id.as_str()],
        margins: verdict.margin.into_iter().collect(),
        text: verdict.finding.as_deref().unwrap_or(&verdict.sentence),
        counts: verdict.counts,
        whole: verdict.finding.is_none(),
    });
    let by_margin = put_together(findings, |first, other| {
        let together = first.ids == other.ids && !other.margins.is_empty();
        together.then(|| first.margins.extend(&other.margins)).is_some()
    });
    let by_statement = put_together(by_margin.into_iter(), |first, other| {
        let together = first.margins == other.margins && !first.ids.contains(&other.ids[0]);
        together.then(|| first.ids.extend(&other.ids)).is_some()
    });
    let mut known: Vec<&str> = Vec::new();
    by_statement.into_iter().map(|finding| finding.written(&mut known)).collect()
}

/// Lets each finding join an earlier one of the same text and counts, where `join` takes it in.
fn put_together<'a>(
    findings: impl Iterator<Item = Finding<'a>>,
    join: impl Fn(&mut Finding<'a>, &Finding<'a>) -> bool,
) -> Vec<Finding<'a>> {
    let mut together: Vec<Finding> = Vec::new();
    for finding in findings {
        let alike = |other: &&mut Finding| {
            !other.whole && !finding.whole && (other.text, other.counts) == (finding.text, finding.counts)
        };
        let joined = together.iter_mut().filter(alike).any(|other| join(other, &finding));
        if !joined {
            together.push(finding);
        }
    }
    together
}

impl<'a> Finding<'a> {
    fn written(self, known: &mut Vec<&'a str>) -> MergedVerdict {
        if self.whole {
            return MergedVerdict { id: listed(&self.ids), sentence: self.text.to_owned(), counts: self.counts };
        }
        let words: Vec<String> = self
            .ids
            .iter()
            .map(|id| match name(id).filter(|_| !known.contains(id)) {
                Some(name) => format!("{id} ({name})"),
                None => (*id).to_owned(),
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let margins: Vec<String> = self.margins.iter().map(|&g| WrittenMargin(g).to_string()).collect();
        let margins: Vec<&str> = margins.iter().map(String::as_str).collect();
        let at = if margins.is_empty() { String::new() } else { format!(" at g = {}", listed(&margins)) };
        let id = listed(&self.ids);
        known.extend(self.ids);
        MergedVerdict { id, sentence: format!("{}{at}: {}", listed(&words), self.text), counts: self.counts }
    }
}

/// The statement in words, for where it is first named.
fn name(id: &str) -> Option<&'static str> {
    match id {
        "T1" => Some("Morvant et al. 2012"),
        "T1 with 4K" => Some("the same, as proved in THEORY.md"),
        "T1'" => Some("T1 without its condition"),
        "T1''" => Some("each class by its own images"),
        "T2" => Some("Zhu et al. 2026"),
        "T3" => Some("a margin bound of each class"),
        "T3'" => Some("a sharper T3"),
        "T3''" => Some("T3' with kl inverted, sharper still"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::VerdictSentence;

    #[test]
    fn findings_that_differ_in_the_margin_or_the_statement_alone_are_said_once() {
        let verdict = |id: &str, g: f64, text: &str, vacuous: usize| {
            VerdictSentence::of(id, Some(g), text.to_owned(), VerdictCounts { vacuous, ..Default::default() })
        };
        let without = |id: &str| VerdictSentence {
            margin: None,
            ..VerdictSentence::of(id, None, "no data.".into(), VerdictCounts::default())
        };
        let chain = VerdictSentence::plain("chain", "The chain holds.".into());
        let verdicts = vec![
            chain.clone(),
            verdict("T3", 0.1, "vacuous", 9),
            verdict("T3'", 0.1, "vacuous", 9),
            verdict("T3", 0.15, "vacuous", 9),
            verdict("T3'", 0.15, "vacuous", 8),
            verdict("T3", 2.0, "vacuous", 9),
            verdict("T3", 3.0, "holds", 9),
            verdict("T2", 1e6, "vacuous", 9),
            verdict("T2", 1e300, "vacuous", 9),
            verdict("T3", 5.0, "not applicable", 9),
            verdict("T3'", 5.0, "not applicable", 9),
            without("T1"),
            without("T1'"),
            chain,
        ];
        let model = ModelReport { verdicts, ..Default::default() };
        let sentences: Vec<String> = merged_verdicts(&model).into_iter().map(|v| v.sentence).collect();
        assert_eq!(
            sentences,
            [
                "The chain holds.",
                "T3 (a margin bound of each class) at g = 0.1, 0.15 and 2: vacuous",
                "T3' (a sharper T3) at g = 0.1: vacuous",
                "T3' at g = 0.15: vacuous",
                "T3 at g = 3: holds",
                "T2 (Zhu et al. 2026) at g = 1e6 and 1e300: vacuous",
                "T3 and T3' at g = 5: not applicable",
                "T1 (Morvant et al. 2012) and T1' (T1 without its condition): no data.",
                "The chain holds."
            ]
        );
    }
}
