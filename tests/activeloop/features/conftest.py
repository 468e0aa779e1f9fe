"""Small pools, and a cache that goes with the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.data.scale import mean_and_std
from activeloop.types import Data, HeldOut, Loaded

MakePool = Callable[..., Loaded]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default cache folder, which is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "activeloop"


@pytest.fixture
def pool() -> MakePool:
    """Data of these inputs, with a test set where one is given."""

    def make(inputs: Tensor, test: Tensor | None = None) -> Loaded:
        mean, std = (torch.from_numpy(part) for part in mean_and_std(inputs.numpy()))
        data = Data(inputs, ("a", "b"), mean, std)
        held = None if test is None else HeldOut(Data(test, ("a", "b"), mean, std), np.zeros(len(test), np.int64))
        return Loaded(data, test=held)

    return make


@pytest.fixture
def images() -> Tensor:
    """Thirty grey 8 x 8 images of noise."""
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (30, 1, 8, 8)).astype(np.uint8))


@pytest.fixture
def colours() -> Tensor:
    """Ten 3 x 16 x 12 images of noise."""
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (10, 3, 16, 12)).astype(np.uint8))
