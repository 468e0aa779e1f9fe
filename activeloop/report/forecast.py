"""How many labels a target will take, by a power law with a floor through the curve so far.

The interval is a jackknife over seeds: the law is fitted again without each of them, how far it moves is the spread, and
Student's t allows for how few they are. A bootstrap over five seeds would come out too narrow, and need random numbers
and many more fits. What the same seeds scatter from round to round is in it too.

Models on a handful of labels are near chance, and no law holds there yet (Hestness et al. 2017, arXiv:1712.00409), so the
first quarter of the measures is left out. What a strategy gains by getting better as it goes, no power of the labels
knows: on our digits and MNIST curves the error forecast was above that reached nine times of ten.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from activeloop.report.power_law import Floats, Law, fit
from activeloop.report.statistics import CONFIDENCE, EQUAL, at, estimate, labels_to
from activeloop.report.summary import Curve

FEWEST = 5  # points: three numbers are fitted, and two more have to bear them out
FAR = 100.0  # times the last label: what lies beyond is called never
DRAWN = 4.0  # times the last label: as far as the curve is given
FAITHFUL = 3.0  # times the last label: a forecast farther out is doubted
EARLY = 0.25  # of the measures, left out
HIDDEN = 0.4  # of the points, in a backtest
OFF = 0.2  # of the error: a backtest that is off by more speaks against the fit
STEPS = 400  # of the grid on which an interval's ends are sought


@dataclass(frozen=True)
class ForecastPoint:
    """What the metric will be after this many labels, with a 95 % interval of the mean over seeds.

    Of one seed it is that of the seed's own curve, by how its points scatter about the law.
    """

    labels: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Backtest:
    """The last part of the curve hidden, and forecast from the rest.

    seen: labels up to which the fit looked.    forecast: where the curve really ended, with the interval in which what
    the same seeds reach should lie.    reached: what they did reach.
    error: forecast minus truth.    is_covered: the truth lies in the interval.
    """

    seen: float
    forecast: ForecastPoint
    reached: float
    error: float
    is_covered: bool


@dataclass(frozen=True)
class Forecast:
    """Of one strategy: error(m) = a * m^-b + c after m labels, for a metric that is an error or one minus a score.

    a, b, c: of the mean over seeds; None where there are too few points.
    labels: at which the mean curve meets the target, and its 95 % interval; None is "never, by this law", or beyond a
    hundred times the labels so far.    is_reached: the curve measured met the target, so that nothing had to be forecast.
    cost: of `labels`, `low` and `high`, where answers have one.    backtest: None where there are too few points.
    curve: from the first measure that was fitted to four times the last.
    trust: why not to, in words; None where nothing is wrong.
    """

    strategy: str
    a: float | None
    b: float | None
    c: float | None
    labels: float | None
    low: float | None
    high: float | None
    is_reached: bool
    cost: tuple[float | None, float | None, float | None] | None
    curve: tuple[ForecastPoint, ...]
    backtest: Backtest | None
    trust: str | None


def forecast(
    strategy: str, curves: Mapping[int, Curve], target: float, sign: float, price: float | None = None
) -> Forecast:
    """What one strategy will need, from its runs so far, finished or not.

    target: in the metric's unit.    sign: 1 for a score, of which one minus it is the error; -1 for an error itself.
    price: cost of a label, where that is known.
    """
    labels, errors = _together(curves, sign)
    goal = 1 - target if sign > 0 else target
    reached = labels_to(-goal, labels, -errors.mean(axis=0)) if len(labels) else None
    if len(labels) < FEWEST:
        why = f"{len(labels)} measures are too few for a law of three numbers; it takes {FEWEST}"
        is_reached = reached is not None
        return Forecast(strategy, None, None, None, reached, None, None, is_reached, None, (), None, why)
    band = _Band(labels, errors)
    found = reached if reached is not None else _within_reach(band.law.labels_to(goal), labels)
    low, high = _ends(band, labels, goal) if reached is None else _measured_ends(band, labels, errors, goal)
    tested = backtest(curves, sign)
    return Forecast(
        strategy=strategy,
        a=band.law.a,
        b=band.law.b,
        c=band.law.c,
        labels=found,
        low=low,
        high=high,
        is_reached=reached is not None,
        cost=None if price is None else (_times(found, price), _times(low, price), _times(high, price)),
        curve=band.points(np.geomspace(band.first, DRAWN * labels[-1], 60), sign),
        backtest=tested,
        trust="; ".join(_doubts(labels, errors, band.law, goal, found, high, tested)) or None,
    )


def backtest(curves: Mapping[int, Curve], sign: float, hidden: float = HIDDEN) -> Backtest | None:
    """The end of these curves forecast from their beginning; None below seven points: five to fit and two to hide.

    hidden: fraction of the points that the fit does not see; less where five would not be left.
    """
    labels, errors = _together(curves, sign)
    seen = max(FEWEST, len(labels) - math.ceil(hidden * len(labels)))
    if len(labels) - seen < 2:
        return None
    band = _Band(labels[:seen], errors[:, :seen])
    end = labels[-1:]
    mean, half = band(end, errors[:, -1:])
    truth = float(errors[:, -1].mean())
    point, reached = _point(float(end[0]), float(mean[0]), float(half[0]), sign), 1 - truth if sign > 0 else truth
    is_covered = point.low <= reached <= point.high
    return Backtest(float(labels[seen - 1]), point, reached, point.mean - reached, is_covered)


class _Band:
    """The law of some runs, and half its 95 % interval after so many labels."""

    def __init__(self, labels: Floats, errors: Floats) -> None:
        """labels: [n].    errors: [seeds, n]."""
        early = min(int(EARLY * len(labels)), len(labels) - FEWEST)
        self._labels, self._errors = labels[early:], errors[:, early:]
        weights = _weights(self._labels, self._errors)
        self.law = fit(self._labels, self._errors.mean(axis=0), weights)
        seeds = len(errors)
        rest = [np.delete(self._errors, seed, 0).mean(axis=0) for seed in range(seeds)] if seeds > 1 else []
        # where the floor is held at zero it could not move, and would hide how unsure it is
        self._without = [fit(self._labels, each, weights, has_floor=False) for each in rest]

    @property
    def first(self) -> float:
        """The fewest labels that the law was fitted to."""
        return float(self._labels[0])

    def __call__(self, at: Floats, truth: Floats | None = None) -> tuple[Floats, Floats]:
        """Mean error [k] at these labels, and half the interval's width.

        truth: [seeds, k], for the interval in which its mean should lie, instead of that in which the law's mean does.
        """
        from scipy.stats import t

        mean, seeds = self.law(at), len(self._errors)
        if seeds == 1:
            # one more point scatters too, which the law itself does not
            spread = self._scatter(at, with_point=truth is not None)
            return mean, t.ppf((1 + CONFIDENCE) / 2, len(self._labels) - 3) * spread
        moved = np.array([law(at) for law in self._without])  # [seeds, k]
        if truth is not None:
            moved = moved - np.array([np.delete(truth, seed, 0).mean(axis=0) for seed in range(seeds)])
        spread = np.sqrt((seeds - 1) * moved.var(axis=0))
        return mean, t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * spread

    def _scatter(self, at: Floats, with_point: bool) -> Floats:
        """Standard deviation of the law by how the points of one run lie about it, to first order."""
        slopes, there = self._slopes(self._labels), self._slopes(at)
        left = self._errors[0] - self.law(self._labels)
        variance = float(left @ left) / (len(left) - 3)
        inverse = np.linalg.pinv(slopes.T @ slopes)
        found: Floats = np.sqrt(variance * (((there @ inverse) * there).sum(axis=1) + with_point))
        return found

    def _slopes(self, labels: Floats) -> Floats:
        """[k, 3], derivatives of the error by a, b and c, the first in units of the last label's power."""
        last = self._labels[-1]
        power = (labels / last) ** -self.law.b
        scale = self.law.a * last**-self.law.b
        return np.stack([power, -scale * power * np.log(labels / last), np.ones_like(labels)], axis=1)

    def points(self, labels: Floats, sign: float) -> tuple[ForecastPoint, ...]:
        mean, half = self(labels)
        return tuple(_point(float(n), float(m), float(h), sign) for n, m, h in zip(labels, mean, half, strict=True))


