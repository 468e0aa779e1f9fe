"""The numbers of a report as CSV, one number a line, for a spreadsheet or another program."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

from activeloop.report.curves import COLUMNS, Point
from activeloop.report.files import replace_bytes
from activeloop.report.statistics import Estimate
from activeloop.report.study import ConditionStudy, Study

Line = tuple[object, ...]
HEAD = ("condition", "strategy", "measure", "at", "value", "low", "high", "seeds")


def write_conditions(conditions: Sequence[tuple[str, Iterable[Point]]], path: Path, x: str) -> None:
    """The points of several conditions in one table: as curves.csv, with the condition in front."""
    head = ["condition", *(x if column == "labels" else column for column in COLUMNS)]
    _write(path, head, ((name, *astuple(point)) for name, points in conditions for point in points))


def write_numbers(of: Study, path: Path) -> None:
    """Every number of the comparison.

    measure: area, final, gained, labels_to or saved (cost_to where x is cost).    at: the target, or the labels of `final`.
    low, high: the 95 % interval's ends; an empty value is beyond the budget, or not known.
    """
    _write(path, HEAD, (line for one in of.conditions for line in _numbers(one, of)))


def _numbers(one: ConditionStudy, of: Study) -> Iterator[Line]:
    for each in one.summary.strategies:
        who, final = (one.name, each.strategy), each.final
        yield *who, "area", "", *_estimate(each.area)
        yield *who, "final", final.labels, final.mean, final.low, final.high, final.seeds
        if each.against is not None:
            yield *who, "gained", "", *_estimate(each.against.area)
    for target in one.targets:
        for needed in target.needed:
            who = (one.name, needed.strategy)
            seeds = len(needed.reached)
            yield *who, f"{of.x}_to", target.value, needed.median, needed.median_low, needed.median_high, seeds
            if needed.saving is not None:
                yield *who, "saved", target.value, *_estimate(needed.saving.labels)


def _estimate(value: Estimate | None) -> Line:
    return (None, None, None, 0) if value is None else (value.mean, value.low, value.high, value.n)


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(head)
    lines.writerows(rows)
    replace_bytes(path, text.getvalue().encode())
