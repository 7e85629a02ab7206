//! Statements of held-out data on the worst class, in sentences for readers who have not read the
//! paper.

use super::headline::{all_models, called, worst_classes};
use crate::results::{ModelReport, Settings};
use crate::words::{counted, grouped, level, listed, percent, points, short};

/// Candidates for the worst class that are named; of more only the number is said.
const NAMED: usize = 6;

/// One statement a sentence: what no class's error is above, which class can be the worst, further
/// images, the population's norm.
pub(super) fn guarantees(settings: &Settings, model: &ModelReport) -> Vec<String> {
    let test = &model.test;
    let mut sentences = Vec::new();
    if test.worst_class.is_none() {
        return sentences;
    }
    let sure = level(1.0 - settings.delta);
    sentences.push(candidates(model, &sure));
    sentences.extend(mostly_wrong(model, &sure));
    sentences.extend(next_images(model, &sure));
    sentences.extend(which_to_quote(model, &sure));
    if let Some(found) = model.train_to_test.as_ref().and_then(|told| told.step.certificate.as_ref()) {
        sentences.push(format!(
            "One number for all confusions together that counts rare classes more, the spectral norm ‖CΛ‖₂, is {} on these test \
             samples; its true value, over all samples there could be, lies between {} and {} with probability {sure} (T6').",
            short(test.split.hard.spectral_norm_weighted.value),
            short(found.self_bounding[0]),
            short(found.self_bounding[1])
        ));
    }
    if settings.models_compared > 1 {
        let models = all_models(settings.models_compared);
        sentences.push(format!("Each statement holds with its probability for {models} at once."));
    }
    sentences
}

/// What no class's error is above; `None` without a test sample and where it would be written as
/// more than 99.9 %.
pub(super) fn upper_limit(model: &ModelReport) -> Option<f64> {
    let most = model.test.max_error.at_most;
    (model.test.worst_class.is_some() && most < 0.9995).then_some(most)
}

/// What to quote where the headline's interval is not it, and why tables have a wider one; `None`
/// without a test sample.
fn which_to_quote(model: &ModelReport, sure: &str) -> Option<String> {
    let worst = model.test.worst_class.as_ref()?;
    let alone = upper_limit(model).map(|most| {
        format!(
            "As an upper limit alone, without a lower one: at most {}, with probability {sure} (T5').",
            percent(most)
        )
    });
    let by_name = match worst_classes(model).len() {
        1 => format!(
            "In tables the interval of {} is wider, for there those of all classes hold at once (T5).",
            called(model, worst.index)
        ),
        _ => {
            "In tables each class has a wider interval than the worst class has above, for there those of all classes \
             hold at once (T5)."
                .to_owned()
        }
    };
    let sentences: Vec<String> = alone.into_iter().chain([by_name]).collect();
    Some(sentences.join(" "))
}

/// What no proof from training images could go below.
pub(super) fn floor(model: &ModelReport) -> Option<String> {
    let (floors, counts) = model.floors.as_ref().zip(model.train_counts.as_ref())?;
    let smallest = counts.iter().copied().min().unwrap_or(0);
    Some(format!(
        "No guarantee from training samples alone can be below {} for a class with {smallest} of them, nor below {} for all classes at \
         once, even without a training error; measured errors may be (T4).",
        percent(floors.worst_class),
        percent(floors.simultaneous)
    ))
}

/// By how much the largest measured error is too large, and what more test images would decide.
pub(super) fn plans(settings: &Settings, model: &ModelReport) -> Vec<String> {
    let found = &model.test.max_error;
    if model.test.worst_class.is_none() {
        return Vec::new();
    }
    let bias = (found.estimate_bias >= 0.0005).then(|| {
        format!(
            "Picking the largest of the measured errors, {}, overstates it by {} on average, if the true errors were \
             those measured. The interval of the worst class, whichever it is, allows for that.",
            percent(found.estimate),
            points(found.estimate_bias)
        )
    });
    bias.into_iter().chain(images_needed(model, &level(1.0 - settings.delta))).collect()
}

