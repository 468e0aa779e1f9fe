from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from oracles import Abstaining, Costly, Delayed, Named, Noisy, Simulated, Tired, pair, symmetric

TRUTH = np.arange(2000) % 4


def test_rows_are_skipped_at_their_rate_and_always_the_same_ones() -> None:
    oracle = Abstaining(Simulated(TRUTH), 0.2, 0)
    oracle.post("q0", range(2000))
    oracle.post("q1", range(999, -1, -1))
    skipped = {row for row, label in oracle.collect("q0").items() if label == -2}

    assert abs(len(skipped) / 2000 - 0.2) < 3 * np.sqrt(0.2 * 0.8 / 2000)
    assert {row for row, label in oracle.collect("q1").items() if label == -2} == {row for row in skipped if row < 1000}


def test_each_row_may_have_a_rate_of_its_own() -> None:
    oracle = Abstaining(Simulated([0, 1, 2]), np.array([0.0, 1.0, 0.0]), 0)
    oracle.post("q0", [0, 1, 2])

    assert oracle.collect("q0") == {0: 0, 1: -2, 2: 2}


def test_answers_are_there_after_so_many_collects_all_at_once() -> None:
    oracle = Delayed(Simulated([0, 1]), 2, 0)
    oracle.post("q0", [0, 1])

    assert [oracle.collect("q0") for _ in range(4)] == [{}, {}, {0: 0, 1: 1}, {0: 0, 1: 1}]
    assert oracle.final("q0") == {0: 0, 1: 1}


def test_answers_may_come_in_parts_and_none_is_taken_back() -> None:
    oracle = Delayed(Simulated(TRUTH), 3, 0, least=1)
    oracle.post("q0", range(300))
    parts = [oracle.collect("q0") for _ in range(4)]

    assert [len(part) > 0 for part in parts] == [False, True, True, True]
    assert all(before.items() < after.items() for before, after in itertools.pairwise(parts))
    assert len(parts[-1]) == 300


def test_answers_may_wait_for_later_tickets() -> None:
    oracle = Delayed(Simulated([0, 1, 2]), 0, 0, tickets=2)
    counts = []
    for at in range(3):
        oracle.post(f"q{at}", [at])
        oracle.post(f"q{at}", [at])
        counts.append([len(oracle.collect(f"q{before}")) for before in range(at + 1)])

    assert counts == [[0], [0, 0], [1, 0, 0]]


def test_costs_add_up_and_names_are_kept_through_other_wrappers() -> None:
    inside = Costly(Named(Simulated([0, -2]), "anna"), 0.25)
    oracle = Costly(Noisy(Tired(inside, 9, 2, 0), symmetric(0, 2), 0), np.array([1.0, 2.0]))
    oracle.post("q0", [1, 0])

    assert oracle.notes("q0") == {1: {"annotator": "anna", "cost": 2.25}, 0: {"annotator": "anna", "cost": 1.25}}
    assert oracle.collect("q0") == {1: -2, 0: 0}
    assert Noisy(Simulated([0]), pair(0, 2), 0).notes("q0") == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Abstaining(Simulated([0]), 1.2, 0), "the rate of skips is 1.2; it must be between 0 and 1"),
        (lambda: Delayed(Simulated([0]), -1, 0), "collects is -1"),
        (lambda: Delayed(Simulated([0]), 1, 0, least=2), "least 2"),
        (lambda: Costly(Simulated([0]), -0.1), "the cost of an answer is -0.1; it must be between 0 and inf"),
        (lambda: Costly(Simulated([0]), float("nan")), "the cost of an answer is nan"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_row_beyond_those_with_a_cost_is_refused() -> None:
    oracle = Costly(Simulated([0, 1]), np.array([1.0]))
    oracle.post("q0", [1])

    with pytest.raises(ValueError, match="row 1 was asked, and the cost of an answer is known of the rows 0…0"):
        oracle.notes("q0")
