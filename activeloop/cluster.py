"""A Ray cluster: one that is joined, or one started on this machine; and work done by its processes."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from activeloop.errors import ConfigError, StoreError

REACH_S = 5.0  # until an address must answer
VISIBLE_S = 10.0  # until a file must be seen by another node: caches of a network file system hold seconds
STORE_BYTES = 2**27  # of a cluster started here: no more than names and results pass through it
QUIET: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}

Outcome: TypeAlias = "tuple[bool, Any]"  # whether it is a result, and the result or the exception


@contextmanager
def joined(address: str | None, cpus: int | None = None) -> Iterator[None]:
    """Inside, Ray is at hand; afterwards what was started here is stopped, what was joined is left, and no more.

    address: None starts a cluster on this machine, of `cpus` processes at a time (all cores); "auto" joins the one that
        runs on this machine, HOST:PORT one elsewhere. Where the caller is connected to a cluster already, that one is used.
    raises:  ConfigError where Ray is missing, or nothing answers at the address.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            f"Ray cannot be imported ({error}): pip install 'activeloop[ray]', or take the engine 'processes' or 'serial'."
        ) from error
    if ray.is_initialized():
        yield
        return
    if address is not None:
        _check_address(address)
    try:
        _start(cpus) if address is None else ray.init(address, **QUIET)
    except Exception as error:  # Ray raises ConnectionError, RuntimeError, ValueError or its own, by its version
        where = (
            "a local Ray cluster cannot be started" if address is None else f"no Ray cluster can be joined at {address}"
        )
        raise ConfigError(
            f"{where} ({' '.join(str(error).split())[:300]}). Start one with `ray start --head` and join it from the same"
            " machine by the address auto, from another by HOST:6379, with the same versions of Python and Ray."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """raises: ConfigError for what is no address, and where nobody listens: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdigit() or "/" in address:
        raise ConfigError(f"the address is {address!r}; allowed are auto and HOST:PORT, such as 10.0.0.1:6379.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"nothing answers at {address} ({error}). `ray start --head` prints the address of a cluster; on that machine"
            " itself it is auto."
        ) from error


def _start(cpus: int | None) -> None:
    """A cluster on this machine. Ray gives it half a minute to start, which a busy machine may exceed: twice, then."""
    import ray

    with _untold():
        for attempt in (1, 2):
            try:
                ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=STORE_BYTES, **QUIET)
                return
            except Exception as error:
                ray.shutdown()
                if attempt == 2 or "timed out during startup" not in str(error):
                    raise


@contextmanager
def _untold() -> Iterator[None]:
    """What is started inside reports its use to nobody; Ray would, to its makers."""
    name = "RAY_USAGE_STATS_ENABLED"
    before = os.environ.get(name)
    os.environ[name] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def marked(folder: Path | None) -> Iterator[str | None]:
    """A file in `folder` that every worker must see before it works, while this lasts. raises: OSError."""
    if folder is None:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder.resolve() / f".shared-{uuid4().hex}"  # a name that nobody asked for, so that no cache denies it
    mark.touch()
    try:
        yield str(mark)
    finally:
        with suppress(OSError):
            mark.unlink()


def worker(mark: str | None) -> Callable[[bytes, bytes], bytes]:
    """What a process of the cluster runs: pickled work and item -> its pickled Outcome.

    It travels by value and sets the path before it imports anything, so that the driver's own modules are found, those of
    the folder that it was called in too, as long as the nodes see the same files.
    """
    path = [os.path.abspath(place) for place in sys.path]

    def one(work: bytes, item: bytes) -> bytes:
        import sys

        sys.path[:] = [*path, *(place for place in sys.path if place not in path)]
        from activeloop.cluster import outcome

        return outcome(work, item, mark)

    return one


def outcome(work: bytes, item: bytes, mark: str | None) -> bytes:
    """In a worker, by one thread: what comes of it, exceptions too."""
    import traceback

    import torch
    from ray import cloudpickle

    torch.set_num_threads(1)
    try:
        _check_mark(mark)
        found: Outcome = (True, _unpacked(work)(cloudpickle.loads(item)))
    except Exception as error:
        error.add_note(f"in a worker on {socket.gethostname()}:\n{traceback.format_exc()}")
        found = (False, error)
    try:
        return bytes(cloudpickle.dumps(found))
    except Exception as error:  # a result, or an exception, that holds a file or a lock
        text = "".join(traceback.format_exception(found[1])) if not found[0] else type(found[1]).__name__
        return bytes(cloudpickle.dumps((False, TypeError(f"what a worker gave cannot be pickled ({error}): {text}"))))


@lru_cache(maxsize=1)  # work may hold an encoder
def _unpacked(work: bytes) -> Callable[[Any], Any]:
    from ray import cloudpickle

    found: Callable[[Any], Any] = cloudpickle.loads(work)
    return found


def result(told: bytes) -> Any:
    """What a worker gave. raises: what it raised."""
    from ray import cloudpickle

    is_result, value = cloudpickle.loads(told)
    if not is_result:
        raise value
    return value


def lost(count: int, of: int, error: Exception) -> StoreError:
    """What to say where Ray gave up on some work, though all else is done."""
    return StoreError(
        f"{count} of {of} were lost with their worker process again and again, most often because memory ran out; the last:"
        f" {' '.join(str(error).split())[:300]}. Run fewer at a time. Nothing that was taken is lost, and the same command"
        " goes on."
    )


def _check_mark(mark: str | None) -> None:
    if mark is None:
        return
    until = time.monotonic() + VISIBLE_S
    while not os.path.exists(mark):
        if time.monotonic() > until:
            raise ConfigError(
                f"the node {socket.gethostname()} does not see {os.path.dirname(mark)} as the driver does: all nodes must"
                " mount one file system there. Choose a folder on it for --out."
            )
        time.sleep(0.2)
