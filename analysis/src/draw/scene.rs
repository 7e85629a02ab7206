//! A plot as a list of shapes in logical pixels.

use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};

use super::palette::{Color, INK, Mark};
use crate::words::readable;

/// The place of a text relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text. `(x, y)` is on the base line.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub x: f64,
    /// Ordinate of the base line (for upright text: its abscissa).
    pub y: f64,
    pub text: String,
    /// Height of the em square in logical pixels.
    pub size: f64,
    pub color: Color,
    pub anchor: Anchor,
    /// Tells whether the bold face is used.
    pub bold: bool,
    /// Tells whether the text reads from bottom to top.
    pub upright: bool,
}

/// One shape. Coordinates: origin at the top left, y downwards, logical pixels. A title is what a
/// pointer resting on the shape is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// An open line; `dash` has the lengths of dash and gap.
    Line {
        points: Vec<(f64, f64)>,
        color: Color,
        width: f64,
        dash: Option<(f64, f64)>,
    },
    Polygon {
        points: Vec<(f64, f64)>,
        fill: Color,
    },
    Rect {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: Color,
        title: Option<String>,
    },
    /// A marker about `at`, `radius` being half its extent.
    Marker {
        at: (f64, f64),
        mark: Mark,
        radius: f64,
        fill: Color,
        outline: Color,
        title: Option<String>,
    },
    Text(Text),
    /// A raster of `columns` x `rows` cells, row by row, stretched without smoothing.
    Raster {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        columns: usize,
        rows: usize,
        cells: Vec<[u8; 3]>,
    },
}

/// A drawing surface of a fixed logical size.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    /// Shapes, the first at the back.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// An empty white surface.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    /// A straight line.
    pub fn segment(&mut self, from: (f64, f64), to: (f64, f64), color: Color, width: f64) {
        self.shapes.push(Shape::Line { points: vec![from, to], color, width, dash: None });
    }

    /// A dashed or solid line through `points`.
    pub fn path(&mut self, points: Vec<(f64, f64)>, color: Color, width: f64, dash: Option<(f64, f64)>) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, color, width, dash });
        }
    }

    /// A filled rectangle.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Color) {
        self.shapes.push(Shape::Rect { x, y, width: width.max(0.0), height: height.max(0.0), fill, title: None });
    }

    /// A marker that stands out from those below it.
    pub fn marker(&mut self, at: (f64, f64), (fill, mark): (Color, Mark), radius: f64, title: Option<String>) {
        let outline = super::palette::PAPER;
        self.shapes.push(Shape::Marker { at, mark, radius, fill, outline, title });
    }

    /// Text in ink.
    pub fn text(&mut self, x: f64, y: f64, text: impl Into<String>, size: f64, anchor: Anchor) -> &mut Text {
        self.shapes.push(Shape::Text(Text {
            x,
            y,
            text: text.into(),
            size,
            color: INK,
            anchor,
            bold: false,
            upright: false,
        }));
        match self.shapes.last_mut() {
            Some(Shape::Text(text)) => text,
            _ => unreachable!("a text was pushed just above"),
        }
    }

    /// Text on a white ground, so that lines behind it do not cross it.
    pub fn text_on_paper(&mut self, x: f64, y: f64, text: impl Into<String>, size: f64) {
        let text = text.into();
        let width = text_width(&text, size, false);
        self.rect(x - 3.0, y - 0.9 * size, width + 6.0, 1.2 * size, super::palette::PAPER);
        self.text(x, y, text, size, Anchor::Start);
    }

    /// A marker whose inside is white.
    pub fn hollow_marker(&mut self, at: (f64, f64), (color, mark): (Color, Mark), radius: f64, title: Option<String>) {
        // Two markers: the outline of one is thin.
        self.shapes.push(Shape::Marker { at, mark, radius, fill: color, outline: color, title: title.clone() });
        let fill = super::palette::PAPER;
        self.shapes.push(Shape::Marker { at, mark, radius: radius - 2.4, fill, outline: fill, title });
    }

    /// A marker, hollow on a dashed line.
    pub fn mark_on(&mut self, dashed: bool, at: (f64, f64), style: (Color, Mark), radius: f64, title: Option<String>) {
        if dashed {
            self.hollow_marker(at, style, radius, title);
        } else {
            self.marker(at, style, radius, title);
        }
    }

    /// All shapes of `other`, moved by `(dx, dy)`.
    pub fn place(&mut self, other: Scene, dx: f64, dy: f64) {
        let moved = |points: Vec<(f64, f64)>| points.into_iter().map(|(x, y)| (x + dx, y + dy)).collect();
        self.shapes.extend(other.shapes.into_iter().map(|shape| match shape {
            Shape::Line { points, color, width, dash } => Shape::Line { points: moved(points), color, width, dash },
            Shape::Polygon { points, fill } => Shape::Polygon { points: moved(points), fill },
            Shape::Rect { x, y, width, height, fill, title } => {
                Shape::Rect { x: x + dx, y: y + dy, width, height, fill, title }
            }
            Shape::Marker { at, mark, radius, fill, outline, title } => {
                Shape::Marker { at: (at.0 + dx, at.1 + dy), mark, radius, fill, outline, title }
            }
            Shape::Text(text) => Shape::Text(Text { x: text.x + dx, y: text.y + dy, ..text }),
            Shape::Raster { x, y, width, height, columns, rows, cells } => {
                Shape::Raster { x: x + dx, y: y + dy, width, height, columns, rows, cells }
            }
        }));
    }
}

