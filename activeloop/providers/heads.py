"""Many cluster heads as one stacked set of parameters, so that a step costs a handful of operations, not one per head.

The stack computes what separate heads would, up to rounding: no operation mixes heads. Columns are rows of the pool
throughout ([heads, width, n]), since a softmax over few classes is fast across memory and slow along it.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import gelu, normalize

HIDDEN, BOTTLENECK = 512, 256  # arXiv:2303.17896, the code's defaults
SHORTEST = 1e-12  # a zero vector has no direction, and gets equal logits
SPREAD = 0.02  # standard deviation of initial weights; the code truncates at 2, a hundred of these


class Cosines(nn.Module):
    """The last layer: gain times the cosine between an input at unit length and each class's direction.

    direction: [H, C, width], weight-normalised row by row.    gain: [H, C, 1], 1 at first, trained.
    """

    def __init__(self, heads: int, width: int, classes: int, generator: Generator) -> None:
        super().__init__()
        self.direction = nn.Parameter(_normal(heads, classes, width, generator=generator))
        self.gain = nn.Parameter(torch.ones(heads, classes, 1))

    def weight(self) -> Tensor:
        return normalize(self.direction, dim=2) * self.gain


class MlpHeads(nn.Module):
    """Linear, GELU, linear, unit length, cosines: the head of TEMI, `heads` times."""

    def __init__(self, heads: int, width: int, classes: int, generator: Generator) -> None:
        super().__init__()
        self.heads, self.classes = heads, classes
        self.first = nn.Parameter(_normal(heads * HIDDEN, width, generator=generator))
        self.first_bias = nn.Parameter(torch.zeros(heads * HIDDEN, 1))
        self.second = nn.Parameter(_normal(heads, BOTTLENECK, HIDDEN, generator=generator))
        self.second_bias = nn.Parameter(torch.zeros(heads, BOTTLENECK, 1))
        self.last = Cosines(heads, BOTTLENECK, classes, generator)

    def forward(self, x: Tensor) -> Tensor:
        """[n, D] -> logits [H, C, n]: one product for the first layer of all heads, a batched one for each other."""
        hidden = gelu(torch.addmm(self.first_bias, self.first, x.T)).view(self.heads, HIDDEN, -1)
        narrow = torch.baddbmm(self.second_bias, self.second, hidden)
        length = torch.linalg.vector_norm(narrow, dim=1, keepdim=True).clamp_min(SHORTEST)
        return torch.bmm(self.last.weight(), narrow).div(length)  # C quotients a row, where unit length first needs 256

    def biases(self) -> list[nn.Parameter]:
        return [self.first_bias, self.second_bias]

    def frozen_at_first(self) -> list[nn.Parameter]:
        """What the first epoch leaves alone."""
        return list(self.last.parameters())


class LinearHeads(nn.Module):
    """Cosines alone, on the centred rows at unit length: some 70 times less arithmetic, and no layer to freeze.

    middle: [D], subtracted first: without a bias of its own, a head could not look past what all rows share.
    """

    middle: Tensor

    def __init__(self, heads: int, middle: Tensor, classes: int, generator: Generator) -> None:
        super().__init__()
        self.heads, self.classes = heads, classes
        self.register_buffer("middle", middle)
        self.last = Cosines(heads, len(middle), classes, generator)

    def forward(self, x: Tensor) -> Tensor:
        """[n, D] -> logits [H, C, n]: one product for all heads."""
        unit = normalize(x - self.middle, dim=1)
        return (self.last.weight().flatten(0, 1) @ unit.T).view(self.heads, self.classes, -1)

    def biases(self) -> list[nn.Parameter]:
        return []

    def frozen_at_first(self) -> list[nn.Parameter]:
        return []


def _normal(*shape: int, generator: Generator) -> Tensor:
    return torch.randn(*shape, generator=generator) * SPREAD
