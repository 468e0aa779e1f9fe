"""A person labels digits in a real browser, by keyboard, while servers die and others label too."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from activeloop.cli.folder import state_of
from activeloop.types import SKIP, Loaded

from .conftest import QUICK, Cli, environment

pytest.importorskip("starlette", reason="starlette is not installed: pip install 'activeloop[web]'")
WIDTHS = {"desktop": (1280, 800), "phone": (390, 844)}
SOON = 60_000  # ms; a machine that is busy with other tests takes its time


class Server:
    """`activeloop label RUN --with web`, as a process that can be killed and started again."""

    def __init__(self, folder: Path, *words: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._command = [
            sys.executable, "-m", "activeloop", "label", str(folder), "--with", "web", "--port", str(port), *words,
        ]  # fmt: skip
        self._process: subprocess.Popen[str] | None = None
        self.links: list[str] = []

    def start(self) -> None:
        paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, env={**environment(), **paths}
        )
        assert self._process.stdout is not None
        self.links = [re.sub(r"^\w+: +", "", self._process.stdout.readline()).strip() for _ in range(2)]
        assert "token=" in self.links[0]

    def end(self, how: int) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(30)


@pytest.fixture
def served() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(folder: Path, *words: str) -> Server:
        made.append(Server(folder, *words))
        made[-1].start()
        return made[-1]

    yield make
    for server in made:
        with suppress(ProcessLookupError):
            server.end(signal.SIGKILL)


class Person:
    """One browser, and what it did wrong."""

    def __init__(self, browser: Any, link: str, name: str, **look: Any) -> None:
        self._context = browser.new_context(**look)
        self.page = self._context.new_page()
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self._check(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda line: self._hear(line))
        self.page.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        self.page.goto(link)
        self.page.fill("#name-input", name, timeout=SOON)
        self.page.keyboard.press("Enter")

    def _check(self, url: str) -> None:
        if not url.startswith("http://127.0.0.1:"):
            self.wrong.append(f"asked for {url}")

    def _hear(self, line: Any) -> None:
        if line.type in ("error", "warning") and "Failed to load resource" not in line.text:
            self.wrong.append(line.text)

    def row(self) -> int:
        """What is shown, once something is."""
        self._until("[data-row]:not([data-row=''])")
        return int(self.page.evaluate("document.body.dataset.row").partition("/")[2])

    def press(self, key: str) -> None:
        """A key, and what is then shown is something else."""
        before = self.page.evaluate("document.body.dataset.row")
        self.page.keyboard.press(key)
        self._until(f":not([data-row='{before}'])")

    def shows(self, row: int) -> None:
        self._until(f"[data-row='q0000/{row}']")

    def until_shown(self, row: int) -> None:
        """Skips rows, until this one is given out: soon, or once the lease of who had it has run out."""
        give_up = time.monotonic() + SOON / 1000
        while (shown := self.page.evaluate("document.body.dataset.row")) != f"q0000/{row}":
            assert time.monotonic() < give_up, "kept from others for longer than a reload takes"
            if shown:
                self.press("Space")
            time.sleep(0.2)

    def mine(self, count: int) -> None:
        """Waits until so many answers are acknowledged."""
        self._until(f"[data-mine='{count}']")

    def _until(self, state: str) -> None:
        """By a selector: the page's policy lets no test evaluate a text as a program while it polls."""
        self.page.locator(f"body{state}").wait_for(state="attached", timeout=SOON)


def start_run(cli: Cli, folder: Path) -> Path:
    said = cli("run", "--people", "--budget", 40, "--initial", 20, "--query", 10, *QUICK, "--out", "r")
    assert said.code == 3
    return folder / "r"


@pytest.mark.slow
def test_digits_are_labelled_by_keyboard_until_the_curve_rises(
    cli: Cli, tmp_path: Path, browser: Any, served: Callable[..., Server], digits: Loaded
) -> None:
    assert digits.truth is not None
    truth = digits.truth
    run = start_run(cli, tmp_path)
    server = served(run, "--guesses")
    ada = Person(browser, server.links[0], "ada")

    # answers, a skip, one undone; a reload in the middle
    for _ in range(3):
        ada.press(str(truth[ada.row()]))
    skipped = ada.row()
    ada.press("Space")
    wrong = ada.row()
    ada.press(str((truth[wrong] + 1) % 10))
    ada.page.keyboard.press("Backspace")
    ada.shows(wrong)  # after another row, where the next ones came in between
    ada.press(str(truth[wrong]))
    ada.mine(5)
    ada.page.reload()
    ada.row()
    ada.mine(5)

    # the server is killed: keys go on for as long as there are preloaded rows, and nothing of it is lost
    before = ada.row()
    server.end(signal.SIGKILL)
    for _ in range(2):
        ada.press(str(truth[ada.row()]))
    ada.page.get_by_text("answers are not saved yet").wait_for(timeout=SOON)
    server.start()
    ada.mine(7)
    assert ada.row() != before

    # two at once are given different rows
    bob = Person(browser, server.links[0], "bob")
    assert ada.row() != bob.row()
    for count in range(13):
        person = ada if count % 2 else bob
        if person.page.evaluate("document.body.dataset.row"):
            person.press(str(truth[person.row()]))
    deadline = time.monotonic() + SOON / 1000
    while not state_of(run).queries[0].answers and time.monotonic() < deadline:
        for person in (ada, bob):  # either may have nothing for a moment, while the next rows are on their way
            if person.page.evaluate("document.body.dataset.row"):
                person.press(str(truth[person.row()]))
        time.sleep(0.1)

    # all answered: the page says that the model thinks, then the next query comes by itself, twice
    ada.page.locator("body[data-mood='thinking'], body[data-row^='q0001']").first.wait_for(
        state="attached", timeout=SOON
    )
    for number in (1, 2, 3):
        deadline = time.monotonic() + SOON / 1000
        while time.monotonic() < deadline and state_of(run).stopped is None and len(state_of(run).queries) <= number:
            time.sleep(0.1)
        while state_of(run).stopped is None and not state_of(run).queries[number].answers:
            if ada.page.evaluate("document.body.dataset.row"):
                ada.page.keyboard.press(".")
                ada.press(str(truth[ada.row()]))
            elif bob.page.evaluate("document.body.dataset.row"):
                bob.press(str(truth[bob.row()]))
            else:
                time.sleep(0.1)
    ada.page.get_by_text("Done: the budget is spent").wait_for(timeout=SOON)

    owner = browser.new_page()
    owner.goto(server.links[1])
    owner.locator("svg .dot").nth(2).wait_for(state="attached", timeout=SOON)
    for person in (ada, bob):
        assert person.wrong == []
    state = state_of(run)
    assert state.labels[skipped] == SKIP
    told = {row: label for query in state.queries for row, label in query.answers.items() if row != skipped}
    assert all(truth[row] == label for row, label in told.items())
    assert state.told == 40
    assert {note["annotator"] for note in state.notes.values()} == {"ada", "bob"}
    assert any("shown" in note for note in state.notes.values())
    reached = [measure.metrics["accuracy"] for measure in state.measures]
    assert reached[-1] > reached[0]


