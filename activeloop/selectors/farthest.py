"""How far rows are from a growing set of centres, worked out only for the rows that could be farthest."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.geometry.neighbours import normalised, refuse_nan

METRICS = ("euclidean", "cosine")
AT_ONCE = 1 << 20  # numbers in a temporary of rows: 4 MB, which stays in the cache from one step to the next
FIRST = 256  # centres that every row is compared with; more cost more, fewer leave more rows to look at again
SLAB = 1024  # centres a row is compared with before asking whether it still matters
MERGED = 256  # centres looked at twice, at most, so that rows last looked at in different rounds share a product
UNIT = 2.0**-24  # rounding of float32
COARSE = 2.0**-6  # more than TF32 and bfloat16 add, where torch was told that products in them will do
TINY, HUGE = 2.0**-100, 2.0**120  # what underflow can hide is less; from squares above, sums of products can overflow
CLOSED = -1.0  # the reach of a row that cannot be picked


@dataclass(frozen=True, eq=False)
class Points:
    """Rows as products see them: centred [k, D], and their squared lengths [k], both float32."""

    centred: Tensor
    squares: Tensor

    def __getitem__(self, at: Tensor | slice) -> Points:
        return Points(self.centred[at], self.squares[at])


class Space:
    """Squared distances of rows, exact, and a cheap bound below them.

    The bound is |x|² + |c|² - 2 x·c of centred rows in float32, less all that rounding can do: D units of |x| |c|, which
    is at most (|x|² + |c|²) / 2, for the product, as much for the squares, and some for centring and sums. What the
    bound cannot decide is taken from differences in float64, so results owe nothing to how products are rounded.
    """

    def __init__(self, features: Tensor, metric: str) -> None:
        if metric not in METRICS:
            raise ConfigError(f"metric is {metric!r}; allowed are {' and '.join(map(repr, METRICS))}.")
        if features.dim() != 2:
            refuse_nan(features)
        self._features = features
        self.rows, self.width = features.shape
        self.chunk = max(1, AT_ONCE // max(1, self.width))
        self.slack = (2 * self.width + 32) * UNIT + (COARSE if _coarse() else 0.0)
        self._lengths = _lengths(features, self.chunk) if metric == "cosine" else None
        narrow = features.is_floating_point() and features.dtype != torch.float64
        self._dtype = torch.float32 if narrow and self._lengths is None else torch.float64
        some = slice(0, None, -(-self.rows // (2 * self.chunk)) or 1)  # any point near the middle does
        self._mean = self._take(some).double().mean(dim=0).to(self._dtype)

    def _take(self, at: Tensor | slice) -> Tensor:
        rows = self._features[at].to(self._dtype)
        return rows if self._lengths is None else rows / self._lengths[at, None]

    def points(self, at: Tensor | slice) -> Points:
        centred = (self._take(at) - self._mean).float()
        squares = centred.square().sum(dim=1)
        return Points(centred, squares.masked_fill_(squares > HUGE, torch.nan))

    def refuse_nan(self) -> None:
        refuse_nan(self._features)

    def apart(self, left: Tensor, right: Tensor) -> Tensor:
        """[k] float64, the squared distances of positions `left` [k] to positions `right` [k], by differences."""
        pairs = zip(torch.split(left, self.chunk), torch.split(right, self.chunk), strict=True)
        return torch.cat([(self._take(a).double() - self._take(b).double()).square_().sum(dim=1) for a, b in pairs])

    def floor(self, points: Points, centres: Points) -> Tensor:
        """[k, t], nowhere above the squared distance; nan where float32 overflows."""
        kept = 1 - self.slack
        bound = torch.addmm(centres.squares[None] * kept - TINY, points.centred, centres.centred.T, alpha=-2)
        return bound.add_(points.squares[:, None] * kept).clamp_(min=0)

    def ceiling(self, floor: Tensor, points: Points, centres: Points) -> Tensor:
        """[k], nowhere below the squared distance to the nearest centre; nan where float32 overflows."""
        least, at = floor.min(dim=1)
        return least + 2 * (self.slack * (points.squares + centres.squares[at]) + TINY)


class Cover:
    """Centres, and how far every open row is from them.

    reach: [m] float64, the squared distance to the nearest centre or more; CLOSED for rows that cannot be picked. Centres
        only ever lower it, so a row whose reach is below another's exact one cannot be the farthest: nobody need know
        how far it really is. That saves nearly all products.
    """

    def __init__(self, space: Space, free: Tensor, held: Tensor, n: int) -> None:
        device = free.device
        self.space, self.count, self._surveyed = space, 0, 0
        self.reach = torch.full((space.rows,), CLOSED, dtype=torch.float64, device=device)
        self.reach[free] = torch.inf
        self._seen = torch.zeros(space.rows, dtype=torch.int64, device=device)  # centres that the reach is exact for
        room = len(held) + n
        self._positions = torch.empty(room, dtype=torch.int64, device=device)
        self._centres = Points(torch.empty(room, space.width, device=device), torch.empty(room, device=device))
        for part in torch.split(held, space.chunk):
            self.add(part, space.points(part))
        self._middle_first()

    def add(self, positions: Tensor, points: Points) -> None:
        """Further centres."""
        at = slice(self.count, self.count + len(positions))
        self._positions[at] = positions
        self._centres.centred[at], self._centres.squares[at] = points.centred, points.squares
        self.count = at.stop

    def _middle_first(self) -> None:
        """Order centres by length: those in the middle of the pool are near the most rows."""
        order = self._centres.squares[: self.count].argsort()
        for kept in (self._positions, self._centres.centred, self._centres.squares):
            kept[: self.count] = kept[: self.count][order]

    @property
    def surveys(self) -> bool:
        """Whether another survey is worth a pass: for the first centre, the 16th, and the 256th."""
        return self._surveyed < FIRST and self.count >= 16 * self._surveyed

    def survey(self) -> None:
        """Bound the reach of all rows by their distance to the first centres, in one pass over the features."""
        centres, checked = self._centres[slice(self._surveyed, min(self.count, FIRST))], self._surveyed > 0
        self._surveyed += len(centres.squares)
        for at in range(0, self.space.rows, self.space.chunk):
            part = slice(at, at + self.space.chunk)
            points = self.space.points(part)
            if not checked and not bool(torch.isfinite(points.squares).all()):
                self.space.refuse_nan()
                checked = True  # finite, but beyond what float32 can square
            bound = self.space.ceiling(self.space.floor(points, centres), points, centres)
            self.reach[part] = torch.minimum(self.reach[part], bound.double().nan_to_num_(torch.inf))

    def refresh(self, rows: Tensor, least: float) -> None:
        """Make the reach of these rows exact, or lower it below `least`."""
        while len(rows := rows[(self._seen[rows] < self.count) & (self.reach[rows] >= least)]):
            seen = self._seen[rows]
            start = int(seen.min())
            some = rows[seen < start + MERGED]
            stop = min(start + SLAB, self.count)
            for part in torch.split(some, max(1, 2 * AT_ONCE // (stop - start))):
                self._compare(part, slice(start, stop))

    def _compare(self, rows: Tensor, at: slice) -> None:
        points, centres = self.space.points(rows), self._centres[at]
        floor = self.space.floor(points, centres)
        limit = torch.minimum(self._limit(rows), self.space.ceiling(floor, points, centres))
        mine, theirs = undecided(floor, limit[:, None]).nonzero(as_tuple=True)
        found = self.space.apart(rows[mine], self._positions[at][theirs])
        self.reach[rows] = self.reach[rows].scatter_reduce(0, mine, found, "amin")
        self._seen[rows] = at.stop

    def near(self, rows: Tensor) -> tuple[Points, Tensor]:
        """These rows as points, and whether column j may be nearer to row i than its reach: [k, k] bool."""
        points = self.space.points(rows)
        floor = self.space.floor(points, points).fill_diagonal_(torch.inf)
        return points, undecided(floor, self._limit(rows)[None])

    def _limit(self, rows: Tensor) -> Tensor:
        """Their reach in float32, for `undecided`; 0 only where it is 0, so that nothing can come below."""
        reach = self.reach[rows]
        return torch.where(reach > 0, reach.clamp(min=TINY), reach).float()

    def accept(self, rows: Tensor, points: Points, reach: Tensor, picks: Tensor) -> None:
        """Make centres of picks [p], indices into these rows, all of whose reach [k] is known already."""
        self.add(rows[picks], points[picks])
        self.reach[rows], self._seen[rows] = reach, self.count
        self.reach[rows[picks]] = CLOSED


def undecided(floor: Tensor, limit: Tensor) -> Tensor:
    """Where a distance may be below the limit; a bound that is nan says nothing."""
    return (floor >= limit).logical_not_()


def _lengths(features: Tensor, chunk: int) -> Tensor:
    """[m] float64. raises: BadScores for zero vectors."""
    parts = [torch.linalg.vector_norm(part.double(), dim=1) for part in torch.split(features, chunk)]
    lengths = torch.cat(parts)
    if not bool((lengths > 0).all()):
        normalised(features)  # says how many, which is the first, and what to do
    return lengths


def _coarse() -> bool:
    """Whether torch may round float32 to TF32 or bfloat16 inside products."""
    products = (torch.backends, torch.backends.cuda.matmul, getattr(torch.backends.mkldnn, "matmul", None))
    return any(getattr(one, "fp32_precision", "") in ("tf32", "bf16") for one in products) or (
        not hasattr(torch.backends, "fp32_precision") and torch.get_float32_matmul_precision() != "highest"
    )
