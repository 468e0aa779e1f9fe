"""The law comes back from curves drawn from it; the interval covers; what is wrong with a fit is said."""

from __future__ import annotations

import math

import numpy as np
import pytest

from activeloop.report.forecast import Forecast, backtest, forecast
from activeloop.report.power_law import Law, fit
from activeloop.report.summary import Curve

LABELS = np.arange(20.0, 201.0, 20.0)
LAW = Law(2.0, 0.7, 0.03)


def runs(errors: np.ndarray, labels: np.ndarray = LABELS) -> dict[int, Curve]:
    return {seed: Curve(labels[: len(each)], 1 - each) for seed, each in enumerate(np.atleast_2d(errors))}


def drawn(rng: np.random.Generator, seeds: int, labels: np.ndarray = LABELS) -> np.ndarray:
    """Seeds differ in their level, and every measure scatters, the less the more labels."""
    level = 1 + rng.normal(0, 0.1, (seeds, 1))
    return np.asarray(level * LAW(labels) + rng.normal(0, 0.02, (seeds, len(labels))) * (labels / 20) ** -0.5)


def of(curves: dict[int, Curve], target: float = 0.92, price: float | None = None) -> Forecast:
    return forecast("margin", curves, target, 1.0, price)


@pytest.mark.parametrize("law", [LAW, Law(0.9, 0.3, 0.0), Law(30.0, 1.3, 0.1)])
def test_a_law_is_found_again_in_its_own_points(law: Law) -> None:
    found = fit(LABELS, law(LABELS), np.ones(len(LABELS)))

    assert (found.a, found.b, found.c) == pytest.approx((law.a, law.b, law.c), rel=1e-3, abs=1e-4)


def test_the_fit_is_scipys_where_no_bound_holds_it() -> None:
    from scipy.optimize import curve_fit

    errors = LAW(LABELS) + np.random.default_rng(0).normal(0, 0.003, len(LABELS))
    weights = LABELS / 20
    expected, _ = curve_fit(
        lambda m, a, b, c: a * m**-b + c, LABELS, errors, p0=(2.0, 0.7, 0.03), sigma=weights**-0.5, maxfev=10_000
    )

    found = fit(LABELS, errors, weights)

    assert (found.a, found.b, found.c) == pytest.approx(tuple(expected), rel=2e-2)


def test_floor_and_slope_stay_at_zero_where_the_best_of_them_would_be_below() -> None:
    straight = fit(LABELS, 0.5 - LABELS / 1000, np.ones(len(LABELS)))
    rising = fit(LABELS, LABELS / 1000, np.ones(len(LABELS)))

    assert straight.c == 0
    assert (rising.a, rising.is_at_bound) == (0, True)


def test_labels_to_an_error_invert_the_law() -> None:
    # (2 / (0.08 - 0.03))^(1/0.7)
    assert LAW.labels_to(0.08) == pytest.approx(40 ** (1 / 0.7))
    assert LAW.labels_to(0.03) is None
    assert Law(2.0, 0.05, 0.0).labels_to(1e-30) is None


def test_a_clean_curve_is_forecast_beyond_its_end() -> None:
    found = of(runs(np.stack([LAW(LABELS)] * 3)), target=0.95, price=0.5)

    assert found.labels == pytest.approx(40.0 ** (1 / 0.7) * 2.5 ** (1 / 0.7), rel=1e-2)  # 2 / 0.02 = 100
    assert found.low == pytest.approx(found.labels, rel=0.02)
    assert found.high == pytest.approx(found.labels, rel=0.02)
    assert not found.is_reached
    assert found.cost is not None
    assert found.labels is not None
    assert found.cost[0] == found.labels / 2
    assert found.curve[-1].mean == pytest.approx(1 - float(LAW(np.array([800.0]))[0]), abs=1e-3)


def test_an_error_is_forecast_as_it_is_and_a_score_as_one_minus_it() -> None:
    score = of(runs(drawn(np.random.default_rng(0), 4)))
    error = forecast(
        "margin",
        {s: Curve(c.labels, 1 - c.values) for s, c in runs(drawn(np.random.default_rng(0), 4)).items()},
        0.08,
        -1.0,
    )

    assert error.labels == pytest.approx(score.labels)
    assert error.curve[5].low == pytest.approx(1 - score.curve[5].high)


def test_what_was_reached_already_is_read_off_the_curve() -> None:
    found = of(runs(np.stack([LAW(LABELS)] * 3)), target=0.8)

    assert found.is_reached
    # the straight line between the measures at 20 and 40 labels, or 40 and 60
    assert found.labels is not None
    assert 20 < found.labels < 60
    assert (found.low, found.high) == pytest.approx((found.labels, found.labels))


