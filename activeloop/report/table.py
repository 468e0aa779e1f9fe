"""A summary as plain text, for the end of a demo."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from activeloop.report.curves import plain_number
from activeloop.report.statistics import LEVEL, Estimate
from activeloop.report.summary import Saving, StrategySummary, Summary

if TYPE_CHECKING:
    from activeloop.report.study import Study

MISSING = "–"
BUDGETS = 5  # columns of the first block
CONDITION_WIDTH = 32
NAME_WIDTH = 26  # the most that leaves the second block within 120 columns


def table(summary: Summary) -> str:
    """Two aligned blocks and notes, at most 120 columns: the metric at a few budgets, then the comparison.

    Strategies in order of area, best first. "–" is what cannot be known, such as an interval from one seed.
    """
    if not summary.strategies:
        return f"No model has been measured by {summary.metric} yet."
    return "\n\n".join((_reached(summary), _compared(summary), _notes(summary)))


def overview(study: Study) -> str:
    """Several conditions in one block of at most 120 columns: per condition a line for each strategy, best first.

    Of one condition it is `table`.
    """
    if len(study.conditions) == 1:
        return table(study.conditions[0].summary)
    target = f"{study.x} to {study.target:g}"
    rows = [["condition", "strategy", "seeds", "area", target, f"{study.x} saved", "verdict"]]
    for one in study.conditions:
        strategies = one.summary.strategies
        name = one.name if len(one.name) <= CONDITION_WIDTH else one.name[: CONDITION_WIDTH - 1] + "…"
        for i, each in enumerate(strategies):
            cells = _compared_row(each, one.summary)
            rows.append([name if i == 0 else "", cells[0], str(len(each.seeds)), cells[1], *cells[4:]])
        if not strategies:
            rows.append([name, MISSING, MISSING, MISSING, MISSING, MISSING, "nothing measured"])
    title = (
        f"{_words(study.metric).capitalize()} in {len(study.conditions)} conditions, against {_short(study.baseline)}"
    )
    notes = f"""\
a ± b: mean over seeds and 95 % t interval. area: mean height of a run's curve over its budget; best first.
{target}: Kaplan-Meier median. Verdict: paired t test on area, Holm-corrected within a condition."""
    return f"{title}\n{_aligned(rows, words=(1, 6))}\n\n{notes}"


def _reached(summary: Summary) -> str:
    columns = _budgets(summary) if summary.x == "labels" else _costs(summary)
    rows = [
        [_short(each.strategy), *(_at(each, labels, summary.x != "labels") for labels in columns)]
        for each in summary.strategies
    ]
    title = f"{_words(summary.metric).capitalize()} after so many labels"
    heads = [f"{labels} labels" for labels in columns]
    if summary.x != "labels":
        title = f"{_words(summary.metric).capitalize()} at equal {summary.x}, on straight lines between measures"
        heads = [f"{summary.x} {labels}" for labels in columns]
    return title + "\n" + _aligned([["strategy", *heads], *rows])


def _costs(summary: Summary) -> list[float]:
    """Five, evenly spaced over what all strategies spent: hardly any is that of a measure."""
    first = max(each.curve[0].labels for each in summary.strategies)
    last = min(each.final.labels for each in summary.strategies)
    return sorted({plain_number(float(f"{first + i * (last - first) / (BUDGETS - 1):.3g}")) for i in range(BUDGETS)})


def _budgets(summary: Summary) -> list[float]:
    """Up to five label counts, first and last among them; those where all strategies have a point, if there are two."""
    each = [{point.labels for point in strategy.curve} for strategy in summary.strategies]
    common = sorted(set.intersection(*each))
    found = common if len(common) > 1 else sorted(set.union(*each))
    last = len(found) - 1
    return sorted({found[round(i * last / (BUDGETS - 1))] for i in range(BUDGETS)})


def _at(strategy: StrategySummary, labels: float, between: bool = False) -> str:
    """between: on the straight line between two points too."""
    for point in strategy.curve:
        if point.labels == labels:
            return _number(Estimate(point.mean, point.low, point.high, point.seeds))
    for left, right in pairwise(strategy.curve) if between else ():
        if left.labels < labels < right.labels:
            share = (labels - left.labels) / (right.labels - left.labels)
            mean = left.mean + share * (right.mean - left.mean)
            halves = [None if point.high is None else point.high - point.mean for point in (left, right)]
            half = None if None in halves else halves[0] + share * (halves[1] - halves[0])  # type: ignore[operator]
            return _number(
                Estimate(mean, None if half is None else mean - half, None if half is None else mean + half, 0)
            )
    return MISSING


def _compared(summary: Summary) -> str:
    title = "Over the whole budget"
    if _is_compared(summary):
        title += f", and against {_short(summary.baseline)} at equal seeds"
    target = f"{summary.x} to {summary.target:g}"
    header = ["strategy", "area", "area gained", "p", target, f"{summary.x} saved", "verdict"]
    return title + "\n" + _aligned([header, *(_compared_row(each, summary) for each in summary.strategies)], words=(6,))


def _is_compared(summary: Summary) -> bool:
    return any(each.against for each in summary.strategies)


def _compared_row(each: StrategySummary, summary: Summary) -> list[str]:
    median = f"> {max(each.last_labels.values())}" if each.median_labels is None else f"{each.median_labels:.0f}"
    area, against = _number(each.area), each.against
    if against is None:
        verdict = "baseline" if each.strategy == summary.baseline else MISSING
        return [_short(each.strategy), area, MISSING, MISSING, median, MISSING, verdict]
    difference, p = _number(against.area, signed=True), _p(against.p_holm)
    return [_short(each.strategy), area, difference, p, median, _saved(against.saving), against.verdict]


def _saved(saving: Saving) -> str:
    if saving.at_least is not None:
        return f"≥ {saving.at_least:.0f}"
    partly = f" ({saving.reached_both}/{saving.pairs})" if 0 < saving.reached_both < saving.pairs else ""
    return _number(saving.labels, digits=0) + partly


def _notes(summary: Summary) -> str:
    target, base = f"{summary.target:g}", _short(summary.baseline)
    best = "smallest" if summary.is_falling else "largest"
    bought = "labels bought" if summary.x == "labels" else f"{summary.x} spent"
    notes = f"""\
