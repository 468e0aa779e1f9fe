"""What became of a run: its metrics, or the error that ended it, which stops no other run."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from activeloop.drive import Steps
from activeloop.errors import ActiveloopError
from activeloop.fold import State

if TYPE_CHECKING:
    from activeloop.training import Trained


@dataclass(frozen=True)
class Outcome:
    """What a worker brings home of one run.

    seconds: it took, in its worker.    whole: whether it began in an empty folder, so that `seconds` are those of a whole run.
    trace: of an error that is not ours, a user's strategy's say.
    """

    name: str
    told: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    trace: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    whole: bool = True


def attempt(
    name: str, run: Callable[[], Steps[None]], whole: bool, moved: Callable[[str, State], None] | None = None
) -> Outcome:
    """One run to its end. An error is an outcome too. Ctrl-C is none.

    run: gives its state after every query, and asks `at_once`.    moved: is told each.
    """
    steps = attempted(name, run, whole, moved)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def attempted(
    name: str, run: Callable[[], Steps[None]], whole: bool, moved: Callable[[str, State], None] | None = None
) -> Steps[Outcome]:
    """What `attempt` does, with the training left to whoever drains it; an error of that is thrown in, and is the run's."""
    told, trace = 0, ""
    metrics: Mapping[str, float] = {}
    error: str | None = None
    said: dict[str, None] = {}
    began = time.perf_counter()
    steps: Steps[None] | None = None
    answer: Trained | Exception | None = None
    while True:
        with _into(said):
            try:
                steps = run() if steps is None else steps
                item = steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
            except StopIteration:
                break
            except ActiveloopError as refused:
                error = str(refused)
                break
            except Exception as defect:  # a user's strategy, net or classifier may raise anything
                error, trace = f"{type(defect).__name__}: {defect}", traceback.format_exc()
                break
        if isinstance(item, State):
            told, metrics = item.told, item.measures[-1].metrics if item.measures else {}
            if moved is not None:
                moved(name, item)
        try:
            answer = yield item
        except Exception as failed:
            answer = failed
    return Outcome(name, told, dict(metrics), error, trace, tuple(said), time.perf_counter() - began, whole)


@contextmanager
def _into(said: dict[str, None]) -> Iterator[None]:
    """What is warned of inside, each once; between the steps of one run are those of others."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            yield
        finally:
            ours = (str(warning.message) for warning in caught if issubclass(warning.category, UserWarning))
            said |= dict.fromkeys(ours)
