//! The report as a whole: files, contract, hostile names, degenerate data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::correlation::correlations;
use car_spectral::car::{CarOptions, EmaColumns, EmaOptions};
use car_spectral::confusion::ConfusionMatrix;
use car_spectral_runs::description::Pretrained;
use ndarray::Array2;

use super::sample::{self, Sample, report, training_run};
use super::*;
use crate::results::*;
use crate::words::percent;

/// Writes a report where `CAR_REPORT_SAMPLES` says, to be looked at; into a temporary directory
/// otherwise.
fn written(name: &str, (report, figures): (Report, Vec<ModelFigures>)) -> (Vec<PathBuf>, Option<tempfile::TempDir>) {
    let keep = std::env::var_os("CAR_REPORT_SAMPLES").map(PathBuf::from);
    let temporary = keep.is_none().then(|| tempfile::tempdir().unwrap());
    let out = keep.unwrap_or_else(|| temporary.as_ref().unwrap().path().to_owned()).join(name);
    let paths = write(&report, &figures, &out, &FormatSet::all()).unwrap();
    std::fs::write(out.join("summary.txt"), summary_table(&report)).unwrap();
    (paths, temporary)
}

/// Three epochs of a small model.
fn epochs() -> Vec<Sample> {
    [(1, 1.4), (10, 2.2), (30, 3.0)]
        .map(|(epoch, skill)| Sample {
            name: format!("epoch {epoch}"),
            epoch: Some(epoch),
            skill,
            models_compared: 3,
            ..few(200)
        })
        .to_vec()
}

/// Models of no epoch, compared with each other.
fn named<const N: usize>(models: [(&str, f64); N], test_per_class: u64) -> Vec<Sample> {
    let of = |(name, skill): (&str, f64)| Sample { name: name.to_owned(), skill, ..few(test_per_class) };
    models.map(|model| Sample { epoch: None, models_compared: N, ..of(model) }).to_vec()
}

fn two_runs() -> Vec<Sample> {
    named([("cross-entropy", 1.6), ("with the regulariser", 2.0)], 200)
}

fn few(test_per_class: u64) -> Sample {
    Sample { test_per_class, ..Sample::fashion() }
}

/// The page of a report and its plots.
fn page_of((report, figures): &(Report, Vec<ModelFigures>)) -> String {
    page::render(report, &plots::draw(report, figures)).unwrap()
}

fn listing(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

const FILES: [&str; 6] =
    ["report.json", "report.html", "per_class.csv", "comparison.csv", "comparison.md", "comparison.tex"];

/// Of ten classes, whose names stand in the first, with bounds that are all vacuous.
const PLOTS: [&str; 6] =
    ["error_by_frequency", "chain_at_worst", "confusion_heatmap", "top_pair", "confused_pairs", "margin_sweep"];

#[test]
fn one_model_gives_the_files_of_the_contract() {
    let (paths, keep) = written("fashion", report(&[Sample::fashion()]));
    let mut expected: BTreeSet<String> = FILES.map(str::to_owned).into();
    for plot in PLOTS {
        expected.extend([format!("{plot}.svg"), format!("{plot}.png")]);
    }
    let names: BTreeSet<String> =
        paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, expected);
    if let Some(keep) = &keep {
        expected.insert("summary.txt".into());
        assert_eq!(listing(&keep.path().join("fashion")), expected, "no temporary file stays");
    }
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "png")) {
        let picture = image::open(path).unwrap();
        assert!(picture.width() == 2400 && picture.height() > 800, "{}", path.display());
    }
}

