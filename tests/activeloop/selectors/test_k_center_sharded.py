from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.selectors import k_center
from activeloop.selectors.k_center_sharded import k_center_sharded, merged, split


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(rng(seed).normal(size=shape)).float()


def states(rows: int, held: int, seed: int) -> Tensor:
    """Labels of so many rows, some of them labelled and as many skipped, by chance."""
    labels, order = torch.full((rows,), -1), torch.from_numpy(rng(seed).permutation(rows))
    labels[order[:held]], labels[order[held : 2 * held]] = 1, -2
    return labels


def radius(features: Tensor, labels: Tensor, picks: Tensor) -> float:
    """How far the farthest open row is from the nearest labelled or picked one."""
    centres = torch.cat([features[labels >= 0], features[picks]]).double()
    return float(torch.cdist(features[labels == -1].double(), centres).amin(dim=1).max())


def best_radius(features: Tensor, labels: Tensor, n: int) -> float:
    """The smallest that any n open rows reach, by trying all."""
    free = (labels == -1).nonzero().flatten().tolist()
    return min(radius(features, labels, torch.tensor(some)) for some in combinations(free, n))


def test_each_shard_gives_its_farthest_rows_and_the_farthest_of_them_are_picked() -> None:
    line = torch.tensor([[0.0], [1.0], [4.0], [5.0], [7.0], [11.0]])
    labels = torch.tensor([0, -1, -1, -1, -1, -1])

    # from 0 the shards [0, 1, 4] and [5, 7, 11] give 4 and 11; of these 11 is the farthest from 0
    assert k_center_sharded(line, labels, 1, rng(), shards=2).tolist() == [5]
    # they give {4, 1} and {11, 5}; after 11 the farthest of 1, 4, 5 from {0, 11} is 5
    assert k_center_sharded(line, labels, 2, rng(), shards=2).tolist() == [5, 3]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("shards", "held", "n"), [(2, 0, 2), (3, 1, 2), (4, 2, 3), (12, 0, 3)])
def test_the_radius_is_at_most_four_times_the_smallest_possible(seed: int, shards: int, held: int, n: int) -> None:
    features, labels = normal(seed, 12, 2), states(12, held, seed)
    picks = k_center_sharded(features, labels, n, rng(seed), shards=shards)

    assert radius(features, labels, picks) <= 4 * best_radius(features, labels, n) + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_on_larger_pools_it_is_near_that_of_all_rows_at_once_and_spare_rows_bring_it_nearer(seed: int) -> None:
    features, labels = normal(seed, 1000, 8), states(1000, 20, seed)
    exact = radius(features, labels, k_center(features, labels, 30, rng()))
    near, nearer = (
        radius(features, labels, k_center_sharded(features, labels, 30, rng(), shards=8, spare=spare))
        for spare in (1.0, 4.0)
    )

    assert exact * 0.9 < nearer < near * 1.05 < exact * 1.3


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_one_shard_gives_the_picks_of_k_center(metric: str) -> None:
    features, labels = normal(1, 200, 5), states(200, 9, 1)

    expected = k_center(features, labels, 40, rng(3), metric=metric).tolist()
    assert k_center_sharded(features, labels, 40, rng(3), shards=1, metric=metric).tolist() == expected


@pytest.mark.parametrize("shards", [2, 7, 50, 400])
def test_picks_are_different_open_rows_also_where_all_are_asked_for_or_shards_hold_few(shards: int) -> None:
    features, labels = normal(2, 100, 3), states(100, 10, 2)
    labels[:30] = -2  # a shard without an open row
    free = set((labels == -1).nonzero().flatten().tolist())
    for n in (0, 5, len(free)):
        picks = k_center_sharded(features, labels, n, rng(), shards=shards).tolist()
        assert len(picks) == len(set(picks)) == n
        assert set(picks) <= free
    assert set(picks) == free


def test_picks_depend_on_the_seed_alone_not_on_who_looks_at_a_shard_or_when() -> None:
    features, labels = normal(4, 90, 3).round(), states(90, 4, 4)  # rounded: full of ties
    ranges = list(split(90, 23))

    def backwards(choose):  # type: ignore[no-untyped-def]
        found = {at: choose(at, features[part].clone(), labels[part]) for at, part in reversed(list(enumerate(ranges)))}
        return iter([found[at] for at in range(len(ranges))])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here = k_center_sharded(features, labels, 20, rng(5), shards=4).tolist()
        held = features[labels >= 0]
        there = merged(backwards, ranges, held, 82, 20, rng(5), spare=1.0, metric="euclidean").tolist()
        assert here == there == k_center_sharded(features, labels, 20, rng(5), shards=4).tolist()
        assert here != k_center_sharded(features, labels, 20, rng(6), shards=4).tolist()


def test_duplicates_are_told_of_where_the_pool_has_no_more_new_rows_and_not_where_only_a_shard_has_none() -> None:
    features = torch.cat([torch.zeros(20, 2), normal(0, 20, 2)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        k_center_sharded(features, torch.full((40,), -1), 15, rng(), shards=2)
    with pytest.warns(UserWarning, match="2 of 23 picks duplicate"):
        k_center_sharded(features, torch.full((40,), -1), 23, rng(), shards=2)


def test_what_cannot_be_is_refused() -> None:
    features, labels = normal(0, 9, 2), torch.full((9,), -1)
    with pytest.raises(ConfigError, match="option 'shards' of 'k-center-sharded' is 0; allowed is 1 or more"):
        k_center_sharded(features, labels, 2, rng(), shards=0)
    with pytest.raises(ConfigError, match="option 'spare' of 'k-center-sharded' is 0.5; allowed is 1 or more"):
        k_center_sharded(features, labels, 2, rng(), spare=0.5)
    with pytest.raises(BadScores, match="10 picks were asked for, but 9 rows are open"):
        k_center_sharded(features, labels, 10, rng())
    features[4, 1] = torch.nan
    with pytest.raises(BadScores, match="nan"):
        k_center_sharded(features, labels, 2, rng(), shards=3)
