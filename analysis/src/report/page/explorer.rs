//! Data that the page's script has of each class: the numbers of `report.json` by column, as JSON
//! inside the page.

use serde::Serialize;

use crate::report::ReportError;
use crate::report::comparison_sentence::in_order;
use crate::results::{ComparisonVerdict, Group, ModelReport, Report};
use crate::words::readable;

/// Digits behind the point of an interval's ends, which are shares.
const DIGITS: f64 = 1e8;

#[derive(Serialize)]
struct Explorer<'a> {
    /// Names, training images and groups of the classes; models mostly share them.
    classes: Vec<ClassList<'a>>,
    models: Vec<Model<'a>>,
    comparisons: Vec<Pair>,
    /// Whether the report compares groups of seeds, which no pair of models does.
    has_groups: bool,
}

#[derive(PartialEq, Serialize)]
struct ClassList<'a> {
    names: Vec<String>,
    /// Training images.
    train: Option<&'a [u64]>,
    /// 0 many, 1 medium, 2 few.
    groups: Option<Vec<u8>>,
}

#[derive(Serialize)]
struct Model<'a> {
    name: String,
    /// Index into `classes`.
    list: usize,
    /// Test samples.
    tested: &'a [u64],
    /// Test samples classified wrong.
    wrong: &'a [u64],
    /// Interval of the test error (T5).
    interval: Vec<Option<[f64; 2]>>,
    /// Training samples classified wrong, and how many there are; empty without training data.
    train_wrong: &'a [u64],
    train_tested: &'a [u64],
    /// Classes that can be the worst (T5').
    worst: &'a [usize],
    /// Least and most wrong among so many further images, of the smallest further sample.
    next: Option<(u64, &'a [Option<[u64; 2]>])>,
    /// Margins g, and the test samples of each class with a margin of at most g.
    margins: Vec<(f64, Vec<u64>)>,
    /// Predicted classes of the errors, and true classes of what is wrongly predicted so.
    to: Vec<&'a [(usize, u64)]>,
    from: Vec<&'a [(usize, u64)]>,
}

/// Model `b` against model `a`.
#[derive(Serialize)]
struct Pair {
    a: usize,
    b: usize,
    /// -1 better, 0 undecided, 1 worse (T8).
    verdicts: Vec<i8>,
}

/// The JSON, without a character that could end a script element.
pub(super) fn data(report: &Report) -> Result<String, ReportError> {
    let mut classes: Vec<ClassList> = Vec::new();
    let mut models = Vec::new();
    for of in &report.models {
        let list = class_list(of);
        let at = classes.iter().position(|other| *other == list).unwrap_or_else(|| {
            classes.push(list);
            classes.len() - 1
        });
        models.push(model(of, at));
    }
    let comparisons = in_order(report).into_iter().map(|found| Pair {
        a: found.a,
        b: found.b,
        verdicts: found
            .classes
            .iter()
            .map(|class| match class.verdict {
                ComparisonVerdict::Better => -1,
                ComparisonVerdict::Undecided => 0,
                ComparisonVerdict::Worse => 1,
            })
            .collect(),
    });
    let has_groups = !report.groups.is_empty();
    let explorer = Explorer { comparisons: comparisons.collect(), classes, models, has_groups };
    Ok(serde_json::to_string(&explorer)?.replace('<', "\\u003c"))
}

fn class_list(model: &ModelReport) -> ClassList<'_> {
    let number = |group: &Group| match group {
        Group::Many => 0,
        Group::Medium => 1,
        Group::Few => 2,
    };
    ClassList {
        names: model.class_names.iter().map(|name| readable(name)).collect(),
        train: model.train_counts.as_deref(),
        groups: model.groups.as_ref().map(|groups| groups.iter().map(number).collect()),
    }
}

