"""Which classes there are, and what number each has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from activeloop.data.raw import Part, Raw
from activeloop.errors import ConfigError, nearest
from activeloop.types import Labels

MOST_CLASSES = 50_000  # twice what ImageNet-21k has; a larger label is no class number


def settle(raw: Raw, given: tuple[str, ...] | None, source: str) -> tuple[Raw, tuple[str, ...]]:
    """The source with labels as positions in the final class names, and these names.

    The names that a team gives set the order and may hold more classes than were seen yet; else the source's own count,
    else "0" to the largest label. raises: ConfigError.
    """
    own = raw.classes or given or _counted(raw, source)
    if len(own) < 2:
        raise ConfigError(
            f"{source} has a single class, {own[0]!r}; at least 2 are needed. If these images are not labelled,"
            f" name the folder that holds them directly and pass --classes names.txt."
        )
    for part, what in ((raw.pool, "the pool"), (raw.test, "the test set")):
        if part is not None and part.labels is not None:
            _check_range(part.labels, len(own), f"{what} of {source}")
    if given is None or given == own:
        return raw, own
    numbers = _numbers(own, given, source)
    test = None if raw.test is None else _renumbered(raw.test, numbers)
    return replace(raw, pool=_renumbered(raw.pool, numbers), test=test), given


def _counted(raw: Raw, source: str) -> tuple[str, ...]:
    if raw.pool.labels is None:
        raise ConfigError(
            f"{source} has no labels, so nothing says which classes there are:"
            f" pass --classes names.txt with one class name a line."
        )
    most = max(int(part.labels.max()) for part in (raw.pool, raw.test) if part is not None and part.labels is not None)
    if most >= MOST_CLASSES:
        raise ConfigError(
            f"{source} holds the label {most:,}; class numbers go from 0 to {MOST_CLASSES - 1:,} at most."
        )
    return tuple(str(number) for number in range(most + 1))


def _check_range(labels: Labels, count: int, where: str) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= count))
    if len(wrong):
        raise ConfigError(
            f"{len(wrong):,} of {len(labels):,} labels in {where} are no class; the first is {labels[wrong[0]]}"
            f" in row {wrong[0]}. Allowed are 0 to {count - 1}, as there are {count} class names."
        )


def _numbers(own: Sequence[str], given: Sequence[str], source: str) -> Labels:
    """[C of the source], the number that each of its classes has among the given names."""
    for name in own:
        if name not in given:
            raise ConfigError(
                f"{source} has the class {name!r}, which the file of class names lacks{nearest(name, given)}"
                f" It must name all of: {', '.join(own)}."
            )
    return np.array([given.index(name) for name in own], dtype=np.int64)


def _renumbered(part: Part, numbers: Labels) -> Part:
    return part if part.labels is None else replace(part, labels=numbers[part.labels])
