from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from oracles import Noisy, Simulated, pair, symmetric, transition
from oracles.noise import checked, parse

N = 20_000
T = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.05, 0.05, 0.9]])


def answers(matrix: NDArray[np.float64], truth: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    oracle = Noisy(Simulated(truth), matrix, seed)
    oracle.post("q0", range(len(truth)))
    told = oracle.collect("q0")
    return np.array([told[row] for row in range(len(truth))])


# matrices by hand


def test_symmetric_noise_spreads_the_rate_over_the_other_classes() -> None:
    np.testing.assert_allclose(symmetric(0.2, 3), [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])


def test_pair_noise_takes_the_next_class_and_the_first_after_the_last() -> None:
    np.testing.assert_allclose(pair(0.3, 3), [[0.7, 0.3, 0], [0, 0.7, 0.3], [0.3, 0, 0.7]])


@pytest.mark.parametrize("noise", [symmetric, pair])
@pytest.mark.parametrize("rate", [0, 0.05, 1 / 3, 1])
@pytest.mark.parametrize("classes", [2, 7, 100])
def test_rows_sum_to_one_at_every_rate(noise, rate: float, classes: int) -> None:  # type: ignore[no-untyped-def]
    np.testing.assert_allclose(checked(noise(rate, classes)).sum(axis=1), 1)


# what comes out


@pytest.mark.parametrize("matrix", [symmetric(0.2, 3), pair(0.3, 3), T], ids=["symmetric", "pair", "transition"])
def test_observed_confusion_is_the_matrix_within_three_standard_deviations(matrix: NDArray[np.float64]) -> None:
    truth = np.arange(N) % 3
    told = answers(matrix, truth)

    for i in range(3):
        asked = int((truth == i).sum())
        observed = np.bincount(told[truth == i], minlength=3) / asked
        deviation = np.sqrt(matrix[i] * (1 - matrix[i]) / asked)
        assert (np.abs(observed - matrix[i]) <= 3 * deviation).all()


def test_rate_0_is_the_truth_and_rate_1_never_is() -> None:
    truth = np.arange(2000) % 10

    assert (answers(symmetric(0, 10), truth) == truth).all()
    assert (answers(symmetric(1, 10), truth) != truth).all()
    assert (answers(pair(1, 10), truth) == (truth + 1) % 10).all()


def test_asking_again_in_another_order_in_parts_or_after_a_restart_gives_the_same() -> None:
    truth = np.arange(300) % 3
    whole = answers(T, truth)

    again = Noisy(Simulated(truth), T, 0)
    again.post("late", list(range(299, 149, -1)))
    again.post("early", range(150))
    told = again.collect("late") | again.collect("early")

    assert {row: told[row] for row in range(300)} == dict(enumerate(whole.tolist()))
    assert again.collect("late") == again.collect("late")


def test_another_seed_errs_on_other_rows() -> None:
    truth = np.zeros(1000, dtype=np.int64)

    wrong = [set(np.flatnonzero(answers(symmetric(0.2, 2), truth, seed)).tolist()) for seed in (0, 1)]

    assert len(wrong[0] & wrong[1]) < 100  # 40 expected of independent draws, 200 of equal ones


def test_rows_err_independently_of_their_neighbours() -> None:
    wrong = answers(symmetric(0.3, 2), np.zeros(N, dtype=np.int64))

    together = float((wrong[1:] * wrong[:-1]).mean())
    assert abs(together - 0.09) < 4 * np.sqrt(0.09 * 0.91 / N)


def test_a_skipped_row_stays_skipped() -> None:
    oracle = Noisy(Simulated([-2, 0]), symmetric(1, 2), 0)
    oracle.post("q0", [0, 1])

    assert oracle.collect("q0") == {0: -2, 1: 1}


def test_a_class_of_probability_0_is_never_answered_though_a_row_sums_to_a_little_less_than_1() -> None:
    short = np.array([[0.5, 0.5 - 9e-7, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    oracle = Noisy(Simulated([0]), short, 0)
    drawn = np.nextafter(1, 0)

    assert int((oracle._cumulated[0] <= drawn).sum()) == 1


def test_what_is_asked_and_guessed_reaches_the_oracle_inside() -> None:
    class Inside(Simulated):
        def post(self, ticket, rows, guesses=None):  # type: ignore[no-untyped-def]
            self.seen = (ticket, list(rows), guesses)
            super().post(ticket, rows)

    inside = Inside([0, 1])
    Noisy(inside, symmetric(0, 2), 0).post("q7", [1], {1: 0})

    assert inside.seen == ("q7", [1], {1: 0})


# refusals


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("noise", [symmetric, pair])
def test_a_rate_is_a_fraction(noise, rate: float) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="noise rate is .*; it is a fraction of answers, between 0 and 1"):
        noise(rate, 3)


@pytest.mark.parametrize("noise", [symmetric, pair])
def test_one_class_cannot_be_confused(noise) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="needs two of them; there are 1"):
        noise(0.1, 1)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0.5, 0.5]], r"is square.*this one is \(1, 2\)"),
        ([1.0], r"is square.*\(1,\)"),
        ([[1.0, 0.0], [0.5, 0.6]], r"row 1 of the transition matrix is \[0.5, 0.6\]"),
        ([[1.5, -0.5], [0.0, 1.0]], "row 0 .* 0 or more and sum to 1"),
        ([[float("nan"), 1.0], [0.0, 1.0]], "row 0"),
        ([[1.0, 0.0], [float("inf"), 0.0]], "row 1"),
    ],
)
def test_a_matrix_that_is_none_of_probabilities_is_refused_with_its_first_bad_row(matrix: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Noisy(Simulated([0]), np.array(matrix), 0)


def test_a_class_beyond_the_matrix_is_refused() -> None:
    oracle = Noisy(Simulated([0, 2]), symmetric(0.1, 2), 0)
    oracle.post("q0", [1])

    with pytest.raises(ValueError, match="row 1 has class 2, and the noise is for 0…1"):
        oracle.collect("q0")


# by name


def test_noise_is_written_as_kind_and_rate(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", T)

    np.testing.assert_array_equal(parse("symmetric:0.2", 3), symmetric(0.2, 3))
    np.testing.assert_array_equal(parse("pair:1", 3), pair(1, 3))
    np.testing.assert_array_equal(parse(f"transition:{tmp_path}/t.npy", 3), T)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ("symetric:0.2", "noise is 'symetric:0.2'; allowed are symmetric:RATE, pair:RATE and transition:FILE.npy"),
        ("", "noise is ''; allowed are"),
        ("symmetric", "needs a rate between 0 and 1, such as symmetric:0.05"),
        ("pair:much", "needs a rate between 0 and 1, such as pair:0.05"),
        ("symmetric:20", "the noise rate is 20"),
        ("transition:", "cannot be read"),
        ("transition:nowhere.npy", "transition:nowhere.npy cannot be read.*No such file"),
    ],
)
def test_a_noise_that_is_none_is_refused_with_what_is_allowed(noise: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(noise, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.eye(2), r"is \(2, 2\); 3 classes need 3 x 3"),
        (np.eye(3) * 2, "row 0 of the transition matrix"),
        (np.array([["a"] * 3] * 3), "cannot be read: could not convert string"),
    ],
)
def test_a_transition_file_must_hold_c_by_c_probabilities(tmp_path: Path, content: object, message: str) -> None:
    np.save(tmp_path / "t.npy", content)  # type: ignore[arg-type]

    with pytest.raises(ValueError, match=message):
        transition(str(tmp_path / "t.npy"), 3)


def test_a_file_that_is_no_npy_is_refused(tmp_path: Path) -> None:
    empty, archive, text = tmp_path / "empty.npy", tmp_path / "t.npz", tmp_path / "t.csv"
    empty.touch()
    np.savez(archive, t=T)
    text.write_text("0.5,0.5\n")

    for path in (empty, archive, text, tmp_path):
        with pytest.raises(ValueError, match=r"cannot be read.*It is a .npy of 3 x 3 numbers"):
            transition(str(path), 3)
