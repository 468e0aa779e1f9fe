"""What TensorBoard shows of one run: a pass over its journal, timings and truth -> values by step and tag."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from activeloop.fold import State, apply
from activeloop.report.events import Key, Value
from activeloop.report.files import read_lines
from activeloop.report.images import Images
from activeloop.report.protos import HPARAMS_COLUMNS, HPARAMS_ROW, hparams_columns, hparams_of, image_grid, scalar
from activeloop.report.statistics import area
from activeloop.store.journal import FILE, read
from activeloop.types import JSON, Query, flat

ONE = "single run"  # sorts after MEAN in tensorboard.py
MAIN = "accuracy"
AREA = f"area/of {MAIN} so far"
GOAL = "labels/to goal"  # that of the last report
MOST_CLASSES = 20  # more cards than that are not looked at; the entropy tells
MOST_IMAGES = 100  # of a query, the first picked


@dataclass
class _Walk:
    """What one pass over a journal gathers. told_by: query -> labels told once it was answered or closed."""

    state: State | None = None
    values: dict[Key, Value] = field(default_factory=dict)
    told_by: dict[str, int] = field(default_factory=dict)


def values_of(
    run: Path,
    name: str,
    images: Images | None,
    truth: Sequence[Mapping[str, JSON]],
    now: Callable[[], float],
    labels_to_goal: float | None = None,
) -> dict[Key, Value]:
    """Everything to show by now; the same journal gives the same values, so that only what is new need be written.

    name: of the run's row among the settings; runs of one name would be averaged there.
    labels_to_goal: None shows none, nan that it is not reached.
    """
    walk = _Walk()
    for event in read(run / FILE):
        walk.state = state = apply(walk.state, event)
        if event["event"] == "asked" and images is not None:
            walk.values |= _picked(state.queries[-1], state.told, images)
        elif event["event"] == "measured":
            walk.values |= _reached(state) | _balance(state)
        elif event["event"] in ("told", "closed"):
            walk.told_by |= {query.id: state.told for query in state.queries[-1:] if not query.is_open}
    if walk.state is None:
        return {}
    return (
        walk.values
        | _goal(labels_to_goal)
        | _hparams(walk.state, name, now)
        | _spent(run)
        | _wrong(truth, walk.told_by)
    )


def _scalars(step: int, values: Mapping[str, float]) -> dict[Key, Value]:
    return {(step, tag): scalar(tag, value) for tag, value in values.items()}


def _goal(labels: float | None) -> dict[Key, Value]:
    """Labels to the goal, at the step where it was reached; nan at 0."""
    return {} if labels is None else _scalars(0 if math.isnan(labels) else math.ceil(labels), {GOAL: labels})


def _picked(query: Query, told: int, images: Images) -> dict[Key, Value]:
    """At the labels that the picking model had, not those it then got."""
    tag = f"picked/{query.use}"
    rows = query.rows[:MOST_IMAGES]
    return {(told, tag): lambda: image_grid(tag, images(rows))}


def _reached(state: State) -> dict[Key, Value]:
    latest = state.measures[-1]
    values = {f"{metric}/{ONE}": value for metric, value in latest.metrics.items()}
    curve = {each.labels: each.metrics[MAIN] for each in state.measures if MAIN in each.metrics}
    labels = sorted(curve)
    height = area(labels, [curve[label] for label in labels]) if labels else None
    if height is not None:
        values[AREA] = height
    return _scalars(latest.labels, values)


def _balance(state: State) -> dict[Key, Value]:
    """Of the labels trained on: the fraction of each class, and their entropy in units of log C."""
    labels = state.training
    classes = max(len(state.classes), int(labels.max(initial=0)) + 1)
    counts = np.bincount(labels[labels >= 0], minlength=classes)
    if not counts.sum() or classes < 2:
        return {}
    shares = counts / counts.sum()
    entropy = float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum() / np.log(classes))
    values = {"class balance/entropy, 1 is even": entropy}
    if classes <= MOST_CLASSES:
        names = state.classes or tuple(map(str, range(classes)))
        values |= {f"class balance/fraction of {name}": float(share) for name, share in zip(names, shares, strict=True)}
    return _scalars(state.measures[-1].labels, values)


SPENT = {
    "fit_s": "seconds/fit",
    "look_s": "seconds/look",
    "pick_s": "seconds/pick",
    "peak_mb": "memory/peak in MB",
}


def _spent(run: Path) -> dict[Key, Value]:
    values: dict[Key, Value] = {}
    for line in read_lines(run / "timings.jsonl"):
        spent = {SPENT[name]: value for name, value in line.items() if name in SPENT and isinstance(value, int | float)}
        if isinstance(labels := line.get("labels"), int):
            values |= _scalars(labels, spent)
    return values


def _wrong(truth: Sequence[Mapping[str, JSON]], told_by: Mapping[str, int]) -> dict[Key, Value]:
    """Fractions of the answers that were wrong: of each query, and of all so far. A query's last line counts."""
    latest = {query: line for line in truth if isinstance(query := line.get("query"), str) and query in told_by}
    values: dict[Key, Value] = {}
    all_answered = all_wrong = 0
    for query, told in told_by.items():
        match latest.get(query):
            case {"answered": int(answered), "wrong": int(wrong)} if answered:
                all_answered, all_wrong = all_answered + answered, all_wrong + wrong
                rates = {
                    "wrong answers/of this query": wrong / answered,
                    "wrong answers/so far": all_wrong / all_answered,
                }
                values |= _scalars(told, rates)
    return values


