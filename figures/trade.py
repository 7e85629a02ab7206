"""The trade between the worst class's error and that of all images, over constants of CAR and over
simpler means, in NumPy.

    trade.py out/runs/fashion-mnist-lt-mlp-trade figures/fashion-mnist-lt-mlp-trade

The first folder holds the runs (`NN-ROW-seedS/test.npz`); `trade.md`, `trade.csv` and `trade.svg`
are written into the second.

Post-hoc logit adjustment takes tau log(share of the class in the training set) off the scores of
the cross-entropy runs, tau on a grid. Each row of CAR is set against it at no more overall error:
tau is chosen on one half of the seeds (the least mean error of the worst class among those whose
mean overall error is not above the row's) and judged on the other, both ways, so no seed judges a
tau it chose.
"""

import csv
import pathlib
import re
import sys

import matplotlib
import numpy

matplotlib.use("svg")
from matplotlib import pyplot

TAUS = numpy.arange(0.0, 4.01, 0.05)
# Student's t, two-sided 95 %, by degrees of freedom.
T = {9: 2.2622, 19: 2.0930}
# Constants beyond this error of all images are left out of the picture; above that of the worst
# class their numbers would overlap.
WIDEST, NAMED_BELOW = 62, 98.2
STYLES = {"CE + CAR": ("#0072b2", "o"), "CE + CAR (per-class EMA)": ("#56b4e9", "s"), "BS + CAR": ("#d55e00", "D"),
          "Logit adjustment in training": ("#009e73", "^"), "Class-balanced": ("#cc79a7", "v")}


def errors(predicted, labels, classes):
    """Error of all images and of the worst class."""
    wrong = predicted != labels
    by_class = numpy.bincount(labels, weights=wrong, minlength=classes) / numpy.bincount(labels, minlength=classes)
    return numpy.array([wrong.mean(), by_class.max()])


def interval(differences):
    """Mean and half width of Student's 95 % interval, in points."""
    n = len(differences)
    return 100 * differences.mean(), 100 * T[n - 1] * differences.std(ddof=1) / n**0.5


def shown(differences):
    mean, half = interval(differences)
    return f"{mean:+.1f} [{mean - half:.1f}, {mean + half:.1f}]".replace("-", "−")


def arm(name):
    """Splits a row's name into its means and its constant."""
    match = re.match(r"\d+-(.*?)(?:-(?:alpha|tau|b)-([\d.]+))?$", name)
    means = {"ce": "CE", "ce-car": "CE + CAR", "ce-car-per-class": "CE + CAR (per-class EMA)", "bs-car": "BS + CAR",
             "logit-adjustment": "Logit adjustment in training", "class-balanced": "Class-balanced"}
    return means[match[1]], float(match[2]) if match[2] else None


