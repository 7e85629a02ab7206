#!/usr/bin/env python3
"""The baseline of examples/README.md: logistic regression on the very images a shipped model was trained on.

    logistic_regression.py DATA_DIR TRAIN_NPZ      (TRAIN_NPZ: train.npz as `train` writes it, with `indices`)
"""

import gzip
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression


def images(folder, part):
    raw = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784) / 255.0


def labels(folder, part):
    return np.frombuffer(gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)


def main():
    folder, chosen = Path(sys.argv[1]), np.load(sys.argv[2])["indices"]
    x, y = images(folder, "train")[chosen], labels(folder, "train")[chosen]
    x_test, y_test = images(folder, "t10k"), labels(folder, "t10k")
    for c in (0.01, 0.1, 1, 10, 100):
        accuracy = LogisticRegression(C=c, max_iter=2000).fit(x, y).score(x_test, y_test)
        print(f"C = {c:<6} test accuracy {100 * accuracy:.2f} %")


if __name__ == "__main__":
    main()
