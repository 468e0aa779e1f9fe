"""How long the rooms of a round took: beside the journal, never in it, so that equal runs have equal journals."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from activeloop.types import JSON

FILE = "timings.jsonl"
KILOBYTES = 1024  # a megabyte, in the unit of ru_maxrss


@contextmanager
def timed(clock: Callable[[], float], into: dict[str, JSON], name: str) -> Iterator[None]:
    """Puts the seconds spent inside into `into`, rounded to a microsecond."""
    began = clock()
    yield
    into[name] = round(clock() - began, 6)


def append(folder: Path, timings: Mapping[str, JSON]) -> None:
    """Add a line, with the peak memory of this process in MB; a line that a killed process tore spoils itself alone."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // KILOBYTES
    append_line(folder / FILE, json.dumps({**timings, "peak_mb": peak}))


def append_line(path: Path, text: str) -> None:
    """Add a line that may be lost; after one that a killed process tore it begins anew."""
    with path.open("ab+") as lines:
        is_whole = lines.tell() == 0 or os.pread(lines.fileno(), 1, lines.tell() - 1) == b"\n"
        lines.write(((text if is_whole else "\n" + text) + "\n").encode())
