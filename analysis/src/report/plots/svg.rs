//! Writes a [`Scene`] as SVG: no ids, no scripts, no outside references, every text escaped, so that it can stand alone
//! or be set into HTML.

use std::fmt::Write as _;

use base64::Engine as _;
use car_spectral_formats::is_unprintable;

use super::palette::{Color, Mark, PAPER};
use super::scene::{Anchor, Scene, Shape, mark_corners};

/// The scene as an SVG element; `label` is what a screen reader says.
///
/// # Errors
/// If a raster cannot be encoded as PNG.
pub fn render(scene: &Scene, label: &str) -> Result<String, String> {
    let (w, h) = (number(scene.width), number(scene.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"car-spectral\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
         aria-label=\"{}\" font-family=\"'DejaVu Sans', Verdana, Arial, sans-serif\">\n",
        escaped(label)
    );
    let _ = writeln!(svg, "<rect width=\"{w}\" height=\"{h}\" fill=\"{}\"/>", hex(PAPER));
    for shape in &scene.shapes {
        write_shape(&mut svg, shape)?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn write_shape(svg: &mut String, shape: &Shape) -> Result<(), String> {
    // Writing into a String cannot fail.
    match shape {
        Shape::Line { points, color, width, dash } => {
            let _ = write!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                corners(points),
                hex(*color),
                number(*width)
            );
            if color.alpha < 1.0 {
                let _ = write!(svg, " stroke-opacity=\"{}\"", number(color.alpha));
            }
            if let Some((on, off)) = dash {
                let _ = write!(svg, " stroke-dasharray=\"{} {}\"", number(*on), number(*off));
            }
            svg.push_str("/>\n");
        }
        Shape::Polygon { points, fill } => {
            let _ = writeln!(svg, "<polygon points=\"{}\"{}/>", corners(points), filled(*fill));
        }
        Shape::Rect { x, y, width, height, fill, title } => {
            let _ = write!(
                svg,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}",
                number(*x),
                number(*y),
                number(*width),
                number(*height),
                filled(*fill)
            );
            close(svg, "rect", title.as_deref());
        }
        Shape::Marker { at, mark, radius, fill, outline, title } => {
            let outline = format!("{} stroke=\"{}\" stroke-width=\"1\"", filled(*fill), hex(*outline));
            match mark {
                Mark::Circle => {
                    let _ = write!(
                        svg,
                        "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{outline}",
                        number(at.0),
                        number(at.1),
                        number(*radius)
                    );
                    close(svg, "circle", title.as_deref());
                }
                _ => {
                    let points = corners(&mark_corners(*mark, *at, *radius));
                    let _ = write!(svg, "<polygon points=\"{points}\"{outline}");
                    close(svg, "polygon", title.as_deref());
                }
            }
        }
        Shape::Text(text) => {
            let anchor = match text.anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let (x, y) = (number(text.x), number(text.y));
            let turn = if text.upright { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
            let weight = if text.bold { " font-weight=\"bold\"" } else { "" };
            let _ = writeln!(
                svg,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"{anchor}\"{}{weight}{turn}>{}</text>",
                number(text.size),
                filled(text.color),
                escaped(&text.text)
            );
        }
        Shape::Raster { x, y, width, height, columns, rows, cells } => {
            let flat: Vec<u8> = cells.iter().flatten().copied().collect();
            let picture = image::RgbImage::from_raw(*columns as u32, *rows as u32, flat)
                .ok_or_else(|| format!("{} cells for {columns} x {rows}", cells.len()))?;
            let mut png = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut png, image::ImageFormat::Png).map_err(|e| e.to_string())?;
            let data = base64::engine::general_purpose::STANDARD.encode(png.into_inner());
            let _ = writeln!(
                svg,
                "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>",
                number(*x),
                number(*y),
                number(*width),
                number(*height)
            );
        }
    }
    Ok(())
}

fn close(svg: &mut String, tag: &str, title: Option<&str>) {
    match title {
        Some(title) => {
            let _ = writeln!(svg, "><title>{}</title></{tag}>", escaped(title));
        }
        None => svg.push_str("/>\n"),
    }
}

fn corners(points: &[(f64, f64)]) -> String {
    points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect::<Vec<_>>().join(" ")
}

fn filled(color: Color) -> String {
    let opacity = if color.alpha < 1.0 { format!(" fill-opacity=\"{}\"", number(color.alpha)) } else { String::new() };
    format!(" fill=\"{}\"{opacity}", hex(color))
}

fn hex(color: Color) -> String {
    let [r, g, b] = color.rgb;
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Two decimals: a fiftieth of a pixel at the largest size a plot is shown at.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// XML text: markup escaped, characters that XML 1.0 forbids replaced.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_unprintable(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::palette::{BLUE, Mark};

    #[test]
    fn hostile_text_is_escaped_everywhere() {
        let mut scene = Scene::new(100.0, 50.0);
        let hostile = "</text><script>alert('x')</script>\u{1}&\"";
        scene.text(1.0, 2.0, hostile, 10.0, Anchor::Start);
        scene.marker((5.0, 5.0), (BLUE, Mark::Circle), 2.0, Some(hostile.to_owned()));
        scene.marker((5.0, 5.0), (BLUE, Mark::Triangle), 2.0, Some(hostile.to_owned()));
        let svg = render(&scene, hostile).unwrap();
        assert!(!svg.contains("<script") && !svg.contains('\u{1}') && !svg.contains("alert('"), "{svg}");
        assert_eq!(svg.matches("&lt;script&gt;").count(), 4);
    }
}
