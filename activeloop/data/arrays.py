"""Arrays on disk: an .npz, an .npy, a directory of .npy files. No pickle is ever loaded."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activeloop.data.layouts import class_ids, standard
from activeloop.data.raw import Array, Part, Raw
from activeloop.errors import ConfigError

UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)  # what numpy raises on broken files


def read_npz(path: Path, scratch: Path, *, unlabelled: bool = False) -> Raw:
    """x_train, y_train, and perhaps x_test, y_test and `classes`, all in memory.

    unlabelled: y_train may be missing.    raises: ConfigError.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ConfigError(f"{path} is a single array, not an archive of arrays; name it .npy.")
            arrays = {name: file[name] for name in file.files}
    except UNREADABLE as error:
        raise _unreadable(path, "an .npz of plain arrays", error) from error
    return _raw(arrays, path, scratch, unlabelled)


def read_directory(path: Path, scratch: Path, *, unlabelled: bool = False) -> Raw:
    """The arrays of `read_npz` as single .npy files, memory-mapped."""
    arrays = {file.stem: open_map(file) for file in sorted(path.glob("*.npy"))}
    return _raw(arrays, path, scratch, unlabelled)


def read_npy(path: Path, scratch: Path) -> Raw:
    """A pool without labels, memory-mapped."""
    return Raw(Part(standard(open_map(path), str(path), scratch)))


def read_features(path: Path, scratch: Path) -> Array:
    """[M, D] float32, memory-mapped. raises: ConfigError."""
    features = open_map(path)
    if features.ndim != 2:
        raise ConfigError(f"the features {path} have the shape {features.shape}; they must be [N, D], a row per input.")
    return standard(features, str(path), scratch)


def open_map(path: Path) -> Array:
    """The array of an .npy file, mapped copy-on-write: torch takes it as it is, and the file cannot be changed."""
    try:
        return np.lib.format.open_memmap(path, mode="c")
    except UNREADABLE as error:
        raise _unreadable(path, "an .npy of plain numbers", error) from error


def labelled(inputs: NDArray[np.generic], labels: NDArray[np.generic], where: tuple[str, str], scratch: Path) -> Part:
    """Inputs and labels, checked. where: how messages call the two."""
    checked = standard(inputs, where[0], scratch)
    return Part(checked, class_ids(np.asarray(labels), len(checked), where[1]))


def _raw(arrays: Mapping[str, Array], path: Path, scratch: Path, unlabelled: bool) -> Raw:
    _check_names(arrays, path, unlabelled)
    classes = tuple(arrays["classes"].astype(str).ravel().tolist()) if "classes" in arrays else None
    pool = _part(arrays, "train", path, scratch)
    test = _part(arrays, "test", path, scratch) if "x_test" in arrays else None
    return Raw(pool, test, classes)


def _part(arrays: Mapping[str, Array], part: str, path: Path, scratch: Path) -> Part:
    x, y = f"x_{part}", f"y_{part}"
    if y not in arrays:
        return Part(standard(arrays[x], f"{x} in {path}", scratch))
    return labelled(arrays[x], arrays[y], (f"{x} in {path}", f"{y} in {path}"), scratch)


def _check_names(arrays: Mapping[str, Array], path: Path, unlabelled: bool) -> None:
    needed = {"x_train"} if unlabelled else {"x_train", "y_train"}
    if "x_test" in arrays or "y_test" in arrays:
        needed |= {"x_test", "y_test"}
    missing = sorted(needed - arrays.keys())
    if missing:
        raise ConfigError(
            f"{path} has no {', '.join(missing)}; it holds {', '.join(sorted(arrays)) or 'nothing'}."
            f" Needed are x_train and y_train, for a test set x_test and y_test; without y_train pass --classes."
        )


def _unreadable(path: Path, kind: str, error: Exception) -> ConfigError:
    if not path.exists():
        return ConfigError(f"there is no file {path}.")
    return ConfigError(f"{path} cannot be read as {kind} ({error}); write it again with numpy.save or numpy.savez.")
