#!/usr/bin/env python3
"""Recompute every number of a report from the same predictions, with NumPy and SciPy only, and compare.

    recompute.py report.json --test test.npz [--train train.npz] [--model INDEX]

Shares no code with the Rust library: definitions are taken from THEORY.md. Counts must agree exactly; matrices' norms to
1e-12 relative (both sides sum at most a few thousand doubles, so 1e-12 is about 4000 roundings); Clopper-Pearson limits
to 1e-10 absolute (statrs and SciPy both claim better); certified intervals must contain NumPy's value up to 1e-12.
Prints one line a check and exits with 1 if any fails.
"""

import argparse
import json
import sys

import numpy as np
from scipy.special import logsumexp
from scipy.stats import beta as beta_distribution

RELATIVE = 1e-12
CLOPPER_PEARSON = 1e-10
SURROGATE = 1e-11  # exponentials of libm and NumPy differ by an ulp; thousands are summed


class Checks:
    def __init__(self):
        self.count, self.failed = 0, 0

    def row(self, name, passed, detail):
        self.count += 1
        self.failed += not passed
        print(f"{'ok  ' if passed else 'FAIL'} {name:<52} {detail}")

    def exact(self, name, found, expected):
        found, expected = np.asarray(found), np.asarray(expected)
        same = found.shape == expected.shape and bool(np.array_equal(found, expected))
        self.row(name, same, "exactly equal" if same else f"{found.ravel()[:4]} against {expected.ravel()[:4]}")

    def close(self, name, found, expected, relative=RELATIVE, absolute=0.0):
        found, expected = np.asarray(found, float), np.asarray(expected, float)
        if found.shape != expected.shape:
            return self.row(name, False, f"shape {found.shape} against {expected.shape}")
        error = np.abs(found - expected)
        allowed = relative * np.abs(expected) + absolute
        worst = float(np.max(error / np.where(np.abs(expected) > 0, np.abs(expected), 1), initial=0.0))
        self.row(name, bool(np.all(error <= allowed)), f"largest difference {worst:.1e}")

    def encloses(self, name, enclosure, value):
        room = RELATIVE * abs(value)
        inside = enclosure["lower"] - room <= value <= enclosure["upper"] + room
        inside = inside and enclosure["lower"] <= enclosure["value"] <= enclosure["upper"]
        inside = inside and abs(enclosure["value"] - value) <= room
        inside = inside and enclosure["upper"] - enclosure["lower"] <= 1e-9 * abs(value)  # what S5 promises
        self.row(name, bool(inside), f"[{enclosure['lower']:.15g}, {enclosure['upper']:.15g}] holds {value:.15g}")


def load(path):
    with np.load(path) as archive:
        logits, labels = archive["logits"], archive["labels"]
    return logits, labels.astype(np.int64)


def competitors(logits, labels):
    """Strongest wrong class (lowest index among equals) and margin in float64, for every sample."""
    scores = logits.astype(np.float64)
    rows = np.arange(len(labels))
    own = scores[rows, labels]
    others = scores.copy()
    others[rows, labels] = -np.inf
    rival = others.argmax(axis=1)
    return rival, own - scores[rows, rival]


def count_matrix(predicted, labels, chosen, classes):
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (predicted[chosen], labels[chosen]), 1)
    np.fill_diagonal(matrix, 0)
    return matrix


def share(matrix, counts):
    return np.divide(matrix, counts, out=np.zeros(matrix.shape), where=counts > 0)


def class_weights(train_counts, r0, form):
    if form == "none":
        return np.ones(len(train_counts))
    weights = (train_counts / train_counts.sum() + r0) ** -0.5
    if form == "official":
        weights = np.maximum(weights / weights.mean(), 1e-3)
    return weights


def spectral(matrix):
    return float(np.linalg.svd(matrix, compute_uv=False)[0])


def clopper_pearson(errors, counts, alpha):
    with np.errstate(invalid="ignore"):
        lower = np.where(errors == 0, 0.0, beta_distribution.ppf(alpha, errors, counts - errors + 1))
        # SciPy's isf keeps the digits that 1 - alpha loses for tiny alpha.
        upper = np.where(errors == counts, 1.0, beta_distribution.isf(alpha, errors + 1, counts - errors))
    return np.where(counts == 0, 0.0, lower), np.where(counts == 0, 1.0, upper)


