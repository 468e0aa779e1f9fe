"""Named data sets are found without a network, or a message says what would help."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from activeloop.data.sources import load
from activeloop.errors import ConfigError, UnknownName


def write_idx(path: Path, array: np.ndarray) -> None:
    """An array of bytes in the format of MNIST: magic number, sizes, values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def test_digits_needs_no_folder_and_holds_out_a_stratified_fifth() -> None:
    loaded = load("digits")

    assert loaded.test is not None
    assert loaded.truth is not None
    assert (loaded.data.inputs.shape, loaded.test.data.inputs.shape) == ((1438, 1, 8, 8), (359, 1, 8, 8))
    assert (int(loaded.data.inputs.min()), int(loaded.data.inputs.max())) == (0, 16)
    assert str(loaded.data.inputs.dtype) == "torch.uint8"
    pool, test = np.bincount(loaded.truth), np.bincount(loaded.test.labels)
    assert (abs(test - (pool + test) * 359 / 1797) <= 1).all()


def test_a_benchmark_is_taken_from_an_npz_of_its_name(tmp_path: Path) -> None:
    images, labels = np.zeros((4, 32, 32, 3), np.uint8), np.array([0, 1, 2, 3])
    np.savez(tmp_path / "cifar10.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)

    loaded = load("cifar10", data_dir=tmp_path)

    assert loaded.data.inputs.shape == (4, 3, 32, 32)
    assert loaded.data.classes == ("0", "1", "2", "3")


def test_a_benchmark_is_taken_from_the_files_of_torchvision_with_its_class_names(tmp_path: Path) -> None:
    images, labels = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28), np.array([9, 0, 4], np.uint8)
    for part, rows in (("train", 3), ("t10k", 2)):
        write_idx(tmp_path / f"FashionMNIST/raw/{part}-images-idx3-ubyte", images[:rows])
        write_idx(tmp_path / f"FashionMNIST/raw/{part}-labels-idx1-ubyte", labels[:rows])

    loaded = load("fashion-mnist", data_dir=tmp_path)

    assert loaded.data.inputs.numpy()[:, 0].tolist() == images.tolist()
    assert loaded.data.classes[0] == "T-shirt/top"
    assert loaded.truth is not None
    assert loaded.truth.tolist() == [9, 0, 4]
    assert loaded.test is not None
    assert loaded.test.labels.tolist() == [9, 0]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "cifar100", "svhn"])
def test_a_benchmark_that_is_not_there_says_which_files_would_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"'{name}' is not in .*Put {name}\.npz \(x_train.*torchvision.*--download"):
        load(name, data_dir=tmp_path)


def test_a_benchmark_without_a_folder_asks_for_one() -> None:
    with pytest.raises(ConfigError, match=r"'svhn' needs a folder to look in: pass --data-dir .*train_32x32\.mat"):
        load("svhn")


def test_a_download_without_a_network_says_what_to_copy_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", offline)

    with pytest.raises(ConfigError, match=r"could not be downloaded to .*no route to host.*Without a network, copy"):
        load("cifar10", data_dir=tmp_path, download=True)


def test_an_unknown_name_is_met_with_the_nearest_and_all_allowed() -> None:
    with pytest.raises(UnknownName, match=r"'cifar-10'; did you mean 'cifar10'\? Allowed are digits, mnist"):
        load("cifar-10")


@pytest.mark.data
@pytest.mark.skipif("ACTIVELOOP_DATA" not in os.environ, reason="ACTIVELOOP_DATA names no folder with mnist.npz")
def test_mnist_has_the_published_size_mean_and_deviation() -> None:
    loaded = load("mnist", data_dir=Path(os.environ["ACTIVELOOP_DATA"]))

    assert loaded.test is not None
    assert (loaded.data.inputs.shape, len(loaded.test.data)) == ((60_000, 1, 28, 28), 10_000)
    assert float(loaded.data.mean) / 255 == pytest.approx(0.1307, abs=0.003)  # measured on 10,000 rows of 60,000
    assert float(loaded.data.std) / 255 == pytest.approx(0.3081, abs=0.003)
