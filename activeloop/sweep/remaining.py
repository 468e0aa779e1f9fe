"""How long the rest of a sweep will take, from what its finished runs took: a range, never a single figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean


def remaining_s(
    waiting: Iterable[str], took: Mapping[str, Sequence[float]], at_a_time: int
) -> tuple[float, float] | None:
    """(at least, at most) seconds from now, if all goes on as it did; None while nothing has finished.

    waiting: the kind of every run that has not ended.    took: kind -> seconds of its whole runs.
    A kind that has finished before takes between its fastest and its slowest; one that has not, between the fastest and
    the slowest of all. Runs under way count as if they had just begun.
    """
    every = [seconds for each in took.values() for seconds in each]
    if not every:
        return None
    lows, highs = [], []
    for kind in waiting:
        known = took.get(kind)
        if known and len(known) > 1:
            lows.append(mean([min(known), mean(known)]))
            highs.append(mean([max(known), mean(known)]))
        else:
            lows.append(known[0] if known else min(every))
            highs.append(known[0] if known else max(every))
    return sum(lows) / at_a_time, sum(highs) / at_a_time


def in_words(seconds: float) -> str:
    """ "40 s", "12 min", "3.5 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"


def range_in_words(low: float, high: float) -> str:
    """ "12 to 16 min"; one figure where both say the same."""
    first, last = in_words(low), in_words(high)
    if first == last:
        return first
    (amount, unit), other = first.split(), last.split()[1]
    return f"{amount} to {last}" if unit == other else f"{first} to {last}"
