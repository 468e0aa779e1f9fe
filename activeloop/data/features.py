"""Features that a team computed itself, beside the inputs or in their place."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from activeloop.data.arrays import read_features
from activeloop.data.raw import Raw
from activeloop.errors import ConfigError


def attach(raw: Raw, path: Path, scratch: Path) -> Raw:
    """The source with the features in `path` beside its inputs: selectors see them, the learner the inputs.

    path: .npy [N, D], or with a test set [N + rows of the test set, D], the pool's first.    raises: ConfigError.
    """
    features, n = read_features(path, scratch), len(raw.pool)
    if len(features) not in _lengths(raw):
        raise ConfigError(f"{path} holds {len(features):,} rows; allowed is {_allowed(raw)}, in the order of the rows.")
    return replace(raw, pool=replace(raw.pool, features=features[:n]))


def put_in_place(raw: Raw, path: Path, scratch: Path) -> Raw:
    """The source with the features in `path` as its inputs: selectors and the learner see them alone.

    path: as in `attach`. Where the test set's are missing it is given up, with a warning, for one held out of the pool.
    raises: ConfigError.
    """
    features, n = read_features(path, scratch), len(raw.pool)
    pool = replace(raw.pool, inputs=features[:n])
    if raw.test is not None and len(features) == n + len(raw.test):
        return replace(raw, pool=pool, test=replace(raw.test, inputs=features[n:]))
    if len(features) != n:
        raise ConfigError(f"{path} holds {len(features):,} rows; allowed is {_allowed(raw)}, in the order of the rows.")
    if raw.test is None:
        return replace(raw, pool=pool)
    if raw.pool.labels is None:
        raise ConfigError(
            f"{path} holds features of the pool's {n:,} rows and none of the test set's, without which it cannot be"
            f" used; allowed is {_allowed(raw)}, the pool first."
        )
    warnings.warn(
        f"{path} holds no features of the test set, so it is left out and a part of the pool is held out instead;"
        f" to keep it, save {_allowed(raw)}, the pool first.",
        stacklevel=3,
    )
    return replace(raw, pool=pool, test=None)


def _lengths(raw: Raw) -> tuple[int, ...]:
    n = len(raw.pool)
    return (n,) if raw.test is None else (n, n + len(raw.test))


def _allowed(raw: Raw) -> str:
    n = len(raw.pool)
    return f"{n:,} rows" if raw.test is None else f"{n:,} + {len(raw.test):,} = {n + len(raw.test):,} rows"
