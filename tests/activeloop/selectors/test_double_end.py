from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.errors import BadScores, ConfigError
from activeloop.selectors.double_end import dropped, elfs, proportional, window

OPEN, SKIP = -1, -2


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def opened(m: int) -> torch.Tensor:
    return torch.full((m,), OPEN)


def picked(difficulty: list[float], cutoff: float, n: int, labels: torch.Tensor | None = None) -> list[int]:
    labels = opened(len(difficulty)) if labels is None else labels
    return window(torch.tensor(difficulty).double(), cutoff, labels, n, rng()).tolist()


def test_the_hardest_are_dropped_and_the_next_are_picked_hardest_first() -> None:
    assert picked([0.1, 0.9, 0.5, 0.7, 0.3], 0.2, 2) == [3, 2]


def test_without_a_cutoff_the_hardest_are_picked() -> None:
    assert picked([0.1, 0.9, 0.5, 0.7, 0.3], 0, 2) == [1, 3]


def test_a_window_that_reaches_the_easiest_row_is_whole() -> None:
    """Where cutoff + n / m is 1, ELFS's own code selects nothing."""
    assert picked([0.1, 0.9, 0.5, 0.7, 0.3], 0.4, 3) == [2, 4, 0]


def test_no_picks_are_none() -> None:
    assert picked([0.1, 0.9], 0.5, 0) == []


def test_labelled_and_skipped_rows_are_stepped_over_and_keep_their_place_in_the_ranking() -> None:
    """Of nine, the two hardest are dropped, one of them labelled; of the others 6 is labelled and 5 skipped."""
    labels = torch.tensor([OPEN, OPEN, OPEN, OPEN, OPEN, SKIP, 1, OPEN, 0])

    assert picked([0, 1, 2, 3, 4, 5, 6, 7, 8], 2 / 9, 3, labels) == [4, 3, 2]


@pytest.mark.parametrize(
    ("cutoff", "rows", "drop"),
    [(0.1, 30, 3), (0.29, 100, 29), (0.7, 10, 7), (0.15, 10, 1), (0.0, 5, 0), (0.999, 10, 9), (0.3, 3, 0)],
)
def test_a_cutoff_drops_the_whole_part_and_no_float_error_changes_it(cutoff: float, rows: int, drop: int) -> None:
    assert dropped(cutoff, rows) == drop


def test_ties_are_broken_by_chance_and_not_by_position() -> None:
    difficulty = torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0])
    seen = {tuple(window(difficulty, 0.25, opened(8), 2, rng(seed)).tolist()) for seed in range(200)}

    assert all(set(picks) <= {0, 1, 2, 3} for picks in seen)
    assert len(seen) == 12


def test_permuting_rows_permutes_picks() -> None:
    difficulty, order = torch.from_numpy(rng(1).normal(size=50)), torch.from_numpy(rng(2).permutation(50))

    assert torch.equal(
        order[window(difficulty[order], 0.3, opened(50), 9, rng())], window(difficulty, 0.3, opened(50), 9, rng())
    )


def test_a_cutoff_that_leaves_too_few_is_refused_with_the_largest_that_does_not() -> None:
    labels = opened(10)
    labels[0] = 1  # the easiest: a labelled row behind the window makes no room
    with pytest.raises(ConfigError, match=r"0.5 leaves 4 open rows of 10, and 6.*largest cutoff.*is 0.39.*at most 4"):
        window(torch.arange(10.0), 0.5, labels, 6, rng())
    assert len(window(torch.arange(10.0), 0.39, labels, 6, rng())) == 6
    with pytest.raises(ConfigError, match="10 picks were asked for, but 9 rows are open"):
        window(torch.arange(10.0), 0.0, labels, 10, rng())


@pytest.mark.parametrize("cutoff", [-0.1, 1.0, float("nan")])
def test_a_cutoff_is_a_share(cutoff: float) -> None:
    with pytest.raises(ConfigError, match="share of hardest rows"):
        window(torch.arange(10.0), cutoff, opened(10), 1, rng())


