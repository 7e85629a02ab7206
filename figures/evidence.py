"""What docs/does-car-help.md says of trained networks beyond their logs, from their prediction
files, in NumPy.

    evidence.py FOLDER [FOLDER ...] > figures/evidence.md
    evidence.py --records figures/FOLDER > figures/FOLDER/evidence.md

FOLDER holds the runs of one folder of experiments, as `experiments run` leaves them (runs/NAME).
Every run is compared, image by image, with the run of the same seed whose experiment is called `bs`
(Balanced Softmax alone). Norms and accuracies are computed here a second time; the script ends with
an error where they are not those of the run's own log.

With --records the folder is one of figures/ with `predicted.npz` (figures/pack_predictions.py) and
`runs.csv`: accuracies are computed from what was predicted, held against `runs.csv`, and rows are
compared over paired seeds with cross-entropy (`NN-ce`), Balanced Softmax (`NN-bs`) and the rows
that experiments of the folder name by `against`.
"""

import csv
import json
import math
import pathlib
import re
import sys
import tomllib

import numpy

# The paper's class weights and, in its surrogate, the margin of the repository's preset.
R0, MARGIN = 0.2, 0.1
PAPER = {"margin": MARGIN, "temperature": 1.0, "gate": "sigmoid", "competition": "softmax-competitors",
         "gate_gradient": True, "baseline_gradient": True}
LOG_TOLERANCE = 1e-5  # relative; scores are float32, sums here and there are double


