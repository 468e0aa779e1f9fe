from __future__ import annotations

import numpy as np
import pytest

from oracles import Inbox, Panel, Simulated
from oracles.inbox import SKIP, Asked, Refused
from oracles.inbox.progress import Ticket, tickets
from oracles.rule import Rule

from .conftest import Clock, Open


def rows(asked: list[Asked]) -> list[int]:
    return [each.row for each in asked]


def test_what_is_answered_is_collected_in_the_order_posted(inbox: Inbox) -> None:
    inbox.post("q0", [7, 3, 5])
    inbox.answer("q0", 5, 1, "ada")
    inbox.answer("q0", 7, SKIP, "ada")

    assert list(inbox.collect("q0").items()) == [(7, SKIP), (5, 1)]
    assert inbox.waiting("q0") == (3,)


def test_post_may_be_repeated_and_a_ticket_stays_what_it_was(inbox: Inbox) -> None:
    inbox.post("q0", [1, 2], {1: 4})
    inbox.post("q0", [1, 2])

    assert inbox.lease("ada", 9) == [Asked("q0", 1, 4), Asked("q0", 2)]
    with pytest.raises(Refused, match="'q0' was posted with 2 rows from .1, 2., and now with 1 from .1."):
        inbox.post("q0", [1])


def test_two_annotators_are_not_given_the_same_row_until_a_lease_runs_out(inbox: Inbox, clock: Clock) -> None:
    inbox.post("q0", [1, 2, 3])

    assert rows(inbox.lease("ada", 2)) == [1, 2]
    assert rows(inbox.lease("bob", 9)) == [3]
    assert rows(inbox.lease("ada", 1)) == [1]  # who asks for fewer lets go of the others
    clock.now += 121
    assert rows(inbox.lease("bob", 9)) == [1, 2, 3]


def test_what_a_page_held_that_is_left_is_soon_others_and_a_reload_has_the_same_at_once(
    inbox: Inbox, clock: Clock
) -> None:
    inbox.post("q0", [1, 2, 3])
    inbox.lease("ada", 2)
    held = inbox.held_until("ada")
    assert held == clock.now + 120
    inbox.release("ada", held)
    assert rows(inbox.lease("bob", 9)) == [3]

    clock.now += 4
    assert rows(inbox.lease("ada", 2)) == [1, 2]
    inbox.release("ada", held)  # of the page before, and late
    clock.now += 6
    assert rows(inbox.lease("bob", 9)) == [3]
    inbox.release("ada", inbox.held_until("ada") or 0.0)
    clock.now += 6
    assert rows(inbox.lease("bob", 9)) == [1, 2, 3]
    assert inbox.held_until("cy") is None


def test_an_answer_of_the_same_annotator_again_has_no_effect_and_another_one_is_refused(inbox: Inbox) -> None:
    inbox.post("q0", [1])
    first = inbox.answer("q0", 1, 4, "ada", request="a")

    assert inbox.answer("q0", 1, 4, "ada", request="a") == first
    assert inbox.answer("q0", 1, 4, "ada", request="b") == first
    with pytest.raises(Refused, match="ada has answered row 1 of q0 already, as class 4: undo that first"):
        inbox.answer("q0", 1, 5, "ada", request="c")
    with pytest.raises(Refused, match="request 'a' was used for something else"):
        inbox.answer("q0", 1, 5, "ada", request="a")
    assert inbox.last_event() == 1


def test_the_first_of_two_answers_is_taken_and_the_second_told_so(inbox: Inbox) -> None:
    inbox.post("q0", [1])
    inbox.answer("q0", 1, 4, "ada")

    with pytest.raises(Refused, match="row 1 of q0 was answered by somebody else meanwhile"):
        inbox.answer("q0", 1, 5, "bob")


def test_undo_takes_back_the_latest_and_gives_the_row_to_the_same_annotator(inbox: Inbox) -> None:
    inbox.post("q0", [1, 2, 3])
    inbox.answer("q0", 1, 4, "ada")
    inbox.answer("q0", 2, SKIP, "ada")

    assert inbox.undo("ada", request="u").row == 2
    assert inbox.undo("ada", request="u").row == 2  # a repeated request
    assert rows(inbox.lease("bob", 9)) == [3]
    assert rows(inbox.lease("ada", 9)) == [2]
    assert inbox.undo("ada").row == 1
    with pytest.raises(Refused, match="ada has given no answer yet"):
        inbox.undo("ada")


