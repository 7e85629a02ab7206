//! Signals that tell a program to stop: Ctrl-C (SIGINT), SIGTERM and SIGHUP.
//!
//! A signal that was ignored when the program began, as SIGHUP is under `nohup`, stays ignored.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use car_spectral_formats::temporary::take_down;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Ends the program at the first signal, with nothing unfinished left behind. A file that grows
/// over the limit of the process (`ulimit -f`) is an error of its write from here on, and no longer
/// the end.
///
/// # Errors
/// The system's, if no thread can be started or no handler set; signals end the program as before
/// then.
pub fn end_when_told() -> io::Result<()> {
    when_told(|signal| end_by(signal))
}

/// Hands each signal to `handle`, in a thread of its own.
///
/// # Errors
/// As [`end_when_told`].
pub fn when_told(mut handle: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let ignored = ignored();
    let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(heard)?;
    let listen = move || signals.forever().for_each(&mut handle);
    thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop)
}

/// Removes what is unfinished and ends the program by `signal`, so that its parent sees which one
/// it was.
pub fn end_by(signal: i32) -> ! {
    take_down();
    let _ = emulate_default_handler(signal);
    std::process::abort()
}

/// The signals that are ignored, a bit each, the first for signal 1; none where the system does not
/// tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
