//! The sweep: each missing run is a child process `train --config FILE --seed N --resume`, so that
//! whatever happens to it costs at most one epoch; some at a time.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::say;
use car_spectral_formats::quoting::printable;
use car_spectral_formats::{FileError, append_to_regular, read_regular};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::arguments::RunArguments;
use super::plan::{self, Planned};
use crate::AnalysisError;
use car_spectral_runs::terminal::tell;

/// What a run writes to its standard output and error.
const LOG: &str = "train.log";
/// How often the children are looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// A run that is to be done.
#[derive(Debug)]
struct Job<'a> {
    plan: &'a Planned,
    seed: u64,
    data: String,
    /// Epochs done when it was last started; `None` if it has not been.
    started_at: Option<usize>,
    /// Bytes of its log then.
    log_length: usize,
}

struct Running<'a> {
    job: Job<'a>,
    child: Child,
    line: ProgressBar,
}

/// Runs what is missing.
///
/// # Errors
/// Those of the files; [`AnalysisError::Usage`] for data given twice or `train` not being built;
/// [`AnalysisError::FailedRuns`] when all others are done.
pub(super) fn run(arguments: &RunArguments) -> Result<(), AnalysisError> {
    for (at, source) in arguments.data.iter().enumerate() {
        if arguments.data[..at].iter().any(|other| other.kind == source.kind) {
            let problem = format!("--data: two folders for {}; give one", source.kind.name());
            return Err(AnalysisError::Usage { problem });
        }
    }
    let train = train_program()?;
    let planned = plan::read(&arguments.experiments)?;
    let (queue, finished, left_out) = queue(&planned, arguments)?;
    for plan in &left_out {
        let kind = plan.experiment.data.name();
        tell(format_args!("left out: {}, for want of --data {kind}:DIR", plan.name));
    }
    if left_out.len() == planned.len() {
        let problem = "no experiment is on the data given; give --data KIND:DIR of what they are on".to_owned();
        return Err(AnalysisError::Usage { problem });
    }
    check(&train, &queue, arguments)?;
    let todo = queue.len();
    tell(format_args!("finished before: {finished}, to be done: {todo}, {} at a time", arguments.jobs));
    let failures = Sweep::new(arguments, &train, queue).run();
    say(format_args!(
        "{} of {} runs finished in {}",
        finished + todo - failures.len(),
        finished + todo,
        arguments.runs.display()
    ));
    if failures.is_empty() {
        return Ok(());
    }
    let count = crate::words::counted(failures.len(), "run", "runs");
    Err(AnalysisError::FailedRuns { problem: format!("{count} failed:\n  {}", failures.join("\n  ")) })
}

