from __future__ import annotations

import pytest
import torch

from activeloop.errors import BadScores, ConfigError
from activeloop.learners.supervised import Supervised
from activeloop.providers import second_split as module
from activeloop.providers.second_split import forgetting_times, second_split
from activeloop.types import Data

CLASSES = ("a", "b", "c")
TRUTH = torch.arange(120) % 3
QUICK = {"net": "mlp", "epochs": 30, "second_epochs": 8, "batch": 16, "lr": 0.005, "optimiser": "adamw"}


def blobs() -> Data:
    points = 3 * torch.eye(4)[TRUTH] + torch.randn(120, 4, generator=torch.Generator().manual_seed(0)) / 2
    return Data(points, CLASSES, torch.zeros(1), torch.ones(1))


def course(monkeypatch: pytest.MonkeyPatch, *right: str) -> list[int]:
    """Times of rows that are right (+) or wrong (-) before the second stage, and after each of its epochs."""
    looks = iter(torch.tensor([[letter == "+" for letter in row] for row in right]).T)
    monkeypatch.setattr(module, "_right", lambda *_: next(looks))
    monkeypatch.setattr(
        module, "train", lambda *_, after_epoch=None: [after_epoch(e) for e in range(1, 5)] if after_epoch else None
    )
    recipe = Supervised(net="linear", epochs=1)
    rows = torch.arange(len(right))
    return forgetting_times(recipe, 4, blobs(), TRUTH, rows, rows, 0)[0].tolist()


def test_a_time_is_the_epoch_from_which_a_row_stays_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four epochs: lost at once 1, never 5, and what comes back for a while counts from its last right look on."""
    assert course(monkeypatch, "+----", "+++++", "+++--", "+-++-", "-----", "----+") == [1, 5, 3, 4, 1, 5]


def test_rows_with_a_wrong_pseudo_label_are_forgotten_first_in_both_halves() -> None:
    labels, wrong = TRUTH.clone(), [3, 4, 50, 83, 84, 101]
    labels[wrong] = (labels[wrong] + 1) % 3

    found = second_split(labels, blobs(), 0, **QUICK)  # type: ignore[arg-type]

    rest = torch.ones(120, dtype=torch.bool).index_fill_(0, torch.tensor(wrong), False)
    assert found.value[wrong].median() == 8
    assert found.value[rest].mean() < 1
    assert found.value.max() <= 8


def test_every_row_gets_a_whole_number_and_the_seed_decides() -> None:
    labels = TRUTH.clone()
    labels[7] = 0
    first, again, other = (second_split(labels, blobs(), seed, **QUICK) for seed in (0, 0, 1))  # type: ignore[arg-type]

    assert torch.equal(first.value, again.value)
    assert not torch.equal(first.value, other.value)
    assert (first.value == first.value.round()).all()
    assert first.value.min() >= 0
    assert first.notes["hard_end"] == "low"
    assert first.notes["never_forgotten"] == int((first.value == 0).sum())


def test_what_cannot_be_split_or_trained_is_refused() -> None:
    with pytest.raises(BadScores, match="into 1 class"):
        second_split(torch.zeros(120, dtype=torch.int64), blobs(), 0)
    with pytest.raises(ConfigError, match="For features use the net 'linear' or 'mlp'"):
        second_split(TRUTH, blobs(), 0)
    few = Data(torch.rand(3, 2), CLASSES, torch.zeros(1), torch.ones(1))
    with pytest.raises(ConfigError, match="a split needs 4 rows"):
        second_split(torch.tensor([0, 1, 2]), few, 0)
    with pytest.raises(BadScores, match="diverged"):
        second_split(TRUTH, blobs(), 0, net="linear", lr=1e30, epochs=4)
