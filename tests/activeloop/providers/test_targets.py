from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop import Data, catalogue, load
from activeloop.errors import ConfigError
from activeloop.evidence import gather, resolve
from activeloop.learners.supervised import Supervised
from activeloop.providers.targets import targets
from activeloop.types import Labels, Model, Rows

OFFERS = dict.fromkeys(("probs", "samples", "history", "ensemble"), "")


@pytest.fixture(scope="module")
def labels() -> Labels:
    digits = load("digits")
    assert digits.truth is not None
    return np.where(np.arange(len(digits.data)) < 50, digits.truth, -1)


@pytest.fixture(scope="module")
def model(labels: Labels) -> Model:
    return Supervised(steps=5).fit(load("digits").data, labels, seed=0)


@pytest.fixture(scope="module")
def data() -> Data:
    return load("digits").data


def shown(samples: Tensor, targets: Tensor) -> Tensor:
    """A strategy by which the test sees its evidence."""
    return samples[:, 0, 0]


def test_targets_are_passes_of_the_same_networks_over_rows_of_the_pool(model: Model, data: Data) -> None:
    def sampler(rows: Rows) -> Tensor:
        return model.samples(rows, 4, seed=7)

    found, again, other = (targets(sampler, data, seed, count=20) for seed in (7, 7, 8))

    assert found.shape == (20, 4, 10)
    torch.testing.assert_close(found, again)
    assert not torch.equal(found, other)
    torch.testing.assert_close(targets(sampler, data, 7, count=10**6)[:3], sampler(np.arange(3)))


@pytest.mark.parametrize(("provider", "option"), [("samples", "passes"), ("ensemble", "models"), ("laplace", "passes")])
def test_whoever_gives_samples_gives_targets_by_the_same_networks_and_options(
    provider: str, option: str, model: Model, data: Data, labels: Labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "find_strategy", lambda name: shown)
    settings = {"samples": {option: 3}, "targets": {"count": 10**6}}
    plan = resolve(
        "shown", options={}, bind={"samples": provider}, evidence=settings, offers=OFFERS | {"embeddings": ""}
    )
    rows = np.arange(60, 90)

    class Train:
        epochs = 1

        def __call__(self, models: int, epochs: int) -> list[Model]:
            return [Supervised(steps=2).fit(data, labels, seed=seed) for seed in range(models)]

    given = {"rows": rows, "model": model, "data": data, "training": labels, "seed": 7, "train": Train()}
    found = gather(plan, given).values

    assert found["samples"].shape == (30, 3, 10)
    assert found["targets"].shape == (len(data), 3, 10)
    torch.testing.assert_close(found["targets"][rows], found["samples"])


def test_samples_that_are_known_at_hand_alone_give_no_targets() -> None:
    with pytest.raises(ConfigError, match="samples by 'snapshots' need 'watched'.*bind 'samples' to 'samples', 'ensem"):
        resolve("epig", options={}, bind={"samples": "snapshots"}, evidence={}, offers=OFFERS)


def test_no_target_is_refused(data: Data) -> None:
    with pytest.raises(ConfigError, match="0 target rows were asked for"):
        targets(lambda rows: torch.ones(len(rows), 2, 10) / 10, data, 0, count=0)
