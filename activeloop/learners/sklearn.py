"""Any scikit-learn classifier with `predict_proba`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from activeloop.errors import ConfigError, MissingEvidence, UnknownName
from activeloop.learners.rows import labelled, refuse_watch, table
from activeloop.types import Data, Labels, Model, Rows

SEED_END = 2**31  # scikit-learn takes seeds below


@dataclass(frozen=True)
class Sklearn:
    """A scikit-learn classifier on the flattened, normalised inputs; bootstrap members are its stochastic samples.

    Written `sklearn:` and an import path, as in sklearn:sklearn.linear_model.LogisticRegression; a function of your own
    that returns a pipeline does too. While all labels are of one class, that class is predicted everywhere: most
    classifiers refuse to train on one.
    params: arguments of its constructor. Every `random_state` in it that is None is set from the run's seed.
    """

    estimator: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not hasattr(self._make(0), "predict_proba"):
            raise ConfigError(
                f"{self.estimator!r} with params {dict(self.params)} has no predict_proba: choose a classifier that"
                " gives probabilities (for SVC: params.probability=true)."
            )

    def _make(self, seed: int) -> Any:
        module, _, name = self.estimator.rpartition(".")
        try:
            constructor = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise UnknownName(
                f"no classifier can be imported as {self.estimator!r}: {error}. Write sklearn: and its import path, such"
                " as sklearn:sklearn.linear_model.LogisticRegression."
            ) from error
        try:
            made = constructor(**self.params)
            check = getattr(made, "_validate_params", None)  # scikit-learn itself checks in `fit`: too late for a plan
            if check is not None:
                check()
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{self.estimator!r} refuses the params {dict(self.params)}: {error}") from error
        return _seeded(made, seed)

    def offers(self, data: Data) -> Mapping[str, str]:
        return {"probs": f"[n, {len(data.classes)}]", "samples": f"[n, K, {len(data.classes)}]"}

    def fit(
        self,
        data: Data,
        labels: Labels,
        *,
        seed: int,
        watch: Rows | None = None,
        validation: Labels | None = None,
        previous: Model | None = None,
    ) -> SklearnModel:
        refuse_watch(watch, self.estimator)
        rows = labelled(labels)
        model = SklearnModel(self, data, rows, labels[rows], seed)
        model.fitted  # noqa: B018  fitted now, so that its time counts as fitting
        return model


@dataclass(frozen=True, eq=False)
class SklearnModel:
    """A fitted classifier and, once asked for, its bootstrap members."""

    learner: Sklearn
    data: Data
    rows: Rows
    labels: Labels
    seed: int
    looked_at: Data | None = None

    @cached_property
    def fitted(self) -> Any:
        return self._fit(np.arange(len(self.rows)), self.seed)

    def on(self, data: Data) -> SklearnModel:
        other = replace(self, looked_at=data)
        other.__dict__["fitted"] = self.fitted
        return other

    def probs(self, rows: Rows) -> Tensor:
        return self._spread(self.fitted, rows)

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        """[n, K, C]. Pass k is a classifier fitted to a bootstrap of the labels; fitted once, however often asked for."""
        if passes < 1:
            raise ConfigError(f"{passes} stochastic passes were asked for; evidence.samples.passes must be 1 or more.")
        members = self._members(passes, seed)
        return torch.stack([self._spread(member, rows) for member in members], dim=1)

    def embed(self, rows: Rows) -> Tensor:
        raise MissingEvidence(f"{self.learner.estimator!r} has no embeddings; use a net, or features.")

    def history(self) -> Tensor:
        raise MissingEvidence(f"{self.learner.estimator!r} trains in one go and has no history; use a net.")

    @cached_property
    def _members(self) -> Any:
        return cache(self._fit_members)

    def _fit_members(self, passes: int, seed: int) -> list[Any]:
        chance, n = np.random.default_rng(seed), len(self.rows)
        return [self._fit(chance.integers(n, size=n), int(chance.integers(SEED_END))) for _ in range(passes)]

    def _fit(self, picks: NDArray[np.int64], seed: int) -> Any:
        """The classifier fitted to these positions of `rows`, some perhaps several times."""
        from sklearn.dummy import DummyClassifier

        labels = self.labels[picks]
        classifier = self.learner._make(seed) if (labels != labels[0]).any() else DummyClassifier(strategy="prior")
        inputs = table(self.data, self.rows[picks])
        try:
            fitted = classifier.fit(inputs, labels)
            fitted.predict_proba(inputs[:1])  # neighbours are counted only here
        except ValueError as error:
            raise ConfigError(
                f"{self.learner.estimator!r} cannot learn from {len(labels)} labels: {error} Label more before the first"
                " training (--initial), or change learner.options.params."
            ) from error
        return fitted

    def _spread(self, fitted: Any, rows: Rows) -> Tensor:
        """Probabilities over all classes: those it never saw get 0."""
        data = self.looked_at or self.data
        probs = torch.zeros(len(rows), len(data.classes))
        probs[:, torch.from_numpy(fitted.classes_)] = torch.from_numpy(fitted.predict_proba(table(data, rows))).float()
        return probs


def _seeded(classifier: Any, seed: int) -> Any:
    """With every `random_state` that is None set, those of a pipeline's steps too."""
    get = getattr(classifier, "get_params", dict)
    chance = {
        name: seed % SEED_END
        for name, value in get().items()
        if name.split("__")[-1] == "random_state" and value is None
    }
    return classifier.set_params(**chance) if chance else classifier
