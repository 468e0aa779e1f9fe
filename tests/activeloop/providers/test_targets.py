from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop import Data, load
from activeloop.errors import ConfigError
from activeloop.learners.supervised import Supervised
from activeloop.providers.targets import targets
from activeloop.types import Model


@pytest.fixture(scope="module")
def model() -> Model:
    digits = load("digits")
    assert digits.truth is not None
    labels = np.where(np.arange(len(digits.data)) < 50, digits.truth, -1)
    return Supervised(steps=5).fit(digits.data, labels, seed=0)


@pytest.fixture(scope="module")
def data() -> Data:
    return load("digits").data


def test_targets_are_passes_of_the_same_networks_over_rows_of_the_pool(model: Model, data: Data) -> None:
    samples = model.samples(np.arange(3), 4, seed=7)
    found, again, other = (targets(samples, model, data, seed, count=20) for seed in (7, 7, 8))

    assert found.shape == (20, 4, 10)
    torch.testing.assert_close(found, again)
    assert not torch.equal(found, other)
    every = targets(samples, model, data, 7, count=10**6)
    torch.testing.assert_close(every[:3], samples)


def test_no_target_is_refused(model: Model, data: Data) -> None:
    with pytest.raises(ConfigError, match="0 target rows were asked for"):
        targets(torch.ones(1, 2, 10) / 10, model, data, 0, count=0)
