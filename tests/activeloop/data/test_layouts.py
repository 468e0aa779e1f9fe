"""What people save becomes one of two layouts, or a message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from activeloop.data.layouts import check_finite, class_ids, standard
from activeloop.errors import ConfigError


@pytest.mark.parametrize(
    ("saved", "seen"),
    [
        ((5, 8, 8), (5, 1, 8, 8)),
        ((5, 8, 9, 1), (5, 1, 8, 9)),
        ((5, 8, 9, 3), (5, 3, 8, 9)),
        ((5, 8, 9, 4), (5, 4, 8, 9)),
        ((5, 3, 8, 9), (5, 3, 8, 9)),
        ((5, 13, 8, 9), (5, 13, 8, 9)),
        ((5, 1, 4, 4), (5, 1, 4, 4)),  # both ends could be channels: the square reading wins
        ((5, 4, 4, 1), (5, 1, 4, 4)),
    ],
)
def test_every_layout_of_images_becomes_channels_first(
    saved: tuple[int, ...], seen: tuple[int, ...], tmp_path: Path
) -> None:
    assert standard(np.zeros(saved, np.uint8), "x", tmp_path).shape == seen


def test_channels_last_becomes_a_view_that_puts_every_pixel_in_its_place(tmp_path: Path) -> None:
    array = np.arange(2 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 5, 6, 3)

    view = standard(array, "x", tmp_path)

    assert np.shares_memory(view, array)
    assert view[1, 2, 3, 4] == array[1, 3, 4, 2]


def test_float64_becomes_float32_and_float32_is_not_touched(tmp_path: Path) -> None:
    kept = np.zeros((2, 3), np.float32)

    assert standard(np.zeros((2, 3)), "x", tmp_path).dtype == np.float32
    assert standard(kept, "x", tmp_path) is kept


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 8, 8), np.int64), r"x holds int64.*allowed is uint8, float32 or float64"),
        (np.zeros((4, 8), np.uint8), r"x holds uint8.*allowed is float32 or float64.*astype"),
        (np.zeros((4, 8), np.float16), r"x holds float16"),
        (np.zeros((4, 8), ">f4"), r"x holds >f4"),
        (np.zeros(4, np.float32), r"x has 1 axes, shape \(4,\); allowed are \[N, H, W\]"),
        (np.zeros((4, 2, 2, 2, 2), np.float32), r"x has 5 axes"),
        (np.zeros((0, 8, 8), np.uint8), r"x is empty"),
        (np.zeros((4, 0), np.float32), r"x is empty"),
        (np.zeros((4, 3, 3, 3), np.uint8), r"second axis or the last"),
        (np.full((4, 2), 1e300), r"4 of 4 rows of x hold nan or infinite"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_can(array: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        standard(array, "x", tmp_path)


def test_rows_with_nan_are_counted_over_all_chunks_and_the_first_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activeloop.data.scratch.CHUNK_BYTES", 24)  # two rows a chunk
    array = np.zeros((7, 3), np.float32)
    array[3] = np.nan
    array[6, 1] = -np.inf

    with pytest.raises(ConfigError, match=r"2 of 7 rows of F\.npy hold nan or infinite values; the first is row 3\."):
        check_finite(array, "F.npy")


def test_labels_may_stand_in_a_column() -> None:
    assert class_ids(np.array([[2], [0]], np.uint8), 2, "y").tolist() == [2, 0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(3, np.int64), r"y has the shape \(3,\) for 2 inputs"),
        (np.zeros((2, 10), np.int64), r"y has the shape \(2, 10\)"),
        (np.zeros(2), r"y holds float64.*save integers"),
        (np.array([0, -1]), r"1 of 2 labels in y are negative; the first is -1 in row 1\..*--labels"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(labels: np.ndarray, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        class_ids(labels, 2, "y")
