"""Nets that learn features from a pool alone: a convolutional one that fits itself to the image, and a plain one."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

LEAST = 4  # pixels a side, of the smallest image and of the last map before it is pooled
LARGE = 64  # from here on the first convolution halves the image already


def halvings(height: int, width: int) -> int:
    """How often both sides are halved until the longer one is LEAST or less: 28 and 32 thrice, 8 once."""
    return max(0, math.ceil(math.log2(max(height, width) / LEAST)))


def trunk(shape: tuple[int, ...], width: int, dimensions: int) -> nn.Sequential:
    """Images [n, channels, H, W] -> maps [n, dimensions, h, w] with sides of at most LEAST.

    3 x 3 convolutions with batch normalisation; channels double where the image is halved. On two cores this shape, with
    a second convolution at each middle size, gave the best neighbours for its time among five that were tried.
    """
    channels, height, across = shape
    left = halvings(height, across)
    stem = 2 if max(height, across) >= LARGE else 1
    layers = _conv(channels, width, stem)
    left -= stem - 1
    here = width
    for at in range(left):
        last = at == left - 1
        wider = dimensions if last else min(2 * here, dimensions)
        layers += _conv(here, wider, 2)
        if not last:
            layers += _conv(wider, wider, 1)
        here = wider
    if left == 0:
        layers += _conv(here, dimensions, 1)
    return nn.Sequential(*layers)


def image_encoder(shape: tuple[int, ...], width: int, dimensions: int) -> nn.Module:
    """Images -> [n, dimensions], the mean over the last map, so that a shift of the image changes little."""
    return nn.Sequential(trunk(shape, width, dimensions), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def plain_encoder(inputs: int, width: int, dimensions: int) -> nn.Module:
    """[n, inputs] -> [n, dimensions] by two layers of 16 times `width`."""
    hidden = 16 * width
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
        nn.Linear(hidden, dimensions),
    )  # fmt: skip


def projector(dimensions: int, hidden: int, out: int) -> nn.Module:
    """What the loss sees, and nobody after training: it takes up what the views differ in."""
    return nn.Sequential(
        nn.Linear(dimensions, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, out)
    )


class ImageDecoder(nn.Module):
    """Codes [n, dimensions] -> images: the mirror of `trunk`, by nearest-neighbour enlarging and convolutions."""

    def __init__(self, shape: tuple[int, ...], width: int, dimensions: int) -> None:
        super().__init__()
        channels, height, across = shape
        count = halvings(height, across)
        self.sizes = [(math.ceil(height / 2**at), math.ceil(across / 2**at)) for at in range(count, -1, -1)]
        widths = [width * 2**at for at in range(count, -1, -1)]
        self.first = (widths[0], *self.sizes[0])
        self.start = nn.Linear(dimensions, math.prod(self.first))
        steps = pairwise(widths)
        self.steps = nn.ModuleList(nn.Sequential(*_conv(before, after, 1)) for before, after in steps)
        self.out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, codes: Tensor) -> Tensor:
        maps = self.start(codes).relu().unflatten(1, self.first)
        for size, step in zip(self.sizes[1:], self.steps, strict=True):
            maps = step(functional.interpolate(maps, size=size))
        images: Tensor = self.out(maps)
        return images


def _conv(before: int, after: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
