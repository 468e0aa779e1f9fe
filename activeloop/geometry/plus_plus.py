"""Rows that lie apart, drawn one after another in proportion to their squared distance."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Squares = NDArray[np.float64]


def spread(
    apart: Callable[[int], Squares], free: NDArray[np.bool_], centres: Iterable[int], n: int, rng: Generator
) -> NDArray[np.int64]:
    """n free rows, each drawn in proportion to the squared distance to the nearest centre or row before it.

    With no centre the first is drawn evenly, and so are all where none but duplicates are left.

    apart:   a row -> the squared distances [m] of all rows to it.    free: [m], n or more of them.    centres: rows.
    returns: [n] positions, in the order drawn.
    cost:    `apart` of every centre and every draw.
    source:  k-means++, Arthur & Vassilvitskii 2007.
    """
    reach = np.where(free, np.inf, -1.0)  # what is below 0 is closed
    drawn = np.empty(n, dtype=np.int64)
    for centre in centres:
        np.minimum(reach, apart(centre), out=reach)
    for turn in range(n):
        at = drawn[turn] = _drawn(reach, rng)
        np.minimum(reach, apart(at), out=reach)
        reach[at] = -1
    return drawn


def _drawn(reach: Squares, rng: Generator) -> int:
    sums = np.cumsum(np.maximum(reach, 0))
    if not 0 < sums[-1] < np.inf:
        return int(rng.choice(np.flatnonzero(reach >= 0)))
    return int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