def optional(values):
    """None for null: compared as NaN-free arrays with a mask."""
    return np.array([value is not None for value in values]), np.array([0.0 if v is None else v for v in values])


def check_norms(checks, name, report, matrix, weights):
    weighted = matrix * weights
    checks.close(f"{name}: one-norm", report["one_norm"], matrix.sum(axis=0).max())
    checks.close(f"{name}: weighted one-norm", report["one_norm_weighted"], weighted.sum(axis=0).max())
    for key, m in (("spectral_norm", matrix), ("spectral_norm_weighted", weighted)):
        checks.encloses(f"{name}: {key}", report[key], spectral(m))
    for key, m in (("nu", matrix), ("nu_weighted", weighted)):
        if m.any():
            checks.close(f"{name}: {key}", report[key], m.sum(axis=0).max() / spectral(m))
        else:
            checks.row(f"{name}: {key} of the zero matrix", report[key] is None, "null")


def check_split(checks, name, report, logits, labels, weights, margins):
    classes = logits.shape[1]
    counts = np.bincount(labels, minlength=classes)
    predicted = logits.argmax(axis=1)
    rival, margin = competitors(logits, labels)
    hard = count_matrix(predicted, labels, predicted != labels, classes)
    errors = hard.sum(axis=0)
    checks.exact(f"{name}: samples", report["samples"], len(labels))
    checks.exact(f"{name}: class counts", report["class_counts"], counts)
    checks.exact(f"{name}: class errors", report["class_errors"], errors)
    known, per_class = optional(report["per_class_error"])
    checks.exact(f"{name}: estimated classes", known, counts > 0)
    checks.exact(f"{name}: error of each class", per_class, share(errors, counts))
    checks.close(f"{name}: accuracy", report["accuracy"], (predicted == labels).mean())
    top = logits.max(axis=1, keepdims=True)
    checks.exact(f"{name}: ties of the top two", report["ties"]["top2"], int(((logits == top).sum(axis=1) > 1).sum()))
    tied = margin == 0
    checks.exact(f"{name}: margins of zero", report["ties"]["zero_margin"], int(tied.sum()))
    checks.exact(f"{name}: ... predicted right", report["ties"]["zero_margin_correct"], int((tied & (labels < rival)).sum()))
    hard_share = share(hard, counts)
    check_norms(checks, f"{name} hard", report["hard"], hard_share, weights)
    checks.exact(f"{name}: margins", [at["margin"] for at in report["margins"]], margins)
    for at in report["margins"]:
        label = f"{name} g = {at['margin']:g}"
        counted = count_matrix(rival, labels, margin <= at["margin"], classes)
        _, margin_error = optional(at["class_margin_error"])
        checks.exact(f"{label}: margin error of each class", margin_error, share(counted.sum(axis=0), counts))
        check_norms(checks, label, at, share(counted, counts), weights)
    # S1, with ties, in integers.
    at_zero = np.bincount(labels[margin <= 0], minlength=classes)
    excess = np.bincount(labels[tied & (labels < rival)], minlength=classes)
    checks.exact(f"{name}: S1, errors + excess = margins <= 0", errors + excess, at_zero)
    chain = report["chain"]
    weighted = hard_share * weights
    wce = (weights * share(errors, counts)).max()
    checks.close(f"{name}: WCE", chain["wce"], wce)
    bound = np.sqrt(classes - 1) * spectral(weighted)
    checks.close(f"{name}: sqrt(K-1) R", chain["upper_bound"], bound, relative=1e-9)
    checks.row(f"{name}: the chain holds", chain["holds"] and wce <= bound * (1 + RELATIVE), f"{wce:.6g} <= {bound:.6g}")
    if report["top_pair"]:
        left, right = np.array(report["top_pair"]["left"]), np.array(report["top_pair"]["right"])
        reached = left @ weighted @ right
        checks.close(f"{name}: u^T C Lambda v = sigma", reached, spectral(weighted), relative=1e-9)
    if report["surrogate"]:
        scores = logits.astype(np.float64)
        g = report["surrogate"]["margin"]
        own = scores[np.arange(len(labels)), labels][:, None]
        term = np.exp(scores - logsumexp(scores, axis=1, keepdims=True)) / (1 + np.exp(-(g + scores - own)))
        term[np.arange(len(labels)), labels] = 0
        surrogate = np.zeros((classes, classes))
        np.add.at(surrogate.T, labels, term)
        surrogate = share(surrogate, counts)
        found = report["surrogate"]
        checks.close(f"{name}: surrogate norm", found["spectral_norm_weighted"]["value"], spectral(surrogate * weights), SURROGATE)
        checks.close(f"{name}: surrogate gap", found["gap_to_hard_frobenius"], np.linalg.norm(surrogate - hard_share), SURROGATE)
    return counts, errors, hard, margin


