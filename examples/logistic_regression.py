#!/usr/bin/env python3
"""The baseline of examples/README.md: logistic regression on the very images a shipped model was
trained on.

    .venv/bin/python examples/logistic_regression.py .data/fashion-mnist runs/fashion-mlp/train.npz

TRAIN_NPZ is train.npz as `train` writes it, with `indices` (command A of examples/README.md makes
it in half a minute); the five fits take one to several minutes.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression


def images(folder, part):
    raw = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784) / 255.0


def labels(folder, part):
    return np.frombuffer(gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    parser.add_argument("train_npz", type=Path, metavar="TRAIN_NPZ")
    arguments = parser.parse_args()
    folder, chosen = arguments.data_dir, np.load(arguments.train_npz)["indices"]
    x, y = images(folder, "train")[chosen], labels(folder, "train")[chosen]
    x_test, y_test = images(folder, "t10k"), labels(folder, "t10k")
    for c in (0.01, 0.1, 1, 10, 100):
        accuracy = LogisticRegression(C=c, max_iter=2000).fit(x, y).score(x_test, y_test)
        print(f"C = {c:<6} test accuracy {100 * accuracy:.2f} %", flush=True)


if __name__ == "__main__":
    main()
