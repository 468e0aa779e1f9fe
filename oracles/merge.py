"""Several answers to one question -> one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oracles.wrapper import chance

Answers = NDArray[np.int64]  # [n, A], class ids; below 0 where an annotator gave none


@dataclass(frozen=True, eq=False)
class Merged:
    """What Dawid & Skene's model makes of answers.

    probs: [n, C], of the true class.    confusion: [A, C, C], entry [a, i, j] is P(a answers j | true class i).
    prior: [C].    log_likelihood: of the answers, nats.
    """

    probs: NDArray[np.float64]
    confusion: NDArray[np.float64]
    prior: NDArray[np.float64]
    log_likelihood: float


def vote(labels: Sequence[int], weights: Sequence[float], seed: int, row: int) -> int:
    """The label of the greatest weight together; of several, one drawn by seed and row."""
    best = leading(labels, weights)[0]
    return best[0] if len(best) == 1 else best[int(chance(seed, "tie", row).integers(len(best)))]


def leading(labels: Sequence[int], weights: Sequence[float]) -> tuple[list[int], float]:
    """The labels of the greatest weight together, ascending, and its share in [0, 1] of all weight."""
    total: dict[int, float] = {}
    for label, weight in zip(labels, weights, strict=True):
        total[label] = total.get(label, 0.0) + weight
    most = max(total.values())
    best = sorted(label for label, weight in total.items() if weight >= most * (1 - 1e-12))
    return best, most / sum(total.values())


def dawid_skene(
    answers: Answers, classes: int, *, smoothing: float = 0.0, tolerance: float = 1e-8, rounds: int = 1000
) -> Merged:
    """The true classes and every annotator's confusion, each from the other, by expectation and maximisation.

    Better than a vote where annotators differ in what they confuse, and there are enough answers to tell. It begins at
    the shares of the votes. A class that no row is thought to have keeps an even line in every confusion.

    answers:   [n, A], below 0 where an annotator gave none; a row without any gets the prior.
    smoothing: added to every count of a confusion; above 0 no answer is thought impossible. 0 is the paper's.
    tolerance: of the largest change of a probability.    rounds: at most, 1 or more.
    source:    Dawid & Skene 1979, eq. 2.3 to 2.5.
    """
    answers = np.asarray(answers, dtype=np.int64)
    if answers.ndim != 2 or not answers.size:
        raise ValueError(f"answers are {answers.shape}; they are [n, A], a row each and a column for every annotator.")
    if rounds < 1 or not smoothing >= 0:
        raise ValueError(f"rounds is {rounds} and smoothing {smoothing}; they are 1 or more, and 0 or more.")
    if answers.max() >= classes:
        row, by = np.argwhere(answers >= classes)[0]
        raise ValueError(f"annotator {by} answers {answers[row, by]} to row {row}; classes are 0…{classes - 1}.")
    said = answers[:, :, None] == np.arange(classes)  # [n, A, C]
    votes = said.sum(axis=1).astype(np.float64)
    has_any = votes.any(axis=1)
    probs = np.where(has_any[:, None], votes, 1.0)
    probs /= probs.sum(axis=1, keepdims=True)
    for _ in range(rounds):
        prior = probs[has_any].mean(axis=0) if has_any.any() else np.full(classes, 1 / classes)
        confusion = _lines(np.einsum("ni,naj->aij", probs, said) + smoothing)
        with np.errstate(divide="ignore"):
            log_joint = np.log(prior) + np.einsum("naj,aij->ni", said, _finite_log(confusion))
        top = log_joint.max(axis=1, keepdims=True)
        new = np.exp(log_joint - top)
        total = new.sum(axis=1, keepdims=True)
        new /= total
        moved = np.abs(new - probs).max()
        probs = new
        if moved < tolerance:
            break
    return Merged(probs, confusion, prior, float((top + np.log(total)).sum()))


def _lines(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts as probabilities along the last axis; even where there are none."""
    total = counts.sum(axis=-1, keepdims=True)
    found: NDArray[np.float64] = np.where(total > 0, counts / np.where(total > 0, total, 1.0), 1 / counts.shape[-1])
    return found


def _finite_log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """log, with so low a value for 0 that it wins over nothing and still sums: 0 x log 0 is 0 here, not nan."""
    found: NDArray[np.float64] = np.log(np.maximum(values, 1e-300))
    return found
