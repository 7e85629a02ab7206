"""Accuracies of classes: two integers a class are all their state."""

from __future__ import annotations

import math
from collections.abc import Iterable
from reprlib import repr as short
from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import Metric

from .._arrays import counts_list, label_hint

# Many: more than 100 training images; few: fewer than 20.
_MANY, _FEW = 100, 20


class _ClassAccuracies(Metric):
    """Counts samples and errors of each class."""

    is_differentiable: bool = False
    higher_is_better: bool = True
    full_state_update: bool = False
    class_counts: Tensor
    errors: Tensor

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ValueError(f"num_classes = {num_classes}: at least 2 classes are needed")
        self.num_classes = num_classes
        for name in ("class_counts", "errors"):
            zeros = torch.zeros(num_classes, dtype=torch.int64)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count scores or probabilities `[B, K]`, or predicted classes `[B]`, and labels `[B]`."""
        predicted = _predicted(preds, target, self.num_classes)
        target = target.long()
        ones = torch.ones_like(target)
        self.class_counts.index_add_(0, target, ones)
        self.errors.index_add_(0, target, (predicted != target).long())

    def accuracies(self) -> Tensor:
        """Accuracy of each class, `[K]` float64; NaN for a class without samples."""
        counts = self.class_counts.double()
        return torch.where(self.class_counts > 0, 1 - self.errors / counts, torch.nan)


class WorstClassAccuracy(_ClassAccuracies):
    """Accuracy of the worst class, or mean accuracy of the worst classes.

    >>> import torch
    >>> from car_spectral.metrics import WorstClassAccuracy
    >>> metric = WorstClassAccuracy(3)
    >>> metric.update(torch.tensor([0, 0, 1, 0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.5000)

    Args:
        num_classes: K.
        k: How many of the worst classes.
        share: In place of `k`: which share of the classes that have samples, rounded up.
        kwargs: Those of ``torchmetrics.Metric``.

    """

    def __init__(
        self, num_classes: int, k: int = 1, share: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(num_classes, **kwargs)
        if k < 1 or k > num_classes:
            raise ValueError(f"k = {k}: give 1 to {num_classes} classes")
        if share is not None and not 0 < share <= 1:
            raise ValueError(f"share = {share}: give a share of the classes, above 0 and at most 1")
        self.k, self.share = k, share

    def compute(self) -> Tensor:
        """Give the mean accuracy of the worst classes, a scalar."""
        found = self.accuracies()
        found = found[~found.isnan()].sort().values
        count = self.k if self.share is None else math.ceil(self.share * len(found))
        return found[: max(count, 1)].mean().float()


class ManyMediumFew(_ClassAccuracies):
    """Accuracy of the classes with more than 100, 20 to 100, and fewer than 20 training images.

    Args:
        class_counts: Training images of each class, `[K]`.
        average: ``micro``, the share of a group's samples, or ``macro``, the mean of its classes.
        kwargs: Those of ``torchmetrics.Metric``.

    """

    def __init__(
        self,
        class_counts: Iterable[int] | Tensor,
        average: Literal["micro", "macro"] = "micro",
        **kwargs: Any,
    ) -> None:
        counts = counts_list(class_counts, "class_counts")
        super().__init__(len(counts), **kwargs)
        if average not in ("micro", "macro"):
            raise ValueError(f"average = {short(average)}: choose micro or macro")
        self.average = average
        groups = [0 if count > _MANY else 2 if count < _FEW else 1 for count in counts]
        self.register_buffer("groups", torch.tensor(groups), persistent=False)

    groups: Tensor

    def compute(self) -> dict[str, Tensor]:
        """Give the accuracy of ``many``, ``medium`` and ``few``, scalars."""
        found = {}
        for at, name in enumerate(("many", "medium", "few")):
            of_group = self.groups == at
            if self.average == "macro":
                value = self.accuracies()[of_group].nanmean()
            else:
                samples = self.class_counts[of_group].sum()
                value = 1 - self.errors[of_group].sum() / samples.double()
            found[name] = value.float()
        return found


def _predicted(preds: Tensor, target: Tensor, classes: int) -> Tensor:
    if target.dim() != 1 or target.is_floating_point():
        raise ValueError(
            f"target is {target.dtype} of shape {list(target.shape)}, expected class numbers [B]"
            + ("; whole numbers? call .long() on them" if target.is_floating_point() else "")
        )
    if preds.device != target.device:
        raise ValueError(
            f"preds are on {preds.device}, target on {target.device}; move one of them"
        )
    if preds.is_floating_point():
        if preds.shape != (len(target), classes):
            raise ValueError(
                f"preds have shape {list(preds.shape)}, expected [{len(target)}, {classes}]"
            )
        if not bool(preds.isfinite().all()):
            at = int((~preds.isfinite()).any(1).int().argmax())
            raise ValueError(f"the scores of sample {at} of the batch are not all finite")
        preds = preds.argmax(1)
    if preds.shape != target.shape:
        raise ValueError(f"{len(target)} labels for predictions of shape {list(preds.shape)}")
    outside = (target < 0) | (target >= classes) | (preds < 0) | (preds >= classes)
    if bool(outside.any()):
        at = int(outside.int().argmax())
        raise ValueError(
            f"sample {at} of the batch: label {int(target[at])}, predicted {int(preds[at])}; "
            f"expected 0 to {classes - 1}"
            f"{label_hint(int(target.min()), int(target.max()), classes)}"
        )
    return preds
