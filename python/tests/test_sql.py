"""The counting in SQL, run by the engines themselves: the bits of MarginCounts."""

import numpy as np
import pyarrow as pa
import pytest

from car_spectral import MarginCounts
from car_spectral import sql as car_sql

duckdb = pytest.importorskip("duckdb", reason="needs duckdb (PyPI)")
datafusion = pytest.importorskip("datafusion", reason="needs datafusion (PyPI)")

MARGINS = [-1.0, -0.1, 0.0, 0.1, 0.5, 2.0]


def by_duckdb(query, table):
    with duckdb.connect() as connection:
        connection.register("predictions", table)
        return connection.sql(query).fetchall()


def by_datafusion(query, table):
    context = datafusion.SessionContext()
    context.from_arrow(table, "predictions")
    return context.sql(query).to_arrow_table()


ENGINES = {"duckdb": by_duckdb, "datafusion": by_datafusion}


def predictions(scores, labels, kind="lists"):
    if kind == "fixed":
        column = pa.FixedSizeListArray.from_arrays(pa.array(scores.reshape(-1)), scores.shape[1])
    else:
        column = pa.array(list(scores), pa.list_(pa.from_numpy_dtype(scores.dtype)))
    return pa.table({"logits": column, "labels": pa.array(labels)})


def both(engine, scores, labels, margins=MARGINS, kind="lists"):
    """What the engine counts, and what MarginCounts does."""
    classes = scores.shape[1]
    expected = MarginCounts(classes, margins)
    expected.update(scores, labels)
    query = car_sql.counts_sql(engine, "predictions", classes, margins)
    rows = ENGINES[engine](query, predictions(scores, labels, kind))
    return car_sql.counts(rows, classes, margins), expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("classes", [2, 3, 40])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_counts_are_the_same_with_ties_and_signed_zeros(engine, classes, dtype):
    generator = np.random.default_rng(classes)
    # Few values, so that ties of every kind occur; zeros of either sign.
    scores = generator.integers(-3, 3, (3000, classes)).astype(dtype) / 4
    scores[scores == 0] *= generator.choice([-1.0, 1.0], int((scores == 0).sum()))
    labels = generator.integers(0, classes, 3000)
    found, expected = both(engine, scores, labels)
    assert expected.ties()["top2"] > 500 and found == expected
    assert found.to_bytes() == expected.to_bytes()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["lists", "fixed"])
def test_counts_are_the_same_where_rounding_could_show(engine, kind):
    generator = np.random.default_rng(7)
    scores = generator.standard_normal((2000, 9)).astype(np.float32)
    labels = generator.integers(0, 9, 2000).astype(np.int32)
    margins = np.sort(scores.astype(np.float64), axis=1)
    # Margins of the grid that are met exactly, and one that no float32 is.
    grid = [0.1, *(margins[:5, -1] - margins[:5, -2])]
    found, expected = both(engine, scores, labels, grid, kind)
    assert found == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_the_largest_and_the_smallest_numbers_are_counted(engine):
    huge, tiny = np.finfo(np.float64).max, np.nextafter(0.0, 1.0)
    scores = np.array([[huge, -huge, 0], [-huge, huge, 0], [tiny, 0, -0.0], [0, tiny, -tiny]])
    labels = np.array([0, 0, 0, 0])
    found, expected = both(engine, scores, labels, [0.0, tiny, 1e300, huge])
    assert found == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_what_cannot_be_counted_is_refused_with_its_number(engine):
    rows = [
        ([0.0, np.nan, 1.0], 0),
        ([0.0, -np.nan, 1.0], 0),
        ([0.0, np.inf, 1.0], 0),
        ([0.0, -np.inf, 1.0], 0),
        ([0.0, 1.0], 0),
        ([0.0, 1.0, None], 0),
        (None, 0),
        ([0.0, 1.0, 2.0], 3),
        ([0.0, 1.0, 2.0], -1),
        ([0.0, 1.0, 2.0], None),
        ([0.0, 1.0, 2.0], 1),
    ]
    scores, labels = zip(*rows, strict=True)
    column = pa.array(scores, pa.list_(pa.float32()))
    table = pa.table({"logits": column, "labels": pa.array(labels, pa.int64())})
    found = ENGINES[engine](car_sql.counts_sql(engine, "predictions", 3), table)
    with pytest.raises(ValueError) as refused:
        car_sql.counts(found, 3)
    assert str(refused.value) == (
        "3 samples have a label that is no class; 3 samples have no scores, or not one a class; "
        "4 samples have scores that are not finite"
    )


def test_names_are_quoted_and_nothing_gives_nothing():
    table = pa.table({'a "b"': pa.array([[1.0, 0.0]]), "true class": [0]})
    query = car_sql.counts_sql("duckdb", "predictions", 2, scores='a "b"', labels="true class")
    assert car_sql.counts(by_duckdb(query, table), 2).samples == 1
    assert car_sql.counts(by_duckdb(query, table.slice(1)), 2) == MarginCounts(2)


def test_wrong_use_gets_a_sentence():
    with pytest.raises(ValueError, match="choose duckdb, spark, datafusion"):
        car_sql.counts_sql("sqlite", "t", 3)
    with pytest.raises(ValueError, match="at least 2 classes"):
        car_sql.counts_sql("duckdb", "t", 1)
    with pytest.raises(ValueError, match="NaN"):
        car_sql.counts_sql("duckdb", "t", 3, [np.nan])
    with pytest.raises(ValueError, match="expected fault, label"):
        car_sql.counts([(1, 2)], 3)
    with pytest.raises(ValueError, match="the columns are a"):
        car_sql.counts(pa.table({"a": [1]}), 3)