/// Whether `train` takes what it will be given: a mistake in the last file is found now, not when
/// its turn comes.
fn check(train: &Path, queue: &VecDeque<Job<'_>>, arguments: &RunArguments) -> Result<(), AnalysisError> {
    if arguments.runs.to_str().is_none() {
        let problem = format!("--runs {}: the path is not UTF-8; choose another", arguments.runs.display());
        return Err(AnalysisError::Usage { problem });
    }
    let mut refused: Vec<String> = Vec::new();
    // `train` tells a flag that the sweep gives from one of the file.
    let mut usage = true;
    let mut seen = BTreeSet::new();
    for job in queue.iter().filter(|job| seen.insert(&job.plan.name)) {
        let told = Command::new(train)
            .args(job.plan.arguments(&job.data, &arguments.runs, job.seed))
            .args(run_arguments(arguments))
            .arg("--check")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| FileError::Io { path: train.to_owned(), source })?;
        if !told.status.success() {
            let reason = told_reason(&String::from_utf8_lossy(&told.stderr));
            let file = job.plan.file.path.display().to_string();
            let says_where = reason.strip_prefix("error: ").filter(|said| said.starts_with(&file));
            refused.push(crate::words::readable(&says_where.map_or(format!("{file}: {reason}"), str::to_owned)));
            usage &= told.status.code() == Some(2);
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let count = crate::words::counted(refused.len(), "experiment is", "experiments are");
    let problem = format!("{count} refused, nothing was begun:\n  {}", refused.join("\n  "));
    Err(if usage { AnalysisError::Usage { problem } } else { AnalysisError::Mismatch { problem } })
}

/// Arguments of `train` that are the same for every run.
fn run_arguments(arguments: &RunArguments) -> [String; 5] {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = arguments.threads.unwrap_or((cores / usize::from(arguments.jobs)).max(1));
    ["--device", &arguments.device, "--threads", &threads.to_string(), "--resume"].map(str::to_owned)
}

/// `train` beside this program.
fn train_program() -> Result<PathBuf, AnalysisError> {
    let name = format!("train{}", std::env::consts::EXE_SUFFIX);
    let own = std::env::current_exe();
    let own = own.map_err(|source| FileError::Io { path: "this program".into(), source })?;
    let train = own.with_file_name(name);
    if train.is_file() {
        return Ok(train);
    }
    let problem = format!("{} is not there; build it: cargo build --bin train --bin experiments", train.display());
    Err(AnalysisError::Usage { problem })
}

type Queue<'a> = (VecDeque<Job<'a>>, usize, Vec<&'a Planned>);

/// The first seed of all experiments, then the second, and so on; how many runs are finished;
/// experiments without data.
fn queue<'a>(planned: &'a [Planned], arguments: &RunArguments) -> Result<Queue<'a>, AnalysisError> {
    let (with_data, left_out): (Vec<&Planned>, Vec<&Planned>) =
        planned.iter().partition(|plan| plan.source(&arguments.data).is_some());
    let most = with_data.iter().map(|plan| plan.experiment.seeds.len()).max().unwrap_or(0);
    let (mut queue, mut finished) = (VecDeque::new(), 0);
    for round in 0..most {
        for plan in &with_data {
            let Some(&seed) = plan.experiment.seeds.get(round) else { continue };
            if plan.is_finished(&arguments.runs, seed)? {
                finished += 1;
                continue;
            }
            let source = plan.source(&arguments.data).expect("partitioned by it");
            let data = format!("{}:{}", source.kind.name(), source.folder.display());
            queue.push_back(Job { plan, seed, data, started_at: None, log_length: 0 });
        }
    }
    Ok((queue, finished, left_out))
}

struct Sweep<'a> {
    arguments: &'a RunArguments,
    train: &'a Path,
    queue: VecDeque<Job<'a>>,
    running: Vec<Running<'a>>,
    /// Epochs of the runs that have ended.
    epochs_behind: usize,
    bars: MultiProgress,
    total: ProgressBar,
    failures: Vec<String>,
}

impl<'a> Sweep<'a> {
    fn new(arguments: &'a RunArguments, train: &'a Path, queue: VecDeque<Job<'a>>) -> Self {
        let epochs: usize = queue.iter().map(|job| job.plan.epochs).sum();
        let bars = MultiProgress::new();
        let total = bars.add(
            ProgressBar::new(epochs as u64).with_style(
                ProgressStyle::with_template("{wide_bar} {pos}/{len} epochs, {elapsed}, {eta} left")
                    .expect("a valid template"),
            ),
        );
        Self { arguments, train, queue, running: Vec::new(), epochs_behind: 0, bars, total, failures: Vec::new() }
    }

    /// Until nothing is left; the failures.
    fn run(mut self) -> Vec<String> {
        // What is done already says nothing of the time that the rest takes.
        let before: usize = self.queue.iter().map(|job| self.epochs_done(job)).sum();
        self.total.set_position(before as u64);
        self.total.reset_eta();
        while !(self.queue.is_empty() && self.running.is_empty()) {
            while self.running.len() < usize::from(self.arguments.jobs)
                && let Some(job) = self.queue.pop_front()
            {
                self.start(job);
            }
            thread::sleep(PERIOD);
            let mut at = 0;
            while at < self.running.len() {
                match self.running[at].child.try_wait() {
                    Ok(None) => at += 1,
                    Ok(Some(status)) => {
                        let ended = self.running.remove(at);
                        self.end(ended, status);
                    }
                    Err(error) => {
                        let mut ended = self.running.remove(at);
                        let _ = ended.child.kill();
                        self.fail(&ended.job, &error.to_string());
                    }
                }
            }
            self.show();
        }
        self.total.finish_and_clear();
        self.failures
    }

    fn folder(&self, job: &Job<'_>) -> PathBuf {
        job.plan.folder(&self.arguments.runs, job.seed)
    }

    /// Lines of the run's log.
    fn epochs_done(&self, job: &Job<'_>) -> usize {
        let bytes = read_regular(&self.folder(job).join("metrics.jsonl")).unwrap_or_default();
        bytes.iter().filter(|&&byte| byte == b'\n').count().min(job.plan.epochs)
    }

