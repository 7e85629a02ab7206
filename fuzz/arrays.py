"""Asks two readers of .npz files for the same arrays: this project's and NumPy.

Files come from a grammar: every type and byte order, rows or columns first, headers of the three
versions with blanks, orders and quotes as one likes, members stored or deflated, with extra fields,
beside other members. Then bytes of headers are changed, and members are cut or lengthened.

    python3 fuzz/arrays.py --seconds 60 [--seed 0]      (needs NumPy; keeps what differs in out/fuzz/finds)

Exit code 1 where both read a file and not the same in it. What only one of them reads is counted.
"""

import argparse
import ast
import collections
import contextlib
import io
import random
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from run import OUT, ROOT, build

BATCH = 400
SCORES = ["f4", "f4", "f8", "f2"]
LABELS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
# Scores, labels and their type; None of a file that is refused.
Read = tuple[int, list[int], list[int]] | None


def header(descr: str, shape: tuple[int, ...], by_columns: bool, source: random.Random) -> bytes:
    """A header, one way or another."""
    quote, blank = source.choice("'\""), source.choice(["", " ", "  "])
    sides = ",".join(f"{blank}{side}" for side in shape) + ("," if len(shape) == 1 else source.choice(["", ","]))
    parts = [
        f"{quote}descr{quote}:{blank}{quote}{descr}{quote}",
        f"{quote}fortran_order{quote}:{blank}{by_columns}",
        f"{quote}shape{quote}:{blank}({sides})",
    ]
    source.shuffle(parts)
    text = f"{{{blank}{f', {blank}'.join(parts)}{source.choice(['', ', ', ','])}}}".encode()
    version = source.choice([1, 1, 1, 2, 3])
    text += b" " * source.choice([0, (-len(text) - 11) % 64, source.randrange(200)]) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


def array(values: np.ndarray[Any, Any], kinds: list[str], source: random.Random) -> bytes:
    """An .npy file of one of these types, now and then of any."""
    kind = np.dtype(source.choice(kinds if source.random() < 0.95 else [*SCORES, *LABELS, "b1"]))
    order, by_columns = source.choice("<<<<<<<<>>>>>>>>|="), source.random() < 0.3
    descr = f"{'|' if kind.itemsize == 1 and source.random() < 0.9 else order}{kind.str[1:]}"
    stored = values.astype(kind.newbyteorder(descr[0]))
    return header(descr, values.shape, by_columns, source) + stored.tobytes("F" if by_columns else "C")


def file_of(source: random.Random) -> bytes:
    """An archive of scores, labels and now and then more."""
    samples, classes = source.randint(1, 6), source.randint(2, 5)
    scores = np.array([source.randint(0, 40) / 4 for _ in range(samples * classes)])
    labels = np.array([source.randrange(classes) for _ in range(samples)])
    names = source.choice([("logits", "labels"), ("outputs", "targets"), ("scores", "y_true")])
    members = [
        (names[0], array(scores.reshape(samples, classes), SCORES, source)),
        (names[1], array(labels.reshape(source.choice([(samples,), (samples,), (samples, 1)])), LABELS, source)),
    ]
    if source.random() < 0.2:
        members.append(("epoch", array(np.array([3]), LABELS, source)))
    source.shuffle(members)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in members:
            way = source.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
            info = zipfile.ZipInfo(f"{name}{source.choice(['.npy'] * 9 + [''])}")
            info.compress_type = way
            if source.random() < 0.1:
                info.extra = struct.pack("<HH", source.choice([0xCAFE, 0x5455]), 4) + bytes(4)
            with writer.open(info, "w", force_zip64=source.random() < 0.2) as member:
                member.write(content)
    return archive.getvalue()


