"""What noise by row is computed from: on the oracle's side, where no run and no strategy holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from activeloop.rng import rng
from activeloop.store.cache import Cache, content, key_of
from activeloop.types import Labels, Loaded, Noted

Reference: TypeAlias = Callable[[str], NDArray[np.float64]]  # "features": [N, D], or "probs": [N, C]
COMPONENTS = 64  # as many as digits have pixels; a linear model on more of them learns little more about MNIST
FOLDS, MOST = 5, 10_000  # rows that a fold is fitted to: more make it slower, and hardly surer
DOUBT = 1e-6  # left to every class, so that any rate of errors can be reached
FORMAT = 1  # raise when equal inputs and truth give other predictions


def computed(data: Loaded, keep: Path, cache: Path | None) -> Reference:
    """Principal components of the inputs; out-of-fold predictions of a logistic regression fitted to the truth.

    keep: folder for the predictions, outside the reach of runs.    cache: of features, which tell nothing of the truth.
    """

    def give(what: str) -> NDArray[np.float64]:
        features = _components(data, cache)
        return features if what == "features" else _predictions(features, data, keep)

    return give


def stand_in(data: Loaded) -> Reference:
    """Of the right shapes and computed from nothing: to refuse what noise cannot be before anything takes time."""
    shapes = {"features": (len(data.data), 1), "probs": (len(data.data), len(data.data.classes))}
    return lambda what: np.full(shapes[what], 1 / shapes[what][1])


def _components(data: Loaded, cache: Path | None) -> NDArray[np.float64]:
    """[N, D], centred, of squared norm D on average."""
    from activeloop.features import with_features

    bare = Loaded(replace(data.data, features=None))
    dimensions = min(COMPONENTS, bare.data.inputs[:1].numel(), len(bare.data))
    found = with_features(bare, "pca", {"dimensions": dimensions}, cache=cache).data.features
    assert found is not None
    features: NDArray[np.float64] = found.numpy().astype(np.float64)
    features *= np.sqrt(dimensions / np.square(features).sum(axis=1).mean())
    return features


def _predictions(features: NDArray[np.float64], data: Loaded, keep: Path) -> NDArray[np.float64]:
    import torch

    assert data.truth is not None
    cache = Cache(keep)
    key = key_of(
        {
            "format": FORMAT,
            "features": content(torch.from_numpy(features)),
            "truth": content(torch.from_numpy(data.truth)),
            "classes": len(data.data.classes),
        }
    )
    with cache.alone(key):
        found = cache.recall(key)
        if found is None:
            probs = out_of_fold(features, data.truth, len(data.data.classes))
            found = Noted(torch.from_numpy(probs), {})
            cache.keep(key, found)
    return np.asarray(found.value)


def out_of_fold(features: NDArray[np.float64], labels: Labels, classes: int) -> NDArray[np.float64]:
    """Probabilities of logistic regressions, for each row of one that was not fitted to its label.

    features: [N, D].    labels: [N]; rows below 0 are fitted to nothing, and get even probabilities.
    returns:  [N, C], every class with some probability.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    probs = np.full((len(labels), classes), 1 / classes)
    known = rng(0, 0, "out of fold").permutation(np.flatnonzero(labels >= 0))
    folds = np.array_split(known, min(FOLDS, max(1, len(known))))
    with threadpool_limits(1):  # sums change with the number of threads
        for at, rows in enumerate(folds):
            others = np.concatenate([fold for number, fold in enumerate(folds) if number != at] or [rows[:0]])[:MOST]
            present = np.unique(labels[others])
            if len(present) > 1:
                model = LogisticRegression(max_iter=200).fit(features[others], labels[others])
                probs[rows] = 0.0
                probs[np.ix_(rows, model.classes_)] = model.predict_proba(features[rows])
    probs = probs + DOUBT
    found: NDArray[np.float64] = probs / probs.sum(axis=1, keepdims=True)
    return found
