//! Bad files and bad flags: exit code 1 for what lies in files and 2 for usage, a message that
//! names the place, no panic, and not a file left behind.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use car_spectral_tests::{
    Ended, Program, fresh_folder, idx, repository, run, run_command, short_training, synthetic_fashion_mnist, text,
    trained, words, write, write_npz,
};
use ndarray::{Array, Array1, Array2, Array3, Axis, Dimension, s};
use ndarray_npy::{NpzWriter, WritableElement};
use safetensors::tensor::{Dtype, TensorView};

const DATA: u8 = 1;
const USAGE: u8 = 2;

/// One command line that has to be refused.
struct Case {
    program: Program,
    arguments: Vec<String>,
    code: u8,
    says: Vec<String>,
}

/// The cases of one test with the folder of their files.
struct Table {
    folder: PathBuf,
    cases: Vec<Case>,
}

impl Table {
    fn new(name: &str) -> Self {
        Self { folder: fresh_folder(name), cases: Vec::new() }
    }

    /// A path in the folder; `file` may not exist.
    fn path(&self, file: &str) -> String {
        text(&self.folder.join(file))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        write(&self.folder.join(name), bytes);
        self.path(name)
    }

    fn add(&mut self, program: Program, arguments: Vec<String>, code: u8, says: &[&str]) {
        self.cases.push(Case { program, arguments, code, says: says.iter().map(|&word| word.to_owned()).collect() });
    }

    /// Runs every case with `--out` in the folder unless it names one, and reports all that
    /// misbehave at once.
    fn check(self) {
        let before = listing(&self.folder);
        let mut wrong = Vec::new();
        for case in &self.cases {
            let mut arguments = case.arguments.clone();
            if !arguments.iter().any(|argument| argument == "--out" || argument == "--no-out") {
                arguments.extend(["--out".into(), self.path("results/new")]);
            }
            arguments.retain(|argument| argument != "--no-out");
            let ended = run_bounded(case.program, &arguments);
            let mut problems = problems(&ended, case);
            if listing(&self.folder) != before {
                problems.push("files were left or changed".to_owned());
                let _ = fs::remove_dir_all(self.folder.join("results"));
            }
            if !problems.is_empty() {
                let line = format!("{} {}", case.program.name(), arguments.join(" "));
                wrong.push(format!("{line}\n    {}\n    it said: {}", problems.join("\n    "), ended.stderr.trim()));
            }
        }
        assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), self.cases.len(), wrong.join("\n"));
        assert!(!self.cases.is_empty());
    }
}

/// Runs a program that is killed if it waits, or takes memory, without end.
fn run_bounded(program: Program, arguments: &[String]) -> Ended {
    let bounds = "ulimit -v 16777216; exec timeout -s KILL 100 \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", bounds, "sh"]).arg(program.path()).args(arguments);
    run_command(command)
}

fn problems(ended: &Ended, case: &Case) -> Vec<String> {
    let mut problems = Vec::new();
    if ended.code != Some(i32::from(case.code)) {
        problems.push(format!("exit code {:?}, expected {}", ended.code, case.code));
    }
    if ended.stderr.contains("panicked") {
        problems.push("it panicked".to_owned());
    }
    let missing = case.says.iter().filter(|word| !ended.stderr.contains(word.as_str()));
    problems.extend(missing.map(|word| format!("the message lacks {word:?}")));
    if ended.stderr.contains('\u{1b}') || ended.stderr.len() > 5000 {
        problems.push("the message is not escaped or not cut".to_owned());
    }
    if ended.stderr.lines().count() > 40 {
        problems.push("the message is longer than 40 lines".to_owned());
    }
    problems
}

/// Every file with its length and time of change.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let (path, facts) = (entry.path(), entry.metadata().expect("it is there"));
        if facts.is_dir() {
            found.extend(listing(&path));
            found.insert(path, (0, SystemTime::UNIX_EPOCH));
        } else {
            found.insert(path, (facts.len(), facts.modified().expect("files have a time")));
        }
    }
    found
}

/// 20 samples of 4 classes, mostly right.
fn good() -> (Array2<f32>, Array1<i64>) {
    let labels = Array1::from_shape_fn(20, |sample| (sample % 4) as i64);
    let logits = Array2::from_shape_fn((20, 4), |(sample, class)| {
        (if class == sample % 4 { 2.0 } else { 0.0 }) + ((sample * 7 + class * 3) % 11) as f32 / 4.0
    });
    (logits, labels)
}

/// Puts a pipe, or a link to a device that has no end, at a path.
fn put_endless(path: &Path, is_pipe: bool) {
    if is_pipe {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    } else {
        symlink("/dev/zero", path).unwrap();
    }
}

fn good_npz(table: &Table) -> String {
    let (logits, labels) = good();
    write_npz(&table.folder.join("good.npz"), logits.view(), labels.view(), true);
    table.path("good.npz")
}

fn npz<A: WritableElement, D: Dimension, B: WritableElement>(
    table: &Table,
    name: &str,
    logits: &Array<A, D>,
    labels: &Array1<B>,
) -> String {
    write_npz(&table.folder.join(name), logits.view(), labels.view(), false);
    table.path(name)
}

fn predictions(file: &str, more: &str) -> Vec<String> {
    let mut arguments = vec!["--predictions".to_owned(), file.to_owned()];
    arguments.extend(words(more));
    arguments
}

