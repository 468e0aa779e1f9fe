"""Models that runs wait for. What to train is a value, so that who drains a run may train several at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from activeloop.errors import MissingEvidence
from activeloop.rng import derive
from activeloop.rounds import Setup
from activeloop.types import Fit, Labels, Learner, Model, Rows, TrainsInLockstep, TrainsTogether

R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Request:
    """A training that a run waits for.

    in_lockstep: the model must be what `Learner.fit_each` makes of it, where the learner has that.
    """

    learner: Learner
    fit: Fit
    in_lockstep: bool

    @property
    def labelled(self) -> int:
        return int((self.fit.labels >= 0).sum())


@dataclass(frozen=True, eq=False)
class Trained:
    """The answer to a request.    seconds: it took; its share of them where several were trained at once."""

    model: Model
    seconds: float


def request(
    setup: Setup, labels: Labels, validation: Labels, round: int, watch: Rows | None, previous: Model | None
) -> Request:
    """Initial weights and batch order depend on seed and round alone, not on the strategy."""
    seed = derive(setup.config.seed, round, "fit")
    checked = validation if (validation >= 0).any() else None
    return Request(setup.learner, Fit(setup.data, labels, seed, watch, checked, previous), setup.config.lockstep)


def train(asked: Request) -> Model:
    """This model alone."""
    learner, fit = asked.learner, asked.fit
    if asked.in_lockstep and isinstance(learner, TrainsInLockstep):
        return learner.fit_each([fit])[0]
    return learner.fit(
        fit.data, fit.labels, seed=fit.seed, watch=fit.watch, validation=fit.validation, previous=fit.previous
    )


def drained(steps: Generator[Request, Trained, R], clock: Callable[[], float]) -> R:
    """What the steps come to, each model trained alone as it is asked for."""
    try:
        asked = next(steps)
        while True:
            began = clock()
            model = train(asked)
            asked = steps.send(Trained(model, clock() - began))
    except StopIteration as end:
        found: R = end.value
        return found


def train_all(asked: Sequence[Request], clock: Callable[[], float]) -> list[Trained | Exception]:
    """Every model as `train` makes it, those of equal shape at once, and one where several ask for the very same.

    An error stands in the place of the models that it kept from being made; the others are whole.
    """
    found: dict[int, Trained | Exception] = {}
    for places in _same_learner(asked):
        began = clock()
        firsts = _first_of_same([asked[at] for at in places])
        different = [asked[places[at]] for at in sorted(set(firsts))]
        models = dict(zip(sorted(set(firsts)), _models(different), strict=True))
        share = (clock() - began) / len(places)
        for at, first in zip(places, firsts, strict=True):
            model = models[first]
            found[at] = model if isinstance(model, Exception) else Trained(model, share)
    return [found[at] for at in range(len(asked))]


def _models(asked: Sequence[Request]) -> Sequence[Model | Exception]:
    """Of one learner."""
    learner = asked[0].learner
    try:
        if asked[0].in_lockstep and isinstance(learner, TrainsInLockstep):
            return learner.fit_each([each.fit for each in asked])
        if len(asked) == 1:
            return [train(asked[0])]
    except Exception as error:  # a user's net may raise anything
        if len(asked) == 1:
            return [error]
    return [model for each in asked for model in _models([each])]  # so that an error is that of one run


def _same_learner(asked: Sequence[Request]) -> list[list[int]]:
    """Positions of requests to learners that are equal; not by hash, since options are a table."""
    groups: list[list[int]] = []
    for at, each in enumerate(asked):
        own = next((group for group in groups if _are_alike(asked[group[0]], each)), None)
        if own is None:
            groups.append([at])
        else:
            own.append(at)
    return groups


def _are_alike(one: Request, other: Request) -> bool:
    return one.in_lockstep == other.in_lockstep and (one.learner is other.learner or one.learner == other.learner)


def _first_of_same(asked: Sequence[Request]) -> list[int]:
    """For every request the position of the one that is trained for it: strategies start from the same labels and seed.

    One that watches nothing takes the model of one that does.
    """
    seen: dict[tuple[object, ...], list[int]] = {}
    for at, each in enumerate(asked):
        fit = each.fit
        checked = None if fit.validation is None else fit.validation.tobytes()
        # a previous model is a run's own
        seen.setdefault((id(fit.data), fit.seed, fit.labels.tobytes(), checked, id(fit.previous)), []).append(at)
    firsts = list(range(len(asked)))
    for places in seen.values():
        watching = [at for at in places if asked[at].fit.watch is not None]
        for at in places:
            if at not in watching:
                firsts[at] = (watching or places)[0]
            else:
                firsts[at] = next(to for to in watching if np.array_equal(_watch(asked[to]), _watch(asked[at])))
    return firsts


def _watch(asked: Request) -> Rows:
    assert asked.fit.watch is not None
    return asked.fit.watch


class Trainer:
    """`train` for providers: models on the labels of one round, each trained once however often it is asked for."""

    def __init__(self, setup: Setup, labels: Labels, round: int) -> None:
        self._setup, self._labels, self._round = setup, labels, round
        self._trained: dict[tuple[int, int], Sequence[Model]] = {}
        self.early: Sequence[Model] = ()

    @property
    def epochs(self) -> int:
        return self._learner.epochs_for(int((self._labels >= 0).sum()))

    def __call__(self, models: int, epochs: int) -> Sequence[Model]:
        if (models, epochs) not in self._trained:
            setup, labels = self._setup, self._labels
            seeds = [derive(setup.config.seed, self._round, f"early-{at}") for at in range(models)]
            if setup.config.lockstep and isinstance(setup.learner, TrainsInLockstep):
                fits = [Fit(setup.data, labels, seed, epochs=epochs) for seed in seeds]
                self._trained[models, epochs] = setup.learner.fit_each(fits)
            else:
                self._trained[models, epochs] = self._learner.fit_many(setup.data, labels, seeds=seeds, epochs=epochs)
        return self._trained[models, epochs]

    @property
    def _learner(self) -> TrainsTogether:
        if not isinstance(self._setup.learner, TrainsTogether):
            raise MissingEvidence(f"learner {self._setup.config.learner.name!r} cannot train several models at once.")
        return self._setup.learner
