//! The plots: each a file of this folder, each a function from a report to a `Figure`.
//!
//! Captions give sample sizes and settings.

mod arms;
mod bound_vs_error;
mod chain_at_worst;
mod classes_over_seeds;
mod comparison;
mod confused_pairs;
mod confusion_heatmap;
mod correlation;
mod differences_by_class;
mod differences_over_seeds;
mod error_by_frequency;
mod groups;
mod margin_sweep;
mod over_epochs;
mod shown_bounds;
mod top_pair;
mod training_runs;
mod worst_classes;

pub(crate) use correlation::draw as correlation_figures;

use crate::draw::scene::{self, Scene};
use crate::draw::{Figure, Layout};
use crate::report::headline::{all_models, called};
use crate::results::{ModelFigures, ModelReport, Report};
use crate::words::{grouped, level, readable};
use groups::{
    bins, by_frequency, by_frequency_title, group_legend, group_of, group_runs, group_style, group_swatches,
    order_label, quantile,
};

/// All plots of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlotSet {
    /// Plots that set the models beside each other; empty for a single model.
    pub comparison: Vec<Figure>,
    /// Figures of what the runs behind the models recorded over their epochs; empty without a log.
    pub training: Vec<Figure>,
    /// Plots of single models: index of the model, its plots.
    pub models: Vec<(usize, Vec<Figure>)>,
}

impl PlotSet {
    /// Lists every figure.
    pub fn iter(&self) -> impl Iterator<Item = &Figure> {
        self.comparison.iter().chain(&self.training).chain(self.models.iter().flat_map(|(_, figures)| figures))
    }
}

/// File names, without extension, of the plots of one model.
const MODEL_STEMS: [&str; 8] = [
    "bound_vs_error",
    "error_by_frequency",
    "worst_classes",
    "chain_at_worst",
    "margin_sweep",
    "confusion_heatmap",
    "top_pair",
    "confused_pairs",
];

/// File names, without extension, of the plots on several models or on runs.
const SHARED_STEMS: [&str; 6] = [
    "comparison",
    "differences_over_seeds",
    "classes_over_seeds",
    "differences_by_class",
    "training_runs",
    "regulariser",
];

/// The same of the plots that there are for each training set, with a number behind where it is not
/// the first.
const CORRELATION_STEMS: [&str; 2] = ["norm_vs_error", "bound_across_runs"];

/// Whether [`draw`] may give a plot this file name without extension.
pub(super) fn is_stem(stem: &str) -> bool {
    if SHARED_STEMS.contains(&stem) || MODEL_STEMS.contains(&stem) || is_correlation_stem(stem) {
        return true;
    }
    let model = MODEL_STEMS.iter().find_map(|plot| stem.strip_suffix(plot)?.strip_suffix('-'));
    model.and_then(|model| model.split_once('-')).is_some_and(|(number, name)| {
        number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit()) && slug(name) == name
    })
}

/// Tells whether a plot of correlations is called so: several have numbers.
pub fn is_correlation_stem(stem: &str) -> bool {
    let numbered = |rest: &str| rest.strip_prefix('-').is_some_and(|n| n.parse::<usize>().is_ok_and(|n| n > 1));
    let mut rests = CORRELATION_STEMS.iter().filter_map(|plot| stem.strip_prefix(plot));
    rests.any(|rest| rest.is_empty() || numbered(rest))
}

/// The largest number of models that are each drawn alone; of more, only the first and the last
/// are, the others in the comparison only.
pub const MOST_MODELS_DRAWN: usize = 8;

/// Draws every plot that holds something, of a report that [`check`](super::check()) has accepted.
/// With one model the files are called `error_by_frequency`, ...; with several a model's own are
/// called `01-NAME-error_by_frequency`, ...
pub fn draw(report: &Report, figures: &[ModelFigures]) -> PlotSet {
    let several = report.models.len() > 1;
    let last = report.models.len().saturating_sub(1);
    let models = report
        .models
        .iter()
        .zip(figures)
        .enumerate()
        .filter(|(at, _)| last < MOST_MODELS_DRAWN || *at == 0 || *at == last)
        .map(|(at, (model, figures))| {
            let plots = [
                error_by_frequency::draw(report, model),
                worst_classes::draw(report, model),
                chain_at_worst::draw(report, model),
                bound_vs_error::draw(report, model),
                confusion_heatmap::draw(report, model, &figures.test_confusion),
                top_pair::draw(report, model),
                confused_pairs::draw(report, model),
                margin_sweep::draw(report, model),
            ];
            let mut drawn: Vec<Figure> = plots.into_iter().flatten().collect();
            if several {
                for figure in &mut drawn {
                    figure.stem = format!("{:02}-{}-{}", at + 1, slug(&model.name), figure.stem);
                }
            }
            (at, drawn)
        })
        .collect();
    let mut comparison = Vec::new();
    if several {
        comparison.extend(differences_over_seeds::draw(report));
        comparison.extend(classes_over_seeds::draw(report));
        comparison.push(comparison::draw(report));
        comparison.extend(differences_by_class::draw(report));
        comparison.extend(bound_vs_error::draw_several(report));
    }
    let mut training = training_runs::draw(report);
    training.extend(correlation::draw(&report.correlations, &report.runs));
    PlotSet { comparison, training, models }
}

