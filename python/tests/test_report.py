"""analyze: the same numbers as the program's, on the shipped predictions."""

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import car_spectral
from car_spectral import MarginCounts, analyze

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FILES = [EXAMPLES / f"cifar100-lt-resnet32-{part}.npz" for part in ("test", "train")]
NAMES = EXAMPLES / "cifar100-class-names.txt"


def pair(file):
    with np.load(file) as arrays:
        return arrays["logits"], arrays["labels"]


@pytest.fixture(scope="module")
def report():
    # CIFAR-100 holds a few images twice.
    with pytest.warns(UserWarning, match="[24] of 10,(847 training|000 test) samples"):
        return analyze(
            test=pair(FILES[0]),
            train=pair(FILES[1]),
            class_names=NAMES.read_text().splitlines(),
            name="cifar100-lt-resnet32-test",
            arch="resnet32",
        )


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    out = tmp_path_factory.mktemp("program") / "out"
    command = [sys.executable, "-m", "car_spectral", "analyze", "--predictions", FILES[0]]
    command += ["--train-predictions", FILES[1], "--class-names", NAMES, "--arch", "resnet32"]
    done = subprocess.run([*command, "--out", out], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "squirrel" in done.stdout
    return out


def without_files(data):
    data = json.loads(json.dumps(data))
    for key in ("program", "command_line", "commit", "data"):
        data["settings"].pop(key)
    for model in data["models"]:
        model["source"].pop("files")
    return data


def test_the_report_is_the_programs(report, program):
    found, expected = without_files(report.data), json.loads((program / "report.json").read_text())
    assert expected["settings"]["command_line"][0] == "analyze"
    assert found == without_files(expected)


def test_saved_files_are_the_programs(report, program, tmp_path):
    written = report.save(tmp_path / "out")
    assert {path.name for path in written} == {path.name for path in program.iterdir()}
    name = "per_class.csv"
    assert (tmp_path / "out" / name).read_bytes() == (program / name).read_bytes()
    assert without_files(json.loads(written[0].read_text())) == without_files(report.data)
    with pytest.raises(OSError, match="not a directory"):
        report.save(written[0])
    with pytest.raises(ValueError, match="pdf"):
        report.save(tmp_path, "pdf")
    assert {path.suffix for path in report.save(tmp_path / "two", ["json", "csv"])} == {
        ".json",
        ".csv",
    }


def test_counts_are_the_programs_through_every_library(report):
    logits, labels = pair(FILES[0])
    as_arrow = pa.FixedSizeListArray.from_arrays(logits.reshape(-1), logits.shape[1])
    for scores in (logits, torch.from_numpy(logits), as_arrow):
        counts = MarginCounts(100, [0.0, 0.1, 0.5, 1.0, 2.0])
        counts.update(scores, labels)
        test = report.model["test"]
        assert counts.class_counts.tolist() == test["class_counts"]
        assert counts.errors.tolist() == test["class_errors"]
        for margin in test["margins"]:
            errors = counts.margin_errors(margin["margin"]) / counts.class_counts
            assert errors.tolist() == margin["class_margin_error"]
        low, high = car_spectral.bounds.worst_class_interval(counts)
        assert [low, high] == test["max_error"]["interval"]


def test_what_a_report_says(report):
    worst = report.worst_class
    assert (worst["name"], worst["error"]) == ("squirrel", 1.0)
    assert worst["largest_error"][0] > 0.93 and 80 in worst["candidates"]
    assert "squirrel" in repr(report) and "93.5 %" in repr(report)
    assert any("T6'" in sentence for sentence in report.verdicts)
    table = report._repr_html_()
    assert table.count("<tr>") == 2 and "squirrel" in table
    columns = report.classes()
    assert columns["lower"][0] <= columns["test_error"][0] <= columns["upper"][0]
    frame = report.classes("pandas")
    assert len(frame) == 100 and frame.loc[80, "group"] == "few"
    assert report.classes("polars").height == 100
    with pytest.raises(ValueError, match="choose dict, pandas or polars"):
        report.classes("arrow")
    assert "squirrel" in str(report)


@pytest.mark.filterwarnings("ignore:.*have exactly the scores of an earlier sample")
def test_two_models_on_the_same_samples(report):
    logits, labels = pair(FILES[0])
    counts = report.model["train_counts"]
    adjusted = analyze(test=(logits - np.log(counts), labels), train_counts=counts, name="adjusted")
    both = report.compare(adjusted)
    assert len(both.models) == 2 and both.model["name"] == "adjusted"
    found = both.comparison
    change = adjusted.model["test"]["accuracy"] - report.model["test"]["accuracy"]
    assert np.isclose(found["overall"]["difference"], -change)
    largest = [model["test"]["worst_class"]["error"] for model in both.models]
    compared = found["worst_class"]
    assert np.isclose(compared["difference"], largest[1] - largest[0]) and largest[1] < largest[0]
    assert set(compared) == {"difference", "interval", "verdict", "deciding"}
    keys = {"index", "name", "error", "interval", "largest_error", "candidates"}
    assert set(report.worst_class) == keys
    page = (ROOT / "docs" / "python.md").read_text()
    assert all(f"`{key}`" in page for key in keys | set(compared))
    assert both._repr_html_().count("<tr>") == 3
    with pytest.raises(ValueError, match="two models of one name"):
        report.compare(report)
    other = analyze(test=(logits[::-1].copy(), labels[::-1].copy()), train_counts=counts, name="x")
    with pytest.raises(ValueError, match="another order"):
        report.compare(other)


def test_figures_are_drawn_on_axes_of_ones_own(report):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    for name in ("error_by_frequency", "margin_sweep", "confusion"):
        _, ax = plt.subplots()
        assert report.figure(name, ax) is ax and ax.has_data()
        ax.figure.canvas.draw()
    table = report.classes()
    ax = report.figure()
    points = np.concatenate([line.get_ydata() for line in ax.get_lines()])
    assert sorted(points) == sorted(table["test_error"])
    ax = report.figure("confusion")
    ax.figure.canvas.draw()
    assert min(name.get_window_extent().x0 for name in ax.get_yticklabels()) >= 0  # not cut off
    with pytest.raises(ValueError, match="no figure is called 'pie'"):
        report.figure("pie")
    with pytest.raises(ValueError, match="two models"):
        report.figure("differences")
    plt.close("all")


SCORES, LABELS = np.eye(3)[[0, 1, 2, 0]] * 1.5, np.array([0, 1, 2, 2])
REFUSED = [
    (ValueError, "need the training samples", lambda: analyze((SCORES, LABELS))),
    (
        ValueError,
        "2 classes in the training counts",
        lambda: analyze((SCORES, LABELS), train_counts=[1, 2]),
    ),
    (
        ValueError,
        "class names",
        lambda: analyze((SCORES, LABELS), train_counts=[3, 2, 1], class_names=["a"]),
    ),
    (ValueError, "sample 3", lambda: analyze((SCORES, [0, 1, 2, 3]), train_counts=[3, 2, 1])),
    (ValueError, "class 1 has -2", lambda: analyze((SCORES, LABELS), train_counts=[3, -2, 1])),
    (TypeError, "a pair", lambda: analyze(SCORES, train_counts=[3, 2, 1])),
    (ValueError, "delta", lambda: analyze((SCORES, LABELS), train_counts=[3, 2, 1], delta=0.0)),
    (ValueError, "same scores", lambda: analyze((SCORES, LABELS), train=(SCORES, LABELS))),
    (ValueError, "None: choose paper, off", lambda: analyze((SCORES, LABELS), weights=None)),
    (ValueError, r"\[1.0\]: choose", lambda: analyze((SCORES, LABELS), weights=[1.0])),
    (
        TypeError,
        "is one text",
        lambda: analyze((SCORES, LABELS), weights="none", class_names="abc"),
    ),
    (
        ValueError,
        "class_names: the keys .* but class 0 is not there$",
        lambda: analyze((SCORES, LABELS), weights="none", class_names={1: "a", 2: "b", 3: "c"}),
    ),
    (ValueError, "at least 2", lambda: analyze((SCORES[:, :1], [0] * 4), train_counts=[3])),
]


@pytest.mark.parametrize(("kind", "words", "call"), REFUSED, ids=[case[1] for case in REFUSED])
def test_what_does_not_fit_gets_a_sentence(kind, words, call):
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.parametrize("text", ["\x1b]0;owned\x07", "\u202e", "x" * 100_000])
def test_sentences_hold_nothing_that_acts_on_a_terminal(text):
    for refused in [{"class_names": text}, {"class_names": {text: "a"}}, {"weights": text}]:
        with pytest.raises((TypeError, ValueError)) as raised:
            analyze((SCORES, LABELS), **{"weights": "none"} | refused)
        said = str(raised.value)
        assert said.isprintable() and next(iter(refused)) in said
        assert len(said) < 300


def test_what_puts_the_numbers_in_doubt_is_warned_of():
    shares = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)
    with pytest.warns(UserWarning, match="model: the test scores look like prob") as warned:
        doubted = analyze((shares, LABELS), train_counts=[3, 2, 1])
    assert [warning.filename for warning in warned] == [__file__]
    assert doubted.warnings == doubted.model["warnings"]
    assert [warning["id"] for warning in doubted.warnings] == ["scores-are-probabilities"]
    assert repr(doubted).endswith(", 1 warning>")
    fine = analyze((SCORES, LABELS), train_counts=[3, 2, 1], name="fine")
    assert fine.warnings == [] and "warning" not in repr(fine)
    assert doubted.compare(fine).warnings == doubted.warnings


