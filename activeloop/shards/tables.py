"""Rows on a disk that are read a range at a time: .npy files, Parquet, folders of images."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import IO, Protocol, TypeAlias

import numpy as np
from PIL.Image import Image

from activeloop.data import pixels
from activeloop.data.arrays import open_map
from activeloop.data.folder import find
from activeloop.data.raw import Array
from activeloop.errors import ConfigError
from activeloop.shards.parquet import column_of, read_column, row_groups
from activeloop.shards.store import MANIFEST, manifest_of
from activeloop.types import JSON

PARQUET = (".parquet", ".pq")

Source: TypeAlias = str | IO[bytes]  # an image's path, or the encoded image itself


class Table(Protocol):
    """N rows in their order. A table holds names alone, so that it travels to the process that reads from it."""

    @property
    def where(self) -> str: ...

    def __len__(self) -> int: ...

    def read(self, at: slice) -> Array:
        """[n, ...], the rows in this range. raises: ConfigError for what cannot be read."""

    def identity(self) -> JSON:
        """What changes when the files do: their names, sizes and times of change."""


@dataclass(frozen=True)
class Arrays:
    """.npy files one after the other.    starts: [files + 1], the number of the first row of each, and of all rows."""

    where: str
    files: tuple[str, ...]
    starts: tuple[int, ...]

    def __len__(self) -> int:
        return self.starts[-1]

    def read(self, at: slice) -> Array:
        parts = [open_map(Path(self.files[file]))[rows] for file, rows in _files(self.starts, at)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def identity(self) -> JSON:
        return _stamps(self.files)


@dataclass(frozen=True)
class Parquet:
    """One column of Parquet files: numbers, lists of them, or encoded images, which `plan` says how to decode."""

    where: str
    files: tuple[str, ...]
    starts: tuple[int, ...]
    column: str
    plan: pixels.Plan | None = None

    def __len__(self) -> int:
        return self.starts[-1]

    def read(self, at: slice) -> Array:
        parts = [read_column(self.files[file], self.column, rows) for file, rows in _files(self.starts, at)]
        if self.plan is None:
            return np.concatenate([np.asarray(part) for part in parts])
        images = [BytesIO(image) for part in parts for image in part]
        return _decoded(images, self.plan, self._named(at))

    def _named(self, at: slice) -> Sequence[str]:
        return [f"{self.where}, row {row}" for row in range(at.start, at.stop)]

    def identity(self) -> JSON:
        return [self.column, _plan_identity(self.plan), _stamps(self.files)]


@dataclass(frozen=True)
class Images:
    """Image files below the folder `where`, an image a row, uint8 [n, channels, H, W]."""

    where: str
    files: tuple[str, ...]
    plan: pixels.Plan

    def __len__(self) -> int:
        return len(self.files)

    def read(self, at: slice) -> Array:
        paths = [os.path.join(self.where, file) for file in self.files[at]]
        return _decoded(paths, self.plan, paths)

    def identity(self) -> JSON:
        return [_plan_identity(self.plan), _stamps(tuple(os.path.join(self.where, file) for file in self.files))]


class FoundColour(ConfigError):
    """A table whose first images are grey holds coloured ones."""


def open_table(place: Path, name: str = "", *, image_size: int | None = None) -> Table:
    """The rows that lie there: a .npy, a folder of shards that `activeloop embed` or `pick` wrote, a Parquet file or a
    folder of them, or a folder of images.

    name: the column of Parquet that is meant, where there are several.    image_size: as for `data.load`.
    raises: ConfigError.
    """
    if place.suffix == ".npy":
        return Arrays(str(place), (str(place.resolve()),), (0, len(open_map(place))))
    if (place / MANIFEST).exists():
        found = manifest_of(place)
        return Arrays(str(place), tuple(str(place.resolve() / file) for file in found.files), found.starts)
    if place.suffix in PARQUET or any(file.suffix in PARQUET for file in _inside(place)):
        return _parquet(place, name, image_size)
    if not place.is_dir():
        raise ConfigError(
            f"{place} is no place for a pool in parts, or is not there; allowed are an .npy, a Parquet file, or a folder of"
            " Parquet files, of images, or of shards that activeloop wrote."
        )
    listing, _ = find(place)
    files = listing.files
    return Images(str(place.resolve()), files, _plan(str(place.resolve() / files[0]), files[0], image_size))


def coloured(table: Table) -> Table:
    """The same table with images read as colour."""
    if isinstance(table, (Images, Parquet)) and table.plan is not None:
        return replace(table, plan=replace(table.plan, channels=3))
    return table


def _inside(place: Path) -> Sequence[Path]:
    return sorted(path for path in place.rglob("*") if path.suffix in PARQUET) if place.is_dir() else []


def _parquet(place: Path, name: str, image_size: int | None) -> Parquet:
    files = tuple(str(path.resolve()) for path in (_inside(place) if place.is_dir() else [place]))
    column, is_image = column_of(files[0], name)
    starts = (0, *accumulate(row_groups(file)[-1] for file in files))
    table = Parquet(str(place), files, starts, column)
    if starts[-1] == 0:
        raise ConfigError(f"{place} holds no rows.")
    if not is_image:
        return table
    first = BytesIO(next(read_column(files[file], column, rows)[0] for file, rows in _files(starts, slice(0, 1))))
    return replace(table, plan=_plan(first, f"{place}, row 0", image_size))


def _plan(source: Source, named: str, image_size: int | None) -> pixels.Plan:
    """What all images look like: as the first one does."""
    image = _open(source, named, image_size)
    channels = 1 if image.mode == "L" else 3
    return pixels.Plan("", named, channels, image.height, image.width, image_size is not None)


def _open(source: Source, named: str, image_size: int | None) -> Image:
    try:
        return pixels.open_image(source, image_size)
    except pixels.Unreadable as error:
        raise ConfigError(
            f"{named} cannot be read ({error}): remove or replace it. Rows of a pool in parts keep their numbers, so none can"
            " be left out."
        ) from error


def _decoded(images: Sequence[Source], plan: pixels.Plan, named: Sequence[str]) -> Array:
    """[n, channels, H, W] uint8. raises: ConfigError for another size, FoundColour."""
    found = np.empty((len(images), plan.channels, plan.height, plan.width), np.uint8)
    for at, source in enumerate(images):
        image = _open(source, named[at], plan.height if plan.squared else None)
        if (image.height, image.width) != (plan.height, plan.width):
            raise ConfigError(
                f"images differ in size: {plan.first} is {plan.height} x {plan.width}, {named[at]} is {image.height} x"
                f" {image.width} (height x width); pass --image-size, e.g. --image-size {min(plan.height, plan.width)}."
            )
        if plan.channels == 1 and image.mode == "RGB":
            raise FoundColour(
                f"{named[at]} is coloured, and the images looked at first are grey: save all in colour, or all in grey."
            )
        seen = np.asarray(image if plan.channels == 1 else image.convert("RGB"))
        found[at] = seen[None] if plan.channels == 1 else seen.transpose(2, 0, 1)
    return found


def _files(starts: Sequence[int], at: slice) -> Iterator[tuple[int, slice]]:
    """The files that a range of rows lies in, and which of their rows these are."""
    file = max(0, bisect_right(starts, at.start) - 1)
    while file < len(starts) - 1 and starts[file] < at.stop:
        rows = slice(max(at.start, starts[file]) - starts[file], min(at.stop, starts[file + 1]) - starts[file])
        if rows.stop > rows.start:
            yield file, rows
        file += 1


def _stamps(files: Sequence[str]) -> JSON:
    return [[file, os.stat(file).st_size, os.stat(file).st_mtime_ns] for file in files]


def _plan_identity(plan: pixels.Plan | None) -> JSON:
    return None if plan is None else [plan.channels, plan.height, plan.width, plan.squared]
