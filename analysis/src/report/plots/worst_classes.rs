//! `worst_classes`: the classes with the largest test errors by name, each with its interval; where
//! there are too many classes for `error_by_frequency` to name them.

use super::{group_of, group_style, group_swatches, numbered_name, of_model, settings_caption};
use crate::draw::palette::{GRID, INK, MUTED};
use crate::draw::panel::{Area, LABEL, TICK, legend, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene};
use crate::draw::{Figure, Layout};
use crate::results::{ModelReport, Report};
use crate::words::{grouped, percent};

/// Classes drawn; where there are no more than these, their names are in `error_by_frequency`.
const MOST: usize = 30;
const ROW: f64 = 28.0;

/// `None` for few classes, where no class has a test error, and where rows would all be equal and
/// more classes tie.
pub(super) fn draw(report: &Report, model: &ModelReport) -> Option<Figure> {
    let order = worst_first(model);
    let largest = model.test.split.per_class_error[*order.first()?]?;
    if model.num_classes <= MOST || largest == 0.0 {
        return None;
    }
    let split = &model.test.split;
    let answers = |class: usize| (split.class_errors[class], split.class_counts[class]);
    if order.get(MOST).is_some_and(|&next| answers(next) == answers(order[0])) {
        return None;
    }
    let classes = &order[..order.len().min(MOST)];
    Some(of_model(
        "worst_classes",
        &title(&order, classes.len(), &split.per_class_error, model.train_counts.is_some()),
        model,
        caption(report, model, &order, classes.len(), largest),
        |layout| body(model, classes, layout),
    ))
}

/// A row a class; a narrow one leaves the training images to the colour of the group.
fn body(model: &ModelReport, classes: &[usize], layout: Layout) -> Scene {
    let mut scene = layout.scene();
    let mut entries = group_swatches(model, false);
    if model.groups.is_none() {
        entries.clear();
    }
    let head = legend(&mut scene, layout, &entries) + 44.0;
    let bottom = head + classes.len() as f64 * ROW + 8.0;
    let right = layout.width() - layout.either(330.0, 132.0);
    let area = Area { left: layout.either(430.0, 200.0), top: head, right, bottom };
    let x = Scale::linear(0.0, 1.0, area.left, area.right);
    x_axis(&mut scene, area, &x, &ticks(&x, area.width(), 70.0, Notation::Percent), "test error of the class (%)");
    let wrong = area.right + layout.either(120.0, 124.0);
    let trained = model.train_counts.as_ref().filter(|_| layout == Layout::Wide).map(|counts| (counts, wrong + 180.0));
    scene.text(wrong, head - 12.0, "wrong", TICK, Anchor::End).color = MUTED;
    if let Some((_, column)) = trained {
        scene.text(column, head - 12.0, "training samples", TICK, Anchor::End).color = MUTED;
    }
    for (at, &class) in classes.iter().enumerate() {
        let middle = head + 4.0 + (at as f64 + 0.5) * ROW;
        row(&mut scene, model, class, &x, (layout.margin(), area.left - 14.0), middle);
        let split = &model.test.split;
        let base = middle + 0.36 * TICK;
        let answers = format!("{} of {}", grouped(split.class_errors[class]), grouped(split.class_counts[class]));
        scene.text(wrong, base, answers, TICK, Anchor::End);
        if let Some((counts, column)) = trained {
            scene.text(column, base, grouped(counts[class]), TICK, Anchor::End);
        }
        if at % 5 == 4 && at + 1 < classes.len() {
            let below = middle + 0.5 * ROW;
            scene.segment((layout.margin(), below), (layout.either(wrong + 180.0, wrong), below), GRID, 1.0);
        }
    }
    scene.segment((area.left, area.top), (area.left, area.bottom), INK, 1.4);
    scene.segment((area.left, area.bottom), (area.right, area.bottom), INK, 1.4);
    scene.height = area.bottom + 20.0 + TICK + LABEL + 16.0;
    scene
}

/// A class's name, from the first to the second of `room`, its error and its interval.
fn row(scene: &mut Scene, model: &ModelReport, class: usize, x: &Scale, room: (f64, f64), middle: f64) {
    let Some(error) = model.test.split.per_class_error[class] else { return };
    let name = numbered_name(model, class, TICK, room.1 - room.0);
    let is_candidate = model.test.max_error.candidates.contains(&class);
    scene.text(room.1, middle + 0.36 * TICK, name, TICK, Anchor::End).color = if is_candidate { INK } else { MUTED };
    let style = group_style(group_of(model, class));
    if let Some(interval) = model.test.class_error_interval[class] {
        let ends = interval.map(|end| x.at(end));
        scene.segment((ends[0], middle), (ends[1], middle), style.0, 2.4);
        for end in ends {
            scene.segment((end, middle - 5.0), (end, middle + 5.0), style.0, 2.4);
        }
    }
    scene.marker((x.at(error), middle), style, 6.0, None);
}

/// Of many that tie, those that are shown are chosen by their training images.
fn title(order: &[usize], shown: usize, errors: &[Option<f64>], trained: bool) -> String {
    let tied = order.iter().filter(|&&class| errors[class] == errors[order[0]]).count();
    if tied > shown {
        let most = if trained { "training" } else { "test" };
        let tied = grouped(tied as u64);
        return format!("Of {tied} classes with the largest test error, the {shown} with most {most} samples");
    }
    format!("The {shown} classes with the largest test error")
}

