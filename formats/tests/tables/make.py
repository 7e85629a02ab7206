"""Writes the tables that `tests/tables.rs` reads: Parquet, Arrow and Feather as people save them.

pip install pyarrow numpy; python make.py. Scores are multiples of 1/8, so that every type holds
them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

HERE = Path(__file__).parent
SAMPLES, CLASSES = 40, 5
NAMES = ["ant", "bee", "cow", "dog", "eel"]

sample, column = np.arange(SAMPLES)[:, None], np.arange(CLASSES)[None, :]
scores = ((sample * 37 + column * 11) % 64) / 8 - 4
labels = np.arange(SAMPLES) * 3 % CLASSES


def fixed(dtype: type, values: np.ndarray = scores) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.astype(dtype).ravel()), CLASSES)


def ragged(dtype: type, large: bool = False) -> pa.Array:
    kind = (pa.large_list if large else pa.list_)(pa.from_numpy_dtype(dtype))
    return pa.array(list(scores.astype(dtype)), type=kind)


def arrow(name: str, table: pa.Table, rows: int = 16, stream: bool = False, codec: str | None = None) -> None:
    options = pa.ipc.IpcWriteOptions(compression=codec)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(str(HERE / name), table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)


def main() -> None:
    both = {"logits": fixed(np.float32), "labels": pa.array(labels)}
    plain = pa.table(both)
    pq.write_table(plain, HERE / "fixed.parquet", row_group_size=15)
    for codec in ["NONE", "GZIP", "ZSTD", "BROTLI", "LZ4"]:
        pq.write_table(plain, HERE / f"{codec.lower()}.parquet", compression=codec, data_page_version="2.0")
    for kind in [np.float16, np.float64]:
        name = np.dtype(kind).name
        table = pa.table({"outputs": ragged(kind), "y": pa.array(labels.astype(np.uint8))})
        pq.write_table(table, HERE / f"{name}.parquet")
    large = pa.table({"logits": ragged(np.float32, large=True), "label": pa.array(labels.astype(np.int16))})
    pq.write_table(large, HERE / "large.parquet")
    columns = {f"logit_{k}": pa.array(scores[:, k].astype(np.float32)) for k in range(CLASSES)}
    pq.write_table(pa.table({"label": pa.array(labels), **columns}), HERE / "columns.parquet")
    named = {name: pa.array(scores[:, k]) for k, name in enumerate(NAMES)}
    texts = pa.array([NAMES[label] for label in labels])
    pq.write_table(pa.table({**named, "target": texts.dictionary_encode()}), HERE / "named.parquet")
    order = np.concatenate([np.arange(SAMPLES), [0, 1, 2]])
    again = pa.table(
        {
            "index": pa.array(order + 100),
            "logits": fixed(np.float32, scores[order] + (np.arange(SAMPLES + 3) == SAMPLES + 2)[:, None]),
            "labels": pa.array(labels[order]),
        }
    )
    pq.write_table(again, HERE / "again.parquet")
    classes = {"prediction": pa.array(scores.argmax(1).astype(np.int32)), "target": pa.array(labels)}
    pq.write_table(pa.table(classes), HERE / "classes.parquet")
    odd = {"head_a": fixed(np.float32), "head_b": fixed(np.float32, -scores), "truth": pa.array(labels)}
    pq.write_table(pa.table(odd), HERE / "keys.parquet")
    hole = pa.table({"logits": fixed(np.float32), "labels": pa.array([*labels[:-1].tolist(), None])})
    pq.write_table(hole, HERE / "hole.parquet")
    short = pa.array([row[: CLASSES - (at == 9)] for at, row in enumerate(scores.tolist())])
    pq.write_table(pa.table({"logits": short, "labels": pa.array(labels)}), HERE / "short.parquet")
    feather.write_feather(plain, str(HERE / "lz4.feather"))
    feather.write_feather(plain, str(HERE / "plain.feather"), compression="uncompressed")
    arrow("zstd.arrow", plain, codec="zstd")
    arrow("stream.arrow", plain, stream=True)
    folder = HERE / "parts"
    folder.mkdir(exist_ok=True)
    for part in range(3):
        rows = slice(part * 15, (part + 1) * 15)
        table = pa.table({"logits": fixed(np.float32, scores[rows]), "labels": pa.array(labels[rows])})
        pq.write_table(table, folder / f"part-{part}.parquet")


if __name__ == "__main__":
    main()
