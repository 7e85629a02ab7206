"""Metrics of the worst class for torchmetrics: exact over processes, in memory of what occurs.

==============================  =================================================================
class                           computes
==============================  =================================================================
:class:`WorstClassAccuracy`     mean accuracy of the worst class, the worst k, or a share of them
:class:`ManyMediumFew`          accuracy of the classes by their training images
:class:`MarginConfusion`        counts of confusions for a grid of margins
:class:`WeightedSpectralNorm`   ‖CΛ‖₂ between two certified bounds
==============================  =================================================================

All states are integers that are added up, so that any number of processes and any split give the
same bits. A class without samples is in no mean; where nothing is left the value is NaN, never 0.
"""

from .accuracy import ManyMediumFew, WorstClassAccuracy
from .confusion import MarginConfusion, WeightedSpectralNorm

__all__ = ["ManyMediumFew", "MarginConfusion", "WeightedSpectralNorm", "WorstClassAccuracy"]
