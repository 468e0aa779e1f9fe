from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.acquisitions import cluster_margin
from activeloop.errors import BadScores, ConfigError

# ten rows, the first eight unsure; groups of one, two and five of them
PROBS = torch.tensor([[0.5, 0.5]] * 8 + [[0.9, 0.1]] * 2)
GROUP = torch.tensor([7, 3, 3, 5, 5, 5, 5, 5, 9, 9])


def picked(n: int, seed: int = 0, among: float = 10.0) -> list[int]:
    return cluster_margin(PROBS, GROUP, n, np.random.default_rng(seed), among=among).tolist()


def test_each_group_has_its_turn_the_smallest_first() -> None:
    for seed in range(10):
        order = [int(GROUP[row]) for row in picked(4, seed, among=2)]  # the eight unsure rows take part
        assert order == [7, 3, 5, 3]


def test_large_groups_go_on_once_small_ones_are_used_up() -> None:
    assert [int(GROUP[row]) for row in picked(8, among=1)] == [7, 3, 5, 3, 5, 5, 5, 5]


def test_rows_within_a_group_are_drawn_and_only_unsure_ones_take_part() -> None:
    first = {picked(3, seed, among=8 / 3)[2] for seed in range(40)}

    assert first == {3, 4, 5, 6, 7}
    assert all(max(picked(3, seed, among=8 / 3)) < 8 for seed in range(20))


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"among is 0.5; it must be 1"):
        picked(2, among=0.5)
    with pytest.raises(BadScores, match="11 picks were asked for, but 10 rows are open"):
        picked(11)
