//! Every number that a page says stands in `report.json`.

use serde_json::Value;

use crate::report::plots;
use crate::report::sample::{self, Sample};
use crate::results::{Group, ModelFigures, Report};

/// The numbers of a document, and what is said of them: shares as per cent, what is missing to 1,
/// the other sign, and lengths of lists.
struct Known {
    ascending: Vec<f64>,
    texts: String,
}

impl Known {
    fn of(report: &Report) -> Self {
        let (mut numbers, mut texts) = (Vec::new(), String::new());
        collect(&serde_json::to_value(report).unwrap(), &mut numbers, &mut texts);
        // Components of unit vectors are shown by their squares.
        let pairs = report.models.iter().flat_map(|model| {
            let splits = model.train.iter().chain([&model.test.split]);
            splits.filter_map(|split| split.top_pair.as_ref()).map(move |pair| (model, pair))
        });
        for (model, pair) in pairs {
            for vector in [&pair.left, &pair.right] {
                let squares: Vec<f64> = vector.iter().map(|component| component * component).collect();
                let groups = model.groups.iter().flatten().zip(&squares);
                numbers.push(groups.filter(|(group, _)| **group == Group::Few).map(|(_, square)| square).sum());
                numbers.extend(squares);
            }
        }
        // Means over the networks of a group.
        for models in report.groups.iter().flat_map(|group| [&group.models_a, &group.models_b]) {
            for class in 0..report.models[models[0]].num_classes {
                let errors = models.iter().filter_map(|&at| report.models[at].test.split.per_class_error[class]);
                numbers.push(errors.sum::<f64>() / models.len() as f64);
            }
        }
        let said = |number: f64| [number, 1.0 - number].map(|share| [share, -share, 100.0 * share, -100.0 * share]);
        let mut ascending: Vec<f64> = numbers.into_iter().flat_map(said).flatten().collect();
        ascending.sort_by(f64::total_cmp);
        Self { ascending, texts }
    }

    /// Whether a number, as written, is one of them rounded.
    fn has(&self, written: &str) -> bool {
        let plain = written.replace(',', "").replace('−', "-");
        let Ok(value) = plain.parse::<f64>() else { return true };
        let (digits, power) = plain.split_once('e').unwrap_or((&plain, "0"));
        let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
        let half = 0.5001 * 10_f64.powi(power.parse::<i32>().unwrap() - decimals);
        let first = self.ascending.partition_point(|&known| known < value - half);
        self.ascending.get(first).is_some_and(|&known| known <= value + half) || self.texts.contains(written)
    }

    /// The numbers of a text that are none of them, each with what stands around it.
    fn missing(&self, text: &str) -> Vec<String> {
        let characters: Vec<char> = text.chars().collect();
        let is_digit = |at: usize| characters.get(at).is_some_and(char::is_ascii_digit);
        let mut missing = Vec::new();
        let mut at = 0;
        while at < characters.len() {
            if !is_digit(at) {
                at += 1;
                continue;
            }
            let begin = at;
            while is_digit(at) || (matches!(characters.get(at), Some('.' | ',')) && is_digit(at + 1)) {
                at += 1;
            }
            let power: String = superscript(&characters[at..]);
            if characters.get(at) == Some(&'e') && (is_digit(at + 1) || (characters[at + 1] == '-' && is_digit(at + 2)))
            {
                at += 2;
                while is_digit(at) {
                    at += 1;
                }
            }
            // `T5`, `SHA-256`, `resnet20` and `C₁` are names.
            let is_name = begin > 0 && (characters[begin - 1].is_alphabetic() || characters[begin - 1] == '-');
            let written: String = characters[begin..at].iter().collect::<String>() + &power;
            // Behind `×10`, and as many characters as `e` has behind it.
            at += if power.is_empty() { 0 } else { 2 + power.chars().count() };
            if !is_name && !self.has(&written) {
                let around = begin.saturating_sub(40)..(at + 30).min(characters.len());
                missing.push(characters[around].iter().collect::<String>().replace('\n', " "));
            }
        }
        missing
    }
}

/// The `e-1` of what begins with `×10⁻¹`.
fn superscript(characters: &[char]) -> String {
    let Some(raised) = characters.strip_prefix(&['×', '1', '0']) else { return String::new() };
    let plain = |c: &char| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|digit| digit == *c).map(|digit| digit.to_string());
    let plain = |c: &char| if *c == '⁻' { Some("-".to_owned()) } else { plain(c) };
    let power: String = raised.iter().map_while(plain).collect();
    if power.is_empty() { power } else { format!("e{power}") }
}

