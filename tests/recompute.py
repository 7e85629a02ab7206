#!/usr/bin/env python3
"""Recompute every number of a report from the same predictions, with NumPy and SciPy only, and
compare.

    recompute.py report.json --test test.npz [--train train.npz] [--weights model.safetensors] [--model INDEX]
        [--against a.npz b.npz ...]

`--weights` gives the checkpoint of a plain bias-free ReLU network: then the norms of its layers are
recomputed too, from which T3, T3' and T3'' are in any case.
`--against` gives the test predictions of all models in the order of the report: then the
comparisons and the groups of seeds are recomputed too.

Shares no code with the Rust library: definitions are taken from THEORY.md. Counts must agree
exactly; matrices' norms to 1e-12 relative (both sides sum at most a few thousand doubles, so 1e-12
is about 4000 roundings); limits to 1e-10 absolute; p-values, which are rounded upwards, may be
1e-9 + 1e-13 n of themselves too large. Clopper-Pearson ends are rounded outwards by at most
1.1e-10, or 1e-7 of the distance from 0 or 1: they may lie at most 1e-12 inside SciPy's and at most
1.3e-10 outside. Certified intervals must contain NumPy's value up to 1e-12. Prints one line a check
and exits with 1 if any fails.
"""

import argparse
import json
import sys

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import beta as beta_distribution
from scipy.stats import binom, binomtest, hypergeom, nct
from scipy.stats import t as student

RELATIVE = 1e-12
# Ends of Clopper and Pearson are rounded outwards.
INSIDE, OUTSIDE, OUTSIDE_SHARE = 1e-12, 1.3e-10, 1.3e-7
LIMIT = 1e-10
POWER = 0.8  # of every plan
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

    def outwards(self, name, found, expected, room, sign):
        """Ends that are rounded outwards: downwards for sign -1, upwards for +1, by at most `room`.
        """
        found, expected = np.asarray(found, float), np.asarray(expected, float)
        if found.shape != expected.shape:
            return self.row(name, False, f"shape {found.shape} against {expected.shape}")
        out = sign * (found - expected)
        passed = np.all((out >= -INSIDE) & (out <= room + INSIDE))
        self.row(name, bool(passed), f"outwards by {np.min(out, initial=9):.1e} to {np.max(out, initial=-9):.1e}")

    def encloses(self, name, enclosure, value):
        room = RELATIVE * abs(value)
        inside = enclosure["lower"] - room <= value <= enclosure["upper"] + room
        inside = inside and enclosure["lower"] <= enclosure["value"] <= enclosure["upper"]
        inside = inside and abs(enclosure["value"] - value) <= room
        # What S5 promises.
        inside = inside and enclosure["upper"] - enclosure["lower"] <= 1e-9 * abs(value)
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


def largest_upper(errors, counts, alpha, weights):
    """max_j lambda_j u_j(alpha), and by how much its rounding may exceed it."""
    _, upper = clopper_pearson(errors, counts, np.full(len(counts), alpha))
    return (weights * upper).max(), OUTSIDE * weights.max()


def simes_lower(errors, counts, alpha, weights):
    """The largest t at which Simes' test rejects "no lambda_j e_j exceeds t": p_(i)(t) <= i alpha/K
    for some i.

    Of 100 classes or more with fewer than ten samples each in the mean, alpha is halved and the
    total tested as well, by Hoeffding's binomial of the mean share.
    """
    ranks, wrong, samples = np.arange(1, len(counts) + 1), errors.sum(), counts.sum()
    sparse = len(counts) >= 100 and samples < 10 * len(counts)
    alpha = alpha / 2 if sparse else alpha

    def rejected(t):
        shares = np.minimum(t / weights, 1)
        p = np.sort(binom.sf(errors - 1, counts, shares))
        mean = (shares * counts).sum() / samples
        together = sparse and wrong > samples * mean + 1 and binom.sf(wrong - 1, samples, mean) <= alpha
        return bool(together or (p <= ranks * alpha / len(counts)).any())

    below, above = 0.0, float(weights.max())
    while below < (middle := 0.5 * (below + above)) < above:
        below, above = (middle, above) if rejected(middle) else (below, middle)
    return below


def candidates(errors, counts, delta):
    """Classes of which Fisher's test at delta/(K-1) finds no one of the 64 rivals of the largest
    lower limits worse.
    """
    level = delta / (len(counts) - 1)
    lower, _ = clopper_pearson(errors, counts, np.full(len(counts), level))
    rivals = np.lexsort((np.arange(len(counts)), -lower))[:64]
    left = []
    for j in range(len(counts)):
        p = hypergeom.sf(errors[rivals] - 1, counts[rivals] + counts[j], errors[rivals] + errors[j], counts[rivals])
        larger = errors[rivals] * counts[j] > errors[j] * counts[rivals]
        if not (larger & (p <= level)).any():
            left.append(j)
    return left


def bootstrap_bias(errors, counts):
    """E max_j X_j/n_j - max_j k_j/n_j, X_j ~ Bin(n_j, k_j/n_j), by the distribution function of the
    maximum.
    """
    errors, counts = errors[counts > 0], counts[counts > 0]
    values = np.unique(np.concatenate([np.arange(n + 1) / n for n in np.unique(counts)]))
    below = np.ones(len(values))
    for k, n in zip(errors, counts):
        # Values are x/n up to a rounding.
        below *= binom.cdf(np.floor(values * n * (1 + 1e-14)), n, k / n)
    mean = values[-1] - (np.diff(values) * below[:-1]).sum()
    return max(0.0, mean - (errors / counts).max())


def difference_interval(b, c, n, alpha):
    """T8 (a): [L(d; alpha), U(d; alpha)] for arrays of counts, and the room that rounding outwards
    may take.
    """
    alphas = np.full(len(n), alpha)
    s_lower, s_upper = clopper_pearson(b + c, n, 0.2 * alphas)
    p_lower, p_upper = clopper_pearson(b, b + c, 0.8 * alphas)
    low, high = 2 * p_lower - 1, 2 * p_upper - 1
    lower = low * np.where(low >= 0, s_lower, s_upper)
    upper = high * np.where(high >= 0, s_upper, s_lower)
    return lower, upper, OUTSIDE * 3


def holm(p):
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1)
    return adjusted


