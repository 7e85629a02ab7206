//! Verdict sentences that differ in the margin or the statement alone, said once: for readers; `report.json` keeps each.

use car_spectral::confusion::WrittenMargin;

use super::{ModelReport, VerdictSentence};
use crate::words::listed;

/// The verdicts of a model, in their order, with those of the same statement that differ only in "at g = ..." put
/// together as "at g = 0.1, 0.5 and 2", and those that differ only in the statement as "T3 and T3'".
pub(super) fn merged_verdicts(model: &ModelReport) -> Vec<VerdictSentence> {
    let mut merged: Vec<(VerdictSentence, Option<String>, Vec<f64>)> = Vec::new();
    for verdict in &model.verdicts {
        let pattern = verdict.margin.and_then(|g| {
            let place = format!("at g = {}", WrittenMargin(g));
            // "at g = 0.1" must not be found within "at g = 0.15".
            let at = verdict.sentence.find(&place)?;
            let rest = &verdict.sentence[at + place.len()..];
            let ends =
                !rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | 'e')) || rest.starts_with(". ");
            ends.then(|| format!("{}\u{0}{rest}", &verdict.sentence[..at]))
        });
        let same = merged.iter_mut().find(|(first, known, _)| {
            pattern.is_some() && *known == pattern && first.id == verdict.id && first.counts == verdict.counts
        });
        match (same, verdict.margin) {
            (Some((_, _, margins)), Some(g)) => margins.push(g),
            _ => merged.push((verdict.clone(), pattern, verdict.margin.into_iter().collect())),
        }
    }
    let merged = merged.into_iter().map(|(verdict, pattern, margins)| match pattern {
        Some(pattern) if margins.len() > 1 => {
            let list: Vec<String> = margins.iter().map(|&g| WrittenMargin(g).to_string()).collect();
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            let sentence = pattern.replace('\u{0}', &format!("at g = {}", listed(&list)));
            VerdictSentence { sentence, margin: None, ..verdict }
        }
        _ => verdict,
    });
    by_statement(merged.collect())
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

/// "T3: ..." and "T3': ..." with the same rest and counts as "T3 and T3': ...", each in words where it is first named.
fn by_statement(verdicts: Vec<VerdictSentence>) -> Vec<VerdictSentence> {
    let rest = |verdict: &VerdictSentence| {
        let rest = verdict.sentence.strip_prefix(&verdict.id)?;
        (rest.starts_with(':') || rest.starts_with(" at g")).then(|| rest.to_owned())
    };
    let mut groups: Vec<(VerdictSentence, Option<String>, Vec<String>)> = Vec::new();
    for verdict in verdicts {
        let said = rest(&verdict);
        let same = |(first, known, ids): &&mut (VerdictSentence, Option<String>, Vec<String>)| {
            said.is_some() && *known == said && first.counts == verdict.counts && !ids.contains(&verdict.id)
        };
        match groups.iter_mut().find(same) {
            Some((_, _, ids)) => ids.push(verdict.id),
            None => groups.push((verdict.clone(), said, vec![verdict.id])),
        }
    }
    let mut known: Vec<String> = Vec::new();
    groups
        .into_iter()
        .map(|(verdict, rest, ids)| {
            let Some(rest) = rest else { return verdict };
            let words: Vec<String> = ids
                .iter()
                .map(|id| match name(id).filter(|_| !known.contains(id)) {
                    Some(name) => format!("{id} ({name})"),
                    None => id.clone(),
                })
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let sentence = format!("{}{rest}", listed(&words));
            let id = listed(&ids.iter().map(String::as_str).collect::<Vec<_>>());
            known.extend(ids);
            VerdictSentence { sentence, id, ..verdict }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::VerdictCounts;

    #[test]
    fn sentences_that_differ_in_the_margin_or_the_statement_alone_are_said_once() {
        let verdict = |id: &str, g: f64, text: &str, vacuous: usize| VerdictSentence {
            id: id.into(),
            margin: Some(g),
            sentence: format!("{id} at g = {}: {text}", WrittenMargin(g)),
            counts: Some(VerdictCounts { vacuous, ..Default::default() }),
        };
        let chain = VerdictSentence { id: "chain".into(), sentence: "The chain holds.".into(), ..Default::default() };
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
            VerdictSentence { margin: Some(1.0), ..verdict("T4", 1e5, "as at g = 1e6", 9) },
            VerdictSentence { margin: Some(2.0), ..verdict("T4", 1e5, "as at g = 2e6", 9) },
            verdict("T3", 5.0, "not applicable", 9),
            verdict("T3'", 5.0, "not applicable", 9),
            VerdictSentence { id: "T1".into(), sentence: "T1: no data.".into(), ..Default::default() },
            VerdictSentence { id: "T1'".into(), sentence: "T1': no data.".into(), ..Default::default() },
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
                "T4 at g = 100000: as at g = 1e6",
                "T4 at g = 100000: as at g = 2e6",
                "T3 and T3' at g = 5: not applicable",
                "T1 (Morvant et al. 2012) and T1' (T1 without its condition): no data.",
                "The chain holds."
            ]
        );
    }
}