def test_nan_is_refused_by_position_and_equal_rows_are_picked_with_a_warning() -> None:
    with pytest.raises(BadScores, match="1 of 3.*position 1"):
        window(torch.tensor([0.0, torch.nan, 1.0]), 0.0, opened(3), 1, rng())
    with pytest.warns(UserWarning, match="all 4 rows are equally difficult"):
        assert sorted(window(torch.zeros(4), 0.0, opened(4), 4, rng()).tolist()) == [0, 1, 2, 3]


CLUSTERS = torch.tensor([0] * 6 + [1] * 3)


def test_without_a_quota_elfs_is_the_window_and_looks_at_no_cluster() -> None:
    difficulty = torch.arange(9.0)

    picks = elfs(difficulty, CLUSTERS, torch.tensor(0.35, dtype=torch.float64), opened(9), 3, rng())

    assert picks.tolist() == [5, 4, 3]


def test_a_quota_takes_the_same_window_of_each_cluster_in_proportion_to_its_rows() -> None:
    """Of 6 and 3 rows the two and one hardest are dropped; three picks are shared two to one."""
    picks = elfs(torch.arange(9.0), CLUSTERS, torch.tensor(0.35), opened(9), 3, rng(), quota=True)

    assert picks.tolist() == [7, 3, 2]


def test_a_quota_that_a_cluster_cannot_fill_goes_to_the_others() -> None:
    labels = opened(9)
    labels[6:] = 2
    picks = elfs(torch.arange(9.0), CLUSTERS, torch.tensor(0.0), labels, 3, rng(), quota=True)

    assert picks.tolist() == [5, 4, 3]
    with pytest.raises(ConfigError, match="leaves 4 open rows of 9, and 5 picks.*is 0.33"):
        elfs(torch.arange(9.0), CLUSTERS, torch.tensor(0.4), labels, 5, rng(), quota=True)


@pytest.mark.parametrize(
    ("sizes", "n", "room", "shares"),
    [
        ([6, 3], 3, [6, 3], [2, 1]),
        ([5, 3, 2], 4, [5, 3, 2], [2, 1, 1]),  # 2, 1.2 and 0.8
        ([1, 1, 1], 2, [1, 1, 1], [1, 1, 0]),
        ([50, 50], 10, [2, 50], [2, 8]),
        ([50, 30, 20], 10, [1, 9, 9], [1, 5, 4]),  # 4 are cut off: 2.4 to 3 and 1.6 to 2 more
        ([4, 4], 0, [4, 4], [0, 0]),
    ],
)
def test_shares_by_largest_remainders(sizes: list[int], n: int, room: list[int], shares: list[int]) -> None:
    assert proportional(sizes, n, room) == shares


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1)), min_size=1, max_size=8), st.floats(0, 1))
def test_shares_fit_their_rooms_and_sum_to_what_was_asked(parts: list[tuple[int, float]], share: float) -> None:
    sizes = [size for size, _ in parts]
    room = [int(size * left) for size, left in parts]
    n = int(share * sum(room))

    shares = proportional(sizes, n, room)

    assert sum(shares) == n
    assert all(0 <= share <= most for share, most in zip(shares, room, strict=True))


@pytest.mark.filterwarnings("ignore:all .* rows are equally difficult")
@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.floats(0, 0.99), st.integers(0, 2**32 - 1), st.booleans())
def test_picks_are_open_distinct_and_never_harder_than_a_row_that_was_dropped(
    m: int, cutoff: float, seed: int, quota: bool
) -> None:
    chance = rng(seed)
    difficulty = torch.from_numpy(chance.integers(0, 9, m).astype(np.float64))
    labels = torch.from_numpy(chance.choice([OPEN, OPEN, SKIP, 3], m))
    free = int((labels == OPEN).sum())
    n = int(chance.integers(0, free + 1))
    try:
        picks = elfs(difficulty, torch.from_numpy(chance.integers(0, 3, m)), torch.tensor(cutoff), labels, n, chance,
                     quota=quota)  # fmt: skip
    except ConfigError:
        return
    assert len(picks) == len(set(picks.tolist())) == n
    assert (labels[picks] == OPEN).all()
    assert (difficulty[picks].diff() <= 0).all()
    if not quota and n:
        assert int((difficulty > difficulty[picks].max()).sum()) <= dropped(cutoff, m) + int((labels != OPEN).sum())
