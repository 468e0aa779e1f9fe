"""Batches of unsure rows, spread over groups of the pool."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.acquisitions.uncertainty import margin
from activeloop.errors import BadScores, ConfigError
from activeloop.pick import pick


def cluster_margin(probs: Tensor, reference: Tensor, n: int, rng: Generator, *, among: float = 10.0) -> Tensor:
    """Of the rows of smallest margin, a random one of each group in turn, the smallest group first.

    Small groups hold what is rare among the unsure rows, and are used up before large ones get a second turn. Scales to
    batches of hundred thousands, where `badge` and `batch-bald` do not: all it costs a round is a sort.

    probs:     [m, C].    reference: [m], the group of each row: fine agglomerative clusters of the whole pool.
    among:     rows that take part, as a multiple of n, 1 or more.
    returns:   [n] positions, in the order picked.
    raises:    ConfigError for `among`; BadScores for n.
    source:    Citovsky et al. 2021, arXiv:2107.14263, algorithms 1 and 2; k_m = 10 k_t as there.
    """
    if not among >= 1:
        raise ConfigError(f"among is {among}; it must be 1 (the rows of smallest margin alone) or more.")
    rows = len(probs)
    if not 0 <= n <= rows:
        raise BadScores(f"{n:,} picks were asked for, but {rows:,} rows are open: ask for 0 to {rows:,}.")
    unsure = pick(margin(probs).cpu().numpy(), np.ones(rows, dtype=np.bool_), min(rows, int(np.ceil(among * n))), rng)
    group = reference.cpu().numpy()[unsure]
    order = rng.permutation(len(unsure))  # whose turn it is within a group, and among equally large groups
    _, group, sizes = np.unique(group[order], return_inverse=True, return_counts=True)
    turn = np.empty(len(order), dtype=np.int64)
    by_group = np.argsort(group, kind="stable")
    turn[by_group] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    first = np.argsort(sizes, kind="stable").argsort()  # the place of each group in a round
    return torch.from_numpy(unsure[order[np.lexsort((first[group], turn))[:n]]])
