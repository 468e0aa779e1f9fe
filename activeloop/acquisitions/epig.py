"""Information about the predictions that matter, rather than about the weights."""

from __future__ import annotations

import torch
from torch import Tensor

from activeloop.acquisitions.uncertainty import entropy

JOINTS = 1 << 18  # joint probabilities held at a time: 2 MB, which a cache holds


def epig(samples: Tensor, targets: Tensor) -> Tensor:
    """How much a row's label would say about the labels of other rows, drawn from the pool: expected predictive information.

    `bald` counts everything that a label says about the weights, of outliers too that no prediction needs; here only what
    moves the predictions of the pool counts. Prefer it where the pool is messy and the test set looks like its bulk.

    samples: [n, K, C].    targets: [T, K, C], of rows drawn from the pool, by the same K passes.
    returns: [n], float64, nats, in [0, log C].
    cost:    2 n T K C² operations.
    source:  Bickford Smith et al. 2023, arXiv:2304.08151, equation 5.
    """
    passes, classes = samples.shape[1:]
    among = targets.double().transpose(0, 1).reshape(passes, -1)  # [K, T C]
    certain = entropy(targets.double().mean(dim=1)).mean()
    step = max(1, JOINTS // (classes * among.shape[1]))
    found = [_of(part.double(), among, len(targets)) for part in torch.split(samples, step)]
    return (torch.cat(found) + certain).clamp(min=0)  # never negative but by rounding


def _of(samples: Tensor, among: Tensor, targets: int) -> Tensor:
    """[n], entropy of the row's label less that of it and a target's together, averaged over targets."""
    n, passes, classes = samples.shape
    joint = samples.transpose(1, 2).reshape(n * classes, passes) @ among / passes
    return entropy(samples.mean(dim=1)) - entropy(joint.view(n, -1)) / targets
