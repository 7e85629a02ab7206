"""Counts of what samples counted as, however that was found out: by a metric, by a query."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _core
from .counts import MarginCounts

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Outcomes(NamedTuple):
    """Kinds of samples, and how many there are of each; a kind may stand there several times."""

    labels: Numbers
    #: The strongest wrong class; the label where the sample counts in no pair.
    competitors: Numbers
    #: Position of the smallest margin that is at least the sample's; their number if none is.
    buckets: Numbers
    errors: Flags
    #: Whether the margin is 0.
    zero_margins: Flags
    #: Whether the largest score of all is attained twice.
    top_ties: Flags
    times: Numbers

    def counts(self, num_classes: int, margins: list[float]) -> MarginCounts:
        """Give the counts; `margins` ascend."""
        pairs = self.labels * num_classes + self.competitors
        in_pair = self.competitors != self.labels
        kept, place = np.unique(pairs[in_pair], return_inverse=True)
        counters = np.zeros((len(kept), len(margins) + 1), np.uint64)
        times, buckets = self.times[in_pair].astype(np.uint64), self.buckets[in_pair]
        within, errors = buckets < len(margins), self.errors[in_pair]
        np.add.at(counters, (place[within], buckets[within]), times[within])
        np.add.at(counters, (place[errors], -1), times[errors])

        def of_classes(where: Any) -> list[int]:
            total = np.zeros(num_classes, np.int64)
            np.add.at(total, self.labels[where], self.times[where])
            return [int(count) for count in total]

        made = _core.Counts.from_parts(
            margins,
            of_classes(slice(None)),
            int(self.times[self.top_ties].sum()),
            of_classes(self.zero_margins),
            of_classes(self.zero_margins & ~self.errors),
            (kept // num_classes).tolist(),
            (kept % num_classes).tolist(),
            counters,
        )
        return MarginCounts._of(made)
