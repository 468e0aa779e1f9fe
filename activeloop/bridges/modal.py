"""`modal:NAME`, and our functions as query strategies of modAL's learners and committees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from modAL import batch, density, disagreement, uncertainty
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop import catalogue
from activeloop.acquisitions.votes import kept_nan
from activeloop.errors import MissingEvidence, UnknownName, nearest
from activeloop.inject import checked_options, needs
from activeloop.pick import pick
from activeloop.rng import rng
from activeloop.types import OPEN

Array = NDArray[Any]

# name of the query strategy -> the measure behind it, and the sign that makes it high = ask first
OF_PROBS = {
    "uncertainty_sampling": (uncertainty.classifier_uncertainty, 1),
    "margin_sampling": (uncertainty.classifier_margin, -1),
    "entropy_sampling": (uncertainty.classifier_entropy, 1),
}
OF_SAMPLES = {
    "vote_entropy_sampling": (disagreement.vote_entropy, 1),
    "consensus_entropy_sampling": (disagreement.consensus_entropy, 1),
    "max_disagreement_sampling": (disagreement.KL_max_disagreement, 1),
}
NAMES = (*OF_PROBS, *OF_SAMPLES, "information_density", "uncertainty_batch_sampling")


@dataclass(frozen=True)
class _Classifier:
    """What modAL's measures ask of a learner: predictions of rows that are given as their positions."""

    predictions: Array
    X_training: Array | None = None
    on_transformed: bool = False

    def predict_proba(self, _: Array) -> Array:
        return self.predictions


@dataclass(frozen=True)
class _Committee:
    """[n, K, C]."""

    samples: Array

    def __len__(self) -> int:
        return int(self.samples.shape[1])

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    @property
    def classes_(self) -> Array:
        return np.arange(self.samples.shape[2])

    def vote(self, _: Array) -> Array:
        votes: Array = self.samples.argmax(axis=2)
        return votes

    def vote_proba(self, _: Array) -> Array:
        return self.samples

    def predict_proba(self, _: Array) -> Array:
        mean: Array = self.samples.mean(axis=1)
        return mean


def strategy(name: str) -> Callable[..., Tensor]:
    """modAL's query strategy of this name as an acquisition function: high = ask first, ties by our `rng`.

    Uncertainty sees `probs`, disagreement `samples`, whose passes stand for the members; `information_density` and
    `uncertainty_batch_sampling` pick by themselves, on `features`, and hold what modAL holds: all pairs of rows, and the
    rows labelled so far.
    raises: UnknownName.
    """
    if name in OF_PROBS:
        measure, sign = OF_PROBS[name]
        return _of_probs(measure, sign)
    if name in OF_SAMPLES:
        measure, sign = OF_SAMPLES[name]
        return _of_samples(measure, sign)
    if name == "information_density":
        return _densest
    if name == "uncertainty_batch_sampling":
        return _ranked_batch
    raise UnknownName(
        f"modAL has no query strategy for classifiers called {name!r}{nearest(name, NAMES)} Allowed are"
        f" {', '.join(f'modal:{each}' for each in NAMES)}."
    )


def _of_probs(measure: Callable[..., Array], sign: int) -> Callable[..., Tensor]:
    def scored(probs: Tensor) -> Tensor:
        """modAL's measure.    probs: [n, C].    returns: [n], float64, high = ask first.    source: modAL."""
        return _measured(measure, sign, _Classifier(probs.double().cpu().numpy()), probs)

    return scored


def _of_samples(measure: Callable[..., Array], sign: int) -> Callable[..., Tensor]:
    def scored(samples: Tensor) -> Tensor:
        """modAL's measure.    samples: [n, K, C].    returns: [n], float64, high = ask first.    source: modAL."""
        return _measured(measure, sign, _Committee(samples.double().cpu().numpy()), samples)

    return scored


def _measured(measure: Callable[..., Array], sign: int, learner: _Classifier | _Committee, seen: Tensor) -> Tensor:
    found = measure(learner, np.arange(len(seen))[:, None])
    return kept_nan(sign * torch.from_numpy(np.asarray(found, dtype=np.float64)), seen.cpu())


