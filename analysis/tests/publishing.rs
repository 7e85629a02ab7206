//! `analyze`, `experiments table` and `count` killed or told to stop at random moments, on full and
//! read-only disks: their folder holds the results of one run whole, of the earlier or of the new
//! one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Of the report, and of what else is published.
const KILLS: [usize; 2] = [200, 100];
/// SIGHUP, SIGINT, SIGTERM.
const STOPS: [i32; 3] = [1, 2, 15];

type Files = BTreeMap<String, Vec<u8>>;

/// A folder with the input of two runs, `a` and `b`, whose results are in the folder `out` of it.
struct Place {
    folder: tempfile::TempDir,
    command: fn(&str) -> Command,
    /// What the program is told to write.
    target: &'static str,
}

/// Says it where it is seen: the words of a test that passes are not.
fn not_tested(why: &str) {
    let _ = writeln!(std::io::stderr(), "not tested: {why}");
}

fn analyze(run: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_analyze"));
    command.args(["--predictions", &format!("{run}.csv"), "--weights", "none", "--format", "json,csv,md,tex"]);
    command
}

fn table(run: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_experiments"));
    command.args(["table", run, "--runs", "none"]);
    command
}

fn count(run: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_count"));
    command.arg(format!("{run}.csv"));
    command
}

impl Place {
    fn new(command: fn(&str) -> Command) -> Self {
        Self::with_target(command, "out")
    }

    fn of_count() -> Self {
        Self::with_target(count, "out/part")
    }

