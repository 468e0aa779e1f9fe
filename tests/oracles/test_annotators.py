from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from oracles import (
    Anchored,
    Delayed,
    Gambler,
    Habituated,
    Noisy,
    Overconfident,
    Simulated,
    Tired,
    Underconfident,
    symmetric,
)
from oracles.annotators import Moment
from oracles.wrapper import Oracle

Truth = Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]
EVEN = np.arange(4000) % 4


def told(oracle: Oracle, *tickets: Sequence[int]) -> list[dict[int, int]]:
    """Asks these rows, a ticket each, in turn, and collects each before the next."""
    answers = []
    for at, rows in enumerate(tickets):
        oracle.post(f"q{at}", rows)
        answers.append(dict(oracle.collect(f"q{at}")))
    return answers


def wrong(answers: Mapping[int, int], truth: Truth = EVEN) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([label != truth[row] for row, label in answers.items()])


# tired


def test_the_tired_never_err_first_half_of_most_after_a_half_life_and_are_fresh_after_a_break() -> None:
    sittings = [told(Tired(Simulated(EVEN), 10, 4, seed, most=0.8), range(41), range(41, 42)) for seed in range(600)]
    errs = np.mean([wrong(first) for first, _ in sittings], axis=0)  # [41]

    assert errs[0] == 0
    for answers, rate in ((10, 0.4), (20, 0.6), (40, 0.75)):
        assert abs(errs[answers] - rate) < 3 * np.sqrt(rate * (1 - rate) / 600)
    assert not any(wrong(second).any() for _, second in sittings)


def test_a_sitting_of_so_many_answers_goes_on_over_tickets() -> None:
    oracle = Tired(Simulated(EVEN), 1e-9, 4, 0, most=1, sitting=5)
    (first, second) = told(oracle, range(3), range(3, 9))

    assert [*wrong(first), *wrong(second)] == [False, True, True, True, True, False, True, True, True]


# habituated


def test_a_class_is_missed_in_proportion_to_what_it_lacks_of_its_even_share() -> None:
    def missed(past: Sequence[int], label: int) -> float:
        oracle = Habituated(Simulated([]), 0.8, 2, 0, window=4)
        return float(np.mean([oracle._says(row, label, Moment(4, 4, past)) != label for row in range(800)]))

    assert missed([0, 0, 0, 0], 0) == 0
    assert missed([0, 1, 1, 0], 1) == 0
    assert missed([1, 1, 1, 1, 0, 1, 1, 0], 1) == 0  # of the last four
    for past, rate in (([0] * 4, 0.8), ([1, 0, 0, 0], 0.4), ([0] * 2, 0.4)):
        assert abs(missed(past, 1) - rate) < 3 * np.sqrt(rate * (1 - rate) / 800)  # answers not given yet count as even


def test_what_is_said_instead_is_among_the_last_answers() -> None:
    truth = [0] * 30 + [2] * 30 + [1]
    oracle = Habituated(Simulated(truth), 1.0, 3, 0, window=30)
    first, last = told(oracle, range(30), [60])

    assert set(first.values()) == {0}
    assert last == {60: 0}


# gambler


def test_a_gambler_says_no_label_of_the_last_ones_while_others_are_left() -> None:
    (answers,) = told(Gambler(Simulated([1, 1, 1, 1, 1, 0]), 1, 3, 0, rate=1), range(6))
    said = list(answers.values())

    assert said[0] == 1
    assert all(before != after for before, after in itertools.pairwise(said))
    (kept,) = told(Gambler(Simulated([0, 1, 1, 0]), 2, 2, 0, rate=1), range(4))
    assert kept == {0: 0, 1: 1, 2: 1, 3: 0}  # both classes were just given: the label stands


def test_a_gamblers_rate_is_that_of_the_answers_that_repeat() -> None:
    truth = np.zeros(4000, dtype=np.int64)
    (answers,) = told(Gambler(Simulated(truth), 3, 4, 1, rate=0.2), range(4000))
    said = np.array(list(answers.values()))
    repeats = np.array([0 in said[max(0, at - 3) : at] for at in range(4000)])

    assert not wrong(answers, truth)[~repeats].any()
    assert abs(wrong(answers, truth)[repeats].mean() - 0.2) < 3 * np.sqrt(0.2 * 0.8 / repeats.sum())


# memory

MEMORIES: dict[str, Callable[[Oracle], Oracle]] = {
    "tired": lambda inside: Tired(inside, 20, 4, 1),
    "tired over tickets": lambda inside: Tired(inside, 20, 4, 1, sitting=50),
    "habituated": lambda inside: Habituated(inside, 0.9, 4, 1, window=10),
    "gambler": lambda inside: Gambler(inside, 2, 4, 1, rate=0.5),
    "gambler, habituated, noisy": lambda inside: Gambler(
        Habituated(Noisy(inside, symmetric(0.2, 4), 5), 0.9, 4, 1), 2, 4, 2, rate=0.5
    ),
}
SKEWED = np.random.default_rng(3).choice([-2, 0, 1, 2, 3], p=[0.1, 0.6, 0.1, 0.1, 0.1], size=120)
TICKETS = (range(40), range(60, 40, -1), range(60, 120))


@pytest.mark.parametrize("make", MEMORIES.values(), ids=MEMORIES)
def test_a_memory_is_made_up_by_posting_alone(make: Callable[[Oracle], Oracle]) -> None:
    whole = told(make(Simulated(SKEWED)), *TICKETS)
    assert any(wrong(answers, SKEWED).any() for answers in whole)

    again = make(Simulated(SKEWED))
    for at, rows in enumerate(TICKETS):
        again.post(f"q{at}", rows)
        again.post("q0", TICKETS[0])

    assert [again.collect(f"q{at}") for at in (2, 0, 1, 1)] == [whole[at] for at in (2, 0, 1, 1)]


