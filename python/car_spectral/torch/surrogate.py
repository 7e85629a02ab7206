"""Gate times competition for each sample: the differentiable confusion of CAR (equation 7)."""

from __future__ import annotations

import torch
from torch import Tensor

from .options import CAROptions

# Leads of which the largest is below this count as none, so that 1 / lead stays in range.
_NO_LEAD = 2.0**-100


def sample_surrogate(logits: Tensor, targets: Tensor, options: CAROptions) -> Tensor:
    """Give S [B, K], S_qi = gate(f_i - f_j) competition_i(f), 0 at the sample's own class j."""
    own_class = targets.unsqueeze(1)
    own = logits.gather(1, own_class)
    if options.competition == "relu":
        shares = _relu_shares(logits, own, own_class, options)
    else:
        scores = logits
        if options.competition == "softmax-competitors":
            scores = logits.scatter(1, own_class, -torch.inf)
        shares = _softmax(scores, options.temperature)
    if options.gate != "one":
        shifted = logits - own + options.margin
        gate = shifted.sigmoid() if options.gate == "sigmoid" else shifted.relu()
        shares = shares * (gate if options.gate_gradient else gate.detach())
    if options.competition == "softmax-all":
        return shares.scatter(1, own_class, 0.0)
    return shares


def _relu_shares(logits: Tensor, own: Tensor, own_class: Tensor, options: CAROptions) -> Tensor:
    baseline = own if options.baseline_gradient else own.detach()
    leads = (logits - baseline).scatter(1, own_class, 0.0).relu()
    # Over the largest, a constant, their sum cannot overflow, and the gradient of a single leader's
    # share, which is 1 whatever its lead, cancels exactly.
    largest = leads.detach().amax(1, keepdim=True)
    no_lead = largest < _NO_LEAD
    leads = leads / largest.masked_fill(no_lead, torch.inf)
    return leads / leads.sum(1, keepdim=True).masked_fill(no_lead, 1.0)


def _softmax(scores: Tensor, temperature: float) -> Tensor:
    if temperature == 1.0:
        return scores.softmax(1)
    # Below the largest, what the quotient may overflow to is -inf, whose share is 0.
    return ((scores - scores.detach().amax(1, keepdim=True)) / temperature).softmax(1)
