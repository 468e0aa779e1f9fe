"""A small oracle that keeps the contract, and one for each way of breaking it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from activeloop.errors import ConfigError
from activeloop.testing import OracleContract
from activeloop.testing.oracle_contract import CHECKS, Maker

Truth = Any


class Good:
    def __init__(self, truth: Truth, seed: int) -> None:
        self.truth, self.seed = truth, seed
        self.asked: dict[str, list[int]] = {}

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        if any(not 0 <= row < len(self.truth) for row in rows):
            raise ValueError("no such row")
        self.asked[ticket] = list(rows)

    def collect(self, ticket: str) -> dict[int, int]:
        return {row: self.answer(row) for row in self.asked[ticket]}

    def answer(self, row: int) -> int:
        return int(self.truth[row])


class OneMore(Good):
    def collect(self, ticket: str) -> dict[int, int]:
        return {**super().collect(ticket), 59: 0}


class Unsure(Good):
    def answer(self, row: int) -> int:
        return -1 if row == 3 else super().answer(row)


class FromOne(Good):
    def answer(self, row: int) -> int:
        return super().answer(row) + 1


class Named(Good):
    def answer(self, row: int) -> int:
        return "abcd"[super().answer(row)]  # type: ignore[return-value]


class Negative(Good):
    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        self.asked[ticket] = list(rows)


class Lenient(Good):
    def collect(self, ticket: str) -> dict[int, int]:
        return super().collect(ticket) if ticket in self.asked else {}


class Tiring(Good):
    """Errs from its sixth answer on, and counts what is collected again."""

    given = 0

    def collect(self, ticket: str) -> dict[int, int]:
        self.given += len(self.asked[ticket])
        return {row: (label + (self.given > 5)) % 4 for row, label in super().collect(ticket).items()}


class Accumulating(Good):
    """Posting again asks again: the ordinal of an answer decides."""

    has_memory = True
    posted = 0

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        super().post(ticket, rows, guesses)
        self.posted += 1

    def collect(self, ticket: str) -> dict[int, int]:
        return {row: (label + self.posted) % 4 for row, label in super().collect(ticket).items()}


class Remembering(Good):
    """A gambler: its answer depends on how many tickets came before; a ticket posted again changes nothing."""

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        if ticket not in self.asked:
            super().post(ticket, rows, guesses)

    def collect(self, ticket: str) -> dict[int, int]:
        before = list(self.asked).index(ticket) if ticket in self.asked else -1
        return {row: (label + before) % 4 for row, label in super().collect(ticket).items()}


class RememberingAndSaysSo(Remembering):
    has_memory = True


class Careless(Good):
    def collect(self, ticket: str) -> dict[int, int]:
        rows = self.asked[ticket]
        return dict(zip(rows, np.random.randint(0, 4, len(rows)).tolist(), strict=True))


class OfTheHash(Good):
    """A stream of its own for every oracle, rather than for a seed."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth, seed=0)
        self.drawn = np.random.default_rng().integers(0, 4, len(truth)).tolist()

    def answer(self, row: int) -> int:
        return int(self.drawn[row])


class Drawing(Good):
    """Puts no state back that it took a draw from."""

    def answer(self, row: int) -> int:
        np.random.rand()
        return super().answer(row)


class Shared(Good):
    """Gives its own dictionary away."""

    def __init__(self, truth: Truth, seed: int) -> None:
        super().__init__(truth, seed)
        self.answers: dict[str, dict[int, int]] = {}

    def collect(self, ticket: str) -> dict[int, int]:
        return self.answers.setdefault(ticket, super().collect(ticket))


class Emptied(Shared):
    def collect(self, ticket: str) -> dict[int, int]:
        found = super().collect(ticket)
        found.pop(999, None)
        return found


class Forgetful(Good):
    """Answers are handed out once."""

    def __init__(self, truth: Truth, seed: int) -> None:
        super().__init__(truth, seed)
        self.given: set[str] = set()

    def collect(self, ticket: str) -> dict[int, int]:
        found = {} if ticket in self.given else super().collect(ticket)
        self.given.add(ticket)
        return found


class Late(Good):
    """Half of the rows are answered from the second time on that they are collected: no promise is broken by that."""

    def __init__(self, truth: Truth, seed: int) -> None:
        super().__init__(truth, seed)
        self.times: dict[str, int] = {}

    def collect(self, ticket: str) -> dict[int, int]:
        found = super().collect(ticket)
        self.times[ticket] = self.times.get(ticket, 0) + 1
        return found if self.times[ticket] > 1 else {row: label for row, label in found.items() if row % 2}


class Borrowing(Good):
    """Keeps the caller's list."""

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        super().post(ticket, rows, guesses)
        self.asked[ticket] = rows  # type: ignore[assignment]


