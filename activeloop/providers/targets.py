"""Rows whose predictions are what matters."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.rng import rng
from activeloop.types import Data, Model, Rows


def targets(samples: Tensor, model: Model, data: Data, seed: int, *, count: int = 100) -> Tensor:
    """Stochastic passes over rows drawn evenly from the whole pool, by the very networks that `samples` are from.

    count:   rows drawn, the same for all rows that are scored in a round.
    returns: [count, K, C], or all rows where they are fewer.
    """
    return model.samples(drawn(data, seed, count), samples.shape[1], seed)


def drawn(data: Data, seed: int, count: int) -> Rows:
    """So many rows, ascending, or all where they are fewer. raises: ConfigError."""
    if count < 1:
        raise ConfigError(f"{count} target rows were asked for; evidence.targets.count must be 1 or more.")
    return np.sort(rng(seed, 0, "targets").choice(len(data), min(count, len(data)), replace=False))
