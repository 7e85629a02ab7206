//! Classes by group and by frequency: order, bins, colours, marks and legends.

use std::ops::Range;

use crate::draw::palette::{BLUE, Color, MUTED, Mark, ORANGE, PURPLE};
use crate::draw::panel::Symbol;
use crate::results::{Group, ModelReport};
use crate::words::grouped;

/// Colour and shape of a group of classes; of a class without a group, if `None`.
pub(super) fn group_style(group: Option<Group>) -> (Color, Mark) {
    match group {
        Some(Group::Many) => (BLUE, Mark::Circle),
        Some(Group::Medium) => (ORANGE, Mark::Square),
        Some(Group::Few) => (PURPLE, Mark::Triangle),
        None => (MUTED, Mark::Diamond),
    }
}

/// What a group means, for a legend.
pub(super) fn group_label(group: Group) -> &'static str {
    match group {
        Group::Many => "many (> 100 samples)",
        Group::Medium => "medium (20–100)",
        Group::Few => "few (< 20)",
    }
}

/// Group of a class, if the training counts are known.
pub(super) fn group_of(model: &ModelReport, class: usize) -> Option<Group> {
    model.groups.as_ref().map(|groups| groups[class])
}

/// Legend entries for the groups that occur, with the number of classes in each.
pub(super) fn group_legend(model: &ModelReport) -> Vec<(Symbol, String)> {
    let Some(groups) = &model.groups else {
        return vec![(
            Symbol::Marker(group_style(None)),
            format!(
                "class (training counts unknown): {}",
                model.num_classes - model.test.split.classes_without_samples()
            ),
        )];
    };
    Group::ALL
        .into_iter()
        .filter_map(|group| {
            let classes = groups.iter().filter(|g| **g == group).count();
            (classes > 0).then(|| {
                let label = format!("{}: {}", group_label(group), grouped(classes as u64));
                (Symbol::Marker(group_style(Some(group))), label)
            })
        })
        .collect()
}

/// The same for bars: boxes of colour instead of markers, and no counts where `counted` is false.
pub(super) fn group_swatches(model: &ModelReport, counted: bool) -> Vec<(Symbol, String)> {
    let mut entries = group_legend(model);
    for (symbol, label) in &mut entries {
        if let Symbol::Marker((color, _)) = *symbol {
            *symbol = Symbol::Swatch(color);
        }
        if !counted {
            label.truncate(label.rfind(':').unwrap_or(label.len()));
        }
    }
    entries
}

/// Classes by training images, most first; by index where counts are equal or unknown.
pub(super) fn by_frequency(model: &ModelReport) -> Vec<usize> {
    let mut order: Vec<usize> = (0..model.num_classes).collect();
    if let Some(counts) = &model.train_counts {
        order.sort_by_key(|&class| std::cmp::Reverse(counts[class]));
    }
    order
}

/// The title of a plot along [`by_frequency`].
pub(super) fn by_frequency_title(what: &str, model: &ModelReport) -> &'static str {
    match (what, model.train_counts.is_some()) {
        ("Confusion", true) => "Confusion by class frequency",
        ("Confusion", false) => "Confusion of the classes",
        (_, true) => "Test error by class frequency",
        (_, false) => "Test error of each class",
    }
}

/// How the classes along an axis are ordered by [`by_frequency`].
pub(super) fn order_label(model: &ModelReport) -> &'static str {
    if model.train_counts.is_some() { "from most to fewest training samples" } else { "in the order of their numbers" }
}

/// The groups along an axis ordered by frequency: each with the ranks it takes; one run where
/// groups are unknown.
pub(super) fn group_runs(model: &ModelReport, order: &[usize]) -> Vec<(Option<Group>, Range<usize>)> {
    let mut runs: Vec<(Option<Group>, Range<usize>)> = Vec::new();
    for (rank, &class) in order.iter().enumerate() {
        let group = group_of(model, class);
        match runs.last_mut() {
            Some((last, ranks)) if *last == group => ranks.end = rank + 1,
            _ => runs.push((group, rank..rank + 1)),
        }
    }
    runs
}