#[test]
fn prediction_files() {
    let mut table = Table::new("predictions");
    let (logits, labels) = good();
    let good_file = good_npz(&table);
    let good_bytes = fs::read(&good_file).unwrap();
    let zeros = |samples, classes| Array2::<f32>::zeros((samples, classes));
    let changed = |at: (usize, usize), value: f32| {
        let mut changed = logits.clone();
        changed[at] = value;
        changed
    };
    let relabelled = |sample: usize, label: i64| {
        let mut changed = labels.clone();
        changed[sample] = label;
        changed
    };
    let (flat, cube) = (Array1::<f32>::zeros(20), Array3::<f32>::zeros((20, 4, 2)));
    let integers = logits.mapv(|value| value as i32);
    let halves = labels.mapv(|label| label as f64 + 0.5);
    fs::create_dir(table.folder.join("nothing")).unwrap();
    let mut cases: Vec<(String, Vec<&str>)> = vec![
        (table.path("nowhere.npz"), vec!["nowhere.npz", "No such file"]),
        (table.path("nothing"), vec!["nothing", "holds no file of predictions"]),
        (table.file("empty.npz", b""), vec!["empty.npz", "empty"]),
        (table.file("garbage.npz", &[0xa5; 500]), vec!["garbage.npz"]),
        (table.file("truncated.npz", &good_bytes[..good_bytes.len() / 2]), vec!["truncated.npz"]),
        (npz(&table, "nan.npz", &changed((3, 2), f32::NAN), &labels), vec!["nan.npz", "sample 3, class 2", "NaN"]),
        (
            npz(&table, "inf.npz", &changed((19, 0), f32::INFINITY), &labels),
            vec!["inf.npz", "sample 19, class 0", "inf"],
        ),
        (npz(&table, "ninf.npz", &changed((0, 1), f32::NEG_INFINITY), &labels), vec!["sample 0, class 1", "-inf"]),
        (npz(&table, "label.npz", &logits, &relabelled(7, 4)), vec!["label.npz", "sample 7", "label is 4", "0 to 3"]),
        (npz(&table, "negative.npz", &logits, &relabelled(2, -1)), vec!["negative.npz", "sample 2", "label is -1"]),
        (npz(&table, "far.npz", &logits, &relabelled(2, i64::MIN)), vec!["sample 2", "-9223372036854775808"]),
        (npz(&table, "one.npz", &zeros(5, 1), &Array1::<i64>::zeros(5)), vec!["one.npz", "at least 2"]),
        (npz(&table, "none.npz", &zeros(0, 4), &Array1::<i64>::zeros(0)), vec!["none.npz", "no samples"]),
        (npz(&table, "short.npz", &logits, &Array1::<i64>::zeros(19)), vec!["short.npz", "20 rows", "19"]),
        (npz(&table, "flat.npz", &flat, &labels), vec!["flat.npz", "logits", "a single logit z"]),
        (npz(&table, "cube.npz", &cube, &labels), vec!["cube.npz", "shape [20, 4, 2]"]),
        (npz(&table, "integers.npz", &integers, &labels), vec!["integers.npz", "logits", "int32"]),
        (npz(&table, "halves.npz", &logits, &halves), vec!["halves.npz", "sample 0", "0.5", "whole"]),
    ];
    let damaged: Vec<u8> =
        good_bytes.iter().enumerate().map(|(at, &byte)| if at == 120 { byte ^ 0x40 } else { byte }).collect();
    cases.push((table.file("flipped.npz", &damaged), vec!["flipped.npz"]));
    let mut archive = NpzWriter::new(fs::File::create(table.folder.join("other-names.npz")).unwrap());
    archive.add_array("head_a", &logits).unwrap();
    archive.add_array("head_b", &logits).unwrap();
    archive.add_array("labels", &labels).unwrap();
    archive.finish().unwrap();
    let says = vec!["other-names.npz", "head_a", "head_b", "--keys logits=NAME"];
    cases.push((table.path("other-names.npz"), says));
    ndarray_npy::write_npy(table.folder.join("logits.npy"), &logits).unwrap();
    ndarray_npy::write_npy(table.folder.join("labels.npy"), &labels).unwrap();
    let npy = fs::read(table.folder.join("logits.npy")).unwrap();
    cases.push((table.path("logits.npy"), vec!["logits.npy", "pair"]));
    let cut = table.file("cut.npy", &npy[..npy.len() - 5]);
    cases.push((format!("{cut},{}", table.path("labels.npy")), vec!["cut.npy"]));
    cases.push((format!("{},{}", table.path("logits.npy"), table.path("nowhere.npy")), vec!["nowhere.npy"]));
    cases.push((table.file("notes.txt", b"accuracy was fine"), vec!["notes.txt"]));
    cases.push((
        table.file("header.csv", b"label,a,b\n0,1,2\n"),
        vec!["header.csv", "line 1", "not numbered", "--class-names"],
    ));
    cases.push((table.file("row.csv", b"label,logit_0,logit_1\n0,1,2\n1,3\n"), vec!["row.csv", "line 3"]));
    cases.push((table.file("field.csv", b"label,logit_0,logit_1\n0,1,two\n"), vec!["field.csv", "line 2, column 3"]));
    cases.push((table.file("nan.csv", b"label,logit_0,logit_1\n0,1,nan\n"), vec!["nan.csv", "class 1"]));
    cases.push((table.file("label.csv", b"label,logit_0,logit_1\n0,1,2\n2,1,2\n"), vec!["label.csv", "label is 2"]));
    cases.push((table.file("only-header.csv", b"label,logit_0,logit_1\n"), vec!["only-header.csv", "no samples"]));
    cases.push((table.file("binary.csv", b"label,logit_0,logit_1\n0,\xff\xfe,1\n"), vec!["binary.csv", "UTF-8"]));
    let bytes: Vec<u8> = logits.iter().flat_map(|value| value.to_le_bytes()).collect();
    let tensors = HashMap::from([("logits", TensorView::new(Dtype::F32, vec![20, 4], &bytes).unwrap())]);
    let whole = safetensors::serialize(tensors, None).unwrap();
    cases.push((table.file("cut.safetensors", &whole[..whole.len() - 9]), vec!["cut.safetensors"]));
    cases.push((table.file("no-labels.safetensors", &whole), vec!["no-labels.safetensors", "can be the labels"]));
    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend(&whole[8..]);
    cases.push((table.file("huge.safetensors", &huge), vec!["huge.safetensors"]));
    for (file, says) in cases {
        table.add(Program::Analyze, predictions(&file, "--weights none"), DATA, &says);
    }
    let three = Array2::from_shape_fn((20, 3), |(sample, class)| logits[(sample, class)]);
    let other = npz(&table, "three.npz", &three, &labels.mapv(|label| label % 3));
    let mut arguments = predictions(&good_file, "--train-predictions");
    arguments.push(other);
    table.add(Program::Analyze, arguments, DATA, &["three.npz", "good.npz", "3 scores", "4"]);
    table.check();
}

