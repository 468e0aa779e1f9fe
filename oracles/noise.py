"""Answers that are wrong at random, each row always in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
SUM_TOLERANCE = 1e-6


class Oracle(Protocol):
    """What is wrapped, and what comes out: the two methods of every oracle."""

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None: ...

    def collect(self, ticket: str) -> Mapping[int, int]: ...


class Noisy:
    """Another oracle whose answers are confused at random.

    The draw depends on the seed and the row alone, so asking again, in another order or after a crash, gives the same
    answer. Skipped rows stay skipped.

    transition: [C, C], rows sum to 1; entry [i, j] is P(answer j | answer i of the oracle inside).
    """

    def __init__(self, oracle: Oracle, transition: Matrix, seed: int) -> None:
        self._oracle, self._seed = oracle, seed
        cumulated = np.cumsum(checked(transition), axis=1)
        self._cumulated = cumulated / cumulated[:, -1:]  # ends at 1 exactly, which no draw reaches

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        self._oracle.post(ticket, rows, guesses)

    def collect(self, ticket: str) -> dict[int, int]:
        answers = self._oracle.collect(ticket)
        return {row: self._confused(row, label) if label >= 0 else label for row, label in answers.items()}

    def _confused(self, row: int, label: int) -> int:
        if label >= len(self._cumulated):
            raise ValueError(f"row {row} has class {label}, and the noise is for 0…{len(self._cumulated) - 1}.")
        drawn = np.random.default_rng([self._seed, row]).random()
        return int((self._cumulated[label] <= drawn).sum())


def symmetric(rate: float, classes: int) -> Matrix:
    """Noise that gives, with probability `rate`, another class, each equally likely.

    returns: [C, C] transition matrix.
    """
    _check(rate, classes)
    matrix = np.full((classes, classes), rate / (classes - 1))
    np.fill_diagonal(matrix, 1 - rate)
    return matrix


def pair(rate: float, classes: int) -> Matrix:
    """Noise that gives, with probability `rate`, the next class; the first follows the last.

    returns: [C, C] transition matrix.
    """
    _check(rate, classes)
    return (1 - rate) * np.eye(classes) + rate * np.roll(np.eye(classes), 1, axis=1)


def transition(path: str, classes: int) -> Matrix:
    """Noise from a C x C matrix in a .npy file: entry [i, j] is P(answer j | true class i).

    source: class-conditional noise, Angluin & Laird 1988; Natarajan et al. 2013.
    """
    try:
        matrix = np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    except (OSError, EOFError, TypeError, ValueError) as error:
        raise ValueError(
            f"noise transition:{path} cannot be read: {error}. It is a .npy of {classes} x {classes} numbers."
        ) from error
    if matrix.shape != (classes, classes):
        raise ValueError(f"noise transition:{path} is {matrix.shape}; {classes} classes need {classes} x {classes}.")
    return checked(matrix)


def checked(matrix: Matrix) -> Matrix:
    """The matrix, if it is square, never negative, and its rows sum to 1."""
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a transition matrix is square, one row a class; this one is {matrix.shape}.")
    off = np.flatnonzero(~(np.abs(matrix.sum(axis=1) - 1) < SUM_TOLERANCE) | ~(matrix >= 0).all(axis=1))
    if len(off):
        raise ValueError(
            f"row {off[0]} of the transition matrix is {matrix[off[0]].tolist()}; each must be 0 or more and sum to 1."
        )
    return matrix


def parse(noise: str, classes: int) -> Matrix:
    """The matrix that "symmetric:0.05", "pair:0.2" or "transition:FILE.npy" stands for."""
    kind, _, argument = noise.partition(":")
    if kind == "transition":
        return transition(argument, classes)
    kinds = {"symmetric": symmetric, "pair": pair}
    if kind not in kinds:
        raise ValueError(f"noise is {noise!r}; allowed are symmetric:RATE, pair:RATE and transition:FILE.npy.")
    try:
        rate = float(argument)
    except ValueError:
        raise ValueError(f"noise {noise!r} needs a rate between 0 and 1, such as {kind}:0.05.") from None
    return kinds[kind](rate, classes)


def _check(rate: float, classes: int) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"the noise rate is {rate}; it is a fraction of answers, between 0 and 1.")
    if classes < 2:
        raise ValueError(f"noise between classes needs two of them; there are {classes}.")
