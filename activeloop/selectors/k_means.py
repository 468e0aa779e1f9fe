"""k-means, a row for each centroid."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.types import OPEN

SEED_END = 2**31  # scikit-learn takes seeds below


def k_means(features: Tensor, labels: Tensor, n: int, rng: Generator, *, restarts: int = 1) -> Tensor:
    """Picks that are typical of the pool: the row nearest to each centroid.

    As many clusters as picks and labelled rows together, fitted on all rows; clusters that hold a labelled row are
    skipped, the largest of the others come first, and where they are fewer than `n` the cycle starts anew with the
    next nearest rows. Nothing is picked twice.

    features: [m, D], Euclidean.    labels: [m], -1 open, -2 skipped.
    returns:  [n] positions, largest cluster first.
    cost:     scikit-learn's Lloyd iterations, `restarts` times; O(m D) memory.
    source:   "Sparse Label Learning" study, 2021 (variant: nearest to the centroid).
    """
    from sklearn.cluster import KMeans

    points = features.float().cpu().numpy()
    held, free = (labels >= 0).cpu().numpy(), (labels == OPEN).cpu().numpy()
    clusters = min(n + int(held.sum()), len(points))
    fitted = KMeans(clusters, n_init=restarts, random_state=int(rng.integers(SEED_END))).fit(points)
    distance = np.linalg.norm(points - fitted.cluster_centers_[fitted.labels_], axis=1)
    return torch.from_numpy(_one_of_each(fitted.labels_, distance, held, free)[:n].copy())


def _one_of_each(
    cluster: NDArray[np.int32], distance: NDArray[np.float32], held: NDArray[np.bool_], free: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """All free positions, ordered: first one of each cluster with no label, largest cluster first, then the others."""
    order = np.lexsort((distance, cluster))
    order = order[free[order]]
    starts = np.flatnonzero(np.r_[True, cluster[order][1:] != cluster[order][:-1]])
    turn = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))  # nearest of its cluster: 0
    sizes, labelled = np.bincount(cluster), np.bincount(cluster, weights=held)
    # a cluster that holds k labels has had k turns already
    return order[np.lexsort((cluster[order], -sizes[cluster[order]], turn + labelled[cluster[order]]))]
