"""Writes the seeds that are no text (counts of margins, labels beside scores) and what was found.

`python3 fuzz/seeds.py` from the root; the files are committed.
"""

import hashlib
import struct
from pathlib import Path

SEEDS = Path(__file__).resolve().parent / "corpus-seed"
FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "predictions"


def counts(version: int, with_input: bool) -> bytes:
    """Two classes, one margin: 3 and 2 samples, of which one of class 0 is taken for class 1."""
    given = struct.pack("<QQ", 9, 5) + bytes(32) + b"a.npz" if with_input else b""
    content = b"CARCOUNT" + struct.pack("<IIIQ", version, 2, 1, 2)
    content += struct.pack("<Q", len(given)) if version == 2 else b""
    content += struct.pack("<d7Q", 0.5, 3, 2, 0, 0, 0, 0, 0)
    content += struct.pack("<IIQQIIQQ", 0, 1, 1, 1, 1, 0, 1, 0) + given
    return content + hashlib.sha256(content).digest()


def pair(labels: bytes, scores: bytes) -> bytes:
    """The length of the labels, the labels, the scores."""
    return struct.pack("<H", len(labels)) + labels + scores


def main() -> None:
    """Writes them."""
    files = {
        "counts_file/version1": counts(1, False),
        "counts_file/version2": counts(2, False),
        "counts_file/with_input": counts(2, True),
        # The target puts the checksum behind this one itself.
        "counts_file/without_checksum": counts(2, True)[:-32],
    }
    for ending in ("npy", "txt"):
        labels, scores = (FIXTURES / f"{role}.{ending}" for role in ("labels", "logits"))
        files[f"prediction_pairs/{ending}"] = pair(labels.read_bytes(), scores.read_bytes())
    labels, scores = FIXTURES / "labels.txt", FIXTURES / "logits.npy"
    files["prediction_pairs/mixed"] = pair(labels.read_bytes(), scores.read_bytes())
    # Finds: a header and no row, names that are blank.
    files["prediction_pairs/header_alone"] = pair(b"label\n", b"prediction\n")
    files["class_names/blanks"] = b" \n\t\n\n"
    for name, content in files.items():
        (SEEDS / name).parent.mkdir(parents=True, exist_ok=True)
        (SEEDS / name).write_bytes(content)


if __name__ == "__main__":
    main()
