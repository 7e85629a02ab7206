"""Faults of a batch, each said in a sentence that helps."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from .._arrays import label_hint

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def check_batch(logits: Tensor, targets: Tensor, like: Tensor, *, may_be_empty: bool) -> None:
    """Check shapes, kinds and devices, which costs nothing; `like` is `[K]`, of the state."""
    classes = like.shape[0]
    for what, given in (("logits", logits), ("targets", targets)):
        if not isinstance(given, Tensor):
            raise TypeError(
                f"{what} are of type {type(given).__name__}, expected a tensor; give "
                f"torch.as_tensor({what}) on the device of the loss"
            )
    if targets.is_floating_point() and targets.shape == logits.shape:
        raise TypeError(
            "the targets are shares of classes (Mixup, CutMix or smoothed labels); CAR is defined "
            "for class indices: give the indices [B], or leave the regulariser out of such a batch"
        )
    if logits.dim() != 2 or logits.shape[1] != classes:
        raise ValueError(
            f"logits have shape {list(logits.shape)}, expected [batch, {classes}]: the class "
            f"counts given to the loss are of {classes} classes"
        )
    if not logits.is_floating_point():
        raise TypeError(f"logits are {logits.dtype}, expected floating-point scores before softmax")
    if logits.dtype == torch.float64 and like.dtype == torch.float32:
        raise TypeError(
            "logits are float64, but the state of this loss is float32; call .double() on the loss "
            "once, or .float() on the logits"
        )
    if targets.dtype != torch.int64:
        hint = "; call .long() on them" if targets.dtype in _INTEGERS else ""
        if targets.is_floating_point():
            hint = "; whole numbers? call .long() on them"
        raise TypeError(f"targets are {targets.dtype}, expected int64 class indices{hint}")
    if targets.shape != logits.shape[:1]:
        raise ValueError(
            f"targets have shape {list(targets.shape)}, expected [{logits.shape[0]}], one class "
            "index a sample"
        )
    if targets.device != logits.device:
        raise ValueError(
            f"targets are on {targets.device}, logits on {logits.device}; move one of them"
        )
    if like.device != logits.device:
        raise ValueError(
            f"logits are on {logits.device}, the state of this loss on {like.device}; call "
            f'.to("{logits.device}") on the loss once, as on the model'
        )
    if not may_be_empty and logits.shape[0] == 0:
        raise ValueError("the batch is empty; CAR needs at least one sample")


def check_values(logits: Tensor, targets: Tensor, classes: int) -> None:
    """Look for labels that are no class, scores that are not finite, and probabilities."""
    if logits.shape[0] == 0:
        return
    wrong = (targets < 0) | (targets >= classes)
    if bool(wrong.any()):
        sample = int(wrong.int().argmax())
        label = int(targets[sample])
        ends = (int(targets.min()), int(targets.max()))
        ignored = "; labels to be ignored are not known here"
        hint = ignored if label == -100 else label_hint(*ends, classes)
        raise ValueError(
            f"the target of sample {sample} is {label}, expected 0 to {classes - 1}{hint}"
        )
    smallest, largest = (float(x) for x in logits.aminmax())
    if not (torch.isfinite(torch.tensor([smallest, largest])).all()):
        at = int((~logits.isfinite()).flatten().int().argmax())
        sample, label = at // classes, at % classes
        raise ValueError(
            f"the logit of sample {sample} for class {label} is {float(logits[sample, label])}; "
            "has the training diverged?"
        )
    if smallest >= 0.0 and largest <= 1.0:
        sums = logits.float().sum(1)
        if bool(((sums - 1.0).abs() < 1e-3).all()) and not bool((logits == logits.round()).all()):
            warnings.warn(
                "the logits look like probabilities (no entry below 0, each row adds up to 1); "
                "CARLoss takes the scores before softmax",
                stacklevel=4,
            )
