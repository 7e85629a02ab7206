//! Several files of a folder, shown in one step: whoever looks into the folder, or kills the
//! program, at any moment, finds all the earlier ones or all the new ones.
//!
//! The new files are written into a hidden folder beside the one that they are for
//! (`.NAME.car-spectral-XXXXXX`), what is someone else's is linked into it, and the two folders
//! change names in one system call. Where that cannot be (the folder is the one that the program
//! runs in, a mount point, someone else's, in a folder that cannot be written, or holds more than
//! [`LINKED`] entries of someone else's), the files are renamed one by one, and renamed back if
//! that fails: then only a kill within the few milliseconds that the renaming takes leaves neither
//! set whole.
//!
//! Hidden folders of runs that were killed are told by the lock that they lost, and are taken down
//! by the next run.

mod exchange;
mod in_place;
mod staging;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{FileError, temporary};
use staging::Staging;

/// More entries that are not the program's are not linked.
pub const LINKED: usize = 1000;
/// Publishing takes milliseconds; whoever holds a folder for longer is stopped.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells whether a file that lies in a folder of results is one that the program wrote there.
pub type IsOwn = fn(&Path) -> std::io::Result<bool>;

/// The next files of a folder, not shown yet. Dropped before [`publish`](Self::publish), it leaves
/// nothing behind.
pub struct Publication {
    out: PathBuf,
    created: Vec<PathBuf>,
    staging: Option<Staging>,
    names: Vec<OsString>,
    is_own: IsOwn,
}

impl Publication {
    /// Begins the next files of the folder `out`, which is made if it is not there, and takes down
    /// what killed runs left beside it.
    ///
    /// # Errors
    /// [`FileError::Malformed`] if `out` is no folder; [`FileError::Io`] naming what could not be
    /// made.
    pub fn begin(out: &Path, is_own: IsOwn) -> Result<Self, FileError> {
        if out.exists() && !out.is_dir() {
            return Err(FileError::malformed(out, "exists and is not a directory; give another folder"));
        }
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let created = out.ancestors().take_while(missing).map(Path::to_owned).collect();
        let mut publication = Self { out: out.to_owned(), created, staging: None, names: Vec::new(), is_own };
        fs::create_dir_all(out).map_err(FileError::io(out))?;
        let folder = out.canonicalize().map_err(FileError::io(out))?;
        staging::take_down_abandoned(&folder, is_own).map_err(FileError::io(out))?;
        publication.staging = Some(Staging::beside(&folder, is_own).map_err(FileError::io(out))?);
        Ok(publication)
    }

    /// Keeps the bytes of the file `name` for later.
    ///
    /// # Errors
    /// [`FileError::Malformed`] if the folder has a file of this name that is not the program's;
    /// [`FileError::Io`].
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let target = self.out.join(name);
        self.check_free(&target)?;
        self.staging().write(name, bytes).map_err(FileError::io(&target))?;
        self.names.push(name.into());
        Ok(())
    }

    /// Shows the files: the folder holds them, what is someone else's, and none of the program's
    /// earlier ones. Gives their paths in the order in which they were added. Waits for another run
    /// that is publishing there.
    ///
    /// # Errors
    /// As [`add`](Self::add), and [`FileError::Malformed`] naming a folder that another run does
    /// not let go of. The folder is as it was before.
    pub fn publish(mut self) -> Result<Vec<PathBuf>, FileError> {
        let targets: Vec<PathBuf> = self.names.iter().map(|name| self.out.join(name)).collect();
        let staging = self.staging.as_ref().expect("begun");
        let lock = lock(&staging.folder, &self.out, PATIENCE)?;
        targets.iter().try_for_each(|target| self.check_free(target))?;
        {
            // Who is told to stop now stops behind this.
            let _gate = temporary::gate();
            let earlier = self.earlier()?;
            staging.adopt(&self.names).map_err(FileError::io(&self.out))?;
            if !exchange::exchange(staging, &earlier).map_err(FileError::io(&self.out))? {
                in_place::rename(&staging.path, &staging.folder, &self.names, &earlier)?;
            }
        }
        self.created.clear();
        drop(self.staging.take());
        drop(lock);
        Ok(targets)
    }

    fn staging(&self) -> &Staging {
        self.staging.as_ref().expect("begun")
    }

    /// The names of the program's files that the folder holds.
    fn earlier(&self) -> Result<Vec<OsString>, FileError> {
        let mut earlier = Vec::new();
        for entry in fs::read_dir(&self.out).map_err(FileError::io(&self.out))? {
            let path = entry.map_err(FileError::io(&self.out))?.path();
            if (self.is_own)(&path).map_err(FileError::io(&path))? {
                earlier.extend(path.file_name().map(OsString::from));
            }
        }
        Ok(earlier)
    }

    /// Refuses the path of a file to be published where someone else's is.
    ///
    /// # Errors
    /// [`FileError::Malformed`] naming it; [`FileError::Io`].
    pub fn check_free(&self, target: &Path) -> Result<(), FileError> {
        if target.symlink_metadata().is_ok() && !(self.is_own)(target).map_err(FileError::io(target))? {
            let problem = "is not a file that this program wrote; move it away, or choose another folder";
            return Err(FileError::malformed(target, problem));
        }
        Ok(())
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        drop(self.staging.take());
        for path in &self.created {
            // A folder that someone else has put something into stays.
            let _ = fs::remove_dir(path);
        }
    }
}

/// Waits until no other run is publishing in `folder`, no longer than `patience`. The lock is of
/// the folder that has this name now: a run that waited for one that has been exchanged goes on
/// waiting for the next.
fn lock(folder: &Path, out: &Path, patience: Duration) -> Result<File, FileError> {
    let begun = Instant::now();
    loop {
        let file = File::open(folder).map_err(FileError::io(out))?;
        match file.try_lock() {
            Ok(()) if temporary::is_same(&file, folder) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if begun.elapsed() > patience => {
                let problem = "another run is writing into this folder; wait for its end, or choose another one";
                return Err(FileError::malformed(out, problem));
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(20)),
            Err(TryLockError::Error(source)) => return Err(FileError::io(out)(source)),
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    // A full disk may show only here.
    file.sync_all()
}