#[test]
fn several_models_are_set_beside_each_other() {
    let (paths, _keep) = written("epochs", report(&epochs()));
    assert_eq!(paths.len(), FILES.len() + 2 * (2 + 3 * PLOTS.len()));
    let (paths, _keep) = written("two_runs", report(&two_runs()));
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    for name in ["comparison.svg", "differences_by_class.png", "01-cross-entropy-top_pair.svg"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
}

/// The warnings of several models are counted at the top and stand once behind the comparison, with
/// the models they are on.
#[test]
fn warnings_on_several_models_are_counted_at_the_top() {
    let names = ["a", "b", "c", "d", "e", "f"].map(|name| (name, 1.6));
    let (mut of_all, figures) = report(&named(names, 200));
    let plain = page_of(&(of_all.clone(), figures.clone()));
    assert!(!plain.contains("to be read before"));
    let warning = |sentence: &str| Warning { sentence: sentence.to_owned(), ..Warning::default() };
    for model in &mut of_all.models {
        model.warnings.push(warning("scores are probabilities"));
    }
    for at in 0..7 {
        of_all.models[1].warnings.push(warning(&format!("doubt {at}")));
    }
    let page = page_of(&(of_all.clone(), figures.clone()));
    let counted = page.find("<a href=\"#warnings\">8 warnings below, to be read before these numbers").unwrap();
    assert!(counted < page.find("Which is better").unwrap());
    let text = unlinked(&page[page.find("id=\"warnings\"").unwrap()..page.find("</aside>").unwrap()]);
    assert_eq!(text.matches("Scores are probabilities").count(), 1, "{text}");
    assert!(text.contains("a, b, c, d and 2 more: Scores are probabilities."), "{text}");
    assert!(text.contains("b: Doubt 4.") && !text.contains("Doubt 5"), "{text}");
    assert!(text.contains("2 more, in the sections of the models."), "{text}");
    for (at, model) in of_all.models.iter_mut().enumerate() {
        model.warnings = vec![warning("a sample is there twice").within(0.001 * at as f64)];
    }
    let small = page_of(&(of_all.clone(), figures)).replace('\u{a0}', " ");
    let said = "1 minor warning below: no error of a class would change by more than 0.5 points.";
    assert!(small.contains(&format!("<p class=\"muted\"><a href=\"#warnings\">{said}</a>")), "{said}");
    assert!(summary_table(&of_all).starts_with(said));
    of_all.models[0].warnings[0].off_by_at_most = None;
    assert!(summary_table(&of_all).starts_with("1 warning below, to be read"), "of six one is not known to be small");
}

#[test]
fn runs_are_drawn_over_their_epochs() {
    let (mut report, figures) = report(&[Sample::fashion()]);
    let per_class = CarOptions {
        ema: EmaOptions { columns: EmaColumns::Present, ..CarOptions::paper().ema },
        ..CarOptions::paper()
    };
    let runs = |car: Option<CarOptions>| [0, 1].map(|seed| training_run(seed, car));
    report.runs = [None, Some(CarOptions::paper()), Some(per_class)].into_iter().flat_map(runs).collect();
    report.correlations = correlations(&report.runs);
    assert_eq!(report.correlations.len(), 1);
    assert_eq!(serde_json::from_slice::<Report>(&write::json(&report).unwrap()).unwrap(), report);
    let summary = summary_table(&report).replace('\n', " ");
    assert!(summary.contains("ranks") && summary.contains("the worst-class test error"), "{summary}");
    let sentence = &report.correlations[0].scopes[0].comparisons[0].sentence;
    let (paths, _keep) = written("runs", (report.clone(), figures));
    let page = paths.iter().find(|path| path.ends_with("report.html")).unwrap();
    let page = std::fs::read_to_string(page).unwrap().replace('\u{a0}', " ");
    assert!(page.contains(sentence.as_str()), "{sentence}");
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    for name in ["training_runs.svg", "regulariser.png", "norm_vs_error.svg", "bound_across_runs.png"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    report.correlations.clear();

    let stems = |report: &Report| -> Vec<String> {
        plots::draw(report, &[]).training.into_iter().map(|figure| figure.stem).collect()
    };
    report.runs.retain(|run| run.run.optimisation.objective.car.is_none());
    assert_eq!(stems(&report), ["training_runs"]);
    report.runs[0].epochs.clear();
    report.runs.truncate(1);
    assert!(stems(&report).is_empty());
}

#[test]
fn with_many_models_only_the_first_and_the_last_are_drawn_alone() {
    let samples: Vec<Sample> = (0..12)
        .map(|n| Sample { name: format!("epoch {n}"), epoch: Some(n), skill: 1.2 + 0.15 * n as f64, ..few(40) })
        .collect();
    let (report, figures) = report(&samples);
    let plots = plots::draw(&report, &figures);
    assert_eq!(plots.models.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 11]);
    let page = page::render(&report, &plots).unwrap();
    assert!(page.contains("10 models between the first and the last"));
    assert!(summary_table(&report).contains("epoch 7"));
}

#[test]
fn a_thousand_classes_are_drawn_in_bins() {
    let k = 1000;
    let mut sample = Sample { test_per_class: 3, with_train: false, ..Sample::of_size(k) };
    sample.train_counts.iter_mut().for_each(|n| *n = (*n).max(1));
    let (report, figures) = report(&[sample]);
    let plots = plots::draw(&report, &figures);
    let sizes: Vec<(&str, usize)> =
        plots.iter().map(|figure| (figure.stem.as_str(), figure.inline_svg().unwrap().len())).collect();
    assert!(sizes.iter().map(|(_, size)| size).sum::<usize>() < 300_000, "{sizes:?}");
    // Far more than thirty classes have 3 of 3 wrong.
    assert!(!sizes.iter().any(|(stem, _)| *stem == "worst_classes"), "{sizes:?}");
    let heatmap = plots.iter().find(|figure| figure.stem == "confusion_heatmap").unwrap();
    assert!(heatmap.caption.contains("12 bins of about 83 classes"), "{}", heatmap.caption);
    let page = page::render(&report, &plots).unwrap();
    assert!(page.len() < 1_500_000, "{}", page.len());
    assert!(page.contains("all of them are in per_class.csv"));
    let said = headline(&report.settings, &report.models[0]);
    assert!(
        said.starts_with("The worst class cannot be named: ") && said.contains("has all 3 wrong 1 time in 8."),
        "{said}"
    );
    let csv = per_class::render(&report).unwrap();
    assert_eq!(csv.iter().filter(|byte| **byte == b'\n').count(), k + 1);
}

#[test]
fn a_plot_that_would_hold_nothing_is_not_drawn() {
    let stems = |model: &(ModelReport, ModelFigures)| -> Vec<String> {
        let report = Report { models: vec![model.0.clone()], ..Report::default() };
        plots::draw(&report, std::slice::from_ref(&model.1)).iter().map(|figure| figure.stem.clone()).collect()
    };
    assert!(stems(&bare(2)).is_empty());
    let perfect = Sample { skill: 1e4, test_per_class: 20, with_train: false, ..Sample::fashion() }.build();
    assert_eq!(stems(&perfect), ["error_by_frequency", "chain_at_worst"]);
    let mut model = few(20).build();
    assert!(!stems(&model).contains(&"bound_vs_error".to_owned()));
    for bound in model.0.bounds.iter_mut().filter(|bound| bound.id == Statement::T3) {
        bound.values.total = bound.values.total.take().map(|total| vec![Some(0.9); total.len()]);
    }
    assert!(stems(&model).contains(&"bound_vs_error".to_owned()));
    model.0.test.split.margins.truncate(1);
    assert!(!stems(&model).contains(&"margin_sweep".to_owned()));
}

#[test]
fn json_reads_back_as_the_same_report() {
    let (report, _) = report(&two_runs());
    let text = write::json(&report).unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&text).unwrap(), report);
    // Objects a key a line, arrays of numbers on one line.
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.starts_with("{\n  \"schema\": \"car-spectral.report/1\",\n  \"settings\": {\n    \"margins\": [0.0, 0.1,")
    );
}

