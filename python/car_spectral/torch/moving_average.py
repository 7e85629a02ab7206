"""The moving average of batch confusions (equation 8), stored by true class.

    C̄_t = b C̄_{t-1} + (1-b) C̃_t

``all`` columns move in every batch (an absent class enters as a zero column), or those ``present``
move, each on its own clock. Everything is a tensor operation: nothing is read on the host.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .options import Columns, Start

# Entries of the history below this become 0: 10^4 times the smallest normal number. The history
# decays towards the subnormal numbers, with which processors compute slowly.
_NEGLIGIBLE = {torch.float32: 1.2e-34, torch.float64: 2.2e-304}


class ClassSums:
    """Sums of sample rows by true class with the number of samples of each, in one tensor.

    Of a batch that is not finite the rows count as 0, and the first sum is NaN, which adding other
    processes' sums does not undo.
    """

    def __init__(self, packed: Tensor) -> None:
        #: `[K, K + 1]`: the sums, and the counts in the last column.
        self.packed = packed

    @classmethod
    def of(cls, samples: Tensor, logits: Tensor, targets: Tensor) -> ClassSums:
        """Add the rows of `samples` `[B, K]`, made of `logits`, up by class."""
        classes = samples.shape[1]
        finite = logits.isfinite().all() & samples.sum().isfinite()
        rows = torch.where(finite, samples, 0.0)
        rows = torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)
        packed = samples.new_zeros(classes, classes + 1).index_add_(0, targets, rows)
        packed[:1, :1].masked_fill_(~finite, torch.nan)
        return cls(packed)

    def finite(self) -> Tensor:
        """Give whether the batch is finite, a scalar; its mark becomes 0."""
        mark = self.packed[:1, :1]
        finite = mark.isfinite().view(())
        mark.masked_fill_(~finite, 0.0)
        return finite

    @property
    def sums(self) -> Tensor:
        """`[K, K]`, row = true class."""
        return self.packed[:, :-1]

    @property
    def counts(self) -> Tensor:
        """`[K]`."""
        return self.packed[:, -1]


class MovingAverage(nn.Module):
    """C̄ᵀ before bias correction, and how many batches stand behind it."""

    #: `[K, K]`, row = true class, column = predicted class.
    by_true_class: Tensor
    #: Batches with class j, `[K]`, or all batches where ``all`` columns move, `[]`; int64.
    batches: Tensor

    def __init__(self, classes: int, beta: float, start: Start, columns: Columns) -> None:
        super().__init__()
        self.beta, self.start, self.columns = beta, start, columns
        self.register_buffer("by_true_class", torch.zeros(classes, classes))
        shape = [classes] if columns == "present" else []
        self.register_buffer("batches", torch.zeros(shape, dtype=torch.int64))

    def update(self, batch: ClassSums) -> Tensor:
        """Take a batch in; give dC̄/dS of each class's samples before bias correction, `[K]`.

        A batch that is not finite is none: nothing changes.
        """
        finite = batch.finite()
        counts = batch.counts
        inverse = counts.clamp_min(1.0).reciprocal()
        moves = finite.expand_as(counts)
        if self.columns == "present":
            moves = moves & (counts > 0)
        first = (self.batches == 0) & moves
        if self.start != "first-batch":
            first = torch.zeros_like(first)
        ones = torch.ones_like(counts)
        kept = torch.where(moves, self.beta * ones, ones)
        share = torch.where(first, ones, torch.where(moves, (1.0 - self.beta) * ones, 0.0 * ones))
        self.by_true_class.mul_(kept.unsqueeze(1))
        nn.functional.threshold(self.by_true_class, _NEGLIGIBLE[counts.dtype], 0.0, inplace=True)
        self.by_true_class.addcmul_(batch.sums, (share * inverse).unsqueeze(1))
        self.batches.add_((moves if self.columns == "present" else finite).to(torch.int64))
        return torch.where(first, 0.0, share * inverse)

    def corrected(self, weights: Tensor) -> Tensor:
        """Give `weights` `[K]` times what each column has to be multiplied by when used."""
        if self.start != "bias-corrected":
            return weights
        # 1 - b^t without cancellation; a class never seen has a zero column, any factor does.
        beta = weights.new_full((), self.beta)
        exponents = self.batches.clamp_min(1).to(weights.dtype) * beta.log()
        return weights / -torch.expm1(exponents)

    def matrix(self) -> Tensor:
        """Give C̄ as it is used, a copy `[K, K]`, row = predicted class."""
        ones = torch.ones_like(self.by_true_class[0])
        return (self.by_true_class * self.corrected(ones).unsqueeze(1)).t().contiguous()
