"""What became of a run: its metrics, or the error that ended it, which stops no other run."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from activeloop.errors import ActiveloopError
from activeloop.fold import State


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
    name: str, run: Callable[[], Iterable[State]], whole: bool, moved: Callable[[str, State], None] | None = None
) -> Outcome:
    """One run to its end. An error is an outcome too. Ctrl-C is none.

    run: gives its state after every query.    moved: is told each.
    """
    told, trace = 0, ""
    metrics: Mapping[str, float] = {}
    error: str | None = None
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            for state in run():
                told, metrics = state.told, state.measures[-1].metrics if state.measures else {}
                if moved is not None:
                    moved(name, state)
        except ActiveloopError as refused:
            error = str(refused)
        except Exception as defect:  # a user's strategy, net or classifier may raise anything
            error, trace = f"{type(defect).__name__}: {defect}", traceback.format_exc()
    ours = (str(warning.message) for warning in caught if issubclass(warning.category, UserWarning))
    said = tuple(dict.fromkeys(ours))
    return Outcome(name, told, dict(metrics), error, trace, said, time.perf_counter() - began, whole)