fn model(of: &ModelReport, list: usize) -> Model<'_> {
    let test = &of.test;
    // Outwards, so that a rounded interval holds what the interval holds.
    let outwards = |[lower, upper]: [f64; 2]| [(lower * DIGITS).floor() / DIGITS, (upper * DIGITS).ceil() / DIGITS];
    let within = |share: Option<f64>, count: u64| share.map_or(0, |share| (share * count as f64).round() as u64);
    let margins = test.split.margins.iter().map(|margin| {
        let shares = margin.class_margin_error.iter().zip(&test.split.class_counts);
        (margin.margin, shares.map(|(&share, &count)| within(share, count)).collect())
    });
    Model {
        name: readable(&of.name),
        list,
        tested: &test.split.class_counts,
        wrong: &test.split.class_errors,
        interval: test.class_error_interval.iter().map(|ends| ends.map(outwards)).collect(),
        train_wrong: of.train.as_ref().map_or(&[], |train| &train.class_errors),
        train_tested: of.train.as_ref().map_or(&[], |train| &train.class_counts),
        worst: &test.max_error.candidates,
        next: test.next_sample.first().map(|next| (next.images, next.limits.as_slice())),
        margins: margins.collect(),
        to: of.class_confusions.iter().map(|class| class.errors_to.as_slice()).collect(),
        from: of.class_confusions.iter().map(|class| class.errors_from.as_slice()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::sample::Sample;

    /// Everything the script shows stands in `report.json`, as it is or, of ends of intervals, not
    /// further inwards.
    #[test]
    fn the_numbers_are_those_of_the_report() {
        let of = |skill: f64, name: &str| {
            let (mut model, _) = Sample { test_per_class: 40, skill, ..Sample::fashion() }.build();
            model.name = format!("{name}<\u{202e}");
            model
        };
        let report = Report { models: vec![of(1.5, "a"), of(3.0, "b")], ..Report::default() };
        let text = data(&report).unwrap();
        assert!(!text.contains('<') && !text.contains('\u{202e}'));
        let found: Value = serde_json::from_str(&text).unwrap();
        let full = serde_json::to_value(&report).unwrap();
        assert_eq!(found["classes"].as_array().unwrap().len(), 1, "both have the same classes");
        assert_eq!(found["classes"][0]["train"], full["models"][0]["train_counts"]);
        for (shown, model) in found["models"].as_array().unwrap().iter().zip(full["models"].as_array().unwrap()) {
            let test = &model["test"];
            for (key, value) in [
                ("tested", &test["class_counts"]),
                ("wrong", &test["class_errors"]),
                ("worst", &test["max_error"]["candidates"]),
                ("train_wrong", &model["train"]["class_errors"]),
                ("train_tested", &model["train"]["class_counts"]),
            ] {
                assert_eq!(&shown[key], value, "{key}");
            }
            assert_eq!(shown["next"][0], test["next_sample"][0]["images"]);
            assert_eq!(shown["next"][1], test["next_sample"][0]["limits"]);
            for class in 0..10 {
                assert_eq!(shown["to"][class], model["class_confusions"][class]["errors_to"]);
                assert_eq!(shown["from"][class], model["class_confusions"][class]["errors_from"]);
                let ends = |value: &Value| [value[0].as_f64().unwrap(), value[1].as_f64().unwrap()];
                let ([lower, upper], [least, most]) =
                    (ends(&shown["interval"][class]), ends(&test["class_error_interval"][class]));
                assert!(lower <= least && least - lower < 1e-7 && most <= upper && upper - most < 1e-7);
                for (g, margin) in test["margins"].as_array().unwrap().iter().enumerate() {
                    assert_eq!(shown["margins"][g][0], margin["margin"]);
                    let share = margin["class_margin_error"][class].as_f64().unwrap();
                    assert_eq!(shown["margins"][g][1][class], (share * 40.0).round() as u64);
                }
            }
        }
    }

    /// Sums over the lists are the errors, as long as no list is cut.
    #[test]
    fn confusions_of_a_class_add_up() {
        let (model, _) = Sample { test_per_class: 40, ..Sample::fashion() }.build();
        for (class, found) in model.class_confusions.iter().enumerate() {
            let sum: u64 = found.errors_to.iter().map(|(_, samples)| samples).sum();
            let errors = model.test.split.class_errors[class];
            assert!(sum <= errors && (found.errors_to.len() == 5 || sum == errors), "class {class}");
            assert!(found.errors_to.iter().all(|&(other, _)| other != class));
            assert!(found.errors_to.is_sorted_by_key(|&(_, samples)| std::cmp::Reverse(samples)));
        }
    }
}
