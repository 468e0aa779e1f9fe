"""A folder's images as one uint8 memory map: decoded once, in parallel, and kept in a cache."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activeloop.data.pixels import Plan, Problem, Unreadable, plan, write_images
from activeloop.data.scratch import chunks, make_room
from activeloop.errors import ConfigError
from activeloop.store.cache import alone
from activeloop.types import Rows

FILES_A_TASK = 128
ENOUGH_FOR_PROCESSES = 2000  # below, starting the processes takes longer than decoding
FORMAT = 1  # raise when the same files decode to other pixels, so that old caches are not taken


class _FoundColour(Exception):
    """A folder that began with grey images holds coloured ones."""


def decode(
    root: Path, files: Sequence[str], *, image_size: int | None, skip_unreadable: bool, cache: Path
) -> tuple[Rows, NDArray[np.uint8]]:
    """Positions of the readable files, and their images [n, channels, H, W] as a copy-on-write memory map.

    One channel if all images are grey, else RGB; transparency is dropped, photographs are turned upright. With
    `image_size` the shorter side is scaled to it and the centre is cut out. The cache knows the files by path, size and
    time of change, so a second call reads no image; a decode that is killed leaves no entry.

    files: relative to `root`.    raises: ConfigError for images of several sizes, or that cannot be read.
    """
    entry = cache / "images" / f"{_key(root, files, image_size)}.npy"
    if not entry.exists():
        make_room(entry.parent, (0,), np.uint8)  # says what is wrong with the folder
        with alone(entry):
            if not entry.exists():  # nor did another process make it while this one waited
                _build(entry, root, files, image_size, skip_unreadable)
    unreadable: dict[str, str] = json.loads(entry.with_suffix(".json").read_text())
    if unreadable and not skip_unreadable:
        raise _cannot_read(root, *next(iter(unreadable.items())))
    if unreadable:
        _warn(root, unreadable, len(files))
    return _readable(files, unreadable), np.load(entry, mmap_mode="c")


def _key(root: Path, files: Sequence[str], image_size: int | None) -> str:
    key = hashlib.sha256(repr((FORMAT, image_size)).encode())
    for file in files:
        key.update(os.fsencode(f"{file}\0{_stamp(root, file)}\0"))
    return key.hexdigest()[:32]


def _stamp(root: Path, file: str) -> tuple[int, int]:
    try:
        status = os.stat(os.path.join(root, file))
    except OSError:  # a dangling link: decoding reports it
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _cannot_read(root: Path, file: str, reason: str) -> ConfigError:
    return ConfigError(
        f"{root / file} cannot be read ({reason}); remove it, or pass --skip-unreadable to leave such images out."
    )


def _warn(root: Path, unreadable: dict[str, str], count: int) -> None:
    file, reason = next(iter(unreadable.items()))
    warnings.warn(
        f"{len(unreadable):,} of {count:,} images in {root} cannot be read and are left out;"
        f" the first is {file} ({reason}).",
        stacklevel=4,
    )


def _build(entry: Path, root: Path, files: Sequence[str], image_size: int | None, skip: bool) -> None:
    """Writes the cache entry: first what could not be read, then, as the last act, the images.

    A half-written `.partial` that a killed process left is replaced.
    """
    first, partial = _first_plan(root, files, image_size, skip), entry.with_suffix(".partial")
    try:
        try:
            unreadable = _fill(partial, files, first, skip)
        except _FoundColour:
            unreadable = _fill(partial, files, replace(first, channels=3), skip)
        if unreadable:
            _compact(partial, _readable(files, unreadable))
        entry.with_suffix(".json").write_text(json.dumps(unreadable))
        with partial.open("rb+") as images:
            os.fsync(images.fileno())  # the name must never reach the disk before the images do
        os.replace(partial, entry)
    finally:
        partial.unlink(missing_ok=True)
        partial.with_suffix(".compact").unlink(missing_ok=True)


def _first_plan(root: Path, files: Sequence[str], image_size: int | None, skip: bool) -> Plan:
    """The plan that the first readable image sets."""
    for file in files:
        try:
            return plan(root, file, image_size)
        except Unreadable as error:
            if not skip:
                raise _cannot_read(root, file, str(error)) from error
    raise ConfigError(f"none of the {len(files):,} images in {root} can be read; the first is {files[0]}.")


def _fill(partial: Path, files: Sequence[str], plan: Plan, skip: bool) -> dict[str, str]:
    """Decodes all files; returns the unreadable ones with the reason. raises: _FoundColour, ConfigError."""
    shape = (len(files), plan.channels, plan.height, plan.width)
    make_room(partial.parent, shape, np.uint8)
    partial.unlink(missing_ok=True)  # a process of a killed decode may still write to the old file
    np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    unreadable = {}
    with closing(_problems(partial, files, plan)) as problems:
        for problem in problems:
            if problem.kind == "colour":
                raise _FoundColour
            if problem.kind == "size":
                raise _sizes_differ(plan, problem)
            if not skip:
                raise _cannot_read(Path(plan.root), problem.file, problem.detail)
            unreadable[problem.file] = problem.detail
    return unreadable


def _problems(partial: Path, files: Sequence[str], plan: Plan) -> Generator[Problem]:
    """What goes wrong, in the order of the files, while processes decode and a bar shows how far they are."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    starts = range(0, len(files), FILES_A_TASK)
    tasks = (delayed(write_images)(partial, start, files[start : start + FILES_A_TASK], plan) for start in starts)
    jobs = -1 if len(files) >= ENOUGH_FOR_PROCESSES else 1
    with tqdm(total=len(files), desc="decoding", unit=" images", delay=1) as bar:
        with _closing(Parallel(n_jobs=jobs, return_as="generator")(tasks)) as results:
            for start, found in zip(starts, results, strict=True):
                yield from found
                bar.update(min(FILES_A_TASK, len(files) - start))


@contextmanager
def _closing(results: Generator[list[Problem]]) -> Iterator[Iterator[list[Problem]]]:
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # joblib is sorry that tasks were cancelled; they were meant to be
            results.close()


def _sizes_differ(plan: Plan, problem: Problem) -> ConfigError:
    return ConfigError(
        f"images differ in size: {plan.first} is {plan.height} x {plan.width}, {problem.file} is {problem.detail}"
        f" (height x width); pass --image-size, e.g. --image-size {min(plan.height, plan.width)},"
        f" to scale the shorter side and cut out the centre."
    )


def _readable(files: Sequence[str], unreadable: Container[str]) -> Rows:
    return np.array([at for at, file in enumerate(files) if file not in unreadable], dtype=np.int64)


def _compact(partial: Path, kept: Rows) -> None:
    """Closes the gaps that unreadable images left."""
    images, compact = np.load(partial, mmap_mode="r"), partial.with_suffix(".compact")
    target = np.lib.format.open_memmap(compact, mode="w+", dtype=np.uint8, shape=(len(kept), *images.shape[1:]))
    for part in chunks(target):
        target[part] = images[kept[part]]
    os.replace(compact, partial)
