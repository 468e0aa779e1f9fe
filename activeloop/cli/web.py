"""A run labelled in the browser: the page is served in this thread, the loop goes round in another."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.cli.people import Loop, Wanted
from activeloop.errors import ActiveloopError, ConfigError

if TYPE_CHECKING:
    from activeloop.types import Query
    from oracles.web.page import Story

TOKENS = "label.token"
GRACE_S = 2.5  # how long the last answer of a query may be undone before the model trains on it
LOOK_S = 0.5  # how often it is looked for what other processes put into the inbox
NAP_S = 0.02  # how often it is looked whether the loop has ended, or trains


class Turning:
    """The loop in a thread of its own, and where it stands."""

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._answered, self._stop = threading.Event(), threading.Event()
        self._thinking, self._end = False, ("", "")
        self._rounds = wanted.rounds
        self.loop = Loop(folder, wanted, self._thinks)
        self._thread = threading.Thread(target=self._turn, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> bool:
        """End the loop; False where the model trains, which may be broken off, as a journal may be cut anywhere."""
        self._stop.set()
        self._answered.set()
        while self._thread.is_alive() and not self._thinking:
            self._thread.join(NAP_S)
        return not self._thread.is_alive()

    def answered(self) -> None:
        self._answered.set()

    def story(self) -> Story:
        from oracles.web.page import Story

        state, config = self.loop.run.state, self.loop.run.config
        metric = config.stop.metric
        curve = tuple((each.labels, each.metrics[metric]) for each in state.measures if metric in each.metrics)
        mood, what = self._end if self._end[0] else ("thinking" if self._thinking else "asking", "")
        return Story(mood, what, state.told, config.budget, metric, curve)  # type: ignore[arg-type]

    def _turn(self) -> None:
        from oracles.inbox import InboxError

        try:
            while not self._stop.is_set():
                for query in self.loop.questions():
                    self._wait_for(query)
                    if self._stop.is_set():
                        return
                self._end = ("paused" if self.loop.run.state.stopped is None else "done", "")
                self.loop.ended()
                self._wait_for_revisions()
                self._end = ("", "")
        except (ActiveloopError, InboxError, OSError) as error:
            self._fail(str(error))
        except Exception as error:
            traceback.print_exc()
            self._fail(f"{type(error).__name__}: {error}")

    def _wait_for(self, query: Query) -> None:
        """Until the query is decided, and the last answer has stood for a while."""
        inbox = self.loop.inbox
        while not self._stop.is_set():
            last = inbox.last_change(query.id)
            if not inbox.waiting(query.id) and (last is None or inbox.clock() - last >= GRACE_S):
                return
            self._look()

    def _wait_for_revisions(self) -> None:
        """After the end: what the owner decides anew is handed on, and trained on unless only so many rounds are wanted."""
        while not self._stop.is_set():
            if self._look() and self._rounds is None:
                return

    def _look(self) -> int:
        self._answered.wait(LOOK_S)
        self._answered.clear()
        return self.loop.hand_on_revisions()

    def _thinks(self, thinking: bool) -> None:
        self._thinking = thinking

    def _fail(self, what: str) -> None:
        self._end = ("failed", what)
        print(f"activeloop: the loop stopped: {what} Answers are still taken; run the same command again once it is mended.",
              file=sys.stderr)  # fmt: skip


def serve(folder: Path, annotator: str | None, wanted: Wanted, host: str, port: int) -> int:
    """Until it is interrupted, which ends the process; gives the exit code where it ends otherwise."""
    from activeloop.cli.main import INTERRUPTED, interrupted

    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"the page needs {' and '.join(missing)}: pip install 'activeloop[web]', or use --with console."
        )
    from oracles.web.app import application
    from oracles.web.page import Page
    from oracles.web.serve import LOOPBACK, bound, is_loopback, server, tokens_in

    listening = bound(host, port)
    try:
        turning = Turning(folder, wanted)
        tokens = tokens_in(folder / TOKENS)
        with turning.loop as loop:
            page = Page(
                title=folder.resolve().name,
                key=loop.run.state.fingerprint,
                classes=loop.classes,
                show=loop.show,
                caption=loop.caption,
                story=turning.story,
                annotator=annotator,
                offers_guess=wanted.guesses,
                answered=turning.answered,
            )
            app = application(loop.inbox, page, tokens, LOOPBACK if is_loopback(host) else None)
            at = f"http://{_shown(host)}:{listening.getsockname()[1]}"
            print(f"label:  {at}/?token={tokens.annotator}\nowner:  {at}/owner?token={tokens.owner}\nCtrl-C ends; the same"
                  " command goes on.", flush=True)  # fmt: skip
            turning.start()
            try:
                server(app).run(sockets=[listening])
            except KeyboardInterrupt:
                turning.stop()
                interrupted(sys.argv[1:])
                sys.stderr.flush()
                os._exit(INTERRUPTED)  # all is on disk; a model may train, and to unload torch alone takes a second
            finally:
                turning.stop()
    finally:
        listening.close()
    return INTERRUPTED


def _shown(host: str) -> str:
    """The name to open it by: 0.0.0.0 is no place to go."""
    if host in ("0.0.0.0", "::"):
        import socket

        return socket.gethostname()
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
