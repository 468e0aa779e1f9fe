"""Greedy k-center."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.errors import BadScores
from activeloop.selectors.farthest import AT_ONCE, CLOSED, Cover, Space
from activeloop.types import OPEN

LEAST, MOST = 64, 2048  # rows of a block in which picks are made: of more, few more become picks, and pairs cost more
SHARE = 32  # of a large pool, 1 / SHARE is brought up to date at once at most, where none of it can be picked yet
CROWD = 16  # pairs of a row of a block that are near enough to matter; with more, few rows become picks


def k_center(features: Tensor, labels: Tensor, n: int, rng: Generator, *, metric: str = "euclidean") -> Tensor:
    """Picks that cover the pool: each is the row farthest from all rows chosen so far.

    The radius reached is at most twice the smallest possible. Labelled rows count as chosen; among equally far rows,
    as all are at first in an unlabelled pool, `rng` decides. Draws outliers: prefer `k-means` where they are junk.
    Exact: the picks of the plain greedy on distances in float64. Duplicates of chosen rows come last, with a warning.

    features: [m, D], on any device, memory maps included.    labels: [m], -1 open, -2 skipped.
    metric:   "euclidean", or "cosine", which is blind to the length of a row and refuses zero vectors.
    returns:  [n] positions, in the order picked.
    cost:     one product of all rows with 256 centres, then of the rows that could be picked with all centres: a fifth of
              the plain greedy's 2 m n D operations at 5,000 of 50,000 x 512 after 1,000 labelled, two fifths after none.
              O(m + n D) memory.
    raises:   BadScores for nan and, under cosine, zero vectors; ConfigError for the metric.
    source:   Sener & Savarese 2018, arXiv:1708.00489, algorithm 1.
    """
    from tqdm import tqdm

    space = Space(features, metric)
    labels = labels.to(features.device)
    free = labels == OPEN
    left = int(free.sum())
    if not 0 <= n <= left:
        raise BadScores(f"{n:,} picks were asked for, but {left:,} rows are open: ask for 0 to {left:,}.")
    turn = torch.from_numpy(rng.permutation(space.rows)).to(features.device)  # among equals, the least comes first
    cover = Cover(space, free, (labels >= 0).nonzero().flatten(), n)
    picks, again, size = torch.empty(0, dtype=torch.int64, device=features.device), 0, 4 * LEAST
    if n and not cover.count:
        picks = torch.where(free, turn, space.rows).argmin()[None]
        cover.accept(picks, space.points(picks), torch.zeros(1).to(cover.reach), torch.zeros_like(picks))

    with tqdm(total=n, desc="k-center", unit=" picks", disable=None, delay=2, leave=False) as progress:
        while len(picks) < n:
            if cover.surveys:
                cover.survey()
            rows, least, next_turn = _farthest(cover.reach, turn, min(size, left - len(picks)))
            cover.refresh(rows, least)
            reach = cover.reach[rows]
            rows = rows[(reach > least) | ((reach == least) & (turn[rows] < next_turn))]
            found, duplicates = _walk(cover, rows, turn[rows], n - len(picks), least, next_turn)
            picks, again = torch.cat([picks, found]), again + duplicates
            grown = size // 2 if 8 * len(found) < len(rows) else 2 * size  # smaller where rows crowd each other out
            size = max(LEAST, min(grown, max(MOST, space.rows // SHARE)))
            progress.update(len(found))
    if again:
        warnings.warn(
            f"k-center: {again:,} of {n:,} picks duplicate an earlier pick or a labelled row (distance 0): the pool holds"
            f" no more than {n - again:,} new rows. Ask for that many, or drop the duplicates.",
            UserWarning,
            stacklevel=2,
        )
    return picks.cpu()


def _farthest(reach: Tensor, turn: Tensor, k: int) -> tuple[Tensor, float, int]:
    """The k rows of greatest reach, and what stands first among all others: its reach, and its turn among equals."""
    if k == int((reach > CLOSED).sum()):
        return (reach > CLOSED).nonzero().flatten(), CLOSED, 0
    edge = reach.topk(k + 1, sorted=False).values.min()
    above = (reach > edge).nonzero().flatten()
    level = (reach == edge).nonzero().flatten()
    if len(above) + len(level) > k + 1:
        level = level[turn[level].topk(k + 1 - len(above), largest=False, sorted=False).indices]
    last = turn[level].argmax()
    rows = torch.cat([above, level[level != level[last]]])
    return rows, float(edge), int(turn[level[last]])


def _walk(cover: Cover, rows: Tensor, turns: Tensor, n: int, least: float, next_turn: int) -> tuple[Tensor, int]:
    """At most n picks of these rows, as the plain greedy makes them, while they come before every row outside.

    returns: positions in the order picked, made centres already; and how many of them are at distance 0 of a centre.
    """
    most = max(1, min(MOST, 4 * AT_ONCE // max(1, cover.space.width)))
    if len(rows) > most:
        first, least, next_turn = _farthest(cover.reach[rows], turns, most)
        rows, turns = rows[first], turns[first]
    order = turns.argsort()  # argmax takes the first of equals
    rows, turns = rows[order], turns[order]
    points, near = cover.near(rows)
    while len(rows) > LEAST and int(near.sum()) > CROWD * len(rows):
        first, least, next_turn = _farthest(cover.reach[rows], turns, len(rows) // 4)
        first = first.sort().values
        rows, turns, points, near = rows[first], turns[first], points[first], near[first][:, first]
    one, other = near.nonzero(as_tuple=True)
    gap, theirs = cover.space.apart(rows[one], rows[other]).cpu().numpy(), other.cpu().numpy()
    starts = np.searchsorted(one.cpu().numpy(), np.arange(len(rows) + 1))
    reach, ranks = cover.reach[rows].cpu().numpy(), turns.cpu().numpy()
    found: list[int] = []
    duplicates = 0
    while len(found) < min(n, len(rows)):
        best = int(reach.argmax())
        if reach[best] < least or (reach[best] == least and ranks[best] > next_turn):
            break
        found.append(best)
        duplicates += int(reach[best] == 0)
        touched = slice(starts[best], starts[best + 1])
        reach[theirs[touched]] = np.minimum(reach[theirs[touched]], gap[touched])
        reach[best] = CLOSED
    picks = torch.tensor(found, dtype=torch.int64, device=rows.device)
    cover.accept(rows, points, torch.from_numpy(reach).to(rows.device), picks)
    return rows[picks], duplicates
