"""An inbox, and a server of a few lines to which it is put."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracles import Inbox
from oracles.items import Image, Item
from oracles.label_studio import Client, LabelStudio, Project, opened
from oracles.label_studio.project import Wished
from oracles.rule import Rule

from ..inbox.conftest import Clock
from .fake import LEGACY, Fake, serving

CLASSES = tuple("0123456789")
WISHED = Wished("a run", "0123456789abcdef" * 4, CLASSES, "image")
Open = Callable[..., Project]
Make = Callable[..., LabelStudio]


def show(row: int) -> Item:
    if not 0 <= row < 5000:
        raise IndexError(f"row {row} is not in the data")
    return Image(np.full((2, 3, 1), row % 256, np.uint8))


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def url(fake: Fake) -> Iterator[str]:
    with serving(fake) as url:
        yield url


@pytest.fixture
def client(url: str) -> Client:
    return Client(url, LEGACY, timeout_s=10)


@pytest.fixture
def open_project(client: Client, tmp_path: Path) -> Open:
    """As a command does that starts anew."""

    def make(choice: str | None = None, folder: Path = tmp_path, **wished: Any) -> Project:
        return opened(client, replace(WISHED, **wished), folder / "label_studio.json", choice)

    return make


@pytest.fixture
def make(open_project: Open, tmp_path: Path) -> Iterator[Make]:
    """The oracle of a run, as a command makes it that starts anew."""
    inboxes: list[Inbox] = []

    def start(panel: int = 1, shows: Callable[[int], Item] = show, **options: Any) -> LabelStudio:
        inboxes.append(Inbox(tmp_path / "inbox.sqlite", len(CLASSES), Clock(), rule=Rule(least=panel, cap=panel)))
        project = open_project(panel=panel, guesses=options.pop("guesses", False))
        return LabelStudio(inboxes[-1], project, CLASSES, shows, **options)

    yield start
    for inbox in inboxes:
        inbox.close()
