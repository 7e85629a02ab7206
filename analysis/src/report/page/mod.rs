//! `report.html`: one file without outside references, whole without its script, which adds a table
//! of classes to search and sort.
//!
//! Every text goes through the template engine's escaping; passed as markup are the plots, whose
//! own text [`Figure`] escapes, the style, the script, and the script's data as JSON without `<`.
//! The page's content security policy lets that one script run and nothing be fetched.
//!
//! | file | holds |
//! | --- | --- |
//! | `template.html` | the order of the page |
//! | `key_figures` | the figures of a model that are read first |
//! | `citations` | statements cited in a sentence as links |
//! | `explorer` | what the script knows of each class |
//! | `explore.js` | the table of classes |

mod citations;
mod explorer;
mod key_figures;
#[cfg(test)]
mod numbers_tests;

use base64::Engine as _;
use car_spectral::confusion::WrittenMargin;
use minijinja::{AutoEscape, Environment, escape_formatter};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::ReportError;
use super::comparison_sentence::{comparison_sentences, group_sentences, in_order};
use super::guarantees::{floor, guarantees, plans};
use super::headline::{all_models, answer, called, looseness, worst_classes};
use super::merged::{merged_warnings, warned};
use super::plots::{PlotSet, settings_caption, shared_settings};
use super::tables::{self, Table};
use super::verdicts::{chain_sentence, said_once};
use crate::correlation::Correlations;
use crate::draw::Figure;
use crate::results::{ModelReport, Report, Settings};
use crate::words::{capitalised, grouped, level, listed, percent, percent_range, readable, short, unbroken};
use key_figures::{KeyFigure, key_figures};

