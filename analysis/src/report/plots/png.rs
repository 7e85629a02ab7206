//! Draws a [`Scene`] as PNG with plotters' bitmap backend: twice the logical size, drawn at four times and averaged, so
//! that edges are smooth.

use ab_glyph::{Font, ScaleFont};
use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::style::{Color as _, RGBAColor, ShapeStyle};

use super::palette::{Color, Mark, PAPER};
use super::scene::{Anchor, Scene, Shape, Text, face, mark_corners, scale_of_em};

/// Pixels a logical pixel in the file.
const OUTPUT: u32 = 2;
/// Pixels a file pixel while drawing, in each direction.
const OVERSAMPLING: u32 = 2;

/// A pixel while drawing.
type Pixel = (i32, i32);

/// The scene as a PNG file's bytes.
///
/// # Errors
/// What the backend or the encoder says.
pub fn render(scene: &Scene) -> Result<Vec<u8>, String> {
    let zoom = f64::from(OUTPUT * OVERSAMPLING);
    // A multiple of the oversampling, so that every file pixel averages a whole square.
    let extent = |length: f64| (length.ceil() as u32).max(1) * OUTPUT * OVERSAMPLING;
    let (width, height) = (extent(scene.width), extent(scene.height));
    let mut buffer = vec![255u8; width as usize * height as usize * 3];
    {
        let mut backend = BitMapBackend::with_buffer(&mut buffer, (width, height));
        let canvas = &mut Canvas { backend: &mut backend, zoom };
        canvas.rect((0.0, 0.0), (scene.width, scene.height), PAPER)?;
        for shape in &scene.shapes {
            canvas.shape(shape)?;
        }
        backend.present().map_err(|e| e.to_string())?;
    }
    encode(&averaged(&buffer, width as usize, height as usize), width / OVERSAMPLING, height / OVERSAMPLING)
        .map_err(|e| e.to_string())
}

struct Canvas<'a, 'b> {
    backend: &'a mut BitMapBackend<'b>,
    zoom: f64,
}

impl Canvas<'_, '_> {
    fn at(&self, (x, y): (f64, f64)) -> Pixel {
        ((x * self.zoom).round() as i32, (y * self.zoom).round() as i32)
    }

