from __future__ import annotations

import math

import torch

from activeloop.acquisitions import bald, variation_ratio


def test_bald_is_zero_where_passes_agree_and_log_2_where_two_contradict() -> None:
    agree = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    contradict = torch.tensor([[1.0, 0.0], [0.0, 1.0]])

    scores = bald(torch.stack([agree, contradict]))

    torch.testing.assert_close(scores, torch.tensor([0.0, math.log(2)], dtype=torch.float64))


def test_bald_is_the_mean_divergence_of_passes_from_their_mean() -> None:
    samples = torch.rand(30, 8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).softmax(dim=2)
    consensus = samples.mean(dim=1, keepdim=True)

    divergence = (samples * (samples / consensus).log()).sum(dim=2).mean(dim=1)

    torch.testing.assert_close(bald(samples), divergence)


def test_bald_is_never_negative_so_that_power_can_draw_from_it() -> None:
    same = torch.rand(1000, 1, 10, generator=torch.Generator().manual_seed(2)).softmax(dim=2).expand(-1, 7, -1)

    assert (bald(same) >= 0).all()


def test_variation_ratio_counts_votes_not_probabilities() -> None:
    votes = torch.tensor([[[0.6, 0.4], [0.6, 0.4], [0.0, 1.0]], [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]])

    torch.testing.assert_close(variation_ratio(votes), torch.tensor([1 / 3, 0.0], dtype=torch.float64))
