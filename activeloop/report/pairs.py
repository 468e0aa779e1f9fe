"""Every strategy against every other: which differences are noise, and how many seeds would tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from activeloop.report.statistics import EQUAL, LEVEL, Estimate, area, at, beats, estimate, holm, paired_p, seeds_for
from activeloop.report.summary import Curve, Saving, Verdict, area_difference, saving_of, verdict_of

Curves = Mapping[str, Mapping[int, Curve]]  # strategy -> seed -> curve


@dataclass(frozen=True)
class SeedsNeeded:
    """Seeds with which the paired t test would see the difference in 80 of 100 repetitions.

    At level 0.05 over all pairs that are tested: a pair's share of it is what Holm leaves the least of them.

    seeds: if the true difference and spread are those observed; None: more than `MOST`.
    fewest, most: at the ends of the difference's 95 % interval; `most` is None where no difference at all lies within it,
    since then no number may be enough.
    """

    seeds: int | None
    fewest: int | None
    most: int | None


@dataclass(frozen=True)
class Pair:
    """Two strategies at equal seeds.

    area: difference of areas, first minus second.    p: two-sided paired t.    p_holm: corrected for all pairs of the
    condition.    saving: labels that the second needed more.    verdict: on the first.    needed: None with one seed.
    """

    first: str
    second: str
    area: Estimate | None
    p: float | None
    p_holm: float | None
    saving: Saving
    verdict: Verdict
    needed: SeedsNeeded | None


@dataclass(frozen=True)
class Penalties:
    """How often one strategy beats another: row over column.

    matrix: [strategies, strategies], the fraction of budgets at which the row is significantly better than the column;
    summed over conditions where there are several; None where they share no budget or fewer than two seeds, and on the
    diagonal.    beaten: mean of each column: lower is better.    beats: mean of each row: higher is better.
    conditions: how many were summed.
    source: Ash et al. 2020, arXiv:1906.03671, whose bar of t = 2.776 is that of 5 seeds.
    """

    strategies: tuple[str, ...]
    matrix: tuple[tuple[float | None, ...], ...]
    beaten: tuple[float | None, ...]
    beats: tuple[float | None, ...]
    conditions: int


def pairs(curves: Curves, order: Sequence[str], target: float, sign: float) -> tuple[Pair, ...]:
    """Every two strategies of one condition, the first of a pair being the earlier in `order`.

    target: in the metric's unit.    sign: 1 where more of the metric is better, -1 where less is.
    """
    two = list(combinations(order, 2))
    found = [_pair(first, second, curves, target, sign, len(two)) for first, second in two]
    tested = [at for at, pair in enumerate(found) if pair.p is not None]
    corrected = dict(zip(tested, holm([pair.p for at in tested if (pair := found[at]).p is not None]), strict=True))
    return tuple(
        replace(pair, p_holm=corrected.get(at), verdict=verdict_of(pair.area, corrected.get(at), sign))
        for at, pair in enumerate(found)
    )


def _pair(first: str, second: str, curves: Curves, target: float, sign: float, tests: int) -> Pair:
    mine, theirs = curves[first], curves[second]
    both = [seed for seed in mine if seed in theirs]
    differences = [found for seed in both if (found := area_difference(mine[seed], theirs[seed])) is not None]
    return Pair(
        first=first,
        second=second,
        area=estimate(differences),
        p=paired_p(differences),
        p_holm=None,
        saving=saving_of(mine, theirs, target, sign),
        verdict="cannot be told apart",
        needed=seeds_needed(differences, tests),
    )


def seeds_needed(differences: Sequence[float], tests: int = 1) -> SeedsNeeded | None:
    """How many seeds would tell two strategies apart whose paired differences are these; None below two.

    A forecast from the same few seeds, hence its two ends: by them the true difference may be larger, or none.
    tests: pairs that share the level.
    """
    found = estimate(differences)
    if found is None or found.half is None:
        return None
    spread, size, level = float(np.std(differences, ddof=1)), abs(found.mean), LEVEL / tests
    is_surely_there = size - found.half > EQUAL
    return SeedsNeeded(
        seeds_for(size, spread, level),
        seeds_for(size + found.half, spread, level),
        seeds_for(size - found.half, spread, level) if is_surely_there else None,
    )


def penalties(curves: Curves, order: Sequence[str], sign: float) -> Penalties:
    """The penalty matrix of one condition.    sign: as for `pairs`."""
    k = len(order)
    matrix: list[list[float | None]] = [[None] * k for _ in range(k)]
    for i, j in combinations(range(k), 2):
        found = _won(curves[order[i]], curves[order[j]], sign)
        if found is not None:
            matrix[i][j], matrix[j][i] = found
    return _averaged(order, matrix, 1)


def _won(mine: Mapping[int, Curve], theirs: Mapping[int, Curve], sign: float) -> tuple[float, float] | None:
    """The fractions of budgets at which the one wins, and the other."""
    both = [(mine[seed], theirs[seed]) for seed in mine if seed in theirs]
    if len(both) < 2:
        return None
    runs = [curve for pair in both for curve in pair]
    labels = np.unique(np.concatenate([curve.labels for curve in runs]))
    low, high = max(curve.labels[0] for curve in runs), min(curve.labels[-1] for curve in runs)
    labels = labels[(labels >= low) & (labels <= high)]
    if not len(labels):
        return None
    heights = [[at(labels, curve.labels, curve.values) for curve in pair] for pair in both]
    won = beats(sign * np.array([one - other for one, other in heights]))
    return float((won > 0).mean()), float((won < 0).mean())


def summed(several: Iterable[Penalties]) -> Penalties:
    """The matrices of several conditions added up, over all strategies that any of them has."""
    several = tuple(several)
    order = list(dict.fromkeys(name for each in several for name in each.strategies))
    place = {name: at for at, name in enumerate(order)}
    matrix: list[list[float | None]] = [[None] * len(order) for _ in order]
    for each in several:
        for name, row in zip(each.strategies, each.matrix, strict=True):
            for other, value in zip(each.strategies, row, strict=True):
                if value is not None:
                    i, j = place[name], place[other]
                    matrix[i][j] = (matrix[i][j] or 0.0) + value
    return _averaged(order, matrix, len(several))


def _averaged(order: Sequence[str], matrix: Sequence[Sequence[float | None]], conditions: int) -> Penalties:
    columns = [[row[j] for row in matrix] for j in range(len(order))]
    return Penalties(
        tuple(order),
        tuple(tuple(row) for row in matrix),
        tuple(_mean(column) for column in columns),
        tuple(_mean(row) for row in matrix),
        conditions,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def deficiency(mine: Mapping[int, Curve], base: Mapping[int, Curve], sign: float) -> float | None:
    """How much of the baseline's way to its end a strategy still has before it, over the whole budget: 1 is like it.

    Below 1 where it learns faster; below 0 only where it lies above the baseline's end most of the time. Of mean curves
    over the seeds and labels that both have. None where they share none, or where the baseline does not learn.
    source: Baram, El-Yaniv & Luz 2004, with trapezoids for the sum over queries.
    """
    mine_area, base_area, end = [], [], []
    for seed in [seed for seed in mine if seed in base]:
        one, other = mine[seed], base[seed]
        low, high = max(one.labels[0], other.labels[0]), min(one.labels[-1], other.labels[-1])
        own, theirs = area(one.labels, one.values, low, high), area(other.labels, other.values, low, high)
        if own is None or theirs is None:
            return None
        mine_area.append(own)
        base_area.append(theirs)
        end.append(float(at([high], other.labels, other.values)[0]))
    if not end:
        return None
    way = sign * float(np.mean(end) - np.mean(base_area))
    return sign * float(np.mean(end) - np.mean(mine_area)) / way if way > EQUAL else None
