"""Exact counts of a model over a loader, on one process or several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from .._arrays import warn_of_probabilities
from ..counts import MarginCounts
from .coverage import warn_of_loader, warn_of_missing
from .margins import SampleMargins, sample_margins


def evaluate(
    model: nn.Module,
    loader: Iterable[Any],
    device: torch.device | str | None = None,
    *,
    margins: Iterable[float] = (0.0,),
    indexed: bool = False,
    process_group: dist.ProcessGroup | bool | None = None,
) -> MarginCounts:
    """Count the scores of a model over a loader of (inputs, labels) batches.

    The model runs in ``eval()`` without gradients and is put back as it was. Scores are reduced on
    the device to four numbers a sample, so that K columns never cross to the host. Where
    ``torch.distributed`` is initialised, the counts of all processes are added up, and every
    process gets the whole: exact with :class:`ExactDistributedSampler`, and with any other sampler
    if ``indexed``.

    Args:
        model: Gives scores `[B, K]`; a DistributedDataParallel is taken apart.
        loader: Batches (inputs, labels), or (inputs, labels, index) if `indexed`.
        device: Where to run; by default where the model's first parameter is.
        margins: The margins to count.
        indexed: Whether batches have the numbers of their samples in the data set: a sample that
            comes again, here or on another process, is counted once.
        process_group: As of :class:`CARLoss`.

    Warns:
        UserWarning: a loader that leaves samples out (``drop_last``) or draws them with
            replacement; on one process, fewer samples than ``len(loader.dataset)``; probabilities.

    Raises:
        ValueError: no batch at all; scores or labels that do not fit, with the sample.

    """
    warned = warn_of_loader(loader)
    model, device = _unwrapped(model, device)
    was_training = model.training
    model.eval()
    try:
        samples, classes = _run(model, loader, device, indexed)
    finally:
        model.train(was_training)
    parts = [(classes, samples)]
    if process_group is not False and dist.is_available() and dist.is_initialized():
        group = None if process_group is True else process_group
        parts = [(0, samples)] * dist.get_world_size(group)
        dist.all_gather_object(parts, (classes, samples), group=group)
    classes = max(classes for classes, _ in parts)
    if classes == 0:
        raise ValueError("the loader gave no batch; there is nothing to evaluate")
    gathered = [
        np.concatenate(columns) for columns in zip(*(part for _, part in parts), strict=True)
    ]
    if indexed:
        _, first = np.unique(gathered.pop(), return_index=True)
        gathered = [column[first] for column in gathered]
    counts = MarginCounts(classes, margins)
    counts.add_margins(*gathered)
    if len(parts) == 1 and not warned:
        warn_of_missing(loader, counts.samples)
    return counts


def predict(
    model: nn.Module, loader: Iterable[Any], device: torch.device | str | None = None
) -> tuple[Tensor, Tensor]:
    """Give the scores `[N, K]` and labels `[N]` of a loader on the CPU, for ``analyze``.

    >>> import torch
    >>> from car_spectral import analyze
    >>> from car_spectral.torch import predict
    >>> batches = [(4 * torch.eye(3)[[0, 1, 2, 0]], torch.tensor([0, 1, 2, 2]))]
    >>> report = analyze(test=predict(torch.nn.Identity(), batches), weights="none")
    >>> report.worst_class["index"]
    2

    Raises:
        ValueError: no batch at all.

    """
    warned = warn_of_loader(loader)
    model, device = _unwrapped(model, device)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            pairs = (_checked(batch) for batch in loader)
            found = [(_scores(model, batch[0], device).cpu(), batch[1].cpu()) for batch in pairs]
    finally:
        model.train(was_training)
    if not found:
        raise ValueError("the loader gave no batch; there is nothing to predict")
    scores, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
    running = dist.is_available() and dist.is_initialized()
    if not warned and not (running and dist.get_world_size() > 1):
        warn_of_missing(loader, len(labels))
    return scores, labels


def _unwrapped(
    model: nn.Module, device: torch.device | str | None
) -> tuple[nn.Module, torch.device]:
    """Take a DistributedDataParallel apart; the device is that of the first parameter."""
    if isinstance(model, nn.parallel.DistributedDataParallel):
        model = model.module
    if device is None:
        parameter = next(model.parameters(), None)
        device = "cpu" if parameter is None else parameter.device
    return model, torch.device(device)


def _scores(model: nn.Module, inputs: Tensor, device: torch.device) -> Tensor:
    scores = model(inputs.to(device, non_blocking=True))
    if not isinstance(scores, Tensor):
        raise TypeError(
            f"the model gives {type(scores).__name__}, expected scores [B, K]; wrap it in a module "
            "that gives its logits"
        )
    return scores


def _checked(batch: Any) -> Any:
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise TypeError(
            f"the loader gives {type(batch).__name__}, expected batches (inputs, labels); of a "
            'dict make them first, as in ((b["image"], b["label"]) for b in loader)'
        )
    if not isinstance(batch[1], Tensor):
        raise TypeError(
            f"the labels of a batch are of type {type(batch[1]).__name__}, expected a tensor of "
            "class numbers; give torch.as_tensor(labels)"
        )
    return batch


def _run(
    model: nn.Module, loader: Iterable[Any], device: torch.device, indexed: bool
) -> tuple[list[Any], int]:
    """Give label, competitor, margin, tie (and index) of every sample, and K."""
    batches: list[tuple[Tensor, ...]] = []
    classes = done = 0
    with torch.inference_mode():
        for batch in loader:
            labels = _checked(batch)[1]
            scores = _scores(model, batch[0], device)
            if indexed and len(batch) < 3:
                raise ValueError("indexed=True needs batches (inputs, labels, index)")
            if done == 0:
                warn_of_probabilities(scores)
            found = sample_margins(scores, labels, done)
            batches.append((*found, batch[2]) if indexed else tuple(found))
            classes, done = scores.shape[1], done + len(labels)
    empty = SampleMargins(
        torch.zeros(0, dtype=torch.int64),
        torch.zeros(0, dtype=torch.int64),
        torch.zeros(0, dtype=torch.float64),
        torch.zeros(0, dtype=torch.bool),
    )
    nothing = (*empty, torch.zeros(0, dtype=torch.int64)) if indexed else tuple(empty)
    columns = zip(*(batches or [nothing]), strict=True)
    return [torch.cat([part.cpu() for part in column]).numpy() for column in columns], classes
