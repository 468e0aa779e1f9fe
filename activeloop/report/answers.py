"""How right the answers of a simulation were, beside what the loop could have estimated without the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activeloop.report.files import read_lines, replace_bytes
from activeloop.types import JSON, Labels

MOST_CONFUSED = 3  # pairs of classes named in the text; the file has all


@dataclass(frozen=True)
class Accuracy:
    """Of one annotator. answers: given, skips aside.    true: fraction that was right.    estimated: None if unknown."""

    answers: int
    true: float
    estimated: float | None


@dataclass(frozen=True)
class Answers:
    """Of one run. classes: C names.    transition: [C, C], answers counted by true class and given class.

    estimated: [C, C], the same as fractions of all answers, from the run's own labels; None where too few were told.
    """

    strategy: str
    seed: int
    classes: Sequence[str]
    transition: Sequence[Sequence[int]]
    estimated: Sequence[Sequence[float]] | None
    annotators: Mapping[str, Accuracy] = field(default_factory=dict)

    @property
    def told(self) -> int:
        return int(np.sum(self.transition))

    @property
    def wrong(self) -> float:
        """Fraction of the answers."""
        return 1 - float(np.trace(self.transition)) / max(1, self.told)

    @property
    def wrong_estimated(self) -> float | None:
        return None if self.estimated is None else 1 - float(np.trace(self.estimated))


def tally(true: Labels, given: Labels, classes: int) -> NDArray[np.int64]:
    """[C, C], how often true class i was answered by class j. true, given: [n], skips left out by the caller."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (true, given), 1)
    return counts


def confident_joint(given: Labels, probs: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """P(true class i, given class j), estimated from given labels and predictions that did not see them.

    A row counts as of the most probable class among those that reach the mean probability that their own rows give them;
    counts are scaled to how often each class was given. None where some class was given and no row of it counts.

    given: [n], class ids.    probs: [n, C].    returns: [C, C], sums to 1.
    source: confident learning, Northcutt et al. 2019, arXiv:1911.00068, eq. 1 and 2.
    """
    classes = probs.shape[1]
    present = np.unique(given)
    if len(present) < 2:
        return None
    reach = np.full(classes, np.inf)
    reach[present] = [probs[given == label, label].mean() for label in present]
    masked = np.where(probs >= reach, probs, -1.0)
    counted = masked.max(axis=1) >= 0
    counts = tally(masked.argmax(axis=1)[counted], given[counted], classes).astype(np.float64)
    total, wanted = counts.sum(axis=0), np.bincount(given, minlength=classes)
    if (total[present] == 0).any():
        return None
    found: NDArray[np.float64] = counts / np.where(total > 0, total, 1) * wanted / len(given)
    return found


def write_answers(answers: Answers, path: Path) -> None:
    """As JSON, which only a simulation can write: outside the run's folder."""
    replace_bytes(path, json.dumps(asdict(answers), allow_nan=False).encode() + b"\n")


def truth_of(run: Path) -> Path:
    """Where a simulation writes down what was wrong in a run's answers: outside the run's reach."""
    inside = run / "truth" / f"{run.name}.jsonl"  # of a single run; of a comparison it lies beside runs/
    return inside if inside.exists() else run.parent.parent / "truth" / inside.name


def read_answers_of(run: Path) -> tuple[Answers | None, tuple[Mapping[str, JSON], ...]]:
    """Of one run: its answers where they were worth a look, and how many were wrong, a line each query."""
    lines = truth_of(run)
    whole = lines.with_suffix(".json")
    return _read(json.loads(whole.read_text())) if whole.exists() else None, read_lines(lines)


def _read(plain: Mapping[str, Any]) -> Answers:
    annotators = {name: Accuracy(**each) for name, each in plain["annotators"].items()}
    return Answers(**{**plain, "annotators": annotators})


@dataclass(frozen=True)
class Errors:
    """Of the answers in all runs of one strategy, as fractions. estimated: None where no run could tell.

    confused: (true class, given class, fraction of the true class), the most frequent first.
    """

    strategy: str
    wrong: float
    estimated: float | None
    confused: tuple[tuple[str, str, float], ...]


def errors(runs: Sequence[Answers]) -> list[Errors]:
    """By strategy, in the order of the runs."""
    found = []
    for strategy in dict.fromkeys(run.strategy for run in runs):
        mine = [run for run in runs if run.strategy == strategy]
        guessed = [run.wrong_estimated for run in mine if run.wrong_estimated is not None]
        wrong = float(np.mean([run.wrong for run in mine]))
        found.append(Errors(strategy, wrong, float(np.mean(guessed)) if guessed else None, _confused(mine)))
    return found


def annotators(runs: Sequence[Answers]) -> dict[str, Accuracy]:
    """By name, over all runs."""
    found = {}
    for name in dict.fromkeys(name for run in runs for name in run.annotators):
        each = [run.annotators[name] for run in runs if name in run.annotators]
        answers = sum(one.answers for one in each)
        known = [(one.estimated, one.answers) for one in each if one.estimated is not None]
        total = sum(count for _, count in known)
        found[name] = Accuracy(
            answers=answers,
            true=sum(one.true * one.answers for one in each) / max(1, answers),
            estimated=sum(value * count for value, count in known) / total if total else None,
        )
    return found


ESTIMATED = (
    "estimated: confident learning on predictions of a logistic regression, fitted to other labels than its own",
    "of annotators, Dawid and Skene's model of their single answers",
)


def text(runs: Sequence[Answers]) -> str:
    """Lines for the end of a simulation; empty where nothing was simulated but the truth."""
    if not runs:
        return ""
    lines = ["Answers that were wrong, as only a simulation knows, and as the labels alone would have it"]
    for each in errors(runs):
        said = ", ".join(f"{true} as {given} {share:.0%}" for true, given, share in each.confused)
        most = f"  most: {said}" if said else ""
        lines.append(f"  {each.strategy:<26.26}{each.wrong:6.1%} wrong  {_rate(each.estimated)} estimated{most}")
    by_name = annotators(runs)
    if by_name:
        lines.append("by annotator")
    for name, one in by_name.items():
        lines.append(f"  {name:<26.26}{one.true:6.1%} right  {_rate(one.estimated)} estimated  {one.answers:,} answers")
    return "\n".join([*lines, ";\n  ".join(ESTIMATED if by_name else ESTIMATED[:1]) + "."])


def _rate(value: float | None) -> str:
    return "     –" if value is None else f"{value:6.1%}"


def _confused(runs: Sequence[Answers]) -> tuple[tuple[str, str, float], ...]:
    counts = np.sum([run.transition for run in runs], axis=0)
    told = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    names = runs[0].classes
    order = np.argsort(-counts, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [divmod(int(at), len(names)) for at in order if counts.flat[at]]
    return tuple((names[i], names[j], float(counts[i, j] / told[i])) for i, j in pairs)
