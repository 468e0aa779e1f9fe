"""Drawings as SVG within a page: no script, colours by class, so that light, dark and paper each have their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Number = float | int
XY = tuple[float, float]


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element; all text in it is escaped unless it is Markup. class_ is class, x_y is x-y, None is left out."""
    given = (
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(str(escape(child)) for child in children if child is not None)
    opening = f"<{name}{''.join(given)}"
    return Markup(f"{opening}>{inside}</{name}>" if inside else f"{opening}/>")


def _plain(value: object) -> object:
    """Coordinates to a tenth of a unit: finer is never seen."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def path(points: Sequence[XY], close: bool = False) -> str:
    """The `d` of straight lines through the points."""
    return f"M{'L'.join(f'{_plain(float(x))} {_plain(float(y))}' for x, y in points)}{'Z' if close else ''}"


def text(x: float, y: float, content: object, kind: str = "", anchor: str | None = None) -> Markup:
    return tag("text", content, x=x, y=y, class_=kind or None, text_anchor=anchor)


# markers about the origin, some 7 units wide, by matplotlib's names
_MARKERS = {
    "o": "M3.5 0A3.5 3.5 0 1 1-3.5 0A3.5 3.5 0 1 1 3.5 0Z",
    "s": "M-3-3H3V3H-3Z",
    "^": "M0-4L3.8 3H-3.8Z",
    "D": "M0-4.2L4.2 0L0 4.2L-4.2 0Z",
    "v": "M0 4L3.8-3H-3.8Z",
    "P": "M-1.3-4H1.3V-1.3H4V1.3H1.3V4H-1.3V1.3H-4V-1.3H-1.3Z",
    "X": "M-4-2.3L-2.3-4L0-1.7L2.3-4L4-2.3L1.7 0L4 2.3L2.3 4L0 1.7L-2.3 4L-4 2.3L-1.7 0Z",
    "*": "M0-4.8L1.2-1.5L4.6-1.5L1.9 .6L2.9 4L0 2L-2.9 4L-1.9 .6L-4.6-1.5L-1.2-1.5Z",
    "<": "M-4 0L3-3.8V3.8Z",
    ">": "M4 0L-3-3.8V3.8Z",
}


def marker(kind: str, x: float, y: float, title: str | None = None) -> Markup:
    said = None if title is None else tag("title", title)
    return tag("path", said, class_="mark", d=_MARKERS[kind], transform=f"translate({_plain(x)} {_plain(y)})")


@dataclass(frozen=True)
class Scale:
    """From values in [low, high] to places in [start, end]; start may lie beyond end, as heights do."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within [low, high], at most `most` and a few more, in steps of 1, 2, 2.5 or 5 times a power of 10."""
    if high <= low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * part for part in (1, 2, 2.5, 5, 10) if power * part >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{at * step:.12g}") for at in range(first, last + 1)]


def short(value: float) -> str:
    """A tick's number: 0.85, 400, 12,000, 1.2M."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:g}"


@dataclass(frozen=True)
class Frame:
    """The room of a chart with two axes. width, height: of the drawing; left … of the space around the plot."""

    x: Scale
    y: Scale
    width: int
    height: int

    @classmethod
    def of(cls, xs: XY, ys: XY, width: int = 560, height: int = 340, top: int = 14) -> Frame:
        """xs, ys: lowest and highest value shown."""
        return cls(Scale(*xs, 62, width - 14), Scale(*ys, height - 50, top), width, height)

    def axes(self, x_name: str, y_name: str) -> Markup:
        """Grid, numbers and names."""
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        lines, numbers = [], []
        for value in ticks(self.y.low, self.y.high):
            lines.append(f"M{left:g} {self.y(value):.1f}H{right:g}")
            numbers.append(text(left - 8, self.y(value) + 4, short(value), anchor="end"))
        for value in ticks(self.x.low, self.x.high):
            numbers.append(text(self.x(value), bottom + 19, short(value), anchor="middle"))
        return join((
            tag("path", class_="grid", d="".join(lines) or "M0 0"),
            tag("path", class_="axis", d=f"M{left:g} {bottom:g}H{right:g}"),
            tag("g", *numbers, class_="ticks"),
            text((left + right) / 2, self.height - 7, x_name, "name", "middle"),
            tag("text", y_name, class_="name", text_anchor="middle",
                transform=f"translate(14 {(top + bottom) / 2:.0f}) rotate(-90)"),
        ))  # fmt: skip

    def across(self, value: float, label: str) -> Markup:
        """A dotted line at a height, with its name above its left end; nothing outside the plot."""
        if not self.y.low <= value <= self.y.high:
            return Markup("")
        y = self.y(value)
        line = tag("path", class_="target", d=f"M{self.x.start:g} {y:.1f}H{self.x.end:g}")
        return line + text(self.x.start + 4, y - 4, label, "note")


def drawing(frame_width: int, frame_height: int, said: str, *parts: Markup, kind: str = "chart") -> Markup:
    """The picture. said: what it shows, for those who do not see it."""
    box = f"0 0 {frame_width} {frame_height}"
    return tag("svg", *parts, class_=kind, viewBox=box, role="img", aria_label=said)