def test_what_was_collected_can_be_revised_and_not_undone(inbox: Inbox) -> None:
    inbox.post("q0", [1, 2])
    inbox.answer("q0", 1, 4, "ada")
    assert inbox.collect("q0") == {1: 4}

    with pytest.raises(Refused, match="row 1 of q0 has gone to the model already; its owner can revise it"):
        inbox.undo("ada")
    number = inbox.revise("q0", 1, 6, "eve", "a four has an open top")

    assert inbox.collect("q0") == {1: 4}
    assert [(each.event, each.row, each.label, each.why) for each in inbox.revisions()] == [
        (number, 1, 6, "a four has an open top")
    ]
    inbox.pass_on(number)
    inbox.pass_on(number)
    assert inbox.revisions() == []


def test_a_revision_before_collecting_wins_and_the_row_is_asked_no_more(inbox: Inbox) -> None:
    inbox.post("q0", [1, 2])
    inbox.answer("q0", 1, 4, "ada")
    inbox.revise("q0", 1, 6, "eve", "clear")
    inbox.revise("q0", 2, SKIP, "eve", "torn")

    assert inbox.lease("bob", 9) == []
    assert inbox.collect("q0") == {1: 6, 2: SKIP}
    assert inbox.revisions() == []
    with pytest.raises(Refused, match="needs its reason"):
        inbox.revise("q0", 1, 6, "eve", "  ")


def test_an_unsure_row_goes_to_others_first_and_comes_back_last(inbox: Inbox) -> None:
    inbox.post("q0", [1, 2, 3])
    inbox.answer("q0", 1, None, "ada")

    assert rows(inbox.lease("ada", 9)) == [2, 3, 1]
    inbox.lease("ada", 0)
    assert rows(inbox.lease("bob", 9)) == [1, 2, 3]
    assert inbox.collect("q0") == {}


def test_undoing_an_unsure_that_is_leased_again_is_no_conflict(inbox: Inbox) -> None:
    inbox.post("q0", [1])
    inbox.answer("q0", 1, None, "ada")
    inbox.lease("ada", 9)

    assert inbox.undo("ada").row == 1


def test_a_panel_is_asked_until_it_is_whole_and_most_of_it_decide(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=3, cap=3))
    inbox.post("q0", [1, 2])
    for who, label in (("ada", 4), ("bob", 9), ("cy", 9)):
        assert rows(inbox.lease(who, 1)) == [1]
        inbox.answer("q0", 1, label, who)

    assert rows(inbox.lease("dan", 9)) == [2]
    assert inbox.collect("q0") == {1: 9}
    assert inbox.waiting("q0") == (2,)


def test_a_panel_leases_a_row_to_as_many_as_it_wants(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=2, cap=2))
    inbox.post("q0", [1])

    assert [rows(inbox.lease(who, 1)) for who in ("ada", "bob", "cy")] == [[1], [1], []]
    inbox.answer("q0", 1, 0, "ada")
    assert inbox.lease("cy", 1) == []  # bob still looks at it
    inbox.lease("bob", 0)
    assert rows(inbox.lease("cy", 1)) == [1]


def test_of_equal_votes_one_is_drawn_by_seed_and_row_as_in_a_simulated_panel(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(seed=5, least=2, cap=2))
    panel = Panel([Simulated([8] * 30), Simulated([3] * 30)], 10, 5)
    for oracle in (inbox, panel):
        oracle.post("q0", range(30))
    for row in range(30):
        inbox.answer("q0", row, 8, "ada")
        inbox.answer("q0", row, 3, "bob")

    assert inbox.collect("q0") == panel.collect("q0")
    assert set(inbox.collect("q0").values()) == {3, 8}


