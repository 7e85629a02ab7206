#!/usr/bin/env python3
"""Write a copy of a .safetensors checkpoint with its weights rounded to few bits, or with the
smallest of them set to 0.

    compress_weights.py model.safetensors model-int8.safetensors --bits 8
    compress_weights.py model.safetensors model-pruned.safetensors --prune 0.8
    analyze --checkpoint model.safetensors model-int8.safetensors --data KIND:DIR --out out/int8

Rounding: each row of a weight matrix (each filter of a convolution) is multiplied by
(2^(bits-1) - 1) / max|w|, rounded to whole numbers and scaled back, as symmetric post-training
quantisation does. Pruning: of each weight tensor the share of smallest magnitude becomes 0. Biases,
normalisation layers and whole numbers stay. The metadata, and so what the checkpoint says of its
training, are copied.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]


def rounded(weights: Weights, bits: int) -> Weights:
    """Rounds each row to 2^bits - 1 equidistant values, symmetric about 0."""
    rows = weights.reshape(weights.shape[0], -1)
    levels = 2 ** (bits - 1) - 1
    step = np.abs(rows).max(axis=1, keepdims=True) / levels
    step[step == 0] = 1
    return (np.rint(rows / step) * step).astype(np.float32).reshape(weights.shape)


def pruned(weights: Weights, share: float) -> Weights:
    """Sets the share of the weights with the smallest magnitude to 0."""
    magnitudes = np.sort(np.abs(weights), axis=None)
    dropped = int(share * weights.size)
    if dropped == 0:
        return weights
    return np.where(np.abs(weights) <= magnitudes[dropped - 1], np.float32(0), weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--bits", type=int, choices=range(2, 17), metavar="2..16")
    parser.add_argument("--prune", type=float, metavar="SHARE")
    options = parser.parse_args()
    if options.bits is None and options.prune is None:
        parser.error("nothing to do: give --bits, --prune or both")
    if options.prune is not None and not 0 <= options.prune < 1:
        parser.error(f"--prune {options.prune}: give a share of at least 0 and below 1")

    content = bytearray(options.source.read_bytes())
    (header_length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + header_length])
    changed = 0
    for name, tensor in header.items():
        if name == "__metadata__" or tensor["dtype"] != "F32" or len(tensor["shape"]) < 2:
            continue
        begin, end = (8 + header_length + offset for offset in tensor["data_offsets"])
        weights = np.frombuffer(content[begin:end], dtype="<f4").reshape(tensor["shape"])
        if options.prune is not None:
            weights = pruned(weights, options.prune)
        if options.bits is not None:
            weights = rounded(weights, options.bits)
        content[begin:end] = weights.astype("<f4").tobytes()
        changed += weights.size
    options.target.write_bytes(content)
    print(f"{options.target}: {changed} weights of {options.source} changed")


if __name__ == "__main__":
    main()
