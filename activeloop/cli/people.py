"""The loop with people in it: what the inbox holds is told to the run, the run asks, the inbox gets its question."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.fold import State
    from activeloop.run import Run
    from activeloop.types import Data, Query
    from oracles import Inbox
    from oracles.rule import Rule

INBOX = "inbox.sqlite"


@dataclass(frozen=True)
class Wanted:
    """How people are asked.

    rounds: queries until the command stops, None for all.    rule: how many annotators a row wants and what they say
    together, None for one; the run's seed draws its ties.    guesses: whether what the model thinks is offered.
    table: a CSV of what to show.    data: where the data lie now.
    """

    rounds: int | None = None
    rule: Rule[str] | None = None
    guesses: bool = False
    table: Path | None = None
    data: str | None = None


class Loop:
    """A run and its inbox, for as long as people label; `with` releases both.

    thinks: called with True before the model trains to choose, and with False once it has.
    """

    def __init__(self, folder: Path, wanted: Wanted, thinks: Callable[[bool], None] | None = None) -> None:
        from activeloop.cli.folder import items_in, open_with_data
        from activeloop.cli.shown import caption, shower

        self._wanted, self._thinks = wanted, thinks or _say
        self.run, loaded = open_with_data(folder, wanted.data)
        try:
            source = Path(wanted.data or self.run.config.data.source)
            self._data, items = loaded.data, items_in(loaded.data)
            self.show, self.caption = shower(loaded.data, items, source, wanted.table), caption(items)
            self.classes = self.run.state.classes
            self.inbox = _open_inbox(self.run, wanted.rule)
        except BaseException:
            self.run.__exit__(None, None, None)
            raise

    def questions(self) -> Iterator[Query]:
        """Queries for people: each is given until it is decided, then told, and the model trains and asks again.

        Ends when the run is done, or after the rounds wanted.
        """
        told = 0
        while self._wanted.rounds is None or told < self._wanted.rounds:
            query = self._next()
            if query is None:
                return
            if self.inbox.waiting(query.id):
                yield query
            if not self.inbox.waiting(query.id):
                self._tell(query)
                told += 1

    def hand_on_revisions(self) -> int:
        """What the owner decided anew, after it was told, becomes a revision of the run; gives how many."""
        from oracles.inbox.standing import date_of

        revisions = self.inbox.revisions()
        for each in revisions:
            note = {"annotator": each.annotator, "date": date_of(each.time), "why": each.why}
            self.run.revise({each.row: each.label}, each.why, {each.row: note})
            self.inbox.pass_on(each.event)
        return len(revisions)

    def ended(self) -> int:
        """Say what comes next; gives the exit code."""
        from activeloop.cli.main import DONE, WAITING

        folder, state = self.run.folder, self.run.state
        if state.stopped is None:
            print(f"{folder}: {state.told} labels told. The next round: activeloop label {folder}")
            return WAITING
        print(f"{folder}: done ({state.stopped}), {state.told} labels told. Next:\n  activeloop export {folder}"
              f"\n  activeloop report {folder}")  # fmt: skip
        return DONE

    def _next(self) -> Query | None:
        """The open query, else the next; in the inbox."""
        self.hand_on_revisions()
        query = self.run.state.open_query
        if query is None:
            self._thinks(True)
            try:
                query = self.run.ask()
                _draw(self.run, self._data)
            finally:
                self._thinks(False)
        if query is not None and not self.inbox.has(query.id):
            self.inbox.post(
                query.id, query.rows, dict(self.run.guesses(query.id)) or None if self._wanted.guesses else None
            )
        return query

    def _tell(self, query: Query) -> None:
        """Hand a decided query to the journal. After a kill in between, what was collected is told again."""
        answers, notes = self.inbox.collect(query.id), self.inbox.notes(query.id)
        fresh = {row: label for row, label in answers.items() if row not in query.answers}
        self.run.tell(query.id, fresh, {row: notes[row] for row in fresh if row in notes})
        self.inbox.close_ticket(query.id)

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.inbox.close()
        self.run.__exit__(kind, error, at)


def about(state: State) -> str:
    """What the rows of a run's inbox are of."""
    return f"{state.fingerprint} on {state.data}"


def _open_inbox(run: Run, rule: Rule[str] | None) -> Inbox:
    """The inbox in the run's folder, with every query so far posted, and what was told in other ways settled."""
    from oracles import Inbox

    seeded = None if rule is None else replace(rule, seed=run.config.seed)
    inbox = Inbox(run.folder / INBOX, len(run.state.classes), time.time, about=about(run.state), rule=seeded)
    open_query = run.state.open_query
    try:
        for query in run.state.queries:
            if query is not open_query or query.answers:
                inbox.post(query.id, query.rows)
                inbox.settle(query.id, query.answers)
            if not query.is_open:
                inbox.close_ticket(query.id)
    except BaseException:
        inbox.close()
        raise
    return inbox


def _draw(run: Run, data: Data) -> None:
    """The curve and the picks, for TensorBoard."""
    from activeloop.report.images import images_of
    from activeloop.report.tensorboard import run_folder, write_run

    logs = run_folder(run.folder / "tb", run.config.acquire.strategy, run.config.seed)
    write_run(run.folder, logs, images=images_of(data.inputs))


def _say(thinking: bool) -> None:
    if thinking:
        print("the model trains and chooses …", file=sys.stderr)
