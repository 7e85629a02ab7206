//! Progress of images through networks, as it is shown.

use car_spectral_runs::terminal::tell;
use indicatif::{ProgressBar, ProgressStyle};

use crate::load::Progress;

/// A bar on a terminal; elsewhere a line for each tenth.
pub(super) struct Images {
    bar: ProgressBar,
    told: Option<(String, usize)>,
}

impl Images {
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} images, {eta} left");
        Self { bar: ProgressBar::new(0).with_style(style.expect("a valid template")), told: None }
    }

    /// Takes how far a model has come.
    pub fn show(&mut self, Progress { model, part, done, of }: Progress<'_>) {
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
        let message = format!("{model}: {part}");
        if self.bar.is_hidden() {
            let told = Some((message.clone(), 10 * done / of.max(1)));
            if done > 0 && told != self.told {
                tell(format_args!("{message}, {done} of {of} images"));
                self.told = told;
            }
        }
        self.bar.set_message(message);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
