from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from activeloop.config import Config
from activeloop.drive import drive
from activeloop.errors import BadAnswer, ConfigError
from activeloop.run import Run
from activeloop.types import Loaded
from oracles import Simulated

Configure = Callable[..., Config]


class Shown(Simulated):
    """The truth, which writes down what it was shown with every ticket."""

    sees_guesses = True

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        super().post(ticket, rows)
        self.shown = {**getattr(self, "shown", {}), ticket: guesses}


def test_guesses_are_those_of_the_model_that_picked_and_are_kept(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    assert digits.truth is not None
    with Run(tmp_path, quick(), digits.data, digits.test) as run:
        start = run.ask()
        assert start is not None
        assert run.guesses(start.id) == {}
        run.tell(start.id, {row: int(digits.truth[row]) for row in start.rows})
        query = run.ask()
        assert query is not None
        rows = np.array(query.rows)
        expected = dict(zip(query.rows, run.model().probs(rows).argmax(dim=1).tolist(), strict=True))
        run.tell(query.id, {query.rows[0]: 3})  # the model that picked is not the one that would be trained now
        assert run.guesses(query.id) == expected
        run.tell(query.id, {row: int(digits.truth[row]) for row in query.rows[1:]})
        run.ask()
        assert run.guesses(query.id) == expected

    with Run(tmp_path) as later:
        assert later.guesses(query.id) == expected
        with pytest.raises(ConfigError, match="opened without its data, which the model's guesses need"):
            later.guesses(later.state.queries[-1].id)


def test_it_is_too_late_for_guesses_that_nobody_wanted_then(
    tmp_path: Path, quick: Configure, digits: Loaded, finish: Callable[..., Path]
) -> None:
    finish(tmp_path, quick(), digits)
    with Run(tmp_path, data=digits.data, test=digits.test) as run:
        with pytest.raises(BadAnswer, match="q0001 was asked without guesses, and a later query is there"):
            run.guesses("q0001")


def test_whoever_wants_guesses_is_shown_them_and_again_after_a_restart(
    tmp_path: Path, quick: Configure, digits: Loaded
) -> None:
    assert digits.truth is not None
    first, again = Shown(digits.truth), Shown(digits.truth)
    for oracle in (first, again):
        with Run(tmp_path, quick(), digits.data, digits.test) as run:
            list(drive(run, oracle))

    assert first.shown["q0000"] is None
    assert [set(first.shown[query.id] or ()) == set(query.rows) for query in run.state.queries] == [False, True, True]
    assert again.shown == first.shown