#[test]
fn counts_and_class_names() {
    let mut table = Table::new("counts");
    let (logits, labels) = good();
    let good = good_npz(&table);
    let with = |flag: &str, file: String| {
        let mut arguments = predictions(&good, flag);
        arguments.push(file);
        arguments
    };
    let counts: Vec<(String, Vec<&str>)> = vec![
        (table.path("nowhere.txt"), vec!["nowhere.txt"]),
        (table.file("three.txt", b"9\n8\n7\n"), vec!["three.txt", "3 training counts", "4 classes"]),
        (table.file("minus.txt", b"9\n8\n-7\n6\n"), vec!["minus.txt", "-7", "non-negative"]),
        (table.file("words.txt", b"many\nsome\nfew\nnone\n"), vec!["words.txt", "some"]),
        (table.file("half.txt", b"9\n8\n7.5\n6\n"), vec!["half.txt", "7.5"]),
        (table.file("zero.txt", b"0\n0\n0\n0\n"), vec!["zero.txt", "sum to"]),
        (table.file("big.txt", b"18446744073709551615\n1\n1\n1\n"), vec!["big.txt"]),
        (table.file("counts.json", b"[9, 8, 7,"), vec!["counts.json", "line 1"]),
        (table.file("object.json", b"{\"a\": 1}"), vec!["object.json"]),
        (table.file("empty.txt", b""), vec!["empty.txt"]),
        (table.file("line.txt", b"9 8 7 6 5\n"), vec!["line.txt", "line 1", "one count a line", "500,480,5"]),
    ];
    for (file, says) in counts {
        table.add(Program::Analyze, with("--train-counts", file), DATA, &says);
    }
    let mut same = with("--train-predictions", good.clone());
    same.extend(words("--weights none"));
    table.add(Program::Analyze, same, DATA, &["good.npz (training) and", "good.npz (test)", "--train-predictions"]);
    let copy = with("--train-predictions", npz(&table, "copy.npz", &logits, &labels));
    table.add(Program::Analyze, copy, DATA, &["copy.npz (training)", "good.npz (test)"]);
    let mut contradicts = with("--train-counts", table.file("other.txt", b"5\n4\n4\n4\n"));
    let half = table.folder.join("half.npz");
    write_npz(&half, logits.slice(s![..16, ..]), labels.slice(s![..16]), true);
    contradicts.extend(["--train-predictions".into(), text(&half)]);
    table.add(Program::Analyze, contradicts, DATA, &["class 0", "5", "4"]);
    let mut no_weight = with("--train-counts", table.file("gap.txt", b"5\n0\n5\n5\n"));
    no_weight.extend(words("--r0 0"));
    table.add(Program::Analyze, no_weight, DATA, &["class 1", "r0"]);
    for (file, says) in [
        (table.file("names.txt", b"cat\ndog\n"), vec!["names.txt", "2 class names", "4"]),
        (table.file("gap-names.txt", b"cat\n\ndog\nowl\n"), vec!["gap-names.txt", "line 2"]),
        (table.path("no-names.txt"), vec!["no-names.txt"]),
        (table.file("escape.txt", b"cat\ndog\x1b[2J\nowl\nfox\n"), vec!["escape.txt", "line 2", "U+001B"]),
        (table.file("bidi.txt", "cat\ndog\nowl\nf\u{202e}ox\n".as_bytes()), vec!["bidi.txt", "line 4", "U+202E"]),
        (table.file("c1.txt", "cat\u{9b}1m\ndog\nowl\nfox\n".as_bytes()), vec!["c1.txt", "line 1", "U+009B"]),
        (
            table.file("long.txt", &[&b"cat\n"[..], &[b'x'; 201], b"\nowl\nfox\n"].concat()),
            vec!["long.txt", "line 2", "201"],
        ),
    ] {
        let mut arguments = with("--class-names", file);
        arguments.extend(words("--weights none"));
        table.add(Program::Analyze, arguments, DATA, &says);
    }
    table.check();
}

