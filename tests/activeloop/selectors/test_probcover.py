from __future__ import annotations

import math
import warnings
from importlib import import_module

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.geometry import balls
from activeloop.geometry.balls import Distances
from activeloop.geometry.clusters import clustered
from activeloop.selectors.probcover import probcover

module = import_module("activeloop.selectors.probcover")  # the package gives the function under that name

DIGITS = torch.from_numpy(load_digits().data).float()[:700]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def at_angles(*degrees: float) -> Tensor:
    """Rows on the unit circle: a chord of 60 degrees is 1 long."""
    angles = torch.tensor(degrees) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def open_rows(count: int) -> Tensor:
    return torch.full((count,), -1)


def matrix(features: Tensor) -> Tensor:
    """All distances of the directions, in float64."""
    unit = features.double() / features.double().norm(dim=1, keepdim=True)
    return torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist")


def gains(features: Tensor, labels: Tensor, picks: list[int], delta: float) -> list[tuple[int, int]]:
    """(rows newly covered by each pick, the most that any open row would have covered), by the whole n x n matrix."""
    near = matrix(features) <= delta
    bare, free, seen = ~near[labels >= 0].any(dim=0), labels == -1, []
    for pick in picks:
        gain = (near & bare).sum(dim=1) * free
        seen.append((int(gain[pick]), int(gain.max())))
        free[pick] = False
        bare &= ~near[pick]
    return seen


def test_the_row_that_covers_most_comes_first_then_the_one_that_covers_most_of_the_rest() -> None:
    features = at_angles(0, 10, 20, 90, 100, 180)

    picks = probcover(features, open_rows(6), 3, rng(), delta=0.2)  # a chord of 11 degrees is 0.19, of 12 0.21

    assert picks[0] == 1
    assert int(picks[1]) in (3, 4)
    assert picks[2] == 5


def test_length_is_nothing_to_it() -> None:
    features = at_angles(0, 10, 20, 90, 100, 180) * torch.tensor([1.0, 50.0, 0.01, 7.0, 1.0, 3.0])[:, None]

    assert probcover(features, open_rows(6), 1, rng(), delta=0.2).tolist() == [1]


def test_labelled_rows_cover_from_the_start_and_skipped_ones_are_covered_but_not_picked() -> None:
    features = at_angles(0, 10, 20, 90, 100, 110)

    labelled = probcover(features, torch.tensor([-1, 2, -1, -1, -1, -1]), 1, rng(), delta=0.2)
    skipped = probcover(features, torch.tensor([-1, -2, -1, -2, -1, -2]), 2, rng(), delta=0.2)

    assert labelled.tolist() == [4]
    assert int(skipped[0]) == 4
    assert int(skipped[1]) in (0, 2)


@pytest.mark.parametrize("edges", [10**8, 5000, 0])
@pytest.mark.parametrize("block", [1 << 23, 20_000])
def test_picks_are_greedy_by_the_whole_matrix(edges: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balls, "AT_ONCE", block)
    labels = open_rows(700)
    labels[:20], labels[20:60] = 1, -2

    picks = probcover(DIGITS, labels, 60, rng(1), delta=0.35, edges=edges).tolist()

    seen = gains(DIGITS, labels, picks, 0.35)
    assert all(own == most for own, most in seen)
    assert seen[0][0] > 20 > seen[-1][0] > 0


def test_edges_held_or_found_again_give_the_same_picks() -> None:
    held, again, some = (
        probcover(DIGITS, open_rows(700), 300, rng(2), edges=edges).tolist() for edges in (10**8, 0, 9000)
    )

    assert held == again == some


def test_delta_is_the_largest_at_which_the_balls_are_pure() -> None:
    """Purity by the definition, ball by ball, just below delta and just above."""
    unit = DIGITS / DIGITS.norm(dim=1, keepdim=True)
    delta = module._purest(unit, Distances(unit), 10, rng(3))
    own = clustered(unit, 10, rng(3)).assignment

    impure = (own[:, None] != own)[None]
    purity = [
        float((~((matrix(DIGITS) <= radius) & impure[0]).any(dim=1)).double().mean())
        for radius in (delta, delta + 1e-3)
    ]

    assert purity[0] >= 0.95 > purity[1]


def test_pseudo_classes_of_scikit_learn_give_nearly_the_same_delta() -> None:
    unit = DIGITS / DIGITS.norm(dim=1, keepdim=True)
    ours = np.median([module._purest(unit, Distances(unit), 10, rng(seed)) for seed in range(5)])

    theirs = []
    for seed in range(5):
        own = torch.from_numpy(KMeans(10, n_init=1, random_state=seed).fit_predict(unit.numpy()))
        nearest_other = matrix(DIGITS).masked_fill(own[:, None] == own, torch.inf).amin(dim=1)
        theirs.append(float(nearest_other.sort().values[35]))

    assert abs(ours / np.median(theirs) - 1) < 0.1


def test_after_a_full_cover_the_radius_is_halved() -> None:
    """At 1.0 one row covers each heap of three; at 0.5 nothing is bare; at 0.25 the ends of the wide heap are."""
    features = at_angles(0, 16, 32, 180, 181, 182)

    picks = probcover(features, open_rows(6), 4, rng(), delta=1.0)

    assert {int(pick) // 3 for pick in picks[:2]} == {0, 1}
    assert {int(pick) // 3 for pick in picks[2:]} == {0}


def test_duplicates_come_last_and_in_an_order_drawn_by_the_seed() -> None:
    features = at_angles(0, 0, 0, 0, 0, 120, 240)

    with pytest.warns(UserWarning, match="4 of 7 picks have the same features"):
        orders = [probcover(features, open_rows(7), 7, rng(seed), delta=0.5).tolist() for seed in range(6)]

    assert all(set(order[1:3]) == {5, 6} and order[0] < 5 for order in orders)
    assert len({tuple(order[3:]) for order in orders}) > 1


def test_zero_vectors_are_warned_of_and_still_picked() -> None:
    labels = open_rows(10)

    with pytest.warns(UserWarning, match="10 of 10 rows are zero vectors"):
        assert sorted(probcover(torch.zeros(10, 3), labels, 10, rng()).tolist()) == list(range(10))


def test_a_pool_in_good_order_is_warned_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picks = probcover(DIGITS, open_rows(700), 50, rng())

    assert len(set(picks.tolist())) == 50


def test_bad_input_is_refused() -> None:
    for options in ({"delta": 2.5}, {"delta": -0.1}, {"classes": 0}, {"edges": -1}):
        with pytest.raises(ConfigError, match="delta lies in .0, 2., or is 0 to find it"):
            probcover(DIGITS, open_rows(700), 1, rng(), **options)
    with pytest.raises(BadScores, match="the first is at position 0"):
        probcover(DIGITS * torch.nan, open_rows(700), 1, rng())
