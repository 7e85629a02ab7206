#!/usr/bin/env python3
"""Write checkpoints of `train` as ONNX networks, which `analyze` runs without libtorch, as any
other runtime does.

    to_onnx.py fashion-mnist-lt-resnet20.safetensors ...     # fashion-mnist-lt-resnet20.onnx beside it

Of the architectures mlp and resnet20 to resnet56. The batch is free. What the checkpoint says of
its training stands in the network's metadata under the same key, so that `analyze` needs no flag
for it. Nothing but Python's own library is used; tests/fixtures/onnx/make.py holds the logits
against those of PyTorch.
"""

import argparse
import json
import struct
from collections.abc import Iterable
from pathlib import Path

KEY = "car_spectral"
FLOAT, INT64 = 1, 7
OPSET = 13

Tensors = dict[str, tuple[list[int], bytes]]


# Protocol buffers: a field is its number and a number, or its number and a run of bytes.
def varint(number: int) -> bytes:
    """Writes a number in groups of seven bits."""
    number &= (1 << 64) - 1
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def integer(field: int, number: int) -> bytes:
    """Writes a field that is a number."""
    return varint(field << 3) + varint(number)


def run(field: int, content: bytes | str) -> bytes:
    """Writes a field that is text or another message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name: str, shape: Iterable[int], element: int, content: bytes) -> bytes:
    """Writes a TensorProto."""
    return b"".join(integer(1, extent) for extent in shape) + integer(2, element) + run(8, name) + run(9, content)


def attribute(name: str, value: int | float | list[int]) -> bytes:
    """Writes an AttributeProto of a number or of whole numbers."""
    if isinstance(value, float):
        return run(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + integer(20, 1)
    if isinstance(value, int):
        return run(1, name) + integer(3, value) + integer(20, 2)
    return run(1, name) + b"".join(integer(8, number) for number in value) + integer(20, 7)


def value(name: str, shape: list[int | str]) -> bytes:
    """Writes a ValueInfoProto of float32; a text in the shape is a free extent."""
    extents = b"".join(run(1, run(2, extent) if isinstance(extent, str) else integer(1, extent)) for extent in shape)
    return run(1, name) + run(2, run(1, integer(1, FLOAT) + run(2, extents)))


class Graph:
    """Nodes in order, each named by its only output."""

    def __init__(self, weights: Tensors) -> None:
        self.weights = weights
        self.nodes: list[bytes] = []
        self.stored: dict[str, bytes] = {}

    def weight(self, name: str) -> str:
        """Stores a tensor of the checkpoint."""
        shape, content = self.weights[name]
        self.stored[name] = tensor(name, shape, FLOAT, content)
        return name

    def numbers(self, *numbers: int) -> str:
        """Stores a list of whole numbers."""
        name = "_".join(["numbers", *map(str, numbers)])
        self.stored[name] = tensor(name, [len(numbers)], INT64, struct.pack(f"<{len(numbers)}q", *numbers))
        return name

    def node(self, operation: str, inputs: list[str], output: str = "", **attributes: int | float | list[int]) -> str:
        """Adds an operation and gives the name of its output."""
        output = output or f"{operation.lower()}_{len(self.nodes)}"
        names = [run(1, name) for name in inputs] + [run(2, output), run(3, output), run(4, operation)]
        self.nodes.append(b"".join(names + [run(5, attribute(*pair)) for pair in attributes.items()]))
        return output


def convolution(graph: Graph, x: str, at: str, number: int, stride: int) -> str:
    """Adds a 3 x 3 convolution and its normalisation."""
    weight = graph.weight(f"{at}conv{number}.weight")
    x = graph.node("Conv", [x, weight], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[stride, stride])
    norm = [graph.weight(f"{at}bn{number}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
    return graph.node("BatchNormalization", [x, *norm], epsilon=1e-5)


def resnet(graph: Graph, depth: int) -> str:
    """Adds the residual network of He et al. for small images, shortcuts without parameters, up to
    its features.
    """
    channels = 16
    x = graph.node("Relu", [convolution(graph, "images", "", 1, 1)])
    for stage, width in enumerate((16, 32, 64)):
        for block in range((depth - 2) // 6):
            at = f"layer{stage + 1}.{block}."
            stride = 2 if stage > 0 and block == 0 else 1
            residual = graph.node("Relu", [convolution(graph, x, at, 1, stride)])
            residual = convolution(graph, residual, at, 2, 1)
            if stride == 2:
                starts, ends, axes, steps = (0, 0), (1 << 31, 1 << 31), (2, 3), (2, 2)
                half = (width - channels) // 2
                x = graph.node("Slice", [x, *(graph.numbers(*pair) for pair in (starts, ends, axes, steps))])
                x = graph.node("Pad", [x, graph.numbers(0, half, 0, 0, 0, width - channels - half, 0, 0)])
            x = graph.node("Relu", [graph.node("Add", [residual, x])])
            channels = width
    return graph.node("Flatten", [graph.node("GlobalAveragePool", [x])], axis=1)


def network(description: str, weights: Tensors) -> bytes:
    """Writes a ModelProto of a checkpoint with its description."""
    architecture = json.loads(description)["architecture"]
    graph = Graph(weights)
    match architecture["name"]:
        case "mlp":
            x = graph.node("Flatten", ["images"], axis=1)
            hidden = len(architecture["hidden"])
            for layer in range(1, hidden + 1):
                x = graph.node("Relu", [graph.node("Gemm", [x, graph.weight(f"fc{layer}.weight")], transB=1)])
            graph.node("Gemm", [x, graph.weight(f"fc{hidden + 1}.weight")], "logits", transB=1)
        case "resnet20" | "resnet32" | "resnet44" | "resnet56" as name:
            x = resnet(graph, int(name.removeprefix("resnet")))
            graph.node("Gemm", [x, graph.weight("linear.weight"), graph.weight("linear.bias")], "logits", transB=1)
        case name:
            raise SystemExit(f"{name}: mlp and resnet20 to resnet56 are written here")
    content = [
        *(run(1, node) for node in graph.nodes),
        run(2, architecture["name"]),
        *(run(5, stored) for stored in graph.stored.values()),
        run(11, value("images", ["batch", *architecture["input"]])),
        run(12, value("logits", ["batch", architecture["num_classes"]])),
    ]
    metadata = run(1, KEY) + run(2, description)
    opset = run(1, "") + integer(2, OPSET)
    return integer(1, 8) + run(2, "car-spectral") + run(7, b"".join(content)) + run(8, opset) + run(14, metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, nargs="+")
    for path in parser.parse_args().checkpoint:
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
        described = header.pop("__metadata__", {}).get(KEY)
        if described is None:
            raise SystemExit(f"{path}: no checkpoint of `train`; torch.onnx.export writes networks of other programs")
        weights = {
            name: (entry["shape"], data[slice(*entry["data_offsets"])])
            for name, entry in header.items()
            if entry["dtype"] == "F32"
        }
        path.with_suffix(".onnx").write_bytes(network(described, weights))


if __name__ == "__main__":
    main()
