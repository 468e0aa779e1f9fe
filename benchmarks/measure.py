"""What several benchmarks measure and say in the same way: memory of a call, and ratios of times."""

from __future__ import annotations

import ctypes
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def memory(field: str) -> float:
    """Megabytes: ru_maxrss would not do, since a process inherits it from the one that started it."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) / 1000


def extra_memory(work: Callable[[], object], warm: Callable[[], object]) -> float:
    """Megabytes that a call holds at its peak beyond what is held before; the call is made in a fork of this process.

    So imports and evidence are there already. `warm`, a small call of the same kind, brings in the pages of code that a fork
    must read anew; then the heap gives back what it has free, lest that be used and not counted.
    """
    read, write = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            warm()
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
            before = memory("VmRSS")
            work()
            os.write(write, repr(max(0.0, memory("VmHWM") - before)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        raise SystemExit(
            "a call died while its memory was measured: run it by itself, and look whether memory suffices."
        )
    return float(said)


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """theirs / ours within each repetition: median [least–largest]."""
    each = [their / our for their, our in zip(theirs, ours, strict=True)]
    return f"{statistics.median(each):.1f} [{min(each):.1f}–{max(each):.1f}]"