    fn rect(&mut self, from: (f64, f64), to: (f64, f64), fill: Color) -> Result<(), String> {
        let (from, to) = (self.at(from), self.at(to));
        if to.0 <= from.0 || to.1 <= from.1 {
            return Ok(());
        }
        // The backend fills up to, and not including, the second corner.
        self.backend.draw_rect(from, to, &paint(fill), true).map_err(|e| e.to_string())
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), color: Color, width: f64) -> Result<(), String> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length == 0.0 {
            return Ok(());
        }
        let half = 0.5 * width;
        if dy == 0.0 || dx == 0.0 {
            let (hx, hy) = if dy == 0.0 { (0.0, half) } else { (half, 0.0) };
            let low = (from.0.min(to.0) - hx, from.1.min(to.1) - hy);
            return self.rect(low, (from.0.max(to.0) + hx, from.1.max(to.1) + hy), color);
        }
        let (nx, ny) = (-dy / length * half, dx / length * half);
        self.polygon(
            &[(from.0 + nx, from.1 + ny), (to.0 + nx, to.1 + ny), (to.0 - nx, to.1 - ny), (from.0 - nx, from.1 - ny)],
            color,
        )
    }

    fn polygon(&mut self, points: &[(f64, f64)], fill: Color) -> Result<(), String> {
        let points: Vec<Pixel> = points.iter().map(|&p| self.at(p)).collect();
        self.backend.fill_polygon(points, &paint(fill)).map_err(|e| e.to_string())
    }

    fn circle(&mut self, at: (f64, f64), radius: f64, fill: Color) -> Result<(), String> {
        let radius = (radius * self.zoom).round().max(1.0) as u32;
        self.backend.draw_circle(self.at(at), radius, &paint(fill), true).map_err(|e| e.to_string())
    }

    fn shape(&mut self, shape: &Shape) -> Result<(), String> {
        match shape {
            Shape::Line { points, color, width, dash } => {
                let pieces = dash.map_or_else(
                    || points.windows(2).map(|w| (w[0], w[1])).collect(),
                    |(on, off)| dashes(points, on, off),
                );
                for (from, to) in pieces {
                    self.line(from, to, *color, *width)?;
                }
                // Corners are filled, as in the SVG: with squares where the line runs along the axes, else with discs.
                if *width > 1.5 && dash.is_none() {
                    let half = 0.5 * width;
                    for corner in points.windows(3) {
                        let (x, y) = corner[1];
                        let along = |other: (f64, f64)| other.0 == x || other.1 == y;
                        if along(corner[0]) && along(corner[2]) {
                            self.rect((x - half, y - half), (x + half, y + half), *color)?;
                        } else {
                            self.circle((x, y), half, *color)?;
                        }
                    }
                }
                Ok(())
            }
            Shape::Polygon { points, fill } => self.polygon(points, *fill),
            Shape::Rect { x, y, width, height, fill, .. } => self.rect((*x, *y), (x + width, y + height), *fill),
            Shape::Marker { at, mark, radius, fill, outline, .. } => match mark {
                Mark::Circle => {
                    self.circle(*at, radius + 0.5, *outline)?;
                    self.circle(*at, radius - 0.5, *fill)
                }
                _ => {
                    self.polygon(&mark_corners(*mark, *at, radius + 0.7), *outline)?;
                    self.polygon(&mark_corners(*mark, *at, radius - 0.5), *fill)
                }
            },
            Shape::Text(text) => self.text(text),
            Shape::Raster { x, y, width, height, columns, rows, cells } => {
                let (w, h) = (width / *columns as f64, height / *rows as f64);
                for (n, &rgb) in cells.iter().enumerate() {
                    let (column, row) = ((n % columns) as f64, (n / columns) as f64);
                    self.rect(
                        (x + column * w, y + row * h),
                        (x + (column + 1.0) * w, y + (row + 1.0) * h),
                        Color { rgb, alpha: 1.0 },
                    )?;
                }
                Ok(())
            }
        }
    }

    /// Sets the glyphs one by one: plotters' own text drops each glyph's left side bearing and turns by quarters only
    /// about the top left corner.
    fn text(&mut self, text: &Text) -> Result<(), String> {
        let font = face(text.bold);
        let scaled = font.as_scaled((text.size * self.zoom * scale_of_em(text.bold)) as f32);
        let mut pen = 0.0f32;
        let mut previous = None;
        let mut glyphs = Vec::new();
        for c in text.text.chars() {
            let id = scaled.glyph_id(c);
            if let Some(previous) = previous {
                pen += scaled.kern(previous, id);
            }
            glyphs.push(id.with_scale_and_position(scaled.scale(), ab_glyph::point(pen, 0.0)));
            pen += scaled.h_advance(id);
            previous = Some(id);
        }
        let start = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -0.5 * pen,
            Anchor::End => -pen,
        };
        let origin = (text.x * self.zoom, text.y * self.zoom);
        let (width, height) = self.backend.get_size();
        for glyph in glyphs {
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            let mut pixels = Vec::new();
            outline.draw(|gx, gy, coverage| {
                let along = f64::from(corner.x + start) + f64::from(gx);
                let down = f64::from(corner.y) + f64::from(gy);
                let (x, y) = if text.upright {
                    (origin.0 + down, origin.1 - along)
                } else {
                    (origin.0 + along, origin.1 + down)
                };
                pixels.push((x.round() as i64, y.round() as i64, f64::from(coverage)));
            });
            for (x, y, coverage) in pixels {
                if x >= 0 && y >= 0 && x < i64::from(width) && y < i64::from(height) && coverage > 0.0 {
                    let [r, g, b] = text.color.rgb;
                    let color = RGBAColor(r, g, b, (text.color.alpha * coverage).min(1.0));
                    let pixel = (x as i32, y as i32);
                    self.backend.draw_pixel(pixel, color.to_backend_color()).map_err(|e| e.to_string())?;
                }
            }
        }
        Ok(())
    }
}

fn paint(color: Color) -> ShapeStyle {
    let [r, g, b] = color.rgb;
    ShapeStyle { color: RGBAColor(r, g, b, color.alpha), filled: true, stroke_width: 1 }
}

/// The drawn parts of a dashed line.
fn dashes(points: &[(f64, f64)], on: f64, off: f64) -> Vec<((f64, f64), (f64, f64))> {
    let period = (on + off).max(0.1);
    let (mut pieces, mut walked) = (Vec::new(), 0.0);
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        if length == 0.0 {
            continue;
        }
        let point = |t: f64| (from.0 + (to.0 - from.0) * t / length, from.1 + (to.1 - from.1) * t / length);
        let mut start = -(walked % period);
        while start < length {
            let (a, b) = (start.max(0.0), (start + on).min(length));
            if b > a {
                pieces.push((point(a), point(b)));
            }
            start += period;
        }
        walked += length;
    }
    pieces
}

/// Means of squares of [`OVERSAMPLING`] x [`OVERSAMPLING`] pixels.
fn averaged(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let n = OVERSAMPLING as usize;
    let (w, h) = (width / n, height / n);
    let mut out = Vec::with_capacity(w * h * 3);
    for y in 0..h {
        for x in 0..w {
            for channel in 0..3 {
                let mut sum = 0u32;
                for dy in 0..n {
                    for dx in 0..n {
                        sum += u32::from(pixels[((y * n + dy) * width + x * n + dx) * 3 + channel]);
                    }
                }
                let count = (n * n) as u32;
                out.push(((sum + count / 2) / count) as u8);
            }
        }
    }
    out
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_filter(png::Filter::Sub);
    encoder.add_text_chunk("Software".to_owned(), "car-spectral".to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}
