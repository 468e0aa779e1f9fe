"""Memory maps on disk, and walking through arrays that do not fit into memory."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from activeloop.errors import ConfigError
from activeloop.store.cache import cache_folder as cache_folder
from activeloop.types import Rows

CHUNK_BYTES = 2**25  # 32 MiB: long enough to be fast, short enough to forget


def chunks(array: NDArray[np.generic]) -> Iterator[slice]:
    """Slices that cover the rows of `array` in order, about CHUNK_BYTES each."""
    step = max(1, CHUNK_BYTES // max(1, array.itemsize * math.prod(array.shape[1:])))
    for start in range(0, len(array), step):
        yield slice(start, min(start + step, len(array)))


def make_room(folder: Path, shape: tuple[int, ...], dtype: DTypeLike) -> None:
    """Makes the folder; raises ConfigError where an array of this shape does not fit on its disk.

    Without the check a full disk ends the process with SIGBUS at the first write to the map, and with no message.
    """
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ConfigError(
            f"the cache folder {folder} cannot be made or read ({error}); pass --cache with a folder you can write to."
        ) from error
    if needed > free:
        raise ConfigError(
            f"{shape} as {np.dtype(dtype)} needs {needed / 1e9:.1f} GB in {folder}, where {free / 1e9:.1f} GB are free;"
            f" pass --cache with a folder on a larger disk, or a smaller --image-size."
        )


def unnamed_map(folder: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[np.generic]:
    """A writable memory map whose file has no name any more: it goes when the process goes, killed or not."""
    make_room(folder, shape, dtype)
    handle, path = tempfile.mkstemp(prefix="unnamed.", dir=folder)
    try:
        return np.memmap(path, dtype=dtype, mode="w+", shape=shape)
    finally:
        os.close(handle)
        os.unlink(path)


def take(array: NDArray[np.generic], rows: Rows, folder: Path) -> NDArray[np.generic]:
    """The rows of an array in memory as a copy in memory, those of a memory map as an unnamed map in `folder`."""
    if not isinstance(array, np.memmap):
        return array[rows]
    taken = unnamed_map(folder, (len(rows), *array.shape[1:]), array.dtype)
    for part in chunks(taken):
        taken[part] = array[rows[part]]
    return taken


def float32(array: NDArray[np.generic], folder: Path) -> NDArray[np.float32]:
    """The array as float32, in memory or, where it was memory-mapped, in an unnamed map; too large becomes inf."""
    made = unnamed_map(folder, array.shape, np.float32) if isinstance(array, np.memmap) else np.empty(array.shape, "f4")
    with np.errstate(over="ignore"):  # the check for infinite values comes next and names the row
        for part in chunks(array):
            made[part] = array[part]
    return made.view(np.float32)