class Sorting(Good):
    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        rows.sort()  # type: ignore[attr-defined]
        super().post(ticket, rows, guesses)


class Noting(Good):
    note: Any = {"annotator": "ann", "cost": 0.5}  # noqa: RUF012

    def notes(self, ticket: str) -> dict[int, Any]:
        return dict.fromkeys(self.asked[ticket], self.note)


class NotingNumbers(Noting):
    note = {"cost": np.float32(1)}  # noqa: RUF012


class NotingTexts(Noting):
    note = "ann"


class NotingOthers(Noting):
    def notes(self, ticket: str) -> dict[int, Any]:
        return {59: self.note}


class Mute:
    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None: ...


class Waiting(Good):
    """People: nothing is answered yet."""

    def collect(self, ticket: str) -> dict[int, int]:
        return {} if ticket in self.asked else super().collect(ticket)


@pytest.mark.parametrize("oracle", [Good, RememberingAndSaysSo, Noting, Waiting, Late])
def test_a_good_oracle_keeps_all(oracle: type[Good]) -> None:
    for check in CHECKS.values():
        check(Maker(oracle))


@pytest.mark.parametrize(
    ("oracle", "says", "seen"),
    [
        (Mute, "answers only what was asked", "is a Mute without `collect`"),
        (OneMore, "answers only what was asked", "answers row 59, which q0 did not ask for"),
        (Unsure, "answers classes or skips", "answers -1 for row 3 of q0; an answer is a class id 0…3 or -2"),
        (FromOne, "answers classes or skips", "answers 4 for row 7"),
        (Named, "answers classes or skips", "answers 'd' for row 7"),
        (Negative, "a row that is not there gets no label", "answers 3 for row -1, which the data do not have"),
        (Lenient, "an unknown ticket is refused", r"gives \{\} for a ticket that was never posted"),
        (Tiring, "posting and collecting again have no effect", "q0, posted and collected again"),
        (Accumulating, "posting and collecting again have no effect", "q0, posted and collected again"),
        (Accumulating, "starting anew gives the same answers", "q0, posted to a new one after all before it"),
        (
            Remembering,
            "the order does not matter without a memory",
            "tickets in another order; an oracle whose answers",
        ),
        (Careless, "starting anew gives the same answers", "posted to a new one"),
        (OfTheHash, "starting anew gives the same answers", "posted to a new one"),
        (Drawing, "leaves the global random state", "state of numpy, which"),
        (Shared, "what is collected is the caller's", "gives q0 with what the caller put into the mapping"),
        (Emptied, "what is collected is the caller's", "answered 3 for row 7 and now nothing: q0, after the caller"),
        (Forgetful, "posting and collecting again have no effect", "and now nothing: q0, posted and collected again"),
        (Borrowing, "what is posted stays the caller's", "after the caller changed the list that it posted"),
        (Sorting, "what is posted stays the caller's", "changes the rows or the guesses"),
        (NotingNumbers, "notes are JSON about rows asked", "note on row 7 cannot be kept in a journal as JSON"),
        (NotingTexts, "notes are JSON about rows asked", "note on row 7 is 'ann', not a mapping"),
        (NotingOthers, "notes are JSON about rows asked", "has notes on row 59, which q0 did not ask for"),
    ],
)
def test_every_broken_promise_is_caught_and_named(oracle: Any, says: str, seen: str) -> None:
    with pytest.raises(AssertionError, match=seen):
        CHECKS[says](Maker(oracle))


def test_an_oracle_is_made_with_what_it_asks_for_by_name() -> None:
    seen: dict[str, Any] = {}

    def make(
        truth: Truth, *, classes: int, seed: int, oracle: Any, features: Any, probs: Any, rate: float = 0.1
    ) -> Good:
        seen.update(classes=classes, features=features.shape, probs=probs.shape, rate=rate, right=oracle)
        return Good(truth, seed)

    made = Maker(make)()
    made.post("q0", [5])
    seen["right"].post("q0", [5])

    assert made.collect("q0") == seen["right"].collect("q0") == {5: 1}
    assert (seen["classes"], seen["features"], seen["probs"], seen["rate"]) == (4, (60, 6), (60, 4), 0.1)
    with pytest.raises(ConfigError, match="also needs voters, panel: give defaults, or check a function of your own"):
        Maker(lambda truth, voters, panel, *more: Good(truth, 0))()


class TestSimulated(OracleContract):
    oracle = "simulated"


def test_the_class_fails_where_a_promise_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(OracleContract):
        oracle = "fails_its_oracle_contract:Lists"

    (tmp_path / "fails_its_oracle_contract.py").write_text(
        "class Lists:\n"
        "    def post(self, ticket, rows, guesses=None): ...\n"
        "    def collect(self, ticket):\n        return []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(AssertionError, match="`collect` gives a list, not a mapping"):
        Broken().test_it_answers_what_it_is_asked()
