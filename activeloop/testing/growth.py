"""How time and memory of a strategy grow with the rows. Measured, so never part of a contract."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activeloop.testing.evidence import call, evidence

SIZES = (1_000, 2_000, 4_000)
CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@dataclass(frozen=True)
class Growth:
    """seconds, peak: at each of `SIZES`; peak: MB beyond what was held before, or None where the system does not tell."""

    seconds: tuple[float, ...]
    peak: tuple[float | None, ...]

    @property
    def power(self) -> float:
        """p in time ~ rows^p, from the smallest to the largest size."""
        return math.log(self.seconds[-1] / max(self.seconds[0], 1e-9)) / math.log(SIZES[-1] / SIZES[0])


def growth(function: Callable[..., Any], n: int = 50, width: int = 64) -> Growth:
    """On made-up evidence, `n` picks where it picks; the faster of two calls, after one to warm up."""
    call(function, evidence(100, width=width), 5)
    seconds, peaks = [], []
    for rows in SIZES:
        values = evidence(rows, width=width)
        before = _peak(reset=True)
        seconds.append(min(_timed(function, values, n) for _ in range(2)))
        after = _peak(reset=False)
        peaks.append(None if before is None or after is None else after - before)
    return Growth(tuple(seconds), tuple(peaks))


def _timed(function: Callable[..., Any], values: Any, n: int) -> float:
    start = time.perf_counter()
    call(function, values, n)
    return time.perf_counter() - start


def _peak(*, reset: bool) -> float | None:
    """MB; Linux counts the most that was held since the last reset."""
    try:
        if reset:
            CLEAR.write_text("5")
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) / 1024
