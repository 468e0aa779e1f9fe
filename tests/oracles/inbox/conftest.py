"""An inbox of ten classes in a folder of its own, with a clock that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oracles import Inbox


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


Open = Callable[..., Inbox]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_inbox(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    opened: list[Inbox] = []

    def make(name: str = "inbox.sqlite", **options: object) -> Inbox:
        opened.append(Inbox(tmp_path / name, 10, clock, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for inbox in opened:
        inbox.close()


@pytest.fixture
def inbox(open_inbox: Open) -> Inbox:
    return open_inbox()
