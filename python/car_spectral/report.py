"""Reports: from scores and labels to what can be said of the worst class."""

from __future__ import annotations

import html
import json
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from reprlib import repr as short
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from . import _core
from ._arrays import counts_list, labels_array, names_list, scores_array
from .weights import check_form

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Frame = Literal["dict", "pandas", "polars"]


def analyze(
    test: tuple[Any, Any],
    *,
    train: tuple[Any, Any] | None = None,
    train_counts: Any = None,
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    name: str = "model",
    arch: str | None = None,
    margins: Iterable[float] = (0.0, 0.1, 0.5, 1.0, 2.0),
    r0: float = 0.2,
    weights: Literal["paper", "official", "none"] = "paper",
    delta: float = 0.05,
) -> Report:
    """Analyse one model: what the program ``analyze`` says of files, of arrays.

    >>> import numpy as np
    >>> from car_spectral import analyze
    >>> scores = 4 * np.eye(3, dtype=np.float32)[[0, 0, 1, 0, 2, 2]]
    >>> report = analyze(test=(scores, [0, 0, 1, 1, 2, 2]), train_counts=[500, 50, 5])
    >>> report.worst_class["index"], report.worst_class["error"]
    (1, 0.5)

    Args:
        test: Scores `[N, K]` (logits, before softmax) and labels `[N]` of held-out samples; NumPy,
            torch on the CPU, Arrow, DLPack.
        train: The same of the training samples, in evaluation mode and without augmentation.
        train_counts: Training samples of each class, `[K]`, or a mapping or pandas Series by class
            (``Counter``, ``value_counts``); else those of `train`.
        class_names: Names of the classes, or a mapping from their numbers; else they are numbered.
        name: Name of the model, in tables and plots.
        arch: Name of its architecture: the reason why some bounds do not apply.
        margins: The margins g, in units of the scores.
        r0: Offset of the class weights.
        weights: Form of the class weights; ``none`` needs no training counts.
        delta: Every interval and bound may fail with at most this probability.

    Warns:
        UserWarning: what puts the numbers in doubt, once each; :attr:`Report.warnings` keeps it.

    Raises:
        ValueError: scores, labels, counts or options that do not fit, with the sample or class.
        TypeError: numbers of another kind.

    """
    check_form("weights", weights)
    if not 1e-12 <= delta < 1:
        raise ValueError(f"delta = {delta}: give a probability of at least 1e-12 and below 1")
    if not 0 <= r0 < float("inf"):
        raise ValueError(f"r0 = {r0}: give a finite number that is not negative")
    if weights != "none" and train is None and train_counts is None:
        raise ValueError(
            f'the class weights (weights="{weights}") need the training samples of each class; '
            'give train_counts or train, or weights="none"'
        )
    core = _core.analyze(
        name,
        _pair("test", test),
        None if train is None else _pair("train", train),
        None if train_counts is None else counts_list(train_counts, "train_counts"),
        None if class_names is None else names_list(class_names),
        arch,
        [float(margin) for margin in margins],
        r0,
        weights,
        delta,
    )
    report = Report(core)
    for warning in report.warnings:
        warnings.warn(f"{name}: {warning['sentence']}", stacklevel=2)
    return report


def _pair(what: str, pair: tuple[Any, Any]) -> tuple[Any, Any]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"{what} is a pair: {what}=(scores, labels)")
    return scores_array(pair[0]), labels_array(pair[1])


