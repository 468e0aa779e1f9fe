"""The tables of a report."""

from __future__ import annotations

from collections.abc import Sequence

from activeloop.report.forecast import Forecast
from activeloop.report.page.parts import Heat, Name, Table, heat
from activeloop.report.page.words import MISSING, between, interval, named, number, p_value, saved, whole
from activeloop.report.pairs import Pair, Penalties, SeedsNeeded
from activeloop.report.statistics import LEVEL
from activeloop.report.stops import Replay
from activeloop.report.study import ConditionStudy, Needed, Study
from activeloop.report.summary import Against, StrategySummary, Summary

COLUMNS = 12  # of values


def values(summary: Summary, caption: str) -> Table:
    """The means of a chart, at up to twelve of its labels."""
    found = sorted({point.labels for each in summary.strategies for point in each.curve})
    last = len(found) - 1
    columns = found if last < COLUMNS else [found[at * last // (COLUMNS - 1)] for at in range(COLUMNS)]
    rows = []
    for each in summary.strategies:
        at = {point.labels: point for point in each.curve}
        rows.append(
            (Name(each.strategy), *(number(at[labels].mean) if labels in at else MISSING for labels in columns))
        )
    head = ("strategy", *(f"{labels:,}" for labels in columns))
    return Table(f"{caption}{named(summary.metric)} by {summary.x}", head, tuple(rows))


def compared(one: ConditionStudy, caption: str) -> Table:
    """Area, final value, labels to the targets and labels saved, best area first."""
    summary = one.summary
    is_compared = any(each.against for each in summary.strategies)
    head = ["strategy", "area", *(["gained", "p", f"against {summary.baseline}"] if is_compared else []), "final"]
    for target in one.targets:
        head += [f"{summary.x} to {target.value:g}", *(["saved"] if is_compared else [])]
    rows = tuple(_compared_row(each, one, is_compared) for each in summary.strategies)
    return Table(caption, tuple(head), rows, (4,) if is_compared else ())


def _compared_row(each: StrategySummary, one: ConditionStudy, is_compared: bool) -> tuple[str, ...]:
    against, final = each.against, each.final
    row: list[str] = [Name(each.strategy), interval(each.area)]
    if is_compared:
        verdict = "baseline" if each.strategy == one.summary.baseline else MISSING
        row += [interval(against.area, signed=True), p_value(against.p_holm), against.verdict] if against else [
            MISSING, MISSING, verdict]  # fmt: skip
    half = "" if final.high is None else f" ± {number(final.high - final.mean)}"
    row.append(f"{number(final.mean)}{half}")
    for target in one.targets:
        needed = next((found for found in target.needed if found.strategy == each.strategy), None)
        row.append(_labels_to(needed, each))
        if is_compared:
            row.append(saved(needed.saving if needed else None))
    return tuple(row)


def overview(of: Study) -> tuple[Table, ...]:
    """Conditions down, strategies across: area gained, and labels saved to each target; none without a baseline."""
    names = dict.fromkeys(each.strategy for one in of.conditions for each in one.summary.strategies if each.against)
    if not names:
        return ()
    head = ("condition", *map(Name, names))
    gained = []
    for one in of.conditions:
        found = {each.strategy: each.against for each in one.summary.strategies if each.against}
        gained.append((one.name, *(_gained(found.get(name)) for name in names)))
    tables = [Table(f"Area gained against {of.baseline}", head, tuple(gained))]
    for at, target in enumerate(of.conditions[0].targets):
        rows = []
        for one in of.conditions:
            savings = {needed.strategy: needed.saving for needed in one.targets[at].needed}
            rows.append((one.name, *(saved(savings.get(name)) for name in names)))
        tables.append(Table(f"{of.x.capitalize()} saved on the way to {target.value:g}", head, tuple(rows)))
    return tuple(tables)


def _gained(against: Against | None) -> str:
    if against is None or against.area is None:
        return MISSING
    told = "" if against.verdict == "cannot be told apart" else f" {against.verdict}"
    return f"{number(against.area.mean, signed=True)}{told}"


def _labels_to(needed: Needed | None, each: StrategySummary) -> str:
    if needed is None:
        return MISSING
    if needed.median is None:
        return f"> {whole(max(each.last_labels.values()))}"
    around = between(needed.median_low, needed.median_high)
    return f"{whole(needed.median)}{f' ({around})' if around else ''}"


def notes(of: Study) -> tuple[str, ...]:
    """What the numbers of `compared` are."""
    x, seen = of.x, dict.fromkeys(text for one in of.conditions for text in one.summary.features)
    found = [
        f"a ± b: mean over seeds and 95 % t interval. {x} to a target: median, and its 95 % interval in brackets; > n: at least"
        f" half of the runs ended, after at most n, without it. final: at the most {x} that all seeds of a strategy have.",
    ]
    if any(each.against for one in of.conditions for each in one.summary.strategies):
        found.append(
            f"gained and saved: against {of.baseline} at equal seeds. p: paired t test of areas, corrected by Holm's method;"
            f" below {LEVEL:g} a strategy is called better or worse. saved ≥: where {of.baseline} never reached the target, the"
            " end of its run counts; (k/n): over the k of n pairs in which both did."
        )
    if seen:
        found.append(f"Features that strategies saw: {'; '.join(seen)}.")
    return tuple(found)


def penalties(found: Penalties, caption: str) -> Heat:
    """Row beats column; the last row and column are means."""
    names = found.strategies
    rows = [
        (name, [*_fractions(line), *_fractions((beats,))])
        for name, line, beats in zip(names, found.matrix, found.beats, strict=True)
    ]
    rows.append(("is beaten", [*_fractions(found.beaten), ("", None)]))
    said = "How often the row beats the column, as a fraction of budgets"
    said += f", summed over {found.conditions}." if found.conditions > 1 else "."
    # sums over conditions may exceed 1: shades are relative to their number
    most = max(1, found.conditions)
    shaded = [
        (name, [(text, None if height is None else height / most) for text, height in cells]) for name, cells in rows
    ]
    return heat(caption, said, "beats", "is beaten", (*names, "beats"), shaded)


def _fractions(line: Sequence[float | None]) -> list[tuple[str, float | None]]:
    return [(MISSING if value is None else number(value, 2), value) for value in line]


def pairs(found: Sequence[Pair], caption: str) -> Table:
    rows = tuple(
        (
            Name(pair.first),
            Name(pair.second),
            interval(pair.area, signed=True),
            p_value(pair.p),
            p_value(pair.p_holm),
            pair.verdict if pair.verdict != "cannot be told apart" else "noise",
            _seeds_needed(pair.needed),
        )
        for pair in found
    )
    head = ("first", "second", "difference of areas", "p", "corrected", "first is", "seeds needed")
    return Table(caption, head, rows, (1, 5))


def _seeds_needed(needed: SeedsNeeded | None) -> str:
    if needed is None:
        return MISSING
    middle = "too many" if needed.seeds is None else f"{needed.seeds:,}"
    around = between(needed.fewest, needed.most)
    return f"{middle} ({around})" if around else middle


def forecasts(one: ConditionStudy, caption: str) -> Table:
    """Labels to the target by the fitted curve, and how well such a fit foresaw what was known."""
    summary, has_cost = one.summary, any(each.cost for each in one.forecasts)
    head = ["strategy", f"{summary.x} to {summary.target:g}", "95 % interval", *(["cost"] if has_cost else []),
            "floor of error", "backtest: foreseen", "seeing", "reached", "error"]  # fmt: skip
    rows = []
    for each in one.forecasts:
        labels = "never, by this curve" if each.labels is None and each.a is not None else whole(each.labels)
        if each.is_reached:
            labels = f"{whole(each.labels)} (measured)"
        hidden = each.backtest
        rows.append((
            Name(each.strategy),
            labels,
            between(each.low, each.high) or MISSING,
            *([whole(each.cost[0]) if each.cost else MISSING] if has_cost else []),
            number(each.c),
            MISSING if hidden is None else f"{number(hidden.forecast.mean)} at {whole(hidden.forecast.labels)}",
            MISSING if hidden is None else whole(hidden.seen),
            MISSING if hidden is None else number(hidden.reached),
            MISSING if hidden is None else number(hidden.error, signed=True),
        ))  # fmt: skip
    return Table(caption, tuple(head), tuple(rows))


def forecast_overview(of: Study) -> Table:
    """Conditions down, strategies across: what the mean curve needs or will need."""
    names = dict.fromkeys(each.strategy for one in of.conditions for each in one.forecasts)
    rows = []
    for one in of.conditions:
        found = {each.strategy: each for each in one.forecasts}
        rows.append((one.name, *(_foreseen(found.get(name)) for name in names)))
    caption = (
        f"{of.x.capitalize()} to {of.target:g}, measured or about what the forecast says; ? where that is doubtful"
    )
    return Table(caption, ("condition", *map(Name, names)), tuple(rows))


def _foreseen(each: Forecast | None) -> str:
    if each is None or (each.labels is None and each.a is None):
        return MISSING
    if each.is_reached:
        return whole(each.labels)
    doubt = " ?" if each.trust else ""
    return f"never{doubt}" if each.labels is None else f"about {whole(each.labels)}{doubt}"


def stops(one: ConditionStudy, caption: str) -> Table:
    """Rules down, strategies across."""
    names = dict.fromkeys(replay.strategy for replay in one.stops)
    found = {(replay.rule, replay.strategy): replay for replay in one.stops}
    rules = dict.fromkeys(replay.rule for replay in one.stops)
    rows = tuple((rule, *(_stop(found.get((rule, name))) for name in names)) for rule in rules)
    return Table(f"{caption}{one.summary.x} at the stop · {named(one.summary.metric)} given up",
                 ("rule", *map(Name, names)), rows)  # fmt: skip


def _stop(replay: Replay | None) -> str:
    if replay is None or replay.labels is None:
        return MISSING
    if not replay.stopped:
        return "never"
    partly = f" ({replay.stopped}/{len(replay.runs)})" if replay.stopped < len(replay.runs) else ""
    lost = "" if replay.lost is None else f" · {number(replay.lost.mean)}"
    return f"{whole(replay.labels.mean)}{lost}{partly}"
