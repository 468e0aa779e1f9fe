"""The contracts, which come with activeloop, and what is particular to each."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from activeloop_example import Crowd, expected_cost, systematic

from activeloop.errors import ConfigError
from activeloop.testing import LearnerContract, OracleContract, StrategyContract


class TestExpectedCost(StrategyContract):
    strategy = "activeloop-example:expected-cost"
    reference = "least-confidence"


class TestSystematic(StrategyContract):
    strategy = "activeloop-example:systematic"


class TestPrototypes(LearnerContract):
    learner = "activeloop-example:prototypes"


class TestCrowd(OracleContract):
    oracle = "activeloop-example:crowd"


def test_a_dear_mistake_is_asked_about_though_it_is_unlikely() -> None:
    probs = torch.tensor([[0.6, 0.4, 0.0], [0.8, 0.0, 0.2]])
    costs = [[0, 1, 1], [1, 0, 1], [10, 10, 0]]  # missing the last class costs ten

    found = expected_cost(probs, costs=costs)

    torch.testing.assert_close(found, torch.tensor([0.4, 0.8], dtype=torch.float64))
    with pytest.raises(ConfigError, match="3 classes need C x C"):
        expected_cost(probs, costs=[[0, 1], [1, 0]])


def test_picks_are_at_equal_steps_along_the_longest_direction() -> None:
    features = torch.stack([torch.arange(12.0), torch.zeros(12)], dim=1)

    picks = systematic(features, torch.full((12,), -1), 4, np.random.default_rng(0))

    assert set(picks.diff().abs().tolist()) == {3}


def test_more_voters_err_less_and_ties_are_skipped() -> None:
    truth = np.arange(600) % 3

    def answers(voters: int) -> np.ndarray:
        crowd = Crowd(truth, 3, seed=0, voters=voters)
        crowd.post("q0", range(600))
        return np.array(list(crowd.collect("q0").values()))

    one, two, nine = (answers(voters) for voters in (1, 2, 9))

    assert (one == truth).mean() == pytest.approx(0.8, abs=0.05)  # 3 standard deviations
    assert (nine == truth).mean() > 0.95
    assert (two == -2).any()
    assert (one != -2).all()
