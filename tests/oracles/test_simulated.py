from __future__ import annotations

import numpy as np
import pytest

from oracles import Simulated


@pytest.fixture
def oracle() -> Simulated:
    return Simulated([2, 0, -1, -2])


def test_answers_are_the_truth_at_once(oracle: Simulated) -> None:
    oracle.post("q0", [1, 0])

    assert oracle.collect("q0") == {1: 0, 0: 2}


def test_posting_and_collecting_may_be_repeated(oracle: Simulated) -> None:
    for _ in range(2):
        oracle.post("q0", [0])
        oracle.post("q1", [1])
        assert oracle.collect("q0") == {0: 2}
        assert oracle.collect("q1") == {1: 0}


def test_rows_may_be_numpy_integers_and_answers_are_plain_ones(oracle: Simulated) -> None:
    oracle.post("q0", np.array([1]))  # type: ignore[arg-type]

    assert [type(label) for label in oracle.collect("q0").values()] == [int]


def test_a_row_that_the_truth_skips_is_skipped(oracle: Simulated) -> None:
    oracle.post("q0", [3])

    assert oracle.collect("q0") == {3: -2}


@pytest.mark.parametrize(
    ("row", "message"),
    [(4, "row 4 was asked, and the truth has the rows 0…3"), (-1, "row -1 was asked"), (2, "row 2 .* unknown")],
)
def test_a_row_without_truth_is_refused_when_it_is_asked(oracle: Simulated, row: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        oracle.post("q0", [0, row])


def test_a_ticket_never_posted_is_refused(oracle: Simulated) -> None:
    with pytest.raises(ValueError, match="ticket 'q9' was never posted"):
        oracle.collect("q9")
