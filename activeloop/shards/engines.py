"""Who works through shards: this process, or the actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from activeloop.cluster import joined, lost, marked, result, worker
from activeloop.errors import ConfigError

T = TypeVar("T")
R = TypeVar("R")

MOST_BLOCKS = 10_000  # that items are split into: Ray keeps a record of each


class Engine(Protocol):
    """Does the work on every item, in any order, perhaps more than once; gives results in the order of finishing.

    threads: that the work uses, and so CPUs that it takes.    shared: folder that it writes to, or None.
    """

    def __call__(
        self, work: Callable[[T], R], items: Sequence[T], *, threads: int = 1, shared: Path | None = None
    ) -> Iterator[R]: ...


def serial(work: Callable[[T], R], items: Sequence[T], *, threads: int = 1, shared: Path | None = None) -> Iterator[R]:
    """One after the other, here."""
    return map(work, items)


def ray_data(address: str | None = None) -> Engine:
    """Ray Data over a cluster: one started on this machine, or joined as `cluster.joined` says.

    What travels are the items, names of rows and not rows, so that nothing but results goes through Ray; shards are read
    from and written to a file system that all nodes mount. Each actor unpacks the work, such as an encoder, once. The pool
    of actors grows as far as there are CPUs; a shard whose actor dies is worked on by another.
    raises: ConfigError where Ray is missing, nothing answers, no node has as many CPUs as `threads`, or one does not see
        `shared`; StoreError where Ray gives up; whatever the work raises.
    """

    def through(
        work: Callable[[T], R], items: Sequence[T], *, threads: int = 1, shared: Path | None = None
    ) -> Iterator[R]:
        with joined(address), marked(shared) as mark:
            yield from _through(work, items, threads, mark)

    return through


def _through(work: Callable[[T], R], items: Sequence[T], threads: int, mark: str | None) -> Iterator[R]:
    import ray
    from ray.exceptions import RayError

    if not items:
        return
    most = max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
    if most < threads:
        raise ConfigError(
            f"the work takes {threads} threads, and the largest node has {most:g} CPUs: set threads to {most:g} or fewer (sums"
            " change with their number)."
        )
    done = 0
    try:
        for row in _dataset(work, items, threads, mark).iter_rows():
            done += 1
            yield result(row["told"])
    except (RayError, ray.data.exceptions.SystemException) as error:
        raise lost(len(items) - done, len(items), error) from error


def _dataset(work: Callable[[T], R], items: Sequence[T], threads: int, mark: str | None) -> Any:
    """A row for every item, of what a worker told."""
    import ray
    from ray import cloudpickle

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    one = worker(mark)

    class Actor:
        def __init__(self, packed: bytes) -> None:
            self._packed = packed

        def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
            told = [one(self._packed, bytes(item)) for item in batch["item"]]
            return {"told": np.array(told, dtype=object)}

    rows = ray.data.from_items(
        [{"item": cloudpickle.dumps(item)} for item in items], override_num_blocks=min(len(items), MOST_BLOCKS)
    )
    return rows.map_batches(
        Actor, fn_constructor_args=(cloudpickle.dumps(work),), batch_size=1, num_cpus=threads,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=len(items)),
    )  # fmt: skip
