from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.learners.supervised import Supervised
from activeloop.providers.early import early, early_lengths
from activeloop.types import Model, Rows

ROWS = np.array([4, 2])


class Says:
    """A model that is sure of one class."""

    def __init__(self, label: int) -> None:
        self.label = label

    def probs(self, rows: Rows) -> Tensor:
        return torch.eye(3)[self.label].repeat(len(rows), 1) * torch.from_numpy(rows > 3)[:, None]

    def embed(self, rows: Rows) -> Tensor:
        return torch.tensor([3.0, 4.0]) * torch.from_numpy(rows)[:, None] * (self.label + 1)


@dataclass
class Train:
    epochs: int = 100
    asked: list[tuple[int, int]] = field(default_factory=list)
    early: Sequence[Model] = ()

    def __call__(self, models: int, epochs: int) -> Sequence[Model]:
        self.asked.append((models, epochs))
        return [Says(at % 3) for at in range(models)]  # type: ignore[misc]


def test_predictions_stand_side_by_side_a_row_and_a_model_at_a_time() -> None:
    found = early(Train(), ROWS, models=2)

    assert found.shape == (2, 2, 3)
    assert found[0].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert (found[1] == 0).all()


def test_lengths_are_of_the_embeddings_in_the_same_models() -> None:
    train = Train()
    predictions = early(train, ROWS, models=2)
    train(3, train.epochs)  # an ensemble, which other evidence of the same strategy may ask for in between

    assert early_lengths(predictions, train, ROWS).tolist() == [[5.0 * row, 10.0 * row] for row in ROWS.tolist()]
    assert len(train.asked) == 2


@pytest.mark.parametrize(("epochs", "stop"), [(1, 1), (4, 1), (9, 1), (30, 3), (43, 4), (200, 20), (300, 20)])
def test_early_is_a_tenth_of_training_at_least_1_and_at_most_20(epochs: int, stop: int) -> None:
    train = Train(epochs)
    early(train, ROWS, models=5)

    assert train.asked == [(5, stop)]


def test_an_epoch_of_the_users_own_is_taken_as_it_is() -> None:
    train = Train(300)
    early(train, ROWS, models=1, epoch=77)

    assert train.asked == [(1, 77)]


@pytest.mark.parametrize("given", [{"models": 0}, {"epoch": -1}])
def test_no_models_and_epochs_before_the_first_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="early needs 1 model or more and an epoch of 0 or more"):
        early(Train(), ROWS, **given)


def test_epochs_of_the_default_net_grow_with_few_labels_since_it_takes_300_steps() -> None:
    assert Supervised().epochs_for(20) == 300
    assert Supervised().epochs_for(200) == 43  # 7 steps an epoch
    assert Supervised().epochs_for(1000) == 30
