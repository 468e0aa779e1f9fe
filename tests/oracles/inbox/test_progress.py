from __future__ import annotations

import pytest

from oracles import Inbox
from oracles.inbox import SKIP
from oracles.inbox.progress import Opinion, Ticket, annotators, doubts, examples, tickets
from oracles.rule import Rule

from .conftest import Clock, Open


def test_tickets_say_how_much_is_left(inbox: Inbox) -> None:
    inbox.post("q0", [1, 2])
    inbox.post("q1", [3])
    inbox.answer("q0", 2, 4, "ada")
    inbox.close_ticket("q1")

    assert tickets(inbox) == [Ticket("q0", 2, 1)]


def test_annotators_are_counted_with_their_rate_of_the_last_minutes(inbox: Inbox, clock: Clock) -> None:
    inbox.post("q0", range(10))
    inbox.answer("q0", 9, 1, "bob", seconds=8.0)
    clock.now += 600
    for row in range(4):
        inbox.answer("q0", row, 1, "ada", seconds=2.0 * row)
        clock.now += 15
    inbox.answer("q0", 4, SKIP, "ada")
    inbox.answer("q0", 5, None, "ada")
    inbox.undo("ada")

    ada, bob = annotators(inbox)
    assert (ada.answers, ada.skips, ada.unsure, ada.undone, ada.seconds) == (4, 1, 0, 1, 3.0)
    assert ada.rate == 5.0  # five in a minute
    assert (bob.name, bob.answers, bob.rate, bob.last) == ("bob", 1, 0.0, 1_800_000_000.0)


def test_doubts_are_rows_on_which_people_disagree_or_were_unsure(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=2, cap=2))
    inbox.post("q0", range(4))
    for row, (first, second) in enumerate([(1, 1), (1, 2), (None, 3), (3, SKIP)]):
        inbox.answer("q0", row, first, "ada")
        inbox.answer("q0", row, second, "bob")
    inbox.revise("q0", 1, 5, "eve", "look")

    found = {doubt.row: doubt for doubt in doubts(inbox)}
    assert sorted(found) == [1, 2, 3]
    assert [found[row].label for row in (1, 2, 3)] == [5, None, 3]
    assert found[1].opinions[-1] == Opinion("eve", "revise", 5, "look")


def test_examples_are_what_was_labelled_so_last(inbox: Inbox) -> None:
    inbox.post("q0", range(6))
    for row, label in enumerate([0, 0, 0, 1, SKIP, 1]):
        inbox.answer("q0", row, label, "ada")
    inbox.revise("q0", 3, 2, "eve", "look")

    found = examples(inbox, 2)
    assert (found[0], found[1], found[2]) == ([2, 1], [5], [3])


@pytest.mark.parametrize("n", [0, 1])
def test_only_so_many_doubts_are_given(inbox: Inbox, n: int) -> None:
    inbox.post("q0", [1, 2])
    inbox.answer("q0", 1, None, "ada")
    inbox.answer("q0", 2, None, "ada")

    assert len(doubts(inbox, n)) == n
