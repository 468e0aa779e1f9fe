"""Points -> how good each strategy is, and whether it can be told from the baseline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from activeloop.report.curves import Point, plain_number
from activeloop.report.files import replace_bytes
from activeloop.report.statistics import LEVEL, Estimate, area, at, estimate, holm, labels_to, median_labels, paired_p

FALLING = frozenset({"loss", "error", "brier", "calibration_error"})  # metrics of which less is better

Verdict = Literal["better", "worse", "cannot be told apart"]


@dataclass(frozen=True)
class CurvePoint:
    """Mean over the seeds that got this far, and its 95 % t interval. seeds: how many those are."""

    labels: float
    mean: float
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True)
class Saving:
    """Labels that the baseline needed more to reach the target, at equal seeds; negative where it needed fewer.

    labels: over the pairs where both reached it; None where there is none. The other pairs hold no number, but are
    not nothing: reached_alone counts those where only this strategy got there, missed_alone where only the baseline.
    at_least: mean over all pairs with the end of the baseline's run in place of what it did not reach; None unless this
    strategy always got there and the baseline did not.
    """

    labels: Estimate | None
    at_least: float | None
    pairs: int
    reached_alone: int
    missed_alone: int

    @property
    def reached_both(self) -> int:
        """Pairs behind `labels`."""
        return self.labels.n if self.labels else 0


@dataclass(frozen=True)
class Against:
    """A strategy beside the baseline, seed by seed.

    area: difference of areas over the labels that both runs of a pair saw, strategy minus baseline; None without pairs.
    p: two-sided paired t.    p_holm: the same corrected for the number of strategies. Both None with one pair.
    """

    area: Estimate | None
    p: float | None
    p_holm: float | None
    saving: Saving
    verdict: Verdict


@dataclass(frozen=True)
class StrategySummary:
    """One strategy over its seeds.

    final: the point of the curve at the most labels that all of its seeds were told.
    areas: seed -> area over that run's own span; a run with one point has none.
    reached: seed -> labels to the target, None where the run ended (`last_labels`) without.
    median_labels: Kaplan-Meier; None where it lies beyond the budget.    against: None for the baseline.
    """

    strategy: str
    seeds: tuple[int, ...]
    curve: tuple[CurvePoint, ...]
    final: CurvePoint
    areas: Mapping[int, float]
    area: Estimate | None
    reached: Mapping[int, float | None]
    last_labels: Mapping[int, float]
    median_labels: float | None
    against: Against | None


@dataclass(frozen=True)
class Summary:
    """A comparison by one metric; strategies in order of area, best first. features: what they saw, in words.

    x: "labels", or "cost", which then stands in every field called after labels.
    """

    metric: str
    target: float
    baseline: str
    strategies: tuple[StrategySummary, ...]
    features: tuple[str, ...] = ()
    x: str = "labels"

    @property
    def budget(self) -> float:
        """The most labels that any run was told."""
        return max((max(each.last_labels.values()) for each in self.strategies), default=0)

    @property
    def labels_to_target(self) -> Mapping[tuple[str, int], float]:
        """(strategy, seed) -> labels, of the runs that reached it."""
        return {
            (each.strategy, seed): labels
            for each in self.strategies
            for seed, labels in each.reached.items()
            if labels is not None
        }

    @property
    def is_falling(self) -> bool:
        """Less of the metric is better."""
        return self.metric in FALLING

    @property
    def is_even(self) -> bool:
        """All runs have been told equally many labels."""
        return len({labels for each in self.strategies for labels in each.last_labels.values()}) <= 1


@dataclass(frozen=True, eq=False)
class Curve:
    """One run by one metric.    labels: [n], increasing.    values: [n], in the metric's unit."""

    labels: NDArray[np.float64]
    values: NDArray[np.float64]


def summarise(
    points: Iterable[Point],
    metric: str = "accuracy",
    target: float = 0.9,
    baseline: str = "random",
    features: tuple[str, ...] = (),
    x: str = "labels",
) -> Summary:
    """How good each strategy is by `metric`, and against `baseline`; without runs of that, nothing is compared.

    Between its points a run's curve is a straight line, so runs measured at different label counts can be averaged.
    metric: of those in `FALLING` less is better.    target: in the metric's unit.    features, x: as in `Summary`.
    """
    curves = curves_of(points, metric)
    sign = sign_of(metric)
    found = [_strategy(name, seeds, target, sign) for name, seeds in curves.items()]
    found.sort(key=lambda each: (-sign * each.area.mean if each.area else np.inf, each.strategy))
    compared = {
        each.strategy: _against(curves[each.strategy], curves[baseline], target, sign)
        for each in found
        if baseline in curves and each.strategy != baseline
    }
    corrected = _corrected(compared, sign)
    strategies = tuple(replace(each, against=corrected.get(each.strategy)) for each in found)
    return Summary(metric, target, baseline, strategies, features, x)


def write_json(summary: Summary, path: Path) -> None:
    """The summary as JSON, fields by name; what is not known is null."""
    replace_bytes(path, json.dumps(asdict(summary), indent=1, allow_nan=False).encode() + b"\n")