def _densest(features: Tensor, n: int, rng: Generator, *, metric: str = "euclidean") -> Tensor:
    """The rows nearest to all others, by modAL's measure.    returns: [n] positions.    source: modAL."""
    found = density.information_density(features.cpu().numpy(), metric)
    return torch.from_numpy(pick(found.astype(np.float64), np.ones(len(found), dtype=np.bool_), n, rng))


def _ranked_batch(
    probs: Tensor, features: Tensor, labels: Tensor, n: int, rng: Generator, *, metric: str = "euclidean"
) -> Tensor:
    """modAL's ranked batch; `rng` shuffles the open rows, as modAL takes the first of equals.

    returns: [n] positions, in the order picked.    source: modAL; Cardoso et al. 2017.
    """
    seen, held = features.double().cpu().numpy(), labels.cpu().numpy()
    free = rng.permutation(np.flatnonzero(held == OPEN))
    labelled = seen[held >= 0]
    learner = _Classifier(probs.double().cpu().numpy()[free], labelled if len(labelled) else None)
    at, _ = batch.uncertainty_batch_sampling(learner, seen[free], n_instances=n, metric=metric)
    return torch.from_numpy(free[at])


def query_strategy(strategy: str, *, seed: int = 0, **options: Any) -> Callable[..., tuple[Array, Array]]:
    """Our strategy for modAL: `ActiveLearner(estimator, query_strategy=query_strategy("margin"))`, or a Committee.

    It sees `probs`, of a committee `samples` too, and as `features` the rows as they are, those of X_training labelled.
    Ties and chance depend on the seed and on how many rows are labelled, so the same history gives the same query.

    returns: (learner, X, n_instances=1) -> positions in X and their scores; of a function that picks, scores are nan.
    raises:  UnknownName, MissingEvidence, ConfigError for options.
    """
    function = catalogue.find_strategy(strategy)
    checked = checked_options(function, options, strategy)
    allowed = ("probs", "samples", "embeddings", "features", "labels", "n", "rng")
    missing = [need for need in needs(function) if need not in allowed]
    if missing:
        raise MissingEvidence(
            f"{strategy!r} needs {', '.join(missing)}, and modAL's learners offer predictions and rows alone: use one that"
            f" needs no more than {', '.join(allowed)}."
        )

    def query(learner: Any, X: Array, n_instances: int = 1) -> tuple[Array, Array]:
        known = getattr(learner, "X_training", None)
        held = X[:0] if known is None else np.asarray(known)
        chance = rng(seed, len(held), "modal")
        whole = np.concatenate([held, X]) if "labels" in needs(function) else X
        before = len(whole) - len(X)
        labels = torch.cat([torch.zeros(before, dtype=torch.int64), torch.full((len(X),), OPEN)])
        given: dict[str, Any] = {"n": n_instances, "rng": chance, "labels": labels}
        for need in needs(function):
            if need not in given:
                given[need] = _evidence(need, learner, whole, strategy)
        found = function(**{need: given[need] for need in needs(function)}, **checked).cpu().numpy()
        if "n" in needs(function):
            return found - before, np.full(len(found), np.nan)
        scores = found.astype(np.float64)[before:]
        at = pick(scores, np.ones(len(scores), dtype=np.bool_), n_instances, chance)
        return at, scores[at]

    return query


def _evidence(name: str, learner: Any, rows: Array, strategy: str) -> Tensor:
    if name in ("features", "embeddings"):
        return torch.from_numpy(np.asarray(rows, dtype=np.float32).reshape(len(rows), -1))
    if name == "samples":
        if not hasattr(learner, "vote_proba"):
            raise MissingEvidence(
                f"{strategy!r} needs samples, the members of a Committee, and this learner is one model."
            )
        return torch.from_numpy(np.asarray(learner.vote_proba(rows), dtype=np.float64))
    return torch.from_numpy(np.asarray(learner.predict_proba(rows), dtype=np.float64))
