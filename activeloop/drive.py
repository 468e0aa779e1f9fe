"""Rounds against an oracle, until the run is done or the oracle keeps it waiting."""

from __future__ import annotations

from collections.abc import Iterator

from activeloop.fold import State
from activeloop.run import Run
from activeloop.types import Oracle


def drive(run: Run, oracle: Oracle) -> Iterator[State]:
    """Ask, post, collect, tell; gives the state after every query and ends when nothing is left to do for now.

    Past queries are posted again first, in their order: an annotator with a memory is a fold over them too.
    """
    for query in run.state.queries:
        oracle.post(query.id, query.rows)
    while (query := run.ask()) is not None:  # type: ignore[assignment]
        oracle.post(query.id, query.rows)
        notes = getattr(oracle, "notes", None)
        waiting = run.tell(query.id, oracle.collect(query.id), notes(query.id) if notes else None)
        yield run.state
        if waiting:
            return
    yield run.state