def verdict(lower, upper):
    return "better" if upper < 0 else "worse" if lower > 0 else "undecided"


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
        check_nu_range(checks, f"{name}: {key}", report[key], report[f"{key}_by_non_zeros"], report[f"{key}_by_sums"], m)


def check_nu_range(checks, name, value, by_non_zeros, by_sums, m):
    """S3, by sparsity: what nu can be. Ends are rounded outwards by (4K + 32)u and their own
    roundings.
    """
    if not m.any():
        return checks.row(f"{name}, range", by_non_zeros is None and by_sums is None, "null")
    classes, sums = len(m), m.sum(axis=0)
    one, room = sums.max(), RELATIVE + (4 * classes + 32) * 2.0**-53
    # Columns that are largest but for a rounding.
    terms = np.unique((m > 0).sum(axis=0)[sums >= one * (1 - RELATIVE)])
    lower, upper = 1 / np.sqrt((m > 0).sum(axis=1).max()), np.sqrt(terms)
    right = abs(by_non_zeros[0] - lower) <= room * lower and np.any(np.abs(by_non_zeros[1] - upper) <= room * upper)
    checks.row(f"{name}, range by non-zeros", bool(right), f"{by_non_zeros}")
    lengths = [np.linalg.norm(m, axis=0).max(), np.linalg.norm(m, axis=1).max()]
    lengths += [np.linalg.norm(m.sum(axis=axis)) / np.sqrt(classes) for axis in (0, 1)]
    expected = [np.sqrt(one / m.sum(axis=1).max()), one / max(lengths)]
    checks.close(f"{name}, range by sums", by_sums, expected, room)
    inside = by_sums[0] <= value * (1 + RELATIVE) and value <= by_sums[1] * (1 + RELATIVE)
    nested = by_non_zeros[0] <= by_sums[0] * (1 + room) and by_sums[1] <= by_non_zeros[1] * (1 + room)
    checks.row(f"{name}, lies in both", bool(inside and nested), f"{value:.6g}")


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
    check_chain(checks, f"{name} chain", chain, hard, counts, errors, weights, report["hard"]["spectral_norm_weighted"]["upper"])
    weighted = hard_share * weights
    wce = (weights * share(errors, counts)).max()
    checks.close(f"{name}: WCE", chain["wce"], wce)
    bound = np.sqrt(classes - 1) * spectral(weighted)
    checks.close(f"{name}: sqrt(K-1) R", chain["upper_bound"], bound, relative=1e-9)
    checks.row(f"{name}: the chain holds", chain["holds"] and wce <= bound * (1 + RELATIVE), f"{wce:.6g} <= {bound:.6g}")
    if report["top_pair"]:
        left, right = np.array(report["top_pair"]["left"]), np.array(report["top_pair"]["right"])
        reached = left @ weighted @ right
        checks.close(f"{name}: uᵀCΛv = sigma", reached, spectral(weighted), relative=1e-9)
    if report["surrogate"]:
        scores = logits.astype(np.float64)
        g = report["surrogate"]["margin"]
        checks.exact(f"{name}: the paper's surrogate", [g, report["surrogate"]["competition"]], [0.1, "softmax-competitors"])
        own = scores[np.arange(len(labels)), labels][:, None]
        rivals = scores.copy()
        rivals[np.arange(len(labels)), labels] = -np.inf
        term = np.exp(rivals - logsumexp(rivals, axis=1, keepdims=True)) / (1 + np.exp(-(g + scores - own)))
        surrogate = np.zeros((classes, classes))
        np.add.at(surrogate.T, labels, term)
        surrogate = share(surrogate, counts)
        found = report["surrogate"]
        checks.close(f"{name}: surrogate norm", found["spectral_norm_weighted"]["value"], spectral(surrogate * weights), SURROGATE)
        checks.close(f"{name}: surrogate gap", found["gap_to_hard_frobenius"], np.linalg.norm(surrogate - hard_share), SURROGATE)
    return counts, errors, hard, margin


def check_chain(checks, name, found, hard, counts, errors, weights, upper):
    """The chain's terms, of which `check_split` has WCE and sqrt(K-1) R."""
    known, terms = optional(found["weighted_error"])
    checks.exact(f"{name}: classes of lambda_j e_j", known, counts > 0)
    checks.close(f"{name}: lambda_j e_j", terms, weights * share(errors, counts))
    wce, most = terms.max(), int((hard > 0).sum(axis=0).max())
    attained = np.flatnonzero(known & (terms == wce))
    checks.exact(f"{name}: class of WCE", found["wce_class"], attained[0] if len(attained) else None)
    checks.exact(f"{name}: s", found["max_column_nonzeros"], most)
    roots = np.sqrt([len(counts) - 1, most])
    checks.close(f"{name}: sqrt(K-1)", found["sqrt_k_minus_1"], roots[0])
    checks.exact(f"{name}: the norm's upper end", found["spectral_upper"], upper)
    checks.close(f"{name}: sqrt(s) R", found["upper_bound_sqrt_s"], roots[1] * upper)
    checks.row(f"{name}: sqrt(s) step holds", found["holds_sqrt_s"] and wce <= roots[1] * upper * (1 + RELATIVE), "")
    checks.close(f"{name}: slack", found["slack"], roots[0] * upper - wce, 0.0, RELATIVE * (roots[0] * upper + 1))
    if wce > 0:
        factors = [found["slack_factor"], found["slack_factor_sqrt_s"]]
        checks.close(f"{name}: slack factors", factors, roots * upper / wce)
    else:
        checks.row(f"{name}: slack factors", found["slack_factor"] is found["slack_factor_sqrt_s"] is None, "null")


