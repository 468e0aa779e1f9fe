"""What two views of the same rows are trained on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, normalize

INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0  # arXiv:2105.04906, section 4.2
STEADY = 1e-4  # under the root, as there


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """How badly each view finds its other view among all views of the batch; nats.

    Low where two views of a row are alike and those of different rows are not.

    first, second: [n, D], views of the same rows in the same order.
    source: arXiv:2002.05709, eq. 1; cosine similarity, a view is never compared with itself.
    """
    views = normalize(torch.cat([first, second]).float(), dim=1)
    alike = views @ views.T / temperature
    alike.fill_diagonal_(-torch.inf)
    n = len(first)
    other = torch.arange(2 * n, device=views.device).roll(n)
    return cross_entropy(alike, other)


def vicreg(first: Tensor, second: Tensor) -> Tensor:
    """Distance of the two views, plus what is missing to a deviation of 1 per dimension, plus how far dimensions agree.

    The last two keep all rows from the same point, and dimensions from saying the same.

    first, second: [n, D], views of the same rows in the same order, n of 2 or more.
    source: arXiv:2105.04906, eq. 6 with the coefficients 25, 25 and 1; the two variance terms are averaged, as its code
    does, where eq. 6 adds them; the covariance terms are added.
    """
    first, second = first.float(), second.float()
    spread = (_too_narrow(first) + _too_narrow(second)) / 2
    return (
        INVARIANCE * mse_loss(first, second) + VARIANCE * spread + COVARIANCE * (_redundant(first) + _redundant(second))
    )


def _too_narrow(views: Tensor) -> Tensor:
    return (1 - (views.var(dim=0) + STEADY).sqrt()).relu().mean()


def _redundant(views: Tensor) -> Tensor:
    centred = views - views.mean(dim=0)
    covariance = centred.T @ centred / (len(views) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / views.shape[1]