def test_another_is_asked_while_they_disagree_up_to_the_cap(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=2, cap=4))
    inbox.post("q0", [1, 2, 3])
    for row, said in ((1, (4, 4)), (2, (4, 9)), (3, (4, SKIP))):
        for who, label in zip(("ada", "bob"), said, strict=True):
            inbox.answer("q0", row, label, who)

    assert rows(inbox.lease("cy", 9)) == [2, 3]
    assert inbox.lease("dan", 9) == []  # cy looks at them
    assert tickets(inbox) == [Ticket("q0", 3, 2)]
    inbox.answer("q0", 2, 9, "cy")
    inbox.answer("q0", 3, 5, "cy")
    assert rows(inbox.lease("dan", 9)) == [3]  # two votes, of two minds
    assert inbox.collect("q0") == {1: 4, 2: 9}
    inbox.answer("q0", 3, 5, "dan")
    with pytest.raises(Refused, match="was answered by somebody else meanwhile"):
        inbox.answer("q0", 3, 5, "eve")
    assert inbox.collect("q0") == {1: 4, 2: 9, 3: 5}


def test_undoing_an_answer_that_made_them_disagree_asks_nobody_else(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=2, cap=3))
    inbox.post("q0", [1])
    inbox.answer("q0", 1, 4, "ada")
    inbox.answer("q0", 1, 9, "bob")
    inbox.undo("bob")
    inbox.answer("q0", 1, 4, "bob")

    assert inbox.lease("cy") == []
    assert inbox.collect("q0") == {1: 4}


def test_weights_overrule_the_majority_and_who_has_none_weighs_one(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(merge="weighted", least=3, cap=3, weights={"ada": 2.5}))
    inbox.post("q0", [1, 2])
    for row, said in ((1, (4, 9, 9)), (2, (SKIP, 3, 3))):
        for who, label in zip(("ada", "bob", "cy"), said, strict=True):
            inbox.answer("q0", row, label, who)

    assert inbox.collect("q0") == {1: 4, 2: 3}


def test_dawid_skene_answers_a_ticket_as_a_whole_as_a_simulated_panel_does_and_stands_after_reopening(
    open_inbox: Open,
) -> None:
    """Ada is right, bob and cy take every odd class for the one before; the model finds out, a vote cannot."""
    truth = np.random.default_rng(0).integers(0, 10, 120)
    slips = truth - truth % 2
    answers = {
        "ada": truth,
        "bob": np.where(truth % 3 == 0, truth, slips),
        "cy": np.where(truth % 4 == 0, truth, slips),
    }
    rule = Rule(merge="dawid-skene", least=3, cap=3)
    panel = Panel([Simulated(said) for said in answers.values()], 10, 0, rule="dawid-skene")
    inbox = open_inbox(rule=rule)
    for oracle in (inbox, panel):
        oracle.post("q0", range(60))
        oracle.post("q1", range(60, 120))
    for ticket, asked in (("q0", range(60)), ("q1", range(60, 120))):
        for row in asked:
            assert inbox.collect(ticket) == {}
            assert inbox.waiting(ticket)[0] == row
            for who, said in answers.items():
                inbox.answer(ticket, row, int(said[row]), who)
    first = inbox.collect("q0")
    inbox.close()
    again = open_inbox(rule=rule)

    assert first == panel.collect("q0") == again.collect("q0")
    assert again.collect("q1") == panel.collect("q1")
    assert again.waiting("q1") == ()


def test_a_file_of_another_rule_is_used_and_what_was_collected_stands(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=2, cap=2))
    inbox.post("q0", [1, 2])
    for who in ("ada", "bob"):
        inbox.answer("q0", 1, 4, who)
    inbox.collect("q0")
    inbox.answer("q0", 2, 4, "ada")
    inbox.close()
    again = open_inbox(rule=Rule(least=3, cap=3))

    assert again.collect("q0") == {1: 4}
    assert rows(again.lease("cy", 9)) == [2]


def test_notes_say_who_when_how_long_and_what_was_shown_and_stay(inbox: Inbox) -> None:
    inbox.post("q0", [1, 2], {1: 4})
    inbox.answer("q0", 1, 4, "ada", seconds=2.5, shown=4, cost=0.1)
    assert inbox.notes("q0") == {}
    inbox.collect("q0")
    notes = inbox.notes("q0")
    inbox.revise("q0", 1, 5, "eve", "no")

    assert notes == {
        1: {
            "annotator": "ada",
            "date": "2027-01-15T08:00:00+00:00",
            "label": 4,
            "seconds": 2.5,
            "shown": 4,
            "cost": 0.1,
        }
    }
    assert inbox.notes("q0") == notes


