"""Against a real Label Studio, in an environment of its own: a run is labelled, killed and looked at in a browser.

The program is what ACTIVELOOP_LABEL_STUDIO names, such as /opt/label-studio/bin/label-studio, or on the path:
`python -m venv /opt/label-studio && /opt/label-studio/bin/pip install label-studio`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest

from activeloop.cli.folder import state_of
from activeloop.types import SKIP, Loaded
from oracles import Inbox
from oracles.items import Image, Item, Table, Text, png
from oracles.label_studio import Client, LabelStudio, StudioError, opened
from oracles.label_studio.labelling import choices
from oracles.label_studio.project import Wished
from oracles.label_studio.tasks import Asked, Task, Tasks

from .conftest import QUICK, Cli, environment
from .test_label_web import SOON

PROGRAM = os.environ.get("ACTIVELOOP_LABEL_STUDIO") or shutil.which("label-studio")
TOKEN, EMAIL, PASSWORD = "0123456789abcdef0123456789abcdef01234567", "owner@example.com", "a-long-password-1"
START_S = 300.0  # it builds its database first
HOSTILE = ("<img src=x onerror=alert(1)>", "a & \"b\" 'c'", "$image", "", "naïve 猫", "5 $ or $")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PROGRAM is None,
        reason="no label-studio: pip install it into an environment of its own, and name the program in"
        " ACTIVELOOP_LABEL_STUDIO",
    ),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("label-studio")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    paths = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    assert PROGRAM is not None
    command = [
        PROGRAM, "start", "--no-browser", "--data-dir", str(folder), "--internal-host", "127.0.0.1", "--port", str(port),
        "--username", EMAIL, "--password", PASSWORD, "--user-token", TOKEN, "--enable-legacy-api-token", "--log-level", "ERROR",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**paths, **quiet, "HOME": str(folder)}, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_serves(url, process, folder / "log")
        yield url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_until_it_serves(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"label-studio ended: {log.read_text()[-2000:]}")
        try:
            Client(url, TOKEN).check_version()
        except StudioError:
            time.sleep(1)
        else:
            return
    pytest.fail(f"label-studio did not start within {START_S:.0f} s: {log.read_text()[-2000:]}")


@pytest.fixture
def client(url: str) -> Client:
    return Client(url, TOKEN)


class Command:
    """`activeloop label RUN --with label-studio`, as a process that can be killed and started again."""

    def __init__(self, url: str, folder: Path, token: str, *words: str) -> None:
        self._words = [
            sys.executable,
            "-m",
            "activeloop",
            "label",
            str(folder),
            "--with",
            "label-studio",
            "--url",
            url,
            *words,
        ]
        self._environment = {
            **environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LABEL_STUDIO_API_KEY": token,
        }  # fmt: skip

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._words, stdout=subprocess.PIPE, text=True, env=self._environment)


def project_of(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((folder / "label_studio.json").read_text())
    return state


def tasks_of(client: Client, folder: Path, ticket: str | None = None) -> list[Task]:
    state = project_of(folder)
    return list(Tasks(client, state["project"], state["run"]).listed(ticket))


def annotate(client: Client, task: Task, choice: str | None, by: int, seconds: float = 1.5) -> None:
    """As the labelling page does; None skips."""
    region = {"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": [choice]}}
    body = {"result": [] if choice is None else [region], "was_cancelled": choice is None, "lead_time": seconds}
    client.send("POST", f"/api/tasks/{task.id}/annotations/", {**body, "completed_by": by})


def wait_for(what: str, told: Any) -> None:
    deadline = time.monotonic() + SOON / 1000
    while not told():
        assert time.monotonic() < deadline, f"{what} did not come within {SOON / 1000:.0f} s"
        time.sleep(0.3)


def test_digits_are_labelled_by_two_while_the_command_is_killed_again_and_again(
    cli: Cli, tmp_path: Path, url: str, client: Client, digits: Loaded
) -> None:
    assert digits.truth is not None
    truth, run = digits.truth, tmp_path / "r"
    cli("run", "--people", "--budget", 140, "--initial", 120, "--query", 10, *QUICK, "--out", "r")
    name = f"bob{time.time_ns()}@example.com"
    bob = client.send("POST", "/api/users/", {"email": name, "username": name, "password": PASSWORD})["id"]
    owner = client.get("/api/current-user/whoami")["id"]
    personal = client.send("POST", "/api/token/", {})["token"]

    # killed at moments all over the first post, and started again with the other kind of token
    chance = np.random.default_rng(5)
    for number in range(6):
        process = Command(url, run, (TOKEN, personal)[number % 2], "--panel", "2").start()
        assert process.stdout is not None
        process.stdout.readline()  # where to label: it posts next
        time.sleep(chance.uniform(0, 0.6))
        process.kill()
        process.wait(30)
    time.sleep(2)  # what the server had begun ends
    process = Command(url, run, personal, "--panel", "2", "--rounds", "2").start()
    try:
        wait_for("the first query", lambda: len(tasks_of(client, run)) >= 120)
        first = state_of(run).queries[0]
        time.sleep(3)
        tasks = {task.row: task for task in tasks_of(client, run, "q0000")}
        assert Counter(task.row for task in tasks_of(client, run)) == Counter(first.rows)
        assert [each["title"] for each in client.get("/api/projects/", page_size=100)["results"]].count(
            "activeloop r"
        ) == 1

        # both annotate; one row is skipped by both, and of one they disagree: the first one's counts
        skipped, doubted = first.rows[:2]
        for row, task in tasks.items():
            for by in (owner, bob):
                wrong = (truth[row] + 1) % 10 if (row, by) == (doubted, bob) else truth[row]
                annotate(client, task, None if row == skipped else str(wrong), by)
        wait_for(
            "the second query", lambda: len(state_of(run).queries) > 1 and len(tasks_of(client, run, "q0001")) == 10
        )
        for task in tasks_of(client, run, "q0001"):
            for by in (owner, bob):
                annotate(client, task, str(truth[task.row]), by)
        assert process.wait(60) == 3
    finally:
        process.kill()
    state = state_of(run)
    assert state.labels[skipped] == SKIP
    told = {row: label for query in state.queries for row, label in query.answers.items() if row != skipped}
    assert all(truth[row] == label for row, label in told.items())
    note = state.notes[doubted]
    assert note["annotator"] == f"{EMAIL}, {name}"
    assert [each["seconds"] for each in note["answers"]] == [1.5, 1.5]  # type: ignore[index, union-attr, call-overload]

    # what the loop gave up on is taken back; what was annotated keeps it
    process = Command(url, run, TOKEN, "--panel", "2").start()
    try:
        wait_for("the third query", lambda: len(tasks_of(client, run, "q0002")) == 10)
    finally:
        process.kill()
        process.wait(30)
    kept = tasks_of(client, run, "q0002")[0]
    annotate(client, kept, "3", owner)
    assert cli("close", "r", "q0002").code == 0
    process = Command(url, run, TOKEN, "--panel", "2").start()
    try:
        wait_for("the fourth query", lambda: len(tasks_of(client, run, "q0003")) > 0)
        wait_for("what is left of the third", lambda: [task.id for task in tasks_of(client, run, "q0002")] == [kept.id])
        wait_for("its end", lambda: client.get(f"/api/tasks/{kept.id}/")["is_labeled"])
    finally:
        process.kill()
        process.wait(30)


class Killed(BaseException):
    pass


class Dying(Client):
    """Dies once the server has imported, before that is acknowledged."""

    def send(self, method: str, path: str, body: object = None) -> Any:
        found = super().send(method, path, body)
        if path.endswith("/import"):
            raise Killed
        return found


def oracle_of(
    client: Client, folder: Path, classes: Sequence[str], show: Any, kind: str = "image", **options: Any
) -> LabelStudio:
    folder.mkdir(exist_ok=True)
    wished = Wished("hostile <b>names</b>", "0123456789abcdef", classes, kind, guesses=options.pop("guesses", False))
    first = not (folder / "label_studio.json").exists()
    project = opened(client, wished, folder / "label_studio.json", "new" if first else None)
    return LabelStudio(Inbox(folder / "inbox.sqlite", len(classes), time.time), project, classes, show, **options)


def show(row: int) -> Item:
    return Image(np.random.default_rng(row).integers(0, 256, (9, 9, 1), dtype=np.uint8))


def test_a_kill_between_the_import_and_its_acknowledgement_doubles_nothing(
    url: str, client: Client, tmp_path: Path
) -> None:
    rows = range(230)  # three requests
    for _ in range(3):
        with pytest.raises(Killed):
            oracle_of(Dying(url, TOKEN), tmp_path / "o", "0123456789", show).post("q0", rows)
    for _ in range(2):
        oracle_of(client, tmp_path / "o", "0123456789", show).post("q0", rows)

    assert Counter(task.row for task in tasks_of(client, tmp_path / "o")) == Counter(rows)


def test_a_request_that_goes_on_after_its_sender_died_leaves_no_surplus(
    url: str, client: Client, tmp_path: Path
) -> None:
    oracle = oracle_of(client, tmp_path / "o", "0123456789", show)
    state = project_of(tmp_path / "o")
    impatient = Tasks(Client(url, TOKEN, timeout_s=0.02), state["project"], state["run"])
    with pytest.raises(StudioError):
        impatient.post("q0", [Asked(row, str(row), show(row)) for row in range(100)])
    oracle.post("q0", range(100))  # while the server may still be at it
    time.sleep(5)
    oracle.post("q0", range(100))

    assert Counter(task.row for task in tasks_of(client, tmp_path / "o")) == Counter(range(100))


def test_large_images_are_uploaded_and_served(client: Client, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    oracle = oracle_of(client, tmp_path / "o", "ab", lambda row: Image(pixels))
    oracle.post("q0", [5])
    oracle.post("q0", [5])

    [task] = tasks_of(client, tmp_path / "o")
    place = client.get(f"/api/tasks/{task.id}/")["data"]["image"]
    assert place.endswith("-q0-5.png")
    request = Request(f"{client.url}{place}", headers={"Authorization": f"Token {TOKEN}"})
    with urlopen(request) as answer:
        assert answer.read() == png(pixels)


def test_the_labelling_page_shows_image_keys_and_hostile_names_and_what_is_chosen_comes_back(
    client: Client,
    tmp_path: Path,
    browser: Any,
) -> None:
    """Look at the picture: it lies in the folder that ACTIVELOOP_PICTURES names, if it does."""
    oracle = oracle_of(
        client, tmp_path / "o", HOSTILE, show, guesses=True, caption=lambda row: f"{row} <b>$image</b>.png"
    )
    oracle.post("q0", range(len(HOSTILE) + 1), {0: 4})
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    said: list[str] = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(f"{client.url}/user/login/")
    page.fill("input[name=email]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle", timeout=SOON)
    page.goto(f"{client.url}/projects/{project_of(tmp_path / 'o')['project']}/data?labeling=1")

    for key, shown in enumerate(choices(HOSTILE), start=1):
        row = key - 1
        page.get_by_text(f"{row} <b>$image</b>.png").first.wait_for(timeout=SOON)
        page.get_by_text(shown, exact=False).first.wait_for(timeout=SOON)
        wait_for(
            "the image", lambda: 9 in page.locator("img").evaluate_all("all => all.map(image => image.naturalWidth)")
        )
        assert page.get_by_text(f"[{key}]").count() == 1
        page.keyboard.press(str(key))
        page.locator("input[type=radio]:checked").wait_for(state="attached", timeout=SOON)
        if row == 2:
            page.screenshot(path=Path(os.environ.get("ACTIVELOOP_PICTURES", tmp_path)) / "label-studio.png")
        page.keyboard.press("Control+Enter")
    page.get_by_text(f"{len(HOSTILE)} <b>$image</b>.png").first.wait_for(timeout=SOON)
    page.keyboard.press("Control+Space")
    wait_for("the skip", lambda: len(oracle.collect("q0")) == len(HOSTILE) + 1)

    assert oracle.collect("q0") == {**{row: row for row in range(len(HOSTILE))}, len(HOSTILE): SKIP}
    notes = oracle.notes("q0")
    assert {note["annotator"] for note in notes.values()} == {EMAIL}
    assert [notes[row].get("shown") for row in (0, 1)] == [4, None]
    assert all(isinstance(seconds := note["seconds"], float) and 0 < seconds < 120 for note in notes.values())
    assert said == []


def test_texts_and_tables_are_taken_too(client: Client, tmp_path: Path) -> None:
    for kind, item in (("text", Text("a <script>alert(2)</script>\n$name")), ("table", Table((("<b>age", "7"),)))):
        oracle = oracle_of(client, tmp_path / kind, HOSTILE, lambda row, item=item: item, kind)
        oracle.post("q0", [3])
        [task] = tasks_of(client, tmp_path / kind)
        annotate(client, task, choices(HOSTILE)[2], client.get("/api/current-user/whoami")["id"])
        assert oracle.collect("q0") == {3: 2}


def test_a_project_that_was_deleted_is_said(client: Client, tmp_path: Path) -> None:
    oracle = oracle_of(client, tmp_path / "o", "ab", show)
    oracle.post("q0", [3])
    client.send("DELETE", f"/api/projects/{project_of(tmp_path / 'o')['project']}/")

    with pytest.raises(StudioError, match="is gone from"):
        oracle.collect("q0")
    with pytest.raises(StudioError, match="it was deleted, or belongs to another server"):
        oracle_of(client, tmp_path / "o", "ab", show)
