//! What the page's script knows of each class: the numbers of `report.json` by column, as JSON inside the page.

use serde::Serialize;

use crate::report::{ComparisonVerdict, Group, ModelReport, Report, ReportError};
use crate::words::readable;

/// Digits behind the point of an interval's ends, which are shares.
const DIGITS: f64 = 1e5;

#[derive(Serialize)]
struct Explorer<'a> {
    /// Names, training images and groups of the classes; models mostly share them.
    classes: Vec<ClassList<'a>>,
    models: Vec<Model<'a>>,
    comparisons: Vec<Pair>,
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
///
/// # Errors
/// [`ReportError::Json`].
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
    let comparisons = report.comparisons.iter().map(|found| Pair {
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
    let explorer = Explorer { comparisons: comparisons.collect(), classes, models };
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