def test_notes_of_a_panel_have_every_answer(open_inbox: Open) -> None:
    inbox = open_inbox(rule=Rule(least=2, cap=2))
    inbox.post("q0", [1])
    inbox.answer("q0", 1, 8, "ada", cost=2.0)
    inbox.answer("q0", 1, 3, "bob", cost=1.0)
    inbox.collect("q0")

    note = inbox.notes("q0")[1]
    assert (note["annotator"], note["cost"]) == ("ada, bob", 3.0)
    assert [each["label"] for each in note["answers"]] == [8, 3]  # type: ignore[union-attr, index, call-overload]


def test_a_closed_ticket_is_asked_no_more(inbox: Inbox) -> None:
    inbox.post("q0", [1])
    inbox.close_ticket("q0")
    inbox.close_ticket("q0")

    assert inbox.lease("ada") == []
    with pytest.raises(Refused, match="'q0' is closed"):
        inbox.answer("q0", 1, 1, "ada")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label": 10}, r"the label is 10; allowed are 0…9, or -2 to skip"),
        ({"label": -1}, r"the label is -1"),
        ({"label": True}, r"the label is True; it is a whole number"),
        ({"label": "4"}, r"the label is '4'; it is a whole number"),
        ({"row": 2}, r"row 2 was not asked in ticket 'q0'"),
        ({"row": 10**400}, r"the row is a number of 1329 bits"),
        ({"row": -1}, r"the row is -1; rows are 0 or more"),
        ({"ticket": "q9"}, r"row 1 was not asked in ticket 'q9'"),
        ({"ticket": "\ud800"}, r"the ticket '\\ud800' holds signs that cannot be printed"),
        ({"annotator": ""}, r"the annotator is ''; it is a text of 1…64 characters"),
        ({"annotator": " ada"}, r"without blanks around it"),
        ({"annotator": "a\x1b[2J"}, r"holds signs that cannot be printed"),
        ({"annotator": "a\u202eb"}, r"holds signs that cannot be printed"),
        ({"seconds": float("nan")}, r"the seconds is nan; it is a finite number"),
        ({"cost": -1}, r"the cost is -1; it is a finite number, 0 or more"),
        ({"shown": 10}, r"the label is 10; allowed are 0…9\."),
        ({"request": "x" * 65}, r"the request is"),
        ({"note": "x" * 2001}, r"at most 2000 characters"),
    ],
)
def test_a_bad_answer_is_refused_and_nothing_is_written(inbox: Inbox, values: dict[str, object], message: str) -> None:
    inbox.post("q0", [1])

    with pytest.raises(Refused, match=message):
        inbox.answer(**{"ticket": "q0", "row": 1, "label": 1, "annotator": "ada", **values})  # type: ignore[arg-type]
    assert inbox.last_event() == 0


def test_bad_posts_are_refused(inbox: Inbox) -> None:
    with pytest.raises(Refused, match="asks about a row twice"):
        inbox.post("q0", [1, 1])
    with pytest.raises(Refused, match="the label is 10"):
        inbox.post("q0", [1], {1: 10})
    with pytest.raises(Refused, match="'q0' was never posted here"):
        inbox.collect("q0")
    with pytest.raises(ValueError, match="an inbox of 0 classes"):
        Inbox("nowhere", 0, lambda: 0.0)


def test_an_inbox_of_another_run_is_refused(open_inbox: Open) -> None:
    open_inbox(about="run a").close()

    with pytest.raises(Refused, match="inbox of another run .about 'run a', here 'run b'.: move it away"):
        open_inbox(about="run b")


def test_two_inboxes_on_one_file_see_each_others_answers(open_inbox: Open) -> None:
    one, two = open_inbox(), open_inbox()
    one.post("q0", [1, 2])
    two.answer("q0", 2, 3, "bob")

    assert one.collect("q0") == {2: 3}
    assert rows(two.lease("ada", 9)) == [1]