    fn with_target(command: fn(&str) -> Command, target: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (run, shift) in ["a", "b"].into_iter().zip(0..) {
            let row = |at: usize| {
                let score = |class: usize| ((at * 7 + class * (3 + shift)) % 11) as f64 / 4.0;
                format!("{},{},{},{}\n", at % 3, score(0), score(1), score(2))
            };
            let rows: String = (0..60).map(row).collect();
            fs::write(folder.path().join(format!("{run}.csv")), format!("label,logit_0,logit_1,logit_2\n{rows}"))
                .unwrap();
            fs::create_dir(folder.path().join(run)).unwrap();
            let experiment = format!("epochs = 4\n[experiment]\ntitle = 'Of {run}'\ndata = 'cifar10'\nseeds = [0]\n");
            fs::write(folder.path().join(run).join("1.toml"), experiment).unwrap();
        }
        Self { folder, command, target }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn start(&self, run: &str) -> Child {
        let mut command = (self.command)(run);
        command.args(["--out", self.target]).current_dir(self.folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn hidden(&self) -> usize {
        let listed = [self.folder.path().to_owned(), self.out()].map(|folder| fs::read_dir(folder).unwrap());
        let names = listed.into_iter().flatten().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().starts_with('.')).count()
    }

    /// The files of both results, each of a run to its end, and how long one takes.
    fn whole(&self) -> ([Files; 2], Duration) {
        let begun = Instant::now();
        let whole = ["a", "b"].map(|run| {
            assert!(self.start(run).wait().unwrap().success());
            fs::write(self.out().join("note"), "theirs").unwrap();
            files(&self.out())
        });
        assert!(whole[0] != whole[1] && whole[0].len() > 1);
        (whole, begun.elapsed() / 2)
    }
}

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

#[test]
fn killed_at_any_moment_analyze_leaves_one_report_whole() {
    kill_at_random(&Place::new(analyze), KILLS[0]);
}

#[test]
fn killed_at_any_moment_experiments_leaves_one_table_whole() {
    kill_at_random(&Place::new(table), KILLS[1]);
}

fn kill_at_random(place: &Place, kills: usize) {
    let (whole, lasts) = place.whole();
    let seed = rand::random();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut mixed, mut lost) = (0, 0);
    for kill in 0..kills {
        let mut run = place.start(["a", "b"][kill % 2]);
        std::thread::sleep(lasts.mul_f64(random.random_range(0.0..1.3)));
        run.kill().unwrap();
        run.wait().unwrap();
        let found = if place.out().is_dir() { files(&place.out()) } else { Files::new() };
        let is_there = |of: &Files| of.keys().all(|name| found.contains_key(name));
        if !whole.iter().any(is_there) {
            lost += 1;
        } else if !whole.contains(&found) {
            mixed += 1;
        }
    }
    let _ = writeln!(std::io::stderr(), "{kills} kills (seed {seed}): {mixed} mixed, {lost} lost");
    assert_eq!((mixed, lost), (0, 0), "seed {seed}");
    assert!(place.start("a").wait().unwrap().success());
    assert_eq!((files(&place.out()) == whole[0], place.hidden()), (true, 0));
}

#[test]
fn on_a_full_disk_the_earlier_report_stays_whole() {
    fill_the_disk(&Place::new(analyze));
}

#[test]
fn on_a_full_disk_the_earlier_table_stays_whole() {
    fill_the_disk(&Place::new(table));
}

#[test]
fn on_a_full_disk_the_earlier_counts_stay_whole() {
    fill_the_disk(&Place::of_count());
}

/// Runs on disks of every size, a page more each, that hold the results of an earlier run: what
/// does not fit changes nothing.
fn fill_the_disk(place: &Place) {
    let (whole, _) = place.whole();
    let (mut refused, mut done) = (0, 0);
    for pages in 1.. {
        let mut program = (place.command)("a");
        program.args(["--out", &format!("disk/{}", place.target)]);
        let script = format!(
            "mkdir -p disk; mount -t tmpfs -o size={}k none disk || exit 42; cp -r out disk 2>/dev/null || exit 43; \"$@\"; \
             ended=$?; rm -rf after; cp -r disk/out after; ls -A disk > listing; exit $ended",
            4 * pages
        );
        let ran = Command::new("unshare")
            .args(["-rm", "sh", "-c", &script, "sh"])
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir(place.folder.path())
            .output();
        let Ok(ran) = ran else { return not_tested("no program `unshare`") };
        let said = String::from_utf8_lossy(&ran.stderr);
        match ran.status.code() {
            Some(43) if refused + done == 0 => continue,
            Some(1) if said.contains("No space left") => {
                assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
                refused += 1;
            }
            Some(0) => done += 1,
            _ if refused + done == 0 && !said.contains("panicked") => {
                return not_tested(&format!("a disk cannot be made here: {said}"));
            }
            status => panic!("{pages} pages: {status:?}: {said}"),
        }
        let folder = |name: &str| place.folder.path().join(name);
        assert_eq!(fs::read_to_string(folder("listing")).unwrap(), "out\n", "{pages} pages");
        let after = files(&folder("after"));
        // The new results name another folder than those compared with.
        let new = after.keys().eq(whole[0].keys()) && after != whole[1];
        assert!(if ran.status.success() { new } else { after == whole[1] }, "{pages} pages: {said}");
        if done == 2 {
            break;
        }
    }
    // The file of counts fits into a page.
    let least = if place.target == "out" { 3 } else { 1 };
    assert!(refused >= least, "{refused}");
}

/// Where results cannot be written, or nobody takes the words: the exit code, and whose results are
/// there afterwards.
#[test]
fn what_the_system_refuses_ends_with_1_and_changes_nothing() {
    let read_only = "mkdir -p disk && mount -t tmpfs none disk && cp -r out disk && mount -o remount,ro none disk || exit 42; \
                     ended=0; \"$@\" --out disk/$TARGET || ended=$?; rm -rf after; cp -r disk/out after; ls -A disk > listing; exit $ended";
    let here = |shell: &str| {
        format!("ended=0; {shell} || ended=$?; rm -rf after; cp -r out after; ls -A > listing; exit $ended")
    };
    let closed = here("\"$@\" --out $TARGET >&-");
    let full = here("\"$@\" --out $TARGET >/dev/full");
    let limited = |blocks: usize| here(&format!("(ulimit -f {blocks}; exec \"$@\" --out $TARGET)"));
    // A report's words are its result; of counts and of tables, which lie in files, they are not.
    for (name, place, heard, blocks) in
        [("analyze", Place::new(analyze), 1, 1), ("table", Place::new(table), 0, 1), ("count", Place::of_count(), 0, 0)]
    {
        let (whole, _) = place.whole();
        for (what, script, code, is_new, says) in [
            ("read-only", read_only, 1, false, "ead-only file system"),
            ("closed", &closed, 0, true, ""),
            ("full", &full, heard, true, if heard == 1 { "No space left" } else { "" }),
            ("limited", &limited(blocks), 1, false, "File too large"),
        ] {
            assert!(place.start("b").wait().unwrap().success());
            let program = (place.command)("a");
            let mut shell = if what == "read-only" { Command::new("unshare") } else { Command::new("sh") };
            shell.args(if what == "read-only" { &["-rm", "sh"][..] } else { &[] }).args(["-c", script, "sh"]);
            shell.arg(program.get_program()).args(program.get_args());
            let Ok(ran) = shell.env("TARGET", place.target).current_dir(place.folder.path()).output() else {
                not_tested("no program `unshare`");
                continue;
            };
            let said = String::from_utf8_lossy(&ran.stderr);
            if what == "read-only" && ran.status.code() != Some(code) && !said.contains("error: ") {
                not_tested(&format!("a disk cannot be made here: {said}"));
                continue;
            }
            let told = format!("{name}, {what}: {said}");
            assert_eq!(ran.status.code(), Some(code), "{told}");
            assert!(said.contains(says) && said.lines().count() <= 1 && !said.contains("panicked"), "{told}");
            let after = files(&place.folder.path().join("after"));
            assert!(after == whole[usize::from(!is_new)], "{told}");
            let listing = fs::read_to_string(place.folder.path().join("listing")).unwrap();
            assert!(!listing.lines().any(|name| name.starts_with('.')), "{told}: {listing}");
        }
    }
}

#[test]
fn what_is_published_keeps_the_owners_of_what_it_replaces() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return not_tested("owners, for only root gives files away");
    }
    const NOBODY: u32 = 65534;
    for place in [Place::new(analyze), Place::new(table), Place::of_count()] {
        place.whole();
        let out = place.out();
        let paths = || fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).chain([out.clone()]);
        paths().for_each(|path| chown(path, Some(NOBODY), Some(NOBODY)).unwrap());
        let before = files(&out);
        assert!(place.start("a").wait().unwrap().success());
        assert!(files(&out) != before);
        for path in paths() {
            let found = path.metadata().unwrap();
            assert_eq!((found.uid(), found.gid()), (NOBODY, NOBODY), "{}", path.display());
        }
    }
}