#[test]
fn every_key_is_in_the_schema_and_every_key_of_the_schema_is_described() {
    assert!(!json_schema().contains("[`"), "links of the documentation");
    let report = with_everything();
    let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
    check_keys(&serde_json::to_value(&report).unwrap(), &schema, &schema, "report");
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, definition) in definitions.iter().chain([(&"Report".to_owned(), &schema)]) {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{key} has no description");
        }
    }
}

/// A key that is gone breaks whoever reads it. A new one is added to `keys.txt`.
#[test]
fn no_key_of_the_report_is_lost() {
    let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
    let root = "Report".to_owned();
    let mut keys = BTreeSet::new();
    for (name, definition) in schema["$defs"].as_object().unwrap().iter().chain([(&root, &schema)]) {
        keys.extend(definition["properties"].as_object().into_iter().flatten().map(|(key, _)| format!("{name}.{key}")));
    }
    let known: BTreeSet<String> = include_str!("keys.txt").lines().map(str::to_owned).collect();
    let [lost, new] = [known.difference(&keys), keys.difference(&known)].map(|keys| keys.collect::<Vec<_>>());
    assert!(lost.is_empty() && new.is_empty(), "lost: {lost:?}, new: {new:?}");
}

/// Walks a value along its schema: every key must be a property there.
fn check_keys(value: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value, path: &str) {
    use serde_json::Value;
    fn parts<'a>(schema: &'a Value, root: &'a Value) -> Vec<&'a Value> {
        let place = schema["$ref"].as_str().map(|place| root.pointer(place.trim_start_matches('#')).unwrap());
        let alternatives = ["anyOf", "oneOf", "allOf"].iter().filter_map(|kind| schema[*kind].as_array()).flatten();
        place.into_iter().chain(alternatives).flat_map(|part| parts(part, root)).chain([schema]).collect()
    }
    let parts = parts(schema, root);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let property = parts.iter().find_map(|part| part["properties"].get(key));
                let property = property.unwrap_or_else(|| panic!("{path}.{key} is not in the schema"));
                check_keys(value, property, root, &format!("{path}.{key}"));
            }
        }
        Value::Array(items) => {
            let of = parts.iter().find(|part| !part["items"].is_null());
            for item in items {
                if let Some(part) = of {
                    check_keys(item, &part["items"], root, path);
                }
            }
        }
        _ => {}
    }
}

/// A report in which every list and every optional part has something.
fn with_everything() -> Report {
    let small = few(20);
    let (mut report, _) = report(&[small.clone(), Sample { name: "another".into(), skill: 3.0, ..small }]);
    report.groups = sample::groups();
    report.runs = [0, 1, 2].map(|seed| training_run(seed, Some(CarOptions::paper()))).into();
    report.correlations = correlations(&report.runs);
    // Keys that are left out where nothing was chosen.
    let run = &mut report.runs[0].run;
    run.training_pass.bf16 = true;
    run.weight_ema = Some(0.999);
    run.pretrained = Some(Pretrained { sha256: "579344248a".into(), classifier: false });
    report
}

const HOSTILE: &str = "</td></svg><script>alert(\"1\")</script>&amp;'{{ 7*7 }}\u{1b}[31m\u{0}\u{9b}\u{202e}=cmd()";

/// What a reader sees of a page before anything is unfolded, without plots.
fn first_screens(page: &str, end: &str) -> String {
    let body = page.split_once("<body>").unwrap().1;
    let mut text = body.split_once(end).unwrap_or_else(|| panic!("{end}")).0.to_owned();
    for (from, to) in [("<svg", "</svg>"), ("<script", "</script>"), ("<details", "</details>")] {
        while let Some(at) = text.find(from) {
            let Some(length) = text[at..].find(to) else { break };
            text.replace_range(at..at + length + to.len(), "");
        }
    }
    text
}

/// Text without its tags and without what leads into the list of statements.
fn unlinked(html: &str) -> String {
    let mut parts = html.split("<a class=\"cited\"");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| text + part.split_once("</a>").unwrap().1);
    let mut inside = false;
    text.chars()
        .filter(|&c| {
            inside = (inside || c == '<') && c != '>';
            !inside && c != '>'
        })
        .collect()
}

