"""Four annotators, a server that is killed again and again, and not one acknowledged answer lost or doubled."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from oracles import Inbox
from oracles.web.serve import bound

KILLS, TICKETS, ROWS = 50, 16, 80
TOKEN = "annotators-token-0123"

SERVER = """
import sys, time
from oracles import Inbox
from oracles.items import Text
from oracles.web.app import application
from oracles.web.page import Page, Story
from oracles.web.guard import Tokens
from oracles.web.serve import LOOPBACK, bound, server

inbox = Inbox(sys.argv[1], 10, time.time, lease_s=2.0)
for number in range(int(sys.argv[3])):
    first = number * int(sys.argv[4])
    inbox.post(f"q{number}", range(first, first + int(sys.argv[4])))
page = Page("t", "t", "0123456789", lambda row: Text(str(row)), str, lambda: Story("asking"))
app = application(inbox, page, Tokens(sys.argv[5], "owners-token-01234567"), LOOPBACK)
listening = bound("127.0.0.1", int(sys.argv[2]))
server(app).run(sockets=[listening])
"""


class Annotator(threading.Thread):
    """Answers as the page does: a request is sent until it is acknowledged. Remembers what was."""

    def __init__(self, name: str, port: int, cookie: str, stop: threading.Event) -> None:
        super().__init__(name=name)
        self.kept: list[tuple[str, int, int]] = []  # ticket, row, label: acknowledged and not undone
        self.requests: set[str] = set()  # acknowledged
        self.refused: list[str] = []
        self._port, self._cookie, self._stop_now, self._chance = port, cookie, stop, random.Random(name)
        self._link: http.client.HTTPConnection | None = None

    def run(self) -> None:
        while not self._stop_now.is_set():
            code, said = self._send("/api/next", {"annotator": self.name, "n": 3})
            rows = said["rows"] if code == 200 else []
            for row in rows:
                if self._stop_now.is_set():
                    return
                self._answer(row["ticket"], row["row"])
                if self.kept and self._chance.random() < 0.1:
                    self._undo()
            if not rows:
                time.sleep(0.2)

    def _answer(self, ticket: str, row: int) -> None:
        label, request = self._chance.randrange(10), f"{self.name}-{self._chance.getrandbits(64):x}"
        body = {"ticket": ticket, "row": row, "label": label, "annotator": self.name, "request": request}
        code, _ = self._send("/api/answer", {**body, "seconds": None, "shown": None})
        if code == 200:
            self.kept.append((ticket, row, label))
            self.requests.add(request)
        else:
            self.refused.append(request)

    def _undo(self) -> None:
        request = f"{self.name}-u{self._chance.getrandbits(64):x}"
        code, said = self._send("/api/undo", {"annotator": self.name, "request": request})
        assert code == 200
        assert (said["row"]["ticket"], said["row"]["row"]) == self.kept[-1][:2]
        self.kept.pop()
        self.requests.add(request)

    def _send(self, path: str, body: object) -> tuple[int, dict[str, dict[str, object]]]:
        headers = {"content-type": "application/json", "x-activeloop": "1", "cookie": self._cookie}
        while True:
            try:
                if self._link is None:
                    self._link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
                self._link.request("POST", path, json.dumps(body), headers)
                answer = self._link.getresponse()
                content = answer.read()
                if answer.status != 503:
                    return answer.status, json.loads(content)
            except (OSError, http.client.HTTPException):
                pass
            if self._link is not None:
                self._link.close()
            self._link = None
            time.sleep(0.02)


def entered(port: int) -> str:
    """The cookie that the link gives, once the server is there."""
    for _ in range(600):
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            link.request("GET", f"/?token={TOKEN}")
            return str(link.getresponse().getheader("set-cookie")).partition(";")[0]
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


@pytest.mark.slow
def test_no_acknowledged_answer_is_lost_or_doubled_by_fifty_kills(tmp_path: Path) -> None:
    with bound("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    root, chance = Path(__file__).parents[3], random.Random(0)
    command = [sys.executable, "-c", SERVER, str(tmp_path / "inbox.sqlite"), str(port), str(TICKETS), str(ROWS), TOKEN]
    stop = threading.Event()
    annotators: list[Annotator] = []
    survived: list[int] = []
    for kill in range(KILLS + 1):
        server = subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        cookie = entered(port)
        if not annotators:
            annotators = [Annotator(name, port, cookie, stop) for name in ("ada", "bob", "cy", "dan")]
            for annotator in annotators:
                annotator.start()
        time.sleep(chance.uniform(0.05, 0.5))
        if kill < KILLS:
            survived.append(sum(len(annotator.requests) for annotator in annotators))
            server.send_signal(signal.SIGKILL)
        else:
            stop.set()
            for annotator in annotators:
                annotator.join(30)
            server.terminate()
        server.wait()

    assert not any(annotator.is_alive() for annotator in annotators)
    assert sum(after > before for before, after in pairwise(survived)) > KILLS // 2
    with Inbox(tmp_path / "inbox.sqlite", 10, time.time) as inbox:
        standing = inbox.ledger.select("SELECT ticket, row, label, annotator FROM standing")
        requests = [each["request"] for each in inbox.ledger.select("SELECT request FROM events")]
    found = {(each["ticket"], each["row"]): (each["label"], each["annotator"]) for each in standing}
    told = {(ticket, row): (label, each.name) for each in annotators for ticket, row, label in each.kept}

    assert len(found) == len(standing)  # no row has two answers
    assert found == told  # none lost, none changed, none that nobody gave
    assert len(requests) == len(set(requests))
    assert set(requests) == {request for each in annotators for request in each.requests}
    print(
        f"{KILLS} kills, {len(requests)} requests acknowledged, {sum(len(each.refused) for each in annotators)} refused"
    )