/// The set holds any one class of the largest error, fixed beforehand; of several that share it
/// some may be left out.
fn candidates(model: &ModelReport, sure: &str) -> String {
    let candidates = &model.test.max_error.candidates;
    let names: Vec<String> = candidates.iter().map(|&class| called(model, class)).collect();
    match names.len() {
        1 if is_apart(model, candidates[0]) => {
            format!("With probability {sure} {} alone has the largest error of all classes (T5).", names[0])
        }
        1 => {
            format!("With probability {sure} no class has a larger error than {}; others may have the same.", names[0])
        }
        few if few <= NAMED => format!(
            "With probability {sure} one of {} has the largest error of all classes; others may have the same.",
            listed(&names)
        ),
        all if all == model.num_classes => {
            let tested = model.test.split.class_counts.iter().copied().filter(|&count| count > 0).min().unwrap_or(0);
            format!(
                "With as few as {} a class, none of the {} classes can be ruled out as the worst (probability {sure}).",
                counted(tested as usize, "test sample", "test samples"),
                grouped(all as u64)
            )
        }
        many => format!(
            "With probability {sure} the worst class is one of {} of {}, or ties with one: {} and {} more, marked in the \
             table of classes and in per_class.csv; these test samples cannot tell which.",
            grouped(many as u64),
            grouped(model.num_classes as u64),
            worst_first(model, candidates)[..NAMED].join(", "),
            grouped((many - NAMED) as u64)
        ),
    }
}

/// Whether the class's interval lies above those of all others.
fn is_apart(model: &ModelReport, class: usize) -> bool {
    let intervals = &model.test.class_error_interval;
    let end = |class: usize, end: usize| intervals[class].map(|ends| ends[end]);
    let others = (0..intervals.len()).filter(|&other| other != class);
    others.map(|other| end(other, 1).unwrap_or(1.0)).all(|upper| end(class, 0).is_some_and(|lower| upper < lower))
}

/// The classes whose error is above one half.
fn mostly_wrong(model: &ModelReport, sure: &str) -> Option<String> {
    let above = model.test.classes_above.iter().find(|above| above.level == 0.5)?;
    let names = worst_first(model, &above.classes);
    match names.len() {
        0 => None,
        1 => Some(format!("With probability {sure} {} is classified wrong more often than right (T5').", names[0])),
        few if few <= NAMED => Some(format!(
            "With probability {sure} each of {} is classified wrong more often than right (T5').",
            listed(&names)
        )),
        many => Some(format!(
            "With probability {sure} each of {} of the {} classes is classified wrong more often than right (T5'): {} \
             and {} more (classes_above in report.json).",
            grouped(many as u64),
            grouped(model.num_classes as u64),
            names[..NAMED].join(", "),
            grouped((many - NAMED) as u64)
        )),
    }
}

/// Names by measured error, the largest first.
fn worst_first(model: &ModelReport, classes: &[usize]) -> Vec<String> {
    // Of a class without a test sample nothing was measured.
    let error = |class: usize| model.test.split.per_class_error[class].unwrap_or(-1.0);
    let mut order = classes.to_vec();
    order.sort_by(|&a, &b| error(b).total_cmp(&error(a)));
    order.into_iter().map(|class| called(model, class)).collect()
}

/// Of the class with the largest measured error, in the smallest further sample; of several that
/// share it where the same can be said of each.
fn next_images(model: &ModelReport, sure: &str) -> Option<String> {
    let worst = worst_classes(model);
    let next = model.test.next_sample.first()?;
    let limits = next.limits[*worst.first()?];
    let [least, most] = limits.filter(|&[least, most]| (least, most) != (0, next.images))?;
    if worst.iter().any(|&class| next.limits[class] != limits) {
        return None;
    }
    let of = match worst.len() {
        1 => called(model, worst[0]),
        tied => format!("each of the {} classes that tie for the worst", grouped(tied as u64)),
    };
    Some(format!(
        "Of the next {} samples of {of}, between {least} and {most} will be classified wrong, with probability {sure}; \
         such limits for every class, all at once, are in per_class.csv.",
        next.images
    ))
}