fn caption(report: &Report, model: &ModelReport, order: &[usize], shown: usize, largest: f64) -> String {
    let error = |class: usize| model.test.split.per_class_error[class];
    let last = error(order[shown - 1]);
    let ties = order.iter().filter(|&&class| error(class) == last).count();
    let tied = if order.get(shown).is_some_and(|&next| error(next) == last) {
        let share = percent(last.unwrap_or(largest));
        let then = if model.train_counts.is_some() { ", then the ones with the most training samples" } else { "" };
        format!(
            " {} classes tie at {share}; of those, the ones with the most test samples come first{then}.",
            grouped(ties as u64)
        )
    } else {
        String::new()
    };
    format!(
        "Measured test error with the interval that holds for all {} classes at once (T5).{tied} {} (T5'). {}",
        grouped(model.num_classes as u64),
        can_be_the_worst(model),
        settings_caption(report, model),
    )
}

fn can_be_the_worst(model: &ModelReport) -> String {
    let (candidates, all) = (model.test.max_error.candidates.len(), grouped(model.num_classes as u64));
    match candidates {
        1 => format!("Only one class, of {all}, can be the worst"),
        several if several == model.num_classes => format!("Any of the {all} classes can be the worst"),
        several => format!(
            "The worst class is one of {}, of {all}, whose names stand out here: classes are compared with each other, which \
             tells more than their intervals",
            grouped(several as u64)
        ),
    }
}

/// The classes with test images, the largest error first; of equal ones the surest, then the one
/// with most training images, then by number.
fn worst_first(model: &ModelReport) -> Vec<usize> {
    let split = &model.test.split;
    let mut order: Vec<usize> =
        (0..model.num_classes).filter(|&class| split.per_class_error[class].is_some()).collect();
    let trained = |class: usize| model.train_counts.as_ref().map_or(0, |counts| counts[class]);
    order.sort_by(|&a, &b| {
        let error = |class: usize| split.per_class_error[class].unwrap_or(0.0);
        let rest = |class: usize| (split.class_counts[class], trained(class));
        error(b).total_cmp(&error(a)).then_with(|| rest(b).cmp(&rest(a)))
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Sample, report};

    #[test]
    fn captions_read_alike_for_few_and_many_classes() {
        let caption = |k: usize| {
            let sample = Sample { test_per_class: 3, with_train: false, ..Sample::of_size(k) };
            let (mut report, _) = report(&[sample]);
            let surest = worst_first(&report.models[0])[0];
            let split = &mut report.models[0].test.split;
            (split.class_errors[surest], split.class_counts[surest]) = (4, 4);
            draw(&report, &report.models[0]).unwrap().caption
        };
        let many = caption(1200);
        assert!(many.contains("Any of the 1,200 classes can be the worst (T5')."), "{many}");
        assert!(
            caption(40).contains("Measured test error with the interval that holds for all 40 classes at once (T5).")
        );
    }

    #[test]
    fn names_of_classes_that_cannot_be_the_worst_are_pale() {
        let (report, _) = report(&[Sample { with_train: false, ..Sample::of_size(40) }]);
        let mut model = report.models[0].clone();
        let shown = worst_first(&model);
        model.class_names = (0..40).map(|class| format!("name-{class:02}")).collect();
        model.test.max_error.candidates = vec![shown[0], shown[2]];
        let figure = draw(&report, &model).unwrap();
        assert!(figure.caption.contains("one of 2, of 40, whose names stand out here"), "{}", figure.caption);
        let svg = figure.inline_svg().unwrap();
        let color = |class: usize| {
            let before = &svg[..svg.find(&model.class_names[class]).unwrap()];
            let tag = &before[before.rfind("<text").unwrap()..];
            tag[tag.find("fill=").unwrap()..].split('"').nth(1).unwrap().to_owned()
        };
        let [first, second, third] = [shown[0], shown[1], shown[2]].map(color);
        assert!(first == third && first != second, "{first} {second} {third}");
    }

    #[test]
    fn equal_rows_are_not_drawn() {
        let (report, _) = report(&[Sample { with_train: false, ..Sample::of_size(40) }]);
        let mut model = report.models[0].clone();
        assert!(draw(&report, &model).is_some());
        model.test.split.per_class_error.fill(Some(0.04));
        model.test.split.class_errors.fill(2);
        assert_eq!(draw(&report, &model), None);
        (model.test.split.class_errors[39], model.test.split.per_class_error[39]) = (3, Some(0.06));
        assert!(draw(&report, &model).is_some());
    }

    #[test]
    fn a_title_says_which_of_many_that_tie_are_shown() {
        let errors = [Some(1.0), Some(1.0), Some(0.5), Some(1.0)];
        assert_eq!(title(&[0, 1, 3, 2], 3, &errors, true), "The 3 classes with the largest test error");
        let some = title(&[0, 1, 3, 2], 2, &errors, true);
        assert_eq!(some, "Of 3 classes with the largest test error, the 2 with most training samples");
    }

    #[test]
    fn of_equal_errors_the_surest_come_first() {
        let mut model = ModelReport { num_classes: 5, train_counts: Some(vec![1, 1, 7, 2, 9]), ..Default::default() };
        model.test.split.per_class_error = vec![Some(0.5), Some(1.0), Some(1.0), Some(1.0), None];
        model.test.split.class_counts = vec![10, 3, 3, 10, 0];
        assert_eq!(worst_first(&model), [3, 2, 1, 0]);
    }
}
