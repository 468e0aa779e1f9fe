"""Answers that are wrong at random, each row always in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from oracles.wrapper import Oracle, Wrapper, chance

Matrix: TypeAlias = NDArray[np.float64]
ByRow: TypeAlias = Callable[[int, int], NDArray[np.float64]]  # row, label -> [C], P(answer j)
SUM_TOLERANCE = 1e-6
SPREAD = 0.1  # deviation of the rates of rows about the mean, in Xia et al. 2020, appendix
CIFAR10 = {"truck": "automobile", "bird": "airplane", "deer": "horse", "cat": "dog", "dog": "cat"}


class Noisy(Wrapper):
    """Another oracle whose answers are confused at random.

    The draw depends on the seed and the row alone, so asking again, in another order or after a crash, gives the same
    answer. Skipped rows stay skipped. Each of several in a stack, or of a panel, needs a seed of its own: with equal
    seeds they err on the same rows.

    noise: [C, C], rows sum to 1; entry [i, j] is P(answer j | answer i of the oracle inside). Or a function of row and
    label that gives such a line, [C], where it depends on the row: see `instance` and `confusable`.
    """

    def __init__(self, oracle: Oracle, noise: Matrix | ByRow, seed: int) -> None:
        super().__init__(oracle)
        self._seed, self._by_row = seed, noise if callable(noise) else _of_classes(noise)

    def _heard(self, ticket: str, answers: Mapping[int, int]) -> dict[int, int]:
        return {row: self._confused(row, label) if label >= 0 else label for row, label in answers.items()}

    def _confused(self, row: int, label: int) -> int:
        cumulated = np.cumsum(self._by_row(row, label))
        cumulated /= cumulated[-1]  # ends at 1 exactly, which no draw reaches
        drawn = np.random.default_rng([self._seed, row]).random()
        return int((cumulated <= drawn).sum())


def _of_classes(transition: Matrix) -> ByRow:
    matrix = checked(transition)

    def line(row: int, label: int) -> NDArray[np.float64]:
        _check_label(row, label, len(matrix))
        found: NDArray[np.float64] = matrix[label]
        return found

    return line


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


def asymmetric(
    rate: float,
    classes: int,
    *,
    mapping: Mapping[str, str | int] | Mapping[int, int] | None = None,
    names: Sequence[str] = (),
) -> Matrix:
    """Noise that takes, with probability `rate`, some classes for one that looks like them; the others are safe.

    mapping: class -> what it is taken for, by name or number; by default CIFAR-10's: truck for automobile, bird for
    airplane, deer for horse, cat and dog for one another.    names: of the classes, in their order.
    returns: [C, C] transition matrix.
    source:  Patrini et al. 2017, arXiv:1609.03683, §5.
    """
    _check(rate, classes)
    if mapping is None and not set(CIFAR10) | set(CIFAR10.values()) <= set(names):
        raise ValueError(
            "asymmetric noise has a map for CIFAR-10 alone, and these classes have other names: give `mapping`, such as"
            ' {"cat": "dog"}.'
        )
    matrix = np.eye(classes)
    for given, taken_for in (mapping if mapping is not None else CIFAR10).items():
        at, to = _number(given, classes, names), _number(taken_for, classes, names)
        matrix[at, at] -= rate
        matrix[at, to] += rate
    return matrix


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


def instance(rate: float, features: NDArray[np.float64], classes: int, seed: int) -> ByRow:
    """Noise that depends on the row: each has a rate of its own about `rate`, and errs towards what its features say.

    The rates are normal with deviation 0.1, truncated to as far below `rate` as above it, and within 0 and 1: so their
    mean is `rate`. The class that a row is taken for is drawn from the softmax of a random projection of its features,
    one projection for every class that it may have; the larger the features, the more decided. The paper truncates to
    [0, 1] alone, where a rate of 0.05 turns into 0.10.

    features: [N, D], finite; centred, and of squared norm D on average, so that one class mostly stands out.
    returns:  function of row and label.
    source:   part-dependent noise, Xia et al. 2020, arXiv:2006.07836, appendix.
    """
    _check(rate, classes)
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2:
        raise ValueError(f"instance noise needs features [N, D]; these are {features.shape}.")
    _refuse_undefined(features, "features")
    projection = chance(seed, "instance projection").standard_normal((classes, features.shape[1], classes))

    def line(row: int, label: int) -> NDArray[np.float64]:
        _check_row(row, len(features))
        _check_label(row, label, classes)
        wrong = truncated_normal(rate, SPREAD, chance(seed, "instance rate", row).random())
        towards = features[row] @ projection[label]
        towards[label] = -np.inf
        share = np.exp(towards - towards.max())
        found: NDArray[np.float64] = wrong * share / share.sum()
        found[label] = 1 - wrong
        return found

    return line


def confusable(rate: float, probs: NDArray[np.float64]) -> ByRow:
    """Noise where a reference model is unsure, and towards its runner-up.

    A row's probability of error is in proportion to how near the runner-up comes to the first, p2 / p1, and at most 1;
    the factor is such that over all rows its mean is `rate`. A strategy that asks doubtful rows meets more of it. The
    wrong answer is the first of the model's classes that is not the label.

    probs:   [N, C], of a model that has not seen the row's label, sums to 1.
    returns: function of row and label.
    raises:  ValueError where too few rows leave any doubt for so high a rate.
    """
    probs = np.asarray(probs, dtype=np.float64)
    if probs.ndim != 2:
        raise ValueError(f"confusable noise needs probabilities [N, C]; these are {probs.shape}.")
    _check(rate, probs.shape[1])
    _refuse_undefined(probs, "probabilities")
    off = np.flatnonzero((probs < 0).any(axis=1) | (np.abs(probs.sum(axis=1) - 1) > 1e-3))
    if len(off):
        raise ValueError(f"{len(off)} of {len(probs)} rows are no probabilities; the first is row {off[0]}, and each"
                         " must be 0 or more and sum to 1.")  # fmt: skip
    order = np.argsort(-probs, axis=1, kind="stable")[:, :2]
    first, second = np.take_along_axis(probs, order, axis=1).T
    wrong = scaled_to_mean(second / first, rate)

    def line(row: int, label: int) -> NDArray[np.float64]:
        _check_row(row, len(probs))
        _check_label(row, label, probs.shape[1])
        found = np.zeros(probs.shape[1])
        found[label] = 1 - wrong[row]
        found[order[row, 1] if order[row, 0] == label else order[row, 0]] = wrong[row]
        return found

    return line


def truncated_normal(mean: float, deviation: float, drawn: float) -> float:
    """A normal value truncated to [mean - h, mean + h], h being the way from the mean to the nearer of 0 and 1.

    drawn: uniform in [0, 1).
    """
    h = min(mean, 1 - mean)
    normal = NormalDist()
    below = normal.cdf(-h / deviation)
    found = mean + deviation * normal.inv_cdf(below + drawn * (1 - 2 * below))
    return min(max(found, mean - h), mean + h)


def scaled_to_mean(doubt: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """min(1, s x doubt), with the s that makes their mean `rate`.

    doubt: [n], 0 or more.    raises: ValueError where the rows with any doubt are fewer than rate x n.
    """
    target, total = rate * len(doubt), int((doubt > 0).sum())
    if target > total:
        raise ValueError(f"a rate of {rate} needs errors in {target:.0f} of {len(doubt)} rows, and the reference model is"
                         f" sure of all but {total}: lower it.")  # fmt: skip
    largest = np.sort(doubt)[::-1]
    rest = np.append(np.cumsum(largest[::-1])[::-1], 0.0)  # [n + 1], the doubt of all but the k largest
    for k in range(total):  # the k largest are at 1
        scale = (target - k) / rest[k]
        if scale * largest[k] <= 1:
            found: NDArray[np.float64] = np.minimum(1.0, scale * doubt)
            return found
    return (doubt > 0).astype(np.float64)


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


def _number(given: str | int, classes: int, names: Sequence[str]) -> int:
    if given in names:
        return list(names).index(str(given))
    try:
        number = int(given)
    except ValueError:
        number = -1
    if not 0 <= number < classes:
        known = f"{', '.join(names)}, or " if names else ""
        raise ValueError(f"the map of asymmetric noise names the class {given!r}; there are {known}0…{classes - 1}.")
    return number


def _check(rate: float, classes: int) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"the noise rate is {rate}; it is a fraction of answers, between 0 and 1.")
    if classes < 2:
        raise ValueError(f"noise between classes needs two of them; there are {classes}.")


def _check_label(row: int, label: int, classes: int) -> None:
    if label >= classes:
        raise ValueError(f"row {row} has class {label}, and the noise is for 0…{classes - 1}.")


def _check_row(row: int, rows: int) -> None:
    if not 0 <= row < rows:
        raise ValueError(f"row {row} was asked, and the noise knows the rows 0…{rows - 1}.")


def _refuse_undefined(values: NDArray[np.float64], what: str) -> None:
    off = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(off):
        raise ValueError(f"{what} of {len(off)} of {len(values)} rows are nan or infinite; the first is row {off[0]}.")
