"""People who err as people do: tired, used to what is frequent, gambling, anchored to the model's guess, too sure.

Those with a memory are a fold over what was posted: a driver that posts the past again, in its order, makes them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oracles.wrapper import Note, Noting, Oracle, Wrapper, another_class, chance, check_fraction, per_row


@dataclass(frozen=True)
class Moment:
    """When a row is looked at. ordinal: rows shown before it, ever; in_ticket: in this ticket.    past: labels given."""

    ordinal: int
    in_ticket: int
    past: Sequence[int]


@dataclass(frozen=True)
class _Asked:
    rows: tuple[int, ...]
    shown: int
    given: int  # before this ticket, ever


class Remembering(Wrapper):
    """An annotator whose answers depend on those given before, in the order in which rows are asked.

    A row that the oracle inside has not answered yet holds back those after it in its ticket. Once the next ticket is
    posted, all that there will be of the last one is remembered, collected or not: so posting alone makes the memory, and
    asking again, collecting in parts or a crash change nothing. Skipped rows are shown and not remembered.
    """

    def __init__(self, oracle: Oracle, seed: int) -> None:
        super().__init__(oracle)
        self._seed = seed
        self._asked: dict[str, _Asked] = {}
        self._past: list[int] = []

    @property
    def has_memory(self) -> bool:
        return True

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        super().post(ticket, rows, guesses)
        if ticket in self._asked:
            return
        shown = 0
        if self._asked:
            last, asked = next(reversed(self._asked.items()))
            self._past += [label for label in self.final(last).values() if label >= 0]
            shown = asked.shown + len(asked.rows)
        self._asked[ticket] = _Asked(tuple(rows), shown, len(self._past))

    def _heard(self, ticket: str, answers: Mapping[int, int]) -> dict[int, int]:
        asked = self._asked[ticket]
        past, said = self._past[: asked.given], {}
        for at, row in enumerate(asked.rows):
            if row not in answers:
                break
            said[row] = label = answers[row]
            if label >= 0:
                said[row] = self._says(row, label, Moment(asked.shown + at, at, past))
                past.append(said[row])
        return said

    def _says(self, row: int, label: int, moment: Moment) -> int:
        """What is answered where the oracle inside says `label`, 0 or more."""
        raise NotImplementedError


class Tired(Remembering):
    """An annotator who errs the more, the more answers a sitting has had, and is fresh after a break.

    The rate of errors begins at 0 and goes half of the way to `most` with every `half_life` answers; the wrong class is
    any other.

    half_life: answers.    most: rate that a sitting without end comes to.    sitting: answers between two breaks; 0 takes a
    break after every ticket, while the model trains.
    """

    def __init__(
        self, oracle: Oracle, half_life: float, classes: int, seed: int, *, most: float = 0.5, sitting: int = 0
    ) -> None:
        super().__init__(oracle, seed)
        check_fraction(most, "most, the rate of errors of the very tired,")
        if not half_life > 0 or sitting < 0:
            raise ValueError(
                f"half_life is {half_life} and sitting {sitting}; they are answers, above 0 and 0 or more."
            )
        self._half_life, self._classes, self._most, self._sitting = half_life, classes, most, sitting

    def _says(self, row: int, label: int, moment: Moment) -> int:
        answers = moment.ordinal % self._sitting if self._sitting else moment.in_ticket
        rate = self._most * (1 - 2 ** (-answers / self._half_life))
        errs, which = chance(self._seed, "tired", row, moment.ordinal).random(2)
        return another_class(label, self._classes, which) if errs < rate else label


class Habituated(Remembering):
    """An annotator used to what was frequent of late, who misses what was rare.

    A class that had its even share of the last answers, or more, is never missed; one that had none is missed with
    probability `most`; in between in proportion. What is said instead is one of those last answers. Before `window`
    answers are given, the missing ones count as evenly spread.

    most: probability.    window: answers that form the habit.
    source: prevalence effect, Wolfe, Horowitz & Kenner 2005.
    """

    def __init__(self, oracle: Oracle, most: float, classes: int, seed: int, *, window: int = 50) -> None:
        super().__init__(oracle, seed)
        check_fraction(most, "most, the probability that an unseen class is missed,")
        if window < 1:
            raise ValueError(f"window is {window}; it is a number of answers, 1 or more.")
        self._most, self._classes, self._window = most, classes, window

    def _says(self, row: int, label: int, moment: Moment) -> int:
        recent = np.bincount(moment.past[-self._window :], minlength=self._classes).astype(np.float64)
        recent += (self._window - min(len(moment.past), self._window)) / self._classes
        missed = self._most * max(0.0, 1 - recent[label] / self._window * self._classes)
        misses, which = chance(self._seed, "habituated", row, moment.ordinal).random(2)
        if misses >= missed:
            return label
        recent[label] = 0
        cumulated = np.cumsum(recent)
        return int((cumulated <= which * cumulated[-1]).sum())


class Gambler(Remembering):
    """An annotator who thinks that a label just given is not due again.

    A label among the `last` ones given is, with probability `rate`, replaced by a class that is not among them; where all
    classes are, it is kept.

    source: gambler's fallacy; of people who decide in sequences, Chen, Moskowitz & Shue 2016.
    """

    def __init__(self, oracle: Oracle, last: int, classes: int, seed: int, *, rate: float = 0.1) -> None:
        super().__init__(oracle, seed)
        check_fraction(rate, "the rate")
        if last < 1:
            raise ValueError(f"last is {last}; it is the number of answers that are not repeated, 1 or more.")
        self._last, self._classes, self._rate = last, classes, rate

    def _says(self, row: int, label: int, moment: Moment) -> int:
        recent = set(moment.past[-self._last :])
        due = [other for other in range(self._classes) if other not in recent]
        avoids, which = chance(self._seed, "gambler", row, moment.ordinal).random(2)
        return due[int(which * len(due))] if label in recent and due and avoids < self._rate else label


class Anchored(Wrapper):
    """An annotator who is shown the model's guess, and accepts it unseen with probability `p`.

    The draw depends on the seed and the row. Rows without a guess, such as those of the start, are looked at.
    """

    def __init__(self, oracle: Oracle, p: float, seed: int) -> None:
        super().__init__(oracle)
        check_fraction(p, "p, the probability that a guess is accepted,")
        self._p, self._seed = p, seed
        self._guesses: dict[str, Mapping[int, int]] = {}

    @property
    def sees_guesses(self) -> bool:
        return True

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        super().post(ticket, rows, guesses)
        if guesses:
            self._guesses.setdefault(ticket, dict(guesses))

    def _heard(self, ticket: str, answers: Mapping[int, int]) -> dict[int, int]:
        shown = self._guesses.get(ticket, {})
        return {row: self._says(row, label, shown.get(row, label)) for row, label in answers.items()}

    def _says(self, row: int, label: int, guess: int) -> int:
        if label < 0 or guess == label:
            return label
        return guess if chance(self._seed, "anchored", row).random() < self._p else label


class Overconfident(Noting):
    """An annotator who says how sure they are, and is less often right than that.

    `notes` gets a confidence in (0, 1): the log-odds of `accuracy`, moved up by `by`, and spread about that by a normal
    draw that depends on the seed and the row. The answers stay those of the oracle inside.

    accuracy: how often they are right, strictly between 0 and 1; one number, or [N] where rows differ.
    by, spread: in log-odds; at an accuracy of 0.7, by = 1 claims 0.86.
    """

    _way = 1  # in which the confidence is off

    def __init__(
        self,
        oracle: Oracle,
        accuracy: float | NDArray[np.float64],
        seed: int,
        *,
        by: float = 1.0,
        spread: float = 0.5,
    ) -> None:
        super().__init__(oracle)
        self._accuracy = per_row(accuracy, "accuracy", inside=(0, 1))
        if not by >= 0 or not spread >= 0:
            raise ValueError(f"by is {by} and spread {spread}; they are log-odds, 0 or more.")
        self._seed, self._by, self._spread = seed, by, spread

    def _noted(self, row: int, note: Note) -> Note:
        accuracy = self._accuracy(row)
        odds = np.log(accuracy / (1 - accuracy)) + self._way * self._by
        odds += self._spread * chance(self._seed, "confidence", row).standard_normal()
        return {**note, "confidence": round(float(1 / (1 + np.exp(-odds))), 4)}


class Underconfident(Overconfident):
    """An annotator who says how sure they are, and is more often right than that: `Overconfident`, the other way."""

    _way = -1
