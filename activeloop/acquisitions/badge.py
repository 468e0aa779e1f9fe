"""Batches that are unsure and unlike one another, by the gradients that rows would give."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.errors import BadScores
from activeloop.geometry.plus_plus import spread


def badge(probs: Tensor, embeddings: Tensor, n: int, rng: Generator) -> Tensor:
    """Rows whose gradients are long and point elsewhere: k-means++ over the last layer's gradients.

    The gradient, were the prediction the label, is g = (p - e) ⊗ h: long where the model is unsure, alike where inputs are.
    The first pick is the longest; each later one is drawn in proportion to the squared distance to the nearest pick, so
    the batch trades doubt for variety with no setting to tune. A row is picked once; where none but duplicates of picks are
    left, they are drawn evenly.

    probs:      [m, C].    embeddings: [m, D].
    returns:    [n] positions, in the order picked.
    cost:       two products with m rows a pick, 2 m (C + D) n operations; distances factorise, so m × C D is never built.
    raises:     BadScores for n and for nan.
    source:     Ash et al. 2020, arXiv:1906.03671, algorithm 1.
    """
    rows = len(probs)
    if not 0 <= n <= rows:
        raise BadScores(f"{n:,} picks were asked for, but {rows:,} rows are open: ask for 0 to {rows:,}.")
    error = probs.float() - one_hot(probs.argmax(dim=1), probs.shape[1])
    hidden = embeddings.float()
    squares = error.square().sum(dim=1) * hidden.square().sum(dim=1)
    bad = (~squares.isfinite()).nonzero().flatten()
    if len(bad):
        raise BadScores(
            f"{len(bad):,} of {rows:,} rows have a nan or an infinity in their probabilities or embeddings; the first is at"
            f" position {int(bad[0])}. Repair or drop those rows; a diverged model is the usual cause."
        )

    def apart(at: int) -> NDArray[np.float64]:
        product = (error @ error[at]) * (hidden @ hidden[at])
        found: NDArray[np.float64] = (squares + squares[at] - 2 * product).clamp_(min=0).double().cpu().numpy()
        return found

    if n == 0:
        return torch.empty(0, dtype=torch.int64)
    first = _longest(squares, rng)
    others = spread(apart, np.arange(rows) != first, [first], n - 1, rng)
    return torch.from_numpy(np.concatenate([[first], others]))


def _longest(squares: Tensor, rng: Generator) -> int:
    """Of equally long ones any."""
    longest = (squares == squares.max()).nonzero().flatten().cpu().numpy()
    return int(rng.choice(longest))