fn images_needed(model: &ModelReport, sure: &str) -> Option<String> {
    let images = |goal: &str, by: f64| {
        let plan = model.test.planning.iter().find(|plan| plan.goal == goal && plan.by == by)?;
        plan.images_per_class.map(grouped)
    };
    let compare = images("compare", 0.05)?;
    let certify = images("certify", 0.05).map_or(String::new(), |certify| {
        format!("For an upper limit, {sure} sure, at most 5 points above the worst class's measured error it would take about {certify} test samples a class. ")
    });
    let here = model.test.split.class_counts.iter().copied().filter(|&count| count > 0).min().unwrap_or(0);
    Some(format!(
        "{certify}To tell apart two models like this one whose worst class differs by 5 points would take about {compare} test samples a class (power \
         80 %). The class with fewest has {} here.",
        grouped(here)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::Sample;
    use crate::results::ClassesAbove;

    #[test]
    fn classes_above_one_half_are_named_worst_first() {
        let (mut model, _) = Sample { test_per_class: 20, ..Sample::fashion() }.build();
        let mut said = |classes: &[usize]| {
            model.test.classes_above = vec![ClassesAbove { level: 0.5, classes: classes.to_vec() }];
            mostly_wrong(&model, "95 %")
        };
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[6]).unwrap(), "With probability 95 % Shirt is classified wrong more often than right (T5').");
        assert_eq!(
            said(&[2, 6]).unwrap(),
            "With probability 95 % each of Shirt and Pullover is classified wrong more often than right (T5')."
        );
        assert_eq!(
            said(&[0, 1, 2, 3, 4, 5, 6]).unwrap(),
            "With probability 95 % each of 7 of the 10 classes is classified wrong more often than right (T5'): Shirt, \
             Dress, T-shirt/top, Trouser, Pullover, Coat and 1 more (classes_above in report.json)."
        );
    }

    #[test]
    fn what_to_quote_and_why_tables_say_more() {
        let (mut model, _) = Sample { test_per_class: 200, ..Sample::fashion() }.build();
        let worst = model.test.worst_class.clone().unwrap();
        let said = which_to_quote(&model, "95 %").unwrap();
        let most = percent(model.test.max_error.at_most);
        let expected = [
            format!("As an upper limit alone, without a lower one: at most {most}, with probability 95 % (T5')."),
            format!("In tables the interval of {} is wider, for there", worst.name),
        ];
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        let mut tied = model.clone();
        tied.test.split.per_class_error[0] = Some(worst.error);
        let several = which_to_quote(&tied, "95 %").unwrap();
        assert!(several.contains("In tables each class has a wider interval"), "{several}");
        let one = next_images(&model, "95 %").unwrap();
        assert!(one.contains(&format!("samples of {}, between", worst.name)), "{one}");
        let same = tied.test.next_sample[0].limits[worst.index];
        tied.test.next_sample[0].limits[0] = same;
        let both = next_images(&tied, "95 %").unwrap();
        assert!(both.contains("of each of the 2 classes that tie for the worst, between"), "{both}");
        tied.test.next_sample[0].limits[0] = None;
        assert_eq!(next_images(&tied, "95 %"), None, "their limits differ");
        model.test.max_error.at_most = 1.0;
        assert!(!which_to_quote(&model, "95 %").unwrap().contains("at most"), "a limit of 100 % says nothing");
        let answer = crate::report::headline::answer(&Settings { delta: 0.05, ..Default::default() }, &model);
        assert!(
            !answer.contains(&percent(model.test.max_error.at_most)) && !answer.contains(&percent(worst.interval[1])),
            "{answer}"
        );
    }

    #[test]
    fn a_class_that_is_left_out_is_not_called_better() {
        let (mut model, _) = Sample { test_per_class: 20, ..Sample::fashion() }.build();
        let mut said = |classes: &[usize]| {
            model.test.max_error.candidates = classes.to_vec();
            candidates(&model, "95 %")
        };
        assert_eq!(
            said(&[6]),
            "With probability 95 % no class has a larger error than Shirt; others may have the same."
        );
        let (mut apart, _) = Sample::fashion().build();
        apart.test.max_error.candidates = vec![6];
        apart.test.class_error_interval =
            (0..10).map(|class| Some(if class == 6 { [0.5, 0.6] } else { [0.1, 0.49] })).collect();
        assert_eq!(
            candidates(&apart, "95 %"),
            "With probability 95 % Shirt alone has the largest error of all classes (T5)."
        );
        apart.test.class_error_interval[3] = None;
        assert!(candidates(&apart, "95 %").contains("others may have the same"), "nothing is known of a class");
        assert_eq!(
            said(&[2, 6]),
            "With probability 95 % one of Pullover and Shirt has the largest error of all classes; others may have the same."
        );
        assert_eq!(
            said(&[0, 1, 2, 3, 4, 5, 6]),
            "With probability 95 % the worst class is one of 7 of 10, or ties with one: Shirt, Dress, T-shirt/top, Trouser, \
             Pullover, Coat and 1 more, marked in the table of classes and in per_class.csv; these test samples cannot tell \
             which."
        );
    }
}
