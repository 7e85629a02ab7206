//! Classes without samples.

use serde_json::json;

use crate::results::Warning;
use crate::subject::Subject;
use crate::words::listed;

/// Classes named in a sentence.
const SHOWN: usize = 6;

/// Warns of classes without test samples, and of those without training images.
pub(super) fn warnings(subject: &Subject, test_counts: &[u64]) -> Vec<Warning> {
    let test = warning(subject, test_counts, "test samples", |several| {
        let (their, it) = if several { ("their errors", "any of them") } else { ("its error", "it") };
        format!(
            "{their} may be anything from 0 to 100 %: the measured worst class is that of the others, and {it} can be the worst, too"
        )
    });
    let train = subject.train_counts.as_deref().and_then(|counts| {
        warning(subject, counts, "training images", |_| {
            "no statement from training images holds there; check that the counts are those of this model".to_owned()
        })
    });
    test.into_iter().chain(train).collect()
}

fn warning(subject: &Subject, counts: &[u64], what: &str, follows: impl Fn(bool) -> String) -> Option<Warning> {
    let absent: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] == 0).collect();
    let shown: Vec<&str> = absent.iter().take(SHOWN).map(|&class| subject.class_names[class].as_str()).collect();
    let several = absent.len() > 1;
    let names = match absent.len() {
        0 => return None,
        1..=SHOWN => listed(&shown),
        more => format!("{} and {} more", shown.join(", "), more - SHOWN),
    };
    let verb = if several { "have" } else { "has" };
    let sentence =
        format!("{} of {} classes {verb} no {what} ({names}): {}", absent.len(), counts.len(), follows(several));
    Some(Warning::new("absent-classes", sentence, [("of", json!(what)), ("classes", json!(absent))]))
}
