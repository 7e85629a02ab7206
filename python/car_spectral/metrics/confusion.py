"""Confusions by pair of classes, without a K x K table where K is large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from .. import _core
from .._arrays import counts_list
from ..counts import MarginCounts
from ..norms import spectral_norm
from ..torch.margins import sample_margins

_DENSE_BYTES = 64 << 20
# Keys that may wait to be merged, besides as many as are merged already.
_WAITING = 1 << 16


class MarginConfusion(Metric):
    """Counts of confusions for a grid of margins, as :class:`car_spectral.MarginCounts` has them.

    Tables below 64 MB are dense and added up over processes; else only the pairs of classes that
    occur are kept, as sorted keys with their counts, and gathered. An update takes memory and time
    of its batch, never K².

    Args:
        num_classes: K.
        margins: The margins g, in units of the scores.
        kwargs: Those of ``torchmetrics.Metric``.

    """

    is_differentiable: bool = False
    full_state_update: bool = False
    class_counts: Tensor
    zero_margin: Tensor
    zero_margin_correct: Tensor
    top_ties: Tensor
    table: Tensor
    keys: list[Tensor]
    key_counts: list[Tensor]
    grid: Tensor

    def __init__(self, num_classes: int, margins: Iterable[float] = (0.0,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        grid = MarginCounts(num_classes, margins).margins  # checks both
        self.num_classes = num_classes
        self.register_buffer("grid", torch.from_numpy(grid), persistent=False)
        self._slots = len(grid) + 1
        self.dense = 8 * self._slots * num_classes**2 <= _DENSE_BYTES
        for name in ("class_counts", "zero_margin", "zero_margin_correct"):
            zeros = torch.zeros(num_classes, dtype=torch.int64)
            self.add_state(name, zeros, dist_reduce_fx="sum")
        self.add_state("top_ties", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        if self.dense:
            table = torch.zeros(self._slots * num_classes**2, dtype=torch.int64)
            self.add_state("table", table, dist_reduce_fx="sum")
        else:
            self.add_state("keys", [], dist_reduce_fx="cat")
            self.add_state("key_counts", [], dist_reduce_fx="cat")
        self._merged = self._waiting = 0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count scores `[B, K]` and labels `[B]`."""
        if preds.dim() != 2 or preds.shape[1] != self.num_classes:
            raise ValueError(
                f"preds have shape {list(preds.shape)}, expected scores [B, {self.num_classes}]; "
                "predicted classes have no margins"
            )
        labels, competitors, margins, ties = sample_margins(preds, target)
        zero, wrong = margins == 0, (margins < 0) | ((margins == 0) & (competitors < labels))
        for state, of in (
            (self.class_counts, torch.ones_like(zero)),
            (self.zero_margin, zero),
            (self.zero_margin_correct, zero & ~wrong),
        ):
            state.index_add_(0, labels, of.long())
        self.top_ties += (zero | ((margins < 0) & ties)).sum()
        slots = torch.searchsorted(self.grid.to(margins.dtype), margins)
        pairs = (labels * self.num_classes + competitors) * self._slots
        within = slots < self._slots - 1
        keys = torch.cat([(pairs + slots)[within], (pairs + self._slots - 1)[wrong]])
        if self.dense:
            self.table.index_add_(0, keys, torch.ones_like(keys))
            return
        keys, counts = torch.unique(keys, return_counts=True)
        self.keys.append(keys)
        self.key_counts.append(counts)
        self._waiting += len(keys)
        if self._waiting > self._merged + _WAITING:
            keys, counts = self._merge()
            self.keys, self.key_counts = [keys], [counts]
            self._merged, self._waiting = len(keys), 0

    def counts(self) -> MarginCounts:
        """Give the counts, of this process between steps, of all processes in ``compute``."""
        if self.dense:
            keys = self.table.nonzero().squeeze(1)
            counts = self.table[keys]
        else:
            keys, counts = self._merge()
        keys, counts = keys.cpu(), counts.cpu()
        pairs, place = torch.unique(keys // self._slots, return_inverse=True)
        counters = torch.zeros(len(pairs), self._slots, dtype=torch.int64)
        counters[place, keys % self._slots] = counts
        made = _core.Counts.from_parts(
            self.grid.tolist(),
            self.class_counts.tolist(),
            int(self.top_ties),
            self.zero_margin.tolist(),
            self.zero_margin_correct.tolist(),
            (pairs // self.num_classes).tolist(),
            (pairs % self.num_classes).tolist(),
            counters.numpy().astype(np.uint64),
        )
        return MarginCounts._of(made)

    def compute(self) -> Any:
        """Give the counts: a :class:`car_spectral.MarginCounts`."""
        return self.counts()

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the states; a process that has seen nothing takes part with nothing."""
        if not self.dense and not self.keys:
            nothing = torch.zeros(0, dtype=torch.int64, device=self.class_counts.device)
            self.keys, self.key_counts = [nothing], [nothing]
        super().sync(*args, **kwargs)

    def reset(self) -> None:
        """Begin anew."""
        super().reset()
        self._merged = self._waiting = 0

    def _merge(self) -> tuple[Tensor, Tensor]:
        # After gathering, a list state is one tensor.
        waiting = [self.keys] if isinstance(self.keys, Tensor) else self.keys
        numbers = [self.key_counts] if isinstance(self.key_counts, Tensor) else self.key_counts
        if not waiting:
            nothing = torch.zeros(0, dtype=torch.int64, device=self.class_counts.device)
            return nothing, nothing
        keys, place = torch.unique(torch.cat(waiting), return_inverse=True)
        return keys, torch.zeros_like(keys).index_add_(0, place, torch.cat(numbers))


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
