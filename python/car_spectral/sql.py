"""The counting as one plain SQL query, for engines in which the scores already are.

>>> from car_spectral.sql import counts_sql
>>> query = counts_sql("duckdb", "read_parquet('scores/*.parquet')", 1000, margins=[0.0, 0.5])

``duckdb.sql(query)``, ``spark.sql(query)`` or DataFusion's ``ctx.sql(query)`` run it, and
:func:`counts` makes :class:`car_spectral.MarginCounts` of what comes out: those of the scores
themselves, bit for bit. Each row of the result is a kind of sample with the number of its samples:

===============  ===============================================================================
column           is
===============  ===============================================================================
``fault``        NULL; else why samples could not be counted: ``label`` (no class),
                 ``scores`` (NULL, or not one a class), ``not finite``
``label``        the true class j
``competitor``   the strongest wrong class, the lowest of equal ones; j where the margin is above
                 every margin asked for and the sample is right
``bucket``       position of the smallest margin asked for that is at least the sample's;
                 their number if there is none
``error``        whether another class is predicted
``zero_margin``  whether label and competitor have equal scores
``top_tie``      whether the largest score is attained twice
``samples``      how many
===============  ===============================================================================

No user-defined function is needed, and one look at the table. An engine goes from list to list,
though: of scores in memory the query takes some 17 times (DuckDB) to 100 times (DataFusion) as much
processor time as ``MarginCounts.update`` of the same Arrow batches at K = 100. In Spark, where
moving rows is what costs, it takes 1.7 times what :func:`car_spectral.spark.count` takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from reprlib import repr as short
from typing import Any, Literal, NamedTuple

import numpy as np

from . import _core
from .counts import MarginCounts

Dialect = Literal["duckdb", "spark", "datafusion"]

COLUMNS = (
    "fault",
    "label",
    "competitor",
    "bucket",
    "error",
    "zero_margin",
    "top_tie",
    "samples",
)
_FAULTS = {
    "label": "a label that is no class",
    "scores": "no scores, or not one a class",
    "not finite": "scores that are not finite",
}


class _Words(NamedTuple):
    """Words of a dialect; places count from 1, both ends of a part belong to it."""

    quote: str
    integer: str
    #: The list as it is read.
    read: str
    length: str
    has_null: str
    largest: str
    smallest: str
    at: str
    part: str
    position: str


_DIALECTS = {
    "duckdb": _Words(
        quote='"',
        integer="BIGINT",
        read="{0}",
        length="len({0})",
        has_null="list_count({0}) <> len({0})",
        largest="list_max({0})",
        smallest="list_min({0})",
        at="{0}[{1}]",
        part="{0}[{1}:{2}]",
        position="list_position({0}, {1})",
    ),
    "spark": _Words(
        quote="`",
        integer="INT",
        read="{0}",
        length="size({0})",
        has_null="exists({0}, x -> x IS NULL)",
        largest="array_max({0})",
        smallest="array_min({0})",
        at="element_at({0}, {1})",
        part="slice({0}, {1}, {2} - ({1}) + 1)",
        position="array_position({0}, {1})",
    ),
    # It orders -0.0 below 0.0: every zero is made the same first.
    "datafusion": _Words(
        quote='"',
        integer="BIGINT",
        read="array_replace_all({0}, CAST('-0.0' AS DOUBLE), CAST('0.0' AS DOUBLE))",
        length="array_length({0})",
        has_null="array_position({0}, NULL) IS NOT NULL",
        largest="array_max({0})",
        smallest="array_min({0})",
        at="{0}[{1}]",
        part="array_slice({0}, {1}, {2})",
        position="CAST(array_position({0}, {1}) AS BIGINT)",
    ),
}


def counts_sql(
    dialect: Dialect,
    table: str,
    num_classes: int,
    margins: Iterable[float] = (0.0,),
    *,
    scores: str = "logits",
    labels: str = "labels",
) -> str:
    """Give the query that counts a table of scores, for :func:`counts`.

    Args:
        dialect: ``duckdb``, ``spark`` or ``datafusion``.
        table: What stands after FROM, as it is: a table, ``read_parquet(...)``, a query in
            parentheses with a name.
        num_classes: K.
        margins: The margins g.
        scores: The column of lists of K scores (FLOAT or DOUBLE).
        labels: The column of class numbers.

    Raises:
        ValueError: another dialect; classes and margins as of :class:`MarginCounts`.

    """
    if dialect not in _DIALECTS:
        raise ValueError(f"no dialect {short(dialect)}: choose {', '.join(_DIALECTS)}")
    grid = MarginCounts(num_classes, margins).margins.tolist()
    words = _DIALECTS[dialect]

    def name(column: str) -> str:
        return words.quote + column.replace(words.quote, 2 * words.quote) + words.quote

    ends = (words.largest.format("scores"), words.smallest.format("scores"))
    finite = " AND ".join(f"abs(CAST({end} AS DOUBLE)) < {_number(float('inf'))}" for end in ends)
    keys = ", ".join(COLUMNS[:-1])
    return f"""\