#[test]
fn flags_of_analyze() {
    let mut table = Table::new("flags");
    let good = good_npz(&table);
    for (flags, says) in [
        ("--delta 0", "--delta"),
        ("--delta 1", "--delta"),
        ("--delta NaN", "--delta"),
        ("--delta five", "--delta"),
        ("--r0=-0.1", "--r0"),
        ("--r0 nan", "--r0"),
        ("--r0 inf", "--r0"),
        ("--margin nan", "--margin"),
        ("--margin 0,inf", "--margin"),
        ("--margin 0,x", "--margin"),
        ("--weights heavy", "--weights"),
        ("--format pdf", "--format"),
        ("--device gpu", "--device"),
        ("--no-such-flag", "--no-such-flag"),
        ("--imbalance 0.5 --n-max 100", "imbalance"),
        ("--imbalance nan --n-max 100", "imbalance"),
        ("--imbalance 100", "--n-max"),
        ("--imbalance 100 --n-max 5", "n_max"),
        ("--n-max 100", "--imbalance"),
        ("--no-out", "--out"),
    ] {
        table.add(Program::Analyze, predictions(&good, flags), USAGE, &[says]);
    }
    table.add(Program::Analyze, predictions(&good, ""), USAGE, &["good", "--train-counts", "--weights none"]);
    table.add(Program::Analyze, words("--delta 0.1"), USAGE, &["--checkpoint", "--predictions"]);
    table.add(Program::Analyze, vec!["--predictions".into()], USAGE, &["--predictions"]);
    let mut both = predictions(&good, "--checkpoint");
    both.push(good.clone());
    table.add(Program::Analyze, both, USAGE, &["--checkpoint", "--predictions"]);
    let mut two_for_one = predictions(&good, "--train-predictions");
    two_for_one.extend([good.clone(), good.clone()]);
    table.add(Program::Analyze, two_for_one, USAGE, &["--train-predictions", "2"]);
    let (logits, labels) = self::good();
    let shares = logits.map_axis(Axis(1), |row| row.mapv(f32::exp).sum());
    let probabilities = logits.mapv(f32::exp) / &shares.insert_axis(Axis(1));
    let mut mixed = predictions(&good, "--train-predictions");
    mixed.push(npz(&table, "shares.npz", &probabilities, &labels));
    table.add(Program::Analyze, mixed, DATA, &["shares.npz", "probabilities", "good.npz"]);
    table.check();
}

#[test]
fn results_that_cannot_be_written() {
    let mut table = Table::new("unwritable");
    let good = good_npz(&table);
    let file = table.file("a-file", b"do not touch");
    // Tests may run as root, whom permissions do not stop: a folder below a file stops everyone.
    for out in [file.clone(), format!("{file}/below"), format!("{file}/a/b/c")] {
        let mut arguments = predictions(&good, "--weights none --out");
        arguments.push(out.clone());
        table.add(Program::Analyze, arguments, DATA, &["a-file"]);
        let mut training = short_training();
        training.extend(words("--model mlp --epochs 1"));
        training.extend(["--out".into(), out]);
        table.add(Program::Train, training, DATA, &["a-file"]);
    }
    fs::create_dir_all(table.folder.join("taken/report.json")).unwrap();
    let mut arguments = predictions(&good, "--weights none --out");
    arguments.push(table.path("taken"));
    table.add(Program::Analyze, arguments, DATA, &["report.json"]);
    table.check();
}

fn checkpoint(file: &Path, data: &str, more: &str) -> Vec<String> {
    let mut arguments = vec!["--checkpoint".to_owned(), text(file), "--data".to_owned(), data.to_owned()];
    arguments.extend(words("--device cpu --threads 1"));
    arguments.extend(words(more));
    arguments
}

fn synthetic() -> String {
    format!("fashion-mnist:{}", synthetic_fashion_mnist().display())
}

const FOREIGN: &str = "--arch mlp --mean 0.5 --std 0.5";

