//! Writes a [`Scene`] as SVG with plotters' SVG backend: no ids, no scripts, no outside references,
//! every text escaped, so that it can stand alone or be set into HTML.
//!
//! The backend draws in whole units, so a logical pixel is `UNIT` of them. What it has no words for
//! (tooltips, dashes, rasters) is an element around or beside what it draws.

use base64::Engine as _;
use minijinja::HtmlEscape;
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle, FontTransform, RGBAColor, ShapeStyle, TextStyle};

use super::palette::{Color, IN_THE_DARK, Mark, PAPER};
use super::png;
use super::scene::{Anchor, Scene, Shape, Text, mark_corners};
use crate::words::readable;

type Units = (i32, i32);

/// Units of the file a logical pixel.
const UNIT: f64 = 100.0;
const FONTS: &str = "DejaVu Sans, Verdana, Arial, sans-serif";

/// The scene as an SVG element; a screen reader says `title`, then, on demand, `description`.
pub fn render(scene: &Scene, title: &str, description: Option<&str>) -> Result<String, String> {
    let (width, height) = (units(scene.width), units(scene.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"car-spectral\" viewBox=\"0 0 {width} {height}\" width=\"{}\" \
         height=\"{}\" role=\"img\" stroke-linejoin=\"round\">\n<title>{}</title>\n",
        scene.width,
        scene.height,
        escaped(title)
    );
    if let Some(description) = description {
        svg += &format!("<desc>{}</desc>\n", escaped(description));
    }
    svg += &drawn(|backend| backend.draw_rect((0, 0), (width, height), &style(PAPER, 0.0), true))?;
    for shape in &scene.shapes {
        svg += &element(shape)?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// The scene for a page with the rules of [`page_style`], which say once what each element would.
pub fn inline(scene: &Scene, title: &str) -> Result<String, String> {
    let fonts = format!(" font-family=\"{FONTS}\"");
    let told = [fonts.as_str(), " fill=\"none\"", " text-anchor=\"start\""];
    Ok(told.iter().fold(render(scene, title, None)?, |svg, attribute| svg.replace(attribute, "")))
}

/// Rules for the plots of a page: what [`inline`] leaves out, and, where the page is dark, its
/// colours on the screen; on paper they stay light.
pub fn page_style() -> String {
    let rule = |(light, dark): &(Color, Color)| {
        let [light, dark] = [light, dark].map(|color| color.rgb.map(|channel| format!("{channel:02X}")).concat());
        ["fill", "stroke"]
            .map(|paint| format!("svg.car-spectral [{paint}=\"#{light}\"] {{ {paint}: #{dark}; }}\n"))
            .concat()
    };
    let rules: String = IN_THE_DARK.iter().map(rule).collect();
    format!(
        "svg.car-spectral text {{ font-family: {FONTS}; }}\nsvg.car-spectral polyline {{ fill: none; }}\n\
         @media screen and (prefers-color-scheme: dark) {{\n{rules}}}\n"
    )
}

fn element(shape: &Shape) -> Result<String, String> {
    match shape {
        Shape::Line { points, color, width, dash } => {
            let line = drawn(|backend| backend.draw_path(corners(points), &style(*color, *width)))?;
            Ok(match dash {
                Some((on, off)) => group(&format!(" stroke-dasharray=\"{} {}\"", units(*on), units(*off)), None, &line),
                None => line,
            })
        }
        Shape::Polygon { points, fill } => drawn(|backend| backend.fill_polygon(corners(points), &style(*fill, 0.0))),
        Shape::Rect { x, y, width, height, fill, title } => {
            let (from, to) = (corner((*x, *y)), corner((x + width, y + height)));
            let rect = drawn(|backend| backend.draw_rect(from, to, &style(*fill, 0.0), true))?;
            Ok(titled(title.as_deref(), rect))
        }
        Shape::Marker { at, mark, radius, fill, outline, title } => {
            // The outline is a larger mark below, which keeps translucent marks as strong as their colour.
            let marker = drawn(|backend| {
                if *mark == Mark::Circle {
                    backend.draw_circle(corner(*at), units(radius + 0.5) as u32, &style(*outline, 0.0), true)?;
                    return backend.draw_circle(corner(*at), units(radius - 0.5) as u32, &style(*fill, 0.0), true);
                }
                backend.fill_polygon(corners(&mark_corners(*mark, *at, radius + 0.7)), &style(*outline, 0.0))?;
                backend.fill_polygon(corners(&mark_corners(*mark, *at, radius - 0.5)), &style(*fill, 0.0))
            })?;
            Ok(titled(title.as_deref(), marker))
        }
        Shape::Text(text) => draw_text(text),
        Shape::Raster { x, y, width, height, columns, rows, cells } => {
            let flat: Vec<u8> = cells.iter().flatten().copied().collect();
            let png = png::encode(&flat, *columns as u32, *rows as u32).map_err(|e| e.to_string())?;
            let data = base64::engine::general_purpose::STANDARD.encode(png);
            let [x, y, width, height] = [x, y, width, height].map(|length| units(*length));
            Ok(format!(
                "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:pixelated\" \
                 href=\"data:image/png;base64,{data}\"/>\n"
            ))
        }
    }
}

fn draw_text(text: &Text) -> Result<String, String> {
    let across = match text.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    // The backend divides sizes by 1.24, and sets the base line 0.76 em below the point.
    let font = (FONTS, text.size * UNIT * 1.24, if text.bold { FontStyle::Bold } else { FontStyle::Normal });
    let ink = paint(text.color);
    let style = TextStyle::from(font).color(&ink).pos(Pos::new(across, VPos::Top));
    let ascent = 0.76 * text.size;
    let (style, at) = if text.upright {
        (style.transform(FontTransform::Rotate270), (text.x - ascent, text.y))
    } else {
        (style, (text.x, text.y - ascent))
    };
    drawn(|backend| backend.draw_text(&readable(&text.text), &style, corner(at)))
}

/// What the backend writes, without the document around it and the attributes that say what holds
/// anyway.
fn drawn<E: ToString>(draw: impl FnOnce(&mut SVGBackend) -> Result<(), E>) -> Result<String, String> {
    let mut document = String::new();
    let mut backend = SVGBackend::with_string(&mut document, (1, 1));
    draw(&mut backend).map_err(|e| e.to_string())?;
    backend.present().map_err(|e| e.to_string())?;
    drop(backend);
    let elements = document.split_once(">\n").and_then(|(_, rest)| rest.strip_suffix("</svg>\n"));
    let elements = elements.ok_or("the SVG backend wrote no document")?;
    Ok([" opacity=\"1\"", " stroke=\"none\" stroke-width=\"0\"", " stroke=\"none\""]
        .iter()
        .fold(elements.to_owned(), |text, default| text.replace(default, "")))
}

fn titled(title: Option<&str>, elements: String) -> String {
    if title.is_some() { group("", title, &elements) } else { elements }
}

fn group(attributes: &str, title: Option<&str>, elements: &str) -> String {
    let title = title.map_or(String::new(), |title| format!("<title>{}</title>", escaped(title)));
    format!("<g{attributes}>{title}{elements}</g>\n")
}

fn units(length: f64) -> i32 {
    (length * UNIT).round() as i32
}

fn corner((x, y): (f64, f64)) -> Units {
    (units(x), units(y))
}

fn corners(points: &[(f64, f64)]) -> Vec<Units> {
    points.iter().map(|&point| corner(point)).collect()
}

fn paint(color: Color) -> RGBAColor {
    let [r, g, b] = color.rgb;
    RGBAColor(r, g, b, color.alpha)
}

fn style(color: Color, width: f64) -> ShapeStyle {
    paint(color).stroke_width(units(width) as u32)
}

/// XML text.
fn escaped(text: &str) -> String {
    HtmlEscape(&readable(text)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::palette::BLUE;

    #[test]
    fn hostile_text_is_escaped_everywhere() {
        let mut scene = Scene::new(100.0, 50.0);
        let hostile = "</text><script>alert('x')</script>\u{1}&\" opacity=\"1\"";
        scene.text(1.0, 2.0, hostile, 10.0, Anchor::Start);
        scene.marker((5.0, 5.0), (BLUE, Mark::Circle), 2.0, Some(hostile.to_owned()));
        scene.marker((5.0, 5.0), (BLUE, Mark::Triangle), 2.0, Some(hostile.to_owned()));
        let svg = render(&scene, hostile, Some(hostile)).unwrap();
        assert!(!svg.contains("<script") && !svg.contains('\u{1}') && !svg.contains("alert('"), "{svg}");
        assert_eq!(svg.matches("&lt;script&gt;").count(), 5);
        assert_eq!(svg.matches(" opacity=&quot;1&quot;").count(), 5);
    }

    #[test]
    fn a_dark_page_repaints_what_was_drawn() {
        let mut scene = Scene::new(100.0, 50.0);
        scene.text(1.0, 2.0, "text", 10.0, Anchor::Start);
        scene.segment((0.0, 0.0), (1.0, 1.0), BLUE, 1.0);
        let (svg, rules) = (render(&scene, "title", None).unwrap(), page_style());
        for paint in ["fill=\"#FFFFFF\"", "fill=\"#222222\"", "stroke=\"#0045DF\""] {
            assert!(svg.contains(paint), "{paint}: {svg}");
            assert!(rules.contains(&format!("svg.car-spectral [{paint}] {{")), "{paint}: {rules}");
        }
        assert!(svg.contains("role=\"img\"") && svg.contains("<title>title</title>") && !svg.contains("<desc>"));
    }
}
