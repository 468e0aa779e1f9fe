"""Predictions counted as votes: an argmax would make a class of nan, so nan is kept."""

from __future__ import annotations

import torch
from torch import Tensor


def shares(probs: Tensor) -> Tensor:
    """[n, C], float64: the share of a row's K predictions that go to each class; nan where any of them is nan.

    probs: [n, K, C].
    """
    votes = probs.argmax(dim=-1)
    counts = torch.zeros(len(probs), probs.shape[-1], dtype=torch.float64, device=probs.device)
    counts.scatter_add_(1, votes, torch.ones_like(votes, dtype=torch.float64))
    return kept_nan(counts / votes.shape[1], probs)


def kept_nan(found: Tensor, probs: Tensor) -> Tensor:
    """`found` [n, ...], and nan for rows of which any probability [n, K, C] is nan."""
    is_nan = probs.flatten(1).sum(dim=1).isnan()
    return found.masked_fill(is_nan.view(-1, *[1] * (found.dim() - 1)), torch.nan)
