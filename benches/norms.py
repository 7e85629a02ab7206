"""The NumPy and SciPy side of norms.rs, which runs it: norms.py FOLDER K dense|sparse

Reads a K x K matrix as triplets rows.i64, columns.i64, values.f64 (raw, little endian) from FOLDER,
untimed, and serves its methods (session.py); what each finds is the largest singular value.
"""

import pathlib
import sys

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import svds
from session import serve


def main():
    folder, classes = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    rows, columns = (np.fromfile(folder / f"{name}.i64", dtype="<i8") for name in ("rows", "columns"))
    sparse = csc_array((np.fromfile(folder / "values.f64", dtype="<f8"), (rows, columns)), shape=(classes, classes))
    dense = sparse.toarray()
    given = sparse if sys.argv[3] == "sparse" else dense
    # A fixed start, or the number of steps would differ from run to run; ones suit a non-negative
    # matrix.
    start = np.ones(classes)
    methods = {
        "numpy svd, all singular values": lambda: np.linalg.svd(dense, compute_uv=False)[0],
        "scipy svds(k=1), value only": lambda: svds(given, k=1, v0=start, return_singular_vectors=False)[0],
        "scipy svds(k=1, ncv=8), value only": lambda: svds(
            given, k=1, v0=start, ncv=8, return_singular_vectors=False
        )[0],
        "scipy svds(k=1), with vectors": lambda: svds(given, k=1, v0=start)[1][0],
    }
    if classes > 1000:
        # The same LAPACK as in norms.rs, which takes long enough once.
        del methods["numpy svd, all singular values"]
    serve(methods, lambda value: [repr(float(value))])


if __name__ == "__main__":
    main()
