"""Counting on a Spark cluster of two executors, against NumPy's argmax in mapInArrow.

Both read the same Parquet files of float32 lists; NumPy gives (label, predicted) counts alone, the
least that anyone would compute. Medians with the smallest and the largest, in turn after a first
run that is not counted. The counts of the cluster are compared with those made here.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import cloudpickle
from pyspark.sql import SparkSession

from car_spectral import MarginCounts, spark, sql

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def write(folder, samples, classes, files):
    """Write scores in files; give their counts."""
    counts, seconds = MarginCounts(classes), 0.0
    for file in range(files):
        generator = np.random.default_rng(file)
        labels = generator.integers(0, classes, samples // files)
        scores = generator.standard_normal((len(labels), classes), np.float32)
        scores[np.arange(len(labels)), labels] += 3
        start = time.perf_counter()
        counts.update(scores, labels)
        seconds += time.perf_counter() - start
        lists = pa.ListArray.from_arrays(
            np.arange(0, scores.size + 1, classes, np.int32), scores.reshape(-1)
        )
        table = pa.table({"logits": lists, "labels": labels})
        options = {
            "use_dictionary": False,
            "compression": "none",
            "row_group_size": (4 << 20) // classes,
        }
        pq.write_table(table, folder / f"{file}.parquet", **options)
    return counts, seconds


def argmax(frame, classes):
    """Errors as NumPy finds them in each partition."""

    def counted(batches):
        keys = []
        for batch in batches:
            scores = batch.column(0).flatten().to_numpy().reshape(batch.num_rows, classes)
            keys.append(batch.column(1).to_numpy() * classes + scores.argmax(1))
        pairs = np.unique(np.concatenate(keys), return_counts=True)
        columns = [pa.array([part.tobytes()]) for part in pairs]
        yield pa.RecordBatch.from_arrays(columns, names=["keys", "counts"])

    parts = frame.select("logits", "labels").mapInArrow(counted, "keys binary, counts binary")
    rows = [[np.frombuffer(part, np.int64) for part in row] for row in parts.collect()]
    return sum(int(counts[keys // classes != keys % classes].sum()) for keys, counts in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--sql", action="store_true", help="time the query of counts_sql, too")
    given = parser.parse_args()
    rows = str(max(1, (4 << 20) // given.classes))  # batches of 16 MB
    with tempfile.TemporaryDirectory() as folder:
        expected, here = write(Path(folder), given.samples, given.classes, given.files)
        session = (
            SparkSession.builder.master("local-cluster[2,1,1024]")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.executorEnv.PYTHONPATH", str(Path(spark.__file__).parents[1]))
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", rows)
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("ERROR")
        frame = session.read.parquet(folder)
        frame.createOrReplaceTempView("predictions")
        query = sql.counts_sql("spark", "predictions", given.classes)
        ways = {
            "argmax": lambda: argmax(frame, given.classes),
            "spark.count": lambda: spark.count(frame, given.classes),
        }
        if given.sql:
            ways["counts_sql"] = lambda: sql.counts(session.sql(query).collect(), given.classes)
        seconds = {name: [] for name in ways}
        for run in range(given.times + 1):
            for name, way in ways.items():
                start = time.perf_counter()
                found = way()
                if run:
                    seconds[name].append(time.perf_counter() - start)
                same = found == (int(expected.errors.sum()) if name == "argmax" else expected)
                assert same, f"{name} counts otherwise"
        session.stop()
    print(
        f"{given.samples} x {given.classes} float32, two executors of one core, {given.files} "
        f"files, median of {given.times}; all counts are the same; in memory, here: {here:.2f} s"
    )
    for name, times in seconds.items():
        ratios = [a / b for a, b in zip(times, seconds["argmax"], strict=True)]
        print(
            f"  {name:12} {statistics.median(times):6.2f} s; {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) of argmax"
        )


if __name__ == "__main__":
    main()
