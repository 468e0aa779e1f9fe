"""What charts of acquisition curves show, whoever draws them: a panel per condition, and the axes that panels share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from activeloop.report.curves import Point
from activeloop.report.summary import CurvePoint, StrategySummary, Summary

Line = tuple[tuple[float, float], ...]  # (labels or cost, value), ascending
Range = tuple[float, float]

MOST_POINTS = 4000  # of single seeds in a panel: beyond that a page grows and the eye sees no more
BEYOND = 0.12  # of the range measured: how far bands may widen it; those of two seeds would squeeze the curves


@dataclass(frozen=True, eq=False)
class Panel:
    """name: the condition's, "" where there is one alone.    seeds: strategy -> its single runs; none of one run alone."""

    name: str
    summary: Summary
    seeds: Mapping[str, tuple[Line, ...]]


def panel(name: str, summary: Summary, points: Iterable[Point]) -> Panel:
    """points: of all runs of the condition, with labels or costs as the summary has them."""
    curves: dict[str, dict[int, dict[float, float]]] = {}
    for point in points:
        if point.metric == summary.metric:
            curves.setdefault(point.strategy, {}).setdefault(point.seed, {})[point.labels] = point.value
    step = 1 + sum(len(line) for runs in curves.values() for line in runs.values()) // MOST_POINTS
    seeds = {
        strategy: tuple(_thinned(tuple(sorted(line.items())), step) for line in runs.values()) if len(runs) > 1 else ()
        for strategy, runs in curves.items()
    }
    return Panel(name, summary, seeds)


def _thinned(line: Line, step: int) -> Line:
    """Every so many points, first and last among them."""
    return line if step == 1 else (*line[:-1:step], line[-1])


def x_range(panels: Sequence[Panel]) -> Range:
    found = [point.labels for point in _points(panels)]
    return (min(found), max(found)) if found else (0.0, 1.0)


def y_range(panels: Sequence[Panel]) -> Range:
    """All that was measured, bands and target as far as they are near, and a little air."""
    points = _points(panels)
    values = [value for panel in panels for lines in panel.seeds.values() for line in lines for _, value in line]
    values += [point.mean for point in points]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    span = (high - low) or 0.1
    near = [*(panel.summary.target for panel in panels)]
    near += [end for point in points for end in (point.low, point.high) if end is not None]
    near = [min(max(end, low - BEYOND * span), high + BEYOND * span) for end in near]
    return min(low, *near) - 0.02 * span, max(high, *near) + 0.02 * span


def _points(panels: Sequence[Panel]) -> list[CurvePoint]:
    return [point for panel in panels for each in panel.summary.strategies for point in each.curve]


def share_axes(panels: Sequence[Panel], differing: Iterable[str]) -> bool:
    """Whether panels are read beside one another by height: not where the data differ. differing: keys of settings."""
    return len(panels) > 1 and not any(key.startswith("data.") for key in differing)


def band(each: StrategySummary, within: Range) -> list[tuple[float, float, float]]:
    """(labels, low, high), clipped to the axis; where one seed has no interval, the band has no height."""
    return [
        (
            point.labels,
            max(within[0], point.mean if point.low is None else point.low),
            min(within[1], point.mean if point.high is None else point.high),
        )
        for point in each.curve
    ]
