"""The page of an inbox of ten classes, asked by HTTP without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install activeloop[web]")

from starlette.testclient import TestClient

from oracles import Inbox
from oracles.items import Image, Item, Table, Text
from oracles.web.app import application
from oracles.web.guard import Tokens
from oracles.web.page import Page, Story

from ..inbox.conftest import Clock

TOKENS = Tokens("annotators-token-0123", "owners-token-01234567")
OURS = {"x-activeloop": "1"}
HOSTILE = '<img src=x onerror="alert(1)">'
Post = Callable[..., Any]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(tmp_path: Path, clock: Clock) -> Iterator[Inbox]:
    with Inbox(tmp_path / "inbox.sqlite", 10, clock) as inbox:
        inbox.post("q0", [4, 5, 6, 7], {4: 1})
        yield inbox


def show(row: int) -> Item:
    if row == 5:
        return Text(f"a text {HOSTILE}")
    if row == 6:
        return Table((("age", "7"), (HOSTILE, "\ud800")))
    return Image(np.full((2, 3, 1), row, np.uint8))


class Slept:
    """Counts the seconds instead of waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def slept() -> Slept:
    return Slept()


def make_page(**options: Any) -> Page:
    story = Story("asking", "", 3, 40, "accuracy", ((20, 0.5),))
    names = [HOSTILE, *"123456789"]
    return Page("a run", "0123", names, show, lambda row: f"{row}\x1b.png", lambda: story, **options)


@pytest.fixture
def stranger(inbox: Inbox, slept: Slept) -> TestClient:
    """A browser that holds no cookie."""
    app = application(inbox, make_page(offers_guess=True), TOKENS, {"testserver"}, slept)
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    stranger.get(f"/?token={TOKENS.annotator}")
    return stranger


@pytest.fixture
def owner(stranger: TestClient) -> TestClient:
    stranger.get(f"/owner?token={TOKENS.owner}")
    return stranger


def answer(row: int, label: int | None, annotator: str = "ada", **more: object) -> dict[str, object]:
    said = {"ticket": "q0", "row": row, "label": label, "annotator": annotator, "request": f"{annotator}{row}{label}"}
    return {**said, "seconds": 1.5, "shown": None, **more}
