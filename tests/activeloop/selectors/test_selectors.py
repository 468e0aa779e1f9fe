from __future__ import annotations

import numpy as np
import torch

from activeloop.selectors import k_center, random

LINE = torch.tensor([[0.0], [1.0], [2.0], [10.0]])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_k_center_takes_the_row_farthest_from_what_is_labelled_then_from_its_picks() -> None:
    picks = k_center(LINE, torch.tensor([0, -1, -1, -1]), 2, rng())

    assert picks.tolist() == [3, 2]


def test_k_center_agrees_with_the_plain_greedy() -> None:
    points = torch.from_numpy(rng(1).normal(size=(200, 5))).float()
    labels = torch.full((200,), -1)
    labels[[3, 70]] = 1

    distance, chosen = torch.cdist(points.double(), points.double()), [3, 70]
    for _ in range(20):
        chosen.append(int(distance[chosen].amin(dim=0).argmax()))

    assert k_center(points, labels, 20, rng()).tolist() == chosen[2:]


def test_k_center_is_exact_far_from_the_origin() -> None:
    points = torch.from_numpy(rng(1).normal(size=(300, 3))).float()

    near, far = (k_center((points + shift).float(), torch.full((300,), -1), 20, rng()) for shift in (0, 1000))

    assert near.tolist() == far.tolist()


def test_k_center_breaks_ties_by_rng_and_never_takes_a_duplicate_twice() -> None:
    same = torch.zeros(6, 2)

    orders = [k_center(same, torch.full((6,), -1), 6, rng(seed)).tolist() for seed in range(5)]

    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_k_center_radius_is_within_twice_the_best() -> None:
    corners = torch.tensor([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])
    points = (corners[:, None] + torch.from_numpy(rng(2).uniform(-1, 1, size=(4, 25, 2))).float()).reshape(-1, 2)

    picks = k_center(points, torch.full((100,), -1), 4, rng())

    assert set((picks // 25).tolist()) == {0, 1, 2, 3}


def test_random_is_a_permutation_when_all_are_asked_for() -> None:
    assert sorted(random(np.arange(50) + 7, 50, rng()).tolist()) == list(range(50))


def test_random_draws_every_row_equally_often() -> None:
    chance = rng(3)
    counts = np.bincount(np.concatenate([random(np.arange(10), 3, chance).numpy() for _ in range(3000)]), minlength=10)

    assert abs(counts / 900 - 1).max() < 0.1  # three standard deviations of a binomial(3000, 0.3)
