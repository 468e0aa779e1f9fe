from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from oracles import (
    Abstaining,
    Anchored,
    Costly,
    Delayed,
    Gambler,
    Named,
    Noisy,
    Panel,
    Recorded,
    Simulated,
    pair,
    symmetric,
)
from oracles.wrapper import Oracle

TRUTH = np.random.default_rng(0).integers(0, 4, 400)


def said(*columns: Sequence[int]) -> list[Oracle]:
    """Annotators who give these answers to the rows 0, 1, …"""
    return [Simulated(column) for column in columns]


def told(panel: Oracle, *tickets: Sequence[int]) -> list[dict[int, int]]:
    answers = []
    for at, rows in enumerate(tickets):
        panel.post(f"q{at}", rows)
        answers.append(dict(panel.collect(f"q{at}")))
    return answers


def noisy(*rates: float) -> list[Oracle]:
    return [Noisy(Simulated(TRUTH), symmetric(rate, 4), seed) for seed, rate in enumerate(rates)]


def right(answers: Mapping[int, int]) -> float:
    return float(np.mean([TRUTH[row] == label for row, label in answers.items()]))


# rules


def test_the_majority_wins_skips_give_no_vote_and_where_all_skip_the_row_is_skipped() -> None:
    (answers,) = told(Panel(said([0, 1, -2, -2], [0, 2, 3, -2], [1, 2, -2, -2]), 4, 0), range(4))

    assert answers == {0: 0, 1: 2, 2: 3, 3: -2}


def test_weights_overrule_the_majority_and_those_of_no_weight_decide_alone() -> None:
    annotators = said([0, 0, -2], [1, 1, -2], [1, 1, 3])
    (answers,) = told(Panel(annotators, 4, 0, rule="weighted", weights=[3, 1, 0]), range(3))

    assert answers == {0: 0, 1: 0, 2: 3}


def test_dawid_skene_trusts_who_knows_the_class_and_answers_a_ticket_as_a_whole() -> None:
    def annotators() -> list[Oracle]:
        confusions = [symmetric(0.05, 4), pair(0.45, 4), pair(0.45, 4)]
        return [Noisy(Simulated(TRUTH), each, seed) for seed, each in enumerate(confusions)]

    majority, model = (
        told(Panel(annotators(), 4, 0, rule=rule), range(400))[0] for rule in ("majority", "dawid-skene")
    )
    assert right(model) > right(majority) + 0.05

    slow = Panel([Delayed(each, 1, 7, least=0) for each in annotators()], 4, 0, rule="dawid-skene")
    slow.post("q0", range(400))
    assert [slow.collect("q0"), slow.collect("q0")] == [{}, model]


def test_a_later_ticket_changes_no_answer_that_a_model_gave() -> None:
    panel = Panel(noisy(0.1, 0.3, 0.5), 4, 0, rule="dawid-skene")
    first, second = told(panel, range(50), range(50, 400))

    assert panel.collect("q0") == first
    again = Panel(noisy(0.1, 0.3, 0.5), 4, 0, rule="dawid-skene")
    again.post("q0", range(50))
    again.post("q1", range(50, 400))
    assert [again.collect("q1"), again.collect("q0")] == [second, first]


def test_three_are_better_than_one_at_the_rate_that_follows() -> None:
    """Of three with rate r each right with 1 - r: all or two right, or all different and the tie drawn."""
    (answers,) = told(Panel(noisy(0.3, 0.3, 0.3), 4, 9), range(400))
    two = 0.7**3 + 3 * 0.7**2 * 0.3
    tie = 3 * 0.7 * 0.3 * 0.3 * (2 / 3)

    assert abs(right(answers) - (two + tie / 3)) < 3 * np.sqrt(0.15 * 0.85 / 400)


# how many are asked


def test_another_is_asked_while_they_disagree_up_to_the_cap() -> None:
    class Counted(Simulated):
        def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
            super().post(ticket, rows)
            asked.append((self, tuple(rows)))

    asked: list[tuple[object, tuple[int, ...]]] = []
    truth = [0, 1, 2, 3] * 25
    panel = Panel([Counted([label if at % 4 else at for label in truth]) for at in range(4)], 4, 0, least=2, cap=3)
    (answers,) = told(panel, range(100))
    notes = panel.notes("q0")

    for row in range(100):
        each = notes[row]["answers"]
        assert isinstance(each, list)
        labels = [answer["label"] for answer in each]
        assert len(labels) == (2 if labels[0] == labels[1] else 3)
        assert notes[row]["cost"] == len(labels)
        assert answers[row] in labels
    counts = {who: sum(len(rows) for by, rows in asked if by is who) for who, _ in asked}
    assert len(counts) == 4
    assert min(counts.values()) > 30  # the work is spread over all
    assert sum(counts.values()) == sum(int(note["cost"]) for note in notes.values())  # type: ignore[call-overload]