#[test]
fn over_a_quota_the_earlier_report_stays_whole() {
    exceed_the_quota(&Place::new(analyze));
}

#[test]
fn over_a_quota_the_earlier_table_stays_whole() {
    exceed_the_quota(&Place::new(table));
}

/// Lets each call that can ask for room, one a run, fail as it does over a quota.
fn exceed_the_quota(place: &Place) {
    let (whole, _) = place.whole();
    let Some((_, opened)) = traced(place, "a", &["trace=openat"]) else { return };
    let mut by_thread = BTreeMap::new();
    let mut creating = BTreeSet::new();
    for line in opened.lines() {
        let number = by_thread.entry(line.split(' ').next()).or_insert(0_usize);
        *number += 1;
        creating.extend(line.contains("O_CREAT").then_some(*number));
    }
    let mut refused = 0;
    for call in ["write", "fsync", "mkdir", "rename", "renameat2", "openat"] {
        let numbers: Vec<usize> =
            if call == "openat" { creating.iter().copied().collect() } else { (1..=200).collect() };
        for nth in numbers {
            let filters = [format!("trace={call}"), format!("inject={call}:error=EDQUOT:when={nth}")];
            let Some((ran, calls)) = traced(place, ["b", "a"][nth % 2], &filters.each_ref().map(String::as_str)) else {
                return;
            };
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(whole.contains(&files(&place.out())) && !said.contains("panicked"), "{call} {nth}: {said}");
            // What only reads asks for no room; the next run clears what such a fault leaves.
            let injected = calls.lines().find(|line| line.contains("INJECTED")).unwrap_or_default();
            if call != "openat" || injected.contains("O_CREAT") {
                assert_eq!(place.hidden(), 0, "{injected}: {said}");
            }
            refused += usize::from(said.contains("quota"));
            if injected.is_empty() {
                assert!(ran.status.success(), "{said}");
                break;
            }
        }
    }
    assert!(refused > 9, "{refused}");
}

#[test]
fn killed_at_each_call_analyze_leaves_one_report_whole() {
    kill_at_each_call(&Place::new(analyze));
}

#[test]
fn killed_at_each_call_experiments_leaves_one_table_whole() {
    kill_at_each_call(&Place::new(table));
}

