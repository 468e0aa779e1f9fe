"""Runs and means in TensorBoard. The step is the number of labels told, not the round.

Whatever was shown is shown once, however often these are called and wherever they are killed (see events.py), so a
run can be watched while it goes on. Under one `tb` folder, runs lie in `runs/<strategy>/seed-<k>` and means in
`mean/<strategy>`. Tags sort so that the first card of Time Series holds the means, one line per strategy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from activeloop.report.cards import values_of
from activeloop.report.events import Key, Value, write
from activeloop.report.files import read_lines
from activeloop.report.images import Images
from activeloop.report.protos import LAYOUT, margins, scalar
from activeloop.report.summary import CurvePoint, StrategySummary, Summary

MEAN = "mean of seeds"  # sorts before ONE in cards.py
FINENESS = 20  # points a round: smoothing's lag of 1.5 points is then too little to see


def run_folder(tb: Path, strategy: str, seed: int) -> Path:
    return tb / "runs" / plain(strategy) / f"seed-{seed}"


def plain(name: str) -> str:
    """A name as one folder: "baal:margin" and "a/b" have characters that are none."""
    return "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in name)


def write_run(
    run: Path, to: Path, images: Images | None = None, truth: Path | None = None, now: Callable[[], float] = time.time
) -> int:
    """Bring `to` up to what the run's journal and timings say; the number of values that were new.

    images: dataset rows -> [n, 1 or 3, H, W], uint8 or floats in [0, 1], for the picks of every query; None shows none.
    truth: what was wrong in every query, where a simulation wrote that down.
    """
    name = f"{to.parent.name}, {to.name}"
    return write(to, values_of(run, name, images, read_lines(truth) if truth else (), now), now)


def write_means(summary: Summary, to: Path, now: Callable[[], float] = time.time) -> None:
    """A mean and its interval per strategy, `to/<strategy>`: one card with one line each, and one chart with bands.

    As runs go on, means of the past change, and what TensorBoard shows changes with them.
    """
    for each in summary.strategies:
        write(to / plain(each.strategy), _mean_values(each, summary.metric), now, is_first=True)


def _mean_values(each: StrategySummary, metric: str) -> dict[Key, Value]:
    low, mean, high = (f"interval/{metric} {which}" for which in ("low", "mean", "high"))
    layout = margins("Acquisition curves", {f"{metric}, mean and 95 % interval": (mean, low, high)})
    values: dict[Key, Value] = {(0, LAYOUT): layout}
    for point in each.curve:
        step = int(point.labels)
        values[step, mean] = scalar(mean, point.mean)
        values[step, low] = scalar(low, point.mean if point.low is None else point.low)  # a band needs all
        values[step, high] = scalar(high, point.mean if point.high is None else point.high)
    tag = f"{metric}/{MEAN}"
    return values | {(labels, tag): scalar(tag, value) for labels, value in _finely(each.curve)}


def _finely(curve: Sequence[CurvePoint]) -> Iterator[tuple[int, float]]:
    """The mean at label counts between its own too, on the straight lines that it consists of.

    TensorBoard smooths what it draws by a moving average over points, which would bend a curve of few points far
    to the right; one of many it leaves in place.
    """
    for left, right in pairwise(curve):
        span = int(right.labels - left.labels)
        for labels in sorted({int(left.labels) + span * i // FINENESS for i in range(FINENESS)}):
            share = (labels - left.labels) / (right.labels - left.labels)
            yield labels, left.mean + share * (right.mean - left.mean)
    if curve:
        yield int(curve[-1].labels), curve[-1].mean
