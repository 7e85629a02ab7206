"""Scores and labels of any library as NumPy arrays, without a copy where there need not be one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from numbers import Integral
from reprlib import repr as short
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def scores_array(scores: Any) -> Array:
    """Give scores `[N, K]`: float16, float32 or float64, or uint16 with the bits of bfloat16."""
    array = _numpy(scores, "scores")
    if array.dtype.name == "bfloat16":  # of the package ml_dtypes
        array = array.view(np.uint16)
    elif array.dtype.kind in "ui" and not _is_bfloat16(scores):
        raise TypeError(
            f"scores are {array.dtype}, expected float16, bfloat16, float32 or float64; "
            "predicted classes have no margins: give the scores, one a class"
        )
    if array.ndim != 2:
        raise ValueError(
            f"scores have shape {list(array.shape)}, expected [N, K]: a row for each sample, "
            "a column for each class"
        )
    if array.dtype.kind not in "fu" or array.dtype.itemsize > 8:
        raise TypeError(f"scores are {array.dtype}, expected float16, bfloat16, float32 or float64")
    return _native(array)


def score_pieces(scores: Any) -> list[Any]:
    """Give the chunks of an Arrow column, else the scores: each can be read in place."""
    chunks = getattr(scores, "chunks", None)
    if type(scores).__module__.partition(".")[0] != "pyarrow" or not chunks:
        return [scores]
    return [chunk for chunk in chunks if len(chunk)] or chunks[:1]


def labels_array(labels: Any) -> Array:
    """Give labels `[N]` of an integer type."""
    array = _numpy(labels, "labels")
    if array.ndim != 1:
        hint = "; of one-hot labels give labels.argmax(1)" if array.ndim == 2 else ""
        raise ValueError(
            f"labels have shape {list(array.shape)}, expected [N]: one class number a sample{hint}"
        )
    if array.dtype.kind not in "iu":
        whole = array.dtype.kind == "f" and bool((array == np.floor(array)).all())
        call = ".long()" if type(labels).__module__.startswith("torch") else ".astype(int)"
        hint = f"; whole numbers? give labels{call}" if whole else ""
        raise TypeError(
            f"labels are {array.dtype}, expected class numbers of an integer type{hint}"
        )
    return _native(array)


def counts_list(counts: Any, what: str) -> list[int]:
    """Give numbers of samples, one a class."""
    array = _numpy(in_class_order(counts, what), what)
    if array.ndim != 1:
        raise ValueError(f"{what} have shape {list(array.shape)}, expected [K]: one number a class")
    if array.dtype.kind == "f" and (array == np.floor(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{what} are {array.dtype}, expected whole numbers, one a class")
    if (array < 0).any():
        at = int((array < 0).argmax())
        raise ValueError(f"{what}: class {at} has {array[at]}; give numbers from 0")
    return [int(count) for count in array]


def names_list(names: Any) -> list[str]:
    """Give names of the classes, one a class."""
    if isinstance(names, str):
        raise TypeError(
            f"class_names = {short(names)} is one text; give a list of names, one a class"
        )
    return [str(name) for name in in_class_order(names, "class_names")]


def in_class_order(values: Any, what: str) -> Any:
    """Give values of class 0, 1, ... as they are, or those of a mapping or Series by class.

    ``Series.value_counts`` and ``collections.Counter`` have an order of their own.
    """
    if isinstance(values, Iterator):
        return list(values)
    if isinstance(values, Mapping):
        keys, values = list(values), list(values.values())
        kind, filled = "the keys", "{j: counts.get(j, 0) for j in range(K)}"
    elif type(values).__module__.partition(".")[0] == "pandas" and values.ndim == 1:
        keys, values = list(getattr(values, "index", range(len(values)))), values.to_numpy()
        kind, filled = "the index", "counts.reindex(range(K), fill_value=0)"
    else:
        return values
    places: dict[int, int] = {}
    for place, key in enumerate(keys):
        if not isinstance(key, Integral) or isinstance(key, bool):
            raise ValueError(
                f"{what}: {kind} must be the classes 0 to K - 1, not {short(key)}; give a list, "
                "one value a class, in the order of the classes"
            )
        places[int(key)] = place
    missing = [j for j in range(len(keys)) if j not in places]
    if missing:
        hint = "" if what == "class_names" else f"; of classes without samples give 0: {filled}"
        raise ValueError(
            f"{what}: {kind} must be the classes 0 to {len(keys) - 1}, as there are {len(keys)}, "
            f"but class {missing[0]} is not there{hint}"
        )
    return [values[places[j]] for j in range(len(keys))]


def warn_of_probabilities(scores: Any) -> None:
    """Warn where the first rows are no logits but probabilities: their margins are of another unit.

    Rows of zeros and ones alone are left: they are predicted classes written out.
    """
    if type(scores).__module__.partition(".")[0] == "torch":
        scores = (scores[:64] if scores.dim() == 2 else scores).cpu()
    rows = scores_array(scores)[:64]
    if rows.dtype == np.uint16:
        rows = (rows.astype(np.uint32) << 16).view(np.float32)
    rows = rows.astype(np.float64)
    if rows.size == 0 or not ((rows >= 0) & (rows <= 1)).all() or np.isin(rows, (0, 1)).all():
        return
    # Three decimals and bfloat16 leave up to 0.01 a row.
    if (np.abs(rows.sum(axis=1) - 1) <= 0.01).all():
        warnings.warn(
            "the scores look like probabilities: each row lies in [0, 1] and adds up to 1; margins "
            "are counted in this unit; give logits, or the logarithms of the probabilities",
            stacklevel=3,
        )


def label_hint(smallest: int, largest: int, classes: int) -> str:
    """Give what to try where labels are no classes."""
    return "; labels from 1? subtract 1" if smallest >= 1 and largest == classes else ""


def _native(array: Array) -> Array:
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def _is_bfloat16(value: Any) -> bool:
    return str(getattr(value, "dtype", "")).rpartition(".")[2] == "bfloat16"


def _numpy(value: Any, what: str) -> Array:
    if isinstance(value, np.ndarray):
        return value
    module = type(value).__module__.partition(".")[0]
    if module == "torch":
        return _of_torch(value, what)
    if module == "pyarrow":
        return _of_arrow(value, what)
    if hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    return np.asarray(value)


def _of_torch(tensor: Any, what: str) -> Array:
    import torch

    if tensor.device.type != "cpu":
        raise ValueError(
            f"{what} are on {tensor.device}; give {what}.cpu(), or have the scores reduced where "
            "they are by car_spectral.torch.evaluate"
        )
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.uint16).numpy()  # type: ignore[no-any-return]
    return tensor.resolve_conj().resolve_neg().numpy()  # type: ignore[no-any-return]


def _of_arrow(array: Any, what: str) -> Array:
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    if array.null_count:
        raise ValueError(f"{what} hold {array.null_count} nulls; leave these samples out")
    kind = array.type
    if pa.types.is_fixed_size_list(kind):
        return _of_arrow(array.flatten(), what).reshape(len(array), kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lengths = np.diff(array.offsets.to_numpy())
        if len(lengths) and (lengths != lengths[0]).any():
            at = int((lengths != lengths[0]).argmax())
            raise ValueError(
                f"{what}: sample {at} has {lengths[at]} numbers, the first has {lengths[0]}; "
                "give every sample one a class"
            )
        width = int(lengths[0]) if len(lengths) else 0
        return _of_arrow(array.flatten(), what).reshape(len(array), width)
    if not pa.types.is_primitive(kind) or pa.types.is_boolean(kind):
        raise TypeError(
            f"{what} are {kind}, expected lists of floating-point numbers as scores, integers as "
            "labels; of Spark ML's vectors give pyspark.ml.functions.vector_to_array"
        )
    return array.to_numpy(zero_copy_only=True)  # type: ignore[no-any-return]
