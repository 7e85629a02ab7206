"""The terms of the plan in docs/far.md, each measured on a part, in processor seconds of one core.

Scores of K classes in Parquet, read and counted; the size of a partition's counts; how the pairs of
classes grow with the samples; what adding up costs. Labels follow Zipf's law, three of four samples
are right by any margin asked for, and the strongest wrong class is one of 50 likely ones of the
label in four of five samples, any class in the fifth.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from car_spectral import MarginCounts

MARGINS = [0.0, 0.5]


def labels_of(generator, samples, classes):
    """Zipf over the classes."""
    shares = 1 / np.arange(1, classes + 1)
    return generator.choice(classes, samples, p=shares / shares.sum())


def drawn(seed, samples, classes):
    """Counts of samples of which only the margin is drawn."""
    generator = np.random.default_rng(seed)
    labels = labels_of(generator, samples, classes)
    likely = (labels * 7919 + generator.integers(1, 51, samples) * 104_729) % classes
    other = np.where(
        generator.random(samples) < 0.8, likely, generator.integers(0, classes, samples)
    )
    other = np.where(other == labels, (other + 1) % classes, other)
    wrong = generator.random(samples) < 0.25
    counts = MarginCounts(classes, MARGINS)
    counts.add_margins(labels, other, np.where(wrong, generator.normal(size=samples), 9.0))
    return counts


def least(step, times=5):
    """Processor seconds of the quickest run."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    return min(seconds)


def read_and_count(classes, samples):
    """Parquet of float32 lists: reading, counting, both, in GB of scores a second."""
    generator = np.random.default_rng(0)
    labels = labels_of(generator, samples, classes)
    scores = generator.standard_normal((samples, classes), np.float32)
    lists = pa.ListArray.from_arrays(
        np.arange(0, scores.size + 1, classes, np.int32), scores.reshape(-1)
    )
    gigabytes = scores.nbytes / 1e9

    def count():
        MarginCounts(classes, MARGINS).update(scores, labels)

    print(f"counting {gigabytes / least(count):.2f} GB/s")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        table = pa.table({"logits": lists, "labels": labels})
        pq.write_table(table, path, use_dictionary=False, compression="none", row_group_size=400)
        file = pq.ParquetFile(path)
        groups = range(file.num_row_groups)

        def read():
            for group in groups:
                file.read_row_group(group, use_threads=False)

        print(f"reading Parquet {gigabytes / least(read):.2f} GB/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=8_000)
    given = parser.parse_args()
    read_and_count(given.classes, given.samples)
    total = MarginCounts(given.classes, MARGINS)
    for power in range(8):
        samples = 100_000 << max(power - 1, 0)
        part = drawn(power, samples, given.classes)
        content = part.to_bytes()
        seconds = least(lambda content=content: MarginCounts.from_bytes(content), 3)
        start = time.process_time()
        total.merge(part)
        seconds += time.process_time() - start
        pairs = len(part.pairs(0.5)[0])
        print(
            f"{samples} samples: {pairs} pairs, {len(content) / 1e6:.2f} MB, read and added in "
            f"{1e9 * seconds / pairs:.0f} ns a pair; {total.samples} so far: "
            f"{len(total.pairs(0.5)[0])} pairs, {len(total.to_bytes()) / 1e6:.1f} MB"
        )


if __name__ == "__main__":
    main()
