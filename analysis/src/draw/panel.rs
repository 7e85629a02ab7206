//! The frame around data: grid, ticks, axis labels; and the legend, which stands above the data,
//! never on them.

use super::layout::Layout;
use super::palette::{Color, GRID, INK, MUTED, Mark, PAPER};
use super::scale::{Notation, Scale};
use super::scene::{Anchor, Scene, fitted, text_width, wrapped};

/// Size of tick labels in logical pixels. 1200 pixels are a text width of 17.5 cm in print: 19
/// pixels are 7.9 points.
pub const TICK: f64 = 19.0;
/// Size of axis labels.
pub const LABEL: f64 = 21.0;
/// Size of legends.
pub const LEGEND: f64 = 20.0;

/// The rectangle data are drawn in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Area {
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Middle of the width.
    pub fn middle(&self) -> f64 {
        0.5 * (self.left + self.right)
    }

    /// Middle of the height.
    pub fn centre(&self) -> f64 {
        0.5 * (self.top + self.bottom)
    }
}

/// Labelled and unlabelled ticks of one axis.
pub type Ticks = (Vec<(f64, String)>, Vec<f64>);

/// Horizontal grid lines and the labels left of them.
pub fn y_axis(scene: &mut Scene, area: Area, scale: &Scale, ticks: &Ticks, label: &str) {
    for &value in &ticks.1 {
        let y = scale.at(value);
        scene.segment((area.left - 4.0, y), (area.left, y), MUTED, 1.0);
    }
    let mut widest: f64 = 0.0;
    for (value, text) in &ticks.0 {
        let y = scale.at(*value);
        scene.segment((area.left, y), (area.right, y), GRID, 1.0);
        scene.segment((area.left - 7.0, y), (area.left, y), INK, 1.2);
        scene.text(area.left - 12.0, y + 0.36 * TICK, text, TICK, Anchor::End);
        widest = widest.max(text_width(text, TICK, false));
    }
    if !label.is_empty() {
        let x = area.left - 12.0 - widest - 16.0;
        scene.text(x, area.centre(), label, LABEL, Anchor::Middle).upright = true;
    }
}

/// Vertical grid lines and the labels below them.
pub fn x_axis(scene: &mut Scene, area: Area, scale: &Scale, ticks: &Ticks, label: &str) {
    for &value in &ticks.1 {
        let x = scale.at(value);
        scene.segment((x, area.bottom), (x, area.bottom + 4.0), MUTED, 1.0);
    }
    for (value, text) in &ticks.0 {
        let x = scale.at(*value);
        scene.segment((x, area.top), (x, area.bottom), GRID, 1.0);
        scene.segment((x, area.bottom), (x, area.bottom + 7.0), INK, 1.2);
        // A label at the end of an axis stays within the figure.
        let middle = x.min(scene.width - 2.0 - 0.5 * text_width(text, TICK, false));
        scene.text(middle, area.bottom + 12.0 + 0.76 * TICK, text, TICK, Anchor::Middle);
    }
    if !label.is_empty() {
        scene.text(area.middle(), area.bottom + 20.0 + TICK + LABEL, label, LABEL, Anchor::Middle);
    }
}

/// The panel's name above its left edge, shortened to its width and `overhang` more; further left
/// where the figure would end before it.
pub fn title(scene: &mut Scene, area: Area, text: &str, overhang: f64) {
    // Bold letters are wider than the ones `fitted` measures.
    let text = fitted(text, LEGEND * 1.12, area.width() + overhang);
    let latest = scene.width - Layout::Narrow.margin() - text_width(&text, LEGEND, true);
    scene.text(area.left.min(latest), area.top - 16.0, text, LEGEND, Anchor::Start).bold = true;
}

/// The two lines at the left and the bottom; drawn after the data.
pub fn spines(scene: &mut Scene, area: Area) {
    scene.segment((area.left, area.top), (area.left, area.bottom), INK, 1.4);
    scene.segment((area.left - 0.7, area.bottom), (area.right, area.bottom), INK, 1.4);
}

