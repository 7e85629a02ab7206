//! Arrays beside scores and labels that say the same again: predicted classes, whether they are
//! right, other labels or scores, and which sample a row is. A sentence tells where it contradicts
//! them.

use super::belong::{self, numbers_of_samples};
use super::classes::Labels;
use super::names::{LABEL_NAMES, SAMPLE_NAMES, SCORE_NAMES, is_predicted, plain};
use super::{Logits, Predictions, Reading};
use crate::ElementType;
use crate::array::{Array, Data, Kind, place_of};
use crate::budget::Budget;
use crate::named::Named;
use crate::quoting::quoted;
use crate::words::Words;

/// What people call a column that is true where the predicted class is the label.
const CORRECT_NAMES: Words = Words("correct is_correct hit hits right");

/// What an array says of each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Predicted,
    Correct,
    Label,
    Scores,
    Sample,
}

impl Says {
    fn by_name(name: &str) -> Option<Self> {
        if is_predicted(name) {
            return Some(Self::Predicted);
        }
        let name = plain(name);
        let is = |names: Words| names.contains(&name);
        [
            (CORRECT_NAMES, Self::Correct),
            (LABEL_NAMES, Self::Label),
            (SCORE_NAMES, Self::Scores),
            (SAMPLE_NAMES, Self::Sample),
        ]
        .into_iter()
        .find_map(|(names, says)| is(names).then_some(says))
    }

    fn sentence(self, name: &str, contradicts: usize, of: usize) -> String {
        let what = match self {
            Self::Predicted => "names another class than the largest score",
            Self::Correct => "does not say what scores and labels say",
            Self::Label => "names another class than the labels",
            Self::Scores => "has its largest number at another class than the scores",
            Self::Sample => "says otherwise",
        };
        format!("{} {what} in {contradicts} of {of} samples; is it of another run, or in another order?", quoted(name))
    }
}

/// Whether an array of this name may say which sample a row is.
#[cfg(feature = "arrow")]
pub(super) fn may_name_samples(name: &str) -> bool {
    Says::by_name(name) == Some(Says::Sample)
}

/// Whether an array of this name says which sample each row is, as it is called or as was said.
pub(super) fn names_samples(name: &str, reading: &Reading) -> bool {
    Says::by_name(name) == Some(Says::Sample) || reading.keys.index.as_deref() == Some(name)
}

/// Whether an array or column of this name may say the same again.
pub(super) fn may_say(name: &str) -> bool {
    Says::by_name(name).is_some() || belong::may_say(name)
}

/// Whether an array lies in another dictionary than the scores that were asked for: of `val` beside
/// those of `test`.
fn is_of_another_part(name: &str, reading: &Reading) -> bool {
    let part = |name: &str| name.rsplit_once('.').map(|(part, _)| part.to_owned());
    let asked = reading.keys.logits.as_deref().or(reading.keys.labels.as_deref()).and_then(part);
    asked.is_some_and(|asked| part(name).is_some_and(|part| part != asked))
}

/// What stands beside the scores of one file, counted.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// What each says, its name, in how many samples it contradicts, and of how many.
    counts: Vec<(Says, String, usize, usize)>,
    pub(super) samples: Option<Samples>,
    /// What is odd about the samples, in sentences.
    pub(super) odd: Vec<String>,
    /// What says that all of them are training samples.
    pub(super) training: Option<String>,
}

/// Which sample each row is.
#[derive(Debug)]
pub(super) struct Samples {
    /// What says so.
    pub(super) name: String,
    /// Whether it was said that it does, or can hardly do anything else.
    pub(super) certain: bool,
    /// A number that differs where names do.
    pub(super) rows: Vec<u64>,
}

impl Beside {
    /// Nothing but which sample each row is.
    pub(super) fn of(samples: Option<Samples>) -> Self {
        Self { samples, ..Self::default() }
    }

