//! The room that a figure is drawn for. Every plot is one function of it.

use super::scene::Scene;

/// A sheet or a wide screen, or a phone held upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// That of files, print and wide screens.
    Wide,
    /// That of a phone: panels stand below each other. On a screen of 390 pixels the smallest text,
    /// of 17 logical pixels, is 11 pixels high.
    Narrow,
}

impl Layout {
    /// Width in logical pixels.
    pub fn width(self) -> f64 {
        self.either(1200.0, 520.0)
    }

    /// Free space at the left and right.
    pub fn margin(self) -> f64 {
        self.either(30.0, 8.0)
    }

    /// Width between the margins.
    pub fn inner(self) -> f64 {
        self.width() - 2.0 * self.margin()
    }

    /// Number of `panels` that stand side by side, at most `most`.
    pub fn columns(self, panels: usize, most: usize) -> usize {
        self.either(panels.min(most), 1)
    }

    /// The first for a wide figure, the second for a narrow one.
    pub fn either<T>(self, wide: T, narrow: T) -> T {
        match self {
            Self::Wide => wide,
            Self::Narrow => narrow,
        }
    }

    /// An empty surface, whose height is set when all is drawn.
    pub fn scene(self) -> Scene {
        Scene::new(self.width(), 0.0)
    }
}