def test_agree_says_how_large_a_share_of_the_votes_ends_the_asking() -> None:
    truth = np.zeros(200, dtype=np.int64)
    for agree, wanted in ((0.5, 3), (0.7, 4), (0.9, 5)):
        panel = Panel([Simulated(truth + (by == 2)) for by in range(5)], 2, 0, least=3, agree=agree)
        told(panel, range(200))
        asked = [note["answers"] for note in panel.notes("q0").values()]
        doubted = [each for each in asked if any(answer["label"] == 1 for answer in each[:3])]  # type: ignore[index]

        assert 90 < len(doubted) < 150  # of five, the one who dissents is among the first three in 3 of 5
        assert {len(each) for each in doubted} == {wanted}  # type: ignore[arg-type]
        assert {len(each) for each in asked if each not in doubted} == {3}  # type: ignore[arg-type]


def test_who_skips_is_replaced_while_there_are_others() -> None:
    panel = Panel([Abstaining(each, 0.5, seed) for seed, each in enumerate(noisy(0, 0, 0, 0))], 4, 0, least=1)
    (answers,) = told(panel, range(400))

    assert abs(np.mean([label == -2 for label in answers.values()]) - 0.5**4) < 3 * np.sqrt(0.06 * 0.94 / 400)


# notes and guesses


def test_every_single_answer_is_kept_with_its_annotator_cost_and_notes() -> None:
    panel = Panel([Costly(Named(Simulated([2]), "anna"), 0.5), Named(Simulated([1]), "ben"), Simulated([2])], 4, 0)
    told(panel, [0])

    assert panel.notes("q0") == {
        0: {
            "annotator": "anna, ben, annotator 2",
            "cost": 2.5,
            "answers": [
                {"annotator": "anna", "cost": 0.5, "label": 2},
                {"annotator": "ben", "cost": 1, "label": 1},
                {"annotator": "annotator 2", "cost": 1, "label": 2},
            ],
        }
    }


def test_a_panel_of_recorded_annotators_and_one_who_wants_guesses() -> None:
    table = np.array([[0, 1], [2, -1]])
    panel = Panel([Recorded(table[:, [0]]), Recorded(table[:, [1]]), Anchored(Simulated([3, 3]), 1.0, 0)], 4, 0)
    panel.post("q0", [0, 1], {0: 1, 1: 2})

    assert panel.sees_guesses
    assert not Panel(said([0]), 2, 0).sees_guesses
    assert panel.collect("q0") == {0: 1, 1: 2}


# memory


def members(delay: int) -> list[Oracle]:
    return [
        Delayed(Gambler(Noisy(Simulated(TRUTH), symmetric(0.3, 4), at), 2, 4, at, rate=0.4), delay, 50 + at, least=0)
        for at in range(4)
    ]


@pytest.mark.parametrize("options", [{"least": 2}, {"least": 2, "cap": 3, "rule": "dawid-skene"}, {}], ids=str)
def test_posting_the_past_makes_up_the_memory_of_everyone_also_of_those_asked_later(options: dict[str, Any]) -> None:
    tickets = (range(40), range(70, 40, -1), range(80, 120))
    whole = told(Panel(members(0), 4, 3, **options), *tickets)

    again, slow = Panel(members(0), 4, 3, **options), Panel(members(2), 4, 3, **options)
    for at, rows in enumerate(tickets):
        again.post(f"q{at}", rows)
        slow.post(f"q{at}", rows)
        parts = [dict(slow.collect(f"q{at}")) for _ in range(12 if at == 2 else 1)]  # others are given up
        assert all(part.items() <= whole[at].items() for part in parts)
    assert parts[-1] == whole[2]
    assert [again.collect("q2"), again.collect("q0"), again.collect("q1")] == [whole[2], whole[0], whole[1]]
    assert len(parts[0]) < len(parts[-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "best"}, "the rule of a panel is 'best'; allowed are majority, weighted, dawid-skene"),
        ({"least": 3}, "of 2 annotators at least 3 and at most 2 are asked"),
        ({"cap": 3}, "of 2 annotators at least 3 and at most 3"),
        ({"agree": 1}, "agree is 1; it is a share of votes"),
        ({"rule": "weighted"}, "'weighted' needs them, and no other"),
        ({"weights": [1, 2]}, "the rule of a panel is 'majority' and weights are"),
        ({"rule": "weighted", "weights": [1]}, r"weights are \[1\]; 2 annotators need 2 of them"),
        ({"rule": "weighted", "weights": [0, 0]}, "not all 0"),
    ],
)
def test_a_panel_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Panel(said([0], [1]), 2, 0, **options)


def test_no_panel_without_annotators_and_no_answers_to_what_was_not_asked() -> None:
    make: Callable[[], object] = lambda: Panel([], 2, 0)  # noqa: E731
    with pytest.raises(ValueError, match="of 0 annotators"):
        make()
    with pytest.raises(ValueError, match="ticket 'q9' was never posted"):
        Panel(said([0]), 2, 0).collect("q9")
