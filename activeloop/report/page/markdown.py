"""Sections -> Markdown, for a pull request or a wiki: the same words and tables, and the curves as a picture beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from activeloop.report.page.html import TITLE
from activeloop.report.page.parts import Chart, Charts, Fold, Heat, Legend, Part, Say, Section, Table

SPECIAL = re.compile(r"([\\`*_\[\]<|~&]|^[#>])")


def markdown(sections: Sequence[Section], subtitle: str, footer: str, picture: str) -> str:
    """picture: the file of the curves."""
    lines = [f"# {TITLE}", subtitle]
    for section in sections:
        lines.append(f"## {section.title}")
        if section.id == "curves":
            lines.append(f"![Acquisition curves](<{picture}>)")
        lines += _parts(section.parts, 3)
    return "\n\n".join([*lines, _safe(footer)]) + "\n"


def _parts(parts: Iterable[Part], depth: int) -> Iterator[str]:
    for part in parts:
        match part:
            case Say(sentences):
                yield "\n".join(f"- {_safe(one)}" for one in sentences) if len(sentences) > 1 else _safe(sentences[0])
            case Table(caption, head, rows, words):
                marks = ["---" if at == 0 or at in words else "---:" for at in range(len(head))]
                yield f"**{_safe(caption)}**\n\n{_table(head, marks, rows)}"
            case Heat(title, caption, down, across, columns, rows):
                head = (f"{down} ↓ {across} →", *columns)
                cells = [(name, *(text for text, _ in line)) for name, line in rows]
                yield f"**{_safe(title)}** {_safe(caption)}\n\n{_table(head, ['---', *['---:'] * len(columns)], cells)}"
            case Chart(title, _, caption):
                said = [f"**{_safe(title)}**" if title else "", _safe(caption)]
                if any(said):
                    yield "  \n".join(filter(None, said))
            case Fold(title, inside):
                yield f"{'#' * depth} {_safe(title)}"
                yield from _parts(inside, depth + 1)
            case Charts() | Legend():
                continue


def _table(head: Sequence[str], marks: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(head), "| " + " | ".join(marks) + " |", *map(_row, rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_safe, cells)) + " |"


def _safe(text: str) -> str:
    """Names are not ours: nothing in them may become markup, here or in the HTML that is made of this."""
    return SPECIAL.sub(r"\\\1", text.replace("\n", " "))
