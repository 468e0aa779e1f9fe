from __future__ import annotations

from collections.abc import Callable

import pytest

from oracles import Inbox
from oracles.inbox import SKIP, Refused
from oracles.inbox.exchange import as_csv, as_json_lines, from_csv, from_json_lines, lines, take_in

from .conftest import Open

FORMATS = pytest.mark.parametrize(("write", "read"), [(as_csv, from_csv), (as_json_lines, from_json_lines)])


def fill(inbox: Inbox) -> None:
    inbox.post("q0", [5, 3, 9], {3: 2})
    inbox.answer("q0", 5, 1, 'Ada, "the first"', seconds=1.25, note="=1+1\nsecond line, with a comma")
    inbox.answer("q0", 3, SKIP, "bob", shown=2, cost=0.5)
    inbox.undo("bob")
    inbox.answer("q0", 9, None, "bob")
    inbox.collect("q0")
    inbox.revise("q0", 5, 7, "eve", "why not — ünïcode")
    inbox.pass_on(inbox.revisions()[0].event)
    inbox.post("q1", [1])
    inbox.close_ticket("q1")


@FORMATS
def test_an_export_taken_in_elsewhere_is_the_same_inbox(
    open_inbox: Open, write: Callable[[Inbox], str], read: Callable[[str], object]
) -> None:
    inbox, other = open_inbox(), open_inbox("other.sqlite")
    fill(inbox)

    assert take_in(other, read(write(inbox))) == len(lines(inbox)) == 14  # type: ignore[arg-type]

    assert lines(other) == lines(inbox)
    assert other.lease("bob", 9) == inbox.lease("bob", 9)
    assert other.notes("q0") == inbox.notes("q0")


@FORMATS
def test_an_inbox_in_use_takes_nothing_in(
    open_inbox: Open, write: Callable[[Inbox], str], read: Callable[[str], object]
) -> None:
    inbox = open_inbox()
    fill(inbox)

    with pytest.raises(Refused, match="holds tickets already"):
        take_in(inbox, read(write(inbox)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "line 1: the columns are"),
        (None, "line 2: row is 'x'; it is a number"),
    ],
)
def test_a_csv_of_something_else_is_refused(inbox: Inbox, text: str | None, message: str) -> None:
    if text is None:
        header = as_csv(inbox).splitlines()[0]
        text = f"{header}\nasked,q0,x{',' * 11}\n"
    with pytest.raises(Refused, match=message):
        take_in(inbox, from_csv(text))
    assert lines(inbox) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1 is no line of an exported inbox"),
        ('{"kind": "posted", "x": 1}', "line 1 is no line of an exported inbox"),
        ('{"kind": "dropped"}', "line 1: kind is 'dropped'"),
        ('{"kind": "posted", "ticket": "q0", "time": NaN}', "line 1: time is nan; it is a finite number"),
    ],
)
def test_json_lines_of_something_else_are_refused(inbox: Inbox, text: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        take_in(inbox, from_json_lines(text))


def test_lines_that_contradict_one_another_are_taken_in_not_at_all(open_inbox: Open) -> None:
    inbox, other = open_inbox(), open_inbox("other.sqlite")
    fill(inbox)
    twice = [*lines(inbox), lines(inbox)[5]]

    with pytest.raises(Exception, match="refused a change"):
        take_in(other, twice)
    assert lines(other) == []
