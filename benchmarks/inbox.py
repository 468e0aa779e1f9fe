"""How fast are people's answers taken, and how soon is the next image there?

Claim: the page is never what an annotator waits for: from the key to the next image, preloaded, in the browser less than 50 ms
in the median and 100 ms at the 99th percentile; four annotators at once, each answering ten times as fast as a person can
(a second a row), are acknowledged durably: 40 answers a second.

Task: (1) the inbox alone, an answer committed and synced to disk before the next, one and four threads; (2) the same through
HTTP, as the page does it: uvicorn on loopback, four rows leased at a time, a query of 1,000 rows; (3) headless Chromium
labels a query of digits by keyboard, --keys keys 150 ms apart; from the key's own time stamp to the frame after the next
image stands in the page.

Floor: the disk. A commit is one write and one sync of the write-ahead log; the table has syncs of 4 KiB a second on this disk.
Prediction: (1) 0.6 of the floor, four threads no more than one, since commits are one after the other; (2) 150 a second, bound
by Python; (3) 20 ms, one frame and some.
Result, 2026-11-25, alone on the machine, a disk with 4,400 syncs a second: (1) 1,843 and 1,040 a second; four threads fewer, as
they wait for one another's commits; (2) 151 and 143, four times the claim, bound by Python; (3) 25 ms in the median, 38 ms at
the 99th percentile, both within the claim. Before, (2) was 17 and 65 on the same disk: the listening socket did not say that it
is TCP, so asyncio let small answers wait for the client's next packet, 40 ms. On a machine with nine other processes and 63
syncs a second it had been 8 and 32, and 140 ms at the 99th percentile: there the disk is what annotators wait for.

    PYTHONPATH=. python benchmarks/inbox.py [--answers 1000] [--keys 200] [--folder DIR]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from results import record
from sklearn.datasets import load_digits

from oracles import Inbox
from oracles.items import Image
from oracles.web.app import application
from oracles.web.guard import Tokens
from oracles.web.page import Page, Story
from oracles.web.serve import LOOPBACK, bound, server

CLASSES, ROWS_A_TICKET, BETWEEN_KEYS_MS = 10, 1000, 150
TOKENS = Tokens("annotators-token-0123", "owners-token-01234567")
CHROMIUM = "/usr/bin/chromium"

# in the page: when a key was struck, and when the frame after the next row's image stood there
WATCH = """() => {
  window.took = []; let struck = 0;
  document.addEventListener("keydown", (event) => { struck = event.timeStamp; }, true);
  new MutationObserver(() => {
    if (!struck || !document.body.dataset.row) return;
    const began = struck; struck = 0;
    const image = document.querySelector("#item img");
    const after = () => requestAnimationFrame(() => requestAnimationFrame(() => window.took.push(performance.now() - began)));
    if (image.complete) after(); else image.addEventListener("load", after);
  }).observe(document.body, { attributes: true, attributeFilter: ["data-row"] });
}"""


def syncs(folder: Path, count: int = 200) -> float:
    """Writes of 4 KiB a second, each synced."""
    with (folder / "syncs").open("wb") as file:
        began = time.perf_counter()
        for _ in range(count):
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
        return count / (time.perf_counter() - began)


def together(people: int, work: Callable[[str], list[float]]) -> tuple[float, list[float]]:
    """(answers a second of all, seconds of each)."""
    took: list[list[float]] = []
    threads = [threading.Thread(target=lambda name=f"a{at}": took.append(work(name))) for at in range(people)]  # type: ignore[misc]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    each = [seconds for part in took for seconds in part]
    return len(each) / (time.perf_counter() - began), each


def in_process(inbox: Inbox, answers: int) -> Callable[[str], list[float]]:
    def label(name: str) -> list[float]:
        took = []
        while len(took) < answers:
            for asked in inbox.lease(name, 4):
                began = time.perf_counter()
                inbox.answer(asked.ticket, asked.row, asked.row % CLASSES, name)
                took.append(time.perf_counter() - began)
        return took

    return label


def over_http(port: int, answers: int) -> Callable[[str], list[float]]:
    def label(name: str) -> list[float]:
        link = http.client.HTTPConnection("127.0.0.1", port)
        headers = {
            "content-type": "application/json", "x-activeloop": "1", "cookie": f"{TOKENS.cookie}={TOKENS.annotator}",
        }  # fmt: skip

        def ask(path: str, body: dict[str, object]) -> Any:
            link.request("POST", path, json.dumps(body), headers)
            return json.loads(link.getresponse().read())

        took: list[float] = []
        while len(took) < answers:
            for row in ask("/api/next", {"annotator": name, "n": 4})["rows"]:
                body = {"ticket": row["ticket"], "row": row["row"], "label": 1, "annotator": name}
                began = time.perf_counter()
                said = ask("/api/answer", {**body, "request": f"{row['row']}", "seconds": 1.0, "shown": None})
                took.append(time.perf_counter() - began)
                assert "event" in said, said
        return took

    return label


class Served:
    """The page of an inbox of digits, on a free port, in a thread."""

    def __init__(self, inbox: Inbox) -> None:
        images = (load_digits().images * 255 / 16).astype(np.uint8)[..., None]
        page = Page(
            "digits", "bench", "0123456789", lambda row: Image(images[row % len(images)]), str, lambda: Story("asking")
        )
        self._server = server(application(inbox, page, TOKENS, LOOPBACK))
        self._socket = bound("127.0.0.1", 0)
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self) -> int:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self.port

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join()


def posted(folder: Path, name: str, rows: int) -> Inbox:
    """An inbox whose queries have 1,000 rows each, all but the last closed in time as a loop does."""
    inbox = Inbox(folder / name, CLASSES, time.time)
    for first in range(0, rows, ROWS_A_TICKET):
        inbox.post(f"q{first}", range(first, min(first + ROWS_A_TICKET, rows)))
    return inbox


def keys(folder: Path, count: int) -> list[float]:
    """Milliseconds from every key to the next image."""
    from playwright.sync_api import sync_playwright

    with posted(folder, "keys.sqlite", count + 20) as inbox, Served(inbox) as port, sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/?token={TOKENS.annotator}")
        page.fill("#name-input", "ada")
        page.keyboard.press("Enter")
        page.locator("#item img").wait_for()
        page.evaluate(WATCH)
        for at in range(count):
            page.keyboard.press(str(at % CLASSES))
            page.wait_for_timeout(BETWEEN_KEYS_MS)
        page.locator(f"body[data-mine='{count}']").wait_for(state="attached")
        took: list[float] = page.evaluate("window.took")
        browser.close()
    assert len(took) == count
    return took


def line(what: str, people: int, rate: float, each: list[float]) -> str:
    ms = sorted(1000 * seconds for seconds in each)
    return f"| {what} | {people} | {rate:.0f} | {statistics.median(ms):.1f} | {ms[int(0.99 * len(ms))]:.1f} |"


def main(answers: int, count: int, folder: Path) -> None:
    floor, load = syncs(folder), os.getloadavg()[0]
    lines = ["| answers, each on disk before it is acknowledged | annotators | a second | median, ms | 99th percentile, ms |",
             "|---|---|---|---|---|"]  # fmt: skip
    for people in (1, 4):
        with posted(folder, f"alone{people}.sqlite", 2 * answers) as inbox:
            lines.append(line("the inbox alone", people, *together(people, in_process(inbox, answers // people))))
    for people in (1, 4):
        with posted(folder, f"http{people}.sqlite", 2 * answers) as inbox, Served(inbox) as port:
            lines.append(line("through HTTP", people, *together(people, over_http(port, answers // people))))
    took = sorted(keys(folder, count))
    shown = (
        f"{statistics.median(took):.0f} ms in the median, {took[int(0.99 * len(took))]:.0f} ms at the 99th percentile"
    )
    where = (
        f"{date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}, Starlette {version('starlette')},"
        f" uvicorn {version('uvicorn')}; {answers:,} answers of queries of {ROWS_A_TICKET:,} rows, disk with {floor:.0f} synced"
        f" writes of 4 KiB a second, {load:.0f} processes at work on the machine (load average)."
    )
    key = f"From the key to the next image, preloaded, headless Chromium, {count} keys: {shown}."
    record(__file__, f"{where}\n\n{chr(10).join(lines)}\n\n{key}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: a temporary folder)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as made:
        main(given.answers, given.keys, Path(made))