def test_names_of_classes_by_number():
    names = {2: "c", 0: "a", 1: "b"}
    report = analyze((SCORES, LABELS), weights="none", class_names=names)
    assert report.model["class_names"] == ["a", "b", "c"]


def test_a_report_where_it_does_not_belong():
    report = analyze((SCORES, LABELS), train_counts=[3, 2, 1])
    counts = MarginCounts(3)
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"report\.save\(folder\), or .* report\.data"):
            call(report)
    with pytest.raises(TypeError, match="MarginCounts given, expected the Report of another"):
        report.compare(counts)
    matrix, weights = np.array([[5, 1], [2, 6]]), car_spectral.ClassWeights([3, 2])
    bounds = car_spectral.bounds
    for bound in [
        bounds.class_intervals,
        bounds.worst_class_interval,
        bounds.worst_class_candidates,
        lambda counts: bounds.weighted_worst_class_interval(counts, weights),
        lambda counts: bounds.population_norm(counts, weights),
    ]:
        with pytest.raises(TypeError, match=r"Report given, .* report\.worst_class"):
            bound(report)
        for wrong in (matrix, matrix.tolist(), torch.from_numpy(matrix)):
            with pytest.raises(TypeError, match=r"given, expected MarginCounts.*C\.sum\(0\)"):
                bound(wrong)
    pair = (matrix.sum(0) - matrix.diagonal(), matrix.sum(0))
    assert bounds.worst_class_interval(pair) == bounds.worst_class_interval(([2, 1], [7, 7]))


def run(*arguments):
    command = [sys.executable, "-m", "car_spectral", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_line(tmp_path):
    assert run("--version").stdout.strip() == f"car-spectral {car_spectral.__version__}"
    assert run().returncode == 2 and "analyze --help" in run().stderr
    assert run("analyze", "--help").returncode == 0
    assert '"$schema"' in run("analyze", "--schema").stdout
    refused = run("analyze", "--predictions", "none.npz", "--out", str(tmp_path / "out"))
    assert refused.returncode == 1 and "none.npz" in refused.stderr
    assert run("analyze", "--delta").returncode == 2


def test_refusals_name_keywords():
    scores, labels = np.eye(3, dtype=np.float32)[[0, 1, 2]], [0, 1, 2]
    with pytest.raises(ValueError, match='give train_counts or train, or weights="none"'):
        analyze(test=(scores, labels))
    with pytest.raises(ValueError, match="by train_counts") as refused:
        analyze(test=(3 * scores, labels), train=(2 * scores, labels), train_counts=[2, 1, 1])
    assert "`" not in str(refused.value) and "--" not in str(refused.value), refused.value
