//! Parts that the end-to-end tests share: the programs as a user runs them, a small synthetic data
//! set, two small trained runs, prediction files, and the independent recomputation in Python.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::SystemTime;

use ndarray::{Array1, Array2, ArrayView, ArrayView1, Dimension};
use ndarray_npy::{NpzReader, NpzWriter, WritableElement};
use serde_json::Value;

/// The programs of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `analyze`, of the crate car-spectral-analysis.
    Analyze,
    /// `train`, of the crate car-spectral-training.
    Train,
    /// `experiments`, of the crate car-spectral-analysis; it runs the `train` that lies beside it.
    Experiments,
}

impl Program {
    /// Name of the executable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Train => "train",
            Self::Experiments => "experiments",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Analyze | Self::Experiments => "car-spectral-analysis",
            Self::Train => "car-spectral-training",
        }
    }

    /// Whether an executable is one with libtorch: `analyze` can be built without.
    fn runs_weights(self, path: &Path) -> bool {
        let version = || Command::new(path).arg("--version").output();
        self != Self::Analyze
            || version().is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("libtorch"))
    }

    /// The executable, built with the profile of the running test unless it lies beside it and is
    /// newer than its sources. The variable CAR_SPECTRAL_PROGRAMS names a folder of finished
    /// programs to test instead.
    pub fn path(self) -> &'static Path {
        static PATHS: [OnceLock<PathBuf>; 3] = [const { OnceLock::new() }; 3];
        PATHS[self as usize].get_or_init(|| {
            if let Some(folder) = std::env::var_os("CAR_SPECTRAL_PROGRAMS") {
                return PathBuf::from(folder).join(self.name());
            }
            let beside = profile_folder().join(self.name());
            let modified = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
            if modified(&beside).is_some_and(|built| built > newest_source()) && self.runs_weights(&beside) {
                return beside;
            }
            let build = escargot::CargoBuild::new().package(self.package()).bin(self.name());
            let build = if self == Self::Train { build } else { build.features("torch") };
            let build = build.manifest_path(repository().join("Cargo.toml"));
            let build = if profile_folder().ends_with("release") { build.release() } else { build };
            let built = build.run().unwrap_or_else(|error| panic!("{} does not build: {error}", self.name()));
            built.path().to_owned()
        })
    }
}

/// Folder of the workspace.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

/// `target/debug` or `target/release` of the running test.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has an executable");
    test.ancestors().nth(2).expect("cargo puts tests into target/PROFILE/deps").to_owned()
}

fn newest_source() -> SystemTime {
    fn newest(path: &Path) -> SystemTime {
        if path.is_dir() {
            let entries = fs::read_dir(path).expect("a source folder can be listed");
            return entries.flatten().map(|entry| newest(&entry.path())).max().unwrap_or(SystemTime::UNIX_EPOCH);
        }
        fs::metadata(path).and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    }
    let parts = ["src", "formats", "data", "runs", "training", "analysis", "Cargo.toml", "Cargo.lock"];
    parts.iter().map(|part| newest(&repository().join(part))).max().expect("there are parts")
}

/// The end of a program: how it ended and what it said.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a program in the workspace's folder, without a terminal.
pub fn run<S: AsRef<std::ffi::OsStr>>(program: Program, arguments: impl IntoIterator<Item = S>) -> Ended {
    let mut command = Command::new(program.path());
    command.args(arguments);
    run_command(command)
}

/// Runs a command as [`run`] does.
pub fn run_command(mut command: Command) -> Ended {
    command.current_dir(repository()).stdin(Stdio::null());
    // What a user sees without asking for more.
    command.env_remove("RUST_BACKTRACE");
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Words of a command line, split at spaces; there is no quoting, so paths are added apart.
pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Runs `analyze` into `out`, writing report.json only, and returns the report.
///
/// # Panics
/// If the program fails, the report is no JSON, or its schema is not the one documented.
pub fn analyze(arguments: &[String], out: &Path) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--format".into(), "json".into(), "--out".into(), text(out)]);
    let ended = run(Program::Analyze, &all);
    assert_eq!(ended.code, Some(0), "analyze {}\n{}", all.join(" "), ended.stderr);
    report(&out.join("report.json"))
}

