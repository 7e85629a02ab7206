"""Confusions of N samples in batches, against MulticlassConfusionMatrix of torchmetrics.

Each in a process of its own, with the same scores in the same order, after a run with 3 classes
that loads what is loaded once: time of all updates and of the result, and by how much the memory of
the process grows at most, less by how much it grows with a metric that does nothing (the batches).
Medians over processes, with the smallest and the largest. Nothing is asserted. `... unchecked` is
theirs with validate_args=False, which counts a NaN.
"""

import argparse
import multiprocessing
import resource
import statistics
import time

import numpy as np
import torch
from torchmetrics.classification import MulticlassConfusionMatrix

from car_spectral import MarginCounts
from car_spectral.metrics import MarginConfusion


def peak():
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def batches(samples, classes, size):
    """Scores that get harder for later classes, made anew in every process."""
    generator = torch.Generator().manual_seed(0)
    for start in range(0, samples, size):
        count = min(size, samples - start)
        labels = torch.randint(classes, (count,), generator=generator)
        scores = torch.randn(count, classes, generator=generator)
        scores[torch.arange(count), labels] += 4.0
        yield scores, labels


class Counts:
    """MarginCounts in the shape of a metric."""

    def __init__(self, classes):
        self.counts = MarginCounts(classes)
        self.update = self.counts.update

    def compute(self):
        """Give the counts."""
        return self.counts


class Nothing:
    """Does nothing."""

    def __init__(self, classes):
        pass

    def update(self, scores, labels):
        """Leave the batch."""

    def compute(self):
        """Give an empty table."""
        return np.zeros((1, 1), int)


METRICS = {
    "nothing": Nothing,
    "torchmetrics": MulticlassConfusionMatrix,
    "... unchecked": lambda classes: MulticlassConfusionMatrix(classes, validate_args=False),
    "MarginConfusion": MarginConfusion,
    "MarginCounts": Counts,
}


def measure(name, samples, classes, size, results):
    """Run one of the metrics in this process."""
    torch.set_num_threads(1)
    for _ in batches(4 * size, classes, size):
        pass
    first = METRICS[name](3)
    for scores, labels in batches(80 * size, 3, size):
        first.update(scores, labels)
    first.compute()
    before = peak()
    metric, seconds = METRICS[name](classes), 0.0
    for scores, labels in batches(samples, classes, size):
        start = time.perf_counter()
        metric.update(scores, labels)
        seconds += time.perf_counter() - start
    start = time.perf_counter()
    found = metric.compute()
    seconds += time.perf_counter() - start
    errors = int(found.errors.sum()) if isinstance(found, MarginCounts) else wrong(found)
    results.append((seconds, peak() - before, errors))


def wrong(table):
    """Errors in a table of counts."""
    table = np.asarray(table)
    return int(table.sum() - np.trace(table))


def compare(names, samples, classes, size, times):
    """Run metrics in turn; the first is what the others are set beside."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        results = {name: manager.list() for name in names}
        results["nothing"] = manager.list()
        for name in ["nothing", *names] * times:
            arguments = (name, samples, classes, size, results[name])
            process = context.Process(target=measure, args=arguments)
            process.start()
            process.join()
        print(f"K = {classes}, N = {samples}, batches of {size}, median of {times}")
        found = {name: list(zip(*runs, strict=True)) for name, runs in results.items()}
        batches_alone = statistics.median(found.pop("nothing")[1])
        for name, (seconds, memory, errors) in found.items():
            found[name] = (seconds, [grown - batches_alone for grown in memory], errors)
        first = found[names[0]]
        for name, (seconds, memory, errors) in found.items():
            faster = [a / b for a, b in zip(first[0], seconds, strict=True)]
            share = [b / max(a, 0.1) for a, b in zip(first[1], memory, strict=True)]
            print(
                f"  {name:16} {statistics.median(seconds):7.3f} s "
                f"{statistics.median(memory):6.1f} MB more, {errors[0]} errors; "
                f"{spread(faster)} times as fast, {spread(share)} of the memory"
            )


def spread(values):
    """Median, smallest and largest."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--times", type=int, default=9)
    given = parser.parse_args()
    compare([*METRICS][1:], 100_000, 1000, given.size, given.times)
    compare(["MarginConfusion", "MarginCounts"], 2_560, 50_000, given.size, 1)