#[test]
fn the_first_screens_use_plain_words() {
    let grouped = {
        let four = named(["a0", "a1", "b0", "b1"].map(|name| (name, Sample::fashion().skill)), 20);
        let four: Vec<Sample> = four.into_iter().map(|model| Sample { with_train: false, ..model }).collect();
        let (mut report, figures) = report(&four);
        report.groups = sample::groups();
        (report, figures)
    };
    let pages = [
        (report(&[Sample::fashion()]), "How loose the bounds are at the worst class"),
        (
            report(&[Sample { with_train: false, ..Sample::of_size(120) }]),
            "How loose the bounds are at the worst class",
        ),
        (report(&two_runs()), "id=\"each-model\""),
        (grouped, "id=\"each-model\""),
    ];
    for (pair, end) in pages {
        let text = unlinked(&first_screens(&page_of(&pair), end)).replace('\u{a0}', " ");
        let is_code = |word: &str| {
            let mut letters = word.chars();
            matches!(letters.next(), Some('T' | 'S' | 'D')) && letters.next().is_some_and(|c| c.is_ascii_digit())
        };
        let words = || text.split(|c: char| c.is_whitespace() || "().,;:".contains(c));
        assert_eq!(words().find(|word| is_code(word)), None, "a statement that leads nowhere: {text}");
        for unexplained in ["δ", "r₀", "M =", "K =", "macro", "micro", "g = ", "WCE"] {
            assert!(!text.contains(unexplained), "{unexplained}: {text}");
        }
        assert!(text.contains("95 %"), "{text}");
    }
}

#[test]
fn a_page_says_what_would_fill_it_and_shows_no_empty_column() {
    let sample = Sample { with_train: false, test_per_class: 20, ..Sample::fashion() };
    let (mut report, figures) = report(&[sample.clone(), Sample { name: "second".into(), ..sample }]);
    for model in &mut report.models {
        (model.train_counts, model.groups, model.floors) = (None, None, None);
        (model.test.many, model.test.medium, model.test.few) = (None, None, None);
        model.left_out = vec!["Left out: much; give --train-counts.".into()];
    }
    let page = page::render(&report, &plots::draw(&report, &figures)).unwrap();
    assert_eq!(page.matches("<p class=\"muted\">Left out: much; give --train-counts.</p>").count(), 2);
    assert!(summary_table(&report).contains("Left out: much"));
    for (at, table) in page.split("<table>").enumerate().skip(1) {
        let table = table.split("</table>").next().unwrap();
        let rows: Vec<Vec<&str>> = table
            .split("<tr>")
            .skip(2)
            .map(|row| row.split("<td").skip(1).map(|cell| cell.split(['>', '<']).nth(1).unwrap()).collect())
            .collect();
        let is_empty = |column: usize| rows.iter().all(|row| row.get(column) == Some(&"–"));
        let columns = rows.first().map_or(0, Vec::len);
        assert!(!(0..columns).any(is_empty), "table {at}: {table}");
    }
}

#[test]
fn the_classes_stand_by_model_without_a_script() {
    let page = page_of(&report(&two_runs()));
    let table = page.split_once("id=\"classes-by-model\"").unwrap().1.split_once("</details>").unwrap().0;
    assert_eq!(table.matches("<tr>").count(), 11, "{table}");
    assert!(table.contains(">cross-entropy</th>") && table.contains(">with the regulariser</th>"));
}

#[test]
fn hostile_names_stay_text() {
    let mut sample = Sample { name: HOSTILE.into(), ..Sample::fashion() };
    for (class, name) in sample.class_names.iter_mut().enumerate() {
        *name = format!("{class}{HOSTILE}");
    }
    let (mut report, figures) = report(&[sample]);
    report.settings.command_line.push(HOSTILE.into());
    report.settings.data[0].path = HOSTILE.into();
    report.models[0].source.files[0].path = HOSTILE.into();
    let plots = plots::draw(&report, &figures);
    let page = page::render(&report, &plots).unwrap();
    // The page's own scripts: the data and the program.
    assert_eq!(page.matches("<script").count(), 2);
    let page = page.replace("<script type=\"application/json\"", "").replace("<script>\n//", "");
    for text in plots.iter().map(|figure| figure.svg().unwrap()).chain([page]) {
        assert!(!text.contains("<script") && !text.contains("alert(\"") && !text.contains("</td></svg>"));
        assert!(!text.contains(['\u{1b}', '\u{0}', '\u{9b}', '\u{202e}']));
    }
    let texts = [comparison_files::markdown(&report), comparison_files::latex(&report), summary_table(&report)];
    for (at, text) in texts.into_iter().enumerate() {
        assert!(!text.contains(['\u{1b}', '\u{0}', '\u{9b}', '\u{202e}']) && (at == 2 || !text.contains("<script")));
    }
    let csv = per_class::render(&report).unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!((rows.len(), &rows[3][2]), (10, crate::words::readable(&format!("3{HOSTILE}")).as_str()));
}

#[test]
fn names_like_formulas_have_an_apostrophe_in_csv() {
    let names = ["-1", "=1+1", "+2", "@sum", "'quoted", "a,b", "\"x\"", " spaced ", "7", "e"];
    let mut sample = few(10);
    sample.class_names = names.map(str::to_owned).to_vec();
    let csv = per_class::render(&report(&[sample]).0).unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let read: Vec<String> = reader.records().map(|row| row.unwrap()[2].to_owned()).collect();
    assert_eq!(read, ["-1", "'=1+1", "+2", "'@sum", "'quoted", "a,b", "\"x\"", " spaced ", "7", "e"]);
}

#[test]
fn extreme_margins_stay_short() {
    let margins = vec![-1e308, 1e-300, 1e-5, 0.5, 1e308];
    let (report, figures) = report(&[Sample { margins, test_per_class: 10, ..Sample::fashion() }]);
    let plots = plots::draw(&report, &figures);
    let csv = String::from_utf8(per_class::render(&report).unwrap()).unwrap();
    let header = csv.lines().next().unwrap().to_owned();
    let page = page::render(&report, &plots).unwrap();
    let captions = plots.iter().map(|figure| figure.caption.clone());
    for text in [header, summary_table(&report), page].into_iter().chain(captions) {
        assert!(!text.contains(&"0".repeat(30)), "{text}");
    }
    assert!(csv.contains("g=1e308") && csv.contains("g=1e-5"), "{csv}");
}

