"""Two looks at the same rows: random crops, turns, flips and colours of a whole batch at once, on its device.

Chance comes from a torch generator on the CPU, a few numbers a row, so that every device sees the same views.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Generator, Tensor
from torch.nn import functional

View: TypeAlias = Callable[[Tensor, Generator], Tensor]  # a batch and its chance -> a batch of the same shape

COLOUR_LEAST, GREY_LEAST, GREY_TURN = 0.2, 0.4, 15.0  # the last in degrees: strokes lean, photographs rarely do
NOISE, HOLES = 0.3, 0.3
CHANGED = 0.8  # chance that an image gets other colours, as in the paper
TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))  # NTSC: brightness, and two of hue


def crop(
    images: Tensor, generator: Generator, *, least: float = 0.2, turn: float = 0.0, stretch: float = 4 / 3
) -> Tensor:
    """Each image cut at random to `least` … 1 of its area, and scaled back to its size; borders repeat.

    images:  [n, channels, H, W].    turn: degrees, at most.    stretch: height against width, at most.
    source:  the random resized crop of arXiv:2002.05709, appendix A, by bilinear sampling.
    """
    n = len(images)
    area, aspect, angle, left, top = _uniform(5, n, generator, images)
    side = (least + (1 - least) * area).sqrt()
    wide = (side * torch.exp((2 * aspect - 1) * math.log(stretch) / 2)).clamp(max=1)
    high = (side**2 / wide).clamp(max=1)
    angle = (2 * angle - 1) * math.radians(turn)
    cos, sin = angle.cos(), angle.sin()
    across = torch.stack([wide * cos, -high * sin, (2 * left - 1) * (1 - wide)], dim=1)
    down = torch.stack([wide * sin, high * cos, (2 * top - 1) * (1 - high)], dim=1)
    grid = functional.affine_grid(torch.stack([across, down], dim=1), list(images.shape), align_corners=False)
    cut: Tensor = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return cut


def recolour(images: Tensor, generator: Generator, *, strength: float = 0.4, grey: float = 0.2) -> Tensor:
    """Brightness, contrast and, where there are three channels, saturation and hue, each changed at random.

    images:   [n, channels, H, W] in [0, 1].    strength: 0 changes nothing; hue turns by a quarter of it.
    grey:     chance that an image loses its colours.
    source:   arXiv:2002.05709, appendix A; hue is turned in YIQ, one 3 x 3 matrix an image, instead of in HSV.
    """
    n, channels = images.shape[:2]
    bright, contrast, saturation, hue, applied, greyed = _uniform(6, n, generator, images)
    bright, contrast, saturation = (1 + strength * (2 * each - 1) for each in (bright, contrast, saturation))
    changed = images
    if channels == 3:
        saturation = torch.where(greyed < grey, torch.zeros_like(saturation), saturation)
        changed = torch.einsum("nij,njhw->nihw", _turned(saturation, (2 * hue - 1) * strength / 4), images)
    middle = changed.mean(dim=(1, 2, 3), keepdim=True)
    changed = ((changed - middle) * _each(contrast) + middle) * _each(bright)
    return torch.where(_each(applied) < CHANGED, changed, images).clamp(0, 1)


def erase(images: Tensor, generator: Generator, *, side: float = 0.4) -> Tensor:
    """Each image with a rectangle of up to `side` of its height and width set to its mean (arXiv:1708.04552)."""
    n, _, height, width = images.shape
    top, left, high, wide = _uniform(4, n, generator, images)
    rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    down = _inside(rows / height, top, high * side)
    across = _inside(columns / width, left, wide * side)
    hidden = down[:, None, :, None] & across[:, None, None, :]
    return torch.where(hidden, images.mean(dim=(1, 2, 3), keepdim=True), images)


def flip(images: Tensor, generator: Generator) -> Tensor:
    """Each image mirrored left to right with probability 1/2; `data.augment.flip`, but with chance on the CPU."""
    (coins,) = _uniform(1, len(images), generator, images)
    return torch.where(_each(coins) < 0.5, images.flip(3), images)


def mask(rows: Tensor, generator: Generator, *, share: float) -> Tensor:
    """Each value set to 0 with probability `share`; rows are normalised, so 0 is the mean."""
    return rows * (torch.rand(rows.shape, generator=generator) >= share).to(rows)


def image(pixels: Tensor, generator: Generator, *, colour: bool, least: float, mirrored: bool) -> Tensor:
    """One view of images in [0, 1]. least: share of the image that a cut keeps; 0 is COLOUR_LEAST or GREY_LEAST."""
    least = least or (COLOUR_LEAST if colour else GREY_LEAST)
    seen = crop(pixels, generator, least=least, turn=0 if colour else GREY_TURN)
    if mirrored:
        seen = flip(seen, generator)
    return recolour(seen, generator)


def features(rows: Tensor, mean: Tensor, std: Tensor, generator: Generator) -> Tensor:
    """One view of features [n, D], in their own units: noise of NOISE deviations, and a share of HOLES set to the mean."""
    scaled = (rows.to(mean.device).float() - mean) / std
    scaled = scaled + NOISE * torch.randn(scaled.shape, generator=generator).to(scaled)
    return mask(scaled, generator, share=HOLES) * std + mean


def _inside(at: Tensor, start: Tensor, length: Tensor) -> Tensor:
    first = start * (1 - length)
    return (at >= first[:, None]) & (at < (first + length)[:, None])


def _turned(saturation: Tensor, hue: Tensor) -> Tensor:
    """[n, 3, 3], what RGB is multiplied by."""
    to = torch.tensor(TO_YIQ, device=hue.device)
    cos, sin = saturation * torch.cos(2 * math.pi * hue), saturation * torch.sin(2 * math.pi * hue)
    inner = torch.zeros(len(hue), 3, 3, device=hue.device)
    inner[:, 0, 0] = 1
    inner[:, 1, 1], inner[:, 1, 2], inner[:, 2, 1], inner[:, 2, 2] = cos, -sin, sin, cos
    turned: Tensor = torch.linalg.inv(to) @ inner @ to
    return turned


def _uniform(count: int, n: int, generator: Generator, like: Tensor) -> tuple[Tensor, ...]:
    return tuple(torch.rand(count, n, generator=generator).to(like))


def _each(values: Tensor) -> Tensor:
    return values[:, None, None, None]
