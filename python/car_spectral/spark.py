"""Counting on a Spark cluster, with the code that counts here.

``car_spectral`` (and PyArrow) has to be installed where the executors run Python. Each partition is
read in Arrow batches and counted in place; what crosses the network is its counts, a few bytes for
every pair of classes that occurs. A task that is repeated, because an executor was lost or
speculatively, is counted once: counts are a task's result, nothing is added up aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from .counts import MarginCounts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_SCHEMA = "counts binary, refused string"


def count(
    dataframe: DataFrame,
    num_classes: int,
    margins: Iterable[float] = (0.0,),
    *,
    scores: str = "logits",
    labels: str = "labels",
    mergers: int = 0,
) -> MarginCounts:
    """Count a DataFrame of scores, bit for bit as :class:`car_spectral.MarginCounts` does here.

    Args:
        dataframe: Of any source and partitioning.
        num_classes: K.
        margins: The margins g.
        scores: The column of arrays of K numbers (``array<float>`` or ``array<double>``).
        labels: The column of class numbers, of an integer type.
        mergers: Tasks that add partitions up before the driver does; 0 for none. Wanted where
            partitions times the size of their counts is more than the driver should take
            (``spark.driver.maxResultSize``), from some thousand partitions on.

    Raises:
        ValueError: the sentence of the first partition that could not be counted, with its number;
            samples are numbered within it. The others are counted to their end.

    """
    empty = MarginCounts(num_classes, margins)
    grid = [float(margin) for margin in empty.margins]

    def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        counts = MarginCounts(num_classes, grid)
        try:
            for batch in batches:
                counts.update(batch.column(0), batch.column(1))
        except (ValueError, TypeError) as error:
            context = TaskContext.get()
            place = "?" if context is None else context.partitionId()
            yield _row(None, f"partition {place}: {error}")
            return
        if counts.samples:
            yield _row(counts.to_bytes(), None)

    def merged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = (row for batch in batches for row in zip(*batch.to_pydict().values(), strict=True))
        try:
            counts = _sum(MarginCounts(num_classes, grid), rows)
        except ValueError as error:
            yield _row(None, str(error))
            return
        if counts.samples:
            yield _row(counts.to_bytes(), None)

    parts = dataframe.select(scores, labels).mapInArrow(counted, _SCHEMA)
    if mergers > 0:
        parts = parts.repartition(mergers).mapInArrow(merged, _SCHEMA)
    return _sum(empty, ((row["counts"], row["refused"]) for row in parts.collect()))


def _row(counts: bytes | None, refused: str | None) -> pa.RecordBatch:
    columns = [pa.array([counts], pa.binary()), pa.array([refused], pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=["counts", "refused"])


def _sum(
    total: MarginCounts, rows: Iterable[tuple[bytes | bytearray | None, str | None]]
) -> MarginCounts:
    """Add parts up; a refused one raises its sentence."""
    for counts, refused in rows:
        if refused is not None or counts is None:
            raise ValueError(refused)
        total.merge(MarginCounts.from_bytes(bytes(counts)))
    return total
