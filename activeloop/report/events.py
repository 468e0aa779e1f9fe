"""Event files that can be added to again and again: each value is there once, whoever died while writing.

TensorBoard may be watching meanwhile, so nothing that was written is ever cut or replaced: whole records are appended;
after a torn one a new file is begun, as readers never get past it; and a past that changed is first revoked, with a
session start at the step where it changes, then told again.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

Key: TypeAlias = tuple[int, str]  # step, tag
Value: TypeAlias = bytes | Callable[[], bytes]  # a Summary.Value, or how to make it where that is dear

PATTERN = "events.out.tfevents.*.activeloop"
FILE = "events.out.tfevents.{:04d}.activeloop"  # TensorBoard reads names with "tfevents" in them, in this order
HEADER, FOOTER = 12, 4  # bytes around a record: its length and that one's checksum before, its own checksum after


@dataclass(frozen=True)
class Held:
    """What a folder of event files says by now. file: where to go on; is_new: it does not exist yet."""

    values: Mapping[Key, bytes]
    file: Path
    is_new: bool


def write(
    folder: Path, wanted: Mapping[Key, Value], now: Callable[[], float] = time.time, is_first: bool = False
) -> int:
    """Make the folder say `wanted`: all of each tag in it, and nothing else of that tag; other tags stay as they are.

    A value given as a function is made only if nothing stands at its key, and never compared.
    is_first: TensorBoard lists runs by their beginning; this one claims the year 1970.
    returns: the number of values that were not there, or other.
    """
    with _alone(folder):
        held = read(folder)
        tags = {tag for _, tag in wanted}
        kept = {key: value for key, value in held.values.items() if key in wanted or key[1] not in tags}
        news = {key: value for key, value in wanted.items() if _is_news(value, kept.get(key))}
        if not news and len(kept) == len(held.values):
            return 0
        made = {key: value() if callable(value) else value for key, value in news.items()}
        revoked = _first_change(kept | made, held.values)
        if revoked is not None:
            made = {key: value for key, value in kept.items() if key[0] >= revoked} | made
        _append(held, dict(sorted(made.items())), revoked, now(), 0.0 if is_first else now())
        return len(news)


def _is_news(value: Value, held: bytes | None) -> bool:
    return held is None or (not callable(value) and value != held)


def _first_change(now: Mapping[Key, bytes], before: Mapping[Key, bytes]) -> int | None:
    """The step from which all must be told again; None where each tag only goes on after what it said.

    The fast loader of TensorBoard knows no revoking: there a value replaces those of its tag at its step and later. So
    to be rid of a step, what the tag says just before it is told again too.
    """
    steps = []
    for tag in {tag for _, tag in before}:
        old = {step: value for (step, each), value in before.items() if each == tag}
        new = {step: value for (step, each), value in now.items() if each == tag}
        changed = [step for step in old.keys() | new.keys() if old.get(step) != new.get(step) and step <= max(old)]
        if changed:
            steps.append(max((step for step in new if step <= min(changed)), default=min(changed)))
    return min(steps, default=None)


def read(folder: Path) -> Held:
    """All values in the folder's event files that were not revoked."""
    files = sorted(folder.glob(PATTERN))
    values: dict[Key, bytes] = {}
    is_torn = False
    for file in files:
        content = file.read_bytes()
        end = 0
        for begin, end in _records(content):
            _take(content[begin : end - FOOTER], values)
        is_torn = end < len(content)
    if not files or is_torn:
        return Held(values, folder / FILE.format(len(files)), is_new=True)
    return Held(values, files[-1], is_new=False)


def _records(content: bytes) -> Iterator[tuple[int, int]]:
    """Where the data of each whole record begins, and where the record ends."""
    at = 0
    while at + HEADER <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        end = at + HEADER + length + FOOTER
        if end > len(content):
            return
        yield at + HEADER, end
        at = end


def _take(record: bytes, values: dict[Key, bytes]) -> None:
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    event = Event.FromString(record)
    if event.session_log.status == SessionLog.START:
        for key in [key for key in values if key[0] >= event.step]:
            del values[key]
    for value in event.summary.value:
        values[event.step, value.tag] = value.SerializeToString(deterministic=True)


def _append(held: Held, made: Mapping[Key, bytes], revoked: int | None, time_s: float, begun_s: float) -> None:
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary

    events = [Event(wall_time=begun_s, file_version="brain.Event:2")] if held.is_new else []
    if held.is_new and not held.values:  # readers take the first start of all as the beginning, and revoke nothing
        events.append(Event(wall_time=time_s, session_log=SessionLog(status=SessionLog.START)))
    if revoked is not None:
        events.append(Event(wall_time=time_s, step=revoked, session_log=SessionLog(status=SessionLog.START)))
    for (step, _), value in made.items():
        summary = Summary(value=[Summary.Value.FromString(value)])
        events.append(Event(wall_time=time_s, step=step, summary=summary))
    with held.file.open("ab") as file:
        file.write(b"".join(map(_record, events)))


def _record(event: Event) -> bytes:
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    data: bytes = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def remove_others(root: Path, shown: Collection[Path], also: Sequence[str] = ()) -> None:
    """Take away the event files in folders under `root` that are not among `shown`, and folders that are then empty.

    also: names of other files there that are ours; what is not ours stays.
    """
    for folder in sorted({file.parent for file in root.rglob(PATTERN)} - set(shown), reverse=True):
        with _alone(folder):
            for file in (*folder.glob(PATTERN), *(folder / name for name in also)):
                file.unlink(missing_ok=True)
            with suppress(OSError):  # other files in it
                folder.rmdir()
        with suppress(OSError):
            for above in folder.relative_to(root).parents[:-1]:
                (root / above).rmdir()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The folder, made where it is missing, for one writer at a time; the next one waits, which takes moments."""
    while (handle := _locked(folder)) is None:
        continue
    try:
        yield
    finally:
        os.close(handle)


def _locked(folder: Path) -> int | None:
    """A handle that holds the folder's lock; None where who held it before has removed the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    fcntl.flock(handle, fcntl.LOCK_EX)
    if folder.exists() and os.path.samestat(os.fstat(handle), os.stat(folder)):
        return handle
    os.close(handle)
    return None
