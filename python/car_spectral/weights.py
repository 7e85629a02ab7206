"""The weights of the classes, from their training samples."""

from __future__ import annotations

from reprlib import repr as short
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._arrays import in_class_order

FORMS = ("paper", "official", "none")


class ClassWeights:
    """The weights λ_j = (π_j + r0)^(-1/2) of K classes, from their training samples.

    >>> from car_spectral import ClassWeights
    >>> ClassWeights({0: 1, 1: 3}, r0=0.0).values.round(3).tolist()
    [2.0, 1.155]

    Args:
        train_counts: Training samples of each class, `[K]`; a mapping or pandas Series by class.
        r0: The offset.
        form: As the ``paper`` prints them, divided by their mean (``official``), or ``none``.

    Raises:
        ValueError: counts that are no whole numbers or not of classes 0 to K - 1; other options.

    """

    __slots__ = ("_weights",)

    def __init__(self, train_counts: Any, r0: float = 0.2, form: str = "paper") -> None:
        check_form("form", form)
        counts = in_class_order(train_counts, "train_counts")
        self._weights = _core.ClassWeights(counts, r0, form)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """λ_j, `[K]`."""
        return self._weights.values

    @property
    def form(self) -> str:
        """The form."""
        return self._weights.form

    @property
    def r0(self) -> float:
        """The offset."""
        return self._weights.r0

    def __len__(self) -> int:
        return len(self._weights)


def core_weights(weights: ClassWeights) -> _core.ClassWeights:
    """Give what the core computes with."""
    if not isinstance(weights, ClassWeights):
        raise TypeError(
            f"weights are of type {type(weights).__name__}, expected ClassWeights(train_counts)"
        )
    return weights._weights


def check_form(name: str, form: Any) -> None:
    """Refuse what is no form of the weights."""
    if not isinstance(form, str) or form not in FORMS:
        raise ValueError(f"{name} = {short(form)}: choose {FORMS[0]}, {FORMS[1]} or {FORMS[2]}")
