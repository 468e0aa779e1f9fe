from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from activeloop.config import Config
from activeloop.drive import drive
from activeloop.run import Run
from activeloop.types import Loaded
from oracles import Simulated

Configure = Callable[..., Config]


class Slow:
    """Answers half of what it is asked, and remembers every post."""

    def __init__(self, truth: Any) -> None:
        self._inside, self.posts = Simulated(truth), []
        self.patience = 0.5

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        self.posts.append(ticket)
        self._inside.post(ticket, rows)

    def collect(self, ticket: str) -> dict[int, int]:
        answers = self._inside.collect(ticket)
        return dict(list(answers.items())[: int(len(answers) * self.patience)])

    def notes(self, ticket: str) -> dict[int, dict[str, str]]:
        return {row: {"annotator": "slow"} for row in self.collect(ticket)}


def test_an_oracle_that_is_not_ready_keeps_the_run_waiting_and_loses_nothing(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    oracle = Slow(digits.truth)
    with Run(tmp_path, quick(), digits.data, digits.test) as run:
        states = list(drive(run, oracle))

        assert len(states) == 1
        assert run.state.told == 10
        assert run.state.open_query is not None
        assert len(run.state.notes) == 10


def test_a_later_drive_posts_the_past_again_in_order_and_goes_on(
    tmp_path: Path, quick: Configure, digits: Loaded, finish: Callable[..., Path]
) -> None:
    first = Slow(digits.truth)
    with Run(tmp_path / "slow", quick(), digits.data, digits.test) as run:
        list(drive(run, first))
    later = Slow(digits.truth)
    later.patience = 1.0
    with Run(tmp_path / "slow", quick(), digits.data, digits.test) as run:
        list(drive(run, later))
        assert run.state.stopped == "budget"
        assert later.posts == ["q0000", "q0001", "q0002"]

    other = finish(tmp_path / "quick", quick(), digits)
    asked = [line for line in other.read_text().splitlines() if '"asked"' in line]
    assert asked == [line for line in (tmp_path / "slow/journal.jsonl").read_text().splitlines() if '"asked"' in line]
