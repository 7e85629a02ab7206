//! Files that must not outlive the program: a program that is told to stop calls [`take_down`]
//! before it ends.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

type TakeDown = Box<dyn Fn(&Path) + Send>;

static LIVE: Mutex<Vec<(PathBuf, TakeDown)>> = Mutex::new(Vec::new());
static GATE: Mutex<()> = Mutex::new(());

/// A file or folder that is taken down when this is dropped, or when the program is told to stop.
pub(crate) struct Temporary {
    path: PathBuf,
}

impl Temporary {
    pub(crate) fn new(path: PathBuf, take_down: impl Fn(&Path) + Send + 'static) -> Self {
        live().push((path.clone(), Box::new(take_down)));
        Self { path }
    }

    /// Lets go of it: it has its final name.
    pub(crate) fn keep(self) {
        live().retain(|(path, _)| *path != self.path);
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _gate = gate();
        let mut live = live();
        if let Some(at) = live.iter().position(|(path, _)| *path == self.path) {
            let (path, take_down) = live.swap_remove(at);
            take_down(&path);
        }
    }
}

/// Holds back [`take_down`]: what is done under this guard is done whole.
pub(crate) fn gate() -> MutexGuard<'static, ()> {
    GATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn live() -> MutexGuard<'static, Vec<(PathBuf, TakeDown)>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every unfinished file and hidden folder of this program, behind what is being renamed.
/// For a program that ends at once: whatever goes on writing waits for ever.
pub fn take_down() {
    std::mem::forget(gate());
    for (path, take_down) in live().drain(..) {
        take_down(&path);
    }
}

/// Whether `file` is what `path` names.
pub(crate) fn is_same(file: &File, path: &Path) -> bool {
    let inode = |found: &Metadata| (found.dev(), found.ino());
    matches!((file.metadata(), path.symlink_metadata()), (Ok(a), Ok(b)) if inode(&a) == inode(&b))
}