/// Corners of a marker that is a polygon; empty for a circle.
pub fn mark_corners(mark: Mark, (x, y): (f64, f64), radius: f64) -> Vec<(f64, f64)> {
    // Half-extents are scaled so that all marks cover about the same area.
    match mark {
        Mark::Circle => Vec::new(),
        Mark::Square => {
            let r = radius * 0.886;
            vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)]
        }
        Mark::Triangle => {
            let r = radius * 1.35;
            vec![(x, y - r), (x + 0.866 * r, y + 0.5 * r), (x - 0.866 * r, y + 0.5 * r)]
        }
        Mark::Diamond => {
            let r = radius * 1.253;
            vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
        }
    }
}

/// Width of a text in logical pixels, its letters side by side, in DejaVu Sans, whose licence is in
/// `analysis/FONT-LICENSE`.
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    static FACES: LazyLock<[FontRef<'static>; 2]> = LazyLock::new(|| {
        [dejavu::sans::regular(), dejavu::sans::bold()]
            .map(|bytes| FontRef::new(bytes).expect("the font is compiled into the program"))
    });
    let face = &FACES[usize::from(bold)];
    let (glyphs, metrics) = (face.charmap(), face.glyph_metrics(Size::new(size as f32), LocationRef::default()));
    let advance = |letter| metrics.advance_width(glyphs.map(letter).unwrap_or_default()).unwrap_or_default();
    f64::from(text.chars().map(advance).sum::<f32>())
}

/// The text cut to at most `width` logical pixels, with an ellipsis where something was cut.
/// Control characters, which XML forbids, become U+FFFD.
pub fn fitted(text: &str, size: f64, width: f64) -> String {
    let clean: String = readable(text).chars().take(400).collect();
    if text_width(&clean, size, false) <= width {
        return clean;
    }
    let mut kept: Vec<char> = clean.chars().collect();
    while kept.pop().is_some() {
        let short: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if text_width(&short, size, false) <= width {
            return short;
        }
    }
    String::new()
}

/// The same without the beginning of what is too long: names of runs differ at their ends.
pub fn fitted_end(text: &str, size: f64, width: f64) -> String {
    let clean = readable(text);
    if text_width(&clean, size, false) <= width {
        return clean;
    }
    let from = |at: usize| format!("…{}", clean[at..].trim_start());
    let starts = clean.char_indices().map(|(at, _)| at).skip(1);
    starts.map(from).find(|short| text_width(short, size, false) <= width).unwrap_or_default()
}

