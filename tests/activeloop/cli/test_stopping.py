"""Ctrl-C and SIGTERM end a page that is in use: nobody is waited for, and nothing acknowledged is lost."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install activeloop[web]")

from activeloop.cli.main import INTERRUPTED
from activeloop.cli.people import Wanted
from activeloop.cli.web import Turning
from oracles import Inbox

from .conftest import Cli, Team, environment

PATIENCE_S = 120  # a busy machine takes its time; what would be waited for here never comes
FOREVER = 10**9  # epochs


class Page:
    """`activeloop label RUN --with web` in a process of its own, and one browser's connection, which is kept open."""

    def __init__(self, run: Path) -> None:
        paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "activeloop", "label", str(run), "--with", "web", "--port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**environment(), **paths},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        assert self.process.stdout is not None
        link = self.process.stdout.readline()
        self.host, self.port, token = re.search(r"//([\d.]+):(\d+)(/\S+)", link).groups()  # type: ignore[union-attr]
        self._link = http.client.HTTPConnection(self.host, int(self.port), timeout=PATIENCE_S)
        self._link.request("GET", token)
        answer = self._link.getresponse()
        answer.read()
        self.cookie = str(answer.getheader("set-cookie")).partition(";")[0]

    def post(self, path: str, body: object) -> dict[str, dict[str, object]]:
        headers = {"content-type": "application/json", "x-activeloop": "1", "cookie": self.cookie}
        self._link.request("POST", path, json.dumps(body), headers)
        answer = self._link.getresponse()
        assert answer.status == 200
        return json.loads(answer.read())  # type: ignore[no-any-return]

    def raw(self, head: str) -> socket.socket:
        """A connection on which this is said, and then nothing."""
        held = socket.create_connection((self.host, int(self.port)))
        held.sendall(head.replace("\n", "\r\n").encode())
        return held

    def label_until_it_thinks(self) -> set[tuple[str, int]]:
        """Answers what is asked until the model trains; gives what was acknowledged."""
        taken: set[tuple[str, int]] = set()
        give_up = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < give_up
            said = self.post("/api/next", {"annotator": "ada", "n": 8})
            for row in said["rows"]:
                where = (str(row["ticket"]), int(row["row"]))  # type: ignore[index, call-overload]
                body = {"ticket": where[0], "row": where[1], "label": where[1] % 10, "annotator": "ada"}
                self.post("/api/answer", {**body, "request": f"{where}", "seconds": None, "shown": None})
                taken.add(where)
            if len({ticket for ticket, _ in taken}) > 1 and said["state"]["mood"] == "thinking":
                return taken
            time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM], ids=lambda told: told.name)
def test_a_page_in_use_ends_while_its_connections_are_open_and_the_model_trains(
    cli: Cli, tmp_path: Path, told: signal.Signals
) -> None:
    cli("run", "--people", "--budget", 40, "--initial", 5, "--validation", 5, "--query", 5, "--net", "mlp",
        "--set", f"learner.options.epochs={FOREVER}", "--out", "r")  # fmt: skip
    page = Page(tmp_path / "r")
    taken = page.label_until_it_thinks()
    about = f"host: 127.0.0.1:{page.port}\ncookie: {page.cookie}\nx-activeloop: 1\ncontent-type: application/json\n"
    held = [
        page.raw(""),
        page.raw(f"POST /api/answer HTTP/1.1\n{about}content-length: 100\n\n{{"),
        *(page.raw(f"GET /?token=wrong HTTP/1.1\nhost: 127.0.0.1:{page.port}\n\n") for _ in range(5)),
    ]
    page.process.send_signal(told)
    _, err = page.process.communicate(timeout=PATIENCE_S)

    assert all(connection.fileno() >= 0 for connection in held)  # nobody has let go of it here
    assert "Traceback" not in err
    assert page.process.returncode == (INTERRUPTED if told == signal.SIGINT else -signal.SIGTERM)
    assert told != signal.SIGINT or "the same command goes on from there:\n  activeloop label" in err
    with Inbox(tmp_path / "r/inbox.sqlite", 10, time.time, about=_about(tmp_path / "r")) as inbox:
        standing = inbox.ledger.select("SELECT ticket, row, label FROM standing")
    assert {(each["ticket"], each["row"]) for each in standing} == taken
    assert all(each["label"] == each["row"] % 10 for each in standing)
    for connection in held:
        connection.close()


def _about(run: Path) -> str:
    from activeloop.cli.folder import state_of
    from activeloop.cli.people import about

    return about(state_of(run))


def test_the_loop_is_not_waited_for_while_the_model_trains(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.run()
    turning = Turning(team.folder / "r", Wanted())
    trains, done = threading.Event(), threading.Event()

    def train(ask: Callable[[], object] = turning.loop.run.ask) -> object:
        trains.set()
        assert done.wait(PATIENCE_S)
        return ask()

    monkeypatch.setattr(turning.loop.run, "ask", train)
    turning.loop.run.close("q0000")
    turning.start()
    assert trains.wait(PATIENCE_S)

    assert not turning.stop()
    done.set()
    while not turning.stop():
        pass
    turning.loop.__exit__(None, None, None)
