"""The loop beside the page: it waits for answers, tells them, trains and asks again, in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install activeloop[web]")

from activeloop.cli import web
from activeloop.cli.people import Wanted
from activeloop.cli.web import Turning

from .conftest import Team

Turn = Callable[..., Turning]


@pytest.fixture
def turn(team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turn]:
    monkeypatch.setattr(web, "GRACE_S", 0.0)
    monkeypatch.setattr(web, "LOOK_S", 0.01)
    made: list[Turning] = []

    def start(**wanted: object) -> Turning:
        made.append(Turning(team.folder / "r", Wanted(**wanted)))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield start
    for turning in made:
        until(turning.stop)
        turning.loop.__exit__(None, None, None)


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def answer_all(turning: Turning, query: str) -> None:
    inbox = turning.loop.inbox
    until(lambda: inbox.has(query))
    for row in inbox.waiting(query):
        inbox.answer(query, row, row % 3, "ada")
    turning.answered()


def test_it_goes_round_and_tells_its_story(team: Team, turn: Turn) -> None:
    team.run()
    turning = turn()
    for query in ("q0000", "q0001", "q0002", "q0003"):
        answer_all(turning, query)
    until(lambda: turning.story().mood == "done")

    story = turning.story()
    assert (story.told, story.budget, story.metric) == (16, 16, "accuracy")
    assert [labels for labels, _ in story.curve] == [9, 13, 16]


def test_after_so_many_rounds_it_pauses_and_hands_on_revisions(team: Team, turn: Turn) -> None:
    team.run()
    turning = turn(rounds=1)
    answer_all(turning, "q0000")
    until(lambda: turning.story().mood == "paused")
    row = turning.loop.run.state.queries[0].rows[0]
    turning.loop.inbox.revise("q0000", row, (row + 1) % 3, "eve", "seen twice")
    turning.answered()
    until(lambda: turning.loop.run.state.labels[row] == (row + 1) % 3)

    assert len(turning.loop.run.state.queries) == 1
    assert turning.story().mood == "paused"


def test_a_row_taken_out_after_the_end_is_asked_for_anew(team: Team, turn: Turn) -> None:
    team.run()
    turning = turn()
    for query in ("q0000", "q0001", "q0002", "q0003"):
        answer_all(turning, query)
    until(lambda: turning.story().mood == "done")
    row = turning.loop.run.state.queries[1].rows[0]
    turning.loop.inbox.revise("q0001", row, -2, "eve", "torn")
    answer_all(turning, "q0004")
    until(lambda: turning.story().mood == "done" and turning.story().told == 16)


def test_the_last_answer_may_be_undone_before_the_model_trains(
    team: Team, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.run()
    turning = turn()
    monkeypatch.setattr(web, "GRACE_S", 60.0)
    answer_all(turning, "q0000")
    time.sleep(0.2)

    turning.loop.inbox.undo("ada")
    assert turning.loop.run.state.told == 0


def test_an_error_stops_the_loop_is_said_and_answers_are_still_taken(
    team: Team, turn: Turn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from activeloop.errors import StoreError

    team.run()
    turning = turn()

    def full(*given: object, **more: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(turning.loop.run, "tell", full)
    answer_all(turning, "q0000")
    until(lambda: turning.story().mood == "failed")

    assert turning.story().what == "the disk is full"
    assert "the loop stopped: the disk is full Answers are still taken" in capsys.readouterr().err
    assert turning.loop.inbox.waiting("q0000") == ()
