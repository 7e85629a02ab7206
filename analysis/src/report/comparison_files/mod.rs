//! `comparison.csv`, `comparison.md` and `comparison.tex`: a row a model, then the differences that were tested and the
//! groups of seeds. The CSV has one table with every number as it is; the others have per cent in one decimal, to be
//! set into a text.

mod csv;
mod text;

use super::comparison_sentence::signed_tenths;
use super::{Comparison, Difference, GroupAccuracy, ModelReport, Report, SeedDifference};

pub(super) use csv::{FIRST_COLUMNS, render as csv};
pub(super) use text::{latex, markdown};

/// What is compared: its name in a column and a sentence, and how to read it.
type Quantity = (&'static str, &'static str, fn(&Comparison) -> Option<Difference>);

const QUANTITIES: [Quantity; 9] = [
    ("worst_class", "worst class", |found| Some(found.worst_class.difference)),
    ("overall", "all samples", |found| Some(found.overall)),
    ("macro", "all classes, macro", |found| Some(found.macro_average)),
    ("many_macro", "many, macro", |found| found.many_macro),
    ("medium_macro", "medium, macro", |found| found.medium_macro),
    ("few_macro", "few, macro", |found| found.few_macro),
    ("many", "many, micro", |found| found.many),
    ("medium", "medium, micro", |found| found.medium),
    ("few", "few, micro", |found| found.few),
];

/// Many, medium, few.
fn groups(model: &ModelReport) -> [Option<GroupAccuracy>; 3] {
    [model.test.many, model.test.medium, model.test.few]
}

/// A table of text: a title, the header, then rows; the first `names` columns hold names, the others numbers.
struct Table {
    title: String,
    header: Vec<&'static str>,
    names: usize,
    rows: Vec<Vec<String>>,
}