/// A model of K classes in which nothing is known, to be filled in.
fn bare(k: usize) -> (ModelReport, ModelFigures) {
    let split = SplitReport {
        class_counts: vec![0; k],
        class_errors: vec![0; k],
        per_class_error: vec![None; k],
        chain: Chain { weighted_error: vec![None; k], holds: true, ..Default::default() },
        ..Default::default()
    };
    let model = ModelReport {
        name: "bare".into(),
        num_classes: k,
        class_names: (0..k).map(|class| class.to_string()).collect(),
        weights: vec![1.0; k],
        test: TestReport { split, class_error_interval: vec![None; k], ..Default::default() },
        ..Default::default()
    };
    (model, ModelFigures { test_confusion: ConfusionMatrix::from_dense(Array2::zeros((k, k))).unwrap() })
}

fn draws(name: &str, models: Vec<(ModelReport, ModelFigures)>) {
    let (models, figures): (Vec<_>, Vec<_>) = models.into_iter().unzip();
    let report = Report { models, ..Report::default() };
    check(&report, &figures).unwrap();
    let plots = plots::draw(&report, &figures);
    for figure in plots.iter() {
        let svg = figure.svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}: {}: {svg}", figure.stem);
        assert!(!figure.png().unwrap().is_empty());
    }
    let page = page::render(&report, &plots).unwrap();
    assert!(!page.contains("NaN"), "{name}");
    assert!(!summary_table(&report).contains("NaN"), "{name}");
    written(&format!("degenerate/{name}"), (report, figures));
}

#[test]
fn degenerate_models_are_drawn() {
    // Nothing known at all.
    draws("bare", vec![bare(2)]);
    // No errors; a zero matrix; K = 2.
    let perfect = |skill: f64, k: usize| Sample {
        skill,
        class_names: (0..k).map(|class| format!("class {class}")).collect(),
        train_counts: vec![30; k],
        test_per_class: 20,
        ..Sample::fashion()
    };
    draws("perfect", vec![perfect(1e4, 2).build()]);
    // Every sample wrong.
    let (model, figures) = perfect(-1e4, 3).build();
    assert_eq!(model.test.split.accuracy, 0.0);
    draws("all_wrong", vec![(model, figures)]);
    // No training data, one class without test samples, counts unknown.
    let (mut model, figures) = Sample { with_train: false, test_per_class: 30, ..Sample::fashion() }.build();
    model.train_counts = None;
    model.groups = None;
    model.test.split.class_counts[4] = 0;
    model.test.split.per_class_error[4] = None;
    model.test.class_error_interval[4] = None;
    model.test.split.chain.weighted_error[4] = None;
    model.test.split.surrogate = None;
    let says = |model: &ModelReport| {
        let report = Report { models: vec![model.clone()], ..Report::default() };
        (headline(&report.settings, model), summary_table(&report))
    };
    let (sentence, table) = says(&model);
    assert!(sentence.contains("; 1 of 10 classes has no test samples and may be worse."), "{sentence}");
    assert!(table.contains("classes without test samples"), "{table}");
    let (complete, _) = few(30).build();
    let (sentence, table) = says(&complete);
    assert!(!sentence.contains("no test samples") && !table.contains("classes without test samples"));
    draws("unknown_counts", vec![(model, figures)]);
    // One margin; bounds with gaps and extreme values; a single few-shot class.
    let (mut model, figures) = Sample { margins: vec![0.5], test_per_class: 30, ..Sample::fashion() }.build();
    for bound in model.bounds.iter_mut().filter(|bound| bound.values.total.is_some()) {
        bound.values.total = Some((0..10).map(|j| (j % 3 > 0).then(|| 10f64.powi(40 * j - 200))).collect());
    }
    model.groups = Some((0..10).map(|j| if j == 9 { Group::Few } else { Group::Many }).collect());
    model.test.medium = None;
    draws("gaps", vec![(model, figures)]);
    // Several models, one of them bare, with the same epoch.
    let mut other = bare(10);
    other.0.name = "other".into();
    draws("several", vec![perfect(2.0, 10).build(), other]);
    // Medium K, whose names are set upright, and long names.
    let names = |j: usize| format!("{j} a name that is far too long to be set beside its bar in any plot whatsoever");
    let long = Sample { class_names: (0..25).map(names).collect(), ..perfect(2.0, 25) };
    draws("long_names", vec![Sample { name: names(0), ..long }.build()]);
}

#[test]
fn wrong_reports_are_refused_by_field() {
    let refused = |change: &dyn Fn(&mut Report)| {
        let (mut report, figures) = report(&[few(10)]);
        change(&mut report);
        let out = tempfile::tempdir().unwrap();
        let error = write(&report, &figures, &out.path().join("new"), &FormatSet::all()).unwrap_err();
        assert!(listing(out.path()).is_empty(), "nothing is left, not even the directory");
        error.to_string()
    };
    assert_eq!(
        refused(&|r| r.models[0].weights[3] = f64::NAN),
        "models[0].weights[3] is NaN; a report holds finite numbers, and null where there is none"
    );
    assert_eq!(
        refused(&|r| r.models[0].test.split.margins[1].class_margin_error.truncate(4)),
        "models[0].test.margins[1].class_margin_error has 4 entries; 10 are needed"
    );
    assert_eq!(
        refused(&|r| r.models[0].confusions[0].predicted = 10),
        "models[0].confusions[0].predicted is class 10, but there are 10 classes"
    );
    assert!(refused(&|r| r.schema = "other/1".into()).starts_with("schema: is `other/1`"));
    assert!(refused(&|r| r.models.push(r.models[0].clone())).starts_with("figures has 1 entries; 2 are needed"));
    assert!(refused(&|r| r.models[0].num_classes = 1).contains("at least 2 classes"));
}

