//! Methods measured in turn, so that a disturbance of the machine meets all of them: wall clock and
//! processor time.

use std::process::Command;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// A method is measured by three runs if they take longer than this in all, and by one that takes
/// as long.
const PATIENCE_S: f64 = 3.0;
const FEW: usize = 3;

/// Seconds of a run.
#[derive(Clone, Copy)]
pub struct Time {
    pub wall: f64,
    /// Processor time of all threads of the process.
    pub processor: f64,
}

/// A method and its runs.
pub struct Row {
    pub name: String,
    times: Vec<Time>,
}

impl Row {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), times: Vec::new() }
    }

    pub fn add(&mut self, time: Time) {
        self.times.push(time);
    }

    /// Tells whether it has been measured often enough, slow as it is.
    pub fn is_done(&self) -> bool {
        let taken: f64 = self.times.iter().map(|time| time.wall).sum();
        taken > PATIENCE_S && (self.times.len() >= FEW || self.times[0].wall > PATIENCE_S)
    }

    /// Quartile `at` of the wall times: 0 is the fastest, 2 the median.
    pub fn wall(&self, at: usize) -> f64 {
        self.quartile(|time| time.wall, at)
    }

    /// Median of the processor times.
    pub fn processor(&self) -> f64 {
        self.quartile(|time| time.processor, 2)
    }

    fn quartile(&self, of: impl Fn(&Time) -> f64, at: usize) -> f64 {
        let mut times: Vec<f64> = self.times.iter().map(of).collect();
        times.sort_by(f64::total_cmp);
        times[at * (times.len() - 1) / 4]
    }
}

/// Seconds of a run, from so many in a row.
pub fn time(inner: usize, mut work: impl FnMut()) -> Time {
    let (start, processor) = (Instant::now(), processor_s());
    (0..inner).for_each(|_| work());
    Time { wall: start.elapsed().as_secs_f64() / inner as f64, processor: (processor_s() - processor) / inner as f64 }
}

fn processor_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Runs this program again, for every number of threads, in the environment that is read before
/// main: one thread for BLAS, and huge pages for large arrays, which NumPy asks for and a `Vec`
/// does not. Returns the number of threads in each of these runs, and never in the first one.
pub fn threads(numbers: &[usize]) -> usize {
    const THREADS: &str = "RAYON_NUM_THREADS";
    const IS_SET: &str = "CAR_SPECTRAL_BENCH";
    if std::env::var_os(IS_SET).is_some() {
        let threads = std::env::var(THREADS).ok().and_then(|threads| threads.parse().ok());
        return threads.expect("it is set together with the other");
    }
    let this = std::env::current_exe().expect("a running program has a file");
    for threads in numbers {
        let mut run = Command::new(&this);
        run.args(std::env::args_os().skip(1)).env(IS_SET, "1").env(THREADS, threads.to_string());
        for (name, value) in
            [("OPENBLAS_NUM_THREADS", "1"), ("OMP_NUM_THREADS", "1"), ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")]
        {
            run.env(name, value);
        }
        let status = run.status().expect("this program runs a second time");
        if !status.success() {
            std::process::exit(status.code().unwrap_or(1));
        }
    }
    std::process::exit(0);
}
