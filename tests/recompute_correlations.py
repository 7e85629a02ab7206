#!/usr/bin/env python3
"""Recompute the rank correlations over runs from their logs, by SciPy and by a bootstrap of its
own.

    recompute_correlations.py CORRELATIONS.json LOG.jsonl...

Prints a line a number, `ok` or `FAILED`; exit code 1 if one failed. The logs are those of the runs,
in their order.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import stats

PREDICTORS = {
    "hard-norm": lambda m: m["hard_spectral_norm"],
    "surrogate-norm": lambda m: m["surrogate_spectral_norm"],
    "error": lambda m: 1.0 - m["accuracy"],
    "loss": lambda m: m["loss"],
}
TARGETS = {
    "worst-class": lambda m: m["worst_class_error"],
    "worst-tenth": lambda m: m.get("worst_tenth_error"),
    "wce": lambda m: m["wce"],
}
RESAMPLES = 4000


def nine_digits(value):
    """What differs by less is a tie."""
    return None if value is None else float(f"{value:.8e}")


def rho(x, y):
    """None where a variable is missing or constant."""
    if any(value is None for value in [*x, *y]) or len(x) < 3:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = stats.spearmanr(x, y).statistic
    return None if np.isnan(found) else float(found)


def centred_ranks(values):
    """None where one is missing or all are the same."""
    if any(value is None for value in values):
        return None
    ranks = stats.rankdata(values)
    ranks -= ranks.mean()
    norm = np.linalg.norm(ranks)
    return ranks / norm if norm > 0 else None


def close(a, b, tolerance):
    return a is None and b is None or None not in (a, b) and abs(a - b) <= tolerance


def main():
    groups = json.loads(Path(sys.argv[1]).read_text())
    runs = []
    for log in sys.argv[2:]:
        lines = [json.loads(line) for line in Path(log).read_text().splitlines()]
        runs.append([line for line in lines if line["train"] and line["test"]])
    assert len(groups) == 1 and len(groups[0]["runs"]) == len(runs)
    random = np.random.default_rng(20261125)
    draws = random.integers(0, len(runs), (RESAMPLES, len(runs)))
    failed = 0

    def check(name, found, expected, tolerance):
        nonlocal failed
        good = close(found, expected, tolerance)
        failed += not good
        print("ok    " if good else "FAILED", name, found, expected)

    for scope in groups[0]["scopes"]:
        points = runs if scope["scope"] == "all-epochs" else [run[-1:] for run in runs]

        def values(drawn, split, read):
            return [nine_digits(read(line[split])) for run in drawn for line in points[run]]

        def correlation(drawn, split, predictor, target):
            return rho(values(drawn, split, PREDICTORS[predictor]), values(drawn, "test", TARGETS[target]))

        everything = range(len(runs))
        check(f"{scope['scope']} points", scope["points"], sum(len(run) for run in points), 0)
        for variable in scope["variables"]:
            split, name = variable["name"].split(" ")
            found = values(everything, split, (PREDICTORS | TARGETS)[name])
            expected = None if None in found else len(set(found))
            check(f"{scope['scope']} {variable['name']} distinct", variable["distinct"], expected, 0)

        # Ranks of every variable once a draw, for the many resamples; what was observed goes
        # through spearmanr.
        names = [(split, name) for split in ("train", "test") for name in PREDICTORS] + [("test", name) for name in TARGETS]
        ranked = [
            {key: centred_ranks(values(drawn, key[0], (PREDICTORS | TARGETS)[key[1]])) for key in names} for drawn in draws
        ]

        def resample(ranks, split, predictor, target):
            a, b = ranks[split, predictor], ranks["test", target]
            return None if a is None or b is None else float(a @ b)

        resampled = {}
        for entry in scope["correlations"]:
            key = entry["measured_on"], entry["predictor"], entry["target"]
            name = " ".join([scope["scope"], *key])
            expected = correlation(everything, *key)
            check(f"{name} rho", entry["rho"], expected, 1e-12)
            if expected is None:
                check(f"{name} interval", entry["interval"], None, 0)
                continue
            resampled[key] = [resample(ranks, *key) for ranks in ranked]
            compare_interval(check, name, entry["interval"], resampled[key], len(runs))
        for entry in scope["comparisons"]:
            split, target = entry["measured_on"], entry["target"]
            pair = [(split, entry[side], target) for side in ("norm", "rival")]
            name = " ".join([scope["scope"], split, entry["norm"], "less", entry["rival"], target])
            if any(key not in resampled for key in pair):
                check(f"{name} difference", entry["difference"], None, 0)
                continue
            observed = [correlation(everything, *key) for key in pair]
            check(f"{name} difference", entry["difference"], observed[0] - observed[1], 1e-12)
            differences = [None if None in both else both[0] - both[1] for both in zip(*(resampled[key] for key in pair))]
            compare_interval(check, name, entry["interval"], differences, len(runs))
    return 1 if failed else 0


def compare_interval(check, name, interval, resampled, runs):
    defined = [value for value in resampled if value is not None]
    share = 1 - len(defined) / len(resampled)
    # Near the limit of a twentieth two draws may come to lie on either side.
    if 0.03 < share < 0.07:
        return
    if share > 0.05 or runs < 5:
        check(f"{name} interval", interval, None, 0)
        return
    # Two sets of draws: the quantile of one lies between neighbouring quantiles of the other.
    for end, p in zip(interval or [None, None], (0.025, 0.975)):
        low, high = np.quantile(defined, [max(p - 0.012, 0), min(p + 0.012, 1)])
        inside = end is not None and low - 1e-9 <= end <= high + 1e-9
        check(f"{name} interval at {p}", end, end if inside else float(np.quantile(defined, p)), 0)


if __name__ == "__main__":
    sys.exit(main())
