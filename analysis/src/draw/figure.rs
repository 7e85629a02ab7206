//! A plot with its title and caption.

use thiserror::Error;

use super::layout::Layout;
use super::palette::MUTED;
use super::scene::{Anchor, Scene, fitted_middle, wrapped};
use super::{png, svg};

const TITLE: f64 = 27.0;
const CAPTION: f64 = 17.0;

/// A plot that cannot be written as SVG or PNG.
#[derive(Debug, Error)]
#[error("plot {plot}: {problem}")]
pub struct DrawError {
    pub plot: String,
    pub problem: String,
}

/// A drawn plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub stem: String,
    pub title: String,
    /// Sentences on what is shown, sample sizes and settings.
    pub caption: String,
    /// The data with axes and legend, without title and caption.
    pub body: Scene,
    /// The same for narrow screens; `None` of a plot that stands on no page.
    pub narrow: Option<Scene>,
}

impl Figure {
    /// The plot for every layout.
    pub fn of(stem: &str, title: String, caption: String, draw: impl Fn(Layout) -> Scene) -> Self {
        let narrow = Some(draw(Layout::Narrow));
        Self { stem: stem.to_owned(), title, caption, body: draw(Layout::Wide), narrow }
    }

    /// The caption as set below the plot.
    pub fn caption_lines(&self) -> Vec<String> {
        wrapped(&self.caption, CAPTION, Layout::Wide.inner(), false)
    }

    /// The title as set above the plot: of one longer than two lines the middle, which is inside a
    /// name, is left out.
    pub fn title_lines(&self) -> Vec<String> {
        let inner = Layout::Wide.inner();
        // Words do not fill lines; in a single line's width any title has its place.
        let broken = |share: f64| wrapped(&fitted_middle(&self.title, TITLE, share * inner, true), TITLE, inner, true);
        let few = [2.0, 1.7, 1.4].into_iter().map(broken).find(|lines| lines.len() <= 2);
        few.unwrap_or_else(|| broken(1.0))
    }

    /// Title above, caption below.
    pub fn complete(&self) -> Scene {
        let titles = self.title_lines();
        let captions = self.caption_lines();
        let head = 18.0 + titles.len() as f64 * TITLE * 1.3;
        let foot = captions.len() as f64 * CAPTION * 1.4 + 22.0;
        let left = Layout::Wide.margin();
        let mut scene = Scene::new(Layout::Wide.width(), (head + self.body.height + foot).ceil());
        for (n, line) in titles.iter().enumerate() {
            scene.text(left, 18.0 + TITLE * (0.9 + 1.3 * n as f64), line, TITLE, Anchor::Start).bold = true;
        }
        scene.place(self.body.clone(), 0.0, head);
        for (n, line) in captions.iter().enumerate() {
            let y = head + self.body.height + CAPTION * (1.0 + 1.4 * n as f64);
            scene.text(left, y, line, CAPTION, Anchor::Start).color = MUTED;
        }
        scene
    }

    /// The file `STEM.svg`.
    pub fn svg(&self) -> Result<String, DrawError> {
        svg::render(&self.complete(), &self.title, Some(&self.caption)).map_err(|problem| self.error(problem))
    }

    /// The plot for a page that sets title and caption itself, and follows the page into the dark
    /// by [`svg::page_style`].
    pub fn inline_svg(&self) -> Result<String, DrawError> {
        svg::inline(&self.body, &self.title).map_err(|problem| self.error(problem))
    }

    /// The same for narrow screens.
    pub fn narrow_svg(&self) -> Result<Option<String>, DrawError> {
        let narrow = self.narrow.as_ref().map(|scene| svg::inline(scene, &self.title));
        narrow.transpose().map_err(|problem| self.error(problem))
    }

    /// The file `STEM.png`, twice the logical size.
    pub fn png(&self) -> Result<Vec<u8>, DrawError> {
        png::render(&self.svg()?).map_err(|problem| self.error(problem))
    }

    fn error(&self, problem: String) -> DrawError {
        DrawError { plot: self.stem.clone(), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_keeps_both_ends_and_is_whole_for_a_reader_of_the_file() {
        let of = |name: &str| Figure {
            stem: "x".into(),
            title: format!("Test error by class frequency: {name}"),
            caption: String::new(),
            body: Scene::new(Layout::Wide.width(), 10.0),
            narrow: None,
        };
        let long = "resnet32-balanced-softmax-".repeat(8) + "seed1";
        let figure = of(&long);
        let lines = figure.title_lines();
        assert!(lines.len() <= 2 && lines[0].starts_with("Test error by class frequency:"), "{lines:?}");
        assert!(lines.concat().contains('…') && lines.concat().ends_with("seed1"), "{lines:?}");
        assert!(figure.svg().unwrap().contains(&format!("<title>{}</title>", figure.title)));
        let fits = "balanced-softmax-with-a-long-name-seed1-of-cifar100-lt";
        assert!(of(fits).title_lines().concat().ends_with(fits));
    }
}