def _point(labels: float, mean: float, half: float, sign: float) -> ForecastPoint:
    """Of an error, in the metric's unit; the interval within what an error can be."""
    low, high = max(mean - half, 0.0), mean + half
    if sign > 0:
        return ForecastPoint(labels, 1 - mean, 1 - high, 1 - low)
    return ForecastPoint(labels, mean, low, high)


def _together(curves: Mapping[int, Curve], sign: float) -> tuple[Floats, Floats]:
    """Labels [n] that all runs saw, and errors [seeds, n] there, on straight lines."""
    if not curves:
        return np.empty(0), np.empty((0, 0))
    low, high = max(each.labels[0] for each in curves.values()), min(each.labels[-1] for each in curves.values())
    every = np.unique(np.concatenate([each.labels for each in curves.values()]))
    labels = every[(every >= low) & (every <= high) & (every > 0)]
    heights = np.array([at(labels, each.labels, each.values) for each in curves.values()])
    return labels, (1 - heights if sign > 0 else heights)


def _weights(labels: Floats, errors: Floats) -> Floats:
    """One over the variance over seeds. A power of the labels stands for that: point by point it is too unsure."""
    spread = errors.std(axis=0, ddof=1) if len(errors) > 1 else np.zeros(len(labels))
    known = spread > EQUAL
    if known.sum() < FEWEST:
        return np.ones(len(labels))
    slope = np.polyfit(np.log(labels[known]), np.log(spread[known]), 1)[0]
    weights: Floats = np.exp(-2 * slope * np.log(labels / labels[-1]))
    return weights


