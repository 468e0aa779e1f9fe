"""Predictions counted as votes: an argmax would make a class of nan, so nan is kept."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def shares(probs: Tensor) -> Tensor:
    """[n, C], float64: the share of a row's K predictions that go to each class; nan where any of them is nan.

    probs: [n, K, C].
    """
    return kept_nan(one_hot(probs.argmax(dim=-1), probs.shape[-1]).double().mean(dim=1), probs)


def kept_nan(found: Tensor, probs: Tensor) -> Tensor:
    """`found` [n, ...], and nan for rows of which any probability [n, K, C] is nan."""
    return found.masked_fill(probs.isnan().flatten(1).any(dim=1).view(-1, *[1] * (found.dim() - 1)), torch.nan)