/// Ends of the names of plots on single classes, on the bounds, and on the margins; the others show
/// confusions.
const CLASS_PLOTS: [&str; 2] = ["error_by_frequency", "worst_classes"];
const BOUND_PLOTS: [&str; 2] = ["bound_vs_error", "chain_at_worst"];
const MARGIN_PLOTS: [&str; 1] = ["margin_sweep"];
/// Rows of the table of classes; the rest is in `per_class.csv`.
const MOST_CLASSES: usize = 150;
/// Rows of the table of confused pairs.
const MOST_PAIRS: usize = 30;
/// Warnings that stand above the comparison of several models.
const MOST_DOUBTS: usize = 6;
/// Models that are named beside a warning.
const MOST_DOUBTED: usize = 4;
const TEMPLATE: &str = include_str!("template.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("explore.js");

#[derive(Serialize)]
struct Page {
    title: String,
    program: String,
    style: &'static str,
    script: &'static str,
    script_hash: String,
    /// What the script knows, as JSON.
    classes: String,
    /// What the warnings come to, and whether they weigh.
    warned: Option<(String, bool)>,
    /// What puts the numbers of several models in doubt.
    doubts: Vec<Doubt>,
    /// How many more there are.
    more_doubts: usize,
    comparison: Vec<Plot>,
    training: Vec<Plot>,
    correlations: Vec<CorrelationSection>,
    overview: Option<Table>,
    /// The columns of the overview that take an explanation.
    overview_norms: Option<Table>,
    classes_by_model: Option<Table>,
    /// The probability of the statements, `95 %`.
    sure: String,
    /// One model against another: who, and what is found.
    pairs: Vec<(String, Vec<String>)>,
    /// One group of seeds against another.
    seeds: Vec<String>,
    differences: Option<Table>,
    /// What the sign of a difference means.
    signs: &'static str,
    classes_number: usize,
    models: Vec<Section>,
    omitted: usize,
    settings: Vec<(String, String)>,
    files: Table,
    /// Rules that let the plots follow a dark page.
    plot_style: String,
}

/// One warning and the models it is on.
#[derive(Serialize)]
struct Doubt {
    sentence: String,
    /// Anchors, where there is a section, and names of the first.
    models: Vec<(Option<String>, String)>,
    /// How many more there are.
    more: usize,
}

#[derive(Serialize)]
struct Section {
    anchor: String,
    name: String,
    /// What is said of the model while its section is folded.
    short: String,
    answer: String,
    tone: &'static str,
    figures: Vec<KeyFigure>,
    /// Sample sizes, and how sure what follows is.
    samples: String,
    left_out: Vec<String>,
    guarantees: Vec<String>,
    floor: Option<String>,
    plans: Vec<String>,
    warnings: Vec<String>,
    looseness: Option<String>,
    class_plots: Vec<Plot>,
    bound_plots: Vec<Plot>,
    error_plots: Vec<Plot>,
    margin_plots: Vec<Plot>,
    verdicts: Vec<Verdict>,
    quantities: Table,
    more_quantities: Table,
    planning: Table,
    margins: Table,
    bounds: Table,
    classes: Table,
    classes_note: Option<String>,
    pairs: Table,
    source: Vec<(String, String)>,
}

/// What ranks the worst classes' errors over the runs on one training set.
#[derive(Serialize)]
struct CorrelationSection {
    title: String,
    sentences: Vec<String>,
}

#[derive(Serialize)]
struct Verdict {
    id: String,
    sentence: String,
    counts: Vec<(usize, &'static str, &'static str)>,
}

#[derive(Serialize)]
struct Plot {
    title: String,
    caption: String,
    svg: String,
    /// The drawing for narrow screens.
    narrow: Option<String>,
}

/// The page.
pub(super) fn render(report: &Report, plots: &PlotSet) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => escape_formatter(out, state, &readable(text).into()),
        None => escape_formatter(out, state, value),
    });
    environment.add_filter("cited", |sentence: &str| citations::cited(sentence));
    environment.add_template("report.html", TEMPLATE)?;
    let shared = shared_settings(report);
    let comparison = plots.comparison.iter().map(|figure| plot(figure, &shared)).collect::<Result<_, _>>()?;
    let training = plots.training.iter().map(|figure| plot(figure, &shared)).collect::<Result<_, _>>()?;
    let (overview, overview_norms) = (report.models.len() > 1).then(|| tables::comparison(report).split()).unzip();
    let models = plots
        .models
        .iter()
        .map(|(at, figures)| section(*at, report, figures))
        .collect::<Result<Vec<_>, ReportError>>()?;
    let settings = &report.settings;
    let mut doubts = if report.models.len() > 1 { doubts(report, plots) } else { Vec::new() };
    let more_doubts = doubts.split_off(doubts.len().min(MOST_DOUBTS)).len();
    let page = Page {
        title: match report.models.as_slice() {
            [model] => format!("Worst-class report: {}", model.name),
            models => format!("Worst-class report on {} models", models.len()),
        },
        program: format!(
            "{} {}{}",
            settings.program,
            settings.version,
            settings.commit.as_ref().map_or(String::new(), |commit| format!(" ({commit})"))
        ),
        style: STYLE,
        script: SCRIPT,
        script_hash: script_hash(),
        classes: explorer::data(report)?,
        warned: warned(report),
        doubts,
        more_doubts,
        comparison,
        training,
        correlations: report.correlations.iter().map(correlation_section).collect(),
        overview,
        overview_norms,
        classes_by_model: tables::classes_by_model(report, MOST_CLASSES),
        sure: unbroken(&level(1.0 - settings.delta)),
        pairs: in_order(report)
            .into_iter()
            .map(|comparison| comparison_sentences(report, comparison))
            .map(|(title, parts)| (title, parts.iter().map(|part| unbroken(part)).collect()))
            .collect(),
        seeds: report
            .groups
            .iter()
            .flat_map(|group| group_sentences(report, group))
            .map(|sentence| unbroken(&sentence))
            .collect(),
        differences: (!report.comparisons.is_empty()).then(|| tables::differences(report)),
        signs: tables::SIGNS,
        classes_number: report.models.first().map_or(0, |model| model.num_classes),
        omitted: report.models.len() - models.len(),
        models,
        settings: settings_list(report),
        files: tables::files(report),
        plot_style: crate::draw::svg::page_style(),
    };
    Ok(environment.get_template("report.html")?.render(&page)?)
}

fn correlation_section(found: &Correlations) -> CorrelationSection {
    let title = format!(
        "{}, {} runs on {} training samples",
        found.dataset,
        found.runs.len(),
        found.train_counts.iter().sum::<u64>()
    );
    let sentences = found.scopes.iter().flat_map(|scope| scope.sentences(found.targets()));
    CorrelationSection { title, sentences: sentences.map(unbroken).collect() }
}

/// A plot without the settings at the caption's end, which stand at the page's.
fn plot(figure: &Figure, settings: &str) -> Result<Plot, ReportError> {
    let caption = figure.caption.strip_suffix(settings).unwrap_or(&figure.caption).trim_end();
    Ok(Plot {
        title: figure.title.clone(),
        caption: unbroken(caption),
        svg: figure.inline_svg()?,
        narrow: figure.narrow_svg()?,
    })
}

