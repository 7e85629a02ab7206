//! One model against another, and one group of seeds against another, in sentences.

use super::guarantees::upper_limit;
use super::headline::{self, called};
use crate::results::{
    ClassDifference, Comparison, ComparisonVerdict, Difference, GroupAccuracy, GroupComparison, ModelReport, Report,
    SeedDifference, WorstClassDifference,
};
use crate::words::{counted, decimals, grouped, level, listed, percent};

/// Classes that are named; of more only the number is said.
const NAMED: usize = 3;
/// Networks of a group whose worst classes are named.
const MOST_NETWORKS: usize = 4;
/// Of more classes than these some move far by chance.
const MOST_CLASSES: usize = 200;
/// Seeds of a group whose intervals are wide whatever is found: Student's factor is 12.7 with two,
/// 4.3 with three.
const FEW_SEEDS: usize = 3;

/// The name of the group that has both models.
pub(super) fn common_group<'a>(report: &'a Report, found: &Comparison) -> Option<&'a str> {
    let mut sides = report.groups.iter().flat_map(|group| [(&group.a, &group.models_a), (&group.b, &group.models_b)]);
    let both = |models: &[usize]| models.contains(&found.a) && models.contains(&found.b);
    sides.find(|(_, models)| both(models)).map(|(name, _)| name.as_str())
}

/// The comparisons, those of two seeds of one group last.
pub(super) fn in_order(report: &Report) -> Vec<&Comparison> {
    let mut found: Vec<&Comparison> = report.comparisons.iter().collect();
    found.sort_by_key(|found| common_group(report, found).is_some());
    found
}

/// "b against a", and what is found: "error of all samples 15.8 → 21.2 % (+5.4 points [+4.6, +6.3],
/// worse)", ... Every difference is of errors, so that minus is better everywhere.
pub(super) fn comparison_sentences(report: &Report, found: &Comparison) -> (String, Vec<String>) {
    let (a, b) = (&report.models[found.a], &report.models[found.b]);
    let error = |name: &str, of: fn(&ModelReport) -> Option<f64>, found: &Difference| {
        let shares = of(a).zip(of(b)).map(|(a, b)| change(a, b)).unwrap_or_default();
        format!("{name} {shares} ({})", judged(found))
    };
    let mut parts = vec![
        error("error of all samples", |model| Some(1.0 - model.test.split.accuracy), &found.overall),
        worst_classes(a, b, &found.worst_class, &found.classes),
    ];
    if found.macro_average != found.overall {
        let mean = |model: &ModelReport| model.test.accuracy_macro.map(|accuracy| 1.0 - accuracy);
        parts.insert(1, error("mean error of the classes", mean, &found.macro_average));
    }
    parts.extend(by_frequency(a, b, found));
    let decided = [ComparisonVerdict::Better, ComparisonVerdict::Worse].map(|verdict| decided(a, b, found, verdict));
    parts.extend(decided.into_iter().flatten());
    parts.extend(guaranteed([a, b], 1.0 - report.settings.delta));
    parts.insert(0, in_short(found));
    let in_group =
        report.groups.iter().any(|group| group.models_a.contains(&found.a) || group.models_b.contains(&found.a));
    if !in_group {
        parts.push("one run each: another seed may differ".to_owned());
    }
    let seeds = common_group(report, found).map(|group| format!(", two seeds of one method ({group})"));
    (format!("{} against {}{}", b.name, a.name, seeds.unwrap_or_default()), parts)
}

