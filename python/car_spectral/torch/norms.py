"""The penalised norm of M = Hᵀ diag(w) with the vector pairs of a subgradient, without a host read.

========  ============================================  ==========================================
norm      pairs (x_i, y_i): norm = sum of x_iᵀ M y_i    how
========  ============================================  ==========================================
spectral  the top singular pair                         Lanczos from the last u, a fixed number of
                                                        steps
Ky Fan    r singular pairs                              a full decomposition
one       (1, e_j), j the largest column sum            column sums
========  ============================================  ==========================================
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# Share of the constant vector in the start. M has no negative entry, so by Perron and Frobenius
# sigma_1 has a u without one: a start whose every component is positive is not orthogonal to it,
# also where M falls into blocks. That is why the start is never the previous u alone.
_CONSTANT = 0.1


class Pairs(NamedTuple):
    """A norm of M, and the vectors of its subgradient."""

    #: The norm, a scalar.
    value: Tensor
    #: x_i by predicted class, [r, K].
    left: Tensor
    #: y_i by true class, [r, K].
    right: Tensor
    #: ‖M v - sigma u‖ / sigma of the spectral pair, a scalar; 0 for the other norms.
    residual: Tensor


def spectral(by_true_class: Tensor, weights: Tensor, previous: Tensor, steps: int) -> Pairs:
    """Give sigma_1 of M = Hᵀ diag(weights) after `steps` steps of Lanczos on M Mᵀ.

    H `[K, K]` (row = true class) and `weights` `[K]` have no negative entry; `previous` `[K]` is a
    guess of u, of norm 1 or 0. sigma is uᵀ M v of unit vectors, hence never above sigma_1. With
    steps = K it is exact. At M = 0 all parts are 0.
    """
    classes, kind = by_true_class.shape[0], by_true_class.dtype
    steps = min(steps, classes)
    start = previous.abs() + _CONSTANT / classes**0.5
    start = start / start.norm()
    # Lanczos squares M; at this scale no power of it leaves the range of the kind.
    scale = (by_true_class.mv(start) * weights).amax()
    scale = torch.where(scale > 0, scale, 1.0)
    scaled = (weights / scale).clamp_max(1e37 if kind == torch.float32 else 1e307)
    basis = by_true_class.new_zeros(steps + 1, classes)
    images = by_true_class.new_zeros(steps, classes)
    basis[0] = start
    by_predicted_class = by_true_class.t()
    beta = scale
    for step in range(steps):
        images[step] = by_true_class.mv(basis[step]) * scaled
        known = basis[: step + 1]
        once = by_predicted_class.mv(images[step] * scaled)
        once = once - known.t().mv(known.mv(once))
        twice = once - known.t().mv(known.mv(once))
        beta = twice.norm()
        # Twice is enough unless the second time takes as much again: then only rounding was left,
        # and the next vector is 0.
        independent = beta > 0.5 * once.norm()
        basis[step + 1] = twice / torch.where(independent, beta, torch.inf)
    coefficients = _top_eigenvector(images)
    left, image = basis[:steps].t().mv(coefficients), images.t().mv(coefficients)
    left_norm, image_norm = left.norm(), image.norm()
    sigma = image_norm / left_norm
    return Pairs(
        value=sigma * scale,
        left=(left / left_norm).unsqueeze(0),
        right=(image / _or_one(image_norm)).unsqueeze(0),
        residual=beta * coefficients[-1].abs() / _or_one(sigma * sigma),
    )


def _top_eigenvector(images: Tensor) -> Tensor:
    """Give the top eigenvector of G = Z Zᵀ by squaring G again and again: no host read, no sync.

    After n squarings an eigenvalue that is smaller by the share d has faded to exp(-2ⁿ d).
    """
    kind = images.dtype
    if images.device.type != "mps":  # which has no float64
        images = images.double()
    gram = images @ images.t()
    # At trace 1 the largest eigenvalue of m is at least 1/m, after four squarings m^-16.
    gram = gram / _or_one(gram.diagonal().sum())
    for _ in range(6 if kind == torch.float32 else 10):
        for _ in range(4):
            gram = gram @ gram
        gram = gram / _or_one(gram.diagonal().sum())
    column = gram.diagonal().argmax()
    vector = gram.index_select(1, column.view(1)).squeeze(1)
    # At G = 0 any vector will do: the first.
    first = torch.zeros_like(vector)
    first[0] = 1.0
    vector = torch.where(vector.norm() > 0, vector, first)
    unit: Tensor = vector / vector.norm()
    return unit.to(kind)


def ky_fan(by_true_class: Tensor, weights: Tensor, order: int) -> Pairs:
    """Give the sum of the `order` largest singular values of M; rounding has no vectors."""
    weighted = by_true_class * weights.unsqueeze(1)
    scale = _or_one(weighted.amax())
    right, values, left = torch.linalg.svd(weighted / scale)
    values = values[:order]
    limit = values[0] * (1e-5 if values.dtype == torch.float32 else 1e-8)
    told = (values > limit).to(values.dtype).unsqueeze(1)
    return Pairs(
        value=values.sum() * scale,
        left=left[:order] * told,
        right=right[:, :order].t() * told,
        residual=torch.zeros_like(scale),
    )


def one(by_true_class: Tensor, weights: Tensor) -> Pairs:
    """Give the largest column sum of M."""
    sums = by_true_class.sum(1) * weights
    largest = sums.argmax()
    value = sums.amax()
    right = torch.zeros_like(sums).index_fill(0, largest.view(1), 1.0) * (value > 0)
    return Pairs(
        value=value,
        left=torch.ones_like(sums).unsqueeze(0),
        right=right.unsqueeze(0),
        residual=torch.zeros_like(value),
    )


def _or_one(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 1.0)
