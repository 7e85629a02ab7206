//! Marks of labels themselves: another first number, a type that was too narrow, a square of
//! scores.

use std::collections::BTreeMap;

use super::{Logits, Predictions, Reading, sorted};

/// Labels beyond a limit that are all even before it is called a mark of rounding.
const FEWEST_EVEN: usize = 8;

/// Samples whose labels may have changed before it is said, and the share of those that are wrong
/// there.
const FEWEST_CHANGED: usize = 8;
const MOST_CHANGED: f64 = 0.75;

/// Sentences on what may be wrong with the labels of a whole set.
pub(super) fn doubts(whole: &Predictions, reading: &Reading) -> Vec<String> {
    let (samples, classes) = whole.logits.dim();
    if matches!(&whole.logits, Logits::Classes(classes) if !classes.in_order) {
        return Vec::new();
    }
    let labels = || whole.labels.iter().copied();
    let mut doubts = Vec::new();
    doubts.extend(other_first(whole, reading));
    doubts.extend(passes(whole));
    doubts.extend(sorted::doubt(&whole.logits));
    // Numbers as they are in the file.
    let first = usize::try_from(reading.first_label).unwrap_or(0);
    let largest = labels().max().unwrap_or(0).saturating_add(first);
    let predicted: Vec<usize> = whole.logits.predicted().iter().map(|class| class.saturating_add(first)).collect();
    let labelled: Vec<usize> = labels().map(|label| label.saturating_add(first)).collect();
    for (limit, name) in [(255, "uint8"), (127, "int8"), (32_767, "int16"), (65_535, "uint16")] {
        if largest == limit
            && classes.saturating_add(first) > limit.saturating_add(1)
            && !is_borne_out(&predicted, &labelled, limit)
        {
            doubts.push(format!(
                "no label is above {limit}, where there are {classes} classes: larger ones may have come out as others \
                 in {name}"
            ));
        }
    }
    for (limit, name) in [(256, "bfloat16"), (2048, "float16")] {
        let above: Vec<usize> =
            labels().map(|label| label.saturating_add(first)).filter(|label| *label > limit).collect();
        let even = above.len() >= FEWEST_EVEN && above.iter().all(|label| label % 2 == 0);
        if even && !is_even(&predicted, &labelled, limit) {
            doubts.push(format!(
                "the {} labels above {limit} are all even, as {name} rounds them: they are other classes than they were",
                above.len()
            ));
            break;
        }
    }
    if doubts.is_empty() {
        doubts.extend(changed(&predicted, &labelled));
    }
    let right = predicted.iter().zip(&labelled).filter(|(own, label)| own == label).count();
    if samples == classes && right.saturating_mul(2) <= samples && !matches!(whole.logits, Logits::Classes(_)) {
        doubts.push(format!(
            "there are as many samples as classes, {samples}: each row of the scores is taken for a sample"
        ));
    }
    doubts
}

/// Samples of a pass, in so many times the number of classes, before equal labels are more than an
/// order that goes round.
const FEWEST_ROUNDS: usize = 4;

/// Whether the same labels come several times in the same order, as of several passes over the same
/// samples. Of labels sorted by class, which two balanced sets share, the predictions must agree
/// more than those of other samples do.
fn passes(whole: &Predictions) -> Option<String> {
    let (samples, classes) = whole.logits.dim();
    let labels = whole.labels.as_slice()?;
    let period = period(labels);
    let passes = samples.checked_div(period).filter(|&passes| passes > 1)?;
    if period < classes.saturating_mul(FEWEST_ROUNDS) {
        return None;
    }
    let one = labels.get(..period)?;
    let predicted = whole.logits.predicted();
    let sorted = one.windows(2).filter(|pair| pair.first() != pair.get(1)).count() < classes.saturating_mul(2);
    (!sorted || agree(&predicted, one)).then(|| {
        format!(
            "the labels of the first {period} samples come {passes} times in the same order: are these {passes} passes, \
             seeds or models of the same samples? They would count as {samples} independent ones; give each once"
        )
    })
}