/// The same without the middle of what is too long, for names that differ at either end.
pub fn fitted_middle(text: &str, size: f64, width: f64, bold: bool) -> String {
    const MOST: usize = 200;
    let clean: Vec<char> = readable(text).chars().collect();
    let shortened = |kept: usize| -> String {
        let (head, tail) = (&clean[..kept.div_ceil(2)], &clean[clean.len() - kept / 2..]);
        head.iter().chain(['…'].iter()).chain(tail).collect()
    };
    let whole: String = clean.iter().collect();
    if clean.len() <= 2 * MOST && text_width(&whole, size, bold) <= width {
        return whole;
    }
    let kept = (0..clean.len().min(2 * MOST)).rev();
    kept.map(shortened).find(|short| text_width(short, size, bold) <= width).unwrap_or_default()
}

/// A word in pieces of at most `width` logical pixels, a character each at least.
fn pieces(word: &str, size: f64, width: f64, bold: bool) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in readable(word).chars() {
        let piece = pieces.last_mut().expect("there is one always");
        piece.push(c);
        if text_width(piece, size, bold) > width && piece.chars().count() > 1 {
            piece.pop();
            pieces.push(c.to_string());
        }
    }
    pieces
}

/// The text broken between words into lines of at most `width` logical pixels; a longer word is
/// broken, too.
pub fn wrapped(text: &str, size: f64, width: f64, bold: bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // A sign stays with its numbers, a unit with its number.
    let text = text.replace(" = ", "\u{a0}=\u{a0}").replace(" %", "\u{a0}%").replace(" × ", "\u{a0}×\u{a0}");
    for word in text.split_ascii_whitespace() {
        for (at, piece) in pieces(word, size, width, bold).into_iter().enumerate() {
            match lines.last_mut() {
                Some(line) if at == 0 && text_width(&format!("{line} {piece}"), size, bold) <= width => {
                    line.push(' ');
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_measured_cut_and_wrapped() {
        // Advance of "m" in DejaVu Sans: 1995 of 2048 units an em.
        approx::assert_relative_eq!(text_width("m", 20.0, false), 20.0 * 1995.0 / 2048.0, epsilon = 0.05);
        let cut = fitted("a very long name of a class", 20.0, 100.0);
        assert!(cut.ends_with('…') && text_width(&cut, 20.0, false) <= 100.0, "{cut}");
        assert_eq!(fitted("a\u{0}b\n", 20.0, 1000.0), "a\u{fffd}b\u{fffd}");
        assert_eq!(fitted("wide", 20.0, 1.0), "");
        assert_eq!(fitted_end("resnet-seed1", 20.0, 1000.0), "resnet-seed1");
        let end = fitted_end("a very long name of a run, seed1", 20.0, 100.0);
        assert!(end.starts_with('…') && end.ends_with("seed1") && text_width(&end, 20.0, false) <= 100.0, "{end}");
        let lines = wrapped("one two three four five", 20.0, 110.0, true);
        assert!(lines.len() > 1 && lines.iter().all(|line| text_width(line, 20.0, true) <= 110.0), "{lines:?}");
        assert_eq!(lines.join(" "), "one two three four five");
        let lines = wrapped(&format!("one {} two", "m".repeat(20)), 20.0, 110.0, false);
        assert_eq!(lines.concat(), format!("one{}two", "m".repeat(20)), "{lines:?}");
        assert!(lines.iter().all(|line| text_width(line, 20.0, false) <= 110.0), "{lines:?}");
        assert_eq!(fitted_middle("short", 20.0, 110.0, true), "short");
        let middle = fitted_middle("balanced-softmax-with-a-long-name-seed1", 20.0, 160.0, true);
        assert!(middle.starts_with("bal") && middle.contains('…') && middle.ends_with("d1"), "{middle}");
        assert!(text_width(&middle, 20.0, true) <= 160.0, "{middle}");
        assert!(fitted_middle(&"é".repeat(5000), 20.0, 3000.0, false).contains('…'));
    }
}
