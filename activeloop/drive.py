"""Rounds against an oracle, until the run is done or the oracle keeps it waiting."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from activeloop.fold import State
from activeloop.run import Run
from activeloop.types import Oracle, Query

if TYPE_CHECKING:
    from activeloop.training import Request, Trained

R = TypeVar("R")
# What happens in a run: states, which want no answer, and trainings that it waits for
Steps: TypeAlias = "Generator[State | Request, Trained | None, R]"
Ask: TypeAlias = "Callable[[Run], Generator[Request, Trained, Query | None]]"


def drive(run: Run, oracle: Oracle) -> Iterator[State]:
    """Ask, post, collect, tell; gives the state after every query and ends when nothing is left to do for now.

    Past queries are posted again first, in their order and with the guesses shown then: an annotator with a memory is a
    fold over them too. Notes on rows that are not answered yet wait for their answer.
    """
    return states(rounds(run, oracle, at_once))


def rounds(run: Run, oracle: Oracle, ask: Ask = Run.steps) -> Steps[None]:
    """What `drive` does, with the training left to whoever drains it."""
    sees_guesses = bool(getattr(oracle, "sees_guesses", False))
    notes = getattr(oracle, "notes", None)
    for past in run.state.queries:
        if not past.is_open:  # the open one is asked for again below, and may lack its guesses yet
            oracle.post(past.id, past.rows, past.guesses or None)
    while (query := (yield from ask(run))) is not None:
        oracle.post(query.id, query.rows, (sees_guesses and run.guesses(query.id)) or None)
        answers = oracle.collect(query.id)
        kept = {row: note for row, note in notes(query.id).items() if row in answers} if notes else None
        waiting = run.tell(query.id, answers, kept)
        yield run.state
        if waiting:
            return
    yield run.state


def at_once(run: Run) -> Generator[Request, Trained, Query | None]:
    """`Run.steps` that leaves no training to others: the run's own `ask`, on its own threads."""
    yield from ()
    return run.ask()


def states(steps: Steps[None]) -> Iterator[State]:
    """All that there is in steps that ask `at_once`."""
    return (item for item in steps if isinstance(item, State))
