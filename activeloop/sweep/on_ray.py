"""Runs over the processes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from activeloop.cluster import joined, lost, marked, result, worker

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 3  # of an item whose process was killed; one whose memory ran out, Ray repeats by a count of its own


def on_ray(
    work: Callable[[T], R],
    items: Sequence[T],
    *,
    address: str | None = None,
    jobs: int | None = None,
    shared: Path | None = None,
    retries: int = RETRIES,
) -> Iterator[R]:
    """The result of every item, in the order of finishing; each is worked on by a process with one CPU and one thread.

    An item whose process or node dies is worked on again, so work must bear to be repeated, as a run does: its journal
    goes on where it stood, and its lock goes with the process that held it. (On NFS the server keeps the lock of a node
    that died until its lease ends, and the run says so; the same command goes on later.) One that dies again and again
    does not stop the others.

    address: as for `cluster.joined`: None starts a cluster on this machine and stops it afterwards, "auto" or HOST:PORT
        joins one and leaves it.    jobs: items at a time; None is as many as the cluster has CPUs.
    shared:  folder that the work writes to, or None. All nodes must mount it at the same path: every worker looks there
        for a file of the driver's before it works. So must the driver's sys.path be, but for what nodes have installed.
    raises:  ConfigError where Ray is missing, nothing answers at the address, or a node does not see `shared`; StoreError at
        the end for items that were lost; whatever the work raises. Then, as on Ctrl-C, what still runs is killed.
    """
    with joined(address, jobs), marked(shared) as mark:
        yield from _through(work, items, jobs or len(items), mark, retries)


def _through(work: Callable[[T], R], items: Sequence[T], at_once: int, mark: str | None, retries: int) -> Iterator[R]:
    import ray
    from ray import cloudpickle
    from ray.exceptions import RayError

    one = ray.remote(num_cpus=1, max_retries=retries)(worker(mark))
    common, waiting = ray.put(cloudpickle.dumps(work)), list(reversed(items))
    running: list[Any] = []  # Ray's references to results
    failures: list[RayError] = []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(one.remote(common, cloudpickle.dumps(waiting.pop())))
            done, running = ray.wait(running)
            try:
                told = ray.get(done[0])
            except RayError as error:  # of the worker or its node; what the work raises comes back as an outcome
                failures.append(error)
                continue
            yield result(told)
    finally:
        for task in running:
            ray.cancel(task, force=True)
    if failures:
        raise lost(len(failures), len(items), failures[-1])
