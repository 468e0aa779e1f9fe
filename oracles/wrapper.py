"""What all oracles around another oracle share."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Note = Mapping[str, object]  # what the journal keeps beside an answer: annotator, cost, confidence …
SKIP = -2


class Oracle(Protocol):
    """What is wrapped, and what comes out: the two methods of every oracle."""

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None: ...

    def collect(self, ticket: str) -> Mapping[int, int]: ...


class Wrapper:
    """An oracle around another: what is asked goes in as it is, and what comes out passes `_heard`.

    Four things beside the two methods are optional in every oracle, and handed on here: `notes` (ticket -> row -> what to
    keep beside the answer), `final` (ticket -> the answers that there will be once all waiting is over), `sees_guesses`
    (whether `post` wants the model's guesses), `has_memory` (whether answers depend on those given before).
    """

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    @property
    def sees_guesses(self) -> bool:
        return bool(getattr(self._oracle, "sees_guesses", False))

    @property
    def has_memory(self) -> bool:
        return bool(getattr(self._oracle, "has_memory", False))

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        self._oracle.post(ticket, rows, guesses)

    def collect(self, ticket: str) -> dict[int, int]:
        return self._heard(ticket, self._oracle.collect(ticket))

    def final(self, ticket: str) -> dict[int, int]:
        return self._heard(ticket, final_of(self._oracle, ticket))

    def notes(self, ticket: str) -> dict[int, Note]:
        return notes_of(self._oracle, ticket)

    def _heard(self, ticket: str, answers: Mapping[int, int]) -> dict[int, int]:
        """What becomes of the answers of the oracle inside, as far as there are any."""
        return dict(answers)


class Noting(Wrapper):
    """An oracle around another that only keeps something more beside each answer."""

    def __init__(self, oracle: Oracle) -> None:
        super().__init__(oracle)
        self._rows: dict[str, tuple[int, ...]] = {}

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        super().post(ticket, rows, guesses)
        self._rows.setdefault(ticket, tuple(rows))

    def notes(self, ticket: str) -> dict[int, Note]:
        inside = notes_of(self._oracle, ticket)
        return {row: self._noted(row, inside.get(row, {})) for row in self._rows[ticket]}

    def _noted(self, row: int, note: Note) -> Note:
        """The note of the oracle inside, and what this one adds."""
        raise NotImplementedError


def final_of(oracle: Oracle, ticket: str) -> Mapping[int, int]:
    """The answers that there will be; of an oracle that does not say, those that there are."""
    final = getattr(oracle, "final", None)
    found: Mapping[int, int] = (final or oracle.collect)(ticket)
    return found


def notes_of(oracle: Oracle, ticket: str) -> dict[int, Note]:
    """Row -> what the oracle keeps beside its answer; nothing of one that keeps no notes."""
    notes = getattr(oracle, "notes", None)
    return dict(notes(ticket)) if notes is not None else {}


def chance(seed: int, use: str, *address: int) -> Generator:
    """The generator at this address: the same draws whenever and in whatever order it is asked for."""
    return np.random.default_rng([seed, *address, zlib.crc32(use.encode())])


def check_fraction(value: float, what: str) -> None:
    """Refuse what is no fraction."""
    if not 0 <= value <= 1:
        raise ValueError(f"{what} is {value}; it is a fraction, between 0 and 1.")


def per_row(
    value: float | NDArray[np.float64],
    what: str,
    within: tuple[float, float] | None = None,
    inside: tuple[float, float] | None = None,
) -> Callable[[int], float]:
    """Row -> value, of one number for all or of [N]. within, inside: bounds that it may touch, or may not.

    raises: ValueError for a value out of bounds; where it is called, for a row that has none.
    """
    values = np.asarray(value, dtype=np.float64)
    if values.ndim > 1:
        raise ValueError(f"{what} is {values.shape}; it is one number, or one for every row, [N].")
    low, high = within or inside or (-np.inf, np.inf)
    allowed = (values > low) & (values < high) if inside else (values >= low) & (values <= high)
    allowed &= np.isfinite(values)
    if not allowed.all():
        off = values.ravel()[~allowed.ravel()][0]
        raise ValueError(f"{what} is {off}; it must be {'strictly ' if inside else ''}between {low:g} and {high:g}.")

    def at(row: int) -> float:
        if values.ndim and not 0 <= row < len(values):
            raise ValueError(f"row {row} was asked, and {what} is known of the rows 0…{len(values) - 1}.")
        return float(values[row]) if values.ndim else float(values)

    return at


def another_class(label: int, classes: int, drawn: float) -> int:
    """A class other than `label`, each equally likely. drawn: uniform in [0, 1)."""
    found = int(drawn * (classes - 1))
    return found + (found >= label)