/// About `most` bins of about as many classes each along an axis ordered by frequency, none across
/// two groups. Where it can be, classes with as many training images are in one bin.
pub(super) fn bins(model: &ModelReport, order: &[usize], most: usize) -> Vec<(Option<Group>, Range<usize>)> {
    let mut bins = Vec::new();
    for (group, ranks) in group_runs(model, order) {
        let parts = (most * ranks.len() + order.len() / 2).checked_div(order.len()).unwrap_or(1).clamp(1, ranks.len());
        let even = |part: usize| ranks.start + part * ranks.len() / parts;
        let reach = ranks.len() / (2 * parts);
        let inner = (1..parts).map(|part| between_counts(model, order, even(part), reach));
        let mut edges: Vec<usize> = std::iter::once(ranks.start).chain(inner).chain([ranks.end]).collect();
        edges.dedup();
        bins.extend(edges.windows(2).map(|ends| (group, ends[0]..ends[1])));
    }
    bins
}

/// The rank nearest to `edge`, less than `reach` away, whose class has fewer training images than
/// the one before; `edge` where there is none.
fn between_counts(model: &ModelReport, order: &[usize], edge: usize, reach: usize) -> usize {
    let Some(counts) = &model.train_counts else { return edge };
    let near = (0..reach).flat_map(|step| [edge - step, edge + step]);
    near.into_iter().find(|&rank| counts[order[rank - 1]] != counts[order[rank]]).unwrap_or(edge)
}

/// The value below which `share` of the sorted values lie, by linear interpolation; `None` of
/// nothing.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share * (sorted.len().checked_sub(1)?) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(low + (at - at.floor()) * (high - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_bins_take_consecutive_ranks() {
        use Group::{Few, Many, Medium};
        let mut model = ModelReport { groups: Some(vec![Few, Many, Medium, Many]), ..Default::default() };
        let order = [1, 3, 2, 0];
        let runs = [(Some(Many), 0..2), (Some(Medium), 2..3), (Some(Few), 3..4)];
        assert_eq!(group_runs(&model, &order), runs);
        assert_eq!(bins(&model, &order, 2), runs);
        assert_eq!(bins(&model, &order, 4)[..2], [(Some(Many), 0..1), (Some(Many), 1..2)]);
        model.groups = None;
        assert_eq!(group_runs(&model, &order), [(None, 0..4)]);
        assert_eq!(bins(&model, &order, 3).into_iter().map(|(_, ranks)| ranks).collect::<Vec<_>>(), [0..1, 1..2, 2..4]);
        assert!(bins(&model, &[], 3).is_empty());
        // The middle of 10 ranks is among those with 3 images, which begin a rank before it.
        model.train_counts = Some(vec![9, 8, 7, 6, 3, 3, 3, 3, 2, 1]);
        let order: Vec<usize> = (0..10).collect();
        assert_eq!(bins(&model, &order, 2), [(None, 0..4), (None, 4..10)]);
        model.train_counts = Some(vec![3; 10]);
        assert_eq!(bins(&model, &order, 2), [(None, 0..5), (None, 5..10)]);
    }

    #[test]
    fn quantiles_are_interpolated() {
        let values = [0.0, 1.0, 2.0, 10.0];
        assert_eq!([0.0, 0.5, 0.75, 1.0].map(|share| quantile(&values, share)), [0.0, 1.5, 4.0, 10.0].map(Some));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn groups_differ_in_colour_shape_and_lightness() {
        let styles = Group::ALL.map(|group| group_style(Some(group)));
        for (n, a) in styles.iter().enumerate() {
            for b in &styles[n + 1..] {
                assert_ne!(a.1, b.1);
                let (light, dark) = (a.0.luminance().max(b.0.luminance()), a.0.luminance().min(b.0.luminance()));
                assert!((light + 0.05) / (dark + 0.05) > 1.3, "{a:?} {b:?}");
            }
        }
    }
}
