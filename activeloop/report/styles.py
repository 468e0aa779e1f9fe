"""How a strategy is drawn, in every chart, file and page the same way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Okabe & Ito 2008, colours that the colour-blind can tell apart, without their yellow, which is faint on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#999933")
BASELINE = "#000000"
MARKERS = ("s", "^", "D", "v", "P", "X", "*", "<", ">", "o")  # by matplotlib's names
DASHES = ("-", "--", ":")  # a second and third turn through the colours


@dataclass(frozen=True)
class Style:
    """colour: position in COLOURS, None for the baseline, which is black, or white on black."""

    colour: int | None
    marker: str
    dashes: str

    @property
    def hex(self) -> str:
        return BASELINE if self.colour is None else COLOURS[self.colour]


def styles(names: Iterable[str], baseline: str) -> dict[str, Style]:
    """name -> its style: by the alphabet, so that a strategy keeps its own as runs go on."""
    others = sorted(set(names) - {baseline})
    found = {
        name: Style(at % len(COLOURS), MARKERS[at % len(MARKERS)], DASHES[at // len(COLOURS) % len(DASHES)])
        for at, name in enumerate(others)
    }
    return found | {baseline: Style(None, "o", "--")}
