"""What the pages show, and where the run stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from oracles.items import Show


@dataclass(frozen=True)
class Story:
    """Where the run stands, as pages tell it.

    mood: "asking", "thinking", "done", "paused" (the rounds wanted are over) or "failed".    what: in words.
    told, budget: labels.    curve: (labels, value) of every model so far.
    """

    mood: Literal["asking", "thinking", "done", "paused", "failed"]
    what: str = ""
    told: int = 0
    budget: int = 0
    metric: str = ""
    curve: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Page:
    """What is labelled, and how it is shown.

    caption: row -> what people call it.    story: where the run stands now.    key: names the run for what browsers keep.
    annotator: who labels, unless the page is told otherwise.    offers_guess: whether a model's guess may be uncovered.
    answered: called after every answer.
    """

    title: str
    key: str
    classes: Sequence[str]
    show: Show
    caption: Callable[[int], str]
    story: Callable[[], Story]
    annotator: str | None = None
    offers_guess: bool = False
    answered: Callable[[], None] = field(default=lambda: None)