/// `in short: overall better, few better, many worse; worst class undecided; 1 class better, 5
/// worse`, of the groups those that are decided.
fn in_short(found: &Comparison) -> String {
    let count = |verdict| found.classes.iter().filter(|class| class.verdict == verdict).count();
    let classes = match [ComparisonVerdict::Better, ComparisonVerdict::Worse].map(count) {
        [0, 0] => "no single class decided, all asked at once".to_owned(),
        [better, worse] => format!("{} better, {worse} worse", counted(better, "class", "classes")),
    };
    let groups = [("many", found.many_macro), ("medium", found.medium_macro), ("few", found.few_macro)];
    let decided = groups.into_iter().filter_map(|(name, found)| Some((name, found?.verdict)));
    let decided = decided.filter(|(_, verdict)| *verdict != ComparisonVerdict::Undecided);
    let groups: String = decided.map(|(name, verdict)| format!(", {name} {verdict}")).collect();
    let (overall, worst) = (found.overall.verdict, found.worst_class.difference.verdict);
    format!("in short: overall {overall}{groups}; worst class {worst}; {classes}")
}

/// What no class exceeds in either model; a limit of as good as 100 % says nothing.
fn guaranteed(models: [&ModelReport; 2], sure: f64) -> Option<String> {
    let limit = |model: &ModelReport| Some(format!("{} in {}", percent(upper_limit(model)?), model.name));
    let said: Vec<String> = models.into_iter().filter_map(limit).collect();
    (!said.is_empty()).then(|| {
        format!(
            "guaranteed with probability {} as an upper limit alone: no class has an error above {} (T5')",
            level(sure),
            listed(&said)
        )
    })
}

/// `by number of training samples: many 3 → 5 % (...); few 60 → 50 % (...)`, means over classes;
/// `None` unless there are two groups.
fn by_frequency(a: &ModelReport, b: &ModelReport, found: &Comparison) -> Option<String> {
    type Group = fn(&ModelReport) -> Option<GroupAccuracy>;
    let groups: [(&str, Group, Option<Difference>); 3] = [
        ("many", |model| model.test.many, found.many_macro),
        ("medium", |model| model.test.medium, found.medium_macro),
        ("few", |model| model.test.few, found.few_macro),
    ];
    let parts = groups.into_iter().filter_map(|(name, of, found)| {
        let shares = change(1.0 - of(a)?.accuracy_macro, 1.0 - of(b)?.accuracy_macro);
        Some(format!("{name} {shares} ({})", judged(&found?)))
    });
    let parts: Vec<String> = parts.collect();
    (parts.len() > 1).then(|| format!("by number of training samples, error over classes: {}", parts.join("; ")))
}

/// `worst class: Shirt, 100 % wrong → Coat, 96 % wrong (−4 points [−5.2, −2.9], better; the limits
/// are those of Coat)`.
fn worst_classes(
    a: &ModelReport,
    b: &ModelReport,
    found: &WorstClassDifference,
    classes: &[ClassDifference],
) -> String {
    let shares = match (&a.test.worst_class, &b.test.worst_class) {
        (Some(before), Some(after)) if tied(a) == tied(b) => {
            format!(" {}, {} wrong", tied(b), change(before.error, after.error))
        }
        (Some(before), Some(after)) => {
            let [from, to] = [(a, before), (b, after)]
                .map(|(model, worst)| format!("{}, {} wrong", tied(model), percent(worst.error)));
            format!(" {from} → {to}")
        }
        _ => String::new(),
    };
    let by = match found.deciding.len() {
        0 => String::new(),
        few if few <= NAMED => {
            let names: Vec<String> = found.deciding.iter().map(|&class| called(b, class)).collect();
            format!("; the limits are those of {}", listed(&names))
        }
        many => format!("; the limits are those of {many} classes"),
    };
    let alone = undecided_alone(b, found, classes);
    format!("worst class:{shares} ({}{by}){alone}", judged(&found.difference))
}

/// The worst class; of several how many tie, and a few of their names.
fn tied(model: &ModelReport) -> String {
    match headline::worst_classes(model)[..] {
        [worst] => called(model, worst),
        ref tied if tied.len() > MOST_CLASSES => format!("{} classes tie", grouped(tied.len() as u64)),
        ref tied => {
            let mut names: Vec<String> = tied.iter().take(NAMED).map(|&class| called(model, class)).collect();
            if tied.len() > NAMED {
                names.push(format!("{} more", tied.len() - NAMED));
            }
            format!("{} classes tie ({})", tied.len(), listed(&names))
        }
    }
}

