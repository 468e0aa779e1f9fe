"""`baal:NAME`, and our functions in baal's ActiveLearningLoop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from baal.active.heuristics import AbstractHeuristic
from baal.active.heuristics import heuristics as theirs
from numpy.typing import NDArray
from torch import Tensor

from activeloop import catalogue
from activeloop.acquisitions.votes import kept_nan
from activeloop.errors import BadScores, MissingEvidence, UnknownName, nearest
from activeloop.inject import checked_options, needs
from activeloop.rng import rng

HEURISTICS = {
    "bald": "BALD", "certainty": "Certainty", "entropy": "Entropy", "epig": "EPIG", "margin": "Margin",
    "variance": "Variance",
}  # fmt: skip
HERE = ("probs", "samples", "n", "rng")  # what baal's loop can give

Array = NDArray[Any]


def strategy(name: str) -> Callable[..., Tensor]:
    """baal's heuristic of this name in lower case, as an acquisition function: high = ask first, whatever it has itself.

    It sees passes as float64 probabilities and is not asked to repair anything: what it gives as nan is refused.
    raises: UnknownName; BadScores where it puts a certain row before a torn one.
    """
    if name not in HEURISTICS:
        raise UnknownName(
            f"baal has no deterministic heuristic called {name!r}{nearest(name, HEURISTICS)} Allowed are"
            f" {', '.join(f'baal:{each}' for each in HEURISTICS)}."
        )
    heuristic = getattr(theirs, HEURISTICS[name])()
    sign = 1.0 if heuristic.reversed else -1.0

    def scores(samples: Tensor, targets: Tensor | None = None) -> Tensor:
        aside = None if targets is None else _theirs(targets)
        found = heuristic.reduction(heuristic.compute_score(_theirs(samples), aside))
        return kept_nan(sign * torch.from_numpy(np.asarray(found, dtype=np.float64)).to(samples.device), samples)

    def scored(samples: Tensor) -> Tensor:
        """baal's score.    samples: [n, K, C].    returns: [n], float64, high = ask first.    source: baal."""
        return scores(samples)

    def scored_beside_targets(samples: Tensor, targets: Tensor) -> Tensor:
        """baal's score.    samples: [n, K, C].    targets: [T, K, C].    returns: [n], float64.    source: baal."""
        return scores(samples, targets)

    function = scored_beside_targets if name == "epig" else scored
    _refuse_upside_down(f"baal:{name}", scores)
    return function


def _theirs(samples: Tensor) -> Array:
    """[n, K, C] -> [n, C, K]."""
    return samples.double().transpose(1, 2).cpu().numpy()


def _refuse_upside_down(name: str, scores: Callable[[Tensor, Tensor], Tensor]) -> None:
    torn, certain = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]
    found = scores(torch.tensor([torn, certain]), torch.tensor([torn]))
    if not bool(found[0] > found[1]):
        raise BadScores(
            f"{name!r} scores a row on which passes contradict one another {float(found[0]):.3g}, and one on which all are"
            f" certain {float(found[1]):.3g}: it would ask for the certain rows. This version of baal cannot be used."
        )


def heuristic(strategy: str, *, query_size: int = 1, seed: int = 0, **options: Any) -> AbstractHeuristic:
    """Our strategy as a heuristic for baal's loop: `ActiveLearningLoop(dataset, predict, heuristic("margin"), 10)`.

    strategy:   any that needs no more than `probs` or `samples`.    query_size: picks, of those that pick a batch; the
                loop's own.    options: of the strategy.
    raises:     UnknownName, MissingEvidence, ConfigError for options; BadScores for what breaks the contract, where baal
                would go on.
    """
    function = catalogue.find_strategy(strategy)
    missing = [need for need in needs(function) if need not in HERE]
    if missing:
        raise MissingEvidence(
            f"{strategy!r} needs {', '.join(missing)}, and baal's loop knows predictions alone: use one that needs no more"
            " than probs or samples, such as margin, bald or batch-bald."
        )
    return _Ours(strategy, function, checked_options(function, options, strategy), query_size, seed)


class _Ours(AbstractHeuristic):  # type: ignore[misc]
    def __init__(
        self, name: str, function: Callable[..., Tensor], options: Mapping[str, Any], query_size: int, seed: int
    ) -> None:
        super().__init__(reverse=True)
        self._name, self._function, self._options = name, function, options
        self._query_size, self._seed, self._calls = query_size, seed, 0

    def compute_score(self, predictions: Array, target_predictions: Array | None = None) -> Array:
        """predictions: [n, C] or [n, C, K], probabilities."""
        return self._called(predictions).double().cpu().numpy()

    def get_uncertainties(self, predictions: Array | Tensor, target_predictions: Array | None = None) -> Array:
        """baal's own puts 0 for nan."""
        return _finite(self._name, self.compute_score(np.asarray(predictions)))

    def get_ranks(self, predictions: Any, target_predictions: Array | None = None) -> tuple[Array, Array]:
        """All rows in order, and scores; of a function that picks, its picks first, which alone have a score, of 1."""
        whole = np.asarray(predictions) if hasattr(predictions, "shape") else np.concatenate(list(predictions))
        if "n" not in needs(self._function):
            scores = self.get_uncertainties(whole)
            chance = rng(self._seed, self._next(), "baal").permutation(len(scores))
            return chance[np.argsort(-scores[chance], kind="stable")], scores
        picks = self._called(whole).cpu().numpy()
        scores = np.zeros(len(whole))
        scores[picks] = 1
        return np.concatenate([picks, np.flatnonzero(scores == 0)]), scores

    def _called(self, predictions: Array) -> Tensor:
        passes = torch.from_numpy(np.asarray(predictions, dtype=np.float64))
        samples = passes[:, None] if passes.dim() == 2 else passes.transpose(1, 2)
        _refuse_no_probabilities(samples)
        given = {"samples": samples, "probs": samples.mean(dim=1), "n": min(self._query_size, len(samples))}
        if "rng" in needs(self._function):
            given["rng"] = rng(self._seed, self._next(), "baal")
        return self._function(**{need: given[need] for need in needs(self._function)}, **self._options)

    def _next(self) -> int:
        self._calls += 1
        return self._calls


def _refuse_no_probabilities(samples: Tensor) -> None:
    bad = ~(((samples.sum(dim=-1) - 1).abs() < 1e-3) & (samples >= 0).all(dim=-1)).all(dim=1)
    if bool(bad.any()):
        raise BadScores(
            f"{int(bad.sum()):,} of {len(samples):,} predictions are not probabilities; the first is"
            f" {int(bad.nonzero()[0])}. Give softmax outputs, [n, C, K]: baal would take a softmax of them by itself."
        )


def _finite(name: str, scores: Array) -> Array:
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise BadScores(f"{name!r} gave {len(bad):,} of {len(scores):,} scores as nan or infinite; first {bad[0]}.")
    return scores
