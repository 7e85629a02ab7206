"""MarginCounts: the same bits by every way in, and sentences for what does not fit."""

import io
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

import ml_dtypes
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from car_spectral import ClassWeights, MarginCounts, analyze, bounds, spectral_norm
from car_spectral._arrays import scores_array as to_array

MARGINS = [-1.0, 0.0, 0.5, 2.0]


def data(seed=1, samples=500, classes=30):
    generator = np.random.default_rng(seed)
    # Quarters, so that ties of every kind occur.
    scores = generator.integers(-12, 12, (samples, classes)).astype(np.float32) / 4
    return scores, generator.integers(0, classes, samples)


def counted(scores, labels, classes=30):
    counts = MarginCounts(classes, MARGINS)
    counts.update(scores, labels)
    return counts


def by_definition(scores, labels, margins=MARGINS):
    """Counts (competitor, true class, margin) of every g, and errors, sample by sample."""
    classes = scores.shape[1]
    tables = np.zeros((len(margins) + 1, classes, classes), np.uint64)
    for row, label in zip(scores.astype(np.float64), labels, strict=True):
        others = row.copy()
        others[label] = -np.inf
        competitor = others.argmax()
        margin = row[label] - others[competitor]
        for at, g in enumerate(margins):
            tables[at, competitor, label] += margin <= g
        if row.argmax() != label:
            tables[-1, row.argmax(), label] += 1
    return tables


def test_counts_are_those_of_the_definition():
    scores, labels = data()
    counts, expected = counted(scores, labels), by_definition(*data())
    for at, margin in [*enumerate(MARGINS), (-1, None)]:
        predicted, true, number = counts.pairs(margin)
        found = np.zeros((30, 30), np.uint64)
        found[predicted, true] = number
        assert (found == expected[at]).all()
        shares = expected[at] / np.bincount(labels, minlength=30)
        assert (counts.confusion(margin) == shares).all()
    assert counts.ties()["top2"] > 0


WAYS = {
    "float64": lambda s: s.astype(np.float64),
    "float16": lambda s: s.astype(np.float16),
    "big-endian": lambda s: s.astype(">f4"),
    "bfloat16 of ml_dtypes": lambda s: s.astype(ml_dtypes.bfloat16),
    "column-major": np.asfortranarray,
    "every other row": lambda s: np.repeat(s, 2, axis=0)[::2],
    "backwards twice": lambda s: s[::-1].copy()[::-1],
    "torch": torch.from_numpy,
    "torch with a gradient": lambda s: torch.from_numpy(s).requires_grad_() * 1.0,
    "torch bfloat16": lambda s: torch.from_numpy(s).bfloat16(),
    "torch half": lambda s: torch.from_numpy(s).half(),
    "torch double, transposed": lambda s: torch.from_numpy(s).double().t().contiguous().t(),
    "arrow lists of fixed size": lambda s: pa.FixedSizeListArray.from_arrays(s.reshape(-1), 30),
    "arrow lists": lambda s: pa.array(list(s)),
    "arrow chunks": lambda s: pa.chunked_array([pa.array(list(s[:7])), pa.array(list(s[7:]))]),
    "DLPack": lambda s: OnlyDLPack(s),
}


class OnlyDLPack:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_gives_the_same_bits(way):
    scores, labels = data()
    assert counted(WAYS[way](scores), labels).to_bytes() == counted(scores, labels).to_bytes()


@pytest.mark.parametrize(
    "kind", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.uint64]
)
def test_labels_of_any_integer_type(kind):
    scores, labels = data()
    expected = counted(scores, labels)
    assert counted(scores, labels.astype(kind)) == expected
    assert counted(scores, pa.array(labels.astype(kind))) == expected
    assert counted(scores, torch.from_numpy(labels)) == expected


def test_record_batches_are_counted_by_name():
    scores, labels = data()
    column = pa.FixedSizeListArray.from_arrays(scores.reshape(-1), 30)
    table = pa.table({"logits": column, "label": labels})
    counts = MarginCounts(30, MARGINS)
    counts.update_batches(table.to_batches(max_chunksize=64), "logits", "label")
    assert counts == counted(scores, labels)