class Report:
    """Findings on one model, or on two on the same samples (:meth:`compare`)."""

    def __init__(self, core: _core.Analysis) -> None:
        self._core = core
        #: ``report.json`` as it is written; docs/report-schema.md explains every key.
        self.data: dict[str, Any] = json.loads(core.json())

    @property
    def models(self) -> list[dict[str, Any]]:
        """The models: one, or two after :meth:`compare`."""
        return list(self.data["models"])

    @property
    def model(self) -> dict[str, Any]:
        """The model; after :meth:`compare` the second, which is judged."""
        return self.models[-1]

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """Doubts about the numbers: ``id``, ``sentence`` and ``evidence`` of each warning.

        After :meth:`compare` those of both models, the first's first.
        """
        return [warning for model in self.models for warning in model["warnings"]]

    @property
    def worst_class(self) -> dict[str, Any] | None:
        """The class with the largest test error: index, name, error, interval of its error (T5).

        ``largest_error`` is where the largest error of any class lies, whichever class that is,
        with probability 1 - delta (T5'), and ``candidates`` are the classes it can be.
        """
        test = self.model["test"]
        if test["worst_class"] is None:
            return None
        largest = test["max_error"]
        return {
            **test["worst_class"],
            "largest_error": largest["interval"],
            "candidates": largest["candidates"],
        }

    @property
    def verdicts(self) -> list[str]:
        """Verdicts: a sentence for each statement that was checked."""
        return [verdict["sentence"] for verdict in self.model["verdicts"]]

    @property
    def comparison(self) -> dict[str, Any] | None:
        """The second model against the first; None of one model.

        Each ``difference`` is an error of the second less that of the first: above 0 the second is
        worse. ``worst_class`` compares the largest errors of any class.
        """
        found = self.data["comparisons"]
        return dict(found[0]) if found else None

    def classes(self, frame: Frame = "dict") -> Any:
        """Give a row for each class: counts, error, interval, weight; None where not estimated.

        Args:
            frame: A ``dict`` of columns, or a data frame of ``pandas`` or ``polars``.

        """
        model = self.model
        test, classes = model["test"], range(model["num_classes"])
        intervals = test["class_error_interval"]
        unknown = [None] * len(classes)
        columns: dict[str, list[Any]] = {
            "class": list(classes),
            "name": model["class_names"],
            "group": model["groups"] or unknown,
            "train_count": model["train_counts"] or unknown,
            "weight": model["weights"],
            "test_count": test["class_counts"],
            "test_errors": test["class_errors"],
            "test_error": test["per_class_error"],
            "lower": [interval and interval[0] for interval in intervals],
            "upper": [interval and interval[1] for interval in intervals],
            "can_be_the_worst": [j in set(test["max_error"]["candidates"]) for j in classes],
            "weighted_error": test["chain"]["weighted_error"],
            "train_error": model["train"]["per_class_error"] if model["train"] else unknown,
        }
        if frame == "dict":
            return columns
        if frame == "pandas":
            import pandas as pd

            return pd.DataFrame(columns)
        if frame == "polars":
            import polars as pl

            return pl.DataFrame(columns)
        raise ValueError(f"frame = {short(frame)}: choose dict, pandas or polars")

    def compare(self, other: Report) -> Report:
        """Give the report of this model and `other` on the same samples, in the same order.

        In it ``comparison`` says by how much the errors of `other` are above this model's.

        Raises:
            ValueError: other samples, or two models of one name.
            TypeError: what is no report.

        """
        if not isinstance(other, Report):
            raise TypeError(
                f"{type(other).__name__} given, expected the Report of another model; counts have "
                "no samples to pair: give analyze(test=(scores, labels), ...)"
            )
        return Report(self._core.compare(other._core))

    def save(
        self,
        folder: str | os.PathLike[str],
        formats: str | Iterable[str] = "html,json,csv,md,tex,svg,png",
    ) -> list[Path]:
        """Write the program's files into `folder`; give their paths.

        Args:
            folder: Where to; it is made.
            formats: Their kinds, with commas between or as a list.

        Raises:
            OSError: a folder that cannot be written; nothing is left half-written.

        """
        kinds = formats if isinstance(formats, str) else ",".join(formats)
        return [Path(path) for path in self._core.save(os.fspath(folder), kinds)]

    def figure(self, name: str = "error_by_frequency", ax: Axes | None = None) -> Axes:
        """Draw a figure with matplotlib, in the style that is set; see :mod:`car_spectral.figures`.

        Args:
            name: ``error_by_frequency``, ``margin_sweep``, ``confusion`` or ``differences``.
            ax: Where to draw; else axes of a new figure.

        """
        from . import figures

        return figures.draw(self, name, ax)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Report is not pickled or copied: it holds the samples it is of; keep it by "
            "report.save(folder), or its numbers, report.data, which are a plain dict"
        )

    def __str__(self) -> str:
        return self._core.summary()

    def __repr__(self) -> str:
        names = ", ".join(model["name"] for model in self.models)
        number = len(self.warnings)
        doubt = f", {number} warning{'s' if number > 1 else ''}" if number else ""
        return f"<Report on {names}: {_sentence(self)}{doubt}>"

    def _repr_html_(self) -> str:
        """Give the table that notebooks show."""
        rows = []
        for model in self.models:
            test, worst = model["test"], model["test"]["worst_class"]
            cells = [model["name"], _percent(test["accuracy"]), _percent(test["accuracy_macro"])]
            cells += [
                _percent(test[group] and test[group]["accuracy"])
                for group in ("many", "medium", "few")
            ]
            cells += [worst["name"], _percent(worst["error"])] if worst else ["–", "–"]
            cells.append(" to ".join(_percent(end) for end in test["max_error"]["interval"]))
            norm = test["hard"]["spectral_norm_weighted"]["value"]
            cells.append(f"{norm:.3g}")
            rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
        heads = ["model", "accuracy", "macro", "many", "medium", "few", "worst class", "its error"]
        heads += ["largest error of any class (T5')", "‖CΛ‖₂"]
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heads)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _sentence(report: Report) -> str:
    worst = report.worst_class
    if worst is None:
        return "no class has a test sample"
    low, high = worst["largest_error"]
    level = 1 - report.data["settings"]["delta"]
    return (
        f"worst class {worst['name']}, error {_percent(worst['error'])}; whichever class is the "
        f"worst, its error is in [{_percent(low)}, {_percent(high)}] with probability {level:g}"
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