/// The shortest length of which the whole is repetitions; its own length where there is none.
fn period(labels: &[usize]) -> usize {
    // The longest border of each beginning (Knuth, Morris, Pratt).
    let mut borders = vec![0_usize; labels.len()];
    for at in 1..labels.len() {
        let mut border = borders.get(at.saturating_sub(1)).copied().unwrap_or_default();
        while border > 0 && labels.get(border) != labels.get(at) {
            border = borders.get(border.saturating_sub(1)).copied().unwrap_or_default();
        }
        if labels.get(border) == labels.get(at) {
            border = border.saturating_add(1);
        }
        if let Some(own) = borders.get_mut(at) {
            *own = border;
        }
    }
    let period = labels.len().saturating_sub(borders.last().copied().unwrap_or_default());
    if period > 0 && labels.len().is_multiple_of(period) { period } else { labels.len() }
}

/// Whether the second pass is wrong on the samples on which the first is, more often than by
/// chance: five standard deviations of what equal shares of errors in each class would give.
fn agree(predicted: &[usize], labels: &[usize]) -> bool {
    let wrong = |at: usize, label: usize| predicted.get(at).is_some_and(|&own| own != label);
    let mut of_class: BTreeMap<usize, [usize; 4]> = BTreeMap::new();
    for (at, &label) in labels.iter().enumerate() {
        let pair = [wrong(at, label), wrong(at.saturating_add(labels.len()), label)];
        let counts = of_class.entry(label).or_default();
        for (count, is) in counts.iter_mut().zip([true, pair[0], pair[1], pair[0] && pair[1]]) {
            *count = count.saturating_add(usize::from(is));
        }
    }
    let (mut both, mut expected) = (0.0, 0.0);
    for [all, first, second, shared] in of_class.into_values().map(|counts| counts.map(|count| count as f64)) {
        both += shared;
        expected += first * second / all;
    }
    both > expected + 5.0 * f64::max(expected, 1.0).sqrt()
}

/// Whether labels of some samples went through a narrow type: most of those whose predictions lie
/// above what it holds and are not their label have just that label which it makes of them; of
/// those next to it, where it rounds.
fn changed(predicted: &[usize], labels: &[usize]) -> Option<String> {
    let types = [(255, "uint8"), (127, "int8"), (65_535, "uint16"), (256, "bfloat16"), (2048, "float16")];
    types.into_iter().find_map(|(limit, name): (usize, _)| {
        let made = |own: usize| match name {
            "bfloat16" => half::bf16::from_f32(own as f32).to_f32() as usize,
            "float16" => half::f16::from_f32(own as f32).to_f32() as usize,
            _ => own.checked_rem(limit.saturating_add(1)).unwrap_or_default(),
        };
        let pairs = predicted.iter().copied().zip(labels.iter().copied());
        let wrong: Vec<_> = pairs.filter(|&(own, label)| own > limit && own != label).collect();
        let hits = wrong.iter().filter(|&&(own, label)| label == made(own)).count();
        let rounds = name.ends_with("float16");
        let all = wrong.iter().filter(|(own, label)| !rounds || own.abs_diff(*label) == 1).count();
        (hits >= FEWEST_CHANGED && hits as f64 >= MOST_CHANGED * all as f64).then(|| {
            format!(
                "{hits} samples that are predicted as a number above {limit} have for their label what {name} makes of \
                 it: they are other classes than they were"
            )
        })
    })
}

/// Whether predictions say that no label above `limit` came out as another: of the samples that are
/// predicted above it most have labels that are neither cut to it nor wrapped round, or there are
/// none and most of all are right.
fn is_borne_out(predicted: &[usize], labels: &[usize], limit: usize) -> bool {
    let pairs = || predicted.iter().zip(labels);
    let above = pairs().filter(|(own, _)| **own > limit).count();
    let changed = pairs().filter(|&(&own, &label)| {
        own > limit && (label == limit || Some(label) == own.checked_rem(limit.saturating_add(1)))
    });
    let right = pairs().filter(|(own, label)| own == label).count();
    if above == 0 { right.saturating_mul(2) > labels.len() } else { changed.count().saturating_mul(2) < above }
}

/// Whether predictions say that labels above `limit` were even before: most are right, and hardly
/// one is odd and next to its label, as rounding would leave half of them.
fn is_even(predicted: &[usize], labels: &[usize], limit: usize) -> bool {
    let above = || predicted.iter().zip(labels).filter(|(_, label)| **label > limit);
    let right = above().filter(|(own, label)| own == label).count();
    let next = above().filter(|(own, label)| own.abs_diff(**label) == 1).count();
    right.saturating_mul(2) > above().count() && next.saturating_mul(8) < above().count()
}

