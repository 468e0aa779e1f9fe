from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.acquisitions import el2n, flips, forgetting


def predicted(*epochs: int) -> Tensor:
    """A history [E, 3] that is sure of these classes."""
    return one_hot(torch.tensor(epochs), 3).float()


def test_forgetting_counts_right_then_wrong_and_puts_never_learnt_above_all() -> None:
    history = torch.stack([predicted(0, 0, 0, 0), predicted(0, 1, 0, 2), predicted(1, 1, 2, 0), predicted(1, 2, 1, 2)])

    scores = forgetting(history, torch.zeros(4, dtype=torch.int64))

    assert scores.tolist() == [0, 2, 0, 4]


def test_flips_counts_changes_of_the_prediction_whatever_is_right() -> None:
    history = torch.stack([predicted(0, 0, 0, 0), predicted(0, 1, 0, 2), predicted(1, 1, 2, 2)])

    assert flips(history).tolist() == [0, 3, 1]


def test_el2n_is_zero_when_right_sqrt_2_when_surely_wrong_and_a_mean_over_models() -> None:
    right, wrong = predicted(0)[0], predicted(1)[0]
    early = torch.stack([torch.stack([right, right]), torch.stack([right, wrong]), torch.stack([wrong, wrong])])

    scores = el2n(early, torch.zeros(3, dtype=torch.int64))

    root = math.sqrt(2)
    torch.testing.assert_close(scores, torch.tensor([0, root / 2, root], dtype=torch.float64))


def test_el2n_against_the_own_argmax_of_two_classes_is_least_confidence_in_disguise() -> None:
    probs = torch.rand(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(dim=1)

    scores = el2n(probs[:, None], probs.argmax(dim=1))

    torch.testing.assert_close(scores, math.sqrt(2) * (1 - probs.amax(dim=1)))
