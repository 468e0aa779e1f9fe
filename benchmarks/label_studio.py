"""How long do a thousand tasks in Label Studio take to post, to collect, and to find unchanged?

Claim: neither side of the wall waits for Label Studio: a query of 1,000 rows is posted in less time than training takes
(10 s), all annotations are collected in 15 s, and a look at a query where nothing changed costs less than a quarter of a
second and 10 kB, so that looking every three seconds is free.

Task: a real Label Studio on this machine, SQLite, started here; 1,000 of scikit-learn's digits, 8 x 8 grey, posted as one
query with a guess each, which Label Studio then turns into annotations at one stroke (not timed); they are collected by a
client that knows nothing, and again by the same client. Then 50 images of 512 x 384 x 3, noise, too large to go inside a task,
are posted. Bytes are those of bodies.

Floor: one request to the same server that does nothing, /api/version.
Prediction: post 4 s (3 s is what Label Studio says of such an import), collect 11 s (10 ms a task), unchanged 0.2 s, an
upload 30 ms an image.
Result, 2026-11-25, thirteen other processes on the two cores: post 7.4 s, collect 26 s, so above the claim, since Label Studio
takes 10 ms a task where it is alone and 2.5 times that here; unchanged 0.26 s and under a kilobyte, an upload 240 ms an image.
To be run again on a machine that does nothing else.

    PYTHONPATH=. python benchmarks/label_studio.py [--tasks 1000] [--program /opt/label-studio/bin/label-studio]
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import Request

import numpy as np
from results import record
from sklearn.datasets import load_digits

from oracles import Inbox
from oracles.items import Image, Item
from oracles.label_studio import Client, LabelStudio, StudioError, opened
from oracles.label_studio.project import Wished

CLASSES = tuple("0123456789")
TOKEN = "0123456789abcdef0123456789abcdef01234567"
PHOTOGRAPHS = 50
START_S = 300.0


class Counting(Client):
    """Counts requests and the bytes of their bodies."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token)
        self.requests = self.sent = self.received = 0
        self._plain_open = self._opener.open
        self._opener.open = self._counted  # type: ignore[method-assign]

    def _counted(self, request: Request, timeout: float) -> Any:
        answer = self._plain_open(request, timeout=timeout)
        self.requests += 1
        self.sent += len(request.data or b"")  # type: ignore[arg-type]
        self.received += int(answer.headers["Content-Length"])
        return answer


@contextmanager
def serving(program: str, folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    command = [
        program, "start", "--no-browser", "--data-dir", str(folder), "--internal-host", "127.0.0.1", "--port", str(port),
        "--username", "a@example.com", "--password", "a-long-password-1", "--user-token", TOKEN, "--enable-legacy-api-token",
        "--log-level", "ERROR",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**kept, **quiet, "HOME": str(folder)}, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        began = time.monotonic()
        while True:
            try:
                Client(url, TOKEN).check_version()
                break
            except StudioError:
                if process.poll() is not None or time.monotonic() - began > START_S:
                    raise
                time.sleep(1)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def oracle_of(client: Client, folder: Path, name: str, show: Callable[[int], Item]) -> LabelStudio:
    wished = Wished(f"benchmark {name}", "0123456789abcdef", CLASSES, "image", guesses=True)
    project = opened(client, wished, folder / f"{name}.json", None if (folder / f"{name}.json").exists() else "new")
    return LabelStudio(Inbox(folder / f"{name}.sqlite", len(CLASSES), time.time), project, CLASSES, show)


def measured(what: str, client: Counting, work: Callable[[], object]) -> str:
    """A line of the table."""
    before = client.requests, client.sent, client.received
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    requests, sent, received = (
        now - then for now, then in zip((client.requests, client.sent, client.received), before, strict=True)
    )
    return f"| {what} | {took:.2f} | {requests} | {sent / 1000:,.0f} | {received / 1000:,.0f} |"


def main(tasks: int, program: str, folder: Path) -> None:
    images = (load_digits().images * 255 / 16).astype(np.uint8)[..., None]
    labels = load_digits().target
    noise = np.random.default_rng(0)
    rows = range(tasks)
    guesses = {row: int(labels[row % len(labels)]) for row in rows}
    lines = ["| what | seconds | requests | kB sent | kB received |", "|---|---|---|---|---|"]
    (folder / "server").mkdir()
    with serving(program, folder / "server") as url:
        client = Counting(url, TOKEN)
        release = client.check_version()
        lines.append(measured("nothing (/api/version)", client, lambda: client.get("/api/version")))
        oracle = oracle_of(client, folder, "digits", lambda row: Image(images[row % len(images)]))
        lines.append(measured(f"post {tasks:,} digits", client, lambda: oracle.post("q0000", rows, guesses)))
        lines.append(measured("post again: all are there", client, lambda: oracle.post("q0000", rows)))

        client.send(
            "POST",
            f"/api/dm/actions?id=predictions_to_annotations&project={oracle.project.id}",
            {"selectedItems": {"all": True, "excluded": []}},
        )
        time.sleep(15)  # more than the margin within which changes are looked at again

        again = oracle_of(client, folder, "digits", lambda row: Image(images[row % len(images)]))
        lines.append(measured(f"collect {tasks:,} annotations", client, lambda: again.collect("q0000")))
        assert again.collect("q0000") == guesses
        lines.append(measured("collect again: nothing changed", client, lambda: again.collect("q0000")))
        lines.append(measured("look for tasks to take back: none", client, again.tidy))

        def photograph(row: int) -> Item:
            return Image(noise.integers(0, 256, (384, 512, 3), dtype=np.uint8))

        photographs = oracle_of(client, folder, "photographs", photograph)
        what = f"post {PHOTOGRAPHS} images of 590 kB, uploaded"
        lines.append(measured(what, client, lambda: photographs.post("q0000", range(PHOTOGRAPHS))))
    where = (
        f"{date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}, Label Studio {release} on SQLite, on the"
        f" same machine; {os.getloadavg()[0]:.0f} processes at work on it (load average)."
    )
    record(__file__, f"{where}\n\n{chr(10).join(lines)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--program", default=os.environ.get("ACTIVELOOP_LABEL_STUDIO") or shutil.which("label-studio"))
    given = parser.parse_args()
    if given.program is None:
        print("no label-studio here: name it by --program or ACTIVELOOP_LABEL_STUDIO; nothing was measured")
    else:
        with tempfile.TemporaryDirectory() as made:
            main(given.tasks, given.program, Path(made))
