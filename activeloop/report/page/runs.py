"""One run in detail: what it picked, what it learnt from, what its last model confuses, and what it took."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from activeloop.fold import State
from activeloop.report.answers import read_answers_of
from activeloop.report.curves import Record
from activeloop.report.files import read_lines
from activeloop.report.page.figures import ROOMS, rooms
from activeloop.report.page.parts import Chart, Fold, Heat, Part, Say, Table, heat
from activeloop.report.page.sheets import Pictures, evenly, sheet
from activeloop.report.page.words import number, plural, seconds, share
from activeloop.store.confusion import read_confusion
from activeloop.store.timings import FILE as TIMINGS

MOST_CLASSES = 20  # in a matrix; of more, those that matter most
MOST_COLUMNS = 12  # of rounds


def run_details(record: Record, condition: str, metric: str, pictures: Pictures | None) -> Fold:
    """pictures: None shows none and says nothing of it."""
    state = record.state
    parts = [
        Say((_standing(state),), "note"),
        *(_picked(record, pictures) if pictures is not None else ()),
        *_balance(state),
        *_confused(record),
        *_wrong(record),
        *_spent(record),
    ]
    reached = [measure.metrics[metric] for measure in state.measures if metric in measure.metrics]
    last = f", {metric.replace('_', ' ')} {number(reached[-1])}" if reached else ""
    where = f" · {condition}" if condition else ""
    title = f"{record.strategy}, seed {record.seed}{where}: {state.told:,} labels{last}"
    return Fold(title, tuple(parts), beside=True)


def _standing(state: State) -> str:
    """Where it stands, and who answered."""
    ended = {"budget": "its budget is spent", "pool": "its pool is empty", "target": "it reached its target"}
    if state.stopped is not None:
        stands = f"Finished: {ended.get(state.stopped, state.stopped)}."
    elif (query := state.open_query) is not None:
        stands = f"Not finished: {query.id} waits for {plural(len(query.unanswered), 'answer')}."
    else:
        stands = "Not finished."
    skipped = sum(label < 0 for query in state.queries for label in query.answers.values())
    names = Counter(name for note in state.notes.values() if isinstance(name := note.get("annotator"), str))
    who = f" Answers by {', '.join(f'{name} ({count:,})' for name, count in names.most_common(5))}." if names else ""
    return (
        f"{stands} {plural(len(state.queries), 'query', 'queries')}, {state.told:,} labels told{_skips(skipped)}.{who}"
    )


def _skips(count: int) -> str:
    return f", {count:,} skipped" if count else ""


def _picked(record: Record, pictures: Pictures) -> Iterator[Part]:
    images = pictures(record)
    if isinstance(images, str):
        yield Say((f"No pictures of the picks: {images}",), "note")
        return
    found = sheet(record, images)
    if found is not None:
        picture, left_out = found
        caption = (
            "A line each round, in the order picked; left, the labels that were told by then; under each, its answer."
        )
        yield Chart("Picked images", picture, f"{caption} Shown: {left_out}." if left_out else caption)


def _balance(state: State) -> Iterator[Part]:
    """Labels per class that the model of each round trained on."""
    classes = max(len(state.classes), int(state.labels.max(initial=0)) + 1)
    counts = np.bincount(state.labels[state.known & (state.labels >= 0)], minlength=classes)
    columns: list[tuple[str, NDArray[np.int64]]] = []
    for query in state.queries:
        answers = [label for label in query.answers.values() if label >= 0]
        if query.use != "validation" and answers:
            counts = counts + np.bincount(answers, minlength=classes)
            columns.append((f"{counts.sum():,}", counts))
    if not columns:
        return
    names, order = _names(state, classes), np.arange(classes)
    note = ""
    if classes > MOST_CLASSES:
        order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
        missing = int((counts == 0).sum())
        note = f" The {MOST_CLASSES} with most labels, of {classes:,} classes; {missing:,} have none."
    shown = evenly(columns, MOST_COLUMNS)
    shares = counts[counts > 0] / counts.sum()
    even = float(-(shares * np.log(shares)).sum() / np.log(classes)) if classes > 1 else 1.0
    yield heat(
        "Class balance",
        f"Labels per class as they grew; at the end, an entropy of {even:.2f}, where 1 is even.{note}",
        "class",
        "labels told",
        [head for head, _ in shown],
        [
            (names[at], [(f"{column[at]:,}", column[at] / max(1, column.max())) for _, column in shown])
            for at in order.tolist()
        ],
    )


def _confused(record: Record) -> Iterator[Part]:
    found, state = read_confusion(record.folder), record.state
    title = "Confusion matrix of the last model"
    if not state.measures:
        return
    classes = max(len(state.classes), 1)
    if found is None or any(max(i, j) >= classes for i, j, _ in found.cells):
        yield Say(
            (f"{title}: not recorded. Runs keep it since this version, in confusion.json beside the journal.",), "note"
        )
        return
    counts = found.counts(classes)
    on = "the test set" if found.on == "test" else "the validation labels"
    late = "" if found.labels == state.measures[-1].labels else f" (of the model at {found.labels:,} labels)"
    yield from _matrix(counts, _names(state, classes), f"{title} on {on}{late}", "true class", "predicted class")


def _matrix(
    counts: NDArray[np.int64], names: Sequence[str], title: str, down: str, across: str
) -> Iterator[Heat | Table]:
    """A heat map by row, or, of many classes, the pairs that are confused most."""
    totals = counts.sum(axis=1)
    if len(counts) <= MOST_CLASSES:
        cells = [
            (names[i], [(f"{n:,}" if n else "", n / max(1, totals[i])) for n in counts[i].tolist()])
            for i in range(len(counts))
        ]
        yield heat(title, f"Shaded by the share of the {down}.", down, across, names, cells)
        return
    off = counts - np.diag(np.diag(counts))
    order = [divmod(int(at), len(counts)) for at in np.argsort(-off, axis=None, kind="stable")[:MOST_CLASSES]]
    rows = [(names[i], names[j], f"{off[i, j]:,}", share(off[i, j] / totals[i])) for i, j in order if off[i, j]]
    yield Table(f"{title}: the most frequent of {len(counts):,} classes", (down, across, "rows", "of the class"),
                tuple(rows), (1,))  # fmt: skip


def _wrong(record: Record) -> Iterator[Part]:
    """What only a simulation knows."""
    answers, queries = read_answers_of(record.folder)
    counted = [(line["wrong"], line["answered"]) for line in queries
               if isinstance(line.get("wrong"), int) and isinstance(line.get("answered"), int)]  # fmt: skip
    wrong, answered = (sum(each) for each in zip(*counted, strict=True)) if counted else (0, 0)
    if answered:
        title = f"Oracle errors: {wrong:,} of {answered:,} answers ({share(wrong / answered)})"
        if answers is None or not wrong:
            yield Say((f"{title}.",), "note")
        else:
            counts = np.array(answers.transition, dtype=np.int64)
            yield from _matrix(counts, tuple(answers.classes), title, "true class", "answered class")


def _spent(record: Record) -> Iterator[Part]:
    lines = read_lines(record.folder / TIMINGS)
    if not lines:
        yield Say(("Time and memory: not recorded (timings.jsonl is gone).",), "note")
        return
    spent = [
        {room: float(value) for room in ROOMS if isinstance(value := line.get(room), int | float)} for line in lines
    ]
    latest = {json.dumps(line.get("round")): each for line, each in zip(lines, spent, strict=True)}
    total = sum(sum(each.values()) for each in spent)
    peak = max((value for line in lines if isinstance(value := line.get("peak_mb"), int)), default=0)
    caption = f"In all {seconds(total)}. Peak memory of its process {peak:,} MB, which runs of one process share."
    yield Chart("Time per room", rooms(list(latest.values())), caption)


def _names(state: State, classes: int) -> tuple[str, ...]:
    return state.classes if len(state.classes) == classes else tuple(map(str, range(classes)))