def check_summary(checks, report, counts, errors, weights):
    """The mean error of the worst tenth, quartiles, and what stands beside the weighted worst
    class.
    """
    ordered = np.sort(errors[counts > 0] / counts[counts > 0])
    worst = ordered[::-1][: -(-len(ordered) // 10)]
    checks.close("mean error of the worst tenth", report["worst_tenth_error"], worst.mean())
    places = [-(-quarter * (len(ordered) - 1) // 4) for quarter in range(5)]
    checks.exact("quartiles of class errors", report["class_error_quantiles"], ordered[places])
    worst = report["weighted_worst_class"]
    checks.close("weighted worst class: weight", worst["weight"], weights[worst["index"]])
    checks.close("weighted worst class: weighted error", worst["weighted_error"], weights[worst["index"]] * worst["error"])
    checks.close("share of ties", report["ties"]["share"], report["ties"]["top2"] / report["samples"])


def check_confusions(checks, model, hard, counts, weights):
    """The most confused pairs, and of each class the classes it is confused with most."""
    rates, classes = share(hard, counts), len(counts)
    predicted, true = np.nonzero(hard)
    order = np.lexsort((predicted, true, -hard[predicted, true], -rates[predicted, true]))[:100]
    places = predicted[order], true[order]
    found = model["confusions"]
    checks.exact("confused pairs: predicted", [at["predicted"] for at in found], places[0])
    checks.exact("confused pairs: true", [at["true"] for at in found], places[1])
    checks.exact("confused pairs: samples", [at["count"] for at in found], hard[places])
    checks.exact("confused pairs: rates", [at["rate"] for at in found], rates[places])
    if model["test"]["top_pair"]:
        left, right = (np.array(model["test"]["top_pair"][side]) for side in ("left", "right"))
        parts = left[places[0]] * rates[places] * weights[places[1]] * right[places[1]]
        checks.close("confused pairs: parts of the norm", [at["contribution_to_spectral_norm"] for at in found], parts)
    pairs = [[int(j), int(i), int(hard[i, j])] for j, i in zip(*np.nonzero(hard.T), strict=True)]
    checks.row("every confused pair", model["confused"] == pairs, f"{len(pairs)} pairs")
    kept = 3 if classes > 1000 else 5
    for key, matrix in (("errors_to", hard.T), ("errors_from", hard)):
        expected = []
        for row in matrix:
            most = np.argsort(-row, kind="stable")[:kept]
            expected.append([[int(at), int(row[at])] for at in most if row[at] > 0])
        checks.row(f"each class: {key}", [at[key] for at in model["class_confusions"]] == expected, f"{classes} classes")


def check_tightness(checks, model):
    """Bound over measured error at the worst class."""
    worst = model["test"]["worst_class"]
    for bound in model["bounds"]:
        values = bound["total"] or bound["first_term"]
        value = values[worst["index"]] if values else None
        label = f"{bound['id']} at g = {bound['margin']}: bound over error"
        if value is None or worst["error"] == 0:
            checks.row(label, bound["tightness_at_worst"] is None, "null")
        else:
            checks.close(label, bound["tightness_at_worst"], value / worst["error"])


def check_test(checks, report, settings, comparisons, counts, errors, hard, weights, train_counts):
    classes, delta = len(counts), settings["delta"]
    alpha = delta / (2 * classes * settings["models_compared"])
    lower, upper = clopper_pearson(errors, counts, alpha)
    intervals = report["class_error_interval"]
    found = np.array([[0.0, 1.0] if pair is None else pair for pair in intervals])
    checks.outwards("T5: lower limits against scipy", found[:, 0], lower, np.minimum(OUTSIDE, OUTSIDE_SHARE * lower), -1)
    room = np.minimum(OUTSIDE, OUTSIDE_SHARE * (1 - upper))
    checks.outwards("T5: upper limits against scipy", found[:, 1], upper, room, 1)
    checks.exact("T5: classes without an interval", [pair is None for pair in intervals], counts == 0)
    for key in ("worst_class", "weighted_worst_class"):
        index = report[key]["index"]
        checks.exact(f"{key}: its interval is its class's", report[key]["interval"], intervals[index])
        checks.exact(f"{key}: its error", report[key]["error"], errors[index] / counts[index])
    check_worst_class(checks, report, settings, counts, errors, weights)
    check_summary(checks, report, counts, errors, weights)
    check_next_samples(checks, report, alpha, counts, errors)
    check_planning(checks, report, settings, comparisons, counts, errors)
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


def check_worst_class(checks, report, settings, counts, errors, weights):
    """T5' and T10: the largest error of any class, WCE, who can be the worst, and the bias of the
    largest measured error.
    """
    delta, ones = settings["delta"] / settings["models_compared"], np.ones(len(counts))
    found, alpha = report["max_error"], min(delta, 0.25) / 2  # limits are computed for 1/4 at most
    for name, interval, scale in (("WCE", report["wce_interval"], weights), ("max_j e_j", found["interval"], ones)):
        upper, room = largest_upper(errors, counts, alpha, scale)
        lower = simes_lower(errors, counts, alpha, scale)
        checks.outwards(f"T5': lower end of {name}", interval[0], lower, room, -1)
        checks.outwards(f"T5': upper end of {name}", interval[1], upper, room, 1)
    upper, room = largest_upper(errors, counts, 2 * alpha, ones)
    checks.outwards("T5': at most", found["at_most"], upper, room, 1)
    within = 0 <= found["interval"][0] <= found["interval"][1] <= 1 and 0 <= found["at_most"] <= 1
    checks.row("T5': errors are at most 1", within, f"{found['interval']}, {found['at_most']}")
    checks.exact("T5': candidates", found["candidates"], candidates(errors, counts, 2 * alpha))
    checks.exact("T5': levels", [above["level"] for above in report["classes_above"]], [0.25, 0.5, 0.75, 0.9])
    for above in report["classes_above"]:
        adjusted = holm(binom.sf(errors - 1, counts, above["level"]))
        checks.exact(f"T5': classes above {above['level']:g}", above["classes"], np.flatnonzero(adjusted <= delta))
    checks.exact("largest measured error", found["estimate"], share(errors, counts).max())
    checks.close("T10: its bias", found["estimate_bias"], bootstrap_bias(errors, counts), 0.0, 1e-11)


def check_next_samples(checks, report, alpha, counts, errors):
    """T5'': the limits are the last totals that the hypergeometric tails leave possible."""
    for at in report["next_sample"]:
        further, label = at["images"], f"T5'': {at['images']} further images"
        checks.exact(f"{label}, empty classes", [pair is None for pair in at["limits"]], counts == 0)
        seen = np.array([pair is not None for pair in at["limits"]]) & (counts > 0)
        least, most = np.array([pair for pair, use in zip(at["limits"], seen) if use]).reshape(-1, 2).T
        k, n = errors[seen], counts[seen]

        # P(so few errors among the images seen | errors among the further ones).
        def at_most(total):
            return hypergeom.cdf(k, n + further, k + total, n)

        def at_least(total):
            return hypergeom.sf(k - 1, n + further, k + total, n)

        ordered = (0 <= least) & (least <= most) & (most <= further)
        checks.row(f"{label}, within range", bool(ordered.all()), f"{least.min(initial=0)} to {most.max(initial=0)}")
        room = 1e-8 * alpha
        right = (at_most(most) > alpha - room) & ((most == further) | (at_most(np.minimum(most + 1, further)) <= alpha + room))
        checks.row(f"{label}, most", bool(right.all()), f"{int((~right).sum())} classes differ")
        right = (at_least(least) > alpha - room) & ((least == 0) | (at_least(np.maximum(least - 1, 0)) <= alpha + room))
        checks.row(f"{label}, least", bool(right.all()), f"{int((~right).sum())} classes differ")


def certificate_power(error, by, n, delta):
    """T11 (a): P(max_j u_j(delta) <= max e + by) with n images of each class."""
    most = np.searchsorted(binom.cdf(np.arange(n + 1), n, error.max() + by), delta, side="right") - 1
    return binom.cdf(most, n, error).prod() if most >= 0 else 0.0


def comparison_power(discordance, by, n, alpha):
    """T11 (b): P(McNemar's exact one-sided test at alpha finds the sign)."""
    m = np.arange(n + 1)
    mass = binom.pmf(m, n, discordance)
    m, mass = m[mass > 1e-18], mass[mass > 1e-18]
    critical = binom.isf(alpha, m, 0.5).astype(int) + 1  # P(X >= x) = sf(x - 1)
    critical = np.where(binom.sf(critical - 2, m, 0.5) <= alpha, critical - 1, critical)
    critical = np.where(binom.sf(critical - 1, m, 0.5) > alpha, critical + 1, critical)
    return (mass * binom.sf(critical - 1, m, 0.5 + 0.5 * by / discordance)).sum()


def check_planning(checks, report, settings, comparisons, counts, errors):
    """T11: the number of images given reaches the power, one less does not."""
    error, delta = share(errors, counts), settings["delta"] / settings["models_compared"]
    worst, sizes = error.max(), (0.1, 0.05, 0.02, 0.01)
    expected = [["certify", by] for by in sizes if worst + by < 1] + [["compare", by] for by in sizes]
    checks.row("T11: goals", [[p["goal"], p["by"]] for p in report["planning"]] == expected, f"{len(expected)} plans")
    for plan in report["planning"]:
        by, images = plan["by"], plan["images_per_class"]
        if plan["goal"] == "certify":
            power = lambda n: certificate_power(error, by, n, delta)
        else:
            discordance = min(max(0.5 * min(worst, 1 - worst), by), 1.0)
            power = lambda n: comparison_power(discordance, by, n, settings["delta"] / (10 * comparisons))
        label = f"T11: {plan['goal']} {by:g}"
        if images is None:
            checks.row(label, power(10**7) < POWER, "not with 10,000,000")
            continue
        reached, before = power(images), power(images - 1) if images > 1 else 0.0
        right = reached >= POWER - 1e-9 and before < POWER + 1e-9
        checks.row(label, bool(right), f"n = {images}: {reached:.6f}, one less {before:.6f}")


def check_floors(checks, model, settings):
    counts, delta = model["train_counts"], settings["delta"]
    if counts is None or 0 in counts:
        checks.row("T4: no floors", model["floors"] is None, "null")
        return
    counts, found = np.array(counts), model["floors"]
    checks.close("T4: floor of each class alone", found["class"], -np.expm1(np.log(delta) / counts), 1e-12)
    checks.close("T4: floor of the worst class", found["worst_class"], -np.expm1(np.log(delta) / counts.min()), 1e-12)

    def excess(s):  # U = 1 - exp(-s): ln of P(every class shows an error) less ln(1 - delta)
        return np.log1p(-np.exp(-counts * s)).sum() - np.log1p(-delta)

    s = brentq(excess, 1e-9 / counts.max(), np.log(len(counts) / delta) / counts.min() * (1 + 1e-9), xtol=1e-300, rtol=1e-14)
    checks.close("T4: floor of all classes at once", found["simultaneous"], -np.expm1(-s), 1e-11)


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


def kl_inverse(q, x):
    """The largest p with kl(q‖p) <= x, by its distance y from 1 on a logarithmic scale."""
    if q >= 1 or not np.isfinite(x):
        return 1.0

    def excess(s):  # p = 1 - (1 - q) e^-s
        p = q - (1 - q) * np.expm1(-s)
        return (q * np.log(q / p) if q > 0 else 0.0) + (1 - q) * s - x

    # (1-q) s + q ln q is at most kl + x.
    top = (x + 1) / (1 - q)
    return float(q - (1 - q) * np.expm1(-brentq(excess, 0.0, top, xtol=1e-300, rtol=1e-14)))


def check_randomised(checks, model, settings):
    """What T1, T1 with 4K, T1' and T1'' give at best for a randomised classifier: KL = 0, no
    training error.
    """
    bounds = {bound["id"]: bound for bound in model["bounds"] if bound["id"].startswith("T1")}
    checks.exact("T1: statements", list(bounds), ["T1", "T1 with 4K", "T1'", "T1''"])
    checks.row("T1: none applies to one network", not any(b["applicable"] or b["value"] for b in bounds.values()), "")
    others = [b for b in model["bounds"] if b["id"] not in ("T1", "T1 with 4K", "T1'")]
    checks.row("least radii of T1 to T1' only", all(b["least_value"] is None for b in others), "null elsewhere")
    if model["train_counts"] is None:
        nothing = all(b["least_value"] is None and b["least_total"] is None for b in bounds.values())
        return checks.row("T1: nothing without training counts", nothing, "null")
    m, delta = np.array(model["train_counts"]), settings["delta"]
    classes, least = len(m), m.min()
    radii = {
        "T1": (8 * classes, lambda: np.sqrt(8 * classes / (least - 8 * classes) * np.log(least / (4 * delta)))),
        "T1 with 4K": (4 * classes, lambda: np.sqrt(4 * classes / (least - 4 * classes) * np.log(least / (2 * delta)))),
        "T1'": (0, lambda: np.sqrt(2 * (1 / m).sum() * np.log(15 / delta))),
    }
    for name, (needed, radius) in radii.items():
        found = bounds[name]["least_value"]
        if least > needed:
            checks.close(f"{name}: least radius", found, radius())
        else:
            checks.row(f"{name}: least radius", found is None, f"null, m_min = {least}, needs more than {needed}")
    known, found = optional(bounds["T1''"]["least_total"])
    checks.exact("T1'': classes", known, m > 0)
    m = m[m > 0]
    expected = -np.expm1(-np.log(2 * np.sqrt(m) * classes / delta) / m)
    checks.close("T1'': least bound of each class", found[known], expected, 0.0, LIMIT)


def check_margin_bounds(checks, model, settings):
    """T3, T3' and T3'' from the layers' norms: every grid point is looked at."""
    chosen = [b for b in model["bounds"] if b["id"] in ("T3", "T3'", "T3''")]
    for id in ("T3", "T3'", "T3''"):
        checks.row(f"{id}: is there", any(b["id"] == id for b in chosen), "")
    network = model["network"]
    if not network or not model["train"]:
        return checks.row("T3 to T3'' do not apply", not any(b["applicable"] for b in chosen), "no weights or data")
    layers, big_b, delta = network["layers"], network["input_bound"], settings["delta"]
    s, frobenius = (np.array([layer[key] for layer in layers]) for key in ("spectral_upper", "frobenius"))
    checks.row("layers: s_l at most the Frobenius norm", bool((s <= frobenius).all()), f"{s}")
    d, h = len(layers), max(max(layer["rows"], layer["columns"]) for layer in layers)
    k, counts = model["num_classes"], np.array(model["train"]["class_counts"])
    grid = [g for g in settings["margins"] if g > 0]
    beta = np.exp(np.log(s).mean()) if (s > 0).all() else 0.0
    r = 1.0 if d == 1 else (1 - 1 / d) ** -(d - 1)
    sharp = (1 + 1e-6) * 2 * np.sqrt(2) * r / (d * ((1 + 1 / np.sqrt(2)) ** (1 / d) - 1))
    applicable = sorted({b["margin"] for b in chosen if b["applicable"]})
    checks.exact("T3 to T3'': margins", applicable, grid)
    at_margin = {at["margin"]: at for at in model["train"]["margins"]}
    for g in grid:
        expected = {key: [] for key in ("T3", "T3'", "T3''", "x", "first")}
        low = (g / (2 * big_b)) ** (1 / d)
        for j, m in enumerate(counts):
            c = at_margin[g]["class_margin_error"][j]
            if m == 0:
                for row in expected.values():
                    row.append(None)
                continue
            if beta < low:
                values = (1.0, 1.0, 1.0, 0.0, 1.0)
            else:
                above = beta > low * m ** (1 / (2 * d))
                points = [low * (1 + (2 * i + 1) / d) for i in range(int(np.ceil(d * m ** (1 / (2 * d)))))]
                b = beta if above else next(p for p in points if abs(p - beta) <= beta / d * (1 + 1e-12))
                # The smallest admissible point of any beta there can be: those with (1 - 1/d)
                # beta_max above are not.
                largest = low * m ** (1 / (2 * d))
                smallest = 1 + sum(p < (1 - 1 / d) * largest * (1 - 1e-12) for p in points)
                # 1/sigma_j is c times this.
                unit = d * big_b * b ** (d - 1) / g * np.sqrt(h * np.log(4 * d * h))
                kl = [((frobenius / s * beta) ** 2).sum() / 2 * (constant * unit) ** 2 for constant in (42, sharp)]
                n = len(points)
                t3 = c + 4 * np.sqrt((kl[0] + np.log(6 * k * n * len(grid) * m / delta)) / (m - 1)) if m > 1 else None
                prime = c + np.sqrt((kl[0] + np.log(4 * np.sqrt(m) * k * n * len(grid) / delta)) / (2 * m))
                x = (kl[1] + np.log(4 * np.sqrt(m) * smallest * len(grid) * k / delta)) / m
                values = (t3, prime, 1.0, 0.0, 1.0) if above else (t3, prime, kl_inverse(c, x), x, c)
            for key, value in zip(expected, values):
                expected[key].append(None if key == "T3" and m < 2 else value)
        for bound in (b for b in chosen if b["margin"] == g):
            label = f"{bound['id']} at g = {g:g}"
            for key, name in (("total", bound["id"]), ("relative_entropy", "x"), ("first_term", "first")):
                if key == "relative_entropy" and bound["id"] != "T3''" or key == "first_term" and bound["id"] != "T3''":
                    continue
                known, value = optional(bound[key])
                wanted_known, wanted = optional(expected[name])
                checks.exact(f"{label}: classes with a {key}", known, wanted_known & np.isfinite(wanted))
                checks.close(f"{label}: {key}", value[known], wanted[known], LIMIT, LIMIT)
    primes = {b["margin"]: b["total"] for b in chosen if b["id"] == "T3'" and b["applicable"]}
    for bound in (b for b in chosen if b["id"] == "T3''" and b["applicable"]):
        pairs = [(x, y) for x, y in zip(bound["total"], primes[bound["margin"]]) if x is not None and y is not None]
        checks.row(f"T3'' at most T3' at g = {bound['margin']:g}", all(x <= y * (1 + 1e-12) for x, y in pairs), "")


def check_layers(checks, network, path):
    """B and the layers' norms from a checkpoint of this project: fc1.weight, fc2.weight, ... and
    its metadata.
    """
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    about = json.loads(header.pop("__metadata__")["car_spectral"])
    mean, std = (np.array(about["normalisation"][key]) for key in ("mean", "std"))
    _, height, width = about["architecture"]["input"]
    longest = np.sqrt(height * width * (np.maximum(mean, 1 - mean) / std) ** 2 @ np.ones(len(mean)))
    # Pixels are normalised in float32: B is larger by 1e-6 of itself for its rounding.
    checks.close("B", network["input_bound"], longest * (1 + 1e-6))
    names = sorted(header, key=lambda name: int("".join(filter(str.isdigit, name))))
    checks.exact("layers: number", len(network["layers"]), len(names))
    for name, found in zip(names, network["layers"]):
        tensor = header[name]
        w = np.frombuffer(data[slice(*tensor["data_offsets"])], {"F32": "<f4", "F64": "<f8"}[tensor["dtype"]])
        w = w.reshape(tensor["shape"]).astype(np.float64)
        checks.exact(f"layer {name}: shape", [found["rows"], found["columns"]], tensor["shape"])
        length = np.linalg.norm(w)
        ratio = found["frobenius"] / length - 1
        checks.row(f"layer {name}: Frobenius norm", -1e-13 <= ratio <= LIMIT, f"above NumPy's by {ratio:.1e} of itself")
        ratio = found["spectral_upper"] / spectral(w) - 1
        checks.row(f"layer {name}: s_l", -1e-13 <= ratio <= 1e-8, f"above NumPy's norm by {ratio:.1e} of itself")


def check_verdicts(checks, model):
    """T5's order: vacuous, violated, holds, undecided. T2 is judged by its first term alone, which
    cannot be violated.
    """
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
            if value > 1 - 1e-6 if bound["id"] == "T3''" else value >= 1:
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


def check_step(checks, model):
    """From training to test: what stands elsewhere in the report, and the differences."""
    step, test = model["train_to_test"], model["test"]
    if not step:
        return
    checks.exact("WCE beside the norms", step["wce_interval"], test["wce_interval"])
    held_out = test["hard"]["spectral_norm_weighted"]
    checks.row("test norm beside the training norms", step["test"] == held_out, "equal")
    key = "spectral_norm_weighted"
    same = [{"margin": at["margin"], key: at[key]} for at in model["train"]["margins"]]
    found = [{"margin": at["margin"], key: at[key]} for at in step["train"]]
    checks.row("training norms beside the test norm", found == same, "equal")
    differences = [held_out["value"] - at[key]["value"] for at in model["train"]["margins"]]
    checks.close("test less training", [at["test_minus_train"] for at in step["train"]], differences, 0.0, RELATIVE)


def chernoff_lower(seen, scale):
    """The root below `seen` of mu - X + X ln(X/mu) = scale."""
    if seen == 0 or scale <= 0:
        return seen
    # mu = X e^-y: e^-y - 1 + y = scale/X grows with y.
    return seen * np.exp(-brentq(lambda y: np.expm1(-y) + y - scale / seen, 0, scale / seen + 1, xtol=1e-300, rtol=1e-14))


def check_self_bounding(checks, found, rates, norm, counts, weights, delta, training):
    """T6': above by self-bounding; below by Chernoff's bound on pairs that the training predictions
    fix.
    """
    step = weights / counts
    scale = step.max() * np.log(2 / delta)
    upper = (np.sqrt(scale / 2) + np.sqrt(norm + scale / 2)) ** 2
    a_priori = np.sqrt((weights**2).sum() - (weights**2).min())
    checks.close("T6': upper end", found["self_bounding"][1], min(upper, a_priori), 1e-12)
    if training is None:
        return
    logits, labels = training
    rival, margin = competitors(logits, labels)
    trained = np.bincount(labels, minlength=len(counts))
    pairs, clear = [(np.ones(len(counts)), np.ones(len(counts)))], True
    for g in (0, 0.5, 1, 2, 4, 8, 16):
        matrix = share(count_matrix(rival, labels, margin <= g, len(counts)), trained) * weights
        if matrix.any():
            left, values, right = np.linalg.svd(matrix)
            pairs.append((np.abs(left[:, 0]), np.abs(right[0])))
            clear &= values[1] <= values[0] * (1 - 1e-4)
    checks.exact("T6': pairs", found["pairs"], len(pairs))
    union, lower = np.log(2 * len(pairs) / delta), 0.0
    for u, v in pairs:
        u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
        lower = max(lower, chernoff_lower(u @ (rates * weights) @ v, (step * v).max() * u.max() * union))
    if clear:
        checks.close("T6': lower end", found["self_bounding"][0], min(lower, upper, a_priori), 0.0, LIMIT * weights.max())
    else:  # a top pair that is not determined: the lower end may be another one's
        checks.row("T6': lower end", 0 <= found["self_bounding"][0] <= norm * (1 + RELATIVE), "a top pair is not unique")


def check_certificate(checks, model, settings, counts, hard, weights, training):
    """T6 and T6', from the enclosure of the held-out norm, which `check_norms` compares with
    NumPy's.
    """
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
    # Logarithms and roots in another order.
    checks.close("T6 sharp radius", certificate["radius_sharp"], sharp, 1e-11)
    norm = model["test"]["hard"]["spectral_norm_weighted"]
    a_priori = np.sqrt((weights**2).sum() - (weights**2).min())
    interval = [max(0.0, norm["lower"] - sharp), min(norm["upper"] + sharp, a_priori)]
    checks.close("T6 interval of the population's norm", certificate["interval"], interval, 0.0, 1e-11 * weights.max())
    check_self_bounding(checks, certificate, rates, norm["upper"], counts, weights, delta, training)


class Paired:
    """Model b against model a on the same samples: what b alone gets wrong counts for b."""

    def __init__(self, labels, a, b, classes):
        def count(chosen):
            return np.bincount(labels[chosen], minlength=classes)

        self.n = np.bincount(labels, minlength=classes)
        self.errors_a, self.errors_b = count(a != labels), count(b != labels)
        self.only_a, self.only_b = count((a != labels) & (b == labels)), count((b != labels) & (a == labels))

    def mean(self, chosen, macro, delta):
        """T8 (c) over the classes chosen."""
        n = self.n[chosen]
        w = 1 / (len(n) * n) if macro else np.full(len(n), 1 / n.sum())
        b, c = self.only_b[chosen], self.only_a[chosen]
        difference, level = (w * (b - c)).sum(), np.log(3 / delta)
        half = w.max() ** 2 * level / 2
        variance = (np.sqrt(half) + np.sqrt((w**2 * (b + c)).sum() + half)) ** 2
        radius = np.sqrt(2 * variance * level) + w.max() * level / 3
        return difference, max(-1.0, difference - radius), min(1.0, difference + radius)

    def worst_class(self, delta):
        """T8 (b): the interval of max e^b - max e^a, and the classes that decide its sign."""
        alpha, ones = delta / 8, np.ones(len(self.n))
        lower, upper, _ = difference_interval(self.only_b, self.only_a, self.n, alpha)
        of_a, of_b = candidates(self.errors_a, self.n, alpha), candidates(self.errors_b, self.n, alpha)
        paired = min(lower[of_a].min(), upper[of_b].max()), max(lower[of_a].min(), upper[of_b].max())
        ends = {}
        for name, errors in (("a", self.errors_a), ("b", self.errors_b)):
            ends[name] = simes_lower(errors, self.n, alpha, ones), largest_upper(errors, self.n, alpha, ones)[0]
        separate = ends["b"][0] - ends["a"][1], ends["b"][1] - ends["a"][0]
        low, high = max(paired[0], separate[0]), min(paired[1], separate[1])
        low, high = min(low, high), max(low, high)
        sign = verdict(low, high)
        if sign == "undecided":
            deciding = []
        elif sign == "better" and paired[1] < 0:
            deciding = of_b
        elif sign == "worse" and paired[0] > 0:
            deciding = of_a
        else:
            larger, smaller = (self.errors_a, self.errors_b) if sign == "better" else (self.errors_b, self.errors_a)
            below, _ = clopper_pearson(larger, self.n, np.full(len(self.n), alpha / len(self.n)))
            _, above = clopper_pearson(smaller, self.n, np.full(len(self.n), alpha))
            deciding = sorted({int(below.argmax()), int(above.argmax())})
        measured = share(self.errors_b, self.n).max() - share(self.errors_a, self.n).max()
        return measured, low, high, deciding


def check_difference(checks, name, found, expected, room=0.0):
    """A difference with its interval, whose ends are rounded outwards by at most `room`, and its
    verdict.
    """
    difference, lower, upper = expected
    checks.close(f"{name}: difference", found["difference"], difference, 0.0, RELATIVE)
    checks.outwards(f"{name}: lower end", found["interval"][0], lower, room, -1)
    checks.outwards(f"{name}: upper end", found["interval"][1], upper, room, 1)
    checks.exact(f"{name}: verdict", found["verdict"], verdict(lower, upper))


def check_comparisons(checks, report, tests):
    """T8: every two of up to three models, else each with the first, where the labels are the same.
    """
    number = len(tests)
    pairs = [(a, b) for a in range(number) for b in range(a + 1, number) if number <= 3 or a == 0]
    pairs = [(a, b) for a, b in pairs if same_samples(report, tests, a, b)]
    found = report["comparisons"]
    checks.exact("comparisons", [[at["a"], at["b"]] for at in found], [list(pair) for pair in pairs])
    for at in found:
        a, b, delta = at["a"], at["b"], report["settings"]["delta"] / len(pairs)
        classes = report["models"][a]["num_classes"]
        counts = Paired(tests[a][1], tests[a][0], tests[b][0], classes)
        seen, label = counts.n > 0, f"{b} against {a}"
        check_difference(checks, f"{label}, overall", at["overall"], counts.mean(seen, False, delta))
        check_difference(checks, f"{label}, macro", at["macro_average"], counts.mean(seen, True, delta))
        known = report["models"][a]["train_counts"] or report["models"][b]["train_counts"]
        train = np.full(classes, -1) if known is None else np.array(known)
        groups = {"many": train > 100, "medium": (train >= 20) & (train <= 100), "few": (train >= 0) & (train < 20)}
        for name, members in groups.items():
            for key, by_classes in ((name, False), (f"{name}_macro", True)):
                if (members & seen).any():
                    check_difference(checks, f"{label}, {key}", at[key], counts.mean(members & seen, by_classes, delta))
                else:
                    checks.row(f"{label}, {key}: empty group", at[key] is None, "null")
        *expected, deciding = counts.worst_class(delta)
        check_difference(checks, f"{label}, worst class", at["worst_class"], expected, 3 * OUTSIDE)
        checks.exact(f"{label}, worst class: deciding", at["worst_class"]["deciding"], deciding)
        check_class_differences(checks, label, at["classes"], counts, delta)


def check_class_differences(checks, label, found, counts, delta):
    known, difference = optional([at["difference"] for at in found])
    checks.exact(f"{label}: classes with samples", known, counts.n > 0)
    checks.close(f"{label}: differences", difference, share(counts.only_b - counts.only_a, counts.n), 0.0, RELATIVE)
    classes = len(counts.n)
    lower, upper, room = difference_interval(counts.only_b, counts.only_a, counts.n, delta / (2 * classes))
    intervals = np.array([at["interval"] for at in found])
    checks.outwards(f"{label}: lower ends of classes", intervals[:, 0], lower, room, -1)
    checks.outwards(f"{label}: upper ends of classes", intervals[:, 1], upper, room, 1)
    discordant = counts.only_a + counts.only_b
    p = [binomtest(int(b), int(m)).pvalue if m else 1.0 for b, m in zip(counts.only_b, discordant)]
    checks.close(f"{label}: McNemar's p-values", [at["p_value"] for at in found], p, p_value_room(discordant))
    b_worse = binom.sf(counts.only_b - 1, discordant, 0.5)
    b_better = binom.sf(counts.only_a - 1, discordant, 0.5)
    adjusted = holm(np.column_stack([b_worse, b_better]).ravel()).reshape(-1, 2)
    expected = ["worse" if x <= delta else "better" if y <= delta else "undecided" for x, y in adjusted]
    checks.exact(f"{label}: signs by Holm's method", [at["verdict"] for at in found], expected)


def p_value_room(discordant):
    """By what share of itself a p-value may be too large: it is rounded upwards, little where few
    images count.
    """
    return np.where(np.asarray(discordant) <= 1000, 1e-11, 2e-9 + 2e-13 * np.asarray(discordant))


def same_samples(report, tests, a, b):
    models = report["models"]
    return models[a]["num_classes"] == models[b]["num_classes"] and np.array_equal(tests[a][1], tests[b][1])


def check_groups(checks, report, tests):
    """T9: each later group against the first, between seeds and for these networks."""
    models, found = report["models"], report["groups"]
    for at in found:
        label, delta = f"{at['b']} against {at['a']}", report["settings"]["delta"] / len(found)
        same = at["a"] == found[0]["a"] and at["models_a"] == found[0]["models_a"]
        checks.row(f"{label}: the first group", same, at["a"])
        seeds = [[models[index]["source"]["seed"] for index in at[key]] for key in ("models_a", "models_b")]
        paired = None not in seeds[0] and seeds[0] == seeds[1]
        checks.exact(f"{label}: paired", at["paired"], paired)
        errors = {index: measured_errors(*tests[index], models[index]["num_classes"]) for index in at["models_a"] + at["models_b"]}
        for place, key in enumerate(("overall", "worst_class")):
            a, b = (np.array([errors[index][place] for index in at[side]]) for side in ("models_a", "models_b"))
            check_seeds(checks, f"{label}, {key}", at[key], a, b, paired, delta)
        counts = next((models[index]["train_counts"] for index in errors if models[index]["train_counts"]), None)
        for name, members in group_members(counts, next(iter(errors.values()))[2]):
            of_side = [np.array([errors[index][2][members].mean() for index in at[side]]) for side in ("models_a", "models_b")]
            if len(members):
                check_seeds(checks, f"{label}, {name}", at[f"{name}_macro"], *of_side, paired, delta)
            else:
                checks.row(f"{label}, {name}", at[f"{name}_macro"] is None, "null")
        together = at["models_a"] + at["models_b"]
        if not all(same_samples(report, tests, together[0], index) for index in together):
            checks.row(f"{label}: on different samples", at["these_networks"] is None, "null")
            continue
        if len(at["models_a"]) == len(at["models_b"]):
            pairs = list(zip(at["models_a"], at["models_b"]))
        else:
            pairs = [(a, b) for a in at["models_a"] for b in at["models_b"]]
        of_pairs = [
            Paired(tests[a][1], tests[a][0], tests[b][0], models[a]["num_classes"]).worst_class(delta / len(pairs))[:3]
            for a, b in pairs
        ]
        check_difference(checks, f"{label}, these networks", at["these_networks"], np.mean(of_pairs, axis=0), 3 * OUTSIDE)


def group_members(train_counts, errors):
    """Classes with test samples of many (above 100), medium (20 to 100) and few training samples.
    """
    counts = np.full(len(errors), -1) if train_counts is None else np.array(train_counts)
    seen = ~np.isnan(errors)
    several = {"many": counts > 100, "medium": (counts >= 20) & (counts <= 100), "few": (counts >= 0) & (counts < 20)}
    return [(name, np.flatnonzero(members & seen)) for name, members in several.items()]


def measured_errors(predicted, labels, classes):
    """The error over all samples, that of the worst class, and of each class (NaN without samples).
    """
    counts = np.bincount(labels, minlength=classes)
    wrong = np.bincount(labels[predicted != labels], minlength=classes)
    of_classes = np.where(counts > 0, wrong / np.maximum(counts, 1), np.nan)
    return (predicted != labels).mean(), np.nanmax(of_classes), of_classes


def check_seeds(checks, name, found, a, b, paired, delta):
    """Student's interval over pairs of seeds, Welch's without pairs; the sign test; the seeds for
    power 0.8.
    """
    if paired:
        x = b - a
        mean, error, freedom = x.mean(), x.std(ddof=1) / np.sqrt(len(x)), len(x) - 1
        signs = int((x > 0).sum()), int((x < 0).sum())
        sign = binomtest(signs[0], sum(signs)).pvalue if sum(signs) else 1.0
        checks.close(f"{name}: sign test", found["sign_test"], sign, 1e-10)
        checks.close(f"{name}: deviation", found["deviation"], x.std(ddof=1), 1e-10)
    else:
        of_a, of_b = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
        mean, error = b.mean() - a.mean(), np.sqrt(of_a + of_b)
        freedom = min(len(a), len(b)) - 1
        if error > 0:
            freedom = (of_a + of_b) ** 2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1))
        checks.row(f"{name}: nothing of pairs", found["sign_test"] is None and found["deviation"] is None, "null")
    checks.close(f"{name}: difference", found["difference"], mean, 0.0, RELATIVE)
    spread = error > 1e-9 * abs(np.concatenate([a, b])).max()
    if spread:
        radius = student.isf(delta / 2, freedom) * error
        checks.close(f"{name}: interval", found["interval"], [mean - radius, mean + radius], 1e-10, LIMIT)
        checks.exact(f"{name}: verdict", found["verdict"], verdict(mean - radius, mean + radius))
    else:
        checks.row(f"{name}: no spread", found["interval"] is None and found["verdict"] == "undecided", "undecided")
    if not paired or mean == 0 or not spread:
        return checks.row(f"{name}: seeds needed", found["seeds_needed"] is None, "null")

    def power(n):
        critical, shift = student.isf(delta / 2, n - 1), abs(mean) / x.std(ddof=1) * np.sqrt(n)
        return nct.sf(critical, n - 1, shift) + nct.cdf(-critical, n - 1, shift)

    needed = found["seeds_needed"]
    if needed is None:
        return checks.row(f"{name}: seeds needed", power(10**7) < POWER, "more than 10,000,000")
    reached, before = power(needed), power(needed - 1) if needed > 2 else 0.0
    right = needed >= 2 and reached >= POWER - 1e-6 and before < POWER + 1e-6
    checks.row(f"{name}: seeds needed", bool(right), f"n = {needed}: {reached:.6f}, one less {before:.6f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report")
    parser.add_argument("--test", required=True)
    parser.add_argument("--train")
    parser.add_argument("--weights", help="the checkpoint of an mlp, .safetensors")
    parser.add_argument("--model", type=int, default=0)
    parser.add_argument("--against", nargs="+", metavar="TEST", help="test predictions of all models, in the report's order")
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
    comparisons = max(1, len(report["comparisons"]))
    check_test(checks, model["test"], settings, comparisons, counts, errors, hard, weights, train_counts)
    check_confusions(checks, model, hard, counts, weights)
    training = load(arguments.train) if arguments.train else None
    if training:
        check_split(checks, "train", model["train"], *training, weights, settings["margins"])
        check_ratio(checks, model)
    alpha = settings["delta"] / (2 * classes * settings["models_compared"])
    checks.close("level of each one-sided limit", model["delta_per_class"], alpha)
    check_bounds(checks, model, settings, weights, classes)
    check_randomised(checks, model, settings)
    check_margin_bounds(checks, model, settings)
    if arguments.weights and model["network"]:
        check_layers(checks, model["network"], arguments.weights)
    check_verdicts(checks, model)
    check_tightness(checks, model)
    check_floors(checks, model, settings)
    check_certificate(checks, model, settings, counts, hard, weights, training)
    check_step(checks, model)
    if arguments.against:
        checks.exact("predictions of all models", len(arguments.against), len(report["models"]))
        tests = [(logits.argmax(axis=1), labels) for logits, labels in map(load, arguments.against)]
        check_comparisons(checks, report, tests)
        check_groups(checks, report, tests)
    elif len(report["models"]) == 1:
        checks.row("one model alone", report["comparisons"] == [] and report["groups"] == [], "no comparison")
    print(f"{checks.count - checks.failed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