/// The source expression of the script: `sha256-...`.
fn script_hash() -> String {
    // The template has a line break before it.
    let digest = Sha256::digest(format!("\n{SCRIPT}"));
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

/// The warnings on all models, each once, with links to the sections that there are.
fn doubts(report: &Report, plots: &PlotSet) -> Vec<Doubt> {
    let has_section = |at: usize| plots.models.iter().any(|(shown, _)| *shown == at);
    let model = |&at: &usize| (has_section(at).then(|| anchor(at)), report.models[at].name.clone());
    let doubt = |(models, sentence): (Vec<usize>, &str)| Doubt {
        sentence: unbroken(&capitalised(sentence)),
        more: models.len().saturating_sub(MOST_DOUBTED),
        models: models.iter().take(MOST_DOUBTED).map(model).collect(),
    };
    merged_warnings(report).into_iter().map(doubt).collect()
}

/// The place of a model's section on the page.
fn anchor(at: usize) -> String {
    format!("model-{}", at + 1)
}

/// A plot without what the section of its model says once: the model's name, sample sizes and
/// settings.
fn plot_of_model(figure: &Figure, report: &Report, model: &ModelReport) -> Result<Plot, ReportError> {
    let settings = settings_caption(report, model);
    let title = figure.title.strip_suffix(&format!(": {}", model.name)).unwrap_or(&figure.title).to_owned();
    Ok(Plot { title, ..plot(figure, &settings)? })
}

fn section(at: usize, report: &Report, figures: &[Figure]) -> Result<Section, ReportError> {
    let model = &report.models[at];
    let classes = tables::classes(model, MOST_CLASSES);
    let drawn = |stems: &[&str], inside: bool| {
        let chosen = figures.iter().filter(|figure| stems.iter().any(|stem| figure.stem.ends_with(stem)) == inside);
        chosen.map(|figure| plot_of_model(figure, report, model)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Section {
        anchor: anchor(at),
        name: model.name.clone(),
        short: unbroken(&short_answer(model)),
        answer: unbroken(&answer(&report.settings, model)),
        tone: tone(model),
        figures: key_figures(&report.settings, model),
        samples: unbroken(&samples(&report.settings, model)),
        left_out: model.left_out.clone(),
        guarantees: guarantees(&report.settings, model).iter().map(|sentence| unbroken(sentence)).collect(),
        floor: floor(model).map(|sentence| unbroken(&sentence)),
        plans: plans(&report.settings, model).iter().map(|sentence| unbroken(sentence)).collect(),
        warnings: model.warnings.iter().map(|warning| unbroken(&capitalised(&warning.sentence))).collect(),
        looseness: model.test.worst_class.as_ref().map(|_| unbroken(&looseness(model))),
        class_plots: drawn(&CLASS_PLOTS, true)?,
        bound_plots: drawn(&BOUND_PLOTS, true)?,
        error_plots: drawn(&[&CLASS_PLOTS[..], &BOUND_PLOTS, &MARGIN_PLOTS].concat(), false)?,
        margin_plots: drawn(&MARGIN_PLOTS, true)?,
        verdicts: verdicts(model),
        quantities: tables::quantities(model),
        more_quantities: tables::more_quantities(model),
        planning: tables::planning(model),
        margins: tables::margins(model),
        bounds: tables::bounds(model, false),
        classes_note: (classes.rows.len() < model.num_classes).then(|| {
            format!(
                "The {} classes with the largest test error of {}; all of them are in per_class.csv.",
                classes.rows.len(),
                grouped(model.num_classes as u64)
            )
        }),
        classes,
        pairs: tables::pairs(model, MOST_PAIRS),
        source: source(model),
    })
}

/// What was tested, and how sure what is said of it is.
fn samples(settings: &Settings, model: &ModelReport) -> String {
    let training =
        model.train.as_ref().map_or(String::new(), |train| format!(" and {} training", grouped(train.samples)));
    let at_once = match settings.models_compared {
        0 | 1 => String::new(),
        models => format!(" of {}", all_models(models)),
    };
    format!(
        "{} classes; {} test{training} samples. Each statement holds with probability {}, for all classes{at_once} together; several statements together with less.",
        grouped(model.num_classes as u64),
        grouped(model.test.split.samples),
        level(1.0 - settings.delta)
    )
}

/// `worst class: Shirt, 96 % wrong; whichever class is the worst, 93 – 98 % (T5'); accuracy 78.8
/// %`.
fn short_answer(model: &ModelReport) -> String {
    let accuracy = percent(model.test.split.accuracy);
    model.test.worst_class.as_ref().map_or("no test samples".to_owned(), |worst| {
        let interval = percent_range(model.test.max_error.interval);
        let error = percent(worst.error);
        let worst = match worst_classes(model).len() {
            1 => format!("worst class: {}, {error} wrong", called(model, worst.index)),
            tied => format!("{} classes tie for the worst, {error} wrong", grouped(tied as u64)),
        };
        format!("{worst}; whichever class is the worst, {interval} (T5'); accuracy {accuracy}")
    })
}

/// `bad` if a statement fails, `good` if a bound below 1 holds, else `plain`.
fn tone(model: &ModelReport) -> &'static str {
    if !model.test.split.chain.holds || model.bounds.iter().any(|bound| bound.values.verdict.violated > 0) {
        "bad"
    } else if model.bounds.iter().any(|bound| bound.values.verdict.holds > 0) {
        "good"
    } else {
        "plain"
    }
}

fn verdicts(model: &ModelReport) -> Vec<Verdict> {
    let whole = |id: &str, sentence| Verdict { id: id.to_owned(), sentence, counts: Vec::new() };
    let chain = whole("chain", chain_sentence(&model.test.split));
    let step = model.train_to_test.iter().map(|step| whole("train-to-test", step.sentence.clone()));
    let of_bounds = said_once(model).into_iter().map(|said| {
        let mut counts = vec![
            (said.counts.holds, "holds", "good"),
            (said.counts.violated, "violated", "bad"),
            (said.counts.undecided, "undecided", "plain"),
            (said.counts.vacuous, "vacuous", "plain"),
            (said.counts.not_applicable, "not applicable", "plain"),
        ];
        counts.retain(|(count, _, _)| *count > 0);
        Verdict { id: listed(&said.ids), sentence: said.sentence, counts }
    });
    std::iter::once(chain).chain(step).chain(of_bounds).collect()
}

fn source(model: &ModelReport) -> Vec<(String, String)> {
    let source = &model.source;
    let mut list = vec![("kind".to_owned(), source.kind.clone())];
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            list.push((name.to_owned(), value));
        }
    };
    put("architecture", source.architecture.clone());
    put("weights read from", taken_from(source));
    put("left unread", Some(source.unread.join(", ")).filter(|list| !list.is_empty()));
    put("read as", Some(source.notes.join(". ")).filter(|notes| !notes.is_empty()));
    put("data set", source.dataset.clone());
    put("seed", source.seed.map(|seed| seed.to_string()));
    put("epoch", source.epoch.map(|epoch| epoch.to_string()));
    put("training subset SHA-256", source.subset_sha256.clone());
    put("preprocessing", source.preprocessing.as_ref().map(preprocessing));
    put("each confidence limit", Some(format!("δ/(2KM) = {}", short(model.delta_per_class))));
    for file in &source.files {
        put(&file.role, Some(format!("{} ({} bytes, SHA-256 {})", file.path, file.bytes, file.sha256)));
    }
    list
}

