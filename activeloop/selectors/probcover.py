"""ProbCover: rows whose balls cover the pool."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.balls import Balls, Distances
from activeloop.geometry.clusters import clustered, warn_of_repeats
from activeloop.geometry.neighbours import refuse_nan
from activeloop.types import OPEN

PURITY = 0.95  # the paper's alpha
PURITY_ROWS = 5000  # whose balls are looked at: the purity of the pool is then known to 0.3 %
FINEST = 1e-3  # radius below which only duplicates are within reach, by float32
# Taken off delta², since the ball of the last pure row would otherwise end exactly on a row of another class, and
# rounding of the product would decide: by 2e-6 at most for unit vectors.
MARGIN = 1e-5

Positions = NDArray[np.int64]


def probcover(
    features: Tensor, labels: Tensor, n: int, rng: Generator, *,
    delta: float = 0.0, classes: int = 10, edges: int = 100_000_000,
) -> Tensor:  # fmt: skip
    """Picks whose balls of radius `delta` cover most of the pool: each covers the most rows that none has covered yet.

    Labelled rows cover from the start. Dense regions come first, unlike with `k-center`, so that few labels are spent
    on outliers. Once no open row covers anything new, `delta` is halved and the cover goes on with what every label and
    pick then covers, as often as needed; below 0.001, where only duplicates are left, the rest is drawn by `rng`.

    features: [m, D], taken at unit length; a zero vector has no direction and stays at 0, with a warning.
    labels:   [m], -1 open, -2 skipped: to be covered, and never picked.
    delta:    radius, in (0, 2]; 0: the largest at which 95 % of the balls hold rows of one pseudo-class alone, by the
              balls of 5,000 rows drawn by `rng` where there are more.
    classes:  pseudo-classes of k-means for that: how many classes there are, or your best guess. At most m are made.
    edges:    pairs within `delta` that are held, 4 bytes each; what is beyond is found again, at up to twice the time
              and to the same picks.
    returns:  [n] positions, in the order picked; ties by `rng`.
    cost:     2 m² D operations, and as many for each time that `delta` is halved; three float32 copies of the features.
    raises:   ConfigError for options, BadScores for nan; warns of picks that equal one another.
    source:   Yehuda et al. 2022, arXiv:2205.11320, algorithm 1. Our delta is exact, not of a grid; after the cover is
              complete, the authors' code goes on with rows that cover nothing.
    """
    if not 0 <= delta <= 2 or classes < 1 or edges < 0:
        raise ConfigError(
            f"delta is {delta}, classes {classes} and edges {edges}; delta lies in (0, 2], or is 0 to find it, classes is 1"
            " or more and edges 0 or more."
        )
    unit = _directions(features)
    distances = Distances(unit)
    radius = delta or _purest(unit, distances, classes, rng)
    free, chosen = (labels == OPEN).cpu().numpy(), np.flatnonzero((labels >= 0).cpu().numpy())
    picks: list[int] = []
    while len(picks) < n:
        if radius < FINEST:
            picks.extend(rng.permutation(np.flatnonzero(free))[: n - len(picks)].tolist())
            break
        found = _cover(distances, free, chosen, radius, n - len(picks), edges, rng)
        picks.extend(found)
        chosen = np.concatenate([chosen, np.array(found, np.int64)])
        radius /= 2
    answer = torch.tensor(picks, dtype=torch.int64)
    warn_of_repeats(features, labels, answer)
    return answer


def _directions(features: Tensor) -> Tensor:
    """[m, D] float32, at unit length; zero vectors as they are."""
    refuse_nan(features)
    length = torch.linalg.vector_norm(features, dim=1, keepdim=True, dtype=torch.float64)
    zero = int((length == 0).sum())
    if zero:
        warnings.warn(
            f"{zero:,} of {len(features):,} rows are zero vectors, which have no direction: they lie at distance 1 from"
            " all others, and cover one another. Drop them, or subtract the mean first.",
            stacklevel=3,
        )
    return torch.div(features.detach().float(), length.masked_fill(length == 0, 1).float())


def _purest(unit: Tensor, distances: Distances, classes: int, rng: Generator) -> float:
    """The largest radius at which PURITY of the balls hold one pseudo-class alone.

    A ball is pure as long as it ends before the nearest row of another class: so it is a quantile of those distances.
    """
    m = len(unit)
    own = clustered(unit, min(classes, m), rng).assignment.to(unit.device)
    drawn, reach = rng.permutation(m)[:PURITY_ROWS], []
    for part in distances.parts(drawn):
        same = own[torch.from_numpy(part).to(own.device), None] == own
        reach.append(distances.squared(part).masked_fill_(same, 4.0).amin(dim=1).cpu())  # 2: the diameter of the sphere
    squared = torch.cat(reach).sort().values
    return math.sqrt(max(float(squared[math.floor((1 - PURITY) * len(squared))]) - MARGIN, 0.0))


def _cover(
    distances: Distances, free: NDArray[np.bool_], chosen: Positions, radius: float, n: int, edges: int, rng: Generator
) -> list[int]:
    """At most n picks, until no free row covers any more; they are free no longer.

    chosen: whose balls are covered from the start.
    """
    bare = np.ones(len(distances), bool)
    for part in distances.parts(chosen):
        bare &= ~distances.within(part, radius).any(axis=0)
    balls = Balls(distances, np.flatnonzero(bare), radius, limit=edges)
    gain = np.where(free, balls.counts, 0)
    picks: list[int] = []
    while len(picks) < n and gain.max() > 0:
        best = np.flatnonzero(gain == gain.max())
        pick = int(best[rng.integers(len(best))])
        picks.append(pick)
        free[pick] = False
        reached = next(balls.lists(np.array([pick])))[0]
        covered = reached[bare[reached]].astype(np.int64)
        bare[covered] = False
        gain -= balls.counted(covered)
        gain[~free] = 0
    return picks
