"""Batches that are unsure and unlike one another, by the gradients that rows would give."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.errors import BadScores


def badge(probs: Tensor, embeddings: Tensor, n: int, rng: Generator) -> Tensor:
    """Rows whose gradients are long and point elsewhere: k-means++ over the last layer's gradients.

    The gradient, were the prediction the label, is g = (p - e) ⊗ h: long where the model is unsure, alike where inputs are.
    The first pick is the longest; each later one is drawn in proportion to the squared distance to the nearest pick, so
    the batch trades doubt for variety with no setting to tune. A row is picked once; where none but duplicates of picks are
    left, they are drawn evenly.

    probs:      [m, C].    embeddings: [m, D].
    returns:    [n] positions, in the order picked.
    cost:       two products with m rows a pick, 2 m (C + D) n operations; distances factorise, so m × C D is never built.
    raises:     BadScores for n.
    source:     Ash et al. 2020, arXiv:1906.03671, algorithm 1.
    """
    rows = len(probs)
    if not 0 <= n <= rows:
        raise BadScores(f"{n:,} picks were asked for, but {rows:,} rows are open: ask for 0 to {rows:,}.")
    error = probs.float() - one_hot(probs.argmax(dim=1), probs.shape[1])
    hidden = embeddings.float()
    squares = error.square().sum(dim=1) * hidden.square().sum(dim=1)
    picks = np.empty(n, dtype=np.int64)
    reach = np.full(rows, np.inf)
    for turn in range(n):
        at = _longest(squares, rng) if turn == 0 else _drawn(reach, rng)
        picks[turn] = at
        product = (error @ error[at]) * (hidden @ hidden[at])
        apart = (squares + squares[at] - 2 * product).clamp_(min=0).double().cpu().numpy()
        np.minimum(reach, apart, out=reach)
        reach[at] = -1  # closed
    return torch.from_numpy(picks)


def _longest(squares: Tensor, rng: Generator) -> int:
    """Of equally long ones any."""
    longest = (squares == squares.max()).nonzero().flatten().cpu().numpy()
    return int(rng.choice(longest))


def _drawn(reach: NDArray[np.float64], rng: Generator) -> int:
    sums = np.cumsum(np.maximum(reach, 0))
    if sums[-1] == 0:
        return int(rng.choice(np.flatnonzero(reach >= 0)))
    return int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