/// Why a class that decides on the worst class may be called undecided by itself; empty where none
/// is.
fn undecided_alone(b: &ModelReport, found: &WorstClassDifference, classes: &[ClassDifference]) -> String {
    let undecided = |class: &&usize| classes.get(**class).is_some_and(|c| c.verdict == ComparisonVerdict::Undecided);
    match found.deciding.iter().filter(undecided).collect::<Vec<_>>()[..] {
        [] => String::new(),
        [&class] => format!(
            "; {} alone stays undecided below, where all {} classes are asked at once, which takes more",
            called(b, class),
            grouped(classes.len() as u64)
        ),
        _ => format!(
            "; single classes stay undecided below, where all {} are asked at once, which takes more",
            grouped(classes.len() as u64)
        ),
    }
}

/// `3 classes better: Shirt 100 → 96 % wrong, ...`, the largest differences first.
fn decided(a: &ModelReport, b: &ModelReport, found: &Comparison, verdict: ComparisonVerdict) -> Option<String> {
    let mut classes: Vec<usize> =
        (0..found.classes.len()).filter(|&class| found.classes[class].verdict == verdict).collect();
    let size = |class: usize| found.classes[class].difference.unwrap_or(0.0).abs();
    classes.sort_by(|&first, &second| size(second).total_cmp(&size(first)));
    let error = |model: &ModelReport, class: usize| model.test.split.per_class_error[class].unwrap_or(1.0);
    let named: Vec<String> = classes
        .iter()
        .take(NAMED)
        .map(|&class| format!("{} {} wrong", called(b, class), change(error(a, class), error(b, class))))
        .collect();
    let more = match classes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let count = counted(classes.len(), "class", "classes");
    (!classes.is_empty()).then(|| format!("{count} {verdict}: {}{more}", named.join(", ")))
}

/// `84.2 → 78.8 %`.
fn change(before: f64, after: f64) -> String {
    format!("{} → {}", percent(before).trim_end_matches(" %"), percent(after))
}

/// A group's sentences: over seeds, what it costs, then of these networks.
pub(super) fn group_sentences(report: &Report, found: &GroupComparison) -> Vec<String> {
    let sure = level(1.0 - report.settings.delta);
    let moved = |found: &SeedDifference| format!("{}, {}", change(found.means[0], found.means[1]), seeded(found));
    let mut sentences = vec![
        format!(
            "On these test samples, {}{}. {}. Measured error of the worst class, mean over the networks: {}; of all \
             samples: {}{}. Minus is better; in brackets the {sure} intervals.",
            verdict(found),
            on_others(found),
            worst_of_all(report, found),
            moved(&found.worst_class),
            moved(&found.overall),
            decided_groups(found),
        ),
        format!(
            "From {} to {}.",
            group_name(report, &found.a, &found.models_a),
            group_name(report, &found.b, &found.models_b),
        ),
    ];
    let groups = [
        found.many_macro.map(|found| format!("many {}", moved(&found))),
        found.medium_macro.map(|found| format!("medium {}", moved(&found))),
        found.few_macro.map(|found| format!("few {}", moved(&found))),
    ];
    let groups: Vec<String> = groups.into_iter().flatten().collect();
    if groups.len() > 1 {
        sentences.push(format!(
            "By number of training samples (error, mean over classes; minus is better): {}.",
            groups.join("; ")
        ));
    }
    sentences.extend(by_class(report, found));
    let pairing = if found.paired { "paired by seed" } else { "not paired by seed" };
    sentences.push(format!(
        "How sure: with probability {sure} a bracket holds the difference of the two methods over all seeds, on these test samples \
         (means of {} and {} networks, {pairing}; each bracket by itself; differences between seeds taken for normal{}).",
        found.models_a.len(),
        found.models_b.len(),
        if found.models_a.len().min(found.models_b.len()) <= FEW_SEEDS { "; few seeds make them wide" } else { "" }
    ));
    if needs_seeds(found) {
        let said =
            "Seeds in brackets: about so many of each method would decide a difference of this size 4 times in 5.";
        sentences.push(said.to_owned());
    }
    if let Some(these) = &found.these_networks {
        sentences.push(format!(
            "To judge the methods, quote the brackets above; none covers new seeds and new test samples at once. Of the \
             same {} networks, not of the methods, on new test samples the mean error of the worst class differs by {}.",
            found.models_a.len() + found.models_b.len(),
            judged(these)
        ));
    }
    sentences
}

