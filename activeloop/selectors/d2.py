"""Message passing of difficulty over a graph of neighbours."""

from __future__ import annotations

import heapq

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.neighbours import neighbours as nearest
from activeloop.geometry.neighbours import refuse_nan
from activeloop.selectors.double_end import finite
from activeloop.types import OPEN

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def d2(
    features: Tensor,
    difficulty: Tensor,
    labels: Tensor,
    n: int,
    rng: Generator,
    *,
    neighbours: int = 5,
    gamma: float = 0.1,
) -> Tensor:
    """Picks that are hard, among hard neighbours, and unlike one another.

    First each row hears of its neighbours' difficulty: s'_i = s_i + sum over j of exp(-d_ij) s_j. Then the row of highest
    s' is picked, and its neighbours lose exp(-gamma d_ij) of what it has, again and again. A labelled row takes from its
    neighbours as if it had been picked before all others, the highest first. Ties are broken by `rng`.

    features:   [m, D], Euclidean.    difficulty: [m], high is hard; where any is negative, all are raised so that the
                least is 0, since a negative one would turn messages around.    labels: [m], -1 open, -2 skipped.
    neighbours: of each row, fewer where there are fewer rows.    gamma: the lower, the farther picks keep apart.
    returns:    [n] positions, in the order picked.
    cost:       the search for neighbours (`geometry.neighbours`), then a heap: n * neighbours * log m.
    source:     Maharana et al. 2024, arXiv:2310.07931; no hard cutoff and no strata, which are `ccs`.
    """
    if neighbours < 1 or not 0 <= gamma < float("inf"):
        raise ConfigError(f"neighbours is {neighbours} and gamma {gamma}; they must be 1 or more, and 0 or more.")
    held, free = (labels >= 0).cpu().numpy(), (labels == OPEN).cpu().numpy()
    if n > free.sum():
        raise ConfigError(f"{n:,} picks were asked for, but {int(free.sum()):,} rows are open: ask for fewer.")
    scores = finite(difficulty).numpy()
    scores = scores - min(0.0, scores.min(initial=0.0))
    rank = rng.permutation(len(scores))
    near, distance = _graph(features, neighbours)
    heard = scores + (np.exp(-distance) * scores[near]).sum(axis=1)
    take = np.exp(-gamma * distance)
    _pick(heard, near, take, held, int(held.sum()), rank)
    return torch.from_numpy(_pick(heard, near, take, free, n, rank))


def _graph(features: Tensor, k: int) -> tuple[Ints, Floats]:
    refuse_nan(features)
    if len(features) < 2:
        return np.empty((len(features), 0), dtype=np.int64), np.empty((len(features), 0))
    near, distance = nearest(features, min(k, len(features) - 1))
    return near.cpu().numpy(), distance.cpu().double().numpy()


def _pick(heard: Floats, near: Ints, take: Floats, among: NDArray[np.bool_], n: int, rank: Ints) -> Ints:
    """The n rows of highest s' among these, each taking from its neighbours once it is picked; changes `heard`.

    Of equal rows the one of lower `rank` goes first. A value may rise too, where a pick of negative s' takes from its
    neighbours, so every change goes on the heap anew and what is out of date is thrown away when it comes up.
    """
    waiting = among.copy()
    heap = [(-heard[row], int(rank[row]), int(row)) for row in np.flatnonzero(among)]
    heapq.heapify(heap)
    picks = np.empty(n, dtype=np.int64)
    for turn in range(n):
        while True:
            value, _, row = heapq.heappop(heap)
            if waiting[row] and -value == heard[row]:
                break
        waiting[row], picks[turn] = False, row
        heard[near[row]] -= take[row] * heard[row]
        for other in near[row].tolist():
            if waiting[other]:
                heapq.heappush(heap, (-heard[other], int(rank[other]), other))
    return picks
