"""Everything that a report says of some runs, as values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from activeloop.report.conditions import Condition
from activeloop.report.curves import Record, by_cost, features_seen, points_of, spent_if_noted
from activeloop.report.files import replace_bytes
from activeloop.report.forecast import Forecast, forecast
from activeloop.report.pairs import Curves, Pair, Penalties, deficiency, pairs, penalties, summed
from activeloop.report.ranks import Ranking, ranking
from activeloop.report.statistics import Estimate, enough, estimate, median_interval, median_labels
from activeloop.report.stops import Replay, replays
from activeloop.report.summary import Saving, Summary, curves_of, reached_by, saving_of, sign_of, summarise
from activeloop.report.verdict import of_condition, over_conditions
from activeloop.types import JSON

SOURCE = "data.source"


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

    @property
    def summaries(self) -> list[Summary]:
        return [one.summary for one in self.conditions]


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
    across = _across(found, metric) if len(found) > 1 else None
    verdict = across.verdict if across else tuple(line for one in found for line in one.verdict)
    return Study(metric, target, baseline, x, found, across, verdict)


def write_study(study: Study, path: Path) -> None:
    """The study as JSON, fields by name; what is not known is null."""
    replace_bytes(path, json.dumps(asdict(study), indent=1, allow_nan=False).encode() + b"\n")


def _of(condition: Condition, metric: str, targets: Sequence[float], baseline: str, x: str) -> ConditionStudy:
    points = points_of(condition.records) if x == "labels" else by_cost(condition.records)
    curves, sign = curves_of(points, metric), sign_of(metric)
    baseline = _named(baseline, curves)
    summary = summarise(points, metric, targets[0], baseline, features_seen(condition.records), x)
    order = [each.strategy for each in summary.strategies]
    prices = _prices(condition.records) if x == "labels" else {}
    found = ConditionStudy(
        name=condition.name,
        settings=condition.settings,
        summary=summary,
        targets=tuple(Target(value, _needed(curves, order, value, baseline, sign)) for value in targets),
        pairs=pairs(curves, order, targets[0], sign),
        penalties=penalties(curves, order, sign),
        deficiency={name: deficiency(curves[name], curves[baseline], sign) for name in order if baseline in curves},
        ranking=ranking(_by_seed(summary), "seeds", sign),
        forecasts=tuple(forecast(name, curves[name], targets[0], sign, prices.get(name)) for name in order),
        stops=replays(condition.records, order, metric, targets[0], sign, x),
        verdict=(),
    )
    return replace(found, verdict=of_condition(found, sum(run.state.stopped is None for run in condition.records)))


def _prices(records: Sequence[Record]) -> dict[str, float]:
    """Strategy -> what a label of its runs has cost so far, skips and repeated questions included; only where noted."""
    totals: dict[str, tuple[float, float]] = {}
    for record in records:
        costs = spent_if_noted(record)
        if costs:
            _, labels = last = max(costs)
            cost, count = totals.get(record.strategy, (0.0, 0.0))
            totals[record.strategy] = cost + costs[last], count + labels
    return {name: cost / labels for name, (cost, labels) in totals.items() if labels}


def _named(baseline: str, curves: Iterable[str]) -> str:
    """The line that the baseline is: where its runs differ among themselves, the first of them by the alphabet."""
    return min((name for name in curves if name == baseline or name.startswith(f"{baseline} (")), default=baseline)


def _needed(curves: Curves, order: Sequence[str], target: float, baseline: str, sign: float) -> tuple[Needed, ...]:
    found = []
    for name in order:
        reached = reached_by(curves[name], target, sign)
        there = [labels for labels in reached.values() if labels is not None]
        ended = [float(curves[name][seed].labels[-1]) for seed, labels in reached.items() if labels is None]
        low, high = median_interval(there, ended)
        compared = baseline in curves and name != baseline
        found.append(
            Needed(
                strategy=name,
                reached=reached,
                median=median_labels(there, ended),
                median_low=low,
                median_high=high,
                mean=None if ended else estimate(there),
                enough=None if ended else enough(there),
                saving=saving_of(curves[name], curves[baseline], target, sign) if compared else None,
            )
        )
    return tuple(found)


def _by_seed(summary: Summary) -> list[dict[str, float]]:
    """The areas of every seed that more than one strategy has."""
    seeds = sorted({seed for each in summary.strategies for seed in each.areas})
    blocks = [{each.strategy: each.areas[seed] for each in summary.strategies if seed in each.areas} for seed in seeds]
    return [block for block in blocks if len(block) > 1]


def _across(found: Sequence[ConditionStudy], metric: str) -> Across:
    areas = [
        {each.strategy: each.area.mean for each in condition.summary.strategies if each.area} for condition in found
    ]
    sources = {str(condition.settings.get(SOURCE)) for condition in found}
    doubt = None if len(sources) == len(found) else "they share data, so that they repeat one another in part"
    across = Across(summed(each.penalties for each in found), ranking(areas, "conditions", sign_of(metric), doubt), ())
    return replace(across, verdict=over_conditions(across, found))
