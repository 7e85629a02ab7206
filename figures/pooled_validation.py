"""Accuracies on held-out training images with the images of all seeds together, so that rare
classes have some, in NumPy.

    pooled_validation.py out/runs/FOLDER > figures/FOLDER/pooled.md

Each run holds out its own images (`validation.npz`, of `[data] validation`). A row's accuracy of a
class is over the images that its seeds held out; the worst tenth is the mean over the tenth of the
classes with the lowest. The intervals are percentiles of 2,000 draws of the seeds with replacement
(seed 0), of the difference to the first row over the same seeds.
"""

import pathlib
import re
import sys

import numpy

DRAWS = 2000


def main(runs):
    found = {}
    for run in sorted(path for path in runs.glob("*-seed*") if path.is_dir()):
        name, seed = re.fullmatch(r"(.*)-seed(\d+)", run.name).groups()
        with numpy.load(run / "validation.npz") as stored:
            classes, labels = stored["logits"].shape[1], stored["labels"]
            right = numpy.bincount(labels, weights=stored["logits"].argmax(1) == labels, minlength=classes)
            found.setdefault(name, {})[int(seed)] = numpy.array([right, numpy.bincount(labels, minlength=classes)])
    seeds = sorted(set.intersection(*map(set, found.values())))
    counts = {name: numpy.array([of[seed] for seed in seeds]) for name, of in found.items()}

    def accuracies(of):
        """Mean over the classes and over the worst tenth, [..., 2], of counts [..., 2, K]."""
        share = of[..., 0, :] / numpy.maximum(of[..., 1, :], 1)
        return numpy.stack([share.mean(-1), numpy.sort(share, -1)[..., : share.shape[-1] // 10].mean(-1)], -1)

    drawn = numpy.random.default_rng(0).integers(len(seeds), size=(DRAWS, len(seeds)))
    values = {name: 100 * accuracies(of.sum(0)) for name, of in counts.items()}
    spread = {name: 100 * accuracies(of[drawn].sum(1)) for name, of in counts.items()}
    first = next(iter(counts))
    print(f"Made by `figures/pooled_validation.py`; do not edit.\n\nHeld-out training images of {len(seeds)} seeds together; accuracies in per cent.\n")
    print("| row | mean over classes | worst tenth | mean over classes, less the first row | worst tenth, less the first row |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, (mean, worst) in values.items():
        cells = []
        for at, value in enumerate((mean, worst)):
            lower, upper = numpy.percentile(spread[name][:, at] - spread[first][:, at], [2.5, 97.5])
            cells.append("" if name == first else f"{value - values[first][at]:+.1f} [{lower:+.1f}, {upper:+.1f}]".replace("-", "−"))
        print(f"| {name} | {mean:.1f} | {worst:.1f} | {cells[0]} | {cells[1]} |")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
