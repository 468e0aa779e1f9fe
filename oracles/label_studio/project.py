"""The project of a run: made once, found again after a crash."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracles.items import plain
from oracles.label_studio.client import Client, NotFound, StudioError
from oracles.label_studio.labelling import ITEM, LABEL, choices, configuration

LONGEST_TITLE = 50  # that Label Studio takes
MARK = "activeloop run"  # in the description, before the run's id
NEW = "new"


@dataclass(frozen=True)
class Project:
    """run: the id that its description and all its tasks carry.    guesses: whether annotators see what the model thinks."""

    id: int
    run: str
    client: Client
    guesses: bool = False

    @property
    def labelling(self) -> str:
        """Where people label."""
        return f"{self.client.url}/projects/{self.id}/data?labeling=1"


@dataclass(frozen=True)
class Wished:
    """What the project is to be.

    about: what tells this run from others by its content, such as a fingerprint; two runs of one configuration share it.
    kind: of the items, "image", "text" or "table".    panel: annotators asked about every row.    guesses: whether they see
    what the model thinks.
    """

    title: str
    about: str
    classes: Sequence[str]
    kind: str
    panel: int = 1
    guesses: bool = False


def opened(client: Client, wished: Wished, file: Path, choice: str | None = None) -> Project:
    """The project of this run, made where there is none, and set as wished.

    file: remembers it; written before the project is made, so that a crash in between leaves no second one.
    choice: the number of a project, or "new", where the file is gone and another run of the same content has one.
    raises: StudioError with the next step, among others where the project was deleted, or is about something else.
    """
    state = _read(file)
    if state is None:
        state = _begun(client, wished, choice)
        _keep(file, state)
    run, number = state["run"], state["project"]
    found = _by_number(client, number, run, state["url"]) if number is not None else None
    if found is None:
        found = _by_run(client, run)
    if found is None and number is not None:
        raise StudioError(
            f"project {number} of this run is not on {client.url}: it was deleted, or belongs to another server ({file.name}"
            f" says {state['url']}). What was told is safe in the run. Give that --url, or delete {file} for a new project."
        )
    if found is None:
        found = _made(client, wished, run)
    _check(found, wished, client)
    _keep(file, {"run": run, "url": client.url, "project": found["id"]})
    _set(client, found, wished)
    return Project(found["id"], run, client, wished.guesses)


def _begun(client: Client, wished: Wished, choice: str | None) -> dict[str, Any]:
    """What is remembered of a run that has no project yet, or of the one chosen."""
    fresh = {"run": f"{wished.about[:16]}-{secrets.token_hex(6)}", "url": client.url, "project": None}
    if choice == NEW:
        return fresh
    alike = [each for each in _listed(client) if f"{MARK} {wished.about[:16]}-" in str(each.get("description"))]
    if choice is None:
        if alike:
            raise StudioError(
                f"{client.url} has project {alike[0]['id']} ({plain(str(alike[0].get('title')), 60)!r}) of a run with the same"
                f" configuration, and nothing here says whether it is this run's. Go on with it by"
                f" --project {alike[0]['id']}, or make another by --project new."
            )
        return fresh
    found = next((each for each in alike if str(each["id"]) == choice), None)
    if found is None:
        there = ", ".join(str(each["id"]) for each in alike) or "none"
        raise StudioError(
            f"--project is {plain(choice, 40)!r}; projects of this run's configuration on {client.url}: {there}; or new."
        )
    return {"run": _run_of(found), "url": client.url, "project": found["id"]}


def _by_number(client: Client, number: int, run: str, url: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.get(f"/api/projects/{number}/")
    except NotFound:
        return None
    is_it = run in str(found.get("description")) or url == client.url  # its owner may have rewritten the description
    return found if is_it else None


def _by_run(client: Client, run: str) -> dict[str, Any] | None:
    there = [each for each in _listed(client) if run in str(each.get("description"))]
    return client.get(f"/api/projects/{there[0]['id']}/") if there else None  # the oldest, should there be copies


def _listed(client: Client) -> list[dict[str, Any]]:
    """id, title and description of every project, oldest first."""
    found: list[dict[str, Any]] = []
    for page in range(1, 1000):
        said = client.get("/api/projects/", page=page, page_size=100, include="id,title,description")
        found += said["results"] if isinstance(said, Mapping) else said
        if not isinstance(said, Mapping) or not said.get("next"):
            break
    return sorted(found, key=lambda each: int(each["id"]))


def _made(client: Client, wished: Wished, run: str) -> dict[str, Any]:
    body = {
        "title": plain(wished.title, LONGEST_TITLE - 1),
        "description": f"{MARK} {run}",
        "label_config": configuration(wished.classes, wished.kind),
        **_settings(wished),
        "sampling": "Sequential sampling",  # in the order asked, which is that of the scores
        "enable_empty_annotation": False,
    }
    made: dict[str, Any] = client.send("POST", "/api/projects/", body)
    return made


def _settings(wished: Wished) -> dict[str, Any]:
    return {
        "maximum_annotations": wished.panel,
        "show_collab_predictions": wished.guesses,
        "skip_queue": "IGNORE_SKIPPED",  # a skip is an answer, and comes back to nobody
    }


def _set(client: Client, found: Mapping[str, Any], wished: Wished) -> None:
    changed = {name: value for name, value in _settings(wished).items() if found.get(name) != value}
    if changed:
        client.send("PATCH", f"/api/projects/{found['id']}/", changed)


def _check(found: Mapping[str, Any], wished: Wished, client: Client) -> None:
    """Its owner may dress up the labelling page; what answers are read by must still be there."""
    control = (found.get("parsed_label_config") or {}).get(LABEL) or {}
    inputs = [each.get("value") for each in control.get("inputs") or []]
    where = f"project {found['id']} on {client.url}"
    mend = "Under Settings, Labeling Interface, put this back:\n" + configuration(wished.classes, wished.kind)
    if control.get("type") != "Choices" or ITEM not in control.get("to_name", []):
        raise StudioError(f"{where} has no Choices called {LABEL!r} about {ITEM!r} any more. {mend}")
    if inputs != [wished.kind]:
        raise StudioError(
            f"{where} shows {', '.join(map(str, inputs))}, and this command would show it {wished.kind}s: give the same"
            f" --show as before. {mend}"
        )
    missing = [name for name in choices(wished.classes) if name not in control.get("labels", [])]
    if missing:
        raise StudioError(
            f"{where} lacks {len(missing)} of the {len(wished.classes)} classes, first {plain(missing[0], 60)!r}. {mend}"
        )


def _run_of(found: Mapping[str, Any]) -> str:
    return str(found["description"]).partition(f"{MARK} ")[2].split()[0]


def _read(file: Path) -> dict[str, Any] | None:
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        state = None
    if not isinstance(state, dict) or not {"run", "url", "project"} <= state.keys():
        raise StudioError(f"{file} is torn, or no record of a project: delete it; the command then says what it finds.")
    return state


def _keep(file: Path, state: Mapping[str, Any]) -> None:
    """On disk when this returns, whole or not at all."""
    fresh = file.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as handle:
        json.dump(state, handle)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(fresh, file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
