from __future__ import annotations

import numpy as np
import pytest
import torch

from activeloop.errors import BadScores
from activeloop.geometry import balls
from activeloop.geometry.balls import Balls, Distances

POINTS = torch.from_numpy(np.random.default_rng(0).normal(size=(300, 6))).float()
ALL = np.arange(300)


@pytest.fixture(params=[1 << 24, 1000], autouse=True)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fact holds in one block and in a hundred."""
    monkeypatch.setattr(balls, "AT_ONCE", request.param)


def test_a_ball_is_closed_and_holds_its_own_row() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0], [3.0]])

    inside = Distances(line).within(np.array([0, 2]), 1.0)

    assert inside.tolist() == [[True, True, False, False], [False, False, True, True]]


@pytest.mark.parametrize("shift", [0, 1000])
def test_squared_distances_are_those_of_float64(shift: float) -> None:
    points = POINTS + shift
    distances = Distances(points)
    found = torch.cat([distances.squared(part).clone() for part in distances.parts(ALL)])

    torch.testing.assert_close(
        found.double(), torch.cdist(points.double(), points.double()).square(), rtol=1e-4, atol=1e-4
    )


def test_a_duplicate_is_inside_the_smallest_ball() -> None:
    twice = torch.cat([POINTS, POINTS]) * 37 + 100

    distances = Distances(twice)
    inside = np.concatenate([distances.within(part, 0.0) for part in distances.parts(np.arange(600))])

    np.testing.assert_array_equal(inside, np.tile(np.eye(300, dtype=bool), (2, 2)))


@pytest.mark.parametrize("limit", [10**6, 2000, 0])
def test_members_are_the_same_kept_or_found_again(limit: int) -> None:
    near = torch.cdist(POINTS.double(), POINTS.double()) < 2
    found, some = Balls(Distances(POINTS), ALL, 2.0, limit=limit), np.array([7, 3, 250, 0])

    lists = [members.tolist() for part in found.lists(some) for members in part]

    assert lists == [near[row].nonzero().flatten().tolist() for row in some]
    np.testing.assert_array_equal(found.counts, near.sum(dim=0))
    np.testing.assert_array_equal(found.sizes, near.sum(dim=1))
    np.testing.assert_array_equal(found.counted(some), near[some].sum(dim=0))
    np.testing.assert_array_equal(found.counted(some[:0]), 0)


def test_balls_of_some_rows_count_these_alone() -> None:
    near = torch.cdist(POINTS.double(), POINTS.double()) < 2

    np.testing.assert_array_equal(Balls(Distances(POINTS), ALL[5:50], 2.0, limit=10**6).counts, near[5:50].sum(dim=0))


def test_nan_is_refused() -> None:
    with pytest.raises(BadScores, match="the first is at position 1"):
        Distances(torch.tensor([[0.0], [torch.nan]]))
