"""Mergeable counts of margin confusions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._arrays import labels_array, score_pieces, scores_array, warn_of_probabilities

if TYPE_CHECKING:
    from typing_extensions import Self

Counts = npt.NDArray[np.uint64]


class MarginCounts:
    """Exact integer counts from which every confusion matrix of a grid of margins follows.

    >>> import numpy as np
    >>> from car_spectral import MarginCounts
    >>> counts = MarginCounts(3, margins=[0.0, 1.0])
    >>> counts.update(np.array([[2.0, 0.5, 0.0], [1.0, 1.5, 0.0]], np.float32), np.array([0, 0]))
    >>> counts.errors
    array([1, 0, 0], dtype=uint64)
    >>> counts.class_errors  # not estimated where there is no sample
    array([0.5, nan, nan])

    Counts of parts of a data set, in any split and order, add up (``+``, ``merge``) to those of the
    whole, bit for bit (of many by ``sum``); so they do over processes (``pickle``, ``to_bytes``).
    Memory: dense up to 4 MiB, then only pairs of classes that occur.

    Args:
        num_classes: K, at least 2.
        margins: The margins g, in units of the scores, fixed before the data are seen.

    Raises:
        ValueError: fewer than 2 classes, no margin, or a margin that is not finite.

    """

    __slots__ = ("_counts",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, num_classes: int, margins: Iterable[float] = (0.0,)) -> None:
        self._counts = _core.Counts(num_classes, [float(margin) for margin in margins])

    @classmethod
    def _of(cls, counts: _core.Counts) -> Self:
        made = cls.__new__(cls)
        made._counts = counts
        return made

    def update(self, scores: Any, labels: Any) -> None:
        """Count a batch: scores `[N, K]` and labels `[N]`, read in place.

        Both may be NumPy arrays, torch tensors on the CPU, Arrow arrays (scores as lists; a column
        in several chunks is read chunk by chunk), or anything with ``__dlpack__``; scores float16,
        bfloat16, float32 or float64, labels of any integer type. Other threads of Python go on
        meanwhile. **After an error, or Ctrl-C, the counts are as before the call.**

        Raises:
            ValueError: shapes that do not fit; the first label that is no class; the first score
                that is not finite. Samples are numbered over everything counted so far.
            TypeError: numbers of another kind.

        """
        pieces, numbers = score_pieces(scores), labels_array(labels)
        if self.samples == 0:
            warn_of_probabilities(pieces[0])
        if len(pieces) == 1:
            self._counts.update(scores_array(pieces[0]), numbers)
            return
        if len(numbers) != len(scores):
            raise ValueError(f"{len(scores)} rows of scores but {len(numbers)} labels")
        counts, start = self._counts.copy(), 0
        for piece in pieces:
            counts.update(scores_array(piece), numbers[start : start + len(piece)])
            start += len(piece)
        self._counts = counts

    def update_batches(self, batches: Iterable[Any], scores: str, labels: str) -> None:
        """Count Arrow record batches (or tables) by the names of their two columns."""
        for batch in batches:
            self.update(batch[scores], batch[labels])

    def add_margins(
        self, labels: Any, competitors: Any, margins: Any, ties: Any | None = None
    ) -> None:
        """Count samples of which only the margins are known, computed on a GPU for example.

        Args:
            labels: True classes `[N]`.
            competitors: The class with the largest score but the label's, the lowest of equal ones.
            margins: Score of the label less that of the competitor, in float64.
            ties: Whether another wrong class has the competitor's score, too; left out: none.

        """
        margins = np.ascontiguousarray(margins, np.float64)
        ties = np.zeros(len(margins), bool) if ties is None else np.ascontiguousarray(ties, bool)
        self._counts.add_margins(labels_array(labels), labels_array(competitors), margins, ties)

    def merge(self, other: MarginCounts) -> None:
        """Add the counts of other samples."""
        self._counts.merge(other._counts)

    def __iadd__(self, other: MarginCounts) -> Self:
        if not isinstance(other, MarginCounts):
            return NotImplemented
        self.merge(other)
        return self

    def __add__(self, other: MarginCounts) -> Self:
        if not isinstance(other, MarginCounts):
            return NotImplemented
        total = self.copy()
        total.merge(other)
        return total

    def __radd__(self, other: int) -> Self:
        """Let ``sum`` begin at 0."""
        if not isinstance(other, int) or other != 0:
            return NotImplemented
        return self.copy()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MarginCounts) and self._counts.equals(other._counts)

    def copy(self) -> Self:
        """Give counts of their own."""
        return self._of(self._counts.copy())

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def to_bytes(self) -> bytes:
        """Give the counts as bytes with a checksum; equal counts give equal bytes."""
        return self._counts.to_bytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what :meth:`to_bytes` gave; nothing in it is executed.

        Raises:
            ValueError: bytes that are damaged, or no counts.

        """
        return cls._of(_core.Counts.from_bytes(content))

    def __reduce__(self) -> tuple[Any, ...]:
        kind = () if type(self) is MarginCounts else (type(self),)
        return counts_from_bytes, (self.to_bytes(), *kind)

    def __repr__(self) -> str:
        return (
            f"MarginCounts({self.num_classes}, margins={self.margins.tolist()}): "
            f"{self.samples} samples, {int(self.errors.sum())} errors"
        )

    @property
    def num_classes(self) -> int:
        """K."""
        return self._counts.num_classes

    @property
    def samples(self) -> int:
        """The number of samples counted."""
        return self._counts.samples

    @property
    def margins(self) -> npt.NDArray[np.float64]:
        """The margins g, ascending, each once."""
        return self._counts.margins

    @property
    def class_counts(self) -> Counts:
        """Samples of each true class, `[K]`."""
        return self._counts.class_counts

    @property
    def errors(self) -> Counts:
        """Errors of each true class, `[K]`."""
        return self._counts.errors

    @property
    def class_errors(self) -> npt.NDArray[np.float64]:
        """The share of each class that is wrong, `[K]`; NaN for a class without samples."""
        return _shares(self.errors, self.class_counts)

    @property
    def worst_class(self) -> int | None:
        """The class with the largest error, the lowest of equal ones; None without samples."""
        errors = self.class_errors
        return None if np.isnan(errors).all() else int(np.nanargmax(errors))

    def margin_errors(self, margin: float) -> Counts:
        """Give samples of each true class with a margin of at most `margin`, one of the grid."""
        return self._counts.margin_errors(self._place(margin))

    def confusion(self, margin: float | None = None) -> npt.NDArray[np.float64]:
        """Give the confusion matrix `[K, K]`, at a margin of the grid if one is named.

        Row = predicted class (or competitor), column = true class; shares of the true class, 0 on
        the diagonal. It takes 8 K² bytes: see :meth:`pairs` for many classes.
        """
        return self._counts.confusion(None if margin is None else self._place(margin))

    def pairs(self, margin: float | None = None) -> tuple[Counts, Counts, Counts]:
        """Give predicted class, true class and samples of every pair of classes that occurs."""
        return self._counts.pairs(None if margin is None else self._place(margin))

    def ties(self) -> dict[str, Any]:
        """Give exact ties: samples, their share, and those of each class with margin 0."""
        samples, share, zero_margin, correct = self._counts.ties()
        return {
            "top2": samples,
            "share": share,
            "zero_margin": zero_margin,
            "zero_margin_correct": correct,
        }

    def _place(self, margin: float) -> int:
        places: Sequence[int] = np.flatnonzero(self.margins == margin + 0.0).tolist()
        if not places:
            raise ValueError(f"margin {margin} was not counted; there are {self.margins.tolist()}")
        return places[0]


def counts_from_bytes(content: bytes, kind: type[MarginCounts] = MarginCounts) -> MarginCounts:
    """Give ``kind.from_bytes(content)``, under a name that unpicklers can allow by itself."""
    return kind.from_bytes(content)


def _shares(parts: Counts, wholes: Counts) -> npt.NDArray[np.float64]:
    shares = np.full(len(wholes), np.nan)
    np.divide(parts, wholes, out=shares, where=wholes > 0)
    return shares