#[test]
fn model_names_must_differ() {
    let (mut report, figures) = report(&two_runs());
    report.models[1].name = report.models[0].name.clone();
    assert!(
        check(&report, &figures).unwrap_err().to_string().starts_with("models[1].name: `cross-entropy` is the name")
    );
}

#[test]
fn an_output_that_cannot_be_written_is_named_and_left_as_it_was() {
    let (report, figures) = report(&[few(10)]);
    let out = tempfile::tempdir().unwrap();
    let some = FormatSet { json: true, csv: true, ..FormatSet::none() };

    let file = out.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    let error = write(&report, &figures, &file, &some).unwrap_err();
    assert!(error.to_string().ends_with("file: exists and is not a directory; give another folder"), "{error}");
    let error = write(&report, &figures, &file.join("below"), &some).unwrap_err();
    assert!(error.to_string().contains("file/below"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");

    // A target that is a directory: found before anything is renamed.
    let blocked = out.path().join("blocked");
    std::fs::create_dir_all(blocked.join("per_class.csv")).unwrap();
    let error = write(&report, &figures, &blocked, &some).unwrap_err();
    assert!(error.to_string().contains("per_class.csv: is not a file that this program wrote"), "{error}");
    assert_eq!(listing(&blocked), BTreeSet::from(["per_class.csv".to_owned()]));

    // A device without room behaves like a full disk.
    #[cfg(target_os = "linux")]
    {
        let error = write(&report, &figures, Path::new("/proc/none"), &some).unwrap_err();
        assert!(error.to_string().contains("/proc/none"), "{error}");
    }
}

#[test]
fn only_the_formats_asked_for_are_written_and_old_files_are_replaced() {
    let (report, figures) = report(&[few(10)]);
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("report.json"), "old, by car-spectral").unwrap();
    std::fs::write(out.path().join("mine.txt"), "mine").unwrap();
    let paths = write(&report, &figures, out.path(), &"json".parse().unwrap()).unwrap();
    assert_eq!(paths, [out.path().join("report.json")]);
    assert_eq!(listing(out.path()), BTreeSet::from(["mine.txt".to_owned(), "report.json".to_owned()]));
    assert!(std::fs::read_to_string(out.path().join("report.json")).unwrap().starts_with("{\n"));
}

#[test]
fn results_of_an_earlier_run_are_removed_and_nothing_of_anyone_else() {
    let out = tempfile::tempdir().unwrap();
    let (both, figures) = report(&named([("a", 1.6), ("b", 2.0)], 10));
    write(&both, &figures, out.path(), &FormatSet::all()).unwrap();
    let before = listing(out.path());
    assert_eq!(before.len(), FILES.len() + 2 * (2 + 2 * PLOTS.len()));
    for name in &before {
        // The names of the program with other content: not its files.
        let (stem, extension) = name.split_once('.').unwrap();
        std::fs::write(out.path().join(format!("{stem}-mine.{extension}")), "mine").unwrap();
    }
    std::fs::write(out.path().join("03-mine-top_pair.svg"), "<svg>mine</svg>").unwrap();
    std::fs::create_dir(out.path().join("04-mine-top_pair.png")).unwrap();
    let theirs: BTreeSet<String> = listing(out.path()).difference(&before).cloned().collect();

    let (one, figures) = report(&[few(10)]);
    write(&one, &figures, out.path(), &"png".parse().unwrap()).unwrap();
    let found = listing(out.path());
    let expected: BTreeSet<String> = PLOTS.iter().map(|plot| format!("{plot}.png")).chain(theirs.clone()).collect();
    assert_eq!(found, expected);
    write(&one, &figures, out.path(), &"csv".parse().unwrap()).unwrap();
    write(&one, &figures, out.path(), &"html".parse().unwrap()).unwrap();
    write(&one, &figures, out.path(), &"json".parse().unwrap()).unwrap();
    assert_eq!(listing(out.path()), theirs.into_iter().chain(["report.json".to_owned()]).collect());
}

#[test]
fn files_with_the_programs_names_and_other_content_stay() {
    let out = tempfile::tempdir().unwrap();
    let foreign =
        ["report.html", "comparison.png", "per_class.csv", "comparison.csv", "comparison.tex", "top_pair.svg"];
    for name in foreign {
        std::fs::write(out.path().join(name), "someone else's").unwrap();
    }
    let (report, figures) = report(&[few(10)]);
    for refused in ["html", "csv", "tex"] {
        let error = write(&report, &figures, out.path(), &refused.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("is not a file that this program wrote; move it away"), "{error}");
        assert!(check_directory(out.path(), &refused.parse().unwrap()).is_err());
    }
    check_directory(out.path(), &"json".parse().unwrap()).unwrap();
    write(&report, &figures, out.path(), &"json".parse().unwrap()).unwrap();
    assert_eq!(listing(out.path()), foreign.into_iter().chain(["report.json"]).map(str::to_owned).collect());
}

#[test]
fn staging_folders_of_interrupted_runs_are_removed() {
    let out = tempfile::tempdir().unwrap();
    let folder = |name: &str, file: &str| {
        std::fs::create_dir(out.path().join(name)).unwrap();
        std::fs::write(out.path().join(name).join(file), "half").unwrap();
    };
    folder(".car-spectral-a1B2c3", ".car-spectral-partial");
    folder(".car-spectral-notes", "mine.txt");
    let (report, figures) = report(&[few(10)]);
    write(&report, &figures, out.path(), &"json".parse().unwrap()).unwrap();
    assert_eq!(listing(out.path()), [".car-spectral-notes", "report.json"].map(str::to_owned).into());
}

#[cfg(unix)]
#[test]
fn results_are_as_readable_as_other_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("other"), "").unwrap();
    let (report, figures) = report(&[few(10)]);
    let paths = write(&report, &figures, out.path(), &"json".parse().unwrap()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&paths[0]), mode(&out.path().join("other")));
}

