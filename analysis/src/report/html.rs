//! `report.html`: one file without scripts or outside references. Every text goes through the template engine's
//! escaping; only the plots, whose own text [`Figure`] escapes, are passed as markup.

use car_spectral::confusion::WrittenMargin;
use minijinja::{AutoEscape, Environment, escape_formatter};
use serde::Serialize;

use super::comparison_sentence::{comparison_sentence, group_sentences};
use super::guarantees::guarantees;
use super::merged_verdicts::merged_verdicts;
use super::plots::PlotSet;
use super::tables::{self, Table, dash};
use super::{ModelReport, Report, ReportError, headline};
use crate::correlation::Correlations;
use crate::draw::Figure;
use crate::words::{percent, readable, short};

/// Rows of the table of classes; the rest is in `per_class.csv`.
const MOST_CLASSES: usize = 150;
/// Rows of the table of confused pairs.
const MOST_PAIRS: usize = 30;
const TEMPLATE: &str = include_str!("template.html");

#[derive(Serialize)]
struct Page {
    title: String,
    program: String,
    /// The model, where there are several, and the sentence.
    warnings: Vec<(Option<String>, String)>,
    comparison: Vec<Plot>,
    training: Vec<Plot>,
    correlations: Vec<CorrelationSection>,
    overview: Option<Table>,
    pairs: Vec<String>,
    differences: Option<Table>,
    models: Vec<Section>,
    omitted: usize,
    settings: Vec<(String, String)>,
    files: Table,
    /// Rules that let the plots follow a dark page.
    plot_style: String,
}

#[derive(Serialize)]
struct Section {
    anchor: String,
    name: String,
    headline: String,
    tone: &'static str,
    figures: Vec<Figures>,
    guarantees: Vec<String>,
    verdicts: Vec<Verdict>,
    plots: Vec<Plot>,
    quantities: Table,
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

/// One key figure.
#[derive(Serialize)]
struct Figures {
    label: String,
    value: String,
    note: String,
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
}

/// The page.
///
/// # Errors
/// [`ReportError::Template`], [`ReportError::Plot`].
pub(super) fn render(report: &Report, plots: &PlotSet) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => escape_formatter(out, state, &readable(text).into()),
        None => escape_formatter(out, state, value),
    });
    environment.add_template("report.html", TEMPLATE)?;
    let comparison = plots.comparison.iter().map(plot).collect::<Result<_, _>>()?;
    let training = plots.training.iter().map(plot).collect::<Result<_, _>>()?;
    let models = plots
        .models
        .iter()
        .map(|(at, figures)| section(*at, report, figures))
        .collect::<Result<Vec<_>, ReportError>>()?;
    let settings = &report.settings;
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
        warnings: tables::warnings(report)
            .map(|(model, sentence)| (model.map(str::to_owned), unbroken(&capitalised(sentence))))
            .collect(),
        comparison,
        training,
        correlations: report.correlations.iter().map(correlation_section).collect(),
        overview: (report.models.len() > 1).then(|| tables::comparison(report)),
        pairs: report
            .comparisons
            .iter()
            .map(|comparison| comparison_sentence(report, comparison))
            .chain(report.groups.iter().flat_map(|group| group_sentences(report, group)))
            .map(|sentence| unbroken(&sentence))
            .collect(),
        differences: (!report.comparisons.is_empty()).then(|| tables::differences(report)),
        omitted: report.models.len() - models.len(),
        models,
        settings: settings_list(report),
        files: tables::files(report),
        plot_style: crate::draw::svg::dark_style(),
    };
    Ok(environment.get_template("report.html")?.render(&page)?)
}

fn correlation_section(found: &Correlations) -> CorrelationSection {
    let title = format!(
        "{}, {} runs on {} training images",
        found.dataset,
        found.runs.len(),
        found.train_counts.iter().sum::<u64>()
    );
    let sentences = found.scopes.iter().flat_map(|scope| scope.sentences(found.targets()));
    CorrelationSection { title, sentences: sentences.map(unbroken).collect() }
}

fn plot(figure: &Figure) -> Result<Plot, ReportError> {
    Ok(Plot { title: figure.title.clone(), caption: unbroken(&figure.caption), svg: figure.inline_svg()? })
}

fn section(at: usize, report: &Report, figures: &[Figure]) -> Result<Section, ReportError> {
    let model = &report.models[at];
    let classes = tables::classes(model, MOST_CLASSES);
    Ok(Section {
        anchor: format!("model-{}", at + 1),
        name: model.name.clone(),
        headline: unbroken(&headline(&report.settings, model)),
        tone: tone(model),
        figures: key_figures(model),
        guarantees: guarantees(&report.settings, model).iter().map(|sentence| unbroken(sentence)).collect(),
        verdicts: verdicts(model),
        plots: figures.iter().map(plot).collect::<Result<_, _>>()?,
        quantities: tables::quantities(model),
        planning: tables::planning(model),
        margins: tables::margins(model),
        bounds: tables::bounds(model, false),
        classes_note: (classes.rows.len() < model.num_classes).then(|| {
            format!(
                "The {} classes with the largest test error of {}; all of them are in per_class.csv.",
                classes.rows.len(),
                model.num_classes
            )
        }),
        classes,
        pairs: tables::pairs(model, MOST_PAIRS),
        source: source(model),
    })
}

