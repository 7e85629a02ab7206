"""Check that a loader gives every sample of its data set once."""

from __future__ import annotations

import warnings
from typing import Any


def warn_of_loader(loader: Any) -> bool:
    """Warn of a loader that leaves the last samples out or draws with replacement; say whether."""
    batches = getattr(loader, "batch_sampler", None)
    layers = [loader, batches, getattr(batches, "sampler", None), getattr(loader, "sampler", None)]
    found = []
    if any(getattr(layer, "drop_last", None) is True for layer in layers):
        found.append(
            "the loader leaves the last incomplete batch out (drop_last=True): its samples are not "
            "counted; make it with drop_last=False"
        )
    if any(getattr(layer, "replacement", None) is True for layer in layers):
        found.append(
            "the loader's sampler draws with replacement: samples are counted several times or not "
            "at all, and intervals do not hold; evaluate with shuffle=False and no sampler"
        )
    for sentence in found:
        warnings.warn(sentence, stacklevel=3)
    return bool(found)


def warn_of_missing(loader: Any, counted: int) -> None:
    """Warn where fewer samples were counted than the data set has."""
    try:
        samples = len(loader.dataset)
    except (AttributeError, TypeError):  # no DataLoader, or a stream without a length
        return
    if counted < samples:
        warnings.warn(
            f"{counted} samples were counted of the {samples} of the data set; if no sampler was "
            "meant to leave some out, evaluate without it",
            stacklevel=3,
        )
