"""Random crops and flips of a whole batch at once, on its device, from a torch generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from activeloop.errors import UnknownName, nearest


def crop(images: Tensor, generator: Generator) -> Tensor:
    """Each image shifted by up to an eighth of its side, in both directions; what comes in is 0.

    That is padding by 4 and cropping for 32 x 32 images. Images are not normalised yet, so 0 is black.

    images: [n, channels, H, W].    returns: the same shape.
    """
    n, _, height, width = images.shape
    pad = max(1, min(height, width) // 8)
    windows = functional.pad(images, (pad, pad, pad, pad)).unfold(2, height, 1).unfold(3, width, 1)  # a view
    top, left = torch.randint(2 * pad + 1, (2, n), generator=generator, device=generator.device).to(images.device)
    return windows[torch.arange(n, device=images.device), :, top, left]


def flip(images: Tensor, generator: Generator) -> Tensor:
    """Each image mirrored left to right with probability 1/2. images: [n, channels, H, W]."""
    coins = torch.rand(len(images), generator=generator, device=generator.device).to(images.device) < 0.5
    return torch.where(coins[:, None, None, None], images.flip(3), images)


STEPS = {"crop": crop, "flip": flip}


@dataclass(frozen=True)
class Chain:
    """Augmentations one after the other; a value, so that it can be sent to another process."""

    names: tuple[str, ...]

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        for name in self.names:
            images = STEPS[name](images, generator)
        return images


def chain(names: Sequence[str]) -> Chain:
    """The named augmentations in this order. raises: UnknownName."""
    for name in names:
        if name not in STEPS:
            raise UnknownName(f"no augmentation is called {name!r}{nearest(name, STEPS)} Allowed: {', '.join(STEPS)}.")
    return Chain(tuple(names))
