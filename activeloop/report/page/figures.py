"""Drawings besides curves: gains, ranks, rooms and the picked images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from activeloop.report.page.curves import classes
from activeloop.report.page.svg import Scale, drawing, marker, path, short, tag, text, ticks
from activeloop.report.page.words import interval, number, seconds
from activeloop.report.ranks import Ranking
from activeloop.report.styles import Style
from activeloop.report.summary import Summary

WIDTH, ROW = 560, 30


def gains(summary: Summary, styles: Mapping[str, Style]) -> Markup | None:
    """Area gained against the baseline, a point and its interval per strategy; None where nothing is compared."""
    rows = [(each.strategy, each.against.area) for each in summary.strategies if each.against and each.against.area]
    if not rows:
        return None
    ends = [end for _, area in rows for end in (area.mean, area.low, area.high) if end is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    air = 0.06 * ((high - low) or 0.1)
    x = Scale(low - air, high + air, 150, WIDTH - 14)
    bottom = ROW * len(rows) + 10
    grid = "".join(f"M{x(value):.1f} 4V{bottom}" for value in ticks(x.low, x.high))
    numbers = [
        text(x(value), bottom + 18, number(value, _digits(x)), anchor="middle") for value in ticks(x.low, x.high)
    ]
    marks = []
    for at, (strategy, area) in enumerate(rows):
        y = ROW * at + ROW / 2 + 4
        whisker = None
        if area.low is not None and area.high is not None:
            whisker = tag("path", class_="whisker", d=f"M{x(area.low):.1f} {y:.1f}H{x(area.high):.1f}")
        dot = marker(styles[strategy].marker, x(area.mean), y, f"{strategy}: {interval(area, signed=True)}")
        label = text(140, y + 4, _cut(strategy, 20), anchor="end")
        marks.append(tag("g", tag("title", strategy), label, whisker, dot, class_=classes(styles[strategy])))
    return drawing(
        WIDTH, bottom + 28, f"area gained against {summary.baseline}",
        tag("path", class_="grid", d=grid), tag("path", class_="axis", d=f"M{x(0):.1f} 0V{bottom}"),
        tag("g", *numbers, class_="ticks"), *marks, kind="chart middle",
    )  # fmt: skip


def _digits(x: Scale) -> int:
    """Decimals that tell ticks apart."""
    found = ticks(x.low, x.high)
    step = found[1] - found[0] if len(found) > 1 else 0.1
    return len(f"{step:.6f}".rstrip("0").partition(".")[2])


def ranks(ranking: Ranking, styles: Mapping[str, Style]) -> Markup:
    """A critical-difference diagram: strategies on the scale of average ranks, bars over those that are alike.

    source: Demšar 2006, figure 1.
    """
    count = len(ranking.strategies)
    x = Scale(1, max(count, 2), 170, WIDTH - 170)
    top, axis = 16, 44
    bars = [
        tag("path", class_="clique", d=f"M{x(min(ends)) - 4:.1f} {axis + 12 + 8 * at}H{x(max(ends)) + 4:.1f}")
        for at, ends in enumerate([ranking.ranks[ranking.strategies.index(name)] for name in clique]
                                  for clique in ranking.cliques)
    ]  # fmt: skip
    below = axis + 26 + 8 * len(bars)
    half, names = (count + 1) // 2, []
    for at, (name, rank) in enumerate(zip(ranking.strategies, ranking.ranks, strict=True)):
        is_left = at < half
        y = below + 22 * (at if is_left else count - 1 - at)
        end, anchor = (160, "end") if is_left else (WIDTH - 160, "start")
        line = tag("path", class_="stem", d=f"M{x(rank):.1f} {axis}V{y}H{end}")
        label = text(end + (-6 if is_left else 6), y + 4, f"{_cut(name, 15)}  {rank:.2f}", anchor=anchor)
        mark = marker(styles[name].marker, x(rank), axis)
        names.append(
            tag("g", tag("title", f"{name}: average rank {rank:.2f}"), line, label, mark, class_=classes(styles[name]))
        )
    scale = [text(x(at), axis - 8, at, anchor="middle") for at in range(1, max(count, 2) + 1)]
    wide = min(ranking.critical, x.high - 1)
    start, stop = f"{x(1):.1f}", f"{x(1 + wide):.1f}"
    ruler = f"M{start} {top - 6}V{top + 2}M{start} {top - 2}H{stop}M{stop} {top - 6}V{top + 2}"
    distance = (
        tag("path", class_="whisker", d=ruler),
        text(x(1 + wide) + 6, top + 2, f"critical difference {ranking.critical:.2f}", "note"),
    )
    ticked = "".join(f"M{x(at):.1f} {axis - 4}V{axis}" for at in range(1, max(count, 2) + 1))
    return drawing(
        WIDTH, below + 22 * half, f"average ranks of {', '.join(ranking.strategies)}",
        *distance, tag("path", class_="axis", d=f"M{x.start} {axis}H{x.end}{ticked}"),
        tag("g", *scale, class_="ticks"), *bars, *names, kind="chart middle",
    )  # fmt: skip


ROOMS = {"fit_s": "fit", "measure_s": "measure", "watch_s": "watch", "look_s": "look", "pick_s": "pick"}


def rooms(rounds: Sequence[Mapping[str, float]]) -> Markup:
    """Seconds per round, its rooms on top of one another. rounds: in order, room -> seconds."""
    width, height, bottom, left = 480, 230, 186, 62
    most = 1.05 * (max(sum(each.values()) for each in rounds) or 1.0)
    x, y = Scale(0, len(rounds), left, width - 10), Scale(0, most, bottom, 34)
    parts, below, beside = [], [0.0] * len(rounds), float(left)
    present = [key for key in ROOMS if any(key in each for each in rounds)]
    for at, (key, name) in enumerate(ROOMS.items()):
        if key not in present:
            continue
        above = [low + each.get(key, 0.0) for low, each in zip(below, rounds, strict=True)]
        outline = _steps(x, y, above) + _steps(x, y, below)[::-1]
        said = f"{name} {seconds(sum(each.get(key, 0.0) for each in rounds))}"
        parts.append(tag("path", tag("title", said), class_=f"room r{at}", d=path(outline, close=True)))
        parts.append(tag("rect", class_=f"r{at}", x=beside, y=6, width=10, height=10))
        parts.append(text(beside + 15, 15, said))
        below, beside = above, beside + (width - left) / max(4, len(present))
    heights = ticks(0, most, 4)
    numbers = [text(left - 8, y(value) + 4, short(value), anchor="end") for value in heights]
    numbers += [text(x(at + 0.5), bottom + 18, at, anchor="middle") for at in _whole(len(rounds))]
    grid = "".join(f"M{left} {y(value):.1f}H{width - 10}" for value in heights)
    middle = f"translate(14 {(bottom + 34) / 2:.0f}) rotate(-90)"
    return drawing(
        width, height, "seconds per round", tag("path", class_="grid", d=grid), *parts,
        tag("path", class_="axis", d=f"M{left} {bottom}H{width - 10}"), tag("g", *numbers, class_="ticks"),
        text((left + width) / 2, height - 6, "round", "name", "middle"),
        tag("text", "seconds", class_="name", text_anchor="middle", transform=middle), kind="chart small",
    )  # fmt: skip


def _steps(x: Scale, y: Scale, heights: Sequence[float]) -> list[tuple[float, float]]:
    return [(x(at + side), y(height)) for at, height in enumerate(heights) for side in (0, 1)]


def _whole(count: int) -> list[int]:
    return [int(value) for value in ticks(0, count - 1, 8) if float(value).is_integer()]


# of a picked image, in pixels: its side, that with the gap, the room under it for its class, and that for the round
SIDE, CELL, CAPTION, ASIDE = 32, 36, 16, 92


def picks(sheet: str, columns: int, lines: Sequence[tuple[str, str, Sequence[str]]]) -> Markup:
    """The images on one sheet, a line each round. sheet: as a data URI, cells of CELL x (CELL + CAPTION) pixels.

    lines: what stands beside each, what a pointer shows, and the class told of each image.
    """
    step = CELL + CAPTION
    width, height = ASIDE + columns * CELL, step * len(lines)
    image = tag("image", x=ASIDE, y=0, width=columns * CELL, height=height, href=sheet)
    rows = [image]
    for at, (beside, title, told) in enumerate(lines):
        spans = [tag("tspan", _cut(name, 5), x=ASIDE + CELL * i + SIDE / 2) for i, name in enumerate(told)]
        names = tag("text", *spans, class_="told", text_anchor="middle", y=at * step + SIDE + 12)
        rows.append(tag("g", tag("title", title), text(0, at * step + 20, beside), names))
    return drawing(width, height, "picked images, a line each round", *rows, kind="picks")


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