    fn say(&self, text: &str) {
        if self.total.is_hidden() {
            tell(text);
        } else {
            // A terminal that takes no more text stops no run.
            let _ = self.bars.println(printable(text));
        }
    }

    fn start(&mut self, mut job: Job<'a>) {
        let done = self.epochs_done(&job);
        job.started_at = Some(done);
        job.log_length = fs::metadata(self.folder(&job).join(LOG)).map_or(0, |facts| facts.len() as usize);
        let name = job.plan.run_name(job.seed);
        match self.spawn(&job) {
            Ok(child) => {
                self.say(&format!(
                    "{name}: {}",
                    if done == 0 { "begins".to_owned() } else { format!("goes on after epoch {done}") }
                ));
                let style = ProgressStyle::with_template("  {prefix}: {pos}/{len} epochs, {elapsed}");
                let line = ProgressBar::new(job.plan.epochs as u64)
                    .with_style(style.expect("a valid template"))
                    .with_prefix(name);
                let line = self.bars.insert_before(&self.total, line);
                self.running.push(Running { job, child, line });
            }
            Err(error) => self.fail(&job, &error.to_string()),
        }
    }

    fn spawn(&self, job: &Job<'_>) -> Result<Child, FileError> {
        let folder = self.folder(job);
        fs::create_dir_all(&folder).map_err(FileError::io(&folder))?;
        let path = folder.join(LOG);
        let log = append_to_regular(&path)?;
        Command::new(self.train)
            .args(job.plan.arguments(&job.data, &self.arguments.runs, job.seed))
            .args(run_arguments(self.arguments))
            // Sent when the thread that starts the child ends: the sweep starts all of them from its main one.
            .args(["--end-with-parent", &std::process::id().to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(FileError::io(&path))?)
            .stderr(log)
            .spawn()
            .map_err(FileError::io(self.train))
    }

    fn end(&mut self, ended: Running<'a>, status: ExitStatus) {
        ended.line.finish_and_clear();
        let job = ended.job;
        let (name, done) = (job.plan.run_name(job.seed), self.epochs_done(&job));
        if status.success() {
            match job.plan.record(&self.arguments.runs, job.seed) {
                Ok(()) => {
                    self.epochs_behind += job.plan.epochs;
                    self.say(&format!("{name}: finished"));
                }
                Err(error) => self.fail(&job, &error.to_string()),
            }
        } else if status.code().is_none() && job.started_at.is_some_and(|before| done > before) {
            self.say(&format!("{name}: {status} after epoch {done}; goes on"));
            self.queue.push_front(job);
        } else {
            self.fail(&job, &status.to_string());
        }
    }

    fn fail(&mut self, job: &Job<'_>, reason: &str) {
        let log = self.folder(job).join(LOG);
        let text = read_regular(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(job.log_length..).unwrap_or_default()).into_owned();
        let last = told_reason(&text);
        let failure = crate::words::readable(&format!(
            "{}: {reason}; {last} (log: {})",
            job.plan.run_name(job.seed),
            log.display()
        ));
        self.epochs_behind += job.plan.epochs;
        self.say(&failure);
        self.failures.push(failure);
    }

    fn show(&self) {
        let mut position = self.epochs_behind;
        for running in &self.running {
            let done = self.epochs_done(&running.job);
            running.line.set_position(done as u64);
            position += done;
        }
        position += self.queue.iter().map(|job| self.epochs_done(job)).sum::<usize>();
        self.total.set_position(position as u64);
    }
}

/// What a log says of the end of its run: the last paragraph that begins with `error`, or the last
/// line. (A run of an earlier sweep that is still going on may write into the same log.)
fn told_reason(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    match lines.iter().rposition(|line| line.starts_with("error")) {
        Some(at) => {
            lines[at..].iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
        }
        None => lines.iter().rev().find(|line| !line.trim().is_empty()).copied().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_error_or_else_the_last_line() {
        assert_eq!(told_reason(""), "");
        assert_eq!(told_reason("epoch 1\nkilled\n\n"), "killed");
        let clap =
            "error: the following arguments were not provided:\n  --car <PRESET>\n\nUsage: train\n\nTry '--help'.\n";
        assert_eq!(told_reason(clap), "error: the following arguments were not provided: --car <PRESET>");
        assert_eq!(told_reason("error: first\nerror: --out: taken\n\nresults  runs/a\n"), "error: --out: taken");
    }
}
