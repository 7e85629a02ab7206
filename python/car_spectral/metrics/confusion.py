"""Confusions by pair of classes, without a K x K table where K is large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from .. import _core
from .._arrays import counts_list, labels_array, scores_array
from .._outcomes import Outcomes
from ..counts import MarginCounts
from ..norms import spectral_norm
from ..torch.margins import SampleMargins, sample_margins

# Samples that wait to be merged, in one piece of memory.
_WAITING = 1 << 14


class MarginConfusion(Metric):
    """Counts of confusions for a grid of margins, as :class:`car_spectral.MarginCounts` has them.

    What is counted of a sample is one number, and the state is the sorted numbers that occur with
    their counts: an update takes memory and time of its batch, the state that of the distinct
    pairs of classes, never K². Processes gather theirs.

    Args:
        num_classes: K.
        margins: The margins g, in units of the scores.
        kwargs: Those of ``torchmetrics.Metric``.

    """

    is_differentiable: bool = False
    full_state_update: bool = False
    keys: list[Tensor]
    key_counts: list[Tensor]
    grid: Tensor

    def __init__(self, num_classes: int, margins: Iterable[float] = (0.0,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._grid = MarginCounts(num_classes, margins).margins  # checks both
        self._slots = len(self._grid) + 1
        if num_classes**2 * self._slots >= 1 << 60:
            raise ValueError(f"num_classes = {num_classes}: too many to number their pairs")
        self.num_classes = num_classes
        self.register_buffer("grid", torch.from_numpy(self._grid), persistent=False)
        self.add_state("keys", [], dist_reduce_fx="cat")
        self.add_state("key_counts", [], dist_reduce_fx="cat")
        self._filled = 0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count scores `[B, K]` and labels `[B]`."""
        if preds.dim() != 2 or preds.shape[1] != self.num_classes:
            raise ValueError(
                f"preds have shape {list(preds.shape)}, expected scores [B, {self.num_classes}]; "
                "predicted classes have no margins"
            )
        if preds.device.type == "cpu" and target.device.type == "cpu":
            found = _core.margin_keys(scores_array(preds), labels_array(target), self._grid)
            keys = torch.from_numpy(found)
        else:
            keys = self._keys_of(sample_margins(preds, target))
        if not self.keys or self._filled + len(keys) > len(self.keys[-1]):
            self._compact(max(len(keys), _WAITING))
        place = slice(self._filled, self._filled + len(keys))
        self.keys[-1][place] = keys
        self.key_counts[-1][place] = 1
        self._filled += len(keys)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Count a batch and give what was counted of it alone."""
        of_batch = super().forward(*args, **kwargs)
        self._compact(_WAITING)
        return of_batch

    def _compact(self, room: int) -> None:
        """Merge what waits, and make room; a place not yet filled counts nothing."""
        keys, counts = self._merge()
        waiting = keys.new_zeros(room)
        self.keys, self.key_counts = [keys, waiting], [counts, torch.zeros_like(waiting)]
        self._filled = 0

    def _keys_of(self, samples: SampleMargins) -> Tensor:
        """Give the numbers of samples as ``_core.margin_keys`` does, on their device."""
        labels, competitors, margins, ties = samples
        zero, wrong = margins == 0, (margins < 0) | ((margins == 0) & (competitors < labels))
        slots = torch.searchsorted(self.grid.to(margins.dtype), margins)
        others = torch.where((slots == self._slots - 1) & ~wrong, labels, competitors)
        tie = zero | ((margins < 0) & ties)
        pairs = (labels * self.num_classes + others) * self._slots + slots
        return pairs * 8 + wrong.long() + 2 * zero.long() + 4 * tie.long()

    def counts(self) -> MarginCounts:
        """Give the counts, of this process between steps, of all processes in ``compute``."""
        keys, counts = (part.cpu().numpy() for part in self._merge())
        codes, flags = np.divmod(keys, 8)
        pairs, slots = np.divmod(codes, self._slots)
        labels, others = np.divmod(pairs, self.num_classes)
        wrong, zero, tie = (flags & bit > 0 for bit in (1, 2, 4))
        found = Outcomes(labels, others, slots, wrong, zero, tie, counts)
        return found.counts(self.num_classes, self._grid.tolist())

    def compute(self) -> Any:
        """Give the counts: a :class:`car_spectral.MarginCounts`."""
        return self.counts()

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the states; a process that has seen nothing takes part with nothing."""
        if not self.keys:
            nothing = torch.zeros(0, dtype=torch.int64, device=self.grid.device)
            self.keys, self.key_counts = [nothing], [nothing]
        super().sync(*args, **kwargs)

    def reset(self) -> None:
        """Begin anew."""
        super().reset()
        self._filled = 0

    def _merge(self) -> tuple[Tensor, Tensor]:
        # After gathering, a list state is one tensor.
        waiting = [self.keys] if isinstance(self.keys, Tensor) else self.keys
        numbers = [self.key_counts] if isinstance(self.key_counts, Tensor) else self.key_counts
        if not waiting:
            nothing = torch.zeros(0, dtype=torch.int64, device=self.grid.device)
            return nothing, nothing
        keys, counts = torch.cat(waiting), torch.cat(numbers)
        keys, counts = keys[counts > 0], counts[counts > 0]
        keys, place = torch.unique(keys, return_inverse=True)
        return keys, torch.zeros_like(keys).index_add_(0, place, counts)


class WeightedSpectralNorm(MarginConfusion):
    """‖CΛ‖₂ of the confusion matrix with the weights λ_j = (π_j + r0)^(-1/2).

    Args:
        class_counts: Training images of each class, `[K]`.
        r0: Offset of the weights.
        weights: Their form: ``paper``, ``official`` or ``none``.
        kwargs: Those of ``torchmetrics.Metric``.

    """

    higher_is_better: bool = False

    def __init__(
        self,
        class_counts: Iterable[int] | Tensor,
        r0: float = 0.2,
        weights: str = "paper",
        **kwargs: Any,
    ) -> None:
        counts = counts_list(class_counts, "class_counts")
        super().__init__(len(counts), **kwargs)
        self._weights_of = (counts, r0, weights)
        _core.ClassWeights(*self._weights_of)  # checks them

    def compute(self) -> dict[str, Tensor]:
        """Give ``norm`` with its certified ends ``norm_lower`` and ``norm_upper``, float64."""
        norm = spectral_norm(self.counts(), _core.ClassWeights(*self._weights_of))
        ends = {"norm": norm.value, "norm_lower": norm.lower, "norm_upper": norm.upper}
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in ends.items()}
