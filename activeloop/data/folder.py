"""A team's images: a flat folder, one folder a class, or train/ and test/ (or val/) with one folder a class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.data.decode import decode
from activeloop.data.pixels import SUFFIXES
from activeloop.data.raw import Array, Part, Raw
from activeloop.errors import ConfigError
from activeloop.types import Rows

TEST_FOLDERS = ("test", "val", "valid")


@dataclass(frozen=True)
class Listing:
    """The images of one part.

    files: paths relative to the source, sorted.    folders: the class folder of each; None where the part is flat.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...] | None

    def part(self, classes: tuple[str, ...], kept: Rows, images: Array) -> Part:
        """The files at the positions `kept`, with their labels."""
        names = tuple(self.files[at] for at in kept)
        if self.folders is None:
            return Part(images, None, names)
        ids = {name: number for number, name in enumerate(classes)}
        return Part(images, np.array([ids[self.folders[at]] for at in kept], dtype=np.int64), names)


def read_folder(
    root: Path, *, image_size: int | None, skip_unreadable: bool, cache: Path, has_features: bool = False
) -> Raw:
    """The images below `root`, decoded to one memory map, with the names of their folders as classes.

    Folders that begin with a dot, and files that are no images by their ending, are passed over. With features the
    images are not decoded, unless `skip_unreadable` asks which of them can be.
    raises: ConfigError.
    """
    pool, test = find(root)
    files = pool.files + (test.files if test else ())
    kept: Rows = np.arange(len(files))
    images: Array = np.empty((len(files), 0), np.float32)
    if not has_features or skip_unreadable:
        kept, images = decode(root, files, image_size=image_size, skip_unreadable=skip_unreadable, cache=cache)
    edge = int((kept < len(pool.files)).sum())  # the test set begins here
    if edge == 0:
        raise ConfigError(f"none of the {len(pool.files):,} images of the pool in {root} can be read.")
    classes = tuple(sorted({*(pool.folders or ()), *((test.folders if test else None) or ())}))
    held = None
    if test is not None and edge < len(kept):
        held = test.part(classes, kept[edge:] - len(pool.files), images[edge:])
    first = pool.part(classes, kept[:edge], images[:edge])
    return Raw(first, held, classes or None, names_show_labels=pool.folders is not None)


def find(root: Path) -> tuple[Listing, Listing | None]:
    """The images of the pool, and those of the test set where the folder has one. raises: ConfigError."""
    folders = sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith("."))
    test = next((name for name in TEST_FOLDERS if name in folders), None)
    if "train" not in folders or (test is None and len(folders) > 1):  # a class may be called train
        return _listing(root, ""), None
    unused = [name for name in folders if name not in ("train", test)]
    if unused:
        warnings.warn(f"{root}: train/ and {test}/ are used; left unused: {', '.join(unused)}.", stacklevel=2)
    if test is None:
        return _listing(root, "train"), None
    held = _listing(root, test)
    if held.folders is None:
        raise ConfigError(f"{root / test} has no class folders, so its labels are unknown; sort it, or move it away.")
    return _listing(root, "train"), held


def _listing(root: Path, part: str) -> Listing:
    folder = root / part
    inside = sorted(_images(folder))
    if not inside:
        raise ConfigError(
            f"{folder} holds no images ({' '.join(SUFFIXES)}) and no x_train.npy;"
            f" it holds {', '.join(sorted(os.listdir(folder))[:5]) or 'nothing'}."
        )
    files = tuple(f"{part}/{name}" if part else name for name in inside)
    loose = [name for name in inside if "/" not in name]
    if not loose:
        return Listing(files, tuple(name.split("/", 1)[0] for name in inside))
    if len(loose) < len(inside):
        nested = next(name for name in inside if "/" in name)
        raise ConfigError(
            f"{folder} holds images both loose ({loose[0]}) and in folders ({nested});"
            f" put all in one flat folder, or all in one folder a class."
        )
    return Listing(files, None)


def _images(folder: Path) -> Iterator[str]:
    """Paths relative to `folder`, with slashes, of the images in it and below it."""
    for where, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(where).relative_to(folder).as_posix()
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield name if below == "." else f"{below}/{name}"
