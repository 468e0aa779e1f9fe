"""Under what conditions answers come: not at all, later, at a price, under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from oracles.wrapper import SKIP, Note, Noting, Oracle, Wrapper, chance, per_row


class Abstaining(Wrapper):
    """Another oracle that skips a row with a probability, each row always in the same way.

    rate: probability; one number, or [N] where rows differ.
    """

    def __init__(self, oracle: Oracle, rate: float | NDArray[np.float64], seed: int) -> None:
        super().__init__(oracle)
        self._rate, self._seed = per_row(rate, "the rate of skips", within=(0, 1)), seed

    def _heard(self, ticket: str, answers: Mapping[int, int]) -> dict[int, int]:
        return {row: SKIP if self._skips(row) else label for row, label in answers.items()}

    def _skips(self, row: int) -> bool:
        return chance(self._seed, "abstaining", row).random() < self._rate(row)


class Delayed(Wrapper):
    """Another oracle whose answers are there only after some waiting, which collecting and posting count, no clock.

    collects: of a ticket that come back without a row's answer; drawn between `least` and this for each row, so that
    answers come in parts, or the same for all where `least` is None.    tickets: that must be posted later. A loop that
    waits for one query before it asks the next, as `drive` does, never sees an answer that waits for a later ticket.
    """

    def __init__(self, oracle: Oracle, collects: int, seed: int, *, least: int | None = None, tickets: int = 0) -> None:
        super().__init__(oracle)
        least = collects if least is None else least
        if not 0 <= least <= collects or tickets < 0:
            raise ValueError(
                f"collects is {collects}, least {least} and tickets {tickets}; all are 0 or more, and least at most"
                " collects."
            )
        self._least, self._most, self._later, self._seed = least, collects, tickets, seed
        self._posted: list[str] = []
        self._collected: dict[str, int] = {}

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        super().post(ticket, rows, guesses)
        if ticket not in self._collected:
            self._posted.append(ticket)
            self._collected[ticket] = 0

    def collect(self, ticket: str) -> dict[int, int]:
        answers = super().collect(ticket)
        waited, self._collected[ticket] = self._collected[ticket], self._collected[ticket] + 1
        if len(self._posted) - 1 - self._posted.index(ticket) < self._later:
            return {}
        return {row: label for row, label in answers.items() if waited >= self._delay(row)}

    def _delay(self, row: int) -> int:
        return int(chance(self._seed, "delayed", row).integers(self._least, self._most + 1))


class Costly(Noting):
    """Another oracle whose every answer, a skip too, has its cost noted, on top of what it cost inside.

    each: in your own unit, 0 or more; one number, or [N] where rows differ.
    """

    def __init__(self, oracle: Oracle, each: float | NDArray[np.float64]) -> None:
        super().__init__(oracle)
        self._each = per_row(each, "the cost of an answer", within=(0, np.inf))

    def _noted(self, row: int, note: Note) -> Note:
        before = note.get("cost", 0)
        return {**note, "cost": (before if isinstance(before, int | float) else 0) + self._each(row)}


class Named(Noting):
    """Another oracle whose answers carry the name of who gave them."""

    def __init__(self, oracle: Oracle, annotator: str) -> None:
        super().__init__(oracle)
        self._annotator = annotator

    def _noted(self, row: int, note: Note) -> Note:
        return {**note, "annotator": self._annotator}
