"""The most typical rows of a pool, or the least."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.clusters import clustered, warn_of_repeats
from activeloop.types import OPEN


def prototypical(
    features: Tensor, labels: Tensor, n: int, rng: Generator, *, clusters: int = 0, take: str = "nearest"
) -> Tensor:
    """Picks nearest to a centroid of k-means, whichever it is: the easiest rows of the pool, or with "farthest" the hardest.

    Not spread over clusters: a tight cluster may give all picks, and a row alone in its cluster counts as typical of it.
    The paper prunes with labels in mind: keep easy rows where data is scarce, hard ones where it is plenty.

    features: [m, D], Euclidean.    labels: [m], -1 open, -2 skipped.
    clusters: 0: the square root of m / 2. The paper takes the number of classes, and finds little change from a tenth
              of it to ten times as many.
    take:     "nearest" or "farthest".
    returns:  [n] positions, ties by `rng`.
    cost:     a fit of k-means; one copy of the features.
    raises:   ConfigError for options, BadScores for nan; warns of picks that equal one another.
    source:   Sorscher et al. 2022, arXiv:2206.14486, section 6 (the self-supervised prototypes metric).
    """
    if take not in ("nearest", "farthest"):
        raise ConfigError(f"take is {take!r}; allowed are 'nearest' and 'farthest'.")
    found = clustered(features, clusters or max(1, round(math.sqrt(len(features) / 2))), rng)
    key = found.distance if take == "nearest" else -found.distance
    order = np.lexsort((rng.permutation(len(features)), key.numpy()))
    picks = torch.from_numpy(order[(labels == OPEN).cpu().numpy()[order]][:n].copy())
    warn_of_repeats(features, labels, picks)
    return picks
