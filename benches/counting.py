"""The NumPy and scikit-learn side of counting.rs, which runs it: counting.py FOLDER K REPETITIONS MARGIN...

Reads logits.f32 and labels.i64 (raw, little endian) from FOLDER, untimed. Prints one line a method with its times in
seconds, and the digests of the counts, which counting.rs compares with its own.
"""

import pathlib
import sys
import time

import numpy as np
from sklearn.metrics import confusion_matrix


def argmax_and_confusion_matrix(logits, labels, classes):
    # scikit-learn has rows = true class; transposed to rows = predicted class.
    return confusion_matrix(labels, logits.argmax(axis=1), labels=np.arange(classes)).T


def argmax_and_bincount(logits, labels, classes):
    return np.bincount(logits.argmax(axis=1) * classes + labels, minlength=classes**2).reshape(classes, classes)


def margin_confusion(logits, labels, classes, margins):
    """Counts [G, K, K], row = competitor, column = true class, in as few passes as NumPy needs."""
    samples = np.arange(len(labels))
    own = logits[samples, labels]
    # The label's score is put aside while argmax runs, which spares a copy of the scores.
    logits[samples, labels] = -np.inf
    competitor = logits.argmax(axis=1)
    margin = own.astype(np.float64) - logits[samples, competitor].astype(np.float64)
    logits[samples, labels] = own
    pair = competitor * classes + labels
    bucket = np.searchsorted(margins, margin, side="left")
    counted = bucket < len(margins)
    tables = np.bincount(bucket[counted] * classes**2 + pair[counted], minlength=len(margins) * classes**2)
    return tables.reshape(len(margins), classes, classes).cumsum(axis=0)


def digest(counts):
    places = np.arange(1, counts.size + 1, dtype=np.uint64)
    return int((counts.astype(np.uint64).ravel() * places).sum(dtype=np.uint64))


def main():
    folder, classes, repetitions = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    margins = np.array(sys.argv[4:], dtype=np.float64)
    labels = np.fromfile(folder / "labels.i64", dtype="<i8")
    logits = np.fromfile(folder / "logits.f32", dtype="<f4").reshape(len(labels), classes)
    methods = {
        "numpy argmax": lambda: logits.argmax(axis=1),
        "numpy argmax + sklearn": lambda: argmax_and_confusion_matrix(logits, labels, classes),
        "numpy argmax + bincount": lambda: argmax_and_bincount(logits, labels, classes),
        "numpy margin confusion, 5 margins": lambda: margin_confusion(logits, labels, classes, margins),
    }
    times = {name: [] for name in methods}
    for _ in range(repetitions):
        for name, method in methods.items():
            start = time.perf_counter()
            method()
            times[name].append(time.perf_counter() - start)
    for name, seconds in times.items():
        print(f"{name}:", *seconds)
    plain = argmax_and_confusion_matrix(logits, labels, classes).copy()
    np.fill_diagonal(plain, 0)
    print("digests:", digest(plain), *(digest(counts) for counts in margin_confusion(logits, labels, classes, margins)))


if __name__ == "__main__":
    main()
