"""A table of settings in which lists stand for alternatives -> the configurations of all combinations.

Every list is an axis, without exception, so that a file can be read by eye: `strategy = ["random", "margin"]` under
[acquire], `seed = [0, 1, 2]`, and alternatives of several settings at once as tables, `start = [{strategy = "random"},
{strategy = "k-center", size = 10}]`. A setting that takes a list itself is written as a list of such lists.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from activeloop.config import Config, build, fingerprint, put
from activeloop.errors import ConfigError

SEED = "seed"
LISTS = ("oracle", "data.augment")  # settings that take a list themselves, named where such an alternative is refused


@dataclass(frozen=True)
class Axis:
    """A key, dotted, and its alternatives in the order of the file."""

    key: str
    values: tuple[Any, ...]


def axes(table: Mapping[str, Any]) -> tuple[Axis, ...]:
    """The lists in a table of tables, in its order. raises: ConfigError for an empty one, or one that says a thing twice."""
    found: list[Axis] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            found += [Axis(f"{key}.{axis.key}", axis.values) for axis in axes(value)]
        elif isinstance(value, list | tuple):
            found.append(Axis(key, tuple(value)))
    for axis in found:
        if not axis.values:
            raise ConfigError(
                f"{axis.key} is an empty list, so there is nothing to run: in a sweep a list holds alternatives, and a"
                " setting that is an empty list is written [[]]."
            )
        twice = [text for text, count in Counter(map(repr, axis.values)).items() if count > 1]
        if twice:
            raise ConfigError(f"{axis.key} has {twice[0]} twice among its alternatives; name each once.")
    return tuple(found)


def grid(table: Mapping[str, Any]) -> list[Config]:
    """Every combination, seed by seed: at equal seeds all others stand together, so that they compare early.

    raises: ConfigError with the combination that cannot be, or where two are one and the same.
    """
    found = axes(table)
    slowest_first = sorted(found, key=lambda axis: axis.key != SEED)
    configs = [_built(table, slowest_first, values) for values in itertools.product(*(a.values for a in slowest_first))]
    different = len(set(map(identity, configs)))
    if different < len(configs):
        raise ConfigError(
            f"{len(configs)} combinations are only {different} different runs: some alternatives of"
            f" {', '.join(axis.key for axis in found)} come to the same. Leave out what is said twice; files of one name must"
            " be renamed."
        )
    return configs


def identity(config: Config) -> str:
    """8 hex digits, equal for equal runs: the fingerprint, and the names of the files and sources of its data.

    The fingerprint alone leaves out where data lie, since a journal holds their digest; a sweep may go over several.
    """
    places = [config.data.source, config.data.labels, config.data.features]
    names = [Path(place).name if place else "" for place in places]
    return hashlib.sha256("\n".join([fingerprint(config), *names]).encode()).hexdigest()[:8]


def kind_of(config: Config) -> str:
    """Equal for runs that differ in their seed alone."""
    return identity(replace(config, seed=0))


def run_name(config: Config) -> str:
    """The folder of a run in a sweep: "margin-s0-1a2b3c4d", the same however the grid grows."""
    strategy = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in config.acquire.strategy)
    return f"{strategy}-s{config.seed}-{identity(config)}"


def _built(table: Mapping[str, Any], found: Sequence[Axis], values: Sequence[Any]) -> Config:
    chosen = _copied(table)
    for axis, value in zip(found, values, strict=True):
        put(chosen, axis.key, value)
    try:
        return build(chosen)
    except ConfigError as error:
        which = ", ".join(f"{axis.key} = {value!r}" for axis, value in zip(found, values, strict=True))
        lists = [axis.key for axis in found if axis.key in LISTS]
        hint = (
            f" In a sweep a list holds alternatives: one that is a list itself is written {lists[0]} = [[…]]."
            if lists
            else ""
        )
        raise ConfigError(f"{error}{hint} This is of the run with {which}." if which else str(error)) from None


def _copied(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in table.items()}
