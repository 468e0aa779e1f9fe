"""Numbers about curves: areas, crossings, intervals, medians with censoring, paired tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
LEVEL = 0.05  # of a p value
POWER = 0.8  # Cohen 1988: a difference that is there is missed in one of five repetitions
MOST_SEEDS = 1000  # beyond it nobody runs them, and the number would only pretend
EQUAL = 1e-12  # differences of accuracies less than this apart differ by rounding alone

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


def median_interval(reached: Sequence[float], censored: Sequence[float]) -> tuple[float | None, float | None]:
    """95 % interval of the Kaplan-Meier median: those times at which a survival of one half is not refuted.

    Free of any shape of the distribution, which is why few runs say little: with six or fewer the upper end is None, that
    is, unknown, since all of them may lie below the median by chance; a bootstrap over five seeds would give a number and
    cover 9 times of 10. None too where an end lies beyond the budget.
    source: Brookmeyer & Crowley 1982, with the complementary log-log of survival and Greenwood's variance, as in Klein &
    Moeschberger 2003, eq. 4.5.2.
    """
    from scipy.stats import norm

    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    survival, greenwood, low = 1.0, 0.0, None
    for time in sorted(set(reached)):
        at_risk = sum(other >= time for other in (*reached, *censored))
        events = sum(other == time for other in reached)
        if events == at_risk:  # survival is zero, of which log-log has no variance
            return time if low is None else low, None
        survival *= 1 - events / at_risk
        greenwood += events / (at_risk * (at_risk - events))
        deviation = math.sqrt(greenwood) / abs(math.log(survival))
        away = (math.log(-math.log(survival)) - math.log(math.log(2))) / deviation
        if low is None and away >= -z:
            low = time
        if away >= z:
            return low, time
    return low, None


def enough(values: Numbers) -> float | None:
    """What one further seed will not exceed, in 95 cases of 100; None below two.

    Assumes the values to be about normal. Where `estimate` is about the mean of all seeds there might be, this is about
    the one run that will really be made.
    source: the one-sided prediction bound, mean + t * s * sqrt(1 + 1/n).
    """
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return None
    wide = float(t.ppf(CONFIDENCE, n - 1) * np.std(values, ddof=1) * math.sqrt(1 + 1 / n))
    return float(np.mean(values)) + wide


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


def beats(differences: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of each column 1 where its mean is significantly above zero, -1 where below, 0 where it may be either.

    differences: [seeds, budgets], of which the two-sided paired t test is made at level 0.05, uncorrected.
    """
    from scipy.stats import t

    n = len(differences)
    if n < 2:
        return np.zeros(differences.shape[1], dtype=np.int64)
    mean, spread = differences.mean(axis=0), differences.std(axis=0, ddof=1)
    is_far = np.abs(mean) > np.maximum(t.ppf(1 - LEVEL / 2, n - 1) * spread / math.sqrt(n), EQUAL)
    found: NDArray[np.int64] = np.where(is_far, np.sign(mean), 0).astype(np.int64)
    return found


def power(seeds: int, effect: float, level: float = LEVEL) -> float:
    """Chance that a two-sided paired t test sees a difference of `effect` standard deviations of it."""
    from scipy.stats import ncf, t

    bar = float(t.ppf(1 - level / 2, seeds - 1))
    return float(ncf.sf(bar**2, 1, seeds - 1, seeds * effect**2))  # of t squared: scipy's tails of t itself turn nan


def seeds_for(difference: float, spread: float, level: float = LEVEL) -> int | None:
    """The fewest seeds with which the paired t test sees this difference 80 times of 100; None: more than `MOST_SEEDS`.

    spread: standard deviation of the paired differences.
    """
    if abs(difference) <= EQUAL:
        return None
    if spread <= EQUAL:
        return 2
    effect = difference / spread
    few, many = 2, MOST_SEEDS
    if power(many, effect, level) < POWER:
        return None
    while few < many:  # power grows with the seeds
        middle = (few + many) // 2
        few, many = (few, middle) if power(middle, effect, level) >= POWER else (middle + 1, many)
    return few


@lru_cache
def nemenyi(strategies: int, blocks: int) -> float:
    """Average ranks over `blocks` data sets that are less far apart cannot be told apart, at level 0.05.

    source: Demsar 2006, section 3.2.2: q * sqrt(k (k + 1) / 6N), q of the studentised range over sqrt(2).
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - LEVEL, strategies, np.inf)) / math.sqrt(2)
    return q * math.sqrt(strategies * (strategies + 1) / (6 * blocks))


def friedman_p(ranks: NDArray[np.float64]) -> float:
    """p value of the hypothesis that all strategies are alike.    ranks: [blocks, strategies], ties averaged.

    source: Friedman 1937, with the correction for ties, by the chi-square distribution of k - 1 degrees of freedom.
    """
    from scipy.stats import chi2

    blocks, k = ranks.shape
    scatter = float(((ranks - (k + 1) / 2) ** 2).sum()) / (blocks * (k - 1))  # k (k + 1) / 12 without ties
    if scatter <= EQUAL:
        return 1.0
    statistic = blocks * float(((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum()) / scatter
    return float(chi2.sf(statistic, k - 1))