Seeds: {_seeds(summary)} per strategy. a ± b: mean over seeds and 95 % t interval, which one seed does not have.
area: mean height of a run's curve over the {bought} (trapezoids / span); {best} first.
{summary.x} to {target}: Kaplan-Meier median over seeds. A run that ended before it reached {target} is censored: it counts
  as not there yet, and where half of the seeds or more are, the median is given as > the {bought}."""
    paired = f"""\
Differences to {base} are paired: equal seed, hence equal start. p: two-sided paired t test on area, Holm-corrected;
  below {LEVEL:g} a strategy is called better or worse."""
    seen = [f"Features that strategies saw: {'; '.join(summary.features)}."] if summary.features else []
    return "\n".join((notes, *([paired] if _is_compared(summary) else []), *_cautions(summary), *seen))


def _cautions(summary: Summary) -> list[str]:
    """What the numbers leave out, where they do."""
    savings = [each.against.saving for each in summary.strategies if each.against]
    lines = []
    if any(0 < saving.reached_both < saving.pairs and saving.at_least is None for saving in savings):
        lines.append(f"{summary.x} saved (k/n): over the k of n pairs in which both reached the target.")
    if any(saving.at_least is not None for saving in savings):
        base = _short(summary.baseline)
        lines.append(f"{summary.x} saved ≥: where {base} never reached the target, the end of its run counts instead.")
    if not summary.is_even and summary.x == "labels":
        lines.append("Runs were told unequally many labels: areas span each run's own, differences the common ones.")
    return lines


def _seeds(summary: Summary) -> str:
    counts = sorted({len(each.seeds) for each in summary.strategies})
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _short(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1] + "…"


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _p(p: float | None) -> str:
    return MISSING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _number(value: Estimate | None, signed: bool = False, digits: int = 3) -> str:
    if value is None:
        return MISSING
    half = MISSING if value.half is None else f"{value.half:.{digits}f}"
    return f"{value.mean:{'+' if signed else ''}.{digits}f} ± {half}"


def _aligned(rows: Sequence[Sequence[str]], words: Sequence[int] = ()) -> str:
    """Columns as wide as their widest cell; the first and `words` flush left, numbers flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 or i in words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
