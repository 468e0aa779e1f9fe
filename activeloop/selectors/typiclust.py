"""TypiClust: the most typical row of each cluster."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.geometry.clusters import clustered, warn_of_repeats
from activeloop.geometry.neighbours import neighbours
from activeloop.types import OPEN

MOST_CLUSTERS, SMALL_CLUSTER, MOST_NEIGHBOURS = 500, 5, 20  # as in the authors' code
LISTED = 1 << 23  # neighbours of one cluster: 200 MB

Positions = NDArray[np.int64]


def typiclust(features: Tensor, labels: Tensor, n: int, rng: Generator) -> Tensor:
    """Picks that are typical and unlike one another: of each cluster, the row whose neighbours are nearest.

    k-means makes as many clusters as picks and labelled rows together, at most 500. Those that hold fewest labels come
    first, of these the largest, and each gives one row in turn. A row's typicality is 1 / its mean distance to its
    min(20, s // 2) nearest neighbours among the s rows of its cluster that are neither labelled nor picked. Made for
    the first few labels of a class; with many, prefer an acquisition that asks a model.

    Clusters of 5 rows or fewer are left out, until the others have no open row left: then they take turns as well.

    features: [m, D], Euclidean; the paper takes them at unit length.    labels: [m], -1 open, -2 skipped.
    returns:  [n] positions, in the order picked; equally typical rows by `rng`.
    cost:     a fit of k-means, then 2 s² D operations for each cluster of s rows; no more than a block of s x s memory.
    raises:   BadScores for nan; warns of picks that equal one another.
    source:   Hacohen et al. 2022, arXiv:2202.02794, algorithm 1. The neighbours are those of the authors' code: the paper
              prints 20 throughout, and does not say that rows already chosen leave the cluster.
    """
    held, free = (labels >= 0).cpu().numpy(), (labels == OPEN).cpu().numpy()
    clusters = min(n + int(held.sum()), MOST_CLUSTERS, len(features))
    cluster = clustered(features, max(1, clusters), rng).assignment.numpy()
    turns = _turns(cluster, held, free, n, rng)
    rows_of = np.split(np.argsort(cluster, kind="stable"), np.cumsum(np.bincount(cluster))[:-1])
    given = {
        which: _typical(features, rows[~held[rows]], free, count, rng)
        for which, rows in enumerate(rows_of)
        if (count := turns.count(which))
    }
    picks = torch.tensor([next(given[which]) for which in turns], dtype=torch.int64)
    warn_of_repeats(features, labels, picks)
    return picks


def _turns(cluster: Positions, held: NDArray[np.bool_], free: NDArray[np.bool_], n: int, rng: Generator) -> list[int]:
    """Which cluster gives each of the n picks."""
    sizes, labelled = np.bincount(cluster), np.bincount(cluster[held], minlength=cluster.max() + 1)
    left = np.bincount(cluster[free], minlength=len(sizes))
    order = np.lexsort((rng.permutation(len(sizes)), -sizes, labelled))
    turns: list[int] = []
    for group in (order[sizes[order] > SMALL_CLUSTER], order[sizes[order] <= SMALL_CLUSTER]):
        while len(turns) < n and left[group].any():
            turn = group[left[group] > 0]
            left[turn] -= 1
            turns.extend(turn.tolist())
    return turns[:n]


def _typical(features: Tensor, rows: Positions, free: NDArray[np.bool_], count: int, rng: Generator) -> Iterator[int]:
    """Positions of the most typical row, of the most typical when that one is gone, and so on, `count` times.

    One search for neighbours serves many turns: the nearest that remain are among the nearest and as many as have gone.
    """
    rows, spare = rows.copy(), 0
    for turn in range(count):
        if not spare:
            size = len(rows)
            present, wanted = np.ones(size, bool), min(MOST_NEIGHBOURS, size // 2)
            spare = min(count - turn, max(1, LISTED // size - wanted))
            near, far = _nearest(features, rows, min(size - 1, wanted + spare - 1))
        pick = _least(
            _spread(near, far, present, min(MOST_NEIGHBOURS, int(present.sum()) // 2)), present & free[rows], rng
        )
        yield int(rows[pick])
        present[pick], spare = False, spare - 1
        if not spare:
            rows = rows[present]


def _spread(near: Positions, far: NDArray[np.float64], present: NDArray[np.bool_], wanted: int) -> NDArray[np.float64]:
    """1 / typicality: the mean distance to the `wanted` nearest rows that are present; of a row alone, 0."""
    if not wanted:
        return np.zeros(len(present))
    counted = present[near]
    counted &= np.cumsum(counted, axis=1) <= wanted
    mean: NDArray[np.float64] = (far * counted).sum(axis=1) / wanted
    return mean


def _least(values: NDArray[np.float64], allowed: NDArray[np.bool_], rng: Generator) -> int:
    """Where the least of the allowed values is; which of several, by `rng`."""
    best = np.flatnonzero(allowed & (values == values[allowed].min()))
    return int(best[rng.integers(len(best))])


def _nearest(features: Tensor, rows: Positions, k: int) -> tuple[Positions, NDArray[np.float64]]:
    if not k:
        return np.empty((len(rows), 0), np.int64), np.empty((len(rows), 0))
    near, far = neighbours(features[torch.from_numpy(rows).to(features.device)], k)
    return near.cpu().numpy(), far.cpu().double().numpy()
