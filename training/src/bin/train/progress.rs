//! Display of a run while it lasts: a bar on a terminal, a line an epoch elsewhere, and how to go
//! on when it is stopped.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};

use car_spectral::car::PenaltyNorm;
use car_spectral_runs::log::EpochMetrics;
use car_spectral_runs::signals;
use car_spectral_runs::terminal::tell;
use car_spectral_training::evaluate::EVALUATION_BATCH;
use car_spectral_training::features::FeatureEvent;
use car_spectral_training::run::Event;
use indicatif::{ProgressBar, ProgressStyle};

use crate::say;

/// The signal that told the program to stop, 0 if none did. The thread that takes it does no more
/// than note it: ended from there, the program would take libtorch's threads from under the step
/// that they compute.
static STOPPED: AtomicI32 = AtomicI32::new(0);

/// Shows the events of a run.
pub(crate) struct Progress {
    bar: ProgressBar,
    epochs: usize,
    norm: PenaltyNorm,
    folder: PathBuf,
    done: usize,
}

impl Progress {
    /// For a run of so many epochs in `folder`, whose log has the values of `norm`. From here on
    /// Ctrl-C, SIGTERM and SIGHUP end the program after the step at hand, with the command that
    /// goes on; the second, at once.
    pub(crate) fn new(epochs: usize, norm: PenaltyNorm, folder: PathBuf) -> Self {
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {eta} left  {msg}");
        let bar = ProgressBar::new(0).with_style(style.expect("a valid template"));
        // Where no handler can be set, a signal ends the program without a word, as it would anyway.
        let _ = signals::when_told(|signal| {
            if STOPPED.swap(signal, Ordering::Relaxed) != 0 {
                signals::end_by(signal);
            }
        });
        Self { bar, epochs, norm, folder, done: 0 }
    }

    fn stop(&self, signal: i32) -> ! {
        self.bar.abandon();
        let (done, folder) = (self.done, self.folder.to_string_lossy());
        let folder = shlex::try_quote(&folder).unwrap_or(folder.clone());
        let program = std::env::args().next().unwrap_or_else(|| "train".to_owned());
        tell(format_args!("\nstopped after epoch {done}; go on with: {program} --resume --out {folder}"));
        signals::end_by(signal)
    }

    /// Takes what happened.
    pub(crate) fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Pretrained(pretrained) => {
                let classifier =
                    if pretrained.classifier { "taken" } else { "begun fresh, the file's is of other classes or kind" };
                say(format_args!("pretrained      sha256 {}, classifier {classifier}", pretrained.sha256));
            }
            Event::Features(FeatureEvent::Awaited(path)) => {
                tell(format_args!("features: another train computes {}; waits for it", path.display()));
            }
            Event::Features(FeatureEvent::Computed { done, of }) => self.computed(done, of),
            Event::Features(FeatureEvent::Read(path)) => {
                self.bar.reset();
                say(format_args!("features        {}", path.display()));
            }
            Event::Begins => tell(format_args!("resume: no epoch is done, begins with the first")),
            Event::GoesOn { after } => {
                self.done = after;
                tell(format_args!("resume: goes on after epoch {after} of {}", self.epochs));
            }
            Event::Differs { folder, what, there, here } => {
                tell(format_args!("warning: {}: begun with {what} {there}, goes on with {here}", folder.display()));
            }
            Event::Step { done, of } => {
                self.bar.set_length(of as u64);
                self.bar.set_position(done as u64);
            }
            Event::Epoch(metrics) => {
                self.done = metrics.epoch;
                let line = self.line(metrics);
                if self.bar.is_hidden() {
                    let left = metrics.seconds * (self.epochs - metrics.epoch) as f64 / 60.0;
                    tell(format_args!("{line}  {:.1} s, {left:.0} min left", metrics.seconds));
                }
                self.bar.set_message(line);
            }
        }
        let signal = STOPPED.load(Ordering::Relaxed);
        if signal != 0 {
            self.stop(signal);
        }
    }

    /// Features of so many images are done; the run has not begun.
    fn computed(&self, done: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
        if self.bar.is_hidden() && done * 10 / of != done.saturating_sub(EVALUATION_BATCH) * 10 / of {
            tell(format_args!("features: {done} of {of} images"));
        }
        let signal = STOPPED.load(Ordering::Relaxed);
        if signal != 0 {
            self.bar.abandon();
            tell(format_args!("\nstopped while features were computed; the same command begins again"));
            signals::end_by(signal)
        }
    }

    /// Leaves the bar as it is.
    pub(crate) fn finish(&self) {
        self.bar.finish();
    }

    fn line(&self, metrics: &EpochMetrics) -> String {
        let (epochs, symbol) = (self.epochs, self.norm.symbol());
        let car = metrics.car.as_ref().map_or(String::new(), |car| format!(", {symbol} {:.3}", car.spectral));
        let validation = metrics.validation.as_ref().and_then(|validation| validation.accuracy_macro);
        let validation = validation
            .map_or(String::new(), |macro_average| format!(", validation (macro) {:.2} %", 100.0 * macro_average));
        let test = metrics.test.as_ref().map_or(String::new(), |test| {
            let (accuracy, worst) = (100.0 * test.accuracy, 100.0 * test.worst_class_error);
            format!(", test {accuracy:.2} %, worst class {worst:.1} % wrong, ‖CΛ‖₂ {:.3}", test.hard_spectral_norm)
        });
        let (loss, accuracy) = (metrics.train_loss, 100.0 * metrics.train_accuracy);
        format!("epoch {}/{epochs}: loss {loss:.3}, train {accuracy:.1} %{car}{validation}{test}", metrics.epoch)
    }
}
