from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from activeloop.errors import ConfigError
from activeloop.geometry import principal as module
from activeloop.geometry.principal import principal


def test_a_tilted_line_has_one_axis() -> None:
    found = principal(torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]), 1)

    torch.testing.assert_close(found, torch.tensor([[-5.0], [0.0], [5.0]]))


@pytest.mark.parametrize("shift", [0, 1e4])
def test_coordinates_agree_with_scikit_learn_up_to_sign_in_parts_too(
    monkeypatch: pytest.MonkeyPatch, shift: float
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 100)
    features = np.random.default_rng(0).normal(size=(200, 6)) * [9, 7, 5, 3, 2, 1] + shift

    found = principal(torch.from_numpy(features), 3)

    expected = torch.from_numpy(PCA(3, svd_solver="full").fit_transform(features)).float()
    torch.testing.assert_close(found.abs(), expected.abs(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dimensions", [0, 4])
def test_more_dimensions_than_columns_are_refused(dimensions: int) -> None:
    with pytest.raises(ConfigError, match=f"dimensions is {dimensions}; features of 3 columns have 1 to 3"):
        principal(torch.zeros(5, 3), dimensions)