/// Reads a report.
///
/// # Panics
/// If it is no JSON or has another schema.
pub fn report(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let report: Value = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(report["schema"], "car-spectral.report/1");
    report
}

/// A path as text.
pub fn text(path: &Path) -> String {
    path.to_str().expect("test paths are UTF-8").to_owned()
}

/// An empty folder of this name for the running test executable, below cargo's target folder:
/// remade by each run, so that nothing is left elsewhere and the last run can be looked at.
///
/// # Panics
/// If two tests of one executable ask for the same name.
pub fn fresh_folder(name: &str) -> PathBuf {
    static GIVEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let new = GIVEN.lock().is_ok_and(|mut given| given.insert(name.to_owned()));
    assert!(new, "the folder {name} is another test's");
    let executable = std::env::current_exe().expect("a running test has an executable");
    let stem = executable.file_stem().expect("it has a name").to_string_lossy().into_owned();
    let test = stem.rsplit_once('-').map_or(stem.clone(), |(test, _)| test.to_owned());
    let folder = profile_folder().join("../tmp/end-to-end").join(test).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the folder of the last run can be removed");
    }
    fs::create_dir_all(&folder).expect("a folder below target can be made");
    folder.canonicalize().expect("it is there")
}

/// Images a class of the synthetic data set, training and test.
pub const SYNTHETIC_IMAGES: [usize; 2] = [60, 30];

/// A data set in the files of Fashion-MNIST: 10 classes of 28 x 28 images, a bright bar whose place
/// depends on the class, under noise strong enough that a network of two epochs errs.
pub fn synthetic_fashion_mnist() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = fresh_folder("synthetic-images");
        write_synthetic(&folder);
        folder
    })
}

/// Writes the files of [`synthetic_fashion_mnist`] into a folder.
pub fn write_synthetic(folder: &Path) {
    // Knuth's MMIX generator: any would do, and the files must be the same everywhere.
    let mut state = 20_261_123_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for (part, each) in ["train", "t10k"].into_iter().zip(SYNTHETIC_IMAGES) {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for index in 0..10 * each {
            let class = index % 10;
            labels.push(class as u8);
            let shift = random(5) as usize;
            for row in 0..28usize {
                for column in 0..28usize {
                    let place = if class < 5 { row } else { column };
                    let bar = (4 * (class % 5) + shift..4 * (class % 5) + shift + 5).contains(&place);
                    pixels.push((random(160) + if bar { 60 } else { 0 }) as u8);
                }
            }
        }
        let count = (10 * each) as u32;
        write(&folder.join(format!("{part}-images-idx3-ubyte")), &idx(&[count, 28, 28], &pixels));
        write(&folder.join(format!("{part}-labels-idx1-ubyte")), &idx(&[count], &labels));
    }
}

/// The bytes of an IDX file.
pub fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|side| bytes.extend(side.to_be_bytes()));
    bytes.extend(data);
    bytes
}

/// Writes a file.
pub fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Arguments of `train` for a run of seconds on the synthetic data, without model and output.
pub fn short_training() -> Vec<String> {
    let mut arguments =
        words("--n-max 40 --imbalance 10 --warm-up 0 --batch-size 32 --lr 0.05 --device cpu --threads 1");
    arguments.extend(["--data".into(), format!("fashion-mnist:{}", synthetic_fashion_mnist().display())]);
    arguments
}

