"""CAR as a loss for PyTorch, and evaluation with exact counts.

Pure PyTorch: no step of a training runs anything else.
"""

from .evaluate import evaluate, predict
from .loss import CARLoss
from .margins import SampleMargins, sample_margins
from .options import CAROptions
from .sampler import ExactDistributedSampler

__all__ = [
    "CARLoss",
    "CAROptions",
    "ExactDistributedSampler",
    "SampleMargins",
    "evaluate",
    "predict",
    "sample_margins",
]
