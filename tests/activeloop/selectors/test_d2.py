from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from activeloop.errors import BadScores, ConfigError
from activeloop.selectors.d2 import d2

OPEN = -1


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def naive(features: np.ndarray, difficulty: np.ndarray, labels: np.ndarray, n: int, k: int, gamma: float) -> list[int]:  # type: ignore[type-arg]
    """The two passes, word for word, on whole matrices."""
    m = len(features)
    distance = np.array([[math.dist(a, b) for b in features] for a in features])
    near = [sorted((j for j in range(m) if j != i), key=lambda j, i=i: distance[i, j])[:k] for i in range(m)]
    s = difficulty - min(0, difficulty.min())
    heard = np.array([s[i] + sum(math.exp(-distance[i, j]) * s[j] for j in near[i]) for i in range(m)])

    def take(among: set[int]) -> int:
        best = max(among, key=lambda i: heard[i])
        for j in near[best]:
            heard[j] -= math.exp(-gamma * distance[best, j]) * heard[best]
        return best

    held, free = set(np.flatnonzero(labels >= 0).tolist()), set(np.flatnonzero(labels == OPEN).tolist())
    while held:
        held.remove(take(held))
    picks = []
    for _ in range(n):
        picks.append(take(free))
        free.remove(picks[-1])
    return picks


@pytest.mark.parametrize("seed", range(6))
def test_d2_agrees_with_the_plain_loops_down_to_the_last_row(seed: int) -> None:
    chance = rng(seed)
    features, difficulty = chance.normal(size=(80, 3)), chance.normal(size=80) + (2 if seed % 2 else 0)
    labels = chance.choice([OPEN, OPEN, OPEN, OPEN, -2, 1], 80)
    n, k, gamma = int((labels == OPEN).sum()), int(chance.integers(1, 8)), float(chance.uniform(0, 2))

    picks = d2(torch.from_numpy(features), torch.from_numpy(difficulty), torch.from_numpy(labels), n, rng(),
               neighbours=k, gamma=gamma)  # fmt: skip

    assert picks.tolist() == naive(features, difficulty, labels, n, k, gamma)


def opened(m: int) -> torch.Tensor:
    return torch.full((m,), OPEN)


def test_a_hard_neighbour_counts_and_a_pick_takes_from_its_own() -> None:
    """Two pairs, at a distance of 0.1 and 100 apart. 3 + 2e-0.1 = 4.81 is picked first, and leaves its neighbour
    4.71 - 4.81 * 0.99 < 0, so that the other pair, of 1 + e-0.1 = 1.90 each, comes next."""
    features = torch.tensor([[0.0], [0.1], [100.0], [100.1]])

    picks = d2(features, torch.tensor([3.0, 2.0, 1.0, 1.0]), opened(4), 2, rng(), neighbours=1)

    assert int(picks[0]) == 0
    assert int(picks[1]) in (2, 3)


def test_rows_like_a_labelled_one_come_late() -> None:
    features = torch.tensor([[0.0], [0.1], [100.0], [100.1]])
    labels = torch.tensor([1, OPEN, OPEN, OPEN])

    assert int(d2(features, torch.tensor([3.0, 2.0, 1.0, 1.0]), labels, 1, rng(), neighbours=1)[0]) in (2, 3)


def test_far_apart_the_hardest_come_first() -> None:
    features = 1000 * torch.arange(6.0)[:, None]

    assert d2(features, torch.tensor([1.0, 5, 3, 0, 2, 4]), opened(6), 4, rng(), gamma=1.0).tolist() == [1, 5, 2, 4]


def test_negative_difficulty_is_raised_so_that_the_least_is_zero() -> None:
    features, difficulty = torch.from_numpy(rng(1).normal(size=(50, 2))), torch.from_numpy(rng(2).normal(size=50))

    low, raised = (d2(features, it, opened(50), 20, rng()) for it in (difficulty, difficulty - difficulty.min()))

    assert torch.equal(low, raised)


def test_ties_are_broken_by_chance() -> None:
    features = 1000 * torch.arange(5.0)[:, None]

    assert len({int(d2(features, torch.ones(5), opened(5), 1, rng(seed))[0]) for seed in range(40)}) == 5


def test_one_row_is_enough_and_what_breaks_the_contract_is_refused() -> None:
    assert d2(torch.zeros(1, 2), torch.ones(1), opened(1), 1, rng()).tolist() == [0]
    with pytest.raises(ConfigError, match="neighbours is 0"):
        d2(torch.zeros(3, 2), torch.ones(3), opened(3), 1, rng(), neighbours=0)
    with pytest.raises(ConfigError, match="4 picks were asked for, but 3"):
        d2(torch.zeros(3, 2), torch.ones(3), opened(3), 4, rng())
    with pytest.raises(BadScores, match="position 2"):
        d2(torch.tensor([[0.0], [1.0], [torch.nan]]), torch.ones(3), opened(3), 1, rng())
    with pytest.raises(BadScores, match="difficulties are nan.*position 0"):
        d2(torch.zeros(3, 1), torch.tensor([torch.inf, 0, 0]), opened(3), 1, rng())
