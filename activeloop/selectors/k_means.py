"""k-means, a row for each centroid."""

from __future__ import annotations

import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.clusters import clustered, in_turns, warn_of_repeats


def k_means(
    features: Tensor, labels: Tensor, n: int, rng: Generator, *,
    restarts: int = 1, clusters: int = 0, per_cluster: str = "nearest",
) -> Tensor:  # fmt: skip
    """Picks that are typical of the pool: the row nearest to each centroid.

    As many clusters as picks and labelled rows together, fitted on all rows; clusters that hold a labelled row are
    skipped, the largest of the others come first, and where they are fewer than `n` the cycle starts anew with the
    next nearest rows. Nothing is picked twice. With fewer clusters than picks, several rows stand for each: the nearest
    ones are then much alike, rows drawn at random show how a cluster spreads.

    features: [m, D], Euclidean.    labels: [m], -1 open, -2 skipped.
    clusters: 0: picks and labelled rows together.    per_cluster: "nearest" or "random".
    returns:  [n] positions, largest cluster first; ties by `rng`.
    cost:     `restarts` fits of k-means; one copy of the features.
    raises:   ConfigError for options, BadScores for nan; warns of picks that equal one another.
    source:   "Sparse Label Learning" study, 2021 (variants: nearest to the centroid, random in the cluster).
    """
    if per_cluster not in ("nearest", "random"):
        raise ConfigError(f"per_cluster is {per_cluster!r}; allowed are 'nearest' and 'random'.")
    wanted = clusters or min(n + int((labels >= 0).sum()), len(features))
    found = clustered(features, wanted, rng, restarts=restarts)
    key = found.distance if per_cluster == "nearest" else torch.zeros(len(features))
    picks = in_turns(found.assignment, key, labels, rng)[:n]
    warn_of_repeats(features, labels, picks)
    return picks
