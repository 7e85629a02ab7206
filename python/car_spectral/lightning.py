"""A callback for Lightning: the worst class after every validation epoch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from ._arrays import counts_list
from .metrics import ManyMediumFew, WeightedSpectralNorm, WorstClassAccuracy


class WorstClassCallback(pl.Callback):
    """Logs worst-class accuracy, many/medium/few and ‖CΛ‖₂ with its bounds of every validation.

    ``validation_step`` has to return the scores and the labels: a dict with ``logits`` and
    ``labels``, or the pair (logits, labels). Over several processes every logged number is that of
    all samples; use :class:`car_spectral.torch.ExactDistributedSampler` for none to count twice.

    Args:
        class_counts: Training images of each class, `[K]`.
        prefix: Put in front of the logged names.
        predictions: A file (.npz) that keeps the scores of the last epoch for ``analyze
            --predictions``; each process but the first writes a file of its own beside it.

    """

    def __init__(
        self,
        class_counts: Iterable[int] | Tensor,
        *,
        prefix: str = "val/",
        predictions: str | os.PathLike[str] | None = None,
    ) -> None:
        counts = counts_list(class_counts, "class_counts")
        metrics: dict[str, Metric | MetricCollection] = {
            "worst_class": WorstClassAccuracy(len(counts)),
            "groups": ManyMediumFew(counts),
            "spectral": WeightedSpectralNorm(counts),
        }
        self.metrics = MetricCollection(metrics, prefix=prefix, compute_groups=False)
        self.predictions = None if predictions is None else Path(predictions)
        self._kept: list[tuple[Tensor, Tensor]] = []

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin anew."""
        self.metrics.to(pl_module.device)
        self.metrics.reset()
        self._kept.clear()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a batch."""
        logits, labels = _logits_and_labels(outputs)
        self.metrics.update(logits, labels)
        if self.predictions is not None:
            self._kept.append((logits.detach().float().cpu(), labels.detach().cpu()))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the metrics, and keep the scores if they are asked for."""
        found = self.metrics.compute()
        # They are of all processes already.
        pl_module.log_dict({name: value.float() for name, value in found.items()}, sync_dist=False)
        if self.predictions is not None and not trainer.sanity_checking and self._kept:
            path = self.predictions
            if trainer.global_rank > 0:
                path = path.with_stem(f"{path.stem}-rank{trainer.global_rank}")
            logits, labels = (torch.cat(part).numpy() for part in zip(*self._kept, strict=True))
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".part.npz")
            np.savez(beside, logits=logits, labels=labels)
            beside.replace(path)


def _logits_and_labels(outputs: Any) -> tuple[Tensor, Tensor]:
    if isinstance(outputs, Mapping) and {"logits", "labels"} <= outputs.keys():
        return outputs["logits"], outputs["labels"]
    if isinstance(outputs, (tuple, list)) and len(outputs) == 2:
        return outputs[0], outputs[1]
    raise TypeError(
        "WorstClassCallback needs validation_step to return {'logits': ..., 'labels': ...} or "
        f"(logits, labels); it returned {type(outputs).__name__}"
    )