/// What decides between methods is drawn below the sentence that says it.
#[test]
fn plots_of_groups_stand_above_the_single_networks() {
    let four = named(["a0", "a1", "b0", "b1"].map(|name| (name, Sample::fashion().skill)), 20);
    let (mut report, figures) = report(&four);
    report.groups = sample::groups();
    let page = page_of(&(report, figures));
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let order =
        ["Which method is better, over seeds", "better or worse, over seeds", "Network by network", "side by side"];
    assert!(order.map(place).is_sorted(), "{:?}", order.map(place));
    assert!(page.rfind(order[0]).unwrap() < place(order[2]), "drawn once");
}

#[test]
fn many_models_are_told_by_their_comparison_alone() {
    let four = named(["a0", "a1", "b0", "b1"].map(|name| (name, Sample::fashion().skill)), 20);
    let (mut report, _) = report(&four);
    assert!(summary_table(&report).contains("a1 against a0:"));
    report.groups = sample::groups();
    for model in &mut report.models {
        model.left_out = vec!["Left out: much.".into()];
    }
    report.models[1].source.notes = vec!["read strangely".into()];
    let table = summary_table(&report);
    for (said, times) in [("all 4 models: Left out: much.", 1), ("note: a1: read strangely", 1), (" against a0:", 0)] {
        assert_eq!(table.matches(said).count(), times, "{said}: {table}");
    }
    assert!(!table.contains("Whichever class is the worst") && table.lines().count() < 50, "{table}");
}

#[test]
fn the_table_fits_a_terminal_and_says_each_verdict() {
    for samples in [vec![Sample::fashion()], two_runs()] {
        let (report, _) = report(&samples);
        let table = summary_table(&report);
        for line in table.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        let flat: String = table.split_whitespace().collect::<Vec<_>>().join(" ");
        for model in &report.models {
            assert!(flat.contains(&model.train_to_test.as_ref().unwrap().sentence));
            for verdict in verdicts::said_once(model) {
                let inapplicable = verdict.counts.not_applicable == model.num_classes;
                let ids: Vec<&str> = verdict.ids.iter().map(|id| id.id()).collect();
                let said = if inapplicable { ids.join(", ") } else { verdict.sentence };
                assert!(flat.contains(&said), "{said}");
            }
        }
    }
}

