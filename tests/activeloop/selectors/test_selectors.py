from __future__ import annotations

import numpy as np

from activeloop.selectors import random


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_random_is_a_permutation_when_all_are_asked_for() -> None:
    assert sorted(random(np.arange(50) + 7, 50, rng()).tolist()) == list(range(50))


def test_random_draws_every_row_equally_often() -> None:
    chance = rng(3)
    counts = np.bincount(np.concatenate([random(np.arange(10), 3, chance).numpy() for _ in range(3000)]), minlength=10)

    assert abs(counts / 900 - 1).max() < 0.1  # three standard deviations of a binomial(3000, 0.3)