    /// Compares arrays with scores and labels; what cannot be compared is passed over.
    pub(super) fn compare(
        rules: &Labels<'_>,
        logits: &Logits,
        labels: &[usize],
        arrays: Vec<Named<'_>>,
        reading: &Reading,
        budget: &mut Budget,
    ) -> Self {
        let mut found = Self::of(Samples::of(&arrays, labels.len(), reading, budget));
        for Named { name, array } in arrays {
            let (Some(mut says), Ok(array)) = (Says::by_name(&name), array) else { continue };
            if is_of_another_part(&name, reading) {
                continue;
            }
            let is_matrix = array.squeezed_shape(2) == [logits.dim().0, logits.dim().1];
            if is_matrix && array.may_be_scores() && says != Says::Label {
                says = Says::Scores;
            } else if array.len() != labels.len() || says == Says::Scores {
                continue;
            }
            if says == Says::Sample {
                continue;
            }
            let agrees = match says {
                Says::Scores => same_largest(logits, &array),
                Says::Correct => same_hits(logits, labels, &array, budget),
                _ => rules.of_array(&array, &name, budget).ok().map(|classes| match says {
                    Says::Predicted => {
                        classes.iter().enumerate().map(|(at, &class)| is_largest(logits, at, class)).collect()
                    }
                    _ => classes.iter().zip(labels).map(|(class, label)| class == label).collect::<Vec<bool>>(),
                }),
            };
            if let Some(agrees) = agrees {
                let contradicts = agrees.iter().filter(|agrees| !**agrees).count();
                found.counts.push((says, name, contradicts, agrees.len()));
            }
        }
        found
    }

    /// Takes in what stands beside the scores of the next part.
    pub(super) fn add(&mut self, part: Self) {
        self.odd.extend(part.odd);
        self.training = self.training.take().filter(|_| part.training.is_some());
        for (says, name, contradicts, of) in part.counts {
            match self.counts.iter_mut().find(|known| (known.0, &known.1) == (says, &name)) {
                Some(known) => (known.2, known.3) = (known.2.saturating_add(contradicts), known.3.saturating_add(of)),
                None => self.counts.push((says, name, contradicts, of)),
            }
        }
        self.samples = match (self.samples.take(), part.samples) {
            (Some(mut all), Some(more)) if all.name == more.name => {
                all.rows.extend(more.rows);
                Some(all)
            }
            _ => None,
        };
    }

    /// What contradicts the whole set, a sentence each.
    pub(super) fn sentences(&self, whole: &Predictions) -> Vec<String> {
        let contradicting = self.counts.iter().filter(|(_, _, contradicts, _)| *contradicts > 0);
        let mut sentences: Vec<String> =
            contradicting.map(|(says, name, contradicts, of)| says.sentence(name, *contradicts, *of)).collect();
        sentences.extend(self.odd.iter().cloned());
        if let Some(Samples { name, rows: samples, .. }) =
            self.samples.as_ref().filter(|samples| samples.rows.len() == whole.labels.len())
        {
            let mut order: Vec<usize> = (0..samples.len()).collect();
            order.sort_by_key(|&at| (samples.get(at), at));
            let again: Vec<(usize, usize)> = order
                .iter()
                .zip(order.iter().skip(1))
                .filter(|(a, b)| samples.get(**a) == samples.get(**b))
                .map(|(&a, &b)| (a, b))
                .collect();
            let differ = again
                .iter()
                .filter(|&&(a, b)| whole.labels.get(a) != whole.labels.get(b) || !same_row(&whole.logits, a, b));
            let differ = differ.count();
            if !again.is_empty() {
                sentences.push(format!(
                    "{} gives {} of {} samples a name that stands there before, {differ} of them with other scores or \
                     another label",
                    quoted(name),
                    again.len(),
                    samples.len()
                ));
            }
        }
        sentences
    }
}

