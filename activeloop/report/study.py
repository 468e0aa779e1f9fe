"""Everything that a report says of some runs, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from activeloop.report.conditions import Condition
from activeloop.report.curves import by_cost, features_seen, points_of
from activeloop.report.files import replace_bytes
from activeloop.report.forecast import Forecast
from activeloop.report.pairs import Pair, Penalties
from activeloop.report.ranks import Ranking
from activeloop.report.statistics import Estimate
from activeloop.report.stops import Replay
from activeloop.report.summary import Saving, Summary, summarise
from activeloop.types import JSON


@dataclass(frozen=True)
class Needed:
    """Labels that one strategy needs to reach one target.

    reached: seed -> labels, None where the run ended without.    median: Kaplan-Meier, and its 95 % interval
    `median_low` to `median_high`; None lies beyond the budget.
    mean: over seeds, with its t interval; None where a run was censored.
    enough: labels with which a further run is there in 95 of 100 cases; None where that cannot be said.
    saving: None for the baseline, and without one.
    """

    strategy: str
    reached: Mapping[int, float | None]
    median: float | None
    median_low: float | None
    median_high: float | None
    mean: Estimate | None
    enough: float | None
    saving: Saving | None


@dataclass(frozen=True)
class Target:
    """A value to reach, in the metric's unit, and what it takes; strategies in the summary's order."""

    value: float
    needed: tuple[Needed, ...]


@dataclass(frozen=True)
class ConditionStudy:
    """One chart: the runs that differ in strategy and seed alone.

    name, settings: as in `Condition`.    targets: the summary's first.    deficiency: strategy -> below 1 where it learns
    faster than the baseline, 0 at best.    ranking: over seeds; None below two strategies or seeds.
    """

    name: str
    settings: Mapping[str, JSON]
    summary: Summary
    targets: tuple[Target, ...]
    pairs: tuple[Pair, ...]
    penalties: Penalties
    deficiency: Mapping[str, float | None]
    ranking: Ranking | None
    forecasts: tuple[Forecast, ...]
    stops: tuple[Replay, ...]
    verdict: tuple[str, ...]


@dataclass(frozen=True)
class Across:
    """All conditions together. ranking: over conditions, by mean area; None below two strategies that all of them have."""

    penalties: Penalties
    ranking: Ranking | None
    verdict: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A report's numbers. x: "labels", or "cost", which then stands in every field called after labels.

    across: None with one condition.    verdict: sentences for a manager, over all conditions.
    """

    metric: str
    target: float
    baseline: str
    x: str
    conditions: tuple[ConditionStudy, ...]
    across: Across | None
    verdict: tuple[str, ...]


def study(
    conditions: Sequence[Condition],
    metric: str = "accuracy",
    target: float = 0.9,
    baseline: str = "random",
    x: str = "labels",
    more_targets: Sequence[float] = (),
) -> Study:
    """What the runs say. more_targets: besides `target`, which the sentences are about.

    raises: ConfigError for x "cost" where an answer has none.
    """
    found = tuple(_of(condition, metric, (target, *more_targets), baseline, x) for condition in conditions)
    return Study(metric, target, baseline, x, found, None, ())


def write_study(study: Study, path: Path) -> None:
    """The study as JSON, fields by name; what is not known is null."""
    replace_bytes(path, json.dumps(asdict(study), indent=1, allow_nan=False).encode() + b"\n")


def _of(condition: Condition, metric: str, targets: Sequence[float], baseline: str, x: str) -> ConditionStudy:
    points = points_of(condition.records) if x == "labels" else by_cost(condition.records)
    summary = summarise(points, metric, targets[0], baseline, features_seen(condition.records), x)
    return ConditionStudy(
        name=condition.name,
        settings=condition.settings,
        summary=summary,
        targets=(),
        pairs=(),
        penalties=Penalties((), (), (), (), 1),
        deficiency={},
        ranking=None,
        forecasts=(),
        stops=(),
        verdict=(),
    )
