"""Hand-computed numbers first, then scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from activeloop.report.statistics import (
    area,
    beats,
    enough,
    estimate,
    holm,
    labels_to,
    median_interval,
    median_labels,
    paired_p,
    power,
    seeds_for,
)


def test_area_is_the_mean_height_of_a_polyline() -> None:
    # trapezoids 10 x 0.3 and 30 x 0.6, over a span of 40
    assert area([10, 20, 50], [0.2, 0.4, 0.8]) == pytest.approx((3 + 18) / 40)


def test_area_of_a_level_curve_is_its_level_whatever_the_span() -> None:
    assert area([7, 8, 100], [0.5, 0.5, 0.5]) == pytest.approx(0.5)


def test_area_within_a_window_cuts_the_lines_at_its_ends() -> None:
    # from 15 to 35 of the line 0 at 10 to 1 at 50: heights 0.125 and 0.625
    assert area([10, 50], [0.0, 1.0], 15, 35) == pytest.approx(0.375)


def test_area_of_one_point_does_not_exist() -> None:
    assert area([10], [0.5]) is None
    assert area([10, 20], [0.5, 0.6], 30, 40) is None


def test_target_is_crossed_on_the_straight_line_between_two_points() -> None:
    assert labels_to(0.9, [20, 40, 60], [0.5, 0.8, 1.0]) == pytest.approx(50)


def test_first_crossing_counts_though_the_curve_falls_again() -> None:
    assert labels_to(0.8, [10, 20, 30, 40], [0.7, 0.9, 0.6, 0.95]) == pytest.approx(15)


def test_target_met_at_once_takes_the_first_labels_and_one_never_met_none() -> None:
    assert labels_to(0.5, [20, 40], [0.6, 0.7]) == 20
    assert labels_to(0.9, [20, 40], [0.6, 0.7]) is None


def test_median_without_censoring_is_where_half_the_runs_are_there() -> None:
    assert median_labels([30, 10, 20, 40], []) == 20


def test_median_with_censored_runs_by_hand() -> None:
    # survival: 3/4 after 10; the run censored at 15 leaves two at risk, so 3/8 after 20
    assert median_labels([10, 20, 30], [15]) == 20
    # 2/3 after 10, 1/3 after 40, since the one censored at 50 is still at risk then
    assert median_labels([10, 40], [50]) == 40
    # 3/4 after 10, 3/4 x 2/3 = 1/2 after 20: exactly half is enough
    assert median_labels([10, 20], [100, 100]) == 20


def test_median_is_beyond_the_budget_where_most_runs_are_censored() -> None:
    assert median_labels([10], [100, 100]) is None
    assert median_labels([], [100]) is None


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.5
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx((0.06, 0.04, 0.5, 0.06))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_interval_is_scipys_t_interval() -> None:
    values = [0.81, 0.84, 0.79, 0.9, 0.83]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))

    found = estimate(values)

    assert found is not None
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((np.mean(values), low, high, 5))


def test_one_seed_has_no_interval_and_none_no_mean() -> None:
    found = estimate([0.8])

    assert found is not None
    assert (found.mean, found.low, found.high, found.half) == (0.8, None, None, None)
    assert estimate([]) is None


def test_paired_p_is_scipys() -> None:
    mine, theirs = [0.8, 0.85, 0.9, 0.7], [0.75, 0.8, 0.91, 0.6]
    assert paired_p(np.subtract(mine, theirs)) == pytest.approx(stats.ttest_rel(mine, theirs).pvalue)


def test_equal_differences_need_no_test() -> None:
    assert paired_p([0.0, 0.0]) == 1.0
    assert paired_p([0.5, 0.5]) == 0.0
    assert paired_p([0.5]) is None


def survival(reached: list[float], censored: list[float]) -> stats._survival.EmpiricalDistributionFunction:
    return stats.ecdf(stats.CensoredData(uncensored=reached, right=censored)).sf


def censored_at(times: np.ndarray, end: float) -> tuple[list[float], list[float]]:
    return [float(time) for time in times if time <= end], [end for time in times if time > end]


@pytest.mark.parametrize("n", [4, 7, 12, 40])
@pytest.mark.parametrize("end", [90.0, 110.0, 1000.0])
def test_median_is_that_of_scipys_kaplan_meier_curve(n: int, end: float) -> None:
    rng = np.random.default_rng(n)
    for _ in range(20):
        reached, censored = censored_at(rng.normal(100, 20, n).round(), end)
        curve = survival(reached, censored)
        there = curve.quantiles[curve.probabilities <= 0.5 + 1e-12]
        expected = float(there.min()) if len(reached) and len(there) else None

        assert median_labels(reached, censored) == expected


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
@pytest.mark.parametrize("n", [7, 12, 40])
@pytest.mark.parametrize("end", [90.0, 110.0, 1000.0])
def test_interval_of_the_median_is_where_scipys_log_log_limits_cross_a_half(n: int, end: float) -> None:
    rng = np.random.default_rng(n)
    for _ in range(20):
        reached, censored = censored_at(rng.normal(100, 20, n).round(), end)
        if not reached:
            continue
        curve = survival(reached, censored)
        with np.errstate(all="ignore"):
            limits = curve.confidence_interval(0.95, method="log-log")
        is_event = np.isin(curve.quantiles, reached)
        times = curve.quantiles[is_event]
        low, high = (limit.probabilities[is_event] for limit in (limits.low, limits.high))
        is_zero = curve.probabilities[is_event] == 0  # there the limits do not exist
        lows, highs = times[is_zero | (low <= 0.5)], times[~is_zero & (high <= 0.5)]
        expected = tuple(float(each.min()) if len(each) else None for each in (lows, highs))

        assert median_interval(reached, censored) == expected


def test_six_runs_or_fewer_leave_the_upper_end_of_the_median_open() -> None:
    assert median_interval([10, 20, 30, 40, 50, 60], []) == (10, None)
    assert median_interval([10, 20, 30, 40, 50, 60, 70], []) == (10, 60)
    assert median_interval([], [100, 100]) == (None, None)


def test_enough_is_the_one_sided_prediction_bound() -> None:
    # mean 20, deviation 10, n = 3: 20 + 2.920 * 10 * sqrt(4/3)
    assert enough([10, 20, 30]) == pytest.approx(20 + 2.91999 * 10 * np.sqrt(4 / 3), abs=1e-3)
    assert enough([10]) is None


def test_a_budget_is_won_where_scipy_finds_the_mean_difference_significant() -> None:
    differences = np.random.default_rng(0).normal(0.5, 1, (6, 200))
    tests = stats.ttest_1samp(differences, 0.0)

    assert (beats(differences) == np.where(tests.pvalue < 0.05, np.sign(tests.statistic), 0)).all()


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_seeds_for_80_percent_power_are_those_of_cohens_paired_t_test(effect: float, seeds: int) -> None:
    assert seeds_for(effect, 1.0) == seeds  # as G*Power 3.1 gives them
    assert power(seeds - 1, effect) < 0.8 <= power(seeds, effect)


def test_seeds_for_tiny_large_and_no_differences() -> None:
    assert seeds_for(0.001, 1.0) is None
    assert seeds_for(0.0, 1.0) is None
    assert seeds_for(0.1, 0.0) == 2
    assert seeds_for(100.0, 1.0) == 2
