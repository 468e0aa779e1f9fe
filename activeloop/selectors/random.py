"""Uniform draws."""

from __future__ import annotations

import torch
from numpy.random import Generator
from torch import Tensor

from activeloop.types import Rows


def random(rows: Rows, n: int, rng: Generator) -> Tensor:
    """Rows drawn uniformly without replacement: the baseline, which looks at no model and no input.

    rows:    [m], dataset ids.
    returns: [n] positions.
    source:  simple random sampling, Cochran 1977, "Sampling Techniques", chapter 2.
    """
    return torch.from_numpy(rng.permutation(len(rows))[:n].copy())