/// The folder of a finished run of `mlp` (2 epochs) or `resnet20` (1 epoch) on the synthetic data,
/// trained once for each test executable.
pub fn trained(model: &'static str) -> &'static Path {
    static RUNS: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    let (place, settings) = match model {
        "mlp" => (0, "--model mlp --hidden 24,16 --epochs 2"),
        "resnet20" => (1, "--model resnet20 --epochs 1"),
        other => panic!("no run of {other} is prepared"),
    };
    RUNS[place].get_or_init(|| {
        let out = fresh_folder(model);
        let mut arguments = short_training();
        arguments.extend(words(settings));
        arguments.extend(["--out".into(), text(&out)]);
        let ended = run(Program::Train, &arguments);
        assert_eq!(ended.code, Some(0), "train {}\n{}", arguments.join(" "), ended.stderr);
        out
    })
}

/// Logits and labels of a prediction file that `train` wrote.
pub fn read_predictions(path: &Path) -> (Array2<f32>, Array1<i64>) {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = NpzReader::new(file).expect("train writes .npz files");
    (archive.by_name("logits").expect("logits"), archive.by_name("labels").expect("labels"))
}

/// Writes a prediction file, compressed or stored.
pub fn write_npz<A: WritableElement, D: Dimension, B: WritableElement>(
    path: &Path,
    logits: ArrayView<A, D>,
    labels: ArrayView1<B>,
    compressed: bool,
) {
    let file = fs::File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = if compressed { NpzWriter::new_compressed(file) } else { NpzWriter::new(file) };
    archive.add_array("logits", &logits).expect("logits are written");
    archive.add_array("labels", &labels).expect("labels are written");
    archive.finish().expect("the archive is finished").flush().expect("the file is written");
}

/// Recomputes a model's numbers with NumPy and SciPy (tests/recompute.py) and fails where they
/// differ.
///
/// The interpreter is that of the variable PYTHON, or .venv/bin/python, which `make setup` makes.
/// Without one the test fails, unless CAR_SPECTRAL_SKIP_PYTHON is set.
pub fn recompute(report: &Path, model: usize, test: &Path, train: Option<&Path>, weights: Option<&Path>) {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command.arg(repository().join("tests/recompute.py")).arg(report).args(["--model", &model.to_string()]);
    command.arg("--test").arg(test);
    if let Some(train) = train {
        command.arg("--train").arg(train);
    }
    if let Some(weights) = weights {
        command.arg("--weights").arg(weights);
    }
    let output = command.output().expect("Python was found");
    let (found, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let failed: Vec<&str> = found.lines().filter(|line| !line.starts_with("ok")).collect();
    assert!(output.status.success(), "{} differs from NumPy:\n{}\n{errors}", report.display(), failed.join("\n"));
    let passed = found.lines().filter(|line| line.starts_with("ok")).count();
    assert!(passed > 50, "only {passed} numbers were compared:\n{found}");
}

/// Recomputes the rank correlations over runs with SciPy (tests/recompute_correlations.py) and
/// fails where they differ. The interpreter is that of [`recompute`].
pub fn recompute_correlations(correlations: &Path, logs: &[PathBuf]) {
    let Some(python) = python() else { return };
    let script = repository().join("tests/recompute_correlations.py");
    let output = Command::new(python).arg(script).arg(correlations).args(logs).output().expect("Python was found");
    let (found, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} differs from SciPy:\n{found}\n{errors}", correlations.display());
    let passed = found.lines().filter(|line| line.starts_with("ok")).count();
    assert!(passed > 50, "only {passed} numbers were compared:\n{found}");
}

fn python() -> Option<PathBuf> {
    let python = std::env::var_os("PYTHON").map_or_else(|| repository().join(".venv/bin/python"), PathBuf::from);
    let tried = Command::new(&python).args(["-c", "import numpy, scipy"]).output();
    let problem = match tried {
        Ok(output) if output.status.success() => return Some(python),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let message = format!(
        "{}: {problem}. The report is compared with NumPy and SciPy: run `make setup`, or name a Python that has them in \
         PYTHON, or set CAR_SPECTRAL_SKIP_PYTHON to leave the comparison out",
        python.display()
    );
    assert!(std::env::var_os("CAR_SPECTRAL_SKIP_PYTHON").is_some(), "{message}");
    // Past the harness, which shows nothing of a test that passes.
    let _ = writeln!(std::io::stderr(), "not compared: {message}");
    None
}
