"""From scores to picks. The only place that does: it masks, breaks ties by `rng`, and refuses nan."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from activeloop.errors import BadScores, ConfigError

How: TypeAlias = Literal["top", "power", "softmax", "softrank"]
HOW = get_args(How)
Scores: TypeAlias = NDArray[np.float64]
Positions: TypeAlias = NDArray[np.int64]


def pick(
    scores: Scores, free: NDArray[np.bool_], n: int, rng: Generator, *, how: How = "top", beta: float = 1.0,
    shift: float = 0.0,
) -> Positions:  # fmt: skip
    """The n free positions that come first: by score, or by a draw that favours high scores.

    "top" takes the highest. "power" draws in proportion to (score + shift) ** beta, "softmax" to exp(beta * score),
    "softrank" to rank ** -beta with the highest at rank 1, all without replacement (Gumbel top-k), so that a batch holds
    fewer look-alikes than the top rows do.

    scores:  [m], finite; for "power" never negative (margin: shift=1).    free: [m], False is never picked.
    beta:    0 is uniform; the larger, the nearer to "top".
    returns: [n], in the order picked; equal scores in an order drawn by `rng`.
    raises:  BadScores for nan, infinity, a wrong shape or too few free positions; ConfigError for `how` and `beta`.
    source:  Kirsch et al. 2021, arXiv:2106.12059, table 1.
    """
    check(scores, free, n)
    candidates = np.flatnonzero(free)
    shuffled = candidates[rng.permutation(len(candidates))]  # a stable sort of these breaks ties by `rng`
    keys = _keys(scores[shuffled], rng, how, beta, shift)
    return shuffled[_first(keys, n)]


def _first(keys: Scores, n: int) -> Positions:
    """Positions of the n largest, largest first, equals in the order that they stand in; only these are sorted."""
    if not n:
        return np.empty(0, dtype=np.int64)
    least = np.partition(keys, len(keys) - n)[len(keys) - n]
    enough = np.flatnonzero(keys >= least)
    return enough[np.argsort(-keys[enough], kind="stable")[:n]]


def _keys(scores: Scores, rng: Generator, how: How, beta: float, shift: float) -> Scores:
    if how == "top":
        return scores
    if not 0 <= beta < np.inf:
        raise ConfigError(
            f"beta is {beta}; a pick needs 0 (uniform) or more, and finite: use pick 'top' for the limit."
        )
    noise = rng.gumbel(size=len(scores))
    if how == "softmax":
        return beta * scores + noise
    if how == "power":
        return beta * _log(scores + shift) + noise if beta else noise
    if how == "softrank":
        return noise - beta * np.log(_ranks(scores))
    raise ConfigError(f"pick is {how!r}; allowed are {', '.join(map(repr, HOW))}.")


def _ranks(scores: Scores) -> Scores:
    """1 for the highest; of equal scores the first comes first, and they stand in an order drawn by chance."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks


def _log(scores: Scores) -> Scores:
    if (scores < 0).any():
        raise ConfigError(
            f"pick 'power' needs scores of 0 or more, and the lowest is {scores.min():.3g}: use pick 'softmax', or"
            " 'power' with a shift (1 for margin)."
        )
    with np.errstate(divide="ignore"):
        return np.log(scores)


def check(scores: Scores, free: NDArray[np.bool_], n: int, first: int = 0) -> None:
    """raises: BadScores for what `pick` refuses.    first: the position of the first of these scores, for the message."""
    if scores.shape != free.shape:
        raise BadScores(
            f"scores have the shape {scores.shape}, but {len(free)} rows are at hand: give one score a row."
        )
    bad = np.flatnonzero(~np.isfinite(scores) & free)
    if len(bad):
        raise BadScores(
            f"{len(bad):,} of {len(scores):,} scores are nan or infinite; the first is {scores[bad[0]]} at position"
            f" {first + bad[0]}. Look at the evidence of that row: a diverged model is the usual cause (lower the learning rate)."
        )
    if n < 0 or n > free.sum():
        raise BadScores(f"{n} picks were asked for, but {int(free.sum())} rows are open.")
