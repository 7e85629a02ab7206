//! Verdict sentences that differ in the margin alone, said once: for readers; `report.json` keeps each.

use car_spectral::confusion::WrittenMargin;

use super::{ModelReport, VerdictSentence};

/// The verdicts of a model, in their order, with those of the same statement that differ only in "at g = ..." put
/// together as "at g = 0.1, 0.5 and 2".
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
    merged
        .into_iter()
        .map(|(verdict, pattern, margins)| match pattern {
            Some(pattern) if margins.len() > 1 => {
                let list: Vec<String> = margins.iter().map(|&g| WrittenMargin(g).to_string()).collect();
                let (last, first) = (&list[list.len() - 1], list[..list.len() - 1].join(", "));
                let sentence = pattern.replace('\u{0}', &format!("at g = {first} and {last}"));
                VerdictSentence { sentence, margin: None, ..verdict }
            }
            _ => verdict,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::VerdictCounts;

    #[test]
    fn sentences_that_differ_in_the_margin_alone_are_said_once() {
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
            chain,
        ];
        let model = ModelReport { verdicts, ..Default::default() };
        let sentences: Vec<String> = merged_verdicts(&model).into_iter().map(|v| v.sentence).collect();
        assert_eq!(
            sentences,
            [
                "The chain holds.",
                "T3 at g = 0.1, 0.15 and 2: vacuous",
                "T3' at g = 0.1: vacuous",
                "T3' at g = 0.15: vacuous",
                "T3 at g = 3: holds",
                "T2 at g = 1e6 and 1e300: vacuous",
                "T4 at g = 100000: as at g = 1e6",
                "T4 at g = 100000: as at g = 2e6",
                "The chain holds."
            ]
        );
    }
}
