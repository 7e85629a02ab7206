//! Renders the SVG of a plot as PNG with resvg, in the same DejaVu faces that texts are measured
//! in.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// Pixels a logical pixel.
const ZOOM: f32 = 2.0;

/// The file's bytes; the SVG covers its ground.
pub fn render(svg: &str) -> Result<Vec<u8>, String> {
    static FACES: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
        let mut faces = fontdb::Database::new();
        for face in [dejavu::sans::regular(), dejavu::sans::bold()] {
            faces.load_font_source(fontdb::Source::Binary(Arc::new(face)));
        }
        Arc::new(faces)
    });
    let options = Options { fontdb: FACES.clone(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|e| e.to_string())?;
    let size = tree.size().to_int_size().scale_by(ZOOM).ok_or("a plot without extent")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("a plot without extent")?;
    resvg::render(&tree, Transform::from_scale(ZOOM, ZOOM), &mut pixels.as_mut());
    let colors: Vec<[u8; 3]> = pixels.data().as_chunks::<4>().0.iter().map(|&[r, g, b, _]| [r, g, b]).collect();
    encode(colors.as_flattened(), size.width(), size.height()).map_err(|e| e.to_string())
}

/// Pixels of red, green and blue, row by row, as a PNG file's bytes, marked as a picture of this
/// program.
pub(super) fn encode(colors: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_filter(png::Filter::Sub);
    encoder.add_text_chunk("Software".to_owned(), "car-spectral".to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(colors)?;
    writer.finish()?;
    Ok(bytes)
}