def test_the_mean_that_arrived_has_an_interval_that_may_end_beyond_the_last_measure() -> None:
    found = of(runs(drawn(np.random.default_rng(3), 5)), target=0.915)

    assert found.is_reached
    assert found.labels is not None
    assert found.low is not None
    assert found.low < found.labels
    assert found.high is None or found.high > found.labels


def test_too_few_measures_are_not_fitted() -> None:
    found = of(runs(LAW(LABELS[:4]), LABELS[:4]))

    assert (found.a, found.labels, found.curve) == (None, None, ())
    assert found.trust == "4 measures are too few for a law of three numbers; it takes 5"
    assert "0 measures" in str(of({}).trust)


def test_a_target_below_the_floor_is_never_reached() -> None:
    found = of(runs(np.stack([LAW(LABELS)] * 3)), target=0.98)

    assert (found.labels, found.high) == (None, None)
    assert "below the floor of the law, an error of 0.03" in str(found.trust)


def test_a_far_target_a_level_curve_and_one_that_turns_are_doubted() -> None:
    law = Law(0.9, 0.3, 0.0)

    assert "times as far out as anything was measured" in str(of(runs(np.stack([law(LABELS)] * 2)), 0.9).trust)
    assert "does not fall like a power" in str(of(runs(np.full((2, 10), 0.3))).trust)
    turned = np.concatenate([LAW(LABELS[:6]), LAW(LABELS[:6])[-1] + np.arange(1, 5) * 0.02])
    assert "the error rose again" in str(of(runs(np.stack([turned, turned + 0.01]))).trust)
    assert "the error rose again" in str(of(runs(turned)).trust)


def test_one_run_is_forecast_by_the_scatter_of_its_own_points() -> None:
    found = of(runs(drawn(np.random.default_rng(0), 1)), target=0.93)

    assert found.curve[-1].low < found.curve[-1].mean < found.curve[-1].high


def test_the_order_of_seeds_changes_nothing() -> None:
    errors = drawn(np.random.default_rng(1), 4)

    assert of(runs(errors)).labels == pytest.approx(of(runs(errors[::-1])).labels)
    assert of(runs(errors)).high == pytest.approx(of(runs(errors[::-1])).high)


def test_a_backtest_hides_the_last_four_tenths_and_compares() -> None:
    errors = drawn(np.random.default_rng(0), 5)

    found = backtest(runs(errors), 1.0)

    assert found is not None
    assert (found.seen, found.forecast.labels) == (120, 200)
    assert found.reached == pytest.approx(1 - errors[:, -1].mean())
    assert found.error == pytest.approx(found.forecast.mean - found.reached)


def test_a_backtest_of_a_curve_that_follows_its_law_is_right_and_of_one_that_does_not_is_told() -> None:
    clean = backtest(runs(np.stack([LAW(LABELS)] * 3)), 1.0)
    bent = np.stack([np.concatenate([LAW(LABELS[:6]), LAW(LABELS[6:]) / 3])] * 3)

    assert clean is not None
    assert clean.error == pytest.approx(0, abs=1e-3)
    assert "from 120 labels alone it would have forecast" in str(of(runs(bent)).trust)


def test_a_short_curve_hides_what_leaves_five_and_a_shorter_one_nothing() -> None:
    seven, six = LABELS[:7], LABELS[:6]

    found = backtest(runs(LAW(seven), seven), 1.0)

    assert found is not None
    assert found.seen == 100
    assert backtest(runs(LAW(six), six), 1.0) is None


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("target", [0.93, 0.94])
def test_the_interval_covers_the_labels_that_the_law_needs(seeds: int, target: float) -> None:
    """1.3 and 1.9 times as many as were measured; four standard errors of the rate are 4 of 100."""
    rng, truth = np.random.default_rng(seeds), LAW.labels_to(1 - target)
    assert truth is not None
    covered = []
    for _ in range(400):
        found = of(runs(drawn(rng, seeds)), target)
        covered.append((found.low or 0) <= truth <= (math.inf if found.high is None else found.high))

    assert 0.91 <= np.mean(covered) <= 0.99


@pytest.mark.slow
def test_a_backtest_covers_what_the_same_seeds_reach() -> None:
    rng = np.random.default_rng(0)
    found = [backtest(runs(drawn(rng, 5)), 1.0) for _ in range(400)]

    assert 0.88 <= np.mean([each.is_covered for each in found if each is not None]) <= 0.99
