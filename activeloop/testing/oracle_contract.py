"""What an oracle must keep: a check a line, each a function that raises AssertionError.

An oracle that need not answer now is judged by what it does answer. One whose answers depend on those it gave before says
so by an attribute `has_memory` that is true; what is posted to it in the same order must still be answered in the same way.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from operator import index
from typing import Any, cast

import numpy as np

from activeloop.errors import ConfigError
from activeloop.testing.pool import NAMES, chance_kept, chance_put_back, pool, stir
from activeloop.types import SKIP, Oracle

SEED = 3
# what is posted, in this order; the last asks rows again, as a run does after `close`
POSTED = (("q0", (7, 3, 28, 12)), ("q1", (1, 40, 2)), ("q2", (55, 9, 31, 4, 0)), ("q3", (3, 40)))
GUESSES = {3: 1, 40: 0}


@dataclass(frozen=True)
class Maker:
    """Makes an oracle, a new one at every call, from a class or a function that gives one.

    It is called with those of these that it has parameters for, by name: truth [N] int64, classes (their number), seed,
    oracle (another one, that answers rightly), features and probs [N, ...] float64. All else must have a default.
    raises: ConfigError for a parameter without one.
    """

    factory: Callable[..., Any]

    def __call__(self) -> Oracle:
        made = self.factory(**self._given())
        missing = [name for name in ("post", "collect") if not callable(getattr(made, name, None))]
        assert not missing, f"is a {type(made).__name__} without `{missing[0]}`; an oracle has `post` and `collect`"
        return cast(Oracle, made)

    def _given(self) -> dict[str, Any]:
        made = pool(shape=(6,))
        probs = np.full((len(made.truth), len(NAMES)), 0.1)
        probs[np.arange(len(probs)), made.truth] = 0.7
        known: dict[str, Any] = {
            "truth": made.truth,
            "classes": len(NAMES),
            "seed": SEED,
            "oracle": Rightly(made.truth.tolist()),
            "features": made.data.inputs.double().numpy(),
            "probs": probs,
        }
        wanted = inspect.signature(self.factory).parameters.values()
        fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        unknown = [
            each.name
            for each in wanted
            if each.name not in known and each.default is each.empty and each.kind not in fixed
        ]
        if unknown:
            raise ConfigError(
                f"an oracle is made with {', '.join(known)}, as far as it asks for them, and this one also needs"
                f" {', '.join(unknown)}: give defaults, or check a function of your own that makes it."
            )
        return {each.name: known[each.name] for each in wanted if each.name in known}


class Rightly:
    """The oracle that wrappers are given."""

    def __init__(self, truth: list[int]) -> None:
        self._truth, self._asked = truth, dict[str, list[int]]()

    def post(self, ticket: str, rows: Any, guesses: Mapping[int, int] | None = None) -> None:
        for row in rows:
            if not 0 <= row < len(self._truth):
                raise ValueError(f"row {row} is not in the data.")
        self._asked[ticket] = list(rows)

    def collect(self, ticket: str) -> dict[int, int]:
        if ticket not in self._asked:
            raise ValueError(f"ticket {ticket!r} was never posted.")
        return {row: self._truth[row] for row in self._asked[ticket]}


Check = Callable[[Maker], None]
Answers = dict[str, dict[int, int]]


def answers_only_what_was_asked(make: Maker) -> None:
    oracle = make()
    for ticket, rows in POSTED:
        oracle.post(ticket, list(rows))
        found = oracle.collect(ticket)
        assert isinstance(found, Mapping), f"`collect` gives a {type(found).__name__}, not a mapping of rows to labels"
        foreign = [row for row in found if row not in rows]
        assert not foreign, f"answers row {foreign[0]}, which {ticket} did not ask for: it asked for {rows}"


def answers_classes_or_skips(make: Maker) -> None:
    for guesses in (None, GUESSES):
        for ticket, answers in _asked(make(), guesses).items():
            bad = {row: label for row, label in answers.items() if not _is_answer(label)}
            assert not bad, (
                f"answers {next(iter(bad.values()))!r} for row {next(iter(bad))} of {ticket}; an answer is a class id"
                f" 0…{len(NAMES) - 1} or {SKIP}, skip"
            )


def posting_and_collecting_again_have_no_effect(make: Maker) -> None:
    oracle, once = make(), _asked(make())
    for ticket, rows in POSTED:
        for _ in range(2):
            oracle.post(ticket, list(rows))
            _same(oracle.collect(ticket), once[ticket], f"{ticket}, posted and collected again")
    for ticket, rows in reversed(POSTED):
        oracle.post(ticket, list(rows))
        _same(oracle.collect(ticket), once[ticket], f"{ticket}, posted again after the others")


def starting_anew_gives_the_same_answers(make: Maker) -> None:
    with chance_put_back():
        stir(11)
        first = _asked(make(), GUESSES)
        stir(12)
        replayed = make()
        for ticket, rows in POSTED:
            replayed.post(ticket, list(rows), GUESSES)
        again = {ticket: dict(replayed.collect(ticket)) for ticket, _ in POSTED}
    for ticket, answers in again.items():
        _same(answers, first[ticket], f"{ticket}, posted to a new one after all before it, as a run does that goes on")


def the_order_does_not_matter_without_a_memory(make: Maker) -> None:
    first = _asked(make())
    if getattr(make(), "has_memory", False):
        return
    oracle = make()
    for ticket, rows in reversed(POSTED):
        oracle.post(ticket, list(rows)[::-1])
        hint = "; an oracle whose answers depend on earlier ones has a true attribute `has_memory`"
        found = oracle.collect(ticket)
        both = {row: label for row, label in first[ticket].items() if row in found}  # others may wait for later tickets
        _same(found, both, f"{ticket}, with rows and tickets in another order", hint)


def an_unknown_ticket_is_refused(make: Maker) -> None:
    for oracle, what in ((make(), "nothing was posted"), (_posted(make()), "others were posted")):
        try:
            found = oracle.collect("never-posted")
        except Exception:
            continue
        raise AssertionError(f"gives {dict(found)} for a ticket that was never posted ({what}); raise ValueError")


def a_row_that_is_not_there_gets_no_label(make: Maker) -> None:
    for row in (-1, len(pool().data)):
        oracle = make()
        try:
            oracle.post("q0", [row])
            found = oracle.collect("q0")
        except Exception:
            continue
        assert found.get(row, SKIP) == SKIP, f"answers {found[row]} for row {row}, which the data do not have"


def what_is_collected_is_the_callers(make: Maker) -> None:
    oracle = _posted(make())
    for ticket, _ in POSTED:
        found = oracle.collect(ticket)
        kept = dict(found)
        if isinstance(found, MutableMapping):
            found.clear()
            found[999] = 0
        again = oracle.collect(ticket)
        assert 999 not in again, f"gives {ticket} with what the caller put into the mapping that was collected before"
        _same(again, kept, f"{ticket}, after the caller changed what was collected")


def what_is_posted_stays_the_callers(make: Maker) -> None:
    oracle, once = make(), _asked(make(), GUESSES)
    for ticket, rows in POSTED:
        given, guesses = list(rows), dict(GUESSES)
        oracle.post(ticket, given, guesses)
        assert (given, guesses) == (list(rows), GUESSES), "changes the rows or the guesses that it was given"
        given[:] = [50, 51]
        guesses.clear()
        _same(oracle.collect(ticket), once[ticket], f"{ticket}, after the caller changed the list that it posted")


def leaves_the_global_random_state(make: Maker) -> None:
    with chance_kept():
        _asked(make(), GUESSES)


def notes_are_json_about_rows_asked(make: Maker) -> None:
    oracle = _posted(make())
    notes = getattr(oracle, "notes", None)
    for ticket, rows in POSTED if notes else ():
        found = cast(Any, notes)(ticket)
        assert isinstance(found, Mapping), f"`notes` gives a {type(found).__name__}, not a mapping of rows to notes"
        foreign = [row for row in found if row not in rows]
        assert not foreign, f"has notes on row {foreign[0]}, which {ticket} did not ask for"
        for row, note in found.items():
            try:
                json.dumps(note, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise AssertionError(f"its note on row {row} cannot be kept in a journal as JSON: {error}") from error
            assert isinstance(note, Mapping), (
                f"its note on row {row} is {note!r}, not a mapping such as annotator: name"
            )


ANSWERS: Mapping[str, Check] = {
    "answers only what was asked": answers_only_what_was_asked,
    "answers classes or skips": answers_classes_or_skips,
    "a row that is not there gets no label": a_row_that_is_not_there_gets_no_label,
    "an unknown ticket is refused": an_unknown_ticket_is_refused,
    "notes are JSON about rows asked": notes_are_json_about_rows_asked,
}
REPEATS: Mapping[str, Check] = {
    "posting and collecting again have no effect": posting_and_collecting_again_have_no_effect,
    "starting anew gives the same answers": starting_anew_gives_the_same_answers,
    "the order does not matter without a memory": the_order_does_not_matter_without_a_memory,
    "what is collected is the caller's": what_is_collected_is_the_callers,
    "what is posted stays the caller's": what_is_posted_stays_the_callers,
    "leaves the global random state": leaves_the_global_random_state,
}
CHECKS: Mapping[str, Check] = {**ANSWERS, **REPEATS}


def _asked(oracle: Oracle, guesses: Mapping[int, int] | None = None) -> Answers:
    """Post and collect, ticket after ticket."""
    found = {}
    for ticket, rows in POSTED:
        oracle.post(ticket, list(rows), guesses) if guesses is not None else oracle.post(ticket, list(rows))
        found[ticket] = dict(oracle.collect(ticket))
    return found


def _posted(oracle: Oracle) -> Oracle:
    for ticket, rows in POSTED:
        oracle.post(ticket, list(rows))
    return oracle


def _is_answer(label: Any) -> bool:
    try:
        return not isinstance(label, bool) and (index(label) == SKIP or 0 <= index(label) < len(NAMES))
    except TypeError:
        return False


def _same(found: Mapping[int, int], expected: Mapping[int, int], what: str, hint: str = "") -> None:
    """Nothing that was answered is answered otherwise, or no longer; more may have come in meanwhile."""
    for row, before in expected.items():
        now = found.get(row, "nothing")
        assert now == before, f"answered {before} for row {row} and now {now}: {what}{hint}"
