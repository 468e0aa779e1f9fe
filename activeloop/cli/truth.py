"""What simulation alone knows of a run's answers, written outside the run's folder for reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activeloop.cli.reference import out_of_fold
from activeloop.fold import State
from activeloop.report.answers import Accuracy, Answers, confident_joint, tally
from activeloop.report.files import replace_bytes
from activeloop.types import OPEN, Labels
from oracles import dawid_skene
from oracles.rule import SMOOTHING


def write_wrong(state: State, truth: Labels, path: Path) -> None:
    """How many answers of every query were wrong."""
    lines = []
    for query in state.queries:
        told = {row: label for row, label in query.answers.items() if label >= 0}
        wrong = int(np.sum([truth[row] != label for row, label in told.items()]))
        lines.append(json.dumps({"query": query.id, "answered": len(told), "wrong": wrong}) + "\n")
    replace_bytes(path, "".join(lines).encode())


def answers_of(
    state: State, truth: Labels, strategy: str, seed: int, features: Callable[[], NDArray[np.float64]]
) -> Answers:
    """True transitions and accuracies, and what the labels and single answers of the run alone would have said.

    features: of every row, for predictions of the labels told; the truth has no part in them.
    """
    labels = np.full(len(truth), OPEN)
    for query in state.queries:
        for row, label in query.answers.items():
            labels[row] = max(label, OPEN)
    rows, classes = np.flatnonzero(labels >= 0), len(state.classes)
    estimated = None
    if len(np.unique(labels[rows])) > 1:
        probs = out_of_fold(features()[rows], labels[rows], classes)
        estimated = confident_joint(labels[rows], probs)
    return Answers(
        strategy=strategy,
        seed=seed,
        classes=state.classes,
        transition=tally(truth[rows], labels[rows], classes).tolist(),
        estimated=None if estimated is None else estimated.tolist(),
        annotators=_accuracies(_single(state), truth, classes),
    )


def _single(state: State) -> dict[str, dict[int, int]]:
    """Annotator -> row -> what they said, of those with a name."""
    told = {row: label for query in state.queries for row, label in query.answers.items()}
    found: dict[str, dict[int, int]] = {}
    for row, note in state.notes.items():
        each = note.get("answers", [{**note, "label": told.get(row)}])
        for one in each if isinstance(each, Sequence) and not isinstance(each, str) else ():
            match one:
                case {"annotator": str(name), "label": int(label)} if label >= 0:
                    found.setdefault(name, {})[row] = label
    return found


def _accuracies(single: Mapping[str, Mapping[int, int]], truth: Labels, classes: int) -> dict[str, Accuracy]:
    """Estimates need rows that several annotators answered: one alone agrees with nobody."""
    rows = sorted({row for given in single.values() for row in given})
    table = np.array([[given.get(row, OPEN) for given in single.values()] for row in rows], dtype=np.int64)
    estimated: dict[str, float] = {}
    if len(rows) and (np.sum(table >= 0, axis=1) > 1).any():
        merged = dawid_skene(table, classes, smoothing=SMOOTHING)
        right = np.einsum("i,aii->a", merged.prior, merged.confusion)
        estimated = dict(zip(single, right.tolist(), strict=True))
    return {
        name: Accuracy(
            answers=len(given),
            true=float(np.mean([truth[row] == label for row, label in given.items()])),
            estimated=estimated.get(name),
        )
        for name, given in single.items()
    }
