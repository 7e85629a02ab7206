//! `comparison.csv`, `comparison.md` and `comparison.tex`: a row a model, then the differences that
//! were tested and the groups of seeds. The CSV has one table with every number as `report.json`
//! has it, differences of errors; the others have per cent in one decimal, to be set into a text,
//! and differences with the signs of the page.

mod csv;
mod text;

use super::comparison_sentence::signed_tenths;
use super::headline::called;
use super::tables;
use crate::results::{Comparison, Difference, GroupAccuracy, ModelReport, Report, SeedDifference};
use crate::words::{fixed, short};

pub(super) use csv::{FIRST_COLUMNS, render as csv};
pub(super) use text::{latex, markdown};

/// What is compared: its name in a column, and how to read it.
type Quantity = (&'static str, fn(&Comparison) -> Option<Difference>);

const QUANTITIES: [Quantity; 9] = [
    ("worst_class", |found| Some(found.worst_class.difference)),
    ("overall", |found| Some(found.overall)),
    ("macro", |found| Some(found.macro_average)),
    ("many_macro", |found| found.many_macro),
    ("medium_macro", |found| found.medium_macro),
    ("few_macro", |found| found.few_macro),
    ("many", |found| found.many),
    ("medium", |found| found.medium),
    ("few", |found| found.few),
];

/// Many, medium, few.
fn groups(model: &ModelReport) -> [Option<GroupAccuracy>; 3] {
    [model.test.many, model.test.medium, model.test.few]
}

/// A table of text: a title, the header, then rows; the first `names` columns hold names, the
/// others numbers.
struct Table {
    title: String,
    header: Vec<&'static str>,
    names: usize,
    rows: Vec<Vec<String>>,
}

/// The tables that have rows.
fn filled_tables(report: &Report) -> Vec<Table> {
    let all = [models(report), differences(report), seed_groups(report)];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn models(report: &Report) -> Table {
    let grouped = report.models.iter().any(|model| model.groups.is_some());
    let mut header =
        vec!["model", "worst class", "its error", "interval", "largest error", "accuracy", "mean over classes"];
    if grouped {
        header.extend(["many", "medium", "few"]);
    }
    let row = |model: &ModelReport| {
        let (test, worst) = (&model.test, model.test.worst_class.as_ref());
        let mut row = vec![
            model.name.clone(),
            worst.map_or_else(dash, |worst| called(model, worst.index)),
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
             any class lies (T5'), accuracy over samples and as mean over classes{}; {}.",
            if grouped { ", also of those with many (> 100), medium and few (< 20) training samples" } else { "" },
            level(report)
        ),
        header,
        names: 2,
        rows: report.models.iter().map(row).collect(),
    }
}

fn differences(report: &Report) -> Table {
    let mut rows = tables::differences(report).rows;
    // The verdict is a word and stands before the numbers.
    rows.iter_mut().for_each(|row| row[3..].rotate_right(1));
    Table {
        title: format!("Differences in points on the same test samples (T8), {}; {}.", tables::SIGNS, level(report)),
        header: vec!["model", "against", "quantity", "verdict", "difference", "interval"],
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
        over("error of the worst class, over seeds", &found.worst_class);
        over("error of all samples, over seeds", &found.overall);
        for (name, group) in [("many", found.many_macro), ("medium", found.medium_macro), ("few", found.few_macro)] {
            group.iter().for_each(|group| over(&format!("error, {name}, mean over classes, over seeds"), group));
        }
        let these = found.these_networks.iter().map(|these| {
            let names = [b, a, "error of the worst class, these networks"];
            row_of(names, &these.verdict, these.difference, Some(these.interval))
        });
        rows.extend(these);
    }
    Table {
        title: format!(
            "Groups of seeds: differences of means in points, {}; over seeds by Student's t, of these networks over test samples \
             (T9); {}.",
            tables::SIGNS,
            level(report)
        ),
        header: vec!["group", "against", "quantity", "verdict", "difference", "interval"],
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

fn level(report: &Report) -> String {
    format!("each statement with probability {} %", short(100.0 * (1.0 - report.settings.delta)))
}

fn dash() -> String {
    "–".to_owned()
}

/// A share in per cent, one decimal.
fn tenths(share: Option<f64>) -> String {
    // Adding 0 turns -0 into 0.
    share.map_or_else(dash, |share| fixed(100.0 * share + 0.0, 1))
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
    use crate::report::comparison_sentence::comparison_sentences;
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
        let [models, differences, groups] = &filled_tables(&report)[..] else { panic!("three tables") };
        let test = &report.models[1].test;
        let expected = format!("{:.1}", 100.0 * test.worst_class.as_ref().unwrap().error);
        assert_eq!((models.rows.len(), &models.rows[1][0], &models.rows[1][2]), (2, &"b".to_owned(), &expected));
        assert_eq!(models.rows[1][9], format!("{:.1}", 100.0 * test.few.unwrap().accuracy_macro));
        // All classes have as many test images, so the mean over them is that over images.
        assert_eq!(differences.rows.len(), 5);
        assert_eq!((differences.rows[0][0].as_str(), differences.rows[0][1].as_str()), ("b", "a"));
        assert_eq!(differences.rows[1][4], signed_tenths(report.comparisons[0].overall.difference));
        assert_eq!(groups.rows.len(), 3 + 3);
        let alone = Report { models: report.models[..1].to_vec(), settings: report.settings, ..Report::default() };
        assert_eq!(filled_tables(&alone).len(), 1);
    }

    #[test]
    fn unequal_micro_and_macro_are_both_said() {
        let mut report = two(["a", "b"]);
        let found = &mut report.comparisons[0];
        found.few = found.few.map(|few| Difference { difference: few.difference + 0.1, ..few });
        assert_eq!(differences(&report).rows.last().unwrap()[2], "error, few, over samples");
    }

    /// A difference has one sign wherever it is told: sentences, tables and files.
    #[test]
    fn signs_are_those_of_the_page() {
        let report = two(["a", "b"]);
        let (_, sentences) = comparison_sentences(&report, &report.comparisons[0]);
        let (page, files) = (tables::differences(&report), differences(&report));
        let texts = [markdown(&report), latex(&report).replace("$-$", "−").replace("{[}", "[").replace("{]}", "]")];
        for (quantity, words) in [
            ("error of all samples", "error of all samples "),
            ("error of the worst class, whichever it is", "worst class"),
        ] {
            let sentence = sentences.iter().find(|sentence| sentence.starts_with(words)).unwrap();
            let of = |rows: &[Vec<String>]| rows.iter().find(|row| row[2] == quantity).unwrap().clone();
            let (shown, filed) = (of(&page.rows), of(&files.rows));
            assert_eq!([&shown[3], &shown[4], &shown[5]], [&filed[4], &filed[5], &filed[3]]);
            assert!(sentence.contains(&format!("({} points {}, {}", shown[3], shown[4], shown[5])), "{sentence}");
            assert!(texts.iter().all(|text| text.contains(&shown[4])), "{}", shown[4]);
        }
        let accuracy = |model: usize| report.models[model].test.split.accuracy;
        let minus = files.rows.iter().find(|row| row[2] == "error of all samples").unwrap()[4].starts_with('−');
        assert_eq!(minus, accuracy(1) > accuracy(0), "minus is better");
        let seeds = sample::groups();
        let row =
            seed_groups(&report).rows.into_iter().find(|row| row[2] == "error of all samples, over seeds").unwrap();
        assert_eq!(row[4], signed_tenths(seeds[0].overall.difference));
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
