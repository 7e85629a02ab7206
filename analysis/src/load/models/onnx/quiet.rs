//! Panics of the engine without their words on the terminal: what is said of a network is the error
//! that names it.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Steps that run now, in any thread; the engine may panic in threads of its own.
static STEPS: AtomicUsize = AtomicUsize::new(0);
static HOOK: Once = Once::new();

/// Runs a step; `None` if it panics, of which nothing is printed.
pub(super) fn quietly<T>(step: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if STEPS.load(Ordering::SeqCst) == 0 {
                before(panic);
            }
        }));
    });
    STEPS.fetch_add(1, Ordering::SeqCst);
    let done = catch_unwind(AssertUnwindSafe(step));
    STEPS.fetch_sub(1, Ordering::SeqCst);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::quietly;

    const CHILD: &str = "CAR_SPECTRAL_QUIET_PANIC";
    const WORDS: &str = "words of an engine";

    #[test]
    fn a_panic_is_caught_and_not_printed() {
        if std::env::var_os(CHILD).is_some() {
            assert_eq!(quietly(|| std::panic::panic_any(WORDS)), None::<()>);
            return assert_eq!(quietly(|| 3), Some(3));
        }
        // In a process of its own: the hook is one for all tests.
        let name = format!("{}::a_panic_is_caught_and_not_printed", module_path!().split_once("::").unwrap().1);
        let program = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new(program);
        child.args(["--exact", &name, "--nocapture"]).env(CHILD, "1");
        let ran = child.output().unwrap();
        let printed = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
        assert!(ran.status.success() && printed.contains("1 passed"), "{printed}");
        assert!(!printed.contains("panicked"), "{printed}");
    }
}
