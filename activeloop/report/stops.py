"""Stopping rules replayed on finished runs: when each would have ended them, and what that would have cost."""

from __future__ import annotations

from dataclasses import dataclass

from activeloop.report.statistics import Estimate


@dataclass(frozen=True)
class Stop:
    """A rule on one run. labels, value: where it would have ended; None where it never would.

    cost: of the answers by then, where they have one.    end_labels, end_value: where the run did end.
    """

    seed: int
    labels: float | None
    value: float | None
    cost: float | None
    end_labels: float
    end_value: float


@dataclass(frozen=True)
class Replay:
    """A rule on the runs of one strategy.

    rule: its name and options, such as "plateau (window 3, gain 0.005)".
    labels, cost: mean over the runs that it would have ended; a run that it would not counts with its end.
    lost: the metric at the end minus that at the stop, so that more is worse whatever the metric.
    stopped: of how many `runs` it would have ended.
    """

    rule: str
    strategy: str
    runs: tuple[Stop, ...]
    stopped: int
    labels: Estimate | None
    cost: Estimate | None
    lost: Estimate | None
