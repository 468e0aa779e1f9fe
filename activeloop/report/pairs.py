"""Every strategy against every other: which differences are noise, and how many seeds would tell."""

from __future__ import annotations

from dataclasses import dataclass

from activeloop.report.statistics import Estimate
from activeloop.report.summary import Saving, Verdict


@dataclass(frozen=True)
class SeedsNeeded:
    """Seeds with which a paired t test at level 0.05 would see the difference in 80 of 100 repetitions.

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
    summed over conditions where there are several; nan-free: None where they share no budget or fewer than two seeds.
    beaten: mean of each column over the others: lower is better.    beats: mean of each row: higher is better.
    conditions: how many were summed.
    """

    strategies: tuple[str, ...]
    matrix: tuple[tuple[float | None, ...], ...]
    beaten: tuple[float | None, ...]
    beats: tuple[float | None, ...]
    conditions: int
