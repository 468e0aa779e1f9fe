"""Arrays on disk are taken as they are, or refused with what is missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from activeloop.data.arrays import open_map
from activeloop.data.sources import load
from activeloop.errors import ConfigError

Save = Callable[..., Path]
IMAGES, LABELS = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8), np.array([0, 1, 1, 2])


def is_mapped(tensor: torch.Tensor, path: Path) -> bool:
    """Whether the tensor's memory lies inside a mapping of the file."""
    spans = [
        line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line
    ]
    return any(int(start, 16) <= tensor.data_ptr() < int(end, 16) for start, end in spans)


def test_an_npz_gives_pool_truth_test_set_and_classes(archive: Save, tmp_path: Path) -> None:
    path = archive(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2], y_test=LABELS[:2], classes=["a", "b", "c"])

    loaded = load(str(path))

    assert loaded.data.inputs.shape == (4, 1, 8, 8)
    assert loaded.data.classes == ("a", "b", "c")
    assert loaded.truth is not None
    assert loaded.truth.tolist() == [0, 1, 1, 2]
    assert loaded.test is not None
    assert loaded.test.labels.tolist() == [0, 1]


def test_without_names_classes_are_numbered_up_to_the_largest_label_of_pool_and_test_set(archive: Save) -> None:
    path = archive(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:1], y_test=[3])

    assert load(str(path)).data.classes == ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": IMAGES, "labels": LABELS}, r"has no y_train; it holds labels, x_train\."),
        ({"images": IMAGES}, r"has no x_train, y_train; it holds images\."),
        ({}, r"it holds nothing"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}, r"has no y_test"),
        ({"x_train": IMAGES, "y_train": LABELS[:3]}, r"y_train in .*toy\.npz has the shape \(3,\) for 4 inputs"),
        (
            {"x_train": IMAGES, "y_train": LABELS, "classes": ["a", "b"]},
            r"1 of 4 labels in the pool of .* are no class; the first is 2 in row 3\. Allowed are 0 to 1",
        ),
        ({"x_train": IMAGES, "y_train": LABELS * 10**9}, r"holds the label 2,000,000,000"),
        ({"x_train": IMAGES, "y_train": LABELS * 0}, r"a single class"),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:, :7], "y_test": LABELS},
            r"rows of the test set are \(1, 7, 8\) torch\.uint8, those of the pool \(1, 8, 8\)",
        ),
        ({"x_train": np.array([{}, {}]), "y_train": [0, 1]}, r"cannot be read as an \.npz of plain arrays"),
    ],
)
def test_an_npz_that_cannot_be_used_says_why(arrays: dict[str, object], message: str, archive: Save) -> None:
    with pytest.raises(ConfigError, match=message):
        load(str(archive(**arrays)), test_fraction=0)


@pytest.mark.parametrize("name", ["broken.npz", "broken.npy"])
@pytest.mark.parametrize("content", [b"", b"not numpy's", b"PK\x03\x04 torn"])
def test_a_damaged_file_is_refused(name: str, content: bytes, tmp_path: Path, names: Path) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigError, match=r"broken\.np. cannot be read as an \.np"):
        load(str(tmp_path / name), classes=names)


def test_a_pool_without_labels_is_mapped_copy_on_write_and_never_copied(tmp_path: Path, names: Path) -> None:
    path = tmp_path / "pool.npy"
    np.save(path, np.zeros((64, 32, 32, 3), np.uint8))

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of memory that it must not write
        loaded = load(str(path), classes=names)

    assert loaded.truth is loaded.test is None
    assert loaded.data.inputs.shape == (64, 3, 32, 32)
    assert is_mapped(loaded.data.inputs, path)
    loaded.data.inputs[0] = 7
    assert np.load(path).max() == 0


def test_a_directory_of_arrays_is_mapped_too(tmp_path: Path) -> None:
    for name, array in {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}.items():
        np.save(tmp_path / f"{name}.npy", array)

    loaded = load(str(tmp_path))

    assert loaded.test is not None
    assert is_mapped(loaded.data.inputs, tmp_path / "x_train.npy")
    assert is_mapped(loaded.test.data.inputs, tmp_path / "x_test.npy")


def test_rows_held_out_of_a_map_stay_on_disk_and_leave_no_file(tmp_path: Path, cache: Path) -> None:
    np.save(tmp_path / "x_train.npy", np.arange(100 * 8 * 8, dtype=np.float32).reshape(100, 8, 8))
    np.save(tmp_path / "y_train.npy", np.arange(100) % 2)

    loaded = load(str(tmp_path))

    assert is_mapped(loaded.data.inputs, cache / "unnamed.")
    assert list(cache.iterdir()) == []
    first = loaded.data.inputs[:, 0, 0, 0] / 64  # the row each came from
    assert loaded.truth is not None
    assert (first.numpy() % 2 == loaded.truth).all()


def test_a_truncated_map_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((100, 8), np.float32))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-1])

    with pytest.raises(ConfigError, match=r"x\.npy cannot be read"):
        open_map(tmp_path / "x.npy")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"there is no file /nowhere/x\.npz\."):
        load("/nowhere/x.npz")


def test_an_archive_without_labels_is_a_pool_where_the_classes_are_given(archive: Save, names: Path) -> None:
    loaded = load(str(archive(x_train=IMAGES, x_test=IMAGES[:2], y_test=[0, 1])), classes=names)

    assert loaded.truth is None
    assert loaded.test is not None
    assert loaded.data.classes == ("cat", "dog")