@pytest.mark.slow
def test_a_reload_shows_the_same_rows_and_a_closed_page_leaves_them_to_others(
    cli: Cli, tmp_path: Path, browser: Any, served: Callable[..., Server]
) -> None:
    server = served(start_run(cli, tmp_path))
    ada = Person(browser, server.links[0], "ada")
    before = ada.row()
    bob = Person(browser, server.links[0], "bob")
    ada.page.reload()
    assert ada.row() == before != bob.row()

    ada.page.close(run_before_unload=True)
    bob.until_shown(before)
    assert bob.wrong == ada.wrong == []


@pytest.mark.slow
def test_the_pages_look_right_at_desktop_and_phone_width_light_and_dark(
    cli: Cli, tmp_path: Path, browser: Any, served: Callable[..., Server]
) -> None:
    """Look at the pictures: they lie in the folder that ACTIVELOOP_PICTURES names, if it does."""
    folder = Path(os.environ.get("ACTIVELOOP_PICTURES", tmp_path))
    server = served(start_run(cli, tmp_path), "--panel", "2")
    for size, (width, height) in WIDTHS.items():
        for scheme in ("light", "dark"):
            look = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
            person = Person(browser, server.links[0], f"{size} {scheme}", **look)
            for key in ("3", "5", "Space", "?"):
                person.row()
                person.press(key)
            page = person.page
            person.row()
            person.mine(3)
            assert page.evaluate("getComputedStyle(document.querySelector('#item img')).imageRendering") == "pixelated"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
            page.screenshot(path=folder / f"{size}-{scheme}-label.png")
            before = page.locator("#item img").bounding_box()["width"]
            page.keyboard.press("+")
            assert page.locator("#item img").bounding_box()["width"] > before
            page.keyboard.press(",")
            page.get_by_text("none labelled yet").first.wait_for(timeout=SOON)
            page.screenshot(path=folder / f"{size}-{scheme}-guide.png")
            page.goto(server.links[1])
            page.locator("#annotators td").first.wait_for(timeout=SOON)
            page.locator("#doubts article").first.wait_for(timeout=SOON)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.locator("#doubts article:has-text('nothing yet') select").first.input_value() == ""
            page.screenshot(path=folder / f"{size}-{scheme}-owner.png", full_page=True)
            grounds = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (int(re.findall(r"\d+", grounds)[0]) < 128) == (scheme == "dark")
            assert person.wrong == []
            page.close()


@pytest.mark.slow
def test_hostile_names_are_shown_as_they_are_and_many_classes_are_searched(
    cli: Cli, tmp_path: Path, browser: Any, served: Callable[..., Server]
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    (tmp_path / "images").mkdir()
    for at in range(12):
        Image.fromarray(np.full((60, 90, 3), 20 * at, np.uint8)).save(
            tmp_path / f"images/{at} <b onclick=alert(2)>.png"
        )
    (tmp_path / "names.txt").write_text("\n".join([hostile, *(f"class number {at}" for at in range(40))]))
    cli("run", "--data", "images", "--classes", "names.txt", "--budget", 8, "--initial", 4, "--query", 2, "--validation", 2,
        *QUICK, "--out", "r")  # fmt: skip
    server = served(tmp_path / "r", "--annotator", "ada")
    page = browser.new_page()
    said: list[str] = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(server.links[0])
    page.get_by_text(" <b onclick=alert(2)>.png").wait_for(timeout=SOON)
    page.get_by_text(hostile).first.wait_for(timeout=SOON)
    page.keyboard.press("/")
    page.keyboard.type("number 39")
    page.keyboard.press("Enter")
    page.locator("body[data-mine='1']").wait_for(state="attached", timeout=SOON)
    page.screenshot(path=Path(os.environ.get("ACTIVELOOP_PICTURES", tmp_path)) / "hostile.png")
    page.keyboard.press(",")
    page.get_by_text("none labelled yet").first.wait_for(timeout=SOON)
    page.goto(server.links[1])
    page.locator("#annotators td").first.wait_for(timeout=SOON)

    assert said == []
    assert page.evaluate("document.querySelectorAll('b, [onclick], [onerror]').length") == 0
    server.end(signal.SIGINT)
    cli("label", "r", "--export", "x.csv")
    assert (tmp_path / "x.csv").read_text().count(",40,ada,") == 1  # class number 39 is the 41st
