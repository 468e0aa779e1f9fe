"""Seeding the pool: which rows to ask before there is a model."""

from __future__ import annotations

import csv
import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from activeloop.config import Config
from activeloop.errors import ConfigError
from activeloop.fold import State
from activeloop.rng import rng
from activeloop.rounds import Setup, at_hand, candidates, choose, is_special, look, of_pool
from activeloop.store.cache import Cache, content, key_of
from activeloop.types import JSON, OPEN, Data, Labels, Noted, Rows

SHARED = 5_000  # rows from which on a selector takes longer than to look up what it picked


def next_start_rows(setup: Setup, state: State) -> Rows | None:
    """The rows of the next start query; None once the start is done."""
    name, _, argument = setup.config.start.strategy.partition(":")
    begun = sum(query.use == "start" for query in state.queries)
    left = max(0, setup.config.budget - state.told)
    if name == "balanced":
        return _balanced(state, _count(argument), setup.config.seed, left)
    if begun and (state.training >= 0).any():
        return None
    if begun and (left == 0 or not len(state.pickable)):
        raise ConfigError("every row of the start was skipped, so there is nothing to train on: answer some of them.")
    if name == "rows":
        rows = _from_file(Path(argument), setup.data, state, left)
        if len(rows) or (state.training >= 0).any():
            return rows if len(rows) else None  # all of them were known already
        raise ConfigError(
            f"every row that start {setup.config.start.strategy} lists was skipped, so there is nothing to train on: label"
            " some by `revise`, or start another run."
        )
    return _selected(setup, state, begun, min(setup.config.start.size, left, len(state.pickable)))


def check_start(setup: Setup, known: Labels | None) -> None:
    """Refuse a start balanced:K or rows:FILE that cannot be, before a folder is made for the run."""
    if not is_special(setup.config.start.strategy):
        return
    labels = np.full(len(setup.data), OPEN, dtype=np.int64) if known is None else known
    nobody = np.zeros(len(labels), dtype=np.bool_)
    config = setup.config
    rest = dataclasses.replace(config, budget=config.budget - config.validation, validation=0)
    next_start_rows(
        dataclasses.replace(setup, config=rest), State({}, "", "", setup.data.classes, labels, labels >= 0, nobody)
    )


def check_classes(state: State, config: Config) -> None:
    """Warn where the initial set lacks a class. raises: ConfigError if `start.all_classes` asks for all."""
    missing = [name for label, name in enumerate(state.classes) if not (state.training == label).any()]
    if not missing:
        return
    what = (
        f"the initial set holds no label of {len(missing)} of {len(state.classes)} classes ({', '.join(missing[:5])})"
    )
    remedy = "a larger start (--initial) or --start balanced:K would reach them"
    if config.start.all_classes:
        raise ConfigError(f"{what}, and start.all_classes is set; {remedy}.")
    warnings.warn(f"{what}; {remedy}.", stacklevel=2)


def _selected(setup: Setup, state: State, begun: int, n: int) -> Rows | None:
    if n == 0 and (state.training >= 0).any():
        return None
    if n == 0:
        raise ConfigError("start.size (--initial) is 0 and no label is known: give some (--labels), or a size above 0.")
    assert setup.start is not None
    config, plan = setup.config, setup.start
    rows = candidates(config, plan, state.training, state.pickable, 0)
    given = of_pool(config, setup.data, state.training)

    def picked() -> Rows:
        hand = at_hand(given, rows, state.blocked, n, rng(config.seed, begun, "start"))
        return choose(plan, config.acquire, look(plan, hand), hand)

    is_ours = ":" not in config.start.strategy + "".join(
        config.start.bind.values()
    )  # others change as they are written
    if len(rows) < SHARED or not plan.steps or not is_ours:
        return picked()
    return _shared(given["cache"], setup, state, (begun, n), picked)


def _shared(cache: Cache, setup: Setup, state: State, which: tuple[int, int], picked: Callable[[], Rows]) -> Rows:
    """What runs that start alike pick, computed by the first of them: strategies at equal seed, say."""
    config, data = setup.config, setup.data
    seen = [data.inputs, *(() if data.features is None else (data.features,))]
    parts: dict[str, JSON] = {
        "format": 1, "what": "start", "which": list(which), "start": repr(config.start), "features": config.data.features,
        "seed": config.seed, "candidates": config.candidates, "threads": config.threads, "device": data.inputs.device.type,
        "data": [content(each) for each in (*seen, torch.from_numpy(state.training), torch.from_numpy(state.blocked))],
    }  # fmt: skip
    key = key_of(parts)
    with cache.alone(key):
        found = cache.recall(key)
        if found is None:
            found = Noted(torch.from_numpy(np.asarray(picked(), dtype=np.int64)), {})
            cache.keep(key, found)
    rows: Rows = found.value.numpy()
    return rows


def _balanced(state: State, each: int, seed: int, left: int) -> Rows | None:
    """Rows in a random order until every class has `each` labels.

    As many at a time as labels lack: no fewer can do, so the rows asked are those that asking one by one would give.
    """
    held = np.bincount(state.training[state.training >= 0], minlength=len(state.classes))
    lacking = int(np.maximum(each - held, 0).sum())
    if lacking == 0:
        return None
    if lacking > min(left, len(state.pickable)):  # said at once, before labels are bought that cannot suffice
        short = [name for name, count in zip(state.classes, held, strict=True) if count < each]
        raise ConfigError(
            f"balanced:{each} is out of {'budget' if lacking > left else 'rows'} with too few labels of {', '.join(short[:5])}"
            f" ({len(short)} of {len(state.classes)} classes): raise the budget, lower K, or use another start."
        )
    order = rng(seed, 0, "start").permutation(len(state.labels))
    is_open = np.isin(order, state.pickable)
    return order[is_open][:lacking]


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"start balanced:{text} needs a whole number of labels per class, such as balanced:2.")
    return int(text)


def _from_file(path: Path, data: Data, state: State, left: int) -> Rows:
    """The rows of a CSV with a column `row`, numbered as in the source, as `activeloop select` writes it."""
    rows = _listed(path)
    numbers = np.arange(len(state.labels)) if data.source_rows is None else data.source_rows
    places = {number: row for row, number in enumerate(numbers.tolist())}
    apart = [row for row in rows if row not in places]
    if apart or len(set(rows)) < len(rows) or not rows:
        raise ConfigError(
            f"start rows:{path} has {len(rows)} rows, {len(set(rows))} different, {len(apart)} outside the pool"
            f"{f' (first {apart[0]})' if apart else ''}: list each of its rows, numbered {numbers[0]}…{numbers[-1]}, at most"
            f" once.{_held_out(data)}"
        )
    if len(rows) > left:
        raise ConfigError(f"start rows:{path} lists {len(rows)} rows, more than the budget leaves ({left}).")
    open_rows = set(state.pickable.tolist())
    return np.array([places[row] for row in rows if places[row] in open_rows], dtype=np.int64)


def _listed(path: Path) -> list[int]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:  # spreadsheets put a byte order mark in front
            return [int(line["row"]) for line in csv.DictReader(lines)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"start rows:{path} cannot be read ({error}); it is a CSV with the column row.") from error


def _held_out(data: Data) -> str:
    if data.source_rows is None:
        return ""
    return (
        " Of this source some rows were held out as the test set, or dropped by --imbalance: bring a test set of your own, or"
        " set --test-fraction 0 and --validation."
    )
