"""The first picks of every round as thumbnails on one small sheet, so that a page stays small with many runs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import TypeVar

from markupsafe import Markup

from activeloop.fold import State
from activeloop.report.curves import Record
from activeloop.report.images import Images
from activeloop.report.page.figures import CAPTION, CELL, SIDE, picks
from activeloop.report.sheet import Pixels, thumbnails
from activeloop.types import SKIP, Query

T = TypeVar("T")
Pictures = Callable[[Record], Images | str]  # what shows a run's rows, or why there is nothing that does

ACROSS, DOWN = 12, 12  # picks of a round, and rounds
MOST_BYTES = 24_000  # of a sheet: one of digits stays as it is, 144 photographs lose some of their detail


def sheet(record: Record, images: Images) -> tuple[Markup, str] | None:
    """The drawing, and what it leaves out, in words; None where nothing was picked yet."""
    asked = [query for query in record.state.queries if query.use != "validation" and query.rows]
    if not asked:
        return None
    shown = evenly(asked, DOWN)
    columns = min(ACROSS, max(len(query.rows) for query in shown))
    rows = [row for query in shown for row in query.rows[:columns]]
    tiles = iter(thumbnails(images(rows), SIDE))
    pixels = [[next(tiles) for _ in query.rows[:columns]] for query in shown]
    lines = [_line(query, columns, record.state) for query in shown]
    longest = max(len(query.rows) for query in shown)
    left_out = [f"{len(shown)} of {len(asked)} rounds"] if len(shown) < len(asked) else []
    left_out += [f"the first {columns} of up to {longest} picks"] if longest > columns else []
    return picks(_encoded(pixels, columns), columns, lines), ", ".join(left_out)


def evenly(found: Sequence[T], most: int) -> list[T]:
    """At most so many, first and last among them."""
    last = len(found) - 1
    return list(found) if last < most else [found[at * last // (most - 1)] for at in range(most)]


def _line(query: Query, columns: int, state: State) -> tuple[str, str, list[str]]:
    """What stands beside a round's images, what a pointer shows, and the class told of each."""
    before = [other for other in state.queries if other.id < query.id]
    told = sum(label >= 0 for other in before for label in other.answers.values())
    rows = query.rows[:columns]
    names = [_name(query.answers.get(row), state.classes) for row in rows]
    said = "; ".join(f"row {row}: {name or 'not answered'}" for row, name in zip(rows, names, strict=True))
    beside = "start" if query.use == "start" else f"at {told:,}"
    return beside, f"{query.id}, {len(query.rows)} rows picked with {told:,} labels told. {said}", names


def _name(label: int | None, classes: Sequence[str]) -> str:
    if label is None:
        return ""
    return "skip" if label == SKIP else classes[label] if label < len(classes) else str(label)


def _encoded(lines: Sequence[Sequence[Pixels]], columns: int) -> str:
    """A data URI. Flat pictures stay as they are; photographs lose detail until they fit."""
    from PIL import Image

    canvas = Image.new("RGBA", (columns * CELL, len(lines) * (CELL + CAPTION)))
    for down, tiles in enumerate(lines):
        for across, pixels in enumerate(tiles):
            tile = Image.fromarray(pixels)
            left = across * CELL + (SIDE - tile.width) // 2
            canvas.paste(tile, (left, down * (CELL + CAPTION) + (SIDE - tile.height) // 2))
    for quality in (None, 80, 60, 40, 20):
        content = io.BytesIO()
        canvas.save(content, "WEBP", method=4, lossless=quality is None, quality=quality or 80)
        if content.tell() <= MOST_BYTES:
            break
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
