"""Rows whose predictions are what matters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.rng import rng
from activeloop.types import Data, Rows


def targets(sampler: Callable[[Rows], Tensor], data: Data, seed: int, *, count: int = 100) -> Tensor:
    """Samples of rows drawn evenly from the whole pool, by the very networks that `samples` are from, whoever gives those.

    count:   rows drawn, the same for all rows that are scored in a round.
    returns: [count, K, C], or all rows where they are fewer.
    raises:  ConfigError.
    """
    if count < 1:
        raise ConfigError(f"{count} target rows were asked for; evidence.targets.count must be 1 or more.")
    rows = rng(seed, 0, "targets").choice(len(data), min(count, len(data)), replace=False)
    return sampler(np.sort(rows))
