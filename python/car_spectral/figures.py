"""Figures of a report, drawn natively by matplotlib, so that a paper's style applies.

====================== ============================================================================
name                   shows
====================== ============================================================================
``error_by_frequency`` test error of each class with its interval, by training images
``margin_sweep``       ‖C_gΛ‖₂ on training and test samples, by the margin g
``confusion``          the most confused pairs of classes
``differences``        error of each class of the second model less that of the first, intervals
====================== ============================================================================
"""

from __future__ import annotations

from reprlib import repr as short
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GROUPS = {"many": "C0", "medium": "C1", "few": "C3", None: "C7"}
_LISTED_PAIRS = 15


class Numbers(Protocol):
    """The parts of a report that a figure takes."""

    @property
    def models(self) -> list[dict[str, Any]]:
        """The models, as in ``report.json``."""

    @property
    def model(self) -> dict[str, Any]:
        """The model that is judged."""

    @property
    def worst_class(self) -> dict[str, Any] | None:
        """The class with the largest test error."""

    @property
    def comparison(self) -> dict[str, Any] | None:
        """The differences of two models."""

    def classes(self) -> Any:
        """Columns by name, an entry a class."""


def draw(report: Numbers, name: str, ax: Axes | None = None) -> Axes:
    """Draw the figure `name` of a report; see the table above.

    Raises:
        ValueError: no such figure, or one that this report cannot fill.

    """
    drawers = {
        "error_by_frequency": error_by_frequency,
        "margin_sweep": margin_sweep,
        "confusion": confusion,
        "differences": differences,
    }
    if name not in drawers:
        raise ValueError(f"no figure is called {short(name)}; there are {', '.join(drawers)}")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")  # long names of classes stay within
    drawers[name](report, ax)
    return ax


def error_by_frequency(report: Numbers, ax: Axes) -> None:
    """Draw the test error of each class with its interval, by training images."""
    table = report.classes()
    known = table["train_count"][0] is not None
    for group, colour in _GROUPS.items():
        rows = [
            row
            for row, (of, error) in enumerate(zip(table["group"], table["test_error"], strict=True))
            if of == group and error is not None
        ]
        if not rows:
            continue
        x = [table["train_count" if known else "class"][row] for row in rows]
        error = [table["test_error"][row] for row in rows]
        below = [table["test_error"][row] - table["lower"][row] for row in rows]
        above = [table["upper"][row] - table["test_error"][row] for row in rows]
        ax.errorbar(
            x, error, yerr=[below, above], fmt="o", ms=4, lw=1, color=colour, label=group or "class"
        )
    worst = report.worst_class
    if worst is not None:
        ax.axhspan(
            *worst["largest_error"], alpha=0.15, color="C7", label="largest error of any class"
        )
    if known:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("training images of the class" if known else "class")
    ax.set_ylabel("test error")
    ax.legend()


def margin_sweep(report: Numbers, ax: Axes) -> None:
    """Draw ‖C_gΛ‖₂ on training and test samples, by the margin g."""
    for what in ("train", "test"):
        split = report.model[what]
        if split is not None:
            margins = [at["margin"] for at in split["margins"]]
            norms = [at["spectral_norm_weighted"]["value"] for at in split["margins"]]
            ax.plot(margins, norms, "o-", label=what)
    ax.set_xlabel("margin g")
    ax.set_ylabel(r"$\|C_g\Lambda\|_2$")
    ax.legend()


def confusion(report: Numbers, ax: Axes) -> None:
    """Draw the most confused pairs of classes."""
    pairs: list[dict[str, Any]] = report.model["confusions"][:_LISTED_PAIRS][::-1]
    names = [f"{pair['true_name']} as {pair['predicted_name']}" for pair in pairs]
    ax.barh(names, [pair["rate"] for pair in pairs])
    ax.set_xlabel("share of the true class's samples")


def differences(report: Numbers, ax: Axes) -> None:
    """Draw the error of each class of the second model less that of the first, with intervals."""
    found = report.comparison
    if found is None:
        raise ValueError("differences are of two models: report.compare(other).figure(...)")
    rows = [row for row, at in enumerate(found["classes"]) if at["difference"] is not None]
    difference = [found["classes"][row]["difference"] for row in rows]
    ends = [found["classes"][row]["interval"] for row in rows]
    below = [max(0.0, d - low) for d, (low, _) in zip(difference, ends, strict=True)]
    above = [max(0.0, high - d) for d, (_, high) in zip(difference, ends, strict=True)]
    ax.errorbar(rows, difference, yerr=[below, above], fmt="o", ms=4, lw=1)
    ax.axhline(0.0, lw=1, color="C7")
    a, b = (report.models[found[side]]["name"] for side in ("a", "b"))
    ax.set_xlabel("class")
    ax.set_ylabel(f"test error of {b} less that of {a}")
