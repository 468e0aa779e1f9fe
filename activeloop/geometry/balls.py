"""Balls around rows: which rows lie within a radius of which, without an m x m matrix."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from activeloop.geometry.neighbours import refuse_huge

AT_ONCE = 1 << 23  # distances in one block: 32 MB
LISTS = 256  # balls whose members are put side by side
# Taken off squared norms, so that rounding of the product never puts a duplicate outside of a ball. Two rows count as
# being within a radius r where |a - b|² <= r² + SLACK (|a|² + |b|²), norms from the mean of all rows.
SLACK = 1e-6

Positions = NDArray[np.int64]


class Distances:
    """Squared Euclidean distances of a few rows at a time to all rows.

    features: [m, D], on any device.    cost: 2 m D operations a row; one float32 copy of the features.
    raises:   BadScores for nan.
    """

    def __init__(self, features: Tensor) -> None:
        refuse_huge(features)
        points = features.detach().float()
        self._points = points - points.mean(dim=0, dtype=torch.float64).float()  # the product cancels far from 0
        self._norms = torch.linalg.vector_norm(self._points, dim=1).square() * (1 - SLACK)
        self._step = max(1, AT_ONCE // max(1, len(points)))
        self._block = torch.empty(min(self._step, len(points)), len(points), device=points.device)

    def __len__(self) -> int:
        return len(self._points)

    def parts(self, rows: Positions) -> Iterator[Positions]:
        """`rows` in pieces that the other two methods take."""
        return (rows[at : at + self._step] for at in range(0, len(rows), self._step))

    def squared(self, rows: Positions) -> Tensor:
        """[b, m], 0 or more; gone at the next call, which writes in the same place."""
        products, norms = self._products(rows)
        return products.add_(norms).clamp_(min=0)

    def within(self, rows: Positions, radius: float) -> NDArray[np.bool_]:
        """[b, m], True where a row is at most `radius` away."""
        products, norms = self._products(rows)
        inside: NDArray[np.bool_] = torch.le(products, radius**2 - norms).cpu().numpy()
        return inside

    def _products(self, rows: Positions) -> tuple[Tensor, Tensor]:
        """|c|² - 2 q·c of these rows q and all rows c, and |q|²; without a fresh block, which takes as long as the product."""
        at = torch.from_numpy(rows).to(self._points.device)
        block = self._block[: len(rows)]
        torch.addmm(self._norms, self._points[at], self._points.T, alpha=-2, out=block)
        return block, self._norms[at, None]


class Balls:
    """Who lies in the balls of `rows`: a list for each as long as no more than `limit` members are held in all.

    The members of other balls are found again whenever they are asked for: the same rows, more slowly.

    limit:  members kept, 4 bytes each.
    counts: [m] int64, in how many of these balls each row lies.    sizes: [m] int64, members of each ball; else 0.
    """

    def __init__(self, distances: Distances, rows: Positions, radius: float, *, limit: int) -> None:
        self._distances, self._radius = distances, radius
        self._kept: dict[int, NDArray[np.int32]] = {}
        self.counts, self.sizes = np.zeros(len(distances), np.int64), np.zeros(len(distances), np.int64)
        for part in distances.parts(rows):
            inside = distances.within(part, radius)
            self.sizes[part] = np.count_nonzero(inside, axis=1)
            self.counts += np.count_nonzero(inside, axis=0)
            limit -= int(self.sizes[part].sum())
            if limit >= 0:
                self._kept.update(zip(part.tolist(), _members(inside), strict=True))

    def lists(self, rows: Positions) -> Iterator[list[NDArray[np.int32]]]:
        """Members of the balls of these rows, in order, so many lists at a time that they fit in memory."""
        for piece in self._distances.parts(rows):
            for part in np.split(piece, range(LISTS, len(piece), LISTS)):
                if all(row in self._kept for row in part.tolist()):
                    yield [self._kept[row] for row in part.tolist()]
                else:
                    yield _members(self._distances.within(part, self._radius))

    def counted(self, rows: Positions) -> NDArray[np.int64]:
        """[m], in how many of the balls of these rows each row lies."""
        total = np.zeros(len(self._distances), np.int64)
        kept = np.fromiter((row in self._kept for row in rows.tolist()), bool, len(rows))
        for lists in self.lists(rows[kept]):
            total += np.bincount(np.concatenate(lists), minlength=len(total))
        for part in self._distances.parts(rows[~kept]):
            total += np.count_nonzero(self._distances.within(part, self._radius), axis=0)
        return total


def _members(inside: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """The columns that are True, row by row."""
    rows, columns = inside.shape
    sizes, at = np.count_nonzero(inside, axis=1), np.flatnonzero(inside)  # several times faster than `nonzero`
    at -= np.repeat(np.arange(rows) * columns, sizes)
    return np.split(at.astype(np.int32), np.cumsum(sizes)[:-1])
