"""Exact nearest neighbours by blocked matrix products, and what features must be before distances mean anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError

ROWS, COLUMNS = 1024, 8192  # of one block of scores: 32 MB, in cache enough for a GEMM at full speed
SPARE = 16  # candidates kept beyond k, so that rounding in the product can be ruled out
AT_ONCE = 1 << 22  # numbers in a temporary of rows: 16 MB
LARGEST = 1e15  # of a number, so that a million squares still add up in float32

Take: TypeAlias = Callable[[Tensor | slice], Tensor]  # positions -> their rows, float32 or float64


def neighbours(features: Tensor, k: int, *, metric: str = "euclidean") -> tuple[Tensor, Tensor]:
    """The k rows nearest to every row, itself excluded, and how far they are; the nearest first.

    Exact: a product of centred rows in float32 proposes k and some more, differences of the rows themselves rank them,
    and a row where rounding could have hidden a nearer one is searched again in float64. Of equally far rows, which are
    kept is not said; a duplicate of a row is a neighbour at distance 0, the row itself never is.

    features: [m, D], on any device, memory maps included.    metric: "euclidean", or "cosine" (1 - cos, in [0, 2]).
    returns:  positions [m, k] int64 and distances [m, k] float32, on the device of `features`.
    cost:     2 m² D operations; blocks of 100 MB or so beside the result, never m x m.
    raises:   ConfigError for k and metric, BadScores for nan, and for zero vectors under cosine.
    """
    m = len(features)
    if metric not in ("euclidean", "cosine"):
        raise ConfigError(f"metric is {metric!r}; allowed are 'euclidean' and 'cosine'.")
    if not 1 <= k < m:
        raise ConfigError(
            f"{k:,} neighbours were asked for among {m:,} rows, which have {max(m - 1, 0):,} each: ask for 1 or more,"
            " and fewer than there are rows."
        )
    refuse_nan(features)
    take = _taking(features, _lengths(features) if metric == "cosine" else None)
    positions = torch.empty(m, k, dtype=torch.int64, device=features.device)
    distances = torch.empty(m, k, dtype=torch.float32, device=features.device)
    todo = torch.arange(m, device=features.device)
    for dtype in (torch.float32, torch.float64):
        found = _Search(take, m, k, dtype)
        unsure = []
        for rows in torch.split(todo, ROWS):
            positions[rows], squared, sure = found.nearest(rows)
            distances[rows] = (squared / 2 if metric == "cosine" else squared.sqrt()).float()
            unsure.append(rows[~sure])
        todo = torch.cat(unsure)
        if not len(todo):
            break
    return positions, distances


def nearest_of(features: Tensor, points: Tensor) -> Tensor:
    """[m] on the CPU, which of the few points, float32 there, each row is nearest to: where |p|² / 2 - x·p is least."""
    middle, step = points.mean(dim=0), max(1, AT_ONCE // len(points))
    centred = points - middle
    halves, block = centred.square().sum(dim=1) / 2, torch.empty(step, len(points))
    nearest = torch.empty(len(features), dtype=torch.int64)
    for at in range(0, len(features), step):  # in one block: freed ones were not always given back, up to 1 GB
        rows = features[at : at + step].float().cpu() - middle
        products = torch.addmm(halves, rows, centred.T, alpha=-1, out=block[: len(rows)])
        nearest[at : at + step] = products.argmin(dim=1)
    return nearest


def normalised(features: Tensor) -> Tensor:
    """The rows at unit length: [m, D] float32. raises: BadScores for zero vectors, which have no direction."""
    lengths = _lengths(features)
    unit = torch.empty(features.shape, dtype=torch.float32, device=features.device)
    for part in _parts(features):
        unit[part] = (_real(features[part]) / lengths[part, None]).float()
    return unit


def refuse_nan(features: Tensor) -> None:
    """raises: BadScores where numbers are nan or infinite, with the count and the first position."""
    if features.dim() != 2:
        raise BadScores(f"features are {list(features.shape)}; they must have two axes, rows first: flatten the rest.")
    if not features.is_floating_point():
        return
    bad = [~torch.isfinite(features[part]).all(dim=1) for part in _parts(features)]
    _refuse(bad, "hold nan or infinite numbers; repair or drop those rows")


def refuse_huge(features: Tensor) -> None:
    """For those whose sums of squares are float32.    raises: BadScores, for nan and infinity too."""
    if features.dim() != 2:
        refuse_nan(features)
    bad = [~(features[part].abs() <= LARGEST).all(dim=1) for part in _parts(features)]  # nan is not, so one pass tells
    if any(bool(part.any()) for part in bad):
        refuse_nan(features)
    _refuse(bad, f"hold numbers beyond {LARGEST:g}, whose squares overflow; scale the features, or drop those rows")


def _lengths(features: Tensor) -> Tensor:
    """[m] float64, all above 0."""
    refuse_nan(features)
    parts = [torch.linalg.vector_norm(_real(features[part]), dim=1, dtype=torch.float64) for part in _parts(features)]
    _refuse(
        [part == 0 for part in parts],
        "are zero vectors, which have no direction; drop them, subtract the mean first, or use the metric 'euclidean'",
    )
    return torch.cat(parts) if parts else torch.empty(0, dtype=torch.float64, device=features.device)


def _refuse(bad: list[Tensor], what: str) -> None:
    if not bad:
        return
    at = torch.cat(bad).nonzero().flatten()
    if len(at):
        rows = sum(len(part) for part in bad)
        raise BadScores(f"{len(at):,} of {rows:,} rows {what}; the first is at position {int(at[0])}.")


def _parts(features: Tensor) -> Iterator[slice]:
    """Slices of so many rows that a copy of one is small."""
    step = max(1, AT_ONCE // max(1, features.shape[1]))
    return (slice(at, at + step) for at in range(0, len(features), step))


def _real(rows: Tensor) -> Tensor:
    return rows if rows.dtype == torch.float64 else rows.float()


def _taking(features: Tensor, lengths: Tensor | None) -> Take:
    """Rows as numbers, and divided by their lengths where those are given: on the fly, so that nothing is copied whole."""
    if lengths is None:
        return lambda at: _real(features[at])
    return lambda at: _real(features[at]) / lengths[at, None].to(_real(features[:0]).dtype)


class _Search:
    """Nearest rows by |c|²/2 - q·c of centred rows q and c, in `dtype`; far from the origin it would cancel uncentred."""

    def __init__(self, take: Take, m: int, k: int, dtype: torch.dtype) -> None:
        self._take, self._m, self._k, self._dtype = take, m, k, dtype
        self._wanted = min(k + SPARE, m - 1)
        columns = [slice(at, min(at + COLUMNS, m)) for at in range(0, m, COLUMNS)]
        self._mean = torch.stack([take(part).double().sum(dim=0) for part in columns]).sum(dim=0) / m
        self._columns = columns
        self._halves = [self._centred(part).double().square().sum(dim=1) / 2 for part in columns]
        self._longest = (2 * torch.stack([part.max() for part in self._halves]).max()).sqrt()

    def _centred(self, at: Tensor | slice) -> Tensor:
        rows = self._take(at)
        return (rows - self._mean.to(rows.dtype)).to(self._dtype)

    def nearest(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Positions [b, k], squared distances [b, k] float64, and whether nothing nearer can have been missed [b]."""
        queries = self._centred(rows)
        scores, at = self._candidates(queries, rows)
        squared = self._by_differences(rows, at)
        order = squared.argsort(dim=1, stable=True)[:, : self._k]
        squared = squared.gather(1, order)

        length = queries.double().norm(dim=1)
        slack = torch.finfo(self._dtype).eps * (queries.shape[1] + 8) * (length + self._longest).square()
        worst, farthest = scores.amax(dim=1).double(), squared[:, -1]
        least_left_out = 2 * worst + length.square() - slack
        sure = (farthest <= least_left_out) | (farthest == 0) | (self._wanted == self._m - 1)
        sure &= worst.isfinite() & farthest.isfinite()  # squares overflow in float32 from 1e19 on
        return at.gather(1, order), squared, sure

    def _candidates(self, queries: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The least scores [b, wanted] and their positions, in order of position."""
        best = torch.full((len(rows), 0), torch.inf, dtype=self._dtype, device=queries.device)
        at = torch.empty(len(rows), 0, dtype=torch.int64, device=queries.device)
        for part, half in zip(self._columns, self._halves, strict=True):
            scores = torch.addmm(half.to(self._dtype), queries, self._centred(part).T, alpha=-1)
            itself = ((rows >= part.start) & (rows < part.stop)).nonzero().flatten()
            scores[itself, rows[itself] - part.start] = torch.inf
            least, columns = scores.topk(min(self._wanted, len(half)), dim=1, largest=False, sorted=False)
            best, at = torch.cat([best, least], dim=1), torch.cat([at, columns + part.start], dim=1)
            best, kept = best.topk(min(self._wanted, best.shape[1]), dim=1, largest=False, sorted=False)
            at = at.gather(1, kept)
        at, order = at.sort(dim=1)
        return best.gather(1, order), at

    def _by_differences(self, rows: Tensor, at: Tensor) -> Tensor:
        """Squared distances [b, wanted] float64 of these rows to those positions."""
        own = self._take(rows).to(self._dtype)
        step = max(1, AT_ONCE // max(1, at.shape[1] * own.shape[1]))
        squared = [
            self._take(near.flatten()).to(self._dtype).view(*near.shape, -1).sub_(one[:, None]).norm(dim=2).double()
            for one, near in zip(torch.split(own, step), torch.split(at, step), strict=True)
        ]
        return torch.cat(squared).square()