def _hparams(state: State, name: str, now: Callable[[], float]) -> dict[Key, Value]:
    """The run's row in the HParams tab, and the columns once it is known what is measured.

    TensorBoard takes the columns of whichever run it comes upon first, so they are the same for all: nothing in them
    may depend on the other runs.
    """
    settings = dict(_settings(state.config))
    values: dict[Key, Value] = {(0, HPARAMS_ROW): lambda: hparams_of(name, settings, now())}
    if state.measures:
        measured = [MAIN, *(metric for metric in state.measures[-1].metrics if metric != MAIN)]
        main, *others = ((f"{metric}/{ONE}", metric) for metric in measured)
        columns = dict([main, (AREA, "area"), (GOAL, "labels to goal"), *others])
        values[0, HPARAMS_COLUMNS] = lambda: hparams_columns(settings, columns, FIRST)
    return values


NAMED = {
    "acquire.strategy": "strategy",
    "learner.name": "learner",
    "oracle.noise": "noise",
    "start.strategy": "start",
}
FIRST = (*NAMED.values(), "seed")  # the five columns that are shown unasked
SHOWN = ("seed", "budget", "query", "validation", "candidates", "acquire.", "start.", "learner.", "evidence.")
SHOWN_DATA = ("data.source", "data.features", "data.learn_on", "data.imbalance")


def _settings(config: Mapping[str, JSON]) -> Iterator[tuple[str, str | float | bool]]:
    """What tells runs apart, by the name of its column."""
    for name, value in flat(config).items():
        if name == "oracle.noise":
            yield NAMED[name], _noise(value, config)
        elif isinstance(value, str | int | float) and (name in NAMED or name.startswith((*SHOWN, *SHOWN_DATA))):
            yield NAMED.get(name, name.replace("options.", "")), "none" if value == "" else value


def _noise(noise: JSON, config: Mapping[str, JSON]) -> str:
    """All stages between the truth and the answers, from inside out: "tired:50, pair:0.2"."""
    match config:
        case {"oracle": {"stages": [*stages]}}:
            kinds = [str(each.get("kind")) if isinstance(each, Mapping) else str(each) for each in stages]
            return ", ".join([*kinds, *([str(noise)] if noise else [])])
    return str(noise) or "none"
