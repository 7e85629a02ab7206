"""CARLoss against the f64 reference of the Rust library, on random options and batches."""

import json

import numpy as np
import torch

from car_spectral import _core
from car_spectral.torch import CARLoss, CAROptions

CHOICES = {
    "gate": ["sigmoid", "one", "relu"],
    "competition": ["softmax-all", "softmax-competitors", "relu"],
    "gate_gradient": [True, False],
    "baseline_gradient": [True, False],
    "start": ["zero", "first-batch", "bias-corrected"],
    "columns": ["all", "present"],
    "weights": ["paper", "official", "none"],
    "norm": ["spectral", "spectral", "one", "ky-fan:2"],
}
# Where the norm has one subgradient, and how near it may come to a point where it has several.
SIMPLE = 1e-3


def as_rust_has_them(options):
    return json.dumps(
        {
            "alpha": options.alpha,
            "surrogate": {
                name: getattr(options, name)
                for name in (
                    "margin",
                    "temperature",
                    "gate",
                    "competition",
                    "gate_gradient",
                    "baseline_gradient",
                )
            },
            "ema": {name: getattr(options, name) for name in ("beta", "start", "columns")},
            "r0": options.r0,
            "weights": options.weights,
            "norm": options.norm,
        }
    )


def test_five_hundred_random_cases():
    compared = 0
    for seed in range(500):
        generator = np.random.default_rng(seed)
        classes, size = int(generator.integers(2, 13)), int(generator.integers(1, 20))
        options = CAROptions(
            **{
                name: choices[generator.integers(len(choices))] for name, choices in CHOICES.items()
            },
            margin=float(generator.choice([0.0, 0.1, 1.0])),
            temperature=float(generator.choice([0.5, 1.0, 2.0])),
            beta=float(generator.choice([0.0, 0.5, 0.9])),
        )
        counts = generator.integers(1, 500, classes).tolist()
        reference = _core.Reference(counts, as_rust_has_them(options))
        double, single = CARLoss(counts, options).double(), CARLoss(counts, options)
        for step in range(3):
            logits = 2.0 * generator.standard_normal((size, classes))
            targets = generator.integers(0, classes, size)
            _, penalty, gap, _, average, _, gradient = reference.step(logits, targets)
            for criterion, kind, tolerance in (
                (double, torch.float64, 1e-10),
                (single, torch.float32, 1e-4),
            ):
                x = torch.tensor(logits, dtype=kind, requires_grad=True)
                criterion(x, torch.from_numpy(targets)).backward()
                where = f"seed {seed}, step {step}, {kind}, {options}"
                scale = max(1.0, penalty)
                assert abs(criterion.last_penalty.item() - penalty) <= tolerance * scale, where
                assert np.abs(criterion.ema.numpy() - average).max() <= tolerance * scale, where
                # A lead of rounding size is a kink of the relu competition, too.
                if gap > SIMPLE and not (kind == torch.float32 and options.competition == "relu"):
                    error = np.abs(x.grad.numpy() - gradient).max()
                    assert error <= 10 * tolerance * scale / min(gap, 1.0), (where, error)
                    compared += 1
    assert compared > 1500
