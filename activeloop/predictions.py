"""Scores and picks from evidence of one's own, such as the predictions of a model that was trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from activeloop import catalogue
from activeloop.config import AcquireConfig
from activeloop.errors import ConfigError, MissingEvidence, UnknownName, nearest
from activeloop.evidence import GIVEN, NOT_BY_ROW, VOCABULARY, Plan, check
from activeloop.inject import checked_options, needs
from activeloop.rng import rng
from activeloop.rounds import Seen, choose, in_chunks
from activeloop.rounds import threads as threaded
from activeloop.types import OPEN, Labels, Rows

ARRAYS = tuple(name for name in VOCABULARY if name not in GIVEN)  # evidence that can be brought as an array
Arrays = Mapping[str, NDArray[Any]]


def score(
    strategy: str, evidence: Arrays, *, options: Mapping[str, object] | None = None, threads: int = 1
) -> NDArray[np.float64]:
    """The score of every row by an acquisition function, high = ask first.

        score("margin", {"probs": np.load("probs.npy", mmap_mode="c")})

    evidence: name -> array, rows of the pool first, of the shape that the function's docstring says. Of a memory map a chunk
    of rows is held at a time, 32 MB at most.    threads: sums may change with it.
    returns:  [N].
    raises:   UnknownName, MissingEvidence; ConfigError for arrays of different lengths, and for a function that picks rows
              itself; BadScores for evidence that breaks its contract.
    """
    plan = plan_of(strategy, evidence, options)
    if plan.picks:
        raise ConfigError(f"{strategy!r} picks rows itself and gives no scores: use `picks`.")
    with threaded(threads):
        return scores(plan, evidence, {"labels": torch.full((rows_of(evidence),), OPEN)})


def picks(
    strategy: str, evidence: Arrays, n: int, *, labels: Labels | None = None,
    options: Mapping[str, object] | None = None, how: AcquireConfig | None = None, seed: int = 0,
    threads: int = 1,
) -> Rows:  # fmt: skip
    """The n rows that a strategy picks by this evidence, in its order.

    strategy: an acquisition function or a selector; the latter looks at all rows at once.    evidence, options: as for `score`.
    labels:   [N], 0 or more where labelled, -1 open, -2 skipped; all are open where it is left out.
    how:      pick, beta and shift, for a function that scores.
    raises:   as `score`; ConfigError for n and labels.
    """
    plan, how, count = plan_of(strategy, evidence, options), how or AcquireConfig(), rows_of(evidence)
    held = checked_labels(labels, count, n)
    check_how(how)
    hand = {"rows": np.arange(count), "labels": torch.from_numpy(held), "n": n, "rng": rng(seed, 0, "select")}
    with threaded(threads):
        if plan.picks:
            seen = Seen(part_of(plan, evidence, hand, slice(0, count)), None, {})
        else:
            seen = Seen(None, scores(plan, evidence, hand), {})
        return choose(plan, how, seen, hand)


def checked_labels(labels: Labels | None, count: int, n: int) -> Labels:
    """[N], all open where they are left out. raises: ConfigError for another shape, and for more picks than open rows."""
    held = np.full(count, OPEN) if labels is None else np.asarray(labels)
    free = int((held == OPEN).sum())
    if held.shape != (count,):
        raise ConfigError(f"labels have the shape {held.shape}, and the evidence is of {count:,} rows: give one a row.")
    if not 1 <= n <= free:
        raise ConfigError(f"-n is {n}; {free:,} of the {count:,} rows are open, so ask for 1 to {free:,}.")
    return held


def check_how(how: AcquireConfig) -> None:
    if how.pick == "diverse":
        raise ConfigError("pick 'diverse' needs a run around it; here, take a selector that spreads, such as badge.")


def plan_of(strategy: str, evidence: Mapping[str, Sized], options: Mapping[str, object] | None) -> Plan:
    """The function with nothing to compute before it, if all that it asks for is here."""
    function = catalogue.find_strategy(strategy)
    for name in evidence:
        if name not in ARRAYS:
            raise UnknownName(f"no evidence is called {name!r}{nearest(name, ARRAYS)} Evidence: {', '.join(ARRAYS)}.")
    missing = [name for name in needs(function) if name not in (*GIVEN, *evidence)]
    if missing:
        asked = ", ".join(name for name in needs(function) if name not in GIVEN)
        raise MissingEvidence(
            f"{strategy!r} looks at {asked}, and there is no {missing[0]!r}: bring it as an array, rows of the pool first; or"
            " let a run compute it."
        )
    return Plan(strategy, function, checked_options(function, options or {}, strategy), ())


def rows_of(evidence: Mapping[str, Sized]) -> int:
    """How many rows the evidence is of. raises: ConfigError where that differs."""
    lengths = {name: len(array) for name, array in evidence.items() if name not in NOT_BY_ROW}
    if len(set(lengths.values())) != 1:
        said = ", ".join(f"{name} {length:,}" for name, length in lengths.items()) or "no array with a row for each"
        raise ConfigError(f"the evidence is of different pools: {said}. Give every array one entry for each row.")
    return next(iter(lengths.values()))


def scores(plan: Plan, evidence: Arrays, hand: Mapping[str, Any], first: int = 0) -> NDArray[np.float64]:
    """[n], what `score` gives, by as many threads as are set.

    hand: labels [n], and whatever else of GIVEN the function asks for.    first: the number of the first row.
    """
    return in_chunks(plan, lambda at: part_of(plan, evidence, hand, at, first), rows_of(evidence))


def part_of(plan: Plan, evidence: Arrays, hand: Mapping[str, Any], at: slice, first: int = 0) -> dict[str, Any]:
    """What the function asks for, of the rows in `at`, checked."""
    rows = np.arange(first + at.start, first + at.stop)
    found: dict[str, Any] = {**hand, "rows": rows, **({"labels": hand["labels"][at]} if "labels" in hand else {})}
    for name in needs(plan.function):
        if name in evidence:
            array = evidence[name] if name in NOT_BY_ROW else evidence[name][at]
            value = torch.from_numpy(np.asarray(array))
            found[name] = value.float() if value.dtype == torch.float16 else value
            check(name, found[name], rows)
    return {name: found[name] for name in needs(plan.function)}
