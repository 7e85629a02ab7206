//! `classes_over_seeds`: for each pair of methods the test error of a class in each of their
//! networks, of the classes whose mean fell and rose most.

use super::{numbered_name, sample_sizes};
use crate::draw::palette::{Color, INK, MUTED, Mark, SKY};
use crate::draw::panel::{Area, LABEL, LEGEND, Symbol, TICK, legend, spines, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted_end};
use crate::draw::{Figure, Layout};
use crate::report::comparison_sentence::signed;
use crate::results::{GroupComparison, Report};
use crate::words::counted;

/// Pairs of groups drawn.
const MOST: usize = 4;
/// Classes drawn at either end.
const ENDS: usize = 12;
const ROW: f64 = 42.0;
/// Lines above a panel.
const HEAD: f64 = 2.6 * LEGEND + 10.0;
/// Room for the difference of the means behind each row.
const BEHIND: f64 = 72.0;
/// Marks of the two methods, that which the other is compared with first.
const STYLES: [(Color, Mark); 2] = [(MUTED, Mark::Square), (SKY, Mark::Circle)];

/// A class: its test error in each network of the two methods.
struct Row {
    class: usize,
    errors: [Vec<f64>; 2],
}

impl Row {
    fn means(&self) -> [f64; 2] {
        [0, 1].map(|of| self.errors[of].iter().sum::<f64>() / self.errors[of].len() as f64)
    }

    fn difference(&self) -> f64 {
        let [before, after] = self.means();
        after - before
    }
}

/// `None` without groups of seeds, or where of many classes none fell or rose.
pub(super) fn draw(report: &Report) -> Option<Figure> {
    let pairs: Vec<(&GroupComparison, Vec<Row>)> =
        report.groups.iter().take(MOST).map(|found| (found, rows(report, found))).collect();
    // Of many classes none is drawn that neither fell nor rose.
    if pairs.iter().all(|(_, rows)| rows.is_empty()) {
        return None;
    }
    let which = if report.models[pairs[0].0.models_a[0]].num_classes > 2 * ENDS {
        format!("The classes whose mean error fell and rose most, at most {ENDS} of each")
    } else {
        "All classes with test samples".to_owned()
    };
    let mut caption = format!(
        "Test error of a class in every network. {which}. Upright lines are means, at the right stands the difference of the means in \
         points: minus is better. Where the marks of both methods mix, seeds alone make such differences. {} test samples.",
        sample_sizes(report)
    );
    if report.groups.len() > pairs.len() {
        let omitted = counted(report.groups.len() - pairs.len(), "pair is", "pairs are");
        caption.push_str(&format!(" {omitted} not drawn."));
    }
    let title = "Which classes got better or worse, over seeds".to_owned();
    Some(Figure::of("classes_over_seeds", title, caption, |layout| body(report, &pairs, layout)))
}

/// The classes by the difference of their means, the one that fell most first; of many those at
/// both ends.
fn rows(report: &Report, found: &GroupComparison) -> Vec<Row> {
    let errors = |models: &[usize], class: usize| -> Option<Vec<f64>> {
        models.iter().map(|&at| report.models[at].test.split.per_class_error[class]).collect()
    };
    let row = |class| Some(Row { class, errors: [errors(&found.models_a, class)?, errors(&found.models_b, class)?] });
    let mut rows: Vec<Row> = (0..report.models[found.models_a[0]].num_classes).filter_map(row).collect();
    rows.sort_by(|a, b| a.difference().total_cmp(&b.difference()));
    if rows.len() > 2 * ENDS {
        let rose = rows.split_off(rows.len() - ENDS);
        rows.truncate(ENDS);
        rows.retain(|row| row.difference() < 0.0);
        rows.extend(rose.into_iter().filter(|row| row.difference() > 0.0));
    }
    rows
}

/// A panel a pair of groups, all on one scale.
fn body(report: &Report, pairs: &[(&GroupComparison, Vec<Row>)], layout: Layout) -> Scene {
    let mut scene = layout.scene();
    let named = |of: usize, place: &str| {
        let name = match pairs {
            [(found, _)] => fitted_end(if of == 0 { &found.a } else { &found.b }, LEGEND, 0.6 * layout.inner()),
            _ => format!("{place} named"),
        };
        (Symbol::Marker(STYLES[of]), format!("{name}: a network"))
    };
    let mut top = legend(&mut scene, layout, &[named(0, "second"), named(1, "first")]) + 14.0;
    for (at, (found, rows)) in pairs.iter().enumerate() {
        let names = fitted_end(&format!("{} against {}", found.b, found.a), LEGEND, layout.inner() / 1.2);
        scene.text(layout.margin(), top + LEGEND, names, LEGEND, Anchor::Start).bold = true;
        let networks = format!("{} and {} networks", found.models_b.len(), found.models_a.len());
        scene.text(layout.margin(), top + 2.2 * LEGEND, networks, TICK, Anchor::Start).color = MUTED;
        let area = Area {
            left: layout.margin() + layout.either(300.0, 170.0),
            top: top + HEAD,
            right: layout.width() - layout.margin() - BEHIND,
            bottom: top + HEAD + rows.len() as f64 * ROW,
        };
        panel(&mut scene, (area, layout.margin()), report, found, rows, at + 1 == pairs.len());
        top = area.bottom + 34.0;
    }
    scene.height = top + TICK + LABEL + 16.0;
    scene
}

