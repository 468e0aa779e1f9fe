from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.errors import BadScores, ConfigError
from activeloop.pick import How, pick

FREE = np.ones(4, dtype=bool)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_top_takes_the_highest_in_order() -> None:
    assert pick(np.array([0.1, 0.9, 0.3, 0.7]), FREE, 3, rng()).tolist() == [1, 3, 2]


def test_what_is_not_free_is_never_picked_however_high() -> None:
    free = np.array([True, False, True, True])

    assert 1 not in pick(np.array([0.1, 0.9, 0.3, 0.7]), free, 3, rng())


def test_a_bad_score_matters_only_where_it_could_be_picked() -> None:
    scores = np.array([0.1, np.nan, 0.3, 0.7])

    assert pick(scores, np.array([True, False, True, True]), 1, rng()).tolist() == [3]
    with pytest.raises(BadScores, match="1 of 4 scores are nan or infinite; the first is nan at position 1"):
        pick(scores, FREE, 1, rng())


def test_equal_scores_fall_as_the_generator_says() -> None:
    orders = {tuple(pick(np.zeros(4), FREE, 4, rng(seed))) for seed in range(30)}

    assert len(orders) > 10


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.data())
def test_picks_are_the_first_of_a_full_sort_with_ties_in_the_order_drawn(
    values: list[int], data: st.DataObject
) -> None:
    scores, n = np.array(values, dtype=float), data.draw(st.integers(0, len(values)))
    turn = rng(3).permutation(len(values)).argsort()

    expected = sorted(range(len(values)), key=lambda row: (-values[row], turn[row]))[:n]

    assert pick(scores, np.ones(len(values), dtype=bool), n, rng(3)).tolist() == expected


def test_power_refuses_negative_scores_and_names_softmax_and_shift() -> None:
    with pytest.raises(ConfigError, match="softmax.*shift"):
        pick(np.array([-0.5, 0.0, 0.1, 0.2]), FREE, 1, rng(), how="power")
    assert len(pick(np.array([-0.5, 0.0, 0.1, 0.2]), FREE, 1, rng(), how="power", shift=1)) == 1


def test_power_draws_in_proportion_to_the_scores() -> None:
    chance = rng(1)
    scores = np.array([1.0, 2.0, 3.0, 4.0])

    firsts = np.bincount([pick(scores, FREE, 1, chance, how="power")[0] for _ in range(10_000)], minlength=4)

    np.testing.assert_allclose(firsts / 10_000, scores / 10, atol=0.015)  # three standard deviations


def test_softmax_draws_in_proportion_to_their_exponentials() -> None:
    chance = rng(2)
    scores = np.log(np.array([1.0, 2.0, 3.0, 4.0])) / 2

    firsts = np.bincount([pick(scores, FREE, 1, chance, how="softmax", beta=2)[0] for _ in range(10_000)], minlength=4)

    np.testing.assert_allclose(firsts / 10_000, np.array([0.1, 0.2, 0.3, 0.4]), atol=0.015)


def test_softrank_draws_by_rank_whatever_the_scores_are() -> None:
    """Ranks 4, 3, 2, 1 weigh 1/4, 1/3, 1/2, 1: of 25 twelfths, 3, 4, 6 and 12."""
    chance, scores = rng(), np.array([-100.0, -0.1, 0.0, 5.0])

    firsts = np.bincount([pick(scores, FREE, 1, chance, how="softrank")[0] for _ in range(10_000)], minlength=4)

    np.testing.assert_allclose(firsts / 10_000, np.array([3, 4, 6, 12]) / 25, atol=0.015)


def test_power_takes_zero_scores_last() -> None:
    for seed in range(20):
        assert pick(np.array([0.0, 5.0, 0.0, 1e-9]), FREE, 2, rng(seed), how="power").tolist() in ([1, 3], [3, 1])


def test_a_beta_that_is_no_number_is_refused() -> None:
    for beta in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="beta is .*use pick 'top'"):
            pick(np.zeros(4), FREE, 1, rng(), how="softmax", beta=beta)


def test_too_many_picks_are_refused() -> None:
    with pytest.raises(BadScores, match="5 picks were asked for, but 4 rows are open"):
        pick(np.zeros(4), FREE, 5, rng())


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40),
    st.sampled_from(["top", "power", "softmax", "softrank"]),
    st.integers(0, 2**32),
)
def test_picks_are_different_free_and_decided_by_the_seed(rows: list[tuple[float, bool]], how: How, seed: int) -> None:
    scores = np.array([score for score, _ in rows])
    free = np.array([is_free for _, is_free in rows])
    n = int(free.sum()) // 2

    first, again = (pick(scores, free, n, rng(seed), how=how) for _ in range(2))

    assert len(set(first.tolist())) == n
    assert free[first].all()
    assert first.tolist() == again.tolist()