def test_scores_are_read_in_place():
    import tracemalloc

    scores = np.zeros((20_000, 100), np.float32)
    scores[:, 0] = 1.0
    labels = np.zeros(20_000, np.int64)
    counts = MarginCounts(100)
    tracemalloc.start()
    before = scores.copy()
    counts.update(torch.from_numpy(scores), labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (scores == before).all() and peak < 1.5 * scores.nbytes  # `before` is one of them


def test_parts_add_up_in_any_split_and_order():
    scores, labels = data()
    whole = counted(scores, labels)
    parts = [counted(scores[at::7], labels[at::7]) for at in (3, 0, 6, 1, 5, 2, 4)]
    total = MarginCounts(30, MARGINS)
    for part in parts:
        total += pickle.loads(pickle.dumps(part))
    assert total == whole and total.to_bytes() == whole.to_bytes()
    assert parts[0] + parts[1] != whole and parts[0].samples < 100
    sparse = counted(*data(classes=2000), 2000)  # too many classes for a dense table
    assert MarginCounts.from_bytes(sparse.to_bytes()) == sparse
    with pytest.raises(ValueError, match="cannot be merged"):
        total.merge(MarginCounts(30, [0.0]))
    with pytest.raises(ValueError, match="checksum"):
        MarginCounts.from_bytes(whole.to_bytes()[:-1] + b"x")


class OwnCounts(MarginCounts):
    pass


def test_sum_and_the_ways_to_store():
    scores, labels = data()
    whole = counted(scores, labels)
    parts = [counted(scores[at::3], labels[at::3]) for at in range(3)]
    assert sum(parts) == whole and parts[0].samples == 167
    with pytest.raises(TypeError, match="unsupported operand"):
        1 + whole
    program = """
import sys, torch
import car_spectral.torch
stored = torch.load(sys.argv[1], weights_only=True)
print(stored["counts"].samples, stored["epoch"])
"""
    content = io.BytesIO()
    torch.save({"counts": whole, "epoch": 3}, content)
    with tempfile.NamedTemporaryFile() as file:
        file.write(content.getvalue())
        file.flush()
        command = [sys.executable, "-c", program, file.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == "500 3\n", done.stderr
    own = OwnCounts.from_bytes(whole.to_bytes())
    assert type(pickle.loads(pickle.dumps(own))) is OwnCounts


def test_margins_made_on_a_device_count_alike():
    from car_spectral.torch import sample_margins

    scores, labels = data()
    counts = MarginCounts(30, MARGINS)
    counts.add_margins(*sample_margins(torch.from_numpy(scores), torch.from_numpy(labels)))
    assert counts == counted(scores, labels)


def test_an_interrupt_stops_the_count_and_takes_it_back():
    program = """
import numpy as np
from car_spectral import MarginCounts
# One row of 2000 scores, seen ten million times: it takes a while.
scores = np.broadcast_to(np.arange(2000, dtype=np.float32), (10_000_000, 2000))
labels = np.broadcast_to(np.int64(7), 10_000_000)
counts = MarginCounts(2000)
try:
    print("counting", flush=True)
    counts.update(scores, labels)
except KeyboardInterrupt:
    print("stopped", counts.samples)
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "counting\n"
        time.sleep(0.2)  # it is likely to have begun; if not, it is stopped at its beginning
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=120)[0] == "stopped 0\n"


def test_other_threads_go_on_while_it_counts():
    scores = np.random.default_rng(0).standard_normal((60_000, 400), np.float32)
    labels = np.zeros(len(scores), np.int64)
    ticks, done = 0, threading.Event()

    def count():
        MarginCounts(400).update(scores, labels)
        done.set()

    thread = threading.Thread(target=count)
    thread.start()
    while not done.is_set():
        ticks += 1
    thread.join()
    assert ticks > 1000


def test_chunks_of_a_column_are_read_in_place(monkeypatch):
    scores, labels = data()
    pieces = [slice(0, 7), slice(7, 7), slice(7, 300), slice(300, None)]
    column = pa.chunked_array(
        [pa.FixedSizeListArray.from_arrays(scores[at].reshape(-1), 30) for at in pieces]
    )
    seen = []
    monkeypatch.setattr(
        "car_spectral.counts.scores_array", lambda piece: seen.append(piece) or to_array(piece)
    )
    assert counted(column, labels) == counted(scores, labels)
    parts = [to_array(piece) for piece in seen[:-1]]
    assert [len(part) for part in parts] == [7, 293, 200]
    assert all(np.shares_memory(part, scores) for part in parts)
    # The whole column or nothing, and samples numbered over it.
    counts = MarginCounts(30, MARGINS)
    labels[450] = 30
    with pytest.raises(ValueError, match="sample 450: label 30"):
        counts.update(column, labels)
    with pytest.raises(ValueError, match="500 rows of scores but 499 labels"):
        counts.update(column, labels[1:])
    assert counts == MarginCounts(30, MARGINS)


SCORES = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.5]], np.float32)
NAN = np.array([[1.0, 0.0, 2.0], [0.0, np.nan, 0.5]])
LONG = torch.zeros(500)
REFUSED = [
    (ValueError, "at least 2 classes", lambda c: MarginCounts(1)),
    (ValueError, "margin number 1 is NaN", lambda c: MarginCounts(3, [0.0, np.nan])),
    (ValueError, "needs 3 scores", lambda c: c.update(SCORES[:, :2], [0, 1])),
    (ValueError, "2 rows of scores but 1 labels", lambda c: c.update(SCORES, [0])),
    (ValueError, "sample 3: label 3 is not below", lambda c: c.update(SCORES, [0, 3])),
    (ValueError, "sample 2: label -1 is no class", lambda c: c.update(SCORES, [-1, 0])),
    (ValueError, "sample 3: the score of class 1 is NaN", lambda c: c.update(NAN, [0, 1])),
    (ValueError, "expected \\[N, K\\]", lambda c: c.update(SCORES[0], [0])),
    (ValueError, "argmax\\(1\\)", lambda c: c.update(SCORES, np.eye(3, dtype=int)[:2])),
    (TypeError, "whole numbers. give labels.astype", lambda c: c.update(SCORES, [0.0, 1.0])),
    (TypeError, "give labels.long", lambda c: c.update(SCORES, torch.tensor([0.0, 1.0]))),
    (ValueError, "shape .500., expected .N, K", lambda c: MarginCounts(3).update(LONG, [0])),
    (TypeError, "integer type$", lambda c: c.update(SCORES, [0.5, 1.0])),
    (TypeError, "one a class", lambda c: c.update(SCORES.astype(int), [0, 1])),
    (TypeError, "complex", lambda c: c.update(SCORES.astype(complex), [0, 1])),
    (ValueError, "1 nulls", lambda c: c.update(SCORES, pa.array([0, None]))),
    (
        ValueError,
        "sample 1 has 2 numbers",
        lambda c: c.update(pa.array([[1.0] * 3, [1.0] * 2]), [0, 1]),
    ),
    (
        TypeError,
        "scores are struct.*vector_to_array",
        lambda c: c.update(pa.array([{"x": 1}]), [0]),
    ),
    (ValueError, "was not counted", lambda c: c.confusion(0.7)),
    (ValueError, "scores.cpu\\(\\)", lambda c: c.update(torch.zeros(2, 3, device="meta"), [0, 1])),
]


@pytest.mark.parametrize(("kind", "words", "call"), REFUSED, ids=[case[1] for case in REFUSED])
def test_what_does_not_fit_gets_a_sentence_and_changes_nothing(kind, words, call):
    counts = MarginCounts(3)
    counts.update(SCORES, [2, 1])
    before = counts.copy()
    with pytest.raises(kind, match=words):
        call(counts)
    assert counts == before


def test_an_error_late_in_a_large_batch_takes_it_all_back():
    scores = np.zeros((3000, 6000), np.float32)  # two parts between looks for Ctrl-C
    scores[-1, 5] = np.inf
    counts = MarginCounts(6000)
    with pytest.raises(ValueError, match="sample 2999: the score of class 5 is inf"):
        counts.update(scores, np.zeros(3000, int))
    assert counts.samples == 0


def test_norms_and_bounds():
    scores, labels = data(classes=5)
    counts = counted(scores, labels, 5)
    weights = ClassWeights([500, 100, 50, 10, 5])
    matrix = counts.confusion() * weights.values
    exact = np.linalg.norm(matrix, 2)
    for norm in [
        spectral_norm(counts, weights),
        spectral_norm(matrix),
        spectral_norm(counts.confusion(), weights),
    ]:
        assert norm.lower <= exact * (1 + 1e-12) and exact * (1 - 1e-12) <= norm.upper
        assert norm.upper - norm.lower <= 1e-9 * norm.upper
        assert abs(norm.left @ matrix @ norm.right - norm.value) < 1e-9
    low, high = bounds.worst_class_interval(counts)
    assert low <= np.nanmax(counts.class_errors) <= high
    every = bounds.class_intervals(counts)
    assert ((every[:, 0] <= counts.class_errors) & (counts.class_errors <= every[:, 1])).all()
    assert counts.worst_class in bounds.worst_class_candidates(counts)
    low, high = bounds.population_norm(counts, weights)
    assert low <= exact <= high
    assert bounds.weighted_worst_class_interval(counts, weights)[1] <= weights.values.max()
    with pytest.raises(ValueError, match="delta"):
        bounds.worst_class_interval(counts, delta=2.0)
    with pytest.raises(ValueError, match="not negative"):
        spectral_norm(-matrix)
    four = ClassWeights([4, 3, 2, 1])
    for call in [
        lambda: spectral_norm(counts, four),
        lambda: spectral_norm(matrix, four),
        lambda: bounds.population_norm(counts, four),
        lambda: bounds.weighted_worst_class_interval(counts, four),
    ]:
        with pytest.raises(ValueError, match="5 classes; give one a class"):
            call()
    assert (ClassWeights(np.array([9.0, 1.0])).values == ClassWeights([9, 1]).values).all()
    with pytest.raises(ValueError, match="class 1 has nan training images"):
        ClassWeights([3, np.nan])
    with pytest.raises(ValueError, match="2 entries for 3 classes"):
        bounds.worst_class_interval(([1, 2], [3, 4, 5]))
    with pytest.raises(ValueError, match="at least 2"):
        bounds.worst_class_interval(([1], [3]))
    with pytest.raises(ValueError, match="is NaN"):
        spectral_norm(np.array([[0.0, np.nan], [1.0, 0.0]]))
    with pytest.raises(ValueError, match="square"):
        spectral_norm(matrix[:3])


def test_a_class_without_samples_has_no_error():
    counts = MarginCounts(3)
    counts.update(SCORES, [2, 2])
    assert np.isnan(counts.class_errors[:2]).all() and counts.class_errors[2] == 0.5
    assert counts.worst_class == 2 and MarginCounts(3).worst_class is None


def wants_counts(counts):
    """What each place that takes counts of classes makes of them."""
    from car_spectral.metrics import ManyMediumFew, WeightedSpectralNorm
    from car_spectral.torch import CARLoss

    scores = 4 * np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    report = analyze((scores, [0, 1, 2, 0]), train_counts=counts)
    return [
        report.model["train_counts"],
        ClassWeights(counts).values.tolist(),
        WeightedSpectralNorm(counts)._weights_of[0],
        CARLoss(counts).class_weights.tolist(),
        bounds.class_intervals(([1, 1, 1], counts)).tolist(),
        ManyMediumFew(counts).groups.tolist(),
    ]


def test_counts_by_class_are_put_in_order():
    labels = [2, 2, 2, 2, 0, 0, 0, 1]
    expected = wants_counts([3, 1, 4])
    for counts in [
        Counter(labels),
        {np.int64(2): 4, 1: 1, 0: 3},
        pd.Series(labels).value_counts(),
        pd.Series([3, 1, 4]),
        pd.Series([1.0, 4.0, 3.0], index=[1, 2, 0]),
    ]:
        assert wants_counts(counts) == expected, counts
    for counts, words in [
        (Counter([2, 0]), r"train_counts: the keys .* 0 to 1, as there are 2, but class 1 is not"),
        (pd.Series([0, 2, 5]).value_counts(), r"class 1 is not there; .*reindex\(range\(K\)"),
        (pd.Series([3, 1, 4], index=["a", "b", "c"]), "the index must be .* not 'a'; give a list"),
        (pd.Series([3, 1, 4], index=[1, 2, 3]), "class 0 is not there"),
        (pd.Series([3, 1, 4], index=[0, 0, 1]), "class 2 is not there"),
        ({"0": 3, "1": 4}, "the keys must be .* not '0'"),
        ({True: 3, False: 4}, "the keys must be .* not True"),
    ]:
        with pytest.raises(ValueError, match=words):
            ClassWeights(counts)
    for call in [
        lambda: spectral_norm(np.eye(2), [1.0, 2.0]),
        lambda: bounds.population_norm(MarginCounts(2), [1.0, 2.0]),
    ]:
        with pytest.raises(TypeError, match=r"list, expected ClassWeights\(train_counts\)"):
            call()
    with pytest.raises(ValueError, match="form = 'papers': choose paper, official or none"):
        ClassWeights([3, 4], form="papers")