WITH stored AS (
  SELECT CAST({name(labels)} AS DOUBLE) AS label, {words.read.format(name(scores))} AS scores
  FROM {table}
), checked AS (
  SELECT label, scores, CASE
    WHEN label IS NULL OR NOT (label >= 0 AND label < {num_classes} AND label = floor(label))
      THEN 'label'
    WHEN scores IS NULL OR {words.length.format("scores")} <> {num_classes}
      OR {words.has_null.format("scores")} THEN 'scores'
    WHEN NOT ({finite}) THEN 'not finite'
  END AS fault
  FROM stored
), sound AS (
  SELECT fault, CAST(CASE WHEN fault IS NULL THEN label END AS {words.integer}) AS label,
    CASE WHEN fault IS NULL THEN scores END AS scores
  FROM checked
), {_outcomes(words, num_classes, grid)}
SELECT {keys}, count(*) AS samples FROM outcomes GROUP BY {keys}
"""


def _outcomes(words: _Words, num_classes: int, grid: list[float]) -> str:
    """Give the tables from ``sound`` to ``outcomes``: strongest wrong class, margin, kind."""

    def part(first: str, last: str) -> str:
        return words.part.format("scores", first, last)

    below, above = part("1", "label"), part("label + 2", str(num_classes))
    buckets = " ".join(
        f"WHEN margin <= {_number(margin)} THEN {at}" for at, margin in enumerate(grid)
    )
    return f"""\
halves AS (
  SELECT fault, label, scores, {words.at.format("scores", "label + 1")} AS own,
    {words.largest.format(below)} AS below, {words.largest.format(above)} AS above
  FROM sound
), rivals AS (
  SELECT fault, label, scores, own, CASE WHEN above IS NULL OR below >= above THEN below
    ELSE above END AS top,
    CASE WHEN above IS NULL OR below >= above THEN {words.position.format("scores", "below")} - 1
    ELSE label + {words.position.format(above, "above")} END AS competitor
  FROM halves
), margins AS (
  SELECT fault, label, competitor, CAST(own AS DOUBLE) - CAST(top AS DOUBLE) AS margin,
    coalesce({words.position.format(part("competitor + 2", str(num_classes)), "top")}, 0) > 0
      AS again
  FROM rivals
), kinds AS (
  SELECT fault, label, competitor, CASE {buckets} ELSE {len(grid)} END AS bucket,
    margin < 0 OR (margin = 0 AND competitor < label) AS error, margin = 0 AS zero_margin,
    margin = 0 OR (margin < 0 AND again) AS top_tie
  FROM margins
), outcomes AS (
  SELECT fault, label, CASE WHEN bucket = {len(grid)} AND NOT error THEN label
    ELSE competitor END AS competitor, bucket, error, zero_margin, top_tie
  FROM kinds
)"""


def counts(rows: Any, num_classes: int, margins: Iterable[float] = (0.0,)) -> MarginCounts:
    """Give the counts that rows of the query are.

    Args:
        rows: What the engine gives: ``duckdb.sql(query).fetchall()``,
            ``spark.sql(query).collect()``, or an Arrow table as of
            ``ctx.sql(query).to_arrow_table()``.
        num_classes: K, as in the query.
        margins: As in the query.

    Raises:
        ValueError: samples that could not be counted, with their number; other columns.

    """
    grid = MarginCounts(num_classes, margins).margins.tolist()
    if hasattr(rows, "to_pydict"):
        columns = rows.to_pydict()
        if tuple(columns) != COLUMNS:
            raise ValueError(f"the columns are {', '.join(columns)}; expected {', '.join(COLUMNS)}")
        rows = zip(*columns.values(), strict=True)
    rows = [tuple(row) for row in rows]
    if rows and len(rows[0]) != len(COLUMNS):
        raise ValueError(f"a row has {len(rows[0])} columns; expected {', '.join(COLUMNS)}")
    faults = {row[0]: row[-1] for row in rows if row[0] is not None}
    if faults:
        said = [
            f"{number} samples have {_FAULTS.get(name, name)}" for name, number in faults.items()
        ]
        raise ValueError("; ".join(sorted(said)))
    found = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    label, competitor, bucket, error, zero_margin, top_tie, times = (
        np.array(column, np.int64) for column in found[1:]
    )
    slots = (label * num_classes + competitor) * (len(grid) + 1) + bucket
    keys = slots * 8 + error + 2 * zero_margin + 4 * top_tie
    return MarginCounts._of(_core.Counts.from_keys(num_classes, grid, keys, times))


def _number(value: float) -> str:
    return f"CAST('{'Infinity' if value == float('inf') else repr(value)}' AS DOUBLE)"
