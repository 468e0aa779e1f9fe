"""Answers of another tool count in the inbox as they stand there."""

from __future__ import annotations

from oracles import Inbox
from oracles.inbox.mirror import Elsewhere, mirror
from oracles.rule import Rule

from .conftest import Open

NOW = 1_800_000_000.0


def said(row: int, label: int, annotator: str = "ada", began: float = NOW, time: float | None = None) -> Elsewhere:
    return Elsewhere(row, label, annotator, began, time or began, 2.5)


def kinds(inbox: Inbox) -> list[str]:
    return [event["kind"] for event in inbox.ledger.select("SELECT kind FROM events ORDER BY id")]


def test_what_was_said_elsewhere_is_answered_here_with_its_time_and_seconds(inbox: Inbox) -> None:
    inbox.post("q0", [4, 5])

    assert mirror(inbox, "q0", "tool", {4, 5}, [said(4, 3), said(5, -2)]) == 2
    assert inbox.collect("q0") == {4: 3, 5: -2}
    assert inbox.notes("q0")[4] == {
        "annotator": "ada", "date": "2027-01-15T08:00:00+00:00", "label": 3, "seconds": 2.5, "cost": 1.0
    }  # fmt: skip


def test_again_it_has_no_effect(inbox: Inbox) -> None:
    inbox.post("q0", [4])
    mirror(inbox, "q0", "tool", {4}, [said(4, 3)])

    assert mirror(inbox, "q0", "tool", {4}, [said(4, 3, time=NOW + 9)]) == 0
    assert kinds(inbox) == ["answer"]


def test_a_change_or_a_deletion_there_is_undone_here_until_it_was_collected(inbox: Inbox) -> None:
    inbox.post("q0", [4, 5])
    mirror(inbox, "q0", "tool", {4, 5}, [said(4, 3), said(5, 3)])

    assert mirror(inbox, "q0", "tool", {4, 5}, [said(4, 7)]) == 3
    assert inbox.collect("q0") == {4: 7}
    assert mirror(inbox, "q0", "tool", {4}, [said(4, 1)]) == 0
    assert inbox.collect("q0") == {4: 7}


def test_a_change_back_and_forth_ends_where_it_began(inbox: Inbox) -> None:
    inbox.post("q0", [4])
    for label in (3, 7, 3):
        mirror(inbox, "q0", "tool", {4}, [said(4, label)])

    assert inbox.collect("q0") == {4: 3}
    assert kinds(inbox) == ["answer", "undo", "answer", "undo", "answer"]


def test_rows_that_were_not_looked_at_stay(inbox: Inbox) -> None:
    inbox.post("q0", [4, 5])
    mirror(inbox, "q0", "tool", {4}, [said(4, 3)])

    assert mirror(inbox, "q0", "tool", {5}, []) == 0
    assert inbox.waiting("q0") == (5,)


def test_of_several_by_one_annotator_the_latest_counts(inbox: Inbox) -> None:
    inbox.post("q0", [4])
    mirror(inbox, "q0", "tool", {4}, [said(4, 7, time=NOW + 5), said(4, 3)])

    assert inbox.collect("q0") == {4: 7}


def test_a_panel_takes_those_who_began_first_and_most_of_them_decide(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=3, cap=3))
    inbox.post("q0", [4])
    said_of = [
        said(4, 1, "ada", NOW),
        said(4, 2, "bob", NOW + 1),
        said(4, 9, "dan", NOW + 3),
        said(4, 2, "cid", NOW + 2),
    ]
    mirror(inbox, "q0", "tool", {4}, said_of[:1])
    assert inbox.waiting("q0") == (4,)

    mirror(inbox, "q0", "tool", {4}, said_of)

    assert inbox.collect("q0") == {4: 2}
    assert inbox.notes("q0")[4]["annotator"] == "ada, bob, cid"


def test_what_was_answered_by_other_ways_stays_and_takes_its_place(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=2, cap=2))
    inbox.post("q0", [4])
    inbox.answer("q0", 4, 6, "ada", request="from the page")

    mirror(inbox, "q0", "tool", {4}, [said(4, 1, "ada"), said(4, 6, "bob"), said(4, 1, "cid", NOW + 1)])
    mirror(inbox, "q0", "other tool", {4}, [])

    assert inbox.collect("q0") == {4: 6}
    assert inbox.notes("q0")[4]["annotator"] == "ada, bob"


def test_a_revision_by_the_owner_stands(inbox: Inbox) -> None:
    inbox.post("q0", [4])
    inbox.revise("q0", 4, 8, "eve", "seen twice")

    assert mirror(inbox, "q0", "tool", {4}, [said(4, 1)]) == 0
    assert inbox.collect("q0") == {4: 8}