/// Whether it is said how many seeds would decide.
fn needs_seeds(found: &GroupComparison) -> bool {
    let groups = [found.many_macro, found.medium_macro, found.few_macro];
    let mut all = [found.worst_class, found.overall].into_iter().chain(groups.into_iter().flatten());
    all.any(|found| found.verdict == ComparisonVerdict::Undecided && found.seeds_needed.is_some())
}

/// What is decided of classes by their number of training samples: `; of many: ...`.
fn decided_groups(found: &GroupComparison) -> String {
    let groups = [("many", found.many_macro), ("medium", found.medium_macro), ("few", found.few_macro)];
    let decided = groups.into_iter().filter_map(|(name, found)| Some((name, found?)));
    let decided = decided.filter(|(_, found)| found.verdict != ComparisonVerdict::Undecided);
    decided.map(|(name, found)| format!("; of {name}: {}", seeded(&found))).collect()
}

/// How many classes the means of two groups move, and the largest move each way; `None` for many
/// classes, where some always move far.
fn by_class(report: &Report, found: &GroupComparison) -> Option<String> {
    let first = &report.models[*found.models_a.first()?];
    if first.num_classes > MOST_CLASSES {
        return None;
    }
    let mean = |models: &[usize], class: usize| -> Option<f64> {
        let errors: Option<Vec<f64>> =
            models.iter().map(|&model| report.models[model].test.split.per_class_error[class]).collect();
        errors.map(|errors| errors.iter().sum::<f64>() / errors.len() as f64)
    };
    let moved = (0..first.num_classes)
        .filter_map(|class| Some((class, mean(&found.models_a, class)?, mean(&found.models_b, class)?)));
    let moved: Vec<(usize, f64, f64)> = moved.filter(|(_, a, b)| a != b).collect();
    let most = |sign: f64| {
        let of_sign = moved.iter().filter(|(_, a, b)| sign * (b - a) > 0.0);
        let (number, largest) =
            (of_sign.clone().count(), of_sign.max_by(|x, y| (sign * (x.2 - x.1)).total_cmp(&(sign * (y.2 - y.1)))));
        largest.map(|&(class, a, b)| (number, format!("{} {}", called(first, class), change(a, b))))
    };
    let part = |way: &str, found: Option<(usize, String)>| {
        found.map(|(number, most)| format!("{} {way} (most {most})", counted(number, "class", "classes")))
    };
    let parts: Vec<String> = [part("up", most(1.0)), part("down", most(-1.0))].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("Mean errors of single classes, none of them tested: {}.", parts.join(", ")))
}

/// The worst class of every network, said once where it is the same.
fn worst_of_all(report: &Report, found: &GroupComparison) -> String {
    let networks: Vec<&ModelReport> =
        found.models_a.iter().chain(&found.models_b).map(|&at| &report.models[at]).collect();
    let worst: Vec<Vec<usize>> = networks.iter().map(|model| headline::worst_classes(model)).collect();
    match &worst[0][..] {
        &[class] if worst.iter().all(|other| *other == [class]) => {
            format!("The worst class of each of the {} networks is {}", networks.len(), called(networks[0], class))
        }
        _ => format!(
            "The worst class of each network: {}; {}",
            worst_of_each(report, &found.models_a),
            worst_of_each(report, &found.models_b)
        ),
    }
}

