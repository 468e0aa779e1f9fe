"""Acquisition curves and forecasts, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from activeloop.report.forecast import Forecast
from activeloop.report.page.svg import XY, Frame, drawing, join, marker, path, tag
from activeloop.report.page.words import named, number, plural
from activeloop.report.panels import Panel, Range, band, x_range, y_range
from activeloop.report.styles import Style
from activeloop.report.summary import CurvePoint, StrategySummary, Summary

MARKS = 12  # on a line: more of them hide it
WIDE, SMALL = (680, 390), (420, 290)  # of one chart, and of each of several


def curves(panel: Panel, styles: Mapping[str, Style], xs: Range | None = None, ys: Range | None = None) -> Markup:
    """The chart of one condition. xs, ys: what its axes show; all of its own where left out."""
    summary = panel.summary
    ys = ys or y_range([panel])
    frame = Frame.of(xs or x_range([panel]), ys, *(WIDE if xs is None else SMALL))
    lines = [_line(frame, each, panel, styles[each.strategy], ys) for each in reversed(summary.strategies)]
    names = ", ".join(each.strategy for each in summary.strategies)
    return drawing(
        frame.width,
        frame.height,
        f"{named(summary.metric)} over {summary.x} of {names}" if names else "nothing measured yet",
        frame.axes("labels bought" if summary.x == "labels" else summary.x, named(summary.metric)),
        frame.across(summary.target, f"target {summary.target:g}"),
        *lines,
    )


def _line(frame: Frame, each: StrategySummary, panel: Panel, style: Style, ys: Range) -> Markup:
    """Single seeds, band, mean and marks of one strategy; their titles are what a pointer shows."""
    seeds = [_places(frame, line) for line in panel.seeds.get(each.strategy, ())]
    edges = band(each, ys)
    upper = [(frame.x(labels), frame.y(high)) for labels, _, high in edges]
    lower = [(frame.x(labels), frame.y(low)) for labels, low, _ in reversed(edges)]
    spacing = max(1, len(each.curve) // MARKS)
    marks = [
        marker(style.marker, frame.x(point.labels), frame.y(point.mean), _said(each.strategy, point, panel.summary))
        for point in each.curve[::spacing]
    ]
    return tag(
        "g",
        tag("path", class_="seeds", d="".join(path(line) for line in seeds)) if seeds else None,
        tag("path", class_="band", d=path([*upper, *lower], close=True)) if len(edges) > 1 and seeds else None,
        tag(
            "path",
            tag("title", each.strategy),
            class_="mean",
            d=path([(frame.x(point.labels), frame.y(point.mean)) for point in each.curve]),
        ),
        *marks,
        class_=classes(style),
    )


def classes(style: Style) -> str:
    """What the style sheet colours and dashes by."""
    colour = "base" if style.colour is None else f"c{style.colour}"
    return f"line {colour} d{('-', '--', ':').index(style.dashes)}"


def _places(frame: Frame, line: Sequence[XY]) -> list[XY]:
    return [(frame.x(labels), frame.y(value)) for labels, value in line]


def _said(strategy: str, point: CurvePoint, summary: Summary) -> str:
    interval = "" if point.low is None or point.high is None else f" ({number(point.low)} to {number(point.high)})"
    at = f"{point.labels:,} labels" if summary.x == "labels" else f"{summary.x} {point.labels:,}"
    return f"{strategy}, {at}: {number(point.mean)}{interval}, {plural(point.seeds, 'seed')}"


def forecast(summary: Summary, found: Forecast, style: Style) -> Markup:
    """What was measured, the fitted curve with its band beyond, the target, and what the hidden part came to."""
    measured = next(each for each in summary.strategies if each.strategy == found.strategy).curve
    values = [*(point.mean for point in measured), *(point.mean for point in found.curve)]
    low, high = min((*values, summary.target)), max((*values, summary.target))
    air = 0.04 * ((high - low) or 0.1)
    xs, ys = _shown(measured, found), (low - air, high + air)
    frame = Frame.of(xs, ys, *SMALL)
    fitted = [point for point in found.curve if point.labels <= xs[1]]
    upper = [(frame.x(point.labels), frame.y(min(ys[1], point.high))) for point in fitted]
    lower = [(frame.x(point.labels), frame.y(max(ys[0], point.low))) for point in reversed(fitted)]
    parts = [
        tag("path", class_="band", d=path([*upper, *lower], close=True)),
        tag("path", class_="fit", d=path([(frame.x(point.labels), frame.y(point.mean)) for point in fitted])),
        *(marker(style.marker, frame.x(point.labels), frame.y(point.mean)) for point in measured),
        _crossing(frame, found, summary),
    ]
    hidden = found.backtest
    seen = None
    if hidden is not None:
        x = frame.x(hidden.seen)
        seen = tag("path", tag("title", "the backtest saw what lies to the left"), class_="seen",
                   d=f"M{x:.1f} {frame.y.end:g}V{frame.y.start:g}")  # fmt: skip
    return drawing(
        frame.width,
        frame.height,
        f"forecast of {found.strategy}",
        frame.axes("labels bought" if summary.x == "labels" else summary.x, named(summary.metric)),
        frame.across(summary.target, f"target {summary.target:g}"),
        *(part for part in (seen,) if part is not None),
        tag("g", *parts, class_=classes(style)),
    )


def _shown(measured: Sequence[CurvePoint], found: Forecast) -> Range:
    """From the first measure to where the target is met, or as far again as was measured."""
    last = max((point.labels for point in measured), default=1.0)
    first = min((point.labels for point in measured), default=0.0)
    reach = [end for end in (found.labels, found.high) if end is not None]
    far = max((point.labels for point in found.curve), default=last)
    return first, min(far, max(last + (last - first) * 0.5, *(1.1 * end for end in reach), last))


def _crossing(frame: Frame, found: Forecast, summary: Summary) -> Markup:
    """Where the curve meets the target: a bar over the interval, and a point."""
    y, parts = frame.y(summary.target), []
    if found.low is not None:
        end = frame.x(min(frame.x.high, found.high if found.high is not None else frame.x.high))
        parts.append(tag("path", class_="whisker", d=f"M{frame.x(found.low):.1f} {y:.1f}H{end:.1f}"))
    if found.labels is not None and found.labels <= frame.x.high:
        said = f"{found.strategy} reaches {summary.target:g} at {found.labels:,.0f} {summary.x}"
        parts.append(tag("circle", tag("title", said), class_="meets", cx=frame.x(found.labels), cy=y, r=5))
    return join(parts)
