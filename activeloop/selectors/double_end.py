"""Pruning a pool from both ends of its difficulty: what ELFS keeps is a window in between."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.types import OPEN


def elfs(
    difficulty: Tensor,
    reference: Tensor,
    cutoff: Tensor,
    labels: Tensor,
    n: int,
    rng: Generator,
    *,
    quota: bool = False,
) -> Tensor:
    """The hardest rows that are hard for a good reason: a window of difficulty just behind the very hardest.

    The hardest rows by pseudo-labels are mostly rows with a wrong one, so a share `cutoff` of the rows at hand is left
    out there; the `n` hardest open rows of the rest are picked, and the easy ones are left. Labelled and skipped rows
    keep their place in the ranking, and are stepped over. Ties are broken by `rng`.

    difficulty: [m], high is hard.    cutoff: [], in [0, 1).    labels: [m], -1 open, -2 skipped.
    reference:  [m], pseudo-labels; looked at only by a quota.
    quota:      the same window inside each cluster, its share in proportion to its rows (largest remainders). Off, as in
                the paper, a window may starve a class.
    returns:    [n] positions, the hardest first.
    raises:     ConfigError where fewer than `n` open rows are left, with the largest cutoff that leaves enough.
    source:     Zheng et al. 2025, arXiv:2406.04273. Their code selects nothing where the window reaches the
                easiest row; here it reaches it.
    """
    if not quota:
        return window(difficulty, float(cutoff), labels, n, rng)
    order, drop = ranked(difficulty, rng), checked(cutoff)
    clusters = reference.cpu()[order]
    groups = [order[clusters == cluster] for cluster in np.unique(clusters.numpy()).tolist()]  # each the hardest first
    left = [_open_left(group, drop, labels) for group in groups]
    if sum(map(len, left)) < n:
        raise _too_few(n, drop, labels, lambda share: sum(len(_open_left(group, share, labels)) for group in groups))
    shares = proportional([len(group) for group in groups], n, [len(rows) for rows in left])
    picks = torch.cat([rows[:share] for rows, share in zip(left, shares, strict=True)])
    place = torch.empty_like(order).scatter_(0, order, torch.arange(len(order)))
    return picks[place[picks].argsort()]


def window(difficulty: Tensor, cutoff: float, labels: Tensor, n: int, rng: Generator) -> Tensor:
    """Positions of the n hardest open rows once the share `cutoff` of all rows that is hardest was dropped; see `elfs`."""
    left = kept(difficulty, cutoff, labels, n, rng)
    return left[:n]


def kept(difficulty: Tensor, cutoff: float | Tensor, labels: Tensor, n: int, rng: Generator) -> Tensor:
    """Positions of the open rows that the cutoff leaves, the hardest first; at least n, or ConfigError."""
    share, order = checked(cutoff), ranked(difficulty, rng)
    left = _open_left(order, share, labels)
    if len(left) < n:
        raise _too_few(n, share, labels, lambda other: len(_open_left(order, other, labels)))
    return left


def ranked(difficulty: Tensor, rng: Generator) -> Tensor:
    """All positions, the hardest first; equal rows in an order drawn by `rng`."""
    values = finite(difficulty)
    if len(values) > 1 and bool((values == values[0]).all()):
        warnings.warn(
            f"all {len(values):,} rows are equally difficult, so these picks are random: look at what gives 'difficulty'.",
            stacklevel=2,
        )
    shuffled = torch.from_numpy(rng.permutation(len(values)))  # a stable sort of these breaks ties by `rng`
    return shuffled[values[shuffled].argsort(descending=True, stable=True)]


def finite(difficulty: Tensor) -> Tensor:
    """[m], float64 on the CPU. raises: BadScores."""
    values = difficulty.cpu().double()
    bad = (~values.isfinite()).nonzero().flatten()
    if len(bad):
        raise BadScores(
            f"{len(bad):,} of {len(values):,} difficulties are nan or infinite; the first is {float(values[bad[0]])} at"
            f" position {int(bad[0])}. Look at the inputs of that row, or at the training that scored it."
        )
    return values


def dropped(cutoff: float, rows: int) -> int:
    """How many of so many rows a cutoff drops: the whole part, and 3 of 30 for 0.1, where floats say 3.0000000000000004.

    The other way round, 0.29 of 100 would be 28.
    """
    return math.floor(round(cutoff * rows, 6))


def proportional(sizes: list[int], n: int, room: list[int]) -> list[int]:
    """n shares in proportion to `sizes` by largest remainders, none above its `room`; what is cut off goes to the others.

    Sums to n wherever there is room for n. Equal remainders go to the larger, then to the first.
    """
    shares, left = [0] * len(sizes), n
    while left:
        able = [at for at, share in enumerate(shares) if share < room[at]]
        total = sum(sizes[at] for at in able)
        exact = {at: left * sizes[at] / total for at in able}
        whole = {at: math.floor(round(exact[at], 9)) for at in able}
        extra = left - sum(whole.values())
        first = sorted(able, key=lambda at: (-round(exact[at] - whole[at], 9), -sizes[at], at))
        for at in able:
            given = min(room[at] - shares[at], whole[at] + (at in first[:extra]))
            shares[at] += given
            left -= given
    return shares


def checked(cutoff: float | Tensor) -> float:
    """The cutoff as a number in [0, 1). raises: ConfigError."""
    share = float(cutoff)
    if not 0 <= share < 1:
        raise ConfigError(
            f"the cutoff is {share:g}; it is the share of hardest rows to leave out, 0 or more and less than 1"
            " (0.1 leaves out a tenth)."
        )
    return share


def _open_left(order: Tensor, cutoff: float, labels: Tensor) -> Tensor:
    left = order[dropped(cutoff, len(order)) :]
    return left[labels.cpu()[left] == OPEN]


def _too_few(n: int, cutoff: float, labels: Tensor, left: Callable[[float], int]) -> ConfigError:
    """left: cutoff -> the open rows that it leaves."""
    free = int((labels == OPEN).sum())
    if n > free:
        return ConfigError(f"{n:,} picks were asked for, but {free:,} rows are open: ask for fewer.")
    fits = max(hundredths for hundredths in range(100) if left(hundredths / 100) >= n) / 100
    return ConfigError(
        f"a cutoff of {cutoff:g} leaves {left(cutoff):,} open rows of {len(labels):,}, and {n:,} picks were asked for."
        f" The largest cutoff that leaves enough is {fits:.2f}: lower it to that (bind 'cutoff' to 'fixed', with"
        f" evidence.cutoff.value={fits:.2f}), or ask for at most {left(cutoff):,} picks."
    )
