"""A run labelled in Label Studio: each query becomes tasks there, and the loop goes round as they are annotated."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from activeloop.cli.people import Loop, Wanted
from oracles.label_studio import Client, LabelStudio, StudioError, Unreachable, opened
from oracles.label_studio.labelling import kind_of
from oracles.label_studio.project import Wished

FILE = "label_studio.json"
URL, TOKEN = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"  # the names that Label Studio's own clients read
DEFAULT_URL = "http://localhost:8080"
PAUSE_S = 3.0  # between two looks; also how long the last annotation may be changed before the model trains
WHOLE_S = 300.0  # how often all tasks are looked at, so that deleted ones are asked again
PATIENCE_S = 1800.0  # how long a server that was there may be away


@dataclass(frozen=True)
class Studio:
    """Where to label.    url, token: of the server; by default those that the environment names.    project: see `opened`."""

    url: str | None = None
    token: str | None = None
    project: str | None = None


def label(folder: Path, wanted: Wanted, studio: Studio, pause: Callable[[float], None] = time.sleep) -> int:
    """Until the run is done or the rounds wanted are over; gives the exit code.    pause: waits so many seconds."""
    client = Client(studio.url or os.environ.get(URL) or DEFAULT_URL, studio.token or os.environ.get(TOKEN, ""))
    client.check_version()
    with Loop(folder, wanted) as loop:
        wished = Wished(
            title=f"activeloop {folder.resolve().name}",
            about=loop.run.state.fingerprint,
            classes=loop.classes,
            kind=kind_of(loop.show(0)),
            panel=wanted.rule.cap if wanted.rule is not None else 1,
            guesses=wanted.guesses,
        )
        project = opened(client, wished, folder / FILE, studio.project)
        oracle = LabelStudio(loop.inbox, project, loop.classes, loop.show, loop.caption, _warn)
        patience = Patience(pause)
        print(f"label at: {project.labelling}\na key chooses a class, Ctrl+Enter submits, Ctrl+Space skips. Ctrl-C ends this"
              " command; the same command goes on.", flush=True)  # fmt: skip
        for query in loop.questions():
            _wait_for(loop, oracle, query.id, query.rows, patience)
        patience.until_there(oracle.tidy)
        return loop.ended()


class Patience:
    """Goes on for a while where the server is away, and says so once."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self.pause = pause

    def until_there(self, work: Callable[[], object]) -> None:
        """raises: Unreachable where the server stays away."""
        waited = 0.0
        while True:
            try:
                work()
            except Unreachable as error:
                if waited >= PATIENCE_S:
                    raise
                if not waited:
                    print(f"note: {error} Trying on for {PATIENCE_S / 60:.0f} minutes.", file=sys.stderr)
                self.pause(PAUSE_S)
                waited += PAUSE_S
            else:
                if waited:
                    print("note: Label Studio is back.", file=sys.stderr)
                return


def _wait_for(loop: Loop, oracle: LabelStudio, ticket: str, rows: tuple[int, ...], patience: Patience) -> None:
    """Until every row is decided, and has stayed so for a pause."""
    since_whole, before = WHOLE_S, -1
    while True:
        is_anew = since_whole >= WHOLE_S
        if is_anew:
            patience.until_there(partial(oracle.post, ticket, rows))
            patience.until_there(oracle.tidy)
            since_whole = 0.0
        patience.until_there(partial(oracle.fetch, ticket, anew=is_anew))
        left = len(loop.inbox.waiting(ticket))
        if left != before:
            print(f"{ticket}: {len(rows) - left} of {len(rows)} rows answered", flush=True)
        if not left and not before:
            patience.until_there(partial(oracle.fetch, ticket, anew=True))
            if not loop.inbox.waiting(ticket):
                return
        before = left
        patience.pause(PAUSE_S)
        since_whole += PAUSE_S


def _warn(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


__all__ = ["Studio", "StudioError", "label"]
