"""A user's own encoder, named as module:function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.features import with_features
from activeloop.types import Loaded

MakePool = Callable[..., Loaded]
MINE = """
import torch
from torch import nn
def flat(shape):
    return nn.Flatten()
def random(shape):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
def number(shape):
    return 3
class Nan(nn.Module):
    def forward(self, x):
        return x.flatten(1) / 0
def nan(shape):
    return Nan()
"""


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_encoders.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "my_encoders", raising=False)
    return tmp_path / "my_encoders.py"


def features(loaded: Loaded, name: str, **options: object) -> Tensor:
    found = with_features(loaded, f"my_encoders:{name}", {"threads": 1, **options}, show_progress=False).data
    assert found.features is not None
    assert found.features_from == f"my_encoders:{name}"
    return found.features


def test_a_module_of_ones_own_sees_normalised_inputs(pool: MakePool, images: Tensor) -> None:
    loaded = pool(images)

    torch.testing.assert_close(features(loaded, "flat"), loaded.data.batch(torch.arange(30)).flatten(1))


def test_the_seed_draws_its_weights(pool: MakePool, images: Tensor, cache: Path) -> None:
    first = features(pool(images), "random").clone()

    assert torch.equal(features(pool(images), "random"), first)
    assert not torch.equal(features(pool(images), "random", seed=1), first)
    assert len(list((cache / "features").glob("*.npy"))) == 2


def test_a_changed_file_is_another_encoder(
    pool: MakePool, images: Tensor, cache: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features(pool(images), "flat")
    mine.write_text(MINE + "# changed\n")
    features(pool(images), "flat")

    assert len(list((cache / "features").glob("*.npy"))) == 2


def test_what_is_no_module_or_gives_no_numbers_is_refused(pool: MakePool, images: Tensor, cache: Path) -> None:
    with pytest.raises(ConfigError, match=r"'my_encoders:number' gave a int; it must be a torch.nn.Module"):
        features(pool(images), "number")
    with pytest.raises(BadScores, match="gives nan or infinite features; the first is row 0"):
        features(pool(images), "nan")
    assert not list((cache / "features").glob("*.npy"))