/// Kills a run before each call that changes a folder, and so behind each.
fn kill_at_each_call(place: &Place) {
    const CALLS: &str =
        "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,chmod,fchmod,fchmodat,flock";
    let (whole, _) = place.whole();
    for nth in 1.. {
        let filters = [format!("trace={CALLS}"), format!("inject={CALLS}:signal=KILL:when={nth}")];
        let Some((ran, calls)) = traced(place, ["b", "a"][nth % 2], &filters.each_ref().map(String::as_str)) else {
            return;
        };
        let last = calls.lines().last().unwrap_or_default();
        assert!(whole.contains(&files(&place.out())), "{nth}: {last}");
        if ran.status.success() {
            // Each file of a report is made durable, and the folder is exchanged.
            assert!(nth > whole[0].len(), "{nth} calls");
            break;
        }
        assert_eq!(ran.status.signal(), Some(9), "{last}");
    }
    assert!(place.start("a").wait().unwrap().success());
    assert_eq!((files(&place.out()) == whole[0], place.hidden()), (true, 0));
}

/// How a run ended, and its calls; `None` where they cannot be followed.
fn traced(place: &Place, run: &str, filters: &[&str]) -> Option<(Output, String)> {
    let run = (place.command)(run);
    let mut strace = Command::new("strace");
    strace.args(["-fqqo", "calls"]).args(filters.iter().flat_map(|filter| ["-e", filter]));
    strace.arg(run.get_program()).args(run.get_args()).args(["--out", "out"]).current_dir(place.folder.path());
    let Ok(ran) = strace.output() else {
        not_tested("no program `strace`");
        return None;
    };
    let calls = fs::read_to_string(place.folder.path().join("calls"));
    if calls.is_err() {
        not_tested(&String::from_utf8_lossy(&ran.stderr));
    }
    Some((ran, calls.ok()?))
}

#[test]
fn told_to_stop_analyze_cleans_up_and_ends_by_the_signal() {
    tell_to_stop(&Place::new(analyze));
}

#[test]
fn told_to_stop_experiments_cleans_up_and_ends_by_the_signal() {
    tell_to_stop(&Place::new(table));
}

#[test]
fn told_to_stop_count_cleans_up_and_ends_by_the_signal() {
    tell_to_stop(&Place::of_count());
}

fn tell_to_stop(place: &Place) {
    let (whole, lasts) = place.whole();
    let seed = rand::random();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut stopped = 0;
    for round in 0..30 {
        let mut run = place.start(["a", "b"][round % 2]);
        std::thread::sleep(lasts.mul_f64(random.random_range(0.0..1.1)));
        let signal = STOPS[round % 3];
        // Where it has ended by itself, nobody hears.
        let _ = Command::new("kill").arg(format!("-{signal}")).arg(run.id().to_string()).stderr(Stdio::null()).status();
        let status = run.wait().unwrap();
        // A signal ignored by whoever runs this test stays ignored.
        assert!(status.success() || status.signal() == Some(signal), "{status}, seed {seed}");
        stopped += usize::from(!status.success());
        assert!(whole.contains(&files(&place.out())), "seed {seed}");
        assert_eq!(place.hidden(), 0, "seed {seed}");
    }
    assert!(stopped > 0);
}

#[test]
fn a_killed_count_leaves_no_file_or_a_whole_one() {
    let place = Place::of_count();
    fs::create_dir(place.out()).unwrap();
    let start = |out: &str| {
        let mut command = count("a");
        command.args(["--out", out]).current_dir(place.folder.path()).stdout(Stdio::null());
        command.spawn().unwrap()
    };
    let begun = Instant::now();
    assert!(start("whole").wait().unwrap().success());
    let (whole, lasts) = (fs::read(place.folder.path().join("whole")).unwrap(), begun.elapsed());
    let seed = rand::random();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let file = place.folder.path().join("part");
    for _ in 0..KILLS[1] {
        let mut run = start("part");
        std::thread::sleep(lasts.mul_f64(random.random_range(0.0..1.5)));
        run.kill().unwrap();
        run.wait().unwrap();
        match fs::read(&file) {
            Ok(found) => assert_eq!(found, whole, "seed {seed}"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "seed {seed}"),
        }
        let _ = fs::remove_file(&file);
    }
    assert!(start("part").wait().unwrap().success());
    assert_eq!((fs::read(&file).unwrap() == whole, place.hidden()), (true, 0));
}
