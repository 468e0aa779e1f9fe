from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.errors import ConfigError
from activeloop.selectors.ccs import ccs, shares

OPEN = -1


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def picked(difficulty: torch.Tensor, cutoff: float, n: int, *, strata: int = 50, seed: int = 0) -> torch.Tensor:
    return ccs(difficulty, torch.tensor(cutoff), torch.full((len(difficulty),), OPEN), n, rng(seed), strata=strata)


def test_what_small_strata_cannot_use_goes_to_the_larger_ones() -> None:
    """Ten for three: 1 (of 3.3 it has one), then 9 // 2 = 4, then the 5 that are left."""
    assert shares(torch.tensor([20, 1, 0, 6]), 10) == [(1, 1), (3, 4), (0, 5)]
    assert shares(torch.tensor([5, 5]), 10) == [(0, 5), (1, 5)]
    assert shares(torch.tensor([2, 9]), 0) == [(0, 0), (1, 0)]


@pytest.mark.parametrize("seed", range(20))
def test_shares_fit_and_sum_to_what_was_asked(seed: int) -> None:
    sizes = torch.from_numpy(rng(seed).integers(0, 30, 12))
    for n in range(0, int(sizes.sum()) + 1, 7):
        given = shares(sizes, n)
        assert sum(share for _, share in given) == n
        assert all(share <= sizes[at] for at, share in given)


def test_picks_are_spread_evenly_over_the_range_where_most_rows_are_at_one_end() -> None:
    """90 rows in the first of four strata and 10 in each other, whose bounds are 0, 25, 50, 75 and 100."""
    difficulty = torch.cat([torch.linspace(0, 24, 90), *(torch.linspace(a + 1, a + 24, 10) for a in (25, 50, 75))])
    difficulty[-1] = 100

    picks = picked(difficulty, 0, 24, strata=4)

    assert torch.histc(difficulty[picks], 4, 0, 100).tolist() == [6, 6, 6, 6]


def test_the_hardest_are_never_picked() -> None:
    difficulty = torch.arange(100.0)

    assert int(picked(difficulty, 0.3, 70).max()) == 69


@pytest.mark.parametrize("shift", [-1000.0, -3.0, 0.0, 1000.0])
def test_exactly_as_many_come_as_were_asked_for_whatever_the_sign_of_the_scores(shift: float) -> None:
    """Their code loses the greatest score where it is negative."""
    difficulty = torch.from_numpy(rng(1).normal(size=200)) + shift

    for n in (1, 37, 200):
        picks = picked(difficulty, 0, n)
        assert len(set(picks.tolist())) == n


def test_shifting_and_scaling_the_scores_changes_no_pick() -> None:
    difficulty = torch.from_numpy(rng(1).integers(0, 40, 200)).double()

    assert torch.equal(picked(difficulty, 0.1, 30), picked(4 * difficulty - 8192, 0.1, 30))


def test_labelled_and_skipped_rows_are_not_picked() -> None:
    labels = torch.tensor([OPEN, 0, OPEN, -2, OPEN, OPEN])

    picks = ccs(torch.arange(6.0), torch.tensor(0.0), labels, 4, rng())

    assert sorted(picks.tolist()) == [0, 2, 4, 5]


def test_inside_a_stratum_the_draw_is_uniform() -> None:
    difficulty = torch.cat([torch.zeros(4), torch.ones(4)])
    counts = torch.zeros(8)
    for seed in range(400):
        counts[picked(difficulty, 0, 2, strata=2, seed=seed)] += 1

    assert ((counts / 400 - 0.25).abs() < 0.08).all()  # four standard deviations


def test_a_cutoff_too_high_and_no_strata_are_refused() -> None:
    with pytest.raises(ConfigError, match="leaves 50 open rows of 100, and 60"):
        picked(torch.arange(100.0), 0.5, 60)
    with pytest.raises(ConfigError, match="strata is 0"):
        picked(torch.arange(100.0), 0.5, 6, strata=0)
    assert picked(torch.arange(100.0), 0.5, 0).tolist() == []


def test_the_last_stratum_is_closed() -> None:
    """Of two strata, 0 to 0.5 and 0.5 to 1, one pick each; 1 is as likely in its own as 0.6 and 0.7."""
    draws = [picked(torch.tensor([0.0, 0.1, 0.2, 0.6, 0.7, 1.0]), 0, 2, strata=2, seed=seed) for seed in range(40)]

    assert all(sorted((picks >= 3).tolist()) == [False, True] for picks in draws)
    assert {int(picks.max()) for picks in draws} == {3, 4, 5}
