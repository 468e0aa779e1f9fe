"""Penalty matrix, deficiency, pairwise tests and seeds needed: hand-computed cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from activeloop.report.pairs import Curves, Penalties, deficiency, pairs, penalties, seeds_needed, summed
from activeloop.report.statistics import holm, paired_p
from activeloop.report.summary import Curve


def curve(by_labels: Mapping[float, float]) -> Curve:
    return Curve(np.array(list(by_labels), dtype=float), np.array(list(by_labels.values())))


def runs(*heights: Sequence[float]) -> dict[int, Curve]:
    """A run per seed, measured at 10, 20, … labels."""
    return {seed: curve({10 * (i + 1): value for i, value in enumerate(each)}) for seed, each in enumerate(heights)}


# differences b - a at the three budgets: 0, 0, 0; then 0.1, 0.2, 0.3 (t = 3.46 < 4.30 with 3 seeds: noise); then 0.1,
# 0.11, 0.12 (t = 19: a win)
A = runs([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
B = runs([0.5, 0.6, 0.6], [0.5, 0.7, 0.61], [0.5, 0.8, 0.62])
AB: Curves = {"a": A, "b": B}


def test_penalty_matrix_by_hand() -> None:
    found = penalties(AB, ("a", "b"), 1.0)

    assert found.matrix == ((None, 0.0), (pytest.approx(1 / 3), None))
    assert found.beaten == (pytest.approx(1 / 3), 0.0)
    assert found.beats == (0.0, pytest.approx(1 / 3))


def test_of_a_metric_where_less_is_better_the_lower_one_wins() -> None:
    assert penalties(AB, ("a", "b"), -1.0).matrix == ((None, pytest.approx(1 / 3)), (0.0, None))


def test_one_seed_beats_nobody() -> None:
    one: Curves = {"a": runs([0.1, 0.1]), "b": runs([0.9, 0.9])}

    assert penalties(one, ("a", "b"), 1.0).matrix == ((None, None), (None, None))


def test_equal_runs_do_not_beat_each_other_over_rounding() -> None:
    # on straight lines between other label counts equal curves come out a last digit apart
    sparse = {seed: curve({10: 0.1, 40: 0.7}) for seed in range(3)}
    dense = {seed: curve({10: 0.1, 20: 0.3, 30: 0.5, 40: 0.7}) for seed in range(3)}

    assert penalties({"a": sparse, "b": dense}, ("a", "b"), 1.0).matrix == ((None, 0.0), (0.0, None))


def test_budgets_are_those_that_all_runs_of_the_two_saw() -> None:
    longer = {seed: curve({10: 0.5, 20: 0.6 + seed / 100, 30: 0.9, 40: 0.9 + seed / 1000}) for seed in range(3)}

    # of 10, 20 and 30 labels, b wins at 20 (0.1, 0.11, 0.12) and 30 (0.4 thrice); 40 was never reached by a
    assert penalties({"a": A, "b": longer}, ("a", "b"), 1.0).matrix[1][0] == pytest.approx(2 / 3)


def test_matrices_add_up_over_conditions_and_strategies_missing_from_one() -> None:
    one = penalties(AB, ("a", "b"), 1.0)
    other = Penalties(("b", "c"), ((None, 0.5), (0.25, None)), (0.25, 0.5), (0.5, 0.25), 1)

    found = summed([one, one, other])

    assert found.strategies == ("a", "b", "c")
    assert found.matrix == ((None, 0.0, None), (pytest.approx(2 / 3), None, 0.5), (None, 0.25, None))
    assert found.beaten == (pytest.approx(2 / 3), 0.125, 0.5)
    assert found.conditions == 3


def test_deficiency_by_hand() -> None:
    base = {0: curve({0: 0.0, 10: 1.0})}  # mean height 0.5, half of the way to its end
    fast = {0: curve({0: 0.0, 5: 1.0, 10: 1.0})}  # mean height 0.75: a quarter left

    assert deficiency(fast, base, 1.0) == pytest.approx(0.5)
    assert deficiency(base, base, 1.0) == pytest.approx(1.0)
    assert deficiency(base, fast, 1.0) == pytest.approx(2.0)


def test_deficiency_of_a_loss_is_that_of_its_mirror_image() -> None:
    base, fast = {0: curve({0: 0.0, 10: -1.0})}, {0: curve({0: 0.0, 5: -1.0, 10: -1.0})}

    assert deficiency(fast, base, -1.0) == pytest.approx(0.5)


def test_deficiency_does_not_exist_where_the_baseline_does_not_learn_or_shares_no_seed() -> None:
    level = {0: curve({0: 0.5, 10: 0.5})}

    assert deficiency(level, level, 1.0) is None
    assert deficiency({1: curve({0: 0.0, 10: 1.0})}, level, 1.0) is None


def test_every_two_strategies_are_tested_once_and_corrected_for_all() -> None:
    rng = np.random.default_rng(0)
    curves = {
        name: runs(*([0.5, 0.6 + gain + rng.normal(0, 0.01)] for _ in range(5)))
        for name, gain in (("a", 0.2), ("b", 0.05), ("c", 0.049))
    }

    found = pairs(curves, ("a", "b", "c"), 0.7, 1.0)

    assert [(pair.first, pair.second) for pair in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [pair.verdict for pair in found] == ["better", "better", "cannot be told apart"]
    raw = [
        paired_p([float(mine.values[1] - theirs.values[1]) / 2 for mine, theirs in zip(one, other, strict=True)])
        for one, other in ((curves[p.first].values(), curves[p.second].values()) for p in found)
    ]
    assert [pair.p for pair in found] == pytest.approx(raw)
    assert [pair.p_holm for pair in found] == pytest.approx(holm([p for p in raw if p is not None]))


def test_a_pair_says_what_the_second_needed_more() -> None:
    found = pairs(
        {"a": runs([0.0, 1.0], [0.0, 1.0]), "b": runs([0.0, 0.5, 1.0], [0.0, 0.5, 1.0])}, ("a", "b"), 1.0, 1.0
    )

    assert found[0].saving.labels is not None
    assert found[0].saving.labels.mean == pytest.approx(10)


def test_seeds_needed_are_those_of_the_observed_effect_and_unlimited_where_there_may_be_none() -> None:
    # mean 0.5, deviation 1: 34 seeds by every table of the paired t test; the interval holds 0, so nothing may be enough
    values = np.array([-1.0, 0.0, 1.0, 2.0])
    values = 0.5 + (values - values.mean()) / values.std(ddof=1)

    found = seeds_needed(list(values))

    assert found is not None
    assert (found.seeds, found.most) == (34, None)
    assert found.fewest is not None
    assert found.fewest < 34


def test_the_more_pairs_share_the_level_the_more_seeds_each_needs() -> None:
    values = [0.5, 1.0, 0.2, 0.9, 0.1]

    one, six = seeds_needed(values), seeds_needed(values, tests=6)

    assert one is not None
    assert six is not None
    assert one.seeds is not None
    assert six.seeds is not None
    assert six.seeds > one.seeds


def test_seeds_needed_of_a_difference_that_is_surely_there_has_two_ends() -> None:
    found = seeds_needed([1.0, 1.2, 0.9, 1.1, 1.0, 0.8, 1.3, 1.0])

    assert found is not None
    assert found.seeds is not None
    assert found.fewest is not None
    assert found.most is not None
    assert 2 <= found.fewest <= found.seeds <= found.most


def test_seeds_needed_of_one_seed_are_unknown_and_of_no_difference_without_end() -> None:
    assert seeds_needed([0.1]) is None
    found = seeds_needed([0.1, -0.1])
    assert found is not None
    assert (found.seeds, found.most) == (None, None)
