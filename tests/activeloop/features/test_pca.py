"""Components equal scikit-learn's up to sign, and signs are fixed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from activeloop.errors import BadScores
from activeloop.features import pca as module
from activeloop.features import rows, with_features
from activeloop.types import Loaded

MakePool = Callable[..., Loaded]


def components(loaded: Loaded, **options: object) -> Tensor:
    found = with_features(loaded, "pca", options, show_progress=False).data.features
    assert found is not None
    return found


def up_to_sign(ours: Tensor, theirs: np.ndarray) -> None:
    signs = np.sign((ours.numpy() * theirs).sum(axis=0))
    np.testing.assert_allclose(ours.numpy(), theirs * signs, rtol=1e-3, atol=1e-3 * np.abs(theirs).max())


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("exact", [True, False])
def test_components_are_those_of_scikit_learn(
    digits: Loaded, monkeypatch: pytest.MonkeyPatch, exact: bool, whiten: bool
) -> None:
    monkeypatch.setattr(module, "EXACT", 64 if exact else 63)
    monkeypatch.setattr(rows, "CHUNK_BYTES", 40_000)  # several chunks
    theirs = PCA(10, whiten=whiten, svd_solver="full").fit_transform(digits.data.inputs.flatten(1).double().numpy())

    up_to_sign(components(digits, dimensions=10, whiten=whiten), theirs)


def test_the_test_set_is_seen_from_the_pools_centre(digits: Loaded) -> None:
    assert digits.test is not None
    fitted = PCA(5, svd_solver="full").fit(digits.data.inputs.flatten(1).double().numpy())
    found = with_features(digits, "pca", {"dimensions": 5}, show_progress=False).test

    assert found is not None
    assert found.data.features is not None
    up_to_sign(found.data.features, fitted.transform(digits.test.data.inputs.flatten(1).double().numpy()))


@pytest.mark.parametrize("direction", [(0.6, -0.8), (0.6, 0.8), (0.8, -0.6), (0.8, 0.6)])
def test_the_largest_entry_of_a_component_is_positive(pool: MakePool, direction: tuple[float, float]) -> None:
    steps = torch.tensor([-2.0, -1.0, 0.0, 3.0])
    sign = 1 if max(direction, key=abs) > 0 else -1
    found = components(pool(torch.outer(steps, torch.tensor(direction))), dimensions=1)

    torch.testing.assert_close(found[:, 0], sign * steps, rtol=0, atol=1e-6)


def test_a_component_that_does_not_vary_stays_0_when_whitened(pool: MakePool) -> None:
    along = torch.outer(torch.tensor([-2.0, -1.0, 0.0, 3.0]), torch.tensor([0.6, -0.8]))
    found = components(pool(along), dimensions=2, whiten=True)

    torch.testing.assert_close(found.std(dim=0), torch.tensor([1.0, 0.0]))


def test_a_report_reads_how_much_of_the_variance_is_left(pool: MakePool) -> None:
    cross = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    found = with_features(pool(cross), "pca", {"dimensions": 1}).data

    assert found.features_from == "pca, 1 dimensions, 90 % of the variance", "18 of 18 + 2"


def test_equal_rows_have_no_components(pool: MakePool) -> None:
    with pytest.raises(BadScores, match="all 9 rows of the pool are equal"):
        components(pool(torch.full((9, 4), 2.5)), dimensions=2)