def check_test(checks, report, settings, counts, errors, hard, weights, train_counts):
    classes, delta = len(counts), settings["delta"]
    alpha = delta / (2 * classes * settings["models_compared"])
    lower, upper = clopper_pearson(errors, counts, alpha)
    intervals = report["class_error_interval"]
    found = np.array([[0.0, 1.0] if pair is None else pair for pair in intervals])
    checks.close("T5: lower limits against scipy", found[:, 0], lower, 0.0, CLOPPER_PEARSON)
    checks.close("T5: upper limits against scipy", found[:, 1], upper, 0.0, CLOPPER_PEARSON)
    for key in ("worst_class", "weighted_worst_class"):
        index = report[key]["index"]
        checks.exact(f"{key}: its interval is its class's", report[key]["interval"], intervals[index])
        checks.exact(f"{key}: its error", report[key]["error"], errors[index] / counts[index])
    checks.close("T5: interval of WCE", report["wce_interval"], [(weights * lower).max(), (weights * upper).max()], 0.0, 1e-9)
    error = share(errors, counts)
    checks.exact("worst class", report["worst_class"]["index"], int(np.argmax(np.where(counts > 0, error, -1))))
    checks.exact("weighted worst class", report["weighted_worst_class"]["index"], int(np.argmax(np.where(counts > 0, weights * error, -1))))
    checks.exact("zero-accuracy classes", report["zero_accuracy_classes"], np.flatnonzero((counts > 0) & (errors == counts)))
    checks.close("macro accuracy", report["accuracy_macro"], (1 - error[counts > 0]).mean())
    if train_counts is not None:
        groups = {"many": train_counts > 100, "medium": (train_counts >= 20) & (train_counts <= 100), "few": train_counts < 20}
        for name, members in groups.items():
            members = members & (counts > 0)
            if members.any():
                checks.close(f"{name}: accuracy", report[name]["accuracy"], 1 - errors[members].sum() / counts[members].sum())
                checks.close(f"{name}: macro accuracy", report[name]["accuracy_macro"], (1 - error[members]).mean())
                checks.exact(f"{name}: classes", report[name]["classes"], int(members.sum()))
                checks.exact(f"{name}: samples", report[name]["samples"], int(counts[members].sum()))
            else:
                checks.row(f"{name}: empty group", report[name] is None, "null")


def check_bounds(checks, model, settings, weights, classes):
    if not model["train"]:
        return
    at_margin = {at["margin"]: at for at in model["train"]["margins"]}
    counts = np.array(model["train"]["class_counts"])
    floor = 1 - (settings["delta"] / classes) ** (1 / np.maximum(counts, 1))
    for bound in model["bounds"]:
        if bound["id"] == "T2" and bound["applicable"]:
            term = np.sqrt(classes - 1) / weights * at_margin[bound["margin"]]["spectral_norm_weighted"]["upper"]
            checks.close(f"T2 first term, g = {bound['margin']:g}", bound["first_term"], term)
        if bound["floor"]:
            known, found = optional(bound["floor"])
            checks.close(f"T4 floor beside {bound['id']}", found[known], floor[counts > 0], 1e-11)


def check_verdicts(checks, model):
    """T5's order: vacuous, violated, holds, undecided. T2 is judged by its first term alone, which cannot be violated."""
    intervals = [pair or [0.0, 1.0] for pair in model["test"]["class_error_interval"]]
    names = ("holds", "violated", "undecided", "vacuous", "not_applicable")
    for bound in model["bounds"]:
        where = f"{bound['id']} at g = {bound['margin']}"
        if not bound["applicable"]:
            checks.exact(f"{where}: no class is judged", bound["verdict"]["not_applicable"], model["num_classes"])
            continue
        values = bound["total"] or bound["first_term"]
        expected = []
        for value, (lower, upper) in zip(values, intervals):
            if value is None:
                continue  # too large for a double, or not given: the report's own word is taken
            if value >= 1:
                expected.append("vacuous")
            elif value < lower:
                expected.append("undecided" if bound["id"] == "T2" else "violated")
            else:
                expected.append("holds" if value >= upper else "undecided")
        found = [word for word, value in zip(bound["class_verdict"], values) if value is not None]
        checks.exact(f"{where}: verdicts", found, expected)
        counted = [bound["class_verdict"].count(name) for name in names]
        checks.exact(f"{where}: verdicts counted", [bound["verdict"][name] for name in names], counted)


