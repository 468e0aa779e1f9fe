from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from activeloop.acquisitions import (
    bald,
    entropy,
    kl_to_consensus,
    mean_std,
    predictive_entropy,
    variation_ratio,
    vote_entropy,
)
from activeloop.acquisitions.votes import shares


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


def test_predictive_entropy_is_bald_and_the_doubt_that_all_passes_share() -> None:
    samples = torch.rand(30, 8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).softmax(dim=2)

    torch.testing.assert_close(predictive_entropy(samples), bald(samples) + entropy(samples).mean(dim=1))


def test_mean_std_by_hand() -> None:
    """Two passes at 0.9 and 0.5 deviate by 0.2 from their mean, in either class."""
    samples = torch.tensor([[[0.9, 0.1], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])

    torch.testing.assert_close(mean_std(samples), torch.tensor([0.2, 0.5], dtype=torch.float64))


def test_vote_entropy_counts_votes_of_all_classes() -> None:
    split = torch.tensor([[0.6, 0.4, 0.0], [0.6, 0.4, 0.0], [0.0, 0.9, 0.1], [0.0, 0.2, 0.8]])
    scores = vote_entropy(torch.stack([split, split[:1].expand(4, 3)]))

    torch.testing.assert_close(scores, torch.tensor([1.5 * math.log(2), 0.0], dtype=torch.float64))


def test_divergence_from_the_consensus_is_bald() -> None:
    samples = torch.rand(30, 8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).softmax(dim=2)
    consensus = samples.mean(dim=1, keepdim=True)

    torch.testing.assert_close(kl_to_consensus(samples), (samples * (samples / consensus).log()).sum(2).mean(1))


def test_scores_of_many_rows_are_those_of_each_alone() -> None:
    samples = torch.rand(3000, 20, 10, generator=torch.Generator().manual_seed(5)).softmax(dim=2)
    some = [0, 1309, 1310, 2999]  # the last and first of two parts among them

    for score in (bald, mean_std, variation_ratio, vote_entropy):
        torch.testing.assert_close(score(samples)[some], torch.cat([score(samples[[row]]) for row in some]))


@pytest.mark.parametrize("score", [bald, mean_std, predictive_entropy, variation_ratio, vote_entropy])
def test_a_nan_in_any_pass_stays_nan_and_touches_no_other_row(score: Callable[[torch.Tensor], torch.Tensor]) -> None:
    samples = torch.rand(5, 8, 4, generator=torch.Generator().manual_seed(6)).softmax(dim=2)
    samples[2, 7, 1] = torch.nan

    assert score(samples).isnan().tolist() == [False, False, True, False, False]


def test_votes_are_shares_of_the_passes() -> None:
    samples = torch.rand(50, 7, 4, generator=torch.Generator().manual_seed(7)).softmax(dim=2)
    votes = samples.argmax(dim=2)
    counted = torch.stack([torch.bincount(row, minlength=4) for row in votes]).double() / 7

    torch.testing.assert_close(shares(samples), counted)
