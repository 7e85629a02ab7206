//! The tables of a report as rows of text, for the two renderers: the page ([`page`](super::page))
//! and the terminal ([`summary`](super::summary)).

use serde::Serialize;

use super::comparison_sentence::{in_order, signed_tenths};
use super::headline::{called, worst_classes};
use super::verdicts::Note;
use crate::results::{
    BoundReport, GroupAccuracy, MatrixNorms, ModelReport, Report, SURROGATE_CLASSES, SplitReport, Statement,
};
use crate::words::{counted, grouped, listed, percent, percent_range, points, short};
use car_spectral::confusion::WrittenMargin;

/// A header, then rows; columns from `numbers_from` on hold numbers.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub numbers_from: usize,
    /// The first so many columns say what matters most.
    #[serde(skip)]
    pub compared: usize,
}

impl Table {
    fn new(header: &[&str], numbers_from: usize) -> Self {
        let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
        Self { compared: header.len(), header, rows: Vec::new(), numbers_from }
    }

    /// A quantity of the test and of the training data, if there is any.
    fn add_quantity(&mut self, name: &str, (test, train): (String, Option<String>)) {
        if test != dash(None) || train.is_some() {
            self.rows.push(vec![name.to_owned(), test, dash(train)]);
        }
    }

    /// The columns that say what matters most; and the first column with the others.
    pub(super) fn split(self) -> (Self, Self) {
        let part = |places: &[usize]| {
            let chosen = |row: &[String]| -> Vec<String> { places.iter().map(|&at| row[at].clone()).collect() };
            let numbers_from = places.iter().filter(|at| **at < self.numbers_from).count();
            let rows = self.rows.iter().map(|row| chosen(row)).collect();
            Self { header: chosen(&self.header), rows, numbers_from, compared: places.len() }
        };
        let (first, rest): (Vec<usize>, Vec<usize>) = (1..self.header.len()).partition(|at| *at < self.compared);
        (part(&[&[0][..], &first].concat()), part(&[&[0][..], &rest].concat()))
    }

    /// The table without the columns, but the first, that hold nothing but dashes.
    fn filled(mut self) -> Self {
        let holds = |at: usize| self.rows.is_empty() || self.rows.iter().any(|row| row[at] != dash(None));
        let kept: Vec<bool> = (0..self.header.len()).map(|at| at == 0 || holds(at)).collect();
        let before = |end: usize| kept[..end.min(kept.len())].iter().filter(|kept| **kept).count();
        (self.numbers_from, self.compared) = (before(self.numbers_from), before(self.compared));
        let mut places = kept.iter();
        self.header.retain(|_| places.next() == Some(&true));
        for row in &mut self.rows {
            let mut places = kept.iter();
            row.retain(|_| places.next() == Some(&true));
        }
        self
    }
}

/// One row a model. A group's accuracy is the mean over its classes, which the usual code of
/// long-tailed recognition prints; where that over its images is not the same, it stands in the
/// last columns.
pub(super) fn comparison(report: &Report) -> Table {
    let groups = |model: &ModelReport| [model.test.many, model.test.medium, model.test.few];
    let alike = |group: GroupAccuracy| percent(group.accuracy_macro) == percent(group.accuracy);
    let alike = report.models.iter().flat_map(groups).flatten().all(alike);
    let balanced = |model: &ModelReport| {
        model.test.accuracy_macro.is_none_or(|mean| percent(mean) == percent(model.test.split.accuracy))
    };
    let balanced = report.models.iter().all(balanced);
    let mut header = vec![
        "model",
        "worst class",
        "measured error",
        "true error of the worst",
        "accuracy",
        "mean over classes",
        "many",
        "medium",
        "few",
    ];
    let in_groups = !report.groups.is_empty();
    if in_groups {
        header.insert(1, "group");
    }
    let compared = header.len();
    header.extend(["WCE", "‖CΛ‖₂ test", "‖CΛ‖₂ training", "chain over WCE"]);
    if !alike {
        header.extend(["many, over samples", "medium, over samples", "few, over samples"]);
    }
    let mut table = Table { compared, ..Table::new(&header, if in_groups { 3 } else { 2 }) };
    for (at, model) in report.models.iter().enumerate() {
        let test = &model.test;
        let mut row = vec![
            model.name.clone(),
            dash(worst_by_name(model)),
            dash(test.worst_class.as_ref().map(|worst| percent(worst.error))),
            dash(test.worst_class.as_ref().map(|_| percent_range(test.max_error.interval))),
            percent(test.split.accuracy),
            dash(test.accuracy_macro.filter(|_| !balanced).map(percent)),
        ];
        if in_groups {
            row.insert(1, dash(group_of(report, at)));
        }
        row.extend(groups(model).map(|group| dash(group.map(|group| percent(group.accuracy_macro)))));
        row.extend([
            short(test.split.chain.wce),
            short(test.split.hard.spectral_norm_weighted.value),
            dash(model.train.as_ref().map(|train| short(train.hard.spectral_norm_weighted.value))),
            slack(&test.split),
        ]);
        if !alike {
            row.extend(groups(model).map(|group| dash(group.map(|group| percent(group.accuracy)))));
        }
        table.rows.push(row);
    }
    table.filled()
}

