"""Who runs the runs. An executor is a generator over results, in the order of finishing; a run is the same in each."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from activeloop.errors import StoreError

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 2  # times in a row that workers may be killed while not one result comes home


def serial(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """One after another, in this process."""
    return map(work, items)


def processes(work: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[R]:
    """`jobs` at a time, a process each (joblib's loky).

    A worker that something kills takes the others of its pool with it; what they had not finished is handed to new ones,
    which go on from the journals.
    raises: StoreError where new workers are killed too, and no result has come home since.
    """
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    left, killed = dict(enumerate(items)), 0
    while left:
        tasks = [delayed(_numbered)(work, number, item) for number, item in left.items()]
        with _interrupts_held():
            results = Parallel(n_jobs=min(jobs, len(tasks)), return_as="generator_unordered")(tasks)
        try:
            for number, result in results:
                del left[number]
                killed = 0
                yield result
        except TerminatedWorkerError as error:
            killed += 1
            if killed > PATIENCE:
                raise StoreError(
                    f"a worker process was killed, {killed} times in a row, most often because memory ran out at --jobs {jobs}:"
                    " lower it. Nothing that was taken is lost, and the same command goes on."
                ) from error


def _numbered(work: Callable[[T], R], number: int, item: T) -> tuple[int, R]:
    return number, work(item)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C goes to every process of a terminal. Workers that begin in here never hear it: this process stops them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