/// Names of the classes stand between `edge` and the area.
fn panel(
    scene: &mut Scene,
    (area, edge): (Area, f64),
    report: &Report,
    found: &GroupComparison,
    rows: &[Row],
    is_last: bool,
) {
    let x = Scale::linear(-0.02, 1.02, area.left, area.right);
    let mut marks = ticks(&x, area.width(), 64.0, Notation::Percent);
    marks.0.retain(|(value, _)| (0.0..=1.0).contains(value));
    x_axis(scene, area, &x, &marks, if is_last { "error of the class (%)" } else { "" });
    let model = &report.models[found.models_a[0]];
    for (n, row) in rows.iter().enumerate() {
        let middle = area.top + (n as f64 + 0.5) * ROW;
        let base = middle + 0.36 * TICK;
        let name = numbered_name(model, row.class, TICK, area.left - 12.0 - edge);
        scene.text(area.left - 12.0, base, name, TICK, Anchor::End);
        for ((errors, mean), (style, level)) in
            row.errors.iter().zip(row.means()).zip(STYLES.into_iter().zip([middle - 8.0, middle + 8.0]))
        {
            for &error in errors {
                scene.marker((x.at(error), level), style, 5.0, None);
            }
            scene.segment((x.at(mean), level - 8.0), (x.at(mean), level + 8.0), INK, 2.4);
        }
        scene.text(area.right + 10.0, base, signed(row.difference()), TICK, Anchor::Start);
    }
    spines(scene, area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, Sample};

    #[test]
    fn every_network_has_its_mark_and_the_classes_at_both_ends_are_drawn() {
        let mut report = sample::report(&vec![Sample { test_per_class: 20, ..Sample::fashion() }; 4]).0;
        assert!(draw(&report).is_none(), "no groups");
        report.groups = sample::groups();
        let found = report.groups[0].clone();
        let errors = |report: &mut Report, model: usize, of: &dyn Fn(usize) -> Option<f64>| {
            let classes = report.models[model].num_classes;
            report.models[model].test.split.per_class_error = (0..classes).map(of).collect();
        };
        for model in 0..4 {
            // Class j moves by j - 4 points from the first two networks to the others.
            errors(&mut report, model, &|j| {
                Some(
                    0.5 + if model < 2 {
                        0.1 * model as f64
                    } else {
                        0.1 * (model - 2) as f64 + (j as f64 - 4.0) / 100.0
                    },
                )
            });
        }
        let drawn = rows(&report, &found);
        assert_eq!(drawn.iter().map(|row| row.class).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert!(drawn.iter().all(|row| row.errors.iter().all(|errors| errors.len() == 2)));
        assert!((drawn[9].difference() - 0.05).abs() < 1e-12, "{}", drawn[9].difference());
        assert!(draw(&report).unwrap().caption.contains("All classes with test samples."));
        errors(&mut report, 2, &|j| (j != 3).then_some(0.5));
        assert_eq!(rows(&report, &found).len(), 9, "a class without samples");
        assert!(draw(&report).unwrap().caption.contains("All classes with test samples."));
        let mut many = report.clone();
        for model in &mut many.models {
            model.num_classes = 100;
            model.class_names = (0..100).map(|class| class.to_string()).collect();
        }
        for model in 0..4 {
            errors(&mut many, model, &|j| Some(0.5 + if model < 2 { 0.0 } else { (j as f64 - 5.0) / 1000.0 }));
        }
        let classes = |report: &Report| rows(report, &found).iter().map(|row| row.class).collect::<Vec<_>>();
        assert_eq!(
            classes(&many),
            (0..5).chain(88..100).collect::<Vec<_>>(),
            "five fell, of the others twelve rose most"
        );
        for model in 2..4 {
            errors(&mut many, model, &|j| Some(0.5 + (j as f64 - 50.0) / 1000.0));
        }
        assert_eq!(classes(&many), (0..12).chain(88..100).collect::<Vec<_>>());
        assert!(draw(&many).unwrap().caption.contains("at most 12 of each"));
        (0..4).for_each(|model| errors(&mut many, model, &|_| Some(0.5)));
        assert!(draw(&many).is_none(), "nothing to draw");
    }
}
