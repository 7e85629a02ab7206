"""What docs/does-car-help.md says of trained networks beyond their logs, from their prediction files, in NumPy.

    evidence.py FOLDER [FOLDER ...] > figures/evidence.md

FOLDER holds the runs of one folder of experiments, as `experiments run` leaves them (runs/NAME). Every run is compared, image by
image, with the run of the same seed whose experiment is called `bs` (Balanced Softmax alone). Norms and accuracies are computed
here a second time; the script ends with an error where they are not those of the run's own log.
"""

import json
import pathlib
import re
import sys

import numpy

R0, MARGIN = 0.2, 0.1  # the paper's class weights and, in its surrogate, the margin of the repository's preset
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
        """Softmax over the competitors of the true class, times the gate sigmoid(g + f_i - f_true)."""
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
        """With all scores multiplied by the factor, of 61 from 0.1 to 10, that suits these images best."""
        return min(self.cross_entropy(scale) for scale in numpy.geomspace(0.1, 10, 61))

    def class_accuracy(self):
        return numpy.bincount(self.labels, self.right, self.classes) / numpy.maximum(self.counts, 1)


def anatomy(matrix, weights):
    """Norm of `matrix` diag(`weights`), its ratio to the floor that the column sums force, and the class with the largest share."""
    weighted = matrix * weights
    u, s, v = numpy.linalg.svd(weighted)
    if not s[0]:
        return 0.0, *[float("nan")] * 4
    shares = v[0] * (u[:, 0] @ weighted) / s[0]
    floor = numpy.sqrt((weighted.sum(0) ** 2).mean())
    return s[0], s[0] / floor, int(shares.argmax()), shares.max(), shares[matrix.sum(0).argmax()]


def difference(split, base, chosen):
    """Mean difference of rightness on the images of the classes `chosen`, with its standard error over these images."""
    take = chosen[split.labels]
    delta = (split.right - base.right)[take]
    return delta.mean(), delta.std(ddof=1) / numpy.sqrt(len(delta))


def macro_difference(split, base):
    """The same of the macro average. A class with one image lends its variance from the classes with 2 to 19."""
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


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print("Made by `figures/evidence.py " + " ".join(f"runs/{pathlib.Path(folder).name}" for folder in sys.argv[1:]) + "`; do not edit. "
          "Λ: the paper's weights, r₀ = 0.2; surrogate: the paper's, g = 0.1. Floor: root mean square of the weighted column sums.\n")
    for folder in sys.argv[1:]:
        report(pathlib.Path(folder))


if __name__ == "__main__":
    main()