#[test]
fn checkpoints() {
    let mut table = Table::new("checkpoints");
    let own = trained("mlp").join("model.safetensors");
    let bytes = fs::read(&own).unwrap();
    let weights = repository().join("tests/fixtures/torch/mlp.pt");
    let script = repository().join("tests/fixtures/torch/mlp-torchscript.pt");
    let data = synthetic();
    let path = |name: &str| table.folder.join(name);
    fs::create_dir(path("no-checkpoint")).unwrap();
    let cut = path("cut.safetensors");
    write(&cut, &bytes[..bytes.len() - 10]);
    let garbage = path("garbage.pt");
    write(&garbage, &[0x5a; 400]);
    let empty = path("empty.pt");
    write(&empty, b"");
    let torch = fs::read(&weights).unwrap();
    let cut_torch = path("cut.pt");
    write(&cut_torch, &torch[..torch.len() / 2]);
    let filled = |name: &str, shape: [usize; 2], value: f32| {
        let bytes = value.to_le_bytes().repeat(shape[0] * shape[1]);
        let view = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).unwrap();
        let file = path(name);
        safetensors::serialize_to_file(HashMap::from([("fc1.weight", view)]), None, &file).unwrap();
        file
    };
    let nan = filled("nan.safetensors", [10, 784], f32::NAN);
    let small = filled("small.safetensors", [1, 1], 1.0);
    // The description is text in the header: one digit of the seed's name changed makes it unreadable.
    let at = bytes.windows(6).position(|window| window == b"epochs").expect("the description counts epochs");
    let mut damaged = bytes.clone();
    damaged[at] = b'E';
    let described = path("described.safetensors");
    write(&described, &damaged);
    // The seven letters of a class name become the escape of a control character, as long in JSON within JSON.
    let at = bytes.windows(7).position(|window| window == b"Trouser").expect("the description names the classes");
    let mut escape = bytes.clone();
    escape[at..at + 7].copy_from_slice(br"\\u001b");
    let hostile = path("hostile-name.safetensors");
    write(&hostile, &escape);
    let missing = path("nowhere.safetensors");
    let folder = path("no-checkpoint");
    for (file, flags, says) in [
        (&missing, "", vec!["nowhere.safetensors"]),
        (&folder, "", vec!["no-checkpoint", "no .safetensors"]),
        (&cut, "", vec!["cut.safetensors"]),
        (&garbage, FOREIGN, vec!["garbage.pt"]),
        (&empty, FOREIGN, vec!["empty.pt"]),
        (&cut_torch, FOREIGN, vec!["cut.pt"]),
        (&nan, FOREIGN, vec!["nan.safetensors", "fc1.weight", "NaN"]),
        (&small, FOREIGN, vec!["small.safetensors", "fc1.weight"]),
        (&described, "", vec!["described.safetensors", "description"]),
        (&hostile, "", vec!["hostile-name.safetensors", "class 1", "U+001B"]),
        (&weights, "--arch resnet20 --mean 0.5 --std 0.5", vec!["mlp.pt"]),
    ] {
        table.add(Program::Analyze, checkpoint(file, &data, flags), DATA, &says);
    }
    for (file, flags, says) in [
        (&weights, "--arch mlp", vec!["mlp.pt", "--mean", "--std"]),
        (&weights, "--mean 0.5 --std 0.5", vec!["mlp.pt", "--arch"]),
        (&weights, "--arch vgg16 --mean 0.5 --std 0.5", vec!["vgg16", "resnet20"]),
        (&weights, "--arch mlp --mean 0.5", vec!["--std"]),
        (&weights, "--arch mlp --mean 0.5 --std 0", vec!["--std"]),
        (&weights, "--arch mlp --mean nan --std 1", vec!["--mean"]),
        (&weights, "--arch mlp --mean 0.5,0.5,0.5 --std 1,1,1", vec!["--mean", "3 values", "1 channel"]),
        (&weights, "--arch mlp --mean 0.5 --std 1 --crop 64", vec!["--crop 64", "28 x 28"]),
        (&weights, "--arch mlp --mean 0.5 --std 1 --resize 0", vec!["--resize"]),
        (&weights, "--arch mlp --mean 0.5 --std 1 --channels cmyk", vec!["--channels"]),
        (&weights, "--arch mlp --mean 0.5 --std 1 --imbalance 0.5", vec!["--imbalance"]),
        (&weights, "--arch mlp --mean 0.5 --std 1 --imbalance 2 --n-max 1000", vec!["--n-max", "class 0"]),
        (&script, FOREIGN, vec!["mlp-torchscript.pt", "--run-torchscript", "program"]),
        (&own, "--arch mlp", vec!["model.safetensors", "--arch"]),
        (&own, "--device cuda:99", vec!["cuda:99"]),
    ] {
        let mut arguments = checkpoint(file, &data, flags);
        if flags.contains("--device") {
            let at = arguments.iter().position(|argument| argument == "cpu").unwrap();
            arguments.drain(at - 1..=at);
        }
        table.add(Program::Analyze, arguments, USAGE, &says);
    }
    table.add(Program::Analyze, vec!["--checkpoint".into(), text(&own)], USAGE, &["--data"]);
    table.check();
}

