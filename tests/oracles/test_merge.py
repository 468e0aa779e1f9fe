from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from oracles import dawid_skene, pair, symmetric
from oracles.merge import leading, vote


def answers_of(truth: NDArray[np.int64], confusions: list[NDArray[np.float64]], seed: int = 0) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return np.array([[rng.choice(len(each), p=each[label]) for each in confusions] for label in truth])


def plainly(answers: NDArray[np.int64], classes: int, rounds: int) -> list[list[float]]:
    """Dawid and Skene's equations, a sum at a time."""
    rows, many = answers.shape
    probs = [
        [sum(a == c for a in line) / sum(a >= 0 for a in line) for c in range(classes)] for line in answers.tolist()
    ]
    for _ in range(rounds):
        prior = [sum(line[c] for line in probs) / rows for c in range(classes)]
        pi = {}
        for a in range(many):
            for i in range(classes):
                for j in range(classes):
                    over = sum(probs[n][i] for n in range(rows) if answers[n, a] >= 0)
                    pi[a, i, j] = sum(probs[n][i] for n in range(rows) if answers[n, a] == j) / over
        joint = [
            [prior[i] * math.prod(pi[a, i, answers[n, a]] for a in range(many) if answers[n, a] >= 0)
             for i in range(classes)]
            for n in range(rows)
        ]  # fmt: skip
        probs = [[value / sum(line) for value in line] for line in joint]
    return probs


def test_a_vote_goes_to_the_greatest_weight_and_a_tie_to_one_of_the_tied_by_seed_and_row() -> None:
    assert vote([1, 2, 2], [1, 1, 1], 0, 0) == 2
    assert vote([1, 2, 2], [3, 1, 1], 0, 0) == 1
    tied = [vote([3, 1], [1, 1], 0, row) for row in range(400)]
    assert set(tied) == {1, 3}
    assert abs(tied.count(1) - 200) < 3 * math.sqrt(400 / 4)
    assert tied == [vote([1, 3], [1, 1], 0, row) for row in range(400)]
    assert leading([1, 2, 2], [1, 1, 1]) == ([2], pytest.approx(2 / 3))


def test_dawid_skene_by_hand_where_all_agree() -> None:
    merged = dawid_skene(np.array([[0, 0], [1, 1], [1, 1], [1, -1]]), 2)

    np.testing.assert_allclose(merged.probs, [[1, 0], [0, 1], [0, 1], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(merged.prior, [0.25, 0.75])
    np.testing.assert_allclose(merged.confusion, [np.eye(2), np.eye(2)], atol=1e-12)
    assert merged.log_likelihood == pytest.approx(math.log(0.25) + 3 * math.log(0.75))


def test_one_round_by_hand() -> None:
    """Votes give rows 0 and 1 to their class, and row 2 to both by halves; then P(0 | 0) is 1/1.5 for b, 1 for a."""
    merged = dawid_skene(np.array([[0, 0], [1, 1], [0, 1]]), 2, rounds=1)

    np.testing.assert_allclose(merged.confusion[0], [[1, 0], [1 / 3, 2 / 3]])
    np.testing.assert_allclose(merged.confusion[1], [[2 / 3, 1 / 3], [0, 1]])
    np.testing.assert_allclose(merged.probs[2], [0.5, 0.5])  # 1 x 1/3 against 1/3 x 1


@pytest.mark.parametrize("rounds", [1, 7])
def test_it_agrees_with_the_equations_written_out(rounds: int) -> None:
    truth = np.random.default_rng(5).integers(0, 3, 60)
    answers = answers_of(truth, [symmetric(0.2, 3), symmetric(0.4, 3), pair(0.3, 3), symmetric(0.5, 3)])
    answers[np.random.default_rng(6).random(answers.shape) < 0.2] = -1
    answers[(answers < 0).all(axis=1)] = 0

    np.testing.assert_allclose(dawid_skene(answers, 3, rounds=rounds).probs, plainly(answers, 3, rounds), atol=1e-12)


def test_no_round_makes_the_answers_less_likely() -> None:
    answers = answers_of(np.random.default_rng(5).integers(0, 3, 90), [symmetric(0.4, 3)] * 3)
    reached = [dawid_skene(answers, 3, rounds=rounds, tolerance=0).log_likelihood for rounds in range(1, 25)]

    assert all(after >= before - 1e-9 for before, after in itertools.pairwise(reached))


def test_simulated_confusions_are_recovered_and_the_merged_labels_beat_the_vote() -> None:
    truth = np.random.default_rng(1).integers(0, 3, 3000)
    true = [symmetric(0.1, 3), pair(0.4, 3), symmetric(0.5, 3), pair(0.4, 3).T]
    answers = answers_of(truth, true)
    merged = dawid_skene(answers, 3)

    np.testing.assert_allclose(merged.confusion, true, atol=0.06)
    by_vote = np.array([vote(line, [1] * 4, 0, row) for row, line in enumerate(answers.tolist())])
    assert (merged.probs.argmax(axis=1) == truth).mean() > (by_vote == truth).mean() + 0.03


def test_relabelling_classes_and_reordering_rows_and_annotators_changes_nothing_else() -> None:
    answers = answers_of(
        np.random.default_rng(5).integers(0, 3, 80), [symmetric(0.3, 3), pair(0.2, 3), symmetric(0.1, 3)]
    )
    plain = dawid_skene(answers, 3)
    rows, classes = np.random.default_rng(2).permutation(80), np.array([2, 0, 1])

    np.testing.assert_allclose(dawid_skene(answers[rows], 3).probs, plain.probs[rows], atol=1e-6)
    np.testing.assert_allclose(dawid_skene(answers[:, ::-1], 3).probs, plain.probs, atol=1e-6)
    np.testing.assert_allclose(dawid_skene(classes[answers], 3).probs[:, classes], plain.probs, atol=1e-6)


def test_a_row_without_answers_gets_the_prior_and_an_unseen_class_stays_possible_with_smoothing() -> None:
    merged = dawid_skene(np.array([[0, 0], [0, 0], [1, 1], [-1, -1]]), 3, smoothing=0.01)

    np.testing.assert_allclose(merged.probs[3], merged.prior)
    assert (merged.confusion > 0).all()
    np.testing.assert_allclose(merged.confusion.sum(axis=2), 1)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (np.zeros((0, 2), dtype=np.int64), r"answers are \(0, 2\)"),
        (np.zeros(3, dtype=np.int64), r"answers are \(3,\)"),
        (np.array([[0, 1], [0, 5]]), "annotator 1 answers 5 to row 1; classes are 0…2"),
    ],
)
def test_what_are_no_answers_is_refused(answers: NDArray[np.int64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dawid_skene(answers, 3)
