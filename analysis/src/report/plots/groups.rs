//! Classes by group and by frequency: order, colours, marks and legends.

use crate::draw::palette::{BLUE, Color, MUTED, Mark, ORANGE, PURPLE};
use crate::draw::panel::Symbol;
use crate::report::{Group, ModelReport};
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
        Group::Many => "many (> 100 images)",
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
            format!("class (training counts unknown): {}", model.num_classes),
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

/// How the classes along an axis are ordered by [`by_frequency`].
pub(super) fn order_label(model: &ModelReport) -> &'static str {
    if model.train_counts.is_some() { "from most to fewest training images" } else { "by index" }
}

#[cfg(test)]
mod tests {
    use super::*;

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
