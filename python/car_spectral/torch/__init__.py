"""CAR as a loss for PyTorch, and evaluation with exact counts.

Pure PyTorch: no step of a training runs anything else. From its import on,
``torch.load(weights_only=True)`` takes :class:`MarginCounts`, whose reader executes nothing.
"""

from torch.serialization import add_safe_globals

from ..counts import counts_from_bytes
from .evaluate import evaluate, predict
from .loss import CARLoss
from .margins import SampleMargins, sample_margins
from .options import CAROptions
from .sampler import ExactDistributedSampler

add_safe_globals([counts_from_bytes])

__all__ = [
    "CARLoss",
    "CAROptions",
    "ExactDistributedSampler",
    "SampleMargins",
    "evaluate",
    "predict",
    "sample_margins",
]
