from __future__ import annotations

import pytest
import torch

from activeloop.errors import BadScores, ConfigError
from activeloop.providers.prototypicality import prototypicality
from activeloop.types import Data


def pool(features: torch.Tensor) -> Data:
    return Data(features, ("a", "b"), torch.zeros(1), torch.ones(1))


def test_difficulty_is_the_distance_to_the_own_centre() -> None:
    """Centres at 1 and 101.5: of 0, 1, 2 and 100, 101, 102, 103."""
    features = torch.tensor([[0.0], [1.0], [2.0], [100.0], [101.0], [102.0], [103.0]])

    found = prototypicality(features, pool(features), 0)

    torch.testing.assert_close(found.value, torch.tensor([1, 0, 1, 1.5, 0.5, 0.5, 1.5]).double())
    assert found.notes["what"] == "distance to the own k-means centre"
    assert sorted(found.notes["cluster_sizes"]) == [3, 4]  # type: ignore[arg-type]


def test_the_seed_decides_and_the_number_of_clusters_can_be_set() -> None:
    features = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    first, again, one = (prototypicality(features, pool(features), 1, clusters=k) for k in (4, 4, 1))

    assert torch.equal(first.value, again.value)
    torch.testing.assert_close(one.value, (features - features.mean(dim=0)).norm(dim=1).double(), rtol=1e-4, atol=1e-5)


def test_what_has_no_prototypes_is_refused() -> None:
    features = torch.randn(5, 3)
    with pytest.raises(ConfigError, match="6 clusters were asked for of 5 rows"):
        prototypicality(features, pool(features), 0, clusters=6)
    with pytest.raises(BadScores, match="all 5 rows have the same distance"):
        prototypicality(torch.zeros(5, 3), pool(features), 0, clusters=1)
    with pytest.raises(BadScores, match="position 0"):
        prototypicality(torch.full((5, 3), torch.nan), pool(features), 0)
