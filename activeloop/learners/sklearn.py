"""Any scikit-learn classifier with `predict_proba`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.errors import ConfigError, UnknownName
from activeloop.types import Data, Labels, Model, Rows

SEED_END = 2**31  # scikit-learn takes seeds below
REDRAWS = 100  # of a bootstrap that holds a single class


@dataclass(frozen=True)
class Sklearn:
    """A scikit-learn classifier on the flattened, normalised inputs; bootstrap members are its stochastic samples.

    Written `sklearn:` and an import path, as in sklearn:sklearn.linear_model.LogisticRegression.
    params: arguments of its constructor; `random_state` is set from the run's seed where there is one.
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
            made = getattr(import_module(module), name)(**self.params)
        except (ImportError, AttributeError, ValueError) as error:
            raise UnknownName(
                f"no classifier can be imported as {self.estimator!r}: {error}. Write sklearn: and its import path, such"
                " as sklearn:sklearn.linear_model.LogisticRegression."
            ) from error
        except TypeError as error:
            raise ConfigError(f"{self.estimator!r} refuses the params {dict(self.params)}: {error}.") from error
        if "random_state" in made.get_params() and "random_state" not in self.params:
            made.set_params(random_state=seed % SEED_END)
        return made

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
        if watch is not None:
            raise ConfigError(f"{self.estimator!r} trains in one go, so nothing can be recorded after every epoch.")
        rows = np.flatnonzero(labels >= 0)
        if len(np.unique(labels[rows])) < 2:
            raise ConfigError(
                f"{self.estimator!r} needs two classes, and the {len(rows)} labels so far hold"
                f" {len(np.unique(labels[rows]))}: start with more labels (--initial) or with --start balanced:1."
            )
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
        return self.learner._make(self.seed).fit(_table(self.data, self.rows), self.labels)

    def on(self, data: Data) -> SklearnModel:
        other = replace(self, looked_at=data)
        other.__dict__["fitted"] = self.fitted
        return other

    def probs(self, rows: Rows) -> Tensor:
        return self._spread(self.fitted, rows)

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        members = self._members(passes, seed)
        return torch.stack([self._spread(member, rows) for member in members], dim=1)

    def embed(self, rows: Rows) -> Tensor:
        raise ConfigError(f"{self.learner.estimator!r} has no embeddings; use a net, or features.")

    def history(self) -> Tensor:
        raise ConfigError(f"{self.learner.estimator!r} trains in one go and has no history; use a net.")

    @cached_property
    def _members(self) -> Any:
        return cache(self._fit_members)

    def _fit_members(self, passes: int, seed: int) -> list[Any]:
        chance, members = np.random.default_rng(seed), []
        for _ in range(passes):
            drawn = _bootstrap(self.labels, chance)
            make = self.learner._make(int(chance.integers(SEED_END)))
            members.append(make.fit(_table(self.data, self.rows[drawn]), self.labels[drawn]))
        return members

    def _spread(self, fitted: Any, rows: Rows) -> Tensor:
        """Probabilities over all classes: those it never saw get 0."""
        data = self.looked_at or self.data
        probs = torch.zeros(len(rows), len(data.classes))
        probs[:, torch.from_numpy(fitted.classes_)] = torch.from_numpy(fitted.predict_proba(_table(data, rows))).float()
        return probs


def _table(data: Data, rows: Rows) -> NDArray[np.float32]:
    table: NDArray[np.float32] = data.batch(rows).flatten(1).cpu().numpy()
    return table


def _bootstrap(labels: Labels, chance: Generator) -> NDArray[np.int64]:
    for _ in range(REDRAWS):
        drawn = chance.integers(len(labels), size=len(labels))
        if len(np.unique(labels[drawn])) > 1:
            return drawn
    return np.arange(len(labels))
