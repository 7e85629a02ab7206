"""The NumPy and SciPy side of norms.rs, which runs it: norms.py FOLDER K REPETITIONS dense|sparse

Reads a K x K matrix as triplets rows.i64, columns.i64, values.f64 (raw, little endian) from FOLDER, untimed. Prints one
line a method: its name, the largest singular value it found, and its times in seconds.
"""

import pathlib
import sys
import time

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import svds

SHORTEST_S = 2e-3


def main():
    folder, classes, repetitions = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rows, columns = (np.fromfile(folder / f"{name}.i64", dtype="<i8") for name in ("rows", "columns"))
    sparse = csc_array((np.fromfile(folder / "values.f64", dtype="<f8"), (rows, columns)), shape=(classes, classes))
    dense = sparse.toarray()
    given = sparse if sys.argv[4] == "sparse" else dense
    # A fixed start, or the iteration count would differ from run to run; ones suit a non-negative matrix.
    start = np.ones(classes)
    methods = {
        "numpy svd, all singular values": lambda: np.linalg.svd(dense, compute_uv=False)[0],
        "scipy svds(k=1), value only": lambda: svds(given, k=1, v0=start, return_singular_vectors=False)[0],
        "scipy svds(k=1), with vectors": lambda: svds(given, k=1, v0=start)[1][0],
    }
    for name, method in methods.items():
        begin = time.perf_counter()
        value = method()
        inner = int(np.clip(np.ceil(SHORTEST_S / (time.perf_counter() - begin)), 1, 10_000))
        times = []
        for _ in range(repetitions):
            begin = time.perf_counter()
            for _ in range(inner):
                method()
            times.append((time.perf_counter() - begin) / inner)
        print(f"{name}: {float(value)!r} {' '.join(map(repr, times))}")


if __name__ == "__main__":
    main()