fn collect(value: &Value, numbers: &mut Vec<f64>, texts: &mut String) {
    match value {
        Value::Number(number) => numbers.push(number.as_f64().unwrap()),
        Value::String(text) => {
            texts.push_str(text);
            texts.push('\n');
        }
        Value::Array(list) => {
            numbers.push(list.len() as f64);
            list.iter().for_each(|value| collect(value, numbers, texts));
        }
        Value::Object(map) => map.values().for_each(|value| collect(value, numbers, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// What is the same on every page.
const CONSTANTS: [&str; 4] = ["CVPR 2026", "al. 2012", "al. 2026", "above 99.9999 %"];

/// What stands between these two in a page, without tags; or everywhere else.
fn between<'p>(page: &'p str, begin: &str, end: &str) -> Vec<&'p str> {
    page.split(begin).skip(1).filter_map(|part| part.split_once(end).map(|(inside, _)| inside)).collect()
}

fn without(page: &str, begin: &str, end: &str) -> String {
    let (first, rest) = page.split_once(begin).unwrap_or((page, ""));
    let kept = rest.split(begin).map(|part| part.split_once(end).map_or(part, |(_, behind)| behind));
    std::iter::once(first).chain(kept).collect::<Vec<_>>().join(" ")
}

/// The text of a page up to its explanations, and the titles of what is drawn.
fn said(page: &str) -> (String, Vec<String>) {
    let plain = |html: &str| {
        let text = without(html, "<", ">").replace('\u{a0}', " ");
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
            .replace("&#x27;", "'")
            .replace("&quot;", "\"")
    };
    let body = page.split_once("<body>").unwrap().1.split("id=\"reading\"").next().unwrap();
    let body = ["script", "style"]
        .iter()
        .fold(body.to_owned(), |body, tag| without(&body, &format!("<{tag}"), &format!("</{tag}>")));
    let titles = between(&body, "<title>", "</title>").into_iter().map(plain).collect();
    (plain(&without(&body, "<svg", "</svg>")), titles)
}

fn checked((report, figures): &(Report, Vec<ModelFigures>)) -> (Vec<String>, Vec<String>) {
    let page = super::render(report, &plots::draw(report, figures)).unwrap();
    let known = Known::of(report);
    let (text, titles) = said(&page);
    let text = CONSTANTS.iter().fold(text, |text, constant| text.replace(constant, " "));
    assert!(text.len() > 2000 && titles.len() > 20);
    (known.missing(&text), titles.iter().flat_map(|title| known.missing(title)).collect())
}

#[test]
fn every_number_of_a_page_is_in_the_report() {
    let small = Sample { test_per_class: 40, ..Sample::fashion() };
    let two = ["a", "b"].map(|name| Sample { name: name.into(), ..small.clone() });
    let four = ["p", "q", "r", "s"].map(|name| Sample { name: name.into(), with_train: false, ..small.clone() });
    let mut of_groups = sample::report(&four);
    of_groups.0.groups = sample::groups();
    for report in [sample::report(&[small]), sample::report(&two), of_groups] {
        let (text, titles) = checked(&report);
        assert!(text.is_empty() && titles.is_empty(), "text: {text:#?}, titles: {titles:#?}");
    }
}

/// What bins of classes hold follows from the numbers of each class, which are there.
#[test]
fn every_number_in_words_on_a_thousand_classes_is_in_the_report() {
    let mut sample = Sample { test_per_class: 3, with_train: false, ..Sample::of_size(1000) };
    sample.train_counts.iter_mut().for_each(|count| *count = (*count).max(1));
    let (text, _) = checked(&sample::report(&[sample]));
    assert!(text.is_empty(), "{text:#?}");
}

#[test]
fn a_number_of_nowhere_is_found() {
    let known = Known { ascending: vec![0.25, 25.0, 75.0, 1234.0], texts: "seed 7".into() };
    assert_eq!(known.missing("25 % and 75 %, 1,234 samples, T5' of resnet20, SHA-256, seed 7"), Vec::<String>::new());
    assert_eq!(known.missing("26 %, 1,233").len(), 2);
    assert_eq!(known.missing("2.5e-1, 2.5×10⁻¹ and 0.3"), [] as [&str; 0], "rounded");
}