def bent(whole: bytes, source: random.Random) -> bytes:
    """Changes some bytes, mostly of headers; what a checksum sees is written anew."""
    if source.random() < 0.2:
        at = source.randrange(len(whole))
        return whole[:at] + bytes([source.choice([0, 1, 255, whole[at] ^ 1])]) + whole[at + 1 :]
    archive = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as reader, zipfile.ZipFile(archive, "w") as writer:
        members = [(name, reader.read(name)) for name in reader.namelist()]
        chosen = source.randrange(len(members))
        name, content = members[chosen]
        way = source.randrange(4)
        at = source.randrange(min(len(content), 140))
        if way == 0:
            members[chosen] = (name, content[: source.randrange(len(content))])
        elif way == 1:
            members[chosen] = (name, content + bytes(source.randrange(1, 9)))
        else:
            digits = b"0123456789<>|=fiub,() LTF'\""
            for _ in range(source.choice([1, 1, 2])):
                content = content[:at] + bytes([source.choice(digits)]) + content[at + 1 :]
                at = source.randrange(min(len(content), 140))
            members[chosen] = (name, content)
        for member, content in members:
            writer.writestr(member, content)
    return archive.getvalue()


def by_numpy(path: Path) -> list[np.ndarray[Any, Any]]:
    """The arrays that NumPy does not refuse."""
    members = []
    # Whatever it raises is a refusal.
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                with contextlib.suppress(Exception):
                    members.append(archive[name])
    # What does not begin as an array is given as bytes.
    return [value for value in members if isinstance(value, np.ndarray)]


def here(program: Path, paths: list[Path]) -> list[Read]:
    """Classes, labels and bits of the scores of each file as this project reads them."""
    run = subprocess.run([program, *paths], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    if run.returncode or len(lines) != len(paths):
        sys.exit(f"{program.name} ended at file {len(lines)} of {len(paths)}:\n{run.stderr[-2000:]}")
    return [None if line.startswith("refused ") else ast.literal_eval(line) for line in lines]


def is_in(ours: tuple[int, list[int], list[int]], theirs: list[np.ndarray[Any, Any]]) -> bool:
    """Says whether the scores and the labels are those of an array each, to the bit."""
    classes, labels, bits = ours
    arrays = [value for value in theirs if value.dtype.kind in "fiub"]
    scores = np.array(bits, dtype=np.uint64).view(np.float64).reshape(len(labels), classes)
    has_scores = any(value.shape == scores.shape and (value.astype(float) == scores).all() for value in arrays)
    has_labels = any(value.size == len(labels) and (value.ravel() == labels).all() for value in arrays)
    return has_scores and has_labels


def main() -> int:
    """Writes, bends, asks, compares."""
    parser = argparse.ArgumentParser(description="Compares two readers of .npz files.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    program = build(["arrays"], {"tell"}) / "arrays"
    source, end = random.Random(arguments.seed), time.monotonic() + arguments.seconds
    outcomes: collections.Counter[str] = collections.Counter()
    finds = OUT / "finds"
    finds.mkdir(parents=True, exist_ok=True)
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number in range(BATCH):
                path = Path(folder) / f"{number}-{'whole' if number % 2 == 0 else 'bent'}.npz"
                whole = file_of(source)
                path.write_bytes(whole if number % 2 == 0 else bent(whole, source))
                paths.append(path)
            for path, ours in zip(paths, here(program, paths), strict=True):
                theirs = by_numpy(path)
                if ours is None or not theirs:
                    readers = (ours is not None) + 2 * (len(theirs) > 1)
                    outcome = ["refused by both", "read here alone", "read by NumPy alone"][readers]
                else:
                    outcome = "the same" if is_in(ours, theirs) else "DIFFERENT"
                outcomes[f"{path.stem.split('-')[1]}: {outcome}"] += 1
                if outcome == "DIFFERENT":
                    (finds / f"arrays-{arguments.seed}-{sum(outcomes.values())}.npz").write_bytes(path.read_bytes())
    print(f"seed {arguments.seed}, {sum(outcomes.values()):,} files")
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:>10,}  {outcome}")
    different = sum(count for outcome, count in outcomes.items() if "DIFFERENT" in outcome)
    if different:
        print(f"{different} files differ; see {finds.relative_to(ROOT)}/arrays-*")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
