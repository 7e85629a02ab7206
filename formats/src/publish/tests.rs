use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::*;

/// A folder `out` in a folder of its own.
fn fresh() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    (place, out)
}

/// Files of the program begin with `own`.
fn is_own(path: &Path) -> std::io::Result<bool> {
    Ok(path.symlink_metadata()?.is_file() && fs::read(path)?.starts_with(b"own"))
}

fn publish(out: &Path, files: &[(&str, &str)]) -> Result<Vec<PathBuf>, FileError> {
    let mut publication = Publication::begin(out, is_own)?;
    for (name, text) in files {
        publication.add(name, text.as_bytes())?;
    }
    publication.publish()
}

/// Every file below `folder` with its text.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
        } else {
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    found
}

fn expected(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
}

#[test]
fn files_are_replaced_together_and_nothing_else_is() {
    // With more entries of someone else's the files are renamed one by one; the outcome is the same.
    for others in [1, LINKED + 1] {
        let (place, out) = fresh();
        publish(&out, &[("a.json", "own 1"), ("a.html", "own 1"), ("stale", "own 1")]).unwrap();
        let mut kept = vec![("mine/deep/er.txt".to_owned(), "theirs".to_owned())];
        fs::create_dir_all(out.join("mine/deep")).unwrap();
        fs::write(out.join("mine/deep/er.txt"), "theirs").unwrap();
        for at in 0..others {
            kept.push((format!("note-{at}"), "theirs".to_owned()));
            fs::write(out.join(format!("note-{at}")), "theirs").unwrap();
        }
        std::os::unix::fs::symlink("nowhere", out.join("link")).unwrap();
        fs::set_permissions(out.join("a.json"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&out, fs::Permissions::from_mode(0o2751)).unwrap();
        let inode = fs::metadata(out.join("note-0")).unwrap().ino();
        let paths = publish(&out, &[("a.json", "own 2"), ("a.html", "own 2")]).unwrap();
        assert_eq!(paths, [out.join("a.json"), out.join("a.html")]);
        assert_eq!(fs::read_link(out.join("link")).unwrap(), Path::new("nowhere"));
        fs::remove_file(out.join("link")).unwrap();
        let mut all = expected(&[("a.json", "own 2"), ("a.html", "own 2")]);
        all.extend(kept);
        assert_eq!(files(&out), all);
        assert_eq!(fs::metadata(out.join("note-0")).unwrap().ino(), inode);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!((mode(&out.join("a.json")), mode(&out)), (0o600, 0o2751));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside");
    }
}

#[test]
fn what_is_someone_elses_is_refused_before_and_after() {
    let (_place, out) = fresh();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("a.json"), "theirs").unwrap();
    let refused = publish(&out, &[("a.json", "own")]).unwrap_err().to_string();
    assert!(refused.ends_with("a.json: is not a file that this program wrote; move it away, or choose another folder"));
    let mut late = Publication::begin(&out, is_own).unwrap();
    late.add("b.json", b"own").unwrap();
    std::os::unix::fs::symlink("a.json", out.join("b.json")).unwrap();
    assert!(late.publish().is_err());
    fs::remove_file(out.join("b.json")).unwrap();
    assert_eq!(files(&out), expected(&[("a.json", "theirs")]));
}

#[test]
fn a_publication_that_is_dropped_leaves_nothing() {
    let (place, out) = fresh();
    let mut publication = Publication::begin(&out.join("deep"), is_own).unwrap();
    publication.add("a.json", b"own").unwrap();
    drop(publication);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

/// What a kill leaves at each rename of the way one by one, put together by hand.
#[test]
fn the_next_run_puts_back_what_a_killed_one_moved_away() {
    let names = ["a.json", "b", "c"];
    for moved in 0..=2 * names.len() {
        let (place, out) = fresh();
        publish(&out, &names.map(|name| (name, "own 1"))).unwrap();
        fs::write(out.join("note"), "theirs").unwrap();
        let hidden = place.path().join(".out.car-spectral-a1B2c3");
        let (away, here) = (moved.min(names.len()), moved.saturating_sub(names.len()));
        let kept = hidden.join(if here > 0 { ".car-spectral-left" } else { ".car-spectral-leaving" });
        fs::create_dir_all(&kept).unwrap();
        for (at, name) in names.iter().enumerate() {
            if at < away {
                fs::rename(out.join(name), kept.join(name)).unwrap();
            }
            // The first comes last.
            let comes = (at + names.len() - 1) % names.len() < here;
            fs::write(if comes { out.join(name) } else { hidden.join(name) }, "own 2").unwrap();
        }
        drop(Publication::begin(&out, is_own).unwrap());
        let text = if here == names.len() { "own 2" } else { "own 1" };
        let mut all = expected(&names.map(|name| (name, text)));
        all.insert("note".to_owned(), "theirs".to_owned());
        assert_eq!(files(&out), all, "{moved} renamed");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "{moved} renamed");
    }
}

/// Killed behind the exchange, a run leaves the earlier folder with links of what is someone
/// else's, and perhaps with what came into it meanwhile.
#[test]
fn what_came_into_the_earlier_folder_comes_back() {
    let (place, out) = fresh();
    publish(&out, &[("a.json", "own 2")]).unwrap();
    fs::write(out.join("note"), "theirs").unwrap();
    let hidden = place.path().join(".out.car-spectral-a1B2c3");
    fs::create_dir_all(hidden.join("sub")).unwrap();
    fs::hard_link(out.join("note"), hidden.join("note")).unwrap();
    for (name, text) in [("a.json", "own 1"), ("late", "theirs"), ("sub/late", "own by its name, and theirs")] {
        fs::write(hidden.join(name), text).unwrap();
    }
    publish(&out, &[("a.json", "own 3")]).unwrap();
    let all =
        [("a.json", "own 3"), ("late", "theirs"), ("note", "theirs"), ("sub/late", "own by its name, and theirs")];
    assert_eq!(files(&out), expected(&all));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn runs_at_once_leave_the_files_of_one_of_them() {
    let (place, out) = fresh();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("note"), "theirs").unwrap();
    std::thread::scope(|scope| {
        for run in 0..4 {
            let out = &out;
            scope.spawn(move || {
                for round in 0..20 {
                    let text = format!("own {run} {round}");
                    publish(out, &[("a.json", &text), ("b", &text), ("c", &text)]).unwrap();
                }
            });
        }
    });
    let found = files(&out);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a.json", "b", "c", "note"]);
    assert!(found["a.json"] == found["b"] && found["b"] == found["c"], "{found:?}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_another_run_holds_is_refused_by_name_in_the_end() {
    let (_place, out) = fresh();
    publish(&out, &[("a", "own 1")]).unwrap();
    let patience = Duration::from_millis(100);
    let held = lock(&out, &out, patience).unwrap();
    let refused = lock(&out, &out, patience).unwrap_err().to_string();
    assert!(refused.contains("out: another run is writing into this folder"), "{refused}");
    drop(held);
    lock(&out, &out, patience).unwrap();
}
