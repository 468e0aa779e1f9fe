"""Tasks of one project: posted, listed, deleted."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from oracles.items import Image, encodable, png
from oracles.label_studio.client import Client, StudioError
from oracles.label_studio.labelling import JSON, kind_of, result, shown

PAGE = 100  # tasks listed at a time; Label Studio takes ten milliseconds for each
SMALL = 64 * 1024  # bytes of an image that travels inside its task; it comes back with every listing
MOST_FILES, MOST_BYTES = 100, 16 * 1024 * 1024  # of a request that uploads; Label Studio takes no more than 100 files
MODEL = "activeloop"  # whose guesses the predictions are


@dataclass(frozen=True)
class Task:
    """A row in Label Studio.    annotations: as the server gives them.    has_guess: whether a guess is shown beside it."""

    id: int
    ticket: str
    row: int
    annotations: tuple[Mapping[str, Any], ...]
    has_guess: bool


@dataclass(frozen=True)
class Asked:
    """What becomes a task.    guess: the choice that the model thinks of."""

    row: int
    name: str
    item: Any
    guess: str | None = None


@dataclass(frozen=True)
class Tasks:
    """Those of a run in a project; others there are left alone."""

    client: Client
    project: int
    run: str

    def listed(
        self, ticket: str | None = None, *, since: float | None = None, unfinished: bool = False
    ) -> Iterator[Task]:
        """By id.    since: only those changed later, seconds since 1970.    unfinished: only those that still want answers."""
        wanted = []
        if ticket is not None:
            wanted.append(("data.ticket", "equal", "String", ticket))
        if since is not None:
            moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            wanted.append(("updated_at", "greater", "Datetime", moment))
        if unfinished:
            wanted.append(("completed_at", "empty", "Datetime", "True"))
        last = 0
        while True:
            page = self._page([*wanted, ("id", "greater", "Number", last)])
            yield from filter(None, (_task(each, self.run) for each in page))
            if len(page) < PAGE:
                return
            last = page[-1]["id"]

    def post(self, ticket: str, asked: Iterable[Asked]) -> None:
        """Make tasks of rows that have none. Each request is taken as a whole or not at all."""
        waiting = iter(asked)
        while batch := list(islice(waiting, PAGE)):
            fields = self._fields(batch, ticket)
            tasks: list[JSON] = []
            for each, field in zip(batch, fields, strict=True):
                data: JSON = {
                    "run": self.run, "ticket": ticket, "row": each.row, "name": encodable(each.name),
                    kind_of(each.item): field,
                }  # fmt: skip
                task: dict[str, JSON] = {"data": data}
                if each.guess is not None:
                    task["predictions"] = [{"model_version": MODEL, "result": result(each.guess)}]
                tasks.append(task)
            self.client.send("POST", f"/api/projects/{self.project}/import", tasks)

    def delete(self, ids: Sequence[int]) -> None:
        if ids:
            chosen = {"selectedItems": {"all": False, "included": list(ids)}}
            self.client.send("POST", f"/api/dm/actions?id=delete_tasks&project={self.project}", chosen)

    def finish(self, task: Task) -> None:
        """Have nobody else asked about a task that keeps its annotations."""
        self.client.send(
            "PATCH", f"/api/tasks/{task.id}/", {"overlap": max(1, len(task.annotations)), "is_labeled": True}
        )

    def _page(self, wanted: Sequence[tuple[str, str, str, object]]) -> list[Any]:
        names = ("filter", "operator", "type", "value")
        items = [dict(zip(names, (f"filter:tasks:{each[0]}", *each[1:]), strict=True)) for each in wanted]
        query = json.dumps({"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]})
        found = self.client.get("/api/tasks/", project=self.project, page=1, page_size=PAGE, fields="all", query=query)
        tasks = found.get("tasks") if isinstance(found, Mapping) else None
        if not isinstance(tasks, list):
            raise StudioError(
                f"{self.client.url} lists tasks in a form that is not known here; it was written for 1.23."
            )
        return tasks

    def _fields(self, batch: Sequence[Asked], ticket: str) -> list[JSON]:
        """What the tasks show: images inside them where they are small, else uploaded, and their place on the server."""
        files = {each.row: png(each.item.pixels) for each in batch if isinstance(each.item, Image)}
        large = {row: (f"{ticket}-{row}.png", content) for row, content in files.items() if len(content) > SMALL}
        places = self._uploaded(large)
        return [
            places.get(each.row) or "data:image/png;base64," + base64.b64encode(files[each.row]).decode()
            if each.row in files
            else shown(each.item)
            for each in batch
        ]

    def _uploaded(self, files: Mapping[int, tuple[str, bytes]]) -> dict[int, str]:
        """Row -> place on the server."""
        found: dict[int, str] = {}
        for rows in _in_size(files):
            path = f"/api/projects/{self.project}/import"
            said = self.client.upload(f"{path}?commit_to_project=false", [files[row] for row in rows])
            ids = said.get("file_upload_ids") or [] if isinstance(said, Mapping) else []
            listed = self.client.get(f"/api/projects/{self.project}/file-uploads", ids=json.dumps(ids))
            names = {each["id"]: str(each["file"]) for each in listed}
            for row, at in zip(rows, ids, strict=False):
                if names.get(at, "").endswith(f"-{files[row][0]}"):
                    found[row] = f"/data/{names[at]}"
            if missing := [row for row in rows if row not in found]:
                raise StudioError(
                    f"{self.client.url} took the images of {len(rows)} rows, and does not say where that of row {missing[0]}"
                    " lies. Uploads may be switched off there; nothing was asked, and the same command tries again."
                )
        return found


def _in_size(files: Mapping[int, tuple[str, bytes]]) -> Iterator[list[int]]:
    """Rows whose files go together into a request."""
    rows: list[int] = []
    size = 0
    for row, (_, content) in files.items():
        if rows and (len(rows) >= MOST_FILES or size + len(content) > MOST_BYTES):
            yield rows
            rows, size = [], 0
        rows.append(row)
        size += len(content)
    if rows:
        yield rows


def _task(said: Mapping[str, Any], run: str) -> Task | None:
    """A task of this run; None for others, which people may have put there."""
    data = said.get("data")
    if not isinstance(data, Mapping) or data.get("run") != run:
        return None
    ticket, row = data.get("ticket"), data.get("row")
    if not isinstance(ticket, str) or not isinstance(row, int) or isinstance(row, bool):
        return None
    return Task(said["id"], ticket, row, tuple(said.get("annotations") or ()), bool(said.get("predictions")))