class Split:
    """Scores of one split, ordered by image."""

    def __init__(self, path):
        with numpy.load(path) as stored:
            order = numpy.argsort(stored["indices"])
            self.scores = stored["logits"][order].astype(float)
            self.labels, self.images = stored["labels"][order], stored["indices"][order]
        self.classes = self.scores.shape[1]
        self.counts = numpy.bincount(self.labels, minlength=self.classes)
        self.right = (self.scores.argmax(1) == self.labels).astype(float)

    def columns(self, shares):
        """Mean over each class's images of rows `shares` [N, K]: column j is that of class j."""
        sums = numpy.zeros((self.classes, self.classes))
        numpy.add.at(sums, self.labels, shares)
        return (sums / numpy.maximum(self.counts, 1)[:, None]).T

    def hard(self):
        wrong = numpy.zeros_like(self.scores)
        wrong[numpy.arange(len(self.labels)), self.scores.argmax(1)] = 1
        wrong[numpy.arange(len(self.labels)), self.labels] = 0
        return self.columns(wrong)

    def surrogate(self, scale=1.0):
        """Softmax over the competitors of the true class, times the gate sigmoid(g + f_i - f_true).
        """
        rows = numpy.arange(len(self.labels))
        scores = scale * self.scores
        own = scores[rows, self.labels]
        competitors = scores.copy()
        competitors[rows, self.labels] = -numpy.inf
        shares = numpy.exp(competitors - competitors.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        shares /= 1 + numpy.exp(-numpy.clip(MARGIN + scores - own[:, None], -500, 500))
        shares[rows, self.labels] = 0
        return self.columns(shares)

    def confidence(self, scale=1.0):
        scores = scale * self.scores
        return float((1 / numpy.exp(scores - scores.max(1, keepdims=True)).sum(1)).mean())

    def scale_of_confidence(self, wanted):
        """The factor of all scores at which the mean largest probability is `wanted`."""
        low, high = 1e-3, 1e3
        for _ in range(60):
            middle = (low * high) ** 0.5
            low, high = (middle, high) if self.confidence(middle) < wanted else (low, middle)
        return middle

    def cross_entropy(self, scale):
        scores = scale * self.scores
        largest = scores.max(1)
        own = scores[numpy.arange(len(self.labels)), self.labels]
        return float((numpy.log(numpy.exp(scores - largest[:, None]).sum(1)) + largest - own).mean())

    def least_cross_entropy(self):
        """With all scores multiplied by the factor, of 61 from 0.1 to 10, that suits these images
        best.
        """
        return min(self.cross_entropy(scale) for scale in numpy.geomspace(0.1, 10, 61))

    def class_accuracy(self):
        return numpy.bincount(self.labels, self.right, self.classes) / numpy.maximum(self.counts, 1)


def anatomy(matrix, weights):
    """Norm of `matrix` diag(`weights`), its ratio to the floor that the column sums force, and the
    class with the largest share.
    """
    weighted = matrix * weights
    u, s, v = numpy.linalg.svd(weighted)
    if not s[0]:
        return 0.0, *[float("nan")] * 4
    shares = v[0] * (u[:, 0] @ weighted) / s[0]
    floor = numpy.sqrt((weighted.sum(0) ** 2).mean())
    return s[0], s[0] / floor, int(shares.argmax()), shares.max(), shares[matrix.sum(0).argmax()]


def difference(split, base, chosen):
    """Mean difference of rightness on the images of the classes `chosen`, with its standard error
    over these images.
    """
    take = chosen[split.labels]
    delta = (split.right - base.right)[take]
    return delta.mean(), delta.std(ddof=1) / numpy.sqrt(len(delta))


def macro_difference(split, base):
    """The same of the macro average. A class with one image lends its variance from the classes
    with 2 to 19.
    """
    delta = split.right - base.right
    present = numpy.flatnonzero(split.counts)
    means = numpy.array([delta[split.labels == j].mean() for j in present])
    variances = numpy.array([delta[split.labels == j].var() for j in present])
    counts = split.counts[present]
    small = (counts > 1) & (counts < 20)
    variance = numpy.where(counts > 1, variances / numpy.maximum(counts - 1, 1), variances[small].mean() if small.any() else 0)
    return means.mean(), numpy.sqrt(variance.sum()) / len(present)


class Run:
    def __init__(self, folder):
        self.folder, (self.name, self.seed) = folder, re.fullmatch(r"(.*)-seed(\d+)", folder.name).groups()
        description = json.loads((folder / "model.json").read_text())
        self.train_counts = numpy.array(description["data"]["class_counts"])
        self.weights = (self.train_counts / self.train_counts.sum() + R0) ** -0.5
        car = description["run"].get("car")
        # What a run without CAR logs are the paper's norms.
        self.logs_hard_norm = car is None or (car["r0"], car["weights"]) == (R0, "paper")
        self.logs_surrogate_norm = self.logs_hard_norm and (car is None or car["surrogate"] == PAPER)
        self.log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        self.last = self.log[-1]
        self.splits = {}
        for name in ("train", "validation", "test"):
            path = folder / f"{name}.npz"
            if path.exists():
                self.splits[name] = Split(path)
                self.check(name)

    def check(self, name):
        split, logged = self.splits[name], self.last[name]
        found = {"accuracy": split.right.mean()}
        if self.logs_hard_norm:
            found["hard_spectral_norm"] = numpy.linalg.norm(split.hard() * self.weights, 2)
        if self.logs_surrogate_norm:
            found["surrogate_spectral_norm"] = numpy.linalg.norm(split.surrogate() * self.weights, 2)
        for key, value in found.items():
            if abs(value - logged[key]) > LOG_TOLERANCE * max(abs(value), 1e-9):
                sys.exit(f"{self.folder}: {name} {key} is {value} here and {logged[key]} in its log")


def percent(value, digits=1):
    return f"{100 * value:.{digits}f}"


def signed(pair):
    return f"{100 * pair[0]:+.1f} ± {100 * pair[1]:.1f}"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("| --- | " + " | ".join("---:" for _ in head[1:]) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def report(folder):
    runs = [Run(path.parent) for path in sorted(folder.glob("*-seed*/model.json"))]
    baselines = {run.seed: run for run in runs if re.fullmatch(r"\d+-bs", run.name)}
    print(f"## {folder.name}\n")

    print("Norms, their ratio to the floor, the share of σ of the class that has the largest, and of the class with the largest error.\n")
    rows = []
    for run in runs:
        for name, split in run.splits.items():
            for kind, matrix in (("hard", split.hard()), ("surrogate", split.surrogate())):
                norm, ratio, largest, share, of_worst = anatomy(matrix, run.weights)
                shares = [f"{ratio:.2f}", f"{percent(share, 0)} (class {largest})", percent(of_worst, 0)] if norm else ["–"] * 3
                rows.append([f"{run.name}, seed {run.seed}", name, kind, f"{norm:.3f}", *shares])
    table(["run", "images", "matrix", "norm", "norm/floor", "largest share, %", "share of the worst class, %"], rows)

    print("Against Balanced Softmax alone, image by image: difference in accuracy in points, ± one standard error over the images. "
          "Scaled: the surrogate's norm of Balanced Softmax with all its scores multiplied so that its mean confidence is that of the run; "
          "no prediction changes by it. Tail: classes with fewer than 20 training images or, where there is none, at most 100.\n")
    rows = []
    for run in runs:
        base = baselines.get(run.seed)
        if base is None or base is run:
            continue
        test, other = run.splits["test"], base.splits["test"]
        every, tail = numpy.ones(test.classes, bool), run.train_counts < 20
        if not tail.any():
            tail = run.train_counts <= 100
        confidence = test.confidence()
        scaled = numpy.linalg.norm(other.surrogate(other.scale_of_confidence(confidence)) * run.weights, 2)
        held_out = ["–", "–"]
        if "validation" in run.splits:
            held, held_base = run.splits["validation"], base.splits["validation"]
            if (held.images != held_base.images).any():
                sys.exit(f"{run.folder}: other images are held out than in {base.folder}")
            held_out = [signed(difference(held, held_base, every)), signed(macro_difference(held, held_base))]
        if (test.images != other.images).any():
            sys.exit(f"{run.folder}: other test images than in {base.folder}")
        rows.append([
            f"{run.name}, seed {run.seed}", *held_out, signed(difference(test, other, every)),
            signed(difference(test, other, tail)),
            percent(confidence), *(f"{numpy.linalg.norm(split.surrogate() * run.weights, 2):.2f}" for split in (other, test)), f"{scaled:.2f}",
        ])
    table(["run", "held out, overall", "held out, macro", "test, overall", "test, tail", "confidence, %", "‖C̃Λ‖₂ without CAR", "with", "without, scaled"], rows)

    print("After the last epoch: accuracy on the training images as they are seen in training (augmented), and test figures. "
          "Best factor: all scores multiplied by the one number that makes the cross-entropy on these test images least.\n")
    rows = []
    for run in runs:
        test = run.last["test"]
        accuracy = run.splits["test"].class_accuracy()
        worst = (run.weights * (1 - accuracy)).argmax()
        rows.append([f"{run.name}, seed {run.seed}", percent(run.last["train_accuracy"]), percent(test["accuracy"]), f"{test['loss']:.3f}", f"{run.splits['test'].least_cross_entropy():.3f}",
                     f"{(run.weights * (1 - accuracy)).max():.3f} (class {worst})", f"{percent(accuracy.min())} (class {accuracy.argmin()})"])
    table(["run", "training accuracy, %", "test accuracy, %", "test cross-entropy", "at the best factor", "WCE, test", "worst class, test accuracy, %"], rows)


def student_quantile(degrees):
    """The 97.5 % quantile of Student's distribution: where its density, summed from 0 by trapezes,
    reaches 0.475.
    """
    t = numpy.linspace(0, 100, 2_000_001)
    constant = math.gamma((degrees + 1) / 2) / (math.sqrt(degrees * math.pi) * math.gamma(degrees / 2))
    density = constant * (1 + t**2 / degrees) ** (-(degrees + 1) / 2)
    area = numpy.concatenate([[0], numpy.cumsum((density[1:] + density[:-1]) / 2 * (t[1] - t[0]))])
    return t[numpy.searchsorted(area, 0.475)]


def class_errors(predicted, labels):
    wrong = (predicted != labels).astype(float)
    return numpy.bincount(labels, wrong) / numpy.bincount(labels)


def interval(differences):
    """Mean and Student's 95 % interval over paired seeds, in points."""
    mean = differences.mean()
    if len(differences) < 2:
        return f"{100 * mean:+.1f}, one seed"
    half = student_quantile(len(differences) - 1) * differences.std(ddof=1) / math.sqrt(len(differences))
    verdict = "**better**" if mean + half < 0 else "**worse**" if mean - half > 0 else "undecided"
    return f"{100 * mean:+.1f} [{100 * (mean - half):+.1f}, {100 * (mean + half):+.1f}], {verdict}"


def recorded(folder):
    """Row, seed and errors of each run: of runs.csv, which `experiments table` writes, or else of
    the last epochs in runs/.
    """
    if (folder / "runs.csv").exists():
        with open(folder / "runs.csv", newline="") as listed:
            for line in csv.DictReader(listed):
                columns = {"overall": "accuracy", "worst class": "accuracy_worst_class", "worst tenth": "accuracy_worst_tenth"}
                errors = {key: 1 - float(line[column]) for key, column in columns.items()}
                yield line["experiment"].split("/")[1], int(line["seed"]), errors
        return
    for path in sorted((folder / "runs").glob("*.jsonl")):
        row, seed = path.stem.rsplit("-seed", 1)
        test = json.loads(path.read_text().splitlines()[-1])["test"]
        errors = {"overall": 1 - test["accuracy"], "worst class": test["worst_class_error"], "worst tenth": test["worst_tenth_error"]}
        yield row, int(seed), errors


def records(folder):
    """Paired differences of errors over seeds, of all test images, of the worst class and of the
    worst tenth of the classes.
    """
    with numpy.load(folder / "predicted.npz") as stored:
        labels = stored["labels"].astype(int)
        predicted = {str(name): stored["predicted"][:, at].astype(int) for at, name in enumerate(stored["runs"])}
    figures = {}
    for row, seed, expected in recorded(folder):
        if f"{row}-seed{seed}" not in predicted:
            sys.exit(f"{folder}: {row}, seed {seed}, is recorded and not in predicted.npz; pack it again")
        errors = class_errors(predicted[f"{row}-seed{seed}"], labels)
        worst = numpy.sort(errors)[::-1]
        found = {
            "overall": (predicted[f"{row}-seed{seed}"] != labels).mean(),
            "worst class": worst[0],
            "worst tenth": worst[: math.ceil(len(errors) / 10)].mean(),
        }
        for key, error in expected.items():
            if abs(found[key] - error) > 1e-9:
                sys.exit(f"{folder}: {row}, seed {seed}: {key} is {found[key]} here, {error} in the record")
        figures.setdefault(row, {})[seed] = found
    print(f"Made by `figures/evidence.py --records figures/{folder.name}` from `predicted.npz`; do not edit. Differences of errors in points, "
          "row less baseline: below 0 the row is better. Student's 95 % intervals over the seeds that both have, for these test images.\n")
    experiments = {path.stem: tomllib.loads(path.read_text())["experiment"] for path in sorted(folder.glob("*.toml"))}
    usual = {row: name for name, pattern in (("cross-entropy", r"\d+-ce"), ("Balanced Softmax", r"\d+-bs"))
             for row in figures if re.fullmatch(pattern, row)}
    named = {row: experiments[row]["title"] for experiment in experiments.values() if (row := experiment.get("against"))}
    for base, name in (usual | {row: name for row, name in named.items() if row not in usual}).items():
        if base not in figures:
            continue
        print(f"## Against {name}\n")
        lines = []
        for row, seeds in figures.items():
            paired = sorted(set(seeds) & set(figures[base]))
            if row == base or not paired:
                continue
            differences = {key: numpy.array([seeds[seed][key] - figures[base][seed][key] for seed in paired]) for key in seeds[paired[0]]}
            lines.append([row, str(len(paired)), *(interval(differences[key]) for key in ("overall", "worst class", "worst tenth"))])
        table(["row", "seeds", "all images", "worst class", "worst tenth of the classes"], lines)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--records":
        return records(pathlib.Path(sys.argv[2]))
    print("Made by `figures/evidence.py " + " ".join(f"runs/{pathlib.Path(folder).name}" for folder in sys.argv[1:]) + "`; do not edit. "
          "Λ: the paper's weights, r₀ = 0.2; surrogate: the paper's, g = 0.1. Floor: root mean square of the weighted column sums.\n")
    for folder in sys.argv[1:]:
        report(pathlib.Path(folder))


if __name__ == "__main__":
    main()
