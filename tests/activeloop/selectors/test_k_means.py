from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.errors import BadScores, ConfigError
from activeloop.selectors.k_means import k_means


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blobs() -> torch.Tensor:
    """Three far apart, of 30, 20 and 10 rows, each symmetric about its middle."""
    middles, sizes = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]]), [30, 20, 10]
    ring = [torch.from_numpy(rng(size).normal(size=(size // 2, 2))).float() for size in sizes]
    parts = [torch.cat([middle + r, middle - r]) for middle, r in zip(middles, ring, strict=True)]
    return torch.cat(parts)


def blob_of(picks: torch.Tensor) -> list[int]:
    return [0 if pick < 30 else 1 if pick < 50 else 2 for pick in picks.tolist()]


def test_k_means_takes_a_row_of_each_cluster_largest_first() -> None:
    assert blob_of(k_means(blobs(), torch.full((60,), -1), 3, rng())) == [0, 1, 2]


def test_k_means_takes_the_row_nearest_to_the_centroid() -> None:
    features = torch.tensor([[0.0], [4.0], [5.0], [9.0], [100.0], [103.0], [104.0]])  # middles 4.5 and 102.33…

    picks = k_means(features, torch.tensor([-1, -2, -1, -1, -1, -1, -1]), 2, rng())

    assert picks.tolist() == [2, 5]


def test_k_means_skips_clusters_that_hold_a_label() -> None:
    labels = torch.full((60,), -1)
    labels[[0, 55]] = 1

    assert blob_of(k_means(blobs(), labels, 1, rng())) == [1]


def test_k_means_goes_on_with_the_next_nearest_where_rows_are_fewer_than_clusters_give() -> None:
    points = torch.tensor([[0.0], [0.1], [5.0], [5.1], [5.2]])

    picks = k_means(points, torch.tensor([-2, -1, -1, -1, -1]), 4, rng())

    assert sorted(picks.tolist()) == [1, 2, 3, 4]


@pytest.mark.parametrize("per_cluster", ["nearest", "random"])
def test_fewer_clusters_than_picks_take_turns(per_cluster: str) -> None:
    picks = k_means(blobs(), torch.full((60,), -1), 7, rng(), clusters=3, per_cluster=per_cluster)

    assert blob_of(picks) == [0, 1, 2, 0, 1, 2, 0]
    assert len(set(picks.tolist())) == 7


def test_random_rows_of_a_cluster_differ_by_seed_and_the_nearest_do_not() -> None:
    drawn = {
        way: {int(k_means(blobs(), torch.full((60,), -1), 3, rng(seed), per_cluster=way)[0]) for seed in range(12)}
        for way in ("nearest", "random")
    }

    assert len(drawn["nearest"]) <= 2  # two rows mirror each other
    assert len(drawn["random"]) > 5


def test_picks_that_equal_one_another_are_warned_of_with_their_count() -> None:
    features, labels = torch.zeros(6, 2), torch.tensor([0, -1, -1, -1, -1, -1])
    features[5] = 1.0

    with pytest.warns(UserWarning, match="2 of 3 picks have the same features"):
        assert 5 in k_means(features, labels, 3, rng()).tolist()


def test_nan_and_unknown_options_are_refused() -> None:
    holed = torch.zeros(5, 2)
    holed[3, 1] = torch.nan

    with pytest.raises(BadScores, match="the first is at position 3"):
        k_means(holed, torch.full((5,), -1), 2, rng())
    with pytest.raises(ConfigError, match="per_cluster is 'middle'; allowed are 'nearest' and 'random'."):
        k_means(blobs(), torch.full((60,), -1), 2, rng(), per_cluster="middle")
    with pytest.raises(ConfigError, match="61 clusters were asked for, of 60 rows"):
        k_means(blobs(), torch.full((60,), -1), 2, rng(), clusters=61)
