//! What held-out data say of the worst class, in sentences for readers who have not read the paper.

use super::headline::called;
use super::{ModelReport, Settings};
use crate::words::{counted, grouped, listed, percent, points, short};

/// Candidates for the worst class that are named; of more only the number is said.
const NAMED: usize = 6;

/// One statement a sentence: what no class's error is above, which class can be the worst, further images, the
/// population's norm.
pub(super) fn guarantees(settings: &Settings, model: &ModelReport) -> Vec<String> {
    let test = &model.test;
    let mut sentences = Vec::new();
    if test.worst_class.is_none() {
        return sentences;
    }
    let sure = percent(1.0 - settings.delta);
    // The two-sided interval opens the page.
    if test.max_error.at_most < 1.0 {
        let most = percent(test.max_error.at_most);
        sentences.push(format!(
            "No class has an error above {most} (T5'), with probability {sure}: for whoever quotes an upper limit alone, \
             and not the interval beside it."
        ));
    }
    sentences.push(candidates(model, &sure));
    sentences.extend(mostly_wrong(model, &sure));
    sentences.extend(next_images(model, &sure));
    if let Some(found) = model.train_to_test.as_ref().and_then(|step| step.certificate.as_ref()) {
        sentences.push(format!(
            "‖CΛ‖₂, one number for all confusions together that counts rare classes more, is {} on these test images; on all \
             images there could be it lies between {} and {} with probability {sure} (T6').",
            short(test.split.hard.spectral_norm_weighted.value),
            short(found.self_bounding[0]),
            short(found.self_bounding[1])
        ));
    }
    if settings.models_compared > 1 {
        sentences.push(format!(
            "Each statement holds with its probability for all {} models at once (δ/M for each).",
            settings.models_compared
        ));
    }
    sentences
}

/// What no proof from training images could go below.
pub(super) fn floor(model: &ModelReport) -> Option<String> {
    let (floors, counts) = model.floors.as_ref().zip(model.train_counts.as_ref())?;
    let smallest = counts.iter().copied().min().unwrap_or(0);
    Some(format!(
        "No guarantee from training images alone can be below {} for a class with {smallest} of them, nor below {} for all classes at \
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
    bias.into_iter().chain(images_needed(model, &percent(1.0 - settings.delta))).collect()
}

/// The set holds any one class of the largest error, fixed beforehand; of several that share it some may be left out.
fn candidates(model: &ModelReport, sure: &str) -> String {
    let candidates = &model.test.max_error.candidates;
    let names: Vec<&str> = candidates.iter().map(|&class| model.class_names[class].as_str()).collect();
    match names.len() {
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
                counted(tested as usize, "test image", "test images"),
                grouped(all as u64)
            )
        }
        many => format!(
            "With probability {sure} one of {many} of the {} classes has the largest error: {} and {} more (column \
             can_be_the_worst of per_class.csv); the others may have the same, not a larger one. These test images \
             cannot tell which.",
            model.num_classes,
            worst_first(model, candidates)[..NAMED].join(", "),
            many - NAMED
        ),
    }
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
            "With probability {sure} each of {many} of the {} classes is classified wrong more often than right (T5'): {} \
             and {} more (classes_above in report.json).",
            model.num_classes,
            names[..NAMED].join(", "),
            many - NAMED
        )),
    }
}

/// Names by measured error, the largest first.
fn worst_first<'a>(model: &'a ModelReport, classes: &[usize]) -> Vec<&'a str> {
    let error = |class: usize| model.test.split.per_class_error[class].unwrap_or(1.0);
    let mut order = classes.to_vec();
    order.sort_by(|&a, &b| error(b).total_cmp(&error(a)));
    order.into_iter().map(|class| model.class_names[class].as_str()).collect()
}

/// Of the class with the largest measured error, in the smallest further sample.
fn next_images(model: &ModelReport, sure: &str) -> Option<String> {
    let worst = model.test.worst_class.as_ref()?;
    let next = model.test.next_sample.first()?;
    let [least, most] = next.limits[worst.index].filter(|&[least, most]| (least, most) != (0, next.images))?;
    Some(format!(
        "Of the next {} images of {}, between {least} and {most} will be classified wrong; such limits for every class, all at once with probability \
         {sure}, are in per_class.csv.",
        next.images,
        called(model, worst.index)
    ))
}

fn images_needed(model: &ModelReport, sure: &str) -> Option<String> {
    let images = |goal: &str, by: f64| {
        let plan = model.test.planning.iter().find(|plan| plan.goal == goal && plan.by == by)?;
        plan.images_per_class.map(|images| images.to_string())
    };
    let compare = images("compare", 0.05)?;
    let certify = images("certify", 0.05).map_or(String::new(), |certify| {
        format!("For an upper limit, {sure} sure, at most 5 points above the worst class's measured error it would take about {certify} test images a class. ")
    });
    let here = model.test.split.class_counts.iter().copied().filter(|&count| count > 0).min().unwrap_or(0);
    Some(format!(
        "{certify}To tell apart two models like this one whose worst class differs by 5 points would take about {compare} test images a class (power \
         80 %). The class with fewest has {} here.",
        grouped(here)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ClassesAbove;
    use crate::report::sample::Sample;

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
        assert_eq!(
            said(&[2, 6]),
            "With probability 95 % one of Pullover and Shirt has the largest error of all classes; others may have the same."
        );
        assert_eq!(
            said(&[0, 1, 2, 3, 4, 5, 6]),
            "With probability 95 % one of 7 of the 10 classes has the largest error: Shirt, Dress, T-shirt/top, Trouser, Pullover, Coat and 1 more \
                 (column can_be_the_worst of per_class.csv); the others may have the same, not a \
             larger one. These test images cannot tell which."
        );
    }
}
