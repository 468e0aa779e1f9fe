from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from activeloop import load
from activeloop.config import Config
from activeloop.config import load as configure
from activeloop.errors import ConfigError
from activeloop.learners.supervised import Supervised
from activeloop.providers.ensemble import ensemble, snapshots
from activeloop.rounds import prepare
from activeloop.training import Trainer
from activeloop.types import Loaded

Finish = Callable[[Path, Config, Loaded], Path]
SMALL = ("budget=40", "start.size=20", "query=10", "learner.options.steps=20")


@pytest.fixture(scope="module")
def train() -> Trainer:
    digits = load("digits")
    assert digits.truth is not None
    labels = np.where(np.arange(len(digits.data)) < 50, digits.truth, -1)
    return Trainer(prepare(configure(None, [*SMALL]), digits.data, digits.test), labels, 0)


def test_members_are_whole_trainings_that_differ(train: Trainer) -> None:
    rows = np.arange(30)
    found = ensemble(train, rows, models=3)

    assert found.shape == (30, 3, 10)
    assert not torch.equal(found[:, 0], found[:, 1])
    torch.testing.assert_close(found, ensemble(train, rows, models=3))
    assert train.epochs == Supervised(steps=20).epochs_for(50)


def test_snapshots_are_the_last_epochs() -> None:
    history = torch.rand(4, 6, 3).half()

    assert torch.equal(snapshots(history, last=2), history[:, 4:].float())
    assert snapshots(history, last=10).shape == (4, 6, 3)


def test_what_cannot_disagree_is_refused(train: Trainer) -> None:
    with pytest.raises(ConfigError, match="an ensemble of 1 cannot disagree"):
        ensemble(train, np.arange(3), models=1)
    with pytest.raises(ConfigError, match="1 epochs cannot disagree"):
        snapshots(torch.rand(4, 6, 3), last=1)


@pytest.mark.parametrize(
    "sets",
    [
        ("acquire.strategy=bald", "acquire.bind.samples=ensemble", "evidence.samples.models=2"),
        ("acquire.strategy=bald", "acquire.bind.samples=snapshots"),
        ("acquire.strategy=epig", "acquire.bind.samples=ensemble"),
    ],
)
def test_a_run_by_them_is_the_same_each_time(
    tmp_path: Path, finish: Finish, digits: Loaded, sets: tuple[str, ...]
) -> None:
    config = configure(None, [*SMALL, "learner.options.looks=5", *sets])
    first, again = (finish(tmp_path / name, config, digits).read_bytes() for name in ("first", "again"))

    assert first == again
