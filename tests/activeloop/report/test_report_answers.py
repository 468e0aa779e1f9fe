from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from activeloop.report.answers import Accuracy, Answers, confident_joint, read_answers_of, tally, text, write_answers


def test_a_tally_counts_by_true_and_given_class() -> None:
    np.testing.assert_array_equal(tally(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2), [[1, 1], [0, 2]])


def test_the_confident_joint_by_hand() -> None:
    """Classes reach 0.6 = (0.9 + 0.8 + 0.1) / 3 and 0.7: row 2, given 0, is counted as 1; row 5, given 1, as nothing."""
    given = np.array([0, 0, 0, 1, 1, 1])
    first = np.array([0.9, 0.8, 0.1, 0.1, 0.3, 0.5])
    joint = confident_joint(given, np.stack([first, 1 - first], axis=1))

    np.testing.assert_allclose(joint, [[2 / 6, 0], [1 / 6, 3 / 6]])


def test_the_confident_joint_finds_the_noise_of_sure_predictions() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 3000)
    given = np.where(rng.random(3000) < 0.2, (true + 1) % 3, true)
    joint = confident_joint(given, np.eye(3)[true] * 0.97 + 0.01)

    assert joint is not None
    np.testing.assert_allclose(joint, tally(true, given, 3) / 3000, atol=1e-9)


def test_nothing_is_estimated_from_labels_of_one_class() -> None:
    assert confident_joint(np.zeros(3, dtype=np.int64), np.full((3, 2), 0.5)) is None


def run(strategy: str, seed: int, wrong: int) -> Answers:
    annotators = {"anna": Accuracy(100, 0.9, 0.88), "ben": Accuracy(50, 0.6, None)}
    return Answers(strategy, seed, ("cat", "dog"), [[50 - wrong, wrong], [0, 50]], [[0.4, 0.1], [0.0, 0.5]], annotators)


def test_the_text_names_rates_confusions_and_annotators_beside_their_estimates(tmp_path: Path) -> None:
    runs = [run("margin", 0, 10), run("margin", 1, 20), run("random", 0, 0)]
    for one in runs:
        write_answers(one, tmp_path / "truth" / f"{one.strategy}-s{one.seed}.json")
    found = [read_answers_of(tmp_path / "runs" / f"{one.strategy}-s{one.seed}")[0] for one in runs]
    read = [each for each in found if each is not None]
    said = text(read)

    assert [(each.wrong, each.told) for each in read] == [
        (pytest.approx(0.1), 100),
        (pytest.approx(0.2), 100),
        (pytest.approx(0), 100),
    ]
    assert "margin                     15.0% wrong   10.0% estimated  most: cat as dog 30%" in said
    assert "random                      0.0% wrong   10.0% estimated\n" in said
    assert "anna                       90.0% right   88.0% estimated  300 answers" in said
    assert "ben                        60.0% right       – estimated  150 answers" in said
    assert max(map(len, said.splitlines())) <= 130
    assert text([]) == ""
