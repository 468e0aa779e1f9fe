from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from oracles import Noisy, Simulated, asymmetric, confusable, instance, pair, symmetric, transition
from oracles.noise import ByRow, checked, scaled_to_mean, truncated_normal

N = 20_000
T = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.05, 0.05, 0.9]])


def answers(matrix: NDArray[np.float64] | ByRow, truth: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
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


def test_asymmetric_noise_confuses_the_classes_of_its_map_alone() -> None:
    by_name = asymmetric(0.4, 3, mapping={"cat": "dog", "dog": "cat"}, names=("cat", "dog", "ship"))

    np.testing.assert_allclose(by_name, [[0.6, 0.4, 0], [0.4, 0.6, 0], [0, 0, 1]])
    np.testing.assert_array_equal(asymmetric(0.4, 3, mapping={0: 1, 1: 0}), by_name)
    np.testing.assert_array_equal(asymmetric(0.4, 3, mapping={"0": 1, "1": "0"}), by_name)


def test_the_map_of_cifar10_is_there_for_classes_of_its_names() -> None:
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    matrix = asymmetric(0.3, 10, names=names)

    taken = {names[i]: names[j] for i in range(10) for j in range(10) if i != j and matrix[i, j]}
    assert taken == {"truck": "automobile", "bird": "airplane", "deer": "horse", "cat": "dog", "dog": "cat"}
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    with pytest.raises(ValueError, match="has a map for CIFAR-10 alone.*give `mapping`"):
        asymmetric(0.3, 2, names=("ham", "spam"))
    with pytest.raises(ValueError, match="names the class 'eggs'; there are ham, spam, or 0…1"):
        asymmetric(0.3, 2, mapping={"ham": "eggs"}, names=("ham", "spam"))


# rows that differ


def test_confusable_by_hand() -> None:
    probs = np.array([[0.5, 0.5, 0.0], [0.8, 0.2, 0.0], [0.0, 0.1, 0.9]])  # doubts 1, 1/4, 1/9, together 49/36
    line = confusable(0.2, probs)
    s = 0.6 / (49 / 36)

    np.testing.assert_allclose(line(1, 0), [1 - s / 4, s / 4, 0])
    np.testing.assert_allclose(line(1, 1), [s / 4, 1 - s / 4, 0])  # to the first, where the label is another
    np.testing.assert_allclose(line(2, 0), [1 - s / 9, 0, s / 9])


def test_what_would_err_more_than_always_errs_always_and_the_others_make_up_for_it() -> None:
    np.testing.assert_allclose(scaled_to_mean(np.array([1.0, 0.2, 0.1]), 0.5), [1, 1 / 3, 1 / 6])
    np.testing.assert_allclose(scaled_to_mean(np.array([1.0, 0.0, 0.1]), 2 / 3), [1, 0, 1])
    np.testing.assert_array_equal(scaled_to_mean(np.array([0.3, 0.0]), 0), [0, 0])
    with pytest.raises(
        ValueError, match="a rate of 0.9 needs errors in 3 of 3 rows, and the reference model is sure of"
    ):
        scaled_to_mean(np.array([1.0, 0.0, 0.1]), 0.9)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2, 0.6, 1.0])
def test_confusable_rows_err_at_the_rate_asked_on_average(rate: float) -> None:
    probs = np.random.default_rng(0).dirichlet(np.full(5, 0.3), size=500)
    line = confusable(rate, probs)

    assert np.mean([1 - line(row, 2)[2] for row in range(500)]) == pytest.approx(rate, abs=1e-12)


def test_doubtful_rows_err_more_often() -> None:
    sure, unsure = [0.98, 0.01, 0.01], [0.4, 0.35, 0.25]
    told = answers(confusable(0.3, np.array([sure, unsure] * 2000)), np.zeros(4000, dtype=np.int64))

    assert (told[0::2] != 0).mean() < 0.05 < 0.5 < (told[1::2] != 0).mean()