/// Whether no score of a sample is above that of `class`.
fn is_largest(logits: &Logits, sample: usize, class: usize) -> bool {
    match logits {
        Logits::F32(scores) => scores.row(sample).iter().all(|score| *score <= scores[(sample, class)]),
        Logits::F64(scores) => scores.row(sample).iter().all(|score| *score <= scores[(sample, class)]),
        Logits::Classes(classes) => classes.predicted.get(sample) == Some(&class),
        Logits::Stored(scores) => scores
            .row(sample)
            .is_ok_and(|scores| scores.get(class).is_some_and(|own| scores.iter().all(|score| score <= own))),
        Logits::Counted(_) => false,
    }
}

impl Samples {
    /// The array that says which sample each of `samples` rows is: the one named, or the first that
    /// is called so.
    pub(super) fn of(arrays: &[Named<'_>], samples: usize, reading: &Reading, budget: &mut Budget) -> Option<Self> {
        let is_key = |name: &String| reading.keys.index.as_ref() == Some(name);
        let is_one = |named: &&Named<'_>| match &reading.keys.index {
            Some(_) => is_key(&named.name),
            None => Says::by_name(&named.name) == Some(Says::Sample),
        };
        let fits = |named: &&Named<'_>| named.array.as_ref().is_ok_and(|array| array.len() == samples);
        let named = arrays.iter().filter(is_one).find(fits)?;
        let array = named.array.as_ref().ok()?;
        Some(Self { name: named.name.clone(), certain: is_key(&named.name), rows: numbers_of_samples(array, budget)? })
    }
}

pub(super) fn same_row(logits: &Logits, a: usize, b: usize) -> bool {
    match logits {
        Logits::F32(scores) => scores.row(a) == scores.row(b),
        Logits::F64(scores) => scores.row(a) == scores.row(b),
        Logits::Classes(classes) => classes.predicted.get(a) == classes.predicted.get(b),
        Logits::Stored(scores) => matches!((scores.row(a), scores.row(b)), (Ok(a), Ok(b)) if a == b),
        Logits::Counted(_) => false,
    }
}

/// Whether the largest number of each row stands where the largest score does.
fn same_largest(logits: &Logits, array: &Array<'_>) -> Option<Vec<bool>> {
    let (samples, classes) = logits.dim();
    let mut largest = vec![(f64::NEG_INFINITY, 0); samples];
    let mut position = 0;
    let known = array.for_each_number(|number| {
        let (sample, class) = place_of(position, (samples, classes), array.column_major);
        position = position.saturating_add(1);
        let number = number.map_or_else(|number| number, |integer| integer as f64);
        if let Some(largest) = largest.get_mut(sample).filter(|largest| number > largest.0) {
            *largest = (number, class);
        }
        Ok::<_, ()>(())
    });
    // Equal numbers, as of a softmax that is 1 to seven digits, leave it open which is the largest.
    let agrees = |(sample, (_, class)): (usize, &(f64, usize))| is_largest(logits, sample, *class);
    (known == Ok(true)).then(|| largest.iter().enumerate().map(agrees).collect())
}

/// Whether each sample is said to be right where its label has the largest score.
fn same_hits(logits: &Logits, labels: &[usize], array: &Array<'_>, budget: &mut Budget) -> Option<Vec<bool>> {
    let mut hits: Vec<bool> = Vec::with_capacity(labels.len());
    if let Some((Kind::Number(ElementType::Bool), _, bytes)) = array.bytes() {
        hits.extend(bytes.iter().map(|&byte| byte != 0));
    } else if let Data::Texts(texts) = &array.data {
        for text in texts {
            hits.push(match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "1.0" | "yes" => true,
                "false" | "0" | "0.0" | "no" => false,
                _ => return None,
            });
        }
    } else {
        budget.spend(labels.len() as u64).ok()?;
        let known = array.for_each_number(|number| match number.map_or_else(|number| number, |whole| whole as f64) {
            hit @ (0.0 | 1.0) => {
                hits.push(hit == 1.0);
                Ok(())
            }
            _ => Err(()),
        });
        known.ok().filter(|known| *known)?;
    }
    Some(hits.iter().zip(labels).enumerate().map(|(at, (hit, &label))| is_largest(logits, at, label) == *hit).collect())
}
