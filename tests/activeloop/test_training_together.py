from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from activeloop.config import Config, load
from activeloop.drive import at_once, rounds, states
from activeloop.fold import State
from activeloop.learners.supervised import Supervised
from activeloop.run import Run
from activeloop.training import Request, Trained, drained, train, train_all
from activeloop.types import Data, Fit, Labels, Loaded, Model, Query, Rows
from oracles import Simulated

Configure = Callable[..., Config]


@dataclass(frozen=True)
class Counts:
    """A learner that trains together, and fails on the seeds named.    given: the seeds of every call."""

    bad: Sequence[int] = ()
    given: list[list[int]] = field(default_factory=list, compare=False)

    def offers(self, data: Data) -> Mapping[str, str]:
        return {}

    def fit(self, data: Data, labels: Labels, *, seed: int, **_: Any) -> Any:
        self.given.append([seed])
        return f"alone {seed}"

    def fit_each(self, fits: Sequence[Fit]) -> Any:
        self.given.append([fit.seed for fit in fits])
        bad = [fit.seed for fit in fits if fit.seed in self.bad]
        if bad:
            raise ZeroDivisionError(f"seed {bad[0]}")
        return [f"together {fit.seed}" for fit in fits]


def asked(learner: Any, data: Data, seed: int, watch: Rows | None = None, in_lockstep: bool = True) -> Request:
    labels = np.arange(len(data)) % 3
    return Request(learner, Fit(data, labels, seed, watch), in_lockstep)


def models(found: Sequence[Trained | Exception]) -> list[object]:
    return [each if isinstance(each, Exception) else each.model for each in found]


def clock() -> float:
    clock.now += 1.0  # type: ignore[attr-defined]
    return float(clock.now)  # type: ignore[attr-defined]


clock.now = 0.0  # type: ignore[attr-defined]


def test_requests_of_equal_learners_are_trained_at_once_and_share_the_time(digits: Loaded) -> None:
    one, equal, other = Counts(), Counts(), Counts(bad=(99,))
    found = train_all([asked(learner, digits.data, at) for at, learner in enumerate((one, other, equal))], clock)

    assert models(found) == ["together 0", "together 1", "together 2"]
    assert one.given == [[0, 2]]
    assert other.given == [[1]]
    assert [each.seconds for each in found if isinstance(each, Trained)] == [0.5, 1.0, 0.5]


def test_the_very_same_request_is_trained_once_and_one_that_watches_serves_one_that_does_not(digits: Loaded) -> None:
    learner, some, others = Counts(), np.arange(3), np.arange(4)
    watches = [None, some, others, some.copy(), None]
    found = train_all([asked(learner, digits.data, 7, watch) for watch in watches], clock)

    assert learner.given == [[7, 7]]
    assert len(set(map(str, models(found)))) == 1
    learner.given.clear()
    apart = replace(digits.data)  # equal, and perhaps not the same
    train_all([asked(learner, digits.data, 7), asked(learner, digits.data, 8), asked(learner, apart, 7)], clock)
    assert learner.given == [[7, 8, 7]]


def test_an_error_is_that_of_one_run_and_the_others_are_whole(digits: Loaded) -> None:
    learner = Counts(bad=(1,))
    found = models(train_all([asked(learner, digits.data, seed) for seed in range(3)], clock))

    assert found[0] == "together 0"
    assert isinstance(found[1], ZeroDivisionError)
    assert found[2] == "together 2"


def test_who_is_not_in_lockstep_or_cannot_be_trains_alone(digits: Loaded) -> None:
    learner = Counts()

    assert models(train_all([asked(learner, digits.data, 0, in_lockstep=False)], clock)) == ["alone 0"]
    assert train(asked(learner, digits.data, 0)) == "together 0", "alone as in company"


def finished(run: Run, oracle: Simulated, answer: Callable[[Request], Model]) -> list[Request]:
    """Drains the run to its end; gives what it asked for."""
    seen, steps, given = [], rounds(run, oracle), None
    try:
        while True:
            item = steps.send(given)
            given = None
            if isinstance(item, Request):
                seen.append(item)
                given = Trained(answer(item), 0.25)
    except StopIteration:
        return seen


@pytest.mark.parametrize("strategy", ["entropy", "forgetting", "flips", "el2n"])
@pytest.mark.parametrize("start", ["scratch", "warm"])
def test_steps_drained_by_others_give_the_journal_of_ask(
    tmp_path: Path, digits: Loaded, finish: Callable[..., Path], strategy: str, start: str
) -> None:
    config = load(
        None,
        ["budget=50", "start.size=20", "query=10", f"acquire.strategy={strategy}", "learner.options.net=mlp",
         "learner.options.steps=20", f"learner.options.start={start}", "evidence.early.models=2"],
    )  # fmt: skip
    assert digits.truth is not None
    whole = finish(tmp_path / "ask", config, digits).read_bytes()
    with Run(tmp_path / "steps", config, digits.data, digits.test) as run:
        seen = finished(run, Simulated(digits.truth), train)

    assert (tmp_path / "steps/journal.jsonl").read_bytes() == whole
    assert [each.labelled for each in seen] == [20, 30, 40, 50]
    assert all((each.fit.previous is not None) == (start == "warm" and each.labelled > 20) for each in seen)
    assert [each.fit.watch is not None for each in seen] == [strategy in ("forgetting", "flips")] * 3 + [False]
    assert (tmp_path / "steps/timings.jsonl").read_text().count('"fit_s": 0.25') == 4


def test_steps_given_up_leave_nothing_and_another_goes_on(tmp_path: Path, digits: Loaded, quick: Configure) -> None:
    with Run(tmp_path, quick(), digits.data, digits.test) as run:
        query = run.ask()
        assert query is not None
        assert digits.truth is not None
        run.tell(query.id, {row: int(digits.truth[row]) for row in query.rows})
        size = (tmp_path / "journal.jsonl").stat().st_size
        first = next(run.steps())
        assert isinstance(first, Request)
        assert (tmp_path / "journal.jsonl").stat().st_size == size
        after = drained(run.steps(), clock)

        assert isinstance(after, Query)
        assert after == run.ask()


def test_states_are_all_there_is_where_training_is_left_to_nobody(
    tmp_path: Path, digits: Loaded, quick: Configure
) -> None:
    assert digits.truth is not None
    with Run(tmp_path, quick(), digits.data, digits.test) as run:
        told = [state.told for state in states(rounds(run, Simulated(digits.truth), at_once))]

    assert told == [20, 30, 40, 40]
    assert isinstance(run.state, State)


def test_a_lockstep_run_trains_alone_what_it_trains_in_company(tmp_path: Path, digits: Loaded) -> None:
    """So that `ask`, `guesses` and `model` of such a run are those of the sweep."""
    config = load(None, ["lockstep=true", "learner.options.net=mlp", "learner.options.steps=5"])
    learner = Supervised(net="mlp", steps=5)
    with Run(tmp_path, config, digits.data, digits.test) as run:
        query = run.ask()
        assert query is not None
        assert digits.truth is not None
        run.tell(query.id, {row: int(digits.truth[row]) for row in query.rows})
        steps = run.steps()
        request = next(steps)
        steps.close()
        model = run.model()

    rows = np.arange(50)
    both = learner.fit_each([request.fit, replace(request.fit, seed=1)])
    assert (model.probs(rows) == both[0].probs(rows)).all()