/// The worst class; of several that tie the names of two, or how many they are.
fn worst_by_name(model: &ModelReport) -> Option<String> {
    match worst_classes(model).as_slice() {
        [] => None,
        [worst] => Some(called(model, *worst)),
        &[a, b] => Some(format!("{}, {}", called(model, a), called(model, b))),
        tied => Some(format!("{} tie", grouped(tied.len() as u64))),
    }
}

/// The name of the group that a model is of.
fn group_of(report: &Report, model: usize) -> Option<String> {
    let mut sides = report.groups.iter().flat_map(|group| [(&group.a, &group.models_a), (&group.b, &group.models_b)]);
    sides.find(|(_, models)| models.contains(&model)).map(|(name, _)| name.clone())
}

/// A group's accuracy: `44.2 %`, `61.7 % over classes, 90.1 % over images,`.
fn group_accuracy(group: &GroupAccuracy) -> String {
    let (by_class, by_image) = (percent(group.accuracy_macro), percent(group.accuracy));
    if by_class == by_image { by_class } else { format!("{by_class} over classes, {by_image} over samples,") }
}

/// The difference that is meant by a sign. All are of errors.
pub(super) const SIGNS: &str = "of the first named less the second: minus is better";

/// One row for each pair of models and quantity: differences in points of the quantity named, with
/// interval and verdict. Errors are means over classes where they are not those over samples.
pub(super) fn differences(report: &Report) -> Table {
    let mut table = Table::new(&["model", "against", "quantity", "difference", "interval", "verdict"], 3);
    for found in in_order(report) {
        let mut quantities = vec![
            ("error of the worst class, whichever it is", found.worst_class.difference),
            ("error of all samples", found.overall),
        ];
        if found.macro_average != found.overall {
            quantities.push(("mean error of the classes", found.macro_average));
        }
        let groups = [
            (["error, many", "error, many, over classes", "error, many, over samples"], found.many_macro, found.many),
            (
                ["error, medium", "error, medium, over classes", "error, medium, over samples"],
                found.medium_macro,
                found.medium,
            ),
            (["error, few", "error, few, over classes", "error, few, over samples"], found.few_macro, found.few),
        ];
        for ([both, by_class, by_image], macro_average, micro) in groups {
            match (macro_average, micro) {
                (Some(first), Some(second)) if first == second => quantities.push((both, first)),
                _ => quantities.extend(
                    macro_average
                        .map(|first| (by_class, first))
                        .into_iter()
                        .chain(micro.map(|second| (by_image, second))),
                ),
            }
        }
        for (quantity, difference) in quantities {
            let [lower, upper] = difference.interval.map(signed_tenths);
            table.rows.push(vec![
                report.models[found.b].name.clone(),
                report.models[found.a].name.clone(),
                quantity.to_owned(),
                signed_tenths(difference.difference),
                format!("[{lower}, {upper}]"),
                difference.verdict.to_string(),
            ]);
        }
    }
    table
}

/// One row for each goal of the planning.
pub(super) fn planning(model: &ModelReport) -> Table {
    let mut table = Table::new(&["goal, with this model's errors", "test samples a class"], 1);
    for plan in &model.test.planning {
        let by = points(plan.by);
        let goal = match plan.goal.as_str() {
            "certify" => format!("an upper limit of the worst class's error within {by} of it"),
            _ => format!("two models told apart that differ by {by} in the worst class"),
        };
        table
            .rows
            .push(vec![goal, plan.images_per_class.map_or("more than 10,000,000".into(), |images| images.to_string())]);
    }
    table
}

