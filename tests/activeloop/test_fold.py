from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from activeloop.errors import StoreError
from activeloop.fold import apply, fold
from activeloop.types import OPEN, SKIP

OPENED: dict[str, Any] = {
    "event": "opened", "config": {"budget": 9}, "fingerprint": "f", "data": "d", "rows": 6, "classes": ["a", "b"],
    "known": {"5": 1},
}  # fmt: skip
VALIDATE = {"event": "asked", "query": "q0000", "use": "validation", "rows": [0]}
START = {"event": "asked", "query": "q0001", "use": "start", "rows": [1, 2, 3]}


def test_labels_are_what_was_known_and_what_was_told() -> None:
    state = fold([OPENED, START, {"event": "told", "query": "q0001", "answers": {"1": 0, "2": SKIP}}])

    assert state is not None
    assert state.labels.tolist() == [OPEN, 0, SKIP, OPEN, OPEN, 1]
    assert state.told == 1, "neither what was known nor what was skipped counts"
    assert state.open_query is not None
    assert state.open_query.unanswered == (3,)


def test_validation_rows_measure_and_never_train() -> None:
    state = fold([OPENED, VALIDATE, {"event": "told", "query": "q0000", "answers": {"0": 1}}])

    assert state is not None
    assert state.training.tolist() == [OPEN, OPEN, OPEN, OPEN, OPEN, 1]
    assert state.validation.tolist() == [1, OPEN, OPEN, OPEN, OPEN, OPEN]
    assert 0 not in state.pickable
    assert state.blocked[0] == SKIP


def test_a_closed_query_is_no_longer_open_and_its_rows_may_be_picked() -> None:
    state = fold([OPENED, START, {"event": "closed", "query": "q0001"}])

    assert state is not None
    assert state.open_query is None
    assert {1, 2, 3} <= set(state.pickable.tolist())


def test_a_new_label_makes_the_last_measure_old_and_the_end_undone() -> None:
    measured = {"event": "measured", "round": 0, "labels": 0, "metrics": {"accuracy": 0.5}}
    done = fold([OPENED, measured, {"event": "stopped", "why": "budget"}])
    assert done is not None
    assert (done.is_measured, done.stopped) == (True, "budget")

    revised = apply(done, {"event": "revised", "answers": {"5": 0}, "why": "audit"})

    assert (revised.is_measured, revised.stopped) == (False, None)
    assert (done.is_measured, done.labels[5]) == (True, 1), "the state before is left as it was"


def test_only_picked_queries_count_as_rounds() -> None:
    acquire = {"event": "asked", "query": "q0002", "use": "acquire", "rows": [4]}

    assert [fold([OPENED, VALIDATE, START, *more]).round for more in ([], [acquire])] == [0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([START], "begins with 'asked' instead of 'opened'"),
        ([OPENED, {"event": "danced"}], "does not know.*danced"),
        ([OPENED, {"event": "told", "query": 3}], "does not know"),
        ([{"event": "opened"}], "lacks its configuration"),
    ],
)
def test_what_no_version_writes_is_refused(events: list[Any], message: str) -> None:
    with pytest.raises(StoreError, match=message):
        fold(events)


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) is None
    assert np.array_equal(fold([OPENED]).known, [False] * 5 + [True])  # type: ignore[union-attr]
