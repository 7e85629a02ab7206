"""Confusions by pair of classes, without a K x K table where K is large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics import Metric

from .. import _core
from .._arrays import counts_list, labels_array, scores_array, warn_of_probabilities
from ..counts import MarginCounts
from ..norms import spectral_norm
from ..torch.margins import SampleMargins, sample_margins
from ..weights import ClassWeights, check_form

# The least places for keys.
_PLACES = 1 << 12


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
        self._open: tuple[Tensor | None, int] = (None, 0)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count scores `[B, K]` and labels `[B]`."""
        if preds.dim() != 2 or preds.shape[1] != self.num_classes:
            raise ValueError(
                f"preds have shape {list(preds.shape)}, expected scores [B, {self.num_classes}]; "
                "predicted classes have no margins"
            )
        if preds.device != target.device:
            raise ValueError(
                f"preds are on {preds.device}, target on {target.device}; move one of them"
            )
        if self._update_count <= 1:
            warn_of_probabilities(preds)
        if preds.device.type == "cpu":
            found = _core.margin_keys(scores_array(preds), labels_array(target), self._grid)
            keys = torch.from_numpy(found)
        else:
            keys = self._keys_of(sample_margins(preds, target))
        place = self._room(len(keys))
        self.keys[0][place] = keys
        self.key_counts[0][place] = 1

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Count a batch and give what was counted of it alone."""
        of_batch = super().forward(*args, **kwargs)
        self._room(0)
        return of_batch

    def _room(self, more: int) -> slice:
        """Give places for keys: behind those that wait, or behind all once they are merged."""
        own, filled = self._open
        if own is None or len(self.keys) != 1 or self.keys[0] is not own:
            own, filled = None, 0  # states of another metric, or moved to a device
        if own is None or filled + more > len(own):
            keys, counts = self._merge()
            filled, places = len(keys), _PLACES
            while places < max(2 * filled, filled + more):
                places *= 2
            if own is None or len(own) != places:
                own = keys.new_zeros(places)
                self.keys, self.key_counts = [own], [torch.zeros_like(own)]
            own[:filled] = keys
            self.key_counts[0][:filled] = counts
            self.key_counts[0][filled:] = 0  # such a place counts nothing
        self._open = (own, filled + more)
        return slice(filled, filled + more)

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
        keys, times = (part.cpu().numpy() for part in self._merge())
        made = _core.Counts.from_keys(self.num_classes, self._grid.tolist(), keys, times)
        return MarginCounts._of(made)

    def compute(self) -> Any:
        """Give the counts: a :class:`car_spectral.MarginCounts`."""
        return self.counts()

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather what occurred; a process that has seen nothing takes part with nothing."""
        if dist.is_available() and dist.is_initialized() and not self._is_synced:
            keys, counts = self._merge()
            self.keys, self.key_counts = [keys], [counts]
        super().sync(*args, **kwargs)

    def reset(self) -> None:
        """Begin anew."""
        super().reset()
        self._open = (None, 0)

    def _merge(self) -> tuple[Tensor, Tensor]:
        # After gathering, a list state is one tensor.
        waiting = [self.keys] if isinstance(self.keys, Tensor) else self.keys
        numbers = [self.key_counts] if isinstance(self.key_counts, Tensor) else self.key_counts
        if not waiting:
            nothing = torch.zeros(0, dtype=torch.int64, device=self.grid.device)
            return nothing, nothing
        if waiting[0].device.type == "cpu":
            merged = _core.merge_keys([k.numpy() for k in waiting], [n.numpy() for n in numbers])
            return torch.from_numpy(merged[0]), torch.from_numpy(merged[1])
        keys, place = torch.unique(torch.cat(waiting), return_inverse=True)
        totals = torch.zeros_like(keys).index_add_(0, place, torch.cat(numbers))
        return keys[totals > 0], totals[totals > 0]


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
        check_form("weights", weights)
        ClassWeights(*self._weights_of)  # checks them

    def compute(self) -> dict[str, Tensor]:
        """Give ``norm`` with its certified ends ``norm_lower`` and ``norm_upper``, float64."""
        norm = spectral_norm(self.counts(), ClassWeights(*self._weights_of))
        ends = {"norm": norm.value, "norm_lower": norm.lower, "norm_upper": norm.upper}
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in ends.items()}
