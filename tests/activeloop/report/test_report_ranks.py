"""Friedman and Nemenyi: by hand, by Demsar's tables, and beside scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from activeloop.report.ranks import cliques, ranking
from activeloop.report.statistics import friedman_p, nemenyi


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (10, 3.164)])
def test_critical_distance_is_that_of_demsars_table_5a(k: int, q: float) -> None:
    assert nemenyi(k, 20) / np.sqrt(k * (k + 1) / 120) == pytest.approx(q, abs=1e-3)


def test_friedman_is_scipys_with_and_without_ties() -> None:
    scores = np.random.default_rng(0).normal(size=(12, 4))
    for table in (scores, scores.round()):
        ranks = stats.rankdata(table, axis=1)
        assert friedman_p(ranks) == pytest.approx(stats.friedmanchisquare(*table.T).pvalue)


def test_friedman_of_all_ties_finds_nothing() -> None:
    assert friedman_p(np.full((5, 3), 2.0)) == 1.0


def test_ranks_by_hand() -> None:
    # ranks 1 2 3, 1 3 2, 1.5 3 1.5
    blocks = [{"a": 0.9, "b": 0.8, "c": 0.7}, {"a": 0.9, "b": 0.1, "c": 0.7}, {"a": 0.5, "b": 0.4, "c": 0.5}]

    found = ranking(blocks, "conditions", 1.0)

    assert found is not None
    assert found.strategies == ("a", "c", "b")
    assert found.ranks == pytest.approx((3.5 / 3, 6.5 / 3, 8 / 3))
    assert found.critical == pytest.approx(2.343 * np.sqrt(12 / 18), abs=1e-3)  # 1.91: a and b are 1.5 apart
    assert found.cliques == (("a", "c", "b"),)
    assert found.trust == "3 conditions are few"


def test_less_is_better_turns_the_ranks() -> None:
    blocks = [{"a": 0.9, "b": 0.8}] * 7

    found = ranking(blocks, "seeds", -1.0)

    assert found is not None
    assert (found.strategies, found.ranks, found.cliques) == (("b", "a"), (1.0, 2.0), ())
    assert found.trust is None
    assert found.p == pytest.approx(stats.chi2.sf(7, 1))  # with two strategies the statistic is (wins - losses)^2 / n


def test_a_strategy_that_one_block_lacks_is_left_out_and_named() -> None:
    found = ranking([{"a": 1.0, "b": 0.5, "c": 0.1}, {"a": 1.0, "b": 0.5}], "conditions", 1.0, "they share their data")

    assert found is not None
    assert (found.strategies, found.left_out) == (("a", "b"), ("c",))
    assert found.trust == "2 conditions are few; they share their data"


def test_one_block_or_one_strategy_ranks_nothing() -> None:
    assert ranking([{"a": 1.0, "b": 0.5}], "seeds", 1.0) is None
    assert ranking([{"a": 1.0}, {"a": 0.5}], "seeds", 1.0) is None


def test_cliques_are_the_longest_stretches_within_the_distance() -> None:
    assert cliques([1.0, 1.5, 2.0, 3.0, 3.5], 1.1) == [(0, 3), (2, 4), (3, 5)]
    assert cliques([1.0, 1.5, 2.0], 5.0) == [(0, 3)]
    assert cliques([1.0, 3.0, 5.0], 1.0) == []