#[test]
fn pipes_and_devices_in_place_of_files() {
    let mut table = Table::new("endless");
    let good = good_npz(&table);
    let whole = trained("mlp");
    for (kind, is_pipe) in [("pipe", true), ("zero", false)] {
        let endless = table.folder.join(kind);
        put_endless(&endless, is_pipe);
        let endless = text(&endless);
        let says = [endless.as_str(), "a device, pipe or socket"];
        let mut analyze = |flags: &str| {
            let mut arguments = words(flags);
            arguments.push(endless.clone());
            table.add(Program::Analyze, arguments, DATA, &says);
        };
        analyze("--weights none --predictions");
        analyze("--weights none --confusion");
        analyze("--weights none --counts");
        for flag in ["--train-counts", "--train-predictions", "--class-names"] {
            analyze(&format!("--predictions {good} {flag}"));
        }
        let data = synthetic();
        let checkpoint = |flags: &str| checkpoint(Path::new(&endless), &data, flags);
        table.add(Program::Analyze, checkpoint(""), DATA, &says);
        table.add(Program::Analyze, checkpoint(FOREIGN), DATA, &says);

        table.add(Program::Train, vec!["--config".into(), endless.clone()], DATA, &says);
        let pretrained = format!("--model resnet20 --epochs 1 --pretrained {endless}");
        table.add(Program::Train, [short_training(), words(&pretrained)].concat(), DATA, &says);
        for (file, flags, beside) in [
            ("run.toml", "--resume", &["metrics.jsonl"][..]),
            ("resume.safetensors", "--resume", &["metrics.jsonl"]),
            ("metrics.jsonl", "--resume", &[]),
            ("metrics.jsonl", "--overwrite", &["train.npz"]),
            ("model.safetensors", "--resume", &["metrics.jsonl", "train.npz", "test.npz"]),
        ] {
            let folder = table.folder.join(format!("{kind}-{file}{flags}"));
            fs::create_dir(&folder).unwrap();
            for other in beside {
                fs::copy(whole.join(other), folder.join(other)).unwrap();
            }
            put_endless(&folder.join(file), is_pipe);
            let begins = [short_training(), words("--model mlp --epochs 1")].concat();
            let mut arguments = if file == "run.toml" { Vec::new() } else { begins };
            arguments.extend([flags.into(), "--out".into(), text(&folder)]);
            table.add(Program::Train, arguments, DATA, &[file, says[1]]);
        }

        let folder = table.folder.join(format!("{kind}-rows"));
        fs::create_dir(&folder).unwrap();
        put_endless(&folder.join("row.toml"), is_pipe);
        table.add(Program::Experiments, vec!["table".into(), text(&folder)], DATA, &["row.toml", says[1]]);
        for file in ["model.safetensors", "model.json"] {
            let run = table.folder.join(format!("{kind}-of-{file}"));
            fs::create_dir(&run).unwrap();
            fs::copy(whole.join("metrics.jsonl"), run.join("metrics.jsonl")).unwrap();
            put_endless(&run.join(file), is_pipe);
            table.add(Program::Experiments, vec!["correlate".into(), text(&run)], DATA, &[file, says[1]]);
        }
    }
    table.check();
}

/// Files of a folder of fixtures that end in one of these, by name.
fn hostile(folder: &str, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let folder = repository().join("tests/fixtures/hostile").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| endings.iter().any(|ending| found == *ending)));
    files.sort();
    let named = |file: PathBuf| (file.clone(), file.file_name().unwrap().to_string_lossy().into_owned());
    files.into_iter().map(named).collect()
}

/// Pickles that would run something when Python loads them; one names a file it would make.
#[test]
fn hostile_pickles() {
    let mut table = Table::new("hostile");
    let files = hostile("", &["pt", "pkl"]);
    assert!(files.len() > 30, "only {} hostile files", files.len());
    for (file, name) in files {
        table.add(Program::Analyze, checkpoint(&file, &synthetic(), FOREIGN), DATA, &[&name]);
    }
    table.check();
}

/// Checkpoints whose description is not that of their tensors, and files that are large, or two
/// things at once, when they are believed.
#[test]
fn hostile_descriptions_and_kinds() {
    let mut table = Table::new("kinds");
    let (own, kinds) = (hostile("own", &["safetensors"]), hostile("kinds", &["pt", "safetensors"]));
    assert!(own.len() > 30 && kinds.len() > 20, "{} and {} files", own.len(), kinds.len());
    for (file, name) in own {
        table.add(Program::Analyze, checkpoint(&file, &synthetic(), ""), DATA, &[&name]);
    }
    for (file, name) in kinds {
        table.add(Program::Analyze, checkpoint(&file, &synthetic(), FOREIGN), DATA, &[&name]);
    }
    for (file, name) in hostile("kinds", &["npz"]) {
        table.add(Program::Analyze, predictions(&text(&file), "--weights none"), DATA, &[&name]);
    }
    table.check();
}

