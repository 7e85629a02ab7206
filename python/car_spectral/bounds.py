"""Intervals of class errors and of the worst class, from held-out samples.

Each holds with probability at least 1 - delta over the samples, for a classifier that was fixed
before they were seen; with several models at once, ``models`` shares delta among them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._arrays import counts_list
from .counts import MarginCounts
from .report import Report
from .weights import ClassWeights, core_weights

__all__ = [
    "class_intervals",
    "clopper_pearson",
    "population_norm",
    "weighted_worst_class_interval",
    "worst_class_candidates",
    "worst_class_interval",
]


def clopper_pearson(errors: int, samples: int, delta: float = 0.05) -> tuple[float, float]:
    """Give the interval of one class's error.

    >>> from car_spectral.bounds import clopper_pearson
    >>> low, high = clopper_pearson(3, 10)
    >>> round(low, 4), round(high, 4)
    (0.0667, 0.6525)
    """
    return _core.clopper_pearson(errors, samples, delta / 2, delta / 2)


def class_intervals(
    counts: MarginCounts | tuple[Any, Any], delta: float = 0.05, models: int = 1
) -> npt.NDArray[np.float64]:
    """Give intervals of every class's error, all at once: `[K, 2]` (T5).

    `counts` are counts, or a pair of errors `[K]` and samples `[K]`.
    """
    return _core.class_intervals(*_errors(counts), delta, models)


def worst_class_interval(
    counts: MarginCounts | tuple[Any, Any], delta: float = 0.05, models: int = 1
) -> tuple[float, float]:
    """Give the interval of the largest error of any class, whichever that is (T5').

    It is not that of the class with the largest error found, which is a row of
    :func:`class_intervals`.
    """
    return _core.worst_class_interval(*_errors(counts), delta, models)


def weighted_worst_class_interval(
    counts: MarginCounts | tuple[Any, Any],
    weights: ClassWeights,
    delta: float = 0.05,
    models: int = 1,
) -> tuple[float, float]:
    """Give the interval of max_j λ_j e_j (T5')."""
    return _core.weighted_worst_class_interval(
        core_weights(weights), *_errors(counts), delta, models
    )


def worst_class_candidates(
    counts: MarginCounts | tuple[Any, Any], delta: float = 0.05, models: int = 1
) -> list[int]:
    """Give the classes among which the worst is (T5')."""
    return _core.worst_class_candidates(*_errors(counts), delta, models)


def population_norm(
    counts: MarginCounts, weights: ClassWeights, delta: float = 0.05
) -> tuple[float, float] | None:
    """Give the interval of the population's ‖CΛ‖₂ (T6'); None if a class has no sample."""
    if not isinstance(counts, MarginCounts):
        raise TypeError(f"{type(counts).__name__} given, expected MarginCounts{_hint(counts)}")
    return _core.population_norm(counts._counts, core_weights(weights), delta)


def _errors(counts: MarginCounts | tuple[Any, Any]) -> tuple[list[int], list[int]]:
    if isinstance(counts, MarginCounts):
        return counts.errors.tolist(), counts.class_counts.tolist()
    # A list of two lists may as well be the matrix of two classes.
    if not isinstance(counts, tuple) or len(counts) != 2:
        raise TypeError(
            f"{type(counts).__name__} given, expected MarginCounts or a tuple (errors, samples) of "
            f"two numbers a class{_hint(counts)}"
        )
    errors, samples = counts
    return counts_list(errors, "errors"), counts_list(samples, "samples")


def _hint(counts: object) -> str:
    if isinstance(counts, Report):
        return "; a report has its intervals: report.worst_class, report.classes()"
    if isinstance(counts, tuple):
        return ""
    return "; of a matrix C of numbers, a column a true class: (C.sum(0) - C.diagonal(), C.sum(0))"