/// The worst class of each of these networks by its name; of many, those of the first.
fn worst_of_each(report: &Report, models: &[usize]) -> String {
    let worst = |model: &ModelReport| match headline::worst_classes(model)[..] {
        [one] => called(model, one),
        [one, other] => format!("{} or {}", called(model, one), called(model, other)),
        ref tied => format!("one of {}", grouped(tied.len() as u64)),
    };
    let named = models.iter().map(|&at| &report.models[at]).map(|model| format!("{} {}", model.name, worst(model)));
    let all: Vec<String> = named.take(MOST_NETWORKS).collect();
    match models.len().saturating_sub(MOST_NETWORKS) {
        0 => all.join(", "),
        more => format!("{} and {more} more", all.join(", ")),
    }
}

/// What is decided, which comes first, and what is not.
fn verdict(found: &GroupComparison) -> String {
    let (a, b) = (&found.a, &found.b);
    let accurate = match found.overall.verdict {
        ComparisonVerdict::Better => Some("more"),
        ComparisonVerdict::Worse => Some("less"),
        ComparisonVerdict::Undecided => None,
    };
    match (found.worst_class.verdict, accurate) {
        (ComparisonVerdict::Better, _) => format!("“{b}” has a better worst class than “{a}”"),
        (ComparisonVerdict::Worse, _) => format!("“{b}” has a worse worst class than “{a}”"),
        (ComparisonVerdict::Undecided, Some(how)) => {
            format!("“{b}” is {how} accurate than “{a}”; whether its worst class is better is undecided")
        }
        (ComparisonVerdict::Undecided, None) => {
            format!("it is undecided whether “{b}” has a better worst class than “{a}”, and which is more accurate")
        }
    }
}

/// What other test images would say of a difference that is decided on these.
fn on_others(found: &GroupComparison) -> &'static str {
    match found.these_networks.as_ref().map(|these| these.verdict) {
        Some(ComparisonVerdict::Undecided) if found.worst_class.verdict != ComparisonVerdict::Undecided => {
            "; on others these networks leave it open"
        }
        _ => "",
    }
}

/// The group's name with its networks, unless they are many.
fn group_name(report: &Report, name: &str, models: &[usize]) -> String {
    if models.len() > NAMED {
        return format!("{name} ({} networks)", models.len());
    }
    let names: Vec<&str> = models.iter().map(|&model| report.models[model].name.as_str()).collect();
    format!("{name} ({})", names.join(", "))
}

fn judged(found: &Difference) -> String {
    let Difference { difference, interval, verdict } = found;
    format!("{} points [{}, {}], {}", signed(*difference), signed(interval[0]), signed(interval[1]), verdict)
}

fn seeded(found: &SeedDifference) -> String {
    let needed = match (found.verdict, found.seeds_needed) {
        (ComparisonVerdict::Undecided, Some(seeds)) => {
            format!(" (about {seeds} seeds)")
        }
        _ => String::new(),
    };
    let difference = signed(found.difference);
    match found.interval {
        Some([lower, upper]) => {
            format!("{difference} points [{}, {}], {}{needed}", signed(lower), signed(upper), found.verdict)
        }
        None => format!("{difference} points with every seed, so nothing is known of other seeds, {}", found.verdict),
    }
}

/// A share in points with its sign, never rounded to 0: `+1.3`, `−0.04`, `0`.
pub(super) fn signed(share: f64) -> String {
    if share == 0.0 { "0".to_owned() } else { signed_tenths(share) }
}

