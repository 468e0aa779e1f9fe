"""Data sets with a name: digits comes with scikit-learn, the others from an .npz or from torchvision's own files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from activeloop.data.arrays import labelled, read_npz
from activeloop.data.raw import Part, Raw
from activeloop.errors import ConfigError

# name -> torchvision's class, and where below the folder it looks for files
TORCHVISION = {
    "mnist": ("MNIST", "MNIST/raw/train-images-idx3-ubyte and its three siblings"),
    "fashion-mnist": ("FashionMNIST", "FashionMNIST/raw/train-images-idx3-ubyte and its three siblings"),
    "cifar10": ("CIFAR10", "cifar-10-batches-py/"),
    "cifar100": ("CIFAR100", "cifar-100-python/"),
    "svhn": ("SVHN", "train_32x32.mat and test_32x32.mat"),
}
NAMES = ("digits", *TORCHVISION)


def read_benchmark(name: str, data_dir: Path | None, download: bool, scratch: Path) -> Raw:
    """One of NAMES. `digits` needs no folder and has no test set of its own.

    raises: ConfigError where the files are not there, saying which would do.
    """
    if name == "digits":
        return _digits(scratch)
    if data_dir is None:
        raise ConfigError(f"{name!r} needs a folder to look in: pass --data-dir with one that holds {_wanted(name)}.")
    archive = data_dir / f"{name}.npz"
    return read_npz(archive, scratch) if archive.exists() else _torchvision(name, data_dir, download, scratch)


def _digits(scratch: Path) -> Raw:
    """1,797 images of 8 x 8 handwritten digits, values 0 to 16."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return Raw(labelled(digits.images.astype(np.uint8), digits.target, ("digits", "digits"), scratch))


def _torchvision(name: str, data_dir: Path, download: bool, scratch: Path) -> Raw:
    from torchvision import datasets

    maker = getattr(datasets, TORCHVISION[name][0])
    splits = ({"split": "train"}, {"split": "test"}) if name == "svhn" else ({"train": True}, {"train": False})
    try:
        pool, test = (maker(root=data_dir, download=download, **split) for split in splits)
    except (RuntimeError, OSError) as error:  # not there, damaged; no network
        raise _missing(name, data_dir, download, error) from error
    classes = getattr(pool, "classes", None)
    return Raw(_part(pool, name, scratch), _part(test, name, scratch), tuple(classes) if classes else None)


def _part(dataset: object, name: str, scratch: Path) -> Part:
    inputs = np.asarray(getattr(dataset, "data"))  # noqa: B009, torchvision's classes share no base that has these
    labels = np.asarray(getattr(dataset, "labels" if name == "svhn" else "targets"))
    return labelled(inputs, labels, (name, name), scratch)


def _wanted(name: str) -> str:
    return f"{name}.npz (x_train, y_train, x_test, y_test) or torchvision's files ({TORCHVISION[name][1]})"


def _missing(name: str, data_dir: Path, download: bool, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split())
    if download:
        return ConfigError(
            f"{name!r} could not be downloaded to {data_dir} ({reason}). Without a network, copy {_wanted(name)} there."
        )
    return ConfigError(
        f"{name!r} is not in {data_dir} ({reason}). Put {_wanted(name)} there,"
        f" or pass --download to let torchvision fetch it."
    )
