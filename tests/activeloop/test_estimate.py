from __future__ import annotations

from activeloop.config import Config, load
from activeloop.estimate import Cost, fits, measured, parameters, rooms, seconds
from activeloop.rounds import Setup, prepare
from activeloop.types import Loaded


def setup(digits: Loaded, *sets: str) -> Setup:
    config: Config = load(None, ["budget=60", "learner.options.steps=10", *sets])
    return prepare(config, digits.data, digits.test)


def test_every_training_is_counted(digits: Loaded) -> None:
    assert fits(setup(digits)) == [20, 40, 60]
    assert fits(setup(digits, "budget=70", "validation=10")) == [20, 40, 60]


def test_shapes_and_bytes_by_hand(digits: Loaded) -> None:
    lines = {line.what: line for line in rooms(setup(digits, "acquire.strategy=bald", "evidence.samples.passes=7"))}
    n = len(digits.data)

    assert (lines["samples"].shape, lines["samples"].size) == (f"[{n}, 7, 10]", n * 7 * 10 * 4)
    assert lines["inputs"].size == n * 64


def test_weights_of_the_linear_net_by_hand(digits: Loaded) -> None:
    assert parameters(setup(digits, "learner.options.net=linear")) == 64 * 10 + 10


def test_seconds_by_hand(digits: Loaded) -> None:
    """Three trainings of 10 steps, each measured on the test set, and all but the last looking at the pool."""
    rows = 3 * 359 + 2 * len(digits.data)

    assert seconds(setup(digits), Cost(step_s=1.0, row_s=0.0)) == 30
    assert seconds(setup(digits), Cost(step_s=0.0, row_s=1.0)) == rows


def test_measuring_trains_nothing_and_needs_a_net(digits: Loaded) -> None:
    cost = measured(setup(digits))

    assert cost is not None
    assert min(cost.step_s, cost.row_s) > 0
    other = ("learner.name=sklearn:sklearn.naive_bayes.GaussianNB", "learner.options={}")
    assert measured(prepare(load(None, [*other]), digits.data, digits.test)) is None
