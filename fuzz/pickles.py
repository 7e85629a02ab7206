"""Asks two readers of torch.save files for the same tensors: this project's and
`torch.load(weights_only=True)`.

Files come from a grammar of pickles: every way to write a number, a text, a tuple, a dictionary, a
shared value; views with offsets and strides; keys written twice; values that change after they were
put into the memo. Then instructions are taken out, doubled, exchanged, or their bytes changed.

    python3 fuzz/pickles.py --seconds 60 [--seed 0]      (needs PyTorch; keeps what differs in out/fuzz/finds)

Exit code 1 where both read a file and not the same in it. What only one of them reads is counted.
"""

import argparse
import collections
import io
import json
import pickletools
import random
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import torch
from run import OUT, ROOT, build

BATCH = 400
STORAGES = {
    "FloatStorage": 4,
    "DoubleStorage": 8,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "ByteStorage": 1,
    "BoolStorage": 1,
}
FLOATS = {"FloatStorage", "DoubleStorage", "HalfStorage", "BFloat16Storage"}


class Grammar:
    """Writes one pickle, and knows the storages that it names."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.memo = 0
        self.storages: dict[str, tuple[str, int]] = {}
        self.kept: list[bytes] = []
        # Whether the last storage is of a type that gradients exist for.
        self.may_learn = False

    def number(self, value: int) -> bytes:
        """An integer, one way or another."""
        ways = [b"J" + struct.pack("<i", value), b"\x8a\x04" + struct.pack("<i", value)]
        ways += [b"K" + bytes([value])] * 4 if 0 <= value < 256 else []
        ways += [b"M" + struct.pack("<H", value)] if 0 <= value < 65536 else []
        return self.random.choice(ways)

    def text(self, value: str) -> bytes:
        """A text, now and then in the memo."""
        encoded = value.encode()
        return self.keep(b"X" + struct.pack("<I", len(encoded)) + encoded)

    def keep(self, code: bytes) -> bytes:
        """Puts a value into the memo, in one of two ways, or not."""
        if self.random.random() < 0.5:
            return code
        place = self.memo = self.memo + 1
        wide = self.random.random() < 0.3
        self.kept.append(b"j" + struct.pack("<I", place) if wide else b"h" + bytes([place % 256]))
        return code + (b"r" + struct.pack("<I", place) if wide or place > 255 else b"q" + bytes([place]))

    def tuple_of(self, *items: bytes) -> bytes:
        """A tuple."""
        short = {0: b")", 1: b"\x85", 2: b"\x86", 3: b"\x87"}
        if len(items) in short and self.random.random() < 0.6:
            return self.keep(b"".join(items) + short[len(items)])
        return self.keep(b"(" + b"".join(items) + b"t")

    def storage(self) -> tuple[bytes, int]:
        """A storage, new or known, and its number of elements."""
        known = list(self.storages)
        name = self.random.choice(known) if known and self.random.random() < 0.4 else str(len(known))
        kind, size = self.storages.setdefault(name, (self.random.choice(list(STORAGES)), self.random.randint(1, 12)))
        items = (
            self.text("storage"),
            b"ctorch\n" + kind.encode() + b"\n",
            self.text(name),
            self.text("cpu"),
            self.number(size),
        )
        self.may_learn = kind in FLOATS
        return self.tuple_of(*items) + b"Q", size

    def tensor(self) -> bytes:
        """A view of a storage, mostly within it."""
        code, size = self.storage()
        offset = self.random.randint(0, size // 2)
        shape = [
            self.random.randint(0 if self.random.random() < 0.1 else 1, 3) for _ in range(self.random.randint(0, 3))
        ]
        while offset + torch.Size(shape).numel() > size and shape and self.random.random() < 0.95:
            shape.pop()
        stride = [torch.Size(shape[at + 1 :]).numel() for at in range(len(shape))]
        if self.random.random() < 0.4:
            order = self.random.sample(range(len(shape)), len(shape))
            shape, stride = [shape[at] for at in order], [stride[at] for at in order]
        if self.random.random() < 0.1 and stride:
            stride[self.random.randrange(len(stride))] = self.random.randint(0, 3)
        hooks = b"ccollections\nOrderedDict\n)R"
        numbers = [self.tuple_of(*map(self.number, numbers)) for numbers in (shape, stride)]
        flag = self.random.choice([b"\x88", b"\x89"]) if self.may_learn else b"\x89"
        view = (
            b"ctorch._utils\n_rebuild_tensor_v2\n"
            + self.tuple_of(code, self.number(offset), *numbers, flag, hooks)
            + b"R"
        )
        if self.random.random() < 0.2:
            view = b"ctorch._utils\n_rebuild_parameter\n" + self.tuple_of(view, flag, hooks) + b"R"
        return self.keep(view)

    def value(self, depth: int) -> bytes:
        """A tensor, a dictionary of tensors, a number, a text, a list, or what the memo has."""
        chance = self.random.random()
        if chance < 0.65:
            return self.tensor()
        if chance < 0.75 and depth < 2:
            return self.dictionary(depth + 1)
        if chance < 0.85 and self.kept:
            return self.random.choice(self.kept)
        if chance < 0.9:
            return self.keep(b"](" + self.number(1) + self.tensor() + b"e")
        return self.random.choice([self.number(7), self.text("resnet"), b"N", b"\x88", b"G" + struct.pack(">d", 0.5)])

    def dictionary(self, depth: int = 0) -> bytes:
        """A dictionary, plain or ordered, filled at once or one by one, now and then put into the
        memo first.
        """
        names = [
            "fc.weight",
            "fc.bias",
            "conv1.weight",
            "module.a",
            "a",
            "b",
            "state_dict",
            "model",
        ]
        pairs = [(self.text(self.random.choice(names)), self.value(depth)) for _ in range(self.random.randint(1, 5))]
        code = self.keep(self.random.choice([b"}", b"}", b"ccollections\nOrderedDict\n)R"]))
        if self.random.random() < 0.6:
            return code + b"(" + b"".join(key + value for key, value in pairs) + b"u"
        return code + b"".join(key + value + b"s" for key, value in pairs)


def instructions(code: bytes) -> list[bytes]:
    """Cuts a pickle into its instructions."""
    places = [place for _, _, place in pickletools.genops(code) if place is not None]
    return [code[start:end] for start, end in zip(places, [*places[1:], len(code)], strict=True)]


def bent(code: bytes, source: random.Random) -> bytes:
    """Changes some instructions."""
    parts = instructions(code)
    for _ in range(source.choice([1, 1, 1, 2])):
        at, other = source.randrange(1, len(parts)), source.randrange(1, len(parts))
        way = source.choice([0, 1, 2, 3, 3, 3, 3, 4])
        if way == 0:
            parts[at] = b""
        elif way == 1:
            parts[at] += parts[other]
        elif way == 2:
            parts[at], parts[other] = parts[other], parts[at]
        elif way == 3 and len(parts[at]) > 1:
            place = source.randrange(1, len(parts[at]))
            parts[at] = parts[at][:place] + bytes([source.choice([0, 1, 2, 255])]) + parts[at][place + 1 :]
        else:
            parts[at] += source.choice([b"0", b"1", b"2", b"N", b"h\x01", b"}", b"]", b")", b"s", b"b", b"R", b"Q"])
    return b"".join(parts)


def file_of(code: bytes, storages: dict[str, tuple[str, int]], source: random.Random) -> bytes:
    """What torch.save would have written."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("archive/data.pkl", code)
        writer.writestr("archive/byteorder", "little")
        for name, (kind, size) in storages.items():
            elements = [
                source.choice([0, 1]) if kind == "BoolStorage" else source.randrange(60)
                for _ in range(size * STORAGES[kind])
            ]
            writer.writestr(f"archive/data/{name}", bytes(elements))
        writer.writestr("archive/version", "3\n")
    return archive.getvalue()