/// One row a quantity: the worst class, the accuracies, then the norms of the test and the training
/// matrix.
pub(super) fn quantities(model: &ModelReport) -> Table {
    let mut table = Table::new(&["quantity", "test", "training"], 1);
    let (train, test) = (model.train.as_ref(), &model.test);
    let both = |read: &dyn Fn(&SplitReport) -> String| (read(&test.split), train.map(read));
    let mut row = |name: &str, values| table.add_quantity(name, values);
    if let Some(worst) = &test.worst_class {
        let before = train.and_then(|t| t.per_class_error[worst.index]).map(percent);
        match worst_classes(model).len() {
            1 => {
                let name = format!("error of {}, the worst test class", called(model, worst.index));
                row(&name, (percent(worst.error), before));
            }
            tied => {
                let name = format!("error of the worst test class ({} tie)", grouped(tied as u64));
                row(&name, (percent(worst.error), None));
            }
        }
    }
    row("largest error of any class (T5')", (percent_range(test.max_error.interval), None));
    row("classes that can be the worst", (grouped(test.max_error.candidates.len() as u64), None));
    if let Some(above) = test.classes_above.iter().find(|above| above.level == 0.5) {
        row("classes wrong more often than right (T5')", (grouped(above.classes.len() as u64), None));
    }
    row("mean error of the worst tenth of classes", (dash(test.worst_tenth_error.map(percent)), None));
    row("classes without one correct", (grouped(test.zero_accuracy_classes.len() as u64), None));
    let missing = test.split.classes_without_samples();
    if missing > 0 {
        row("classes without test samples", (missing.to_string(), None));
    }
    row("accuracy", both(&|s| percent(s.accuracy)));
    row("accuracy, mean over classes", (dash(test.accuracy_macro.map(percent)), None));
    for (name, group) in [("many", test.many), ("medium", test.medium), ("few", test.few)] {
        let text = group.map(|g| format!("{} in {}", group_accuracy(&g), counted(g.classes, "class", "classes")));
        row(&format!("accuracy, {name}"), (dash(text), None));
    }
    row("samples", both(&|s| grouped(s.samples)));
    let [lower, upper] = test.wce_interval.map(short);
    let wce = format!("{} in [{lower}, {upper}]", short(test.split.chain.wce));
    row("WCE = ‖CΛ‖₁", (wce, train.map(|t| short(t.chain.wce))));
    row("‖CΛ‖₂", both(&|s| weighted(&s.hard)));
    row(
        "√(K−1) ‖CΛ‖₂",
        both(&|s| format!("{}{}", short(s.chain.upper_bound), if s.chain.holds { "" } else { " FAILS" })),
    );
    let absent = if model.num_classes > SURROGATE_CLASSES { "not above 4,096 classes" } else { "needs scores" };
    let surrogate = |s: &SplitReport| match &s.surrogate {
        Some(found) => short(found.spectral_norm_weighted.value),
        None => absent.to_owned(),
    };
    let options = test.split.surrogate.as_ref().map_or_else(String::new, |found| format!(" ({})", found.options));
    row(&format!("surrogate ‖C̃Λ‖₂{options}"), both(&surrogate));
    row("samples with tied top scores", both(&|s| format!("{} ({})", s.ties.top2, percent(s.ties.share))));
    table.filled()
}

/// One row a quantity of the matrices beyond [`quantities`].
pub(super) fn more_quantities(model: &ModelReport) -> Table {
    let mut table = Table::new(&["quantity", "test", "training"], 1);
    let (train, test) = (model.train.as_ref(), &model.test);
    let both = |read: &dyn Fn(&SplitReport) -> String| (read(&test.split), train.map(read));
    let mut row = |name: &str, values| table.add_quantity(name, values);
    row("‖C‖₁", both(&|s| short(s.hard.one_norm)));
    row("‖C‖₂", both(&|s| short(s.hard.spectral_norm.value)));
    let within = |ends: Option<[f64; 2]>| dash(ends.map(percent_range));
    row("ν = ‖C‖₁ / ‖C‖₂", both(&|s| dash(s.hard.nu.map(short))));
    row("… can be, by sums and lengths (S3)", both(&|s| within(s.hard.nu_by_sums)));
    row("ν weighted", both(&|s| dash(s.hard.nu_weighted.map(short))));
    row("… can be, by sums and lengths", both(&|s| within(s.hard.nu_weighted_by_sums)));
    row("… can be, by non-zeros alone", both(&|s| within(s.hard.nu_weighted_by_non_zeros)));
    row(
        "√s ‖CΛ‖₂ (s non-zeros in a column)",
        both(&|s| format!("{} (s = {})", short(s.chain.upper_bound_sqrt_s), s.chain.max_column_nonzeros)),
    );
    row("‖C̃ − C‖ Frobenius", both(&|s| dash(s.surrogate.as_ref().map(|s| short(s.gap_to_hard_frobenius)))));
    table.filled()
}

