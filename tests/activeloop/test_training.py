from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from activeloop.training import FirstModel, Request
from activeloop.types import OPEN, Fit, Learner, Loaded, Model, Rows


@dataclass
class Counting:
    """A learner whose models are numbers.    made: how many so far."""

    made: int = 0

    def fit(self, *_: object, **__: object) -> Model:
        self.made += 1
        return cast(Model, self.made)


def asked(learner: Counting, digits: Loaded, rows: list[int], seed: int = 0, watch: Rows | None = None) -> Request:
    labels = np.full(len(digits.data), OPEN)
    labels[rows] = 1
    return Request(cast(Learner, learner), Fit(digits.data, labels, seed, watch), False)


def test_runs_of_one_seed_share_their_first_model_and_no_other(digits: Loaded) -> None:
    learner, train = Counting(), FirstModel()
    made = [
        train(asked(learner, digits, rows, seed))
        for rows, seed in (([1, 2], 0), ([1, 2, 3], 0), ([1, 2], 0), ([1, 2], 1))
    ]

    assert made == [1, 2, 1, 3]


def test_a_run_that_watches_trains_its_own_and_those_after_it_take_that(digits: Loaded) -> None:
    learner, train, watch = Counting(), FirstModel(), np.arange(5)

    def ask(rows: Rows | None) -> Model:
        return train(asked(learner, digits, [1, 2], watch=rows))

    assert [ask(None), ask(watch), ask(None), ask(watch), ask(np.arange(4))] == [1, 2, 2, 2, 3]