def by_torch(path: Path) -> dict[str, list[Any]] | None:
    """Tensors by whole names as PyTorch reads them; None if it refuses."""
    try:
        read = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # Whatever it raises is a refusal.
        return None
    found: dict[str, list[Any]] = {}

    def enter(name: str, value: object, depth: int = 0) -> None:
        if isinstance(value, torch.Tensor):
            found[name] = told(value.detach())
        elif isinstance(value, (dict, list, tuple)) and depth < 20:
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                enter(f"{name}.{key}" if name else str(key), inner, depth + 1)

    enter("", read)
    return found


def told(tensor: torch.Tensor) -> list[Any]:
    """Shape, kind and elements, widened as the other reader does."""
    floats = {torch.float64: (torch.float64, "f64"), torch.bool: (torch.uint8, "bool")}
    usual = (torch.float32, "f32") if tensor.is_floating_point() else (torch.int64, "i64")
    wide, kind = floats.get(tensor.dtype, usual)
    return [list(tensor.shape), kind, tensor.to(wide).contiguous().numpy().tobytes().hex()]


def here(program: Path, paths: list[Path]) -> list[dict[str, list[Any]] | None]:
    """Tensors of each file as this project reads them; None for those that it refuses."""
    run = subprocess.run([program, *paths], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    if run.returncode or len(lines) != len(paths):
        sys.exit(f"{program.name} ended at file {len(lines)} of {len(paths)}:\n{run.stderr[-2000:]}")
    return [None if line.startswith("refused ") else named(json.loads(line)) for line in lines]


def named(tensors: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Turns names from hexadecimal into text."""
    return {bytes.fromhex(name).decode(): tensor for name, tensor in tensors.items()}


def main() -> int:
    """Writes, bends, asks, compares."""
    parser = argparse.ArgumentParser(description="Compares two readers of torch.save files.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    program = build(["tensors"], {"tell"}) / "tensors"
    source, end = random.Random(arguments.seed), time.monotonic() + arguments.seconds
    outcomes: collections.Counter[str] = collections.Counter()
    finds = OUT / "finds"
    finds.mkdir(parents=True, exist_ok=True)
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number in range(BATCH):
                grammar = Grammar(source)
                code = b"\x80\x02" + grammar.dictionary() + b"."
                whole = number % 2 == 0
                path = Path(folder) / f"{len(paths)}-{'whole' if whole else 'bent'}.pt"
                path.write_bytes(file_of(code if whole else bent(code, source), grammar.storages, source))
                paths.append(path)
            for path, ours in zip(paths, here(program, paths), strict=True):
                theirs = by_torch(path)
                kind = path.stem.split("-")[1]
                if ours is None or theirs is None:
                    outcome = {
                        (True, True): "refused by both",
                        (True, False): "read by PyTorch alone",
                    }
                    outcomes[f"{kind}: {outcome.get((ours is None, theirs is None), 'read here alone')}"] += 1
                    continue
                same = all(theirs.get(name) == tensor for name, tensor in ours.items())
                whole_set = "all" if len(ours) == len(theirs) else "some"
                outcomes[f"{kind}: " + (f"{whole_set} tensors, the same" if same else "DIFFERENT")] += 1
                if not same:
                    (finds / f"pickles-{arguments.seed}-{sum(outcomes.values())}.pt").write_bytes(path.read_bytes())
    print(f"seed {arguments.seed}, {sum(outcomes.values()):,} files")
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:>10,}  {outcome}")
    different = sum(count for outcome, count in outcomes.items() if "DIFFERENT" in outcome)
    if different:
        print(f"{different} files differ; see {finds.relative_to(ROOT)}/pickles-*")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