/// The tables that have rows.
fn tables(report: &Report) -> Vec<Table> {
    let all = [models(report), differences(report), seed_groups(report)];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn models(report: &Report) -> Table {
    let grouped = report.models.iter().any(|model| model.groups.is_some());
    let mut header = vec!["model", "worst class", "its error", "interval", "largest error", "accuracy", "macro"];
    if grouped {
        header.extend(["many", "medium", "few"]);
    }
    let row = |model: &ModelReport| {
        let (test, worst) = (&model.test, model.test.worst_class.as_ref());
        let mut row = vec![
            model.name.clone(),
            worst.map_or_else(dash, |worst| worst.name.clone()),
            tenths(worst.map(|worst| worst.error)),
            between(worst.map(|worst| worst.interval)),
            between(worst.map(|_| test.max_error.interval)),
            tenths(worst.map(|_| test.split.accuracy)),
            tenths(test.accuracy_macro),
        ];
        if grouped {
            row.extend(groups(model).map(|group| tenths(group.map(|group| group.accuracy_macro))));
        }
        row
    };
    Table {
        title: format!(
            "Test results in %: error of the class that was measured worst with its interval (T5), where the largest error of \
             any class lies (T5'), accuracy over samples and, macro, over classes{}; {}.",
            if grouped { ", and of classes with many, medium and few training images (macro)" } else { "" },
            level(report)
        ),
        header,
        names: 2,
        rows: report.models.iter().map(row).collect(),
    }
}

fn differences(report: &Report) -> Table {
    let mut rows = Vec::new();
    for found in &report.comparisons {
        for (_, name, read) in QUANTITIES {
            // Where micro and macro agree, one row says both.
            let is_micro_again = name.ends_with("micro")
                && [found.many_macro, found.medium_macro, found.few_macro].contains(&read(found));
            let Some(difference) = read(found).filter(|_| !is_micro_again) else { continue };
            let [b, a] = [found.b, found.a].map(|model| report.models[model].name.as_str());
            rows.push(difference_row([b, a, name], difference));
        }
    }
    Table {
        title: format!(
            "Differences of test errors in points, model less the other, below 0 is better, on the same samples (T8); {}.",
            level(report)
        ),
        header: vec!["model", "against", "error of", "verdict", "difference", "interval"],
        names: 4,
        rows,
    }
}

fn seed_groups(report: &Report) -> Table {
    let mut rows = Vec::new();
    for found in &report.groups {
        let [b, a] = [found.b.as_str(), found.a.as_str()];
        let mut over = |name: &str, found: &SeedDifference| {
            rows.push(row_of([b, a, name], &found.verdict, found.difference, found.interval));
        };
        over("worst class, over seeds", &found.worst_class);
        over("all samples, over seeds", &found.overall);
        for (name, group) in [("many", found.many_macro), ("medium", found.medium_macro), ("few", found.few_macro)] {
            group.iter().for_each(|group| over(&format!("{name}, mean over classes, over seeds"), group));
        }
        let these = found.these_networks.iter();
        rows.extend(these.map(|these| difference_row([b, a, "worst class, these networks"], *these)));
    }
    Table {
        title: format!(
            "Groups of seeds: mean differences of test errors in points, below 0 is better; over seeds by Student's t, of these \
             networks over test samples (T9); {}.",
            level(report)
        ),
        header: vec!["group", "against", "error of", "verdict", "difference", "interval"],
        names: 4,
        rows,
    }
}

/// A row of the model or group, what it is set against, what is compared, and how they differ.
fn row_of(names: [&str; 3], verdict: &impl ToString, difference: f64, interval: Option<[f64; 2]>) -> Vec<String> {
    let interval = interval.map_or_else(dash, signed_between);
    let mut row = names.map(str::to_owned).to_vec();
    row.extend([verdict.to_string(), signed_tenths(difference), interval]);
    row
}

fn difference_row(names: [&str; 3], found: Difference) -> Vec<String> {
    row_of(names, &found.verdict, found.difference, Some(found.interval))
}

fn level(report: &Report) -> String {
    format!("each statement with probability {} %", crate::words::short(100.0 * (1.0 - report.settings.delta)))
}

fn dash() -> String {
    "–".to_owned()
}

/// A share in per cent, one decimal.
fn tenths(share: Option<f64>) -> String {
    // Adding 0 turns -0 into 0.
    share.map_or_else(dash, |share| format!("{:.1}", 100.0 * share + 0.0))
}

fn between(ends: Option<[f64; 2]>) -> String {
    ends.map_or_else(dash, |[low, high]| format!("[{}, {}]", tenths(Some(low)), tenths(Some(high))))
}

fn signed_between([low, high]: [f64; 2]) -> String {
    format!("[{}, {}]", signed_tenths(low), signed_tenths(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, Sample, report};

    fn two(names: [&str; 2]) -> Report {
        let samples = names.map(|name| Sample { name: name.into(), test_per_class: 50, ..Sample::fashion() });
        let [first, second] = samples;
        let mut report = report(&[first, Sample { skill: 2.0, ..second }]).0;
        report.groups = sample::groups();
        report
    }

    #[test]
    fn every_model_and_difference_has_its_row() {
        let report = two(["a", "b"]);
        let [models, differences, groups] = &tables(&report)[..] else { panic!("three tables") };
        let test = &report.models[1].test;
        let expected = format!("{:.1}", 100.0 * test.worst_class.as_ref().unwrap().error);
        assert_eq!((models.rows.len(), &models.rows[1][0], &models.rows[1][2]), (2, &"b".to_owned(), &expected));
        assert_eq!(models.rows[1][9], format!("{:.1}", 100.0 * test.few.unwrap().accuracy_macro));
        // All classes have as many test images, so micro is macro.
        assert_eq!(differences.rows.len(), 6);
        assert_eq!((differences.rows[0][0].as_str(), differences.rows[0][1].as_str()), ("b", "a"));
        assert_eq!(differences.rows[1][4], signed_tenths(report.comparisons[0].overall.difference));
        assert_eq!(groups.rows.len(), 3 + 3);
        let alone = Report { models: report.models[..1].to_vec(), settings: report.settings, ..Report::default() };
        assert_eq!(tables(&alone).len(), 1);
    }

    #[test]
    fn unequal_micro_and_macro_are_both_said() {
        let mut report = two(["a", "b"]);
        let found = &mut report.comparisons[0];
        found.few = found.few.map(|few| Difference { difference: few.difference + 0.1, ..few });
        assert_eq!(differences(&report).rows.last().unwrap()[2], "few, micro");
    }

    #[test]
    fn the_csv_holds_every_number_as_it_is() {
        let report = two(["=1+1", "b,\"c\""]);
        let bytes = csv(&report).unwrap();
        assert!(String::from_utf8_lossy(&bytes).starts_with(FIRST_COLUMNS));
        let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        let at = |row: usize, column: &str| {
            let place = header.iter().position(|name| name == column).unwrap_or_else(|| panic!("{column}"));
            rows[row][place].to_owned()
        };
        assert_eq!((rows.len(), at(0, "model"), at(1, "model")), (2, "'=1+1".into(), "b,\"c\"".into()));
        let test = &report.models[1].test;
        let worst = test.worst_class.as_ref().unwrap();
        for (column, expected) in [
            ("worst_class_error_lower", worst.interval[0]),
            ("worst_class_error_upper", worst.interval[1]),
            ("largest_error_lower", test.max_error.interval[0]),
            ("largest_error_upper", test.max_error.interval[1]),
            ("no_error_above", test.max_error.at_most),
            ("accuracy", test.split.accuracy),
            ("accuracy_macro", test.accuracy_macro.unwrap()),
        ] {
            assert_eq!(at(1, column), expected.to_string(), "{column}");
        }
        assert_eq!(at(1, "accuracy_few_macro"), test.few.unwrap().accuracy_macro.to_string());
        let found = &report.comparisons[0];
        assert_eq!((at(0, "against"), at(1, "against")), (String::new(), "'=1+1".into()));
        assert_eq!(at(1, "difference_few_macro_lower"), found.few_macro.unwrap().interval[0].to_string());
        assert_eq!(at(1, "difference_worst_class_verdict"), found.worst_class.difference.verdict.to_string());
        assert_eq!(at(0, "difference_overall"), "");
    }

    #[test]
    fn names_stay_names_in_both_texts() {
        let name = "a|b_c*`<i>` & 50 % $x$ {y}~^\\z#1 [q] --fast\u{1b}";
        let report = two([name, "b"]);
        let markdown = markdown(&report);
        let row = markdown.lines().find(|line| line.contains("\\_c")).unwrap();
        assert!(
            row.starts_with("| a\\|b\\_c\\*\\`&lt;i\\>\\` & 50 % $x$ {y}~^\\\\z\\#1 \\[q\\] --fast\u{fffd} |"),
            "{row}"
        );
        let latex = latex(&report);
        let row = latex.lines().find(|line| line.contains("\\_c")).unwrap();
        let expected = "{}a\\textbar{}b\\_c{*}\\textasciigrave{}\\textless{}i\\textgreater{}\\textasciigrave{} \\& 50 \\% \\$x\\$ \
                        \\{y\\}\\textasciitilde{}\\textasciicircum{}\\textbackslash{}z\\#1 {[}q{]} -{}-fast? & ";
        assert!(row.starts_with(expected), "{row}");
    }

    #[test]
    fn digits_are_aligned() {
        let report = two(["a", "b"]);
        let markdown = markdown(&report);
        let widths: Vec<usize> =
            markdown.lines().filter(|line| line.starts_with("| ")).map(|line| line.chars().count()).collect();
        assert_eq!(widths[..4], [widths[0]; 4]);
        let latex = latex(&report);
        assert!(
            latex.starts_with("% car-spectral") && latex.contains("\\begin{tabular}{@{}llrrrrrrrr@{}}\n\\toprule\n")
        );
        assert_eq!(latex.matches("\\bottomrule").count(), 3);
        assert!(!latex.contains('−') && latex.contains("$-$"), "{latex}");
    }
}
