"""Exact numbers of the worst class of long-tailed classifiers, and the regulariser CAR.

=============================  ==================================================================
name                           is
=============================  ==================================================================
:class:`MarginCounts`          mergeable counts of confusions, for a grid of margins in one pass
:class:`ClassWeights`          the weights λ_j of the classes
:func:`spectral_norm`          a spectral norm between two certified bounds
:func:`analyze`                from scores and labels to a :class:`Report` on the worst class
``car_spectral.bounds``        intervals of class errors and of the worst class
``car_spectral.torch``         ``CARLoss`` and ``evaluate`` (needs torch)
``car_spectral.metrics``       metrics for torchmetrics (needs torchmetrics)
``car_spectral.lightning``     a callback (needs lightning)
``car_spectral.spark``         the counting on a Spark cluster (needs pyspark)
``car_spectral.sql``           the counting as one SQL query
=============================  ==================================================================

Matrices have **row = predicted class, column = true class**; ties go to the lowest class; a class
without samples has no error (None or NaN), never 0.
"""

from . import bounds
from ._core import VERSION as __version__  # noqa: N811
from .counts import MarginCounts
from .norms import SpectralNorm, spectral_norm
from .report import Report, analyze
from .weights import ClassWeights

__all__ = [
    "ClassWeights",
    "MarginCounts",
    "Report",
    "SpectralNorm",
    "__version__",
    "analyze",
    "bounds",
    "spectral_norm",
]