/// `bad` if a statement fails, `good` if a bound below 1 holds, else `plain`.
fn tone(model: &ModelReport) -> &'static str {
    if !model.test.split.chain.holds || model.bounds.iter().any(|bound| bound.verdict.violated > 0) {
        "bad"
    } else if model.bounds.iter().any(|bound| bound.verdict.holds > 0) {
        "good"
    } else {
        "plain"
    }
}

/// The accuracies of the groups, as means over classes, and what they are; those over images where they differ.
fn group_figures(test: &super::TestReport) -> (String, String) {
    let bare = |share: f64| percent(share).trim_end_matches(" %").to_owned();
    let groups = |accuracy: fn(super::GroupAccuracy) -> f64| {
        let shown = [test.many, test.medium, test.few].map(|group| dash(group.map(|group| bare(accuracy(group)))));
        format!("{} %", shown.join(" / "))
    };
    let (by_class, by_image) = (groups(|group| group.accuracy_macro), groups(|group| group.accuracy));
    let note = if by_class == by_image {
        "test accuracy by number of training images, macro and micro".to_owned()
    } else {
        format!("test accuracy by number of training images, macro (mean over classes); micro (over images) {by_image}")
    };
    (by_class, note)
}

fn key_figures(model: &ModelReport) -> Vec<Figures> {
    let test = &model.test;
    let mut figures = Vec::new();
    let mut put = |label: &str, value: String, note: String| {
        figures.push(Figures { label: label.to_owned(), value, note });
    };
    put(
        "Test accuracy",
        percent(test.split.accuracy),
        test.accuracy_macro.map_or(String::new(), |a| format!("macro, the mean over classes: {}", percent(a))),
    );
    if model.groups.is_some() {
        let (value, note) = group_figures(test);
        put("Many / medium / few", value, note);
    }
    if let Some(worst) = &test.worst_class {
        put(
            "Worst-class error",
            percent(worst.error),
            format!(
                "{}, the largest measured; interval of its own error {} to {}",
                worst.name,
                percent(worst.interval[0]),
                percent(worst.interval[1])
            ),
        );
        let found = &test.max_error;
        put(
            "Error of the worst class, whichever it is",
            format!("{} – {}", percent(found.interval[0]).trim_end_matches(" %"), percent(found.interval[1])),
            match found.candidates.len() {
                1 => format!("T5'; none has a larger error than {}", model.class_names[found.candidates[0]]),
                classes => format!("T5'; one of {classes} classes has it"),
            },
        );
    }
    put(
        "Weighted worst-class error",
        short(test.split.chain.wce),
        format!("WCE = max λⱼ eⱼ; interval {} to {}", short(test.wce_interval[0]), short(test.wce_interval[1])),
    );
    put(
        "‖CΛ‖₂ on test data",
        short(test.split.hard.spectral_norm_weighted.value),
        model.train.as_ref().map_or("hard confusion matrix".into(), |train| {
            format!("training {}", short(train.hard.spectral_norm_weighted.value))
        }),
    );
    put(
        "Chain over WCE",
        tables::slack(&test.split),
        match test.split.chain.slack_factor {
            Some(_) => "√(K−1) ‖CΛ‖₂ / WCE; at least 1 for every matrix".into(),
            None => "no errors".into(),
        },
    );
    put(
        "Classes never right",
        test.zero_accuracy_classes.len().to_string(),
        format!("of {} classes, on test data", model.num_classes),
    );
    let missing = test.split.classes_without_samples();
    if missing > 0 {
        put(
            "Classes without test samples",
            missing.to_string(),
            format!("of {} classes; their errors are not estimated", model.num_classes),
        );
    }
    if let Some(ratio) = test.worst_class_ratio {
        put("Worst-class ratio", short(ratio), "test accuracy over training accuracy of the worst class".into());
    }
    figures
}

fn verdicts(model: &ModelReport) -> Vec<Verdict> {
    merged_verdicts(model)
        .into_iter()
        .map(|verdict| Verdict {
            id: verdict.id,
            sentence: verdict.sentence,
            counts: verdict.counts.map_or_else(Vec::new, |counts| {
                [
                    (counts.holds, "holds", "good"),
                    (counts.violated, "violated", "bad"),
                    (counts.undecided, "undecided", "plain"),
                    (counts.vacuous, "vacuous", "plain"),
                    (counts.not_applicable, "not applicable", "plain"),
                ]
                .into_iter()
                .filter(|(count, _, _)| *count > 0)
                .collect()
            }),
        })
        .collect()
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
pub(super) fn taken_from(source: &super::Source) -> Option<String> {
    let part = |what: &str, text: &Option<String>| text.as_ref().map(|text| format!("{what} {text}"));
    let parts = [part("key", &source.key), part("prefix", &source.prefix), part("last layer", &source.last_layer)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn preprocessing(p: &super::Preprocessing) -> String {
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

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

/// Keeps a number and its unit, and both sides of an equation, on one line.
fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%").replace(" = ", "\u{a0}=\u{a0}")
}
