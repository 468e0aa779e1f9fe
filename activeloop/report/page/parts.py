"""What a report consists of. Built once from the numbers, and then written as HTML, as Markdown and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

LEVELS = 9  # shades of a heat map, besides none


class Name(str):
    """A cell that names a strategy: shown with its mark and colour."""


@dataclass(frozen=True)
class Say:
    """Paragraphs, or a list of sentences. role: "lead", "verdict", "note" or "warning"."""

    kind: ClassVar[str] = "say"
    sentences: tuple[str, ...]
    role: str = "lead"


@dataclass(frozen=True)
class Table:
    """Cells as they are shown. words: columns of text, flush left as the first is; the others are numbers."""

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Heat:
    """A matrix: cells are a text and a shade from 0, none, to LEVELS. down, across: what rows and columns are."""

    kind: ClassVar[str] = "heat"
    title: str
    caption: str
    down: str
    across: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


@dataclass(frozen=True)
class Chart:
    """file: the same as a file beside the page, for Markdown."""

    kind: ClassVar[str] = "chart"
    title: str
    picture: Markup
    caption: str = ""
    file: str | None = None


@dataclass(frozen=True)
class Charts:
    """Small multiples, side by side where there is room."""

    kind: ClassVar[str] = "charts"
    charts: tuple[Chart, ...]

    @property
    def is_square(self) -> bool:
        """Two or four look better in two columns than in three."""
        return len(self.charts) in (2, 4)


@dataclass(frozen=True)
class Legend:
    """Which mark and colour is whose; strategies best first. baseline: one of them, or none."""

    kind: ClassVar[str] = "legend"
    names: tuple[str, ...]
    baseline: str


@dataclass(frozen=True)
class Fold:
    """Closed at first. beside: its parts stand side by side where there is room."""

    kind: ClassVar[str] = "fold"
    title: str
    parts: tuple[Part, ...]
    beside: bool = False


Part = Say | Table | Heat | Chart | Charts | Legend | Fold


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    parts: tuple[Part, ...]


def heat(
    title: str,
    caption: str,
    down: str,
    across: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[tuple[str, float | None]]]],
) -> Heat:
    """From cells of a text and a height in [0, 1], None of which is not known. What is above 0 is never without shade."""
    return Heat(
        title,
        caption,
        down,
        across,
        tuple(columns),
        tuple((name, tuple((text, _level(height)) for text, height in cells)) for name, cells in rows),
    )


def _level(height: float | None) -> int:
    return 0 if not height or height < 0 else max(1, min(LEVELS, round(LEVELS * height)))
