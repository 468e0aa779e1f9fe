"""Held-out rows keep the proportions of the classes; thinning leaves half of the classes alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from activeloop.data.raw import Part, Raw
from activeloop.data.split import held_out, split_off_test, thin, thinned
from activeloop.errors import ConfigError
from activeloop.rng import rng


@pytest.mark.parametrize("fraction", [0.001, 0.2, 1 / 3, 0.5, 0.99])
@pytest.mark.parametrize("seed", range(5))
def test_the_held_out_rows_are_distinct_and_as_many_as_asked_but_never_none_or_all(fraction: float, seed: int) -> None:
    rows = held_out(np.zeros(40, np.int64), fraction, rng(seed, 0, "split"))

    assert (np.diff(rows) > 0).all()
    assert 0 <= rows[0] <= rows[-1] < 40
    assert len(rows) == min(max(round(40 * fraction), 1), 39)


@pytest.mark.parametrize("seed", range(5))
def test_every_class_gives_its_share_to_within_one_row(seed: int) -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 7])

    counts = np.bincount(labels[held_out(labels, 0.2, rng(seed, 0, "split"))])

    assert (abs(counts - [20, 10, 1.4]) <= 1).all()


def test_every_row_is_held_out_equally_often() -> None:
    labels = np.repeat([0, 1], [9, 1])

    times = np.bincount(np.concatenate([held_out(labels, 0.2, rng(seed, 0, "split")) for seed in range(2000)]))

    assert (abs(times - 400) < 5 * np.sqrt(2000 * 0.2 * 0.8)).all()


def test_the_same_seed_holds_out_the_same_rows_and_another_seed_others() -> None:
    labels = np.zeros(100, np.int64)

    again, other = (held_out(labels, 0.2, rng(seed, 0, "split")) for seed in (0, 1))

    assert again.tolist() == held_out(labels, 0.2, rng(0, 0, "split")).tolist() != other.tolist()


def test_inputs_and_labels_are_split_alike(tmp_path: Path) -> None:
    raw = Raw(Part(np.arange(10, dtype=np.float32)[:, None], np.arange(10)))

    split = split_off_test(raw, 0, 0.2, tmp_path)

    assert split.test is not None
    for part in (split.pool, split.test):
        assert part.inputs[:, 0].tolist() == list(part.labels if part.labels is not None else ())
    assert sorted([*split.pool.inputs[:, 0], *split.test.inputs[:, 0]]) == list(range(10))


def test_one_row_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--test-fraction 0"):
        split_off_test(Raw(Part(np.zeros((1, 1), np.float32), np.zeros(1, np.int64))), 0, 0.2, tmp_path)


def test_half_of_the_classes_keep_a_tenth_of_their_rows_and_the_others_all() -> None:
    labels = np.arange(500) % 5

    counts = np.bincount(labels[thinned(labels, 5, rng(0, 0, "imbalance"))])

    assert sorted(counts.tolist()) == [10, 10, 100, 100, 100]


def test_a_rare_class_keeps_at_least_one_row_and_a_class_without_rows_does_no_harm() -> None:
    labels = np.array([0, 1, 1, 0])

    for seed in range(10):
        assert set(labels[thinned(labels, 3, rng(seed, 0, "imbalance"))]) == {0, 1}


def test_which_classes_become_rare_depends_on_the_seed() -> None:
    labels = np.arange(100) % 10

    rare = {tuple(np.bincount(labels[thinned(labels, 10, rng(seed, 0, "imbalance"))]) == 1) for seed in range(5)}

    assert len(rare) > 1


def test_rows_of_unknown_classes_cannot_be_thinned(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="true class, which is unknown"):
        thin(Raw(Part(np.zeros((3, 1), np.float32))), 2, 0, tmp_path)
