//! Files renamed one by one, and back if one cannot be.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::IsOwn;
use crate::FileError;

/// Where the earlier files go, in the hidden folder; renamed when all are there.
const LEAVING: &str = ".car-spectral-leaving";
const LEFT: &str = ".car-spectral-left";

/// Moves the files `earlier` out of `folder` and `names` from `hidden` into it. The first of
/// `names`, without which the others are no results, is the first to go and the last to come. After
/// an error, [`restore`] puts the earlier ones back.
pub(super) fn rename(hidden: &Path, folder: &Path, names: &[OsString], earlier: &[OsString]) -> Result<(), FileError> {
    let (leaving, left) = (hidden.join(LEAVING), hidden.join(LEFT));
    let is_first = |name: &&OsString| names.first() == Some(*name);
    let mut earlier: Vec<&OsString> = earlier.iter().collect();
    earlier.sort_by_key(|name| !is_first(name));
    let mut new: Vec<&OsString> = names.iter().collect();
    new.sort_by_key(is_first);
    fs::create_dir(&leaving).map_err(FileError::io(folder))?;
    for name in earlier {
        let path = folder.join(name);
        fs::rename(&path, leaving.join(name)).map_err(FileError::io(&path))?;
    }
    fs::rename(&leaving, &left).map_err(FileError::io(folder))?;
    for name in new {
        let path = folder.join(name);
        fs::rename(hidden.join(name), &path).map_err(FileError::io(&path))?;
    }
    Ok(())
}

/// Whether this is a folder in which [`rename`] keeps the earlier files.
pub(super) fn keeps_earlier(path: &Path) -> bool {
    path.ends_with(LEAVING) || path.ends_with(LEFT)
}

/// Ends what [`rename`] began in a hidden folder: removes the earlier files if all the new ones
/// have come, else puts them back. What cannot go back stays in the hidden folder.
pub(super) fn restore(hidden: &Path, folder: &Path, is_own: IsOwn) {
    let own = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| is_own(path).unwrap_or(false)).collect::<Vec<_>>()
    };
    let (leaving, left) = (hidden.join(LEAVING), hidden.join(LEFT));
    let undone = !own(hidden).is_empty();
    if undone && left.exists() {
        for path in own(folder) {
            let _ = fs::remove_file(path);
        }
    }
    for earlier in [leaving, left] {
        for path in own(&earlier) {
            let _ = match path.file_name() {
                Some(name) if undone => fs::rename(&path, folder.join(name)),
                _ => fs::remove_file(&path),
            };
        }
        let _ = fs::remove_dir(earlier);
    }
}