def main(runs, out):
    rows, adjusted = {}, {}
    for folder in sorted(path for path in runs.glob("*-seed*") if path.is_dir()):
        name, seed = folder.name.rsplit("-seed", 1)
        with numpy.load(folder / "test.npz") as stored:
            scores, labels = stored["logits"].astype(float), stored["labels"]
        classes = scores.shape[1]
        rows.setdefault(name, {})[int(seed)] = errors(scores.argmax(1), labels, classes)
        if arm(name)[0] == "CE":
            with numpy.load(folder / "train.npz") as stored:
                prior = numpy.log(numpy.bincount(stored["labels"], minlength=classes) / len(stored["labels"]))
            adjusted[int(seed)] = [errors((scores - tau * prior).argmax(1), labels, classes) for tau in TAUS]
    seeds = sorted(adjusted)
    table = {name: numpy.array([found[seed] for seed in seeds]) for name, found in rows.items()}
    ce = next(values for name, values in table.items() if arm(name)[0] == "CE")
    post_hoc = numpy.array([adjusted[seed] for seed in seeds])
    halves = [numpy.arange(len(seeds)) % 2 == half for half in (0, 1)]
    lines, records = [], []
    for name, values in sorted(table.items()):
        means, constant = arm(name)
        against, chosen = "", ""
        if "CAR" in means:
            differences, taus = numpy.empty((len(seeds), 2)), []
            for chooses in halves:
                mean = post_hoc[chooses].mean(0)
                allowed = mean[:, 0] <= values[chooses, 0].mean()
                best = min(numpy.flatnonzero(allowed), key=lambda at: mean[at, 1]) if allowed.any() else mean[:, 0].argmin()
                differences[~chooses] = values[~chooses] - post_hoc[~chooses, best]
                taus.append(TAUS[best])
            against, chosen = f"{shown(differences[:, 1])} | {shown(differences[:, 0])}", " and ".join(f"{tau:.2f}" for tau in taus)
        mean = 100 * values.mean(0)
        constant_shown = "" if constant is None else f"{constant:g}"
        lines.append(f"| {means} | {constant_shown} | {mean[0]:.1f} | {mean[1]:.1f} | {shown(values[:, 0] - ce[:, 0])} | "
                     f"{shown(values[:, 1] - ce[:, 1])} | {against or ' | '} | {chosen} |")
        records.append([means, constant_shown, *(f"{value:.6f}" for value in values.mean(0))])
    records += [["Logit adjustment after training", f"{tau:.2f}", *(f"{value:.6f}" for value in mean)]
                for tau, mean in zip(TAUS, post_hoc.mean(0), strict=True)]
    text = f"""# Worst class against all images, {len(seeds)} seeds

Made by `figures/trade.py`; do not edit.

Errors in per cent, differences in points with Student's 95 % intervals over the seeds, on the same
test images. "Against adjustment": the row less post-hoc logit adjustment of the cross-entropy runs
at no more overall error, tau chosen on the other half of the seeds; above 0 the adjustment is
better.

| means | constant | overall | worst class | overall, less CE | worst class, less CE | worst class, against adjustment | overall, against adjustment | its tau |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
    (out / "trade.md").write_text(text + "\n".join(lines) + "\n")
    with open(out / "trade.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["means", "constant", "error", "worst_class_error"], *records])
    draw(table, post_hoc, out)


def draw(table, post_hoc, out):
    pyplot.rcParams.update({"svg.hashsalt": "trade", "svg.fonttype": "none", "font.size": 9})
    figure, axes = pyplot.subplots(figsize=(6.5, 4.5))
    mean = 100 * post_hoc.mean(0)
    axes.plot(mean[:, 0], mean[:, 1], color="#444444", linewidth=1.5, label="Logit adjustment after training, τ 0 to 4", zorder=1)
    for means, (colour, marker) in STYLES.items():
        points = sorted((arm(name)[1], *(100 * values.mean(0))) for name, values in table.items() if arm(name)[0] == means)
        constants, overall, worst = zip(*points, strict=True)
        axes.plot(overall, worst, color=colour, marker=marker, markersize=4, linewidth=0.8, label=means)
        for constant, x, y in zip(constants, overall, worst, strict=True):
            if y < NAMED_BELOW and x < WIDEST:
                axes.annotate(f"{constant:g}", (x, y), textcoords="offset points", xytext=(5, 2), color=colour, fontsize=7)
    values = next(values for name, values in table.items() if arm(name)[0] == "CE")
    axes.plot(*(100 * values.mean(0)), color="#000000", marker="*", markersize=10, linestyle="none", label="Cross-entropy")
    axes.set(xlabel="error of all test images, %", ylabel="error of the worst class, %",
             title="Fashion-MNIST-LT, two-layer network, means over twenty seeds")
    axes.set_xlim(right=WIDEST)
    axes.grid(linewidth=0.3)
    axes.legend(frameon=False, fontsize=7.5)
    figure.tight_layout()
    figure.savefig(out / "trade.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