def check_ratio(checks, model):
    """Test accuracy over training accuracy of the worst test class."""
    worst = model["test"]["worst_class"]["index"]
    right = 1 - (model["train"]["per_class_error"][worst] or 0.0)
    trained = model["train"]["per_class_error"][worst] is not None
    if trained and right > 0:
        checks.close("worst-class ratio", model["test"]["worst_class_ratio"], (1 - model["test"]["worst_class"]["error"]) / right)
    else:
        checks.row("worst-class ratio does not exist", model["test"]["worst_class_ratio"] is None, "null")


def check_certificate(checks, model, settings, counts, hard, weights):
    certificate = (model["train_to_test"] or {}).get("certificate")
    if not certificate:
        return
    classes, delta = len(counts), settings["delta"] / settings["models_compared"]
    simple = np.sqrt((weights**2 / counts).sum()) * (1 + np.sqrt(np.log(1 / delta)))
    checks.close("T6 simple radius", certificate["radius_simple"], simple)
    rates = hard / counts
    l, big = np.log(6 * classes / delta), np.log(3 * classes / delta)
    r = np.sqrt(2) * (weights / counts).max()
    b = (weights**2 / counts**2).max()
    e = (np.sqrt(big / (2 * counts)) + np.sqrt(rates.sum(axis=0) + big / (2 * counts))) ** 2
    rho = (np.sqrt(b * big / 2) + np.sqrt((rates * weights**2 / counts).sum(axis=1) + b * big / 2)) ** 2
    v = max((weights**2 * e / counts).max(), rho.max())
    sharp = r * l / 3 + np.sqrt((r * l / 3) ** 2 + 2 * v * l)
    checks.close("T6 sharp radius", certificate["radius_sharp"], sharp, 1e-11)  # logarithms and roots in another order
    norm = spectral(share(hard, counts) * weights)
    a_priori = np.sqrt((weights**2).sum() - (weights**2).min())
    interval = [max(0.0, norm - sharp), min(norm + sharp, a_priori)]
    checks.close("T6 interval of the population's norm", certificate["interval"], interval, 1e-9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report")
    parser.add_argument("--test", required=True)
    parser.add_argument("--train")
    parser.add_argument("--model", type=int, default=0)
    arguments = parser.parse_args()
    with open(arguments.report) as file:
        report = json.load(file, parse_constant=lambda name: sys.exit(f"the report holds {name}, which is no JSON"))
    settings, model = report["settings"], report["models"][arguments.model]
    checks = Checks()
    checks.exact("schema", report["schema"], "car-spectral.report/1")
    train_counts = None if model["train_counts"] is None else np.array(model["train_counts"])
    classes = model["num_classes"]
    base = train_counts if train_counts is not None else np.ones(classes)
    weights = class_weights(base, settings["r0"], settings["weights"])
    checks.close("class weights", model["weights"], weights)
    logits, labels = load(arguments.test)
    counts, errors, hard, _ = check_split(checks, "test", model["test"], logits, labels, weights, settings["margins"])
    check_test(checks, model["test"], settings, counts, errors, hard, weights, train_counts)
    for pair in model["confusions"]:
        if hard[pair["predicted"], pair["true"]] != pair["count"]:
            checks.row("a confused pair", False, f"{pair}")
    checks.exact("most confused pair", model["confusions"][0]["rate"], share(hard, counts).max()) if model["confusions"] else None
    if arguments.train:
        logits, labels = load(arguments.train)
        check_split(checks, "train", model["train"], logits, labels, weights, settings["margins"])
        check_ratio(checks, model)
    alpha = settings["delta"] / (2 * classes * settings["models_compared"])
    checks.close("level of each one-sided limit", model["delta_per_class"], alpha)
    check_bounds(checks, model, settings, weights, classes)
    check_verdicts(checks, model)
    check_certificate(checks, model, settings, counts, hard, weights)
    print(f"{checks.count - checks.failed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
