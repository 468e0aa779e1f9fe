"""Runs that train together: all go on until each waits for a model, and models of equal shape are trained as one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from activeloop.drive import Steps
from activeloop.errors import ConfigError
from activeloop.rounds import threads
from activeloop.training import Request, Trained, train_all

T = TypeVar("T")
R = TypeVar("R")

AT_A_TIME = 32  # runs; twenty already spend three quarters of a step of `mlp` on arithmetic, which more cannot save


@dataclass
class _Lane(Generic[R]):
    """A run on its way, and the training that it waits for."""

    steps: Steps[R]
    asked: Request


def lockstep(
    work: Callable[[T], Steps[R]],
    items: Sequence[T],
    at_a_time: int = AT_A_TIME,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[R]:
    """Results in the order of finishing; what a run becomes does not depend on those beside it, nor on `at_a_time`.

    Runs with the fewest labels train first, so that one that goes on from a journal catches up; and new ones begin when
    half of the lanes are free, so that they are not alone.

    work: the steps of a run, configured with `lockstep`; an error of its training is thrown into them, and one that they
    raise ends everything.
    raises: ConfigError for a run that is not.
    """
    waiting, lanes = deque(items), list[_Lane[R]]()
    ended: list[R] = []

    def go_on(steps: Steps[R], answer: Trained | Exception | None) -> None:
        """To the next training, or to the end."""
        try:
            item = steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
            while not isinstance(item, Request):
                item = next(steps)
        except StopIteration as end:
            ended.append(end.value)
            return
        if not item.in_lockstep:
            raise ConfigError(
                "a run without `lockstep` in its configuration is in a lockstep sweep: set lockstep=true."
            )
        lanes.append(_Lane(steps, item))

    try:
        while waiting or lanes:
            with threads(1):
                if len(lanes) <= at_a_time // 2:
                    for item in [waiting.popleft() for _ in range(min(at_a_time - len(lanes), len(waiting)))]:
                        go_on(work(item), None)
                fewest = min((lane.asked.labelled for lane in lanes), default=0)
                first = [lane for lane in lanes if lane.asked.labelled == fewest]
                lanes[:] = [lane for lane in lanes if lane.asked.labelled > fewest]
                for lane, trained in zip(first, train_all([lane.asked for lane in first], clock), strict=True):
                    go_on(lane.steps, trained)
            yield from ended
            ended.clear()
    finally:
        for lane in lanes:
            lane.steps.close()
