from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy.stats import entropy as scipy_entropy

from activeloop.acquisitions import entropy, least_confidence, margin

CERTAIN, TORN, EVEN = [1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]


def test_entropy_is_zero_when_certain_log_2_when_torn_and_log_c_when_even() -> None:
    scores = entropy(torch.tensor([CERTAIN, TORN, EVEN], dtype=torch.float64))

    torch.testing.assert_close(scores, torch.tensor([0.0, math.log(2), math.log(3)], dtype=torch.float64))


def test_margin_is_minus_one_when_certain_and_zero_when_the_two_likeliest_tie() -> None:
    scores = margin(torch.tensor([CERTAIN, TORN, [0.7, 0.2, 0.1]]))

    torch.testing.assert_close(scores, torch.tensor([-1.0, 0.0, -0.5], dtype=torch.float64))


def test_least_confidence_is_what_the_prediction_leaves() -> None:
    scores = least_confidence(torch.tensor([CERTAIN, TORN, [0.7, 0.2, 0.1]]))

    torch.testing.assert_close(scores, torch.tensor([0.0, 0.5, 0.3], dtype=torch.float64))


def test_entropy_agrees_with_scipy() -> None:
    probs = torch.rand(50, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(dim=1)

    torch.testing.assert_close(entropy(probs), torch.from_numpy(scipy_entropy(probs.numpy(), axis=1)))


def test_the_three_order_two_classes_alike() -> None:
    likely = torch.linspace(0, 1, 21, dtype=torch.float64)[1:-1:2]
    probs = torch.stack([likely, 1 - likely], dim=1)

    distance = (likely - 0.5).abs()
    for score in (entropy, margin, least_confidence):
        assert (score(probs)[distance.argsort()].diff() <= 1e-12).all()


def test_margin_agrees_with_the_two_largest_of_a_sort() -> None:
    probs = torch.rand(200, 7, generator=torch.Generator().manual_seed(1)).softmax(dim=1)
    ascending = probs.double().sort(dim=1).values

    torch.testing.assert_close(margin(probs), ascending[:, -2] - ascending[:, -1], rtol=0, atol=0)


@pytest.mark.parametrize("score", [entropy, margin, least_confidence])
def test_scores_leave_their_evidence_as_it_was_and_keep_nan(score: Callable[[torch.Tensor], torch.Tensor]) -> None:
    probs = torch.tensor([CERTAIN, [math.nan, 0.5, 0.5], TORN], dtype=torch.float64)
    before = probs.clone()

    assert score(probs).isnan().tolist() == [False, True, False]
    torch.testing.assert_close(probs, before, equal_nan=True)


def test_entropy_takes_the_least_probabilities_and_makes_nan_of_negative_ones() -> None:
    least = 5e-324
    scores = entropy(torch.tensor([[1.0, least, 0.0], [1.5, -0.5, 0.0]], dtype=torch.float64))

    assert scores[0] == -least * math.log(least)
    assert scores[1].isnan()