#[test]
fn data_sets() {
    let mut table = Table::new("data");
    let own = trained("mlp").join("model.safetensors");
    for (data, says) in [("imagenet:/tmp", "imagenet"), ("fashion-mnist", "KIND:DIR"), ("fashion-mnist:", "empty")] {
        table.add(Program::Analyze, checkpoint(&own, data, ""), USAGE, &["--data", says]);
        let mut training = words("--model mlp --epochs 1 --data");
        training.push(data.to_owned());
        table.add(Program::Train, training, USAGE, &["--data", says]);
    }
    let folder = |name: &str| {
        let folder = table.folder.join(name);
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(synthetic_fashion_mnist()).unwrap().flatten() {
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        folder
    };
    let empty = table.folder.join("empty");
    fs::create_dir(&empty).unwrap();
    let cut = folder("cut");
    let images = fs::read(cut.join("t10k-images-idx3-ubyte")).unwrap();
    write(&cut.join("t10k-images-idx3-ubyte"), &images[..images.len() - 100]);
    let other = folder("other");
    let mut changed = images.clone();
    changed[1000] ^= 1;
    write(&other.join("t10k-images-idx3-ubyte"), &changed);
    let label = folder("label");
    write(&label.join("t10k-labels-idx1-ubyte"), &idx(&[300], &[10; 300]));
    let fewer = folder("fewer");
    write(&fewer.join("train-labels-idx1-ubyte"), &idx(&[2], &[0, 1]));
    let picture = folder("picture");
    write(&picture.join("train-images-idx3-ubyte"), b"GIF89a....................");
    let cifar = table.folder.join("cifar");
    fs::create_dir(&cifar).unwrap();
    let names: String = (0..100).map(|class| format!("c{class}\n")).collect();
    write(&cifar.join("fine_label_names.txt"), names.as_bytes());
    write(&cifar.join("train.bin"), &[0; 3074 * 3 - 1]);
    write(&cifar.join("test.bin"), &[0; 3074]);
    let cases = [
        ("fashion-mnist", table.folder.join("nowhere"), vec!["nowhere", "t10k-images-idx3-ubyte"]),
        ("fashion-mnist", empty.clone(), vec!["empty", "t10k-images-idx3-ubyte"]),
        ("cifar100", empty, vec!["empty", "fine_label_names.txt"]),
        ("fashion-mnist", cut, vec!["t10k-images-idx3-ubyte", "300, 28, 28"]),
        ("fashion-mnist", label, vec!["t10k-labels-idx1-ubyte", "label 10 of image 0"]),
        ("fashion-mnist", fewer, vec!["train-labels-idx1-ubyte", "2 labels for the 600 images"]),
        ("fashion-mnist", picture, vec!["train-images-idx3-ubyte", "not an IDX file"]),
        ("cifar100", cifar, vec!["train.bin"]),
    ];
    for (kind, folder, says) in cases {
        let data = format!("{kind}:{}", folder.display());
        table.add(Program::Analyze, checkpoint(&own, &data, ""), DATA, &says);
        let mut training = words("--model mlp --epochs 1 --warm-up 0 --device cpu --data");
        training.push(data);
        table.add(Program::Train, training, DATA, &says);
    }
    let data = format!("fashion-mnist:{}", other.display());
    table.add(Program::Analyze, checkpoint(&own, &data, ""), DATA, &["model.safetensors", "test images", "SHA-256"]);
    table.check();
}

#[test]
fn flags_of_train() {
    let mut table = Table::new("train");
    for (flags, says) in [
        ("--batch-size 0", "--batch-size"),
        ("--epochs 0", "--epochs"),
        ("--lr nan", "--lr"),
        ("--lr=-1", "--lr"),
        ("--lr inf", "--lr"),
        ("--momentum 1", "--momentum"),
        ("--momentum nan", "--momentum"),
        ("--weight-decay=-1", "--weight-decay"),
        ("--weight-decay nan", "--weight-decay"),
        ("--epochs 3 --warm-up 3", "--warm-up"),
        ("--evaluate-every 0", "--evaluate-every"),
        ("--n-max 61 --imbalance 10", "--n-max"),
        ("--n-max 0 --imbalance 10", "n_max"),
        ("--n-max 5 --imbalance 100", "imbalance"),
        ("--n-max 40 --imbalance 0.5", "imbalance"),
        ("--n-max 40 --imbalance nan", "imbalance"),
        ("--model vgg16", "vgg16"),
        ("--model mlp --hidden 0", "hidden"),
        ("--model mlp --hidden 16385", "--hidden = [16385]: widths from 1 to 16384"),
        ("--model resnet20 --loss bcl --contrastive-hidden 16385", "--contrastive-hidden = 16385: from 1 to 16384"),
        ("--model resnet20 --loss bcl --contrastive-temperature 1e-7", "--contrastive-temperature"),
        ("--loss logit-adjustment --tau 1e7", "--tau"),
        ("--imbalance -3", "imbalance"),
        ("--model resnet20 --hidden 8", "--hidden"),
        ("--gamma 3", "--loss focal"),
        ("--tau -2", "--loss logit-adjustment"),
        ("--loss balanced-softmax --tau 2", "--loss logit-adjustment"),
        ("--loss focal --class-beta 0.9", "ldam-drw"),
        ("--largest-margin 0.3", "--loss ldam-drw"),
        ("--scale 20", "--classifier cosine"),
        ("--loss focal --gamma -1", "--gamma"),
        ("--model resnet20 --loss ldam-drw --deferred-from 9", "--deferred-from"),
        ("--model resnet20 --loss ldam-drw --deferred-from 0", "--deferred-from"),
        ("--model mlp --loss ldam-drw", "another network"),
        ("--model mlp --classifier cosine", "another network"),
        ("--model mlp --pretrained weights.pth", "--pretrained"),
        ("--model mlp --resolution 64", "--resolution"),
        ("--model mlp --drop-path 0.1", "--drop-path"),
        ("--model vit-tiny --drop-path nan", "--drop-path"),
        ("--model vit-tiny --patch 0", "--patch"),
        ("--model resnet20 --patch 4", "--model vit-*"),
        ("--model resnet20 --resolution 0", "--resolution"),
        ("--weight-ema 1", "--weight-ema"),
        ("--weight-ema nan", "--weight-ema"),
        ("--mean 0.5", "--std"),
        ("--mean 0.5 --std 0", "--std"),
        ("--mean 1e7 --std 0.5", "--mean"),
        ("--optimizer adamw --nesterov", "--optimizer sgd"),
        ("--optimizer adamw --momentum 0.5", "--optimizer sgd"),
        ("--model mlp --hidden x", "--hidden"),
        ("--threads 0", "--threads"),
        ("--car paper --car-norm two", "--car-norm"),
        ("--car paper --car-norm ky-fan:0", "--car-norm"),
        ("--car-norm one", "--car"),
        ("--car-ramp 3", "--car"),
        ("--car paper --car-ramp -1", "invalid value '-1' for '--car-ramp"),
        ("--car paper --car-after 1", "--car-after = 1: fewer epochs than --epochs"),
        ("--device cuda:99", "cuda:99"),
        ("--device tpu", "--device"),
        ("--no-such-flag", "--no-such-flag"),
        ("--no-out", "--out"),
    ] {
        let defaults = ["--model mlp", "--epochs 1", "--warm-up 0", "--n-max 40", "--imbalance 10", "--device cpu"];
        let given = words(flags);
        // Only a class with fewer images than asked for shows with the data; the rest is said before they are read.
        let data = if flags.contains("--n-max 61") { synthetic() } else { "fashion-mnist:nowhere".into() };
        let mut arguments: Vec<String> = vec!["--data".into(), data];
        for default in defaults {
            let default = words(default);
            if !given.contains(&default[0]) {
                arguments.extend(default);
            }
        }
        arguments.extend(given);
        table.add(Program::Train, arguments, USAGE, &[says]);
    }
    table.add(Program::Train, words("--model mlp"), USAGE, &["--data"]);
    table.check();
}

/// The same numbers in a file of flags: its line, and the exit code of files.
#[test]
fn flags_in_a_file_of_train() {
    let mut table = Table::new("config");
    for (at, (flag, line, says)) in [
        ("lr = -1", 4, "--lr = -1"),
        ("batch-size = 0", 4, "--batch-size"),
        ("epochs = 'many'", 4, "epochs: invalid value 'many'"),
        ("imbalance = 0.5\nn-max = 40", 4, "imbalance factor is 0.5"),
        ("n-max = 5\nimbalance = 100", 4, "imbalance factor 100"),
        ("car = 'paper'\ncar-beta = 1.5", 5, "beta = 1.5"),
        ("optimizer = 'adamw'\nmomentum = 0.5", 5, "--optimizer sgd"),
        ("mean = 0.5\nstd = 0", 5, "--std = 0"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("row{at}.toml");
        let file = table.file(&name, format!("# A row.\nmodel = 'mlp'\n\n{flag}\n").as_bytes());
        let arguments = |more: &str| {
            let mut arguments: Vec<String> = vec!["--config".into(), file.clone(), "--data".into(), synthetic()];
            arguments.extend(words(more));
            arguments
        };
        table.add(Program::Train, arguments(""), DATA, &[&format!("{name}: line {line}: "), says]);
    }
    let file = table.file("good.toml", b"model = 'mlp'\nlr = -1\nepochs = 3");
    let mut given: Vec<String> = vec!["--config".into(), file, "--data".into(), synthetic()];
    given.extend(words("--lr=-2"));
    table.add(Program::Train, given, USAGE, &["error: --lr = -2"]);
    table.check();
}

#[test]
fn a_loss_that_leaves_the_finite_range_stops_the_run_without_a_checkpoint() {
    let out = fresh_folder("diverged").join("run");
    let mut arguments = short_training();
    arguments.extend(words("--model mlp --epochs 2 --out"));
    arguments.push(text(&out));
    let rate = arguments.iter().position(|argument| argument == "0.05").unwrap();
    arguments[rate] = "1e30".into();
    let ended = run(Program::Train, &arguments);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("epoch 1") && ended.stderr.contains("--lr"), "{}", ended.stderr);
    let nothing_left = |out: &Path| {
        for file in ["model.safetensors", "model.json", "train.npz", "test.npz", "resume.safetensors"] {
            assert!(!out.join(file).exists(), "{file} was left");
        }
    };
    nothing_left(&out);
    // One step, after which the weights are infinite, and one after which only the scores are.
    for (name, flags, says) in [
        ("diverged-weights", "--lr 1e39", "not finite after epoch 1; lower --lr"),
        ("diverged-scores", "--lr 1e25", "train images of epoch 1: sample 0: the score of class"),
    ] {
        let out = fresh_folder(name).join("run");
        let mut arguments: Vec<String> = vec!["--data".into(), synthetic()];
        arguments.extend(words(
            "--model mlp --epochs 1 --warm-up 0 --n-max 20 --imbalance 2 --batch-size 200 --threads 1 --device cpu",
        ));
        arguments.extend(words(flags));
        arguments.extend(["--out".into(), text(&out)]);
        let ended = run(Program::Train, &arguments);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
        nothing_left(&out);
    }
}

/// Not an error: what does not exist is null.
#[test]
fn a_class_without_test_samples_is_null() {
    let folder = fresh_folder("empty-class");
    let (logits, labels) = good();
    write_npz(
        &folder.join("test.npz"),
        logits.view(),
        labels.mapv(|label| if label == 2 { 3 } else { label }).view(),
        true,
    );
    let arguments = predictions(&text(&folder.join("test.npz")), "--weights none");
    let report = car_spectral_tests::analyze(&arguments, &folder.join("report"));
    let test = &report["models"][0]["test"];
    assert!(test["per_class_error"][2].is_null() && test["class_error_interval"][2].is_null(), "{test}");
    assert!(test["chain"]["weighted_error"][2].is_null() && test["margins"][0]["class_margin_error"][2].is_null());
    assert!(test["per_class_error"][1].is_number());
    car_spectral_tests::recompute(&folder.join("report/report.json"), 0, &folder.join("test.npz"), None, None);
}
