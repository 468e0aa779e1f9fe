from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from activeloop.geometry.plus_plus import spread

LINE = np.array([0.0, 1.0, 3.0, 3.0])
FREE = np.ones(4, dtype=np.bool_)


def apart(at: int) -> NDArray[np.float64]:
    return (LINE - LINE[at]) ** 2


def test_rows_are_drawn_in_proportion_to_squared_distance() -> None:
    chance = np.random.default_rng(0)
    drawn = np.bincount([spread(apart, FREE, [0], 1, chance)[0] for _ in range(19_000)], minlength=4)

    assert drawn[0] == 0
    assert np.abs(drawn[1:] - 1000 * np.array([1, 9, 9])).max() < 300  # 1 : 9 : 9


def test_every_row_is_drawn_once_and_duplicates_of_drawn_rows_last() -> None:
    for seed in range(20):
        drawn = spread(apart, FREE, [0], 4, np.random.default_rng(seed)).tolist()
        assert sorted(drawn) == [0, 1, 2, 3]
        assert {drawn[2], drawn[3]} & {0}, "row 0 duplicates the centre"


def test_closed_rows_are_never_drawn_and_the_first_of_none_is_drawn_evenly() -> None:
    chance = np.random.default_rng(0)
    firsts = np.bincount([spread(apart, LINE != 1, [], 1, chance)[0] for _ in range(3000)], minlength=4)

    assert firsts[1] == 0
    assert (np.abs(firsts[[0, 2, 3]] - 1000) < 120).all()
    assert sorted(spread(apart, LINE != 1, [], 3, chance).tolist()) == [0, 2, 3]
