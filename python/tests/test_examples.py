"""The examples as they are, on small data; doctests; the notebook; the two programs of docs."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import car_spectral

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "python"


def run(name, *arguments):
    command = [sys.executable, "-W", "ignore", EXAMPLES / name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=EXAMPLES)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_train_loop():
    printed = run("train_loop.py", "--epochs", "3")
    assert re.search(r"worst class \d, test error [\d.]+%", printed)
    low, high = (float(x) for x in re.search(r"in \[([\d.]+)%, ([\d.]+)%\]", printed).groups())
    assert 0 <= low < high <= 100


def test_lightning_callback(tmp_path):
    printed = run("lightning_callback.py", "--epochs", "2", "--predictions", tmp_path / "p.npz")
    logged = dict(line.split() for line in printed.splitlines() if line.count(" ") == 1)
    names = {"val/few", "val/many", "val/medium", "val/norm", "val/worst_class"}
    assert names <= logged.keys() and float(logged["val/norm_upper"]) >= float(logged["val/norm"])
    with np.load(tmp_path / "p.npz") as kept:
        logits, labels = kept["logits"], kept["labels"]
    accuracies = [(logits.argmax(1) == labels)[labels == j].mean() for j in range(10)]
    assert abs(min(accuracies) - float(logged["val/worst_class"])) < 1e-4


def test_timm_finetune():
    assert "worst class" in run("timm_finetune.py", "--steps", "2")


def test_distributed_eval():
    printed = run("distributed_eval.py")
    assert "1010 samples" in printed and "the same as on one process: True" in printed


def test_examples_are_typed_as_pyright_sees_it():
    pytest.importorskip("pyright", reason="needs pyright (PyPI)")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, EXAMPLES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=EXAMPLES)
    assert done.returncode == 0, done.stdout


MODULES = [
    module.name
    for module in pkgutil.walk_packages(car_spectral.__path__, "car_spectral.")
    if not module.name.endswith(("__main__", "_core"))
]


@pytest.mark.parametrize("name", ["car_spectral", *MODULES])
def test_examples_in_docstrings(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0


def test_docstring_examples_are_there():
    found = [doctest.DocTestFinder().find(importlib.import_module(name)) for name in MODULES]
    assert sum(len(test.examples) for tests in found for test in tests) >= 15


# What the pages count is noise.
@pytest.mark.filterwarnings("ignore:(model|other).*(no better than chance|looks untrained|order)")
@pytest.mark.parametrize("page", ["README.md", "python/README.md", "docs/python.md", "docs/far.md"])
def test_code_of_the_pages_runs(page, tmp_path, monkeypatch):
    """Every block runs, one after the other, on data of the names that the page uses."""
    monkeypatch.chdir(tmp_path)
    import matplotlib

    matplotlib.use("Agg")
    import torch

    duckdb = pytest.importorskip("duckdb", reason="needs duckdb (PyPI)")
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(60, 8, generator=generator), torch.arange(60) % 3
    model = torch.nn.Linear(8, 3)
    scores = model(images).detach().numpy()
    table = pa.table({"logits": list(scores), "labels": labels.numpy()})
    duckdb.register("predictions", table)
    (tmp_path / "counts").mkdir()
    counts = car_spectral.MarginCounts(3, [0.0, 0.5])
    counts.update(scores, labels)
    (tmp_path / "counts" / "0.counts").write_bytes(counts.to_bytes())
    known = {
        "duckdb": duckdb,
        "torch": torch,
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), 0.1),
        "images": images,
        "labels": labels,
        "logits": scores,
        "train_counts": [500, 50, 5],
        "names": ["a", "b", "c"],
        "test_loader": [(images, labels)],
        "train_loader": [(images, labels)],
    }
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), known)


def test_the_job_of_an_array_counts_its_part(tmp_path):
    program = re.search(r"```python\n(.*?)```", (ROOT / "docs/far.md").read_text(), re.S)[1]
    (tmp_path / "part.py").write_text(program)
    scores, labels = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]], np.array([0, 1, 1, 2])
    np.savez(tmp_path / "a.npz", logits=scores, labels=labels)
    command = [sys.executable, "part.py", "a.counts", "a.npz", "a.npz"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    expected = car_spectral.MarginCounts(3, [0.0, 0.5])
    expected.update(np.tile(scores, (2, 1)), np.tile(labels, 2))
    assert (tmp_path / "a.counts").read_bytes() == expected.to_bytes()


def test_the_notebook_runs():
    """Cell by cell in this process: no kernel is needed."""
    import json

    notebook = json.loads((EXAMPLES / "worst_class.ipynb").read_text())
    code = "\n".join(
        "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import matplotlib; matplotlib.use('Agg')\n{code}"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=EXAMPLES,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("squirrel; the largest error of a class is 93.5% to 100.0%")
