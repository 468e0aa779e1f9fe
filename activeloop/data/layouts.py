"""From the layouts and dtypes that people save to the two that learners see, or a message that says why not."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from activeloop.data.scratch import chunks, float32
from activeloop.errors import ConfigError
from activeloop.types import Labels

PLANES = (1, 3, 4)  # grey, RGB, RGBA: a last axis this long holds channels
LAYOUTS = "[N, H, W], [N, H, W, 1|3|4], [N, channels, H, W] or [N, D]"


def standard(array: NDArray[np.generic], where: str, scratch: Path) -> NDArray[np.generic]:
    """The array as [N, channels, H, W] uint8 or float32, or as [N, D] float32; a view wherever it can be.

    where: how messages call the array.    scratch: folder for what float64 memory maps become.
    raises: ConfigError for no rows, another layout or dtype, nan, or infinite values.
    """
    if array.ndim == 0 or 0 in array.shape:
        raise ConfigError(f"{where} is empty: its shape is {array.shape}; it needs at least one row.")
    array = channels_first(array, where)
    if array.dtype == np.float64:
        array = float32(array, scratch)
    if array.dtype == np.float32:
        check_finite(cast(NDArray[np.float32], array), where)
    elif array.dtype != np.uint8 or array.ndim == 2:
        allowed = "float32 or float64" if array.ndim == 2 else "uint8, float32 or float64"
        raise ConfigError(
            f"{where} holds {array.dtype}, shape {array.shape}; allowed is {allowed}:"
            f" convert it with .astype(numpy.float32) and save it again."
        )
    return array


def channels_first(array: NDArray[np.generic], where: str) -> NDArray[np.generic]:
    """[N, D] as it is; images as a view [N, channels, H, W]. raises: ConfigError."""
    if array.ndim == 3:
        return array[:, None]
    if array.ndim == 4:
        return array.transpose(0, 3, 1, 2) if _channels_are_last(array.shape, where) else array
    if array.ndim != 2:
        raise ConfigError(f"{where} has {array.ndim} axes, shape {array.shape}; allowed are {LAYOUTS}.")
    return array


def _channels_are_last(shape: tuple[int, ...], where: str) -> bool:
    """Where both ends could be channels, the reading under which the images are square wins."""
    _, first, middle, last = shape
    if last not in PLANES or first not in PLANES:
        return last in PLANES
    if (first == middle) != (middle == last):
        return first == middle
    raise ConfigError(
        f"{where} has the shape {shape}: its channels may be the second axis or the last;"
        f" save it as [N, channels, H, W] with images larger than 4 x 4."
    )


def check_finite(array: NDArray[np.float32], where: str) -> None:
    """Reads every value once, a chunk at a time. raises: ConfigError counting the rows with nan or infinite values."""
    bad = [
        part.start + np.flatnonzero(~np.isfinite(array[part]).all(axis=tuple(range(1, array.ndim))))
        for part in chunks(array)
    ]
    rows = np.concatenate(bad)
    if len(rows):
        raise ConfigError(
            f"{len(rows):,} of {len(array):,} rows of {where} hold nan or infinite values; the first is row {rows[0]}."
            f" Remove or replace them and save the array again."
        )


def class_ids(labels: NDArray[np.generic], rows: int, where: str) -> Labels:
    """The labels as [N] int64. raises: ConfigError for another length, shape or dtype, or a negative label."""
    if labels.ndim == 2 and labels.shape[1] == 1:  # as Keras saves CIFAR
        labels = labels[:, 0]
    if labels.shape != (rows,):
        raise ConfigError(f"{where} has the shape {labels.shape} for {rows:,} inputs; it must be ({rows},).")
    if labels.dtype.kind not in "iu":
        raise ConfigError(f"{where} holds {labels.dtype}; labels are class numbers from 0: save integers.")
    ids = labels.astype(np.int64)
    if (ids < 0).any():
        row = int((ids < 0).argmax())
        raise ConfigError(
            f"{(ids < 0).sum():,} of {rows:,} labels in {where} are negative; the first is {ids[row]} in row {row}."
            f" Classes count from 0; where only some labels are known, leave {where} out and pass them with --labels."
        )
    return ids
