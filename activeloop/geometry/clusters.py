"""Clusters of rows: k-means, and rows taken from clusters in turn."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.neighbours import refuse_huge
from activeloop.types import OPEN

SEED_END = 2**31  # scikit-learn and faiss take seeds below
# Rows x clusters x features up to which scikit-learn fits. On one Xeon core faiss was never slower: 0.08 against 0.13 s at
# 6e7 (10,000 x 64, 100 clusters), 0.25 against 1.2 s at 5e8 (10,000 x 512, 100), 2 against 6 s at 5e8 (60,000 x 784, 10).
# Below, the tenth of a second that it saves buys less than iterating until nothing moves does (inertia lower by up to 3 %).
SMALL = 50_000_000
ITERATIONS = 25  # of faiss, its default: on MNIST, 100 clusters, inertia then is 0.2 % above the converged one
# faiss starts from rows drawn at random: on 100 well-separated clusters its inertia ended 12 % above that from greedy
# k-means++ over 8 rows a centroid, and 0.1 % above on MNIST. With more clusters than these, that start took longer than
# the fit itself (2.4 against 1.6 s at 10,000 x 784, 500 clusters) to gain 0.7 %.
SPREAD_UP_TO, SPREAD_ROWS, SPREAD_LEAST = 256, 8, 2048
AT_ONCE = 1 << 22  # numbers in a temporary of rows: 16 MB
NOISE = -1  # the cluster of rows that are in none


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which cluster each row is in, and how far it is from that cluster's centre.

    assignment: [m] int64, in 0..k-1.    centres: [k, D] float32.    distance: [m] float32, Euclidean.
    Where rows repeat, clusters may be empty; their centres are then without meaning.
    """

    assignment: Tensor
    centres: Tensor
    distance: Tensor


def clustered(features: Tensor, k: int, rng: Generator, *, restarts: int = 1) -> Clusters:
    """k-means of all rows: the best of `restarts` fits by the sum of squared distances.

    Small fits run in scikit-learn until they converge, larger ones in faiss for 25 iterations over all rows, not over
    the 256 a centroid that faiss would draw. The seed alone decides: scikit-learn, whose sums change with the number of
    threads, is given one; faiss gave the same bits with one and with two, though it does not promise that.

    features: [m, D], Euclidean, on any device; the result is on the CPU.
    cost:     2 m k D operations an iteration; one float32 copy of the features.
    raises:   ConfigError for k and restarts, BadScores for nan.
    """
    refuse_huge(features)
    if not 1 <= k <= len(features):
        raise ConfigError(f"{k:,} clusters were asked for, of {len(features):,} rows: ask for 1 to {len(features):,}.")
    if restarts < 1:
        raise ConfigError(f"restarts is {restarts}; k-means needs 1 fit or more.")
    points = features.detach().to("cpu", torch.float32)
    if k == len(points):
        return Clusters(torch.arange(k), points.clone(), torch.zeros(k))
    middle = points.mean(dim=0, dtype=torch.float64).float()
    centred = (points - middle).contiguous()  # the products of both libraries cancel far from the origin
    fits = [_fitted(centred.numpy(), k, int(rng.integers(SEED_END))) for _ in range(restarts)]
    best = min((_measured(centred, *fit) for fit in fits), key=lambda fit: float(fit.distance.double().square().sum()))
    return Clusters(best.assignment, best.centres + middle, best.distance)


def in_turns(assignment: Tensor, key: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """All open positions: first one of each cluster, then a second of each, and so on; the largest cluster first.

    A cluster that holds k labels has had k turns already. Within a cluster the least `key` comes first; equal keys and
    equally large clusters come in an order drawn by `rng`, as does NOISE, the last of all.
    """
    cluster, held = assignment.numpy(), (labels >= 0).cpu().numpy()
    free = (labels == OPEN).cpu().numpy()
    chance = rng.permutation(len(cluster))
    order: NDArray[np.int64] = np.lexsort((chance, key.numpy(), cluster))
    noise, order = order[free[order] & (cluster[order] == NOISE)], order[free[order] & (cluster[order] != NOISE)]
    own = cluster[order]
    starts = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
    turn = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))[: len(order)]
    known = cluster != NOISE
    sizes, labelled = np.bincount(cluster[known]), np.bincount(cluster[known & held], minlength=cluster.max() + 1)
    order = order[np.lexsort((rng.permutation(len(sizes))[own], -sizes[own], turn + labelled[own]))]
    return torch.from_numpy(np.concatenate([order, noise[np.argsort(chance[noise])]]))


def warn_of_repeats(features: Tensor, labels: Tensor, picks: Tensor) -> None:
    """Warn where picks are equal to an earlier pick or to a labelled row: legal, but a label spent for little."""
    held = (labels >= 0).nonzero().flatten().to(features.device)
    every = torch.cat([held, picks.to(features.device)])
    distinct = [len(torch.unique(features[at], dim=0)) if len(at) else 0 for at in (held, every)]
    repeats = len(picks) - (distinct[1] - distinct[0])
    if repeats:
        warnings.warn(
            f"{repeats:,} of {len(picks):,} picks have the same features as an earlier pick or a labelled row: ask for"
            " fewer, or drop duplicates first.",
            stacklevel=3,
        )


def _fitted(points: NDArray[np.float32], k: int, seed: int) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
    """(assignment, centres)."""
    import faiss
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    rows, width = points.shape
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters: some stay empty
        if rows * k * width <= SMALL:
            fit = KMeans(k, n_init=1, random_state=seed).fit(points)
            return fit.labels_, fit.cluster_centers_
        starts = _starts(points, k, seed)
    with threadpool_limits(torch.get_num_threads()):  # faiss, imported late, knows of no limit that a run has set
        fast = faiss.Kmeans(
            width, k, niter=ITERATIONS, seed=seed, min_points_per_centroid=1, max_points_per_centroid=rows // k + 1
        )
        fast.train(points, init_centroids=starts)
        assignment: NDArray[np.int64] = fast.assign(points)[1]
        centres: NDArray[np.float32] = np.asarray(fast.centroids)
    return assignment, centres


def _starts(points: NDArray[np.float32], k: int, seed: int) -> NDArray[np.float32]:
    """Rows to start from: [k, D]."""
    from sklearn.cluster import kmeans_plusplus

    rng = np.random.default_rng(seed)
    if k > SPREAD_UP_TO:
        return points[rng.choice(len(points), k, replace=False)]
    few = rng.choice(len(points), min(len(points), max(SPREAD_ROWS * k, SPREAD_LEAST)), replace=False)
    starts: NDArray[np.float32] = kmeans_plusplus(points[few], k, random_state=seed)[0]
    return starts


def _measured(points: Tensor, assignment: NDArray[np.integer], centres: NDArray[np.float32]) -> Clusters:
    """Distances by differences: a row that is its centre is at exactly 0."""
    own, middles = torch.from_numpy(assignment.astype(np.int64)), torch.from_numpy(centres)
    step = max(1, AT_ONCE // max(1, points.shape[1]))
    parts = [slice(at, at + step) for at in range(0, len(points), step)]
    far = [torch.linalg.vector_norm(points[part] - middles[own[part]], dim=1) for part in parts]
    return Clusters(own, middles, torch.cat(far))
