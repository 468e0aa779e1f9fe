"""The seeding of k-means, as a selector of its own."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from activeloop.errors import BadScores
from activeloop.geometry.clusters import warn_of_repeats
from activeloop.geometry.neighbours import refuse_nan
from activeloop.geometry.plus_plus import spread
from activeloop.types import OPEN


def k_means_plus_plus(features: Tensor, labels: Tensor, n: int, rng: Generator) -> Tensor:
    """Rows drawn one after another, the likelier the farther they lie from all chosen ones.

    Between `random` and `k-center`: it spreads out, and where rows are many it goes more often, so that outliers draw it less.
    Labelled rows count as chosen.

    features: [m, D], Euclidean, finite.    labels: [m], -1 open, -2 skipped.
    returns:  [n] positions, in the order picked.
    cost:     a product of all rows with one for each labelled row and each pick, 2 m D operations.
    raises:   BadScores for nan and for n.
    source:   Arthur & Vassilvitskii 2007, "k-means++: The Advantages of Careful Seeding".
    """
    refuse_nan(features)
    free = (labels == OPEN).cpu().numpy()
    if not 0 <= n <= free.sum():
        raise BadScores(f"{n:,} picks were asked for, but {int(free.sum()):,} rows are open: ask for 0 to that many.")
    points = features.flatten(1).float()
    points = points - points.mean(dim=0)  # products of centred rows lose fewer digits
    squares = points.square().sum(dim=1)

    def apart(at: int) -> NDArray[np.float64]:
        found = (squares + squares[at] - 2 * (points @ points[at])).clamp_(min=0)
        found[at] = 0
        told: NDArray[np.float64] = found.double().cpu().numpy()
        return told

    picks = torch.from_numpy(spread(apart, free, (labels >= 0).nonzero().flatten().tolist(), n, rng))
    warn_of_repeats(features, labels, picks)
    return picks