/// A name as part of a file name: lower-case letters, digits and hyphens, at most 40.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 40 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "model".to_owned() } else { slug.to_owned() }
}

/// What the floor is, for captions.
fn floor_caption(report: &Report) -> String {
    format!(
        " Green: no upper limit of a class's error that holds with probability {} and is proved from its training samples alone can be \
         lower, however well they are classified (T4). It limits such proofs, not errors, which may lie on either side.",
        sure(report)
    )
}

/// The probability of the statements, `95 %`.
fn sure(report: &Report) -> String {
    level(1.0 - report.settings.delta)
}

/// How sure the intervals are, and with which weights of the classes: `confidence 95 %, all 4
/// models at once; ...`.
fn settings_words(report: &Report) -> String {
    let settings = &report.settings;
    let at_once = match settings.models_compared {
        0 | 1 => String::new(),
        models => format!(", {} at once", all_models(models)),
    };
    let r0 = if settings.weights == "none" { String::new() } else { format!(", r₀ = {}", settings.r0) };
    format!("confidence {}{at_once}; class weights λ: {}{r0}.", sure(report), settings.weights)
}

/// The end of every caption of a model: sample sizes and settings.
pub(super) fn settings_caption(report: &Report, model: &ModelReport) -> String {
    let train = model.train.as_ref().map_or(String::new(), |train| format!(" and {} training", grouped(train.samples)));
    format!(
        "{} classes; {} test{train} samples; {}",
        grouped(model.num_classes as u64),
        grouped(model.test.split.samples),
        settings_words(report)
    )
}

/// The same for plots of several models.
pub(super) fn shared_settings(report: &Report) -> String {
    format!("{} test samples; {}", sample_sizes(report), settings_words(report))
}

/// Test samples of the models, said once where they agree.
fn sample_sizes(report: &Report) -> String {
    let mut sizes: Vec<u64> = report.models.iter().map(|model| model.test.split.samples).collect();
    sizes.dedup();
    sizes.into_iter().map(grouped).collect::<Vec<_>>().join(", ")
}

/// A figure whose title has the model's name, however long: [`Figure::complete`] shortens what it
/// draws.
fn of_model(stem: &str, title: &str, model: &ModelReport, caption: String, draw: impl Fn(Layout) -> Scene) -> Figure {
    Figure::of(stem, format!("{title}: {}", model.name), caption, draw)
}

/// Above this number of classes a mark for each would be a solid block: plots show bins.
const MOST_SINGLE: usize = 200;

/// Radius of a class's marker: smaller where there are many.
fn marker_radius(num_classes: usize, layout: Layout) -> f64 {
    if num_classes <= 30 { 7.0 } else { layout.either(5.0, 4.0) }
}

/// A class's name in at most `width`; one that is cut keeps the class's number: `squir… (80)`.
fn numbered_name(model: &ModelReport, class: usize, size: f64, width: f64) -> String {
    let (name, number) = (called(model, class), format!(" ({class})"));
    if scene::fitted(&name, size, width) == readable(&name) {
        return readable(&name);
    }
    scene::fitted(&name, size, width - scene::text_width(&number, size, false)) + &number
}

/// What a pointer on a class's marker is told.
fn class_title(model: &ModelReport, class: usize, rest: &str) -> String {
    let images =
        model.train_counts.as_ref().map_or(String::new(), |c| format!(", {} training samples", grouped(c[class])));
    format!("{} (class {class}{images}){rest}", scene::fitted(&model.class_names[class], 20.0, 400.0))
}

#[cfg(test)]
mod tests {
    use car_spectral::car::CarOptions;

    use super::*;
    use crate::correlation::correlations;
    use crate::draw::scene::{Anchor, Shape, Text, text_width};
    use crate::report::sample::{self, Sample, training_run};
    use crate::results::Statement;

