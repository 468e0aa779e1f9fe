"""Greedy k-center in two levels, for pools that lie in parts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.selectors.k_center import k_center
from activeloop.types import OPEN, SKIP

LABELLED = 0  # any class: a labelled row is a centre, whatever it shows

Core: TypeAlias = "tuple[Tensor, Tensor]"  # positions in the shard [c], ascending, and their features [c, D]


def k_center_sharded(
    features: Tensor, labels: Tensor, n: int, rng: Generator, *, shards: int = 8, spare: float = 1.0,
    metric: str = "euclidean",
) -> Tensor:  # fmt: skip
    """Picks that cover a pool in parts: greedy k-center within each shard, then among the rows that the shards chose.

    Every shard chooses n rows or more on its own, so shards may lie on different machines, and only those rows meet. The
    radius reached is at most four times the smallest possible, where `k-center`, which must see all rows, is at most
    twice: a row is within twice of one that its shard chose, and that one within twice of a pick. On average it was at
    most 8 % above that of `k-center` (benchmarks/sharded_k_center.py). Labelled rows are centres in every shard from the
    start, which the bound bears. One shard gives the picks of `k-center`.

    features: [m, D].    labels: [m], -1 open, -2 skipped.    metric: "euclidean" or "cosine".
    shards:  of equal size, in the order of the rows.    spare: rows that a shard chooses, in multiples of n; more bring
             the radius nearer to that of `k-center`.
    returns: [n] positions, in the order picked.
    cost:    that of `k-center` on m / shards rows, shards times, and on shards x spare x n rows.
    raises:  BadScores as `k-center`; ConfigError for shards below 1, and spare below 1, under which no bound holds.
    source:  Malkomes et al. 2015, "Fast distributed k-center clustering with outliers on massive data", their algorithm
             without outliers; composable core-sets: Indyk et al. 2014.
    """
    if shards < 1:
        raise ConfigError(f"option 'shards' of 'k-center-sharded' is {shards}; allowed is 1 or more.")
    if shards == 1:
        return k_center(features, labels, n, rng, metric=metric)
    labels = labels.to(features.device)
    ranges = list(split(len(features), -(-len(features) // shards)))

    def cores(choose: Callable[[int, Tensor, Tensor], Core]) -> Iterator[Core]:
        return (choose(at, features[part], labels[part]) for at, part in enumerate(ranges))

    held = features[labels >= 0]
    return merged(cores, ranges, held, int((labels == OPEN).sum()), n, rng, spare=spare, metric=metric)


def split(rows: int, size: int) -> Iterator[slice]:
    """Ranges of `size` rows, the last of what is left."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, max(1, size)))


def merged(
    cores: Callable[[Callable[[int, Tensor, Tensor], Core]], Iterator[Core]],
    ranges: Sequence[slice],
    held: Tensor,
    left: int,
    n: int,
    rng: Generator,
    *,
    spare: float,
    metric: str,
) -> Tensor:
    """The picks of `k_center_sharded`, where shards are seen by `cores` alone: by this process, or by others.

    cores: takes what a shard does, (its number, features, labels) -> Core, and gives what comes of it for every shard, in
        the order of `ranges`.    held: [L, D], features of the labelled rows of all shards.    left: open rows in all.
    """
    if not 1 <= spare < math.inf:
        raise ConfigError(f"option 'spare' of 'k-center-sharded' is {spare}; allowed is 1 or more.")
    if not 0 <= n <= left:
        raise BadScores(f"{n:,} picks were asked for, but {left:,} rows are open: ask for 0 to {left:,}.")
    seeds = rng.integers(2**63, size=len(ranges) + 1).tolist()
    each = math.ceil(spare * n)

    def choose(at: int, features: Tensor, labels: Tensor) -> Core:
        return core_set(features, labels, held, each, seeds[at], metric)

    found = list(cores(choose))
    positions = torch.cat([part.start + at for part, (at, _) in zip(ranges, found, strict=True)])
    features = torch.cat([chosen for _, chosen in found])
    picks = _greedy(features, torch.full((len(features),), OPEN), held, n, seeds[-1], metric)
    return positions[picks]


def core_set(features: Tensor, labels: Tensor, held: Tensor, n: int, seed: int, metric: str) -> Core:
    """What a shard gives to the second level: its n open rows, or all where they are fewer, that greedy k-center picks."""
    count = min(n, int((labels == OPEN).sum()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "k-center: ")  # of duplicates: a shard may hold less than n different rows
        at = _greedy(features, labels, held, count, seed, metric).sort().values
    return at, features[at.to(features.device)]


def _greedy(features: Tensor, labels: Tensor, held: Tensor, n: int, seed: int, metric: str) -> Tensor:
    """k-center with `held` as further centres: they stand before the rows, whose own labelled ones they contain."""
    own = labels.masked_fill(labels >= 0, SKIP)
    states = torch.cat([torch.full((len(held),), LABELLED, device=own.device), own])
    picks = k_center(torch.cat([held, features]), states, n, np.random.default_rng(seed), metric=metric)
    return picks - len(held)