/// One row a margin and split.
pub(super) fn margins(model: &ModelReport) -> Table {
    let mut table = Table::new(&["split", "g", "‖C_g‖₁", "‖C_gΛ‖₁", "‖C_g‖₂", "‖C_gΛ‖₂", "ν", "ν weighted"], 1);
    let splits = model.train.iter().map(|train| ("training", train)).chain([("test", &model.test.split)]);
    for (name, split) in splits {
        for margin in &split.margins {
            let norms = &margin.norms;
            table.rows.push(vec![
                name.to_owned(),
                WrittenMargin(margin.margin).to_string(),
                short(norms.one_norm),
                short(norms.one_norm_weighted),
                short(norms.spectral_norm.value),
                weighted(norms),
                nu(norms.nu, norms.nu_by_sums),
                nu(norms.nu_weighted, norms.nu_weighted_by_sums),
            ]);
        }
    }
    table.filled()
}

/// One row a bound and margin, statements that do not apply for the same reason in one row; with
/// `applicable_only`, of the bounds whose preconditions hold. A note is said where it is first due.
pub(super) fn bounds(model: &ModelReport, applicable_only: bool) -> Table {
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
    let mut rows: Vec<(Vec<Statement>, &BoundReport)> = Vec::new();
    for bound in model.bounds.iter().filter(|bound| bound.applicable || !applicable_only) {
        let same = |(_, first): &&mut (Vec<Statement>, &BoundReport)| {
            let same_note = Note::on(first) == Note::on(bound) && first.margin == bound.margin;
            bound.precondition.is_some() && same_note
        };
        match rows.iter_mut().find(same) {
            Some((ids, _)) => ids.push(bound.id),
            None => rows.push((vec![bound.id], bound)),
        }
    }
    let mut said: Vec<Option<Note<'_>>> = Vec::new();
    for (ids, bound) in rows {
        let part = if bound.values.total.is_none() && bound.values.first_term.is_some() { " (first term)" } else { "" };
        let counts = bound.values.verdict;
        let note = Note::on(bound);
        let repeated = bound.applicable && said.contains(&note);
        said.push(note);
        table.rows.push(vec![
            format!("{}{part}", listed(&ids)),
            if repeated { "as above".to_owned() } else { note.map_or_else(String::new, |note| note.to_string()) },
            dash(bound.margin.map(|g| WrittenMargin(g).to_string())),
            dash(at_worst(model, bound).map(short)),
            dash(bound.values.tightness_at_worst.map(|t| format!("{} ×", short(t)))),
            counts.holds.to_string(),
            counts.vacuous.to_string(),
            counts.undecided.to_string(),
            counts.violated.to_string(),
            counts.not_applicable.to_string(),
        ]);
    }
    table.filled()
}

/// One row for each of the `most` classes with the largest test error, those first.
pub(super) fn classes(model: &ModelReport, most: usize) -> Table {
    let mut table = Table::new(
        &["class", "group", "training samples", "λ", "test errors", "test error", "interval", "λ e", "training error"],
        2,
    );
    let mut order: Vec<usize> = (0..model.num_classes).collect();
    let error = |class: usize| model.test.split.per_class_error[class].unwrap_or(-1.0);
    order.sort_by(|&a, &b| error(b).total_cmp(&error(a)));
    for class in order.into_iter().take(most) {
        let test = &model.test;
        table.rows.push(vec![
            numbered(model, class),
            dash(model.groups.as_ref().map(|groups| groups[class].name().to_owned())),
            dash(model.train_counts.as_ref().map(|counts| counts[class].to_string())),
            short(model.weights[class]),
            format!("{} of {}", test.split.class_errors[class], test.split.class_counts[class]),
            dash(test.split.per_class_error[class].map(percent)),
            dash(test.class_error_interval[class].map(percent_range)),
            dash(test.split.chain.weighted_error[class].map(short)),
            dash(model.train.as_ref().and_then(|train| train.per_class_error[class]).map(percent)),
        ]);
    }
    table.filled()
}

