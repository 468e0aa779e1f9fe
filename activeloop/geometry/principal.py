"""Principal components: fewer columns that keep as much of the spread between rows as so many can."""

from __future__ import annotations

import torch
from torch import Tensor

from activeloop.errors import ConfigError

AT_ONCE = 1 << 22  # numbers in a temporary of rows: 16 MB


def principal(features: Tensor, dimensions: int) -> Tensor:
    """The rows, centred, in the coordinates along which they spread most; the widest first.

    Each axis points to where its largest coefficient is positive, so that signs do not depend on the solver.

    features: [m, D], finite.
    returns:  [m, dimensions] float32.
    cost:     m D² operations and D x D memory.
    raises:   ConfigError for more dimensions than there are columns.
    """
    width = features.shape[1]
    if not 1 <= dimensions <= width:
        raise ConfigError(f"dimensions is {dimensions}; features of {width} columns have 1 to {width} to reduce to.")
    parts = torch.split(features, max(1, AT_ONCE // width))
    mean = torch.stack([part.double().sum(dim=0) for part in parts]).sum(dim=0) / len(features)
    spread = torch.zeros(width, width, dtype=torch.float64, device=features.device)
    for part in parts:
        centred = (part - mean).float()
        spread += (centred.T @ centred).double()
    axes = torch.linalg.eigh(spread).eigenvectors[:, -dimensions:].flip(1)
    axes = axes * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
    return torch.cat([(part - mean).float() @ axes.float() for part in parts])