def features(rows: int = 4000) -> NDArray[np.float64]:
    return np.random.default_rng(7).standard_normal((rows, 8))


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.45, 0.9])
def test_instance_noise_errs_at_its_rate_within_three_standard_deviations(rate: float) -> None:
    truth = np.arange(4000) % 4
    told = answers(instance(rate, features(), 4, seed=1), truth)

    assert abs((told != truth).mean() - rate) < 3 * np.sqrt(rate * (1 - rate) / 4000)


def test_rows_with_equal_features_are_taken_for_the_same_class_and_others_for_others() -> None:
    same = answers(instance(1, np.tile(100 * features(1), (300, 1)), 4, seed=1), np.zeros(300, dtype=np.int64))
    apart = answers(instance(1, 100 * features(300), 4, seed=1), np.zeros(300, dtype=np.int64))

    assert len(set(same.tolist())) == 1
    assert set(apart.tolist()) == {1, 2, 3}


def test_rates_of_rows_have_the_rate_for_mean_and_stay_fractions() -> None:
    for mean in (0.0, 0.03, 0.5, 0.98, 1.0):
        drawn = [truncated_normal(mean, 0.1, (i + 0.5) / 999) for i in range(999)]
        assert np.mean(drawn) == pytest.approx(mean, abs=1e-9)
        assert all(max(0, 2 * mean - 1) <= value <= min(1, 2 * mean) for value in drawn)
        assert drawn == sorted(drawn)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: instance(0.2, np.zeros(4), 3, 0), r"needs features \[N, D\]; these are \(4,\)"),
        (
            lambda: instance(0.2, np.array([[0.0], [np.nan]]), 3, 0),
            "features of 1 of 2 rows are nan .* the first is row 1",
        ),
        (lambda: instance(20, np.zeros((4, 2)), 3, 0), "the noise rate is 20"),
        (lambda: instance(0.2, np.zeros((4, 2)), 3, 0)(4, 0), "row 4 was asked, and the noise knows the rows 0…3"),
        (lambda: instance(0.2, np.zeros((4, 2)), 3, 0)(3, 3), "row 3 has class 3, and the noise is for 0…2"),
        (lambda: confusable(0.2, np.zeros(4)), r"needs probabilities \[N, C\]; these are \(4,\)"),
        (lambda: confusable(0.2, np.ones((4, 2))), "4 of 4 rows are no probabilities; the first is row 0"),
        (lambda: confusable(-1, np.full((4, 2), 0.5)), "the noise rate is -1"),
        (lambda: confusable(0.1, np.full((4, 2), 0.5))(9, 0), "row 9 was asked"),
    ],
)
def test_noise_by_row_refuses_what_it_cannot_use(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


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


STATIC = {
    "transition": T,
    "instance": instance(0.3, features(300), 3, seed=1),
    "confusable": confusable(0.3, np.random.default_rng(0).dirichlet([1, 1, 1], size=300)),
}


@pytest.mark.parametrize("noise", STATIC.values(), ids=STATIC)
def test_asking_again_in_another_order_in_parts_or_after_a_restart_gives_the_same(
    noise: NDArray[np.float64] | ByRow,
) -> None:
    truth = np.arange(300) % 3
    before = truth.copy()
    whole = answers(noise, truth)
    assert 0 < (whole != truth).sum() < 200
    assert (truth == before).all()

    again = Noisy(Simulated(truth), noise, 0)
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


def test_a_class_of_probability_0_is_never_answered_though_a_row_sums_to_a_little_less_than_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Last:
        def random(self) -> float:
            return float(np.nextafter(1, 0))

    monkeypatch.setattr(np.random, "default_rng", lambda address: Last())
    short = np.array([[0.5, 0.5 - 9e-7, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])

    assert answers(short, np.array([0])).tolist() == [1]


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


# from a file


@pytest.mark.parametrize("path", ["", "nowhere.npy"])
def test_a_file_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=f"transition:{path} cannot be read.*No such file"):
        transition(path, 3)


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
