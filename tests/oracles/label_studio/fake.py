"""As much of Label Studio as a client can see, over real HTTP, failing when told to: for errors and crash points only."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "eyJhbGciOiJub25lIn0.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmVk"
NOW = 1_800_000_000.0


class Fake:
    """The server's state, and its faults.

    faults: number of the request from now on -> "before" (the line is cut, nothing is done), "after" (it is done, and the
    answer is lost) or a status.
    """

    def __init__(self) -> None:
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self.files: dict[int, dict[str, Any]] = {}
        self.release, self.legacy, self.now = "1.23.2", True, NOW
        self.faults: dict[int, str | int] = {}
        self.requests: list[str] = []
        self.access = 0  # how many access tokens were given; only the last one counts
        self._number = 0

    def next(self) -> int:
        self._number += 1
        return self._number

    def annotate(self, row: int, choice: str | None, by: str = "ada@example.com", **more: Any) -> dict[str, Any]:
        """An annotation of the first task of a row; None skips."""
        task = next(task for task in self.tasks.values() if task["data"].get("row") == row)
        self.now += 1
        region = {"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": [choice]}}
        made = {
            "id": self.next(), "result": [] if choice is None else [region], "was_cancelled": choice is None,
            "completed_by": 7, "created_username": f" {by}, 7", "created_at": self.moment(), "updated_at": self.moment(),
            "lead_time": 2.5, **more,
        }  # fmt: skip
        task["annotations"].append(made)
        self.touch(task)
        return made

    def touch(self, task: dict[str, Any]) -> None:
        task["updated_at"], project = self.moment(), self.projects[task["project"]]
        names = {each["created_username"] for each in task["annotations"]}
        task["is_labeled"] = len(names) >= task.get("overlap", project["maximum_annotations"])

    def moment(self) -> str:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def rows(self) -> list[int]:
        return [task["data"]["row"] for task in self.tasks.values()]

    # what the server does

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        match (method, re.sub(r"\d+", "N", path).rstrip("/")):
            case ("GET", "/api/version"):
                return 200, {"release": self.release}
            case ("GET", "/api/current-user/whoami"):
                return 200, {"id": 7}
            case ("GET", "/api/projects"):
                return 200, {"next": None, "results": list(self.projects.values())}
            case ("POST", "/api/projects"):
                return 201, self._made(body)
            case ("GET", "/api/tasks"):
                project = int(query["project"])
                return self._found(project) or (200, self._listed(project, query))
            case ("POST", "/api/dm/actions"):
                for number in body["selectedItems"]["included"]:
                    self.tasks.pop(number, None)
                return 200, {"processed_items": 1}
            case ("PATCH", "/api/tasks/N"):
                task = self.tasks[int(path.split("/")[3])]
                task |= body
                return 200, task
        number = int(path.split("/")[3])
        if missing := self._found(number):
            return missing
        match (method, re.sub(r"\d+", "N", path).rstrip("/")):
            case ("GET", "/api/projects/N"):
                return 200, self.projects[number]
            case ("PATCH", "/api/projects/N"):
                self.projects[number] |= body
                return 200, self.projects[number]
            case ("POST", "/api/projects/N/import"):
                return self._imported(number, body)
            case ("GET", "/api/projects/N/file-uploads"):
                return 200, [self.files[at] for at in json.loads(query["ids"])]
        return 404, {"detail": "Not found."}

    def _found(self, number: int) -> tuple[int, Any] | None:
        return None if number in self.projects else (404, {"detail": "No Project matches the given query."})

    def _made(self, body: dict[str, Any]) -> dict[str, Any]:
        config = ElementTree.fromstring(body["label_config"])
        [item] = [each for each in config.iter() if each.get("name") == "item"]
        labels = [each.get("value") for each in config.iter("Choice")]
        inputs = [{"type": item.tag, "value": str(item.get("value"))[1:]}]
        parsed = {"label": {"type": "Choices", "to_name": ["item"], "inputs": inputs, "labels": labels}}
        number = self.next()
        self.projects[number] = {**body, "id": number, "parsed_label_config": parsed}
        return self.projects[number]

    def _imported(self, project: int, body: Any) -> tuple[int, Any]:
        if isinstance(body, bytes):
            ids = []
            for name in re.findall(rb'filename="([^"]+)"', body):
                ids.append(self.next())
                self.files[ids[-1]] = {"id": ids[-1], "file": f"upload/{project}/01234567-{name.decode()}"}
            return 201, {"file_upload_ids": ids}
        for each in body:
            number = self.next()
            self.tasks[number] = {
                "id": number, "project": project, "data": each["data"], "predictions": each.get("predictions", []),
                "annotations": [], "is_labeled": False, "updated_at": self.moment(),
            }  # fmt: skip
        return 201, {"task_count": len(body)}

    def _listed(self, project: int, query: Mapping[str, str]) -> dict[str, Any]:
        found = [task for _, task in sorted(self.tasks.items()) if task["project"] == project]
        for each in json.loads(query["query"])["filters"]["items"]:
            value = each["value"]
            keeps = {
                "filter:tasks:data.ticket": lambda task, value=value: task["data"].get("ticket") == value,
                "filter:tasks:updated_at": lambda task, value=value: task["updated_at"] > value,
                "filter:tasks:completed_at": lambda task: not task["is_labeled"],
                "filter:tasks:id": lambda task, value=value: task["id"] > value,
            }[each["filter"]]
            found = [task for task in found if keeps(task)]
        return {"total": len(found), "tasks": found[: int(query["page_size"])]}


class Handler(BaseHTTPRequestHandler):
    fake: Fake

    def _answer(self) -> None:
        fake, parts = self.fake, urlsplit(self.path)
        number = len(fake.requests)
        fake.requests.append(f"{self.command} {parts.path}")
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = fake.faults.pop(number, None)
        if fault == "before":
            self.close_connection = True
            return None
        if isinstance(fault, int):
            return self._send(fault, {"detail": "It broke."})
        is_json = self.headers.get("Content-Type") == "application/json"
        body = json.loads(content) if content and is_json else content or None
        status, said = self._authorized(parts.path, body) or fake.answer(
            self.command, parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}, body
        )
        if fault == "after":
            self.close_connection = True
            return None
        return self._send(status, said)

    def _authorized(self, path: str, body: Any) -> tuple[int, Any] | None:
        """The answer to who may not; and to who comes for an access token."""
        fake, given = self.fake, self.headers.get("Authorization")
        if path.startswith("/api/token/refresh"):
            if body != {"refresh": PERSONAL}:
                return 401, {"detail": "Token is invalid"}
            fake.access += 1
            return 200, {"access": f"access.{fake.access}.x"}
        if path == "/api/version" or given == f"Bearer access.{fake.access}.x":
            return None
        if given == f"Token {LEGACY}":
            disabled = "Authentication token no longer valid: legacy token authentication has been disabled"
            return None if fake.legacy else (401, {"detail": disabled})
        return 401, {"detail": "Invalid token."}

    def _send(self, status: int, said: Any) -> None:
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response_only(status)
        self.send_header("Date", formatdate(self.fake.now, usegmt=True))
        self.send_header("Content-Length", str(len(content)))
        if 300 <= status < 400:
            self.send_header("Location", "http://elsewhere.example/")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, *said: object) -> None:
        pass


@contextmanager
def serving(fake: Fake) -> Iterator[str]:
    """The address, as long as it serves."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"fake": fake}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
