"""Scores reduced, where they are, to what is counted of each sample."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .._arrays import label_hint


class SampleMargins(NamedTuple):
    """Give of each sample the label, its strongest wrong class, and how far the label is ahead."""

    #: True class, int64.
    labels: Tensor
    #: argmax over i != label, of equal scores the lowest, int64.
    competitors: Tensor
    #: score of the label less that of the competitor, float64 (float32 on MPS).
    margins: Tensor
    #: whether another wrong class has the competitor's score, too.
    ties: Tensor


def sample_margins(scores: Tensor, labels: Tensor, first: int = 0) -> SampleMargins:
    """Reduce scores `[N, K]` and labels `[N]` on their device to four vectors.

    Args:
        scores: Of any floating-point type; margins are exact.
        labels: Class numbers of any integer type.
        first: The number of the first sample, for messages.

    Raises:
        ValueError: labels that are no class, scores that are not finite, shapes that do not fit.
        TypeError: numbers of another kind.

    """
    for what, given in (("scores", scores), ("labels", labels)):
        if not isinstance(given, Tensor):
            raise TypeError(
                f"{what} are of type {type(given).__name__}, expected a tensor; give "
                f"torch.as_tensor({what})"
            )
    if scores.dim() != 2 or scores.shape[1] < 2:
        raise ValueError(f"scores have shape {list(scores.shape)}, expected [N, K] with K >= 2")
    if not scores.is_floating_point():
        raise TypeError(f"scores are {scores.dtype}, expected floating-point scores, one a class")
    if labels.is_floating_point() or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"labels are {labels.dtype} of shape {list(labels.shape)}, expected whole numbers "
            f"[{scores.shape[0]}]: one class number a sample"
            + ("; whole numbers? call .long() on them" if labels.is_floating_point() else "")
        )
    labels = labels.detach().to(scores.device, torch.int64)
    scores, classes = scores.detach(), scores.shape[1]
    outside = (labels < 0) | (labels >= classes)
    infinite = ~scores.isfinite()
    if bool(torch.stack([outside.any(), infinite.any()]).any()):  # one synchronisation
        _refuse(scores, labels, outside, infinite, first)
    own_class = labels.unsqueeze(1)
    others = scores.scatter(1, own_class, -torch.inf)
    top = others.max(1)
    exact = torch.float32 if scores.device.type == "mps" else torch.float64
    own = scores.gather(1, own_class).squeeze(1)
    ties = (others == top.values.unsqueeze(1)).sum(1) > 1
    return SampleMargins(labels, top.indices, own.to(exact) - top.values.to(exact), ties)


def _refuse(scores: Tensor, labels: Tensor, outside: Tensor, infinite: Tensor, first: int) -> None:
    classes = scores.shape[1]
    if bool(outside.any()):
        at = int(outside.int().argmax())
        hint = label_hint(int(labels.min()), int(labels.max()), classes)
        raise ValueError(
            f"sample {first + at}: label {int(labels[at])} is no class; expected 0 to "
            f"{classes - 1}{hint}"
        )
    at = int(infinite.flatten().int().argmax())
    sample, label = at // classes, at % classes
    raise ValueError(
        f"sample {first + sample}: the score of class {label} is {float(scores[sample, label])}; "
        "scores must be finite"
    )
