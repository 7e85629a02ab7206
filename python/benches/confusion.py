"""Confusions of N samples in batches, against MulticlassConfusionMatrix of torchmetrics.

Each in a process of its own, with the same scores in the same order: time of all updates and of the
result, and by how much the memory of the process grows at most (a metric that does nothing: 1 MB).
Nothing is asserted. `... unchecked` is theirs with validate_args=False, which counts a NaN.
"""

import argparse
import multiprocessing
import resource
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


METRICS = {
    "torchmetrics": MulticlassConfusionMatrix,
    "... unchecked": lambda classes: MulticlassConfusionMatrix(classes, validate_args=False),
    "MarginConfusion": MarginConfusion,
    "MarginCounts": Counts,
}


def measure(name, samples, classes, size, results):
    """Run one of the metrics in this process."""
    torch.set_num_threads(1)
    list(batches(size, classes, size))
    first = METRICS[name](3)
    first.update(*next(batches(8, 3, 8)))
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
    results[name] = (seconds, peak() - before, errors)


def wrong(table):
    """Errors in a table of counts."""
    table = np.asarray(table)
    return int(table.sum() - np.trace(table))


def compare(names, samples, classes, size):
    """Run metrics one after the other; the first is what the others are set beside."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        results = manager.dict()
        for name in names:
            process = context.Process(target=measure, args=(name, samples, classes, size, results))
            process.start()
            process.join()
        print(f"K = {classes}, N = {samples}, batches of {size}")
        first = results.get(names[0])
        for name in names:
            seconds, memory, errors = results[name]
            print(
                f"  {name:16} {seconds:8.3f} s  {memory:8.1f} MB more  {errors} errors; "
                f"{first[0] / seconds:.1f} times as fast, {memory / max(first[1], 0.1):.3f} of the "
                "memory"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    size = parser.parse_args().size
    compare(
        ["torchmetrics", "... unchecked", "MarginConfusion", "MarginCounts"], 100_000, 1000, size
    )
    compare(["MarginConfusion", "MarginCounts"], 2_560, 50_000, 256)
