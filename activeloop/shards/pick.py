"""Scores and picks over a pool in parts, equal to those of one machine that sees all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop import inject, predictions
from activeloop.config import AcquireConfig
from activeloop.errors import ConfigError
from activeloop.evidence import NOT_BY_ROW, Plan, check
from activeloop.inject import needs
from activeloop.pick import check as check_scores
from activeloop.pick import pick
from activeloop.rng import rng
from activeloop.rounds import threads as threaded
from activeloop.selectors.k_center import k_center
from activeloop.selectors.k_center_sharded import Core, k_center_sharded, merged, split
from activeloop.shards.engines import Engine, serial
from activeloop.shards.store import check_folder, file_of, finish, key_for, write_shard
from activeloop.shards.tables import Table
from activeloop.types import OPEN, Labels, Rows

ROWS = 262_144  # of a shard: 10 MB of probabilities of ten classes
READ_BYTES = (
    2**26
)  # of evidence held at a time: a row of samples may be large, and a group of rows of Parquet is read whole
AT_ONCE = 8192  # rows among which labelled ones are looked for


def picks(
    strategy: str, tables: Mapping[str, Table], n: int, *, labels: Labels | None = None,
    options: Mapping[str, object] | None = None, how: AcquireConfig | None = None, seed: int = 0, threads: int = 1,
    rows: int = ROWS, engine: Engine = serial, scores: Path | None = None,
) -> Rows:  # fmt: skip
    """The n rows that `predictions.picks` gives for the same evidence in memory, in the same order.

    A function that scores does so shard by shard, and of each shard only rows that may be among the n come back (all
    scores, where `how` draws). A selector looks at all rows at once; `k-center-sharded` alone can do with shards, which
    are `rows` long unless its option `shards` says how many there are.

    tables:  evidence by name, the same rows in each.    rows: of a shard.
    scores:  folder for the scores, float64, a file a shard; those that are there from the same evidence are not computed.
    cost:    8 bytes a row here where scores tie or `how` draws; else that of what comes back.
    raises:  as `predictions.picks`; ConfigError for a strategy that needs all rows; and whatever the engine raises.
    """
    plan, how = predictions.plan_of(strategy, tables, options), how or AcquireConfig()
    count = predictions.rows_of(tables)
    held = predictions.checked_labels(labels, count, n)
    predictions.check_how(how)
    if rows < 1:
        raise ConfigError(f"a shard has {rows} rows; it must have 1 or more.")
    chance = rng(seed, 0, "select")
    with threaded(threads):
        if plan.function is k_center_sharded:
            return _k_center(plan, tables["features"], held, n, chance, rows, threads, engine)
        if plan.picks or "rng" in needs(plan.function):
            raise ConfigError(
                f"{strategy!r} looks at all rows at once, and these lie in parts. Take k-center-sharded or a function that"
                " scores, or bring arrays of one file each (.npy) and leave out --engine."
            )
        parts = _scored(plan, tables, held, n, how, rows, threads, engine, scores)
        if how.pick != "top" and how.pick != "diverse":
            free = held == OPEN
            every = np.zeros(count)
            every[free] = np.concatenate([part.scores for part in parts])
            return pick(every, free, n, chance, how=how.pick, beta=how.beta, shift=how.shift)
        return _top(parts, n, chance)


@dataclass(frozen=True, eq=False)
class _Best:
    """What comes back of a shard: its open rows that may be picked.

    rows: [k].    at: [k], their places among all open rows of the shard.    scores: [k].    free: open rows of the shard.
    """

    rows: Rows
    at: NDArray[np.int64]
    scores: NDArray[np.float64]
    free: int


@dataclass(frozen=True, eq=False)
class _Work:
    """n: rows that may come back of a shard, and those that tie with the last; None is all.    out, key: of the scores."""

    plan: Plan
    tables: Mapping[str, Table]
    n: int | None
    threads: int
    out: Path | None
    key: str


def _scored(
    plan: Plan, tables: Mapping[str, Table], held: Labels, n: int, how: AcquireConfig, size: int, threads: int,
    engine: Engine, out: Path | None,
) -> list[_Best]:  # fmt: skip
    """In the order of the shards."""
    ranges = list(split(len(held), size))
    seen = {name: tables[name].identity() for name in needs(plan.function) if name in tables}
    key = key_for(
        {"scores": plan.strategy, "options": repr(plan.options), "threads": threads, "of": seen, "rows": size}
    )
    if out is not None:
        check_folder(out, key)
    work = _Work(plan, tables, n if how.pick == "top" else None, threads, out and out.resolve(), key)
    items = [(at, part, held[part]) for at, part in enumerate(ranges)]
    found = dict(engine(partial(_score, work), items, threads=threads, shared=out))
    if out is not None:
        finish(out, key, f"scores of {plan.strategy}", ranges)
    return [found[at] for at in range(len(ranges))]


def _score(work: _Work, item: tuple[int, slice, Labels]) -> tuple[int, _Best]:
    number, rows, held = item
    path = None if work.out is None else work.out / file_of(work.key, number)
    if path is not None and path.exists():
        scores = np.load(path)
    else:
        with threaded(work.threads):
            scores = _scores(work, rows, held)
        if path is not None:
            write_shard(path, scores)
    free = held == OPEN
    check_scores(scores, free, 0, rows.start)
    at, scores = np.arange(int(free.sum())), scores[free]
    if work.n is not None and work.n < len(scores):
        least = np.partition(scores, len(scores) - work.n)[len(scores) - work.n]
        at = np.flatnonzero(scores >= least)
    return number, _Best(rows.start + np.flatnonzero(free)[at], at, scores[at], int(free.sum()))


def _scores(work: _Work, rows: slice, held: Labels) -> NDArray[np.float64]:
    """Of this range of rows, of which as many are read at a time as READ_BYTES hold."""
    wanted = [name for name in needs(work.plan.function) if name in work.tables]
    whole = {name: table.read(slice(0, len(table))) for name, table in work.tables.items() if name in NOT_BY_ROW}
    one = sum(work.tables[name].read(slice(rows.start, rows.start + 1)).nbytes for name in wanted if name not in whole)
    found = []
    for part in split(rows.stop - rows.start, max(1, READ_BYTES // max(1, one))):
        first = rows.start + part.start
        evidence = {
            name: work.tables[name].read(slice(first, rows.start + part.stop)) for name in wanted if name not in whole
        }
        found.append(
            predictions.scores(work.plan, {**evidence, **whole}, {"labels": torch.from_numpy(held[part])}, first)
        )
    return np.concatenate(found)


def _top(parts: Sequence[_Best], n: int, chance: Generator) -> Rows:
    """What `pick` gives: highest first, equals in the order that they have in a permutation of all open rows."""
    rows = np.concatenate([part.rows for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    before = np.cumsum([0, *(part.free for part in parts)])
    at = np.concatenate([start + part.at for start, part in zip(before, parts, strict=False)])
    least = np.partition(scores, len(scores) - n)[len(scores) - n]
    best = np.flatnonzero(scores >= least)
    turn = np.zeros(len(best), np.int64)
    if len(np.unique(scores[best])) < len(best):
        turn = _turns(at[best], int(before[-1]), chance)
    picked: Rows = rows[best[np.lexsort((turn, -scores[best]))[:n]]]
    return picked


def _turns(at: NDArray[np.int64], count: int, chance: Generator) -> NDArray[np.int64]:
    """Where these of `count` open rows stand in the permutation that `pick` draws."""
    order = chance.permutation(count)
    turn = np.empty(count, np.int64)
    turn[order] = np.arange(count)
    found: NDArray[np.int64] = turn[at]
    return found


def _k_center(
    plan: Plan, table: Table, held: Labels, n: int, chance: Generator, size: int, threads: int, engine: Engine
) -> Rows:
    options: dict[str, Any] = {**inject.options(k_center_sharded), **plan.options}
    if "shards" in plan.options:
        if options["shards"] < 1:
            raise ConfigError(f"option 'shards' of 'k-center-sharded' is {options['shards']}; allowed is 1 or more.")
        size = -(-len(held) // options["shards"])
    ranges = list(split(len(held), size))
    if len(ranges) == 1:
        features = _features(table, ranges[0])
        return k_center(features, torch.from_numpy(held), n, chance, metric=options["metric"]).numpy()

    def cores(choose: Callable[[int, Tensor, Tensor], Core]) -> Iterator[Core]:
        items = [(at, part, held[part]) for at, part in enumerate(ranges)]
        found = dict(engine(partial(_core, choose, table, threads), items, threads=threads))
        return (found[at] for at in range(len(ranges)))

    left = int((held == OPEN).sum())
    centres = _centres(table, held)
    picked: Rows = merged(
        cores, ranges, centres, left, n, chance, spare=options["spare"], metric=options["metric"]
    ).numpy()
    return picked


def _core(
    choose: Callable[[int, Tensor, Tensor], Core], table: Table, threads: int, item: tuple[int, slice, Labels]
) -> tuple[int, Core]:
    number, rows, held = item
    with threaded(threads):
        return number, choose(number, _features(table, rows), torch.from_numpy(held))


def _centres(table: Table, held: Labels) -> Tensor:
    """[L, D], the features of the labelled rows."""
    found = [_features(table, slice(0, 1))[:0]]
    for part in split(len(held), AT_ONCE):
        labelled = np.flatnonzero(held[part] >= 0)
        if len(labelled):
            found.append(_features(table, part)[torch.from_numpy(labelled)])
    return torch.cat(found)


def _features(table: Table, rows: slice) -> Tensor:
    """As `predictions.picks` shows them to a selector, checked."""
    value = torch.from_numpy(np.asarray(table.read(rows)))
    features = value.float() if value.dtype == torch.float16 else value
    check("features", features, np.arange(rows.start, rows.stop))
    return features
