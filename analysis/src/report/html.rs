//! `report.html`: one file without scripts or outside references. Every text goes through the template engine's escaping;
//! only the plots, whose own text [`svg`](super::plots::svg) escapes, are passed as markup.

use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use super::merged_verdicts::merged_verdicts;
use super::plots::scale::{percent, short};
use super::plots::{Figure, PlotSet};
use super::{ModelReport, Report, ReportError, SplitReport, headline};

/// Rows of the table of classes; the rest is in `per_class.csv`.
const MOST_CLASSES: usize = 150;
/// Rows of the table of confused pairs.
const MOST_PAIRS: usize = 30;
const TEMPLATE: &str = include_str!("template.html");

#[derive(Serialize)]
struct Page {
    title: String,
    program: String,
    comparison: Vec<Plot>,
    overview: Option<Table>,
    models: Vec<Section>,
    omitted: usize,
    settings: Vec<(String, String)>,
    files: Table,
}

#[derive(Serialize)]
struct Section {
    anchor: String,
    name: String,
    headline: String,
    tone: &'static str,
    figures: Vec<Figures>,
    verdicts: Vec<Verdict>,
    plots: Vec<Plot>,
    splits: Table,
    margins: Table,
    bounds: Table,
    classes: Table,
    classes_note: Option<String>,
    pairs: Table,
    source: Vec<(String, String)>,
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

/// A table: header, then rows; numeric columns are right-aligned from `numbers_from` on.
#[derive(Serialize)]
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    numbers_from: usize,
}

impl Table {
    fn new(header: &[&str], numbers_from: usize) -> Self {
        Self { header: header.iter().map(|h| (*h).to_owned()).collect(), rows: Vec::new(), numbers_from }
    }
}

/// The page.
///
/// # Errors
/// [`ReportError::Template`], [`ReportError::Plot`].
pub(super) fn render(report: &Report, plots: &PlotSet) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report.html", TEMPLATE)?;
    let comparison = plots.comparison.iter().map(plot).collect::<Result<_, _>>()?;
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
        comparison,
        overview: (report.models.len() > 1).then(|| overview(report)),
        omitted: report.models.len() - models.len(),
        models,
        settings: settings_list(report),
        files: files(settings.data.iter()),
    };
    Ok(environment.get_template("report.html")?.render(&page)?)
}

fn plot(figure: &Figure) -> Result<Plot, ReportError> {
    Ok(Plot { title: figure.title.clone(), caption: unbroken(&figure.caption), svg: figure.inline_svg()? })
}

