"""The truth, as an oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1


class Simulated:
    """Answers at once and rightly, from labels that nobody else holds.

    truth: [N], class id of every dataset row; -2 where even the truth is to skip it, -1 where nobody knows it.
    raises: ValueError for a row that has no truth, and for a ticket that was never posted.
    """

    def __init__(self, truth: Sequence[int] | NDArray[np.int64]) -> None:
        self._truth = np.asarray(truth, dtype=np.int64)
        self._asked: dict[str, tuple[int, ...]] = {}

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        for row in rows:
            if not 0 <= row < len(self._truth):
                raise ValueError(f"row {row} was asked, and the truth has the rows 0…{len(self._truth) - 1}.")
            if self._truth[row] == UNKNOWN:
                raise ValueError(f"row {row} was asked, and the truth of it is {UNKNOWN}, unknown: ask people instead.")
        self._asked[ticket] = tuple(rows)

    def collect(self, ticket: str) -> dict[int, int]:
        if ticket not in self._asked:
            raise ValueError(f"ticket {ticket!r} was never posted here; post it, which may be repeated, then collect.")
        return {row: int(self._truth[row]) for row in self._asked[ticket]}
