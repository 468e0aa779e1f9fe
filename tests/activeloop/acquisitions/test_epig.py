from __future__ import annotations

import math
from importlib import import_module

import pytest
import torch
from torch import Tensor

from activeloop.acquisitions import epig


def samples(rows: int, seed: int, passes: int = 8, classes: int = 3) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(rows, passes, classes, generator=chance, dtype=torch.float64)).softmax(dim=2)


def information(row: Tensor, target: Tensor) -> float:
    """Mutual information of two labels, by the definition."""
    joint = sum(torch.outer(a, b) for a, b in zip(row, target, strict=True)) / len(row)
    alone = torch.outer(row.mean(dim=0), target.mean(dim=0))
    return float((joint * (joint / alone).log()).sum())


def test_it_is_the_mean_information_about_the_labels_of_the_targets() -> None:
    rows, targets = samples(5, 0), samples(7, 1)

    expected = [sum(information(row, target) for target in targets) / 7 for row in rows]

    torch.testing.assert_close(epig(rows, targets), torch.tensor(expected, dtype=torch.float64))


def test_what_moves_with_no_target_is_worth_nothing_however_much_passes_disagree() -> None:
    """Passes 0 and 1 tell rows of one kind apart, passes 0 and 2 the others."""
    here = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    there = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])

    scores = epig(torch.stack([here, there]), here[None])

    torch.testing.assert_close(scores, torch.tensor([math.log(2), 0.0], dtype=torch.float64))


def test_many_rows_are_scored_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, targets = samples(50, 2), samples(9, 3)
    whole = epig(rows, targets)
    monkeypatch.setattr(import_module("activeloop.acquisitions.epig"), "JOINTS", 200)

    torch.testing.assert_close(epig(rows, targets), whole)
