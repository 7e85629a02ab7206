//! Two things at a time.

use std::thread;

/// Runs `aside` in a second thread while `here` runs in this one; after it where no thread can be
/// started.
pub(crate) fn both<A: Send, B>(mut aside: impl FnMut() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    let (found, here) = thread::scope(|scope| {
        let second = thread::Builder::new().spawn_scoped(scope, &mut aside);
        let here = here();
        (second.ok().and_then(|second| second.join().ok()), here)
    });
    (found.unwrap_or_else(aside), here)
}
