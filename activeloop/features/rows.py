"""Inputs as sources of features need them: checked, flattened, or as pixels between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from activeloop.data.scratch import CHUNK_BYTES, unnamed_map
from activeloop.errors import BadScores, ConfigError
from activeloop.types import Data

LOOKED_AT = 1000  # rows that tell the range of the pixels
USUAL = (1.0, 255.0)  # what white is in nearly every set of images


def parts(inputs: Tensor) -> Iterator[slice]:
    """Slices that cover the rows in order, so that one as float32 takes about CHUNK_BYTES."""
    step = max(1, CHUNK_BYTES // max(1, 4 * inputs[:1].numel()))
    for start in range(0, len(inputs), step):
        yield slice(start, min(start + step, len(inputs)))


def refuse_nan(inputs: Tensor, what: str) -> None:
    """Reads floating inputs once. raises: BadScores counting the rows that are nan or infinite."""
    if not inputs.is_floating_point():
        return
    bad = [~torch.isfinite(inputs[part]).flatten(1).all(dim=1) for part in parts(inputs)]
    at = torch.cat(bad).nonzero().flatten()
    if len(at):
        raise BadScores(
            f"{len(at):,} of {len(inputs):,} {what} are nan or infinite; the first is row {int(at[0])}."
            " Repair or drop those rows."
        )


def flattened(inputs: Tensor, scratch: Path) -> Tensor:
    """[N, D] float32, the values as they are; no copy of float32 rows, and an unnamed memory map for many others."""
    if inputs.dim() == 2 and inputs.dtype == torch.float32:
        return inputs
    shape = (len(inputs), inputs[0].numel())
    if inputs.device.type != "cpu" or shape[0] * shape[1] * 4 <= 8 * CHUNK_BYTES:
        return inputs.flatten(1).float()
    made = torch.from_numpy(unnamed_map(scratch, shape, np.float32))
    for part in parts(inputs):
        made[part] = inputs[part].flatten(1)
    return made


def check_images(data: Data, least: int, source: str) -> tuple[int, int, int]:
    """Channels, height and width of one input. raises: ConfigError for features, or images smaller than `least`."""
    shape = tuple(data.inputs.shape[1:])
    if len(shape) != 3 or min(shape[1:]) < least:
        raise ConfigError(
            f"features {source!r} take images [channels, H, W] of at least {least} x {least}, and one input here is"
            f" {list(shape)}. For inputs that are features already use 'pixels' or 'pca'."
        )
    return shape[0], shape[1], shape[2]


@dataclass(frozen=True)
class Span:
    """Black and white, in the units of the inputs."""

    low: float
    high: float

    def unit(self, inputs: Tensor) -> Tensor:
        """[0, 1] float32."""
        return ((inputs.float() - self.low) / (self.high - self.low)).clamp(0, 1)

    def back(self, pixels: Tensor) -> Tensor:
        return pixels * (self.high - self.low) + self.low


def span(data: Data) -> Span:
    """0 to 1, or 0 to 255, where the pool looks like it; else from its lowest to its highest value: digits end at 16."""
    some = data.inputs[:: max(1, len(data) // LOOKED_AT)].float()
    low, high = float(some.min()), float(some.max())
    for white in USUAL:
        if low >= 0 and white / 2 < high <= white and (white > 1 or data.inputs.is_floating_point()):
            return Span(0.0, white)
    low = min(low, 0.0)
    return Span(low, high if high > low else low + 1)
