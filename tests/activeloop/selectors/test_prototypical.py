from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.errors import ConfigError
from activeloop.selectors.prototypical import prototypical

LINE = torch.tensor([[-4.0], [-1.0], [0.0], [2.0], [3.0]])  # its middle is 0
OPEN = torch.full((5,), -1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_rows_nearest_to_their_centroid_come_first_or_last() -> None:
    assert prototypical(LINE, OPEN, 5, rng(), clusters=1).tolist() == [2, 1, 3, 4, 0]
    assert prototypical(LINE, OPEN, 2, rng(), clusters=1, take="farthest").tolist() == [0, 4]


def test_labelled_and_skipped_rows_shape_the_clusters_and_are_not_picked() -> None:
    assert prototypical(LINE, torch.tensor([-1, 0, -2, -1, -1]), 3, rng(), clusters=1).tolist() == [3, 4, 0]


def test_a_tight_cluster_may_give_all_picks() -> None:
    tight, loose = rng(1).normal(0, 0.01, size=(20, 3)), rng(2).normal(50, 3, size=(20, 3))
    features = torch.from_numpy(np.concatenate([tight, loose])).float()

    nearest, farthest = (
        prototypical(features, torch.full((40,), -1), 20, rng(), clusters=2, take=take)
        for take in ("nearest", "farthest")
    )

    assert set(nearest.tolist()) == set(range(20))
    assert set(farthest.tolist()) == set(range(20, 40))


def test_equal_rows_come_in_an_order_drawn_by_the_seed() -> None:
    with pytest.warns(UserWarning, match="4 of 5 picks"):
        orders = {tuple(prototypical(torch.zeros(5, 2), OPEN, 5, rng(seed)).tolist()) for seed in range(5)}

    assert len(orders) > 1
    assert {tuple(sorted(order)) for order in orders} == {(0, 1, 2, 3, 4)}


def test_an_unknown_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="take is 'middle'; allowed are 'nearest' and 'farthest'."):
        prototypical(LINE, OPEN, 1, rng(), take="middle")
