//! Progress as it is shown: images through networks, and what is being done with their scores.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use car_spectral_runs::terminal::tell;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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

/// A part that lasts longer is named where there is no terminal.
const FIRST: Duration = Duration::from_secs(5);
/// And named again each time that so much more has passed.
const AGAIN: Duration = Duration::from_secs(60);

/// The part that is being done: a spinner on a terminal; elsewhere a line for one that lasts.
pub(super) enum Work {
    Spinner(Option<ProgressBar>),
    /// To the thread that counts the seconds; an empty part has none.
    Lines(Sender<String>),
}

impl Work {
    pub fn new() -> Self {
        if !ProgressDrawTarget::stderr().is_hidden() {
            return Self::Spinner(None);
        }
        let (parts, begun) = mpsc::channel();
        // Where no thread can be started nothing is said, as of what is quick.
        let _ = thread::Builder::new().spawn(move || name_long_parts(&begun, FIRST, AGAIN, tell));
        Self::Lines(parts)
    }

    /// Shows that a part begins.
    pub fn begin(&mut self, part: impl Into<String>) {
        match self {
            Self::Spinner(spinner) => spinner.get_or_insert_with(spinner_that_turns).set_message(part.into()),
            Self::Lines(parts) => drop(parts.send(part.into())),
        }
    }

    /// Shows nothing until the next part begins.
    pub fn pause(&mut self) {
        match self {
            Self::Spinner(spinner) => drop(spinner.take().inspect(ProgressBar::finish_and_clear)),
            Self::Lines(parts) => drop(parts.send(String::new())),
        }
    }
}

fn spinner_that_turns() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("a valid template");
    let spinner = ProgressBar::new_spinner().with_style(style);
    // The ticker's thread is started without asking whether one can be.
    if thread::Builder::new().spawn(|| ()).is_ok() {
        spinner.enable_steady_tick(Duration::from_millis(200));
    }
    spinner
}

/// Tells of every part that has lasted for `first`, and each time that `again` has passed, until
/// nobody is left to begin one.
fn name_long_parts(begun: &Receiver<String>, first: Duration, again: Duration, tell: impl Fn(String)) {
    let (mut part, mut since, mut wait) = (String::new(), Instant::now(), Duration::MAX);
    loop {
        match begun.recv_timeout(wait) {
            Ok(next) => {
                wait = if next.is_empty() { Duration::MAX } else { first };
                (part, since) = (next, Instant::now());
            }
            Err(RecvTimeoutError::Timeout) => {
                tell(format!("{part} ({} s)", since.elapsed().as_secs()));
                wait = again;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_parts_are_named_and_nothing_else() {
        let (parts, begun) = mpsc::channel();
        let (lines, told) = mpsc::channel();
        let (soon, never) = (Duration::from_millis(1), Duration::from_secs(3600));
        let names = thread::spawn(move || name_long_parts(&begun, soon, never, |line| lines.send(line).unwrap()));
        parts.send("reading".to_owned()).unwrap();
        assert_eq!(told.recv().unwrap(), "reading (0 s)");
        parts.send(String::new()).unwrap();
        parts.send("bounds".to_owned()).unwrap();
        assert_eq!(told.recv().unwrap(), "bounds (0 s)");
        drop(parts);
        names.join().unwrap();
        assert!(told.recv().is_err());
    }
}
