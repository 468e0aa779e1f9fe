from __future__ import annotations

import pytest
import torch
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.providers.agglomerative import agglomerative
from activeloop.types import Data


def blobs(each: int = 20, count: int = 6) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(0)
    centres = 20 * torch.randn(count, 5, generator=chance)
    truth = torch.arange(count).repeat(each)
    return centres[truth] + torch.randn(len(truth), 5, generator=chance), truth


def found(features: Tensor, **options: float) -> Tensor:
    data = Data(features, ("a", "b"), torch.zeros(1), torch.ones(1))
    return agglomerative(features, data, 0, **options).value  # type: ignore[arg-type]


def is_same_partition(one: Tensor, other: Tensor) -> bool:
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


def test_blobs_are_found_though_their_links_are_islands() -> None:
    features, truth = blobs()

    assert is_same_partition(found(features, size=20), truth)


def test_of_a_large_pool_drawn_rows_are_clustered_and_the_others_join_the_nearest() -> None:
    features, truth = blobs()

    assert is_same_partition(found(features, size=10, rows=60), truth)


def test_tiny_pools_are_one_cluster_and_duplicates_do_no_harm() -> None:
    assert found(torch.zeros(2, 3)).tolist() == [0, 0]
    assert len(set(found(torch.zeros(30, 3), size=10).tolist())) <= 3


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="size is 0, near 10 and rows 20000"):
        found(torch.randn(9, 2), size=0)
