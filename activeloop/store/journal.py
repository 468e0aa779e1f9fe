"""The journal: JSON lines that are only ever appended to, each on disk before `append` returns.

A process may die at any byte. What it leaves is whole lines and, at most, one torn last line: readers pass over it, and
the writer cuts it off before it appends again (else the next event would be glued to it and the file never load again).
A journal holds no clock, so that equal runs have equal bytes.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from activeloop.errors import StoreError
from activeloop.store.lock import Lock
from activeloop.types import JSON

Event = Mapping[str, JSON]
FILE = "journal.jsonl"


def encode(event: Event) -> bytes:
    """One line. Keys keep their order, floats their shortest exact form; nan and infinity are refused."""
    return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def read(path: Path) -> Iterator[dict[str, JSON]]:
    """The whole events of a journal file; a torn last line is passed over.

    raises: StoreError for a line in the middle that is not an event.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"no journal at {path}; `activeloop run … --out {path.parent}` starts one.") from None
    yield from _decode(content[: content.rfind(b"\n") + 1], path)


def _decode(content: bytes, path: Path) -> Iterator[dict[str, JSON]]:
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise StoreError(
                f"{path}, line {number} of the journal is not an event: {line[:60]!r}. A torn last line would be"
                " mended; one in the middle was changed by something else: restore the file from a copy."
            )
        yield event


class Journal:
    """A journal open for writing by this process alone; `with` releases it.

    raises: StoreError if another process holds it, naming host and pid.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = Lock(folder / "lock")
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            _sync_folder(folder)
            self._end = self._cut_torn_tail()
            self.events = tuple(_decode(os.pread(self._file, self._end, 0), self.path))
        except BaseException:
            self._lock.release()
            raise

    def _cut_torn_tail(self) -> int:
        size = os.fstat(self._file).st_size
        end = os.pread(self._file, size, 0).rfind(b"\n") + 1
        if end < size:
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        return end

    def append(self, event: Event) -> None:
        """Write one event; when this returns it survives a power cut.

        raises: StoreError where the disk is full or fails; the journal then ends as before.
        """
        line = encode(event)
        try:
            self._write(line)
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._end)  # should this fail too, the next writer cuts the tail
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            why = "the disk is full" if full else f"the disk answered {error}"
            raise StoreError(
                f"{self.path}: {why}, and the event {event['event']!r} was not taken. What was acknowledged before is"
                " safe; free some space and run the same command again."
            ) from error
        self._end += len(line)

    def _write(self, line: bytes) -> None:
        at = self._end
        while line:
            written = os.pwrite(self._file, line, at)
            at, line = at + written, line[written:]

    def close(self) -> None:
        os.close(self._file)
        self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable, not only its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