/// Key, prefix and last layer of weights that another program kept.
pub(super) fn taken_from(source: &crate::results::Source) -> Option<String> {
    let part = |what: &str, text: &Option<String>| text.as_ref().map(|text| format!("{what} {text}"));
    let parts = [part("key", &source.key), part("prefix", &source.prefix), part("last layer", &source.last_layer)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn preprocessing(p: &crate::results::Preprocessing) -> String {
    let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    let mut parts = vec![format!("from {}", p.origin)];
    if let Some(resize) = p.resize {
        parts.push(format!("resize {resize} px"));
    }
    if let Some(crop) = p.crop {
        parts.push(format!("crop {crop} px"));
    }
    if let Some(channels) = &p.channels {
        parts.push(format!("channels {channels}"));
    }
    parts.push(format!("mean [{}]", list(&p.mean)));
    parts.push(format!("std [{}]", list(&p.std)));
    parts.join("; ")
}

fn settings_list(report: &Report) -> Vec<(String, String)> {
    let settings = &report.settings;
    let margins: Vec<String> = settings.margins.iter().map(|&g| WrittenMargin(g).to_string()).collect();
    let mut list = vec![
        ("margins g".to_owned(), margins.join(", ")),
        ("class weights λ".to_owned(), format!("{}, r₀ = {}", settings.weights, settings.r0)),
        ("δ".to_owned(), settings.delta.to_string()),
        ("models compared M".to_owned(), settings.models_compared.to_string()),
    ];
    if let Some(device) = &settings.device {
        list.push(("device".to_owned(), device.clone()));
    }
    if let Some(p) = &settings.preprocessing {
        list.push(("preprocessing given".to_owned(), preprocessing(p)));
    }
    list.push(("command".to_owned(), settings.command_line.join(" ")));
    list
}

#[cfg(test)]
mod tests {
    use super::STYLE;
    use crate::draw::palette::Color;

    /// The value of a variable of the style sheet, light, then dark.
    fn values(name: &str) -> Vec<Color> {
        let start = format!("{name}: #");
        let code = |rest: &str| u32::from_str_radix(&rest[..6], 16).unwrap().to_be_bytes();
        let color = |[_, r, g, b]: [u8; 4]| Color { rgb: [r, g, b], alpha: 1.0 };
        STYLE.split(&start).skip(1).take(2).map(code).map(color).collect()
    }

    #[test]
    fn the_mark_that_is_pointed_at_stands_out_on_light_and_dark_ground() {
        for (mark, paper) in values("--lit").into_iter().zip(values("--paper")) {
            let (mark, paper) = (mark.luminance() + 0.05, paper.luminance() + 0.05);
            let contrast = mark.max(paper) / mark.min(paper);
            assert!(contrast >= 4.5, "{contrast}");
        }
    }
}
