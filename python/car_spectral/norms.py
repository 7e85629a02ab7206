"""The spectral norm between two certified bounds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _core
from .counts import MarginCounts
from .weights import ClassWeights, core_weights

Vector = npt.NDArray[np.float64]


class SpectralNorm(NamedTuple):
    """‖M‖₂ of a non-negative matrix, with lower <= ‖M‖₂ <= upper proved for the stored matrix."""

    value: float
    lower: float
    upper: float
    #: u over the predicted classes, unit.
    left: Vector
    #: v over the true classes, unit.
    right: Vector


def spectral_norm(
    matrix: Any, weights: ClassWeights | None = None, *, margin: float | None = None
) -> SpectralNorm:
    """Give ‖M‖₂ of a matrix without negative entries, or ‖CΛ‖₂ of counts and class weights.

    >>> import numpy as np
    >>> from car_spectral import spectral_norm
    >>> norm = spectral_norm(np.array([[0.0, 3.0], [4.0, 0.0]]))
    >>> norm.lower <= 4.0 <= norm.upper
    True

    Args:
        matrix: A square array, a SciPy sparse matrix, or :class:`MarginCounts`.
        weights: λ_j, by which the columns are multiplied.
        margin: With counts: the margin whose matrix is taken, in place of the errors.

    Raises:
        ValueError: a matrix that is not square or has entries that are negative or not finite.

    """
    if isinstance(matrix, MarginCounts):
        if weights is None:
            ones = [1] * matrix.num_classes
            weights = ClassWeights(ones, 0.0, "none")
        _check_weights(weights, matrix.num_classes)
        place = None if margin is None else matrix._place(margin)
        return SpectralNorm(
            *_core.spectral_norm_of_counts(matrix._counts, core_weights(weights), place)
        )
    if hasattr(matrix, "tocoo"):
        entries = matrix.tocoo()
        if entries.shape[0] != entries.shape[1]:
            raise ValueError(f"the matrix has shape {list(entries.shape)}, expected [K, K]")
        values = np.ascontiguousarray(entries.data, np.float64)
        columns = entries.col.astype(np.uint64)
        if weights is not None:
            _check_weights(weights, entries.shape[0])
            values = values * weights.values[entries.col]
        rows = entries.row.astype(np.uint64)
        return SpectralNorm(
            *_core.spectral_norm_of_triplets(entries.shape[0], rows, columns, values)
        )
    array = np.asarray(matrix, np.float64)
    if array.ndim != 2:
        raise ValueError(f"the matrix has shape {list(array.shape)}, expected [K, K]")
    if weights is not None:
        _check_weights(weights, array.shape[1])
        array = array * weights.values
    return SpectralNorm(*_core.spectral_norm(array))


def _check_weights(weights: ClassWeights, classes: int) -> None:
    core_weights(weights)
    if len(weights) != classes:
        raise ValueError(f"{len(weights)} class weights for {classes} classes; give one a class")
