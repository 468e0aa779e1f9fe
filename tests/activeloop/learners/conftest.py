"""Tiny data: clouds of points, and stripes as images. Nets and modules that a user may bring live in the tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from activeloop.types import OPEN, Data, Labels

CLASSES = ("a", "b", "c")


def made(inputs: torch.Tensor) -> Data:
    shape = (1, 1, 1) if inputs.dim() == 4 else (1,)
    return Data(inputs, CLASSES, torch.zeros(shape), torch.ones(shape))


@pytest.fixture(scope="session")
def truth() -> Labels:
    """[120], a third of each class."""
    return np.arange(120) % 3


@pytest.fixture(scope="session")
def blobs(truth: Labels) -> Data:
    """[120, 4] float32: three clouds that a line separates well."""
    chance = torch.Generator().manual_seed(0)
    centres = 2 * torch.eye(4)[:3]
    return made(centres[torch.from_numpy(truth)] + torch.randn(120, 4, generator=chance))


@pytest.fixture(scope="session")
def images(truth: Labels) -> Data:
    """[120, 1, 8, 8] uint8: noise with one bright row of pixels, higher or lower by class."""
    chance = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 120, (120, 1, 8, 8), generator=chance, dtype=torch.uint8)
    pixels[torch.arange(120), 0, 2 * torch.from_numpy(truth) + 1] = 255
    return replace(made(pixels), mean=torch.full((1, 1, 1), 80.0), std=torch.full((1, 1, 1), 60.0))


@pytest.fixture
def some(truth: Labels) -> Labels:
    """[120], the first 40 labelled."""
    labels = np.full(120, OPEN)
    labels[:40] = truth[:40]
    return labels
