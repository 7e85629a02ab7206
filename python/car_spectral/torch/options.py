"""Every choice that the paper of CAR and its authors' code leave open or make differently."""

from __future__ import annotations

import dataclasses
import math
from reprlib import repr as short
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Unpack

Gate = Literal["sigmoid", "one", "relu"]
Competition = Literal["softmax-all", "softmax-competitors", "relu"]
Start = Literal["zero", "first-batch", "bias-corrected"]
Columns = Literal["all", "present"]
WeightForm = Literal["paper", "official", "none"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "gate": ("sigmoid", "one", "relu"),
    "competition": ("softmax-all", "softmax-competitors", "relu"),
    "start": ("zero", "first-batch", "bias-corrected"),
    "columns": ("all", "present"),
    "weights": ("paper", "official", "none"),
}
_RANGES = {"alpha": (0.0, 1e6), "r0": (0.0, 1e6), "margin": (-1e6, 1e6), "temperature": (1e-6, 1e6)}


class CAROptionChanges(TypedDict, total=False):
    """The fields of :class:`CAROptions`, each of which may be left out."""

    alpha: float
    margin: float
    temperature: float
    gate: Gate
    competition: Competition
    gate_gradient: bool
    baseline_gradient: bool
    beta: float
    start: Start
    columns: Columns
    r0: float
    weights: WeightForm
    norm: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CAROptions:
    """Options that CAR is computed with; the defaults are the paper's (:meth:`paper`).

    ======================  =======================================================================
    field                   means
    ======================  =======================================================================
    ``alpha``               strength of the spectral term
    ``margin``              g of the gate, in units of the logits (the paper prints no value)
    ``temperature``         tau of the softmax
    ``gate``                ``sigmoid`` of g + f_i - f_j; ``one`` (ablation A); ``relu`` (of C)
    ``competition``         ``softmax-competitors`` (paper), ``softmax-all`` (authors' code),
                            ``relu`` (ablations B and C)
    ``gate_gradient``       whether the gate is differentiated
    ``baseline_gradient``   whether the f_j that a relu competition subtracts is differentiated
    ``beta``                b, the share of the history in the moving average
    ``start``               ``zero``; ``first-batch``, whole and as a constant (authors' code);
                            ``bias-corrected``
    ``columns``             ``all``, or those of the classes ``present`` in the batch
    ``r0``, ``weights``     class weights (pi_j + r0)^(-1/2) as the ``paper`` prints them, divided
                            by their mean (``official``), or ``none``
    ``norm``                ``spectral``, ``one`` or ``ky-fan:R``
    ======================  =======================================================================
    """

    alpha: float = 0.5
    margin: float = 0.1
    temperature: float = 1.0
    gate: Gate = "sigmoid"
    competition: Competition = "softmax-competitors"
    gate_gradient: bool = True
    baseline_gradient: bool = True
    beta: float = 0.5
    start: Start = "zero"
    columns: Columns = "all"
    r0: float = 0.2
    weights: WeightForm = "paper"
    norm: str = "spectral"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"CAR option {name} = {short(value)}: choose {', '.join(choices)}")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and least <= value <= most):
                raise ValueError(f"CAR option {name} = {value}: must lie in [{least:g}, {most:g}]")
        if not 0.0 <= self.beta < 1.0:
            raise ValueError(f"CAR option beta = {self.beta}: must lie in [0, 1)")
        self.ky_fan_order()

    @classmethod
    def paper(cls, **changes: Unpack[CAROptionChanges]) -> CAROptions:
        """Give equation 7 with g = 0.1, b = 0.5 from zero, alpha = 0.5, r0 = 0.2."""
        check_names(changes, "CAROptions")
        return cls(**changes)

    @classmethod
    def official_code(cls, **changes: Unpack[CAROptionChanges]) -> CAROptions:
        """Give the defaults of the authors' code with the flags of its example."""
        check_names(changes, "CAROptions")
        code = cls(
            alpha=0.3,
            margin=0.0,
            competition="softmax-all",
            gate_gradient=False,
            baseline_gradient=False,
            start="first-batch",
            r0=0.5,
            weights="official",
        )
        return dataclasses.replace(code, **changes)

    def ky_fan_order(self) -> int | None:
        """Give R of ``ky-fan:R``, None for another norm."""
        if self.norm in ("spectral", "one"):
            return None
        head, _, order = self.norm.partition(":")
        if head != "ky-fan" or not order.isdecimal() or int(order) < 1:
            raise ValueError(
                f"unknown norm `{self.norm}`; expected spectral, one or ky-fan:R with R >= 1 "
                "the number of singular values"
            )
        return int(order)


def check_names(changes: Iterable[str], of: str, others: Iterable[str] = ()) -> None:
    """Refuse what is no option; `others` are further keywords of `of`."""
    known = [*CAROptionChanges.__annotations__, *others]
    for name in changes:
        if name not in known:
            raise TypeError(f"{of} has no option {short(name)}; there are {', '.join(known)}")
