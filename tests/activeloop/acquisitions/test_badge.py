from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.acquisitions import badge
from activeloop.errors import BadScores


def evidence(rows: int = 12, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 4, generator=chance).softmax(dim=1), torch.randn(rows, 6, generator=chance)


def gradients(probs: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
    """[m, C * D], by automatic differentiation of the loss at the predicted class."""
    found = []
    for prob, hidden in zip(probs, embeddings, strict=True):
        weights = torch.zeros(4, 6, requires_grad=True)
        logits = prob.log() + weights @ hidden
        torch.nn.functional.cross_entropy(logits[None], prob.argmax()[None]).backward()
        assert weights.grad is not None
        found.append(weights.grad.flatten())
    return torch.stack(found)


def test_the_first_pick_has_the_longest_gradient() -> None:
    probs, embeddings = evidence()

    longest = int(gradients(probs, embeddings).norm(dim=1).argmax())
    assert {int(badge(probs, embeddings, 1, np.random.default_rng(seed))[0]) for seed in range(5)} == {longest}


def test_the_second_is_drawn_in_proportion_to_the_squared_distance_of_gradients() -> None:
    probs, embeddings = evidence(6)
    first = int(badge(probs, embeddings, 1, np.random.default_rng(0))[0])
    each = gradients(probs, embeddings)
    squares = (each - each[first]).square().sum(dim=1)

    chance = np.random.default_rng(1)
    seconds = np.bincount([int(badge(probs, embeddings, 2, chance)[1]) for _ in range(5000)], minlength=6)
    np.testing.assert_allclose(seconds / 5000, (squares / squares.sum()).numpy(), atol=0.03)


def test_every_distance_is_to_the_nearest_pick() -> None:
    """Rows 0 and 1 are far apart and long; 2 equals 0, 3 equals 1: after both, nothing is left to tell by."""
    probs = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).repeat(2, 1)
    embeddings = torch.tensor([[10.0, 0.0], [0.0, 10.0]]).repeat(2, 1)

    for seed in range(10):
        picks = badge(probs, embeddings, 4, np.random.default_rng(seed)).tolist()
        assert {row % 2 for row in picks[:2]} == {0, 1}
        assert sorted(picks) == [0, 1, 2, 3]


def test_more_picks_than_rows_are_refused() -> None:
    with pytest.raises(BadScores, match="13 picks were asked for, but 12 rows are open"):
        badge(*evidence(), 13, np.random.default_rng(0))


@pytest.mark.parametrize("which", [0, 1])
def test_a_nan_in_either_evidence_is_refused_by_its_position(which: int) -> None:
    given = evidence()
    given[which][5, 2] = torch.nan

    with pytest.raises(BadScores, match="1 of 12 rows have a nan .* at position 5"):
        badge(*given, 3, np.random.default_rng(0))
