"""What is computed of shards: a folder of .npy files, one a shard, and a manifest that says which rows each holds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from activeloop.errors import ConfigError
from activeloop.store.cache import key_of
from activeloop.types import JSON

MANIFEST = "shards.json"
FORMAT = 1  # raise when the same key stands for other numbers, so that old shards are not taken


@dataclass(frozen=True)
class Manifest:
    """Which rows lie where: file k holds the rows from starts[k] on, up to starts[k + 1].

    key: of all that the numbers depend on.    says: what they are.
    """

    key: str
    says: str
    files: tuple[str, ...]
    starts: tuple[int, ...]


def key_for(seen: Mapping[str, JSON]) -> str:
    return key_of({"format": FORMAT, **seen})


def file_of(key: str, number: int) -> str:
    """Shards of another key have other names, so that a folder may hold what is left of an earlier command."""
    return f"{key[:8]}-{number:06d}.npy"


def manifest_of(folder: Path) -> Manifest:
    """raises: ConfigError."""
    path = folder / MANIFEST
    try:
        told = json.loads(path.read_text())
        return Manifest(told["key"], told["says"], tuple(told["files"]), (0, *accumulate(told["rows"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}); remove it, and the command that made the folder again."
        ) from error


def check_folder(folder: Path, key: str) -> bool:
    """Whether all shards of this key are there. raises: ConfigError where the folder holds those of another."""
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        return False
    if manifest_of(folder).key != key:
        raise ConfigError(
            f"{folder} holds shards of other data or settings ({manifest_of(folder).says}); choose another folder."
        )
    return True


def finish(folder: Path, key: str, says: str, ranges: Sequence[slice]) -> Manifest:
    """Says that all shards are there; before, the folder is none that can be read."""
    files = [file_of(key, at) for at in range(len(ranges))]
    rows = [part.stop - part.start for part in ranges]
    told = {"key": key, "says": says, "rows": rows, "files": files}
    _put(folder / MANIFEST, lambda path: path.write_text(json.dumps(told)))
    return manifest_of(folder)


def write_shard(path: Path, array: NDArray[np.generic]) -> None:
    """Whole or not at all, also where two processes write it at once: both write the same."""

    def save(draft: Path) -> None:
        with draft.open("wb") as file:
            np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)

    _put(path, save)


def _put(path: Path, write: Callable[[Path], object]) -> None:
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        write(draft)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
