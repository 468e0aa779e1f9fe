"""Stopping rules replayed on finished runs: when each would have ended them, and what that would have cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activeloop.inject import options
from activeloop.report.curves import Record, plain_number, spent, spent_if_noted
from activeloop.report.statistics import Estimate, estimate
from activeloop.stop import RULES, looks_at_predictions
from activeloop.store import watched
from activeloop.store.journal import FILE, read


@dataclass(frozen=True)
class Stop:
    """A rule on one run. labels, value: where it would have ended; None where it never would.

    cost: of the answers by then, where they have one.    end_labels, end_value, end_cost: where the run did end.
    """

    seed: int
    labels: float | None
    value: float | None
    cost: float | None
    end_labels: float
    end_value: float
    end_cost: float | None


@dataclass(frozen=True)
class Replay:
    """A rule on the runs of one strategy.

    rule: its name and options, such as "plateau (window 3, gain 0.005)".
    stopped: how many of `runs` it would have ended.    labels, cost: mean over all of them; a run that it would not have
    ended counts with its end.    lost: what the metric got better from the stop to the end, so that more is worse
    whatever the metric; negative where going on did harm.
    """

    rule: str
    strategy: str
    runs: tuple[Stop, ...]
    stopped: int
    labels: Estimate | None
    cost: Estimate | None
    lost: Estimate | None


@dataclass(frozen=True, eq=False)
class _Rounds:
    """A run, a model at a time.    x, cost, values: [rounds].    predictions: [rounds, rows], None where none are kept."""

    seed: int
    x: Sequence[float]
    cost: Sequence[float] | None
    values: Sequence[float]
    predictions: NDArray[np.int64] | None


def replays(
    records: Sequence[Record], order: Sequence[str], metric: str, target: float, sign: float, x: str = "labels"
) -> tuple[Replay, ...]:
    """Every rule with its usual options, and the target, on the runs of each strategy, finished or not.

    Rules that look at predictions are replayed on the runs beside whose journal these lie: with stop.watch set, or after
    `Run.predictions`.
    target: in the metric's unit.    sign: 1 where more of it is better, -1 where less is.
    """
    runs: dict[str, list[_Rounds]] = {name: [] for name in order}
    for record in records:
        found = _rounds(record, metric, x)
        if found is not None:
            runs[record.strategy].append(found)
    replayed = []
    for rule in ("target", *RULES):
        for name in order:
            stops = [stop for run in runs[name] if (stop := _stop(run, rule, target, sign)) is not None]
            if stops:
                replayed.append(_replay(_in_words(rule, target), name, stops, sign))
    return tuple(replayed)


def _rounds(record: Record, metric: str, x: str) -> _Rounds | None:
    latest = {measure.round: measure for measure in record.state.measures if metric in measure.metrics}
    if not latest:
        return None
    measures = list(latest.values())
    by_round = spent(record) if x == "cost" else spent_if_noted(record)
    costs = None if by_round is None else [by_round[measure.round, measure.labels] for measure in measures]
    return _Rounds(
        seed=record.seed,
        x=costs if x == "cost" and costs is not None else [plain_number(measure.labels) for measure in measures],
        cost=costs,
        values=[measure.metrics[metric] for measure in measures],
        predictions=_predictions(record, [measure.round for measure in measures]),
    )


def _predictions(record: Record, rounds: Sequence[int]) -> NDArray[np.int64] | None:
    kept = watched.read(record.folder)
    if not kept:
        return None
    keys = watched.keys(list(read(record.folder / FILE)))
    found = [kept.get(keys[round]) for round in rounds if round < len(keys)]
    there = [classes for classes in found if classes is not None]
    return np.array(there) if len(there) == len(rounds) else None


def _stop(run: _Rounds, rule: str, target: float, sign: float) -> Stop | None:
    """Where the rule would have ended this run; None where it has nothing to look at."""
    if rule != "target" and looks_at_predictions(rule) and run.predictions is None:
        return None
    at = next((n for n in range(len(run.x)) if _ends(run, rule, n + 1, target, sign)), None)
    return Stop(
        seed=run.seed,
        labels=None if at is None else run.x[at],
        value=None if at is None else run.values[at],
        cost=None if at is None or run.cost is None else run.cost[at],
        end_labels=run.x[-1],
        end_value=run.values[-1],
        end_cost=None if run.cost is None else run.cost[-1],
    )


def _ends(run: _Rounds, rule: str, rounds: int, target: float, sign: float) -> bool:
    """Whether the rule ends a run that has seen so many rounds."""
    if rule == "target":
        return sign * run.values[rounds - 1] >= sign * target
    if looks_at_predictions(rule):
        assert run.predictions is not None
        return RULES[rule](run.predictions[:rounds])
    return RULES[rule]([sign * value for value in run.values[:rounds]])


def _replay(rule: str, strategy: str, stops: Sequence[Stop], sign: float) -> Replay:
    costs = [stop.end_cost if stop.cost is None else stop.cost for stop in stops]
    known = [cost for cost in costs if cost is not None]
    return Replay(
        rule=rule,
        strategy=strategy,
        runs=tuple(stops),
        stopped=sum(stop.labels is not None for stop in stops),
        labels=estimate([stop.end_labels if stop.labels is None else stop.labels for stop in stops]),
        cost=estimate(known) if len(known) == len(stops) else None,
        lost=estimate([0.0 if stop.value is None else sign * (stop.end_value - stop.value) for stop in stops]),
    )


def _in_words(rule: str, target: float) -> str:
    if rule == "target":
        return f"target {target:g}"
    return f"{rule} ({', '.join(f'{name} {value}' for name, value in options(RULES[rule]).items())})"
