"""Counting on a cluster of two executors in processes of their own, one of which is killed."""

import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from car_spectral import MarginCounts, sql

pytest.importorskip("pyspark", reason="needs pyspark (PyPI)")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java 17", allow_module_level=True)

from pyspark import cloudpickle
from pyspark.sql import SparkSession

from car_spectral import spark

# The executors do not have this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

MARGINS = [-0.5, 0.0, 0.25, 1.0]
PARTITIONS, ROWS, CLASSES = 8, 400, 20


def made(partition, classes=CLASSES):
    """Scores and labels of a partition: few values, so that ties occur, zeros of either sign."""
    generator = np.random.default_rng(partition)
    scores = generator.integers(-3, 3, (ROWS, classes)).astype(np.float32) / 4
    scores[scores == 0] *= generator.choice([-1.0, 1.0], int((scores == 0).sum()))
    return scores, generator.integers(0, classes, ROWS)


def expected():
    counts = MarginCounts(CLASSES, MARGINS)
    for partition in range(PARTITIONS):
        counts.update(*made(partition))
    return counts


@pytest.fixture(scope="module")
def session():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    built = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "128")
        .config("spark.executorEnv.PYTHONPATH", str(Path(spark.__file__).parents[1]))
        .getOrCreate()
    )
    yield built
    built.stop()


def table(session, change=None, before=None):
    """A DataFrame whose partitions are made where they are read, as those of files are."""
    partitions, rows, classes, make = PARTITIONS, ROWS, CLASSES, made

    def rows_of(batches):
        for batch in batches:
            for partition in batch.column(0).to_pylist():
                if before is not None:
                    before(partition)
                scores, labels = make(partition)
                if change is not None:
                    change(partition, scores, labels)
                for start in range(0, rows, 100):
                    part = slice(start, start + 100)
                    flat = pa.array(scores[part].reshape(-1))
                    lists = pa.ListArray.from_arrays(
                        np.arange(0, 100 * classes + 1, classes, np.int32), flat
                    )
                    yield pa.RecordBatch.from_arrays(
                        [lists, pa.array(labels[part])], names=["logits", "labels"]
                    )

    ids = session.range(0, partitions, 1, partitions)
    return ids.mapInArrow(rows_of, "logits array<float>, labels long")


def test_two_executors_count_the_same_bits(session):
    frame = table(session)
    found = spark.count(frame, CLASSES, MARGINS)
    assert found == expected() and found.to_bytes() == expected().to_bytes()
    assert spark.count(frame, CLASSES, MARGINS, mergers=3) == expected()
    assert spark.count(frame.limit(0), CLASSES, MARGINS) == MarginCounts(CLASSES, MARGINS)


def test_the_query_counts_the_same_bits(session):
    table(session).createOrReplaceTempView("predictions")
    rows = session.sql(sql.counts_sql("spark", "predictions", CLASSES, MARGINS)).collect()
    assert sql.counts(rows, CLASSES, MARGINS) == expected()
    bad = "SELECT array(1F, float('nan')) logits, 0 labels UNION ALL SELECT array(1F, 2F), 2 "
    bad += "UNION ALL SELECT array(1F, NULL), 0 UNION ALL SELECT array(1F, -float('infinity')), 1"
    rows = session.sql(sql.counts_sql("spark", f"({bad}) bad", 2)).collect()
    with pytest.raises(ValueError, match=r"^1 samples have a label.*1 samples have no.*2 samp"):
        sql.counts(rows, 2)


def test_an_executor_killed_in_mid_job_changes_no_bit(session, tmp_path):
    killed, again = tmp_path / "killed", tmp_path / "again"

    def kill(partition):
        """SIGKILL to the executor that has this task, once, when others are done."""
        if partition != 5:
            return
        if killed.exists():
            again.touch()
            return
        killed.touch()
        process = os.getppid()
        while Path(f"/proc/{process}/comm").read_text().strip() != "java":
            status = Path(f"/proc/{process}/stat").read_text()
            process = int(status.rpartition(")")[2].split()[1])
        os.kill(process, signal.SIGKILL)

    found = spark.count(table(session, before=kill), CLASSES, MARGINS)
    assert killed.exists() and again.exists()
    assert found == expected() and found.to_bytes() == expected().to_bytes()


def test_what_cannot_be_counted_is_named(session):
    def spoil(partition, scores, labels):
        if partition == 3:
            scores[130, 7] = np.nan

    frame = table(session, change=spoil)
    for mergers in (0, 2):
        with pytest.raises(
            ValueError, match="partition 3: sample 130: the score of class 7 is NaN"
        ):
            spark.count(frame, CLASSES, MARGINS, mergers=mergers)
    with pytest.raises(ValueError, match="needs 21 scores"):
        spark.count(frame, CLASSES + 1)
    with pytest.raises(ValueError, match="at least 2 classes"):
        spark.count(frame, 1)