/// Models that have a column of the table of classes.
const MOST_COLUMNS: usize = 8;

/// One row for each of the `most` classes with the largest test error of any model, with the error
/// in each model; `None` for one model, or where they have not the same classes.
pub(super) fn classes_by_model(report: &Report, most: usize) -> Option<Table> {
    let (first, others) = report.models.split_first().filter(|(_, others)| !others.is_empty())?;
    if others.iter().any(|model| model.class_names != first.class_names) {
        return None;
    }
    let shown = &report.models[..report.models.len().min(MOST_COLUMNS)];
    let counts = report.models.iter().find_map(|model| model.train_counts.as_ref());
    let error = |model: &ModelReport, class: usize| model.test.split.per_class_error[class];
    let largest = |class: usize| shown.iter().filter_map(|model| error(model, class)).fold(-1.0, f64::max);
    let mut order: Vec<usize> = (0..first.num_classes).collect();
    order.sort_by(|&a, &b| largest(b).total_cmp(&largest(a)));
    let header: Vec<&str> =
        ["class", "training samples"].into_iter().chain(shown.iter().map(|model| model.name.as_str())).collect();
    let mut table = Table::new(&header, 1);
    for class in order.into_iter().take(most) {
        let trained = dash(counts.map(|counts| grouped(counts[class])));
        let errors = shown.iter().map(|model| dash(error(model, class).map(percent)));
        table.rows.push([numbered(first, class), trained].into_iter().chain(errors).collect());
    }
    Some(table.filled())
}

/// `squirrel (80)`; `class 80` where a class has no other name.
fn numbered(model: &ModelReport, class: usize) -> String {
    let name = called(model, class);
    if name == model.class_names[class] { format!("{name} ({class})") } else { name }
}

/// One row for each of the `most` most confused pairs of classes.
pub(super) fn pairs(model: &ModelReport, most: usize) -> Table {
    let mut table = Table::new(&["true", "predicted", "rate", "samples", "part of ‖CΛ‖₂"], 2);
    for pair in model.confusions.iter().take(most) {
        table.rows.push(vec![
            called(model, pair.true_class),
            called(model, pair.predicted),
            percent(pair.rate),
            pair.count.to_string(),
            short(pair.contribution_to_spectral_norm),
        ]);
    }
    table
}

/// One row a file that was read: those of all models, then those of each.
pub(super) fn files(report: &Report) -> Table {
    let mut table = Table::new(&["file", "of", "path", "bytes", "SHA-256"], 5);
    let shared = report.settings.data.iter().map(|file| ("all models", file));
    let own = report.models.iter().flat_map(|model| model.source.files.iter().map(|file| (model.name.as_str(), file)));
    let logs = report.runs.iter().map(|run| (run.name.as_str(), &run.log));
    for (of, file) in shared.chain(own).chain(logs) {
        let (bytes, sha256) = (file.bytes.to_string(), file.sha256.clone());
        table.rows.push(vec![file.role.clone(), of.to_owned(), file.path.clone(), bytes, sha256]);
    }
    table
}

fn at_worst(model: &ModelReport, bound: &BoundReport) -> Option<f64> {
    let worst = model.test.worst_class.as_ref();
    worst.and_then(|worst| bound.per_class().and_then(|values| values[worst.index])).or(bound.values.value)
}

fn weighted(norms: &MatrixNorms) -> String {
    short(norms.spectral_norm_weighted.value)
}

/// ν with what it can be by S3.
fn nu(value: Option<f64>, by_sums: Option<[f64; 2]>) -> String {
    dash(value.zip(by_sums).map(|(value, ends)| format!("{} in {}", short(value), range(ends))))
}

fn range([lower, upper]: [f64; 2]) -> String {
    format!("[{}, {}]", short(lower), short(upper))
}

/// How many times WCE the chain's right side is.
pub(super) fn slack(split: &SplitReport) -> String {
    match split.chain.slack_factor {
        _ if !split.chain.holds => "FAILS".to_owned(),
        Some(factor) => format!("{} ×", short(factor)),
        None => dash(None),
    }
}

