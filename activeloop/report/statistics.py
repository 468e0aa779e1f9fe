"""Numbers about curves: areas, crossings, intervals, medians with censoring, paired tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95

Numbers = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and its 95 % t interval; no interval with one seed. n: seeds, or pairs of them."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def half(self) -> float | None:
        """Half the interval's width."""
        return None if self.high is None else self.high - self.mean


def estimate(values: Numbers) -> Estimate | None:
    """The mean and where it may lie if other seeds had been drawn; None of nothing.

    Assumes means over seeds to be about normal; with 3 seeds the interval is 2.5 deviations to either side, and says
    little.
    """
    from scipy.stats import t

    n = len(values)
    if n == 0:
        return None
    mean = float(np.mean(values))
    if n == 1:
        return Estimate(mean, None, None, 1)
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def at(where: Numbers, labels: Numbers, values: Numbers) -> NDArray[np.float64]:
    """A curve's values at label counts between its own, on straight lines; nan outside its span."""
    return np.interp(where, labels, values, left=np.nan, right=np.nan)


def area(labels: Numbers, values: Numbers, low: float | None = None, high: float | None = None) -> float | None:
    """Mean height of the curve over its budget, or over [low, high] within it: trapezoids over the span.

    High where the model is good early. None where the span is empty.
    labels: [n], increasing.    values: [n].
    source: the budget curve's area, divided by its span so that it has the metric's own unit.
    """
    start = labels[0] if low is None else max(low, labels[0])
    end = labels[-1] if high is None else min(high, labels[-1])
    if end <= start:
        return None
    inside = [label for label in labels if start < label < end]
    grid = np.array([start, *inside, end], dtype=np.float64)
    return float(np.trapezoid(at(grid, labels, values), grid) / (end - start))


def labels_to(target: float, labels: Numbers, values: Numbers) -> float | None:
    """Labels at which the curve first reaches the target, on a straight line from the point before.

    None where it does not: such a run is censored at its last label count. A curve that begins at the target or above
    reached it with its first labels or fewer.
    """
    for i, value in enumerate(values):
        if value >= target:
            if i == 0:
                return float(labels[0])
            rise = (target - values[i - 1]) / (value - values[i - 1])
            return float(labels[i - 1] + rise * (labels[i] - labels[i - 1]))
    return None


def median_labels(reached: Sequence[float], censored: Sequence[float]) -> float | None:
    """Labels by which half of the runs reach the target, where some stopped before they did.

    None where fewer than half would: the median is beyond the budget.
    reached: labels at which runs got there.    censored: labels at which others ended without.
    source: Kaplan & Meier 1958; the median is the first time at which survival is one half or less.
    """
    survival = 1.0
    for time in sorted(set(reached)):
        at_risk = sum(other >= time for other in (*reached, *censored))
        survival *= 1 - sum(other == time for other in reached) / at_risk
        if survival <= 0.5 + 1e-12:  # products of fractions: 3/4 x 2/3 is not always a half in floats
            return time
    return None


def paired_p(differences: Numbers) -> float | None:
    """Two-sided p value of the paired t test that these differences have mean zero; None of fewer than two.

    Differences that are all equal have no spread to compare with: p is 1 if they are zero and 0 if not.
    """
    from scipy.stats import ttest_1samp

    if len(differences) < 2:
        return None
    if float(np.ptp(differences)) == 0.0:
        return 1.0 if differences[0] == 0 else 0.0
    return float(ttest_1samp(differences, 0.0).pvalue)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p values that stay honest though several were looked at; in the order given, each at most 1.

    source: Holm 1979: the i-th smallest of m is multiplied by m - i, and none is smaller than one before it.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for i, at in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - i) * p_values[at]))
        adjusted[at] = largest
    return tuple(adjusted)