/// Names that differ at the end alone; no number is broken for them.
#[test]
fn long_names_leave_the_numbers_whole_on_a_terminal() {
    let of = |at: usize| Sample { name: format!("resnet32-{}-seed{at}", "balanced-".repeat(8)), ..few(20) };
    let (report, _) = report(&(0..8).map(of).collect::<Vec<_>>());
    let text = summary_table(&report);
    let table: Vec<&str> = text.lines().filter(|line| line.starts_with('│')).collect();
    let flat = |cell: usize| {
        let cells = table.iter().map(|line| line.split(['│', '┆']).nth(cell).unwrap().trim());
        cells.collect::<String>()
    };
    for (at, model) in report.models.iter().enumerate() {
        assert!(flat(1).contains(&format!("seed{at}")), "{text}");
        let error = percent(model.test.split.accuracy);
        assert!(table.iter().any(|line| line.contains(&error)), "{error} in {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(table[0].contains("accuracy") && !text.contains("accurac "), "{text}");
}

#[test]
fn the_headline_tells_what_the_bounds_say() {
    let (mut model, _) = few(50).build();
    let settings = Settings { delta: 0.05, ..Default::default() };
    let headline = |model: &ModelReport| headline(&settings, model);
    let says = |model: &ModelReport, text: &str| assert!(headline(model).contains(text), "{}", headline(model));
    let begins = |model: &ModelReport, text: &str| assert!(headline(model).starts_with(text), "{}", headline(model));
    begins(&model, "The worst class as measured, Ankle boot (few, 6 training samples), has a test error of 30.0 %; ");
    says(&model, "; 3 of 10 classes can be the worst. Whichever class is the worst, its error lies between ");
    model.test.max_error.candidates.truncate(1);
    begins(
        &model,
        "The worst class, Ankle boot (few, 6 training samples), has a test error of 30.0 %. Whichever class",
    );
    let vacuous = " No bound from training samples is usable: what can be computed allows every class an error of 100 %, or above \
                   99.9999 %, and so says nothing (T3, T3' and T3'').";
    says(&model, vacuous);
    says(&model, "The published inequality from the spectral norm to the worst class holds for every");
    let t3 = model.bounds.iter().position(|bound| bound.id == Statement::T3 && bound.applicable).unwrap();
    model.bounds[t3].values.verdict = VerdictCounts { holds: 4, vacuous: 6, ..Default::default() };
    says(&model, "is usable for 4 classes of 10: below 100 %, and it covers the error's whole interval (T3).");
    model.bounds[t3].values.verdict = VerdictCounts { violated: 1, holds: 9, ..Default::default() };
    says(&model, "is violated for 1 class of 10: it lies below the whole interval of the error (T3).");
    model.test.split.chain.slack_factor = Some(1.0 + 1e-12);
    says(&model, "here its bound is equal to the weighted worst-class error (attained) (S2).");
    model.bounds[t3].values.verdict = VerdictCounts { undecided: 10, ..Default::default() };
    says(&model, "No bound is confirmed");
    model.bounds.retain(|bound| bound.values.total.is_none());
    for bound in model.bounds.iter_mut().filter(|bound| bound.id == Statement::T2) {
        bound.values.verdict = VerdictCounts { undecided: 10, ..Default::default() };
    }
    let none = " No bound from training samples is usable: of the published one only a first term can be computed (T2), and no other \
                applies (T1 and T3). ";
    says(&model, none);
    for bound in model.bounds.iter_mut().filter(|bound| bound.id == Statement::T2) {
        bound.values.verdict = VerdictCounts { vacuous: 10, ..Default::default() };
    }
    says(&model, "first term can be computed, which alone is 100 % or more for every class (T2), and");
    let [first, second] = [3, 5];
    let worst = model.test.worst_class.as_mut().unwrap();
    (worst.index, worst.name, worst.error) = (first, "Dress".into(), 1.0);
    model.test.split.per_class_error[first] = Some(1.0);
    begins(&model, "The worst class, Dress (many, 129 training samples), has a test error of 100 %. Whichever class");
    model.test.split.per_class_error[second] = Some(1.0);
    begins(
        &model,
        "2 of 10 classes had all 50 test samples wrong (1 many, 1 medium): Dress and Sandal. Whichever class",
    );
    model.class_names[first] = "3".into();
    model.test.worst_class.as_mut().unwrap().error = 0.5;
    for class in [first, second] {
        model.test.split.per_class_error[class] = Some(0.5);
    }
    for error in model.test.split.per_class_error.iter_mut().filter(|error| **error > Some(0.5)) {
        *error = Some(0.1);
    }
    begins(&model, "2 of 10 classes tie for the worst test error, 50.0 % (1 many, 1 medium): class 3 and Sandal. ");
    model.test.split.chain.holds = false;
    says(&model, "FAILS");
    model.test.worst_class = None;
    begins(&model, "No class has a test sample");
}

#[test]
fn captions_stay_short() {
    let cifar = Sample { test_per_class: 30, ..Sample::cifar100() };
    for samples in [vec![Sample::fashion()], two_runs(), vec![cifar]] {
        let (mut report, figures) = report(&samples);
        report.runs = vec![training_run(0, Some(CarOptions::paper()))];
        for figure in plots::draw(&report, &figures).iter() {
            let lines = figure.caption_lines();
            assert!(lines.len() <= 5, "{}: {lines:#?}", figure.stem);
        }
    }
}

#[test]
fn every_file_read_is_listed_with_the_settings() {
    let (report, _) = report(&two_runs());
    let table = tables::files(&report);
    let of: Vec<(&str, &str)> = table.rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    let expected = [("test data", "all models"), ("weights", "cross-entropy"), ("weights", "with the regulariser")];
    assert_eq!(of, expected);
}

#[test]
fn statements_that_do_not_apply_for_one_reason_share_a_row_and_notes_are_not_repeated() {
    let (model, _) = Sample { test_per_class: 10, bias_free: false, ..Sample::fashion() }.build();
    let table = tables::bounds(&model, false);
    let rows: Vec<(&str, &str)> = table.rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    let (ids, note) = rows[rows.len() - 1];
    assert_eq!((ids, note), ("T3, T3' and T3''", NotApplicable::ResidualNetwork.to_string().as_str()));
    assert_eq!(rows.iter().filter(|row| row.0 == "T2 (first term)" && row.1 == "as above").count(), 4);
}

#[test]
fn the_terminal_does_not_break_names_that_have_room() {
    let samples =
        named(["fashion-mnist-lt-mlp", "fashion-mnist-lt-vit-96"].map(|name| (name, Sample::fashion().skill)), 20);
    let table = summary_table(&report(&samples).0);
    let comparison = table.split("\n\n").next().unwrap();
    assert!(comparison.contains("│ fashion-mnist-lt-vit-96 ┆"), "{comparison}");
}

#[test]
fn the_page_names_every_statement_and_leads_to_the_glossary() {
    let page = page_of(&report(&[few(10)]));
    assert!(page.contains("<a href=\"#reading\">How to read this</a>") && page.contains("THEORY.md"));
    for id in "S1/S2, S3/T1/T1 with 4K/T1'/T1''/T2/T3, T3', T3''/T4/T5/T5'/T6, T6'/T8, T9/D6".split('/') {
        assert!(page.contains(&format!(">{id}</dt><dd>")), "{id}");
    }
    for link in page.split("href=\"#").skip(1) {
        let anchor = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
    assert!(page.contains("href=\"#T5p\""));
    let (text, _) = page.split_once("<script>\n").unwrap();
    assert!(!text.contains("||") && !text.contains("Lambda"), "one notation");
}
