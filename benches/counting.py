"""The Python side of counting.rs, which runs it: counting.py FOLDER K THREADS MARGIN...

Reads logits.f32 and labels.i64 (raw, little endian) from FOLDER, untimed, and serves the methods
that this Python has (session.py); what each finds is digests of its counts.
"""

import os
import pathlib
import sys
from importlib.util import find_spec

import numpy as np
from session import serve
from sklearn.metrics import confusion_matrix


def argmax(logits, labels, classes):
    return logits.argmax(axis=1)


def argmax_and_confusion_matrix(logits, labels, classes):
    # scikit-learn has rows = true class.
    return confusion_matrix(labels, logits.argmax(axis=1), labels=np.arange(classes))


def argmax_and_bincount(logits, labels, classes):
    return np.bincount(logits.argmax(axis=1) * classes + labels, minlength=classes**2).reshape(classes, classes)


def margin_confusion(logits, labels, classes, margins):
    """Counts [G, K, K], row = competitor, column = true class, in as few passes as NumPy needs."""
    samples = np.arange(len(labels))
    own = logits[samples, labels]
    # The label's score is put aside while argmax runs, which spares a copy of the scores.
    logits[samples, labels] = -np.inf
    competitor = logits.argmax(axis=1)
    margin = own.astype(np.float64) - logits[samples, competitor].astype(np.float64)
    logits[samples, labels] = own
    return margin_tables(labels, competitor, np.searchsorted(margins, margin, side="left"), 1, classes, margins)


def margin_tables(labels, competitors, buckets, times, classes, margins):
    """Counts [G, K, K] of kinds of samples that came so many times."""
    counted = buckets < len(margins)
    places = (buckets * classes + competitors) * classes + labels
    weights = None if np.ndim(times) == 0 else times[counted]
    tables = np.bincount(places[counted], weights, minlength=len(margins) * classes**2).astype(np.int64)
    return tables.reshape(len(margins), classes, classes).cumsum(axis=0)


def torchmetrics(logits, labels, classes, threads):
    import torch
    from torchmetrics.classification import MulticlassConfusionMatrix

    torch.set_num_threads(threads)
    scores, classes_of = torch.from_numpy(logits), torch.from_numpy(labels)

    def run():
        metric = MulticlassConfusionMatrix(classes)
        # In batches, as it is used; all at once is slower.
        for start in range(0, len(labels), 4096):
            metric.update(scores[start : start + 4096], classes_of[start : start + 4096])
        return metric.compute().numpy()

    return run


def lists(logits, labels, classes):
    import pyarrow as pa

    offsets = pa.array(np.arange(0, logits.size + 1, classes, dtype=np.int32))
    scores = pa.ListArray.from_arrays(offsets, pa.array(logits.reshape(-1)))
    return pa.table({"label": labels, "scores": scores})


def duckdb(table, classes, margins, threads):
    import duckdb

    connection = duckdb.connect(config={"threads": threads})
    batches = table.to_batches(max_chunksize=2048)
    rows = type(table).from_batches(batches)
    connection.register("rows", rows)
    buckets = " + ".join(f"(margin > {margin!r})::INT" for margin in margins.tolist())
    query = f"""
        WITH parts AS (
            SELECT label, scores[label + 1]::DOUBLE AS own, scores[:label] AS l, scores[label + 2:] AS r FROM rows
        ), tops AS (SELECT label, own, l, r, list_max(l) AS below, list_max(r) AS above FROM parts),
        margins AS (
            SELECT label, own - greatest(below, above)::DOUBLE AS margin,
                CASE WHEN above IS NULL OR below >= above THEN list_position(l, below) - 1
                ELSE label + list_position(r, above) END AS competitor
            FROM tops
        )
        SELECT label, competitor, {buckets} AS bucket, count(*) AS times FROM margins GROUP BY ALL"""

    def run():
        found = connection.sql(query).fetchnumpy()
        columns = (found[name] for name in ("label", "competitor", "bucket", "times"))
        return margin_tables(*(np.asarray(column).astype(np.int64) for column in columns), classes, margins)

    return run


def polars(table, classes, margins):
    import polars as pl

    frame = pl.from_arrow(table)
    scores, label = pl.col("scores"), pl.col("label")
    below, above, at_below, at_above = (pl.col(name) for name in ("below", "above", "at_below", "at_above"))
    margin = pl.col("own").cast(pl.Float64) - pl.max_horizontal(below, above).cast(pl.Float64)
    competitor = pl.when(above.is_null() | (below >= above)).then(at_below).otherwise(at_above + label + 1)
    left, right = scores.list.head(label), scores.list.slice(label + 1)
    query = (
        frame.lazy()
        .select(label, own=scores.list.get(label), left=left, right=right)
        .select(
            label,
            "own",
            below=pl.col("left").list.max(),
            above=pl.col("right").list.max(),
            at_below=pl.col("left").list.arg_max(),
            at_above=pl.col("right").list.arg_max(),
        )
        .select(label, competitor=competitor, margin=margin)
        .select("label", "competitor", bucket=sum((pl.col("margin") > m).cast(pl.Int64) for m in margins.tolist()))
        .group_by("label", "competitor", "bucket")
        .len("times")
    )

    def run():
        found = query.collect(engine="streaming")
        columns = (found[name].to_numpy() for name in ("label", "competitor", "bucket", "times"))
        return margin_tables(*(column.astype(np.int64) for column in columns), classes, margins)

    return run


def digest(counts):
    places = np.arange(1, counts.size + 1, dtype=np.uint64)
    return int((np.ascontiguousarray(counts).astype(np.uint64).ravel() * places).sum(dtype=np.uint64))


def digests(counts):
    if counts.ndim == 1:
        return []
    if counts.ndim == 3:
        return [digest(table) for table in counts]
    plain = counts.copy()
    np.fill_diagonal(plain, 0)
    return [digest(plain)]


def methods(logits, labels, classes, margins, threads):
    """Yields names and functions; those of NumPy use one thread whatever there is."""
    yield "numpy argmax", lambda: argmax(logits, labels, classes)
    yield "numpy argmax + bincount", lambda: argmax_and_bincount(logits, labels, classes)
    yield "numpy argmax + sklearn", lambda: argmax_and_confusion_matrix(logits, labels, classes).T
    if find_spec("torchmetrics"):
        run_torch = torchmetrics(logits, labels, classes, threads)
        yield "torchmetrics", lambda: run_torch().T
    yield "numpy margin confusion, 5 margins", lambda: margin_confusion(logits, labels, classes, margins)
    if find_spec("pyarrow"):
        table = lists(logits, labels, classes)
        if find_spec("duckdb"):
            yield "DuckDB, 5 margins", duckdb(table, classes, margins, threads)
        if find_spec("polars"):
            yield "Polars, 5 margins", polars(table, classes, margins)


def main():
    folder, classes, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    margins = np.array(sys.argv[4:], dtype=np.float64)
    labels = np.fromfile(folder / "labels.i64", dtype="<i8")
    logits = np.fromfile(folder / "logits.f32", dtype="<f4").reshape(len(labels), classes)
    serve(dict(methods(logits, labels, classes, margins, threads)), digests)


if __name__ == "__main__":
    main()
