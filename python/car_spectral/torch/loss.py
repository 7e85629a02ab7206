"""Cross-entropy with CAR, the confusion-aware regulariser (Zhu et al., CVPR 2026)."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .._arrays import counts_list
from ..weights import ClassWeights
from . import norms
from .batch import check_batch, check_values
from .moving_average import ClassSums, MovingAverage
from .options import CAROptionChanges, CAROptions, check_names
from .surrogate import sample_surrogate

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class CARLoss(nn.Module):
    """Mean cross-entropy + alpha ‖C̄Λ‖₂ of logits `[B, K]` and class indices `[B]`.

    >>> import torch
    >>> from car_spectral.torch import CARLoss
    >>> criterion = CARLoss([500, 50, 5])  # training images of each class; the paper's options
    >>> logits = torch.tensor([[2.0, 1.0, 0.0], [0.5, 0.0, 1.0]], requires_grad=True)
    >>> loss = criterion(logits, torch.tensor([0, 2]))
    >>> loss.backward()

    **Value.** The penalty is uᵀ (C̄ Λ) v of unit vectors u and v that are constants for the
    gradient, found by ``steps`` steps of Lanczos from the last u; it is never above ‖C̄Λ‖₂, and
    exact for K <= ``steps``. ``last_residual`` says how far the pair is from a singular one,
    relative to the norm: take more steps if it stays above 1e-2 or so.

    **State.** The moving average C̄ is carried in buffers, so it is in ``state_dict`` (tensors
    alone, as safetensors needs them), and ``.to`` moves it. A state made under other class counts
    or options of the average is refused. In ``eval()`` and under ``torch.no_grad()`` the average
    stays as it is, its norm is added as a constant, and no other process takes part. A batch with a
    logit that is not finite leaves the average as it was, on all processes; its loss is what it
    comes to, NaN mostly, so that a ``GradScaler`` passes the step over.

    **Kinds.** The state is float32, or float64 after ``.double()``; logits of float16 and bfloat16
    are raised to it, autocast is off inside. Nothing reads a number on the host while training on
    CUDA or under ``torch.compile``; see ``validate``.

    **Processes.** Where ``torch.distributed`` is initialised, the confusion's per-class sums and
    counts and the cross-entropy are added up over all processes of the group before anything is
    averaged: value and moving average are the same on all, and the gradients that
    DistributedDataParallel averages are exactly those of one process with the whole batch, however
    it is split. So **every process must call it in every step** of training (with an empty
    batch if need be). What is added up is a K x (K + 1) table, of 4 MB in float32 at K = 1000 and
    400 MB at K = 10,000, whatever the batch has: which classes are present is known on the devices
    only, and to send their rows alone every process would have to wait to learn how many.

    Args:
        class_counts: Training images of each class, `[K]`, or a mapping or pandas Series by class
            (``Counter``, ``value_counts``), which must name every class from 0.
        options: Where to start from, the paper's options by default.
        steps: Steps of Lanczos, each two products with the K x K average.
        process_group: The processes to add up over; None: the default group, if there is one;
            False: this process alone.
        validate: Whether to look for labels that are no class, logits that are not finite and
            logits that are probabilities. None: on the CPU, where that is cheap, unless compiled.
            True costs one synchronisation a step on CUDA.
        changes: Options to change, as in ``CARLoss(counts, alpha=0.3)``.

    Raises:
        ValueError: options, counts or a batch that do not fit; the sentence says which and why.
        TypeError: tensors of another kind.

    """

    #: λ_j `[K]`.
    class_weights: Tensor
    #: Mean cross-entropy of the last batch, a scalar without a gradient.
    last_cross_entropy: Tensor
    #: ‖C̄Λ‖₂ of the last step, not times alpha, a scalar without a gradient.
    last_penalty: Tensor
    #: ‖C̄Λv - σu‖ / σ of the last step's pair.
    last_residual: Tensor
    left: Tensor

    def __init__(
        self,
        class_counts: Iterable[int],
        options: CAROptions | None = None,
        *,
        steps: int = 16,
        process_group: dist.ProcessGroup | bool | None = None,
        validate: bool | None = None,
        **changes: Unpack[CAROptionChanges],
    ) -> None:
        super().__init__()
        check_names(changes, "CARLoss", ("options", "steps", "process_group", "validate"))
        self.options = dataclasses.replace(options or CAROptions(), **changes)
        if steps < 1:
            raise ValueError(f"steps = {steps}: take at least one step of Lanczos")
        self.steps, self.process_group, self.validate = steps, process_group, validate
        counts = counts_list(class_counts, "class_counts")
        self._counts = counts
        weights = ClassWeights(counts, self.options.r0, self.options.weights)
        self._weights: list[float] = weights.values.tolist()
        self._order = self.options.ky_fan_order()
        classes = len(counts)
        if self._order is not None and self._order > classes:
            raise ValueError(
                f"the norm {self.options.norm}: a matrix of {classes} classes has 1 to {classes} "
                "singular values to add"
            )
        self.average = MovingAverage(
            classes, self.options.beta, self.options.start, self.options.columns
        )
        self.register_buffer("left", torch.zeros(classes))
        self.register_buffer("class_weights", torch.tensor(self._weights), persistent=False)
        for name in ("last_cross_entropy", "last_penalty", "last_residual"):
            self.register_buffer(name, torch.zeros(()), persistent=False)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self._weights)

    @property
    def ema(self) -> Tensor:
        """C̄ as it is used, a copy: `[K, K]`, row = predicted class, column = true class."""
        return self.average.matrix()

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Give the loss, differentiable by the logits; the batch enters the average first."""
        logits = self._checked(logits, targets)
        with torch.autocast(logits.device.type, enabled=False):
            cross_entropy = self._cross_entropy(logits, targets)
            penalty = self._penalty(logits, targets)
            self.last_cross_entropy.copy_(cross_entropy.detach())
            return cross_entropy + self.options.alpha * penalty

    def regulariser(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Give ‖C̄Λ‖₂ alone, **not** times alpha, to add to another loss of the same batch.

        It takes the batch into the average: call either this or the module, once a batch.
        """
        logits = self._checked(logits, targets)
        with torch.autocast(logits.device.type, enabled=False):
            return self._penalty(logits, targets)

    def extra_repr(self) -> str:
        """Give K and the options."""
        return f"{self.num_classes} classes, {self.options}"

    def _checked(self, logits: Tensor, targets: Tensor) -> Tensor:
        kind = self.class_weights.dtype
        distributed = self._processes() > 1
        check_batch(logits, targets, self.class_weights, may_be_empty=distributed)
        validate = self.validate
        if validate is None:
            validate = logits.device.type == "cpu" and not torch.compiler.is_compiling()
        if validate:
            check_values(logits.detach(), targets, self.num_classes)
        return logits.to(kind)

    def _learns(self) -> bool:
        """Tell whether batches enter the average; those of a validation under no_grad do not."""
        return self.training and torch.is_grad_enabled()

    def _processes(self) -> int:
        alone = self.process_group is False or not self._learns()
        if alone or not (dist.is_available() and dist.is_initialized()):
            return 1
        return dist.get_world_size(self._group())

    def _group(self) -> dist.ProcessGroup | None:
        return None if isinstance(self.process_group, bool) else self.process_group

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        processes = self._processes()
        if processes == 1:
            return nn.functional.cross_entropy(logits, targets)
        local = nn.functional.cross_entropy(logits, targets, reduction="sum")
        size = torch.full_like(local.detach(), logits.shape[0])
        whole = torch.stack([local.detach(), size])
        dist.all_reduce(whole, group=self._group())
        total, size = whole.unbind()
        # The gradients are averaged over the processes, the loss is a mean over all samples.
        scaled = local * (processes / size)
        return total / size + (scaled - scaled.detach())

    def _penalty(self, logits: Tensor, targets: Tensor) -> Tensor:
        if not self._learns():
            with torch.no_grad():
                return self._pairs(self.average.corrected(self.class_weights)).value
        samples = sample_surrogate(logits, targets, self.options)
        processes = self._processes()
        with torch.no_grad():
            batch = ClassSums.of(samples.detach(), logits.detach(), targets)
            if processes > 1:
                dist.all_reduce(batch.packed, group=self._group())
            factor = self.average.update(batch)
            weights = self.average.corrected(self.class_weights)
            pairs = self._pairs(weights)
            if self.options.norm == "spectral":
                self.left.copy_(pairs.left[0])
            by_class = (weights * factor).unsqueeze(0) * pairs.right * processes
            coefficients = by_class.index_select(1, targets)
            self.last_penalty.copy_(pairs.value)
            self.last_residual.copy_(pairs.residual)
        pairing = ((samples @ pairs.left.t()) * coefficients.t()).sum()
        return pairs.value + (pairing - pairing.detach())

    def _pairs(self, weights: Tensor) -> norms.Pairs:
        matrix = self.average.by_true_class
        if self._order is not None:
            return norms.ky_fan(matrix, weights, self._order)
        if self.options.norm == "one":
            return norms.one(matrix, weights)
        return norms.spectral(matrix, weights, self.left, self.steps)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        moved: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._keep_precision()
        return moved

    def _keep_precision(self) -> None:
        """Keep the state in float32 or float64, and the weights those of f64."""
        average = self.average.by_true_class
        if average.dtype not in (torch.float32, torch.float64):  # after .half() or .bfloat16()
            self.average.by_true_class = average.float()
        kind, device = self.average.by_true_class.dtype, average.device
        self.left = self.left.to(kind)
        self.class_weights = torch.tensor(self._weights, dtype=kind, device=device)
        for name in ("last_cross_entropy", "last_penalty", "last_residual"):
            setattr(self, name, getattr(self, name).to(kind))

    def get_extra_state(self) -> Tensor:
        """Give what a stored average was made under, as JSON in a tensor of bytes.

        Tensors alone go through ``torch.load(weights_only=True)`` and safetensors.
        """
        content = json.dumps({**self._average_options(), "class_counts": self._counts})
        return torch.tensor(list(content.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Any) -> None:
        """Refuse an average that was made under other options or class counts."""
        if isinstance(state, Tensor):
            try:
                state = json.loads(bytes(state.tolist()))
            except (ValueError, TypeError) as error:
                raise ValueError(f"the stored CARLoss has damaged options: {error}") from error
        stored = state if isinstance(state, dict) else {}
        for name, here in self._average_options().items():
            there = stored.get(name)
            same = (
                math.isclose(there, here)
                if isinstance(there, float) and isinstance(here, float)
                else there == here
            )
            if not same:
                raise ValueError(
                    f"the stored CARLoss was saved under {name} {there!r:.300}, this loss has "
                    f"{here!r}; make it with the options it was saved under"
                )
        counts = stored.get("class_counts", self._counts)  # earlier versions stored none
        if counts != self._counts:
            raise ValueError(
                f"the stored CARLoss was saved under other class counts: "
                f"{_differ(counts, self._counts)}; its average is of other classes or data"
            )

    def _average_options(self) -> dict[str, float | str]:
        options = self.options
        return {"beta": options.beta, "start": options.start, "columns": options.columns}


def _differ(stored: Any, here: list[int]) -> str:
    if not isinstance(stored, list) or len(stored) != len(here):
        there = len(stored) if isinstance(stored, list) else stored
        return f"of {there} classes, this loss is of {len(here)}"
    at = next(j for j, count in enumerate(here) if stored[j] != count)
    return f"class {at} had {stored[at]} training images, here it has {here[at]}"
