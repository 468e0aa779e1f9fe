"""Rounds against an oracle, until the run is done or the oracle keeps it waiting."""

from __future__ import annotations

from collections.abc import Iterator

from activeloop.fold import State
from activeloop.run import Run
from activeloop.types import Oracle


def drive(run: Run, oracle: Oracle) -> Iterator[State]:
    """Ask, post, collect, tell; gives the state after every query and ends when nothing is left to do for now.

    Past queries are posted again first, in their order and with the guesses shown then: an annotator with a memory is a
    fold over them too. Notes on rows that are not answered yet wait for their answer.
    """
    sees_guesses = bool(getattr(oracle, "sees_guesses", False))
    notes = getattr(oracle, "notes", None)
    for past in run.state.queries:
        if not past.is_open:  # the open one is asked for again below, and may lack its guesses yet
            oracle.post(past.id, past.rows, past.guesses or None)
    while (query := run.ask()) is not None:
        oracle.post(query.id, query.rows, (sees_guesses and run.guesses(query.id)) or None)
        answers = oracle.collect(query.id)
        kept = {row: note for row, note in notes(query.id).items() if row in answers} if notes else None
        waiting = run.tell(query.id, answers, kept)
        yield run.state
        if waiting:
            return
    yield run.state
