"""Encoders that learn from the pool alone learn something."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Generator, Tensor, nn

from activeloop.features import with_features
from activeloop.features.encoders import halvings, image_encoder
from activeloop.features.rows import Span, span
from activeloop.features.store import Work
from activeloop.features.training import Schedule, train
from activeloop.types import Data, Loaded


def neighbours_agree(loaded: Loaded) -> float:
    """Accuracy on the test set of a vote of ten neighbours in the pool."""
    assert loaded.test is not None
    assert loaded.data.features is not None
    assert loaded.test.data.features is not None
    vote = KNeighborsClassifier(10).fit(loaded.data.features.numpy(), loaded.truth)
    return float(vote.score(loaded.test.data.features.numpy(), loaded.test.labels))


@pytest.mark.parametrize("source", ["simclr", "vicreg"])
def test_a_trained_encoder_puts_digits_nearer_to_their_like_than_an_untrained_one(digits: Loaded, source: str) -> None:
    tiny = {"width": 8, "dimensions": 32, "threads": 1, "batch": 64}
    untrained = with_features(digits, source, {**tiny, "steps": 1, "lr": 1e-9}, show_progress=False)
    trained = with_features(digits, source, {**tiny, "steps": 80, "lr": 5e-3}, show_progress=False)

    assert neighbours_agree(trained) > neighbours_agree(untrained) + 0.02


def test_the_seed_decides_and_half_precision_is_near(digits: Loaded) -> None:
    few = Loaded(Data(digits.data.inputs[:100], digits.data.classes, digits.data.mean, digits.data.std))
    tiny = {"width": 4, "dimensions": 8, "threads": 1, "batch": 20, "steps": 4}
    found = [
        with_features(few, "simclr", {**tiny, **other}, show_progress=False).data.features
        for other in ({}, {"seed": 1}, {"precision": "bfloat16"})
    ]
    same, other, half = (each.numpy() for each in found if each is not None)

    assert np.abs(same - other).mean() > np.abs(same - half).mean() > 0


def test_epochs_take_the_place_of_steps_and_a_small_pool_is_one_batch() -> None:
    def schedule(epochs: int) -> Schedule:
        return Schedule("simclr", epochs, 3000, 128, 1e-3, 0.0, 1, 0, "float32", "cpu")

    assert (schedule(0).total(10_000), schedule(0).passes(10_000)) == (3000, 39), "78 batches in a pass"
    assert schedule(2).total(10_000) == 156
    assert (schedule(5).size(30), schedule(5).total(30)) == (30, 5)


def test_every_pass_sees_every_row_once_and_every_step_has_chance_of_its_own(tmp_path: Path) -> None:
    schedule = Schedule("simclr", 3, 0, 4, 1e-3, 0.0, 1, 0, "float32", "cpu")
    net, seen, chances = nn.Linear(1, 1), [], []

    def loss(rows: Tensor, chance: Generator) -> Tensor:
        seen.append(rows.flatten().tolist())
        chances.append(chance.initial_seed())
        value: Tensor = net(rows).square().mean()
        return value

    train(net, loss, torch.arange(12.0)[:, None], schedule, Work(tmp_path / "net.pt", show=False))

    passes = [[*chain(*seen[at : at + 3])] for at in (0, 3, 6)]
    assert [sorted(each) for each in passes] == [list(range(12))] * 3
    assert passes[0] != passes[1] != passes[2]
    assert len(set(chances)) == 9


def test_the_rate_rises_for_a_twentieth_and_falls_to_nothing() -> None:
    schedule = Schedule("simclr", 0, 100, 128, 1.0, 0.0, 1, 0, "float32", "cpu")
    rates = [schedule.rate(step, 100) for step in range(100)]

    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[4]
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[99] < 0.001


@pytest.mark.parametrize(
    ("shape", "times"), [((8, 8), 1), ((28, 28), 3), ((32, 32), 3), ((4, 4), 0), ((64, 64), 4), ((9, 70), 5)]
)
def test_images_are_halved_until_they_are_small(shape: tuple[int, int], times: int) -> None:
    assert halvings(*shape) == times
    maps = image_encoder((1, *shape), 2, 6)[0]  # type: ignore[index]
    assert max(maps(torch.zeros(2, 1, *shape)).shape[2:]) <= 4


def test_white_is_255_for_bytes_1_for_fractions_and_the_largest_value_for_digits(digits: Loaded) -> None:
    def of(inputs: torch.Tensor) -> Span:
        return span(Data(inputs, ("a",), torch.zeros(1), torch.ones(1)))

    fractions = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)
    assert of((fractions * 250).to(torch.uint8)) == Span(0, 255)
    assert of(fractions * 0.9) == Span(0, 1)
    assert of(digits.data.inputs) == Span(0, 16)
    assert of(fractions * 4 - 2) == Span(-2, 2)
    assert of(torch.zeros(1, 1, 8, 8)) == Span(0, 1)