def _within_reach(found: float | None, labels: Floats) -> float | None:
    return None if found is None or found > FAR * labels[-1] else found


def _ends(band: _Band, labels: Floats, goal: float) -> tuple[float | None, float | None]:
    """Where the two edges of the band meet the goal, from the first measure that was fitted."""
    grid = np.geomspace(band.first, FAR * labels[-1], STEPS)
    mean, half = band(grid)
    return labels_to(-goal, grid, -(mean - half)), labels_to(-goal, grid, -(mean + half))


def _measured_ends(band: _Band, labels: Floats, errors: Floats, goal: float) -> tuple[float | None, float | None]:
    """The same of the t intervals at the measures themselves; beyond the last of them, of the band."""
    found = [estimate(column) for column in errors.T]
    if any(each is None or each.half is None for each in found):
        return None, None
    mean, half = errors.mean(axis=0), np.array([each.half for each in found if each is not None])
    low, high = labels_to(-goal, labels, -(mean - half)), labels_to(-goal, labels, -(mean + half))
    if high is None:
        beyond = np.geomspace(labels[-1], FAR * labels[-1], STEPS)
        law, wide = band(beyond)
        high = labels_to(-goal, beyond, -(law + wide))
    return low, high


def _doubts(
    labels: Floats,
    errors: Floats,
    law: Law,
    goal: float,
    found: float | None,
    high: float | None,
    tested: Backtest | None,
) -> list[str]:
    """What speaks against believing the forecast."""
    mean, doubts = errors.mean(axis=0), []
    if law.is_at_bound:
        doubts.append("the curve does not fall like a power of the labels")
    elif found is None:
        doubts.append(_too_far(law, goal))
    elif found > FAITHFUL * labels[-1]:
        doubts.append(f"the target lies {found / labels[-1]:.1f} times as far out as anything was measured")
    elif high is None and len(errors) > 1:
        doubts.append("by the interval the target may never be reached")
    if _turns(errors):
        doubts.append(f"the error rose again, from {mean.min():.3g} to {mean[-1]:.3g}")
    if tested is None:
        doubts.append("there are too few measures to hide some and try the forecast on them")
    elif abs(tested.error) > OFF * max(float(mean[-1]), EQUAL) and not tested.is_covered:
        doubts.append(
            f"from {tested.seen:g} labels alone it would have forecast {tested.forecast.mean:.3g} where"
            f" {tested.reached:.3g} was reached"
        )
    return doubts


def _too_far(law: Law, goal: float) -> str:
    if goal <= law.c:
        return f"the target lies below the floor of the law, an error of {law.c:.3g}"
    return f"the target lies more than {FAR:.0f} times as far out as anything was measured"


def _turns(errors: Floats) -> bool:
    """Whether the curve ends higher than it was, by more than chance: paired over seeds, or by a tenth of one seed's fall."""
    mean = errors.mean(axis=0)
    rise = errors[:, -1] - errors[:, int(mean.argmin())]
    if len(errors) == 1:
        return bool(rise[0] > 0.1 * (mean[0] - mean.min()) + EQUAL)
    from scipy.stats import t

    bar = t.ppf((1 + CONFIDENCE) / 2, len(rise) - 1) * rise.std(ddof=1) / math.sqrt(len(rise))
    return bool(rise.mean() > bar + EQUAL)


def _times(labels: float | None, price: float) -> float | None:
    return None if labels is None else labels * price
