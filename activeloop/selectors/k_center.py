"""Greedy k-center."""

from __future__ import annotations

import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.types import OPEN


def k_center(features: Tensor, labels: Tensor, n: int, rng: Generator) -> Tensor:
    """Picks that cover the pool: each is the row farthest from all rows chosen so far.

    The radius reached is at most twice the smallest possible. Labelled rows count as chosen; among equally far rows,
    as all are at first in an unlabelled pool, `rng` decides. Draws outliers: prefer `k-means` where they are junk.

    features: [m, D], Euclidean.    labels: [m], -1 open, -2 skipped.
    returns:  [n] positions, in the order picked.
    cost:     one pass over the features per labelled row and per pick; O(m) memory.
    source:   Sener & Savarese 2018, arXiv:1708.00489, algorithm 1.
    """
    features = features.float()
    nearest = torch.full((len(features),), torch.inf, device=features.device)

    def approach(centre: int) -> None:
        """Lower `nearest` to the distance from this centre; by differences, since |a|² + |b|² - 2ab cancels far from 0."""
        reach = torch.cdist(features, features[centre, None], compute_mode="donot_use_mm_for_euclid_dist")
        torch.minimum(nearest, reach[:, 0], out=nearest)

    for centre in (labels >= 0).nonzero().flatten().tolist():
        approach(centre)

    free, picks = labels == OPEN, []
    for _ in range(n):
        reach = nearest.masked_fill(~free, -torch.inf)
        farthest = (reach == reach.max()).nonzero().flatten()
        pick = int(farthest[rng.integers(len(farthest))])
        picks.append(pick)
        free[pick] = False  # a duplicate of a pick is as near as the pick itself
        approach(pick)
    return torch.tensor(picks, dtype=torch.int64)