/// Whether the labels may begin at 1: none is the first class, and read so they agree with the
/// scores more often, or there are many and they agree little as they are.
fn other_first(whole: &Predictions, reading: &Reading) -> Option<String> {
    let (samples, classes) = whole.logits.dim();
    if reading.first_label != 0 || whole.labels.iter().any(|label| *label == 0) {
        return None;
    }
    let predicted = whole.logits.predicted();
    let right = |shift: usize| {
        predicted.iter().zip(&whole.labels).filter(|(own, label)| (**own).saturating_add(shift) == **label).count()
    };
    let (so, from_one) = (right(0), right(1));
    let near_chance = so.saturating_mul(classes) <= samples.saturating_mul(3);
    (from_one > so || (samples >= classes.saturating_mul(3) && near_chance)).then(|| {
        format!(
            "no label is 0: where class 0 is called 1 (`first-label` 1) {from_one} of {samples} samples are right, as \
             they are {so}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_repetition_is_found() {
        assert_eq!(period(&[0, 1, 2, 0, 1, 2]), 3);
        assert_eq!(period(&[0, 1, 2, 0, 1]), 5, "no whole number of times");
        assert_eq!((period(&[1, 1, 1]), period(&[0, 1]), period(&[7])), (1, 2, 1));
    }

    #[test]
    fn passes_over_the_same_samples_are_told_from_sets_that_are_alike() {
        let of = |labels: Vec<usize>, predicted: Vec<usize>| {
            let classes = super::super::Classes { predicted, num_classes: 4, in_order: true };
            let labels = ndarray::Array1::from(labels);
            let whole =
                Predictions::from_arrays("a", Logits::Classes(classes), labels, crate::ElementType::I64).unwrap();
            passes(&whole).unwrap_or_default()
        };
        let random = |at: usize| at.wrapping_mul(2_654_435_761) / 65_536 % 4;
        let mixed = |passes: usize| (0..80 * passes).map(|at| random(at % 80)).collect::<Vec<_>>();
        assert!(of(mixed(3), vec![0; 240]).contains("first 80 samples come 3 times"));
        assert_eq!(of(mixed(1), vec![0; 80]), "");
        let round = |samples: usize| (0..samples).map(|at| at % 4).collect::<Vec<_>>();
        assert_eq!(of(round(240), vec![0; 240]), "", "class after class");
        // Sorted by class: another half of the samples is wrong, or the same.
        let sorted: Vec<usize> = (0..800).map(|at| at % 400 / 100).collect();
        let wrong = |is: &dyn Fn(usize) -> bool| {
            sorted.iter().enumerate().map(|(at, &label)| if is(at) { (label + 1) % 4 } else { label }).collect()
        };
        assert_eq!(of(sorted.clone(), wrong(&|at| random(at) == 0)), "");
        assert!(of(sorted.clone(), wrong(&|at| random(at % 400) == 0)).contains("come 2 times"));
    }

    #[test]
    fn labels_that_a_narrow_type_changed_are_told_from_errors() {
        let classes: Vec<usize> = (0..1200).map(|sample| sample % 300).collect();
        let said = |made: &dyn Fn(usize, usize) -> usize| {
            let labels: Vec<usize> = classes.iter().enumerate().map(|(at, &class)| made(at, class)).collect();
            changed(&classes, &labels).unwrap_or_default()
        };
        assert_eq!(said(&|_, class| class), "");
        assert!(said(&|_, class| class % 256).contains("176 samples"), "4 times 44");
        assert!(said(&|at, class| if at < 600 { class % 256 } else { class }).contains("what uint8 makes"));
        let rounds = |class: usize| half::bf16::from_f32(class as f32).to_f32() as usize;
        assert!(said(&|at, class| if at < 600 { rounds(class) } else { class }).contains("what bfloat16 makes"));
        // Neighbours that are taken for each other, and errors all over.
        assert_eq!(said(&|at, class| if at % 3 == 0 { (class + 1 - at / 3 % 2 * 2).min(299) } else { class }), "");
        assert_eq!(said(&|at, class| if at % 3 == 0 { at * 7 % 300 } else { class }), "");
    }
}