def sign_of(metric: str) -> float:
    """1 where more of it is better, -1 where less is."""
    return -1.0 if metric in FALLING else 1.0


def curves_of(points: Iterable[Point], metric: str) -> dict[str, dict[int, Curve]]:
    """Strategy -> seed -> curve. Of two rounds with equally many labels, the later counts."""
    values: dict[str, dict[int, dict[float, float]]] = {}
    for point in sorted(point for point in points if point.metric == metric):
        values.setdefault(point.strategy, {}).setdefault(point.seed, {})[point.labels] = point.value
    return {
        strategy: {seed: _curve(by_labels) for seed, by_labels in seeds.items()} for strategy, seeds in values.items()
    }


def _curve(by_labels: Mapping[float, float]) -> Curve:
    labels = sorted(by_labels)
    return Curve(np.array(labels, dtype=np.float64), np.array([by_labels[label] for label in labels]))


def _strategy(name: str, curves: Mapping[int, Curve], target: float, sign: float) -> StrategySummary:
    areas = {seed: height for seed, curve in curves.items() if (height := area(curve.labels, curve.values)) is not None}
    reached = reached_by(curves, target, sign)
    last = {seed: plain_number(curve.labels[-1]) for seed, curve in curves.items()}
    points = _mean_curve(tuple(curves.values()))
    final = next(point for point in points if point.labels == min(last.values()))
    return StrategySummary(
        strategy=name,
        seeds=tuple(curves),
        curve=points,
        final=final,
        areas=areas,
        area=estimate(list(areas.values())),
        reached=reached,
        last_labels=last,
        median_labels=median_labels(
            [labels for labels in reached.values() if labels is not None],
            [last[seed] for seed, labels in reached.items() if labels is None],
        ),
        against=None,
    )


def reached_by(curves: Mapping[int, Curve], target: float, sign: float) -> dict[int, float | None]:
    """Seed -> labels to the target, None where the run ended without.    sign: -1 where less is better."""
    return {seed: labels_to(sign * target, curve.labels, sign * curve.values) for seed, curve in curves.items()}


def _mean_curve(curves: Sequence[Curve]) -> tuple[CurvePoint, ...]:
    grid = np.unique(np.concatenate([curve.labels for curve in curves]))
    values = np.stack([at(grid, curve.labels, curve.values) for curve in curves])  # [seeds, grid], nan outside a span
    means = (estimate(column[~np.isnan(column)]) for column in values.T)
    return tuple(
        CurvePoint(plain_number(labels), mean.mean, mean.low, mean.high, mean.n)
        for labels, mean in zip(grid, means, strict=True)
        if mean is not None
    )


def _against(curves: Mapping[int, Curve], base: Mapping[int, Curve], target: float, sign: float) -> Against:
    seeds = [seed for seed in curves if seed in base]
    differences = [found for seed in seeds if (found := area_difference(curves[seed], base[seed])) is not None]
    saving = saving_of(curves, base, target, sign)
    return Against(estimate(differences), paired_p(differences), None, saving, "cannot be told apart")


def area_difference(curve: Curve, base: Curve) -> float | None:
    """Mean height of the one above the other, over the labels that both saw; None where those are none."""
    low, high = max(curve.labels[0], base.labels[0]), min(curve.labels[-1], base.labels[-1])
    mine = area(curve.labels, curve.values, low, high)
    theirs = area(base.labels, base.values, low, high)
    return None if mine is None or theirs is None else mine - theirs


def saving_of(curves: Mapping[int, Curve], base: Mapping[int, Curve], target: float, sign: float) -> Saving:
    """Labels to the target that the one strategy needed less than the other, seed by seed."""
    mine_at, theirs_at = reached_by(curves, target, sign), reached_by(base, target, sign)
    ends = [(mine_at[seed], theirs_at[seed], float(base[seed].labels[-1])) for seed in curves if seed in base]
    saved = [theirs - mine for mine, theirs, _ in ends if mine is not None and theirs is not None]
    bounds = [(end if theirs is None else theirs) - mine for mine, theirs, end in ends if mine is not None]
    alone = sum(mine is not None and theirs is None for mine, theirs, _ in ends)
    return Saving(
        labels=estimate(saved),
        at_least=float(np.mean(bounds)) if alone and len(bounds) == len(ends) else None,
        pairs=len(ends),
        reached_alone=alone,
        missed_alone=sum(mine is None and theirs is not None for mine, theirs, _ in ends),
    )


def _corrected(compared: Mapping[str, Against], sign: float) -> dict[str, Against]:
    """The same with Holm's p values over all strategies that have one, and the verdicts that follow."""
    tested = {name: against.p for name, against in compared.items() if against.p is not None}
    p_holm = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {
        name: replace(against, p_holm=p_holm.get(name), verdict=verdict_of(against.area, p_holm.get(name), sign))
        for name, against in compared.items()
    }


def verdict_of(difference: Estimate | None, p: float | None, sign: float) -> Verdict:
    """p: corrected for how many differences were looked at."""
    if difference is None or p is None or p >= LEVEL:
        return "cannot be told apart"
    return "better" if sign * difference.mean > 0 else "worse"
