//! A test of whether several threads share the work.

use std::error::Error;
use std::sync::OnceLock;

/// Whether rayon's pool has several threads. Where the system starts none, work is done by the
/// calling thread.
pub(crate) fn are_several() -> bool {
    static REFUSED: OnceLock<bool> = OnceLock::new();
    // An error with a source is the system's; one without says that the pool was there before.
    let refused = || rayon::ThreadPoolBuilder::new().build_global().is_err_and(|error| error.source().is_some());
    !REFUSED.get_or_init(refused) && rayon::current_num_threads() > 1
}
