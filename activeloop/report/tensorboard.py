"""Runs and means in TensorBoard. The step is the number of labels told, not the round.

Whatever was shown is shown once, however often these are called and wherever they are killed (see events.py), so a
run can be watched while it goes on. Under one `tb` folder, runs lie in `runs/<strategy>/seed-<k>` and means in
`mean/<strategy>`; where there are several conditions, with a level for them: `mean/<condition>/<strategy>`. Tags sort so
that the first cards of Time Series hold the means, a card per condition and a line per strategy.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf, nan
from pathlib import Path

from activeloop.report import projector
from activeloop.report.answers import truth_of
from activeloop.report.cards import GOAL, values_of
from activeloop.report.conditions import Condition
from activeloop.report.events import PATTERN, Key, Value, read, remove_others, write
from activeloop.report.files import read_lines
from activeloop.report.images import Images
from activeloop.report.protos import LAYOUT, margins, scalar
from activeloop.report.summary import CurvePoint, StrategySummary, Summary

MEAN = "mean of seeds"  # sorts before ONE in cards.py
FINENESS = 20  # points a round: smoothing's lag of 1.5 points is then too little to see
MOST_CHECKED = 40  # runs; of more TensorBoard's Custom Scalars tab checks none by itself, and its charts are empty
LONGEST = 60  # letters of a folder, each up to 4 bytes: file systems end at 255


def run_folder(tb: Path, strategy: str, seed: int, condition: str = "") -> Path:
    return _under(tb / "runs", condition) / plain(strategy) / f"seed-{seed}"


def bands_link(tb: Path) -> str | None:
    """Where the chart of means with bands is, for a TensorBoard on `tb` at its usual port.

    None where the tab shows it as it is opened; with many runs a filter in the address picks the means.
    """
    runs = {file.parent for file in tb.rglob(PATTERN)}
    return "http://localhost:6006/#custom_scalars&regexInput=%5Emean" if len(runs) > MOST_CHECKED else None


def plain(name: str) -> str:
    """A name as one folder: "baal:margin" and "a/b" have characters that are none."""
    return "".join(letter if letter.isalnum() or letter in "-_., ()+=" else "_" for letter in name)


def _under(folder: Path, condition: str) -> Path:
    """A level for the condition; none where it has no name, as there is no other one then."""
    if len(condition) > LONGEST:
        condition = f"{condition[: LONGEST - 7]} {hashlib.sha256(condition.encode()).hexdigest()[:6]}"
    return folder / plain(condition) if condition else folder


def write_all(
    tb: Path,
    conditions: Sequence[Condition],
    summaries: Sequence[Summary],
    images: Images | None = None,
    now: Callable[[], float] = time.time,
) -> None:
    """Bring `tb` up to what the journals say by now, and take out what it shows of other runs or under other names.

    Names of conditions and lines say what tells them apart, so they change as runs are added: what was written under an
    old name would be shown beside the new one, twice.
    summaries: one per condition; those over cost leave means, and labels to the goal, as they are.
    images: as in `write_run`.
    """
    shown = set()
    for condition, summary in zip(conditions, summaries, strict=True):
        for record in condition.records:
            to = run_folder(tb, record.strategy, record.seed, condition.name)
            reached = summary.labels_to_target.get((record.strategy, record.seed), inf)
            goal = reached if summary.x == "labels" else None
            write_run(record.folder, to, images, truth_of(record.folder), now, condition.name, goal)
            shown.add(to)
    remove_others(tb / "runs", shown, projector.FILES)
    if all(summary.x == "labels" for summary in summaries):
        names = [condition.name for condition in conditions]
        write_means(dict(zip(names, summaries, strict=True)), tb / "mean", now)


def write_run(
    run: Path,
    to: Path,
    images: Images | None = None,
    truth: Path | None = None,
    now: Callable[[], float] = time.time,
    condition: str = "",
    labels_to_goal: float | None = None,
) -> int:
    """Bring `to` up to what the run's journal and timings say; the number of values that were new.

    images: dataset rows -> [n, 1 or 3, H, W], uint8 or floats in [0, 1], for the picks of every query; None shows none.
    truth: what was wrong in every query, where a simulation wrote that down.
    condition: of which the run's row in the HParams tab is called.
    labels_to_goal: inf where it was not reached; None leaves what is shown of it.
    """
    if labels_to_goal == inf:  # TensorBoard forgets no value: one of a goal before, which was reached, becomes nan
        labels_to_goal = nan if GOAL in {tag for _, tag in read(to).values} else None
    name = f"{to.parent.name}, {to.name}{_of(condition)}"
    return write(to, values_of(run, name, images, read_lines(truth) if truth else (), now, labels_to_goal), now)


def write_means(summaries: Mapping[str, Summary], to: Path, now: Callable[[], float] = time.time) -> None:
    """A mean and its interval per strategy: per condition one card with one line each, and one chart with bands.

    As runs go on, means of the past change, and what TensorBoard shows changes with them.
    summaries: by condition, "" for a single one.
    """
    charts: dict[str, tuple[str, str, str]] = {}
    for condition, summary in summaries.items():
        title = f"{summary.metric}, mean and 95 % interval"
        charts[f"{condition}: {title}" if condition else title] = _interval_tags(summary.metric, condition)
    layout = margins("Acquisition curves", charts)
    shown = set()
    for condition, summary in summaries.items():
        for each in summary.strategies:
            folder = _under(to, condition) / plain(each.strategy)
            write(folder, _mean_values(each, summary.metric, condition, layout), now, is_first=True)
            shown.add(folder)
    remove_others(to, shown)


def _interval_tags(metric: str, condition: str) -> tuple[str, str, str]:
    """Of the mean, and of the ends of its interval."""
    mean, low, high = (f"interval/{metric} {which}{_of(condition)}" for which in ("mean", "low", "high"))
    return mean, low, high


def _of(condition: str) -> str:
    """The end of a tag: each condition has tags of its own, hence cards of its own."""
    return f", {condition}" if condition else ""


def _mean_values(each: StrategySummary, metric: str, condition: str, layout: bytes) -> dict[Key, Value]:
    mean, low, high = _interval_tags(metric, condition)
    values: dict[Key, Value] = {(0, LAYOUT): layout}
    for point in each.curve:
        step = int(point.labels)
        values[step, mean] = scalar(mean, point.mean)
        values[step, low] = scalar(low, point.mean if point.low is None else point.low)  # a band needs all
        values[step, high] = scalar(high, point.mean if point.high is None else point.high)
    tag = f"{metric}/{f'mean, {condition}' if condition else MEAN}"
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
