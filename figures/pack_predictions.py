"""Keep what paired comparisons need of a folder of runs: the class predicted for each test image,
in one small file.

    pack_predictions.py runs/FOLDER figures/FOLDER/predicted.npz

The file holds `labels` [N], the images' numbers `indices` [N], the folders of the R runs as `runs`
[R], and `predicted` [N, R]: the class of the largest score of each test image after the last epoch,
ties to the lowest index. Runs without test.npz are left out, and runs that the file has already
stay in it. A run's `metrics.jsonl` must have the same accuracy.
"""

import json
import pathlib
import sys

import numpy


def main() -> None:
    folder, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    packed: dict[str, numpy.ndarray] = {}
    columns: dict[str, numpy.ndarray] = {}
    if target.exists():
        with numpy.load(target) as stored:
            packed = {name: stored[name] for name in ("labels", "indices")}
            columns = dict(zip(stored["runs"].tolist(), stored["predicted"].T, strict=True))
    for run in sorted(path for path in folder.iterdir() if (path / "test.npz").exists()):
        with numpy.load(run / "test.npz") as stored:
            order = numpy.argsort(stored["indices"])
            labels, indices = stored["labels"][order], stored["indices"][order]
            predicted = stored["logits"][order].argmax(1)
        known = packed.setdefault("labels", labels.astype(numpy.uint16))
        images = packed.setdefault("indices", indices.astype(numpy.uint32))
        if not (numpy.array_equal(known, labels) and numpy.array_equal(images, indices)):
            sys.exit(f"{run}: other test images than the runs before it")
        last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["test"]
        if abs(last["accuracy"] - (predicted == labels).mean()) > 1e-9:
            sys.exit(f"{run}: accuracy {(predicted == labels).mean()} of test.npz, {last['accuracy']} in metrics.jsonl")
        columns[run.name] = predicted
    columns = dict(sorted(columns.items()))
    together = numpy.stack(list(columns.values()), axis=1)
    packed["predicted"] = together.astype(numpy.uint8 if together.max() < 256 else numpy.uint16)
    numpy.savez_compressed(target, runs=numpy.array(list(columns)), **packed)
    print(f"{target}: {len(columns)} runs, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
