from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.acquisitions import (
    aum,
    el2n,
    entropy,
    expected_el2n,
    flips,
    forgetting,
    grand,
    label_dispersion,
    margin,
    mean_entropy,
    mean_margin,
)


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


def test_expected_el2n_weighs_the_error_by_the_probability_of_each_label() -> None:
    """Certain: no error is expected. Even of two: 1/sqrt 2 whichever it is. C even classes: sqrt(1 - 1/C)."""
    probs = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]], dtype=torch.float64)

    expected = torch.tensor([0, math.sqrt(0.5), math.sqrt(2 / 3)], dtype=torch.float64)
    torch.testing.assert_close(expected_el2n(probs), expected)


def test_expected_el2n_is_the_mean_of_el2n_over_labels_drawn_from_the_prediction() -> None:
    probs = torch.rand(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(5)).softmax(dim=1)

    each = torch.stack([el2n(probs[:, None], torch.full((20,), label)) for label in range(4)], dim=1)

    torch.testing.assert_close(expected_el2n(probs), (probs * each).sum(dim=1))


def test_grand_is_the_length_of_the_last_layers_gradient() -> None:
    chance = torch.Generator().manual_seed(6)
    layer = torch.nn.Linear(5, 3).double()
    embedding = torch.randn(1, 5, dtype=torch.float64, generator=chance)
    logits, label = layer(embedding), torch.tensor([2])
    torch.nn.functional.cross_entropy(logits, label).backward()
    assert layer.weight.grad is not None
    gradient = torch.cat([layer.weight.grad.flatten(), layer.bias.grad]).norm()

    lengths = embedding.norm(dim=1)[:, None]
    torch.testing.assert_close(grand(logits.detach().softmax(dim=1)[:, None], lengths, label)[0], gradient)


def test_grand_is_a_mean_over_models_and_el2n_where_embeddings_are_zero() -> None:
    early = torch.rand(9, 3, 4, generator=torch.Generator().manual_seed(7)).softmax(dim=2)
    reference = torch.arange(9) % 4

    torch.testing.assert_close(grand(early, torch.zeros(9, 3), reference), el2n(early, reference))


def test_aum_is_one_where_another_class_was_sure_all_along_and_a_mean_over_epochs() -> None:
    history = torch.stack([predicted(0, 0), predicted(1, 2), predicted(0, 1)])

    assert aum(history, torch.zeros(3, dtype=torch.int64)).tolist() == [-1, 1, 0]


def test_label_dispersion_is_the_share_of_epochs_beside_the_most_common_prediction() -> None:
    history = torch.stack([predicted(0, 0, 0, 0), predicted(0, 1, 0, 2), predicted(1, 1, 2, 2)])

    assert label_dispersion(history).tolist() == [0, 0.5, 0.5]


def test_means_over_epochs_are_the_scores_of_the_mean_prediction() -> None:
    history = torch.stack([predicted(0, 1), predicted(2, 2)])

    torch.testing.assert_close(mean_entropy(history), torch.tensor([math.log(2), 0], dtype=torch.float64))
    assert mean_margin(history).tolist() == [0, -1]
    one = torch.rand(12, 1, 5, generator=torch.Generator().manual_seed(8)).softmax(dim=2)
    torch.testing.assert_close(mean_entropy(one), entropy(one[:, 0]))
    torch.testing.assert_close(mean_margin(one), margin(one[:, 0]))