    /// Left, top, right and bottom of a text's letters.
    fn edges(text: &Text) -> [f64; 4] {
        let width = text_width(&text.text, text.size, text.bold);
        let before = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => 0.5 * width,
            Anchor::End => width,
        };
        let (x, y, high) = (text.x, text.y, 0.7 * text.size);
        if text.upright {
            [x - high, y + before - width, x, y + before]
        } else {
            [x - before, y - high, x - before + width, y]
        }
    }

    /// What is wrong with the texts of a drawing.
    fn faults(scene: &Scene) -> Vec<String> {
        let texts = scene.shapes.iter().filter_map(|shape| match shape {
            Shape::Text(text) if !text.text.is_empty() => Some((text, edges(text))),
            _ => None,
        });
        let texts: Vec<_> = texts.collect();
        let mut faults = Vec::new();
        for (at, (text, a)) in texts.iter().enumerate() {
            if text.size < 17.0 {
                faults.push(format!("small: {}", text.text));
            }
            if a[0] < 0.0 || a[1] < 0.0 || a[2] > scene.width || a[3] > scene.height {
                faults.push(format!("cut at {a:?}: {}", text.text));
            }
            let crosses = |b: &[f64; 4]| a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
            let crossed = texts[at + 1..].iter().filter(|(_, b)| crosses(b));
            faults.extend(crossed.map(|(other, _)| format!("{} across {}", text.text, other.text)));
        }
        faults
    }

    /// Gives a model bounds that say something of some of its classes.
    fn make_usable(model: &mut ModelReport) {
        for total in model.bounds.iter_mut().filter(|bound| bound.id == Statement::T3).flat_map(|b| &mut b.values.total)
        {
            let ends = total.len() as f64;
            total.iter_mut().enumerate().for_each(|(class, value)| *value = Some(0.2 + 3.0 * class as f64 / ends));
        }
    }

    #[test]
    fn narrow_drawings_hold_large_texts_side_by_side() {
        let of = |name: &str, skill| Sample { name: name.to_owned(), skill, test_per_class: 60, ..Sample::fashion() };
        let epoch = |(at, skill)| Sample { epoch: Some(at), ..of("a", skill) };
        let mut runs = sample::report(&[of("a", 1.6)]).0;
        let cars = [None, Some(CarOptions::paper())];
        runs.runs = cars.into_iter().flat_map(|car| [0, 1, 2].map(|seed| training_run(seed, car))).collect();
        runs.correlations = correlations(&runs.runs);
        let mut groups = sample::report(&[("a0", 3.4), ("a1", 3.3), ("b0", 3.0), ("b1", 2.8)].map(|(n, s)| of(n, s)));
        groups.0.groups = sample::groups();
        let mut one = sample::report(&[of("a", 3.0)]);
        one.0.models.iter_mut().chain(&mut groups.0.models).for_each(make_usable);
        let two = sample::report(&[of("a", 3.0), of("b", 2.0)]);
        let reports = [
            one,
            sample::report(&[Sample { test_per_class: 60, with_train: false, ..Sample::cifar100() }]),
            sample::report(&[Sample { test_per_class: 3, with_train: false, ..Sample::of_size(400) }]),
            sample::report(&[(1, 1.4), (10, 2.2), (30, 3.0)].map(epoch)),
            groups,
            two,
            (runs, Vec::new()),
        ];
        let mut stems = std::collections::BTreeSet::new();
        for (report, figures) in &reports {
            for figure in draw(report, figures).iter() {
                let narrow = figure.narrow.as_ref().unwrap();
                let found = faults(narrow);
                assert!(found.is_empty(), "{} of {}: {found:?}", figure.stem, report.models[0].name);
                assert!(narrow.width < figure.body.width);
                stems.insert(figure.stem.rsplit('-').next().unwrap().to_owned());
            }
        }
        let all = MODEL_STEMS.iter().chain(&SHARED_STEMS).chain(&CORRELATION_STEMS).map(|stem| (*stem).to_owned());
        assert_eq!(stems, all.collect(), "every plot is drawn");
    }

    #[test]
    fn names_become_harmless_file_names() {
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("<b>ResNet 32</b>"), "b-resnet-32-b");
        assert_eq!(slug("模型"), "model");
        assert_eq!(slug(&"x".repeat(99)).len(), 40);
    }

    #[test]
    fn a_class_keeps_its_name_or_else_its_number() {
        let class_names = vec!["0".to_owned(), "squirrel".to_owned()];
        let model = ModelReport { class_names, ..Default::default() };
        let name = |class, width| numbered_name(&model, class, 20.0, width);
        assert_eq!([name(0, 200.0), name(1, 200.0), name(1, 100.0)], ["class 0", "squirrel", "squirrel"]);
        assert!(name(1, 70.0).starts_with('s') && name(1, 70.0).ends_with("… (1)"), "{}", name(1, 70.0));
    }

    #[test]
    fn the_names_of_plots_are_known_again() {
        let known = "bound_vs_error comparison training_runs regulariser norm_vs_error bound_across_runs-2 \
                     01-model-top_pair 12-a-2-b-margin_sweep 100-x-top_pair";
        known.split(' ').for_each(|stem| assert!(is_stem(stem), "{stem}"));
        let unknown = "bound norm_vs_error-1 norm_vs_error-x my-top_pair 1-model-top_pair 01-Model-top_pair \
                       01--top_pair 01-a-comparison";
        unknown.split(' ').chain([""]).for_each(|stem| assert!(!is_stem(stem), "{stem}"));
    }
}