/// Ticks of a scale for an axis of `length` logical pixels, spaced so that labels stay apart.
pub fn ticks(scale: &Scale, length: f64, room: f64, notation: Notation) -> Ticks {
    scale.ticks(((length / room).floor() as usize).clamp(2, 12), notation)
}

/// The mark before a legend's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Symbol {
    Marker((Color, Mark)),
    /// A line, dashed if the second is true.
    Line(Color, bool),
    /// A line with a marker on it; dashed with a hollow marker if the second is true.
    LineMarker((Color, Mark), bool),
    Swatch(Color),
    Tick(Color),
    Interval(Color),
}

/// Draws legend entries in rows above a plot; returns the height used.
pub fn legend(scene: &mut Scene, layout: Layout, entries: &[(Symbol, String)]) -> f64 {
    const TOP: f64 = 4.0;
    const SYMBOL: f64 = 34.0;
    const GAP: f64 = 28.0;
    const ROW: f64 = 30.0;
    if entries.is_empty() {
        return 0.0;
    }
    let (x, width) = (layout.margin(), layout.inner());
    let (mut at, mut row) = (x, 0.0);
    for (symbol, label) in entries {
        let needed = SYMBOL + 8.0 + text_width(label, LEGEND, false);
        if at > x && at + needed > x + width {
            at = x;
            row += 1.0;
        }
        let middle = TOP + row * ROW + 0.5 * ROW;
        draw_symbol(scene, *symbol, at, middle, SYMBOL);
        let lines = match layout {
            Layout::Narrow if needed > width => wrapped(label, LEGEND, width - SYMBOL - 8.0, false),
            _ => vec![label.clone()],
        };
        for (below, line) in lines.iter().enumerate() {
            let base = middle + 0.36 * LEGEND + 0.85 * ROW * below as f64;
            scene.text(at + SYMBOL + 8.0, base, line, LEGEND, Anchor::Start);
        }
        row += 0.85 * (lines.len() - 1) as f64;
        at += needed + GAP;
    }
    (row + 1.0) * ROW
}

fn draw_symbol(scene: &mut Scene, symbol: Symbol, x: f64, y: f64, width: f64) {
    let centre = (x + 0.5 * width, y);
    let dash = |dashed: bool| dashed.then_some((8.0, 5.0));
    match symbol {
        Symbol::Marker(style) => scene.marker(centre, style, 7.0, None),
        Symbol::Line(color, dashed) => scene.path(vec![(x, y), (x + width, y)], color, 3.0, dash(dashed)),
        Symbol::LineMarker(style, dashed) => {
            scene.path(vec![(x, y), (x + width, y)], style.0, 3.0, dash(dashed));
            scene.mark_on(dashed, centre, style, 7.0, None);
        }
        Symbol::Swatch(color) => {
            scene.rect(x + 3.0, y - 9.0, width - 6.0, 18.0, MUTED);
            scene.rect(x + 4.0, y - 8.0, width - 8.0, 16.0, PAPER);
            scene.rect(x + 4.0, y - 8.0, width - 8.0, 16.0, color);
        }
        Symbol::Tick(color) => scene.segment((x + 8.0, y), (x + width - 8.0, y), color, 3.0),
        Symbol::Interval(color) => {
            scene.segment((centre.0, y - 12.0), (centre.0, y + 12.0), color, 2.0);
            for end in [y - 12.0, y + 12.0] {
                scene.segment((centre.0 - 6.0, end), (centre.0 + 6.0, end), color, 2.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::scene::Shape;

    #[test]
    fn a_label_at_the_end_of_an_axis_is_not_cut() {
        let mut scene = Layout::Narrow.scene();
        let area = Area { left: 100.0, top: 0.0, right: scene.width - Layout::Narrow.margin(), bottom: 100.0 };
        let scale = Scale::linear(0.0, 1.0, area.left, area.right);
        x_axis(&mut scene, area, &scale, &(vec![(1.0, "100".to_owned())], Vec::new()), "");
        let end = scene.shapes.iter().find_map(|shape| match shape {
            Shape::Text(text) => Some(text.x + 0.5 * text_width(&text.text, text.size, false)),
            _ => None,
        });
        assert!(end.unwrap() <= scene.width, "{end:?} of {}", scene.width);
    }
}