/// The same, always with a decimal, as a column of a table has it.
pub(super) fn signed_tenths(share: f64) -> String {
    let points = decimals(100.0 * share, 1);
    if share > 0.0 { format!("+{points}") } else { points }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, Sample};

    #[test]
    fn points_have_a_sign() {
        assert_eq!([0.0134, -0.004, 0.0, -0.0, 1.0].map(signed), ["+1.3", "−0.4", "0", "0", "+100.0"]);
        assert_eq!([-0.0004, 0.0004, 0.0].map(signed_tenths), ["−0.04", "+0.04", "0.0"]);
    }

    #[test]
    fn what_is_decided_of_seeds_alone_is_said_to_be_of_these_images() {
        let said = |seeds, images| {
            let (mut report, _) = sample::report(&vec![Sample::fashion(); 4]);
            report.groups = sample::groups();
            let found = &mut report.groups[0];
            found.worst_class.verdict = seeds;
            found.these_networks.as_mut().unwrap().verdict = images;
            group_sentences(&report, &report.groups[0]).swap_remove(0)
        };
        let open = "; on others these networks leave it open.";
        use ComparisonVerdict::{Better, Undecided};
        assert!(
            said(Better, Undecided)
                .starts_with("On these test samples, “b” has a better worst class than “a”; on others")
        );
        assert!(said(Better, Undecided).contains(open) && !said(Better, Better).contains(open));
        let (mut report, _) = sample::report(&vec![Sample::fashion(); 4]);
        report.groups = sample::groups();
        let found = &mut report.groups[0];
        (found.worst_class.verdict, found.overall.verdict) = (Undecided, Undecided);
        assert!(verdict(found).starts_with("it is undecided whether “b” has a better worst class"));
        found.overall.verdict = ComparisonVerdict::Worse;
        assert_eq!(verdict(found), "“b” is less accurate than “a”; whether its worst class is better is undecided");
    }

    #[test]
    fn two_models_are_told_in_short_by_frequency_and_with_both_limits() {
        let two = [("before", 1.6), ("after", 3.0)].map(|(name, skill)| Sample {
            name: name.into(),
            skill,
            models_compared: 2,
            ..Sample::fashion()
        });
        let mut report = sample::report(&two).0;
        let said = |report: &Report| comparison_sentences(report, &report.comparisons[0]).1;
        let found = &report.comparisons[0];
        let better = found.classes.iter().filter(|class| class.verdict == ComparisonVerdict::Better).count();
        assert!(better > 1 && found.overall.verdict == ComparisonVerdict::Better);
        assert!(
            said(&report)[0].starts_with("in short: overall better")
                && said(&report)[0].contains(&format!("; {better} classes better, 0 worse")),
            "{}",
            said(&report)[0]
        );
        let few = found.few_macro.unwrap();
        let [before, after] = [0, 1].map(|at| 1.0 - report.models[at].test.few.unwrap().accuracy_macro);
        let expected = format!("few {} ({})", change(before, after), judged(&few));
        assert!(said(&report).iter().any(|part| part.starts_with("by number of") && part.contains(&expected)));
        let [a, b] = [0, 1].map(|at| percent(report.models[at].test.max_error.at_most));
        let limits = format!("no class has an error above {a} in before and {b} in after (T5')");
        assert!(said(&report).iter().any(|part| part.ends_with(&limits)), "{limits} in {:?}", said(&report));
        for model in &mut report.models {
            (model.test.max_error.at_most, model.test.many, model.test.medium) = (1.0, None, None);
        }
        assert!(!said(&report).iter().any(|part| part.starts_with("guaranteed") || part.starts_with("by number")));
    }

    #[test]
    fn what_a_method_costs_is_told_by_frequency_and_class() {
        let (mut report, _) = sample::report(&vec![Sample { with_train: false, ..Sample::fashion() }; 4]);
        report.groups = sample::groups();
        for (model, dress, coat) in [(0, 0.1, 0.5), (1, 0.3, 0.5), (2, 0.6, 0.25), (3, 0.8, 0.25)] {
            let errors = &mut report.models[model].test.split.per_class_error;
            errors.fill(Some(0.0));
            (errors[3], errors[4]) = (Some(dress), Some(coat));
        }
        let found = &mut report.groups[0];
        let costs = SeedDifference { difference: 0.04, interval: Some([0.01, 0.07]), ..found.many_macro.unwrap() };
        found.many_macro = Some(SeedDifference { verdict: ComparisonVerdict::Worse, ..costs });
        found.few_macro = found.few_macro.map(|few| SeedDifference { verdict: ComparisonVerdict::Undecided, ..few });
        let said = group_sentences(&report, &report.groups[0]);
        assert!(
            said[0].contains("; of many: +4.0 points [+1.0, +7.0], worse") && !said[0].contains("of few"),
            "{}",
            said[0]
        );
        let expected = "Mean errors of single classes, none of them tested: 1 class up (most Dress 20.0 → 70.0 %), 1 class down (most Coat 50.0 → 25.0 %).";
        assert!(said.iter().any(|sentence| sentence == expected), "{said:#?}");
    }

    #[test]
    fn the_worst_class_of_each_network_is_named() {
        let (mut report, _) = sample::report(&vec![Sample::fashion(); 4]);
        report.groups = sample::groups();
        let worst = report.models[0].test.worst_class.as_ref().unwrap().name.clone();
        for (at, name) in ["p", "q", "r", "s"].into_iter().enumerate() {
            report.models[at].name = name.to_owned();
        }
        let said = group_sentences(&report, &report.groups[0]);
        let expected = format!("The worst class of each of the 4 networks is {worst}.");
        assert!(said[0].contains(&expected), "{}", said[0]);
        let other = (report.models[3].test.worst_class.as_ref().unwrap().index + 1) % 10;
        report.models[3].test.worst_class.as_mut().unwrap().error = 1.0;
        report.models[3].test.split.per_class_error[other] = Some(1.0);
        let (said, name) = (group_sentences(&report, &report.groups[0]), &report.models[3].class_names[other]);
        let expected = format!("The worst class of each network: p {worst}, q {worst}; r {worst}, s {name}.");
        assert!(said[0].contains(&expected), "{}", said[0]);
    }

    #[test]
    fn models_of_one_group_come_last_and_are_called_seeds_of_one_method() {
        let small = Sample { test_per_class: 10, with_train: false, ..Sample::fashion() };
        let four = ["a0", "a1", "b0", "b1"].map(|name| Sample { name: name.into(), ..small.clone() });
        let mut report = sample::report(&four).0;
        let titles = |report: &Report| -> Vec<String> {
            in_order(report).into_iter().map(|found| comparison_sentences(report, found).0).collect()
        };
        assert_eq!(titles(&report), ["a1 against a0", "b0 against a0", "b1 against a0"]);
        report.groups = sample::groups();
        assert_eq!(titles(&report), ["b0 against a0", "b1 against a0", "a1 against a0, two seeds of one method (a)"]);
    }

    /// The worst class is asked of alone, the classes all at once, which takes more to decide.
    #[test]
    fn a_worst_class_that_is_better_and_undecided_by_itself_is_explained() {
        let two = ["before", "after"].map(|name| Sample { name: name.into(), test_per_class: 20, ..Sample::fashion() });
        let mut report = sample::report(&two).0;
        let worst = report.models[0].test.worst_class.as_ref().unwrap().index;
        let found = &mut report.comparisons[0];
        found.worst_class.difference.verdict = ComparisonVerdict::Better;
        found.worst_class.deciding = vec![worst];
        let name = report.models[1].class_names[worst].clone();
        let expected = format!("{name} alone stays undecided below");
        let said = |report: &Report| comparison_sentences(report, &report.comparisons[0]).1.join("\n");
        assert!(said(&report).contains(&expected), "{}", said(&report));
        report.comparisons[0].classes[worst].verdict = ComparisonVerdict::Better;
        assert!(!said(&report).contains("alone stays undecided"), "{}", said(&report));
    }
}