@pytest.mark.parametrize("make", MEMORIES.values(), ids=MEMORIES)
@pytest.mark.parametrize("place", ["inside", "outside"])
def test_answers_that_come_in_parts_are_those_that_come_at_once(make: Callable[[Oracle], Oracle], place: str) -> None:
    whole = told(make(Simulated(SKEWED)), *TICKETS)
    inside = place == "inside"
    slow = (
        make(Delayed(Simulated(SKEWED), 4, 7, least=0)) if inside else Delayed(make(Simulated(SKEWED)), 4, 7, least=0)
    )

    sizes = []
    for at, rows in enumerate(TICKETS):
        slow.post(f"q{at}", rows)
        parts = [dict(slow.collect(f"q{at}")) for _ in range(5 if at else 2)]  # the first is given up
        assert all(part.items() <= whole[at].items() for part in parts)
        sizes.append([len(part) for part in parts])
    assert sizes[0][-1] < 40 == len(slow.collect("q0") | whole[0])
    assert [size[-1] for size in sizes[1:]] == [20, 60]
    assert len(set(sizes[2])) > 1


@pytest.mark.parametrize("make", MEMORIES.values(), ids=MEMORIES)
def test_skips_pass_through_and_nothing_that_is_given_changes(make: Callable[[Oracle], Oracle]) -> None:
    truth, rows = SKEWED.copy(), list(range(120))
    (answers,) = told(make(Simulated(truth)), rows)

    assert {row for row, label in answers.items() if label == -2} == set(np.flatnonzero(SKEWED == -2).tolist())
    assert (truth == SKEWED).all()
    assert rows == list(range(120))


# anchored


def test_an_anchored_annotator_accepts_a_wrong_guess_with_probability_p() -> None:
    oracle = Anchored(Simulated(EVEN), 0.3, 0)
    guesses = {row: (int(EVEN[row]) + row % 2) % 4 for row in range(4000)}  # right on even rows
    oracle.post("q0", range(4000), guesses)
    answers = oracle.collect("q0")
    errs = wrong(answers)

    assert not errs[0::2].any()
    assert abs(errs[1::2].mean() - 0.3) < 3 * np.sqrt(0.3 * 0.7 / 2000)
    assert all(answers[row] == guesses[row] for row in np.flatnonzero(errs))


def test_guesses_reach_an_anchored_annotator_through_others_who_say_that_one_wants_them() -> None:
    stack = Noisy(Tired(Anchored(Simulated([0, 1, -2]), 1.0, 0), 1e9, 3, 0), symmetric(0, 3), 0)
    stack.post("q0", [0, 1, 2], {0: 2, 2: 1})
    stack.post("q0", [0, 1, 2])  # a driver that comes back without them changes nothing

    assert stack.sees_guesses
    assert not Tired(Simulated([0]), 1, 2, 0).sees_guesses
    assert stack.collect("q0") == {0: 2, 1: 1, 2: -2}


# confidence


def test_the_overconfident_claim_more_than_they_hold_and_the_underconfident_less() -> None:
    claims = {}
    for name, make in {"over": Overconfident, "under": Underconfident}.items():
        oracle = make(Noisy(Simulated(EVEN), symmetric(0.3, 4), 0), 0.7, 0)
        (answers,) = told(oracle, range(1000))
        claims[name] = np.array([note["confidence"] for note in oracle.notes("q0").values()], dtype=np.float64)
        assert 0.6 < 1 - wrong(answers).mean() < 0.8

    assert np.median(claims["over"]) == pytest.approx(1 / (1 + 3 / 7 * np.exp(-1)), abs=0.02)
    assert np.median(claims["under"]) == pytest.approx(1 / (1 + 3 / 7 * np.exp(1)), abs=0.03)
    assert ((claims["over"] > 0) & (claims["over"] < 1)).all()


def test_a_confidence_may_follow_an_accuracy_that_differs_from_row_to_row() -> None:
    oracle = Overconfident(Simulated([0, 0]), np.array([0.6, 0.99]), 0, by=0, spread=0)
    told(oracle, [0, 1])

    assert oracle.notes("q0") == {0: {"confidence": 0.6}, 1: {"confidence": 0.99}}


# refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tired(Simulated([0]), 0, 2, 0), "half_life is 0"),
        (lambda: Tired(Simulated([0]), float("nan"), 2, 0), "half_life is nan"),
        (
            lambda: Tired(Simulated([0]), 9, 2, 0, most=2),
            "most, the rate of errors of the very tired, is 2; it is a fraction",
        ),
        (lambda: Habituated(Simulated([0]), 1.1, 2, 0), "most, the probability that an unseen class is missed, is 1.1"),
        (lambda: Habituated(Simulated([0]), 0.5, 2, 0, window=0), "window is 0"),
        (lambda: Gambler(Simulated([0]), 0, 2, 0), "last is 0"),
        (lambda: Gambler(Simulated([0]), 1, 2, 0, rate=-1), "the rate is -1"),
        (lambda: Anchored(Simulated([0]), 1.5, 0), "a guess is accepted, is 1.5"),
        (lambda: Overconfident(Simulated([0]), 1.0, 0), "accuracy is 1.0; it must be strictly between 0 and 1"),
        (lambda: Overconfident(Simulated([0]), np.full((2, 2), 0.5), 0), r"accuracy is \(2, 2\); it is one number"),
        (lambda: Underconfident(Simulated([0]), 0.5, 0, by=-1), "by is -1"),
    ],
)
def test_what_no_annotator_can_be_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