/// A value, or a dash where there is none.
pub(super) fn dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, Sample};

    #[test]
    fn columns_and_rows_without_content_are_left_out() {
        let headers = |table: &Table| table.header.join("/");
        let (mut model, _) = Sample { with_train: false, test_per_class: 20, ..Sample::fashion() }.build();
        assert_eq!(headers(&quantities(&model)), "quantity/test");
        (model.groups, model.train_counts) = (None, None);
        (model.test.many, model.test.medium, model.test.few) = (None, None, None);
        assert!(quantities(&model).rows.iter().all(|row| row[1] != "–" && !row[0].contains("many")));
        assert_eq!(headers(&classes(&model, 3)), "class/λ/test errors/test error/interval/λ e");
        let (complete, _) = Sample { test_per_class: 20, ..Sample::fashion() }.build();
        assert_eq!(headers(&quantities(&complete)), "quantity/test/training");
        assert!(quantities(&complete).rows.iter().any(|row| row[0] == "accuracy, many"));
        let both = Report { models: vec![model, complete], ..Report::default() };
        assert!(headers(&comparison(&both)).contains("few/WCE/‖CΛ‖₂ test/‖CΛ‖₂ training"));
        let table = Table { compared: 3, ..Table::new(&["a", "b", "c", "d"], 2) };
        let rows = vec![["x", "–", "1", "–"].map(str::to_owned).to_vec()];
        let Table { header, rows, numbers_from, compared } = Table { rows, ..table }.filled();
        assert_eq!((header.join("/").as_str(), rows[0].join("/").as_str()), ("a/c", "x/1"));
        assert_eq!((numbers_from, compared), (1, 2));
    }

    #[test]
    fn the_surrogate_is_the_papers_at_any_margins_and_named() {
        let of = |margins: &[f64]| {
            let (model, _) = Sample { margins: margins.to_vec(), test_per_class: 20, ..Sample::fashion() }.build();
            (model.test.split.surrogate.clone().unwrap(), quantities(&model))
        };
        let (surrogate, table) = of(&[0.0, 1.0]);
        assert_eq!(surrogate.options, car_spectral::car::CarOptions::paper().surrogate);
        assert_eq!(of(&[0.5]).0, surrogate);
        let named = "surrogate ‖C̃Λ‖₂ (g = 0.1, softmax of competitors)";
        assert!(table.rows.iter().any(|row| row[0] == named), "{:?}", table.rows);
    }

    #[test]
    fn a_surrogate_that_is_not_computed_is_told() {
        let (mut model, _) = Sample { test_per_class: 20, with_train: false, ..Sample::fashion() }.build();
        model.test.split.surrogate = None;
        let told = |model: &ModelReport| {
            let row = quantities(model).rows.into_iter().find(|row| row[0].starts_with("surrogate")).unwrap();
            row[1].clone()
        };
        assert_eq!(told(&model), "needs scores");
        model.num_classes = SURROGATE_CLASSES + 1;
        assert_eq!(told(&model), "not above 4,096 classes");
    }

    #[test]
    fn classes_stand_by_model_the_worst_of_any_first() {
        let two = [("one", 3.4), ("two", 2.0)].map(|(name, skill)| Sample {
            name: name.into(),
            skill,
            test_per_class: 50,
            ..Sample::fashion()
        });
        let mut report = sample::report(&two).0;
        let table = classes_by_model(&report, 4).unwrap();
        assert_eq!((table.header.join("/").as_str(), table.rows.len()), ("class/training samples/one/two", 4));
        let errors = |model: usize| &report.models[model].test.split.per_class_error;
        let largest = |class: usize| errors(0)[class].unwrap().max(errors(1)[class].unwrap());
        let worst = (0..10).map(largest).fold(0.0, f64::max);
        let class = (0..10).find(|&class| largest(class) == worst).unwrap();
        let shown = [0, 1].map(|model| percent(errors(model)[class].unwrap()));
        assert_eq!(table.rows[0][0], format!("{} ({class})", report.models[0].class_names[class]));
        assert_eq!(table.rows[0][2..], shown);
        report.models[1].class_names[0] = "another".into();
        assert!(classes_by_model(&report, 4).is_none());
        report.models.truncate(1);
        assert!(classes_by_model(&report, 4).is_none());
    }

    /// Many-shot classes of 900, 60 and 40 test images with 45, 30 and 24 errors, and two of as
    /// many images.
    #[test]
    fn a_group_of_unequal_classes_has_both_means() {
        let group = |accuracy, accuracy_macro| GroupAccuracy { classes: 3, samples: 1000, accuracy, accuracy_macro };
        assert_eq!(group_accuracy(&group(0.901, 1.85 / 3.0)), "61.7 % over classes, 90.1 % over samples,");
        assert_eq!(group_accuracy(&group(0.5, 0.5)), "50.0 %");
    }
}
