"""What `load` promises for every source."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from activeloop.data.sources import load
from activeloop.errors import ConfigError, UnknownName

Save = Callable[..., Path]
IMAGES, LABELS = np.arange(100, dtype=np.uint8).repeat(16).reshape(100, 4, 4), np.arange(100) // 10


@pytest.fixture
def toy(archive: Save) -> str:
    """100 images, 10 of each class; image n holds n everywhere."""
    return str(archive(x_train=IMAGES, y_train=LABELS))


def rows(inputs: torch.Tensor) -> list[int]:
    return [int(row) for row in inputs[:, 0, 0, 0]]


def test_truth_stays_with_its_row_and_is_nowhere_in_the_data(toy: str) -> None:
    loaded = load(toy, imbalance=True)

    assert loaded.truth is not None
    assert loaded.truth.tolist() == LABELS[rows(loaded.data.inputs)].tolist()
    values = [getattr(loaded.data, field.name) for field in dataclasses.fields(loaded.data)]
    arrays = [value for value in values if isinstance(value, torch.Tensor)]
    assert [len(array) for array in arrays if len(array) == len(loaded.truth)] == [len(loaded.data.inputs)]
    assert not any(np.shares_memory(loaded.truth, np.asarray(array)) for array in arrays)


def test_paths_may_be_strings(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((30, 4, 4), np.uint8), y_train=np.arange(30) % 3)

    assert len(load("mnist", data_dir=str(tmp_path), cache=str(tmp_path), test_fraction=0).data) == 30


def test_the_same_seed_gives_the_same_split_and_another_seed_another(toy: str) -> None:
    first, again, other = (rows(load(toy, seed=seed).data.inputs) for seed in (0, 0, 1))

    assert first == again != other


def test_pool_and_test_set_share_no_row_and_lose_none(toy: str) -> None:
    loaded = load(toy, test_fraction=0.3)

    assert loaded.test is not None
    assert len(loaded.test.data) == 30
    assert sorted(rows(loaded.data.inputs) + rows(loaded.test.data.inputs)) == list(range(100))
    assert loaded.test.labels.tolist() == LABELS[rows(loaded.test.data.inputs)].tolist()


def test_a_fraction_of_zero_holds_nothing_out(toy: str) -> None:
    assert load(toy, test_fraction=0).test is None


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 20, float("nan")])
def test_another_fraction_is_refused(toy: str, fraction: float) -> None:
    with pytest.raises(ConfigError, match=r"the test fraction is .*; allowed is 0"):
        load(toy, test_fraction=fraction)


def test_the_test_set_is_seen_through_the_eyes_of_the_pool_and_never_augmented(toy: str) -> None:
    loaded = load(toy, augment=("crop", "flip"))

    assert loaded.test is not None
    assert loaded.data.augment is not None
    assert loaded.test.data.augment is None
    assert loaded.test.data.mean is loaded.data.mean
    assert loaded.test.data.std is loaded.data.std
    assert loaded.test.data.classes == loaded.data.classes


def test_the_mean_and_deviation_are_those_of_the_pool(toy: str) -> None:
    loaded = load(toy)

    batch = loaded.data.batch(np.arange(len(loaded.data)))
    torch.testing.assert_close(batch.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.std(correction=0), torch.tensor(1.0))


def test_imbalance_thins_half_of_the_classes_of_the_pool_and_spares_the_test_set(toy: str) -> None:
    even, uneven = load(toy), load(toy, imbalance=True)

    assert even.test is not None
    assert uneven.test is not None
    assert uneven.truth is not None
    assert even.test.labels.tolist() == uneven.test.labels.tolist()
    assert sorted(np.bincount(uneven.truth).tolist()) == [1] * 5 + [8] * 5


def test_known_labels_count_rows_of_the_source_and_follow_them_into_the_pool(toy: str, tmp_path: Path) -> None:
    (tmp_path / "L.csv").write_text("row,label\n" + "".join(f"{row},{row // 10}\n" for row in range(50)))

    loaded = load(toy, labels=tmp_path / "L.csv")

    assert loaded.known is not None
    expected = [row // 10 if row < 50 else -1 for row in rows(loaded.data.inputs)]
    assert loaded.known.tolist() == expected


def test_images_can_be_augmented_and_features_cannot(toy: str, names: Path, tmp_path: Path) -> None:
    data = load(toy, augment=["crop"]).data
    assert data.batch(np.arange(5), torch.Generator()).shape == (5, 1, 4, 4)

    np.save(tmp_path / "F.npy", np.zeros((4, 2), np.float32))
    with pytest.raises(ConfigError, match="crop need images; these inputs are features"):
        load(str(tmp_path / "F.npy"), classes=names, augment=["crop"])
    with pytest.raises(UnknownName, match="no augmentation is called 'cutmix'"):
        load(toy, augment=["cutmix"])


@pytest.mark.parametrize("source", ["/nowhere/images", "./cifar10", "names.txt"])
def test_a_path_that_is_no_source_is_refused(source: str, names: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(names.parent)

    with pytest.raises(ConfigError, match=rf"{source}"):
        load(source)


def test_an_image_size_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="the image size is 0; allowed is 1 pixel or more"):
        load("digits", image_size=0)


def test_importing_sources_imports_no_torch() -> None:
    code = "import sys, activeloop.data.sources; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"

    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0