fn section(at: usize, report: &Report, figures: &[Figure]) -> Result<Section, ReportError> {
    let model = &report.models[at];
    let classes = classes(model);
    Ok(Section {
        anchor: format!("model-{}", at + 1),
        name: model.name.clone(),
        headline: unbroken(&headline(&report.settings, model)),
        tone: tone(model),
        figures: key_figures(model),
        verdicts: verdicts(model),
        plots: figures.iter().map(plot).collect::<Result<_, _>>()?,
        splits: splits(model),
        margins: margins(model),
        bounds: bounds(model),
        classes_note: (classes.rows.len() < model.num_classes).then(|| {
            format!(
                "The {} classes with the largest test error of {}; all of them are in per_class.csv.",
                classes.rows.len(),
                model.num_classes
            )
        }),
        classes,
        pairs: pairs(model),
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

fn key_figures(model: &ModelReport) -> Vec<Figures> {
    let test = &model.test;
    let mut figures = Vec::new();
    let mut put = |label: &str, value: String, note: String| {
        figures.push(Figures { label: label.to_owned(), value, note });
    };
    put(
        "Test accuracy",
        percent(test.split.accuracy),
        test.accuracy_macro.map_or(String::new(), |a| format!("mean over classes {}", percent(a))),
    );
    let bare = |share: f64| percent(share).trim_end_matches(" %").to_owned();
    let group = |group: Option<super::GroupAccuracy>| dash(group.map(|g| bare(g.accuracy)));
    if model.groups.is_some() {
        put(
            "Many / medium / few",
            format!("{} / {} / {} %", group(test.many), group(test.medium), group(test.few)),
            "test accuracy by number of training images".into(),
        );
    }
    if let Some(worst) = &test.worst_class {
        put(
            "Worst-class error",
            percent(worst.error),
            format!("{}; interval {} to {}", worst.name, percent(worst.interval[0]), percent(worst.interval[1])),
        );
    }
    put(
        "Weighted worst-class error",
        short(test.split.chain.wce),
        format!("WCE = max λⱼ eⱼ; interval {} to {}", short(test.wce_interval[0]), short(test.wce_interval[1])),
    );
    put(
        "‖C Λ‖₂ on test data",
        short(test.split.hard.spectral_norm_weighted.value),
        model.train.as_ref().map_or("hard confusion matrix".into(), |train| {
            format!("training {}", short(train.hard.spectral_norm_weighted.value))
        }),
    );
    put(
        "Chain",
        if test.split.chain.holds { "holds" } else { "FAILS" }.into(),
        test.split
            .chain
            .slack_factor
            .map_or("no errors".into(), |f| format!("√(K−1) ‖C Λ‖₂ is {} times WCE", short(f))),
    );
    put(
        "Classes never right",
        test.zero_accuracy_classes.len().to_string(),
        format!("of {} classes, on test data", model.num_classes),
    );
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

fn overview(report: &Report) -> Table {
    let mut table = Table::new(
        &[
            "model",
            "worst class",
            "its error",
            "accuracy",
            "macro",
            "many",
            "medium",
            "few",
            "WCE",
            "‖C Λ‖₂ test",
            "‖C Λ‖₂ training",
            "chain",
        ],
        2,
    );
    for model in &report.models {
        let test = &model.test;
        let group = |group: Option<super::GroupAccuracy>| dash(group.map(|g| percent(g.accuracy)));
        table.rows.push(vec![
            model.name.clone(),
            dash(test.worst_class.as_ref().map(|worst| worst.name.clone())),
            dash(test.worst_class.as_ref().map(|worst| percent(worst.error))),
            percent(test.split.accuracy),
            dash(test.accuracy_macro.map(percent)),
            group(test.many),
            group(test.medium),
            group(test.few),
            short(test.split.chain.wce),
            short(test.split.hard.spectral_norm_weighted.value),
            dash(model.train.as_ref().map(|train| short(train.hard.spectral_norm_weighted.value))),
            if test.split.chain.holds { "holds" } else { "FAILS" }.to_owned(),
        ]);
    }
    table
}

fn splits(model: &ModelReport) -> Table {
    let mut table = Table::new(&["", "training", "test"], 1);
    let mut row = |name: &str, read: &dyn Fn(&SplitReport) -> String| {
        let train = model.train.as_ref().map_or("–".to_owned(), read);
        table.rows.push(vec![name.to_owned(), train, read(&model.test.split)]);
    };
    row("samples", &|s| s.samples.to_string());
    row("accuracy", &|s| percent(s.accuracy));
    row("‖C‖₁", &|s| short(s.hard.one_norm));
    row("‖C Λ‖₁ = WCE", &|s| short(s.hard.one_norm_weighted));
    row("‖C‖₂", &|s| short(s.hard.spectral_norm.value));
    row("‖C Λ‖₂", &|s| short(s.hard.spectral_norm_weighted.value));
    row("ν = ‖C‖₁ / ‖C‖₂", &|s| dash(s.hard.nu.map(short)));
    row("ν weighted", &|s| dash(s.hard.nu_weighted.map(short)));
    row("√(K−1) ‖C Λ‖₂", &|s| short(s.chain.upper_bound));
    row("√s ‖C Λ‖₂ (s non-zeros in a column)", &|s| {
        format!("{} (s = {})", short(s.chain.upper_bound_sqrt_s), s.chain.max_column_nonzeros)
    });
    row("surrogate ‖C̃ Λ‖₂", &|s| dash(s.surrogate.as_ref().map(|s| short(s.spectral_norm_weighted.value))));
    row("‖C̃ − C‖ Frobenius", &|s| dash(s.surrogate.as_ref().map(|s| short(s.gap_to_hard_frobenius))));
    row("samples with tied top scores", &|s| format!("{} ({})", s.ties.top2, percent(s.ties.share)));
    table
}

fn margins(model: &ModelReport) -> Table {
    let mut table = Table::new(&["split", "g", "‖C_g‖₁", "‖C_g Λ‖₁", "‖C_g‖₂", "‖C_g Λ‖₂", "ν", "ν weighted"], 1);
    let splits = model.train.iter().map(|train| ("training", train)).chain([("test", &model.test.split)]);
    for (name, split) in splits {
        for margin in &split.margins {
            let norms = &margin.norms;
            table.rows.push(vec![
                name.to_owned(),
                margin.margin.to_string(),
                short(norms.one_norm),
                short(norms.one_norm_weighted),
                short(norms.spectral_norm.value),
                short(norms.spectral_norm_weighted.value),
                dash(norms.nu.map(short)),
                dash(norms.nu_weighted.map(short)),
            ]);
        }
    }
    table
}

fn bounds(model: &ModelReport) -> Table {
    let mut table = Table::new(
        &[
            "bound",
            "note",
            "g",
            "at the worst class",
            "over its error",
            "holds",
            "vacuous",
            "undecided",
            "violated",
            "n/a",
        ],
        2,
    );
    for bound in &model.bounds {
        let at_worst = model
            .test
            .worst_class
            .as_ref()
            .and_then(|worst| bound.per_class().and_then(|values| values[worst.index]))
            .or(bound.value);
        let counts = bound.verdict;
        table.rows.push(vec![
            bound.id.clone(),
            bound.reason.clone().unwrap_or_default(),
            dash(bound.margin.map(|g| g.to_string())),
            dash(at_worst.map(short)),
            dash(bound.tightness_at_worst.map(|t| format!("{} ×", short(t)))),
            counts.holds.to_string(),
            counts.vacuous.to_string(),
            counts.undecided.to_string(),
            counts.violated.to_string(),
            counts.not_applicable.to_string(),
        ]);
    }
    table
}

fn classes(model: &ModelReport) -> Table {
    let mut table = Table::new(
        &["class", "group", "training images", "λ", "test errors", "test error", "interval", "λ e", "training error"],
        2,
    );
    let mut order: Vec<usize> = (0..model.num_classes).collect();
    let error = |class: usize| model.test.split.per_class_error[class].unwrap_or(-1.0);
    order.sort_by(|&a, &b| error(b).total_cmp(&error(a)));
    for class in order.into_iter().take(MOST_CLASSES) {
        let test = &model.test;
        table.rows.push(vec![
            format!("{} ({class})", model.class_names[class]),
            dash(model.groups.as_ref().map(|groups| groups[class].as_str().to_owned())),
            dash(model.train_counts.as_ref().map(|counts| counts[class].to_string())),
            short(model.weights[class]),
            format!("{} of {}", test.split.class_errors[class], test.split.class_counts[class]),
            dash(test.split.per_class_error[class].map(percent)),
            dash(test.class_error_interval[class].map(|i| format!("{} – {}", percent(i[0]), percent(i[1])))),
            dash(test.split.chain.weighted_error[class].map(short)),
            dash(model.train.as_ref().and_then(|train| train.per_class_error[class]).map(percent)),
        ]);
    }
    table
}

fn pairs(model: &ModelReport) -> Table {
    let mut table = Table::new(&["true", "predicted", "rate", "samples", "part of ‖C Λ‖₂"], 2);
    for pair in model.confusions.iter().take(MOST_PAIRS) {
        table.rows.push(vec![
            pair.true_name.clone(),
            pair.predicted_name.clone(),
            percent(pair.rate),
            pair.count.to_string(),
            short(pair.contribution_to_spectral_norm),
        ]);
    }
    table
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
    let margins: Vec<String> = settings.margins.iter().map(f64::to_string).collect();
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

fn files<'a>(files: impl Iterator<Item = &'a super::DataFile>) -> Table {
    let mut table = Table::new(&["file", "path", "bytes", "SHA-256"], 4);
    for file in files {
        table.rows.push(vec![file.role.clone(), file.path.clone(), file.bytes.to_string(), file.sha256.clone()]);
    }
    table
}

/// Keeps a number and its unit, and both sides of an equation, on one line.
fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%").replace(" = ", "\u{a0}=\u{a0}")
}

fn dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}
