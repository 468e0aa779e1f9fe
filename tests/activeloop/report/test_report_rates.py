"""Intervals cover and tests err as often as they say, on runs that are drawn from a known truth.

Every bound is four standard errors of the simulated rate, so that chance alone fails one in 16,000.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from activeloop.report.statistics import beats, enough, estimate, holm, median_interval, paired_p, power

REPEATS = 4000


def near(rate: float, repeats: int = REPEATS) -> object:
    return pytest.approx(rate, abs=4 * math.sqrt(rate * (1 - rate) / repeats))


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
def test_the_t_interval_covers_at_its_rate(seeds: int) -> None:
    values = np.random.default_rng(seeds).normal(0.8, 0.03, (REPEATS, seeds))
    found = [estimate(each) for each in values]

    assert np.mean([each.low <= 0.8 <= each.high for each in found]) == near(0.95)  # type: ignore[union-attr,operator]


@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_enough_is_enough_19_times_of_20(seeds: int) -> None:
    values = np.random.default_rng(seeds).normal(200, 30, (REPEATS, seeds + 1))
    bounds = np.array([enough(each[:-1]) for each in values])

    assert np.mean(values[:, -1] <= bounds) == near(0.95)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 5, 20])
def test_the_paired_test_errs_at_its_rate_where_there_is_no_difference(seeds: int) -> None:
    both = np.random.default_rng(seeds).normal(0.8, 0.03, (2000, seeds, 2)) + np.arange(seeds)[:, None]
    p = np.array([paired_p(each[:, 0] - each[:, 1]) for each in both])

    assert np.mean(p < 0.05) == near(0.05, 2000)


@pytest.mark.parametrize("seeds", [2, 5, 20])
def test_a_budget_is_won_one_time_in_forty_by_either_where_there_is_no_difference(seeds: int) -> None:
    won = beats(np.random.default_rng(seeds).normal(0, 0.03, (seeds, REPEATS)))

    assert np.mean(won == 1) == near(0.025)
    assert np.mean(won == -1) == near(0.025)


@pytest.mark.slow
def test_holm_errs_in_at_most_one_family_of_20_and_less_holm_in_far_more() -> None:
    # all pairs of five equal strategies at five seeds: ten tests that depend on one another
    rng = np.random.default_rng(0)
    first, second = np.triu_indices(5, 1)
    repeats = 600
    raw = np.array(
        [[paired_p(each) for each in (runs[first] - runs[second])] for runs in rng.normal(0.8, 0.03, (repeats, 5, 5))]
    )
    corrected = np.array([holm(list(each)) for each in raw])

    assert np.mean(raw.min(axis=1) < 0.05) > 0.15
    assert np.mean(corrected.min(axis=1) < 0.05) <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "effect"), [(5, 1.0), (34, 0.5), (10, 0.3)])
def test_power_is_how_often_the_test_sees_the_difference(seeds: int, effect: float) -> None:
    won = beats(np.random.default_rng(seeds).normal(effect, 1.0, (seeds, 20_000)))

    assert np.mean(won != 0) == near(power(seeds, effect), 20_000)


@pytest.mark.parametrize("seeds", [5, 8, 12, 20, 50])
@pytest.mark.parametrize("end", [math.inf, 115.0])
def test_the_interval_of_the_median_covers_about_at_its_rate(seeds: int, end: float) -> None:
    """The order statistics of few runs come in steps: between 92 and 99 of 100, censored or not."""
    rng = np.random.default_rng(seeds)
    covered = []
    for times in np.exp(rng.normal(math.log(100), 0.25, (600, seeds))):
        low, high = median_interval(list(times[times <= end]), [end] * int((times > end).sum()))
        covered.append(((low is not None and low <= 100) or low is None) and (high is None or high >= 100))

    assert 0.92 <= np.mean(covered) <= 0.99
